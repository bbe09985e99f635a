//! The parts of the automaton over strings: each keeps one small state and steps it by a byte.

use std::collections::HashMap;

use regex_automata::Anchored;
use regex_automata::dfa::{Automaton, dense};
use regex_automata::util::primitives::StateID;
use regex_automata::util::start;

/// One part.
pub(crate) enum Part<'t> {
    Utf8(Utf8),
    Tree(Tree),
    Needles(Needles),
    Count(Count),
    Chain(Chain),
    /// A pattern's table, and whether the whole string must match.
    Table(&'t dense::DFA<Vec<u32>>, bool),
}

/// The state of a table that has found its part.
const FOUND: u32 = u32::MAX;

impl Part<'_> {
    /// The state before the first byte; none when the table has none.
    pub(crate) fn start(&mut self) -> Option<u32> {
        match self {
            Self::Table(table, whole) => {
                let anchored = if *whole { Anchored::Yes } else { Anchored::No };
                let state = table.start_state(&start::Config::new().anchored(anchored)).ok()?;
                // An empty match is told by the end of the string.
                Some(state.as_u32())
            }
            Self::Utf8(_) | Self::Tree(_) | Self::Needles(_) | Self::Count(_) => Some(0),
            Self::Chain(chain) => chain.start(),
        }
    }

    /// The state behind a byte; none when there is no string that goes on so, or it cannot be told.
    pub(crate) fn step(&mut self, state: u32, byte: u8) -> Option<u32> {
        match self {
            Self::Utf8(_) => Utf8::step(state, byte),
            Self::Tree(tree) => Some(tree.step(state, byte)),
            Self::Needles(needles) => Some(needles.step(state, byte)),
            Self::Count(Count(most)) => {
                let starts = byte & 0xC0 != 0x80;
                Some(if starts { state.saturating_add(1).min(*most) } else { state })
            }
            Self::Chain(chain) => Some(chain.step(state, byte)),
            Self::Table(table, whole) => {
                if state == FOUND {
                    return Some(FOUND);
                }
                let from = StateID::new(usize::try_from(state).ok()?).ok()?;
                let to = table.next_state(from, byte);
                if table.is_quit_state(to) {
                    return None;
                }
                let found = !*whole && table.is_match_state(to);
                Some(if found { FOUND } else { to.as_u32() })
            }
        }
    }

    /// The class of a byte: bytes of one class are never told apart.
    pub(crate) fn class(&self, byte: u8) -> u32 {
        match self {
            Self::Utf8(_) => Utf8::class(byte),
            Self::Tree(tree) => tree.class(byte),
            Self::Needles(needles) => needles.class(byte),
            Self::Count(_) => u32::from(byte & 0xC0 == 0x80),
            Self::Chain(chain) => chain.class(byte),
            Self::Table(table, _) => u32::from(table.byte_classes().get(byte)),
        }
    }
}

/// Which bytes make characters.
pub(crate) struct Utf8;

impl Utf8 {
    fn class(byte: u8) -> u32 {
        match byte {
            0x00..=0x7F => 0,
            0x80..=0x8F => 1,
            0x90..=0x9F => 2,
            0xA0..=0xBF => 3,
            0xC2..=0xDF => 4,
            0xE0 => 5,
            0xE1..=0xEC | 0xEE | 0xEF => 6,
            0xED => 7,
            0xF0 => 8,
            0xF1..=0xF3 => 9,
            0xF4 => 10,
            _ => 11,
        }
    }

    /// 0 is between characters; 1 to 3 want so many more bytes; the rest want a certain one first.
    fn step(state: u32, byte: u8) -> Option<u32> {
        let class = Self::class(byte);
        match (state, class) {
            (0, 0) => Some(0),
            (0, 4) => Some(1),
            (0, 5) => Some(4),
            (0, 6) => Some(2),
            (0, 7) => Some(5),
            (0, 8) => Some(6),
            (0, 9) => Some(3),
            (0, 10) => Some(7),
            (1..=3, 1..=3) => Some(state - 1),
            (4, 3) => Some(1),
            (5, 1 | 2) => Some(1),
            (6, 2 | 3) => Some(2),
            (7, 1) => Some(2),
            _ => None,
        }
    }
}

