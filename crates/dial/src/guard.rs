//! Which addresses may be dialled: judged as text when they are given, and again, address by
//! address, at the moment of dialling.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use url::{Host, Url};

use crate::{Names, machine};

/// Why an address is not dialled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GuardError {
    /// Not a URL that can be used.
    #[error("the address is not a URL that can be used: {0}")]
    Url(&'static str),
    /// `http` towards a host that is neither loopback nor allowed by the operator.
    #[error("`http` is used for loopback or for targets listed in `private_targets`; use `https`")]
    PlainHttp,
    /// A private, link-local or otherwise special address.
    #[error(
        "the host is, or resolves to, an address that is not public; list `host:port` in `private_targets` to allow it"
    )]
    Private,
    /// The name has no address.
    #[error("the host name does not resolve")]
    Unresolved,
    /// A private target that is not `host:port`.
    #[error("a private target is written `host:port`")]
    Target,
}

/// Which addresses one server may be dialled at.
#[derive(Clone, Debug)]
pub struct Guard {
    allowed: Vec<(String, u16)>,
    names: Arc<dyn Names>,
}

impl Guard {
    /// A guard for this URL with the private targets an operator listed (`host:port`). A URL that
    /// names loopback itself (`localhost`, `127.0.0.1`, `[::1]`) is allowed as it stands.
    pub fn of(url: &str, private_targets: &[String]) -> Result<(Url, Self), GuardError> {
        Self::judged(url, private_targets, true)
    }

    /// The same for a URL that is somebody else's word: it may not name loopback either, unless an
    /// operator listed it.
    pub fn of_others(url: &str, private_targets: &[String]) -> Result<(Url, Self), GuardError> {
        Self::judged(url, private_targets, false)
    }

    fn judged(
        url: &str,
        private_targets: &[String],
        loopback_too: bool,
    ) -> Result<(Url, Self), GuardError> {
        if url.bytes().any(|b| b.is_ascii_control() || b == b' ' || b == b'\\') {
            return Err(GuardError::Url(
                "it holds blank space, a backslash or a control character",
            ));
        }
        let url = Url::parse(url).map_err(|_| GuardError::Url("it does not parse"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(GuardError::Url("the scheme is neither https nor http"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(GuardError::Url("it holds a user name or password"));
        }
        if url.fragment().is_some() {
            return Err(GuardError::Url("it holds a fragment"));
        }
        let port = url.port_or_known_default().unwrap_or(0);
        if port == 0 {
            return Err(GuardError::Url("the port is 0"));
        }
        let mut allowed = Vec::new();
        for target in private_targets {
            let (host, port) = target.rsplit_once(':').ok_or(GuardError::Target)?;
            let port = port.parse().map_err(|_| GuardError::Target)?;
            if host.is_empty() {
                return Err(GuardError::Target);
            }
            allowed.push((bare(host), port));
        }
        let host = url.host().ok_or(GuardError::Url("it names no host"))?;
        let name = bare(url.host_str().unwrap_or_default());
        if loopback_too && is_loopback(&host) {
            allowed.push((name.clone(), port));
        }
        let guard = Self { allowed, names: machine() };
        if url.scheme() == "http" && !guard.allows(&name, port) {
            return Err(GuardError::PlainHttp);
        }
        let literal = match host {
            Host::Domain(_) => None,
            Host::Ipv4(ip) => Some(IpAddr::V4(ip)),
            Host::Ipv6(ip) => Some(IpAddr::V6(ip)),
        };
        if literal.is_some_and(|ip| !is_public(ip)) && !guard.allows(&name, port) {
            return Err(GuardError::Private);
        }
        Ok((url, guard))
    }

    /// The same guard, which asks these for the addresses of names.
    #[must_use]
    pub fn asking(self, names: Arc<dyn Names>) -> Self {
        Self { names, ..self }
    }

    fn allows(&self, host: &str, port: u16) -> bool {
        self.allowed.iter().any(|(h, p)| h.eq_ignore_ascii_case(host) && *p == port)
    }

    /// The addresses that may be dialled for this host. One that may not refuses them all: a name
    /// with mixed answers is somebody's trick.
    pub async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, GuardError> {
        let host = bare(host);
        let found: Vec<SocketAddr> = match host.parse::<IpAddr>() {
            Ok(ip) => vec![SocketAddr::new(ip, port)],
            Err(_) => {
                let found = self.names.look_up(&host, port).await;
                found.map_err(|_| GuardError::Unresolved)?
            }
        };
        if found.is_empty() {
            return Err(GuardError::Unresolved);
        }
        if !self.allows(&host, port) && found.iter().any(|a| !is_public(a.ip())) {
            return Err(GuardError::Private);
        }
        Ok(found)
    }
}

/// Whether a host names this machine: the three usual ways, and no others.
fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => name.eq_ignore_ascii_case("localhost"),
        Host::Ipv4(ip) => *ip == Ipv4Addr::LOCALHOST,
        Host::Ipv6(ip) => *ip == Ipv6Addr::LOCALHOST,
    }
}

/// Whether the URL names this machine, as an operator may.
pub(crate) fn is_here(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| url.host().is_some_and(|host| is_loopback(&host)))
}

