//! The cookies of a signed-in browser, and whether a request that carries one comes from a page of
//! ours.

use http::{HeaderMap, HeaderValue, Method, header};
use store::SESSION_LIFE_SECONDS;
use url::{Host, Url};
use vault::{Token, TokenKind};

use crate::problem::{Code, Problem};

/// Holds the session. `__Host-`: only this host set it, for itself alone, over a channel the browser
/// trusts.
pub(crate) const SESSION: &str = "__Host-countersign";
/// Ties a visit to an identity provider to the browser that was sent there.
pub(crate) const VISIT: &str = "__Host-countersign-visit";

/// The session token that the request carries. Two of them are none: one of them is not ours.
pub(crate) fn session(headers: &HeaderMap) -> Option<Token> {
    Token::parse(TokenKind::Session, find(headers, SESSION)?.as_bytes()).ok()
}

/// Whether the request carries a cookie of a session, good or not.
pub(crate) fn is_there(headers: &HeaderMap) -> bool {
    values(headers, SESSION).next().is_some()
}

/// The one value of a cookie.
pub(crate) fn find<'a>(headers: &'a HeaderMap, name: &'a str) -> Option<&'a str> {
    let mut found = values(headers, name);
    let value = found.next()?;
    found.next().is_none().then_some(value)
}

fn values<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(';')).filter_map(move |pair| {
        let (found, value) = pair.split_once('=')?;
        (found.trim() == name).then(|| value.trim())
    })
}

/// Hands the browser its session.
pub(crate) fn set_session(token: &Token) -> Option<HeaderValue> {
    let text = format!(
        "{SESSION}={}; Path=/; Max-Age={SESSION_LIFE_SECONDS}; Secure; HttpOnly; SameSite=Strict",
        token.expose()
    );
    let mut value = HeaderValue::from_str(&text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Takes the session away again.
pub(crate) fn drop_session() -> HeaderValue {
    HeaderValue::from_static(
        "__Host-countersign=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Strict",
    )
}

/// Ties a visit to this browser. `Lax`, because the browser comes back from another site.
pub(crate) fn set_visit(secret: &str) -> Option<HeaderValue> {
    let text = format!("{VISIT}={secret}; Path=/; Max-Age=600; Secure; HttpOnly; SameSite=Lax");
    let mut value = HeaderValue::from_str(&text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// The visit is over.
pub(crate) fn drop_visit() -> HeaderValue {
    HeaderValue::from_static(
        "__Host-countersign-visit=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax",
    )
}

/// Refuses what a page of another site made the browser send along with its cookie. That the
/// `Origin` is ours was checked on arrival, so one that is there is enough.
pub(crate) fn same_site(method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
    let refused = |detail: &str| Err(Problem::new(Code::CrossOrigin, detail));
    let mut fetch = headers.get_all("sec-fetch-site").iter();
    let site = fetch.next().map(HeaderValue::as_bytes);
    match site {
        Some(b"same-origin" | b"none") | None if fetch.next().is_none() => {}
        _ => return refused("the request comes from a page of another site"),
    }
    let reads = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    let named = headers.contains_key(header::ORIGIN) || site == Some(b"same-origin".as_slice());
    if reads || named {
        return Ok(());
    }
    refused("a change with a cookie needs an Origin header; programs use an API key instead")
}

/// Refuses to hand out a cookie that the browser would drop: it keeps them for `https` and for pages
/// of its own machine.
pub(crate) fn keeps_cookies(headers: &HeaderMap) -> Result<(), Problem> {
    let Some(origin) = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok()) else {
        return Ok(());
    };
    let url = Url::parse(origin).ok();
    let trusted = url.is_some_and(|url| match (url.scheme(), url.host()) {
        ("https", _) => true,
        (_, Some(Host::Domain(name))) => name == "localhost" || name.ends_with(".localhost"),
        (_, Some(Host::Ipv4(ip))) => ip.is_loopback(),
        (_, Some(Host::Ipv6(ip))) => ip.is_loopback(),
        (_, None) => false,
    });
    if trusted {
        return Ok(());
    }
    let detail = "sign in over https (put a proxy that speaks TLS in front and set \
                  `control.public_url`), or on the machine itself as http://localhost";
    Err(Problem::new(Code::InsecureOrigin, detail))
}

#[cfg(test)]
mod tests {
    use vault::OsRandom;

    use super::*;

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn a_session_stands_once_under_its_name() {
        let token = Token::mint(TokenKind::Session, &OsRandom).unwrap();
        let text = token.expose();
        for (line, found) in [
            (format!("{SESSION}={text}"), true),
            (format!("a=b; {SESSION}={text}; c=d"), true),
            (format!("{SESSION}={text}; {SESSION}={text}"), false),
            (format!("countersign={text}"), false),
            (format!("{SESSION}-visit={text}"), false),
            (format!("{SESSION}=\"{text}\""), false),
            (format!("{SESSION}="), false),
        ] {
            assert_eq!(session(&headers(&[("cookie", &line)])).is_some(), found, "{line}");
        }
    }

    #[test]
    fn a_cookie_is_for_this_host_alone_and_for_no_script() {
        let token = Token::mint(TokenKind::Session, &OsRandom).unwrap();
        let set = set_session(&token).unwrap();
        let text = set.to_str().unwrap();
        for part in ["__Host-countersign=css1_", "; Path=/;", "; Secure", "; HttpOnly", "=Strict"] {
            assert!(text.contains(part), "{part}");
        }
        assert!(!text.contains("Domain") && set.is_sensitive());
    }

    #[test]
    fn changes_come_from_pages_of_ours() {
        let here = ("origin", "https://cs.example.org");
        let site = |site: &'static str| ("sec-fetch-site", site);
        for (method, lines, fine) in [
            ("POST", vec![here], true),
            ("POST", vec![here, site("same-origin")], true),
            ("POST", vec![site("same-origin")], true),
            ("DELETE", vec![], false),
            ("POST", vec![site("none")], false),
            ("POST", vec![here, site("same-site")], false),
            ("POST", vec![here, site("cross-site")], false),
            ("POST", vec![here, site("same-origin"), site("cross-site")], false),
            ("GET", vec![], true),
            ("GET", vec![site("none")], true),
            ("GET", vec![site("same-site")], false),
            ("GET", vec![site("cross-site")], false),
        ] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            assert_eq!(same_site(&method, &headers(&lines)).is_ok(), fine, "{method} {lines:?}");
        }
    }

    #[test]
    fn cookies_are_handed_out_only_where_browsers_keep_them() {
        for (origin, fine) in [
            ("https://cs.example.org", true),
            ("http://localhost:7070", true),
            ("http://127.0.0.1:7070", true),
            ("http://[::1]:7070", true),
            ("http://10.0.0.5:7070", false),
            ("http://cs.example.org", false),
            ("null", false),
        ] {
            assert_eq!(keeps_cookies(&headers(&[("origin", origin)])).is_ok(), fine, "{origin}");
        }
        assert!(keeps_cookies(&HeaderMap::new()).is_ok());
    }
}
