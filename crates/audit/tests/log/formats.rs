//! Keys, notes, checkpoints, tiles and proofs as text: one spelling each, and no other passes.

use audit::note::{Note, NoteError};
use audit::tile::Tile;
use audit::{
    Checkpoint, CheckpointError, Inclusion, InclusionError, KeyError, KeyKind, PublicKey,
    SigningKey, is_name,
};

use crate::support::{File, Kept, ORIGIN, checkpoint, key, log, witness};

#[test]
fn a_key_has_one_spelling() {
    let text = key(1).public().to_string();
    assert_eq!(PublicKey::parse(&text).unwrap().to_string(), text);
    let (name, rest) = text.split_once('+').unwrap();
    for (wrong, error) in [
        (text.replace(name, "another/audit"), KeyError::Id),
        (text.replace('+', " "), KeyError::Shape),
        (format!("{text}="), KeyError::Shape),
        (format!("{name}+{}", rest.to_uppercase()), KeyError::Id),
        (format!("a b+{rest}"), KeyError::Name),
        (format!("+{rest}"), KeyError::Name),
        (name.to_owned(), KeyError::Shape),
        (String::new(), KeyError::Shape),
        ("x+00000000+CQ==".to_owned(), KeyError::Kind),
    ] {
        let found = PublicKey::parse(&wrong);
        let also_fine = matches!(found, Err(KeyError::Shape | KeyError::Kind));
        assert!(found == Err(error) || also_fine, "{wrong}: {found:?}");
    }
    for name in ["", "a b", "a+b", "a\nb", "a\u{a0}b", &"a".repeat(256)] {
        assert!(!is_name(name), "{name}");
        assert!(SigningKey::from_seed(name, KeyKind::Log, &[1; 32]).is_err());
    }
}

#[test]
fn a_key_that_signs_is_read_as_it_is_written() {
    for kind in [KeyKind::Log, KeyKind::Witness] {
        let text = SigningKey::written("w.example/1", kind, &[9; 32]).unwrap();
        let read = SigningKey::parse(&text).unwrap();
        let made = SigningKey::from_seed("w.example/1", kind, &[9; 32]).unwrap();
        assert_eq!(read.public(), made.public());
        let renamed = text.replace("w.example", "v.example");
        assert_eq!(SigningKey::parse(&renamed).map(|_| ()), Err(KeyError::Id));
        for wrong in ["", &text[8..], &text[..text.len() - 4], &text.replace('+', "-")] {
            assert!(SigningKey::parse(wrong).is_err(), "{wrong}");
        }
    }
}

#[test]
fn a_signing_key_prints_no_secret() {
    let printed = format!("{:?}", key(7));
    assert!(printed.contains("[redacted]") && !printed.contains("7, 7"), "{printed}");
}

#[test]
fn a_note_is_read_as_it_is_written() {
    let mut note = checkpoint(&log(9)).sign(&key(1));
    note.cosign(&witness(3), 1_679_315_147);
    note.cosign(&witness(3), 1_679_315_150);
    let text = note.to_string();
    assert_eq!(Note::parse(&text).unwrap(), note);
    assert_eq!(note.verify(key(1).public()), Ok(None));
    assert_eq!(note.verify(witness(3).public()), Ok(Some(1_679_315_150)));
    assert_eq!(note.verify(key(2).public()), Err(NoteError::NotSigned));
    // One false signature under a known key's name spoils the note.
    let mut false_one = note.clone();
    false_one.signatures[0].bytes[5] ^= 1;
    assert_eq!(false_one.verify(key(1).public()), Err(NoteError::BadSignature));
    // The time is signed too.
    let mut later = note.clone();
    later.signatures[1].bytes[7] ^= 1;
    assert_eq!(later.verify(witness(3).public()), Err(NoteError::BadSignature));
    // A witness's signature is none of a log's, though the same key made it.
    let log_key = SigningKey::from_seed("witness.example/w3", KeyKind::Log, &[3; 32]).unwrap();
    assert_eq!(note.verify(log_key.public()), Err(NoteError::NotSigned));
}

#[test]
fn notes_that_are_spelled_otherwise_are_refused() {
    let good = checkpoint(&log(9)).sign(&key(1)).to_string();
    let line = good.lines().last().unwrap().to_owned();
    let many = format!("{good}{}", format!("{line}\n").repeat(64));
    for wrong in [
        "",
        "\n\n",
        good.trim_end(),
        &good.replace("\n\n", "\n"),
        &good.replace("— ", "- "),
        &good.replace("— ", "—"),
        &good.replace('\n', "\r\n"),
        &good.replace("audit", "au\tdit"),
        &format!("{good}\n"),
        &format!("{good}— x AAAA\n"),
        &format!("{good}— x+y AAAAAAAA\n"),
        &format!("{good}{line} {line}\n"),
        &many,
        &"a".repeat(70_000),
    ] {
        assert!(Note::parse(wrong).is_err(), "{wrong}");
        assert!(Checkpoint::open(wrong, key(1).public()).is_err());
    }
}

