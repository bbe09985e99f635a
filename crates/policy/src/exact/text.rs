//! The classes of strings that a set of tests tells apart, each with a string of its own.
//!
//! The tests are run side by side as one automaton over bytes: the constants as a tree, the parts to be
//! found as a matcher of many, the length as a counter, each pattern as its own table, and the shape of
//! UTF-8. Strings that lead to one state are told apart by no test, so the states that can be reached,
//! shortest way first, are all there is.

use std::collections::HashMap;

use crate::program::{Constant, Op, Operand};
use crate::regular::Regular;
use crate::values::Found;

use super::parts::{Chain, Count, Needles, Part, Tree, Utf8};
use super::test::{Test, Truths, only};

/// The most states that are looked at.
const STATES_MAX: usize = 12_000;

/// The most steps of single parts, and of single tests, that one set of tests may cost.
const WORK_MAX: usize = 30_000_000;

/// How many strings of each class are kept.
const WORDS: usize = 3;

/// Longer strings split no counter.
const LONG_BYTES: usize = crate::charge::PER_BYTES_MAX;

/// Strings that no test tells apart.
#[derive(Clone, Debug)]
pub(crate) struct TextClass {
    pub(crate) truths: Vec<Truths>,
    /// Some of them, shortest first; at least one.
    pub(crate) words: Vec<String>,
    /// Whether there is no other.
    pub(crate) point: bool,
}

/// All classes of strings.
#[derive(Debug)]
pub(crate) struct Texts {
    pub(crate) classes: Vec<TextClass>,
    /// Why there may be strings of other classes, if there may.
    pub(crate) gap: Option<&'static str>,
    /// What finding them cost, in steps of single parts.
    pub(crate) work: usize,
}

/// The classes that the tests tell apart.
pub(crate) fn classes(tests: &[Test<'_>]) -> Texts {
    let mut machine = Machine::of(tests);
    machine.explore(tests.len());
    machine.classes(tests)
}

struct State {
    parts: Box<[u32]>,
    /// From which state, by which byte.
    from: Option<(usize, u8)>,
    next: Vec<usize>,
}

struct Machine<'t> {
    parts: Vec<Part<'t>>,
    /// One byte for each class of bytes that no part tells apart; those that read well first.
    bytes: Vec<u8>,
    states: Vec<State>,
    known: HashMap<Box<[u32]>, usize>,
    /// Other ways to states that were known: more strings of the same class.
    others: Vec<(usize, u8, usize)>,
    gap: Option<&'static str>,
    long: bool,
}

