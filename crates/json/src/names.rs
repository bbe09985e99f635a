//! The member names of one object while it is read: which of them readers may take for one.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::fold;

/// Names of one object up to this many are compared pairwise; beyond, in an ordered set, so that
/// no choice of names makes the check quadratic.
const PAIRWISE_MAX: usize = 24;

/// The names of one object seen so far: a few, or many.
pub(crate) struct Names<'a> {
    few: Vec<Cow<'a, str>>,
    many: Option<Box<Many<'a>>>,
}

/// Many names, or names that must be folded to be compared.
#[derive(Default)]
struct Many<'a> {
    exact: BTreeSet<Cow<'a, str>>,
    folded: BTreeSet<String>,
}

impl<'a> Names<'a> {
    /// No names yet. The list is one that [`Names::into_spare`] gave back, or a new one.
    pub(crate) fn new(spare: Vec<Cow<'a, str>>) -> Self {
        Self { few: spare, many: None }
    }

    /// The list, emptied for the next object.
    pub(crate) fn into_spare(mut self) -> Vec<Cow<'a, str>> {
        self.few.clear();
        self.few
    }

    /// Whether that very name is among them.
    pub(crate) fn holds(&self, name: &str) -> bool {
        match &self.many {
            Some(many) => many.exact.contains(name),
            None => self.few.iter().any(|few| few == name),
        }
    }

    /// Whether a careless reader may take the name for one among them. What it folds to is kept at
    /// once, the name itself when it is added.
    pub(crate) fn holds_alike(&mut self, name: &str) -> bool {
        if self.many.is_none() && name.is_ascii() {
            return self.few.iter().any(|few| few.eq_ignore_ascii_case(name));
        }
        !self.many(true).folded.insert(fold(name).into_owned())
    }

    /// Adds a name. With `folds`, [`Names::holds_alike`] has been asked about every one of them.
    pub(crate) fn add(&mut self, name: Cow<'a, str>, folds: bool) {
        if self.many.is_none() {
            if self.few.len() < PAIRWISE_MAX {
                return self.few.push(name);
            }
            let many = self.many(folds);
            if folds {
                many.folded.insert(fold(&name).into_owned());
            }
        }
        self.many(folds).exact.insert(name);
    }

    /// The few names so far become many. Where they are folded they are ASCII, so that is cheap.
    fn many(&mut self, folds: bool) -> &mut Many<'a> {
        self.many.get_or_insert_with(|| {
            let folded = if folds { self.few.as_slice() } else { &[] };
            let folded = folded.iter().map(|name| fold(name).into_owned()).collect();
            Box::new(Many { exact: self.few.drain(..).collect(), folded })
        })
    }
}
