//! Addresses of resources: taken only in the one spelling that means one place.
//!
//! A policy judges the text of an address. Whoever follows it may take another text for the same
//! place, so an address that another reader would first make plain is not judged at all.

/// Whether an address is in its plain form.
///
/// - **Shape**: the scheme in lower case; no segment `.` or `..`; no escape that stands for a
///   character which needs none, nor for a slash; no backslash and no control character.
pub(crate) fn is_plain(uri: &str) -> bool {
    let scheme = uri.split_once(':').map_or("", |(scheme, _)| scheme);
    let bytes = uri.as_bytes();
    let path = uri.split(['?', '#']).next().unwrap_or_default();
    !scheme.bytes().any(|b| b.is_ascii_uppercase())
        && !uri.chars().any(|c| c.is_control() || c == '\\')
        && !path.split('/').any(|segment| matches!(segment, "." | ".."))
        && bytes.iter().enumerate().filter(|(_, b)| **b == b'%').all(|(at, _)| is_needed(bytes, at))
}

/// Whether the escape at that place stands for a character that cannot stand there itself.
fn is_needed(uri: &[u8], at: usize) -> bool {
    let digit = |at: usize| uri.get(at).and_then(|b| char::from(*b).to_digit(16));
    let (Some(high), Some(low)) = (digit(at + 1), digit(at + 2)) else { return false };
    let Ok(byte) = u8::try_from(high * 16 + low) else { return false };
    !byte.is_ascii_alphanumeric() && !byte.is_ascii_control() && !b"-._~/\\".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_spelling() {
        for plain in [
            "file:///public/a",
            "https://example.com:8443/a/b?c=../d#e",
            "test://x/%20y",
            "demo://resource/%C3%A9",
            "file:///a..b/.c/d.",
            "notes",
            "urn:isbn:0451450523",
            "file:///grün/ä",
        ] {
            assert!(is_plain(plain), "{plain}");
        }
        for bent in [
            "file:///public/../secret",
            "file:///public/./a",
            "file:///public/..",
            "file:///public/%2e%2e/secret",
            "file:///public/.%2E/secret",
            "file:///public%2f..%2fsecret",
            "file:///%73ecret/b",
            "FILE:///secret/b",
            "file:///public\\..\\secret",
            "file:///public/a%",
            "file:///public/a%0",
            "file:///public/a%zz",
            "file:///public/a%00",
            "file:///public/a\n",
        ] {
            assert!(!is_plain(bent), "{bent}");
        }
    }
}
