//! What is kept, as plain types. No secret is readable here: credentials are sealed, tokens are
//! keyed hashes.

use std::sync::Arc;

use crate::{
    CallId, CredentialId, GrantId, KeyId, MemberId, Moment, OAuthClient, OrgId, PolicyId, ServerId,
    SessionId,
};

/// Who makes a change, and from where. Every change carries one.
#[derive(Clone, Debug)]
pub struct By {
    /// The organisation the change is made in.
    pub org: OrgId,
    /// The acting member, or `None` for the program itself (first start).
    pub member: Option<MemberId>,
    /// The API key they used, if they used one.
    pub key: Option<KeyId>,
    /// The session they used, if they used one.
    pub session: Option<SessionId>,
    /// The role they were let through with, which they must still have when the change is made;
    /// `None` where nobody's right is asked for (the program itself, somebody on their way in).
    pub role: Option<Role>,
    /// What people call the actor: the member's name, or `countersign`.
    pub name: String,
    /// The address the request came from, if any.
    pub address: Option<String>,
    /// When.
    pub at: Moment,
}

impl By {
    /// The program itself: first start, tests.
    pub fn program(org: OrgId, at: Moment) -> Self {
        let name = "countersign".to_owned();
        Self { org, member: None, key: None, session: None, role: None, name, address: None, at }
    }
}

/// What a key of the API may do: a strict ladder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Sees servers, tools, policies, grants' labels and usage, calls.
    Viewer,
    /// Writes, tests, publishes, attaches policies; accepts changed tools.
    PolicyManager,
    /// Everything.
    Admin,
}

impl Role {
    /// The name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::PolicyManager => "policy_manager",
            Self::Admin => "admin",
        }
    }

    /// The role of that name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Viewer, Self::PolicyManager, Self::Admin].into_iter().find(|r| r.as_str() == text)
    }
}

/// A key of the control plane's API.
#[derive(Clone, Debug)]
pub struct ApiKey {
    /// Its id.
    pub id: KeyId,
    /// The organisation it belongs to.
    pub org: OrgId,
    /// Whose it is.
    pub member: MemberId,
    /// What people call it.
    pub label: String,
    /// The most it may do; its member's role is a bound too.
    pub role: Role,
    /// When it was made.
    pub created_at: Moment,
    /// When it ends, if ever.
    pub expires_at: Option<Moment>,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Moment>,
}

/// An upstream MCP server.
#[derive(Clone, Debug)]
pub struct Server {
    /// Its id.
    pub id: ServerId,
    /// The organisation it belongs to.
    pub org: OrgId,
    /// The name in its address: `/mcp/{slug}`.
    pub slug: String,
    /// What people call it.
    pub name: String,
    /// The address of its MCP endpoint, as parsed and written back.
    pub url: String,
    /// Private targets the operator allows for this server, each `host:port`.
    pub private_targets: Vec<String>,
    /// What to do with a tool whose definition changed since it was accepted.
    pub on_tool_change: OnToolChange,
    /// Whether calls are carried to it.
    pub enabled: bool,
    /// The MCP version it was found to speak, newest first in preference (`2026-07-28`, …).
    pub version: Option<String>,
    /// The last probe's result, for people: `ok`, or one sentence.
    pub health: Option<String>,
    /// When it was last probed.
    pub probed_at: Option<Moment>,
    /// Counts changes, for `If-Match`.
    pub revision: i64,
    /// When it was made.
    pub created_at: Moment,
    /// When it was last changed.
    pub updated_at: Moment,
}

/// What to do with a tool whose definition changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnToolChange {
    /// Deny calls of tools with rules that read arguments, until accepted again.
    #[default]
    Deny,
    /// Hide the tool until accepted again.
    Hide,
    /// Let it pass.
    Allow,
}

impl OnToolChange {
    /// The name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::Hide => "hide",
            Self::Allow => "allow",
        }
    }

    /// The setting of that name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Deny, Self::Hide, Self::Allow].into_iter().find(|s| s.as_str() == text)
    }
}

