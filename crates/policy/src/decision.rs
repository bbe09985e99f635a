//! What is asked of a policy and what it answers. Nothing is judged here.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use json::Object;

use crate::charge::Charge;
use crate::{Policy, Why};

/// What a decision may know of the grant that asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GrantFacts {
    /// `grant.label`
    pub label: String,
    /// `grant.identity`: the member or agent it belongs to.
    pub identity: String,
    /// `grant.tags.KEY`; the first of equal keys counts.
    pub tags: Vec<(String, String)>,
}

/// What is known of the tool's definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Definition {
    /// The server has no such tool.
    Unknown,
    /// The server has the tool, but nobody has accepted its definition.
    NotAccepted,
    /// The definition is the one that was accepted.
    Accepted {
        /// The top-level arguments it lists; `None` when it lists none.
        arguments: Option<Vec<String>>,
    },
    /// The definition has changed since it was accepted.
    Changed {
        /// Whether the server's setting denies calls until the change is accepted.
        deny: bool,
        /// The top-level arguments that the accepted definition listed.
        arguments: Option<Vec<String>>,
    },
}

/// One call of a tool, as the upstream will read it.
///
/// - **Shape**: missing arguments stay missing; they are judged like `{}`.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolCall {
    /// The tool's name, to the letter.
    pub tool: String,
    /// The arguments.
    pub arguments: Option<Object>,
}

/// Everything a decision depends on beside the call.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// The policy attached to the grant, if any.
    pub policy: Option<&'a Policy>,
    /// The grant that asks.
    pub grant: &'a GrantFacts,
    /// The tool's definition.
    pub definition: &'a Definition,
    /// What limits have left.
    pub usage: &'a dyn Usage,
    /// The moment.
    pub now: Timestamp,
}

/// What limits have left, as far as it is known before the reservation.
pub trait Usage {
    /// Whether the charge still fits. A guess may say yes; the reservation has the last word.
    fn fits(&self, charge: &Charge) -> bool;
}

/// A usage under which every charge fits that its own limit can hold.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unused;

impl Usage for Unused {
    fn fits(&self, _charge: &Charge) -> bool {
        true
    }
}

/// The answer. Each gives the call back.
#[derive(Debug)]
pub enum Decision {
    /// The call may go, once its charges are reserved.
    Allow(Allowed),
    /// The call waits for people.
    Hold(Held),
    /// The call stops here.
    Deny(Denial),
}

impl Decision {
    /// The rule that decided, a JSON Pointer into the policy or a name in parentheses; empty for an
    /// allowed call.
    pub fn rule(&self) -> &str {
        match self {
            Self::Allow(_) => "",
            Self::Hold(held) => held.rule(),
            Self::Deny(denial) => &denial.rule,
        }
    }

    /// `allow`, `hold` or `deny`.
    pub const fn outcome(&self) -> &'static str {
        match self {
            Self::Allow(_) => "allow",
            Self::Hold(_) => "hold",
            Self::Deny(_) => "deny",
        }
    }

    /// The call that was judged.
    pub fn call(&self) -> &ToolCall {
        match self {
            Self::Allow(allowed) => &allowed.call,
            Self::Hold(held) => &held.call,
            Self::Deny(denial) => &denial.call,
        }
    }

    /// The call that was judged, handed back.
    pub fn into_call(self) -> ToolCall {
        match self {
            Self::Allow(allowed) => allowed.call,
            Self::Hold(held) => held.call,
            Self::Deny(denial) => denial.call,
        }
    }
}

/// Proof that a call was judged and may go.
///
/// - **Shape**: holds the very call that was judged, and what must be reserved before it leaves.
/// - **Source**: only [`crate::decide`] and its siblings make one; it cannot be copied.
#[derive(Debug)]
pub struct Allowed {
    pub(crate) call: ToolCall,
    pub(crate) charges: Vec<Charge>,
}

impl Allowed {
    /// The call.
    pub fn call(&self) -> &ToolCall {
        &self.call
    }

    /// What must be reserved, all or nothing, before the call leaves.
    pub fn charges(&self) -> &[Charge] {
        &self.charges
    }

    /// The call and what must be reserved for it.
    pub fn into_parts(self) -> (ToolCall, Vec<Charge>) {
        (self.call, self.charges)
    }
}

/// A call that waits for people.
#[derive(Debug)]
pub struct Held {
    pub(crate) call: ToolCall,
    pub(crate) first: ApprovalNeeded,
    pub(crate) others: Vec<ApprovalNeeded>,
}

