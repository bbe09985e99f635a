//! The listener: an accept loop of our own, with a deadline on everything a stranger could stretch.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tower_service::Service;

use crate::Control;
use crate::arrival::Arrival;

/// The time a request head may take, and a kept connection may idle.
const HEAD_DEADLINE: Duration = Duration::from_secs(10);
/// The most bytes of a request head.
pub(crate) const HEAD_BYTES_MAX: usize = 32 * 1024;
/// The most headers of a request.
const HEADERS_MAX: usize = 100;
/// The most connections at a time; further ones wait in the system's queue.
const CONNECTIONS_MAX: usize = 512;
/// How long open connections may take to end at shutdown.
const DRAIN: Duration = Duration::from_secs(5);

/// Tells streams that the listener is going away.
#[derive(Clone)]
pub(crate) struct Closing(pub(crate) watch::Receiver<bool>);

/// Serves the API on the listener until `shutdown`; then lets requests in flight finish.
///
/// - **Errors**: only when the listener itself has no address. A failed accept is waited out.
pub async fn serve(
    listener: TcpListener,
    control: Control,
    shutdown: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    let router = crate::routes::router(control);
    let local = listener.local_addr()?;
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let graceful = GracefulShutdown::new();
    let (close, closing) = watch::channel(false);
    let mut shutdown = std::pin::pin!(shutdown);

    loop {
        let accepted = async {
            let room = room.clone().acquire_owned().await;
            (room, listener.accept().await)
        };
        let (room, accepted) = tokio::select! {
            () = &mut shutdown => break,
            accepted = accepted => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let local = stream.local_addr().unwrap_or(local);
                let arrival = Arrival { peer, local };
                let closing = Closing(closing.clone());
                let connection = connection(stream, router.clone(), arrival, closing);
                let connection = graceful.watch(connection);
                tokio::spawn(async move {
                    // A connection that breaks is its peer's business.
                    let _ = connection.await;
                    drop(room);
                });
            }
            Err(error) => {
                // Out of descriptors, most likely: give some back a chance to close.
                tracing::warn!(error = %error.kind(), "a connection was not accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    close.send_replace(true);
    if tokio::time::timeout(DRAIN, graceful.shutdown()).await.is_err() {
        tracing::warn!("some connections were still open at shutdown");
    }
    Ok(())
}

fn connection(
    stream: TcpStream,
    router: Router,
    arrival: Arrival,
    closing: Closing,
) -> http1::Connection<
    TokioIo<TcpStream>,
    impl hyper::service::HttpService<
        Incoming,
        ResBody = axum::body::Body,
        Error = Infallible,
        Future: Send,
    >,
> {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(arrival);
        request.extensions_mut().insert(closing.clone());
        let mut router = router.clone();
        async move { router.call(request.map(axum::body::Body::new)).await }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_DEADLINE)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .serve_connection(TokioIo::new(stream), service)
}
