//! What people ask of the store.

use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::{OptionalExtension, params};
use tokio::sync::watch;
use vault::{Keyring, Secret, Token};

use super::desk::locked;
use super::records::number;
use super::tx::{Detail, Recorded};
use super::{
    Sqlite, api_keys, audit_log, backup, call_log, call_sums, credentials, drafts, grant_rows,
    grants, policies, policy_use, reservations, servers, standings, tools, usage,
};
use crate::names;
use crate::*;

/// How long the answer to a request with an `Idempotency-Key` is kept: 24 hours.
const IDEMPOTENT_SECONDS: i64 = 86_400;

/// Reads at one moment, with the keys and clones of the arguments at hand.
macro_rules! read {
    ($self:ident, |$conn:ident, $keys:ident $(, $arg:ident)*| $body:expr) => {{
        let $keys = Arc::clone(&$self.keys);
        $(let $arg = $arg.to_owned();)*
        $self.readers.read(move |$conn| $body).await
    }};
}

/// Makes a change, with clones of the arguments at hand; `for` somebody, if they still may.
macro_rules! change {
    ($self:ident for $by:ident, |$tx:ident $(, $arg:ident)*| $body:expr) => {{
        let $by = $by.clone();
        let refused = $crate::sqlite::authority::refusal(&$by);
        $(let $arg = $arg.to_owned();)*
        let changed = $self.desk.change(move |$tx| {
            $crate::sqlite::authority::stands($tx, &$by)?;
            $body
        });
        let changed = changed.await;
        if matches!(changed, Err(ChangeError::RightEnded)) {
            $self.desk.stranger(refused);
        }
        changed
    }};
    ($self:ident, |$tx:ident $(, $arg:ident)*| $body:expr) => {{
        $(let $arg = $arg.to_owned();)*
        $self.desk.change(move |$tx| $body).await
    }};
}

pub(super) use {change, read};

#[async_trait]
impl ControlPlane for Sqlite {
    async fn api_key_of(
        &self,
        token: &Token,
        now: Moment,
    ) -> Result<Option<KeyHolder>, StoreError> {
        // A copy of the token goes to the thread that reads, and is wiped there.
        let Ok(token) = Token::parse(vault::TokenKind::ApiKey, token.expose().as_bytes()) else {
            return Ok(None);
        };
        let keys = Arc::clone(&self.keys);
        self.readers.read(move |conn| api_keys::of_token(conn, &keys, &token, now)).await
    }

    async fn api_key_create(
        &self,
        by: &By,
        member: &MemberId,
        label: &str,
        role: Role,
        expires_at: Option<Moment>,
    ) -> Result<(ApiKey, Token), ChangeError> {
        change!(self for by, |tx, member, label| {
            api_keys::create(tx, &by, &member, &label, role, expires_at)
        })
    }

    async fn api_keys(&self, org: &OrgId) -> Result<Vec<ApiKey>, StoreError> {
        read!(self, |conn, _keys, org| api_keys::all(conn, &org))
    }

    async fn api_key_revoke(&self, by: &By, id: &KeyId) -> Result<(), ChangeError> {
        change!(self for by, |tx, id| api_keys::revoke(tx, &by, &id))
    }

    async fn servers(&self, org: &OrgId) -> Result<Vec<Server>, StoreError> {
        let found = read!(self, |conn, keys, org| servers::all(conn, &keys, Some(&org)))?;
        Ok(found.into_iter().map(|(server, _)| server).collect())
    }

    async fn server(&self, org: &OrgId, id: &str) -> Result<Option<ServerView>, StoreError> {
        read!(self, |conn, keys, org, id| servers::view(conn, &keys, &org, &id))
    }

    async fn server_create(&self, by: &By, draft: ServerDraft) -> Result<Server, ChangeError> {
        change!(self for by, |tx| servers::create(tx, &by, draft))
    }

