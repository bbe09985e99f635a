//! Legacy sessions: the id an agent holds is ours, readable by any replica and useless to any
//! other grant or server.

use mcp::version::Version;
use vault::{OsRandom, StateKey};

/// What a session id carries, sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    /// The version that was negotiated.
    pub(crate) version: Version,
    /// The upstream's own session id; empty when it gave none.
    pub(crate) upstream: String,
    /// Whether its client can show a person a link.
    pub(crate) shows_links: bool,
}

/// Stands behind the version of a session whose client can show links.
const LINKS: &str = " links";

/// The longest session id of an upstream that is carried.
const UPSTREAM_ID_BYTES_MAX: usize = 1024;

impl Session {
    /// A session of this version and upstream id.
    ///
    /// - **Errors**: `None` for an id that is not visible ASCII or too long.
    pub(crate) fn new(version: Version, upstream: &str) -> Option<Self> {
        let visible = upstream.bytes().all(|b| (0x21..=0x7e).contains(&b));
        (visible && upstream.len() <= UPSTREAM_ID_BYTES_MAX).then(|| Self {
            version,
            upstream: upstream.to_owned(),
            shows_links: false,
        })
    }

    /// The id that the agent is given.
    pub(crate) fn seal(&self, key: &StateKey, grant: &str, server: &str) -> Option<String> {
        let links = if self.shows_links { LINKS } else { "" };
        let plain = format!("{}{links}\n{}", self.version.as_str(), self.upstream);
        key.seal_state(&context(grant, server), plain.as_bytes(), &OsRandom).ok()
    }

    /// Opens an id that an agent shows. One of another grant or server does not open, exactly as
    /// one that never was.
    pub(crate) fn open(key: &StateKey, grant: &str, server: &str, id: &str) -> Option<Self> {
        let plain = String::from_utf8(key.open_state(&context(grant, server), id)?).ok()?;
        let (version, upstream) = plain.split_once('\n')?;
        let (version, shows_links) =
            version.strip_suffix(LINKS).map_or((version, false), |version| (version, true));
        let version = Version::parse(version)?;
        Some(Self { version, upstream: upstream.to_owned(), shows_links })
    }
}

fn context<'a>(grant: &'a str, server: &'a str) -> [&'a [u8]; 3] {
    [b"session", grant.as_bytes(), server.as_bytes()]
}
