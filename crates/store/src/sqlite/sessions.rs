//! Sessions: signed-in browsers. The token itself stands in a cookie and nowhere here.

use rusqlite::{Connection, Row, params};
use vault::{Token, TokenKind};

use super::fault::{Fault, corrupt};
use super::keys::{Fields, Keys, PEPPER_VERSION};
use super::members;
use super::tx::{Detail, Recorded, Tx};
use crate::{
    By, ChangeError, MemberId, Moment, OrgId, SESSION_IDLE_SECONDS, SESSION_LIFE_SECONDS, Session,
    SessionDraft, SessionHolder, SessionId, SignInMethod,
};

/// The most sessions of one member; beyond it the one unused for longest ends.
const SESSIONS_MAX: i64 = 20;
/// What is kept of a browser's name for itself, in characters.
const AGENT_MAX: usize = 200;
/// How old the note of a session's last use may be.
const SEEN_SECONDS: i64 = 60;

struct Found {
    session: Session,
    token_id: String,
    hash: [u8; 32],
    pepper: u32,
    mac: Vec<u8>,
}

fn fields(session: &Session, token_id: &str, hash: &[u8; 32], pepper: u32) -> Fields {
    Fields::of(session.org.as_str(), session.id.as_str())
        .text(session.member.as_str())
        .text(session.method.as_str())
        .text(token_id)
        .bytes(hash)
        .int(i64::from(pepper))
        .int(session.created_at.micros())
        .int(session.proved_at.micros())
        .int(session.expires_at.micros())
        .maybe_text(session.address.as_deref())
        .maybe_text(session.agent.as_deref())
}

const SESSION: &str = "SELECT org, id, member, method, token_id, hash, pepper, created_at, \
    proved_at, seen_at, expires_at, address, agent, mac FROM sessions";

fn of_row(row: &Row<'_>) -> Result<Found, Fault> {
    let method: String = row.get(3)?;
    Ok(Found {
        session: Session {
            org: row.get::<_, String>(0)?.into(),
            id: row.get::<_, String>(1)?.into(),
            member: row.get::<_, String>(2)?.into(),
            method: SignInMethod::parse(&method).ok_or_else(|| corrupt("sessions"))?,
            created_at: Moment::of_micros(row.get(7)?),
            proved_at: Moment::of_micros(row.get(8)?),
            seen_at: Moment::of_micros(row.get(9)?),
            expires_at: Moment::of_micros(row.get(10)?),
            address: row.get(11)?,
            agent: row.get(12)?,
        },
        token_id: row.get(4)?,
        hash: row.get(5)?,
        pepper: row.get(6)?,
        mac: row.get(13)?,
    })
}

impl Found {
    fn is_ours(&self, keys: &Keys) -> bool {
        let fields = fields(&self.session, &self.token_id, &self.hash, self.pepper);
        self.pepper == PEPPER_VERSION && keys.verify("sessions", &fields, &self.mac)
    }
}

/// Whether the session has neither ended nor been left alone for too long.
fn lives(session: &Session, now: Moment) -> bool {
    // A note of its use from the future is no reason to live longer.
    let seen = session.seen_at.micros().min(now.micros());
    now < session.expires_at
        && now < Moment::of_micros(seen).plus_seconds(SESSION_IDLE_SECONDS)
        && now < session.created_at.plus_seconds(SESSION_LIFE_SECONDS)
}

/// The session that this token is, if it is good now.
pub(super) fn of_token(
    conn: &Connection,
    keys: &Keys,
    token: &Token,
    now: Moment,
) -> Result<Option<SessionHolder>, Fault> {
    let mut statement = conn.prepare_cached(&format!("{SESSION} WHERE token_id = ?1"))?;
    let mut rows = statement.query([token.id().as_str()])?;
    let Some(row) = rows.next()? else {
        // As much work as for an id that is known.
        let _ = token.matches(&keys.pepper, &[0; 32]);
        return Ok(None);
    };
    let found = of_row(row)?;
    let good = token.kind() == TokenKind::Session
        && token.matches(&keys.pepper, &found.hash)
        && found.is_ours(keys)
        && lives(&found.session, now);
    if !good {
        return Ok(None);
    }
    let session = found.session;
    let member = members::acting(conn, keys, &session.org, &session.member)?;
    Ok(member.map(|member| SessionHolder { session, member }))
}

