//! A file in tree form: a whole stretch of the log, in which nothing may be missing.

use super::{Finding, Report, Said, Trust, leaf_of};
use crate::export::{Head, Withheld};
use crate::{Checkpoint, Edge, Hash};

/// How many entries that do not fit are remembered.
const STRANGE_MAX: usize = 10_000;
/// Of how many it is tried whether they would fit each other's places.
const TRIED_MAX: usize = 64;

#[derive(Debug)]
pub(super) struct Stretch {
    from: u64,
    size: u64,
    /// The tree over the hashes that stand in the file.
    kept: Edge,
    /// The tree over the entries themselves, once it is another.
    own: Option<Edge>,
    /// Where the two parted first.
    parted_at: u64,
    /// A hash is missing, so nothing behind it has a root any more.
    lost: bool,
    strange: Vec<Strange>,
    /// Up to where a checkpoint holds.
    held: Option<u64>,
    /// The first checkpoint that does not hold.
    broken: Option<u64>,
    /// The greatest length that the key has signed.
    signed: u64,
    /// Lengths of saved checkpoints that the file does not continue.
    contradicted: Vec<u64>,
    /// Saved checkpoints that it continues.
    continued: Vec<u64>,
    /// Behind the last entry that was withheld by age, and up to where that is accounted for.
    withheld_to: u64,
    retained_from: u64,
}

/// An entry that does not fit its place.
#[derive(Debug)]
struct Strange {
    index: u64,
    kept: Option<Hash>,
    own: Hash,
    says: Option<u64>,
    said: Option<Said>,
}

impl Stretch {
    pub(super) fn new(head: &Head) -> Option<Self> {
        Some(Self {
            from: head.from,
            size: head.size,
            kept: Edge::from_parts(head.from, head.edge.clone())?,
            own: None,
            parted_at: 0,
            lost: false,
            strange: Vec::new(),
            held: None,
            broken: None,
            signed: 0,
            contradicted: Vec::new(),
            continued: Vec::new(),
            withheld_to: 0,
            retained_from: 0,
        })
    }

    pub(super) fn leaf(
        &mut self,
        index: u64,
        entry: Option<&[u8]>,
        hash: Option<Hash>,
        withheld: Option<Withheld>,
        trust: &Trust,
        report: &mut Report,
    ) {
        let next = self.kept.size();
        if index < next {
            return self.late(index, report);
        }
        if index > next {
            report.found(Finding::Deleted { from: next, to: index });
            self.skip_to(index);
        }
        let fits = |leaf: &Hash| hash.is_none_or(|hash| hash == *leaf);
        let (own, said) = entry.map(|entry| leaf_of(entry, fits)).unzip();
        match own {
            Some(leaf) => self.read(index, hash, leaf, said.flatten(), trust, report),
            None if withheld == Some(Withheld::Retention) => {
                report.withheld += 1;
                self.withheld_to = index + 1;
            }
            None => report.found(Finding::Deleted { from: index, to: index + 1 }),
        }
        match hash.or(own) {
            Some(kept) => self.push(kept, own.unwrap_or(kept)),
            None => self.skip_to(index + 1),
        }
        self.at_saved(trust);
    }

    /// A line of a place that is passed: one too many, or one that was missed there.
    fn late(&self, index: u64, report: &mut Report) {
        let missed = Finding::Deleted { from: index, to: index + 1 };
        match report.findings.iter_mut().find(|finding| **finding == missed) {
            Some(finding) => {
                *finding = Finding::Reordered { index: self.kept.size() - 1, belongs: index };
            }
            None => report.found(Finding::Inserted { index }),
        }
    }

    fn read(
        &mut self,
        index: u64,
        hash: Option<Hash>,
        leaf: Hash,
        said: Option<Said>,
        trust: &Trust,
        report: &mut Report,
    ) {
        if let Some(said) = &said {
            said.note_call(index, trust, report);
            self.retained_from = self.retained_from.max(said.retained_from().unwrap_or(0));
        }
        let says = said.as_ref().and_then(Said::index);
        if hash.is_none_or(|hash| hash == leaf) && says == Some(index) {
            report.entries += 1;
        } else if self.strange.len() < STRANGE_MAX {
            let said = said.filter(|_| self.strange.len() < TRIED_MAX);
            self.strange.push(Strange { index, kept: hash, own: leaf, says, said });
        } else {
            report.found(Finding::Edited { index });
        }
    }

    fn push(&mut self, kept: Hash, own: Hash) {
        if self.own.is_none() && kept != own {
            self.own = Some(self.kept.clone());
            self.parted_at = self.kept.size();
        }
        self.kept.push(kept);
        if let Some(edge) = &mut self.own {
            edge.push(own);
        }
    }

    /// Goes on behind places whose hashes are gone. No root is known from here on.
    fn skip_to(&mut self, index: u64) {
        self.lost = true;
        let filler = vec![Hash::empty(); index.count_ones() as usize];
        self.kept = Edge::from_parts(index, filler).unwrap_or_default();
        self.own = None;
    }

