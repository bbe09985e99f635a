//! The arrows between our crates: one list, and nothing else is allowed.
//!
//! A new arrow is a decision: it is added here, with half a page in `docs/decisions`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{Outcome, workspace};

/// Who may use whom. Arrows only point down; the two planes never meet.
const ARROWS: &[(&str, &[&str])] = &[
    (
        "countersign",
        &[
            "control",
            "gateway",
            "notify",
            "telemetry",
            "dial",
            "payments",
            "store",
            "audit",
            "json",
            "mcp",
            "policy",
            "quota",
            "vault",
        ],
    ),
    ("control", &["oauth", "dial", "store", "audit", "json", "mcp", "policy", "quota", "vault"]),
    ("gateway", &["oauth", "dial", "store", "json", "mcp", "policy", "quota", "vault"]),
    // Beside the two planes: tells people outside what the store says.
    ("notify", &["dial", "store", "vault"]),
    // What is told to others: beside the planes, and no call waits for it.
    ("telemetry", &["dial", "store", "audit", "json", "vault"]),
    ("store", &["audit", "json", "mcp", "policy", "quota", "vault"]),
    // The core. No async, no I/O, no clock.
    ("audit", &["json"]),
    ("quota", &["policy", "json"]),
    ("policy", &["json"]),
    ("mcp", &["json"]),
    ("vault", &[]),
    ("json", &[]),
    // The way out, for whoever dials.
    ("dial", &[]),
    // The protocol towards authorization servers, for both planes.
    ("oauth", &["dial", "json", "vault"]),
    // Beside the house: a server of the demo's, and a whole house for tests.
    ("payments", &[]),
    ("testkit", &["gateway", "store", "policy", "quota", "vault"]),
];

/// Chores and measurements, which may use whatever they look at. Nobody uses them.
const CHORES: &[&str] = &["xtask", "bench"];
/// Used by tests and chores alone, never by what is shipped.
const TESTS_ONLY: &str = "testkit";
/// Crates that stay pure, and what would make them impure, however far down it hides.
const CORE: &[&str] = &["json", "policy", "mcp", "quota", "vault", "audit"];
const IMPURE: &[&str] = &["tokio", "hyper", "hyper-util", "http", "rusqlite", "axum", "reqwest"];

/// Checks every arrow of the workspace.
pub(crate) fn check() -> Outcome {
    let metadata = workspace::metadata()?;
    let mut wrong = strangers(&crates(&metadata), ARROWS);
    wrong.extend(impure(&metadata));
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

/// A dependency of one of our crates on another.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Arrow {
    from: String,
    to: String,
    tests_only: bool,
}

/// The names of our crates and the arrows between them.
fn crates(metadata: &Value) -> (BTreeSet<String>, Vec<Arrow>) {
    let members = ids(metadata.get("workspace_members"));
    let ours: Vec<&Value> = list(metadata.get("packages"))
        .filter(|package| members.contains(name(package, "id")))
        .collect();
    let names: BTreeSet<String> = ours.iter().map(|p| name(p, "name").to_owned()).collect();
    let arrows = ours.iter().flat_map(|package| {
        let to = list(package.get("dependencies")).filter(|d| names.contains(name(d, "name")));
        to.map(|dependency| Arrow {
            from: name(package, "name").to_owned(),
            to: name(dependency, "name").to_owned(),
            tests_only: name(dependency, "kind") == "dev",
        })
    });
    (names.clone(), arrows.collect())
}

/// Crates and arrows that are not on the list.
fn strangers(
    (names, arrows): &(BTreeSet<String>, Vec<Arrow>),
    allowed: &[(&str, &[&str])],
) -> Vec<String> {
    let allowed: BTreeMap<&str, &[&str]> = allowed.iter().copied().collect();
    let unlisted = names.iter().filter(|name| !is_chore(name)).filter_map(|name| {
        let listed = allowed.contains_key(name.as_str());
        (!listed).then(|| format!("the crate `{name}` is not on the list of arrows"))
    });
    let wrong = arrows.iter().filter(|arrow| !is_chore(&arrow.from)).filter_map(|arrow| {
        let down = allowed.get(arrow.from.as_str()).is_some_and(|to| to.contains(&&*arrow.to));
        // Tests may use the testkit, and whatever lies on the list anyway.
        let fine = down || (arrow.tests_only && arrow.to == TESTS_ONLY);
        (!fine).then(|| format!("`{}` may not use `{}`: {}", arrow.from, arrow.to, why(arrow)))
    });
    unlisted.chain(wrong).collect()
}

fn is_chore(name: &str) -> bool {
    CHORES.contains(&name)
}

