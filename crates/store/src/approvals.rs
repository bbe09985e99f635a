//! Approvals as plain types, and what the two planes need of a store about them. The arguments of a
//! call are sealed while it waits; nothing here can read them but [`Approvals::approval_open`].

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::watch;
use vault::Secret;

use crate::*;

/// The most calls of one grant that wait for people at once.
pub const APPROVALS_PENDING_PER_GRANT_MAX: u32 = 20;
/// The most approvals that one grant may ask for within an hour, those it took back included: each of
/// them tells people.
pub const APPROVALS_MADE_PER_GRANT_HOUR_MAX: u32 = 600;
/// The most bytes of arguments that are put before a person.
pub const APPROVAL_ARGUMENTS_BYTES_MAX: usize = 256 * 1024;

/// The longest that one request of an agent is held, in seconds.
pub const HOLDING_SECONDS_MAX: u32 = 240;
/// The most legs of one call. Clients give up after ten, and the upstream may need some of them.
pub const HOLDING_LEGS_MAX: u32 = 6;

/// How long calls of a grant are held, where somebody has said otherwise than usual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GrantHolding {
    /// The longest that one request is held, in seconds; 0: it is told to call again at once.
    pub seconds: u32,
    /// The most legs of a modern call; 0: it is told to call again.
    pub legs: u32,
}

/// Where an approval stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ApprovalState {
    /// It waits for people.
    Pending,
    /// Enough people said yes: the same call may go, once.
    Approved,
    /// Somebody said no.
    Denied,
    /// Nobody decided in time, or the agent did not come back in time.
    Expired,
    /// What it rests on has changed, or somebody took it back.
    Withdrawn,
    /// It was used by a call.
    Consumed,
}

impl ApprovalState {
    const ALL: [Self; 6] = [
        Self::Pending,
        Self::Approved,
        Self::Denied,
        Self::Expired,
        Self::Withdrawn,
        Self::Consumed,
    ];

    /// The name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
            Self::Consumed => "consumed",
        }
    }

    /// The state of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// Whether nothing can change it any more.
    pub const fn has_ended(self) -> bool {
        !matches!(self, Self::Pending | Self::Approved)
    }
}

/// What one rule asks of people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApprovalNeed {
    /// The rule, a JSON Pointer into the policy.
    pub rule: String,
    /// Whom it asks, as policies write it: `role:admin`, `group:finance`, `member:a@example.org`.
    pub approvers: Vec<String>,
    /// How many different people must say yes.
    pub count: u32,
    /// What the policy says to them.
    pub message: Option<String>,
}

/// What one person said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApprovalDecision {
    /// Who.
    pub member: MemberId,
    /// Their name at that moment.
    pub name: String,
    /// Yes or no.
    pub approve: bool,
    /// Which of the approval's needs they speak for, by place.
    pub needs: Vec<u32>,
    /// When.
    pub at: Moment,
    /// From where, if that is known.
    pub address: Option<String>,
    /// What they wrote, or nothing.
    pub note: String,
}

/// A call that waits for people, or did.
#[derive(Clone, Debug)]
pub struct Approval {
    /// Its id.
    pub id: ApprovalId,
    /// The organisation it belongs to.
    pub org: OrgId,
    /// Where it stands.
    pub state: ApprovalState,
    /// What is signed off, to the letter.
    pub digest: [u8; 32],
    /// The grant that asks, its label and whom it belongs to, at that moment.
    pub grant: GrantId,
    /// The grant's label.
    pub grant_label: String,
    /// Whom the grant belongs to.
    pub identity: String,
    /// The server.
    pub server: ServerId,
    /// The server's slug at that moment.
    pub server_slug: String,
    /// The credential that would be injected, and its generation.
    pub credential: Option<(CredentialId, i64)>,
    /// The tool.
    pub tool: String,
    /// The fingerprint of its accepted definition.
    pub fingerprint: Option<String>,
    /// The policy and the version that asks.
    pub policy: (PolicyId, u32),
    /// What its rules ask; never empty.
    pub needs: Vec<ApprovalNeed>,
    /// What people said, in order.
    pub decisions: Vec<ApprovalDecision>,
    /// How often the agent asked for the same call.
    pub asked: u32,
    /// The call that asked first.
    pub asked_by: CallId,
    /// The call that used it.
    pub used_by: Option<CallId>,
    /// Whether the agent knows that it has expired.
    pub told: bool,
    /// Why it was withdrawn; empty otherwise.
    pub reason: String,
    /// When the call asked first.
    pub created_at: Moment,
    /// The moment it ends by itself.
    pub expires_at: Moment,
    /// When it ended.
    pub ended_at: Option<Moment>,
}

impl Approval {
    /// The rule that asks, the first of them.
    pub fn rule(&self) -> &str {
        self.needs.first().map_or("", |need| need.rule.as_str())
    }

