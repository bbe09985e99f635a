//! What was done to a log, by the name it must be given.

use audit::export::{self, Withheld};
use audit::{Finding, Hash};

use crate::support::{File, checkpoint, entry, key, log, said, trust, witness};

#[test]
fn a_log_that_nobody_touched_holds() {
    for size in [0, 1, 7, 8, 9, 40, 300] {
        let entries = log(size);
        let saved = [checkpoint(&entries[..size as usize / 2]), checkpoint(&entries)];
        let report = File::of(&entries, 0, &key(1)).read(trust(key(1).public(), &saved));
        if size > 0 {
            assert_eq!(report.findings, [], "{size}");
            assert_eq!((report.size, report.entries, report.saved), (size, size, 2));
            assert_eq!(report.checkpoint, Some(checkpoint(&entries)));
        }
    }
}

#[test]
fn a_part_of_a_log_holds_from_a_checkpoint_on() {
    let entries = log(40);
    let saved = checkpoint(&entries[..13]);
    assert_eq!(File::of(&entries, 13, &key(1)).findings(std::slice::from_ref(&saved)), []);
    // Without it, the next checkpoint of the file vouches for what came before.
    assert_eq!(File::of(&entries, 13, &key(1)).findings(&[]), []);
    let mut forked = entries.clone();
    forked[3] = said(3, 99);
    assert_eq!(File::of(&forked, 13, &key(1)).findings(&[saved]), [Finding::Forked { size: 13 }]);
}

/// The file of a log whose entries are kept with the hashes of other ones, as in a database where
/// somebody changed rows and left the tree alone.
fn rows_changed(change: impl Fn(&mut Vec<Option<Vec<u8>>>)) -> File {
    let good = log(40);
    let mut rows: Vec<Option<Vec<u8>>> = good.iter().cloned().map(Some).collect();
    change(&mut rows);
    let mut file = File::of(&good, 0, &key(1));
    let places: Vec<usize> = (0..40).map(|index| file.place(index)).collect();
    for (index, (row, place)) in rows.iter().zip(places).enumerate() {
        let hash = Hash::leaf(&good[index]);
        file.0[place] = export::leaf(index as u64, Some(&hash), row.as_deref(), None);
    }
    file
}

#[test]
fn rows_that_were_changed_are_named() {
    let edited = rows_changed(|rows| rows[7] = Some(said(7, 99)));
    assert_eq!(edited.findings(&[]), [Finding::Edited { index: 7 }]);
    let deleted = rows_changed(|rows| rows[7] = None);
    assert_eq!(deleted.findings(&[]), [Finding::Deleted { from: 7, to: 8 }]);
    // The rows changed places, and each is written for the place where it stands now.
    let swapped = rows_changed(|rows| {
        rows[7] = Some(said(7, 20));
        rows[20] = Some(said(20, 7));
    });
    let both = [
        Finding::Reordered { index: 7, belongs: 20 },
        Finding::Reordered { index: 20, belongs: 7 },
    ];
    assert_eq!(swapped.findings(&[]), both);
    // And as they were, places and all.
    let moved = rows_changed(|rows| rows.swap(7, 20));
    assert_eq!(moved.findings(&[]), both);
}

#[test]
fn lines_that_were_changed_are_named() {
    let file = || File::of(&log(40), 0, &key(1));
    let mut cut = file();
    cut.0.remove(cut.place(7));
    assert_eq!(cut.counted().findings(&[]), [Finding::Deleted { from: 7, to: 8 }]);
    let mut twice = file();
    let line = twice.0[twice.place(7)].clone();
    twice.0.insert(twice.place(9), line);
    assert_eq!(twice.counted().findings(&[]), [Finding::Inserted { index: 7 }]);
    let mut swapped = file();
    let (one, other) = (swapped.place(9), swapped.place(10));
    swapped.0.swap(one, other);
    assert_eq!(swapped.findings(&[]), [Finding::Reordered { index: 10, belongs: 9 }]);
    let mut ended = file();
    ended.0.pop();
    assert_eq!(ended.findings(&[]), [Finding::Incomplete]);
    let mut shorter = file();
    shorter.0.remove(shorter.place(39));
    let end = Finding::Truncated { size: 39, signed: 40 };
    assert_eq!(shorter.counted().findings(&[]), [end]);
    let mut noisy = file();
    noisy.0[5] = "not evidence\n".to_owned();
    assert!(noisy.findings(&[]).contains(&Finding::Damaged { line: 6 }));
}