/// Counts characters up to so many.
pub(crate) struct Count(pub(crate) u32);

/// The constants that strings are compared with, as a tree of their bytes.
#[derive(Default)]
pub(crate) struct Tree {
    literals: Vec<Vec<u8>>,
    prefixes: Vec<Vec<u8>>,
    by_order: bool,
    nodes: Vec<Node>,
    /// States of strings that have left the tree: under which prefix, and between which constants.
    left: Vec<(u32, usize)>,
    left_known: HashMap<(u32, usize), u32>,
    edges: Vec<u8>,
}

#[derive(Default)]
struct Node {
    next: Vec<(u8, u32)>,
    text: Vec<u8>,
    /// The longest wanted prefix up to here.
    prefix: u32,
}

/// States from here on have left the tree.
const LEFT: u32 = 1 << 31;

impl Tree {
    pub(crate) fn literal(&mut self, text: &str) {
        self.literals.push(text.into());
    }

    pub(crate) fn prefix(&mut self, text: &str) {
        self.literals.push(text.into());
        self.prefixes.push(text.into());
    }

    pub(crate) fn ordered(&mut self, text: &str) {
        self.literals.push(text.into());
        self.by_order = true;
    }

    pub(crate) fn built(mut self) -> Self {
        self.literals.sort();
        self.literals.dedup();
        self.prefixes.sort();
        self.nodes.push(Node::default());
        for literal in self.literals.clone() {
            let mut at = 0_u32;
            for byte in literal {
                at = self.child(at, byte);
            }
        }
        self.edges = self.literals.iter().flatten().copied().collect();
        self.edges.sort_unstable();
        self.edges.dedup();
        self
    }

    fn child(&mut self, at: u32, byte: u8) -> u32 {
        let Some(node) = self.nodes.get(at as usize) else { return 0 };
        if let Some((_, next)) = node.next.iter().find(|(edge, _)| *edge == byte) {
            return *next;
        }
        let mut text = node.text.clone();
        text.push(byte);
        let new = u32::try_from(self.nodes.len()).unwrap_or(LEFT - 1);
        let wanted = self.prefixes.binary_search(&text).is_ok();
        let prefix = if wanted { new } else { node.prefix };
        self.nodes.push(Node { next: Vec::new(), text, prefix });
        if let Some(node) = self.nodes.get_mut(at as usize) {
            node.next.push((byte, new));
        }
        new
    }

    fn step(&mut self, state: u32, byte: u8) -> u32 {
        if state >= LEFT {
            return state;
        }
        let Some(node) = self.nodes.get(state as usize) else { return state };
        if let Some((_, next)) = node.next.iter().find(|(edge, _)| *edge == byte) {
            return *next;
        }
        let rank = if self.by_order {
            let mut text = node.text.clone();
            text.push(byte);
            self.literals.partition_point(|literal| *literal < text)
        } else {
            0
        };
        let key = (node.prefix, rank);
        let new = LEFT + u32::try_from(self.left.len()).unwrap_or(0);
        let known = *self.left_known.entry(key).or_insert(new);
        if known == new {
            self.left.push(key);
        }
        known
    }

    fn class(&self, byte: u8) -> u32 {
        match self.edges.binary_search(&byte) {
            Ok(at) => u32::try_from(at * 2 + 1).unwrap_or(0),
            Err(at) if self.by_order => u32::try_from(at * 2).unwrap_or(0),
            Err(_) => 0,
        }
    }
}

/// Parts to be found anywhere, or at the end.
#[derive(Default)]
pub(crate) struct Needles {
    wanted: Vec<(Vec<u8>, bool)>,
    /// What each state has read of some part, as the longest beginning of one.
    nodes: Vec<Vec<u8>>,
    by_text: HashMap<Vec<u8>, u32>,
    /// Which parts end in each node, of those to be found anywhere.
    ends: Vec<u64>,
    states: Vec<(u32, u64)>,
    known: HashMap<(u32, u64), u32>,
    edges: Vec<u8>,
}

impl Needles {
    pub(crate) fn add(&mut self, text: &str, anywhere: bool) {
        let part = (text.as_bytes().to_vec(), anywhere);
        if !text.is_empty() && !self.wanted.contains(&part) {
            self.wanted.push(part);
        }
    }

