//! `grant`: who may call what, and the tokens that prove it.

use serde_json::{Map, Value, json};

use super::{input, key, show};
use crate::api::Api;
use crate::args::{Fate, Grant};
use crate::failure::Failure;
use crate::out::Style;

const LINES: [show::Column; 12] = [
    ("label", "/label"),
    ("id", "/id"),
    ("identity", "/identity"),
    ("owner", "/owner/name"),
    ("tags", "/tags"),
    ("state", "/state"),
    ("expired", "/expired"),
    ("expires", "/expires_at"),
    ("in flight", "/in_flight_max"),
    ("generation", "/generation"),
    ("issued", "/created_at"),
    ("last call", "/last_call_at"),
];
const SERVERS: [show::Column; 3] =
    [("SERVER", "/server/name"), ("POLICY", "/policy/name"), ("ADDRESS", "/gateway_url")];
const USAGE: [show::Column; 10] = [
    ("LIMIT", "/rule"),
    ("SCOPE", "/scope"),
    ("WINDOW", "/window"),
    ("FOR", "/summary"),
    ("USED", "/used"),
    ("HELD", "/held"),
    ("UNKNOWN", "/unknown"),
    ("LEFT", "/left"),
    ("MAX", "/max"),
    ("RESETS", "/resets_at"),
];
const UNKNOWN: [show::Column; 6] = [
    ("CALL", "/call"),
    ("AT", "/at"),
    ("GRANT", "/grant/name"),
    ("TOOL", "/tool"),
    ("WHY", "/detail"),
    ("HOLDS", "/summary"),
];

const HOLDING: [show::Column; 3] =
    [("as usual", "/usual"), ("seconds", "/seconds"), ("legs", "/legs")];

pub(super) async fn run(api: &Api, command: Grant, style: Style) -> Result<(), Failure> {
    match command {
        Grant::Issue {
            label,
            servers,
            identity,
            owner,
            tags,
            expires_in,
            in_flight_max,
            token_file,
        } => {
            let file = input::token_file(token_file.as_deref())?;
            let mut body = json!({"label": label, "servers": reach(&servers)});
            if let Some(identity) = identity {
                body["identity"] = identity.into();
            }
            if let Some(owner) = owner {
                body["owner"] = owner.into();
            }
            if !tags.is_empty() {
                body["tags"] = Value::Object(tag_map(&tags)?);
            }
            if let Some(length) = expires_in {
                body["expires_at"] = input::moment_in(&length, "--expires-in")?.into();
            }
            if let Some(most) = in_flight_max {
                body["in_flight_max"] = most.into();
            }
            let made = api.post(&["grants"], body.to_string()).await?;
            key::token(made, file, &format!("the grant `{label}` is issued"), style)
        }
        Grant::List => {
            let mut grants = api.list(&["grants"]).await?;
            if style == Style::Human {
                grants.iter_mut().for_each(summarise);
            }
            let columns = [
                ("LABEL", "/label"),
                ("STATE", "/state"),
                ("SERVERS", "/summary"),
                ("EXPIRES", "/expires_at"),
                ("LAST CALL", "/last_call_at"),
                ("ID", "/id"),
            ];
            show::list(&grants, &columns, style)
        }
        Grant::Show { grant } => {
            let found = api.get(&["grants", &grant]).await?;
            show::object(&found, &LINES, style)?;
            match (style, found.get("servers").and_then(Value::as_array)) {
                (Style::Human, Some(servers)) => show::list(servers, &SERVERS, style),
                _ => Ok(()),
            }
        }
        Grant::Usage { grant } => {
            let mut usage = api.get(&["grants", &grant, "usage"]).await?;
            if style == Style::Json {
                return Ok(crate::out::json(&usage)?);
            }
            let mut items = take(&mut usage, "items");
            items.iter_mut().for_each(budget);
            show::list(&items, &USAGE, style)?;
            let unknown = take(&mut usage, "unknown");
            if !unknown.is_empty() {
                crate::out::line("\nCalls with no known outcome; `grant resolve` ends the doubt:")?;
                list_unknown(unknown, style)?;
            }
            Ok(())
        }
        Grant::Unknown { grant } => {
            let mut found = api.list(&["reservations"]).await?;
            if let Some(name) = grant {
                let named =
                    |of: &Value, pointer| of.pointer(pointer) == Some(&name.as_str().into());
                found.retain(|of| named(of, "/grant/name") || named(of, "/grant/id"));
            }
            list_unknown(found, style)
        }
        Grant::Resolve { call, fate, reason } => {
            let (word, sentence) = match fate {
                Fate::Released => ("released", "was not carried out: what it held is given back"),
                Fate::Settled => ("settled", "was carried out: what it held stays counted"),
            };
            let body = json!({"as": word, "reason": reason}).to_string();
            let resolved = api.post(&["reservations", &call, "resolve"], body).await?;
            show::done(&resolved, &format!("the call `{call}` {sentence}"), style)
        }
        Grant::Rotate { grant, overlap, token_file } => {
            let file = input::token_file(token_file.as_deref())?;
            let overlap = input::seconds(&overlap, "--overlap")?;
            let body = json!({"overlap_seconds": overlap}).to_string();
            let made = api.post(&["grants", &grant, "rotate"], body).await?;
            let sentence =
                format!("`{grant}` has a new token; the old one ends in {overlap} seconds");
            key::token(made, file, &sentence, style)
        }
        Grant::HandOver { grant, owner } => {
            let body = json!({"owner": owner}).to_string();
            let given = api.put(&["grants", &grant, "owner"], body).await?;
            show::done(&given, &format!("`{owner}` answers for `{grant}`"), style)
        }
        Grant::Holding { grant, seconds, legs, usual } => {
            let path = ["grants", grant.as_str(), "holding"];
            let said = json!({"seconds": seconds, "legs": legs});
            let holding = match seconds.is_some() || usual {
                true => api.put(&path, said.to_string()).await?,
                false => api.get(&path).await?,
            };
            show::object(&holding, &HOLDING, style)
        }
        Grant::Pause { grant } => act(api, &grant, "pause", "is paused", style).await,
        Grant::Resume { grant } => act(api, &grant, "resume", "is active again", style).await,
        Grant::Revoke { grant } => act(api, &grant, "revoke", "is revoked for good", style).await,
    }
}

