//! Channels: where people outside are told of calls that wait. What they sign with, or sign in with,
//! is sealed.

use json::{Limits, Object, Value};
use rusqlite::{Connection, Row, params};
use vault::{Place, Secret};

use super::fault::{Fault, corrupt};
use super::keys::{Fields, Keys};
use super::outbox;
use super::records::{list_of, list_text};
use super::tx::{Detail, Recorded, Tx};
use crate::{
    ApprovalState, By, ChangeError, Channel, ChannelDraft, ChannelId, ChannelTarget, MailSecurity,
    Moment, OrgId, Signing, names,
};

const TABLE: &str = "channels";
/// The most channels of an organisation.
const CHANNELS_MAX: usize = 20;
/// The most addresses that one channel writes to.
const RECIPIENTS_MAX: usize = 20;

/// A channel with what is sealed of it.
pub(super) struct Found {
    pub(super) channel: Channel,
    generation: i64,
    secret: Option<Vec<u8>>,
}

fn text(value: Value) -> String {
    String::from_utf8(json::write_to_vec(&value)).unwrap_or_default()
}

fn settings_text(target: &ChannelTarget) -> String {
    let mut object = Object::new();
    match target {
        ChannelTarget::Webhook { url, signing } => {
            object.insert("url", url.as_str());
            if let Signing::Ed25519 { public_key } = signing {
                object.insert("public_key", public_key.as_str());
            }
        }
        ChannelTarget::Slack => {}
        ChannelTarget::Email { host, port, security, username, from, to } => {
            object.insert("host", host.as_str());
            object.insert("port", i64::from(*port));
            object.insert("security", security.as_str());
            object.insert("username", username.as_deref().map_or(Value::Null, Value::from));
            object.insert("from", from.as_str());
            let to = to.iter().map(|to| Value::from(to.as_str()));
            object.insert("to", Value::Array(to.collect()));
        }
    }
    text(Value::Object(object))
}

fn target_of(kind: &str, settings: &str) -> Option<ChannelTarget> {
    let read = json::read(settings.as_bytes(), Limits::ANSWER).ok()?;
    let maybe = |name: &str| read.get(name).and_then(Value::as_str).map(str::to_owned);
    Some(match kind {
        "webhook" => ChannelTarget::Webhook {
            url: maybe("url")?,
            signing: match maybe("public_key") {
                Some(public_key) => Signing::Ed25519 { public_key },
                None => Signing::Hmac,
            },
        },
        "slack" => ChannelTarget::Slack,
        "email" => ChannelTarget::Email {
            host: maybe("host")?,
            port: outbox::number_of(&read, "port").and_then(|port| port.try_into().ok())?,
            security: MailSecurity::parse(&maybe("security")?)?,
            username: maybe("username"),
            from: maybe("from")?,
            to: {
                let to = read.get("to").and_then(Value::as_array)?.iter();
                to.map(|to| to.as_str().map(str::to_owned)).collect::<Option<_>>()?
            },
        },
        _ => return None,
    })
}

fn events_text(events: &[ApprovalState]) -> String {
    list_text(&events.iter().map(|state| state.as_str().to_owned()).collect::<Vec<_>>())
}

fn fields(of: &Channel, generation: i64) -> Fields {
    let draft = &of.draft;
    Fields::of(of.org.as_str(), of.id.as_str())
        .text(&draft.name)
        .text(draft.target.kind())
        .text(&settings_text(&draft.target))
        .text(&events_text(&draft.events))
        .text(&list_text(&draft.private_targets))
        .int(i64::from(draft.enabled))
        .int(i64::from(of.has_secret))
        .int(generation)
        .int(of.revision)
        .int(of.created_at.micros())
        .int(of.updated_at.micros())
}

const CHANNEL: &str = "SELECT org, id, name, kind, settings, events, private_targets, enabled, \
    secret, generation, revision, created_at, updated_at, mac FROM channels";