    async fn server_update(
        &self,
        by: &By,
        id: &ServerId,
        revision: Option<i64>,
        draft: ServerDraft,
    ) -> Result<Server, ChangeError> {
        change!(self for by, |tx, id| servers::update(tx, &by, &id, revision, draft))
    }

    async fn server_delete(&self, by: &By, id: &ServerId) -> Result<(), ChangeError> {
        change!(self for by, |tx, id| servers::delete(tx, &by, &id))
    }

    async fn tool_accept(
        &self,
        by: &By,
        server: &ServerId,
        tool: &str,
        fingerprint: &str,
    ) -> Result<Tool, ChangeError> {
        change!(self for by, |tx, server, tool, fingerprint| {
            tools::accept(tx, &by, &server, &tool, &fingerprint)
        })
    }

    async fn credential_set(
        &self,
        by: &By,
        server: &ServerId,
        headers: Vec<(String, Secret)>,
    ) -> Result<Credential, ChangeError> {
        change!(self for by, |tx, server| credentials::set(tx, &by, &server, headers))
    }

    async fn credential_remove(&self, by: &By, server: &ServerId) -> Result<(), ChangeError> {
        change!(self for by, |tx, server| credentials::remove(tx, &by, &server))
    }

    async fn policies(&self, org: &OrgId) -> Result<Vec<Policy>, StoreError> {
        read!(self, |conn, keys, org| policies::all(conn, &keys, &org))
    }

    async fn policy(&self, org: &OrgId, id: &str) -> Result<Option<Policy>, StoreError> {
        let found = read!(self, |conn, keys, org, id| policies::one(conn, &keys, &org, &id))?;
        Ok(found.map(|(policy, _)| policy))
    }

    async fn policy_create(
        &self,
        by: &By,
        name: &str,
        server: Option<ServerId>,
    ) -> Result<Policy, ChangeError> {
        change!(self for by, |tx, name| policies::create(tx, &by, &name, server))
    }

    async fn policy_publish(
        &self,
        by: &By,
        id: &PolicyId,
        text: Vec<u8>,
        cases: Option<Vec<u8>>,
        note: &str,
        expected_latest: Option<u32>,
    ) -> Result<PolicyVersion, ChangeError> {
        let note = note.to_owned();
        let new = policies::Publication { text, cases, note, expected_latest, kept_in: None };
        change!(self for by, |tx, id| policies::publish(tx, &by, &id, new))
    }

    async fn policy_create_published(
        &self,
        by: &By,
        name: &str,
        server: Option<ServerId>,
        text: Vec<u8>,
        cases: Option<Vec<u8>>,
        note: &str,
    ) -> Result<(Policy, PolicyVersion), ChangeError> {
        let note = note.to_owned();
        let new = policies::Publication { text, cases, note, expected_latest: None, kept_in: None };
        change!(self for by, |tx, name| policies::create_published(tx, &by, &name, server, new))
    }

    async fn policy_versions(
        &self,
        org: &OrgId,
        id: &PolicyId,
    ) -> Result<Vec<VersionLine>, StoreError> {
        read!(self, |conn, keys, org, id| policies::versions(conn, &keys, &org, &id))
    }

    async fn policy_version(
        &self,
        org: &OrgId,
        id: &PolicyId,
        number: u32,
    ) -> Result<Option<PolicyVersion>, StoreError> {
        read!(self, |conn, keys, org, id| policies::version(conn, &keys, &org, &id, number))
    }

    async fn policy_draft(
        &self,
        org: &OrgId,
        id: &PolicyId,
    ) -> Result<Option<PolicyDraft>, StoreError> {
        read!(self, |conn, keys, org, id| drafts::one(conn, &keys, &org, &id))
    }

    async fn policy_draft_put(
        &self,
        by: &By,
        id: &PolicyId,
        revision: i64,
        draft: DraftText,
    ) -> Result<PolicyDraft, ChangeError> {
        change!(self for by, |tx, id| drafts::put(tx, &by, &id, revision, draft))
    }

