//! Replay: what a document would say of calls that were recorded. The log keeps names and no values, so
//! each answer is proved for every call that leaves the same line, or it is not known.

use std::collections::{BTreeMap, HashMap};

use axum::Json;
use axum::extract::State;
use json::{Object, Value};
use policy::exact::{self, Answer, Diff, Kind, Query};
use policy::{Policy, ServerTool};
use serde::{Deserialize, Serialize};
use store::{Call, CallId, PolicyId, RecordedCalls, ServerView, Verdict};
use utoipa::ToSchema;

use crate::body::Unread;
use crate::operator::{Authorized, Operator};
use crate::problem::{Problem, ProblemBody};
use crate::roles::Action;
use crate::time::Time;
use crate::trial::named_server;
use crate::{At, Control, judge, policies, time};

/// How far back is looked when nobody says: seven days.
const DAYS_DEFAULT: i64 = 7;
/// The most lines of the log that are looked at, the newest.
const LINES_MAX: u32 = 200_000;
/// The most kinds of calls about which a question is asked; further ones are not known.
const ASKED_MAX: usize = 200;
/// The most versions whose calls are compared, the newest.
const VERSIONS_MAX: usize = 8;
/// The most kinds of calls that an answer lists.
const KINDS_MAX: usize = 200;

/// What is held against the log.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReplayIn {
    /// The document; the newest version when absent.
    text: Option<String>,
    /// Calls from this moment on; seven days ago when absent.
    #[schema(value_type = Option<String>)]
    since: Option<Time>,
    /// Id or slug of the server, whose accepted definitions say which arguments there are.
    server: Option<String>,
    /// The id of one call that this policy judged, to hold the document against that call alone, by
    /// the definitions of its own server. `since` is not read then.
    call: Option<String>,
}

/// What the document would say of the recorded calls.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReplayOut {
    since: String,
    /// How many calls were looked at.
    calls: u64,
    /// How many end the same by the same rule.
    same: u64,
    /// How many certainly do not.
    differ: u64,
    /// How many would need a value that nobody kept.
    not_known: u64,
    /// Calls that are alike in all that was recorded, those that differ first; at most 200.
    kinds: Vec<ReplayKindOut>,
}

/// Calls that are alike in all that was recorded of them.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReplayKindOut {
    tool: String,
    /// The label of the grant.
    grant: String,
    /// The version that judged them.
    version: u32,
    /// What was decided: `allow`, `hold` or `deny`.
    outcome: &'static str,
    /// By which rule; empty for a plain allow.
    rule: String,
    count: u64,
    /// The last of these calls.
    last: String,
    /// `same`, `differs` or `not_known`.
    verdict: &'static str,
    /// What the document would decide, where that is certain.
    would: Option<&'static str>,
    /// Why it is not known.
    reason: Option<&'static str>,
}

/// Holds a document against the calls that were recorded. Nothing is sent or changed.
#[utoipa::path(
    post, path = "/policies/{id}/replay", tag = "policies", operation_id = "policies_replay",
    params(("id" = String, Path, description = "Id or name")),
    request_body = ReplayIn,
    responses((status = 200, body = ReplayOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["policy_manager"])),
)]
pub(crate) async fn replay(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
    body: Unread,
) -> Result<Json<ReplayOut>, Problem> {
    let by = who.may(Action::PoliciesTry)?;
    Ok(Json(policy_replay(&control, &by, &id, body.read().await?).await?))
}

