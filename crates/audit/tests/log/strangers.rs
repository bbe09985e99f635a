//! Whatever bytes come, everything that reads them only reads or refuses.

use audit::note::Note;
use audit::tile::{Tile, hashes, unbundle};
use audit::witness::AddCheckpoint;
use audit::{Checkpoint, Inclusion, PublicKey, Verifier, parse_hashes};
use proptest::prelude::*;

use crate::support::{File, key, log, trust};

proptest! {
    #[test]
    fn nothing_that_reads_ever_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        read_all(&bytes);
    }

    #[test]
    fn nothing_that_reads_panics_on_what_is_nearly_right(
        which in 0_usize..5,
        cut in any::<prop::sample::Index>(),
        put in prop::collection::vec(prop::sample::select(&b"\n \"{}[]:,0129az+=\xe2\x80\x94-"[..]), 0..8),
    ) {
        let note = crate::support::checkpoint(&log(9)).sign(&key(1)).to_string();
        let good = [
            note.clone(),
            format!("old 3\n\n{note}"),
            format!("c2sp.org/tlog-proof@v1\nindex 3\n\n{note}"),
            key(1).public().to_string(),
            File::of(&log(3), 0, &key(1)).0.concat(),
        ];
        let mut bytes = good[which].clone().into_bytes();
        let at = cut.index(bytes.len());
        bytes.splice(at..(at + 3).min(bytes.len()), put);
        read_all(&bytes);
    }

    #[test]
    fn a_changed_byte_of_a_line_never_goes_unseen(
        line in 0_usize..13,
        at in any::<prop::sample::Index>(),
        to in prop::sample::select(&b"\"{}[]:,0123456789abcdefxyzAZ+/=_-. "[..]),
    ) {
        let file = File::of(&log(9), 0, &key(1));
        let mut bytes = file.0[line].clone().into_bytes();
        let at = at.index(bytes.len() - 1);
        prop_assume!(bytes[at] != to);
        bytes[at] = to;
        let mut verifier = Verifier::new(trust(key(1).public(), &[]));
        for (number, good) in file.0.iter().enumerate() {
            let line = if number == line { &bytes[..] } else { good.as_bytes() };
            verifier.line(line.trim_ascii_end());
        }
        let report = verifier.finish();
        // Blank space between members says nothing, so it may come and go.
        let same = serde_json::from_slice::<serde_json::Value>(&bytes).ok()
            == serde_json::from_str(&file.0[line]).ok();
        prop_assert_eq!(report.holds(), same, "{}", String::from_utf8_lossy(&bytes));
    }
}

fn read_all(bytes: &[u8]) {
    let mut verifier = Verifier::new(trust(key(1).public(), &[]));
    bytes.split(|byte| *byte == b'\n').for_each(|line| verifier.line(line));
    let _ = verifier.finish();
    let _ = AddCheckpoint::parse(bytes);
    let _ = (hashes(bytes, 4), unbundle(bytes, 3));
    let text = String::from_utf8_lossy(bytes);
    let _ =
        (Note::parse(&text), Checkpoint::parse(&text), Checkpoint::open(&text, key(1).public()));
    let _ =
        (Inclusion::parse(&text), PublicKey::parse(&text), Tile::parse(&text), parse_hashes(&text));
}
