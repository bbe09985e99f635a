//! The outbox: what people outside are to be told. Its lines are written in the commit that changes
//! the approval, so nothing is told that did not happen, and nothing that happened is forgotten.
//!
//! INVARIANT(in-order): of one channel, the oldest line that waits is tried, and no other before it.
//! Tests stand beside the queue.

use json::{Limits, Object, Value};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::channels;
use super::fault::{Fault, corrupt};
use super::keys::{Fields, Keys};
use super::records::{micros, moment, number};
use super::tx::{Detail, Recorded, Tx};
use crate::{
    Approval, ApprovalFacts, ApprovalState, Attempt, By, ChangeError, Channel, ChannelId,
    DELIVERIES_WAITING_MAX, DELIVERY_BACK_OFF_SECONDS, DELIVERY_KEPT_SECONDS,
    DELIVERY_LIFE_SECONDS, Delivery, DeliveryState, Due, MessageId, Moment, OrgId, Page, Slice,
    TEST_EVENT,
};

const TABLE: &str = "deliveries";

const DELIVERY: &str = "SELECT seq, org, channel, message, event, facts, created_at, state, \
    attempts, next_at, tried_at, ended_at, told, mac FROM deliveries";

fn facts_text(facts: Option<&ApprovalFacts>) -> String {
    let value = facts.map_or(Value::Null, |of| {
        let mut object = Object::new();
        object.insert("id", of.id.as_str());
        object.insert("state", of.state.as_str());
        object.insert("tool", of.tool.as_str());
        object.insert("rule", of.rule.as_str());
        object.insert("message", of.message.as_deref().map_or(Value::Null, Value::from));
        object.insert("grant", of.grant.as_str());
        object.insert("server", of.server.as_str());
        let approvers = of.approvers.iter().map(|who| Value::from(who.as_str()));
        object.insert("approvers", Value::Array(approvers.collect()));
        object.insert("needed", i64::from(of.needed));
        object.insert("given", i64::from(of.given));
        object.insert("created_at", of.created_at.micros());
        object.insert("expires_at", of.expires_at.micros());
        Value::Object(object)
    });
    String::from_utf8(json::write_to_vec(&value)).unwrap_or_default()
}

/// A whole number of a JSON object.
pub(super) fn number_of(object: &Value, name: &str) -> Option<i64> {
    let Some(Value::Number(number)) = object.get(name) else { return None };
    number.text().parse().ok()
}

fn facts_of(text: &str) -> Result<Option<ApprovalFacts>, Fault> {
    let bad = || corrupt(TABLE);
    let read = json::read(text.as_bytes(), Limits::ANSWER).map_err(|_| bad())?;
    if read == Value::Null {
        return Ok(None);
    }
    let maybe = |name: &str| read.get(name).and_then(Value::as_str).map(str::to_owned);
    let text = |name: &str| maybe(name).ok_or_else(bad);
    let count = |name: &str| number_of(&read, name).ok_or_else(bad);
    let approvers = read.get("approvers").and_then(Value::as_array).ok_or_else(bad)?.iter();
    Ok(Some(ApprovalFacts {
        id: text("id")?.into(),
        state: ApprovalState::parse(&text("state")?).ok_or_else(bad)?,
        tool: text("tool")?,
        rule: text("rule")?,
        message: maybe("message"),
        grant: text("grant")?,
        server: text("server")?,
        approvers: approvers
            .map(|who| who.as_str().map(str::to_owned).ok_or_else(bad))
            .collect::<Result<_, _>>()?,
        needed: number(count("needed")?, TABLE)?,
        given: number(count("given")?, TABLE)?,
        created_at: Moment::of_micros(count("created_at")?),
        expires_at: Moment::of_micros(count("expires_at")?),
    }))
}

/// What is sent of a line. How it fares is not covered: whoever writes the file could as well
/// remove it.
fn fields(org: &OrgId, of: &Delivery) -> Fields {
    Fields::of(org.as_str(), of.channel.as_str())
        .text(of.message.as_str())
        .text(&of.event)
        .text(&facts_text(of.approval.as_ref()))
        .int(of.created_at.micros())
}

fn of_row(keys: &Keys, row: &Row<'_>) -> Result<Delivery, Fault> {
    let bad = || corrupt(TABLE);
    let org = OrgId::from(row.get::<_, String>(1)?);
    let found = Delivery {
        seq: row.get(0)?,
        channel: row.get::<_, String>(2)?.into(),
        message: row.get::<_, String>(3)?.into(),
        event: row.get(4)?,
        approval: facts_of(&row.get::<_, String>(5)?)?,
        created_at: Moment::of_micros(row.get(6)?),
        state: DeliveryState::parse(&row.get::<_, String>(7)?).ok_or_else(bad)?,
        attempts: number(row.get(8)?, TABLE)?,
        next_at: Moment::of_micros(row.get(9)?),
        tried_at: moment(row.get(10)?),
        ended_at: moment(row.get(11)?),
        told: row.get(12)?,
    };
    if !keys.verify(TABLE, &fields(&org, &found), &row.get::<_, Vec<u8>>(13)?) {
        tracing::error!(message = %found.message, "a message was written by somebody else");
        return Err(bad());
    }
    Ok(found)
}

