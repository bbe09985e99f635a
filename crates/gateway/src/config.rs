//! What an operator can set of the data plane, with defaults that are safe to run.

use std::sync::Arc;
use std::time::Duration;

use dial::Names;

pub use crate::hold::Holding;

/// Settings of the data plane.
#[derive(Clone, Debug)]
pub struct Config {
    /// Host names (without port) agents may address besides loopback names. Empty together with a
    /// listener that is not on loopback: any host.
    pub hosts: Vec<String>,
    /// Origins that browsers may come from, each `scheme://host[:port]`. Requests without an
    /// `Origin` are not browsers and always pass this check.
    pub origins: Vec<String>,
    /// Whether the listener is reachable from this machine alone.
    pub loopback: bool,
    /// The largest request body, in bytes.
    pub body_bytes_max: usize,
    /// The largest answer that is collected to be checked, in bytes.
    pub answer_bytes_max: usize,
    /// The most connections from one address.
    pub connections_per_address_max: u32,
    /// How long each phase may take.
    pub timeouts: Timeouts,
    /// How agents wait while people decide.
    pub holding: Holding,
    /// Whether arguments and results may be kept, sealed to a key that is not here.
    pub captures: bool,
    /// Who is asked for the addresses of upstreams.
    pub names: Arc<dyn Names>,
}

/// How long each phase of a call may take.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// The agent's header, from the first byte.
    pub header: Duration,
    /// The agent's body.
    pub body: Duration,
    /// Name look-up, connection and TLS to the upstream.
    pub connect: Duration,
    /// The first byte of the upstream's answer.
    pub first_byte: Duration,
    /// Between two pieces of the upstream's answer.
    pub idle: Duration,
    /// Calls in flight at shutdown.
    pub drain: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            hosts: Vec::new(),
            origins: Vec::new(),
            loopback: true,
            body_bytes_max: 4 << 20,
            answer_bytes_max: 16 << 20,
            connections_per_address_max: 1024,
            timeouts: Timeouts::default(),
            holding: Holding::default(),
            captures: false,
            names: dial::machine(),
        }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            header: Duration::from_secs(10),
            body: Duration::from_secs(30),
            connect: Duration::from_secs(5),
            first_byte: Duration::from_secs(120),
            idle: Duration::from_secs(300),
            drain: Duration::from_secs(30),
        }
    }
}
