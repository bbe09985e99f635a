//! The listener: our own accept loop, with a deadline for everything a stranger can drag out.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use vault::OsRandom;

use crate::road::Gateway;

/// How an HTTP/2 connection begins.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// A header of more lines than this is refused.
const HEADER_LINES_MAX: usize = 100;
/// The head of a request must fit; larger ones are refused before they are read whole.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// Requests at once on one HTTP/2 connection.
const STREAMS_PER_CONNECTION_MAX: u32 = 256;
/// How often what has come to an end by itself is put away.
const TICK: Duration = Duration::from_secs(1);

impl Gateway {
    /// Serves agents until `shutdown` ends; then stops accepting and lets calls in flight finish,
    /// for as long as the drain time allows. What is left then is closed as unknown at next start.
    pub async fn serve(
        self: Arc<Self>,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> io::Result<()> {
        let graceful = GracefulShutdown::new();
        let connections = Connections::default();
        let ticking = tokio::spawn(Arc::clone(&self).tick());
        tokio::pin!(shutdown);
        loop {
            let (stream, peer) = tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        // Out of descriptors, or the peer left already: shed, do not spin.
                        tracing::warn!(%error, "a connection was not accepted");
                        tokio::time::sleep(Duration::from_millis(20)).await;
                        continue;
                    }
                },
                () = &mut shutdown => break,
            };
            let max = self.config.connections_per_address_max;
            let Some(place) = connections.enter(peer.ip(), max) else { continue };
            let watcher = graceful.watcher();
            let gateway = self.clone();
            tokio::spawn(async move {
                gateway.connection(stream, peer, watcher).await;
                drop(place);
            });
        }
        drop(listener);
        self.holds.close();
        let drained = tokio::time::timeout(self.config.timeouts.drain, graceful.shutdown()).await;
        if drained.is_err() {
            tracing::warn!("some calls were still in flight when the drain time was over");
        }
        ticking.abort();
        self.record_folded(self.floods.rest(), self.clock.now()).await;
        self.beside.close().await;
        if let Err(error) = self.store.flush().await {
            tracing::error!(%error, "the last outcomes could not be written");
        }
        Ok(())
    }

    async fn connection(
        self: Arc<Self>,
        stream: TcpStream,
        peer: SocketAddr,
        watcher: hyper_util::server::graceful::Watcher,
    ) {
        if stream.set_nodelay(true).is_err() {
            return;
        }
        let header = self.config.timeouts.header;
        let Ok(Some(http2)) = tokio::time::timeout(header, speaks_http2(&stream)).await else {
            return;
        };
        let address = peer.ip().to_canonical();
        let gateway = self.clone();
        let service = service_fn(move |request| {
            let gateway = gateway.clone();
            async move { Ok::<_, Infallible>(gateway.handle(address, request).await) }
        });
        let io = TokioIo::new(stream);
        let ended = if http2 {
            let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            builder
                .timer(TokioTimer::new())
                .max_concurrent_streams(STREAMS_PER_CONNECTION_MAX)
                .max_header_list_size(HEAD_BYTES_MAX as u32)
                .keep_alive_interval(Duration::from_secs(30))
                .keep_alive_timeout(header);
            watcher.watch(builder.serve_connection(io, service)).await
        } else {
            let mut builder = hyper::server::conn::http1::Builder::new();
            builder
                .timer(TokioTimer::new())
                .header_read_timeout(header)
                .max_headers(HEADER_LINES_MAX)
                .max_buf_size(HEAD_BYTES_MAX);
            watcher.watch(builder.serve_connection(io, service)).await
        };
        if let Err(error) = ended {
            tracing::trace!(incomplete = error.is_incomplete_message(), "a connection ended early");
        }
    }

    async fn record_folded(&self, lines: Vec<store::Intent>, now: store::Moment) {
        for mut folded in lines {
            let mut random = [0; 10];
            if vault::Randomness::fill(&OsRandom, &mut random).is_ok() {
                folded.id = store::CallId::new(now, random);
            }
            if let Err(error) = self.store.call_refused(folded).await {
                tracing::error!(%error, "a folded line of refusals could not be recorded");
            }
        }
    }

    /// Puts away what nobody will end: folded refusals, chains and streams that were not resumed.
    async fn tick(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(TICK);
        loop {
            ticks.tick().await;
            let now = self.clock.now();
            self.record_folded(self.floods.collect(now), now).await;
            if let Err(error) = self.store.approving().approvals_sweep().await {
                tracing::warn!(%error, "approvals that are over could not be ended");
            }
            for call in self.chains.expired(now) {
                crate::settle::given_up(&self, call, "chain_expired");
            }
            for call in self.requests.expired(now) {
                crate::settle::given_up(&self, call, "not_resumed");
            }
        }
    }
}

/// Looks at the first bytes without taking them. `None`: the peer left.
async fn speaks_http2(stream: &TcpStream) -> Option<bool> {
    let mut seen = [0; PREFACE.len()];
    loop {
        let count = stream.peek(&mut seen).await.ok()?;
        let start = seen.get(..count)?;
        if count == 0 {
            return None;
        }
        if !PREFACE.starts_with(start) {
            return Some(false);
        }
        if count == PREFACE.len() {
            return Some(true);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Connections by address, so that one stranger cannot take all of them.
#[derive(Clone, Default)]
struct Connections(Arc<Mutex<HashMap<IpAddr, u32>>>);

struct Place(Connections, IpAddr);

impl Connections {
    fn enter(&self, address: IpAddr, max: u32) -> Option<Place> {
        let mut open = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let count = open.entry(address).or_default();
        if *count >= max {
            return None;
        }
        *count += 1;
        Some(Place(self.clone(), address))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.0.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.1);
            }
        }
    }
}