/// The lines that a query finds, as far as they are ours and `most` of them.
fn collect<P: rusqlite::Params>(
    conn: &Connection,
    keys: &Keys,
    sql: &str,
    params: P,
    most: usize,
) -> Result<Vec<Delivery>, Fault> {
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut found = Vec::new();
    while found.len() < most
        && let Some(row) = rows.next()?
    {
        match of_row(keys, row) {
            Ok(delivery) => found.push(delivery),
            Err(fault) if fault.is_unreadable_row() => {}
            Err(fault) => return Err(fault),
        }
    }
    Ok(found)
}

/// A message that is about to be written.
struct New<'a> {
    message: MessageId,
    event: String,
    facts: Option<ApprovalFacts>,
    at: Moment,
    channel: &'a Channel,
}

fn insert(conn: &Connection, keys: &Keys, new: New<'_>) -> Result<Delivery, Fault> {
    let (org, id) = (&new.channel.org, &new.channel.id);
    let waiting: u32 = conn
        .prepare_cached(
            "SELECT count(*) FROM deliveries WHERE org = ?1 AND channel = ?2 AND state = 'waiting'",
        )?
        .query_row([org.as_str(), id.as_str()], |row| row.get(0))?;
    let room = waiting < DELIVERIES_WAITING_MAX;
    let mut made = Delivery {
        seq: 0,
        channel: id.clone(),
        message: new.message,
        event: new.event,
        approval: new.facts,
        created_at: new.at,
        state: if room { DeliveryState::Waiting } else { DeliveryState::Dead },
        attempts: 0,
        next_at: new.at,
        tried_at: None,
        ended_at: (!room).then_some(new.at),
        told: if room { "" } else { "too many messages of this channel wait already" }.to_owned(),
    };
    conn.prepare_cached(
        "INSERT INTO deliveries (org, channel, message, event, approval, facts, created_at, state, \
         attempts, next_at, until, ended_at, told, mac) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, ?7, ?9, ?10, ?11, ?12)",
    )?
    .execute(params![
        org.as_str(),
        id.as_str(),
        made.message.as_str(),
        made.event,
        made.approval.as_ref().map(|of| of.id.as_str()),
        facts_text(made.approval.as_ref()),
        new.at.micros(),
        made.state.as_str(),
        new.at.plus_seconds(DELIVERY_LIFE_SECONDS).micros(),
        micros(made.ended_at),
        made.told,
        keys.mac(TABLE, &fields(org, &made)),
    ])?;
    made.seq = conn.last_insert_rowid();
    Ok(made)
}

/// Writes down that an approval has come to another state, for every channel that tells of it.
pub(super) fn announce(
    conn: &Connection,
    keys: &Keys,
    of: &Approval,
    at: Moment,
) -> Result<(), Fault> {
    let channels = channels::all(conn, keys, &of.org)?;
    let tells =
        |channel: &&Channel| channel.draft.enabled && channel.draft.events.contains(&of.state);
    let mut telling = channels.iter().filter(tells).peekable();
    if telling.peek().is_none() {
        return Ok(());
    }
    let message = MessageId::random(keys.id_bytes()?);
    for channel in telling {
        let event = format!("approval.{}", of.state.as_str());
        let facts = Some(ApprovalFacts::from(of));
        insert(conn, keys, New { message: message.clone(), event, facts, at, channel })?;
    }
    Ok(())
}

/// A message that tells of nothing.
pub(super) fn test(tx: &Tx<'_>, channel: &Channel, at: Moment) -> Result<Delivery, Fault> {
    let message = MessageId::random(tx.keys.id_bytes()?);
    let new = New { message, event: TEST_EVENT.to_owned(), facts: None, at, channel };
    let made = insert(tx.conn, tx.keys, new)?;
    tx.asks();
    Ok(made)
}

/// Makes the lines of a channel that wait due now.
pub(super) fn hurry(tx: &Tx<'_>, channel: &Channel, now: Moment) -> Result<(), Fault> {
    tx.conn
        .prepare_cached(
            "UPDATE deliveries SET next_at = ?3 WHERE org = ?1 AND channel = ?2 \
             AND state = 'waiting' AND next_at > ?3",
        )?
        .execute(params![channel.org.as_str(), channel.id.as_str(), now.micros()])?;
    tx.asks();
    Ok(())
}

/// What is to be tried now, and when there is more to do.
pub(super) fn due(
    conn: &Connection,
    keys: &Keys,
    now: Moment,
) -> Result<(Vec<Due>, Option<Moment>), Fault> {
    let (mut due, mut next) = (Vec::new(), None::<Moment>);
    let waits = "WHERE org = ?1 AND channel = ?2 AND state = 'waiting'";
    let first = |more: &str| format!("{DELIVERY} {waits} {more} ORDER BY seq");
    for found in channels::enabled(conn, keys)? {
        let keyed = [found.channel.org.as_str(), found.channel.id.as_str()];
        let test = collect(conn, keys, &first("AND event = 'test'"), keyed, 1)?.pop();
        let head = match test {
            Some(test) => Some(test),
            None => collect(conn, keys, &first(""), keyed, 1)?.pop(),
        };
        let Some(delivery) = head else { continue };
        if delivery.next_at > now {
            next = Some(next.map_or(delivery.next_at, |next| next.min(delivery.next_at)));
            continue;
        }
        due.push(Due { secret: found.open(keys)?, channel: found.channel, delivery });
    }
    Ok((due, next))
}

