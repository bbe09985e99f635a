//! The methods of both eras: who may send which, and which members their `params` have.

use std::fmt;

use crate::version::Era;

/// A JSON-RPC method.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// `tools/call`
    ToolsCall,
    /// `tools/list`
    ToolsList,
    /// `resources/list`
    ResourcesList,
    /// `resources/templates/list`
    ResourceTemplatesList,
    /// `resources/read`
    ResourcesRead,
    /// `resources/subscribe`
    ResourcesSubscribe,
    /// `resources/unsubscribe`
    ResourcesUnsubscribe,
    /// `prompts/list`
    PromptsList,
    /// `prompts/get`
    PromptsGet,
    /// `completion/complete`
    Complete,
    /// `initialize`
    Initialize,
    /// `server/discover`
    Discover,
    /// `ping`
    Ping,
    /// `logging/setLevel`
    LoggingSetLevel,
    /// `subscriptions/listen`
    SubscriptionsListen,
    /// `tasks/get`
    TasksGet,
    /// `tasks/result`
    TasksResult,
    /// `tasks/list`
    TasksList,
    /// `tasks/update`
    TasksUpdate,
    /// `tasks/cancel`
    TasksCancel,
    /// `sampling/createMessage`
    SamplingCreateMessage,
    /// `elicitation/create`
    ElicitationCreate,
    /// `roots/list`
    RootsList,
    /// `notifications/initialized`
    Initialized,
    /// `notifications/cancelled`
    Cancelled,
    /// `notifications/progress`
    Progress,
    /// `notifications/roots/list_changed`
    RootsListChanged,
    /// `notifications/message`
    LogMessage,
    /// `notifications/tools/list_changed`
    ToolsListChanged,
    /// `notifications/resources/list_changed`
    ResourcesListChanged,
    /// `notifications/resources/updated`
    ResourcesUpdated,
    /// `notifications/prompts/list_changed`
    PromptsListChanged,
    /// `notifications/elicitation/complete`
    ElicitationComplete,
    /// `notifications/subscriptions/acknowledged`
    SubscriptionsAcknowledged,
    /// `notifications/tasks` and `notifications/tasks/status`
    TaskStatus,
    /// A method that neither era knows, by its name.
    Unknown(String),
}

/// What a method is about; policy sections and the road it takes follow from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A tool call: judged by the policy.
    ToolsCall,
    /// The list of tools: filtered.
    ToolsList,
    /// Resources: judged or filtered by the policy's `resources`.
    Resources,
    /// Prompts: judged or filtered by the policy's `prompts`.
    Prompts,
    /// Completion: judged by what it refers to.
    Complete,
    /// `initialize`, `server/discover`, `ping`.
    Lifecycle,
    /// The log level.
    Logging,
    /// The stream of change notifications.
    Subscriptions,
    /// Tasks: stripped in both directions, so nobody may call them.
    Tasks,
    /// What an upstream asks of an agent.
    ClientRequest,
    /// A notification.
    Notification,
    /// Not known: refused.
    Unknown,
}

/// Who sends a method.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sender {
    Agent,
    Upstream,
    Either,
}

/// In which eras a method exists.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Eras {
    Legacy,
    Modern,
    Both,
    /// Stripped: it exists on the wire, but not here.
    Neither,
}

struct Known {
    method: Method,
    name: &'static str,
    kind: Kind,
    sender: Sender,
    eras: Eras,
    /// The members its `params` may have; `None` where they are rebuilt from an allow-list.
    members: Option<&'static [&'static str]>,
}

const fn known(
    method: Method,
    name: &'static str,
    kind: Kind,
    sender: Sender,
    eras: Eras,
    members: Option<&'static [&'static str]>,
) -> Known {
    Known { method, name, kind, sender, eras, members }
}

const PAGE: Option<&[&str]> = Some(&["cursor", "_meta"]);
const URI: Option<&[&str]> = Some(&["uri", "_meta"]);
const META: Option<&[&str]> = Some(&["_meta"]);