fn of_row(keys: &Keys, row: &Row<'_>) -> Result<Found, Fault> {
    let bad = || corrupt(TABLE);
    let text = |at: usize| row.get::<_, String>(at);
    let events = list_of(&text(5)?, TABLE)?.into_iter();
    let secret: Option<Vec<u8>> = row.get(8)?;
    let channel = Channel {
        org: text(0)?.into(),
        id: text(1)?.into(),
        draft: ChannelDraft {
            name: text(2)?,
            target: target_of(&text(3)?, &text(4)?).ok_or_else(bad)?,
            events: events
                .map(|name| ApprovalState::parse(&name).ok_or_else(bad))
                .collect::<Result<_, _>>()?,
            private_targets: list_of(&text(6)?, TABLE)?,
            enabled: row.get(7)?,
        },
        has_secret: secret.is_some(),
        revision: row.get(10)?,
        created_at: Moment::of_micros(row.get(11)?),
        updated_at: Moment::of_micros(row.get(12)?),
    };
    let generation = row.get(9)?;
    if !keys.verify(TABLE, &fields(&channel, generation), &row.get::<_, Vec<u8>>(13)?) {
        tracing::error!(channel = %channel.id, "the row of a channel was written by somebody else");
        return Err(bad());
    }
    Ok(Found { channel, generation, secret })
}

fn collect<P: rusqlite::Params>(
    conn: &Connection,
    keys: &Keys,
    sql: &str,
    params: P,
) -> Result<Vec<Found>, Fault> {
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        match of_row(keys, row) {
            Ok(channel) => found.push(channel),
            // Nothing is sent by a channel that somebody else wrote.
            Err(fault) if fault.is_unreadable_row() => {}
            Err(fault) => return Err(fault),
        }
    }
    Ok(found)
}

/// The channels of an organisation by name.
pub(super) fn all(conn: &Connection, keys: &Keys, org: &OrgId) -> Result<Vec<Channel>, Fault> {
    let sql = format!("{CHANNEL} WHERE org = ?1 ORDER BY name");
    let found = collect(conn, keys, &sql, [org.as_str()])?;
    Ok(found.into_iter().map(|found| found.channel).collect())
}

/// The channels of everybody that tell anybody anything.
pub(super) fn enabled(conn: &Connection, keys: &Keys) -> Result<Vec<Found>, Fault> {
    collect(conn, keys, &format!("{CHANNEL} WHERE enabled = 1 ORDER BY created_at, id"), [])
}

/// One channel, by id or name.
pub(super) fn one(
    conn: &Connection,
    keys: &Keys,
    org: &OrgId,
    id: &str,
) -> Result<Option<Channel>, Fault> {
    Ok(found(conn, keys, org, id)?.map(|found| found.channel))
}

fn found(conn: &Connection, keys: &Keys, org: &OrgId, id: &str) -> Result<Option<Found>, Fault> {
    let sql = format!("{CHANNEL} WHERE org = ?1 AND (id = ?2 OR name = ?2)");
    Ok(collect(conn, keys, &sql, [org.as_str(), id])?.pop())
}

fn place<'a>(of: &'a Channel, generation: i64) -> Result<Place<'a>, Fault> {
    let generation = u64::try_from(generation).map_err(|_| corrupt(TABLE))?;
    let (org, record) = (of.org.as_str(), of.id.as_str());
    Ok(Place { org, table: TABLE, record, field: "secret", generation })
}

impl Found {
    /// The secret, if there is one.
    pub(super) fn open(&self, keys: &Keys) -> Result<Option<Secret>, Fault> {
        let Some(sealed) = &self.secret else { return Ok(None) };
        let opened = keys.ring().open(&place(&self.channel, self.generation)?, sealed);
        Ok(Some(opened.map_err(|_| corrupt(TABLE))?))
    }
}

fn check(draft: &ChannelDraft) -> Result<(), Fault> {
    names::label("name", &draft.name, Some("chn_"))?;
    let invalid =
        |field: &'static str, problem| Err(ChangeError::Invalid { field, problem }.into());
    if draft.events.is_empty() {
        return invalid("events", "must name at least one state");
    }
    if let ChannelTarget::Email { from, to, .. } = &draft.target {
        names::email("from", from)?;
        if to.is_empty() || to.len() > RECIPIENTS_MAX {
            return invalid("to", "must be 1 to 20 addresses");
        }
        to.iter().try_for_each(|to| names::email("to", to))?;
    }
    Ok(())
}

