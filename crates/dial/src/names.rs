//! Looking names up. The machine does it; tests play a name server that changes its mind.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

/// What a look-up brings: every address that a name has now.
pub type Addresses = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// Looks names up.
///
/// - **Shape**: what it answers is not believed: [`crate::Guard`] judges every address, and the
///   connection goes to one that was judged.
/// - **Source**: [`machine`], everywhere but in tests.
pub trait Names: fmt::Debug + Send + Sync {
    /// The addresses of this host, each with the port.
    fn look_up(&self, host: &str, port: u16) -> Addresses;
}

/// The machine's own way: its hosts file, its name servers.
pub fn machine() -> Arc<dyn Names> {
    Arc::new(Machine)
}

#[derive(Debug)]
struct Machine;

impl Names for Machine {
    fn look_up(&self, host: &str, port: u16) -> Addresses {
        let host = host.to_owned();
        Box::pin(async move { Ok(tokio::net::lookup_host((host.as_str(), port)).await?.collect()) })
    }
}
