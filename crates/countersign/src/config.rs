//! What an operator can set: one typed structure, from one TOML file and the environment.
//!
//! The table in [`settings`] names every setting once; the reader, the environment, the printed
//! configuration and the reference in `docs/operating.md` are all made from it. Everything is
//! checked before a port is bound.

mod export;
mod read;
mod settings;
mod values;

use std::net::SocketAddr;
use std::path::PathBuf;

use vault::{RootKeySource, Secret};

pub(crate) use export::{EvidenceLog, Export, WitnessAt};
pub(crate) use read::{Problems, Sources};

/// Everything that can be set, as it is in force.
#[derive(Debug)]
pub(crate) struct Config {
    /// Where the database and, unless said otherwise, the root key are kept.
    pub(crate) data_dir: PathBuf,
    /// The data plane.
    pub(crate) gateway: Gateway,
    /// The control plane.
    pub(crate) control: Control,
    /// The first admin, for a start without people.
    pub(crate) admin: Admin,
    /// Where the root key comes from.
    pub(crate) root_key: RootKey,
    /// Where the root key comes from that the instance is to go over to.
    pub(crate) next_root_key: NextRootKey,
    /// What is logged.
    pub(crate) log: Log,
    /// What others are told.
    pub(crate) export: Export,
    /// The evidence log.
    pub(crate) evidence: EvidenceLog,
}

/// Settings of the data plane.
#[derive(Debug)]
pub(crate) struct Gateway {
    /// Where agents connect.
    pub(crate) listen: SocketAddr,
    /// The address agents use, if it is not the listener's own.
    pub(crate) public_url: Option<String>,
    /// Host names agents may ask for, beside loopback names and the public URL's.
    pub(crate) hosts: Vec<String>,
    /// Origins that browsers may come from.
    pub(crate) origins: Vec<String>,
    /// The largest request body, in bytes.
    pub(crate) body_bytes_max: usize,
    /// The largest answer that is collected to be checked, in bytes.
    pub(crate) answer_bytes_max: usize,
    /// The most connections from one address.
    pub(crate) connections_per_address_max: u32,
    /// How long each phase may take.
    pub(crate) timeouts: gateway::Timeouts,
}

/// Settings of the control plane.
#[derive(Debug)]
pub(crate) struct Control {
    /// Where operators and programs connect.
    pub(crate) listen: SocketAddr,
    /// The address operators use, if it is not the listener's own.
    pub(crate) public_url: Option<String>,
    /// Proxies whose word about where requests come from is believed.
    pub(crate) trusted_proxies: Vec<String>,
    /// A file of identity providers.
    pub(crate) identity_providers_file: Option<PathBuf>,
    /// Whether credentials may be read back.
    pub(crate) reveal_credentials: bool,
}

/// The first admin. Read while no admin can sign in, and never after.
#[derive(Debug, Default)]
pub(crate) struct Admin {
    /// Their address.
    pub(crate) email: Option<String>,
    /// A file with their password.
    pub(crate) password_file: Option<PathBuf>,
}

/// Where the root key comes from. At most one of the four is set; none means `root.key` in the
/// data directory.
#[derive(Debug, Default)]
pub(crate) struct RootKey {
    /// A file.
    pub(crate) file: Option<PathBuf>,
    /// An open file descriptor.
    pub(crate) fd: Option<u32>,
    /// The key itself. Only the environment may hold it.
    pub(crate) value: Option<Secret>,
    /// A program that prints it, and its arguments.
    pub(crate) command: Option<Vec<String>>,
}

/// Where the next root key comes from. At most one of the two is set.
#[derive(Debug, Default)]
pub(crate) struct NextRootKey {
    /// A file.
    pub(crate) file: Option<PathBuf>,
    /// A program that prints it, and its arguments.
    pub(crate) command: Option<Vec<String>>,
}

impl RootKey {
    /// Whether nothing is said of it.
    fn is_unset(&self) -> bool {
        let Self { file, fd, value, command } = self;
        file.is_none() && fd.is_none() && value.is_none() && command.is_none()
    }
}