/// Whether this session of the member is open now.
pub(super) fn is_open(
    conn: &Connection,
    keys: &Keys,
    org: &OrgId,
    id: &SessionId,
    member: &MemberId,
    now: Moment,
) -> Result<bool, Fault> {
    let mut statement = conn.prepare_cached(&format!("{SESSION} WHERE org = ?1 AND id = ?2"))?;
    let mut rows = statement.query([org.as_str(), id.as_str()])?;
    let Some(found) = rows.next()?.map(of_row).transpose()? else { return Ok(false) };
    Ok(found.session.member == *member && found.is_ours(keys) && lives(&found.session, now))
}

/// The living sessions of a member, newest first.
pub(super) fn all(
    conn: &Connection,
    keys: &Keys,
    org: &OrgId,
    member: &MemberId,
    now: Moment,
) -> Result<Vec<Session>, Fault> {
    let sql = format!("{SESSION} WHERE org = ?1 AND member = ?2 ORDER BY created_at DESC, id DESC");
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query([org.as_str(), member.as_str()])?;
    let mut sessions = Vec::new();
    while let Some(row) = rows.next()? {
        let found = of_row(row)?;
        if found.is_ours(keys) && lives(&found.session, now) {
            sessions.push(found.session);
        }
    }
    Ok(sessions)
}