/// A new server, or the changed fields of one (all of them are written).
#[derive(Clone, Debug)]
pub struct ServerDraft {
    /// The name in its address.
    pub slug: String,
    /// What people call it.
    pub name: String,
    /// The address of its MCP endpoint.
    pub url: String,
    /// Private targets the operator allows, each `host:port`.
    pub private_targets: Vec<String>,
    /// What to do with changed tools.
    pub on_tool_change: OnToolChange,
    /// Whether calls are carried to it.
    pub enabled: bool,
}

/// A tool as an upstream defines it, and as it was accepted.
#[derive(Clone, Debug)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// The definition the upstream gave last: JSON text.
    pub definition: Arc<[u8]>,
    /// SHA-256 of the canonical definition, in hex.
    pub fingerprint: Arc<str>,
    /// The accepted definition and its fingerprint, if one was accepted.
    pub accepted: Option<(Arc<[u8]>, Arc<str>)>,
    /// Why it is withheld from agents, if it is (listed twice, reserved name, bad schema).
    pub withheld: Option<String>,
    /// When it was first listed.
    pub first_seen_at: Moment,
    /// When its definition last changed.
    pub changed_at: Moment,
    /// Whether the upstream still lists it.
    pub present: bool,
}

/// A tool as it was found by a discovery.
#[derive(Clone, Debug)]
pub struct FoundTool {
    /// Its name.
    pub name: String,
    /// The definition: JSON text.
    pub definition: Vec<u8>,
    /// SHA-256 of the canonical definition, in hex.
    pub fingerprint: String,
    /// Why it is withheld from agents, if it is.
    pub withheld: Option<String>,
    /// Whether it holds text that a person does not see: then a person has to accept it, at the first
    /// look as well.
    pub hidden_text: bool,
}

/// The secret of an upstream: header values, each sealed, or an OAuth client.
#[derive(Clone, Debug)]
pub struct Credential {
    /// Its id.
    pub id: CredentialId,
    /// The server it is for.
    pub server: ServerId,
    /// Increases with each write; part of what the seal is bound to.
    pub generation: i64,
    /// Header name (lower case) and sealed value. The place is (org, `credentials`, id, header
    /// name, generation).
    pub headers: Vec<(String, Arc<[u8]>)>,
    /// The OAuth client that it is instead of headers.
    pub oauth: Option<Arc<OAuthClient>>,
    /// When it was set.
    pub set_at: Moment,
}

/// A policy document: the name people know, and how many versions it has.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Its id.
    pub id: PolicyId,
    /// Its name, unique in the organisation.
    pub name: String,
    /// The server it was written for, if it names one.
    pub server: Option<ServerId>,
    /// The number of the newest published version; 0 when none is.
    pub latest: u32,
    /// When it was made.
    pub created_at: Moment,
    /// How many grants it is attached to.
    pub attached: u32,
    /// Where its text is kept in files, as a person reads it; `None`: it is edited here.
    pub kept_in: Option<String>,
}

/// One published version. Immutable.
#[derive(Clone, Debug)]
pub struct PolicyVersion {
    /// The policy.
    pub policy: PolicyId,
    /// Its number, from 1.
    pub number: u32,
    /// The document, to the byte.
    pub text: Arc<[u8]>,
    /// The test cases kept beside it: JSON text.
    pub cases: Option<Arc<[u8]>>,
    /// Who published it.
    pub author: String,
    /// The note for the record.
    pub note: String,
    /// When.
    pub published_at: Moment,
}

/// A version without its text.
#[derive(Clone, Debug)]
pub struct VersionLine {
    /// The policy.
    pub policy: PolicyId,
    /// Its number, from 1.
    pub number: u32,
    /// Who published it.
    pub author: String,
    /// The note for the record.
    pub note: String,
    /// When.
    pub published_at: Moment,
}

/// What will be a policy's next version.
#[derive(Clone, Debug)]
pub struct PolicyDraft {
    /// The policy.
    pub policy: PolicyId,
    /// The document as it was typed: it need not load.
    pub text: Arc<[u8]>,
    /// The test cases beside it: JSON text.
    pub cases: Option<Arc<[u8]>>,
    /// The note for the record.
    pub note: String,
    /// The version it was begun from; 0 when there was none.
    pub base: u32,
    /// Who wrote last.
    pub author: String,
    /// Changes with every writing, for `If-Match`.
    pub revision: i64,
    /// When it was written last.
    pub updated_at: Moment,
}

