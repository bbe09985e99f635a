//! Policies made to be too large: the answer comes in bounded time, and says what it does not know.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::time::{Duration, Instant};

use policy::Policy;
use policy::exact::{Diff, diff};
use support::load;

/// What nothing may take, built without optimisation and beside other work.
const LONGEST: Duration = Duration::from_secs(120);

fn told(a: &Policy, b: &Policy) -> Diff {
    let started = Instant::now();
    let found = diff(a, b, None);
    let took = started.elapsed();
    assert!(took < LONGEST, "{took:?}");
    found
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