/// Every method of the revisions that are served; the most frequent first.
#[rustfmt::skip]
static KNOWN: &[Known] = {
    use Eras::*;
    use Sender::*;
    &[
        known(Method::ToolsCall, "tools/call", Kind::ToolsCall, Agent, Both,
            Some(&["name", "arguments", "_meta", "inputResponses", "requestState", "task"])),
        known(Method::ToolsList, "tools/list", Kind::ToolsList, Agent, Both, PAGE),
        known(Method::Ping, "ping", Kind::Lifecycle, Either, Legacy, META),
        known(Method::ResourcesList, "resources/list", Kind::Resources, Agent, Both, PAGE),
        known(Method::ResourceTemplatesList, "resources/templates/list", Kind::Resources, Agent, Both, PAGE),
        known(Method::ResourcesRead, "resources/read", Kind::Resources, Agent, Both,
            Some(&["uri", "_meta", "inputResponses", "requestState"])),
        known(Method::ResourcesSubscribe, "resources/subscribe", Kind::Resources, Agent, Legacy, URI),
        known(Method::ResourcesUnsubscribe, "resources/unsubscribe", Kind::Resources, Agent, Legacy, URI),
        known(Method::PromptsList, "prompts/list", Kind::Prompts, Agent, Both, PAGE),
        known(Method::PromptsGet, "prompts/get", Kind::Prompts, Agent, Both,
            Some(&["name", "arguments", "_meta", "inputResponses", "requestState"])),
        known(Method::Complete, "completion/complete", Kind::Complete, Agent, Both,
            Some(&["ref", "argument", "context", "_meta"])),
        known(Method::Initialize, "initialize", Kind::Lifecycle, Agent, Legacy, None),
        known(Method::Discover, "server/discover", Kind::Lifecycle, Agent, Modern, META),
        known(Method::LoggingSetLevel, "logging/setLevel", Kind::Logging, Agent, Legacy,
            Some(&["level", "_meta"])),
        known(Method::SubscriptionsListen, "subscriptions/listen", Kind::Subscriptions, Agent, Modern,
            Some(&["notifications", "_meta"])),
        known(Method::TasksGet, "tasks/get", Kind::Tasks, Agent, Neither, None),
        known(Method::TasksResult, "tasks/result", Kind::Tasks, Agent, Neither, None),
        known(Method::TasksList, "tasks/list", Kind::Tasks, Agent, Neither, None),
        known(Method::TasksUpdate, "tasks/update", Kind::Tasks, Agent, Neither, None),
        known(Method::TasksCancel, "tasks/cancel", Kind::Tasks, Agent, Neither, None),
        known(Method::SamplingCreateMessage, "sampling/createMessage", Kind::ClientRequest, Upstream, Legacy, None),
        known(Method::ElicitationCreate, "elicitation/create", Kind::ClientRequest, Upstream, Legacy, None),
        known(Method::RootsList, "roots/list", Kind::ClientRequest, Upstream, Legacy, None),
        known(Method::Initialized, "notifications/initialized", Kind::Notification, Agent, Legacy, META),
        known(Method::Cancelled, "notifications/cancelled", Kind::Notification, Either, Both,
            Some(&["requestId", "reason", "_meta"])),
        known(Method::Progress, "notifications/progress", Kind::Notification, Either, Both,
            Some(&["progressToken", "progress", "total", "message", "_meta"])),
        known(Method::RootsListChanged, "notifications/roots/list_changed", Kind::Notification, Agent, Legacy, META),
        known(Method::LogMessage, "notifications/message", Kind::Notification, Upstream, Both, None),
        known(Method::ToolsListChanged, "notifications/tools/list_changed", Kind::Notification, Upstream, Both, None),
        known(Method::ResourcesListChanged, "notifications/resources/list_changed", Kind::Notification, Upstream, Both, None),
        known(Method::ResourcesUpdated, "notifications/resources/updated", Kind::Notification, Upstream, Both, None),
        known(Method::PromptsListChanged, "notifications/prompts/list_changed", Kind::Notification, Upstream, Both, None),
        known(Method::ElicitationComplete, "notifications/elicitation/complete", Kind::Notification, Upstream, Legacy, None),
        known(Method::SubscriptionsAcknowledged, "notifications/subscriptions/acknowledged",
            Kind::Notification, Upstream, Modern, None),
        known(Method::TaskStatus, "notifications/tasks/status", Kind::Notification, Upstream, Neither, None),
        known(Method::TaskStatus, "notifications/tasks", Kind::Notification, Upstream, Neither, None),
    ]
};

