//! What can be asked of a policy exactly: what a change lets through, whether a call can pass, what the
//! test cases leave untried. With files the policy crate answers; otherwise a running instance does.

use std::path::Path;

use policy::exact::{self, Query};
use policy::{Policy, Problems};
use serde_json::{Value, json};

use super::super::{input, show};
use crate::api::Api;
use crate::args::Instance;
use crate::failure::Failure;
use crate::out::{self, Style};

/// Where a policy comes from: a file, or a name that a running instance knows.
#[derive(Debug)]
pub(super) enum Source<'a> {
    File(&'a Path),
    Stored(&'a str, Option<u32>),
}

impl Source<'_> {
    /// As the API takes it.
    fn body(&self) -> Result<Value, Failure> {
        Ok(match self {
            Self::File(file) => json!({"text": input::text(file)?}),
            Self::Stored(name, None) => json!({"policy": name}),
            Self::Stored(name, Some(version)) => json!({"policy": name, "version": version}),
        })
    }
}

/// `policy diff` of two files, or of two versions: which calls change, each with an example.
pub(super) async fn diff(
    instance: &Instance,
    (from, to): (Source<'_>, Source<'_>),
    server: Option<&str>,
    allow_open: bool,
    style: Style,
) -> Result<(), Failure> {
    let found = match (&from, &to, server) {
        (Source::File(from), Source::File(to), None) => {
            engine(&exact::diff(&loaded(from)?, &loaded(to)?, None).to_json())
        }
        _ => {
            let mut body = json!({"from": from.body()?, "to": to.body()?});
            if let Some(server) = server {
                body["server"] = server.into();
            }
            Api::of(instance)?.post(&["policies", "diff"], body.to_string()).await?
        }
    };
    told(&found, allow_open, style)
}

/// Shows the difference. One that opens something is a failure, so that a build can stop at it.
fn told(found: &Value, allow_open: bool, style: Style) -> Result<(), Failure> {
    let list = |name: &str| found.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let (changes, unknown) = (list("changes"), list("not_known"));
    match style {
        Style::Json => out::json(found)?,
        Style::Human => {
            if found.get("same") == Some(&Value::Bool(true)) {
                out::line("same behaviour: no call is treated differently")?;
            }
            for change in &changes {
                out::line(&out::plain(&line(change)))?;
                if let Some(witness) = change.get("witness").filter(|witness| !witness.is_null()) {
                    out::line(&out::plain(&format!("    {witness}")))?;
                }
            }
            for one in &unknown {
                let (tool, reason) = (show::cell(one, "/tool"), show::cell(one, "/reason"));
                let tool = if tool.is_empty() { "the policy".to_owned() } else { tool };
                out::line(&out::plain(&format!("not known: {tool}: {reason}")))?;
            }
        }
    }
    if found.get("more_open") != Some(&Value::Bool(true)) || allow_open {
        return Ok(());
    }
    let opens = |change: &&Value| change.get("opens") == Some(&Value::Bool(true));
    let what = match changes.iter().filter(opens).count() {
        0 => "it could not be ruled out that the second policy is more open".to_owned(),
        count => format!("the second policy is more open: {count} change(s) let more through"),
    };
    Err(Failure::new(
        "more_open",
        what,
        "if that is meant, say so with --allow-more-open; otherwise correct what is listed",
    ))
}

/// A change in one line.
fn line(change: &Value) -> String {
    let text = |pointer: &str| show::cell(change, pointer);
    let held = text("/from/outcome") == "hold" && text("/to/outcome") == "hold";
    let side = |side: &str| {
        let approvals = change.pointer(&format!("/{side}/approvals")).and_then(Value::as_array);
        match (approvals, text(&format!("/{side}/rule")).as_str()) {
            (Some(needs), _) if held => {
                let needs: Vec<String> = needs.iter().map(need).collect();
                format!("hold by {}", needs.join(" and "))
            }
            (_, "") => text(&format!("/{side}/outcome")),
            (_, rule) => format!("{} by {rule}", text(&format!("/{side}/outcome"))),
        }
    };
    let open = if change.get("opens") == Some(&Value::Bool(true)) { " (more open)" } else { "" };
    format!("{}: {}: {} → {}{open}", text("/tool"), text("/when"), side("from"), side("to"))
}

fn need(need: &Value) -> String {
    let text = |pointer: &str| show::cell(need, pointer);
    let approvers = need.get("approvers").and_then(Value::as_array).cloned().unwrap_or_default();
    let names: Vec<&str> = approvers.iter().filter_map(Value::as_str).collect();
    let (rule, count, seconds) = (text("/rule"), text("/count"), text("/expires_in_seconds"));
    format!("{rule} ({count} of {}, {seconds}s)", names.join(", "))
}

