//! The plan: what must be done so that the instance holds what the files say, and doing it.

use std::collections::BTreeSet;

use http::Method;
use serde_json::{Value, json};

use super::super::show;
use super::files::{self, Wanted};
use crate::api::Api;
use crate::failure::Failure;

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Make,
    Change,
    Remove,
}

/// One change.
pub(super) struct Step {
    pub(super) verb: Verb,
    /// `servers`, `groups` or `policies`: the route.
    kind: &'static str,
    name: String,
    /// What differs.
    fields: Vec<&'static str>,
    body: Option<String>,
    /// The revision that was looked at: whoever changes it in between stops the step.
    revision: Option<String>,
}

/// What must be done, in the order in which it can be: makers first, removals last, those of
/// policies before those of the servers they are for.
pub(super) async fn of(api: &Api, wanted: &Wanted) -> Result<Vec<Step>, Failure> {
    let mut steps = servers(api, wanted).await?;
    steps.extend(groups(api, wanted).await?);
    steps.extend(policies(api, wanted).await?);
    let order = |step: &Step| match (step.verb, step.kind) {
        (Verb::Make | Verb::Change, _) => 0,
        (Verb::Remove, "policies") => 1,
        (Verb::Remove, _) => 2,
    };
    steps.sort_by_key(order);
    Ok(steps)
}

impl Step {
    fn new(verb: Verb, kind: &'static str, name: &str) -> Self {
        let name = name.to_owned();
        Self { verb, kind, name, fields: vec![], body: None, revision: None }
    }

    /// What it is about, for people.
    pub(super) fn name(&self) -> String {
        let kind = match self.kind {
            "servers" => "server",
            "groups" => "group",
            _ => "policy",
        };
        format!("{kind} {}", self.name)
    }

    /// What differs, for people.
    pub(super) fn what(&self) -> String {
        if self.fields.is_empty() {
            return String::new();
        }
        format!(" ({})", self.fields.join(", "))
    }

    pub(super) fn as_json(&self) -> Value {
        let verb = match self.verb {
            Verb::Make => "make",
            Verb::Change => "change",
            Verb::Remove => "remove",
        };
        json!({"verb": verb, "kind": self.kind, "name": self.name, "fields": self.fields})
    }

    /// Does it.
    pub(super) async fn carry_out(&self, api: &Api) -> Result<(), Failure> {
        let path = [self.kind, &self.name];
        let body = self.body.clone().unwrap_or_default();
        match (self.verb, self.kind) {
            (Verb::Make, kind) => api.post(&[kind], body).await?,
            (Verb::Change, "policies") => {
                api.post(&["policies", &self.name, "versions"], body).await?
            }
            (Verb::Change, _) => {
                let tag = format!("\"{}\"", self.revision.as_deref().unwrap_or("0"));
                api.replace(&path, body, &tag).await?
            }
            (Verb::Remove, _) => api.ask(Method::DELETE, &path, &[], None).await?,
        };
        Ok(())
    }
}

/// The names the instance has and the files do not.
fn removals<'a>(
    kind: &'static str,
    there: impl Iterator<Item = String>,
    wanted: impl Iterator<Item = &'a String>,
) -> Vec<Step> {
    let wanted: BTreeSet<&String> = wanted.collect();
    there.filter(|name| !wanted.contains(name)).map(|n| Step::new(Verb::Remove, kind, &n)).collect()
}

async fn servers(api: &Api, wanted: &Wanted) -> Result<Vec<Step>, Failure> {
    let Some(wanted) = &wanted.servers else { return Ok(vec![]) };
    let there = api.list(&["servers"]).await?;
    let slug = |server: &Value| show::cell(server, "/slug");
    let mut steps = removals("servers", there.iter().map(slug), wanted.keys());
    for (name, server) in wanted {
        let whole = json!({
            "url": server.url,
            "name": server.name.as_deref().unwrap_or(name),
            "private_targets": server.private_targets,
            "on_tool_change": server.on_tool_change.as_deref().unwrap_or("deny"),
            "enabled": server.enabled.unwrap_or(true),
        });
        let Some(found) = there.iter().find(|found| slug(found) == *name) else {
            let mut body = whole;
            body["slug"] = name.as_str().into();
            let step = Step::new(Verb::Make, "servers", name);
            steps.push(Step { body: Some(body.to_string()), ..step });
            continue;
        };
        let mut body = serde_json::Map::new();
        let mut fields = vec![];
        for field in ["url", "name", "private_targets", "on_tool_change", "enabled"] {
            if !same_field(field, &whole[field], &found[field]) {
                body.insert(field.to_owned(), whole[field].clone());
                fields.push(field);
            }
        }
        if !fields.is_empty() {
            let (body, revision) =
                (Some(Value::Object(body).to_string()), Some(show::cell(found, "/revision")));
            let step = Step::new(Verb::Change, "servers", name);
            steps.push(Step { fields, body, revision, ..step });
        }
    }
    Ok(steps)
}