/// What is written into a draft.
#[derive(Clone, Debug)]
pub struct DraftText {
    /// The document.
    pub text: Vec<u8>,
    /// The test cases beside it: JSON text.
    pub cases: Option<Vec<u8>>,
    /// The note for the record.
    pub note: String,
}

/// The life of a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantState {
    /// Calls are judged.
    Active,
    /// No call gets in until it is resumed.
    Paused,
    /// No call ever gets in again.
    Revoked,
}

impl GrantState {
    /// The name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Revoked => "revoked",
        }
    }

    /// The state of that name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Active, Self::Paused, Self::Revoked].into_iter().find(|s| s.as_str() == text)
    }
}

/// What one person or agent may do.
#[derive(Clone, Debug)]
pub struct Grant {
    /// Its id.
    pub id: GrantId,
    /// The organisation it belongs to.
    pub org: OrgId,
    /// What people call it, unique among the organisation's living grants.
    pub label: String,
    /// Whom it belongs to: a person's or a named agent's name.
    pub identity: String,
    /// The member who answers for it: the one whose address `identity` is, or the agent's owner.
    pub owner: Option<MemberId>,
    /// Free labels that policies can read as `grant.tags.KEY`.
    pub tags: Vec<(String, String)>,
    /// Where it stands.
    pub state: GrantState,
    /// The first moment it is good for, if not from the start.
    pub not_before: Option<Moment>,
    /// The moment it ends: at exactly this moment it is already over.
    pub expires_at: Option<Moment>,
    /// The most calls it may have in flight.
    pub in_flight_max: u32,
    /// The servers it reaches, each with the policy attached there (policy and pinned version:
    /// `None` follows the newest published one).
    pub servers: Vec<Attachment>,
    /// The generation of its newest token, from 1.
    pub generation: u32,
    /// What may be known of its tokens, the oldest first. One whose time is over may still be here.
    pub tokens: Vec<TokenTrace>,
    /// Counts changes, for `If-Match`.
    pub revision: i64,
    /// When it was issued.
    pub created_at: Moment,
    /// When the last call came in, if any did.
    pub last_call_at: Option<Moment>,
}

/// What may be known of a token: enough to tell it from others, and nothing that lets anybody in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenTrace {
    /// The public part of the token, 12 characters.
    pub token_id: String,
    /// Counts the grant's tokens, from 1.
    pub generation: u32,
    /// The moment it ends because a newer one was made; `None` for the newest.
    pub valid_until: Option<Moment>,
}

/// A server a grant reaches, and the policy that judges there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// The server.
    pub server: ServerId,
    /// The policy; `None`: every call is denied.
    pub policy: Option<PolicyId>,
}

/// A new grant.
#[derive(Clone, Debug)]
pub struct GrantDraft {
    /// What people call it.
    pub label: String,
    /// Whom it belongs to: a member's address, or the name of an agent.
    pub identity: String,
    /// The member who answers for it: the one whose address `identity` is, or the agent's owner.
    pub owner: Option<MemberId>,
    /// Free labels.
    pub tags: Vec<(String, String)>,
    /// The first moment it is good for.
    pub not_before: Option<Moment>,
    /// The moment it ends.
    pub expires_at: Option<Moment>,
    /// The most calls it may have in flight.
    pub in_flight_max: u32,
    /// The servers it reaches.
    pub servers: Vec<Attachment>,
}

/// One token of a grant, as it is kept: never the token itself.
#[derive(Clone, Debug)]
pub struct TokenRow {
    /// The public part of the token, 12 characters: how it is looked up.
    pub token_id: String,
    /// HMAC-SHA-256 of the whole token under the pepper.
    pub hash: [u8; 32],
    /// Counts the grant's tokens, from 1.
    pub generation: u32,
    /// The moment an older token ends (rotation overlap); `None` for the newest.
    pub valid_until: Option<Moment>,
}

impl From<&TokenRow> for TokenTrace {
    fn from(row: &TokenRow) -> Self {
        let TokenRow { token_id, generation, valid_until, .. } = row;
        let token_id = token_id.clone();
        Self { token_id, generation: *generation, valid_until: *valid_until }
    }
}

