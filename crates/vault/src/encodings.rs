//! How software in the field writes a string down again: base64, percent-encoding, JSON escapes.
//!
//! Everything here returns secrets, so everything is in memory that is wiped.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use zeroize::Zeroizing;

/// Bytes that are wiped when dropped.
pub(crate) type Hidden = Zeroizing<Vec<u8>>;

/// The base64 digits that any text with `secret` inside it must contain, for each of the three
/// places `secret` can begin in a group of three bytes, in both alphabets.
///
/// The digits at either end that also depend on the neighbours are left out.
pub(crate) fn base64_forms(secret: &[u8]) -> Vec<Hidden> {
    let mut forms = Vec::with_capacity(6);
    let mut shifted = hidden(2 + secret.len());
    for before in 0..3_usize {
        shifted.clear();
        shifted.resize(before, 0);
        shifted.extend_from_slice(secret);
        // Six bits a digit: the first whole digit of the secret, and the end of its last whole one.
        let (first, end) = ((before * 8).div_ceil(6), shifted.len() * 8 / 6);
        let mut digits = Zeroizing::new(vec![0; shifted.len().div_ceil(3) * 4]);
        // The buffer is as long as the padded form, so this always fits.
        let written = STANDARD_NO_PAD.encode_slice(shifted.as_slice(), &mut digits).unwrap_or(0);
        digits.truncate(written.min(end));
        let first = first.min(digits.len());
        digits.drain(..first);
        // The two alphabets differ in two digits, and most secrets have neither.
        let other = digits.iter().any(|digit| b"+/".contains(digit)).then(|| {
            let url_safe = digits.iter().map(|digit| match digit {
                b'+' => b'-',
                b'/' => b'_',
                digit => *digit,
            });
            Hidden::new(url_safe.collect())
        });
        forms.push(digits);
        forms.extend(other);
    }
    forms
}

/// Whether no percent-encoding and no JSON writer below changes this byte.
pub(crate) fn is_never_escaped(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._".contains(&byte)
}

/// The ways to percent-encode that are in use, by the characters each leaves alone besides letters
/// and digits. A space becomes `+` in forms.
const PERCENT_STYLES: &[(&[u8], bool)] = &[
    // RFC 3986: Go, Java, Python `quote(safe="")`.
    (b"-._~", false),
    // Python `quote`.
    (b"-._~/", false),
    // JavaScript `encodeURIComponent`.
    (b"-_.!~*'()", false),
    // JavaScript `encodeURI`.
    (b"-_.!~*'();/?:@&=+$,#", false),
    // HTML forms, `URLSearchParams`.
    (b"*-._", true),
    // Python `quote_plus`, Go `QueryEscape`.
    (b"-._~", true),
];

/// `secret` percent-encoded, each way with upper-case and lower-case digits.
pub(crate) fn percent_forms(secret: &[u8]) -> Vec<Hidden> {
    let mut forms = Vec::new();
    for (kept, space_is_plus) in PERCENT_STYLES {
        for digits in [HEX_UPPER, HEX_LOWER] {
            let mut form = hidden(secret.len() * 3);
            for byte in secret {
                match byte {
                    b' ' if *space_is_plus => form.push(b'+'),
                    byte if byte.is_ascii_alphanumeric() || kept.contains(byte) => {
                        form.push(*byte);
                    }
                    byte => {
                        form.push(b'%');
                        push_hex(&mut form, *byte, digits);
                    }
                }
            }
            forms.push(form);
        }
    }
    forms
}

/// One writer's habits in JSON strings. All of them escape `"`, `\` and control characters.
struct JsonStyle {
    /// ASCII characters written as `\u00xx` without need.
    as_unicode: &'static [u8],
    /// `/` is written `\/`.
    slash: bool,
    /// Everything beyond ASCII is written `\uxxxx`.
    ascii_only: bool,
    /// The digits of `\u`.
    digits: &'static [u8; 16],
}

const JSON_STYLES: &[JsonStyle] = &[
    // JavaScript, Rust.
    JsonStyle { as_unicode: b"", slash: false, ascii_only: false, digits: HEX_LOWER },
    // Python, Ruby's ASCII mode.
    JsonStyle { as_unicode: b"", slash: false, ascii_only: true, digits: HEX_LOWER },
    // PHP, with and without JSON_UNESCAPED_UNICODE.
    JsonStyle { as_unicode: b"", slash: true, ascii_only: true, digits: HEX_LOWER },
    JsonStyle { as_unicode: b"", slash: true, ascii_only: false, digits: HEX_LOWER },
    // Go, Rails.
    JsonStyle { as_unicode: b"<>&", slash: false, ascii_only: false, digits: HEX_LOWER },
    // Gson.
    JsonStyle { as_unicode: b"<>&='", slash: false, ascii_only: false, digits: HEX_LOWER },
    // Jackson's ASCII mode.
    JsonStyle { as_unicode: b"", slash: false, ascii_only: true, digits: HEX_UPPER },
    // .NET.
    JsonStyle { as_unicode: b"\"&'+<>`", slash: false, ascii_only: true, digits: HEX_UPPER },
];

/// `secret` inside a JSON string, and inside a JSON text that is itself a JSON string, as in the
/// text content of tool results.
pub(crate) fn json_forms(secret: &[u8]) -> Vec<Hidden> {
    let mut once = Vec::new();
    for style in JSON_STYLES {
        push_new(&mut once, json_escaped(secret, style));
    }
    let mut forms = Vec::new();
    for inner in once {
        for style in JSON_STYLES {
            push_new(&mut forms, json_escaped(&inner, style));
        }
        push_new(&mut forms, inner);
    }
    forms
}