/// Keeps what an attempt came to. A line that was removed or revived meanwhile is left alone.
pub(super) fn tried(
    tx: &Tx<'_>,
    of: &Delivery,
    attempt: &Attempt,
    now: Moment,
) -> Result<Recorded<()>, Fault> {
    let until: Option<i64> = tx
        .conn
        .prepare_cached(
            "SELECT until FROM deliveries WHERE seq = ?1 AND state = 'waiting' AND attempts = ?2",
        )?
        .query_row(params![of.seq, of.attempts], |row| row.get(0))
        .optional()?;
    let Some(until) = until else { return Ok(Recorded::unchanged(())) };
    let (state, next_at, told) = match attempt {
        Attempt::Delivered => (DeliveryState::Delivered, now, ""),
        Attempt::Failed(why) if of.event == TEST_EVENT || now.micros() >= until => {
            (DeliveryState::Dead, now, why.as_str())
        }
        Attempt::Failed(why) => {
            (DeliveryState::Waiting, now.plus_seconds(back_off(of.attempts)), why.as_str())
        }
    };
    let ended_at = (state != DeliveryState::Waiting).then_some(now);
    tx.conn
        .prepare_cached(
            "UPDATE deliveries SET state = ?2, attempts = attempts + 1, next_at = ?3, \
             tried_at = ?4, ended_at = ?5, told = ?6 WHERE seq = ?1",
        )?
        .execute(params![
            of.seq,
            state.as_str(),
            next_at.micros(),
            now.micros(),
            micros(ended_at),
            told
        ])?;
    tx.conn
        .prepare_cached("DELETE FROM deliveries WHERE ended_at < ?1")?
        .execute([now.plus_seconds(-DELIVERY_KEPT_SECONDS).micros()])?;
    Ok(Recorded::unchanged(()))
}

/// How long to wait after so many failed attempts and one more.
fn back_off(attempts: u32) -> i64 {
    let at = usize::try_from(attempts).unwrap_or(usize::MAX);
    let steps = &DELIVERY_BACK_OFF_SECONDS;
    steps.get(at).or(steps.last()).copied().unwrap_or(600)
}

/// The messages of a channel, newest first.
pub(super) fn list(
    conn: &Connection,
    keys: &Keys,
    org: &OrgId,
    channel: &ChannelId,
    state: Option<DeliveryState>,
    page: &Page,
) -> Result<Slice<Delivery>, Fault> {
    let limit = page.limit.clamp(1, 500);
    let sql = format!(
        "{DELIVERY} WHERE org = ?1 AND channel = ?2 AND (?3 IS NULL OR state = ?3) \
         AND (?4 IS NULL OR seq < (SELECT seq FROM deliveries WHERE org = ?1 AND channel = ?2 \
         AND message = ?4)) ORDER BY seq DESC"
    );
    let state = state.map(DeliveryState::as_str);
    let keyed = params![org.as_str(), channel.as_str(), state, page.after];
    let mut items = collect(conn, keys, &sql, keyed, limit as usize + 1)?;
    let more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let next = items.last().filter(|_| more).map(|last| last.message.to_string());
    Ok(Slice { items, next })
}

/// Tries a dead message again.
pub(super) fn retry(
    tx: &Tx<'_>,
    by: &By,
    channel: &ChannelId,
    message: &MessageId,
) -> Result<Recorded<Delivery>, Fault> {
    let sql = format!("{DELIVERY} WHERE org = ?1 AND channel = ?2 AND message = ?3");
    let keyed = [by.org.as_str(), channel.as_str(), message.as_str()];
    let found = collect(tx.conn, tx.keys, &sql, keyed, 1)?.pop();
    let missing = || ChangeError::NotFound { what: "message", id: message.to_string() };
    let mut of = found.ok_or_else(missing)?;
    if of.state != DeliveryState::Dead {
        let text = format!("the message is {}: only a dead one is revived", of.state.as_str());
        return Err(ChangeError::Conflict(text).into());
    }
    (of.state, of.attempts, of.next_at, of.ended_at) = (DeliveryState::Waiting, 0, by.at, None);
    tx.conn
        .prepare_cached(
            "UPDATE deliveries SET state = 'waiting', attempts = 0, next_at = ?2, until = ?3, \
             ended_at = NULL WHERE seq = ?1",
        )?
        .execute(params![
            of.seq,
            by.at.micros(),
            by.at.plus_seconds(DELIVERY_LIFE_SECONDS).micros()
        ])?;
    tx.asks();
    let detail = Detail::default().now("message", message.as_str());
    tx.record(by, "channel.revived", channel.as_str(), detail, of)
}
