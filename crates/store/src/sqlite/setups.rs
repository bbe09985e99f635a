//! Setup links: how the first admin gets in, and how members get back who lost their way in.

use rusqlite::{Connection, OptionalExtension as _, params};
use vault::{Secret, Token, TokenKind};

use super::fault::Fault;
use super::keys::{Fields, Keys, PEPPER_VERSION};
use super::tx::{Detail, Recorded, Tx};
use super::{members, passkeys, passwords, sessions};
use crate::{
    By, ChangeError, FIRST_ADMIN_EMAIL, Member, MemberId, MemberState, Moment, OrgId, SetupDraft,
};

/// The longest life of a link: a day.
const LIFE_SECONDS_MAX: i64 = 86_400;

const GONE: ChangeError = ChangeError::Gone { what: "setup link" };

fn fields(
    org: &OrgId,
    member: &MemberId,
    token_id: &str,
    hash: &[u8; 32],
    pepper: u32,
    expires_at: Moment,
) -> Fields {
    Fields::of(org.as_str(), member.as_str())
        .text(token_id)
        .bytes(hash)
        .int(i64::from(pepper))
        .int(expires_at.micros())
}

/// Whether no admin has a way to sign in yet.
pub(super) fn needed(conn: &Connection, org: &OrgId) -> Result<bool, Fault> {
    let able: bool = conn
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM members m WHERE m.org = ?1 AND m.role = 'admin' \
             AND m.state = 'active' AND ( \
             EXISTS (SELECT 1 FROM passwords x WHERE x.org = m.org AND x.member = m.id) OR \
             EXISTS (SELECT 1 FROM passkeys x WHERE x.org = m.org AND x.member = m.id) OR \
             EXISTS (SELECT 1 FROM identities x WHERE x.org = m.org AND x.member = m.id)))",
        )?
        .query_row([org.as_str()], |row| row.get(0))?;
    Ok(!able)
}

/// The member that this link is for, if it is good now.
pub(super) fn of_token(
    conn: &Connection,
    keys: &Keys,
    token: &Token,
    now: Moment,
) -> Result<Option<Member>, Fault> {
    type Row = (String, String, [u8; 32], u32, i64, Vec<u8>);
    let found: Option<Row> = conn
        .prepare_cached(
            "SELECT org, member, hash, pepper, expires_at, mac FROM setups WHERE token_id = ?1",
        )?
        .query_row([token.id().as_str()], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
        })
        .optional()?;
    let Some((org, member, hash, pepper, expires_at, mac)) = found else {
        // As much work as for an id that is known.
        let _ = token.matches(&keys.pepper, &[0; 32]);
        return Ok(None);
    };
    let (org, member) = (OrgId::from(org), MemberId::from(member));
    let expires_at = Moment::of_micros(expires_at);
    let fields = fields(&org, &member, token.id().as_str(), &hash, pepper, expires_at);
    let good = pepper == PEPPER_VERSION
        && token.kind() == TokenKind::Setup
        && token.matches(&keys.pepper, &hash)
        && keys.verify("setups", &fields, &mac)
        && now < expires_at;
    if !good {
        return Ok(None);
    }
    let Some(member) = members::acting(conn, keys, &org, &member)? else { return Ok(None) };
    // The link of the first start is dead as soon as somebody administers without it.
    let dead = member.email == FIRST_ADMIN_EMAIL && !needed(conn, &org)?;
    Ok((!dead).then_some(member))
}

pub(super) fn create(
    tx: &Tx<'_>,
    by: &By,
    member: &MemberId,
    expires_at: Moment,
) -> Result<Recorded<Token>, Fault> {
    let member = members::to_change(tx, &by.org, member)?;
    if member.state != MemberState::Active {
        let wrong = "the member has not accepted the invitation: invite them again".to_owned();
        return Err(ChangeError::Conflict(wrong).into());
    }
    if expires_at <= by.at || expires_at > by.at.plus_seconds(LIFE_SECONDS_MAX) {
        let problem = "must lie at most a day ahead";
        return Err(ChangeError::Invalid { field: "expires_at", problem }.into());
    }
    let token = Token::mint(TokenKind::Setup, &*tx.keys.random)?;
    let (token_id, hash) = (token.id().as_str().to_owned(), token.hash(&tx.keys.pepper));
    let fields = fields(&by.org, &member.id, &token_id, &hash, PEPPER_VERSION, expires_at);
    tx.conn
        .prepare_cached(
            "INSERT OR REPLACE INTO setups (org, member, token_id, hash, pepper, expires_at, mac) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            by.org.as_str(),
            member.id.as_str(),
            token_id,
            hash,
            PEPPER_VERSION,
            expires_at.micros(),
            tx.keys.mac("setups", &fields),
        ])?;
    let detail = Detail::default().now("expires_at", expires_at.micros()).secret("token");
    tx.record(by, "setup.created", member.id.as_str(), detail, token)
}

/// Ends the link of a member, if there is one.
pub(super) fn end(tx: &Tx<'_>, org: &OrgId, member: &MemberId) -> Result<(), Fault> {
    tx.conn
        .prepare_cached("DELETE FROM setups WHERE org = ?1 AND member = ?2")?
        .execute([org.as_str(), member.as_str()])?;
    Ok(())
}

pub(super) fn finish(
    tx: &Tx<'_>,
    token: &Token,
    draft: SetupDraft,
    password: &Secret,
    address: Option<String>,
    at: Moment,
) -> Result<Recorded<Member>, Fault> {
    let before = of_token(tx.conn, tx.keys, token, at)?.ok_or(GONE)?;
    // Only whoever is first says what their address is; others show that they know it.
    if before.email != FIRST_ADMIN_EMAIL && !before.email.eq_ignore_ascii_case(&draft.email) {
        let problem = "is not the address of the member this link is for";
        return Err(ChangeError::Invalid { field: "email", problem }.into());
    }
    let after = members::renamed(tx, &before, draft.email, draft.name, at)?;
    passwords::put(tx, &after.org, &after.id, password, at)?;
    // Whoever lost their way in may have lost it to somebody.
    let sessions = sessions::end_all(tx, &after.org, &after.id, None)?;
    let passkeys = passkeys::end_all(tx, &after.org, &after.id)?;
    end(tx, &after.org, &after.id)?;
    let by = By {
        member: Some(after.id.clone()),
        name: after.name.clone(),
        address,
        ..By::program(after.org.clone(), at)
    };
    let mut detail = Detail::default()
        .change("email", before.email.as_str(), after.email.as_str())
        .change("name", before.name.as_str(), after.name.as_str())
        .secret("password");
    for (what, count) in [("sessions_ended", sessions), ("passkeys_removed", passkeys)] {
        if count > 0 {
            detail = detail.now(what, count);
        }
    }
    tx.record(&by, "setup.finished", after.id.clone().as_str(), detail, after)
}
