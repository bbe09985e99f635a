//! Approvals as rows: asked for by calls, used up by calls, ended by time and by change. What people
//! say is `approval_words.rs`; who they may be is `approval_people.rs`.
//!
//! INVARIANT(erased-at-the-end): whatever ends an approval deletes its sealed arguments in the same
//! transaction, and the write-ahead log is emptied after it.

use rusqlite::{Connection, OptionalExtension, Row, params};
use vault::Place;

use super::approval_codec::{decisions_of, decisions_text, needs_of, needs_text};
use super::fault::{Fault, corrupt};
use super::keys::{Fields, Keys};
use super::outbox;
use super::records::{micros, moment, number};
use super::tx::{Recorded, Tx};
use crate::{
    APPROVAL_ARGUMENTS_BYTES_MAX, APPROVALS_MADE_PER_GRANT_HOUR_MAX,
    APPROVALS_PENDING_PER_GRANT_MAX, Approval, ApprovalAsk, ApprovalId, ApprovalState, Asked,
    CallId, Moment, OrgId, SignedOff,
};

const TABLE: &str = "approvals";
/// Where arguments rest; whoever opens them spells the place the same way.
const ARGUMENTS: &str = "approval_arguments";
/// They are written once.
const GENERATION: u64 = 1;

pub(super) const APPROVAL: &str = "SELECT org, id, state, digest, grant_id, grant_label, identity, \
    server, server_slug, credential, credential_generation, tool, fingerprint, policy, \
    policy_version, needs, decisions, asked, asked_by, used_by, told, reason, created_at, \
    expires_at, ended_at, mac FROM approvals";

fn fields(of: &Approval) -> Fields {
    Fields::of(of.org.as_str(), of.id.as_str())
        .text(of.state.as_str())
        .bytes(&of.digest)
        .text(of.grant.as_str())
        .text(&of.grant_label)
        .text(&of.identity)
        .text(of.server.as_str())
        .text(&of.server_slug)
        .maybe_text(of.credential.as_ref().map(|(id, _)| id.as_str()))
        .maybe_int(of.credential.as_ref().map(|(_, generation)| *generation))
        .text(&of.tool)
        .maybe_text(of.fingerprint.as_deref())
        .text(of.policy.0.as_str())
        .int(of.policy.1.into())
        .text(&needs_text(&of.needs))
        .text(&decisions_text(&of.decisions))
        .int(of.asked.into())
        .bytes(&of.asked_by.0)
        .maybe(of.used_by.as_ref().map(|id| &id.0[..]))
        .int(of.told.into())
        .text(&of.reason)
        .int(of.created_at.micros())
        .int(of.expires_at.micros())
        .maybe_int(micros(of.ended_at))
}

/// An approval. A row that somebody else wrote is none: it could say that people said yes.
fn of_row(keys: &Keys, row: &Row<'_>) -> Result<Approval, Fault> {
    let bad = || corrupt(TABLE);
    let call = |bytes: Vec<u8>| bytes.try_into().map(CallId).map_err(|_| bad());
    let credential: Option<String> = row.get(9)?;
    let generation: Option<i64> = row.get(10)?;
    let found = Approval {
        org: row.get::<_, String>(0)?.into(),
        id: row.get::<_, String>(1)?.into(),
        state: ApprovalState::parse(&row.get::<_, String>(2)?).ok_or_else(bad)?,
        digest: row.get::<_, Vec<u8>>(3)?.try_into().map_err(|_| bad())?,
        grant: row.get::<_, String>(4)?.into(),
        grant_label: row.get(5)?,
        identity: row.get(6)?,
        server: row.get::<_, String>(7)?.into(),
        server_slug: row.get(8)?,
        credential: credential.map(Into::into).zip(generation),
        tool: row.get(11)?,
        fingerprint: row.get(12)?,
        policy: (row.get::<_, String>(13)?.into(), number(row.get(14)?, TABLE)?),
        needs: needs_of(&row.get::<_, String>(15)?)?,
        decisions: decisions_of(&row.get::<_, String>(16)?)?,
        asked: number(row.get(17)?, TABLE)?,
        asked_by: call(row.get(18)?)?,
        used_by: row.get::<_, Option<Vec<u8>>>(19)?.map(call).transpose()?,
        told: row.get(20)?,
        reason: row.get(21)?,
        created_at: Moment::of_micros(row.get(22)?),
        expires_at: Moment::of_micros(row.get(23)?),
        ended_at: moment(row.get(24)?),
    };
    if !keys.verify(TABLE, &fields(&found), &row.get::<_, Vec<u8>>(25)?) {
        tracing::error!(approval = %found.id, "the row of an approval was written by somebody else");
        return Err(bad());
    }
    Ok(found)
}