fn write(tx: &Tx<'_>, session: &Session) -> Result<Token, Fault> {
    let token = Token::mint(TokenKind::Session, &*tx.keys.random)?;
    let (token_id, hash) = (token.id().as_str().to_owned(), token.hash(&tx.keys.pepper));
    tx.conn
        .prepare_cached(
            "INSERT OR REPLACE INTO sessions (org, id, member, method, token_id, hash, pepper, \
             created_at, proved_at, seen_at, expires_at, address, agent, mac) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        )?
        .execute(params![
            session.org.as_str(),
            session.id.as_str(),
            session.member.as_str(),
            session.method.as_str(),
            token_id,
            hash,
            PEPPER_VERSION,
            session.created_at.micros(),
            session.proved_at.micros(),
            session.seen_at.micros(),
            session.expires_at.micros(),
            session.address,
            session.agent,
            tx.keys.mac("sessions", &fields(session, &token_id, &hash, PEPPER_VERSION)),
        ])?;
    Ok(token)
}

pub(super) fn open(
    tx: &Tx<'_>,
    by: &By,
    member: &MemberId,
    draft: SessionDraft,
) -> Result<Recorded<(Session, Token)>, Fault> {
    // Who was removed or is not in yet since they proved who they are does not get in.
    let member = members::acting(tx.conn, tx.keys, &by.org, member)?
        .ok_or_else(|| ChangeError::NotFound { what: "member", id: member.to_string() })?;
    tidy(tx, by, &member.id)?;
    if let Some(old) = &draft.replaces {
        tx.conn
            .prepare_cached("DELETE FROM sessions WHERE org = ?1 AND id = ?2")?
            .execute([by.org.as_str(), old.as_str()])?;
    }
    let line = |text: String| text.chars().filter(|c| !c.is_control()).take(AGENT_MAX).collect();
    let session = Session {
        id: SessionId::random(tx.keys.id_bytes()?),
        org: by.org.clone(),
        member: member.id,
        method: draft.method,
        created_at: by.at,
        proved_at: draft.proved_at,
        seen_at: by.at,
        expires_at: by.at.plus_seconds(SESSION_LIFE_SECONDS),
        address: by.address.clone(),
        agent: draft.agent.map(line),
    };
    let token = write(tx, &session)?;
    let by = By { session: Some(session.id.clone()), ..by.clone() };
    let detail = Detail::default().now("method", session.method.as_str());
    tx.record(&by, "session.opened", session.id.clone().as_str(), detail, (session, token))
}

/// Drops what has ended, and makes room for one more.
fn tidy(tx: &Tx<'_>, by: &By, member: &MemberId) -> Result<(), Fault> {
    let idle = by.at.plus_seconds(-SESSION_IDLE_SECONDS).micros();
    tx.conn
        .prepare_cached(
            "DELETE FROM sessions WHERE org = ?1 AND (expires_at <= ?2 OR seen_at <= ?3)",
        )?
        .execute(params![by.org.as_str(), by.at.micros(), idle])?;
    tx.conn
        .prepare_cached(
            "DELETE FROM sessions WHERE org = ?1 AND id IN (SELECT id FROM sessions \
             WHERE org = ?1 AND member = ?2 ORDER BY seen_at DESC, id LIMIT -1 OFFSET ?3)",
        )?
        .execute(params![by.org.as_str(), member.as_str(), SESSIONS_MAX - 1])?;
    Ok(())
}

/// Notes that the session is used, unless that was noted a moment ago.
pub(super) fn is_due(session: &Session, now: Moment) -> bool {
    now >= session.seen_at.plus_seconds(SEEN_SECONDS)
}

pub(super) fn seen(tx: &Tx<'_>, session: &Session, now: Moment) -> Result<Recorded<()>, Fault> {
    // Its use changes nothing that anybody would ask the audit log for.
    tx.conn
        .prepare_cached(
            "UPDATE sessions SET seen_at = max(seen_at, ?3) WHERE org = ?1 AND id = ?2",
        )?
        .execute(params![session.org.as_str(), session.id.as_str(), now.micros()])?;
    Ok(Recorded::unchanged(()))
}

fn one(tx: &Tx<'_>, by: &By, id: &SessionId) -> Result<Session, Fault> {
    let missing = || ChangeError::NotFound { what: "session", id: id.to_string() };
    let mut statement = tx.conn.prepare_cached(&format!("{SESSION} WHERE org = ?1 AND id = ?2"))?;
    let mut rows = statement.query([by.org.as_str(), id.as_str()])?;
    let found = rows.next()?.map(of_row).transpose()?;
    let found = found.filter(|found| found.is_ours(tx.keys) && lives(&found.session, by.at));
    Ok(found.ok_or_else(missing)?.session)
}

pub(super) fn prove(
    tx: &Tx<'_>,
    by: &By,
    id: &SessionId,
    method: SignInMethod,
) -> Result<Recorded<(Session, Token)>, Fault> {
    let mut session = one(tx, by, id)?;
    (session.proved_at, session.seen_at) = (by.at, by.at);
    let token = write(tx, &session)?;
    let detail = Detail::default().now("method", method.as_str());
    tx.record(by, "session.proved", id.as_str(), detail, (session, token))
}

pub(super) fn close(
    tx: &Tx<'_>,
    by: &By,
    member: &MemberId,
    id: &SessionId,
) -> Result<Recorded<()>, Fault> {
    let gone = tx
        .conn
        .prepare_cached("DELETE FROM sessions WHERE org = ?1 AND member = ?2 AND id = ?3")?
        .execute([by.org.as_str(), member.as_str(), id.as_str()])?;
    if gone == 0 {
        return Err(ChangeError::NotFound { what: "session", id: id.to_string() }.into());
    }
    tx.record(by, "session.closed", id.as_str(), Detail::default(), ())
}

/// Ends the sessions of a member, but perhaps one. Answers how many there were.
pub(super) fn end_all(
    tx: &Tx<'_>,
    org: &OrgId,
    member: &MemberId,
    but: Option<&SessionId>,
) -> Result<i64, Fault> {
    let gone = tx
        .conn
        .prepare_cached("DELETE FROM sessions WHERE org = ?1 AND member = ?2 AND id <> ?3")?
        .execute([org.as_str(), member.as_str(), but.map_or("", SessionId::as_str)])?;
    Ok(i64::try_from(gone).unwrap_or(i64::MAX))
}

pub(super) fn close_all(tx: &Tx<'_>, by: &By, member: &MemberId) -> Result<Recorded<i64>, Fault> {
    let gone = end_all(tx, &by.org, member, None)?;
    if gone == 0 {
        return Ok(Recorded::unchanged(0));
    }
    let detail = Detail::default().now("sessions_ended", gone);
    tx.record(by, "sessions.closed", member.as_str(), detail, gone)
}