impl<'t> Machine<'t> {
    fn of(tests: &'t [Test<'_>]) -> Self {
        let mut gap = None;
        let (mut tree, mut needles, mut length) = (Tree::default(), Needles::default(), None);
        let mut patterns: Vec<&'t Regular> = Vec::new();
        let mut parts: Vec<Part<'t>> = vec![Part::Utf8(Utf8)];
        let mut long = false;
        for test in tests {
            match test {
                Test::Compare(comparison) => match (comparison.op, &comparison.operand) {
                    (_, Operand::Pattern(pattern)) => {
                        if !patterns.iter().any(|known| std::ptr::eq(*known, &raw const **pattern))
                        {
                            patterns.push(pattern);
                        }
                    }
                    (Op::EndsWith, Operand::Scalar(Constant::Text(text))) => {
                        needles.add(text, false);
                    }
                    (Op::Contains | Op::NotContains, Operand::Scalar(Constant::Text(text))) => {
                        needles.add(text, true);
                    }
                    (Op::StartsWith, Operand::Scalar(Constant::Text(text))) => tree.prefix(text),
                    (
                        Op::Lt | Op::Lte | Op::Gt | Op::Gte,
                        Operand::Scalar(Constant::Text(text)),
                    ) => tree.ordered(text),
                    (
                        Op::LengthLt | Op::LengthLte | Op::LengthGt | Op::LengthGte,
                        Operand::Scalar(Constant::Number(number)),
                    ) => {
                        let most = number.floor().and_then(|n| u32::try_from(n).ok());
                        match most.filter(|most| (*most as usize) < STATES_MAX) {
                            Some(most) => length = length.max(Some(most.saturating_add(1))),
                            None => gap = Some("a length is too large to decide"),
                        }
                    }
                    _ => literals(test, &mut tree),
                },
                Test::Is(_) => literals(test, &mut tree),
                Test::Name(pattern) => parts.push(Part::Chain(Chain::new(pattern.text()))),
                Test::Splits => long = true,
                Test::Amount(_) => {}
            }
        }
        for pattern in patterns {
            match pattern.table() {
                Some(table) => parts.push(Part::Table(table, pattern.is_whole())),
                None => gap = Some("a pattern is too large to decide"),
            }
        }
        if needles.build() {
            gap = Some("there are too many parts of a text to look for");
        }
        parts.extend([Part::Tree(tree.built()), Part::Needles(needles)]);
        parts.extend(length.map(|most| Part::Count(Count(most))));
        let bytes = bytes(&parts);
        let (states, known, others) = (Vec::new(), HashMap::new(), Vec::new());
        Self { parts, bytes, states, known, others, gap, long }
    }

    fn explore(&mut self, tests: usize) {
        let start: Option<Box<[u32]>> = self.parts.iter_mut().map(Part::start).collect();
        let Some(start) = start else {
            self.gap = Some("a pattern cannot be followed");
            return;
        };
        self.known.insert(start.clone(), 0);
        self.states.push(State { parts: start, from: None, next: Vec::new() });
        let bytes = self.bytes.clone();
        let each = (bytes.len() * self.parts.len()).max(tests).max(1);
        let most = STATES_MAX.min(WORK_MAX / each);
        let mut at = 0;
        while at < self.states.len() {
            for byte in &bytes {
                let Some(parts) = self.step(at, *byte) else { continue };
                let to = match self.known.get(&parts) {
                    Some(known) => {
                        self.others.push((at, *byte, *known));
                        *known
                    }
                    None if self.states.len() >= most => {
                        self.gap = Some("the strings are too large to decide");
                        continue;
                    }
                    None => {
                        let new = self.states.len();
                        self.known.insert(parts.clone(), new);
                        self.states.push(State {
                            parts,
                            from: Some((at, *byte)),
                            next: Vec::new(),
                        });
                        new
                    }
                };
                if let Some(state) = self.states.get_mut(at) {
                    state.next.push(to);
                }
            }
            at += 1;
        }
    }

    /// The state behind one byte; none where no string goes on, or a table gives up.
    fn step(&mut self, at: usize, byte: u8) -> Option<Box<[u32]>> {
        let state = self.states.get(at)?;
        let mut next = Vec::with_capacity(state.parts.len());
        for (part, from) in self.parts.iter_mut().zip(&state.parts) {
            match part.step(*from, byte) {
                Some(to) => next.push(to),
                None => {
                    if !matches!(part, Part::Utf8(_)) {
                        self.gap = Some("a pattern cannot be followed beyond ASCII");
                    }
                    return None;
                }
            }
        }
        Some(next.into())
    }

    fn word(&self, mut at: usize) -> Vec<u8> {
        let mut word = Vec::new();
        while let Some((from, byte)) = self.states.get(at).and_then(|state| state.from) {
            word.push(byte);
            at = from;
        }
        word.reverse();
        word
    }

    fn is_text(&self, at: usize) -> bool {
        // The first part is the shape of UTF-8; 0 is between two characters.
        self.states.get(at).is_some_and(|state| state.parts.first() == Some(&0))
    }

    fn classes(&self, tests: &[Test<'_>]) -> Texts {
        let mut classes: Vec<TextClass> = Vec::new();
        let mut known: HashMap<Vec<Truths>, usize> = HashMap::new();
        let mut class_of: Vec<Option<usize>> = vec![None; self.states.len()];
        let judged = |word: &str| -> Vec<Truths> {
            tests.iter().map(|test| only(test.truth(Found::Text(word)))).collect()
        };
        let mut keep = |word: Vec<u8>, class: Option<usize>| -> Option<usize> {
            let word = String::from_utf8(word).ok()?;
            let class = match class {
                Some(class) => class,
                None => {
                    let truths = judged(&word);
                    *known.entry(truths).or_insert_with_key(|truths| {
                        let (truths, words) = (truths.clone(), Vec::new());
                        classes.push(TextClass { truths, words, point: true });
                        classes.len() - 1
                    })
                }
            };
            let words = &mut classes.get_mut(class)?.words;
            if words.len() < WORDS && !words.contains(&word) {
                words.push(word);
            }
            Some(class)
        };
        for (at, class) in class_of.iter_mut().enumerate() {
            if self.is_text(at) {
                *class = keep(self.word(at), None);
            }
        }
        for (from, byte, to) in self.others.iter().take(4 * STATES_MAX) {
            let class = class_of.get(*to).copied().flatten();
            if class.is_some() {
                let mut word = self.word(*from);
                word.push(*byte);
                keep(word, class);
            }
        }
        if self.long {
            for word in self.long_words(&class_of) {
                keep(word, None);
            }
        }
        self.points(&class_of, &mut classes);
        let work = self.states.len() * self.bytes.len() * self.parts.len();
        Texts { classes, gap: self.gap, work }
    }

    /// Tells the classes of one string from the others: one state, and one way to it.
    fn points(&self, class_of: &[Option<usize>], classes: &mut [TextClass]) {
        let mut queue: Vec<usize> = self.others.iter().map(|(_, _, to)| *to).collect();
        let mut many = vec![false; self.states.len()];
        while let Some(at) = queue.pop() {
            if let Some(mark) = many.get_mut(at)
                && !*mark
            {
                *mark = true;
                queue.extend(self.states.get(at).map_or(&[][..], |state| &state.next));
            }
        }
        let mut met = std::collections::HashSet::new();
        for (class, many) in class_of.iter().zip(many) {
            let Some(class) = class else { continue };
            if (!met.insert(*class) || many)
                && let Some(class) = classes.get_mut(*class)
            {
                class.point = false;
            }
        }
        for (number, class) in classes.iter_mut().enumerate() {
            // Classes that no state is of hold long texts, and many.
            class.point &= met.contains(&number) && self.gap.is_none() && class.words.len() == 1;
        }
    }

    /// A long string of each class that has one: its ways go round in a circle.
    fn long_words(&self, class_of: &[Option<usize>]) -> Vec<Vec<u8>> {
        let mut incoming = vec![0_usize; self.states.len()];
        for to in self.states.iter().flat_map(|state| &state.next) {
            if let Some(count) = incoming.get_mut(*to) {
                *count += 1;
            }
        }
        // What is left when every state without a way into it is taken away, again and again, lies
        // on a circle or behind one.
        let mut idle: Vec<usize> = (0..self.states.len())
            .filter(|at| incoming.get(*at).is_some_and(|count| *count == 0))
            .collect();
        let mut circling = vec![true; self.states.len()];
        while let Some(at) = idle.pop() {
            if let Some(mark) = circling.get_mut(at) {
                *mark = false;
            }
            for to in self.states.get(at).map_or(&[][..], |state| &state.next) {
                if let Some(count) = incoming.get_mut(*to) {
                    *count -= 1;
                    if *count == 0 {
                        idle.push(*to);
                    }
                }
            }
        }
        let is_circling = |at: usize| circling.get(at).copied().unwrap_or(false);
        let mut back: HashMap<usize, (usize, u8)> = HashMap::new();
        let tree = self.states.iter().enumerate();
        let tree = tree.filter_map(|(to, state)| state.from.map(|(from, byte)| (from, byte, to)));
        for (from, byte, to) in self.others.iter().copied().chain(tree) {
            if is_circling(from) && is_circling(to) {
                back.entry(to).or_insert((from, byte));
            }
        }
        let mut met = std::collections::HashSet::new();
        let mut words = Vec::new();
        for (at, class) in class_of.iter().enumerate() {
            if class.is_none() || !is_circling(at) || !met.insert(class) {
                continue;
            }
            let (mut tail, mut here) = (Vec::new(), at);
            while tail.len() <= LONG_BYTES {
                let Some((from, byte)) = back.get(&here) else { break };
                tail.push(*byte);
                here = *from;
            }
            tail.reverse();
            let mut word = self.word(here);
            word.extend(tail);
            if word.len() > LONG_BYTES {
                words.push(word);
            }
        }
        words
    }
}

fn literals(test: &Test<'_>, tree: &mut Tree) {
    for constant in test.constants() {
        if let Constant::Text(text) = constant {
            tree.literal(&text);
        }
    }
}

/// One byte of each class of bytes that all parts treat alike.
fn bytes(parts: &[Part<'_>]) -> Vec<u8> {
    let mut nice: Vec<u8> = (0..=255).collect();
    nice.sort_by_key(|byte| match byte {
        b'a'..=b'z' => 0,
        b'0'..=b'9' => 1,
        b'A'..=b'Z' => 2,
        b' '..=b'~' => 3,
        _ => 4,
    });
    let mut known = std::collections::HashSet::new();
    nice.retain(|byte| {
        let signature: Vec<u32> = parts.iter().map(|part| part.class(*byte)).collect();
        known.insert(signature)
    });
    nice
}

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;
