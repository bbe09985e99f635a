//! The mark of a policy that is kept in files, and what it bars.

use async_trait::async_trait;

use super::Sqlite;
use super::control_plane::change;
use super::fault::Fault;
use super::policies::{self, Publication};
use super::tx::{Detail, Recorded, Tx};
use crate::{
    By, ChangeError, Policy, PolicyFiles, PolicyId, PolicyVersion, ServerId, VersionFromFiles,
    names,
};

/// Refuses for a policy that is not edited here.
pub(super) fn editable(policy: &Policy) -> Result<(), ChangeError> {
    match &policy.kept_in {
        None => Ok(()),
        Some(place) => {
            Err(ChangeError::KeptInFiles { policy: policy.name.clone(), place: place.clone() })
        }
    }
}

/// Refuses to remove a policy but by whoever knows where it is kept.
pub(super) fn goes_with(policy: &Policy, named: Option<&str>) -> Result<(), ChangeError> {
    if policy.kept_in.as_deref() == named {
        return Ok(());
    }
    editable(policy)?;
    Err(ChangeError::Conflict(format!(
        "the policy `{}` is not kept in files any more: somebody edits it here",
        policy.name
    )))
}

/// What a change did to the mark.
pub(super) fn changed(before: Option<&str>, after: Option<&str>) -> Detail {
    let detail = Detail::default();
    match (before, after) {
        (None, None) => detail,
        (None, Some(after)) => detail.now("kept_in", after),
        (Some(before), None) => detail.was("kept_in", before),
        (Some(before), Some(after)) => {
            detail.change("kept_in", before.to_owned(), after.to_owned())
        }
    }
}

/// Sets or lifts the mark.
fn set(
    tx: &Tx<'_>,
    by: &By,
    id: &PolicyId,
    place: Option<String>,
    expected_latest: Option<u32>,
) -> Result<Recorded<Policy>, Fault> {
    if let Some(place) = &place {
        names::place("place", place)?;
    }
    let old = policies::to_change(tx, by, id)?;
    if expected_latest.is_some_and(|expected| expected != old.latest) {
        return Err(ChangeError::Stale { what: "policy", current: i64::from(old.latest) }.into());
    }
    if old.kept_in == place {
        return Ok(Recorded::unchanged(old));
    }
    let detail = changed(old.kept_in.as_deref(), place.as_deref());
    let event = if place.is_some() { "policy.kept_in_files" } else { "policy.released" };
    let policy = Policy { kept_in: place, ..old };
    policies::write(tx, &by.org, &policy)?;
    tx.record(by, event, id.as_str(), detail, policy)
}

impl From<VersionFromFiles> for Publication {
    fn from(version: VersionFromFiles) -> Self {
        let VersionFromFiles { text, cases, note, expected_latest, kept_in } = version;
        Self { text, cases, note, expected_latest, kept_in: Some(kept_in) }
    }
}

#[async_trait]
impl PolicyFiles for Sqlite {
    async fn policy_publish_from_files(
        &self,
        by: &By,
        id: &PolicyId,
        version: VersionFromFiles,
    ) -> Result<PolicyVersion, ChangeError> {
        change!(self for by, |tx, id| policies::publish(tx, &by, &id, version.into()))
    }

    async fn policy_create_from_files(
        &self,
        by: &By,
        name: &str,
        server: Option<ServerId>,
        version: VersionFromFiles,
    ) -> Result<(Policy, PolicyVersion), ChangeError> {
        change!(self for by, |tx, name| {
            policies::create_published(tx, &by, &name, server, version.into())
        })
    }

    async fn policy_keep_in(
        &self,
        by: &By,
        id: &PolicyId,
        place: Option<&str>,
        expected_latest: Option<u32>,
    ) -> Result<Policy, ChangeError> {
        let place = place.map(str::to_owned);
        change!(self for by, |tx, id| set(tx, &by, &id, place, expected_latest))
    }

    async fn policy_delete_from_files(
        &self,
        by: &By,
        id: &PolicyId,
        place: &str,
    ) -> Result<(), ChangeError> {
        change!(self for by, |tx, id, place| policies::delete(tx, &by, &id, Some(&place)))
    }
}
