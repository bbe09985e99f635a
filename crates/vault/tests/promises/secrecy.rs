//! K05: no type prints the secret inside it, in any format, and no error carries one.

use std::fmt::Debug;

use vault::{
    EchoNeedles, Keyring, Pepper, RootKey, RootKeySource, RowMac, Secret, StateKey, Token,
    TokenKind,
};

use crate::scripted::{PLACE, Seeded};

const CANARY: &str = "canary-5f3a9c-value";
/// The canary as a key: its bytes would print as `99, 97, 110` or `63616e`.
const KEY: &[u8; 32] = b"canary-5f3a9c-value-canary-5f3a9";

fn silent(printed: &str) {
    let spellings = [
        "canary",
        "5f3a9c",
        "99, 97, 110",
        "63, 61, 6e",
        "63616e617279",
        "63616E617279",
        "Y2FuYXJ5",
        "\\x63",
    ];
    for spelling in spellings {
        assert!(!printed.contains(spelling), "{spelling} in {printed}");
    }
}

fn prints_nothing(value: &dyn Debug) {
    let printed = [
        format!("{value:?}"),
        format!("{value:#?}"),
        format!("{value:x?}"),
        format!("{value:#X?}"),
    ];
    for printed in &printed {
        silent(printed);
    }
    assert!(printed[0].contains("[redacted]") || printed[0].starts_with("Keyring"), "{printed:?}");
}

#[test]
fn k05_no_secret_type_prints_its_secret() {
    let root = RootKey::from_bytes(KEY);
    prints_nothing(&Secret::from(CANARY.to_owned()));
    prints_nothing(&Some(Secret::new(CANARY.into())));
    prints_nothing(&root);
    prints_nothing(&root.to_text());
    prints_nothing(&RootKeySource::Value(Secret::from(CANARY.to_owned())));
    prints_nothing(&Pepper::new(1, KEY));
    prints_nothing(&RowMac::new(KEY));
    prints_nothing(&StateKey::new(KEY));
    prints_nothing(&EchoNeedles::new([&Secret::from(format!("Bearer {CANARY}"))]));

    let (ring, _) = Keyring::create(&root, &Seeded::new(1)).unwrap();
    prints_nothing(&ring);
    let blob = ring.seal(&PLACE, CANARY.as_bytes(), &Seeded::new(2)).unwrap();
    prints_nothing(&ring.open(&PLACE, &blob));
}

#[test]
fn k05_a_token_prints_its_public_part_only() {
    let token = Token::mint(TokenKind::Grant, &Seeded::new(1)).unwrap();
    let secret = token.expose().split('_').nth(2).unwrap();
    let expected = format!("csg1_{}_[redacted]", token.id());
    for printed in [format!("{token}"), format!("{token:?}"), format!("{token:#?}")] {
        assert_eq!(printed, expected);
        assert!(!printed.contains(&secret[..4]));
    }
}

#[test]
fn a_sealed_value_is_nowhere_in_its_record() {
    let (ring, rows) = Keyring::create(&RootKey::from_bytes(KEY), &Seeded::new(1)).unwrap();
    let blob = ring.seal(&PLACE, CANARY.as_bytes(), &Seeded::new(2)).unwrap();
    let all = rows.iter().flat_map(|row| [&row.wrapped, &row.check]).chain([&blob]);
    for bytes in all {
        for secret in [CANARY.as_bytes(), KEY] {
            assert!(!bytes.windows(6).any(|window| secret.windows(6).any(|part| part == window)));
        }
    }
}

#[test]
fn k01_errors_do_not_quote_what_they_refuse() {
    let source = RootKeySource::Value(Secret::from(CANARY.to_owned()));
    let error = source.load().unwrap_err();
    silent(&format!("{error} {error:?} {source}"));

    let error = RootKey::from_contents(CANARY.as_bytes()).unwrap_err();
    silent(&format!("{error} {error:?}"));

    let stranger = format!("csg1_{CANARY}{CANARY}{CANARY}------");
    assert_eq!(stranger.len(), 68);
    let error = Token::parse(TokenKind::Grant, stranger.as_bytes()).unwrap_err();
    silent(&format!("{error} {error:?}"));
}