#[test]
fn hashes_that_were_changed_are_told_from_entries_that_were() {
    let mut file = File::of(&log(40), 0, &key(1));
    let place = file.place(7);
    file.0[place] = export::leaf(7, Some(&Hash::leaf(b"x")), Some(&entry(7)), None);
    assert_eq!(file.findings(&[]), [Finding::HashesChanged { index: 7 }]);
}

/// The tree was made to fit what was changed, and the checkpoints are those of before.
fn rewritten(changed: &[Vec<u8>]) -> File {
    let good = File::of(&log(40), 0, &key(1));
    let mut signed = good.0.iter().filter(|line| line.starts_with("{\"checkpoint"));
    let mut file = File::of(changed, 0, &key(1));
    for line in file.0.iter_mut().filter(|line| line.starts_with("{\"checkpoint")) {
        signed.next().unwrap().clone_into(line);
    }
    file
}

#[test]
fn a_log_that_was_rewritten_with_its_hashes_is_named_between_two_checkpoints() {
    let mut entries = log(40);
    entries[13] = said(13, 99);
    let file = rewritten(&entries);
    assert_eq!(file.findings(&[]), [Finding::Rewritten { from: 8, to: 16 }]);
    // One entry taken out, and all behind it moved up with the places they say.
    let mut shifted = log(13);
    shifted.extend((13..39).map(|index| said(index, index + 1)));
    shifted.push(said(39, 99));
    assert_eq!(rewritten(&shifted).findings(&[]), [Finding::Rewritten { from: 8, to: 16 }]);
}

#[test]
fn a_tail_that_was_cut_is_seen_with_a_checkpoint_from_elsewhere_and_only_then() {
    let (entries, saved) = (log(40), checkpoint(&log(40)));
    let cut = File::of(&entries[..30], 0, &key(1));
    assert_eq!(cut.findings(&[]), [], "nothing in the file says that there was more");
    let seen = cut.findings(&[checkpoint(&entries[..8]), saved]);
    assert_eq!(seen, [Finding::Truncated { size: 30, signed: 40 }]);
}

#[test]
fn an_old_copy_that_went_on_is_a_fork() {
    let saved = checkpoint(&log(40));
    let mut forked = log(30);
    forked.extend((30..60).map(|index| said(index, 99)));
    let file = File::of(&forked, 0, &key(1));
    assert_eq!(file.findings(&[]), []);
    assert_eq!(file.findings(&[saved]), [Finding::Forked { size: 40 }]);
}

#[test]
fn another_key_is_never_the_trusted_one() {
    let file = File::of(&log(10), 0, &key(2));
    let found = file.findings(&[]);
    assert!(found.contains(&Finding::OtherKey), "{found:?}");
    assert!(found.contains(&Finding::WrongKey { size: 10 }), "{found:?}");
    // The head claims the trusted key, the checkpoints are of another one.
    let mut claimed = File::of(&log(10), 0, &key(2));
    claimed.0[0] = File::of(&log(10), 0, &key(1)).0[0].clone();
    let wrong = [Finding::WrongKey { size: 8 }, Finding::WrongKey { size: 10 }];
    assert_eq!(claimed.findings(&[])[..2], wrong);
    // A signature that was taken from another checkpoint.
    let mut pasted = File::of(&log(10), 0, &key(1));
    let note = checkpoint(&log(9)).sign(&key(1));
    let mut forged = checkpoint(&log(10)).sign(&key(1));
    forged.signatures = note.signatures;
    let last = pasted.0.len() - 2;
    pasted.0[last] = export::checkpoint(&forged.to_string());
    assert!(pasted.findings(&[]).contains(&Finding::BadSignature { size: 10 }));
}