    async fn policy_draft_drop(
        &self,
        by: &By,
        id: &PolicyId,
        revision: i64,
    ) -> Result<(), ChangeError> {
        change!(self for by, |tx, id| drafts::drop(tx, &by, &id, revision))
    }

    async fn policy_draft_publish(
        &self,
        by: &By,
        id: &PolicyId,
        revision: i64,
        note: &str,
    ) -> Result<PolicyVersion, ChangeError> {
        change!(self for by, |tx, id, note| drafts::publish(tx, &by, &id, revision, &note))
    }

    async fn policy_delete(&self, by: &By, id: &PolicyId) -> Result<(), ChangeError> {
        change!(self for by, |tx, id| policies::delete(tx, &by, &id, None))
    }

    async fn grants(&self, org: &OrgId) -> Result<Vec<Grant>, StoreError> {
        let found = read!(self, |conn, keys, org| grant_rows::all(conn, &keys, &org))?;
        Ok(found.into_iter().map(|found| found.grant).collect())
    }

    async fn grant(&self, org: &OrgId, id: &str) -> Result<Option<Grant>, StoreError> {
        let found = read!(self, |conn, keys, org, id| grant_rows::one(conn, &keys, &org, &id))?;
        Ok(found.map(|found| found.grant))
    }

    async fn grant_issue(&self, by: &By, draft: GrantDraft) -> Result<(Grant, Token), ChangeError> {
        change!(self for by, |tx| grants::issue(tx, &by, draft))
    }

    async fn grant_rotate(
        &self,
        by: &By,
        id: &GrantId,
        overlap_seconds: i64,
    ) -> Result<(Grant, Token), ChangeError> {
        change!(self for by, |tx, id| grants::rotate(tx, &by, &id, overlap_seconds))
    }

    async fn grant_set_state(
        &self,
        by: &By,
        id: &GrantId,
        state: GrantState,
    ) -> Result<Grant, ChangeError> {
        change!(self for by, |tx, id| grants::set_state(tx, &by, &id, state))
    }

    async fn grant_hand_over(
        &self,
        by: &By,
        id: &GrantId,
        owner: &MemberId,
    ) -> Result<Grant, ChangeError> {
        change!(self for by, |tx, id, owner| grants::hand_over(tx, &by, &id, &owner))
    }

    async fn grant_attach(
        &self,
        by: &By,
        id: &GrantId,
        server: &ServerId,
        policy: Option<PolicyId>,
    ) -> Result<Grant, ChangeError> {
        change!(self for by, |tx, id, server| grants::attach(tx, &by, &id, &server, policy))
    }

    async fn calls(
        &self,
        org: &OrgId,
        filter: &CallFilter,
        page: &Page,
    ) -> Result<Slice<Call>, StoreError> {
        read!(self, |conn, _keys, org, filter, page| call_log::calls(conn, &org, &filter, &page))
    }

    async fn calls_after(
        &self,
        org: &OrgId,
        filter: &CallFilter,
        index: i64,
        limit: u32,
    ) -> Result<Vec<Call>, StoreError> {
        read!(self, |conn, _keys, org, filter| {
            call_log::calls_after(conn, &org, &filter, index, limit)
        })
    }

    async fn call(&self, org: &OrgId, id: &CallId) -> Result<Option<Call>, StoreError> {
        read!(self, |conn, _keys, org, id| call_log::call(conn, &org, &id))
    }

    async fn call_sums(&self, org: &OrgId, span: &CallSpan) -> Result<CallSums, StoreError> {
        read!(self, |conn, _keys, org, span| call_sums::of(conn, &org, &span))
    }

    async fn policy_use(&self, org: &OrgId, span: &UseSpan) -> Result<PolicyUse, StoreError> {
        read!(self, |conn, _keys, org, span| policy_use::of(conn, &org, &span))
    }

    fn calls_changed(&self) -> watch::Receiver<u64> {
        self.desk.calls_changed.subscribe()
    }