/// Everything the gateway judges from, read at one moment.
#[derive(Clone, Debug)]
pub struct View {
    /// The generation it was read at; see [`crate::DataPlane::generation`].
    pub generation: u64,
    /// Every grant that is not revoked, with its tokens. Rows whose MAC fails are left out.
    pub grants: Vec<(Grant, Vec<TokenRow>)>,
    /// Every server, with its tools and its credential.
    pub servers: Vec<ServerView>,
    /// How long calls of grants are held, where somebody has said otherwise than usual.
    pub holdings: std::collections::HashMap<GrantId, crate::GrantHolding>,
    /// What is recorded of servers' calls beyond names.
    pub recordings: std::collections::HashMap<ServerId, crate::Recording>,
    /// The keys that new fingerprints are made with.
    pub fingerprint_keys: std::collections::HashMap<OrgId, crate::SealedFingerprintKey>,
    /// The newest published version of every policy that some grant uses.
    pub policies: Vec<PolicyVersion>,
    /// The candidates that are watched beside them.
    pub watches: Vec<crate::Watch>,
    /// How many rows were left out because their MAC failed.
    pub forged: usize,
    /// The keys that the credentials were sealed with.
    pub keyring: Arc<vault::Keyring>,
}

/// A server with what is needed to carry calls to it.
#[derive(Clone, Debug)]
pub struct ServerView {
    /// The server.
    pub server: Server,
    /// Its tools.
    pub tools: Vec<Tool>,
    /// Its credential, if one is set.
    pub credential: Option<Credential>,
}

/// What was decided of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Carried to the upstream.
    Allowed,
    /// A person must sign off.
    Held,
    /// Stopped by a rule, or refused before it was judged.
    Denied,
}

impl Verdict {
    /// The name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Held => "held",
            Self::Denied => "denied",
        }
    }

    /// The verdict of that name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Allowed, Self::Held, Self::Denied].into_iter().find(|v| v.as_str() == text)
    }
}

/// What became of a call that left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutcomeClass {
    /// A result.
    Completed,
    /// A result with `isError`.
    ToolFailed,
    /// A JSON-RPC error, or HTTP 4xx.
    UpstreamError,
    /// Nothing was sent.
    NotSent,
    /// It left, and no whole answer came.
    Unknown,
    /// A leg of a multi-round-trip call: more input is asked for.
    InputRequired,
}

impl OutcomeClass {
    const ALL: [Self; 6] = [
        Self::Completed,
        Self::ToolFailed,
        Self::UpstreamError,
        Self::NotSent,
        Self::Unknown,
        Self::InputRequired,
    ];

    /// The name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::ToolFailed => "tool_failed",
            Self::UpstreamError => "upstream_error",
            Self::NotSent => "not_sent",
            Self::Unknown => "unknown",
            Self::InputRequired => "input_required",
        }
    }

    /// The class of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.as_str() == text)
    }
}

/// The first half of a line of the call log: written before anything leaves.
///
/// No value of an argument is in it: names only, and only those the accepted definition lists.
#[derive(Clone, Debug)]
pub struct Intent {
    /// The call.
    pub id: CallId,
    /// When it came in.
    pub at: Moment,
    /// The organisation.
    pub org: OrgId,
    /// The grant.
    pub grant: GrantId,
    /// The grant's label at that moment.
    pub grant_label: Arc<str>,
    /// Whom the grant belongs to.
    pub identity: Arc<str>,
    /// The generation of the token that was shown.
    pub token_generation: u32,
    /// The server.
    pub server: ServerId,
    /// The server's slug at that moment.
    pub server_slug: Arc<str>,
    /// The MCP version the agent spoke.
    pub version: &'static str,
    /// The JSON-RPC method, if it is a known one.
    pub method: Arc<str>,
    /// The tool, if its name fits the grammar of names.
    pub tool: Option<Arc<str>>,
    /// The fingerprint of the accepted definition.
    pub fingerprint: Option<Arc<str>>,
    /// The policy and its version, if one was attached.
    pub policy: Option<(PolicyId, u32)>,
    /// What was decided.
    pub verdict: Verdict,
    /// The rule that decided, as a JSON Pointer; empty for a plain allow.
    pub rule: Arc<str>,
    /// Why, as a stable code (`deny_if`, `unlisted_args`, `malformed`, …).
    pub reason: &'static str,
    /// Names of known top-level arguments, in order.
    pub known_args: Vec<Arc<str>>,
    /// How many top-level arguments are not known.
    pub unknown_args: u32,
    /// The size of the request body in bytes.
    pub request_bytes: u64,
    /// The limits charged: pointers, no amounts.
    pub charged: Vec<Arc<str>>,
    /// How many calls this line stands for: above 1 when a flood of refusals was folded.
    pub count: u32,
    /// What is recorded beyond the line, where somebody has asked for it. Reading the log gives none.
    pub marks: Option<Box<crate::Marks>>,
}

