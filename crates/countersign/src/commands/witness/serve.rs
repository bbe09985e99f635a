//! The witness's one route, over HTTP/1.1.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use audit::witness::{AddCheckpoint, Declined, REQUEST_BYTES_MAX};
use audit::{PublicKey, SigningKey};
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

use super::state::State;

/// The most connections at a time.
const CONNECTIONS_MAX: usize = 256;
/// How long a request may take to arrive.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the route needs.
pub(super) struct Server {
    logs: Vec<PublicKey>,
    key: SigningKey,
    /// One request is judged at a time: what it is judged by and what it leaves must be one step.
    state: Mutex<State>,
}

impl Server {
    pub(super) fn new(logs: Vec<PublicKey>, key: SigningKey, state: State) -> Self {
        Self { logs, key, state: Mutex::new(state) }
    }

    /// Judges a request, remembers, and only then signs.
    fn add_checkpoint(&self, body: &[u8]) -> Response<Full<Bytes>> {
        let request = match AddCheckpoint::parse(body) {
            Ok(request) => request,
            Err(declined) => return answer(declined),
        };
        let origin = request.origin();
        let mut logs = self.logs.iter().filter(|log| log.name() == origin).peekable();
        if logs.peek().is_none() {
            return answer(Declined::UnknownLog);
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = state.seen(origin);
        // A log may be followed under several keys, while it changes from one to the next.
        let mut judged = Err(Declined::NotSigned);
        for log in logs {
            judged = request.judge(log, &seen);
            if judged != Err(Declined::NotSigned) {
                break;
            }
        }
        let now = match judged {
            Ok(now) => now,
            Err(declined) => {
                tracing::warn!(%origin, code = status(&declined).as_u16(), "a checkpoint was not cosigned");
                return answer(declined);
            }
        };
        if now != seen
            && let Err(error) = state.keep(origin, now)
        {
            tracing::error!(error = %error.kind(), "the state file could not be written");
            return plain(StatusCode::INTERNAL_SERVER_ERROR, "the state could not be kept\n");
        }
        drop(state);
        let time = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        plain(StatusCode::OK, request.cosigned(&self.key, time))
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        if request.uri().path() != "/add-checkpoint" {
            return plain(StatusCode::NOT_FOUND, "the only route is POST /add-checkpoint\n");
        }
        if request.method() != Method::POST {
            let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "use POST\n");
            response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("POST"));
            return response;
        }
        let body = Limited::new(request.into_body(), REQUEST_BYTES_MAX).collect();
        match tokio::time::timeout(PATIENCE, body).await {
            Ok(Ok(body)) => self.add_checkpoint(&body.to_bytes()),
            Ok(Err(_)) => plain(StatusCode::PAYLOAD_TOO_LARGE, "the request is too long\n"),
            Err(_) => plain(StatusCode::REQUEST_TIMEOUT, "the request took too long\n"),
        }
    }
}

/// Serves until it is told to stop.
pub(super) async fn serve(
    listener: TcpListener,
    server: Arc<Server>,
    mut stop: watch::Receiver<bool>,
) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        let Ok((stream, _)) = accepted else {
            // Out of file descriptors, most likely: give the others time to end.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let Ok(place) = Arc::clone(&room).try_acquire_owned() else { continue };
        let server = Arc::clone(&server);
        tokio::spawn(async move {
            connection(stream, server).await;
            drop(place);
        });
    }
}

async fn connection(stream: TcpStream, server: Arc<Server>) {
    let service = service_fn(move |request| {
        let server = Arc::clone(&server);
        async move { Ok::<_, Infallible>(server.answer(request).await) }
    });
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(PATIENCE).max_headers(32);
    if let Err(error) = http.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "a connection ended early");
    }
}

const fn status(declined: &Declined) -> StatusCode {
    match declined {
        Declined::UnknownLog => StatusCode::NOT_FOUND,
        Declined::NotSigned => StatusCode::FORBIDDEN,
        Declined::Conflict { .. } => StatusCode::CONFLICT,
        Declined::NotConsistent => StatusCode::UNPROCESSABLE_ENTITY,
        _ => StatusCode::BAD_REQUEST,
    }
}

fn answer(declined: Declined) -> Response<Full<Bytes>> {
    if let Declined::Conflict { size } = declined {
        let mut response = plain(StatusCode::CONFLICT, format!("{size}\n"));
        let kind = header::HeaderValue::from_static("text/x.tlog.size");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        return response;
    }
    plain(status(&declined), format!("{declined}\n"))
}

fn plain(status: StatusCode, text: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    let kind = header::HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
