//! What each side is told the other can do: only what passes the gateway.

use json::{Limits, Object, Value};

use crate::answer::BadAnswer;
use crate::meta;
use crate::tree::{self, Tree};
use crate::version::{Era, Version};

/// The requests an upstream may make of the agent, as the policy decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClientRequests {
    /// `sampling/createMessage`
    pub sampling: bool,
    /// `elicitation/create`
    pub elicitation: bool,
    /// `roots/list`
    pub roots: bool,
}

/// Extensions that pass in either direction. An extension brings methods, and a method nobody
/// knows is refused, so an extension nobody knows is not announced.
const EXTENSIONS: &[&str] = &[];

/// The agent's capabilities as an upstream is told of them.
pub fn of_agent(capabilities: &Object, allowed: ClientRequests) -> Object {
    let mut kept = Object::new();
    for (name, value) in capabilities.iter().filter(|(_, value)| value.as_object().is_some()) {
        let passes = match name {
            "sampling" => allowed.sampling,
            "elicitation" => allowed.elicitation,
            "roots" => allowed.roots,
            "experimental" => true,
            _ => false,
        };
        if passes {
            let mut value = value.clone();
            if let ("sampling" | "elicitation", Value::Object(object)) = (name, &mut value) {
                // Both may say that they also work as tasks.
                object.remove("tasks");
            }
            kept.insert(name, value);
        } else if name == "extensions"
            && let Some(extensions) = of_extensions(value)
        {
            kept.insert(name, extensions);
        }
    }
    kept
}

fn of_extensions(extensions: &Value) -> Option<Value> {
    let known = extensions.as_object()?.iter().filter(|(name, _)| EXTENSIONS.contains(name));
    let known: Object = known.map(|(name, value)| (name.to_owned(), value.clone())).collect();
    (!known.is_empty()).then_some(Value::Object(known))
}

/// The params of an `initialize` for the upstream: the version as given, the capabilities that
/// pass, the agent's own account of itself.
pub fn initialize_params(params: &Object, version: Version, allowed: ClientRequests) -> Object {
    let none = Object::new();
    let capabilities = params.get("capabilities").and_then(Value::as_object).unwrap_or(&none);
    let mut rebuilt = Object::new();
    rebuilt.insert("protocolVersion", version.as_str());
    rebuilt.insert("capabilities", Value::Object(of_agent(capabilities, allowed)));
    for name in ["clientInfo", "_meta"] {
        if let Some(value @ Value::Object(_)) = params.get(name) {
            rebuilt.insert(name, value.clone());
        }
    }
    rebuilt
}

/// Rewrites the capabilities that a modern request carries in its `_meta`.
pub fn restrict_meta(meta: &mut Object, allowed: ClientRequests) {
    if let Some(place) = meta.get_mut(meta::CLIENT_CAPABILITIES) {
        let none = Object::new();
        let kept = of_agent(place.as_object().unwrap_or(&none), allowed);
        *place = Value::Object(kept);
    }
}

/// What an upstream said of itself, and the result as the agent gets it.
#[derive(Clone, Debug, PartialEq)]
pub struct Introduction {
    /// The version `initialize` settled on, or every served version `server/discover` named.
    pub versions: Vec<Version>,
    /// What it offers of what passes.
    pub offers: Offers,
    /// The result for the agent.
    pub result: Vec<u8>,
}

/// What an upstream offers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offers {
    /// Tools.
    pub tools: bool,
    /// Resources.
    pub resources: bool,
    /// Subscriptions to single resources.
    pub resource_subscriptions: bool,
    /// Prompts.
    pub prompts: bool,
    /// Completion.
    pub completions: bool,
    /// Log messages.
    pub logging: bool,
}

/// Reads an upstream's answer to `initialize` and makes the agent's.
///
/// - **Shape**: capabilities that pass (no tasks, no extension), `tools.listChanged` always true,
///   because a change of policy changes the list; `instructions` kept if `instructions` says so;
///   everything else kept.
/// - **Errors**: no object, no version or one that is not served in the legacy era, no capabilities.
pub fn initialize_answer(result: &[u8], instructions: bool) -> Result<Introduction, BadAnswer> {
    let mut tree = tree::read(result, Limits::ANSWER)?;
    let version = tree.get("protocolVersion").and_then(Tree::as_str).and_then(Version::parse);
    let version = version
        .filter(|version| version.era() == Era::Legacy)
        .ok_or(BadAnswer::new("unsupported_version"))?;
    let offers = introduce(&mut tree, instructions)?;
    Ok(Introduction { versions: vec![version], offers, result: bytes(&tree) })
}

/// Reads an upstream's answer to `server/discover` and makes the agent's.
///
/// - **Shape**: as [`initialize_answer`]; the versions that are served on both sides, private and
///   not to be cached.
/// - **Errors**: no object, no list of versions, no capabilities.
pub fn discover_answer(result: &[u8], instructions: bool) -> Result<Introduction, BadAnswer> {
    let mut tree = tree::read(result, Limits::ANSWER)?;
    let Some(Tree::List(named)) = tree.get("supportedVersions") else {
        return Err(BadAnswer::new("bad_result"));
    };
    let named: Vec<_> = named.iter().filter_map(Tree::as_str).filter_map(Version::parse).collect();
    let served = Version::SUPPORTED.iter().copied().filter(|version| named.contains(version));
    let versions: Vec<_> = served.collect();
    let offers = introduce(&mut tree, instructions)?;
    let list = versions.iter().map(|version| Tree::String(version.as_str().to_owned())).collect();
    tree.set("supportedVersions", Tree::List(list));
    tree.set("ttlMs", Tree::Word("0".to_owned()));
    tree.set("cacheScope", Tree::String("private".to_owned()));
    Ok(Introduction { versions, offers, result: bytes(&tree) })
}

fn introduce(tree: &mut Tree, instructions: bool) -> Result<Offers, BadAnswer> {
    let Some(Tree::Map(_)) = tree.get("capabilities") else {
        return Err(BadAnswer::new("bad_result"));
    };
    let mut capabilities = tree.get("capabilities").cloned().unwrap_or(Tree::map());
    let is_map = |tree: &Tree, name: &str| tree.get(name).is_some_and(Tree::is_map);
    let subscribes = capabilities.get("resources").and_then(|resources| resources.get("subscribe"));
    let offers = Offers {
        tools: is_map(&capabilities, "tools"),
        resources: is_map(&capabilities, "resources"),
        resource_subscriptions: subscribes == Some(&Tree::Word("true".to_owned())),
        prompts: is_map(&capabilities, "prompts"),
        completions: is_map(&capabilities, "completions"),
        logging: is_map(&capabilities, "logging"),
    };
    capabilities.retain(|name| {
        matches!(
            name,
            "tools" | "resources" | "prompts" | "completions" | "logging" | "experimental"
        )
    });
    if offers.tools {
        let mut tools = capabilities.get("tools").cloned().unwrap_or(Tree::map());
        tools.set("listChanged", Tree::Word("true".to_owned()));
        capabilities.set("tools", tools);
    }
    tree.set("capabilities", capabilities);
    tree.retain(|name| instructions || name != "instructions");
    Ok(offers)
}

fn bytes(tree: &Tree) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    tree.write(&mut out);
    out
}
