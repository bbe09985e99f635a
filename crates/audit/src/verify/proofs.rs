//! A file in proofs form: single entries, each with its way up to one checkpoint.

use super::{Finding, Report, Trust, leaf_of};
use crate::proof::{verify_consistency, verify_inclusion};
use crate::{Checkpoint, Hash};

#[derive(Debug, Default)]
pub(super) struct Single {
    checkpoint: Option<Checkpoint>,
    /// Sizes of saved checkpoints that the file leads on from, or contradicts.
    judged: Vec<u64>,
}

impl Single {
    /// Takes the checkpoint that the entries are held against; the first one counts.
    pub(super) fn checkpoint(&mut self, checkpoint: &Checkpoint) -> bool {
        let first = self.checkpoint.is_none();
        self.checkpoint.get_or_insert_with(|| checkpoint.clone());
        first
    }

    pub(super) fn entry(
        &self,
        index: u64,
        entry: Option<&[u8]>,
        proof: Option<&[Hash]>,
    ) -> Result<(), Finding> {
        let refused = Finding::NotIncluded { index };
        let (checkpoint, entry) = self.checkpoint.as_ref().zip(entry).ok_or(refused)?;
        let proof = proof.ok_or(refused)?;
        let (size, root) = (checkpoint.size, &checkpoint.root);
        let fits = |leaf: &Hash| verify_inclusion(leaf, index, size, proof, root).is_ok();
        let (leaf, said) = leaf_of(entry, fits);
        match said.and_then(|said| said.index()) {
            Some(belongs) if belongs != index && fits(&leaf) => {
                Err(Finding::Reordered { index, belongs })
            }
            _ if fits(&leaf) => Ok(()),
            _ => Err(refused),
        }
    }

    pub(super) fn consistency(
        &mut self,
        old: u64,
        proof: &[Hash],
        trust: &Trust,
        report: &mut Report,
    ) {
        let Some(checkpoint) = &self.checkpoint else {
            return report.found(Finding::NotComparable { size: old });
        };
        for saved in trust.saved.iter().filter(|saved| saved.size == old) {
            let (size, root) = (checkpoint.size, &checkpoint.root);
            self.judged.push(old);
            if verify_consistency(old, &saved.root, size, root, proof).is_ok() {
                report.saved += 1;
            } else {
                report.found(Finding::NotConsistent { size: old });
            }
        }
    }

    pub(super) fn finish(self, trust: &Trust, report: &mut Report) {
        let Some(checkpoint) = self.checkpoint else {
            return report.found(Finding::Unsigned { from: 0, to: report.size });
        };
        for saved in trust.saved.iter().filter(|saved| !self.judged.contains(&saved.size)) {
            let (size, signed) = (checkpoint.size, saved.size);
            if signed > size {
                report.found(Finding::Truncated { size, signed });
            } else if signed < size {
                report.found(Finding::NotComparable { size: signed });
            } else if saved.root != checkpoint.root {
                report.found(Finding::Forked { size });
            } else {
                report.saved += 1;
            }
        }
    }
}