/// `policy ask`: no, or yes with a call.
pub(super) async fn ask(
    instance: &Instance,
    question: &str,
    source: Source<'_>,
    server: Option<&str>,
    expected: Option<&str>,
    style: Style,
) -> Result<(), Failure> {
    let is_data = question.trim_start().starts_with('{');
    let found = match (&source, server) {
        (Source::File(file), None) => {
            let query = match is_data {
                true => Query::read(question.as_bytes()).map_err(|p| unread("question", &p))?,
                false => Query::of_words(question).map_err(|message| {
                    Failure::usage(message, "docs/policies.md shows what can be asked")
                })?,
            };
            let mut answer = exact::ask(&loaded(file)?, &query, None).to_json();
            if let json::Value::Object(object) = &mut answer {
                object.insert("query", query.to_json());
            }
            engine(&answer)
        }
        _ => {
            let mut body = source.body()?;
            if let Some(server) = server {
                body["server"] = server.into();
            }
            if is_data {
                body["query"] = serde_json::from_str(question).map_err(|_| {
                    Failure::usage("the question is not JSON", "write one JSON object")
                })?;
            } else {
                body["question"] = question.into();
            }
            Api::of(instance)?.post(&["policies", "ask"], body.to_string()).await?
        }
    };
    let answer = show::cell(&found, "/answer");
    match style {
        Style::Json => out::json(&found)?,
        Style::Human => {
            let rule = show::cell(&found, "/decided/rule");
            let by = if rule.is_empty() { rule } else { format!(" by {rule}") };
            let text = match answer.as_str() {
                "yes" => format!("yes: {}{by}", show::cell(&found, "/decided/outcome")),
                "no" => "no".to_owned(),
                _ => format!("not known: {}", show::cell(&found, "/reason")),
            };
            out::line(&out::plain(&text))?;
            if let Some(witness) = found.get("witness").filter(|witness| !witness.is_null()) {
                out::line(&out::plain(&format!("    {witness}")))?;
            }
        }
    }
    match expected {
        Some(expected) if expected != answer => Err(Failure::new(
            "unexpected_answer",
            format!("the answer is `{}`, not `{expected}`", answer.replace('_', " ")),
            "correct the policy, or the expectation",
        )),
        _ => Ok(()),
    }
}

/// `policy coverage`: which rules no case exercises, which changes none notices.
pub(super) async fn coverage(
    instance: &Instance,
    source: Source<'_>,
    cases: Option<&Path>,
    server: Option<&str>,
    complete: bool,
    style: Style,
) -> Result<(), Failure> {
    let found = match (&source, cases, server) {
        (Source::File(file), Some(cases), None) => {
            let told = exact::coverage(&input::bytes(file)?, &input::bytes(cases)?, None);
            let told = told.map_err(|error| match error {
                exact::CoverageError::Policy(problems) => invalid(file, &problems),
                exact::CoverageError::Cases(problems) => invalid(cases, &problems),
                other => Failure::new("policy_invalid", other.to_string(), "check both files"),
            })?;
            engine(&told.to_json())
        }
        _ => {
            let mut body = source.body()?;
            if let Some(server) = server {
                body["server"] = server.into();
            }
            let mut text = body.to_string();
            if let Some(cases) = cases {
                // Put in as they are written: their numbers must not be rounded.
                text.truncate(text.len() - 1);
                text.push_str(&format!(r#","cases":{}}}"#, super::raw(cases)?));
            }
            Api::of(instance)?.post(&["policies", "coverage"], text).await?
        }
    };
    match style {
        Style::Json => out::json(&found)?,
        Style::Human => covered(&found)?,
    }
    if !complete || found.get("complete") == Some(&Value::Bool(true)) {
        return Ok(());
    }
    Err(Failure::new(
        "not_covered",
        "the test cases leave rules or changes untried",
        "add the proposed cases, if what they expect is right; --json writes them in full",
    ))
}

fn covered(found: &Value) -> Result<(), Failure> {
    let list = |name: &str| found.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let (rules, unnoticed) = (list("rules"), list("unnoticed"));
    let bare = |rule: &&Value| {
        rule.get("cases").and_then(Value::as_array).is_none_or(|cases| cases.is_empty())
    };
    for rule in rules.iter().filter(bare) {
        let note = match show::cell(rule, "/note").as_str() {
            "" => String::new(),
            note => format!(" ({note})"),
        };
        let name = show::cell(rule, "/rule");
        out::line(&out::plain(&format!("no case exercises {name}{note}")))?;
        proposed(rule)?;
    }
    for change in &unnoticed {
        let (rule, how) = (show::cell(change, "/rule"), show::cell(change, "/change"));
        out::line(&out::plain(&format!("no case notices that in {rule} {how}")))?;
        proposed(change)?;
    }
    for note in list("notes").iter().filter_map(Value::as_str) {
        out::line(&out::plain(note))?;
    }
    let exercised = rules.len() - rules.iter().filter(bare).count();
    let tried = show::cell(found, "/tried");
    Ok(out::line(&format!(
        "{exercised} of {} rules exercised; {} of {tried} changes unnoticed",
        rules.len(),
        unnoticed.len()
    ))?)
}

fn proposed(of: &Value) -> Result<(), Failure> {
    if let Some(case) = of.get("proposed").filter(|case| !case.is_null()) {
        out::line(&out::plain(&format!("    {case}")))?;
    }
    Ok(())
}

fn loaded(file: &Path) -> Result<Policy, Failure> {
    Policy::load(&input::bytes(file)?).map_err(|problems| invalid(file, &problems))
}

fn invalid(file: &Path, problems: &Problems) -> Failure {
    let file = file.display();
    let lines = problems.iter().map(|problem| format!("{file}:{problem}")).collect();
    Failure::new(
        "policy_invalid",
        format!("the file `{file}` has {} error(s)", problems.len()),
        "correct what is listed and try again",
    )
    .listing(lines)
}

fn unread(what: &str, problems: &Problems) -> Failure {
    let lines = problems.iter().map(ToString::to_string).collect();
    Failure::usage(
        format!("the {what} has {} error(s)", problems.len()),
        "docs/policies.md shows what can be asked",
    )
    .listing(lines)
}

/// What the engine says, as the API says it.
fn engine(value: &json::Value) -> Value {
    serde_json::from_slice(&json::write_to_vec(value)).unwrap_or_default()
}
