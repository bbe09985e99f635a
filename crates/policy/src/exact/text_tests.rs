//! The classes of strings against every short string over a small alphabet.

use std::sync::Arc;

use super::*;
use crate::pattern::NamePattern;
use crate::program::Comparison;

fn comparison(op: Op, operand: Operand) -> Comparison {
    Comparison {
        path: "args.a".into(),
        slot: 0,
        wild: false,
        of_tool_name: false,
        every: false,
        op,
        operand,
    }
}

fn text(op: Op, text: &str) -> Comparison {
    comparison(op, Operand::Scalar(Constant::Text(text.into())))
}

fn pattern(op: Op, text: &str) -> Comparison {
    let regular = Regular::new(text, op == Op::Matches, true).unwrap();
    comparison(op, Operand::Pattern(Arc::new(regular)))
}

fn length(op: Op, count: i64) -> Comparison {
    comparison(op, Operand::Scalar(Constant::Number(count.into())))
}

/// Every string of up to five characters over an alphabet with a letter of two bytes.
fn every() -> Vec<String> {
    let mut all = vec![String::new()];
    let mut last = all.clone();
    for _ in 0..5 {
        last = last
            .iter()
            .flat_map(|s| ["a", "b", "c", "é", "~"].map(|c| format!("{s}{c}")))
            .collect();
        all.extend(last.clone());
    }
    all
}

#[test]
fn the_classes_are_those_that_strings_fall_into() {
    let sets = [
        vec![text(Op::Eq, "ab"), text(Op::Neq, "b")],
        vec![text(Op::Lt, "b"), text(Op::Gte, "ab"), text(Op::Eq, "é")],
        vec![text(Op::StartsWith, "a"), text(Op::StartsWith, "ab"), text(Op::Eq, "abc")],
        vec![text(Op::EndsWith, "ab"), text(Op::Contains, "ba"), text(Op::NotContains, "é")],
        vec![pattern(Op::Matches, "(ab)*c?"), pattern(Op::Regex, "b$"), length(Op::LengthGt, 3)],
        vec![pattern(Op::Regex, "^a"), pattern(Op::Matches, "[ab]{2}"), text(Op::Lte, "ab")],
        vec![length(Op::LengthLt, 2), length(Op::LengthGte, 4), text(Op::Contains, "aa")],
        vec![pattern(Op::Regex, ""), pattern(Op::Matches, ".*é.*"), text(Op::Gt, "b")],
    ];
    for set in &sets {
        let tests: Vec<Test<'_>> = set.iter().map(Test::Compare).collect();
        let found = classes(&tests);
        assert_eq!(found.gap, None);
        let known: Vec<&Vec<Truths>> = found.classes.iter().map(|class| &class.truths).collect();
        for string in every() {
            let truths: Vec<Truths> =
                tests.iter().map(|test| only(test.truth(Found::Text(&string)))).collect();
            assert!(known.contains(&&truths), "{string:?} of {set:?}");
        }
        for class in &found.classes {
            assert!(!class.words.is_empty());
            for word in &class.words {
                let truths: Vec<Truths> =
                    tests.iter().map(|test| only(test.truth(Found::Text(word)))).collect();
                assert_eq!(truths, class.truths, "{word:?} of {set:?}");
            }
        }
    }
}

#[test]
fn names_with_stars_and_long_texts_have_classes_of_their_own() {
    let tests =
        [Test::Name(NamePattern::new("pay*")), Test::Name(NamePattern::new("*_all")), Test::Splits];
    let found = classes(&tests);
    // Both, one, the other and neither; each short and long.
    assert_eq!(found.classes.len(), 8, "{:?}", found.classes);
    assert!(found.classes.iter().any(|class| class.words.iter().any(|word| word == "pay_all")));
}

#[test]
fn what_cannot_be_followed_is_said() {
    let word = pattern(Op::Regex, r"\bkey\b");
    assert!(classes(&[Test::Compare(&word)]).gap.is_some());
    let long = length(Op::LengthGt, 1_000_000);
    assert!(classes(&[Test::Compare(&long)]).gap.is_some());
}
