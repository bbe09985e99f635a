//! What is found, what is left alone, and that a stream hides nothing between its chunks.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use proptest::prelude::*;

use super::*;

fn needles(value: &str) -> EchoNeedles {
    EchoNeedles::new([&Secret::from(value.to_owned())])
}

#[test]
fn every_simple_spelling_of_a_credential_is_found() {
    let cases: &[(&str, &str)] = &[
        ("sk_live_4eC39HqLyj", "sk_live_4eC39HqLyj"),
        ("sk_live_4eC39HqLyj", r#"{"error":"bad key sk_live_4eC39HqLyj"}"#),
        ("Bearer sk_live_4eC39HqLyj", "authorization=Bearer sk_live_4eC39HqLyj;"),
        ("Bearer sk_live_4eC39HqLyj", "you sent sk_live_4eC39HqLyj"),
        ("bearer   sk_live_4eC39HqLyj", "you sent sk_live_4eC39HqLyj"),
        ("  sk_live_4eC39HqLyj ", "you sent sk_live_4eC39HqLyj"),
        ("GenieKey eb243592-faa2-4ba2", "eb243592-faa2-4ba2"),
        ("Token token=\"4eC39HqLyj\"", "4eC39HqLyj"),
        ("Token token=4eC39HqLyj", "4eC39HqLyj"),
        ("Basic bWU6aHVudGVyMjIy", "bWU6aHVudGVyMjIy"),
        ("Basic bWU6aHVudGVyMjIy", "user me, password hunter222"),
        ("Basic bWU6aHVudGVyMjIy", "me:hunter222"),
        ("p/w+d=ab cd&ef", "k=p%2Fw%2Bd%3Dab%20cd%26ef"),
        ("p/w+d=ab cd&ef", "k=p%2fw%2bd%3dab+cd%26ef"),
        ("p/w+d=ab cd&ef", r#""p\/w+d=ab cd&ef""#),
        ("p/w+d=ab cd&ef", r#""p/w+d=ab cd\u0026ef""#),
        ("p/w+d=ab cd&ef", r#""p/w\u002Bd=ab cd\u0026ef""#),
        ("pass\"word\\1", r#""pass\"word\\1""#),
        ("pass\"word\\1", r#""{\"k\":\"pass\\\"word\\\\1\"}""#),
        ("pässwörter", r#""p\u00e4ssw\u00f6rter""#),
    ];
    for (value, text) in cases {
        let needles = needles(value);
        assert!(needles.find(text.as_bytes()).is_some(), "{value} in {text}");
        let clean = needles.redact(text.as_bytes()).unwrap();
        assert_eq!(needles.find(&clean), None, "{value} in {text}");
        let marked = memchr::memmem::find(&clean, REDACTED).is_some();
        assert!(marked, "{value} in {text}");
    }
}

#[test]
fn innocent_text_passes() {
    let cases: &[(&str, &str)] = &[
        ("Bearer sk_live_4eC39HqLyj", "Bearer sk_live_4eC39HqLyk"),
        ("Bearer sk_live_4eC39HqLyj", "sk_live_4eC39HqLy"),
        ("Bearer sk_live_4eC39HqLyj", "SK_LIVE_4EC39HQLYJ"),
        ("Bearer sk_live_4eC39HqLyj", "Bearer Bearer Bearer"),
        ("short", "short"),
        ("Bearer abc", "abc abc abc"),
        ("", "anything"),
    ];
    for (value, text) in cases {
        let needles = needles(value);
        assert_eq!(needles.find(text.as_bytes()), None, "{value} in {text}");
        assert_eq!(needles.redact(text.as_bytes()), None, "{value} in {text}");
    }
    assert!(needles("short").is_empty());
    assert_eq!(needles("short").longest(), 0);
    assert!(EchoNeedles::new([]).is_empty());
}

#[test]
fn the_first_copy_is_the_one_reported() {
    let needles = EchoNeedles::new(&[
        Secret::from("aaaa-bbbb".to_owned()),
        Secret::from("cccc-dddd".to_owned()),
    ]);
    assert_eq!(needles.find(b"..cccc-dddd..aaaa-bbbb"), Some(2..11));
    assert_eq!(needles.find(b"..aaaa-bbbb..cccc-dddd"), Some(2..11));
    assert_eq!(needles.find(b"cccc-ddddaaaa-bbbb"), Some(0..9));
    // Also when it reaches into one that was found before it.
    let [late, early] = ["bbbb-cccc", "aaaa-bbbb"].map(|text| Secret::from(text.to_owned()));
    for order in [[&late, &early], [&early, &late]] {
        let needles = EchoNeedles::new(order);
        assert_eq!(needles.find(b".aaaa-bbbb-cccc."), Some(1..10));
        assert_eq!(needles.redact(b".aaaa-bbbb-cccc.").unwrap(), b".[redacted].");
    }
}

#[test]
fn all_copies_are_replaced_and_nothing_else() {
    let needles = needles("Bearer sk_live_4eC39HqLyj");
    let text = b"a sk_live_4eC39HqLyj b sk_live_4eC39HqLyjsk_live_4eC39HqLyj c";
    let clean = needles.redact(text).unwrap();
    assert_eq!(clean, b"a [redacted] b [redacted][redacted] c");
    // Copies that overlap leave no rest.
    let needles = super::tests::needles("abababab");
    assert_eq!(needles.redact(b"-abababababab-").unwrap(), b"-[redacted]-");
}

#[test]
fn an_ordinary_key_needs_few_searches() {
    // Plain and base64 at three alignments; every further spelling contains one of these.
    assert_eq!(needles("Bearer sk_live_4eC39HqLyj").needles.len(), 4);
}

#[test]
fn needles_print_nothing_of_what_they_look_for() {
    let printed = format!("{:?}", needles("Bearer sk_live_4eC39HqLyj"));
    assert_eq!(printed, "EchoNeedles(4 spellings, [redacted])");
}

/// Reads `text` in chunks, holding back only what [`EchoNeedles::open_end`] asks for.
fn found_in_stream(needles: &EchoNeedles, text: &[u8], chunk_bytes: usize) -> bool {
    let mut held = Vec::new();
    for chunk in text.chunks(chunk_bytes) {
        held.extend_from_slice(chunk);
        if needles.find(&held).is_some() {
            return true;
        }
        let open = needles.open_end(&held);
        assert!(open < needles.longest());
        held.drain(..held.len() - open);
    }
    false
}

proptest! {
    #[test]
    fn a_copy_is_found_in_any_surroundings_and_any_chunks(
        secret in "[ -~]{12,40}",
        before in prop::collection::vec(any::<u8>(), 0..50),
        after in prop::collection::vec(any::<u8>(), 0..50),
        spelling in 0..4_u8,
        chunk_bytes in 1..30_usize,
    ) {
        let secret = secret.trim();
        prop_assume!(secret.len() >= 12);
        let spelled = |bytes: &[u8]| match spelling {
            0 => bytes.to_vec(),
            1 => STANDARD.encode(bytes).into_bytes(),
            2 => URL_SAFE.encode(bytes).into_bytes(),
            _ => bytes.iter().flat_map(|byte| if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
                vec![*byte]
            } else {
                format!("%{byte:02X}").into_bytes()
            }).collect(),
        };
        let text = spelled(&[&before, secret.as_bytes(), &after].concat());
        let needles = needles(secret);
        let copy = needles.find(&text);
        prop_assert!(copy.is_some());
        prop_assert!(copy.is_some_and(|copy| copy.end <= text.len()));
        prop_assert!(needles.find(&needles.redact(&text).unwrap()).is_none());
        prop_assert!(found_in_stream(&needles, &text, chunk_bytes));
    }

    #[test]
    fn searching_any_bytes_for_any_bytes_never_panics(
        secret in prop::collection::vec(any::<u8>(), 0..40),
        text in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let needles = EchoNeedles::new([&Secret::new(secret)]);
        prop_assert_eq!(needles.find(&text).is_some(), needles.redact(&text).is_some());
        prop_assert!(needles.open_end(&text) <= text.len());
    }
}
