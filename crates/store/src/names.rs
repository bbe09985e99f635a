//! What names may look like. Every store checks them here, before it writes anything.

use crate::ChangeError;

const SLUG_MAX: usize = 63;
const LABEL_MAX: usize = 100;
const PLACE_MAX: usize = 200;
const EMAIL_MAX: usize = 254;
const TAGS_MAX: usize = 32;
const TAG_KEY_MAX: usize = 63;
/// Header values beyond this are no credentials.
const HEADER_VALUE_BYTES_MAX: usize = 16 * 1024;
const HEADERS_MAX: usize = 16;

fn invalid(field: &'static str, problem: &'static str) -> ChangeError {
    ChangeError::Invalid { field, problem }
}

/// A name that is part of an address: `[a-z0-9-]{1,63}`.
pub(crate) fn slug(field: &'static str, text: &str) -> Result<(), ChangeError> {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if (1..=SLUG_MAX).contains(&text.len()) && text.bytes().all(fits) {
        Ok(())
    } else {
        Err(invalid(field, "must be 1 to 63 of the characters a-z, 0-9 and -"))
    }
}

/// A name for people: 1 to 100 characters that all can be seen, single spaces between them, and
/// nothing that could be taken for an id (`id_prefix`).
pub(crate) fn label(
    field: &'static str,
    text: &str,
    id_prefix: Option<&str>,
) -> Result<(), ChangeError> {
    one_line(field, text, LABEL_MAX, "must have 1 to 100 characters")?;
    if id_prefix.is_some_and(|prefix| text.starts_with(prefix)) {
        return Err(invalid(field, "must not look like an id"));
    }
    Ok(())
}

/// A place that people know, such as a repository and a folder: 1 to 200 characters that all can be
/// seen, single spaces between them. It is read, never followed.
pub(crate) fn place(field: &'static str, text: &str) -> Result<(), ChangeError> {
    one_line(field, text, PLACE_MAX, "must have 1 to 200 characters")
}

fn one_line(
    field: &'static str,
    text: &str,
    most: usize,
    length_problem: &'static str,
) -> Result<(), ChangeError> {
    let length = text.chars().take(most + 1).count();
    if length == 0 || length > most {
        return Err(invalid(field, length_problem));
    }
    if text.starts_with(' ') || text.ends_with(' ') || text.contains("  ") {
        return Err(invalid(field, "must not begin, end or be padded with spaces"));
    }
    if !text.chars().all(visible) {
        return Err(invalid(field, "must hold visible characters only"));
    }
    Ok(())
}

/// An address of a person: ASCII, one `@` with something on both sides, nothing that hides. Other
/// alphabets are left out on purpose: two addresses that look alike would be two people.
pub(crate) fn email(field: &'static str, text: &str) -> Result<(), ChangeError> {
    let mut parts = text.split('@');
    let part = |part: Option<&str>| part.is_some_and(|part| !part.is_empty());
    let two = part(parts.next()) && part(parts.next()) && parts.next().is_none();
    let fits = |b: u8| b.is_ascii_graphic() && !br#"<>()[],;:\""#.contains(&b);
    if !two || text.len() > EMAIL_MAX || !text.bytes().all(fits) {
        return Err(invalid(field, "must be an e-mail address of at most 254 ASCII characters"));
    }
    Ok(())
}

/// A note for the record: at most 500 characters, line ends allowed.
pub(crate) fn note(field: &'static str, text: &str) -> Result<(), ChangeError> {
    if text.chars().take(501).count() > 500 {
        return Err(invalid(field, "must have at most 500 characters"));
    }
    if !text.chars().all(|c| visible(c) || c == '\n') {
        return Err(invalid(field, "must hold visible characters only"));
    }
    Ok(())
}

/// Why somebody did something, for the record: a note that says something.
pub(crate) fn reason(field: &'static str, text: &str) -> Result<(), ChangeError> {
    if text.trim().is_empty() {
        return Err(invalid(field, "must say why"));
    }
    note(field, text)
}

/// Free labels: `grant.tags.KEY` in a policy.
pub(crate) fn tags(field: &'static str, tags: &[(String, String)]) -> Result<(), ChangeError> {
    if tags.len() > TAGS_MAX {
        return Err(invalid(field, "must be at most 32"));
    }
    let key_fits = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    for (at, (key, value)) in tags.iter().enumerate() {
        if !(1..=TAG_KEY_MAX).contains(&key.len()) || !key.bytes().all(key_fits) {
            return Err(invalid(field, "need keys of 1 to 63 letters, digits, _ and -"));
        }
        if tags.iter().take(at).any(|(other, _)| other == key) {
            return Err(invalid(field, "must not hold a key twice"));
        }
        label(field, value, None)?;
    }
    Ok(())
}