fn to_change(tx: &Tx<'_>, by: &By, id: &ChannelId, revision: Option<i64>) -> Result<Found, Fault> {
    let missing = || ChangeError::NotFound { what: "channel", id: id.to_string() };
    let found = found(tx.conn, tx.keys, &by.org, id.as_str())?.ok_or_else(missing)?;
    if revision.is_some_and(|asked| asked != found.channel.revision) {
        let current = found.channel.revision;
        return Err(ChangeError::Stale { what: "channel", current }.into());
    }
    Ok(found)
}

fn name_is_free(tx: &Tx<'_>, by: &By, name: &str, own: Option<&ChannelId>) -> Result<(), Fault> {
    let others = all(tx.conn, tx.keys, &by.org)?;
    if others.iter().any(|of| of.draft.name == name && Some(&of.id) != own) {
        return Err(ChangeError::Taken { what: "channel", name: name.to_owned() }.into());
    }
    if own.is_none() && others.len() >= CHANNELS_MAX {
        let full = format!("an organisation has at most {CHANNELS_MAX} channels");
        return Err(ChangeError::Conflict(full).into());
    }
    Ok(())
}

fn write(tx: &Tx<'_>, of: &Channel, generation: i64, secret: Option<&[u8]>) -> Result<(), Fault> {
    let draft = &of.draft;
    tx.conn
        .prepare_cached(
            "INSERT INTO channels (org, id, name, kind, settings, events, private_targets, \
             enabled, secret, generation, revision, created_at, updated_at, mac) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) \
             ON CONFLICT (org, id) DO UPDATE SET name = excluded.name, \
             settings = excluded.settings, events = excluded.events, \
             private_targets = excluded.private_targets, enabled = excluded.enabled, \
             secret = excluded.secret, generation = excluded.generation, \
             revision = excluded.revision, updated_at = excluded.updated_at, mac = excluded.mac",
        )?
        .execute(params![
            of.org.as_str(),
            of.id.as_str(),
            draft.name,
            draft.target.kind(),
            settings_text(&draft.target),
            events_text(&draft.events),
            list_text(&draft.private_targets),
            draft.enabled,
            secret,
            generation,
            of.revision,
            of.created_at.micros(),
            of.updated_at.micros(),
            tx.keys.mac(TABLE, &fields(of, generation)),
        ])?;
    Ok(())
}

fn seal(
    tx: &Tx<'_>,
    of: &Channel,
    generation: i64,
    secret: Option<&Secret>,
) -> Result<Option<Vec<u8>>, Fault> {
    let Some(secret) = secret else { return Ok(None) };
    let place = place(of, generation)?;
    Ok(Some(tx.keys.ring().seal(&place, secret.expose(), &*tx.keys.random)?))
}

