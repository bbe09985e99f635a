//! Which addresses a server may have. Pure text rules; what a name resolves to is the guard's
//! business ([`crate::Prober::check_url`]).

use std::net::IpAddr;

use url::{Host, Url};

use crate::problem::Fault;

/// The longest address.
const URL_BYTES_MAX: usize = 2048;
/// The most private targets of one server.
const TARGETS_MAX: usize = 32;

/// Reads the address of a server and its private targets, as they are kept.
///
/// - **Errors**: what is wrong, under `/url` and `/private_targets/…`.
pub(crate) fn read(text: &str, targets: &[String]) -> Result<(String, Vec<String>), Vec<Fault>> {
    let mut faults = vec![];
    if targets.len() > TARGETS_MAX {
        let message = format!("this list holds at most {TARGETS_MAX} targets");
        faults.push(Fault::new("/private_targets", "invalid_value", message));
    }
    let mut listed = vec![];
    for (index, target) in targets.iter().enumerate() {
        match read_target(target) {
            Some(target) if listed.contains(&target) => {}
            Some(target) => listed.push(target),
            None => faults.push(Fault::new(
                format!("/private_targets/{index}"),
                "invalid_value",
                "a private target is `host:port`, such as `10.0.0.5:8080` or `[::1]:8080`",
            )),
        }
    }
    match read_url(text, &listed) {
        Ok(url) if faults.is_empty() => Ok((url, listed)),
        Ok(_) => Err(faults),
        Err(message) => {
            faults.insert(0, Fault::new("/url", "url_refused", message));
            Err(faults)
        }
    }
}

fn read_url(text: &str, listed: &[String]) -> Result<String, &'static str> {
    if text.len() > URL_BYTES_MAX {
        return Err("the address is too long");
    }
    // Readers of addresses differ on these; ours would drop or turn them silently.
    if text.chars().any(|c| c.is_whitespace() || c.is_control() || c == '\\') {
        return Err("the address must not hold blank space, control characters or backslashes");
    }
    let url = Url::parse(text).map_err(|_| "the address is not a URL")?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("the address must begin with https://");
    }
    // The parser forgives a missing or a third slash; people and other readers do not agree on it.
    let after = text.split_once("://").map(|(_, rest)| rest);
    if after.is_none_or(|rest| rest.starts_with('/')) {
        return Err("the address must begin with https:// and a host");
    }
    let authority = after.and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default();
    if !url.username().is_empty() || url.password().is_some() || authority.contains('@') {
        return Err(
            "the address must not hold a user name or a password: set a credential instead",
        );
    }
    if url.fragment().is_some() {
        return Err("the address must not hold a fragment");
    }
    if url.port() == Some(0) {
        return Err("port 0 is no port");
    }
    let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else {
        return Err("the address has no host");
    };
    let known = listed.contains(&format!("{host}:{port}"));
    if url.scheme() == "http" && !known && !is_loopback(&host) {
        return Err("plain http is for loopback and listed private targets only: use https");
    }
    Ok(url.into())
}

/// Reads one `host:port` and writes it as it is compared.
fn read_target(text: &str) -> Option<String> {
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && !"/\\@?#".contains(c);
    if text.len() > 300 || !text.chars().all(plain) {
        return None;
    }
    let (_, port) = text.rsplit_once(':')?;
    let port: u16 = port.parse().ok().filter(|n| *n != 0)?;
    let url = Url::parse(&format!("http://{text}/")).ok()?;
    Some(format!("{}:{port}", url.host()?)).filter(|_| url.port_or_known_default() == Some(port))
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => name.eq_ignore_ascii_case("localhost"),
        Host::Ipv4(ip) => ip.is_loopback(),
        Host::Ipv6(ip) => IpAddr::V6(*ip).to_canonical().is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows S07 and S08 of the attack catalogue, and what must pass.
    #[test]
    fn addresses_are_https_or_named_exceptions_and_mean_one_thing() {
        let listed =
            ["10.0.0.5:8080".to_owned(), "[fd00::1]:80".to_owned(), "DB.internal:99".to_owned()];
        let cases: &[(&str, Option<&str>)] = &[
            ("https://mcp.example.com/mcp", Some("https://mcp.example.com/mcp")),
            ("https://MCP.Example.com", Some("https://mcp.example.com/")),
            ("https://mcp.example.com:8443/a?b=c", Some("https://mcp.example.com:8443/a?b=c")),
            ("http://127.0.0.1:9000/mcp", Some("http://127.0.0.1:9000/mcp")),
            ("http://localhost:9000/mcp", Some("http://localhost:9000/mcp")),
            ("http://[::1]:9000/mcp", Some("http://[::1]:9000/mcp")),
            ("http://10.0.0.5:8080/mcp", Some("http://10.0.0.5:8080/mcp")),
            ("http://[fd00::1]/mcp", Some("http://[fd00::1]/mcp")),
            ("http://db.internal:99/", Some("http://db.internal:99/")),
            ("http://10.0.0.5:8081/mcp", None),
            ("http://mcp.example.com/", None),
            ("http://localhost.evil.example/", None),
            ("file:///etc/passwd", None),
            ("gopher://x/", None),
            ("ftp://x/", None),
            ("data:text/plain,x", None),
            ("javascript:alert(1)", None),
            ("https://user:pw@example.com/", None),
            ("https://user@example.com/", None),
            ("https://@example.com/", None),
            ("https://:@example.com/", None),
            ("http://good@169.254.169.254/", None),
            ("https://good\\@bad/", None),
            ("https://exa\tmple.com/", None),
            ("https://example.com/ ", None),
            (" https://example.com/", None),
            ("https://example.com:0/", None),
            ("https://example.com/#x", None),
            ("https://example.com:99999/", None),
            ("https:///example.com/", None),
            ("https:example.com", None),
            ("https://", None),
            ("//example.com/", None),
            ("example.com", None),
            ("", None),
        ];
        for (text, expected) in cases {
            let read = read(text, &listed).ok().map(|(url, _)| url);
            assert_eq!(read.as_deref(), *expected, "{text:?}");
        }
    }

    #[test]
    fn private_targets_are_host_and_port() {
        for (text, expected) in [
            ("10.0.0.5:8080", Some("10.0.0.5:8080")),
            ("[::1]:80", Some("[::1]:80")),
            ("DB.internal:99", Some("db.internal:99")),
            ("10.0.0.5", None),
            ("10.0.0.5:", None),
            ("10.0.0.5:0", None),
            ("10.0.0.5:x", None),
            ("a@b:80", None),
            ("a/b:80", None),
            (":80", None),
        ] {
            assert_eq!(read_target(text).as_deref(), expected, "{text}");
        }
    }
}
