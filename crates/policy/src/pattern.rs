//! Names with `*` (any run of characters), matched without regular expressions.

use std::collections::HashSet;

/// A name in which `*` stands for any run of characters, none included.
#[derive(Clone, Debug)]
pub(crate) struct NamePattern {
    text: Box<str>,
    /// What stands between the stars; one part only when there is no star.
    parts: Box<[Box<str>]>,
}

impl NamePattern {
    pub(crate) fn new(text: &str) -> Self {
        let parts = text.split('*').map(Box::from).collect();
        Self { text: text.into(), parts }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Whether the whole name is of this form.
    pub(crate) fn matches(&self, name: &str) -> bool {
        let Some((first, rest)) = self.parts.split_first() else { return false };
        let Some((last, middle)) = rest.split_last() else { return name == &**first };
        let Some(name) = name.strip_prefix(&**first) else { return false };
        let Some(mut name) = name.strip_suffix(&**last) else { return false };
        // Taking the leftmost place for each middle part never loses a match.
        for part in middle {
            let Some(at) = name.find(&**part) else { return false };
            name = name.get(at + part.len()..).unwrap_or_default();
        }
        true
    }
}

/// A list of names and patterns; the first pattern that fits names the entry.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    exact: HashSet<Box<str>>,
    patterns: Vec<NamePattern>,
}

impl Names {
    pub(crate) fn add(&mut self, text: &str) {
        if text.contains('*') {
            self.patterns.push(NamePattern::new(text));
        } else {
            self.exact.insert(text.into());
        }
    }

    /// Every entry as it was written, in no order.
    pub(crate) fn texts(&self) -> Vec<String> {
        let exact = self.exact.iter().map(|text| text.to_string());
        exact.chain(self.patterns.iter().map(|pattern| pattern.text().to_owned())).collect()
    }

    /// The entry that holds the name, as it was written.
    pub(crate) fn find<'a>(&'a self, name: &str) -> Option<&'a str> {
        if let Some(exact) = self.exact.get(name) {
            return Some(exact);
        }
        self.patterns.iter().find(|pattern| pattern.matches(name)).map(NamePattern::text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_run_of_characters() {
        for (pattern, name, expected) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("*", "", true),
            ("*", "anything", true),
            ("refund_*", "refund_payment", true),
            ("refund_*", "refund", false),
            ("*_payment", "refund_payment", true),
            ("*_payment", "refund_payments", false),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("a*b*c", "a-b-c", true),
            ("a*b*c", "abc", true),
            ("a*b*c", "acb", false),
            ("a**b", "ab", true),
            ("*x*", "aXb", false),
            ("*ab*ab*", "abab", true),
            ("*ab*ab*", "aba", false),
            ("ab*ba", "aba", false),
            ("a.c", "abc", false),
            ("é*", "éa", true),
        ] {
            assert_eq!(NamePattern::new(pattern).matches(name), expected, "{pattern} on {name}");
        }
    }

    #[test]
    fn names_find_the_entry_that_holds_them() {
        let mut names = Names::default();
        names.add("file:///*");
        names.add("exact");
        assert_eq!(names.find("exact"), Some("exact"));
        assert_eq!(names.find("file:///etc"), Some("file:///*"));
        assert_eq!(names.find("other"), None);
    }
}
