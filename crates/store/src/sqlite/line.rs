//! A line of the call log on its way in: what repeats from call to call, and what does not.

use std::sync::Arc;

use crate::{ApprovalId, CallId, GrantId, Intent, Marks, Moment, OrgId, PolicyId, ServerId};

/// Everything of an intent that many calls have in common: kept once.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Shape {
    pub(super) org: OrgId,
    pub(super) grant: GrantId,
    pub(super) grant_label: Arc<str>,
    pub(super) identity: Arc<str>,
    pub(super) token_generation: u32,
    pub(super) server: ServerId,
    pub(super) server_slug: Arc<str>,
    pub(super) version: &'static str,
    pub(super) method: Arc<str>,
    pub(super) tool: Option<Arc<str>>,
    pub(super) fingerprint: Option<Arc<str>>,
    pub(super) policy: Option<(PolicyId, u32)>,
    pub(super) verdict: &'static str,
    pub(super) rule: Arc<str>,
    pub(super) reason: &'static str,
    pub(super) known_args: Vec<Arc<str>>,
    pub(super) unknown_args: u32,
    pub(super) charged: Vec<Arc<str>>,
}

/// An intent, taken apart.
pub(super) struct Line {
    pub(super) id: CallId,
    pub(super) at: Moment,
    pub(super) request_bytes: u64,
    pub(super) count: u32,
    /// The sign-off that it uses up.
    pub(super) approval: Option<ApprovalId>,
    /// What is recorded beyond it.
    pub(super) marks: Option<Box<Marks>>,
    pub(super) shape: Shape,
}

impl From<Intent> for Line {
    fn from(intent: Intent) -> Self {
        let shape = Shape {
            org: intent.org,
            grant: intent.grant,
            grant_label: intent.grant_label,
            identity: intent.identity,
            token_generation: intent.token_generation,
            server: intent.server,
            server_slug: intent.server_slug,
            version: intent.version,
            method: intent.method,
            tool: intent.tool,
            fingerprint: intent.fingerprint,
            policy: intent.policy,
            verdict: intent.verdict.as_str(),
            rule: intent.rule,
            reason: intent.reason,
            known_args: intent.known_args,
            unknown_args: intent.unknown_args,
            charged: intent.charged,
        };
        Self {
            id: intent.id,
            at: intent.at,
            request_bytes: intent.request_bytes,
            count: intent.count.max(1),
            approval: None,
            marks: intent.marks,
            shape,
        }
    }
}