    /// Makes the matcher; `true` when there are too many parts to follow.
    pub(crate) fn build(&mut self) -> bool {
        let anywhere: Vec<Vec<u8>> =
            self.wanted.iter().filter(|(_, a)| *a).map(|(text, _)| text.clone()).collect();
        let too_many = anywhere.len() > 64;
        self.nodes.push(Vec::new());
        for (text, _) in &self.wanted {
            for end in 1..=text.len() {
                let part = text.get(..end).unwrap_or_default().to_vec();
                if !self.nodes.contains(&part) {
                    self.nodes.push(part);
                }
            }
        }
        for (at, node) in self.nodes.iter().enumerate() {
            self.by_text.insert(node.clone(), u32::try_from(at).unwrap_or(0));
            let mut mask = 0_u64;
            for (bit, text) in anywhere.iter().enumerate().take(64) {
                mask |= u64::from(node.ends_with(text)) << bit;
            }
            self.ends.push(mask);
        }
        self.edges = self.wanted.iter().flat_map(|(text, _)| text).copied().collect();
        self.edges.sort_unstable();
        self.edges.dedup();
        self.states.push((0, 0));
        self.known.insert((0, 0), 0);
        too_many
    }

    fn step(&mut self, state: u32, byte: u8) -> u32 {
        let Some((node, seen)) = self.states.get(state as usize).copied() else { return 0 };
        let mut read = self.nodes.get(node as usize).cloned().unwrap_or_default();
        read.push(byte);
        // The longest end of what was read that begins some part.
        let next = (0..=read.len())
            .find_map(|skip| self.by_text.get(read.get(skip..)?).copied())
            .unwrap_or(0);
        let seen = seen | self.ends.get(next as usize).copied().unwrap_or(0);
        let new = u32::try_from(self.states.len()).unwrap_or(0);
        let known = *self.known.entry((next, seen)).or_insert(new);
        if known == new {
            self.states.push((next, seen));
        }
        known
    }

    fn class(&self, byte: u8) -> u32 {
        self.edges.binary_search(&byte).map_or(0, |at| u32::try_from(at + 1).unwrap_or(0))
    }
}

/// A name with `*`: which places of it have been reached, as a set.
pub(crate) struct Chain {
    /// Bytes, none for a star.
    items: Vec<Option<u8>>,
    states: Vec<Vec<usize>>,
    known: HashMap<Vec<usize>, u32>,
    edges: Vec<u8>,
}

impl Chain {
    pub(crate) fn new(pattern: &str) -> Self {
        let items: Vec<Option<u8>> =
            pattern.bytes().map(|byte| (byte != b'*').then_some(byte)).collect();
        let mut edges: Vec<u8> = items.iter().flatten().copied().collect();
        edges.sort_unstable();
        edges.dedup();
        Self { items, states: Vec::new(), known: HashMap::new(), edges }
    }

    fn start(&mut self) -> Option<u32> {
        let first = self.closed(vec![0]);
        Some(self.state(first))
    }

    /// A star may also stand for nothing.
    fn closed(&self, mut places: Vec<usize>) -> Vec<usize> {
        let mut at = 0;
        while let Some(place) = places.get(at).copied() {
            if self.items.get(place) == Some(&None) && !places.contains(&(place + 1)) {
                places.push(place + 1);
            }
            at += 1;
        }
        places.sort_unstable();
        places.dedup();
        places
    }

    fn state(&mut self, places: Vec<usize>) -> u32 {
        let new = u32::try_from(self.states.len()).unwrap_or(0);
        let known = *self.known.entry(places.clone()).or_insert(new);
        if known == new {
            self.states.push(places);
        }
        known
    }

    fn step(&mut self, state: u32, byte: u8) -> u32 {
        let from = self.states.get(state as usize).cloned().unwrap_or_default();
        let mut to = Vec::new();
        for place in from {
            match self.items.get(place) {
                Some(None) => to.push(place),
                Some(Some(wanted)) if *wanted == byte => to.push(place + 1),
                _ => {}
            }
        }
        let to = self.closed(to);
        self.state(to)
    }

    fn class(&self, byte: u8) -> u32 {
        self.edges.binary_search(&byte).map_or(0, |at| u32::try_from(at + 1).unwrap_or(0))
    }
}
