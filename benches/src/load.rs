//! The load: callers in a closed loop, or at a fixed rate. Every answer is looked at.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// What a caller sends.
#[derive(Clone)]
pub(crate) struct Shot {
    pub(crate) path: String,
    pub(crate) token: Option<String>,
    pub(crate) modern: bool,
}

/// What was measured of one load.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) calls: u64,
    pub(crate) wrong: u64,
    pub(crate) took: Duration,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
}

impl Figures {
    pub(crate) fn per_second(&self) -> f64 {
        self.calls as f64 / self.took.as_secs_f64()
    }
}

impl Shot {
    fn request(&self, number: u64) -> Request<Full<Bytes>> {
        let arguments = r#"{"payment":"pi_1001","amount":25.00,"currency":"eur","reason":"requested by customer"}"#;
        let (meta, version) = if self.modern {
            (
                r#","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#,
                "2026-07-28",
            )
        } else {
            ("", "2025-11-25")
        };
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":{number},"method":"tools/call","params":{{"name":"refund_payment","arguments":{arguments}{meta}}}}}"#
        );
        let mut builder = Request::post(&self.path)
            .header(header::HOST, "localhost")
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/json, text/event-stream")
            .header("mcp-protocol-version", version);
        if self.modern {
            builder =
                builder.header("mcp-method", "tools/call").header("mcp-name", "refund_payment");
        }
        if let Some(token) = &self.token {
            builder = builder.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        builder.body(Full::new(body.into())).unwrap_or_default()
    }
}

async fn connect(target: SocketAddr) -> io::Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(target).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    tokio::spawn(connection);
    Ok(sender)
}

/// One call; whether its answer was the right one.
async fn call(sender: &mut SendRequest<Full<Bytes>>, shot: &Shot, number: u64) -> io::Result<bool> {
    sender.ready().await.map_err(io::Error::other)?;
    let response = sender.send_request(shot.request(number)).await.map_err(io::Error::other)?;
    let status = response.status();
    let body = response.into_body().collect().await.map_err(io::Error::other)?.to_bytes();
    let expected = format!("\"id\":{number},\"result\":{{");
    let head = body.get(..body.len().min(64)).unwrap_or_default();
    let ours = head.windows(expected.len()).any(|window| window == expected.as_bytes());
    let tail = body.get(body.len().saturating_sub(20)..).unwrap_or_default();
    Ok(status == 200 && ours && tail.ends_with(b"\"isError\":false}}"))
}

/// Callers in a closed loop: each sends its next call when the last is answered.
pub(crate) async fn closed(
    target: SocketAddr,
    shot: &Shot,
    callers: usize,
    calls: u64,
) -> io::Result<Figures> {
    let shot = Arc::new(shot.clone());
    let each = calls / callers as u64;
    let started = Instant::now();
    let mut tasks = Vec::with_capacity(callers);
    for caller in 0..callers as u64 {
        let shot = shot.clone();
        tasks.push(tokio::spawn(async move {
            let mut sender = connect(target).await?;
            let mut times = Vec::with_capacity(each as usize);
            let mut wrong = 0;
            for call_number in 0..each {
                let sent = Instant::now();
                let right = call(&mut sender, &shot, caller * each + call_number).await?;
                times.push(sent.elapsed());
                wrong += u64::from(!right);
            }
            Ok::<_, io::Error>((times, wrong))
        }));
    }
    gather(tasks, started).await
}

/// Callers that together send so many calls a second, whatever the answers do.
pub(crate) async fn paced(
    target: SocketAddr,
    shot: &Shot,
    callers: u64,
    rate: u64,
    seconds: u64,
) -> io::Result<Figures> {
    let shot = Arc::new(shot.clone());
    let started = Instant::now();
    let mut tasks = Vec::new();
    for caller in 0..callers {
        let shot = shot.clone();
        tasks.push(tokio::spawn(async move {
            let mut sender = connect(target).await?;
            let gap = Duration::from_secs_f64(callers as f64 / rate as f64);
            let offset = gap.mul_f64(caller as f64 / callers as f64);
            let mut times = Vec::new();
            let mut wrong = 0;
            let each = rate * seconds / callers;
            for number in 0..each {
                let due = started + offset + gap.mul_f64(number as f64);
                tokio::time::sleep_until(due.into()).await;
                let sent = Instant::now();
                let right = call(&mut sender, &shot, caller * each + number).await?;
                times.push(sent.elapsed());
                wrong += u64::from(!right);
            }
            Ok::<_, io::Error>((times, wrong))
        }));
    }
    gather(tasks, started).await
}

type Caller = tokio::task::JoinHandle<io::Result<(Vec<Duration>, u64)>>;

async fn gather(tasks: Vec<Caller>, started: Instant) -> io::Result<Figures> {
    let mut all = Vec::new();
    let mut wrong = 0;
    for task in tasks {
        let (times, bad) = task.await.map_err(io::Error::other)??;
        all.extend(times);
        wrong += bad;
    }
    let took = started.elapsed();
    all.sort_unstable();
    let at = |share: f64| {
        let place = (all.len() as f64 * share) as usize;
        all.get(place.min(all.len().saturating_sub(1))).copied().unwrap_or_default()
    };
    Ok(Figures { calls: all.len() as u64, wrong, took, p50: at(0.5), p99: at(0.99) })
}