/// The approvals that a query finds. Forged ones are left out; what stands on them has nothing.
pub(super) fn collect<P: rusqlite::Params>(
    conn: &Connection,
    keys: &Keys,
    sql: &str,
    params: P,
) -> Result<Vec<Approval>, Fault> {
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        match of_row(keys, row) {
            Ok(approval) => found.push(approval),
            Err(fault) if fault.is_unreadable_row() => {}
            Err(fault) => return Err(fault),
        }
    }
    Ok(found)
}

/// One of them.
pub(super) fn one(
    conn: &Connection,
    keys: &Keys,
    org: &OrgId,
    id: &str,
) -> Result<Option<Approval>, Fault> {
    let sql = format!("{APPROVAL} WHERE org = ?1 AND id = ?2");
    Ok(collect(conn, keys, &sql, [org.as_str(), id])?.pop())
}

/// The approval that a call has used, or asked for.
pub(super) fn of_call(
    conn: &Connection,
    keys: &Keys,
    org: &OrgId,
    call: CallId,
) -> Result<Option<Approval>, Fault> {
    let sql = format!(
        "{APPROVAL} WHERE org = ?1 AND (used_by = ?2 OR asked_by = ?2) \
         ORDER BY used_by IS ?2 DESC, created_at LIMIT 1"
    );
    Ok(collect(conn, keys, &sql, params![org.as_str(), &call.0[..]])?.pop())
}

/// How many calls of a grant wait for people.
pub(super) fn waiting(
    conn: &Connection,
    org: &OrgId,
    grant: &str,
    now: Moment,
) -> Result<u32, Fault> {
    let sql = "SELECT count(*) FROM approvals WHERE org = ?1 AND grant_id = ?2 \
        AND state = 'pending' AND expires_at > ?3";
    let keyed = params![org.as_str(), grant, now.micros()];
    Ok(conn.prepare_cached(sql)?.query_row(keyed, |row| row.get(0))?)
}

/// Writes an approval that has changed, or a new one.
pub(super) fn write(tx: &Tx<'_>, of: &Approval) -> Result<(), Fault> {
    put(tx.conn, tx.keys, of)?;
    if of.state.has_ended() && erase(tx.conn, of)? {
        tx.erases();
    }
    tx.asks();
    Ok(())
}

fn put(conn: &Connection, keys: &Keys, of: &Approval) -> Result<(), Fault> {
    conn.prepare_cached(
        "INSERT INTO approvals (org, id, state, digest, grant_id, grant_label, identity, server, \
         server_slug, credential, credential_generation, tool, fingerprint, policy, \
         policy_version, needs, decisions, asked, asked_by, used_by, told, reason, created_at, \
         expires_at, ended_at, mac) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, \
         ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26) \
         ON CONFLICT (org, id) DO UPDATE SET state = excluded.state, \
         decisions = excluded.decisions, asked = excluded.asked, used_by = excluded.used_by, \
         told = excluded.told, reason = excluded.reason, ended_at = excluded.ended_at, \
         mac = excluded.mac",
    )?
    .execute(params![
        of.org.as_str(),
        of.id.as_str(),
        of.state.as_str(),
        of.digest.as_slice(),
        of.grant.as_str(),
        of.grant_label,
        of.identity,
        of.server.as_str(),
        of.server_slug,
        of.credential.as_ref().map(|(id, _)| id.as_str()),
        of.credential.as_ref().map(|(_, generation)| *generation),
        of.tool,
        of.fingerprint,
        of.policy.0.as_str(),
        of.policy.1,
        needs_text(&of.needs),
        decisions_text(&of.decisions),
        of.asked,
        of.asked_by.0.as_slice(),
        of.used_by.as_ref().map(|id| id.0.as_slice()),
        of.told,
        of.reason,
        of.created_at.micros(),
        of.expires_at.micros(),
        micros(of.ended_at),
        keys.mac(TABLE, &fields(of)),
    ])?;
    Ok(())
}

fn erase(conn: &Connection, of: &Approval) -> Result<bool, Fault> {
    let gone = conn
        .prepare_cached("DELETE FROM approval_arguments WHERE org = ?1 AND approval = ?2")?
        .execute([of.org.as_str(), of.id.as_str()])?;
    Ok(gone > 0)
}

