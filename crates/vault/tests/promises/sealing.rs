//! A sealed record opens at its place, unchanged, and in no other way. Rows Y03, Y04 and Y05.

use proptest::prelude::*;
use vault::{Keyring, OpenError, Place};

use crate::opening::nothing_opens_that_was_not_sealed;
use crate::scripted::{Bytes, PLACE, Seeded, ring};

#[test]
fn what_was_sealed_opens() {
    let (_, ring, _) = ring(1);
    for plaintext in [&b""[..], b"x", b"Bearer sk_live_1", &[0; 100_000]] {
        let blob = ring.seal(&PLACE, plaintext, &Seeded::new(2)).unwrap();
        assert_eq!(blob.len(), 38 + 32 + plaintext.len() + 16);
        assert_eq!(ring.open(&PLACE, &blob).unwrap().expose(), plaintext);
    }
}

#[test]
fn sealing_twice_gives_nothing_in_common() {
    let (_, ring, _) = ring(1);
    let random = Seeded::new(2);
    let one = ring.seal(&PLACE, &[0; 64], &random).unwrap();
    let two = ring.seal(&PLACE, &[0; 64], &random).unwrap();
    assert_eq!(one[..6], two[..6]);
    let equal = one[6..].iter().zip(&two[6..]).filter(|(a, b)| a == b).count();
    assert!(equal < 10, "{equal} of {} bytes are equal", one.len() - 6);
}

#[test]
fn without_a_salt_nothing_is_sealed() {
    let (_, ring, _) = ring(1);
    assert!(ring.seal(&PLACE, b"x", &Bytes::new(&[0; 31])).is_err());
}

/// Y04: moved to another record, field, organisation or table; an older one put back.
#[test]
fn y04_a_moved_record_does_not_open() {
    let (_, ring, _) = ring(1);
    let blob = ring.seal(&PLACE, b"secret", &Seeded::new(2)).unwrap();
    let others = [
        Place { org: "org-2", ..PLACE },
        Place { table: "members", ..PLACE },
        Place { record: "cred-2", ..PLACE },
        Place { field: "refresh", ..PLACE },
        Place { generation: 2, ..PLACE },
        Place { generation: 4, ..PLACE },
        Place { org: "", ..PLACE },
        Place { org: "ORG-1", ..PLACE },
        Place { record: "cred-1 ", ..PLACE },
        // The same letters, divided in another way.
        Place { org: "org-1c", table: "redentials", ..PLACE },
        Place { record: "cred-1value", field: "", ..PLACE },
        Place { org: PLACE.table, table: PLACE.org, ..PLACE },
    ];
    for place in others {
        assert_eq!(ring.open(&place, &blob).unwrap_err(), OpenError::NotOpened, "{place:?}");
    }
    assert!(ring.open(&PLACE, &blob).is_ok());
}

/// Y05: every bit of a record counts.
#[test]
fn y05_no_record_with_a_flipped_bit_opens() {
    let (_, ring, _) = ring(1);
    let blob = ring.seal(&PLACE, b"secret", &Seeded::new(2)).unwrap();
    for bit in 0..blob.len() * 8 {
        let mut other = blob.clone();
        other[bit / 8] ^= 1 << (bit % 8);
        let expected = match bit / 8 {
            // The key id is part of the bytes; another one names a key that is not there.
            2..6 => OpenError::UnknownKey(1 ^ (1 << ((5 - bit / 8) * 8 + bit % 8))),
            _ => OpenError::NotOpened,
        };
        assert_eq!(ring.open(&PLACE, &other).unwrap_err(), expected, "bit {bit}");
    }
}