fn why(arrow: &Arrow) -> &'static str {
    match (arrow.from.as_str(), arrow.to.as_str()) {
        ("gateway", "control") | ("control", "gateway") => {
            "the two planes never meet; they share the store, and the binary joins them"
        }
        (_, TESTS_ONLY) => "the testkit is for tests alone, so it belongs to dev-dependencies",
        (from, _) if CORE.contains(&from) => "the core has only the inner arrows on the list",
        _ => "arrows only point down; a new one is a decision (xtask/src/arrows.rs)",
    }
}

/// Core crates from which something with a world around it can be reached.
fn impure(metadata: &Value) -> Vec<String> {
    let nodes: BTreeMap<&str, &Value> =
        list(metadata.pointer("/resolve/nodes")).map(|node| (name(node, "id"), node)).collect();
    let packages = || list(metadata.get("packages"));
    let named: BTreeMap<&str, &str> =
        packages().map(|p| (name(p, "id"), name(p, "name"))).collect();
    let members = ids(metadata.get("workspace_members"));
    let core = named.iter().filter(|(id, n)| members.contains(**id) && CORE.contains(n));
    core.flat_map(|(id, core)| {
        let reached = reachable(id, &nodes);
        let bad = reached.into_iter().filter_map(|id| named.get(id)).filter(|n| IMPURE.contains(n));
        bad.map(move |bad| format!("`{core}` reaches `{bad}`: the core has no async and no I/O"))
    })
    .collect()
}

/// Everything a crate is built with, tests left out.
fn reachable<'a>(from: &'a str, nodes: &BTreeMap<&'a str, &'a Value>) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut waiting = vec![from];
    while let Some(next) = waiting.pop() {
        let Some(node) = nodes.get(next) else { continue };
        for dependency in list(node.get("deps")) {
            let built_with =
                list(dependency.get("dep_kinds")).any(|kind| name(kind, "kind").is_empty());
            if built_with && reached.insert(name(dependency, "pkg")) {
                waiting.push(name(dependency, "pkg"));
            }
        }
    }
    reached
}

fn list(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value.and_then(Value::as_array).into_iter().flatten()
}

fn ids(value: Option<&Value>) -> BTreeSet<&str> {
    list(value).filter_map(Value::as_str).collect()
}

/// A text of an object; empty where there is none.
fn name<'a>(value: &'a Value, member: &str) -> &'a str {
    value.get(member).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const HOUSE: &[(&str, &[&str])] =
        &[("gateway", &["store"]), ("control", &["store"]), ("store", &[]), ("testkit", &[])];

    fn judged(from: &str, to: &str, kind: Option<&str>) -> Vec<String> {
        let package = |name: &str, dependencies: Value| json!({"id": name, "name": name, "dependencies": dependencies});
        let names = ["gateway", "control", "store", "testkit", "xtask"];
        let packages: Vec<Value> = names
            .map(|name| {
                let uses =
                    if name == from { json!([{"name": to, "kind": kind}]) } else { json!([]) };
                package(name, uses)
            })
            .into();
        strangers(&crates(&json!({"workspace_members": names, "packages": packages})), HOUSE)
    }

    #[test]
    fn only_arrows_on_the_list_are_allowed() {
        for (from, to, kind, allowed) in [
            ("gateway", "store", None, true),
            ("gateway", "serde", None, true),
            ("store", "gateway", None, false),
            ("gateway", "control", None, false),
            ("control", "gateway", Some("dev"), false),
            ("gateway", "testkit", Some("dev"), true),
            ("gateway", "testkit", None, false),
            ("xtask", "gateway", None, true),
        ] {
            assert_eq!(judged(from, to, kind).is_empty(), allowed, "{from} → {to} {kind:?}");
        }
    }

    #[test]
    fn a_crate_nobody_listed_is_named() {
        let names = BTreeSet::from(["lounge".to_owned()]);
        let said = strangers(&(names, Vec::new()), HOUSE);
        assert_eq!(said, ["the crate `lounge` is not on the list of arrows"]);
    }

    #[test]
    fn the_core_may_not_reach_the_world_by_a_detour() {
        let metadata = |kind: Value| {
            json!({
                "workspace_members": ["p"],
                "packages": [{"id": "p", "name": "policy"}, {"id": "a", "name": "a"}, {"id": "t", "name": "tokio"}],
                "resolve": {"nodes": [
                    {"id": "p", "deps": [{"pkg": "a", "dep_kinds": [{"kind": kind}]}]},
                    {"id": "a", "deps": [{"pkg": "t", "dep_kinds": [{"kind": null}]}]},
                ]},
            })
        };
        assert_eq!(impure(&metadata(Value::Null)).len(), 1);
        assert!(impure(&metadata("dev".into())).is_empty());
    }
}
