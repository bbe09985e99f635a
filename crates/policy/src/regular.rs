//! Regular expressions that are matched in linear time, with bounds on every size.
//!
//! A pattern becomes a table that costs one look-up a byte. One that has no table of reasonable
//! size is matched by following all its states at once; that is linear too, but dearer, and is paid
//! from the decision's budget in advance.

use regex_automata::dfa::{Automaton, dense};
use regex_automata::nfa::thompson::{self, pikevm::PikeVM};
use regex_automata::util::{start, syntax};
use regex_automata::{Anchored, Input, MatchKind};

use crate::budget::Budget;

/// The most memory the states of one pattern may take, in bytes.
pub(crate) const PATTERN_BYTES_MAX: usize = 1 << 20;

/// The most memory the table of one pattern may take, in bytes.
const TABLE_BYTES_MAX: usize = 1 << 20;

/// The deepest nesting of groups and repetitions.
const NEST_MAX: u32 = 64;

/// A compiled pattern.
#[derive(Debug)]
pub(crate) struct Regular {
    text: Box<str>,
    table: Option<dense::DFA<Vec<u32>>>,
    threads: PikeVM,
    states: u64,
    whole: bool,
}

impl Regular {
    /// Compiles a pattern that must match the whole text (`whole`) or some part of it.
    ///
    /// - **Errors**: a sentence for the author.
    pub(crate) fn new(pattern: &str, whole: bool, with_table: bool) -> Result<Self, String> {
        let nfa = thompson::Compiler::new()
            .syntax(syntax::Config::new().nest_limit(NEST_MAX).multi_line(false))
            .configure(thompson::Config::new().nfa_size_limit(Some(PATTERN_BYTES_MAX)))
            .build(pattern)
            .map_err(|error| explain(&error))?;
        let table = with_table.then(|| table(&nfa, whole)).flatten();
        let states = u64::try_from(nfa.states().len()).unwrap_or(u64::MAX);
        let threads = PikeVM::builder()
            .configure(PikeVM::config().match_kind(MatchKind::All))
            .build_from_nfa(nfa)
            .map_err(|error| explain(&error))?;
        Ok(Self { text: pattern.into(), table, threads, states, whole })
    }

    /// The pattern as it was written.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The table, if it has one of reasonable size.
    pub(crate) fn table(&self) -> Option<&dense::DFA<Vec<u32>>> {
        self.table.as_ref()
    }

    /// Whether the whole text must match.
    pub(crate) fn is_whole(&self) -> bool {
        self.whole
    }

    /// The memory the states take, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.threads.get_nfa().memory_usage()
    }

    /// The memory the table takes, in bytes; as much as a table may take where none was found, for that
    /// is what looking for it cost.
    pub(crate) fn table_bytes(&self) -> usize {
        self.table.as_ref().map_or(TABLE_BYTES_MAX, dense::DFA::memory_usage)
    }

    /// Whether the text matches; `None` when the budget does not hold the search.
    pub(crate) fn is_match(&self, text: &str, budget: &Budget) -> Option<bool> {
        if !budget.take_for(text.len(), 4) {
            return None;
        }
        let by_table = self.table.as_ref().and_then(|table| match self.whole {
            true => whole(table, text),
            false => part(table, text),
        });
        match by_table {
            Some(matched) => Some(matched),
            None => self.by_threads(text, budget),
        }
    }

    fn by_threads(&self, text: &str, budget: &Budget) -> Option<bool> {
        if !budget.take_for(text.len().saturating_add(64), self.states.saturating_mul(2)) {
            return None;
        }
        let mut cache = self.threads.create_cache();
        if self.whole {
            // Every match that starts at the start is followed to its end; the last one found is
            // the longest.
            let input = Input::new(text).anchored(Anchored::Yes);
            let mut slots = [None; 2];
            let found = self.threads.search_slots(&mut cache, &input, &mut slots);
            let end = slots.get(1).copied().flatten().map(|slot| slot.get());
            return Some(found.is_some() && end == Some(text.len()));
        }
        Some(self.threads.is_match(&mut cache, Input::new(text)))
    }
}

/// The table of a pattern, if it has one of reasonable size.
fn table(nfa: &thompson::NFA, whole: bool) -> Option<dense::DFA<Vec<u32>>> {
    let starts = if whole { start_kind_anchored() } else { start_kind_unanchored() };
    let config = dense::Config::new()
        .match_kind(MatchKind::All)
        .start_kind(starts)
        .unicode_word_boundary(true)
        .accelerate(false)
        .dfa_size_limit(Some(TABLE_BYTES_MAX))
        .determinize_size_limit(Some(2 * TABLE_BYTES_MAX));
    dense::Builder::new().configure(config).build_from_nfa(nfa).ok()
}