async fn act(api: &Api, grant: &str, verb: &str, now: &str, style: Style) -> Result<(), Failure> {
    let changed = api.act(&["grants", grant, verb]).await?;
    show::done(&changed, &format!("the grant `{grant}` {now}"), style)
}

/// `SLUG` or `SLUG=POLICY`, each a server the grant reaches.
fn reach(servers: &[String]) -> Vec<Value> {
    servers
        .iter()
        .map(|text| match text.split_once('=') {
            Some((server, policy)) => json!({"server": server, "policy": policy}),
            None => json!({"server": text}),
        })
        .collect()
}

fn tag_map(tags: &[String]) -> Result<Map<String, Value>, Failure> {
    let mut map = Map::new();
    for tag in tags {
        let (name, value) = tag
            .split_once('=')
            .ok_or_else(|| Failure::usage(format!("`{tag}` is no tag"), "write --tag KEY=VALUE"))?;
        if map.insert(name.to_owned(), value.into()).is_some() {
            return Err(Failure::usage(format!("the tag `{name}` stands twice"), "give it once"));
        }
    }
    Ok(map)
}

fn take(object: &mut Value, name: &str) -> Vec<Value> {
    match object.get_mut(name).map(Value::take) {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    }
}

/// Adds in a few words what a limit is split by, and whether it is still stated.
fn budget(limit: &mut Value) {
    let mut words = split(limit);
    if limit.get("in_force") == Some(&Value::Bool(false)) {
        words.push("no longer in force".to_owned());
    }
    limit["summary"] = words.join(", ").into();
}

fn split(of: &Value) -> Vec<String> {
    let per = of.get("per").and_then(Value::as_array);
    per.into_iter()
        .flatten()
        .map(|part| match show::cell(part, "/value").as_str() {
            "" => format!("each {}", show::cell(part, "/path")),
            value => format!("{}={value}", show::cell(part, "/path")),
        })
        .collect()
}

/// Lists calls with no known outcome, and what of each stays counted.
fn list_unknown(mut calls: Vec<Value>, style: Style) -> Result<(), Failure> {
    if style == Style::Human {
        for call in &mut calls {
            let holds = call.get("holds").and_then(Value::as_array).cloned().unwrap_or_default();
            let words = holds.iter().filter(|hold| hold["state"] == "unknown").map(|hold| {
                let amount =
                    format!("{} of {}", show::cell(hold, "/amount"), show::cell(hold, "/rule"));
                std::iter::once(amount).chain(split(hold)).collect::<Vec<_>>().join(" ")
            });
            call["summary"] = words.collect::<Vec<_>>().join(", ").into();
        }
    }
    show::list(&calls, &UNKNOWN, style)
}

/// Adds the servers and their policies in a few words.
fn summarise(grant: &mut Value) {
    let servers = grant.get("servers").and_then(Value::as_array);
    let words: Vec<String> = servers
        .into_iter()
        .flatten()
        .map(|reach| match show::cell(reach, "/policy/name").as_str() {
            "" => format!("{} (no policy: all denied)", show::cell(reach, "/server/name")),
            policy => format!("{}={policy}", show::cell(reach, "/server/name")),
        })
        .collect();
    grant["summary"] = words.join(", ").into();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_may_name_its_policy() {
        assert_eq!(
            Value::from(reach(&["a".to_owned(), "b=p".to_owned()])),
            json!([{"server": "a"}, {"server": "b", "policy": "p"}])
        );
    }

    #[test]
    fn a_tag_has_a_name_and_a_value_and_stands_once() {
        let tags =
            |list: &[&str]| tag_map(&list.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>());
        assert_eq!(Value::Object(tags(&["a=b=c"]).unwrap()), json!({"a": "b=c"}));
        assert_eq!(tags(&["a"]).unwrap_err().exit, 2);
        assert_eq!(tags(&["a=1", "a=2"]).unwrap_err().exit, 2);
    }
}