/// The sealed arguments, while there are some.
pub(super) fn sealed(conn: &Connection, of: &Approval) -> Result<Option<Vec<u8>>, Fault> {
    let sql = "SELECT sealed FROM approval_arguments WHERE org = ?1 AND approval = ?2";
    let keyed = [of.org.as_str(), of.id.as_str()];
    Ok(conn.prepare_cached(sql)?.query_row(keyed, |row| row.get(0)).optional()?)
}

/// Where the arguments of an approval belong: not even those of another open there.
pub(super) fn place(of: &Approval) -> Place<'_> {
    let (org, record) = (of.org.as_str(), of.id.as_str());
    Place { org, table: ARGUMENTS, record, field: "sealed", generation: GENERATION }
}

/// Ends an approval.
pub(super) fn end(of: &mut Approval, state: ApprovalState, at: Moment) {
    of.state = state;
    of.ended_at = Some(at);
}

/// Makes the record of a held call, or finds the one that stands for it.
pub(super) fn ask(tx: &Tx<'_>, ask: ApprovalAsk, now: Moment) -> Result<Recorded<Asked>, Fault> {
    // What an agent asks for stands in the call log; the audit log is for people.
    let told = |approval| Ok(Recorded::unchanged(Asked::Stands(Box::new(approval))));
    let sql = format!(
        "{APPROVAL} WHERE org = ?1 AND digest = ?2 ORDER BY created_at DESC, rowid DESC LIMIT 1"
    );
    let known = collect(tx.conn, tx.keys, &sql, params![ask.org.as_str(), &ask.digest[..]])?.pop();
    if let Some(mut known) = known.filter(|known| known.grant == ask.grant) {
        match known.state_at(now) {
            ApprovalState::Pending | ApprovalState::Approved => {
                known.asked = known.asked.saturating_add(1);
                write(tx, &known)?;
                return told(known);
            }
            ApprovalState::Denied if now < known.expires_at => return told(known),
            ApprovalState::Expired if !known.told => {
                let ends = !known.state.has_ended();
                if ends {
                    end(&mut known, ApprovalState::Expired, now);
                }
                known.told = true;
                write(tx, &known)?;
                if ends {
                    outbox::announce(tx.conn, tx.keys, &known, now)?;
                }
                return told(known);
            }
            _ => {}
        }
    }
    if ask.arguments.expose().len() > APPROVAL_ARGUMENTS_BYTES_MAX {
        return Ok(Recorded::unchanged(Asked::TooLong));
    }
    let waiting = waiting(tx.conn, &ask.org, ask.grant.as_str(), now)?;
    let hour_ago = now.plus_seconds(-3_600).micros();
    let made: u32 = tx
        .conn
        .prepare_cached(
            "SELECT count(*) FROM approvals WHERE org = ?1 AND grant_id = ?2 AND created_at > ?3",
        )?
        .query_row(params![ask.org.as_str(), ask.grant.as_str(), hour_ago], |row| row.get(0))?;
    if waiting >= APPROVALS_PENDING_PER_GRANT_MAX || made >= APPROVALS_MADE_PER_GRANT_HOUR_MAX {
        return Ok(Recorded::unchanged(Asked::TooMany));
    }
    told(make(tx, ask, now)?)
}

fn make(tx: &Tx<'_>, ask: ApprovalAsk, now: Moment) -> Result<Approval, Fault> {
    let made = Approval {
        id: ApprovalId::random(tx.keys.id_bytes()?),
        org: ask.org,
        state: ApprovalState::Pending,
        digest: ask.digest,
        grant: ask.grant,
        grant_label: ask.grant_label.to_string(),
        identity: ask.identity.to_string(),
        server: ask.server,
        server_slug: ask.server_slug.to_string(),
        credential: ask.credential,
        tool: ask.tool,
        fingerprint: ask.fingerprint.map(|print| print.to_string()),
        policy: ask.policy,
        needs: ask.needs,
        decisions: Vec::new(),
        asked: 1,
        asked_by: ask.call,
        used_by: None,
        told: false,
        reason: String::new(),
        created_at: now,
        expires_at: now.plus_seconds(ask.expires_in_seconds),
        ended_at: None,
    };
    let sealed = tx.keys.ring().seal(&place(&made), ask.arguments.expose(), &*tx.keys.random)?;
    write(tx, &made)?;
    tx.conn
        .prepare_cached(
            "INSERT INTO approval_arguments (org, approval, sealed) VALUES (?1, ?2, ?3)",
        )?
        .execute(params![made.org.as_str(), made.id.as_str(), sealed])?;
    outbox::announce(tx.conn, tx.keys, &made, now)?;
    Ok(made)
}

