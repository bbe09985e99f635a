//! `policy`: written, checked, tested, published and attached. Checking and testing need no instance.

mod exact;
mod offline;

use std::path::Path;

use serde_json::value::RawValue;
use serde_json::{Value, json};

use self::exact::Source;
use super::{draft, input, show};
use crate::api::Api;
use crate::args::{Instance, Policy};
use crate::failure::Failure;
use crate::out::{self, Style};

const COLUMNS: [show::Column; 6] = [
    ("NAME", "/name"),
    ("VERSION", "/latest"),
    ("SERVER", "/server/name"),
    ("GRANTS", "/attached"),
    ("KEPT IN", "/kept_in"),
    ("ID", "/id"),
];

pub(super) async fn run(instance: &Instance, command: Policy, style: Style) -> Result<(), Failure> {
    let api = || Api::of(instance);
    match command {
        Policy::List => show::list(&api()?.list(&["policies"]).await?, &COLUMNS, style),
        Policy::Show { policy, version } => show(&api()?, &policy, version, style).await,
        Policy::Check { file, server: None } => offline::check(&file, style),
        Policy::Check { file, server: Some(server) } => {
            let body = json!({"text": input::text(&file)?, "server": server}).to_string();
            let found = api()?.post(&["policies", "check"], body).await?;
            offline::checked(&found, &file.display().to_string(), style)
        }
        Policy::Test { file: Some(file), cases: Some(cases), .. } => {
            offline::test(&file, &cases, style)
        }
        Policy::Test { policy, cases, .. } => {
            let policy = Value::from(policy.unwrap_or_default());
            let body = match cases {
                Some(cases) => format!(r#"{{"policy":{policy},"cases":{}}}"#, raw(&cases)?),
                None => format!(r#"{{"policy":{policy}}}"#),
            };
            offline::tested(&api()?.post(&["policies", "test"], body).await?, style)
        }
        Policy::Publish { policy, file, note, cases, expected_latest, server, kept_in } => {
            let mut version = json!({"text": input::text(&file)?});
            if let Some(note) = note {
                version["note"] = note.into();
            }
            if let Some(place) = kept_in {
                version["kept_in"] = place.into();
            }
            let cases = cases.map(|path| raw(&path)).transpose()?;
            let draft = Draft { version, cases, expected_latest, server };
            publish(&api()?, &policy, draft, style).await
        }
        Policy::Release { policy } => release(&api()?, &policy, style).await,
        Policy::Attach { policy, grant, server } => {
            attach(&api()?, &grant, server, Some(&policy), style).await
        }
        Policy::Detach { grant, server } => attach(&api()?, &grant, server, None, style).await,
        Policy::Diff { policy, from, to, text: true, .. } => {
            text_diff(&api()?, &policy, from, to, style).await
        }
        Policy::Diff { policy, file: Some(file), server, allow_more_open, .. } => {
            let sources = (Source::File(Path::new(&policy)), Source::File(&file));
            exact::diff(instance, sources, server.as_deref(), allow_more_open, style).await
        }
        Policy::Diff { policy, from, to, server, allow_more_open, .. } => {
            let (from, to) = versions(&api()?, &policy, from, to).await?;
            let sources = (Source::Stored(&policy, Some(from)), Source::Stored(&policy, Some(to)));
            exact::diff(instance, sources, server.as_deref(), allow_more_open, style).await
        }
        Policy::Ask { question, file, policy, version, server, expect } => {
            let source = source(file.as_deref(), policy.as_deref(), version);
            let (server, expect) = (server.as_deref(), expect.as_deref());
            exact::ask(instance, &question, source, server, expect, style).await
        }
        Policy::Coverage { file, cases, policy, server, complete } => {
            let source = source(file.as_deref(), policy.as_deref(), None);
            let (cases, server) = (cases.as_deref(), server.as_deref());
            exact::coverage(instance, source, cases, server, complete, style).await
        }
        Policy::Draft(command) => draft::run(&api()?, command, style).await,
        Policy::Versions { policy } => {
            let columns = [
                ("NUMBER", "/number"),
                ("BY", "/author"),
                ("AT", "/published_at"),
                ("NOTE", "/note"),
            ];
            show::list(&api()?.list(&["policies", &policy, "versions"]).await?, &columns, style)
        }
        Policy::Restore { policy, version, note } => {
            draft::restore(&api()?, &policy, version, note, style).await
        }
        Policy::Import { file } => offline::import(&file, style),
        Policy::Simulate { file, tool, arguments } => {
            let arguments: &RawValue = serde_json::from_str(&arguments)
                .map_err(|_| Failure::usage("--arguments takes JSON", "give one JSON object"))?;
            let (text, tool) = (Value::from(input::text(&file)?), Value::from(tool));
            let body =
                format!(r#"{{"text":{text},"call":{{"name":{tool},"arguments":{arguments}}}}}"#);
            let found = api()?.post(&["policies", "simulate"], body).await?;
            if style == Style::Json {
                return Ok(out::json(&found)?);
            }
            text_lines(&serde_json::to_string_pretty(&found).unwrap_or_default())
        }
    }
}

/// The file, or the stored policy of that name: the command line makes sure that there is one.
fn source<'a>(file: Option<&'a Path>, name: Option<&'a str>, version: Option<u32>) -> Source<'a> {
    match file {
        Some(file) => Source::File(file),
        None => Source::Stored(name.unwrap_or_default(), version),
    }
}

/// The versions to compare: those that are named, otherwise the newest and the one before.
async fn versions(
    api: &Api,
    policy: &str,
    from: Option<u32>,
    to: Option<u32>,
) -> Result<(u32, u32), Failure> {
    let to = match to {
        Some(to) => to,
        None => {
            let found = api.get(&["policies", policy]).await?;
            let latest = found.get("latest").and_then(Value::as_u64).unwrap_or(0);
            u32::try_from(latest).unwrap_or(0)
        }
    };
    match from.or(to.checked_sub(1)) {
        Some(from) if from > 0 && to > 0 => Ok((from, to)),
        _ => Err(Failure::new(
            "no_version",
            format!("the policy `{policy}` has no two versions to compare"),
            "publish a second one, or compare two files",
        )),
    }
}

/// How the texts of two versions differ.
async fn text_diff(
    api: &Api,
    policy: &str,
    from: Option<u32>,
    to: Option<u32>,
    style: Style,
) -> Result<(), Failure> {
    let (from, to) = (from.map(|n| n.to_string()), to.map(|n| n.to_string()));
    let query: Vec<_> = [("from", &from), ("to", &to)]
        .into_iter()
        .filter_map(|(name, number)| Some((name, number.as_deref()?)))
        .collect();
    let found = api.query(&["policies", policy, "diff"], &query).await?;
    if style == Style::Json {
        return Ok(out::json(&found)?);
    }
    match show::cell(&found, "/unified").as_str() {
        "" => Ok(out::line("the two versions are the same")?),
        text => text_lines(text),
    }
}

/// Reads a file of JSON as it is, so that no number is rounded on the way.
pub(super) fn raw(path: &Path) -> Result<Box<RawValue>, Failure> {
    let text = input::text(path)?;
    RawValue::from_string(text).map_err(|error| {
        Failure::new(
            "not_json",
            format!(
                "the file `{}` is not JSON (line {}, column {})",
                path.display(),
                error.line(),
                error.column()
            ),
            "test cases are a JSON list; docs/policy-reference.md shows one",
        )
    })
}

/// Writes a text line by line.
pub(super) fn text_lines(text: &str) -> Result<(), Failure> {
    Ok(text.lines().try_for_each(|line| out::line(&line.replace('\u{1b}', "\u{fffd}")))?)
}

async fn show(api: &Api, policy: &str, version: Option<u32>, style: Style) -> Result<(), Failure> {
    let found = match version {
        None => api.get(&["policies", policy]).await?,
        Some(number) => api.get(&["policies", policy, "versions", &number.to_string()]).await?,
    };
    match (style, show::cell(&found, "/version/text,/text").as_str()) {
        (Style::Json, _) => Ok(out::json(&found)?),
        (Style::Human, "") => Err(Failure::new(
            "no_version",
            format!("the policy `{policy}` has no published version"),
            format!("publish one: `countersign policy publish {policy} FILE`"),
        )),
        (Style::Human, text) => {
            let number = show::cell(&found, "/version/number,/number");
            let author = show::cell(&found, "/version/author,/author");
            let at = show::cell(&found, "/version/published_at,/published_at");
            out::note(&out::plain(&format!("version {number}, by {author} at {at}")));
            if let Some(place) = found["kept_in"].as_str() {
                out::note(&out::plain(&format!("kept in files at {place}: change it there")));
            }
            text_lines(text)
        }
    }
}

/// What is published.
struct Draft {
    version: Value,
    cases: Option<Box<RawValue>>,
    expected_latest: Option<u32>,
    server: Option<String>,
}

impl Draft {
    /// The request, with the members that come beside the version.
    fn body(&self, others: Value) -> String {
        let mut body = self.version.clone();
        if let (Some(body), Value::Object(others)) = (body.as_object_mut(), others) {
            body.extend(others);
        }
        let mut text = body.to_string();
        if let Some(cases) = &self.cases {
            // Put in as they are written: their numbers must not be rounded.
            text.truncate(text.len() - 1);
            text.push_str(&format!(r#","cases":{cases}}}"#));
        }
        text
    }
}

/// Publishes the next version, or makes the policy with its first.
async fn publish(api: &Api, policy: &str, draft: Draft, style: Style) -> Result<(), Failure> {
    let there = match api.get(&["policies", policy]).await {
        Ok(found) => Some(found),
        Err(failure) if failure.code == "not_found" => None,
        Err(failure) => return Err(failure),
    };
    let made = if there.is_some() {
        let mut others = json!({});
        if let Some(latest) = draft.expected_latest {
            others["expected_latest"] = latest.into();
        }
        api.post(&["policies", policy, "versions"], draft.body(others)).await?
    } else {
        if draft.expected_latest.is_some_and(|latest| latest > 0) {
            return Err(Failure::new(
                "stale",
                format!("there is no policy `{policy}`, so it has no such version"),
                "`countersign policy list` shows what there is",
            ));
        }
        let mut others = json!({"name": policy});
        if let Some(server) = &draft.server {
            others["server"] = server.as_str().into();
        }
        api.post(&["policies"], draft.body(others)).await?
    };
    let number = show::cell(&made, "/number,/version/number,/latest");
    let sentence =
        format!("`{policy}` version {number} is published and in force at the next call");
    show::done(&made, &sentence, style)
}

/// Lifts the mark of a policy that is kept in files.
async fn release(api: &Api, policy: &str, style: Style) -> Result<(), Failure> {
    let before = show::cell(&api.get(&["policies", policy]).await?, "/kept_in");
    let body = json!({"place": null}).to_string();
    let changed = api.put(&["policies", policy, "kept-in"], body).await?;
    let sentence = match before.as_str() {
        "" => format!("`{policy}` is not kept in files: nothing was changed"),
        place => format!(
            "`{policy}` is edited on the instance from now on; the next apply from `{place}` takes it back \
             and overwrites what was changed"
        ),
    };
    show::done(&changed, &sentence, style)
}

/// Attaches a policy to a grant, or takes it off.
async fn attach(
    api: &Api,
    grant: &str,
    server: Option<String>,
    policy: Option<&str>,
    style: Style,
) -> Result<(), Failure> {
    let server = match server {
        Some(server) => server,
        None => only_server(&api.get(&["grants", grant]).await?, grant)?,
    };
    let body = json!({"server": server, "policy": policy}).to_string();
    let changed = api.put(&["grants", grant, "policy"], body).await?;
    let sentence = match policy {
        Some(policy) => format!("`{policy}` now judges what `{grant}` calls on `{server}`"),
        None => format!("`{grant}` has no policy on `{server}`: every call is denied"),
    };
    show::done(&changed, &sentence, style)
}

fn only_server(found: &Value, grant: &str) -> Result<String, Failure> {
    let servers = found.get("servers").and_then(Value::as_array).map(Vec::as_slice);
    match servers {
        Some([one]) => Ok(show::cell(one, "/server/name,/server/id")),
        _ => Err(Failure::usage(
            format!("`{grant}` reaches more than one server"),
            "say which with --server",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_sent_to_the_letter() {
        let cases = RawValue::from_string("[1.00000000000000000001]".to_owned()).unwrap();
        let draft = Draft {
            version: json!({"text": "{}"}),
            cases: Some(cases),
            expected_latest: None,
            server: None,
        };
        assert_eq!(
            draft.body(json!({"name": "p"})),
            r#"{"text":"{}","name":"p","cases":[1.00000000000000000001]}"#
        );
    }
}
