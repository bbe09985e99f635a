//! What is recorded of calls beyond names, where an administrator has asked for it: keyed fingerprints
//! of arguments, and arguments and results sealed to somebody else's public key. Both are off until
//! somebody asks.

use std::sync::Arc;

use async_trait::async_trait;
use vault::{FingerprintKey, Keyring, Place};

use crate::{By, CallId, ChangeError, Moment, OrgId, ServerId, StoreError};

/// What is recorded of the calls of one server beyond names. The default is nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recording {
    /// Whether decisions carry keyed fingerprints of arguments.
    pub fingerprints: bool,
    /// What is kept of arguments and results, sealed.
    pub capture: Option<CaptureSetting>,
    /// The tools that both are about; `None`: all.
    pub tools: Option<Vec<String>>,
}

/// What is kept of calls, sealed to a key whose other half is not here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaptureSetting {
    /// The public key, as it is written.
    pub key: String,
    /// Whether arguments are kept.
    pub arguments: bool,
    /// Whether results are kept.
    pub results: bool,
    /// The most bytes of one record before it is sealed; a longer one is not kept.
    pub bytes_max: u32,
}

/// The least and the most that [`CaptureSetting::bytes_max`] may say.
pub const CAPTURE_BYTES: std::ops::RangeInclusive<u32> = 1_024..=1_048_576;
/// The most tools that one setting names.
pub const RECORDED_TOOLS_MAX: usize = 200;

/// How long what is recorded beyond names is kept, and how much of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordingTerms {
    /// How often fingerprints get a new key, in days.
    pub rotate_days: u32,
    /// How long a key is kept after the next one has taken its place, in days. Then it is destroyed.
    pub fingerprint_days: u32,
    /// How long sealed records are kept, in days.
    pub capture_days: u32,
    /// The most room that sealed records take, in MiB.
    pub capture_mib: u32,
}

impl Default for RecordingTerms {
    fn default() -> Self {
        Self { rotate_days: 30, fingerprint_days: 90, capture_days: 30, capture_mib: 1_024 }
    }
}

impl RecordingTerms {
    /// The terms as `(name, value, least, most)`.
    pub const fn bounds(&self) -> [(&'static str, u32, u32, u32); 4] {
        [
            ("rotate_days", self.rotate_days, 1, 365),
            ("fingerprint_days", self.fingerprint_days, 1, 3_650),
            ("capture_days", self.capture_days, 1, 3_650),
            ("capture_mib", self.capture_mib, 1, 1_048_576),
        ]
    }
}

/// A key for fingerprints: never the key itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FingerprintKeyLine {
    /// Its number, from 1; entries name it.
    pub number: u32,
    /// When it was drawn.
    pub made_at: Moment,
    /// When the next one took its place, or fingerprints ended.
    pub retired_at: Option<Moment>,
    /// When it was destroyed: nothing can be asked of its fingerprints since.
    pub destroyed_at: Option<Moment>,
}

/// The key that new fingerprints are made with, sealed.
#[derive(Clone, Debug)]
pub struct SealedFingerprintKey {
    /// Its number.
    pub number: u32,
    /// The key, sealed at the place (org, `fingerprint_keys`, number, `key`, 1).
    pub sealed: Arc<[u8]>,
}

impl SealedFingerprintKey {
    /// The key, opened; `None` if it is not one of this organisation.
    pub fn open(&self, org: &OrgId, ring: &Keyring) -> Option<FingerprintKey> {
        let record = self.number.to_string();
        let opened = ring.open(&fingerprint_key_place(org, &record), &self.sealed).ok()?;
        FingerprintKey::of(&opened)
    }
}

/// Where the key of a number is sealed.
pub(crate) fn fingerprint_key_place<'a>(org: &'a OrgId, number: &'a str) -> Place<'a> {
    let org = org.as_str();
    Place { org, table: "fingerprint_keys", record: number, field: "key", generation: 1 }
}

/// What a call brings to be recorded beyond its line.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    /// Keyed fingerprints: canonical JSON.
    pub fingerprints: Option<String>,
    /// What is to be kept of its arguments.
    pub capture: Option<Capture>,
}

