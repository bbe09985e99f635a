//! The contract every store keeps. One test suite runs against each of them.

use std::sync::Arc;

use async_trait::async_trait;
use vault::{Keyring, Token};

use crate::*;

/// A place in a list, and how much is asked for.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// Where the last page ended; opaque.
    pub after: Option<String>,
    /// The most rows, 1 to 500.
    pub limit: u32,
}

/// A part of a list.
#[derive(Clone, Debug)]
pub struct Slice<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Where to go on, if there is more.
    pub next: Option<String>,
}

/// Why an intent was not written. Nothing may leave.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BeginError {
    /// What the call was judged by has changed since: judge it again.
    #[error("the decision rests on a view that is no longer current")]
    StaleView,
    /// The approval is not one for this very call, was used, or has ended.
    #[error("no approval stands for this call")]
    NotApproved,
    /// A limit does not let the call through.
    #[error(transparent)]
    NoRoom(#[from] RoomError),
    /// The store gave no answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What the gateway needs of a store.
#[async_trait]
pub trait DataPlane: Send + Sync {
    /// Changes whenever something that calls are judged by has changed. Cheap: read per call.
    ///
    /// - **Errors**: `None` when the store cannot know (then nothing may be forwarded).
    fn generation(&self) -> Option<u64>;

    /// Everything calls are judged from, read at one moment.
    async fn view(&self) -> Result<View, StoreError>;

    /// Whether the limit of this charge has room now, by the clock that reservations go by.
    /// Read-only, no I/O: for the decision; the reservation itself is made by
    /// [`DataPlane::call_begin`].
    ///
    /// - **Errors**: why it has none.
    fn room(&self, key: &quota::Key, charge: &policy::Charge) -> Result<(), RoomError>;

    /// Writes the intent and takes the quota, in one commit. When this returns `Ok`, both are
    /// durable and the call may leave.
    ///
    /// `judged_at` is the generation of the view the call was judged by.
    async fn call_begin(
        &self,
        intent: Intent,
        charges: Vec<(quota::Key, policy::Charge)>,
        judged_at: u64,
    ) -> Result<(), BeginError>;

    /// The tokens of accounts at upstreams.
    fn connecting(&self) -> &dyn Connecting;

    /// What calls that wait for people need.
    fn approving(&self) -> &dyn Approving;

    /// Writes a line for a call that does not leave (denied, held, refused). Durable when it
    /// returns.
    async fn call_refused(&self, intent: Intent) -> Result<(), StoreError>;

    /// Hands over the outcome of a call: written with the next commit, quota settled or given back
    /// by its class in the same commit. Does not wait; if it cannot be written, the store says so
    /// to the next [`DataPlane::call_begin`] until it can.
    fn call_finish(&self, outcome: Outcome);

    /// Waits until everything handed over so far is durable (drain at shutdown, tests).
    async fn flush(&self) -> Result<(), StoreError>;

    /// Adds to the bounded stream of refusals of strangers. Does not wait.
    fn stranger_refused(&self, refusal: StrangerRefusal);

    /// Keeps what candidates said that are watched. Those that were stopped or replaced meanwhile
    /// are let go.
    async fn watched(&self, seen: Vec<(WatchId, WatchBatch)>) -> Result<(), StoreError>;

    /// Keeps what a probe or a list refresh found: the version, the health, the tools. Tools that
    /// are new stay unaccepted unless `accept_new`; changed ones keep their accepted definition.
    async fn server_found(
        &self,
        server: &ServerId,
        version: Option<String>,
        health: String,
        tools: Option<Vec<FoundTool>>,
        accept_new: bool,
        at: Moment,
    ) -> Result<(), StoreError>;
}

/// What the control plane needs of a store: every read is of one organisation, every change says
/// by whom and is recorded in the same transaction.
#[async_trait]
pub trait ControlPlane:
    People
    + SignIn
    + Evidence
    + Approvals
    + Channels
    + Watches
    + KeyCare
    + OAuthCare
    + Recordings
    + Amounts
    + PolicyFiles
    + Send
    + Sync
{
    /// The key that this token is, if it is one of ours: unexpired, its member active, MACs intact.
    async fn api_key_of(&self, token: &Token, now: Moment)
    -> Result<Option<KeyHolder>, StoreError>;
    /// Makes a key of an active member, which may do at most what they may, and hands back its
    /// token, the only time it is seen.
    async fn api_key_create(
        &self,
        by: &By,
        member: &MemberId,
        label: &str,
        role: Role,
        expires_at: Option<Moment>,
    ) -> Result<(ApiKey, Token), ChangeError>;
    /// The keys, newest first.
    async fn api_keys(&self, org: &OrgId) -> Result<Vec<ApiKey>, StoreError>;
    /// Ends a key.
    async fn api_key_revoke(&self, by: &By, id: &KeyId) -> Result<(), ChangeError>;

    /// The servers, by slug.
    async fn servers(&self, org: &OrgId) -> Result<Vec<Server>, StoreError>;
    /// One server, by id or slug.
    async fn server(&self, org: &OrgId, id: &str) -> Result<Option<ServerView>, StoreError>;
    /// Makes a server.
    async fn server_create(&self, by: &By, draft: ServerDraft) -> Result<Server, ChangeError>;
    /// Changes a server. A changed URL detaches its credential.
    async fn server_update(
        &self,
        by: &By,
        id: &ServerId,
        revision: Option<i64>,
        draft: ServerDraft,
    ) -> Result<Server, ChangeError>;
    /// Removes a server that no grant uses.
    async fn server_delete(&self, by: &By, id: &ServerId) -> Result<(), ChangeError>;
    /// Accepts the present definition of a tool, if it still has this fingerprint.
    async fn tool_accept(
        &self,
        by: &By,
        server: &ServerId,
        tool: &str,
        fingerprint: &str,
    ) -> Result<Tool, ChangeError>;
    /// Seals and keeps the header values of a server's credential, replacing what was there.
    async fn credential_set(
        &self,
        by: &By,
        server: &ServerId,
        headers: Vec<(String, vault::Secret)>,
    ) -> Result<Credential, ChangeError>;
    /// Removes a server's credential.
    async fn credential_remove(&self, by: &By, server: &ServerId) -> Result<(), ChangeError>;

    /// The policies, by name.
    async fn policies(&self, org: &OrgId) -> Result<Vec<Policy>, StoreError>;
    /// One policy, by id or name.
    async fn policy(&self, org: &OrgId, id: &str) -> Result<Option<Policy>, StoreError>;
    /// Makes a policy with no version yet.
    async fn policy_create(
        &self,
        by: &By,
        name: &str,
        server: Option<ServerId>,
    ) -> Result<Policy, ChangeError>;
    /// Publishes a version. The text was loaded without problems before; `expected_latest` refuses
    /// when somebody published meanwhile.
    ///
    /// - **Errors**: [`ChangeError::KeptInFiles`] for a policy whose versions come from files.
    async fn policy_publish(
        &self,
        by: &By,
        id: &PolicyId,
        text: Vec<u8>,
        cases: Option<Vec<u8>>,
        note: &str,
        expected_latest: Option<u32>,
    ) -> Result<PolicyVersion, ChangeError>;
    /// Makes a policy with its first version: one change.
    async fn policy_create_published(
        &self,
        by: &By,
        name: &str,
        server: Option<ServerId>,
        text: Vec<u8>,
        cases: Option<Vec<u8>>,
        note: &str,
    ) -> Result<(Policy, PolicyVersion), ChangeError>;
    /// The versions of a policy, newest first, without their texts.
    async fn policy_versions(
        &self,
        org: &OrgId,
        id: &PolicyId,
    ) -> Result<Vec<VersionLine>, StoreError>;
    /// One version of a policy.
    async fn policy_version(
        &self,
        org: &OrgId,
        id: &PolicyId,
        number: u32,
    ) -> Result<Option<PolicyVersion>, StoreError>;
    /// The draft of a policy, if there is one.
    async fn policy_draft(
        &self,
        org: &OrgId,
        id: &PolicyId,
    ) -> Result<Option<PolicyDraft>, StoreError>;
    /// Keeps a draft: over the one at this revision, or as the first one (0).
    ///
    /// - **Errors**: [`ChangeError::Stale`] when another one stands there by now;
    ///   [`ChangeError::KeptInFiles`] for a policy that is not edited here.
    async fn policy_draft_put(
        &self,
        by: &By,
        id: &PolicyId,
        revision: i64,
        draft: DraftText,
    ) -> Result<PolicyDraft, ChangeError>;
    /// Throws the draft at this revision away.
    async fn policy_draft_drop(
        &self,
        by: &By,
        id: &PolicyId,
        revision: i64,
    ) -> Result<(), ChangeError>;
    /// Publishes the draft at this revision and takes it away: one change.
    async fn policy_draft_publish(
        &self,
        by: &By,
        id: &PolicyId,
        revision: i64,
        note: &str,
    ) -> Result<PolicyVersion, ChangeError>;
    /// Removes a policy that no grant uses and that is not kept in files.
    async fn policy_delete(&self, by: &By, id: &PolicyId) -> Result<(), ChangeError>;

    /// The grants, newest first.
    async fn grants(&self, org: &OrgId) -> Result<Vec<Grant>, StoreError>;
    /// One grant, by id or by the label of a living one.
    async fn grant(&self, org: &OrgId, id: &str) -> Result<Option<Grant>, StoreError>;
    /// Issues a grant and hands back its token, the only time it is seen.
    async fn grant_issue(&self, by: &By, draft: GrantDraft) -> Result<(Grant, Token), ChangeError>;
    /// Makes a new token; the old ones end after `overlap_seconds` (0 to 86,400).
    async fn grant_rotate(
        &self,
        by: &By,
        id: &GrantId,
        overlap_seconds: i64,
    ) -> Result<(Grant, Token), ChangeError>;
    /// Pauses, resumes or revokes.
    async fn grant_set_state(
        &self,
        by: &By,
        id: &GrantId,
        state: GrantState,
    ) -> Result<Grant, ChangeError>;
    /// Gives a grant to another owner. One that was a member's own becomes the new owner's own.
    async fn grant_hand_over(
        &self,
        by: &By,
        id: &GrantId,
        owner: &MemberId,
    ) -> Result<Grant, ChangeError>;
    /// Attaches a policy for one server of the grant, or detaches it (`None`).
    async fn grant_attach(
        &self,
        by: &By,
        id: &GrantId,
        server: &ServerId,
        policy: Option<PolicyId>,
    ) -> Result<Grant, ChangeError>;

    /// Lines of the call log, newest first.
    async fn calls(
        &self,
        org: &OrgId,
        filter: &CallFilter,
        page: &Page,
    ) -> Result<Slice<Call>, StoreError>;
    /// Lines after an index, oldest first: for following the log. Lines that ended since are not
    /// repeated; `changed` wakes whoever waits for more.
    async fn calls_after(
        &self,
        org: &OrgId,
        filter: &CallFilter,
        index: i64,
        limit: u32,
    ) -> Result<Vec<Call>, StoreError>;
    /// One line.
    async fn call(&self, org: &OrgId, id: &CallId) -> Result<Option<Call>, StoreError>;
    /// What the newest lines add up to.
    async fn call_sums(&self, org: &OrgId, span: &CallSpan) -> Result<CallSums, StoreError>;
    /// How often each rule of a policy decided, day by day.
    async fn policy_use(&self, org: &OrgId, span: &UseSpan) -> Result<PolicyUse, StoreError>;
    /// Wakes whenever a commit added to the call log.
    fn calls_changed(&self) -> tokio::sync::watch::Receiver<u64>;
    /// The usage of a grant's limits, those of scopes it shares with others included.
    async fn usage(&self, org: &OrgId, grant: &GrantId) -> Result<GrantUsage, StoreError>;
    /// How the limits of a document would stand under the grants that a policy is attached to: their
    /// usage now, and how full their windows were since a moment. Changes nothing.
    async fn limits_under(
        &self,
        org: &OrgId,
        policy: &PolicyId,
        stated: Vec<policy::StatedLimit>,
        since: Moment,
    ) -> Result<LimitStandings, StoreError>;
    /// The calls that hold quota in this state, oldest first; of one grant, by id or label, or of
    /// all.
    async fn reservations(
        &self,
        org: &OrgId,
        state: quota::State,
        grant: Option<&str>,
        page: &Page,
    ) -> Result<Slice<Reserved>, StoreError>;
    /// Ends the doubt about what a call with no known outcome holds, with a reason for the record.
    /// Once: the same word again changes nothing and is recorded no second time, another word is a
    /// conflict.
    async fn reservation_resolve(
        &self,
        by: &By,
        call: &CallId,
        fate: quota::Fate,
        reason: &str,
    ) -> Result<Reserved, ChangeError>;
    /// Whether the clock is believed, by which limits are counted.
    async fn clock_state(&self) -> Result<ClockState, StoreError>;
    /// A person's word that the clock is right, with a reason for the record. Windows that have
    /// turned stay turned. Changes nothing where nothing was in doubt.
    async fn clock_confirm(&self, by: &By, reason: &str) -> Result<ClockState, ChangeError>;

    /// Lines of the audit log, newest first. Whoever shows them to somebody notes it first
    /// ([`ControlPlane::noted`]).
    async fn audit(
        &self,
        org: &OrgId,
        filter: &AuditFilter,
        page: &Page,
    ) -> Result<Slice<AuditEvent>, StoreError>;
    /// Lines of the audit log after an index, oldest first: for exports.
    async fn audit_after(
        &self,
        org: &OrgId,
        filter: &AuditFilter,
        index: i64,
        limit: u32,
    ) -> Result<Vec<AuditEvent>, StoreError>;
    /// Records what changes nothing here and must be known all the same: a look at the audit log, an
    /// export, a probe of a server. Durable when it returns; what cannot be noted is not done.
    async fn noted(
        &self,
        by: &By,
        event: &'static str,
        subject: &str,
        fields: Vec<(String, String)>,
    ) -> Result<(), ChangeError>;
    /// Adds to the bounded stream of refusals. Does not wait.
    fn refused(&self, refusal: StrangerRefusal);
    /// Refusals, newest first: of people of this organisation; and of strangers, for the organisation
    /// whose the installation is.
    async fn refusals(
        &self,
        org: &OrgId,
        page: &Page,
    ) -> Result<Slice<StrangerRefusal>, StoreError>;
    /// A copy of the whole database as it is at one moment, taken beside the calls that go on. That
    /// it was taken is recorded first, and is in it.
    async fn backup(&self, by: &By) -> Result<std::fs::File, ChangeError>;
    /// The keyring, to open credentials for tests of a connection.
    fn keyring(&self) -> Arc<Keyring>;
    /// An answer to a request that was made before with this `Idempotency-Key`, if there is one.
    async fn idempotent(&self, by: &By, key: &str) -> Result<Option<(u16, String)>, StoreError>;
    /// The digest of the request that was made before with this `Idempotency-Key`: a second request
    /// under the same key must be the same one.
    async fn idempotent_request(&self, by: &By, key: &str) -> Result<Option<[u8; 32]>, StoreError>;
    /// Keeps the answer to a request with an `Idempotency-Key` (secrets never: the body holds none).
    async fn idempotent_keep(
        &self,
        by: &By,
        key: &str,
        request: [u8; 32],
        status: u16,
        body: &str,
    ) -> Result<(), StoreError>;
}
