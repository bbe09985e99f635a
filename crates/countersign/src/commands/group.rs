//! `group`: named sets of members, whom policies ask to approve.

use serde_json::{Value, json};

use super::show;
use crate::api::Api;
use crate::args::Group;
use crate::failure::Failure;
use crate::out::Style;

const COLUMNS: [show::Column; 3] = [("NAME", "/name"), ("MEMBERS", "/summary"), ("ID", "/id")];
const LINES: [show::Column; 5] = [
    ("name", "/name"),
    ("members", "/summary"),
    ("id", "/id"),
    ("made", "/created_at"),
    ("changed", "/updated_at"),
];

pub(super) async fn run(api: &Api, command: Group, style: Style) -> Result<(), Failure> {
    match command {
        Group::Create { name, members } => {
            let body = json!({"name": name, "members": members}).to_string();
            let made = api.post(&["groups"], body).await?;
            show::done(&made, &format!("the group `{name}` is made"), style)
        }
        Group::List => {
            let mut groups = api.list(&["groups"]).await?;
            if style == Style::Human {
                groups.iter_mut().for_each(summarise);
            }
            show::list(&groups, &COLUMNS, style)
        }
        Group::Show { group } => {
            let mut found = api.get(&["groups", &group]).await?;
            if style == Style::Human {
                summarise(&mut found);
            }
            show::object(&found, &LINES, style)
        }
        Group::Add { group, member } => {
            let changed = write(api, &group, |members| members.push(member.clone())).await?;
            show::done(&changed, &format!("`{member}` is in `{group}`"), style)
        }
        Group::Take { group, member } => {
            let id = show::cell(&api.get(&["members", &member]).await?, "/id");
            let changed = write(api, &group, |members| members.retain(|m| *m != id)).await?;
            show::done(&changed, &format!("`{member}` is not in `{group}`"), style)
        }
        Group::Remove { group } => {
            let gone = api.delete(&["groups", &group]).await?;
            show::done(&gone, &format!("the group `{group}` is removed"), style)
        }
    }
}

/// Changes who is in a group, unless somebody else changes it in between.
async fn write(
    api: &Api,
    group: &str,
    change: impl FnOnce(&mut Vec<String>),
) -> Result<Value, Failure> {
    let found = api.get(&["groups", group]).await?;
    let mut members = names(&found, "/id");
    change(&mut members);
    let body = json!({"name": show::cell(&found, "/name"), "members": members}).to_string();
    let tag = format!("\"{}\"", show::cell(&found, "/revision"));
    api.replace(&["groups", group], body, &tag).await
}

/// The members of a group, by id or by name.
fn names(group: &Value, pointer: &str) -> Vec<String> {
    let members = group.get("members").and_then(Value::as_array);
    members.into_iter().flatten().map(|member| show::cell(member, pointer)).collect()
}

fn summarise(group: &mut Value) {
    group["summary"] = names(group, "/name").join(", ").into();
}