/// Y05: cut anywhere, lengthened, and every version and suite but the one there is.
#[test]
fn y05_no_cut_or_longer_record_opens() {
    let (_, ring, _) = ring(1);
    let blob = ring.seal(&PLACE, b"secret", &Seeded::new(2)).unwrap();
    for end in 0..blob.len() {
        assert_eq!(ring.open(&PLACE, &blob[..end]).unwrap_err(), OpenError::NotOpened, "{end}");
        assert_eq!(ring.open(&PLACE, &blob[end + 1..]).unwrap_err(), OpenError::NotOpened);
    }
    let longer = [blob.as_slice(), &[0]].concat();
    assert_eq!(ring.open(&PLACE, &longer).unwrap_err(), OpenError::NotOpened);
    for position in [0, 1] {
        for value in (0..=u8::MAX).filter(|value| *value != 1) {
            let mut other = blob.clone();
            other[position] = value;
            assert_eq!(ring.open(&PLACE, &other).unwrap_err(), OpenError::NotOpened);
        }
    }
}

/// Y03: an unknown key is named, never guessed; the same id in another ring is another key.
#[test]
fn y03_a_record_of_another_ring_does_not_open() {
    let (_, ours, _) = ring(1);
    let (_, theirs, _) = ring(2);
    let blob = theirs.seal(&PLACE, b"secret", &Seeded::new(3)).unwrap();
    assert_eq!(ours.open(&PLACE, &blob).unwrap_err(), OpenError::NotOpened);
    for id in [0, 2, u32::MAX] {
        let mut other = blob.clone();
        other[2..6].copy_from_slice(&id.to_be_bytes());
        assert_eq!(ours.open(&PLACE, &other).unwrap_err(), OpenError::UnknownKey(id));
    }
}

/// The ring's own rows are sealed in the same format; they must not pass for records.
#[test]
fn a_wrapped_key_does_not_open_as_a_record() {
    let (_, ring, rows) = ring(1);
    for row in &rows {
        let record = row.id.to_string();
        for (field, blob) in [("key", &row.wrapped), ("check", &row.check)] {
            let place = Place { org: "", table: "keyring", record: &record, field, generation: 0 };
            let opened = ring.open(&place, blob);
            // Only the check of a data key is sealed with a data key, and it is no secret.
            assert_eq!(opened.is_ok(), field == "check" && row.id > 0);
        }
    }
}

#[test]
fn the_fuzzer_knows_what_is_good() {
    for bytes in [&b""[..], &[0; 200], b"org-1/credentials/cred-1/value", b"org-1"] {
        nothing_opens_that_was_not_sealed(bytes);
    }
}

fn any_ring() -> Keyring {
    ring(1).1
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn any_bytes_neither_open_nor_panic(blob in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(any_ring().open(&PLACE, &blob).is_err());
    }

    /// The fuzzer's own question.
    #[test]
    fn any_bytes_open_nothing_whether_as_a_record_as_changes_or_as_a_place(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        nothing_opens_that_was_not_sealed(&bytes);
    }

    #[test]
    fn any_bytes_behind_a_proper_head_neither_open_nor_panic(
        tail in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let blob = [&[1, 1, 0, 0, 0, 1][..], &tail].concat();
        prop_assert_eq!(any_ring().open(&PLACE, &blob).unwrap_err(), OpenError::NotOpened);
    }

    #[test]
    fn any_value_opens_at_its_place_and_at_no_other(
        names in prop::array::uniform4(".{0,20}"),
        others in prop::array::uniform4(".{0,20}"),
        generation in any::<u64>(),
        plaintext in prop::collection::vec(any::<u8>(), 0..200),
        seed in any::<u64>(),
    ) {
        let ring = any_ring();
        let at = |names: &'_ [String; 4]| names.clone();
        let (here, there) = (at(&names), at(&others));
        let place = |n| { let [org, table, record, field]: &[String; 4] = n;
            Place { org, table, record, field, generation } };
        let blob = ring.seal(&place(&here), &plaintext, &Seeded::new(seed)).unwrap();
        let opened = ring.open(&place(&here), &blob).unwrap();
        prop_assert_eq!(opened.expose(), plaintext.as_slice());
        prop_assert_eq!(ring.open(&place(&there), &blob).is_ok(), here == there);
    }
}