/// The second half: what became of the call.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The call.
    pub id: CallId,
    /// When it ended.
    pub at: Moment,
    /// What became of it.
    pub class: OutcomeClass,
    /// A stable code with more detail, or empty.
    pub detail: &'static str,
    /// The HTTP status of the upstream, if it answered.
    pub upstream_status: Option<u16>,
    /// The size of the answer in bytes.
    pub response_bytes: u64,
    /// The time from the first byte of the request to the last of the answer, in microseconds.
    pub took_micros: u64,
    /// Of that, the time spent in the upstream.
    pub upstream_micros: u64,
    /// Whether the answer held a copy of the injected credential, which was removed.
    pub echo_removed: bool,
    /// What is kept of the answer, where somebody has asked for it. Reading the log gives none.
    pub capture: Option<Box<crate::Capture>>,
}

/// A whole line of the call log.
#[derive(Clone, Debug)]
pub struct Call {
    /// Its place in the log, from 1.
    pub index: i64,
    /// The decision.
    pub intent: Intent,
    /// What became of it; `None` while it is in flight, and for calls that never left.
    pub outcome: Option<Outcome>,
}

/// Which lines of the call log.
#[derive(Clone, Debug, Default)]
pub struct CallFilter {
    /// Of this grant (id or label).
    pub grant: Option<String>,
    /// Of this server (id or slug).
    pub server: Option<String>,
    /// Of this tool; a `*` stands for any run of characters.
    pub tool: Option<String>,
    /// With this verdict.
    pub verdict: Option<Verdict>,
    /// With this outcome.
    pub outcome: Option<OutcomeClass>,
    /// Judged by this policy (id or name), whatever its version.
    pub policy: Option<String>,
    /// Decided by this rule, or by a rule under this pointer.
    pub rule: Option<String>,
    /// At or after this moment.
    pub since: Option<Moment>,
    /// Before this moment.
    pub until: Option<Moment>,
}

/// Somebody who was turned away: counted and summarised, never one line each.
#[derive(Clone, Debug, Default)]
pub struct StrangerRefusal {
    /// The minute it falls into.
    pub at: Moment,
    /// The address it came from.
    pub address: String,
    /// Why, as a stable code.
    pub reason: &'static str,
    /// The organisation and the member, if it was somebody known.
    pub who: Option<(OrgId, MemberId)>,
    /// What was asked for, as a template such as `GET /audit`; empty for calls of agents.
    pub asked: String,
    /// The public prefix of the token, if there was one of the right shape; never the token.
    pub token_prefix: Option<String>,
    /// How many.
    pub count: u32,
}

/// Which lines of the audit log.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// By whom: the id of a member, key or session, or what the actor was called.
    pub who: Option<String>,
    /// Of this event; a `*` at the end stands for anything (`policy.*`).
    pub event: Option<String>,
    /// About the object with this id.
    pub subject: Option<String>,
    /// At or after this moment.
    pub since: Option<Moment>,
    /// Before this moment.
    pub until: Option<Moment>,
}

/// One change, as it is recorded.
#[derive(Clone, Debug)]
pub struct AuditEvent {
    /// Its place in the log, from 1.
    pub index: i64,
    /// When.
    pub at: Moment,
    /// Who: the acting member, if any.
    pub member: Option<MemberId>,
    /// The key they used, if they used one.
    pub key: Option<KeyId>,
    /// The session they used, if they used one.
    pub session: Option<SessionId>,
    /// What people call the actor.
    pub name: String,
    /// From where.
    pub address: Option<String>,
    /// What, as a stable name (`grant.revoked`).
    pub event: String,
    /// The object it was done to.
    pub subject: String,
    /// Before and after by field, secrets as "changed": JSON text.
    pub detail: String,
}
