//! The contract about people, over SQLite.

use std::sync::Arc;

use async_trait::async_trait;
use vault::{Token, TokenKind};

use super::control_plane::{change, read};
use super::{Sqlite, groups, invites, members};
use crate::*;

#[async_trait]
impl People for Sqlite {
    async fn members(&self, org: &OrgId) -> Result<Vec<Member>, StoreError> {
        read!(self, |conn, keys, org| members::all(conn, &keys, &org))
    }

    async fn member(&self, org: &OrgId, id: &str) -> Result<Option<Member>, StoreError> {
        let found = read!(self, |conn, keys, org, id| members::one(conn, &keys, &org, &id))?;
        Ok(found.map(|(member, _)| member))
    }

    async fn member_by_email(
        &self,
        org: &OrgId,
        email: &str,
    ) -> Result<Option<Member>, StoreError> {
        // No id holds an `@`, and every address does.
        if !email.contains('@') {
            return Ok(None);
        }
        let found = read!(self, |conn, keys, org, email| members::one(conn, &keys, &org, &email))?;
        Ok(found.map(|(member, _)| member))
    }

    async fn member_add(&self, by: &By, draft: MemberDraft) -> Result<Member, ChangeError> {
        change!(self for by, |tx| members::add(tx, &by, draft))
    }

    async fn member_invite(
        &self,
        by: &By,
        draft: MemberDraft,
        expires_at: Moment,
    ) -> Result<(Member, Token), ChangeError> {
        change!(self for by, |tx| invites::invite(tx, &by, draft, expires_at))
    }

    async fn member_reinvite(
        &self,
        by: &By,
        id: &MemberId,
        expires_at: Moment,
    ) -> Result<(Member, Token), ChangeError> {
        change!(self for by, |tx, id| invites::reinvite(tx, &by, &id, expires_at))
    }

    async fn invite_of(&self, token: &Token, now: Moment) -> Result<Option<Invite>, StoreError> {
        let Some(token) = copied(token) else { return Ok(None) };
        read!(self, |conn, keys| invites::of_token(conn, &keys, &token, now))
    }

    async fn invite_accept(
        &self,
        token: &Token,
        name: Option<&str>,
        address: Option<String>,
        at: Moment,
    ) -> Result<Member, ChangeError> {
        let Some(token) = copied(token) else {
            return Err(ChangeError::Gone { what: "invitation" });
        };
        let name = name.map(str::to_owned);
        change!(self, |tx| invites::accept(tx, &token, name.as_deref(), address, at))
    }

    async fn member_update(
        &self,
        by: &By,
        id: &MemberId,
        revision: Option<i64>,
        change: MemberChange,
    ) -> Result<Member, ChangeError> {
        change!(self for by, |tx, id| members::update(tx, &by, &id, revision, change))
    }

    async fn member_remove(
        &self,
        by: &By,
        id: &MemberId,
        grants: Vec<(GrantId, Fate)>,
    ) -> Result<Member, ChangeError> {
        change!(self for by, |tx, id| members::remove(tx, &by, &id, grants))
    }

    async fn groups(&self, org: &OrgId) -> Result<Vec<Group>, StoreError> {
        read!(self, |conn, keys, org| groups::all(conn, &keys, &org))
    }

    async fn group(&self, org: &OrgId, id: &str) -> Result<Option<Group>, StoreError> {
        let found = read!(self, |conn, keys, org, id| groups::one(conn, &keys, &org, &id))?;
        Ok(found.map(|(group, _)| group))
    }

    async fn group_create(
        &self,
        by: &By,
        name: &str,
        members: Vec<MemberId>,
    ) -> Result<Group, ChangeError> {
        change!(self for by, |tx, name| groups::create(tx, &by, &name, members))
    }

    async fn group_update(
        &self,
        by: &By,
        id: &GroupId,
        revision: Option<i64>,
        name: &str,
        members: Vec<MemberId>,
    ) -> Result<Group, ChangeError> {
        change!(self for by, |tx, id, name| groups::update(tx, &by, &id, revision, &name, members))
    }

    async fn group_delete(&self, by: &By, id: &GroupId) -> Result<(), ChangeError> {
        change!(self for by, |tx, id| groups::delete(tx, &by, &id))
    }
}

/// A copy of the token for the thread that works with it; it is wiped there.
fn copied(token: &Token) -> Option<Token> {
    Token::parse(TokenKind::Invite, token.expose().as_bytes()).ok()
}
