//! Policies made to be too large: the answer comes in bounded time, and says what it does not know.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::time::{Duration, Instant};

use policy::exact::{Answer, Diff, Query, ask, diff};
use policy::{Policy, check};
use support::load;

/// What nothing may take, hardly optimised and beside other work.
const LONGEST: Duration = Duration::from_secs(120);

fn tool(rules: &[String], last: &str) -> String {
    let rules: Vec<String> = rules
        .iter()
        .enumerate()
        .map(|(number, conditions)| format!(r#"{{"id":"r{number}","conditions":[{conditions}]}}"#))
        .collect();
    format!(
        r#"{{"version":"1","default":"deny","tools":{{"t":{{"deny_if":[{}],"approve_if":[{{"id":"a","conditions":[{last}]}}]}}}}}}"#,
        rules.join(",")
    )
}

fn c(path: &str, op: &str, value: &str) -> String {
    format!(r#"{{"path":"args.{path}","op":"{op}","value":{value}}}"#)
}

fn told(a: &Policy, b: &Policy) -> Diff {
    let started = Instant::now();
    let found = diff(a, b, None);
    let took = started.elapsed();
    assert!(took < LONGEST, "{took:?}");
    found
}

/// Eleven birds and ten holes: no call passes, and no short proof says so.
#[test]
fn a_search_that_would_not_end_is_given_up_in_the_open() {
    let (birds, holes) = (11, 10);
    let mut rules = Vec::new();
    for bird in 0..birds {
        let mut conditions: Vec<String> = vec![c(&format!("b{bird}"), "exists", "true")];
        conditions.extend((0..holes).map(|hole| c(&format!("b{bird}"), "neq", &hole.to_string())));
        rules.push(conditions.join(","));
        rules.push(c(&format!("b{bird}"), "exists", "false"));
        let other = format!(r#"{{"not":{}}}"#, c(&format!("b{bird}"), "type", "\"number\""));
        rules.push(other);
        for other in 0..bird {
            for hole in 0..holes {
                let same = [bird, other].map(|b| c(&format!("b{b}"), "eq", &hole.to_string()));
                rules.push(same.join(","));
            }
        }
    }
    let amount = |bound: &str| c("amount", "gt", bound);
    let (a, b) = (load(&tool(&rules, &amount("5"))), load(&tool(&rules, &amount("6"))));
    let found = told(&a, &b);
    assert!(found.changes.is_empty() && !found.is_same() && found.more_open(), "{found:?}");
    assert!(found.not_known[0].reason.contains("too large"), "{found:?}");
    let query = Query::of_words("can t pass?").unwrap();
    assert!(matches!(ask(&a, &query, None), Answer::NotKnown(_)));
}

#[test]
fn texts_lists_and_places_beyond_any_bound_are_not_known_and_quick() {
    let many = |each: &dyn Fn(usize) -> String, count: usize| -> Vec<String> {
        (0..count).map(each).collect()
    };
    let patterns = |n: usize| c("a", "regex", &format!("\"x.{{{}}}y{n}\"", n % 9));
    let needles = |n: usize| c("a", "contains", &format!("\"n{n}\""));
    let elements = |n: usize| c("l[*].a", "eq", &n.to_string());
    let nested = |n: usize| c(&format!("l[*].m[*].f{}", n % 7), "gt", &n.to_string());
    let long = |n: usize| c("a", "length_gt", &format!("{}", 1_000_000 + n));
    for (name, rules) in [
        ("patterns", many(&patterns, 60)),
        ("parts", many(&needles, 120)),
        ("elements", many(&elements, 40)),
        ("lists in lists", many(&nested, 40)),
        ("lengths", many(&long, 5)),
    ] {
        let a = load(&tool(&rules, &c("b", "gt", "5")));
        let fewer = load(&tool(&rules[1..], &c("b", "gt", "5")));
        let found = told(&a, &fewer);
        // Nothing is claimed that is not so: a rule was left out, and that opens something.
        assert!(!found.is_same() && found.more_open(), "{name}: {found:?}");
        assert!(told(&a, &a).is_same(), "{name}");
        let started = Instant::now();
        check(tool(&rules, &c("b", "gt", "5")).as_bytes(), None).unwrap();
        assert!(started.elapsed() < LONGEST, "{name}: {:?}", started.elapsed());
    }
}

#[test]
fn many_tools_that_change_alike_are_told_in_one_line() {
    let document = |bound: u32| {
        let tools: Vec<String> = (0..300).map(|n| format!(r#""tool_{n}":{{}}"#)).collect();
        format!(
            r#"{{"version":"1","default":"deny","all_tools":{{"deny_if":[
                {{"conditions":[{{"path":"args.amount","op":"gt","value":{bound}}}]}}]}},"tools":{{{}}}}}"#,
            tools.join(",")
        )
    };
    let found = told(&load(&document(100)), &load(&document(200)));
    assert_eq!(found.changes.len(), 1, "{:?}", found.changes.len());
    assert_eq!(found.changes[0].tools.len(), 300);
    assert!(found.changes[0].line().contains(" and 296 more: 100 < amount ≤ 200: deny"));
    assert_eq!(found.not_known, []);
}