#[test]
fn checkpoints_that_are_spelled_otherwise_are_refused() {
    let empty = audit::Hash::empty();
    let root = checkpoint(&log(9)).root;
    for (text, good) in [
        (format!("{ORIGIN}\n9\n{root}\n"), true),
        (format!("{ORIGIN}\n9\n{root}\nan extension\n"), true),
        (format!("{ORIGIN}\n0\n{empty}\n"), true),
        (format!("{ORIGIN}\n0\n{root}\n"), false),
        (format!("{ORIGIN}\n09\n{root}\n"), false),
        (format!("{ORIGIN}\n+9\n{root}\n"), false),
        (format!("{ORIGIN}\n-0\n{empty}\n"), false),
        (format!("{ORIGIN}\n9223372036854775808\n{root}\n"), false),
        (format!("{ORIGIN}\n99999999999999999999\n{root}\n"), false),
        (format!("{ORIGIN}\n9\n{root}"), false),
        (format!("{ORIGIN}\n9\n{root}\n\n"), false),
        (format!("{ORIGIN}\n9\n{}\n", root.to_string().trim_end_matches('=')), false),
        (format!("{ORIGIN}\n9\n{root} \n"), false),
        (format!("\n9\n{root}\n"), false),
        (format!("{ORIGIN}\n9\n"), false),
        (format!("{}\n9\n{root}\n", "o".repeat(256)), false),
    ] {
        assert_eq!(Checkpoint::parse(&text).is_ok(), good, "{text}");
    }
    // Signed by the key, but of another log.
    let mut other = Note::new(format!("other/audit\n9\n{root}\n"));
    other.sign(&key(1));
    let opened = Checkpoint::open(&other.to_string(), key(1).public());
    assert_eq!(opened.map(|_| ()), Err(CheckpointError::OtherLog));
}

#[test]
fn tiles_have_one_path_each() {
    for wrong in [
        "tile/0/1",
        "tile/0/0001",
        "tile/00/001",
        "tile/8/001",
        "tile/-1/001",
        "tile/0/x001",
        "tile/0/x000/001",
        "tile/0/001/001",
        "tile/0/001.p/0",
        "tile/0/001.p/256",
        "tile/0/001.p/01",
        "tile/0/001.p/",
        "tile/entries/",
        "tile/data/001",
        "/tile/0/001",
        "",
        "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
    ] {
        assert_eq!(Tile::parse(wrong), None, "{wrong}");
    }
    for (path, size, within) in [
        ("tile/0/000", 256, true),
        ("tile/0/000", 255, false),
        ("tile/0/000.p/255", 255, true),
        ("tile/entries/001.p/1", 257, true),
        ("tile/1/000.p/1", 256, true),
        ("tile/1/000.p/1", 255, false),
        ("tile/7/000.p/1", u64::MAX, true),
    ] {
        assert_eq!(Tile::parse(path).unwrap().within(size), within, "{path} {size}");
    }
}

#[test]
fn a_proof_on_a_page_of_its_own_is_checked_with_the_key_alone() {
    let entries = log(20);
    let leaves = entries.iter().map(|entry| audit::Hash::leaf(entry)).collect();
    let Ok(proof) = audit::proof::inclusion(&mut Kept(leaves), 5, 20);
    let note = checkpoint(&entries).sign(&key(1)).to_string();
    let page = Inclusion { index: 5, proof: proof.unwrap(), checkpoint: note };
    let text = page.to_string();
    assert_eq!(Inclusion::parse(&text).unwrap(), page);
    let with_extra = text.replace("\nindex", "\nextra AAAA\nindex");
    assert_eq!(Inclusion::parse(&with_extra).unwrap(), page);
    assert_eq!(page.verify(&entries[5], key(1).public()).unwrap().size, 20);
    for wrong in [&entries[4], &b"".to_vec()] {
        assert!(matches!(page.verify(wrong, key(1).public()), Err(InclusionError::Proof(_))));
    }
    assert!(matches!(
        page.verify(&entries[5], key(2).public()),
        Err(InclusionError::Checkpoint(_))
    ));
    for wrong in ["@v2", "index 05", "index", "\n\n\n"] {
        let changed = text.replace(if wrong == "@v2" { "@v1" } else { "index 5" }, wrong);
        assert_eq!(Inclusion::parse(&changed), Err(InclusionError::Shape), "{wrong}");
    }
    assert!(File::proofs(&entries, &[5], &key(1)).findings(&[]).is_empty());
}
