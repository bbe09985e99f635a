//! The contract about what is recorded beyond names, over SQLite, and what is due for it by age.

use std::sync::Arc;

use async_trait::async_trait;

use super::control_plane::{change, read};
use super::tx::Detail;
use super::{Sqlite, captures, recordings};
use crate::*;

#[async_trait]
impl Recordings for Sqlite {
    async fn recording(&self, org: &OrgId, server: &ServerId) -> Result<Recording, StoreError> {
        read!(self, |conn, keys, org, server| recordings::one(conn, &keys, &org, &server))
    }

    async fn recording_set(
        &self,
        by: &By,
        server: &ServerId,
        recording: Recording,
    ) -> Result<(), ChangeError> {
        change!(self for by, |tx, server| recordings::set(tx, &by, &server, &recording))
    }

    async fn recording_terms(&self, org: &OrgId) -> Result<RecordingTerms, StoreError> {
        read!(self, |conn, keys, org| recordings::terms(conn, &keys, org.as_str()))
    }

    async fn recording_set_terms(&self, by: &By, terms: RecordingTerms) -> Result<(), ChangeError> {
        change!(self for by, |tx| recordings::set_terms(tx, &by, terms))
    }

    async fn fingerprint_keys(&self, org: &OrgId) -> Result<Vec<FingerprintKeyLine>, StoreError> {
        read!(self, |conn, keys, org| {
            let keys = recordings::keys_of(conn, &keys, &org)?;
            Ok(keys.into_iter().map(|key| key.line).collect())
        })
    }

    async fn fingerprint_rotate(&self, by: &By) -> Result<FingerprintKeyLine, ChangeError> {
        change!(self for by, |tx| recordings::rotate(tx, &by))
    }

    async fn fingerprint_destroy(&self, by: &By, number: u32) -> Result<(), ChangeError> {
        change!(self for by, |tx| recordings::destroy(tx, &by, number))
    }

    async fn fingerprint_asked(
        &self,
        by: &By,
        call: &CallId,
        argument: Option<&str>,
        value: Vec<u8>,
    ) -> Result<FingerprintAnswer, ChangeError> {
        let argument = argument.map(str::to_owned);
        change!(self for by, |tx, call| {
            recordings::asked(tx, &by, &call, argument.as_deref(), &value)
        })
    }

    async fn recorded_of_call(
        &self,
        org: &OrgId,
        call: &CallId,
    ) -> Result<RecordedOfCall, StoreError> {
        read!(self, |conn, _keys, org, call| captures::of_call(conn, &org, &call))
    }

    async fn captures_given(&self, by: &By, call: Option<&CallId>) -> Result<(), ChangeError> {
        let subject = call.map_or_else(|| by.org.to_string(), CallId::to_string);
        change!(self for by, |tx| {
            tx.record(&by, "captures.exported", &subject, Detail::default(), ())
        })
    }

    async fn captures(
        &self,
        org: &OrgId,
        call: Option<&CallId>,
        after: (i64, i64),
    ) -> Result<Vec<CaptureLine>, StoreError> {
        let call = call.copied();
        read!(self, |conn, _keys, org| captures::after(conn, &org, call.as_ref(), after))
    }
}

impl Sqlite {
    /// Does what is due by age: draws the next key of fingerprints, destroys old ones, removes old
    /// sealed records. Each is an entry.
    ///
    /// - **Errors**: what was done until then stays done; the next run goes on.
    pub async fn tend_recordings(&self, by: &By) -> Result<(), ChangeError> {
        let (org, now) = (&by.org, by.at);
        // One step at a time, and no more than an organisation has keys.
        while let Some(due) =
            read!(self, |conn, keys, org| { recordings::key_due(conn, &keys, &org, now) })?
        {
            change!(self, |tx, by| recordings::take(tx, &by, due))?;
        }
        let due = read!(self, |conn, keys, org| captures::due(conn, &keys, &org, now))?;
        let Some((count, before)) = due else { return Ok(()) };
        change!(self, |tx, by| captures::announce(tx, &by, count, before))?;
        while change!(self, |tx, org| captures::remove(tx, &org, before))? > 0 {}
        Ok(())
    }
}
