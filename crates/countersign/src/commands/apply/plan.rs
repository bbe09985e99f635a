//! The plan: what must be done so that the instance holds what the files say, and doing it.

mod policies;

use std::collections::BTreeSet;

use http::Method;
use serde_json::{Value, json};

use super::super::show;
use super::files::Wanted;
use crate::api::Api;
use crate::failure::Failure;

/// What must be done, and what is left to others.
pub(super) struct Plan {
    /// The changes, in the order in which they can be made.
    pub(super) steps: Vec<Step>,
    /// Policies that the directory does not have and that are kept in files elsewhere: name and place.
    pub(super) elsewhere: Vec<(String, String)>,
}

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
    /// Of a policy: where it is kept in files now, and where it will be.
    kept_in: (Option<String>, Option<String>),
}

/// What must be done, in the order in which it can be: makers first, removals last, those of
/// policies before those of the servers they are for.
pub(super) async fn of(
    api: &Api,
    wanted: &Wanted,
    source: &str,
    mark: bool,
) -> Result<Plan, Failure> {
    let mut steps = servers(api, wanted).await?;
    steps.extend(groups(api, wanted).await?);
    let policies = policies::of(api, wanted, source, mark).await?;
    steps.extend(policies.steps);
    let order = |step: &Step| match (step.verb, step.kind) {
        (Verb::Make | Verb::Change, _) => 0,
        (Verb::Remove, "policies") => 1,
        (Verb::Remove, _) => 2,
    };
    steps.sort_by_key(order);
    Ok(Plan { steps, elsewhere: policies.elsewhere })
}

impl Step {
    fn new(verb: Verb, kind: &'static str, name: &str) -> Self {
        let name = name.to_owned();
        let kept_in = (None, None);
        Self { verb, kind, name, fields: vec![], body: None, revision: None, kept_in }
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
        let fields = match self.fields.as_slice() {
            [] => String::new(),
            fields => format!(" ({})", fields.join(", ")),
        };
        let place = match &self.kept_in {
            (before, after) if before == after => String::new(),
            (None, Some(place)) => format!(": kept in files at {place}"),
            (Some(place), None) if self.verb == Verb::Remove => {
                format!(": was kept in files at {place}")
            }
            (Some(_), None) => ": edited on the instance again".to_owned(),
            (before, after) => format!(
                ": kept in files at {}, no more at {}",
                after.as_deref().unwrap_or_default(),
                before.as_deref().unwrap_or_default()
            ),
        };
        fields + &place
    }

    pub(super) fn as_json(&self) -> Value {
        let verb = match self.verb {
            Verb::Make => "make",
            Verb::Change => "change",
            Verb::Remove => "remove",
        };
        let mut whole =
            json!({"verb": verb, "kind": self.kind, "name": self.name, "fields": self.fields});
        if self.kept_in.0 != self.kept_in.1 {
            whole["kept_in"] = json!({"before": self.kept_in.0, "after": self.kept_in.1});
        }
        whole
    }

    /// Does it.
    pub(super) async fn carry_out(&self, api: &Api) -> Result<(), Failure> {
        let path = [self.kind, &self.name];
        let body = self.body.clone().unwrap_or_default();
        match (self.verb, self.kind) {
            (Verb::Make, kind) => api.post(&[kind], body).await?,
            (Verb::Change, "policies") if self.fields == [policies::MARK] => {
                api.put(&["policies", &self.name, "kept-in"], body).await?
            }
            (Verb::Change, "policies") => {
                api.post(&["policies", &self.name, "versions"], body).await?
            }
            (Verb::Change, _) => {
                let tag = format!("\"{}\"", self.revision.as_deref().unwrap_or("0"));
                api.replace(&path, body, &tag).await?
            }
            (Verb::Remove, _) => {
                let place = self.kept_in.0.as_deref().map(|place| ("kept_in", place));
                api.ask(Method::DELETE, &path, place.as_slice(), None).await?
            }
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