    async fn usage(&self, org: &OrgId, grant: &GrantId) -> Result<GrantUsage, StoreError> {
        let stated =
            read!(self, |conn, keys, org, grant| { usage::in_force(conn, &keys, &org, &grant) })?;
        let mut book = locked(&self.desk.book);
        let (ledger, now) = book.look();
        Ok(usage::of(ledger, now, &stated, org, grant))
    }

    async fn limits_under(
        &self,
        org: &OrgId,
        policy: &PolicyId,
        stated: Vec<policy::StatedLimit>,
        since: Moment,
    ) -> Result<LimitStandings, StoreError> {
        let subjects =
            read!(self, |conn, keys, org, policy| standings::subjects(conn, &keys, &org, &policy))?;
        let mut book = locked(&self.desk.book);
        let (ledger, now) = book.look();
        Ok(standings::of(ledger, now, since.micros(), &subjects, &stated))
    }

    async fn reservations(
        &self,
        org: &OrgId,
        state: quota::State,
        grant: Option<&str>,
        page: &Page,
    ) -> Result<Slice<Reserved>, StoreError> {
        let found = reservations::held(&self.desk.book, org, state, page.after.as_deref());
        let (grant, limit) = (grant.map(str::to_owned), page.limit);
        read!(self, |conn, _keys, org| {
            reservations::page(conn, &org, grant.as_deref(), &found, limit)
        })
    }

    async fn reservation_resolve(
        &self,
        by: &By,
        call: &CallId,
        fate: quota::Fate,
        reason: &str,
    ) -> Result<Reserved, ChangeError> {
        let desk = Arc::clone(&self.desk);
        change!(self for by, |tx, call, reason| {
            reservations::resolve(tx, &desk.book, &by, call, fate, &reason)
        })?;
        let known = locked(&self.desk.book).look().0.reservation(&call.0).cloned();
        let gone = || ChangeError::NotFound { what: "reservation", id: call.to_string() };
        let (known, org) = (known.ok_or_else(gone)?, &by.org);
        Ok(read!(self, |conn, _keys, org| reservations::with_line(conn, &org, &known))?)
    }

    async fn clock_state(&self) -> Result<ClockState, StoreError> {
        let reading = locked(&self.desk.book).read_clock();
        Ok(ClockState { at: Moment::of_micros(reading.now), doubt: reading.doubt })
    }

    async fn clock_confirm(&self, by: &By, reason: &str) -> Result<ClockState, ChangeError> {
        names::reason("reason", reason)?;
        let before = locked(&self.desk.book).read_clock();
        if let Some(doubt) = before.doubt {
            change!(self for by, |tx, reason| {
                let detail = Detail::default()
                    .now("doubt", doubt.to_string())
                    .now("reason", reason.as_str());
                tx.record(&by, "clock.confirmed", "clock", detail, ())
            })?;
            // The line stands: somebody has given their word.
            locked(&self.desk.book).confirm_clock();
        }
        Ok(self.clock_state().await?)
    }

    async fn audit(
        &self,
        org: &OrgId,
        filter: &AuditFilter,
        page: &Page,
    ) -> Result<Slice<AuditEvent>, StoreError> {
        read!(self, |conn, _keys, org, filter, page| audit_log::audit(conn, &org, &filter, &page))
    }

    async fn audit_after(
        &self,
        org: &OrgId,
        filter: &AuditFilter,
        index: i64,
        limit: u32,
    ) -> Result<Vec<AuditEvent>, StoreError> {
        read!(self, |conn, _keys, org, filter| {
            audit_log::audit_after(conn, &org, &filter, index, limit)
        })
    }

    async fn noted(
        &self,
        by: &By,
        event: &'static str,
        subject: &str,
        fields: Vec<(String, String)>,
    ) -> Result<(), ChangeError> {
        change!(self for by, |tx, subject| {
            let detail = fields.into_iter().fold(Detail::default(), |detail, (field, value)| {
                detail.now(&field, value.as_str())
            });
            tx.record(&by, event, &subject, detail, ())
        })
    }

