//! Policies that are kept in files: their versions come from there, and nobody edits them here until
//! somebody lifts the mark. The mark is for people; nothing is judged by it.

use async_trait::async_trait;

use crate::{By, ChangeError, Policy, PolicyId, PolicyVersion, ServerId};

/// A version that comes from files.
#[derive(Clone, Debug)]
pub struct VersionFromFiles {
    /// The document, loaded without problems before.
    pub text: Vec<u8>,
    /// The test cases beside it: JSON text.
    pub cases: Option<Vec<u8>>,
    /// The note for the record.
    pub note: String,
    /// Refuses when somebody published meanwhile.
    pub expected_latest: Option<u32>,
    /// Where the files are, as a person reads it: the policy's mark from now on.
    pub kept_in: String,
}

/// What is done to policies from files, and the mark that says so.
#[async_trait]
pub trait PolicyFiles: Send + Sync {
    /// Publishes a version and marks the policy as kept where it comes from: one change.
    async fn policy_publish_from_files(
        &self,
        by: &By,
        id: &PolicyId,
        version: VersionFromFiles,
    ) -> Result<PolicyVersion, ChangeError>;

    /// Makes a policy with its first version, kept where that comes from: one change.
    async fn policy_create_from_files(
        &self,
        by: &By,
        name: &str,
        server: Option<ServerId>,
        version: VersionFromFiles,
    ) -> Result<(Policy, PolicyVersion), ChangeError>;

    /// Says where a policy is kept in files, or lifts the mark (`None`), and publishes nothing. The
    /// place it has already changes nothing and is recorded no second time; `expected_latest` refuses
    /// when somebody published meanwhile.
    async fn policy_keep_in(
        &self,
        by: &By,
        id: &PolicyId,
        place: Option<&str>,
        expected_latest: Option<u32>,
    ) -> Result<Policy, ChangeError>;

    /// Removes a policy that no grant uses and that is kept at this very place: its files are gone.
    ///
    /// - **Errors**: [`ChangeError::KeptInFiles`] when it is kept at another place,
    ///   [`ChangeError::Conflict`] when it is kept in none any more.
    async fn policy_delete_from_files(
        &self,
        by: &By,
        id: &PolicyId,
        place: &str,
    ) -> Result<(), ChangeError>;
}