/// What is to be kept of arguments or of a result.
#[derive(Clone, Debug)]
pub enum Capture {
    /// A sealed record, and the id of the key it is sealed to.
    Sealed {
        /// Eight hex digits.
        key: Arc<str>,
        /// The record.
        record: Vec<u8>,
    },
    /// Nothing: why, as a stable code, for the entry.
    Missing(&'static str),
}

/// Where a fingerprint belongs: equal values at different places look different.
pub fn fingerprint_place<'a>(
    org: &'a OrgId,
    server: &'a ServerId,
    tool: &'a str,
    argument: Option<&'a str>,
) -> [&'a str; 5] {
    let kind = if argument.is_some() { "argument" } else { "arguments" };
    [org.as_str(), server.as_str(), tool, kind, argument.unwrap_or_default()]
}

/// What was recorded of a call beyond its line, as its entries say: JSON texts.
#[derive(Clone, Debug, Default)]
pub struct RecordedOfCall {
    /// Keyed fingerprints.
    pub fingerprints: Option<String>,
    /// What was kept of the arguments.
    pub arguments: Option<String>,
    /// What was kept of the result.
    pub result: Option<String>,
}

/// Whether a value was in a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FingerprintAnswer {
    /// It was: the fingerprints are equal.
    Yes,
    /// It was another one.
    No,
    /// There is no fingerprint of that argument in the call's entry.
    NotRecorded,
    /// The key was destroyed: nobody can tell any more.
    KeyDestroyed,
}

/// A sealed record, as it is given out.
#[derive(Clone, Debug)]
pub struct CaptureLine {
    /// Where to go on behind it.
    pub place: (i64, i64),
    /// The call.
    pub call: CallId,
    /// `arguments` or `result`.
    pub part: &'static str,
    /// The place of the entry that holds its digest.
    pub entry: Option<u64>,
    /// When it was written.
    pub at: Moment,
    /// The record.
    pub record: Vec<u8>,
}

/// What people ask of the store about it.
#[async_trait]
pub trait Recordings: Send + Sync {
    /// What is recorded of a server's calls beyond names.
    async fn recording(&self, org: &OrgId, server: &ServerId) -> Result<Recording, StoreError>;

    /// Says what is recorded of a server's calls from now on. The first fingerprints of an
    /// organisation draw its first key.
    async fn recording_set(
        &self,
        by: &By,
        server: &ServerId,
        recording: Recording,
    ) -> Result<(), ChangeError>;

    /// How long it is kept, and how much.
    async fn recording_terms(&self, org: &OrgId) -> Result<RecordingTerms, StoreError>;

    /// Says how long it is kept, and how much.
    async fn recording_set_terms(&self, by: &By, terms: RecordingTerms) -> Result<(), ChangeError>;

    /// The keys of fingerprints, newest first.
    async fn fingerprint_keys(&self, org: &OrgId) -> Result<Vec<FingerprintKeyLine>, StoreError>;

    /// Draws another key, which new fingerprints are made with.
    async fn fingerprint_rotate(&self, by: &By) -> Result<FingerprintKeyLine, ChangeError>;

    /// Destroys a key that is not in use: nothing can be asked of its fingerprints from now on.
    async fn fingerprint_destroy(&self, by: &By, number: u32) -> Result<(), ChangeError>;

    /// Whether a call's argument (or all its arguments) had this value, in its canonical spelling. That
    /// it was asked is on record before the answer.
    async fn fingerprint_asked(
        &self,
        by: &By,
        call: &CallId,
        argument: Option<&str>,
        value: Vec<u8>,
    ) -> Result<FingerprintAnswer, ChangeError>;

    /// What was recorded of a call beyond its line.
    async fn recorded_of_call(
        &self,
        org: &OrgId,
        call: &CallId,
    ) -> Result<RecordedOfCall, StoreError>;

    /// Puts on record that sealed records are given out: of one call, or all of them.
    async fn captures_given(&self, by: &By, call: Option<&CallId>) -> Result<(), ChangeError>;

    /// Sealed records behind a place, oldest first, as many as one read should take.
    async fn captures(
        &self,
        org: &OrgId,
        call: Option<&CallId>,
        after: (i64, i64),
    ) -> Result<Vec<CaptureLine>, StoreError>;
}