    /// How many people have said yes to this need.
    pub fn given(&self, need: usize) -> u32 {
        let spoke = |d: &&ApprovalDecision| {
            d.approve && d.needs.iter().any(|at| usize::try_from(*at) == Ok(need))
        };
        u32::try_from(self.decisions.iter().filter(spoke).count()).unwrap_or(u32::MAX)
    }

    /// Whether every need has its people.
    pub fn is_complete(&self) -> bool {
        self.needs.iter().enumerate().all(|(at, need)| self.given(at) >= need.count)
    }

    /// Where it stands at a moment: one whose time is over has expired, whoever has noticed.
    pub fn state_at(&self, now: Moment) -> ApprovalState {
        if !self.state.has_ended() && now >= self.expires_at {
            return ApprovalState::Expired;
        }
        self.state
    }

    /// The fingerprint of what is signed off, in hex: what a person is shown and sends back.
    pub fn fingerprint_shown(&self) -> String {
        use fmt::Write as _;
        self.digest.iter().fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

/// What a held call asks for.
#[derive(Debug)]
pub struct ApprovalAsk {
    /// The organisation.
    pub org: OrgId,
    /// What is to be signed off, to the letter.
    pub digest: [u8; 32],
    /// The grant, its label and whom it belongs to.
    pub grant: GrantId,
    /// The grant's label.
    pub grant_label: Arc<str>,
    /// Whom the grant belongs to.
    pub identity: Arc<str>,
    /// The server.
    pub server: ServerId,
    /// The server's slug.
    pub server_slug: Arc<str>,
    /// The credential that would be injected, and its generation.
    pub credential: Option<(CredentialId, i64)>,
    /// The tool.
    pub tool: String,
    /// The fingerprint of its accepted definition.
    pub fingerprint: Option<Arc<str>>,
    /// The policy and the version that asks.
    pub policy: (PolicyId, u32),
    /// What its rules ask; never empty.
    pub needs: Vec<ApprovalNeed>,
    /// How long it may take.
    pub expires_in_seconds: i64,
    /// The call that asks.
    pub call: CallId,
    /// What a person is to see: a JSON object of the judged arguments.
    pub arguments: Secret,
}

/// What came of asking.
#[derive(Clone, Debug)]
pub enum Asked {
    /// There is a record: a new one, or the one that stands for this very call.
    Stands(Box<Approval>),
    /// The grant has too many calls waiting already.
    TooMany,
    /// The arguments are too long to be put before anybody.
    TooLong,
}

/// An approval that a call uses up, and what it must have been given for.
#[derive(Clone, Debug)]
pub struct SignedOff {
    /// The approval.
    pub id: ApprovalId,
    /// What the call is, to the letter.
    pub digest: [u8; 32],
}

/// What the gateway needs of a store about approvals.
#[async_trait]
pub trait Approving: Send + Sync {
    /// Makes the record of a held call, or finds the one that stands for it: one that waits or was
    /// approved, one that was denied and whose time is not over, one that expired and of which the
    /// agent does not know yet.
    async fn approval_ask(&self, ask: ApprovalAsk) -> Result<Asked, StoreError>;
    /// Where an approval stands.
    async fn approval_now(
        &self,
        org: &OrgId,
        id: &ApprovalId,
    ) -> Result<Option<Approval>, StoreError>;
    /// Begins a call as [`DataPlane::call_begin`] does and uses up its approval, all in one commit.
    ///
    /// - **Errors**: [`BeginError::NotApproved`] when it is not approved for this very call, was
    ///   used before, or has expired. Nothing was taken.
    async fn call_begin_approved(
        &self,
        intent: Intent,
        charges: Vec<(quota::Key, policy::Charge)>,
        judged_at: u64,
        approval: SignedOff,
    ) -> Result<(), BeginError>;
    /// The agent takes back what it asked for, if it was not used yet.
    async fn approval_cancel(&self, org: &OrgId, id: &ApprovalId) -> Result<(), StoreError>;
    /// Ends what nobody will end: approvals whose time is over, and those whose grant, policy, tool
    /// or credential is not what it was. How many ended.
    async fn approvals_sweep(&self) -> Result<usize, StoreError>;
    /// How approvals are set up.
    async fn approval_settings(&self, org: &OrgId) -> Result<ApprovalSettings, StoreError>;
    /// Wakes whenever a commit changed an approval.
    fn approvals_changed(&self) -> watch::Receiver<u64>;
}

/// Why somebody cannot decide an approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bar {
    /// The rule asks others.
    NotAsked,
    /// The grant is theirs.
    Owner,
    /// They issued the grant, and the organisation is strict about that.
    Issuer,
    /// They wrote the rule last, and the organisation is strict about that.
    Editor,
    /// Viewers decide nothing.
    Viewer,
    /// They have decided already.
    Decided,
    /// Nobody can any more: it has ended.
    Ended,
}

impl Bar {
    /// The stable code in the API.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotAsked => "not_asked",
            Self::Owner => "owner",
            Self::Issuer => "issuer",
            Self::Editor => "editor",
            Self::Viewer => "viewer",
            Self::Decided => "decided",
            Self::Ended => "ended",
        }
    }

    /// The same in words, to the person.
    pub const fn text(self) -> &'static str {
        match self {
            Self::NotAsked => "the rule asks other people",
            Self::Owner => "the grant belongs to this person: nobody signs off their own calls",
            Self::Issuer => "this person issued the grant, and the organisation is strict",
            Self::Editor => "this person wrote the rule last, and the organisation is strict",
            Self::Viewer => "viewers decide nothing",
            Self::Decided => "this person has decided already",
            Self::Ended => "the approval has ended",
        }
    }
}