    /// Holds the log against every saved checkpoint of its present length.
    pub(super) fn at_saved(&mut self, trust: &Trust) {
        let size = self.kept.size();
        for saved in trust.saved.iter().filter(|saved| saved.size == size && !self.lost) {
            if self.is(&saved.root) {
                self.continued.push(size);
            } else {
                self.contradicted.push(size);
            }
        }
    }

    /// Whether the tree, by its hashes or by its entries, has this root.
    fn is(&self, root: &Hash) -> bool {
        self.kept.root() == *root || self.own.as_ref().is_some_and(|edge| edge.root() == *root)
    }

    /// A checkpoint that the trusted key has signed. Answers whether it holds here.
    pub(super) fn checkpoint(&mut self, checkpoint: &Checkpoint, report: &mut Report) -> bool {
        self.signed = self.signed.max(checkpoint.size);
        if self.lost || checkpoint.size > self.kept.size() {
            return false;
        }
        if checkpoint.size < self.kept.size() {
            // Its place in the file is behind the last entry that it covers.
            report.found(Finding::NotComparable { size: checkpoint.size });
            return false;
        }
        if self.is(&checkpoint.root) {
            if let Some(own) = &self.own
                && self.kept.root() != checkpoint.root
            {
                report.found(Finding::HashesChanged { index: self.parted_at });
                // The entries are right, so what they say stands, and the next ones join them.
                self.strange.retain(|strange| strange.index < self.parted_at);
                self.kept = own.clone();
            }
            self.own = None;
            self.held = Some(checkpoint.size);
            return true;
        }
        self.broken.get_or_insert(checkpoint.size);
        false
    }

    pub(super) fn finish(mut self, trust: &Trust, report: &mut Report) {
        self.tell_strange(report);
        let end = self.kept.size();
        let held = self.held.unwrap_or(0);
        // Two histories, both signed: the saved one, and this one at that length or beyond.
        let (forked, other): (Vec<u64>, Vec<u64>) =
            self.contradicted.iter().partition(|size| **size <= held);
        for size in forked {
            report.found(Finding::Forked { size });
        }
        let broken = self.broken.into_iter().chain(other).min();
        if let Some(to) = broken {
            let told = self.explained(report, to);
            if !told {
                report.found(Finding::Rewritten { from: held.min(to), to });
            }
        }
        self.tell_length(end, trust, report);
        if self.withheld_to > self.retained_from {
            // Nobody said that these would be taken out.
            report.found(Finding::Deleted { from: self.retained_from, to: self.withheld_to });
        }
        let anchored = self.from == 0 || self.held.is_some() || !self.continued.is_empty();
        if !anchored {
            report.found(Finding::Unanchored { from: self.from });
        }
        report.saved += self.continued.len();
    }

    /// Tells entries that changed places from those that were changed.
    fn tell_strange(&mut self, report: &mut Report) {
        let strange = std::mem::take(&mut self.strange);
        for one in &strange {
            let index = one.index;
            // It says another place itself, or it is what was written at another one's place.
            let says = one.says.filter(|says| *says != index);
            let belongs = says.or_else(|| {
                let others = strange.iter().take(TRIED_MAX).filter(|other| other.index != index);
                let said = one.said.as_ref()?;
                let mut fits = others.filter(|other| {
                    other.kept == Some(one.own) || other.kept == Some(said.leaf_at(other.index))
                });
                fits.next().map(|other| other.index)
            });
            report.found(match belongs {
                Some(belongs) if belongs < self.kept.size() => {
                    Finding::Reordered { index, belongs }
                }
                Some(_) => Finding::Inserted { index },
                None if one.kept.is_some() || one.says.is_some() => Finding::Edited { index },
                None => Finding::Inserted { index },
            });
        }
    }

    /// Whether something was found before this length that explains why its root is another.
    fn explained(&self, report: &Report, to: u64) -> bool {
        report.findings.iter().any(|finding| match finding {
            Finding::Reordered { index, .. } | Finding::Inserted { index } => *index < to,
            Finding::Deleted { from, .. } => *from < to,
            _ => false,
        })
    }

    fn tell_length(&self, end: u64, trust: &Trust, report: &mut Report) {
        let saved = trust.saved.iter().map(|saved| saved.size);
        let signed = saved.clone().chain([self.signed]).max().unwrap_or(0);
        if signed > end {
            report.found(Finding::Truncated { size: end, signed });
        } else if end < self.size {
            report.found(Finding::Deleted { from: end, to: self.size });
        }
        for size in saved.filter(|size| *size <= end) {
            let judged = self.continued.contains(&size) || self.contradicted.contains(&size);
            if !judged {
                report.found(Finding::NotComparable { size });
            }
        }
        let covered = self.signed.max(self.continued.iter().copied().max().unwrap_or(0));
        if covered < end {
            report.found(Finding::Unsigned { from: covered.max(self.from), to: end });
        }
        report.size = end;
    }
}
