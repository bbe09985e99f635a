//! `channel`: where people outside are told of calls that wait, and what each was told.

use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::{input, show};
use crate::api::Api;
use crate::args::{Channel, NewChannel, NewChannelCommon, Signing};
use crate::failure::Failure;
use crate::out::{self, Style};

/// How long a test message is waited for: longer than one attempt takes.
const TEST_WAIT_MAX: Duration = Duration::from_secs(30);

const COLUMNS: [show::Column; 5] = [
    ("NAME", "/name"),
    ("KIND", "/kind"),
    ("ENABLED", "/enabled"),
    ("EVENTS", "/events"),
    ("ID", "/id"),
];
const LINES: [show::Column; 9] = [
    ("name", "/name"),
    ("kind", "/kind"),
    ("enabled", "/enabled"),
    ("events", "/events"),
    ("url", "/url"),
    ("signing", "/signing"),
    ("public key", "/public_key"),
    ("mail server", "/smtp/host"),
    ("id", "/id"),
];
const MESSAGES: [show::Column; 7] = [
    ("MESSAGE", "/message"),
    ("EVENT", "/event"),
    ("APPROVAL", "/approval"),
    ("STATE", "/state"),
    ("ATTEMPTS", "/attempts"),
    ("NEXT", "/next_at"),
    ("LAST ATTEMPT", "/told"),
];

pub(super) async fn run(api: &Api, command: Channel, style: Style) -> Result<(), Failure> {
    match command {
        Channel::Add(new) => {
            let made = api.post(&["channels"], body(new)?.to_string()).await?;
            let name = show::cell(&made, "/channel/name");
            show::done(&made, &format!("the channel `{name}` is made"), style)?;
            if style == Style::Human {
                for (what, at) in [("key", "/secret"), ("public key", "/channel/public_key")] {
                    if let Some(key) = made.pointer(at).and_then(Value::as_str) {
                        out::line(&format!("{what}: {key}"))?;
                    }
                }
            }
            Ok(())
        }
        Channel::List => show::list(&api.list(&["channels"]).await?, &COLUMNS, style),
        Channel::Show { channel } => {
            show::object(&api.get(&["channels", &channel]).await?, &LINES, style)
        }
        Channel::Test { channel } => test(api, &channel, style).await,
        Channel::Messages { channel, state } => {
            let query: Vec<(&str, &str)> =
                state.iter().map(|state| ("state", state.as_str())).collect();
            let page = api.query(&["channels", &channel, "deliveries"], &query).await?;
            let items = page.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
            show::list(&items, &MESSAGES, style)
        }
        Channel::Retry { channel, message } => {
            let path = ["channels", &channel, "deliveries", &message, "retry"];
            let revived = api.act(&path).await?;
            show::done(&revived, "the message is tried again", style)
        }
        Channel::Remove { channel } => {
            let gone = api.delete(&["channels", &channel]).await?;
            show::done(&gone, &format!("the channel `{channel}` is removed"), style)
        }
    }
}

fn body(new: NewChannel) -> Result<Value, Failure> {
    let (common, mut body) = match new {
        NewChannel::Webhook { common, receiver, signing } => {
            let signing = match signing {
                Signing::HmacSha256 => "hmac-sha256",
                Signing::Ed25519 => "ed25519",
            };
            (common, json!({"kind": "webhook", "url": receiver, "signing": signing}))
        }
        NewChannel::Slack { common, url_file } => {
            let url = input::secret(url_file.as_deref(), "address that Slack gave")?;
            (common, json!({"kind": "slack", "url": url.expose_str()}))
        }
        NewChannel::Email { common, smtp, security, username, password_file, from, to } => {
            let (host, port) = host_and_port(&smtp);
            let mut server = Map::new();
            server.insert("host".to_owned(), host.into());
            server.insert("port".to_owned(), port.into());
            server.insert("security".to_owned(), security.into());
            server.insert("from".to_owned(), from.into());
            server.insert("to".to_owned(), to.into());
            if let Some(username) = username {
                let password = input::secret(password_file.as_deref(), "password")?;
                server.insert("username".to_owned(), username.into());
                server.insert("password".to_owned(), password.expose_str().into());
            }
            (common, json!({"kind": "email", "smtp": server}))
        }
    };
    let NewChannelCommon { name, events, private_targets } = common;
    body["name"] = name.into();
    if !events.is_empty() {
        body["events"] = events.into();
    }
    body["private_targets"] = private_targets.into();
    Ok(body)
}

/// `HOST`, `HOST:PORT`, `[ADDRESS]:PORT`.
fn host_and_port(text: &str) -> (String, Option<u16>) {
    let bare = |host: &str| host.trim_start_matches('[').trim_end_matches(']').to_owned();
    match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            port.parse().map_or_else(|_| (text.to_owned(), None), |port| (bare(host), Some(port)))
        }
        _ => (bare(text), None),
    }
}

/// Sends a test message and waits for what becomes of it.
async fn test(api: &Api, channel: &str, style: Style) -> Result<(), Failure> {
    let sent = api.act(&["channels", channel, "test"]).await?;
    let (message, begun) = (show::cell(&sent, "/message"), Instant::now());
    loop {
        let page = api.query(&["channels", channel, "deliveries"], &[("limit", "20")]).await?;
        let items = page.get("items").and_then(Value::as_array).into_iter().flatten();
        let found = items.into_iter().find(|item| show::cell(item, "/message") == message);
        match found {
            Some(found) if found["state"] == "delivered" => {
                return show::done(found, "the test message was taken", style);
            }
            Some(found) if found["state"] == "dead" => {
                return Err(Failure::new(
                    "not_delivered",
                    format!("the test message was not taken: {}", show::cell(found, "/told")),
                    "see that the receiver answers, then test again",
                ));
            }
            _ if begun.elapsed() > TEST_WAIT_MAX => {
                return Err(Failure::new(
                    "not_delivered",
                    "nobody has tried the test message yet",
                    "look at `countersign channel messages` in a moment",
                ));
            }
            _ => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_server_is_a_host_with_or_without_a_port() {
        for (text, host, port) in [
            ("mail.example.com", "mail.example.com", None),
            ("mail.example.com:587", "mail.example.com", Some(587)),
            ("[::1]:25", "::1", Some(25)),
            ("::1", "::1", None),
            ("mail.example.com:x", "mail.example.com:x", None),
        ] {
            assert_eq!(host_and_port(text), (host.to_owned(), port), "{text}");
        }
    }
}
