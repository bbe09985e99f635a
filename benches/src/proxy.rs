//! The floor: a bare pass-through proxy on the same libraries. It reads nothing of what it passes.

use std::io;

use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;

use crate::process;

/// Serves until the process is ended.
pub(crate) async fn run(target: &str) -> io::Result<()> {
    let authority: http::uri::Authority = target.parse().map_err(io::Error::other)?;
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client: Client<_, Incoming> = Client::builder(TokioExecutor::new()).build(connector);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    process::announce(listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let (client, authority) = (client.clone(), authority.clone());
        tokio::spawn(async move {
            let service =
                service_fn(move |request| pass(client.clone(), authority.clone(), request));
            let served = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
            drop(served);
        });
    }
}

async fn pass(
    client: Client<HttpConnector, Incoming>,
    authority: http::uri::Authority,
    mut request: Request<Incoming>,
) -> Result<Response<Incoming>, hyper_util::client::legacy::Error> {
    let uri = Uri::builder().scheme("http").authority(authority).path_and_query("/mcp").build();
    *request.uri_mut() = uri.unwrap_or_default();
    request.headers_mut().remove(http::header::HOST);
    client.request(request).await
}
