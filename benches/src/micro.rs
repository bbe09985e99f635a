//! What single parts cost, without a network: a decision, the strict reader.

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