/// Somebody the rules ask, and whether they can decide.
#[derive(Clone, Debug)]
pub struct Asking {
    /// Who.
    pub member: Member,
    /// Why they cannot; `None`: they can.
    pub bar: Option<Bar>,
}

/// How approvals are set up in an organisation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ApprovalSettings {
    /// Bars the grant's issuer and the rule's last editor, beside the grant's owner.
    pub strict: bool,
    /// Whether agents are told what people wrote.
    pub show_notes: bool,
    /// Counts changes, for `If-Match`.
    pub revision: i64,
}

/// Which approvals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApprovalsOf {
    /// Those that wait, oldest first: the next to expire is the most urgent.
    Waiting,
    /// Those that were approved and not used yet, and all that ended; newest first.
    Decided,
}

/// A person's word.
#[derive(Clone, Debug)]
pub struct Word {
    /// Yes or no.
    pub approve: bool,
    /// The fingerprint they were shown, in hex: it must be the record's.
    pub fingerprint: String,
    /// What they write, or nothing.
    pub note: String,
}

/// What the control plane needs of a store about approvals.
#[async_trait]
pub trait Approvals: Send + Sync {
    /// One page of them, each with what bars this member, whose proof lets them act in this role.
    async fn approvals(
        &self,
        org: &OrgId,
        member: &MemberId,
        role: Role,
        which: ApprovalsOf,
        page: &Page,
    ) -> Result<Slice<(Approval, Option<Bar>)>, StoreError>;
    /// One of them, with everybody its rules ask.
    async fn approval(
        &self,
        org: &OrgId,
        id: &str,
    ) -> Result<Option<(Approval, Vec<Asking>)>, StoreError>;
    /// The approval that a call has used, or else the one it asked for.
    async fn approval_of_call(
        &self,
        org: &OrgId,
        call: &CallId,
    ) -> Result<Option<Approval>, StoreError>;
    /// How many calls of a grant wait for people.
    async fn approvals_waiting(&self, org: &OrgId, grant: &GrantId) -> Result<u32, StoreError>;
    /// What bars this member from deciding.
    async fn approval_bar(
        &self,
        org: &OrgId,
        id: &ApprovalId,
        member: &MemberId,
        role: Role,
    ) -> Result<Option<Bar>, StoreError>;
    /// Opens the arguments for somebody who may decide, and records that.
    ///
    /// - **Errors**: [`ChangeError::Barred`] for everybody else; [`ChangeError::Gone`] once erased.
    async fn approval_open(
        &self,
        by: &By,
        role: Role,
        id: &ApprovalId,
    ) -> Result<(Approval, Secret), ChangeError>;
    /// Takes a person's word. The last yes that is needed approves, the first no denies and erases.
    ///
    /// - **Errors**: [`ChangeError::Barred`]; [`ChangeError::Conflict`] when it has ended, or the
    ///   fingerprint is not the record's.
    async fn approval_decide(
        &self,
        by: &By,
        role: Role,
        id: &ApprovalId,
        word: Word,
    ) -> Result<Approval, ChangeError>;
    /// Takes an approval back that waits or was not used yet, with a reason for the record.
    async fn approval_withdraw(
        &self,
        by: &By,
        id: &ApprovalId,
        reason: &str,
    ) -> Result<Approval, ChangeError>;
    /// How long calls of a grant are held; `None`: as usual.
    async fn grant_holding(
        &self,
        org: &OrgId,
        grant: &GrantId,
    ) -> Result<Option<GrantHolding>, StoreError>;
    /// Says how long calls of a grant are held; `None`: as usual.
    async fn grant_set_holding(
        &self,
        by: &By,
        grant: &GrantId,
        holding: Option<GrantHolding>,
    ) -> Result<(), ChangeError>;
    /// How approvals are set up.
    async fn approval_settings_of(&self, org: &OrgId) -> Result<ApprovalSettings, StoreError>;
    /// Sets approvals up.
    async fn approval_settings_set(
        &self,
        by: &By,
        revision: Option<i64>,
        strict: bool,
        show_notes: bool,
    ) -> Result<ApprovalSettings, ChangeError>;
}