fn push_new(forms: &mut Vec<Hidden>, form: Hidden) {
    if !forms.contains(&form) {
        forms.push(form);
    }
}

fn json_escaped(secret: &[u8], style: &JsonStyle) -> Hidden {
    // `\uxxxx` is the longest escape of a byte.
    let mut form = hidden(secret.len() * 6);
    // What is not UTF-8 has no place in JSON; such bytes are passed as they are.
    for chunk in secret.utf8_chunks() {
        for character in chunk.valid().chars() {
            push_json(&mut form, character, style);
        }
        form.extend_from_slice(chunk.invalid());
    }
    form
}

fn push_json(form: &mut Hidden, character: char, style: &JsonStyle) {
    let escape = match character {
        _ if character.is_ascii() && style.as_unicode.contains(&(character as u8)) => None,
        '"' | '\\' => Some(character as u8),
        '/' if style.slash => Some(b'/'),
        '\u{8}' => Some(b'b'),
        '\t' => Some(b't'),
        '\n' => Some(b'n'),
        '\u{c}' => Some(b'f'),
        '\r' => Some(b'r'),
        '\0'..='\u{1f}' => None,
        _ if style.ascii_only && !character.is_ascii() => None,
        _ => {
            form.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            return;
        }
    };
    match escape {
        Some(short) => form.extend_from_slice(&[b'\\', short]),
        None => {
            for unit in character.encode_utf16(&mut [0; 2]) {
                form.extend_from_slice(b"\\u");
                let [high, low] = unit.to_be_bytes();
                push_hex(form, high, style.digits);
                push_hex(form, low, style.digits);
            }
        }
    }
}

const HEX_UPPER: &[u8; 16] = b"0123456789ABCDEF";
const HEX_LOWER: &[u8; 16] = b"0123456789abcdef";

fn push_hex(form: &mut Hidden, byte: u8, digits: &[u8; 16]) {
    form.extend([byte >> 4, byte & 0xF].map(|nibble| digits[usize::from(nibble)]));
}

/// Room for all that will be written: a growing buffer would leave a copy behind.
fn hidden(capacity: usize) -> Hidden {
    Zeroizing::new(Vec::with_capacity(capacity))
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    fn contains(forms: &[Hidden], wanted: &str) -> bool {
        forms.iter().any(|form| form.as_slice() == wanted.as_bytes())
    }

    #[test]
    fn base64_is_found_wherever_the_secret_begins_and_ends() {
        let secret = b"s3cret?>~value";
        let forms = base64_forms(secret);
        for before in 0..7 {
            for after in 0..7 {
                let text = [&b"abcdefg"[..before], secret, &b"hijklmn"[..after]].concat();
                for alphabet in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
                    let encoded = alphabet.encode(&text);
                    let found = forms.iter().any(|form| {
                        encoded.as_bytes().windows(form.len()).any(|w| w == form.as_slice())
                    });
                    assert!(found, "{encoded}");
                }
            }
        }
    }

    #[test]
    fn percent_encoding_comes_in_the_spellings_in_use() {
        let forms = percent_forms(b"a b/c+d~e!f:");
        for wanted in [
            "a%20b%2Fc%2Bd~e%21f%3A",
            "a%20b%2fc%2bd~e%21f%3a",
            "a%20b/c%2Bd~e%21f%3A",
            "a%20b%2Fc%2Bd~e!f%3A",
            "a%20b/c+d~e!f:",
            "a+b%2Fc%2Bd%7Ee%21f%3A",
            "a+b%2Fc%2Bd~e%21f%3A",
        ] {
            assert!(contains(&forms, wanted), "{wanted}");
        }
    }

    #[test]
    fn json_escapes_come_in_the_spellings_in_use() {
        let forms = json_forms("a\"\\/<+é\u{1F600}\t\u{1}'".as_bytes());
        for wanted in [
            r#"a\"\\/<+é😀\t\u0001'"#,
            r#"a\"\\/<+\u00e9\ud83d\ude00\t\u0001'"#,
            r#"a\"\\\/<+\u00e9\ud83d\ude00\t\u0001'"#,
            r#"a\"\\/\u003c+é😀\t\u0001'"#,
            r#"a\"\\/\u003c+é😀\t\u0001\u0027"#,
            r#"a\u0022\\/\u003C\u002B\u00E9\uD83D\uDE00\t\u0001\u0027"#,
            // A JSON text inside a JSON string.
            r#"a\\\"\\\\/<+é😀\\t\\u0001'"#,
            r#"a\\\"\\\\/<+\\u00e9\\ud83d\\ude00\\t\\u0001'"#,
        ] {
            assert!(contains(&forms, wanted), "{wanted}");
        }
    }

    #[test]
    fn what_is_never_escaped_is_never_escaped() {
        for byte in (0..=u8::MAX).filter(|byte| is_never_escaped(*byte)) {
            for form in percent_forms(&[byte]).iter().chain(&json_forms(&[byte])) {
                assert_eq!(form.as_slice(), [byte]);
            }
        }
    }

    #[test]
    fn bytes_that_are_not_text_are_kept() {
        assert!(json_forms(b"\xff\"\xfe").iter().any(|form| form.as_slice() == b"\xff\\\"\xfe"));
    }
}
