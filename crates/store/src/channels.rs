//! Channels and their outbox as plain types: where people are told of calls that wait for them,
//! and what each was told. No type here can hold a value of a call.

use async_trait::async_trait;
use tokio::sync::watch;
use vault::Secret;

use crate::*;

/// How long a message is tried, in seconds. After that it is dead, and somebody may revive it.
pub const DELIVERY_LIFE_SECONDS: i64 = 24 * 3_600;
/// How long messages that have ended are kept, in seconds.
pub const DELIVERY_KEPT_SECONDS: i64 = 30 * 24 * 3_600;
/// The most messages of one channel that wait. Further ones are dead at once.
pub const DELIVERIES_WAITING_MAX: u32 = 10_000;
/// How long it waits after the first failed attempt, the second, and so on; then always the last.
pub const DELIVERY_BACK_OFF_SECONDS: [i64; 7] = [5, 15, 30, 60, 120, 300, 600];
/// The event of a message that somebody sends to try a channel.
pub const TEST_EVENT: &str = "test";

/// How a webhook proves that a message is ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signing {
    /// HMAC-SHA-256 under a key that both sides know.
    Hmac,
    /// Ed25519; the receiver needs the public key alone.
    Ed25519 {
        /// The public key, 32 bytes in base64.
        public_key: String,
    },
}

/// How a connection to a mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailSecurity {
    /// TLS from the first byte (port 465).
    Tls,
    /// A plain connection that must turn to TLS before anything is said (port 587).
    StartTls,
    /// Plain: for loopback and listed private targets.
    Plain,
}

impl MailSecurity {
    const ALL: [Self; 3] = [Self::Tls, Self::StartTls, Self::Plain];

    /// The name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tls => "tls",
            Self::StartTls => "starttls",
            Self::Plain => "plain",
        }
    }

    /// The way of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|way| way.as_str() == text)
    }
}

/// Where a channel leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChannelTarget {
    /// A POST of JSON, signed. The secret is the key.
    Webhook {
        /// Where to.
        url: String,
        /// How it is signed.
        signing: Signing,
    },
    /// An incoming webhook of Slack, or of whatever takes `{"text": …}`. Its address is the secret.
    Slack,
    /// Mail by SMTP. The secret is the password, if there is a user name.
    Email {
        /// The mail server.
        host: String,
        /// Its port.
        port: u16,
        /// How the connection is protected.
        security: MailSecurity,
        /// Who we are there, if it asks.
        username: Option<String>,
        /// The sender's address.
        from: String,
        /// Whom it goes to.
        to: Vec<String>,
    },
}

impl ChannelTarget {
    /// The name of the kind in the API.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Webhook { .. } => "webhook",
            Self::Slack => "slack",
            Self::Email { .. } => "email",
        }
    }
}

/// A channel, as somebody wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelDraft {
    /// What people call it; unique.
    pub name: String,
    /// Whether it tells anybody anything.
    pub enabled: bool,
    /// The states of approvals that it tells of.
    pub events: Vec<ApprovalState>,
    /// Targets inside that it may be reached at, each `host:port`.
    pub private_targets: Vec<String>,
    /// Where it leads.
    pub target: ChannelTarget,
}

/// A channel.
#[derive(Clone, Debug)]
pub struct Channel {
    /// Its id.
    pub id: ChannelId,
    /// The organisation it belongs to.
    pub org: OrgId,
    /// How it is set up.
    pub draft: ChannelDraft,
    /// Whether a secret is kept.
    pub has_secret: bool,
    /// Counts changes, for `If-Match`.
    pub revision: i64,
    /// When it was made.
    pub created_at: Moment,
    /// When it was changed last.
    pub updated_at: Moment,
}

/// Where a message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    /// It is tried, or will be.
    Waiting,
    /// The other side took it.
    Delivered,
    /// It was given up.
    Dead,
}

impl DeliveryState {
    const ALL: [Self; 3] = [Self::Waiting, Self::Delivered, Self::Dead];

    /// The name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
        }
    }

    /// The state of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// What a message says of an approval: names and times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApprovalFacts {
    /// The approval.
    pub id: ApprovalId,
    /// Where it stood when the message was written.
    pub state: ApprovalState,
    /// The tool.
    pub tool: String,
    /// The rule that asks, the first of them.
    pub rule: String,
    /// What the policy says to people.
    pub message: Option<String>,
    /// The grant's label.
    pub grant: String,
    /// The server's slug.
    pub server: String,
    /// Whom the rules ask.
    pub approvers: Vec<String>,
    /// How many people must say yes, for all rules together at the most.
    pub needed: u32,
    /// How many have.
    pub given: u32,
    /// When the call asked first.
    pub created_at: Moment,
    /// The moment it ends by itself.
    pub expires_at: Moment,
}