async fn policy_replay(
    control: &Control,
    by: &Authorized,
    id: &str,
    given: ReplayIn,
) -> Result<ReplayOut, Problem> {
    let policy = policies::find(control, by, id).await?;
    let text = match given.text {
        Some(text) => text,
        None => policies::stored_version(control, by, id, None, "").await?.0,
    };
    let candidate = judge::load(control, text).await?;
    let one = match given.call.as_deref() {
        None => None,
        Some(id) => Some(one_call(control, by, id, &policy.id).await?),
    };
    let server = match (given.server.as_deref(), &one) {
        (Some(name), _) => Some(named_server(control, by, name).await?),
        // Of a server that is gone no argument is known, so nothing is concluded from one.
        (None, Some((call, _))) => {
            control.store.server(by.org(), call.intent.server.as_str()).await?
        }
        (None, None) => None,
    };
    let server = server.filter(|server| one.as_ref().is_none_or(|(call, _)| lists(server, call)));
    let tools = server.map(|server| judge::server_tools(&server.tools));
    let (since, recorded) = match one {
        Some((call, alike)) => (call.intent.at, alike.into_iter().collect()),
        None => {
            let since = match given.since {
                Some(Time(since)) => since,
                None => control.clock.now().plus_seconds(-DAYS_DEFAULT * 86_400),
            };
            let store = &control.store;
            (since, store.calls_recorded(by.org(), &policy.id, since, LINES_MAX).await?)
        }
    };
    let mut versions: Vec<u32> = recorded.iter().map(|calls| calls.version).collect();
    versions.sort_unstable_by(|a, b| b.cmp(a));
    versions.dedup();
    versions.truncate(VERSIONS_MAX);
    let mut judges = HashMap::new();
    for number in versions {
        let found = control.store.policy_version(by.org(), &policy.id, number).await?;
        if let Some(version) = found {
            judges.insert(number, version.text);
        }
    }
    let told = move || {
        let desk = Desk::of(candidate, tools, &judges);
        desk.told(time::write(since), recorded)
    };
    control.aside(told).await
}

/// One line of the log that this policy judged, and what was recorded of it; nothing of what was not
/// the call of a tool.
async fn one_call(
    control: &Control,
    by: &Authorized,
    id: &str,
    policy: &PolicyId,
) -> Result<(Call, Option<RecordedCalls>), Problem> {
    let none = || Problem::no_such("call");
    let id = CallId::parse(id).ok_or_else(none)?;
    let call = control.store.call(by.org(), &id).await?.ok_or_else(none)?;
    let intent = &call.intent;
    let version = match &intent.policy {
        Some((judge, version)) if judge == policy => *version,
        Some(_) | None => return Err(none()),
    };
    let of_tool = intent.tool.clone().filter(|_| &*intent.method == "tools/call");
    let alike = of_tool.map(|tool| RecordedCalls {
        tool,
        grant_label: intent.grant_label.clone(),
        identity: intent.identity.clone(),
        version,
        verdict: intent.verdict,
        rule: intent.rule.clone(),
        reason: intent.reason.into(),
        known_args: intent.known_args.clone(),
        count: intent.count.into(),
        last: intent.id,
    });
    Ok((call, alike))
}

/// Whether the definitions of a server tell which arguments a call did not have: an argument that the
/// tool did not list then, and lists now, is kept without its name.
fn lists(server: &ServerView, call: &Call) -> bool {
    let intent = &call.intent;
    let tool = server.tools.iter().find(|tool| intent.tool.as_deref() == Some(&*tool.name));
    let accepted = tool.and_then(|tool| tool.accepted.as_ref()).map(|(_, print)| &**print);
    intent.unknown_args == 0 || accepted == intent.fingerprint.as_deref()
}

/// What recorded calls are held against.
struct Desk {
    candidate: Policy,
    tools: Option<Vec<ServerTool>>,
    /// What the candidate treats differently from each version.
    changes: HashMap<u32, Diff>,
}