/// The fields of a draft as the audit log spells them.
fn spelled(draft: &ChannelDraft) -> [(&'static str, String); 6] {
    [
        ("name", draft.name.clone()),
        ("kind", draft.target.kind().to_owned()),
        ("settings", settings_text(&draft.target)),
        ("events", events_text(&draft.events)),
        ("private_targets", list_text(&draft.private_targets)),
        ("enabled", if draft.enabled { "yes" } else { "no" }.to_owned()),
    ]
}

pub(super) fn create(
    tx: &Tx<'_>,
    by: &By,
    draft: ChannelDraft,
    secret: Option<&Secret>,
) -> Result<Recorded<Channel>, Fault> {
    check(&draft)?;
    name_is_free(tx, by, &draft.name, None)?;
    let made = Channel {
        id: ChannelId::random(tx.keys.id_bytes()?),
        org: by.org.clone(),
        draft,
        has_secret: secret.is_some(),
        revision: 1,
        created_at: by.at,
        updated_at: by.at,
    };
    let sealed = seal(tx, &made, 1, secret)?;
    write(tx, &made, 1, sealed.as_deref())?;
    let mut detail = Detail::default();
    for (field, value) in spelled(&made.draft) {
        detail = detail.now(field, value);
    }
    if secret.is_some() {
        detail = detail.secret("secret");
    }
    tx.record(by, "channel.created", made.id.clone().as_str(), detail, made)
}

/// Whether what a secret is for is another one now: a password is for one user of one server.
fn moved(before: &ChannelTarget, after: &ChannelTarget) -> bool {
    let whose = |target: &ChannelTarget| match target {
        ChannelTarget::Email { host, port, security, username, .. } => {
            Some((host.clone(), *port, *security, username.clone()))
        }
        ChannelTarget::Webhook { .. } | ChannelTarget::Slack => None,
    };
    whose(before) != whose(after)
}

pub(super) fn update(
    tx: &Tx<'_>,
    by: &By,
    id: &ChannelId,
    revision: Option<i64>,
    draft: ChannelDraft,
    secret: Option<&Secret>,
) -> Result<Recorded<Channel>, Fault> {
    check(&draft)?;
    let Found { channel: before, mut generation, secret: mut sealed } =
        to_change(tx, by, id, revision)?;
    if before.draft.target.kind() != draft.target.kind() {
        let problem = "cannot be changed: make another channel";
        return Err(ChangeError::Invalid { field: "kind", problem }.into());
    }
    name_is_free(tx, by, &draft.name, Some(id))?;
    let moved = moved(&before.draft.target, &draft.target);
    if secret.is_none() && draft == before.draft {
        return Ok(Recorded::unchanged(before));
    }
    let mut after = Channel { draft, updated_at: by.at, ..before.clone() };
    after.revision = before.revision.saturating_add(1);
    if secret.is_some() || moved {
        generation = generation.saturating_add(1);
        sealed = seal(tx, &after, generation, secret)?;
        tx.erases();
    }
    after.has_secret = sealed.is_some();
    write(tx, &after, generation, sealed.as_deref())?;
    // Whoever mended a channel wants to know at once whether it works.
    outbox::hurry(tx, &after, by.at)?;
    let mut detail = Detail::default();
    for ((field, was), (_, is)) in spelled(&before.draft).into_iter().zip(spelled(&after.draft)) {
        detail = detail.change(field, was, is);
    }
    if secret.is_some() || (moved && before.has_secret) {
        detail = detail.secret("secret");
    }
    tx.record(by, "channel.changed", id.as_str(), detail, after)
}

pub(super) fn delete(tx: &Tx<'_>, by: &By, id: &ChannelId) -> Result<Recorded<()>, Fault> {
    let found = to_change(tx, by, id, None)?;
    for table in ["deliveries", "channels"] {
        let column = if table == "channels" { "id" } else { "channel" };
        tx.conn
            .prepare_cached(&format!("DELETE FROM {table} WHERE org = ?1 AND {column} = ?2"))?
            .execute([by.org.as_str(), id.as_str()])?;
    }
    tx.erases();
    let draft = found.channel.draft;
    let detail = Detail::default()
        .was("name", draft.name.as_str())
        .was("kind", draft.target.kind())
        .was("settings", settings_text(&draft.target));
    tx.record(by, "channel.deleted", id.as_str(), detail, ())
}

/// Puts a test message into the outbox.
pub(super) fn test(
    tx: &Tx<'_>,
    by: &By,
    id: &ChannelId,
) -> Result<Recorded<crate::Delivery>, Fault> {
    let found = to_change(tx, by, id, None)?;
    if !found.channel.draft.enabled {
        let text = "the channel is switched off; switch it on first";
        return Err(ChangeError::Conflict(text.to_owned()).into());
    }
    let delivery = outbox::test(tx, &found.channel, by.at)?;
    let detail = Detail::default().now("message", delivery.message.as_str());
    tx.record(by, "channel.tested", id.as_str(), detail, delivery)
}