/// The headers of a credential, names in lower case: each once, none that HTTP itself needs.
pub(crate) fn headers<'a>(
    headers: impl ExactSizeIterator<Item = (&'a str, &'a [u8])>,
) -> Result<(), ChangeError> {
    const FIELD: &str = "headers";
    /// Headers that frame a message, say where it goes, or that the gateway itself writes.
    const NOT_OURS: [&str; 16] = [
        "accept",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "keep-alive",
        "last-event-id",
        "mcp-method",
        "mcp-name",
        "mcp-protocol-version",
        "mcp-session-id",
        "te",
        "transfer-encoding",
        "upgrade",
    ];
    let token =
        |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"!#$%&'*+-.^_`|~".contains(&b);
    if !(1..=HEADERS_MAX).contains(&headers.len()) {
        return Err(invalid(FIELD, "must be 1 to 16"));
    }
    let mut seen: Vec<&str> = Vec::new();
    for (name, value) in headers {
        if !(1..=100).contains(&name.len()) || !name.bytes().all(token) {
            return Err(invalid(FIELD, "need names that HTTP allows"));
        }
        if NOT_OURS.contains(&name) {
            return Err(invalid(FIELD, "must not name a header that carries the message itself"));
        }
        if seen.contains(&name) {
            return Err(invalid(FIELD, "must not hold a name twice"));
        }
        seen.push(name);
        let printable = |b: &u8| (0x20..=0x7e).contains(b) || *b >= 0x80;
        if value.is_empty() || value.len() > HEADER_VALUE_BYTES_MAX || !value.iter().all(printable)
        {
            return Err(invalid(
                FIELD,
                "need values of 1 to 16384 bytes with no control character",
            ));
        }
        if value.first() == Some(&b' ') || value.last() == Some(&b' ') {
            return Err(invalid(FIELD, "need values that neither begin nor end with a space"));
        }
    }
    Ok(())
}

/// Whether a character shows: no control, no blank but the plain space, nothing that only steers
/// how its neighbours look.
fn visible(c: char) -> bool {
    let unseen = matches!(c,
        '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e000}'..='\u{f8ff}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{10ffff}');
    !unseen && !c.is_control() && (c == ' ' || !c.is_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_is_lower_case_ascii() {
        for good in ["a", "payments", "0", "a-b-1", &"x".repeat(63)] {
            assert!(slug("slug", good).is_ok(), "{good}");
        }
        for bad in ["", "A", "a b", "a_b", "a/b", "ä", "a\n", &"x".repeat(64)] {
            assert!(slug("slug", bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_label_is_what_people_see() {
        for good in ["support-agent", "Größe 1", "支援", "a b", "csg1", &"é".repeat(100)] {
            assert!(label("label", good, Some("grt_")).is_ok(), "{good}");
        }
        let bad = [
            "",
            " ",
            " a",
            "a ",
            "a  b",
            "a\tb",
            "a\nb",
            "a\0b",
            "a\u{200b}b",
            "\u{202e}abc",
            "a\u{a0}b",
            "\u{feff}a",
            "a\u{e0041}b",
            "\u{3164}",
            "grt_1",
            &"é".repeat(101),
        ];
        for bad in bad {
            assert!(label("label", bad, Some("grt_")).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_place_is_one_line_that_people_read() {
        for good in ["acme/policies", "git.example.org/acme: prod/", &"é".repeat(200)] {
            assert!(place("kept_in", good).is_ok(), "{good}");
        }
        for bad in ["", " ", "a ", "a\nb", "a\u{202e}b", "a\u{200b}", &"é".repeat(201)] {
            assert!(place("kept_in", bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_address_has_one_at_sign_and_nothing_that_hides() {
        for good in ["a@b", "Ada.Lovelace+x@example.org", "admin@localhost"] {
            assert!(email("email", good).is_ok(), "{good}");
        }
        let long = format!("{}@b", "a".repeat(253));
        for bad in
            ["", "a", "@b", "a@", "a@b@c", "a b@c", "a@b\n", "<a@b>", "ä@b", "a@b,c@d", &long]
        {
            assert!(email("email", bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn tags_have_plain_keys_each_once() {
        let of = |list: &[(&str, &str)]| -> Vec<(String, String)> {
            list.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
        };
        assert!(tags("tags", &of(&[("team", "a b"), ("Cost-Center_1", "7")])).is_ok());
        for bad in [&[("", "a")][..], &[("a.b", "a")], &[("a", "")], &[("a", "1"), ("a", "2")]] {
            assert!(tags("tags", &of(bad)).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_credential_cannot_bend_the_message_it_rides_on() {
        let check = |list: &[(&str, &[u8])]| headers(list.iter().copied());
        assert!(check(&[("authorization", b"Bearer x"), ("x-api-key", b"\xc3\xa4")]).is_ok());
        let bad: [&[(&str, &[u8])]; 11] = [
            &[],
            &[("", b"x")],
            &[("Authorization", b"x")],
            &[("a b", b"x")],
            &[("a\r\nb", b"x")],
            &[("host", b"x")],
            &[("transfer-encoding", b"x")],
            &[("a", b"")],
            &[("a", b"x\r\nb: c")],
            &[("a", b"x\0")],
            &[("a", b"x"), ("a", b"y")],
        ];
        for list in bad {
            assert!(check(list).is_err(), "{list:?}");
        }
    }
}
