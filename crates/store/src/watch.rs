//! Watching a candidate of a policy: a text that judges live calls beside the live version. It enforces
//! nothing, and what it would have done is kept apart from the call log: it is no evidence.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;

use crate::{By, CallId, ChangeError, GrantId, Moment, OrgId, Page, PolicyId, Slice, StoreError};
use crate::{Verdict, WatchId};

/// A candidate that is, or was, watched.
#[derive(Clone, Debug)]
pub struct Watch {
    /// Its id.
    pub id: WatchId,
    /// The policy beside whose live version it judges.
    pub policy: PolicyId,
    /// The document, as it was when the watch began.
    pub text: Arc<[u8]>,
    /// A note for the record.
    pub note: String,
    /// The version that was live when it began.
    pub base: u32,
    /// Who began it.
    pub author: String,
    /// When.
    pub started_at: Moment,
    /// When it ends by itself.
    pub ends_at: Moment,
    /// When it was stopped, or another version was published.
    pub ended_at: Option<Moment>,
    /// Calls that were carried and that the candidate was not asked about.
    pub missed: u64,
}

impl Watch {
    /// Whether calls are judged by it at this moment.
    pub fn is_running(&self, now: Moment) -> bool {
        self.ended_at.is_none() && now < self.ends_at
    }
}

/// What is to be watched.
#[derive(Clone, Debug)]
pub struct WatchDraft {
    /// The document: it was loaded without problems before.
    pub text: Vec<u8>,
    /// A note for the record.
    pub note: String,
    /// How long, in seconds; 1 hour to 30 days.
    pub seconds: i64,
}

/// What a policy said of a call: names, never a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WatchWord {
    /// What it decided.
    pub verdict: Verdict,
    /// By which rule; empty for a plain allow.
    pub rule: Arc<str>,
}

/// A call that both judged.
#[derive(Clone, Debug)]
pub struct WatchedCall {
    /// The call, as the call log names it.
    pub call: CallId,
    /// When it was judged.
    pub at: Moment,
    /// The grant.
    pub grant: GrantId,
    /// Its label at that moment.
    pub grant_label: Arc<str>,
    /// The tool; `(unknown tool)` for a name that the server does not have.
    pub tool: Arc<str>,
    /// What the live version said.
    pub live: WatchWord,
    /// Its number.
    pub live_version: u32,
    /// What the candidate says.
    pub candidate: WatchWord,
    /// Why the candidate denies, as a code; otherwise empty.
    pub reason: Arc<str>,
}

impl WatchedCall {
    /// Whether the two end the call differently, or by another rule.
    pub fn differs(&self) -> bool {
        self.live != self.candidate
    }
}

/// How often both said the same two things of one tool.
#[derive(Clone, Debug)]
pub struct WatchTally {
    /// The tool.
    pub tool: Arc<str>,
    /// What the live version said.
    pub live: WatchWord,
    /// What the candidate says.
    pub candidate: WatchWord,
    /// How many calls.
    pub count: u64,
    /// The first of them.
    pub first_at: Moment,
    /// The last of them.
    pub last_at: Moment,
}

/// Calls of the log that are alike in all that was recorded of them: names, never a value.
#[derive(Clone, Debug)]
pub struct RecordedCalls {
    /// The tool.
    pub tool: Arc<str>,
    /// The label of the grant.
    pub grant_label: Arc<str>,
    /// The identity of the grant.
    pub identity: Arc<str>,
    /// The number of the version that judged them.
    pub version: u32,
    /// What was decided.
    pub verdict: Verdict,
    /// By which rule.
    pub rule: Arc<str>,
    /// Why, as a code.
    pub reason: Arc<str>,
    /// The arguments they had, of those that the tool's definition lists.
    pub known_args: Vec<Arc<str>>,
    /// How many calls.
    pub count: u64,
    /// The last of them.
    pub last: CallId,
}

/// A tool, what the live version said and what the candidate says.
pub type WatchKind = (Arc<str>, WatchWord, WatchWord);

/// What was seen of one watch since it was handed over last.
#[derive(Clone, Debug, Default)]
pub struct WatchBatch {
    /// Every call that was judged, by what both said, with the first and last moment.
    pub tallies: BTreeMap<WatchKind, (u64, Moment, Moment)>,
    /// Calls to be shown one by one: not always all of them.
    pub calls: Vec<WatchedCall>,
    /// Calls that the candidate was not asked about.
    pub missed: u64,
}

/// What the control plane asks about watches.
#[async_trait]
pub trait Watches: Send + Sync {
    /// The watch of a policy, running or over, with how often both said what.
    async fn policy_watch(
        &self,
        org: &OrgId,
        policy: &PolicyId,
    ) -> Result<Option<(Watch, Vec<WatchTally>)>, StoreError>;
    /// Begins to watch a candidate; one that was watched before is forgotten.
    async fn policy_watch_start(
        &self,
        by: &By,
        policy: &PolicyId,
        draft: WatchDraft,
    ) -> Result<Watch, ChangeError>;
    /// Stops the watch of a policy. What was seen stays to be read.
    async fn policy_watch_stop(&self, by: &By, policy: &PolicyId) -> Result<Watch, ChangeError>;
    /// The calls that both judged, newest first; all that are kept, or those that differ.
    async fn policy_watch_calls(
        &self,
        org: &OrgId,
        policy: &PolicyId,
        differing: bool,
        page: &Page,
    ) -> Result<Slice<WatchedCall>, StoreError>;
    /// The calls that were judged by this policy since a moment, those that are alike as one, the most
    /// frequent first. At most the newest `lines_max` lines of the log are looked at.
    async fn calls_recorded(
        &self,
        org: &OrgId,
        policy: &PolicyId,
        since: Moment,
        lines_max: u32,
    ) -> Result<Vec<RecordedCalls>, StoreError>;
}