fn start_kind_anchored() -> regex_automata::dfa::StartKind {
    regex_automata::dfa::StartKind::Anchored
}

fn start_kind_unanchored() -> regex_automata::dfa::StartKind {
    regex_automata::dfa::StartKind::Unanchored
}

/// Whether some match spans the whole text; `None` when the table gives up (it cannot tell word
/// boundaries beyond ASCII).
fn whole(table: &dense::DFA<Vec<u32>>, text: &str) -> Option<bool> {
    let mut state = table.start_state(&start::Config::new().anchored(Anchored::Yes)).ok()?;
    for byte in text.bytes() {
        state = table.next_state(state, byte);
        if table.is_special_state(state) {
            if table.is_dead_state(state) {
                return Some(false);
            }
            if table.is_quit_state(state) {
                return None;
            }
        }
    }
    state = table.next_eoi_state(state);
    Some(table.is_match_state(state))
}

/// Whether some part of the text matches; `None` when the table gives up.
fn part(table: &dense::DFA<Vec<u32>>, text: &str) -> Option<bool> {
    let input = Input::new(text).earliest(true);
    table.try_search_fwd(&input).ok().map(|end| end.is_some())
}

fn explain(error: &thompson::BuildError) -> String {
    match error.size_limit() {
        Some(_) => format!(
            "the pattern is too large: its states take more than {PATTERN_BYTES_MAX} bytes; \
             use fewer or smaller repetitions, or ASCII classes such as `[A-Za-z0-9_]` for `\\w`"
        ),
        None => {
            let text = std::error::Error::source(error)
                .map_or_else(|| error.to_string(), ToString::to_string);
            let last = text.lines().last().unwrap_or_default();
            let last = last.strip_prefix("error: ").unwrap_or(last);
            format!("the pattern is not a regular expression: {last}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matched(pattern: &str, whole: bool, text: &str) -> bool {
        let regular = Regular::new(pattern, whole, true).unwrap();
        let by_table = regular.is_match(text, &Budget::new()).unwrap();
        let slow = Regular::new(pattern, whole, false).unwrap();
        assert_eq!(slow.is_match(text, &Budget::new()), Some(by_table), "{pattern} on {text}");
        by_table
    }

    #[test]
    fn matches_means_the_whole_text_and_regex_some_part() {
        for (pattern, text, whole, part) in [
            ("a|ab", "ab", true, true),
            ("a", "ab", false, true),
            ("a*?", "aaa", true, true),
            ("", "", true, true),
            ("", "x", false, true),
            ("^feat/", "x\nfeat/", false, false),
            ("^feat/.*", "feat/x", true, true),
            ("feat/.*", "feat/x\n", false, true),
            ("a$", "a\n", false, false),
            ("(?x) a b # note", "ab", true, true),
            ("(?i)usd", "USD", true, true),
            (".", "é", true, true),
            (".", "\n", false, false),
            (r"\bkey\b", "a key", false, true),
            (r"\bkey\b", "ä key", false, true),
            (r"\bkey\b", "äkey", false, false),
            (r"\S.{4,}", "late!", true, true),
            (r"\S.{4,}", "late", false, false),
            ("(a+)+b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac", false, false),
            (r"[\s\S]*x[\s\S]{40}y", &format!("x{}y", "é".repeat(40)), true, true),
        ] {
            assert_eq!(matched(pattern, true, text), whole, "whole {pattern} on {text:?}");
            assert_eq!(matched(pattern, false, text), part, "part {pattern} on {text:?}");
        }
    }

    #[test]
    fn a_pattern_that_is_wrong_or_too_large_is_refused() {
        for pattern in ["(", "a{1000}{1000}", r"\w{1000}", r"(?<=a)b", r"(a)\1", "[z-a]", "a**{"] {
            assert!(Regular::new(pattern, true, true).is_err(), "{pattern}");
        }
        let deep = format!("{}a{}", "(".repeat(200), ")".repeat(200));
        assert!(Regular::new(&deep, true, true).is_err());
    }

    #[test]
    fn a_search_that_costs_too_much_is_not_begun() {
        let regular = Regular::new(r"[\s\S]*x[\s\S]{300}y", false, true).unwrap();
        assert!(regular.table.is_none(), "this pattern has no small table");
        assert_eq!(regular.is_match(&"x".repeat(1 << 20), &Budget::new()), None);
    }
}
