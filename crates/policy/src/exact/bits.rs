//! Sets of small numbers: which classes of values a variable may still be in.

/// A set of numbers below a bound that every set of one variable shares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bits {
    words: Vec<u64>,
    bound: usize,
}

impl Bits {
    pub(crate) fn none(bound: usize) -> Self {
        Self { words: vec![0; bound.div_ceil(64)], bound }
    }

    pub(crate) fn all(bound: usize) -> Self {
        Self::of(bound, |_| true)
    }

    /// The numbers for which `holds` says so.
    pub(crate) fn of(bound: usize, mut holds: impl FnMut(usize) -> bool) -> Self {
        let mut bits = Self::none(bound);
        for number in 0..bound {
            if holds(number) {
                bits.insert(number);
            }
        }
        bits
    }

    pub(crate) fn insert(&mut self, number: usize) {
        if let Some(word) = self.words.get_mut(number / 64) {
            *word |= 1 << (number % 64);
        }
    }

    pub(crate) fn contains(&self, number: usize) -> bool {
        self.words.get(number / 64).is_some_and(|word| word >> (number % 64) & 1 == 1)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// Whether every number of this set is in the other.
    pub(crate) fn within(&self, other: &Self) -> bool {
        self.words.iter().zip(&other.words).all(|(a, b)| a & !b == 0)
    }

    pub(crate) fn meets(&self, other: &Self) -> bool {
        self.words.iter().zip(&other.words).any(|(a, b)| a & b != 0)
    }

    pub(crate) fn and(&self, other: &Self) -> Self {
        self.join(other, |a, b| a & b)
    }

    pub(crate) fn or(&self, other: &Self) -> Self {
        self.join(other, |a, b| a | b)
    }

    pub(crate) fn minus(&self, other: &Self) -> Self {
        self.join(other, |a, b| a & !b)
    }

    pub(crate) fn not(&self) -> Self {
        Self::all(self.bound).minus(self)
    }

    pub(crate) fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// How many numbers there could be.
    pub(crate) fn bound(&self) -> usize {
        self.bound
    }

    /// How many words one look at the set costs.
    pub(crate) fn cost(&self) -> usize {
        self.words.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = usize> {
        (0..self.bound).filter(|number| self.contains(*number))
    }

    fn join(&self, other: &Self, each: impl Fn(u64, u64) -> u64) -> Self {
        let words = self.words.iter().zip(&other.words).map(|(a, b)| each(*a, *b)).collect();
        Self { words, bound: self.bound }
    }
}
