//! What a step of the ledger changed: the rows a store writes in the same commit, and what they
//! were before, so that a commit that fails can be taken back.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use crate::{Bucket, CallId, Key, Reservation, Seen};

/// One row of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// The latest moment the ledger has counted at, in microseconds since the epoch. There is one.
    Mark(i64),
    /// The limits a counter is used under. One per key.
    Counter(Key, Arc<[Seen]>),
    /// Usage of a counter. One per key and start.
    Bucket(Key, Bucket),
    /// What a call holds. One per call.
    Reservation(Arc<Reservation>),
}

/// One row, before and after. `None` stands for no such row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The mark. It is never removed, save that an untouched ledger has none.
    Mark {
        /// What it was.
        before: Option<i64>,
        /// What it is.
        after: Option<i64>,
    },
    /// The limits of a counter.
    Counter {
        /// The counter.
        key: Key,
        /// What they were.
        before: Option<Arc<[Seen]>>,
        /// What they are.
        after: Option<Arc<[Seen]>>,
    },
    /// A bucket of a counter.
    Bucket {
        /// The counter.
        key: Key,
        /// The bucket's name within it.
        start: i64,
        /// What it was.
        before: Option<Bucket>,
        /// What it is.
        after: Option<Bucket>,
    },
    /// The reservation of a call.
    Reservation {
        /// The call.
        call: CallId,
        /// What it was.
        before: Option<Arc<Reservation>>,
        /// What it is.
        after: Option<Arc<Reservation>>,
    },
}

/// Everything one step changed, or several steps in a row.
///
/// - **Shape**: `after` is what to write (`None`: delete the row); `before` is what
///   [`crate::Ledger::undo`] puts back. Empty for a replay.
/// - **Source**: every mutating operation of the ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "rows that are not written are lost with the process; undo them if the commit failed"]
pub struct Changes(pub(crate) Vec<Change>);

impl Changes {
    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The changed rows. After [`Changes::absorb`] each row stands once; before, a row may stand
    /// more than once, and the last one is what to write.
    pub fn iter(&self) -> std::slice::Iter<'_, Change> {
        self.0.iter()
    }

    /// Adds the changes of a later step, so that a group of steps is written in one commit, each
    /// row once, and taken back with one [`crate::Ledger::undo`].
    pub fn absorb(&mut self, later: Self) {
        let changes: Vec<Change> = self.0.drain(..).chain(later.0).collect();
        let mut places: HashMap<Name, usize> = HashMap::with_capacity(changes.len());
        for change in changes {
            match places.entry(change.name()) {
                Entry::Vacant(place) => {
                    place.insert(self.0.len());
                    self.0.push(change);
                }
                Entry::Occupied(place) => {
                    if let Some(known) = self.0.get_mut(*place.get()) {
                        known.end_as(change);
                    }
                }
            }
        }
        self.0.retain(|change| !change.is_idle());
    }

    /// The changes of many steps as one, in the order they were made.
    pub fn group(steps: impl IntoIterator<Item = Self>) -> Self {
        let mut all = Self(steps.into_iter().flat_map(|step| step.0).collect());
        all.absorb(Self::default());
        all
    }

    pub(crate) fn push(&mut self, change: Change) {
        if !change.is_idle() {
            self.0.push(change);
        }
    }
}

impl<'a> IntoIterator for &'a Changes {
    type Item = &'a Change;
    type IntoIter = std::slice::Iter<'a, Change>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

/// Which row a change is about.
#[derive(PartialEq, Eq, Hash)]
enum Name {
    Mark,
    Counter(Key),
    Bucket(Key, i64),
    Reservation(CallId),
}

impl Change {
    fn name(&self) -> Name {
        match self {
            Self::Mark { .. } => Name::Mark,
            Self::Counter { key, .. } => Name::Counter(key.clone()),
            Self::Bucket { key, start, .. } => Name::Bucket(key.clone(), *start),
            Self::Reservation { call, .. } => Name::Reservation(*call),
        }
    }

    /// Takes over what a later change of the same row ends with.
    fn end_as(&mut self, later: Self) {
        match (self, later) {
            (Self::Mark { after, .. }, Self::Mark { after: end, .. }) => *after = end,
            (Self::Counter { after, .. }, Self::Counter { after: end, .. }) => *after = end,
            (Self::Bucket { after, .. }, Self::Bucket { after: end, .. }) => *after = end,
            (Self::Reservation { after, .. }, Self::Reservation { after: end, .. }) => *after = end,
            // Names are compared first, so the kinds agree.
            _ => {}
        }
    }

    fn is_idle(&self) -> bool {
        match self {
            Self::Mark { before, after } => before == after,
            Self::Counter { before, after, .. } => before == after,
            Self::Bucket { before, after, .. } => before == after,
            Self::Reservation { before, after, .. } => before == after,
        }
    }
}
