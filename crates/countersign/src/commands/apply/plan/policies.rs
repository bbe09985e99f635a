//! The plan for policies: their texts, their cases, and the mark that says where they are kept.

use serde_json::{Value, json};

use super::super::super::show;
use super::super::files::{self, Policy, Wanted};
use super::{Plan, Step, Verb};
use crate::api::Api;
use crate::failure::Failure;

/// The field of the mark. Where it alone differs, nothing is published.
pub(super) const MARK: &str = "kept_in";

/// What must be done so that the policies are as the files say, kept at `source` if they are to be marked.
pub(super) async fn of(
    api: &Api,
    wanted: &Wanted,
    source: &str,
    mark: bool,
) -> Result<Plan, Failure> {
    let mut plan = Plan { steps: vec![], elsewhere: vec![] };
    let Some(wanted) = &wanted.policies else { return Ok(plan) };
    let there = api.list(&["policies"]).await?;
    for found in &there {
        let name = show::cell(found, "/name");
        if wanted.contains_key(&name) {
            continue;
        }
        match place_of(found) {
            Some(place) if place != source => plan.elsewhere.push((name, place)),
            place => {
                let step = Step::new(Verb::Remove, "policies", &name);
                plan.steps.push(Step { kept_in: (place, None), ..step });
            }
        }
    }
    let after = mark.then(|| source.to_owned());
    for (name, policy) in wanted {
        let found = there.iter().find(|found| show::cell(found, "/name") == *name);
        match found {
            None => plan.steps.push(made(name, policy, after.clone())),
            Some(found) => plan.steps.extend(changed(api, name, policy, found, &after).await?),
        }
    }
    Ok(plan)
}

/// Where a policy of the instance is kept in files.
fn place_of(found: &Value) -> Option<String> {
    found[MARK].as_str().map(str::to_owned)
}

fn made(name: &str, policy: &Policy, after: Option<String>) -> Step {
    let named = format!(r#""name":{},"#, Value::from(name));
    let body = Some(version(&named, policy, after.as_deref(), ""));
    Step { body, kept_in: (None, after), ..Step::new(Verb::Make, "policies", name) }
}

/// What makes a policy of the instance be as its files say: a version where its text or cases differ, the
/// mark alone where only that does.
async fn changed(
    api: &Api,
    name: &str,
    policy: &Policy,
    found: &Value,
    after: &Option<String>,
) -> Result<Vec<Step>, Failure> {
    let before = place_of(found);
    let latest = show::cell(found, "/latest");
    let mut fields = vec![];
    if latest == "0" {
        fields.push("text");
    } else {
        let whole = api.get(&["policies", &show::cell(found, "/id")]).await?;
        if whole["version"]["text"] != policy.text.as_str() {
            fields.push("text");
        }
        let (kept, none) = (&whole["version"]["cases"], json!([]));
        if !files::same_json(cases(policy), if kept.is_null() { &none } else { kept }) {
            fields.push("cases");
        }
    }
    let mut steps = vec![];
    let publishes = !fields.is_empty();
    if publishes {
        // What is to be edited on the instance is marked until it is published, and released after.
        let place = after.clone().or_else(|| before.clone());
        if place != before {
            fields.push(MARK);
        }
        let expected = format!(r#","expected_latest":{latest}"#);
        let body = Some(version("", policy, place.as_deref(), &expected));
        let kept_in = (before.clone(), place);
        let step = Step::new(Verb::Change, "policies", name);
        steps.push(Step { fields, body, kept_in, ..step });
    }
    if before != *after && !(publishes && after.is_some()) {
        let mut body = json!({"place": after});
        if !publishes {
            body["expected_latest"] = found["latest"].clone();
        }
        let (fields, kept_in) = (vec![MARK], (before, after.clone()));
        let step = Step::new(Verb::Change, "policies", name);
        steps.push(Step { fields, body: Some(body.to_string()), kept_in, ..step });
    }
    Ok(steps)
}

fn cases(policy: &Policy) -> &str {
    policy.cases.as_deref().unwrap_or("[]").trim()
}

/// The request for a version. The cases are put in as they are written: their numbers must not be rounded.
fn version(first: &str, policy: &Policy, place: Option<&str>, last: &str) -> String {
    let (text, cases) = (Value::from(policy.text.as_str()), cases(policy));
    let place = place.map(|place| format!(r#","kept_in":{}"#, Value::from(place)));
    let place = place.unwrap_or_default();
    format!(r#"{{{first}"text":{text},"cases":{cases},"note":"Applied from files"{place}{last}}}"#)
}