/// Whether a field is as the file says. Addresses are kept as they were parsed.
fn same_field(field: &str, wanted: &Value, found: &Value) -> bool {
    let parsed = |value: &Value| value.as_str().and_then(|text| url::Url::parse(text).ok());
    wanted == found
        || (field == "url" && parsed(wanted).is_some() && parsed(wanted) == parsed(found))
}

async fn groups(api: &Api, wanted: &Wanted) -> Result<Vec<Step>, Failure> {
    let Some(wanted) = &wanted.groups else { return Ok(vec![]) };
    let there = api.list(&["groups"]).await?;
    let called = |group: &Value| show::cell(group, "/name");
    let mut steps = removals("groups", there.iter().map(called), wanted.keys());
    for (name, group) in wanted {
        let folded = |email: &str| email.to_ascii_lowercase();
        let members: BTreeSet<String> = group.members.iter().map(|email| folded(email)).collect();
        let body = Some(json!({"name": name, "members": members}).to_string());
        let Some(found) = there.iter().find(|found| called(found) == *name) else {
            steps.push(Step { body, ..Step::new(Verb::Make, "groups", name) });
            continue;
        };
        let present = found["members"].as_array().into_iter().flatten();
        let present: BTreeSet<String> =
            present.map(|member| folded(&show::cell(member, "/name"))).collect();
        if present != members {
            let revision = Some(show::cell(found, "/revision"));
            let (fields, step) = (vec!["members"], Step::new(Verb::Change, "groups", name));
            steps.push(Step { fields, body, revision, ..step });
        }
    }
    Ok(steps)
}

async fn policies(api: &Api, wanted: &Wanted) -> Result<Vec<Step>, Failure> {
    let Some(wanted) = &wanted.policies else { return Ok(vec![]) };
    let there = api.list(&["policies"]).await?;
    let called = |policy: &Value| show::cell(policy, "/name");
    let mut steps = removals("policies", there.iter().map(called), wanted.keys());
    for (name, policy) in wanted {
        let text = Value::from(policy.text.as_str());
        let cases = policy.cases.as_deref().unwrap_or("[]").trim();
        let found = there.iter().find(|found| called(found) == *name);
        let latest = found.map(|found| show::cell(found, "/latest"));
        let latest = latest.as_deref().filter(|latest| *latest != "0");
        let (Some(found), Some(latest)) = (found, latest) else {
            let (name_json, note) = (Value::from(name.as_str()), "\"Applied from files\"");
            let (verb, body) = match found {
                None => (
                    Verb::Make,
                    format!(
                        r#"{{"name":{name_json},"text":{text},"cases":{cases},"note":{note}}}"#
                    ),
                ),
                Some(_) => (
                    Verb::Change,
                    format!(
                        r#"{{"text":{text},"cases":{cases},"note":{note},"expected_latest":0}}"#
                    ),
                ),
            };
            steps.push(Step { body: Some(body), ..Step::new(verb, "policies", name) });
            continue;
        };
        let whole = api.get(&["policies", &show::cell(found, "/id")]).await?;
        let mut fields = vec![];
        if whole["version"]["text"] != text {
            fields.push("text");
        }
        let kept = &whole["version"]["cases"];
        let none = json!([]);
        if !files::same_json(cases, if kept.is_null() { &none } else { kept }) {
            fields.push("cases");
        }
        if fields.is_empty() {
            continue;
        }
        let body = format!(
            r#"{{"text":{text},"cases":{cases},"note":"Applied from files","expected_latest":{latest}}}"#
        );
        let step = Step::new(Verb::Change, "policies", name);
        steps.push(Step { fields, body: Some(body), ..step });
    }
    Ok(steps)
}
