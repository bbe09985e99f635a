//! The upstream of the measurements: answers every call with the same result, as cheaply as can be.

use std::convert::Infallible;
use std::io;

use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::process;

/// Serves until the process is ended. `size` is the length of the result's text in bytes.
pub(crate) async fn run(size: &str) -> io::Result<()> {
    let size: usize = size.parse().map_err(io::Error::other)?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    process::announce(listener.local_addr()?);
    let text = text_of(size);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let text = text.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let text = text.clone();
                async move { Ok::<_, Infallible>(answer(request, &text).await) }
            });
            let served = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
            drop(served);
        });
    }
}

/// Text that holds JSON, so with quotes to escape and some letters beyond ASCII.
fn text_of(size: usize) -> String {
    let unit = r#"{\"invoice\":\"in_1001\",\"état\":\"payé\",\"amount\":4800},"#;
    let mut text = String::with_capacity(size + unit.len());
    while text.len() < size {
        text.push_str(unit);
    }
    text
}

async fn answer(request: Request<Incoming>, text: &str) -> Response<Full<Bytes>> {
    let body = match request.into_body().collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => Bytes::new(),
    };
    let id = member(&body, b"\"id\":").unwrap_or(b"null");
    let modern = find(&body, b"io.modelcontextprotocol/protocolVersion").is_some();
    let mut out = Vec::with_capacity(text.len() + 256);
    if find(&body, b"\"tools/call\"").is_some() {
        out.extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"id\":");
        out.extend_from_slice(id);
        out.extend_from_slice(b",\"result\":{");
        if modern {
            out.extend_from_slice(b"\"resultType\":\"complete\",");
        }
        out.extend_from_slice(b"\"content\":[{\"type\":\"text\",\"text\":\"");
        out.extend_from_slice(text.as_bytes());
        out.extend_from_slice(b"\"}],\"isError\":false}}");
    } else {
        out.extend_from_slice(b"{}");
    }
    let mut response = Response::new(Full::new(out.into()));
    let json = header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// The scalar behind a member's name.
fn member<'a>(body: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let rest = body.get(find(body, name)? + name.len()..)?;
    let end = rest.iter().position(|b| matches!(b, b',' | b'}'))?;
    rest.get(..end)
}
