//! `WWW-Authenticate: Bearer …`: what an upstream says when it wants a token (RFC 6750, RFC 9728).

use http::{HeaderMap, header};

/// The parts of a challenge that are acted on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Challenge {
    /// Where the upstream describes itself.
    pub resource_metadata: Option<String>,
    /// The scopes it wants.
    pub scope: Option<String>,
    /// What is wrong with the token.
    pub error: Option<String>,
}

impl Challenge {
    /// The bearer challenge among the headers, if there is one.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let all = headers.get_all(header::WWW_AUTHENTICATE).iter();
        all.filter_map(|value| value.to_str().ok()).find_map(Self::parse)
    }

    fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let mut challenge = Self::default();
        let mut rest = rest.trim_start();
        while let Some((name, after)) = rest.split_once('=') {
            let (value, after) = value(after.trim_start())?;
            match name.trim().trim_start_matches(',').trim().to_ascii_lowercase().as_str() {
                "resource_metadata" => challenge.resource_metadata = Some(value),
                "scope" => challenge.scope = Some(value),
                "error" => challenge.error = Some(value),
                _ => {}
            }
            rest = after.trim_start().trim_start_matches(',').trim_start();
        }
        Some(challenge)
    }
}

/// A value, quoted or not, and what stands behind it.
fn value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ']).unwrap_or(text.len());
        let (value, rest) = text.split_at(end);
        return Some((value.to_owned(), rest));
    };
    let mut value = String::new();
    let mut letters = quoted.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, quoted.get(at + 1..)?)),
            '\\' => value.push(letters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_are_read_and_a_broken_challenge_is_none() {
        let read = Challenge::parse(
            r#"Bearer error="invalid_token", resource_metadata="https://a/b?c=d", scope="x \"y\"""#,
        );
        let expected = Challenge {
            resource_metadata: Some("https://a/b?c=d".into()),
            scope: Some("x \"y\"".into()),
            error: Some("invalid_token".into()),
        };
        assert_eq!(read, Some(expected));
        assert_eq!(Challenge::parse("bearer"), Some(Challenge::default()));
        let bare = Challenge::parse("Bearer error=insufficient_scope,scope=a");
        assert_eq!(bare.and_then(|c| c.scope), Some("a".into()));
        for broken in ["Basic realm=\"x\"", "Bearer scope=\"a", "Bearer scope=\"a\\", ""] {
            assert_eq!(Challenge::parse(broken), None, "{broken}");
        }
    }
}
