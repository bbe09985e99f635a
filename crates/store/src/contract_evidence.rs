//! The part of the contract that is about evidence: what somebody else can check.

use async_trait::async_trait;

use crate::*;

/// A checkpoint that was signed.
#[derive(Clone, Debug)]
pub struct SignedCheckpoint {
    /// How many entries it covers.
    pub size: u64,
    /// When it was signed.
    pub at: Moment,
    /// The signed note, as it is written.
    pub note: String,
}

/// An entry, and its way up to a checkpoint.
#[derive(Clone, Debug)]
pub struct EntryProof {
    /// Its place in the log, from 0.
    pub index: u64,
    /// Its bytes: canonical JSON.
    pub entry: Vec<u8>,
    /// The siblings from the leaf up.
    pub proof: Vec<audit::Hash>,
}

/// That the entries of a call are in the log.
#[derive(Clone, Debug)]
pub struct CallProof {
    /// The checkpoint that the proofs lead to.
    pub checkpoint: SignedCheckpoint,
    /// The decision, and the outcome if there is one.
    pub entries: Vec<EntryProof>,
}

/// What the store found when it checked its own log.
#[derive(Clone, Debug)]
pub struct SelfCheck {
    /// What the verifier says.
    pub report: audit::Report,
    /// Rows of calls, outcomes and changes that no entry speaks of: somebody else wrote them.
    pub unentered: u64,
}

/// What others ask of the evidence log.
#[async_trait]
pub trait Evidence: Send + Sync {
    /// The log's public key, `NAME+ID+KEY`.
    async fn evidence_key(&self) -> Result<String, StoreError>;

    /// Checkpoints, newest first.
    async fn checkpoints(&self, page: &Page) -> Result<Slice<SignedCheckpoint>, StoreError>;

    /// Signs what is written down so far, and gives that checkpoint; `None` while there is nothing.
    async fn checkpoint_now(&self) -> Result<Option<SignedCheckpoint>, StoreError>;

    /// The most entries that a checkpoint covers which a witness has cosigned, and when one last did;
    /// `None`: none ever has.
    async fn witnessed(&self) -> Result<Option<(u64, Moment)>, StoreError>;

    /// The proof that the tree of `old` entries is the beginning of the tree of `size`; `None` if
    /// the log is not that long.
    async fn consistency(
        &self,
        old: u64,
        size: u64,
    ) -> Result<Option<Vec<audit::Hash>>, StoreError>;

    /// The hashes of a tile; `None` if the log has no such tile under its newest checkpoint, or for
    /// a bundle of entries.
    async fn log_tile(
        &self,
        tile: audit::tile::Tile,
    ) -> Result<Option<Vec<audit::Hash>>, StoreError>;

    /// That the entries of a call are in the log; `None` if there is no such call.
    async fn call_proof(&self, org: &OrgId, id: &CallId) -> Result<Option<CallProof>, StoreError>;

    /// Writes down that this export is made, signs, and gives its first line and its length. With
    /// `whole`, every entry from `from` on; without, proofs of the organisation's own.
    ///
    /// - **Errors**: [`ChangeError::Conflict`] for a whole log that is shared with other
    ///   organisations; [`ChangeError::Invalid`] for a place beyond its end.
    async fn export_begin(
        &self,
        by: &By,
        from: u64,
        whole: bool,
    ) -> Result<(String, SignedCheckpoint), ChangeError>;

    /// The lines of an export from an entry on, and the entry to go on from; as many entries as one
    /// read should take.
    async fn export_part(
        &self,
        org: &OrgId,
        from: u64,
        size: u64,
        whole: bool,
    ) -> Result<(Vec<String>, u64), StoreError>;

    /// Checks the whole log. It is the server checking itself, and should be called that.
    async fn evidence_check(&self) -> Result<SelfCheck, StoreError>;
}

/// The proof of a call as a file of evidence.
pub fn evidence_file(key: &str, org: &OrgId, proof: &CallProof) -> String {
    let Ok(key) = audit::PublicKey::parse(key) else { return String::new() };
    let mut file = audit::export::head(&audit::export::Head {
        form: audit::export::Form::Proofs,
        key,
        organisation: Some(org.as_str().to_owned()),
        from: 0,
        edge: Vec::new(),
        size: proof.checkpoint.size,
    });
    file.push_str(&audit::export::checkpoint(&proof.checkpoint.note));
    for entry in &proof.entries {
        file.push_str(&audit::export::proved(entry.index, &entry.entry, &entry.proof));
    }
    file.push_str(&audit::export::end(2 + proof.entries.len() as u64));
    file
}
