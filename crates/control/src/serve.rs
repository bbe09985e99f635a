//! The listener: an accept loop of our own, with a deadline on everything a stranger could stretch.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
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
use crate::proxies::Proxies;

/// The time a request head may take, and a kept connection may idle.
const HEAD_DEADLINE: Duration = Duration::from_secs(10);
/// The most bytes of a request head.
pub(crate) const HEAD_BYTES_MAX: usize = 32 * 1024;
/// The most headers of a request.
const HEADERS_MAX: usize = 100;
/// The most connections at a time; further ones wait in the system's queue.
const CONNECTIONS_MAX: usize = 512;
/// The most of them from one address of another machine, so that one stranger leaves room for the
/// others.
const CONNECTIONS_PER_ADDRESS_MAX: usize = 64;
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
    let (hosts, proxies) = (Arc::clone(&control.hosts), control.proxies.clone());
    let router = crate::routes::router(control);
    let local = listener.local_addr()?;
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let places = Places::default();
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
                // An address with too many is not worth an answer.
                let peer = peer.ip();
                let trusted = proxies.trust(peer);
                let Some(place) = Place::take(&places, peer, trusted) else { continue };
                let local = stream.local_addr().unwrap_or(local);
                let arrival = Arrival { from: peer, local, hosts: Arc::clone(&hosts) };
                let closing = Closing(closing.clone());
                let proxies = proxies.clone();
                let connection = connection(stream, router.clone(), arrival, proxies, closing);
                let connection = graceful.watch(connection);
                tokio::spawn(async move {
                    // A connection that breaks is its peer's business.
                    let _ = connection.await;
                    drop((room, place));
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
    proxies: Proxies,
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
        let from = proxies.origin(arrival.from, request.headers());
        request.extensions_mut().insert(Arrival { from, ..arrival.clone() });
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

/// How many connections each address has.
type Places = Arc<Mutex<HashMap<IpAddr, usize>>>;

/// One connection's place among those of its address; given back when dropped.
struct Place {
    places: Places,
    address: IpAddr,
}

impl Place {
    /// A place for one more; `None` if the address has too many. This machine and proxies of ours
    /// stand for many.
    fn take(places: &Places, address: IpAddr, trusted: bool) -> Option<Self> {
        let address = address.to_canonical();
        let mut counted = places.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counted.entry(address).or_insert(0);
        if *count >= CONNECTIONS_PER_ADDRESS_MAX && !address.is_loopback() && !trusted {
            return None;
        }
        *count += 1;
        Some(Self { places: Arc::clone(places), address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counted = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counted.get_mut(&self.address) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counted.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_its_places_and_gives_them_back() {
        let places = Places::default();
        let (far, here) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([127, 0, 0, 1]));
        let mut taken: Vec<_> = (0..CONNECTIONS_PER_ADDRESS_MAX)
            .map(|_| Place::take(&places, far, false).unwrap())
            .collect();
        assert!(Place::take(&places, far, false).is_none());
        assert!(Place::take(&places, IpAddr::from([192, 0, 2, 2]), false).is_some());
        assert!(Place::take(&places, far, true).is_some());
        taken.pop();
        assert!(Place::take(&places, far, false).is_some());
        let many: Vec<_> = (0..200).map(|_| Place::take(&places, here, false).unwrap()).collect();
        drop((taken, many));
        assert!(places.lock().unwrap().is_empty());
    }
}