#[test]
fn entries_that_nothing_covers_are_named() {
    let mut file = File::of(&log(10), 0, &key(1));
    file.0.remove(file.0.len() - 2);
    assert_eq!(file.counted().findings(&[]), [Finding::Unsigned { from: 8, to: 10 }]);
}

#[test]
fn what_age_took_is_accounted_for_or_was_deleted() {
    let retention = |index: u64, before: u64| {
        let text = String::from_utf8(entry(index)).unwrap();
        let detail = format!(r#"{{"before_index":{{"after":{before}}}}}"#);
        text.replace(r#"{"url":{"after":"b","before":"a"}}"#, &detail)
            .replace("server.updated", "evidence.retention")
            .into_bytes()
    };
    for (before, missing) in [(5, None), (9, None), (4, Some(Finding::Deleted { from: 4, to: 5 }))]
    {
        let mut entries = log(39);
        entries.push(retention(39, before));
        let mut file = File::of(&entries, 0, &key(1));
        for index in 0..5 {
            let place = file.place(index);
            let hash = Hash::leaf(&entries[index as usize]);
            file.0[place] = export::leaf(index, Some(&hash), None, Some(Withheld::Retention));
        }
        let report = file.read(trust(key(1).public(), &[]));
        assert_eq!(report.findings.first().copied(), missing);
        assert_eq!((report.withheld, report.entries), (5, 35));
    }
}

#[test]
fn single_entries_hold_by_their_proofs_alone() {
    let entries = log(40);
    let report = File::proofs(&entries, &[0, 13, 39], &key(1)).read(trust(key(1).public(), &[]));
    assert_eq!((report.findings, report.entries), (vec![], 3));
    let mut edited = File::proofs(&entries, &[0, 13, 39], &key(1));
    edited.0[3] = edited.0[3].replace("srv_13", "srv_14");
    assert_eq!(edited.findings(&[]), [Finding::NotIncluded { index: 13 }]);
    let saved = [checkpoint(&entries[..9])];
    let file = File::proofs(&entries, &[13], &key(1));
    assert_eq!(file.findings(&saved), [Finding::NotComparable { size: 9 }]);
}

#[test]
fn witnesses_count_only_if_they_are_trusted() {
    let entries = log(10);
    let file = |cosigned: &[u8]| {
        let mut file = File::of(&entries, 0, &key(1));
        let mut note = checkpoint(&entries).sign(&key(1));
        cosigned.iter().for_each(|seed| note.cosign(&witness(*seed), 1_679_315_147));
        let last = file.0.len() - 2;
        file.0[last] = export::checkpoint(&note.to_string());
        file
    };
    let mut trust = trust(key(1).public(), &[]);
    trust.witnesses = vec![witness(3).public().clone(), witness(4).public().clone()];
    trust.witnesses_needed = 1;
    let seen = file(&[3]).read(trust.clone());
    assert_eq!(seen.findings, []);
    assert_eq!(seen.witnessed, [("witness.example/w3".to_owned(), 1_679_315_147)]);
    for cosigned in [&[][..], &[5, 6]] {
        let found = file(cosigned).read(trust.clone()).findings;
        assert_eq!(found, [Finding::NotWitnessed { size: 10, found: 0, needed: 1 }]);
    }
}

#[test]
fn a_call_that_was_asked_for_is_found_or_missed() {
    let entries = log(10);
    let mut trust = trust(key(1).public(), &[]);
    trust.call = Some("call_1".to_owned());
    let found = File::of(&entries, 0, &key(1)).read(trust).findings;
    assert_eq!(found, [Finding::NoSuchCall]);
}