fn bare(host: &str) -> String {
    host.trim_start_matches('[').trim_end_matches(']').to_owned()
}

/// Whether an address is one of the public internet. Addresses that carry another inside (mapped,
/// compatible, NAT64, 6to4, Teredo) are judged by the one inside as well.
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let special = a == 0
        || ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_multicast()
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 0 && c == 2)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (b == 18 || b == 19))
        || (a == 198 && b == 51 && c == 100)
        || (a == 203 && b == 0 && c == 113)
        || a >= 240;
    !special
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let s = ip.segments();
    let tail = |hi: u16, lo: u16| {
        let ([a, b], [c, d]) = (hi.to_be_bytes(), lo.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match s {
        // Mapped, translated and compatible addresses, and the unspecified and loopback ones.
        [0, 0, 0, 0, 0, 0xffff | 0, hi, lo] | [0, 0, 0, 0, 0xffff, 0, hi, lo] => {
            s[5] == 0xffff && is_public_v4(tail(hi, lo))
        }
        // NAT64, well-known and local-use prefixes.
        [0x64, 0xff9b, 0, 0, 0, 0, hi, lo] => is_public_v4(tail(hi, lo)),
        [0x64, 0xff9b, ..] => false,
        // 6to4 and Teredo (whose client address is inverted).
        [0x2002, hi, lo, ..] => is_public_v4(tail(hi, lo)),
        [0x2001, 0, .., hi, lo] => is_public_v4(tail(!hi, !lo)),
        // Documentation, benchmarking, ORCHID.
        [0x2001, 0xdb8, ..] | [0x2001, 2, 0, ..] | [0x3fff, 0..=0x0fff, ..] => false,
        [0x2001, 0x10..=0x3f, ..] => false,
        // Global unicast and nothing else: unique local, link and site local, multicast are out.
        [0x2000..=0x3fff, ..] => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, private: &[&str]) -> Result<(), String> {
        let private: Vec<String> = private.iter().map(|s| (*s).to_owned()).collect();
        Guard::of(url, &private).map(drop).map_err(|e| format!("{e:?}"))
    }

    #[test]
    fn special_addresses_are_refused_in_every_spelling() {
        for url in [
            "https://[::ffff:169.254.169.254]/",
            "https://[::ffff:7f00:1]/",
            "https://[::127.0.0.1]/",
            "https://[64:ff9b::7f00:1]/",
            "https://[64:ff9b:1::1]/",
            "https://[2002:7f00:1::]/",
            "https://[2001:0:1::80ff:fffe]/",
            "https://[::]/",
            "https://0.0.0.0/",
            "https://10.0.0.1/",
            "https://172.16.0.1/",
            "https://192.168.1.1/",
            "https://100.64.0.1/",
            "https://169.254.169.254/",
            "https://192.0.0.1/",
            "https://198.18.0.1/",
            "https://[fc00::1]/",
            "https://[fe80::1]/",
            "https://[ff02::1]/",
            "https://224.0.0.1/",
            "https://255.255.255.255/",
            "https://2130706434/",
            "https://0x7f.2/",
            "https://127.0.0.2/",
        ] {
            assert!(check(url, &[]).is_err(), "{url}");
        }
    }

    #[test]
    fn odd_urls_are_refused() {
        for url in [
            "file:///etc/passwd",
            "gopher://example.com/",
            "ftp://example.com/",
            "data:,x",
            "javascript:alert(1)",
            "http://user:pw@example.com/",
            "https://good@169.254.169.254/",
            "https://good\\@bad/",
            "https://exa\tmple.com/",
            "https://example.com:0/",
            "https://example.com/#x",
            "http://example.com/",
            "not a url",
        ] {
            assert!(check(url, &[]).is_err(), "{url}");
        }
    }

    #[test]
    fn loopback_by_name_and_listed_targets_are_allowed() {
        assert_eq!(check("http://127.0.0.1:9000/mcp", &[]), Ok(()));
        assert_eq!(check("http://localhost:9000/mcp", &[]), Ok(()));
        assert_eq!(check("http://[::1]:9000/mcp", &[]), Ok(()));
        assert_eq!(check("https://example.com/mcp", &[]), Ok(()));
        assert_eq!(check("http://10.1.2.3:8080/mcp", &["10.1.2.3:8080"]), Ok(()));
        assert!(check("http://10.1.2.3:8081/mcp", &["10.1.2.3:8080"]).is_err());
        assert!(check("http://10.1.2.3:8080/mcp", &["10.1.2.3"]).is_err());
    }

    #[tokio::test]
    async fn a_name_that_resolves_inside_is_refused_at_dial_time() {
        let (_, guard) = Guard::of("https://example.com/mcp", &[]).unwrap();
        assert!(matches!(guard.resolve("127.0.0.1", 80).await, Err(GuardError::Private)));
        assert!(matches!(guard.resolve("localhost", 80).await, Err(GuardError::Private)));
        let allowed = Guard { allowed: vec![("localhost".into(), 80)], names: machine() };
        assert!(allowed.resolve("localhost", 80).await.is_ok());
    }
}