/// What is known of calls under the candidate.
enum Would {
    Same,
    Differs(Option<&'static str>),
    NotKnown(&'static str),
}

const NO_VALUE: &str = "it depends on values, and values are not kept";
const LIMIT: &str = "it depends on what limits had left";
const OTHER_VERSION: &str = "the version that judged them is too old to compare";
const TOO_LARGE: &str = "it could not be worked out";

impl Desk {
    fn of(
        candidate: Policy,
        tools: Option<Vec<ServerTool>>,
        judges: &HashMap<u32, std::sync::Arc<[u8]>>,
    ) -> Self {
        let diff = |(number, text): (&u32, &std::sync::Arc<[u8]>)| {
            let judge = Policy::load(text).ok()?;
            Some((*number, exact::diff(&judge, &candidate, tools.as_deref())))
        };
        let changes = judges.iter().filter_map(diff).collect();
        Self { candidate, tools, changes }
    }

    fn told(&self, since: String, recorded: Vec<RecordedCalls>) -> ReplayOut {
        let mut out =
            ReplayOut { since, calls: 0, same: 0, differ: 0, not_known: 0, kinds: Vec::new() };
        let mut asked = 0;
        let mut kinds: BTreeMap<(u8, std::cmp::Reverse<u64>, usize), ReplayKindOut> =
            BTreeMap::new();
        for (at, calls) in recorded.into_iter().enumerate() {
            let Some(outcome) = outcome_of(&calls) else { continue };
            let would = self.would(&calls, outcome, &mut asked);
            let (order, verdict, would, reason) = match would {
                Would::Differs(would) => (0, "differs", would, None),
                Would::NotKnown(why) => (1, "not_known", None, Some(why)),
                Would::Same => (2, "same", Some(outcome), None),
            };
            out.calls += calls.count;
            *[&mut out.differ, &mut out.not_known, &mut out.same][usize::from(order)] +=
                calls.count;
            let kind = ReplayKindOut {
                tool: calls.tool.to_string(),
                grant: calls.grant_label.to_string(),
                version: calls.version,
                outcome,
                rule: calls.rule.to_string(),
                count: calls.count,
                last: calls.last.to_string(),
                verdict,
                would,
                reason,
            };
            kinds.insert((order, std::cmp::Reverse(calls.count), at), kind);
        }
        out.kinds = kinds.into_values().take(KINDS_MAX).collect();
        out
    }

    fn would(&self, calls: &RecordedCalls, outcome: &'static str, asked: &mut usize) -> Would {
        let Some(diff) = self.changes.get(&calls.version) else {
            return Would::NotKnown(OTHER_VERSION);
        };
        // Decided before any rule was read: by the tool's definition.
        if ["(unknown tool)", "(tool changed)"].contains(&&*calls.rule) {
            return Would::Same;
        }
        let touches = |names: &[String]| names.iter().any(|name| covers(name, &calls.tool));
        let limits = |change: &&exact::Change| change.kind == Kind::Limit && touches(&change.tools);
        if is_limit(&calls.rule) || (outcome == "allow" && diff.changes.iter().any(|c| limits(&c)))
        {
            return match diff.is_same() {
                true => Would::Same,
                false => Would::NotKnown(LIMIT),
            };
        }
        // The difference is of calls whose definition lists what the rules read, and of calls that are
        // not too large to judge.
        let beyond = calls.rule.ends_with("/unlisted_args")
            || &*calls.rule == "(tool unknown)"
            || &*calls.reason == "evaluation_budget";
        if beyond && !diff.is_same() {
            return Would::NotKnown(NO_VALUE);
        }
        let open = |unknown: &exact::NotKnown| {
            unknown.tool.is_empty() || covers(&unknown.tool, &calls.tool)
        };
        let may_change = diff.not_known.iter().any(open)
            || diff.changes.iter().any(|change| {
                change.kind == Kind::Outcome
                    && touches(&change.tools)
                    && change.from.outcome == outcome
                    && change.from.rule == *calls.rule
            });
        if !may_change {
            return Would::Same;
        }
        if *asked >= ASKED_MAX {
            return Would::NotKnown(TOO_LARGE);
        }
        *asked += 1;
        self.asked(calls, outcome)
    }

    /// Asks the candidate what can become of calls of which just this is known.
    fn asked(&self, calls: &RecordedCalls, outcome: &'static str) -> Would {
        let can = |outcome: &str, rule: Option<&str>| {
            let query = self.query(calls, outcome, rule)?;
            match exact::ask(&self.candidate, &query, self.tools.as_deref()) {
                Answer::No => Some(false),
                Answer::Yes(_) => Some(true),
                Answer::NotKnown(_) => None,
            }
        };
        let rule = (!calls.rule.is_empty()).then_some(&*calls.rule);
        match can(outcome, rule) {
            None => Would::NotKnown(TOO_LARGE),
            Some(true) => Would::NotKnown(NO_VALUE),
            Some(false) => {
                let possible: Vec<&'static str> = ["allow", "hold", "deny"]
                    .into_iter()
                    .filter(|outcome| can(outcome, None) != Some(false))
                    .collect();
                match possible.as_slice() {
                    [only] => Would::Differs(Some(only)),
                    _ => Would::Differs(None),
                }
            }
        }
    }

    fn query(&self, calls: &RecordedCalls, outcome: &str, rule: Option<&str>) -> Option<Query> {
        let condition = |path: &str, op: &str, value: Value| {
            let mut object = Object::new();
            object.insert("path", path);
            object.insert("op", op);
            object.insert("value", value);
            Value::Object(object)
        };
        let mut known = vec![
            condition("grant.label", "eq", Value::String(calls.grant_label.to_string())),
            condition("grant.identity", "eq", Value::String(calls.identity.to_string())),
        ];
        let tool = self.tools.iter().flatten().find(|tool| tool.name == *calls.tool);
        for name in tool.and_then(|tool| tool.arguments.as_ref()).into_iter().flatten() {
            let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            if plain && !calls.known_args.iter().any(|had| **had == **name) {
                known.push(condition(&format!("args.{name}"), "exists", Value::Bool(false)));
            }
        }
        let mut object = Object::new();
        object.insert("tool", &*calls.tool);
        object.insert("where", Value::Array(known));
        object.insert("outcome", outcome);
        if let Some(rule) = rule {
            object.insert("rule", rule);
        }
        Query::read(&json::write_to_vec(&Value::Object(object))).ok()
    }
}

/// What the policy decided of recorded calls. `None`: they were refused before or beside it.
fn outcome_of(calls: &RecordedCalls) -> Option<&'static str> {
    match calls.verdict {
        // People had answered; the policy asked for them.
        Verdict::Allowed if &*calls.reason == "approved" => Some("hold"),
        Verdict::Allowed => Some("allow"),
        Verdict::Held => Some("hold"),
        Verdict::Denied => {
            let engine = [
                "(default deny)",
                "(hidden)",
                "(unknown tool)",
                "(tool changed)",
                "(tool unknown)",
            ];
            (calls.rule.starts_with('/') || engine.contains(&&*calls.rule)).then_some("deny")
        }
    }
}

/// Whether the rule is a limit.
fn is_limit(rule: &str) -> bool {
    let mut steps = rule.split('/').skip(1);
    let list = if steps.next() == Some("tools") { steps.nth(1) } else { steps.next() };
    list == Some("limits")
}

/// Whether a name, in which `*` stands for any run of characters, covers a tool.
fn covers(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(rest) = name.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    let mut rest = rest;
    for part in middle {
        let Some(at) = rest.find(part) else { return false };
        rest = rest.get(at + part.len()..).unwrap_or_default();
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_stars_cover_what_they_say() {
        for (pattern, name, expected) in [
            ("pay", "pay", true),
            ("pay", "payout", false),
            ("*", "anything", true),
            ("pay*", "payout", true),
            ("*_get", "a_get", true),
            ("a*b*c", "aXbYc", true),
            ("a*b*c", "aXcYb", false),
            ("a*a", "a", false),
        ] {
            assert_eq!(covers(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn a_limit_is_told_from_a_tool_of_that_name() {
        assert!(is_limit("/tools/pay/limits/a-day"));
        assert!(is_limit("/all_tools/limits/a-day"));
        assert!(!is_limit("/tools/limits/deny_if/always"));
    }
}