/// The approval that a call is about to use up, if it stands for this very call at this moment.
pub(super) fn usable(
    conn: &Connection,
    keys: &Keys,
    org: &OrgId,
    signed: &SignedOff,
    now: Moment,
) -> Result<Option<Approval>, Fault> {
    let found = one(conn, keys, org, signed.id.as_str())?;
    Ok(found.filter(|of| of.state_at(now) == ApprovalState::Approved && of.digest == signed.digest))
}

/// Uses it up, in the transaction that takes the quota and writes the intent.
pub(super) fn used(
    conn: &Connection,
    keys: &Keys,
    mut of: Approval,
    call: CallId,
    now: Moment,
) -> Result<(), Fault> {
    end(&mut of, ApprovalState::Consumed, now);
    of.used_by = Some(call);
    put(conn, keys, &of)?;
    erase(conn, &of)?;
    outbox::announce(conn, keys, &of, now)
}

/// The agent takes back what it asked for.
pub(super) fn cancel(
    tx: &Tx<'_>,
    org: &OrgId,
    id: &ApprovalId,
    now: Moment,
) -> Result<Recorded<()>, Fault> {
    if let Some(mut of) = one(tx.conn, tx.keys, org, id.as_str())?
        && !of.state.has_ended()
    {
        end(&mut of, ApprovalState::Withdrawn, now);
        of.reason = "agent".to_owned();
        write(tx, &of)?;
        outbox::announce(tx.conn, tx.keys, &of, now)?;
    }
    Ok(Recorded::unchanged(()))
}

/// Approvals that somebody must end: each with its new state and why.
pub(super) fn over(
    conn: &Connection,
    keys: &Keys,
    now: Moment,
) -> Result<Vec<(Approval, ApprovalState, &'static str)>, Fault> {
    let sql = format!("{APPROVAL} WHERE state IN ('pending', 'approved')");
    let mut over = Vec::new();
    for of in collect(conn, keys, &sql, [])? {
        if now >= of.expires_at {
            over.push((of, ApprovalState::Expired, ""));
        } else if let Some(reason) = moved(conn, &of)? {
            over.push((of, ApprovalState::Withdrawn, reason));
        }
    }
    Ok(over)
}

/// What an approval rests on that is not what it was. The call would be judged again and ask anew,
/// so nobody shall be asked about the old one.
fn moved(conn: &Connection, of: &Approval) -> Result<Option<&'static str>, Fault> {
    let org = of.org.as_str();
    let there = |sql: &str, params: &[&dyn rusqlite::ToSql]| -> Result<bool, Fault> {
        Ok(conn.prepare_cached(sql)?.exists(params)?)
    };
    let (grant, server) = (of.grant.as_str(), of.server.as_str());
    let living = "SELECT 1 FROM grants WHERE org = ?1 AND id = ?2 AND state <> 'revoked'";
    if !there(living, &[&org, &grant])? {
        return Ok(Some("grant_revoked"));
    }
    let judged = "SELECT 1 FROM attachments a JOIN policies p ON p.org = a.org AND p.id = a.policy \
        WHERE a.org = ?1 AND a.grant_id = ?2 AND a.server = ?3 AND p.id = ?4 AND p.latest = ?5";
    if !there(judged, &[&org, &grant, &server, &of.policy.0.as_str(), &of.policy.1])? {
        return Ok(Some("policy_changed"));
    }
    let tool = "SELECT 1 FROM tools WHERE org = ?1 AND server = ?2 AND name = ?3 \
        AND accepted_fingerprint IS ?4";
    if !there(tool, &[&org, &server, &of.tool, &of.fingerprint])? {
        return Ok(Some("tool_changed"));
    }
    let same = match &of.credential {
        Some((id, generation)) => there(
            "SELECT 1 FROM credentials WHERE org = ?1 AND server = ?2 AND id = ?3 \
             AND generation = ?4",
            &[&org, &server, &id.as_str(), generation],
        )?,
        None => {
            !there("SELECT 1 FROM credentials WHERE org = ?1 AND server = ?2", &[&org, &server])?
        }
    };
    Ok((!same).then_some("credential_changed"))
}

/// Ends them, if they still stand.
pub(super) fn sweep(tx: &Tx<'_>, now: Moment) -> Result<Recorded<usize>, Fault> {
    let over = over(tx.conn, tx.keys, now)?;
    let count = over.len();
    for (mut of, state, reason) in over {
        end(&mut of, state, now);
        of.reason = reason.to_owned();
        write(tx, &of)?;
        outbox::announce(tx.conn, tx.keys, &of, now)?;
    }
    Ok(Recorded::unchanged(count))
}