impl Held {
    /// The call.
    pub fn call(&self) -> &ToolCall {
        &self.call
    }

    /// The first rule that fired.
    pub fn rule(&self) -> &Arc<str> {
        &self.first.rule
    }

    /// Every approval that is needed, in document order; never empty.
    pub fn approvals(&self) -> impl Iterator<Item = &ApprovalNeeded> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// The call and every approval it needs.
    pub fn into_parts(self) -> (ToolCall, Vec<ApprovalNeeded>) {
        let approvals = std::iter::once(self.first).chain(self.others).collect();
        (self.call, approvals)
    }
}

/// One approval that a held call needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApprovalNeeded {
    /// The rule that asks for it.
    pub rule: Arc<str>,
    /// Who may give it. The person a grant belongs to never counts.
    pub approvers: Arc<[Approver]>,
    /// How many distinct people must give it.
    pub count: u32,
    /// How long it may take.
    pub expires_in: Duration,
    /// What the policy says to the approver.
    pub message: Option<Arc<str>>,
    /// The condition that could not be judged, if that is why.
    pub indeterminate: Option<Indeterminate>,
}

/// Who may approve.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Approver {
    /// `role:admin`
    Admin,
    /// `role:policy_manager`
    PolicyManager,
    /// `group:NAME`
    Group(String),
    /// `member:EMAIL`
    Member(String),
}

impl std::fmt::Display for Approver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Admin => f.write_str("role:admin"),
            Self::PolicyManager => f.write_str("role:policy_manager"),
            Self::Group(name) => write!(f, "group:{name}"),
            Self::Member(email) => write!(f, "member:{email}"),
        }
    }
}

/// A denied call.
///
/// - **Errors**: the message names the rule, never a value of the call.
#[derive(Debug)]
pub struct Denial {
    /// The rule: a JSON Pointer into the policy, or a name in parentheses.
    pub rule: Arc<str>,
    /// The stable reason.
    pub reason: Reason,
    /// What the agent is told: the rule's `on_deny`, or a text of the engine.
    pub message: String,
    /// The condition that could not be judged, if that is why.
    pub indeterminate: Option<Indeterminate>,
    /// The call.
    pub call: ToolCall,
}

/// A condition that could not be judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Indeterminate {
    /// The comparison, as in rule identities: `args.amount-gt`.
    pub condition: String,
    /// Why.
    pub why: Why,
}

/// Why a call was denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The grant has no policy.
    NoPolicy,
    /// The server has no such tool.
    UnknownTool,
    /// The policy hides the tool.
    Hidden,
    /// No key covers the tool and the default is to deny.
    DefaultDeny,
    /// The tool's definition has changed since it was accepted.
    ToolChanged,
    /// Rules read the tool's arguments and nobody has accepted its definition.
    ToolUnknown,
    /// The call has an argument that the tool's definition does not list.
    UnlistedArgs,
    /// A `deny_if` fired.
    DenyIf,
    /// A `require` did not hold.
    Require,
    /// A limit cannot hold the call.
    Limit,
    /// A limit could not read what the call uses.
    LimitAmount,
    /// A limit could not read which budget the call uses.
    LimitPer,
    /// Judging the call would have cost more than a decision may.
    EvaluationBudget,
}

impl Reason {
    /// The stable name used in answers and in the call log.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoPolicy => "no_policy",
            Self::UnknownTool => "unknown_tool",
            Self::Hidden => "hidden",
            Self::DefaultDeny => "default_deny",
            Self::ToolChanged => "tool_changed",
            Self::ToolUnknown => "tool_unknown",
            Self::UnlistedArgs => "unlisted_args",
            Self::DenyIf => "deny_if",
            Self::Require => "require",
            Self::Limit => "limit",
            Self::LimitAmount => "limit_amount",
            Self::LimitPer => "limit_per",
            Self::EvaluationBudget => "evaluation_budget",
        }
    }
}

/// What a tool list may show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// The tool is listed.
    Listed,
    /// The tool is left out, and a call of it is answered as a call of no tool.
    Hidden,
}

/// What a resource, a prompt or an upstream's request may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// It passes.
    Allow,
    /// It is refused.
    Deny {
        /// The rule that refuses it.
        rule: Arc<str>,
        /// What the asker is told.
        message: String,
    },
    /// It is refused and left out of lists.
    Hide,
}

/// A request that an upstream makes of the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClientRequest {
    /// `sampling/createMessage`
    Sampling,
    /// `elicitation/create`
    Elicitation,
    /// `roots/list`
    Roots,
}
