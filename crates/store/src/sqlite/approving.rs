//! The contracts about approvals, over SQLite.

use async_trait::async_trait;
use rusqlite::params;
use std::sync::Arc;
use tokio::sync::watch;
use vault::Secret;

use super::control_plane::{change, read};
use super::{Sqlite, approval_people, approval_words, approvals, holding};
use crate::*;

/// A change whose only failure is that the store gave no answer.
pub(super) fn no_answer(error: ChangeError) -> StoreError {
    match error {
        ChangeError::Store(error) => error,
        other => StoreError::Unavailable(other.into()),
    }
}

#[async_trait]
impl Approving for Sqlite {
    async fn approval_ask(&self, ask: ApprovalAsk) -> Result<Asked, StoreError> {
        let clock = Arc::clone(&self.desk.clock);
        let asked = self.desk.change(move |tx| approvals::ask(tx, ask, clock.now())).await;
        asked.map_err(no_answer)
    }

    async fn approval_now(
        &self,
        org: &OrgId,
        id: &ApprovalId,
    ) -> Result<Option<Approval>, StoreError> {
        read!(self, |conn, keys, org, id| approvals::one(conn, &keys, &org, id.as_str()))
    }

    async fn call_begin_approved(
        &self,
        intent: Intent,
        charges: Vec<(quota::Key, policy::Charge)>,
        judged_at: u64,
        approval: SignedOff,
    ) -> Result<(), BeginError> {
        self.begin(intent, charges, judged_at, Some(approval)).await
    }

    async fn approval_cancel(&self, org: &OrgId, id: &ApprovalId) -> Result<(), StoreError> {
        let now = self.desk.clock.now();
        let cancelled = change!(self, |tx, org, id| approvals::cancel(tx, &org, &id, now));
        cancelled.map_err(no_answer)
    }

    async fn approvals_sweep(&self) -> Result<usize, StoreError> {
        let now = self.desk.clock.now();
        // Mostly there is nothing to do, and looking costs no commit.
        let over = read!(self, |conn, keys| Ok(approvals::over(conn, &keys, now)?.len()))?;
        if over == 0 {
            return Ok(0);
        }
        change!(self, |tx| approvals::sweep(tx, now)).map_err(no_answer)
    }

    async fn approval_settings(&self, org: &OrgId) -> Result<ApprovalSettings, StoreError> {
        read!(self, |conn, keys, org| approval_people::settings(conn, &keys, &org))
    }

    fn approvals_changed(&self) -> watch::Receiver<u64> {
        self.desk.approvals_changed.subscribe()
    }
}

#[async_trait]
impl Approvals for Sqlite {
    async fn approvals(
        &self,
        org: &OrgId,
        member: &MemberId,
        role: Role,
        which: ApprovalsOf,
        page: &Page,
    ) -> Result<Slice<(Approval, Option<Bar>)>, StoreError> {
        let (now, page) = (self.desk.clock.now().micros(), page.clone());
        read!(self, |conn, keys, org, member| {
            let waits = "state = 'pending' AND expires_at > ?2";
            let (which, order) = match which {
                ApprovalsOf::Waiting => (waits.to_owned(), ("expires_at", ">", "ASC")),
                ApprovalsOf::Decided => (format!("NOT ({waits})"), ("created_at", "<", "DESC")),
            };
            let (column, beyond, direction) = order;
            let sql = format!(
                "{} WHERE org = ?1 AND {which} AND (?3 IS NULL OR ({column}, id) {beyond} \
                 (SELECT {column}, id FROM approvals WHERE org = ?1 AND id = ?3)) \
                 ORDER BY {column} {direction}, id {direction} LIMIT ?4",
                approvals::APPROVAL
            );
            let limit = page.limit.clamp(1, 500);
            let keyed = params![org.as_str(), now, page.after, limit + 1];
            let mut found = approvals::collect(conn, &keys, &sql, keyed)?;
            let more = found.len() > limit as usize;
            found.truncate(limit as usize);
            let next = found.last().filter(|_| more).map(|last| last.id.to_string());
            let mut items = Vec::with_capacity(found.len());
            for approval in found {
                let bar = match approval.state_at(Moment::of_micros(now)) {
                    ApprovalState::Pending => {
                        approval_people::bar_of(conn, &keys, &approval, &member, role)?
                    }
                    _ => Some(Bar::Ended),
                };
                items.push((approval, bar));
            }
            Ok(Slice { items, next })
        })
    }