impl Method {
    /// The method of that exact name.
    pub fn parse(name: &str) -> Self {
        match KNOWN.iter().find(|known| known.name == name) {
            Some(known) => known.method.clone(),
            None => Self::Unknown(name.to_owned()),
        }
    }

    /// The name on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Unknown(name) => name,
            known => known.known().map_or("", |known| known.name),
        }
    }

    /// What it is about. An unknown name is [`Kind::Unknown`] even if it looks like a notification.
    pub fn kind(&self) -> Kind {
        self.known().map_or(Kind::Unknown, |known| known.kind)
    }

    /// Whether this is sent without an id. For an unknown method its name decides.
    pub fn is_notification(&self) -> bool {
        match self {
            Self::Unknown(name) => name.starts_with("notifications/"),
            known => known.kind() == Kind::Notification,
        }
    }

    /// Whether an agent may send it in that era. What no era knows may not be sent.
    pub fn known_in(&self, era: Era) -> bool {
        self.known().is_some_and(|known| known.sender != Sender::Upstream && known.eras.has(era))
    }

    /// Whether an upstream may send it in that era.
    pub fn upstream_may_send(&self, era: Era) -> bool {
        self.known().is_some_and(|known| known.sender != Sender::Agent && known.eras.has(era))
    }

    /// The members that `params` may have, or `None` if they are not held to a list.
    pub fn members(&self) -> Option<&'static [&'static str]> {
        self.known()?.members
    }

    /// The member of `params` that the `Mcp-Name` header repeats.
    pub fn name_member(&self) -> Option<&'static str> {
        match self {
            Self::ToolsCall | Self::PromptsGet => Some("name"),
            Self::ResourcesRead => Some("uri"),
            Self::TasksGet | Self::TasksUpdate | Self::TasksCancel => Some("taskId"),
            _ => None,
        }
    }

    fn known(&self) -> Option<&'static Known> {
        KNOWN.iter().find(|known| known.method == *self)
    }
}

impl Eras {
    const fn has(self, era: Era) -> bool {
        match self {
            Self::Legacy => matches!(era, Era::Legacy),
            Self::Modern => matches!(era, Era::Modern),
            Self::Both => true,
            Self::Neither => false,
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_method_reads_back_under_its_name() {
        for known in KNOWN {
            assert_eq!(Method::parse(known.name), known.method);
            assert_eq!(Method::parse(known.name).kind(), known.kind);
        }
    }

    #[test]
    fn r06_names_that_only_look_like_a_method_are_unknown() {
        for name in [
            "Tools/Call",
            "tools/call ",
            " tools/call",
            "tools//call",
            "tools/call\0",
            "TOOLS/CALL",
            "",
        ] {
            let method = Method::parse(name);
            assert_eq!(method.kind(), Kind::Unknown, "{name:?}");
            assert_eq!(method.as_str(), name);
            assert!(!method.known_in(Era::Legacy) && !method.known_in(Era::Modern), "{name:?}");
        }
    }

    #[test]
    fn each_era_knows_its_own_methods() {
        for (name, legacy, modern) in [
            ("tools/call", true, true),
            ("initialize", true, false),
            ("ping", true, false),
            ("logging/setLevel", true, false),
            ("resources/subscribe", true, false),
            ("resources/unsubscribe", true, false),
            ("notifications/roots/list_changed", true, false),
            ("server/discover", false, true),
            ("subscriptions/listen", false, true),
            ("tasks/get", false, false),
            ("tasks/cancel", false, false),
            ("sampling/createMessage", false, false),
            ("notifications/message", false, false),
            ("skills/list", false, false),
        ] {
            let method = Method::parse(name);
            assert_eq!(method.known_in(Era::Legacy), legacy, "{name}");
            assert_eq!(method.known_in(Era::Modern), modern, "{name}");
        }
    }

    #[test]
    fn r34_an_upstream_may_ask_something_in_the_legacy_era_alone() {
        for name in ["sampling/createMessage", "elicitation/create", "roots/list", "ping"] {
            assert!(Method::parse(name).upstream_may_send(Era::Legacy), "{name}");
            assert!(!Method::parse(name).upstream_may_send(Era::Modern), "{name}");
        }
        assert!(!Method::parse("tools/call").upstream_may_send(Era::Legacy));
    }
}
