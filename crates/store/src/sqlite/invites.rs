//! Invitations: a link that lets one member in, once, for a while. The token itself is never kept.

use rusqlite::{Connection, OptionalExtension, params};
use vault::{Token, TokenKind};

use super::fault::Fault;
use super::keys::{Fields, Keys, PEPPER_VERSION};
use super::members;
use super::tx::{Detail, Recorded, Tx};
use crate::{
    By, ChangeError, Invite, Member, MemberDraft, MemberId, MemberState, Moment, OrgId, names,
};

/// The longest life of a link: 30 days.
const LIFE_SECONDS_MAX: i64 = 30 * 86_400;

const GONE: ChangeError = ChangeError::Gone { what: "invitation" };

struct Row {
    org: OrgId,
    member: MemberId,
    token_id: String,
    hash: [u8; 32],
    pepper: u32,
    created_at: Moment,
    expires_at: Moment,
}

fn fields(row: &Row) -> Fields {
    Fields::of(row.org.as_str(), row.member.as_str())
        .text(&row.token_id)
        .bytes(&row.hash)
        .int(i64::from(row.pepper))
        .int(row.created_at.micros())
        .int(row.expires_at.micros())
}

/// The invitation that this token is, if it is good now.
pub(super) fn of_token(
    conn: &Connection,
    keys: &Keys,
    token: &Token,
    now: Moment,
) -> Result<Option<Invite>, Fault> {
    let found = conn
        .prepare_cached(
            "SELECT org, member, token_id, hash, pepper, created_at, expires_at, mac \
             FROM invites WHERE token_id = ?1",
        )?
        .query_row([token.id().as_str()], |row| {
            let found = Row {
                org: row.get::<_, String>(0)?.into(),
                member: row.get::<_, String>(1)?.into(),
                token_id: row.get(2)?,
                hash: row.get(3)?,
                pepper: row.get(4)?,
                created_at: Moment::of_micros(row.get(5)?),
                expires_at: Moment::of_micros(row.get(6)?),
            };
            Ok((found, row.get::<_, Vec<u8>>(7)?))
        })
        .optional()?;
    let Some((row, mac)) = found else {
        // As much work as for an id that is known.
        let _ = token.matches(&keys.pepper, &[0; 32]);
        return Ok(None);
    };
    let good = row.pepper == PEPPER_VERSION
        && token.kind() == TokenKind::Invite
        && token.matches(&keys.pepper, &row.hash)
        && keys.verify("invites", &fields(&row), &mac)
        && now < row.expires_at;
    if !good {
        return Ok(None);
    }
    let member = members::one(conn, keys, &row.org, row.member.as_str())?;
    Ok(member.and_then(|(member, ours)| {
        let open = ours && member.id == row.member && member.state == MemberState::Invited;
        open.then_some(Invite { member, created_at: row.created_at, expires_at: row.expires_at })
    }))
}

/// Makes the one link of a member; an earlier one ends.
fn make(tx: &Tx<'_>, by: &By, member: &Member, expires_at: Moment) -> Result<Token, Fault> {
    let invalid = |problem| ChangeError::Invalid { field: "expires_at", problem };
    if expires_at <= by.at {
        return Err(invalid("must lie ahead").into());
    }
    if expires_at > by.at.plus_seconds(LIFE_SECONDS_MAX) {
        return Err(invalid("must be at most 30 days ahead").into());
    }
    let token = Token::mint(TokenKind::Invite, &*tx.keys.random)?;
    let row = Row {
        org: member.org.clone(),
        member: member.id.clone(),
        token_id: token.id().as_str().to_owned(),
        hash: token.hash(&tx.keys.pepper),
        pepper: PEPPER_VERSION,
        created_at: by.at,
        expires_at,
    };
    tx.conn
        .prepare_cached(
            "INSERT OR REPLACE INTO invites (org, member, token_id, hash, pepper, created_at, \
             expires_at, mac) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            row.org.as_str(),
            row.member.as_str(),
            row.token_id,
            row.hash,
            row.pepper,
            row.created_at.micros(),
            row.expires_at.micros(),
            tx.keys.mac("invites", &fields(&row)),
        ])?;
    Ok(token)
}

/// Ends a member's link, if there is one.
pub(super) fn end(tx: &Tx<'_>, org: &OrgId, member: &MemberId) -> Result<(), Fault> {
    tx.conn
        .prepare_cached("DELETE FROM invites WHERE org = ?1 AND member = ?2")?
        .execute([org.as_str(), member.as_str()])?;
    Ok(())
}

pub(super) fn invite(
    tx: &Tx<'_>,
    by: &By,
    draft: MemberDraft,
    expires_at: Moment,
) -> Result<Recorded<(Member, Token)>, Fault> {
    let (member, detail) = members::make(tx, by, draft, MemberState::Invited)?;
    let token = make(tx, by, &member, expires_at)?;
    let detail = detail.now("expires_at", expires_at.micros()).secret("token");
    tx.record(by, "member.invited", member.id.clone().as_str(), detail, (member, token))
}

pub(super) fn reinvite(
    tx: &Tx<'_>,
    by: &By,
    id: &MemberId,
    expires_at: Moment,
) -> Result<Recorded<(Member, Token)>, Fault> {
    let member = members::to_change(tx, &by.org, id)?;
    if member.state != MemberState::Invited {
        let there = "the member has accepted the invitation already";
        return Err(ChangeError::Conflict(there.to_owned()).into());
    }
    let token = make(tx, by, &member, expires_at)?;
    let detail = Detail::default().now("expires_at", expires_at.micros()).secret("token");
    tx.record(by, "member.invited", id.as_str(), detail, (member, token))
}

pub(super) fn accept(
    tx: &Tx<'_>,
    token: &Token,
    name: Option<&str>,
    address: Option<String>,
    at: Moment,
) -> Result<Recorded<Member>, Fault> {
    let Invite { member: before, .. } = of_token(tx.conn, tx.keys, token, at)?.ok_or(GONE)?;
    let mut after = before.clone();
    if let Some(name) = name {
        names::label("name", name, None)?;
        after.name = name.to_owned();
    }
    after.state = MemberState::Active;
    (after.revision, after.updated_at) = (before.revision.saturating_add(1), at);
    members::write(tx, &after)?;
    end(tx, &after.org, &after.id)?;
    let by = By {
        member: Some(after.id.clone()),
        name: after.name.clone(),
        address,
        ..By::program(after.org.clone(), at)
    };
    let detail = Detail::default()
        .change("name", before.name.as_str(), after.name.as_str())
        .change("state", before.state.as_str(), after.state.as_str());
    tx.record(&by, "member.accepted", after.id.clone().as_str(), detail, after)
}