    async fn approval(
        &self,
        org: &OrgId,
        id: &str,
    ) -> Result<Option<(Approval, Vec<Asking>)>, StoreError> {
        read!(self, |conn, keys, org, id| {
            let Some(approval) = approvals::one(conn, &keys, &org, &id)? else { return Ok(None) };
            let asked = approval_people::asked(conn, &keys, &approval)?;
            Ok(Some((approval, asked)))
        })
    }

    async fn approval_of_call(
        &self,
        org: &OrgId,
        call: &CallId,
    ) -> Result<Option<Approval>, StoreError> {
        read!(self, |conn, keys, org, call| approvals::of_call(conn, &keys, &org, call))
    }

    async fn approvals_waiting(&self, org: &OrgId, grant: &GrantId) -> Result<u32, StoreError> {
        let now = self.desk.clock.now();
        read!(self, |conn, _keys, org, grant| {
            approvals::waiting(conn, &org, grant.as_str(), now)
        })
    }

    async fn approval_bar(
        &self,
        org: &OrgId,
        id: &ApprovalId,
        member: &MemberId,
        role: Role,
    ) -> Result<Option<Bar>, StoreError> {
        let now = self.desk.clock.now();
        read!(self, |conn, keys, org, id, member| {
            match approvals::one(conn, &keys, &org, id.as_str())? {
                Some(of) if of.state_at(now) == ApprovalState::Pending => {
                    approval_people::bar_of(conn, &keys, &of, &member, role)
                }
                _ => Ok(Some(Bar::Ended)),
            }
        })
    }

    async fn approval_open(
        &self,
        by: &By,
        role: Role,
        id: &ApprovalId,
    ) -> Result<(Approval, Secret), ChangeError> {
        change!(self for by, |tx, id| approval_words::open(tx, &by, role, &id))
    }

    async fn approval_decide(
        &self,
        by: &By,
        role: Role,
        id: &ApprovalId,
        word: Word,
    ) -> Result<Approval, ChangeError> {
        change!(self for by, |tx, id| approval_words::decide(tx, &by, role, &id, &word))
    }

    async fn approval_withdraw(
        &self,
        by: &By,
        id: &ApprovalId,
        reason: &str,
    ) -> Result<Approval, ChangeError> {
        change!(self for by, |tx, id, reason| approval_words::withdraw(tx, &by, &id, &reason))
    }

    async fn grant_holding(
        &self,
        org: &OrgId,
        grant: &GrantId,
    ) -> Result<Option<GrantHolding>, StoreError> {
        read!(self, |conn, keys, org, grant| holding::one(conn, &keys, &org, &grant))
    }

    async fn grant_set_holding(
        &self,
        by: &By,
        grant: &GrantId,
        holding: Option<GrantHolding>,
    ) -> Result<(), ChangeError> {
        change!(self for by, |tx, grant| holding::set(tx, &by, &grant, holding))
    }

    async fn approval_settings_of(&self, org: &OrgId) -> Result<ApprovalSettings, StoreError> {
        self.approval_settings(org).await
    }

    async fn approval_settings_set(
        &self,
        by: &By,
        revision: Option<i64>,
        strict: bool,
        show_notes: bool,
    ) -> Result<ApprovalSettings, ChangeError> {
        change!(self for by, |tx| approval_words::set(tx, &by, revision, strict, show_notes))
    }
}
