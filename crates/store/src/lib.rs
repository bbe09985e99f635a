//! What Countersign keeps, behind one set of traits, and the SQLite that keeps it.
//!
//! - [`DataPlane`]: what the gateway needs: one consistent view to judge from, the intent of a
//!   call (with its quota, in one commit) before anything leaves, its outcome after.
//! - [`ControlPlane`], [`People`] and [`SignIn`]: what people change. Every change takes a [`By`], so a change
//!   nobody made does not compile, and its audit line is written in the same transaction.
//! - [`sqlite::Sqlite`]: one writer thread with group commit, readers beside it.
//!
//! Nothing here decides anything about a call, and nothing here knows HTTP.

mod amounts;
mod approvals;
mod channels;
mod contract;
mod contract_evidence;
mod contract_keys;
mod contract_exports;
mod contract_people;
mod contract_sign_in;
mod error;
mod id;
mod kept;
mod limits;
mod moment;
mod names;
mod oauth;
mod people;
mod recording;
mod rows;
mod sign_in;
pub mod sqlite;
mod sums;
mod watch;

pub use amounts::{AMOUNTS_MAX, Amount, AmountCurrency, Amounts, ToolAmounts};
pub use approvals::*;
pub use channels::*;
pub use contract::{BeginError, ControlPlane, DataPlane, Page, Slice};
pub use contract_evidence::{
    CallProof, EntryProof, Evidence, SelfCheck, SignedCheckpoint, evidence_file,
};
pub use contract_exports::{Exports, InstanceState, LogLeaf, LogPart, Witnessed};
pub use contract_keys::{KeyCare, KeyVersion, KeysState, RESEALS_PER_SECOND, RETIRE_AFTER};
pub use contract_people::People;
pub use contract_sign_in::{
    FIRST_ADMIN_EMAIL, SESSION_IDLE_SECONDS, SESSION_LIFE_SECONDS, SetupDraft, SignIn,
};
pub use error::{ChangeError, StoreError};
pub use id::{
    ApprovalId, CallId, ChannelId, CredentialId, GrantId, GroupId, KeyId, MemberId, MessageId,
    OrgId, PasskeyId, PolicyId, ProviderId, ServerId, SessionId, WatchId,
};
pub use kept::{PolicyFiles, VersionFromFiles};
pub use limits::{
    ClockState, GrantUsage, LimitStanding, LimitStandings, LimitUsage, Reserved, RoomError,
};
pub use moment::{Clock, Moment, SystemClock};
pub use oauth::{
    Connecting, Connection, ConnectionKey, ConnectionState, Lease, NewTokens, OAuthCare,
    OAuthClient, OAuthGrant, OAuthSettings, token_moments,
};
pub use people::{Fate, Group, Invite, KeyHolder, Member, MemberChange, MemberDraft, MemberState};
pub use recording::{
    CAPTURE_BYTES, Capture, CaptureLine, CaptureSetting, FingerprintAnswer, FingerprintKeyLine,
    Marks, RECORDED_TOOLS_MAX, RecordedOfCall, Recording, RecordingTerms, Recordings,
    SealedFingerprintKey, fingerprint_place,
};
pub use rows::*;
pub use sign_in::{
    Passkey, PasskeyDraft, Provider, ProviderDraft, Session, SessionDraft, SessionHolder,
    SignInMethod,
};

pub use sums::{
    CallCounts, CallOverhead, CallSpan, CallSum, CallSums, PolicyUse, RuleSum, RuleUse, UseSpan,
};
pub use watch::{
    RecordedCalls, Watch, WatchBatch, WatchDraft, WatchKind, WatchTally, WatchWord, WatchedCall,
    Watches,
};

/// The version of the pepper that tokens are hashed under.
pub const PEPPER_VERSION: u32 = 1;
