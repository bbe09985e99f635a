//! How long decisions take: rules of one tool, in number and in kind. Prints a table.

#![allow(clippy::print_stdout, reason = "the table is what it is for")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Instant;

use policy::{Definition, GrantFacts, Policy, Question, ToolCall, Unused, decide};

fn document(rules: usize, comparison: impl Fn(usize) -> String) -> String {
    let mut list = String::new();
    for index in 0..rules {
        let comma = if index > 0 { "," } else { "" };
        let _ =
            write!(list, "{comma}{{\"id\":\"r{index}\",\"conditions\":[{}]}}", comparison(index));
    }
    format!(
        "{{\"version\":\"1\",\"default\":\"deny\",\"tools\":{{\"pay\":{{\"deny_if\":[{list}]}}}}}}"
    )
}

fn call(arguments: &str) -> ToolCall {
    match json::read(arguments.as_bytes(), json::Limits::REQUEST) {
        Ok(json::Value::Object(object)) => {
            ToolCall { tool: "pay".to_owned(), arguments: Some(object) }
        }
        _ => unreachable!("the arguments are an object"),
    }
}

/// The median of many rounds, in nanoseconds a decision.
fn time(policy: &Policy, call: &ToolCall) -> f64 {
    let names = call.arguments.iter().flat_map(json::Object::names).map(str::to_owned).collect();
    let definition = Definition::Accepted { arguments: Some(names) };
    let grant = GrantFacts::default();
    let now = jiff::Timestamp::UNIX_EPOCH;
    let question = Question {
        policy: Some(policy),
        grant: &grant,
        definition: &definition,
        usage: &Unused,
        now,
    };
    let mut call = Some(call.clone());
    let mut rounds: Vec<f64> = (0..51)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..200 {
                let decision = black_box(decide(
                    black_box(&question),
                    call.take().unwrap_or_else(|| unreachable!()),
                ));
                call = Some(decision.into_call());
            }
            start.elapsed().as_secs_f64() * 1e9 / 200.0
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    rounds.get(25).copied().unwrap_or(f64::NAN)
}

fn main() {
    // Test runners start every target to ask for its tests. This one has none.
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    let small =
        call(r#"{"payment":"pi_1","amount":480,"currency":"usd","reason":"broken on arrival"}"#);
    println!(
        "{:>6} {:>12} {:>12} {:>12} {:>12}",
        "rules", "numbers", "strings", "patterns", "mixed"
    );
    for rules in [1, 10, 100, 1_000, 10_000] {
        let numbers = document(rules, |n| {
            format!("{{\"path\":\"args.amount\",\"op\":\"gt\",\"value\":{}}}", 10_000 + n)
        });
        let strings = document(rules, |n| {
            format!("{{\"path\":\"args.currency\",\"op\":\"eq\",\"value\":\"x{n}\"}}")
        });
        let patterns = document(rules, |n| {
            format!(
                "{{\"path\":\"args.reason\",\"op\":\"matches\",\"value\":\"[a-z]+ x{}\"}}",
                n % 50
            )
        });
        let mixed = document(rules, |n| match n % 4 {
            0 => format!("{{\"path\":\"args.amount\",\"op\":\"gt\",\"value\":{}}}", 10_000 + n),
            1 => format!(
                "{{\"path\":\"args.currency\",\"op\":\"neq\",\"value\":\"usd\"}},{{\"path\":\"args.amount\",\"op\":\"lt\",\"value\":{n}}}"
            ),
            2 => "{\"path\":\"args.reason\",\"op\":\"length_lt\",\"value\":5}".to_owned(),
            _ => format!(
                "{{\"path\":\"args.payment\",\"op\":\"in\",\"value\":[\"a{n}\",\"b\",\"c\"]}}"
            ),
        });
        let times =
            [numbers, strings, patterns, mixed].map(|text| match Policy::load(text.as_bytes()) {
                Ok(policy) => time(&policy, &small),
                Err(problems) => unreachable!("{problems}"),
            });
        let [a, b, c, d] = times.map(|nanoseconds| format!("{nanoseconds:.0} ns"));
        println!("{rules:>6} {a:>12} {b:>12} {c:>12} {d:>12}");
    }
}