    fn refused(&self, refusal: StrangerRefusal) {
        self.desk.stranger(refusal);
    }

    async fn refusals(
        &self,
        org: &OrgId,
        page: &Page,
    ) -> Result<Slice<StrangerRefusal>, StoreError> {
        // What was counted in the last second is written first, so nobody looks at an old count.
        DataPlane::flush(self).await?;
        let strangers_too = *org == self.org;
        read!(self, |conn, _keys, org, page| {
            audit_log::refusals(conn, &org, strangers_too, &page)
        })
    }

    async fn backup(&self, by: &By) -> Result<std::fs::File, ChangeError> {
        let id = self.keys.id_bytes().map_err(|_| StoreError::NoRandomness)?;
        let name: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
        self.noted(by, "backup.taken", "backup", Vec::new()).await?;
        let dir = self.dir.clone();
        let copied = tokio::task::spawn_blocking(move || backup::copy(&dir, &name));
        Ok(copied.await.map_err(|_| StoreError::Closed)??)
    }

    fn keyring(&self) -> Arc<Keyring> {
        Sqlite::keyring(self)
    }

    async fn idempotent(&self, by: &By, key: &str) -> Result<Option<(u16, String)>, StoreError> {
        let (actor, since) = (actor(by), by.at.plus_seconds(-IDEMPOTENT_SECONDS));
        read!(self, |conn, _keys, by, key| {
            let found = conn
                .prepare_cached(
                    "SELECT status, body FROM idempotency \
                     WHERE org = ?1 AND actor = ?2 AND key = ?3 AND kept_at > ?4",
                )?
                .query_row(params![by.org.as_str(), actor, key, since.micros()], |row| {
                    Ok((row.get::<_, i64>(0)?, row.get(1)?))
                })
                .optional()?;
            found.map(|(status, body)| Ok((number(status, "idempotency")?, body))).transpose()
        })
    }

    async fn idempotent_request(&self, by: &By, key: &str) -> Result<Option<[u8; 32]>, StoreError> {
        let (actor, since) = (actor(by), by.at.plus_seconds(-IDEMPOTENT_SECONDS));
        read!(self, |conn, _keys, by, key| {
            let found = conn
                .prepare_cached(
                    "SELECT request FROM idempotency \
                     WHERE org = ?1 AND actor = ?2 AND key = ?3 AND kept_at > ?4",
                )?
                .query_row(params![by.org.as_str(), actor, key, since.micros()], |row| row.get(0))
                .optional()?;
            Ok(found)
        })
    }

    async fn idempotent_keep(
        &self,
        by: &By,
        key: &str,
        request: [u8; 32],
        status: u16,
        body: &str,
    ) -> Result<(), StoreError> {
        let actor = actor(by);
        let kept = change!(self for by, |tx, key, body| {
            let since = by.at.plus_seconds(-IDEMPOTENT_SECONDS);
            tx.conn
                .prepare_cached("DELETE FROM idempotency WHERE kept_at <= ?1")?
                .execute([since.micros()])?;
            // The first answer stands.
            tx.conn
                .prepare_cached(
                    "INSERT INTO idempotency (org, actor, key, request, status, body, kept_at) \
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING",
                )?
                .execute(params![
                    by.org.as_str(),
                    actor,
                    key,
                    request,
                    status,
                    body,
                    by.at.micros()
                ])?;
            // It is the memory of a request, not a change of its own.
            Ok(Recorded::unchanged(()))
        });
        kept.map_err(|error| match error {
            ChangeError::Store(error) => error,
            other => StoreError::Unavailable(other.into()),
        })
    }
}

/// Keys are told apart by id, and so are people who use none; the program itself is nobody.
fn actor(by: &By) -> String {
    let member = by.member.as_ref().map_or_else(String::new, MemberId::to_string);
    by.key.as_ref().map_or(member, KeyId::to_string)
}
