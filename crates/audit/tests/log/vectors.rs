//! What the Go checksum database's own packages made (`tests/vectors/make.go`), to the letter.

use audit::proof::{consistency, inclusion, verify_consistency, verify_inclusion};
use audit::tile::{Tile, TileKind, bundle, hashes, unbundle};
use audit::{Checkpoint, Hash, KeyKind, PublicKey, SigningKey};

use crate::support::{Kept, naive};

const VECTORS: &str = include_str!("../vectors/vectors.txt");

fn lines(kind: &str) -> Vec<Vec<&'static str>> {
    let rows = VECTORS.lines().filter_map(|line| line.split_once(' ').filter(|(k, _)| *k == kind));
    let found: Vec<Vec<&str>> = rows.map(|(_, rest)| rest.split(' ').collect()).collect();
    assert!(!found.is_empty(), "there are vectors of `{kind}`");
    found
}

fn all() -> Vec<Hash> {
    (0..600).map(|index| Hash::leaf(format!("entry {index}").as_bytes())).collect()
}

fn joined(hashes: &[Hash]) -> String {
    hashes.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

#[test]
fn roots_and_proofs_are_those_of_go() {
    let all = all();
    let root = |size: &str| naive(&all[..size.parse().unwrap()]);
    for row in lines("root") {
        assert_eq!(root(row[0]).to_string(), row[1]);
    }
    for row in lines("inclusion") {
        let (index, size) = (row[0].parse().unwrap(), row[1].parse().unwrap());
        let Ok(proof) = inclusion(&mut Kept(all.clone()), index, size);
        let proof = proof.unwrap();
        assert_eq!(joined(&proof), row[2], "{index} of {size}");
        let held = verify_inclusion(&all[index as usize], index, size, &proof, &root(row[1]));
        assert_eq!(held, Ok(()));
    }
    for row in lines("consistency") {
        let (old, size) = (row[0].parse().unwrap(), row[1].parse().unwrap());
        let Ok(proof) = consistency(&mut Kept(all.clone()), old, size);
        let proof = proof.unwrap();
        // Go names the tree itself where nothing has grown.
        if old < size {
            assert_eq!(joined(&proof), row[2], "{old} to {size}");
        }
        assert_eq!(verify_consistency(old, &root(row[0]), size, &root(row[1]), &proof), Ok(()));
    }
}

#[test]
fn tiles_have_the_paths_and_the_bytes_of_go() {
    for row in lines("tile") {
        let kind = row[0].parse().map_or(TileKind::Entries, TileKind::Hashes);
        let tile = Tile { kind, index: row[1].parse().unwrap(), width: row[2].parse().unwrap() };
        assert_eq!(tile.path(), row[3]);
        assert_eq!(Tile::parse(row[3]), Some(tile), "{}", row[3]);
    }
    let all = all();
    for row in lines("tiledata") {
        let (level, index, width) =
            (row[0].parse().unwrap(), row[1].parse::<u64>().unwrap(), row[2].parse().unwrap());
        let Ok(ours) =
            audit::proof::Tiles::hashes(&mut Kept(all.clone()), level, index * 256, width);
        let ours: Vec<u8> = ours.iter().flat_map(|hash| hash.0).collect();
        let text = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &ours);
        assert_eq!(text, row[3]);
        assert_eq!(hashes(&ours, width as u16).unwrap().len(), width);
    }
}

#[test]
fn notes_and_keys_are_those_of_go() {
    for row in lines("note") {
        let seed = row[0].parse().unwrap();
        let key = PublicKey::parse(row[1]).unwrap();
        let note = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, row[2]);
        let note = String::from_utf8(note.unwrap()).unwrap();
        let (checkpoint, _) = Checkpoint::open(&note, &key).unwrap();
        assert_eq!((checkpoint.size, checkpoint.root), (600, naive(&all())));

        let ours = SigningKey::from_seed(key.name(), KeyKind::Log, &[seed; 32]).unwrap();
        assert_eq!(ours.public().to_string(), row[1]);
        assert_eq!(checkpoint.sign(&ours).to_string(), note);
    }
}

#[test]
fn a_bundle_gives_back_what_went_in_and_nothing_else() {
    let mut bytes = Vec::new();
    for entry in [&b""[..], b"one", &[7; 65_535]] {
        assert!(bundle(entry, &mut bytes));
    }
    assert!(!bundle(&[7; 65_536], &mut bytes), "an entry that is too long is left out");
    assert_eq!(unbundle(&bytes, 3).unwrap(), [&b""[..], b"one", &[7; 65_535]]);
    for wrong in [unbundle(&bytes, 2), unbundle(&bytes, 4), unbundle(&bytes[..9], 3)] {
        assert_eq!(wrong, None);
    }
}
