//! Tokens: exact or nothing. Rows A02, A04 and A05.

use proptest::prelude::*;
use vault::{OsRandom, Pepper, Token, TokenError, TokenId, TokenKind};

use crate::scripted::{Bytes, Seeded};

fn grant() -> Token {
    Token::mint(TokenKind::Grant, &Seeded::new(1)).unwrap()
}

#[test]
fn a_token_has_its_parts_in_their_places() {
    for kind in [
        TokenKind::Grant,
        TokenKind::ApiKey,
        TokenKind::Invite,
        TokenKind::Session,
        TokenKind::Setup,
    ] {
        let token = Token::mint(kind, &OsRandom).unwrap();
        let text = token.expose();
        assert_eq!(text.len(), 68);
        let parts: Vec<_> = text.split('_').collect();
        assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), [4, 12, 43, 6]);
        assert_eq!(format!("{}_", parts[0]), kind.prefix());
        assert_eq!(token.id().as_str(), parts[1]);
        assert_eq!(TokenId::parse(parts[1]), Some(token.id()));
        assert_eq!(Token::parse(kind, text.as_bytes()).unwrap().kind(), kind);
    }
}

#[test]
fn without_randomness_no_token_is_minted() {
    assert!(Token::mint(TokenKind::Grant, &Bytes::new(&[0; 47])).is_err());
}

/// A02: what surrounds a token in a careless header is not part of it.
#[test]
fn a02_near_misses_are_refused() {
    let text = grant().expose().to_owned();
    let cases = [
        (String::new(), TokenError::Length),
        (format!(" {text}"), TokenError::Length),
        (format!("{text} "), TokenError::Length),
        (format!("{text}\n"), TokenError::Length),
        (format!("\t{text}"), TokenError::Length),
        (format!("\"{text}\""), TokenError::Length),
        (format!("{text}\0"), TokenError::Length),
        (format!("{text}{text}"), TokenError::Length),
        (format!("{text},"), TokenError::Length),
        (text[..67].to_owned(), TokenError::Length),
        (text[1..].to_owned(), TokenError::Length),
        (format!(" {}", &text[..67]), TokenError::Prefix),
        (format!("CSG1_{}", &text[5..]), TokenError::Prefix),
        (format!("csg2_{}", &text[5..]), TokenError::Prefix),
        (format!("csk1_{}", &text[5..]), TokenError::Prefix),
        (format!("csg1-{}", &text[5..]), TokenError::Prefix),
        (text.replace('_', "-"), TokenError::Prefix),
        (format!("{}-{}", &text[..17], &text[18..]), TokenError::Shape),
        (format!("{}-{}", &text[..61], &text[62..]), TokenError::Shape),
        (format!("{}é{}", &text[..20], &text[22..]), TokenError::Shape),
        (format!("{} {}", &text[..20], &text[21..]), TokenError::Shape),
        (format!("{}_{}", &text[..20], &text[21..]), TokenError::Shape),
        (format!("{}000000", &text[..62]), TokenError::Checksum),
    ];
    for (other, expected) in cases {
        let error = Token::parse(TokenKind::Grant, other.as_bytes()).unwrap_err();
        assert_eq!(error, expected, "{other}");
    }
    for other in [text.to_lowercase(), text.to_uppercase(), text.chars().rev().collect()] {
        assert!(Token::parse(TokenKind::Grant, other.as_bytes()).is_err(), "{other}");
    }
}

#[test]
fn no_token_with_another_byte_anywhere_is_one() {
    let text = grant().expose().as_bytes().to_vec();
    for position in 0..text.len() {
        for byte in (0..=u8::MAX).filter(|byte| *byte != text[position]) {
            let mut other = text.clone();
            other[position] = byte;
            assert!(Token::parse(TokenKind::Grant, &other).is_err(), "{position} {byte}");
        }
        if position > 0 {
            let mut other = text.clone();
            other.swap(position, position - 1);
            let same = other == text;
            assert_eq!(Token::parse(TokenKind::Grant, &other).is_ok(), same, "{position}");
        }
    }
}

/// A04: the stored hash is no token, however it is spelled.
#[test]
fn a04_a_stored_hash_is_not_a_token() {
    let pepper = Pepper::new(1, &[5; 32]);
    let hash = grant().hash(&pepper);
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    let spelled = [hash.to_vec(), hex.clone().into_bytes(), format!("csg1_{hex}").into_bytes()];
    for spelled in spelled {
        assert!(Token::parse(TokenKind::Grant, &spelled).is_err());
    }
}

/// A05: all 32 bytes decide.
#[test]
fn a05_a_hash_that_begins_alike_does_not_match() {
    let (token, pepper) = (grant(), Pepper::new(1, &[5; 32]));
    let hash = token.hash(&pepper);
    assert!(token.matches(&pepper, &hash));
    for bit in 0..256 {
        let mut other = hash;
        other[bit / 8] ^= 1 << (bit % 8);
        assert!(!token.matches(&pepper, &other), "bit {bit}");
    }
    for part in [&hash[..8], &hash[..31], &[], &[hash, hash].concat()] {
        assert!(!token.matches(&pepper, part));
    }
}

#[test]
fn another_token_or_pepper_gives_another_hash() {
    let (token, pepper) = (grant(), Pepper::new(1, &[5; 32]));
    let hash = token.hash(&pepper);
    assert!(!token.matches(&Pepper::new(1, &[6; 32]), &hash));
    assert!(!Token::mint(TokenKind::Grant, &Seeded::new(2)).unwrap().matches(&pepper, &hash));
    // The same random bytes as an API key: the prefix is hashed as well.
    assert!(!Token::mint(TokenKind::ApiKey, &Seeded::new(1)).unwrap().matches(&pepper, &hash));
}

#[test]
fn ids_are_twelve_digits() {
    for text in ["", "0123456789a", "0123456789abc", "0123456789a_", "0123456789é", "0123456789 b"]
    {
        assert_eq!(TokenId::parse(text), None, "{text}");
    }
    assert_eq!(TokenId::parse("0123456789aZ").unwrap().to_string(), "0123456789aZ");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn any_minted_token_parses_and_any_bytes_do_not_panic(
        random in prop::array::uniform32(any::<u8>()),
        more in prop::array::uniform16(any::<u8>()),
        bytes in prop::collection::vec(any::<u8>(), 0..80),
        text in "csg1_[0-9A-Za-z]{12}_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}",
    ) {
        let token = Token::mint(TokenKind::Grant, &Bytes::new(&[&random[..], &more].concat())).unwrap();
        prop_assert!(Token::parse(TokenKind::Grant, token.expose().as_bytes()).is_ok());
        prop_assert!(Token::parse(TokenKind::Grant, &bytes).is_err());
        // One made-up checksum in four thousand million is right.
        prop_assert_eq!(Token::parse(TokenKind::Grant, text.as_bytes()).unwrap_err(), TokenError::Checksum);
    }
}
