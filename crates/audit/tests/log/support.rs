//! A small log for tests, and a file of evidence of it that tests can damage.

use audit::entry::Admin;
use audit::export::{self, Form, Head};
use audit::proof::{Tiles, edge, inclusion};
use audit::{
    Checkpoint, Edge, Finding, Hash, KeyKind, PublicKey, Report, SigningKey, Trust, Verifier,
};

pub(crate) const ORIGIN: &str = "0f1e2d3c/audit";

pub(crate) fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(ORIGIN, KeyKind::Log, &[seed; 32]).unwrap()
}

pub(crate) fn witness(seed: u8) -> SigningKey {
    SigningKey::from_seed(&format!("witness.example/w{seed}"), KeyKind::Witness, &[seed; 32])
        .unwrap()
}

/// All hashes of a tree by level and place, as a store keeps those of tiles.
pub(crate) struct Kept(pub(crate) Vec<Hash>);

impl Tiles for Kept {
    type Error = std::convert::Infallible;

    fn hashes(&mut self, level: u32, start: u64, count: usize) -> Result<Vec<Hash>, Self::Error> {
        assert!(start / 256 == (start + count as u64 - 1) / 256, "all within one tile");
        let wide = 1_usize << (8 * level);
        let of = |place: usize| naive(&self.0[place * wide..(place + 1) * wide]);
        Ok((start as usize..start as usize + count).map(of).collect())
    }
}

/// The root of a tree, word for word as RFC 6962 says it.
pub(crate) fn naive(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Hash::empty(),
        [one] => *one,
        more => {
            let mut k = 1;
            while k * 2 < more.len() {
                k *= 2;
            }
            Hash::node(&naive(&more[..k]), &naive(&more[k..]))
        }
    }
}

/// An entry that says its place.
pub(crate) fn entry(index: u64) -> Vec<u8> {
    said(index, index)
}

/// An entry that says a place, about a subject.
pub(crate) fn said(index: u64, subject: u64) -> Vec<u8> {
    let mut out = Vec::new();
    let subject = format!("srv_{subject}");
    Admin {
        index,
        at: 1_795_263_905_123_456,
        org: "org_a",
        name: "ada",
        key: Some("key_1"),
        member: None,
        session: None,
        address: Some("127.0.0.1"),
        event: "server.updated",
        subject: &subject,
        detail: r#"{"url":{"before":"a","after":"b"}}"#,
    }
    .write(&mut out);
    out
}

/// A file of evidence, line by line.
pub(crate) struct File(pub(crate) Vec<String>);

/// The entries of a log of this size.
pub(crate) fn log(size: u64) -> Vec<Vec<u8>> {
    (0..size).map(entry).collect()
}

/// The checkpoint of these entries.
pub(crate) fn checkpoint(entries: &[Vec<u8>]) -> Checkpoint {
    let mut edge = Edge::new();
    entries.iter().for_each(|entry| edge.push(Hash::leaf(entry)));
    Checkpoint::of(ORIGIN, &edge)
}

impl File {
    /// Whole, from some place on, with a checkpoint every 8 entries, by this key.
    pub(crate) fn of(entries: &[Vec<u8>], from: u64, key: &SigningKey) -> Self {
        let leaves: Vec<Hash> = entries.iter().map(|entry| Hash::leaf(entry)).collect();
        let Ok(edge) = edge(&mut Kept(leaves.clone()), from);
        let head = Head {
            form: Form::Tree,
            key: key.public().clone(),
            organisation: None,
            from,
            edge: edge.roots().to_vec(),
            size: entries.len() as u64,
        };
        let mut lines = vec![export::head(&head)];
        for size in from..=entries.len() as u64 {
            if size > from || size > 0 {
                if size > from {
                    let at = size as usize - 1;
                    let line = export::leaf(size - 1, Some(&leaves[at]), Some(&entries[at]), None);
                    lines.push(line);
                }
                if size % 8 == 0 || size == entries.len() as u64 {
                    let note = checkpoint(&entries[..size as usize]).sign(key).to_string();
                    lines.push(export::checkpoint(&note));
                }
            }
        }
        lines.push(export::end(lines.len() as u64));
        Self(lines)
    }

    /// Some entries, each with its proof.
    pub(crate) fn proofs(entries: &[Vec<u8>], some: &[u64], key: &SigningKey) -> Self {
        let leaves: Vec<Hash> = entries.iter().map(|entry| Hash::leaf(entry)).collect();
        let size = entries.len() as u64;
        let head = Head {
            form: Form::Proofs,
            key: key.public().clone(),
            organisation: Some("org_a".to_owned()),
            from: 0,
            edge: Vec::new(),
            size,
        };
        let mut lines = vec![export::head(&head)];
        lines.push(export::checkpoint(&checkpoint(entries).sign(key).to_string()));
        for index in some {
            let Ok(proof) = inclusion(&mut Kept(leaves.clone()), *index, size);
            lines.push(export::proved(*index, &entries[*index as usize], &proof.unwrap()));
        }
        lines.push(export::end(lines.len() as u64));
        Self(lines)
    }

    /// The line of an entry.
    pub(crate) fn place(&self, index: u64) -> usize {
        let is = |line: &String| line.ends_with(&format!("\"index\":{index}}}\n"));
        self.0.iter().position(is).unwrap()
    }

    /// Counts the lines anew.
    pub(crate) fn counted(mut self) -> Self {
        let lines = self.0.len() - 1;
        self.0[lines] = export::end(lines as u64);
        self
    }

    pub(crate) fn read(&self, trust: Trust) -> Report {
        let mut verifier = Verifier::new(trust);
        for line in &self.0 {
            verifier.line(line.trim_end_matches('\n').as_bytes());
        }
        verifier.finish()
    }

    pub(crate) fn findings(&self, saved: &[Checkpoint]) -> Vec<Finding> {
        self.read(trust(key(1).public(), saved)).findings
    }
}

pub(crate) fn trust(log: &PublicKey, saved: &[Checkpoint]) -> Trust {
    Trust {
        log: log.clone(),
        saved: saved.to_vec(),
        witnesses: Vec::new(),
        witnesses_needed: 0,
        call: None,
    }
}
