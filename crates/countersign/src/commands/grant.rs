//! `grant`: who may call what, and the tokens that prove it.

use serde_json::{Map, Value, json};

use super::{input, key, show};
use crate::api::Api;
use crate::args::Grant;
use crate::failure::Failure;
use crate::out::Style;

const LINES: [show::Column; 11] = [
    ("label", "/label"),
    ("id", "/id"),
    ("identity", "/identity"),
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
const USAGE: [show::Column; 9] = [
    ("COUNTER", "/counter"),
    ("TOOL", "/tool"),
    ("WINDOW", "/window"),
    ("FOR", "/per"),
    ("USED", "/used"),
    ("HELD", "/held"),
    ("UNKNOWN", "/unknown"),
    ("MAX", "/max"),
    ("RESETS", "/resets_at"),
];

pub(super) async fn run(api: &Api, command: Grant, style: Style) -> Result<(), Failure> {
    match command {
        Grant::Issue { label, servers, identity, tags, expires_in, in_flight_max, token_file } => {
            let file = input::token_file(token_file.as_deref())?;
            let mut body = json!({"label": label, "servers": reach(&servers)});
            if let Some(identity) = identity {
                body["identity"] = identity.into();
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
            let usage = api.get(&["grants", &grant, "usage"]).await?;
            match (style, usage.get("items").and_then(Value::as_array)) {
                (Style::Human, Some(items)) => show::list(items, &USAGE, style),
                _ => Ok(crate::out::json(&usage)?),
            }
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
