//! What single parts cost, without a network: a decision, the exact difference of two policies, the
//! strict reader.

use std::hint::black_box;
use std::time::{Duration, Instant};

use policy::{Definition, GrantFacts, Policy, Question, ToolCall, Unused};

/// The time of one decision under a policy of so many rules, none of which fires.
pub(crate) fn decision(rules: usize) -> Option<Duration> {
    let policy = Policy::load(crate::served::rules(rules).as_bytes()).ok()?;
    let arguments =
        r#"{"payment":"pi_1001","amount":25.00,"currency":"eur","reason":"requested by customer"}"#;
    let arguments = json::read(arguments.as_bytes(), json::Limits::REQUEST).ok()?;
    let listed = ["payment", "amount", "currency", "reason"].map(str::to_owned).to_vec();
    let question = Question {
        policy: Some(&policy),
        grant: &GrantFacts::default(),
        definition: &Definition::Accepted { arguments: Some(listed) },
        usage: &Unused,
        now: jiff::Timestamp::UNIX_EPOCH,
    };
    let mut call =
        ToolCall { tool: "refund_payment".to_owned(), arguments: arguments.as_object().cloned() };
    let rounds = 200_000 / rules.max(1) + 1_000;
    let started = Instant::now();
    for _ in 0..rounds {
        let decision = policy::decide(&question, black_box(call));
        if decision.outcome() != "allow" {
            return None;
        }
        call = decision.into_call();
    }
    Some(started.elapsed() / u32::try_from(rounds).ok()?)
}

/// The time in which two neighbouring versions of a policy of so many rules are told apart: one bound
/// moved, one rule dropped, over numbers, texts, patterns, lengths and lists.
pub(crate) fn difference(rules: usize) -> Option<Duration> {
    let text = |version: usize| {
        let rule = |number: usize| {
            let conditions = match number % 5 {
                0 => format!(
                    r#"{{"path":"args.amount","op":"gt","value":{}}}"#,
                    20_000 - number - usize::from(number == 50) * version * 3
                ),
                1 => {
                    format!(r#"{{"path":"args.payment","op":"eq","value":"pi_blocked_{number}"}}"#)
                }
                2 => format!(
                    r#"{{"path":"args.currency","op":"eq","value":"c{}"}},{{"path":"args.amount","op":"lt","value":{number}}}"#,
                    number % 20
                ),
                3 => format!(
                    r#"{{"path":"args.reason","op":"matches","value":"test {}[0-9]*"}}"#,
                    number % 30
                ),
                _ => format!(
                    r#"{{"path":"args.items[*].price","op":"gt","value":{}}},{{"path":"args.reason","op":"length_lt","value":{}}}"#,
                    1_000 + number % 40,
                    number % 10
                ),
            };
            format!(r#"{{"id":"r{number}","conditions":[{conditions}]}}"#)
        };
        let kept = (0..rules).filter(|number| version == 0 || *number != rules / 2);
        let all: Vec<String> = kept.map(rule).collect();
        format!(
            r#"{{"version":"1","default":"deny","tools":{{"refund_payment":{{"deny_if":[{}]}}}}}}"#,
            all.join(",")
        )
    };
    let before = Policy::load(text(0).as_bytes()).ok()?;
    let after = Policy::load(text(1).as_bytes()).ok()?;
    let rounds = 500 / rules.max(1) + 3;
    let started = Instant::now();
    for _ in 0..rounds {
        let found = policy::exact::diff(black_box(&before), black_box(&after), None);
        if found.is_same() || !found.not_known.is_empty() {
            return None;
        }
    }
    Some(started.elapsed() / u32::try_from(rounds).ok()?)
}

/// Bytes a second the strict reader takes, for a text of the given kind.
pub(crate) fn reader(text: &[u8], read: impl Fn(&[u8]) -> bool) -> Option<f64> {
    let rounds = 20_000_000 / text.len().max(1) + 100;
    let started = Instant::now();
    for _ in 0..rounds {
        if !read(black_box(text)) {
            return None;
        }
    }
    Some((rounds * text.len()) as f64 / started.elapsed().as_secs_f64())
}