impl From<&Approval> for ApprovalFacts {
    fn from(of: &Approval) -> Self {
        let mut approvers: Vec<String> = Vec::new();
        for approver in of.needs.iter().flat_map(|need| &need.approvers) {
            if !approvers.contains(approver) {
                approvers.push(approver.clone());
            }
        }
        Self {
            id: of.id.clone(),
            state: of.state,
            tool: of.tool.clone(),
            rule: of.rule().to_owned(),
            message: of.needs.iter().find_map(|need| need.message.clone()),
            grant: of.grant_label.clone(),
            server: of.server_slug.clone(),
            approvers,
            needed: of.needs.iter().map(|need| need.count).max().unwrap_or(0),
            given: u32::try_from(of.decisions.iter().filter(|said| said.approve).count())
                .unwrap_or(u32::MAX),
            created_at: of.created_at,
            expires_at: of.expires_at,
        }
    }
}

/// A message on its way by one channel.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Its place in the order of the channel.
    pub seq: i64,
    /// The channel.
    pub channel: ChannelId,
    /// The message's id, the same at every attempt: receivers know repeats by it.
    pub message: MessageId,
    /// `approval.STATE`, or [`TEST_EVENT`].
    pub event: String,
    /// What it tells of; a test tells of nothing.
    pub approval: Option<ApprovalFacts>,
    /// When it happened.
    pub created_at: Moment,
    /// Where it stands.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next, while it waits.
    pub next_at: Moment,
    /// When it was tried last.
    pub tried_at: Option<Moment>,
    /// When it ended.
    pub ended_at: Option<Moment>,
    /// What the last attempt came to: a short text of ours, nothing that the other side wrote.
    pub told: String,
}

/// A message whose time has come, and all that is needed to send it.
#[derive(Debug)]
pub struct Due {
    /// Where it goes.
    pub channel: Channel,
    /// The channel's secret, if it has one.
    pub secret: Option<Secret>,
    /// The message.
    pub delivery: Delivery,
}

/// What an attempt came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// The other side took it.
    Delivered,
    /// It did not; try again later, unless it is too old by now.
    Failed(String),
}

/// What whoever sends messages needs of a store.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// The messages to be tried now: of each enabled channel at most the oldest one that waits, so
    /// that none overtakes another, or a test; and when there is more to do, if nothing changes.
    async fn outbox_due(&self) -> Result<(Vec<Due>, Option<Moment>), StoreError>;
    /// Keeps what an attempt came to.
    async fn outbox_tried(&self, delivery: &Delivery, attempt: Attempt) -> Result<(), StoreError>;
    /// Wakes whenever a commit may have added to the outbox.
    fn outbox_changed(&self) -> watch::Receiver<u64>;
}

/// What the control plane needs of a store about channels.
#[async_trait]
pub trait Channels: Send + Sync {
    /// The channels, by name.
    async fn channels(&self, org: &OrgId) -> Result<Vec<Channel>, StoreError>;
    /// One channel, by id or name.
    async fn channel(&self, org: &OrgId, id: &str) -> Result<Option<Channel>, StoreError>;
    /// Makes a channel.
    async fn channel_create(
        &self,
        by: &By,
        draft: ChannelDraft,
        secret: Option<Secret>,
    ) -> Result<Channel, ChangeError>;
    /// Changes a channel; its kind stays. Without a secret, the one that is kept stays, unless a mail
    /// server is another one or its user is. Messages that wait are tried at once.
    async fn channel_update(
        &self,
        by: &By,
        id: &ChannelId,
        revision: Option<i64>,
        draft: ChannelDraft,
        secret: Option<Secret>,
    ) -> Result<Channel, ChangeError>;
    /// Removes a channel and its messages.
    async fn channel_delete(&self, by: &By, id: &ChannelId) -> Result<(), ChangeError>;
    /// Puts a test message into the outbox. It is tried once, and waits for no other.
    async fn channel_test(&self, by: &By, id: &ChannelId) -> Result<Delivery, ChangeError>;
    /// The messages of a channel in some state or in any, newest first.
    async fn deliveries(
        &self,
        org: &OrgId,
        id: &ChannelId,
        state: Option<DeliveryState>,
        page: &Page,
    ) -> Result<Slice<Delivery>, StoreError>;
    /// Tries a dead message again, for another [`DELIVERY_LIFE_SECONDS`].
    async fn delivery_retry(
        &self,
        by: &By,
        id: &ChannelId,
        message: &MessageId,
    ) -> Result<Delivery, ChangeError>;
}
