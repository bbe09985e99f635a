//! The vault against `vectors.txt`, which an independent program wrote (`make.py` beside it).

use std::collections::BTreeMap;

use vault::{
    KeyState, Keyring, KeyringRow, OpenError, Place, RootKey, Token, TokenError, TokenKind,
};

use crate::scripted::Bytes;

/// One `[section]`: its name and its values.
struct Section {
    name: &'static str,
    values: BTreeMap<&'static str, &'static str>,
}

impl Section {
    fn all(name: &str) -> Vec<Section> {
        let mut sections: Vec<Section> = Vec::new();
        for line in include_str!("../vectors/vectors.txt").lines() {
            if let Some(name) = line.strip_prefix('[') {
                let name = name.strip_suffix(']').unwrap();
                sections.push(Section { name, values: BTreeMap::new() });
            } else if let Some((key, value)) = line.split_once(" =") {
                sections.last_mut().unwrap().values.insert(key, value.trim());
            }
        }
        sections.retain(|section| section.name == name);
        assert!(!sections.is_empty(), "no vectors for {name}");
        sections
    }

    fn text(&self, key: &str) -> &'static str {
        self.values.get(key).unwrap_or_else(|| panic!("{} has no {key}", self.name))
    }

    fn bytes(&self, key: &str) -> Vec<u8> {
        hex(self.text(key))
    }

    fn name(&self, key: &str) -> String {
        String::from_utf8(self.bytes(key)).unwrap()
    }

    fn number<N: std::str::FromStr<Err: std::fmt::Debug>>(&self, key: &str) -> N {
        self.text(key).parse().unwrap()
    }

    fn list(&self, key: &str) -> Vec<Vec<u8>> {
        self.text(key).split('|').take(self.number("count")).map(hex).collect()
    }
}

fn hex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

fn slices(list: &[Vec<u8>]) -> Vec<&[u8]> {
    list.iter().map(Vec::as_slice).collect()
}

fn ring(name: &str) -> Keyring {
    let sections = Section::all(&format!("ring {name}"));
    let root = RootKey::from_bytes(&sections[0].bytes("root").try_into().unwrap());
    let row = |section: &Section| KeyringRow {
        id: section.number("id"),
        state: KeyState::parse(section.text("state")).unwrap(),
        wrapped: section.bytes("wrapped"),
        check: section.bytes("check"),
    };
    Keyring::load(&root, &sections.iter().map(row).collect::<Vec<_>>()).unwrap()
}

#[test]
fn published_records_open_and_are_made_again_byte_for_byte() {
    let ring = ring("main");
    assert_eq!(ring.active_id(), 2);
    for vector in Section::all("seal") {
        let names = ["org", "table", "record", "field"].map(|key| vector.name(key));
        let [org, table, record, field] = names.each_ref().map(String::as_str);
        let place = Place { org, table, record, field, generation: vector.number("generation") };
        let (plaintext, blob) = (vector.bytes("plaintext"), vector.bytes("blob"));
        let key_id: u32 = vector.number("key_id");

        assert_eq!(Keyring::key_id_of(&blob), Some(key_id));
        assert_eq!(ring.open(&place, &blob).unwrap().expose(), plaintext);
        let sealing = if key_id == 2 { ring.clone() } else { ring.activate(key_id).unwrap().0 };
        let salt = Bytes::new(&vector.bytes("salt"));
        assert_eq!(sealing.seal(&place, &plaintext, &salt).unwrap(), blob);
    }
}

#[test]
fn published_tokens_are_minted_parsed_and_hashed() {
    let ring = ring("main");
    for vector in Section::all("token") {
        let kinds = [TokenKind::Grant, TokenKind::ApiKey];
        let (ours, other) = match vector.text("prefix") {
            "csg1" => (kinds[0], kinds[1]),
            _ => (kinds[1], kinds[0]),
        };
        let minted = Token::mint(ours, &Bytes::new(&vector.bytes("random"))).unwrap();
        assert_eq!(minted.expose(), vector.text("token"));
        let parsed = Token::parse(ours, minted.expose().as_bytes()).unwrap();
        assert_eq!(parsed.expose(), minted.expose());
        assert_eq!(parsed.id(), minted.id());
        assert_eq!(
            Token::parse(other, minted.expose().as_bytes()).unwrap_err(),
            TokenError::Prefix
        );

        let pepper = ring.pepper(vector.number("pepper"));
        let stored = vector.bytes("hash");
        assert_eq!(parsed.hash(&pepper).as_slice(), stored);
        assert!(parsed.matches(&pepper, &stored));
        assert!(!parsed.matches(&ring.pepper(99), &stored));
    }
}

#[test]
fn published_row_macs_verify() {
    let key = ring("main").row_mac();
    for vector in Section::all("row") {
        let fields = vector.list("fields");
        let mac = vector.bytes("mac");
        assert_eq!(key.mac(vector.text("table"), &slices(&fields)).as_slice(), mac);
        assert!(key.verify(vector.text("table"), &slices(&fields), &mac));
    }
}

#[test]
fn published_states_open_and_are_made_again() {
    let key = ring("main").state_key();
    for vector in Section::all("state") {
        let context = vector.list("context");
        let (context, plaintext) = (slices(&context), vector.bytes("plaintext"));
        let state = vector.text("state");
        assert_eq!(key.open_state(&context, state).unwrap(), plaintext);
        let random = Bytes::new(&vector.bytes("random"));
        assert_eq!(key.seal_state(&context, &plaintext, &random).unwrap(), state);
    }
}

/// Y09: AES-GCM accepts this ciphertext under both keys; the commitment lets each record open
/// under the one key it names and no other.
#[test]
fn y09_a_ciphertext_made_for_two_keys_opens_under_one() {
    let (one, two) = (ring("one"), ring("two"));
    let vector = &Section::all("two-faced")[0];
    let (blob_one, blob_two) = (vector.bytes("blob_one"), vector.bytes("blob_two"));
    let place = Place {
        org: "org-1",
        table: "credentials",
        record: "cred-1",
        field: "value",
        generation: 1,
    };
    // The same head, ciphertext and tag; only the commitments differ.
    assert_eq!(blob_one[..38], blob_two[..38]);
    assert_eq!(blob_one[70..], blob_two[70..]);

    assert!(one.open(&place, &blob_one).is_ok());
    assert!(two.open(&place, &blob_two).is_ok());
    assert_eq!(one.open(&place, &blob_two).unwrap_err(), OpenError::NotOpened);
    assert_eq!(two.open(&place, &blob_one).unwrap_err(), OpenError::NotOpened);
}