/// Settings of the log on standard error.
#[derive(Debug)]
pub(crate) struct Log {
    /// Lines for people, or JSON for programs.
    pub(crate) format: LogFormat,
    /// The least serious level that is written.
    pub(crate) level: tracing::Level,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Default for Config {
    fn default() -> Self {
        let gateway = gateway::Config::default();
        Self {
            data_dir: PathBuf::from("countersign-data"),
            gateway: Gateway {
                listen: SocketAddr::from(([127, 0, 0, 1], 7071)),
                public_url: None,
                hosts: gateway.hosts,
                origins: gateway.origins,
                body_bytes_max: gateway.body_bytes_max,
                answer_bytes_max: gateway.answer_bytes_max,
                connections_per_address_max: gateway.connections_per_address_max,
                timeouts: gateway.timeouts,
            },
            control: Control {
                listen: SocketAddr::from(([127, 0, 0, 1], 7070)),
                public_url: None,
                trusted_proxies: Vec::new(),
                identity_providers_file: None,
                reveal_credentials: false,
            },
            admin: Admin::default(),
            root_key: RootKey::default(),
            next_root_key: NextRootKey::default(),
            log: Log { format: LogFormat::Text, level: tracing::Level::INFO },
            export: Export::default(),
            evidence: EvidenceLog::default(),
        }
    }
}

impl Config {
    /// Reads the configuration: defaults, then the file, then the environment.
    ///
    /// - **Errors**: every setting that is unknown or wrong, all at once.
    pub(crate) fn load(sources: &Sources) -> Result<Self, Problems> {
        read::load(sources)
    }

    /// The configuration in force as TOML, secrets redacted.
    pub(crate) fn print(&self) -> String {
        settings::print(self)
    }

    /// Where the root key is kept.
    pub(crate) fn root_key_source(&self) -> RootKeySource {
        match &self.root_key {
            RootKey { value: Some(value), .. } => {
                RootKeySource::Value(Secret::new(value.expose().to_vec()))
            }
            RootKey { fd: Some(fd), .. } => RootKeySource::Descriptor(*fd),
            RootKey { command: Some(words), .. } => RootKeySource::Command(words.clone()),
            RootKey { file: Some(file), .. } => RootKeySource::File(file.clone()),
            RootKey { .. } => RootKeySource::File(self.data_dir.join("root.key")),
        }
    }

    /// Where the root key is kept that the instance is to go over to, if that is said.
    pub(crate) fn next_root_key_source(&self) -> Option<RootKeySource> {
        match &self.next_root_key {
            NextRootKey { command: Some(words), .. } => Some(RootKeySource::Command(words.clone())),
            NextRootKey { file: Some(file), .. } => Some(RootKeySource::File(file.clone())),
            NextRootKey { .. } => None,
        }
    }

    /// The address agents use to reach a gateway that listens on `bound`.
    pub(crate) fn gateway_url(&self, bound: SocketAddr) -> String {
        self.gateway.public_url.clone().unwrap_or_else(|| url_of(bound))
    }

    /// The address operators use to reach a control plane that listens on `bound`.
    pub(crate) fn control_url(&self, bound: SocketAddr) -> String {
        self.control.public_url.clone().unwrap_or_else(|| url_of(bound))
    }

    /// The proxies in front of the control plane.
    pub(crate) fn control_proxies(&self) -> impl Iterator<Item = control::Network> {
        self.control.trusted_proxies.iter().filter_map(|text| text.parse().ok())
    }

    /// The host name of the control plane's public address, if one is set.
    pub(crate) fn control_host(&self) -> Option<String> {
        let public = url::Url::parse(self.control.public_url.as_deref()?).ok()?;
        public.host_str().map(str::to_owned)
    }

    /// The settings of the data plane, as it takes them.
    pub(crate) fn for_gateway(&self) -> gateway::Config {
        let mut hosts = self.gateway.hosts.clone();
        let public = self.gateway.public_url.as_deref().and_then(|url| url::Url::parse(url).ok());
        hosts.extend(public.and_then(|url| url.host_str().map(str::to_owned)));
        gateway::Config {
            hosts,
            origins: self.gateway.origins.clone(),
            loopback: self.gateway.listen.ip().is_loopback(),
            body_bytes_max: self.gateway.body_bytes_max,
            answer_bytes_max: self.gateway.answer_bytes_max,
            connections_per_address_max: self.gateway.connections_per_address_max,
            timeouts: self.gateway.timeouts,
            holding: gateway::Holding::default(),
            captures: self.evidence.capture,
            names: dial::machine(),
        }
    }
}

/// An address to reach a listener by from the same machine.
pub(crate) fn url_of(bound: SocketAddr) -> String {
    if bound.ip().is_unspecified() {
        return format!("http://localhost:{}", bound.port());
    }
    format!("http://{bound}")
}

#[cfg(test)]
mod tests;
