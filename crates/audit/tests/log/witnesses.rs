//! A witness signs only what continues what it signed before (C2SP tlog-witness).

use audit::proof::consistency;
use audit::witness::{AddCheckpoint, Declined, Seen};
use audit::{Checkpoint, Hash};

use crate::support::{Kept, ORIGIN, checkpoint, key, log, said, witness};

fn request(entries: &[Vec<u8>], old: u64, size: u64) -> AddCheckpoint {
    let leaves: Vec<Hash> = entries.iter().map(|entry| Hash::leaf(entry)).collect();
    let proof = consistency(&mut Kept(leaves), old, size).unwrap().unwrap_or_default();
    let note = checkpoint(&entries[..size as usize]).sign(&key(1));
    AddCheckpoint { old, proof, note }
}

#[test]
fn a_log_that_grows_is_cosigned_step_by_step() {
    let entries = log(40);
    let mut seen = Seen::nothing();
    for size in [0, 1, 7, 7, 8, 40] {
        let request = request(&entries, seen.size, size);
        let sent = AddCheckpoint::parse(request.to_string().as_bytes()).unwrap();
        assert_eq!((&sent, sent.origin()), (&request, ORIGIN));
        seen = sent.judge(key(1).public(), &seen).unwrap();
        assert_eq!((seen.size, seen.root), (size, checkpoint(&entries[..size as usize]).root));
        let note = format!("{}{}", sent.note, sent.cosigned(&witness(3), 1_679_315_147));
        let (_, note) = Checkpoint::open(&note, key(1).public()).unwrap();
        assert_eq!(note.verify(witness(3).public()), Ok(Some(1_679_315_147)));
    }
}

#[test]
fn what_does_not_continue_is_declined() {
    let entries = log(40);
    let mut forked = entries.clone();
    forked[3] = said(3, 99);
    let seen = Seen { size: 8, root: checkpoint(&entries[..8]).root };
    let judge = |request: &AddCheckpoint| request.judge(key(1).public(), &seen);
    let conflict = Declined::Conflict { size: 8 };

    for (request, declined) in [
        (request(&forked, 8, 20), Declined::NotConsistent),
        (request(&forked, 8, 8), conflict),
        (request(&entries, 7, 20), conflict),
        (request(&entries, 9, 20), conflict),
        (request(&entries, 0, 20), conflict),
        (request(&entries, 7, 7), conflict),
        (AddCheckpoint { old: 21, ..request(&entries, 8, 20) }, Declined::BadRequest),
        (AddCheckpoint { proof: vec![], ..request(&entries, 8, 20) }, Declined::NotConsistent),
    ] {
        assert_eq!(judge(&request), Err(declined), "{request}");
    }
    let mut unsigned = request(&entries, 8, 20);
    unsigned.note = checkpoint(&entries[..20]).sign(&key(2));
    assert_eq!(judge(&unsigned), Err(Declined::NotSigned));
    // At the beginning no proof is needed, and one that comes is refused.
    let mut first = request(&entries, 0, 8);
    first.proof = vec![Hash::empty()];
    assert_eq!(first.judge(key(1).public(), &Seen::nothing()), Err(Declined::NotConsistent));
}

#[test]
fn requests_that_are_spelled_otherwise_are_refused() {
    let good = request(&log(40), 8, 20).to_string();
    let proof = good.lines().nth(1).unwrap();
    for wrong in [
        String::new(),
        good.replace("old 8", "old 08"),
        good.replace("old 8", "old -8"),
        good.replace("old 8", "old  8"),
        good.replace("old 8", "new 8"),
        good.replace("old 8\n", "old 8\n\n"),
        good.replace(proof, &proof[1..]),
        good.replace("old 8\n", &format!("old 8\n{}", format!("{proof}\n").repeat(62))),
        good.replace("— ", ""),
        good.repeat(400),
    ] {
        assert_eq!(AddCheckpoint::parse(wrong.as_bytes()), Err(Declined::BadRequest), "{wrong}");
    }
    assert!(AddCheckpoint::parse(&[0xff; 40]).is_err());
}
