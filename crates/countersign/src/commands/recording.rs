//! `recording` and `fingerprint`: what is recorded of calls beyond names, and questions about it.

use std::path::Path;

use serde_json::{Value, json};
use vault::CaptureKey;

use super::{input, show};
use crate::api::Api;
use crate::args::{Captured, Fingerprint, Recording, RecordingSet, Switch};
use crate::failure::Failure;
use crate::out::{self, Style};

const SHOWN: [show::Column; 6] = [
    ("fingerprints", "/fingerprints"),
    ("arguments are kept", "/capture/arguments"),
    ("results are kept", "/capture/results"),
    ("sealed to", "/capture/key"),
    ("most bytes", "/capture/bytes_max"),
    ("tools", "/tools"),
];
const TERMS: [show::Column; 4] = [
    ("new key of fingerprints, days", "/rotate_days"),
    ("old key is kept, days", "/fingerprint_days"),
    ("sealed records are kept, days", "/capture_days"),
    ("room for them, MiB", "/capture_mib"),
];
const KEYS: [show::Column; 5] = [
    ("KEY", "/number"),
    ("STATE", "/state"),
    ("MADE", "/made_at"),
    ("RETIRED", "/retired_at"),
    ("DESTROYED", "/destroyed_at"),
];

pub(super) async fn run(api: &Api, command: Recording, style: Style) -> Result<(), Failure> {
    match command {
        Recording::Show { server } => {
            let now = api.get(&["servers", &server, "recording"]).await?;
            shown(&now, style)?;
            if style == Style::Human {
                let means = now["means"].as_array().into_iter().flatten().filter_map(Value::as_str);
                means.for_each(out::note);
            }
            Ok(())
        }
        Recording::Set(asked) => {
            let path = ["servers", asked.server.as_str(), "recording"];
            let now = api.get(&path).await?;
            let changed = api.put(&path, wanted(&asked, &now)?.to_string()).await?;
            shown(&changed, style)
        }
        Recording::Terms { rotate_days, fingerprint_days, capture_days, capture_mib } => {
            let mut terms = api.get(&["recording-terms"]).await?;
            let given = [
                ("rotate_days", rotate_days),
                ("fingerprint_days", fingerprint_days),
                ("capture_days", capture_days),
                ("capture_mib", capture_mib),
            ];
            let given: Vec<_> =
                given.iter().filter_map(|(name, of)| Some((name, (*of)?))).collect();
            if !given.is_empty() {
                for (name, value) in given {
                    terms[*name] = value.into();
                }
                terms = api.put(&["recording-terms"], terms.to_string()).await?;
            }
            show::object(&terms, &TERMS, style)
        }
    }
}

fn shown(recording: &Value, style: Style) -> Result<(), Failure> {
    show::object(recording, &SHOWN, style)
}

/// What is recorded now, with what was asked for instead.
fn wanted(asked: &RecordingSet, now: &Value) -> Result<Value, Failure> {
    let fingerprints = match asked.fingerprints {
        None => now["fingerprints"].clone(),
        Some(switch) => (switch == Switch::On).into(),
    };
    let before = &now["capture"];
    let capture = match asked.capture {
        Some(Captured::Off) => Value::Null,
        None if before.is_null() && asked.capture_key.is_none() => Value::Null,
        of => {
            let (arguments, results) = match of {
                Some(Captured::Arguments) => (true.into(), false.into()),
                Some(Captured::Results) => (false.into(), true.into()),
                None if !before.is_null() => {
                    (before["arguments"].clone(), before["results"].clone())
                }
                _ => (true.into(), true.into()),
            };
            let key = match &asked.capture_key {
                Some(given) if Path::new(given).exists() => {
                    public(&input::text(Path::new(given))?)?
                }
                Some(given) => public(given)?,
                None if before.is_null() => {
                    let what = "nothing can be kept without a key to seal it to";
                    let next = "give --capture-key; `countersign capture key` makes one";
                    return Err(Failure::usage(what, next));
                }
                None => before["key"].clone(),
            };
            let bytes_max =
                asked.bytes_max.map_or_else(|| before["bytes_max"].clone(), Value::from);
            json!({"key": key, "arguments": arguments, "results": results, "bytes_max": bytes_max})
        }
    };
    let tools = match (asked.all_tools, asked.tools.as_slice()) {
        (true, _) => Value::Null,
        (false, []) => now["tools"].clone(),
        (false, tools) => json!(tools),
    };
    Ok(json!({
        "fingerprints": fingerprints, "capture": capture, "tools": tools,
        "understood": asked.understood,
    }))
}

/// A public key. It is looked at here: a private one that was taken for it must not leave this machine.
fn public(text: &str) -> Result<Value, Failure> {
    let key = CaptureKey::parse(text.trim()).map_err(|error| {
        let what = format!("`--capture-key` is no public key: {error}");
        Failure::usage(what, "give what `countersign capture key` prints")
    })?;
    Ok(key.to_string().into())
}

pub(super) async fn fingerprint(
    api: &Api,
    command: Fingerprint,
    style: Style,
) -> Result<(), Failure> {
    match command {
        Fingerprint::Keys => show::list(&api.list(&["fingerprint-keys"]).await?, &KEYS, style),
        Fingerprint::Draw => {
            let drawn = api.act(&["fingerprint-keys", "draw"]).await?;
            let sentence = format!("new fingerprints are made with key {}", drawn["number"]);
            show::done(&drawn, &sentence, style)
        }
        Fingerprint::Destroy { number } => {
            let gone = api.delete(&["fingerprint-keys", &number.to_string()]).await?;
            show::done(&gone, &format!("key {number} is destroyed for good"), style)
        }
        Fingerprint::Ask { call, argument, value_file } => {
            let file = value_file.as_deref().unwrap_or(Path::new("-"));
            let text = input::text(file)?;
            let body = question(argument.as_deref(), text.trim())?;
            let answer = api.post(&["calls", &call, "fingerprint"], body).await?;
            let sentence = match answer["answer"].as_str() {
                Some("yes") => "yes: the call had this value there",
                Some("no") => "no: the call had another value there, or none",
                Some("key_destroyed") => {
                    "nobody can tell any more: the key of that fingerprint was destroyed"
                }
                _ => "the call's entry has no fingerprint of that",
            };
            show::done(&answer, sentence, style)
        }
    }
}

/// The question, with the value's own spelling: a number goes out as it was written.
fn question(argument: Option<&str>, value: &str) -> Result<String, Failure> {
    let whole = serde_json::from_str::<&serde_json::value::RawValue>(value).map_err(|_| {
        let next = "write it as JSON: 100, true, or a text in quotes such as \"EUR\"";
        Failure::usage("the value is not JSON", next)
    })?;
    let argument = argument.map_or(Value::Null, Value::from);
    Ok(format!("{{\"argument\":{argument},\"value\":{}}}", whole.get()))
}
