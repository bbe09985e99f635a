//! What is recorded of calls beyond names: the settings of servers, how long it is kept, and the keys of
//! fingerprints.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, Row, params};
use vault::{CaptureKey, FingerprintKey, Keyring, Secret};

use super::fault::{Fault, corrupt};
use super::keys::{Fields, Keys};
use super::records::{list_of, list_text, micros, moment, number};
use super::servers;
use super::tx::{Detail, Recorded, Tx};
use crate::recording::fingerprint_key_place;
use crate::*;

const TABLE: &str = "recordings";
const TERMS: &str = "recording_terms";
const KEYS: &str = "fingerprint_keys";

fn fields(org: &str, server: &str, of: &Recording) -> Fields {
    let capture = of.capture.as_ref();
    let tools = of.tools.as_deref().map(list_text);
    Fields::of(org, server)
        .int(of.fingerprints.into())
        .maybe_text(tools.as_deref())
        .maybe_text(capture.map(|capture| capture.key.as_str()))
        .int(capture.is_some_and(|capture| capture.arguments).into())
        .int(capture.is_some_and(|capture| capture.results).into())
        .int(capture.map_or(0, |capture| capture.bytes_max).into())
}

/// A row, and whether it is ours.
fn read(row: &Row<'_>, keys: &Keys) -> Result<(String, Recording, bool), Fault> {
    let (org, server): (String, String) = (row.get(0)?, row.get(1)?);
    let tools: Option<String> = row.get(3)?;
    let key: Option<String> = row.get(4)?;
    let (arguments, results) = (row.get(5)?, row.get(6)?);
    let bytes_max = number(row.get(7)?, TABLE)?;
    let recording = Recording {
        fingerprints: row.get(2)?,
        tools: tools.map(|tools| list_of(&tools, TABLE)).transpose()?,
        capture: key.map(|key| CaptureSetting { key, arguments, results, bytes_max }),
    };
    let mac: Vec<u8> = row.get(8)?;
    let ours = keys.verify(TABLE, &fields(&org, &server, &recording), &mac);
    Ok((server, recording, ours))
}

const SELECT: &str = "SELECT org, server, fingerprints, tools, capture_key, capture_arguments, \
    capture_results, capture_bytes_max, mac FROM recordings";

/// What is recorded of every server, and how many rows somebody else wrote: those record nothing.
pub(super) fn all(
    conn: &Connection,
    keys: &Keys,
) -> Result<(HashMap<ServerId, Recording>, usize), Fault> {
    let mut statement = conn.prepare_cached(SELECT)?;
    let mut rows = statement.query([])?;
    let (mut found, mut forged) = (HashMap::new(), 0);
    while let Some(row) = rows.next()? {
        match read(row, keys)? {
            (server, recording, true) => drop(found.insert(ServerId::from(server), recording)),
            _ => forged += 1,
        }
    }
    Ok((found, forged))
}

/// What is recorded of one server.
pub(super) fn one(
    conn: &Connection,
    keys: &Keys,
    org: &OrgId,
    server: &ServerId,
) -> Result<Recording, Fault> {
    let sql = format!("{SELECT} WHERE org = ?1 AND server = ?2");
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query([org.as_str(), server.as_str()])?;
    let Some(row) = rows.next()? else { return Ok(Recording::default()) };
    let (_, recording, ours) = read(row, keys)?;
    if !ours {
        tracing::error!(%server, "what is recorded of it was written by somebody else");
    }
    Ok(if ours { recording } else { Recording::default() })
}

/// Refuses what cannot be done.
fn checked(recording: &Recording) -> Result<(), Fault> {
    let invalid = |field, problem| Err(ChangeError::Invalid { field, problem }.into());
    if let Some(capture) = &recording.capture {
        if CaptureKey::parse(&capture.key).is_err() {
            return invalid("capture/key", "is no public key that records can be sealed to");
        }
        if !CAPTURE_BYTES.contains(&capture.bytes_max) {
            return invalid("capture/bytes_max", "must be 1,024 to 1,048,576");
        }
        if !capture.arguments && !capture.results {
            return invalid("capture", "must be of arguments, of results, or of both");
        }
    }
    if recording.tools.as_ref().is_some_and(|tools| tools.is_empty()) {
        return invalid("tools", "must name a tool, or be left out for all");
    }
    if recording.tools.as_ref().is_some_and(|tools| tools.len() > RECORDED_TOOLS_MAX) {
        return invalid("tools", "must be at most 200");
    }
    Ok(())
}

/// Says what is recorded of a server.
pub(super) fn set(
    tx: &Tx<'_>,
    by: &By,
    server: &ServerId,
    after: &Recording,
) -> Result<Recorded<()>, Fault> {
    let server = servers::to_change(tx, by, server)?.id;
    checked(after)?;
    let before = one(tx.conn, tx.keys, &by.org, &server)?;
    if before == *after {
        return Ok(Recorded::unchanged(()));
    }
    let capture = after.capture.as_ref();
    tx.conn
        .prepare_cached(
            "INSERT OR REPLACE INTO recordings (org, server, fingerprints, tools, capture_key, \
             capture_arguments, capture_results, capture_bytes_max, mac) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            by.org.as_str(),
            server.as_str(),
            after.fingerprints,
            after.tools.as_deref().map(list_text),
            capture.map(|capture| capture.key.as_str()),
            capture.is_some_and(|capture| capture.arguments),
            capture.is_some_and(|capture| capture.results),
            capture.map_or(0, |capture| capture.bytes_max),
            tx.keys.mac(TABLE, &fields(by.org.as_str(), server.as_str(), after)),
        ])?;
    if after.fingerprints && key_in_use(tx.conn, tx.keys, &by.org)?.is_none() {
        draw(tx, &by.org, by.at)?;
    }
    tx.judged_by();
    let detail = told(&before, after);
    tx.record(by, "recording.changed", server.as_str(), detail, ())
}

/// What a change of a setting says of itself. A public key is no secret.
fn told(before: &Recording, after: &Recording) -> Detail {
    let switch = |on: bool| if on { "on" } else { "off" };
    let tools = |of: &Recording| of.tools.as_deref().map_or("all".to_owned(), list_text);
    let capture = |of: &Recording| match &of.capture {
        None => "off".to_owned(),
        Some(CaptureSetting { key, arguments, results, bytes_max }) => {
            let of = match (arguments, results) {
                (true, true) => "arguments and results",
                (true, false) => "arguments",
                _ => "results",
            };
            format!("{of} up to {bytes_max} bytes to {key}")
        }
    };
    Detail::default()
        .change("fingerprints", switch(before.fingerprints), switch(after.fingerprints))
        .change("capture", capture(before), capture(after))
        .change("tools", tools(before), tools(after))
}

fn term_fields(org: &str, terms: &RecordingTerms) -> Fields {
    let bounds = terms.bounds().into_iter();
    bounds.fold(Fields::of(org, ""), |fields, (_, value, ..)| fields.int(value.into()))
}

/// How long it is kept. A row that somebody else wrote says nothing.
pub(super) fn terms(conn: &Connection, keys: &Keys, org: &str) -> Result<RecordingTerms, Fault> {
    let sql = "SELECT rotate_days, fingerprint_days, capture_days, capture_mib, mac \
               FROM recording_terms WHERE org = ?1";
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query([org])?;
    let Some(row) = rows.next()? else { return Ok(RecordingTerms::default()) };
    let terms = RecordingTerms {
        rotate_days: number(row.get(0)?, TERMS)?,
        fingerprint_days: number(row.get(1)?, TERMS)?,
        capture_days: number(row.get(2)?, TERMS)?,
        capture_mib: number(row.get(3)?, TERMS)?,
    };
    let ours = keys.verify(TERMS, &term_fields(org, &terms), &row.get::<_, Vec<u8>>(4)?);
    Ok(if ours { terms } else { RecordingTerms::default() })
}

/// Says how long it is kept.
pub(super) fn set_terms(
    tx: &Tx<'_>,
    by: &By,
    after: RecordingTerms,
) -> Result<Recorded<()>, Fault> {
    for (field, value, least, most) in after.bounds() {
        if !(least..=most).contains(&value) {
            let problem = "is beyond what may be said; see the documentation";
            return Err(ChangeError::Invalid { field, problem }.into());
        }
    }
    let org = by.org.as_str();
    let before = terms(tx.conn, tx.keys, org)?;
    if before == after {
        return Ok(Recorded::unchanged(()));
    }
    tx.conn
        .prepare_cached("INSERT OR REPLACE INTO recording_terms VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
        .execute(params![
            org,
            after.rotate_days,
            after.fingerprint_days,
            after.capture_days,
            after.capture_mib,
            tx.keys.mac(TERMS, &term_fields(org, &after)),
        ])?;
    let pairs = before.bounds().into_iter().zip(after.bounds());
    let detail = pairs.fold(Detail::default(), |detail, (before, after)| {
        detail.change(before.0, i64::from(before.1), i64::from(after.1))
    });
    tx.record(by, "recording.terms_changed", org, detail, ())
}

fn key_fields(org: &str, of: &FingerprintKeyLine) -> Fields {
    Fields::of(org, "")
        .int(of.number.into())
        .int(of.made_at.micros())
        .maybe_int(micros(of.retired_at))
        .maybe_int(micros(of.destroyed_at))
}

/// A key as it is kept.
pub(super) struct FingerprintKeyRow {
    pub(super) line: FingerprintKeyLine,
    sealed: Option<Vec<u8>>,
}

impl FingerprintKeyRow {
    /// The key itself, if it is still there.
    pub(super) fn open(&self, org: &OrgId, ring: &Keyring) -> Option<FingerprintKey> {
        let sealed = self.sealed.as_deref()?.into();
        SealedFingerprintKey { number: self.line.number, sealed }.open(org, ring)
    }
}

/// The keys of an organisation, newest first. One that somebody else wrote is an error: no
/// fingerprint may be made or asked about with it.
pub(super) fn keys_of(
    conn: &Connection,
    keys: &Keys,
    org: &OrgId,
) -> Result<Vec<FingerprintKeyRow>, Fault> {
    let sql = "SELECT number, sealed, made_at, retired_at, destroyed_at, mac FROM fingerprint_keys \
               WHERE org = ?1 ORDER BY number DESC";
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query([org.as_str()])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let line = FingerprintKeyLine {
            number: number(row.get(0)?, KEYS)?,
            made_at: Moment::of_micros(row.get(2)?),
            retired_at: moment(row.get(3)?),
            destroyed_at: moment(row.get(4)?),
        };
        if !keys.verify(KEYS, &key_fields(org.as_str(), &line), &row.get::<_, Vec<u8>>(5)?) {
            return Err(corrupt(KEYS));
        }
        found.push(FingerprintKeyRow { line, sealed: row.get(1)? });
    }
    Ok(found)
}

/// The key that new fingerprints are made with.
fn key_in_use(
    conn: &Connection,
    keys: &Keys,
    org: &OrgId,
) -> Result<Option<FingerprintKeyRow>, Fault> {
    let newest = keys_of(conn, keys, org)?.into_iter().next();
    Ok(newest.filter(|key| key.line.retired_at.is_none() && key.sealed.is_some()))
}

/// The same for every organisation, for the view. A key that cannot be read is none: calls go on,
/// and their entries have no fingerprints.
pub(super) fn keys_in_use(
    conn: &Connection,
    keys: &Keys,
) -> Result<(HashMap<OrgId, SealedFingerprintKey>, usize), Fault> {
    let mut statement = conn.prepare_cached("SELECT DISTINCT org FROM fingerprint_keys")?;
    let orgs = statement.query_map([], |row| row.get::<_, String>(0))?;
    let (mut found, mut forged) = (HashMap::new(), 0);
    for org in orgs {
        let org = OrgId::from(org?);
        match key_in_use(conn, keys, &org) {
            Ok(Some(FingerprintKeyRow { line, sealed: Some(sealed) })) => {
                let key = SealedFingerprintKey { number: line.number, sealed: sealed.into() };
                found.insert(org, key);
            }
            Ok(_) => {}
            Err(fault) if fault.is_unreadable_row() => forged += 1,
            Err(fault) => return Err(fault),
        }
    }
    Ok((found, forged))
}

/// Draws the next key, and retires the one before.
fn draw(tx: &Tx<'_>, org: &OrgId, at: Moment) -> Result<FingerprintKeyLine, Fault> {
    let before = keys_of(tx.conn, tx.keys, org)?.into_iter().next();
    let number = before.as_ref().map_or(1, |key| key.line.number.saturating_add(1));
    if let Some(before) = before.filter(|key| key.line.retired_at.is_none()) {
        put(tx, org, &FingerprintKeyLine { retired_at: Some(at), ..before.line })?;
    }
    let secret: Secret = FingerprintKey::draw(&*tx.keys.random)?;
    let ring = tx.keys_so_far().ring;
    let record = number.to_string();
    let place = fingerprint_key_place(org, &record);
    let sealed = ring.seal(&place, secret.expose(), &*tx.keys.random)?;
    let line = FingerprintKeyLine { number, made_at: at, retired_at: None, destroyed_at: None };
    tx.conn
        .prepare_cached("INSERT INTO fingerprint_keys VALUES (?1, ?2, ?3, ?4, NULL, NULL, ?5)")?
        .execute(params![
            org.as_str(),
            number,
            sealed,
            at.micros(),
            tx.keys.mac(KEYS, &key_fields(org.as_str(), &line)),
        ])?;
    tx.judged_by();
    Ok(line)
}

/// Writes what has become of a key.
fn put(tx: &Tx<'_>, org: &OrgId, line: &FingerprintKeyLine) -> Result<(), Fault> {
    tx.conn
        .prepare_cached(
            "UPDATE fingerprint_keys SET retired_at = ?3, destroyed_at = ?4, mac = ?5, \
             sealed = CASE WHEN ?4 IS NULL THEN sealed END WHERE org = ?1 AND number = ?2",
        )?
        .execute(params![
            org.as_str(),
            line.number,
            micros(line.retired_at),
            micros(line.destroyed_at),
            tx.keys.mac(KEYS, &key_fields(org.as_str(), line)),
        ])?;
    Ok(())
}

/// Draws another key.
pub(super) fn rotate(tx: &Tx<'_>, by: &By) -> Result<Recorded<FingerprintKeyLine>, Fault> {
    let line = draw(tx, &by.org, by.at)?;
    let detail = Detail::default().now("key", i64::from(line.number));
    tx.record(by, "fingerprint_key.drawn", by.org.as_str(), detail, line)
}

/// Destroys a key that is not in use.
pub(super) fn destroy(tx: &Tx<'_>, by: &By, wanted: u32) -> Result<Recorded<()>, Fault> {
    let missing = || ChangeError::NotFound { what: "fingerprint key", id: wanted.to_string() };
    let keys = keys_of(tx.conn, tx.keys, &by.org)?;
    let found = keys.into_iter().find(|key| key.line.number == wanted).ok_or_else(missing)?;
    if found.line.destroyed_at.is_some() {
        return Ok(Recorded::unchanged(()));
    }
    if found.line.retired_at.is_none() {
        let what = "the key is in use: draw another one first".to_owned();
        return Err(ChangeError::Conflict(what).into());
    }
    put(tx, &by.org, &FingerprintKeyLine { destroyed_at: Some(by.at), ..found.line })?;
    tx.erases();
    let detail = Detail::default().now("key", i64::from(wanted));
    tx.record(by, "fingerprint_key.destroyed", by.org.as_str(), detail, ())
}

/// What is due for the keys of one organisation: the next step, if there is one.
pub(super) fn key_due(
    conn: &Connection,
    keys: &Keys,
    org: &OrgId,
    now: Moment,
) -> Result<Option<KeyDue>, Fault> {
    const DAY: i64 = 86_400;
    let terms = terms(conn, keys, org.as_str())?;
    let (recordings, _) = all(conn, keys)?;
    let wanted = servers::all(conn, keys, Some(org))?.iter().any(|(server, _)| {
        recordings.get(&server.id).is_some_and(|recording| recording.fingerprints)
    });
    let passed = |since: Moment, days: u32| now >= since.plus_seconds(i64::from(days) * DAY);
    for key in keys_of(conn, keys, org)? {
        let line = key.line;
        match (line.retired_at, line.destroyed_at) {
            (None, _) if passed(line.made_at, terms.rotate_days) => {
                return Ok(Some(if wanted { KeyDue::Rotate } else { KeyDue::Retire(line) }));
            }
            (Some(retired), None) if passed(retired, terms.fingerprint_days) => {
                return Ok(Some(KeyDue::Destroy(line.number)));
            }
            _ => {}
        }
    }
    Ok(None)
}

/// A step that is due.
pub(super) enum KeyDue {
    /// The next key is drawn.
    Rotate,
    /// Nothing is recorded any more: the key is retired and no other drawn.
    Retire(FingerprintKeyLine),
    /// The key is destroyed.
    Destroy(u32),
}

/// Takes a step that is due.
pub(super) fn take(tx: &Tx<'_>, by: &By, due: KeyDue) -> Result<Recorded<()>, Fault> {
    match due {
        KeyDue::Rotate => {
            let line = draw(tx, &by.org, by.at)?;
            let detail = Detail::default().now("key", i64::from(line.number));
            tx.record(by, "fingerprint_key.drawn", by.org.as_str(), detail, ())
        }
        KeyDue::Retire(line) => {
            put(tx, &by.org, &FingerprintKeyLine { retired_at: Some(by.at), ..line.clone() })?;
            tx.judged_by();
            let detail = Detail::default().now("key", i64::from(line.number));
            tx.record(by, "fingerprint_key.retired", by.org.as_str(), detail, ())
        }
        KeyDue::Destroy(number) => destroy(tx, by, number),
    }
}

/// Whether a call had this value; and what of the question may be written down.
pub(super) fn asked(
    tx: &Tx<'_>,
    by: &By,
    call: &CallId,
    argument: Option<&str>,
    value: &[u8],
) -> Result<Recorded<FingerprintAnswer>, Fault> {
    let sql = "SELECT c.fingerprints, s.server_id, s.tool FROM calls c \
               JOIN call_shapes s ON s.id = c.shape WHERE c.id = ?1 AND s.org = ?2";
    let found = tx
        .conn
        .prepare_cached(sql)?
        .query_row(params![call.0.as_slice(), by.org.as_str()], |row| {
            Ok((
                row.get::<_, Option<String>>(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, Option<String>>(2)?,
            ))
        })
        .optional()?;
    let missing = || ChangeError::NotFound { what: "call", id: call.to_string() };
    let (text, server, tool) = found.ok_or_else(missing)?;
    let recorded = text.map(|text| read_prints(&text)).transpose()?;
    let print = recorded.as_ref().and_then(|(_, all, of)| match argument {
        None => all.as_deref(),
        Some(name) => of.get(name).map(String::as_str),
    });
    // A name that the entry does not hold may be anything, a value too.
    let name = match (argument, print) {
        (None, _) => "(all)",
        (Some(name), Some(_)) => name,
        (Some(_), None) => "(not recorded)",
    };
    let detail = Detail::default().now("argument", name);
    let answer = match (&recorded, print, tool) {
        (Some((number, ..)), Some(print), Some(tool)) => {
            let server = ServerId::from(server);
            let place = fingerprint_place(&by.org, &server, &tool, argument);
            let ring = tx.keys_so_far().ring;
            let keys = keys_of(tx.conn, tx.keys, &by.org)?;
            let key = keys.iter().find(|key| key.line.number == *number);
            match key.and_then(|key| key.open(&by.org, &ring)) {
                Some(key) if key.fits(&place, value, print) => FingerprintAnswer::Yes,
                Some(_) => FingerprintAnswer::No,
                None => FingerprintAnswer::KeyDestroyed,
            }
        }
        _ => FingerprintAnswer::NotRecorded,
    };
    tx.record(by, "fingerprint.asked", &call.to_string(), detail, answer)
}

type Prints = (u32, Option<String>, HashMap<String, String>);

/// The key's number, the fingerprint of all arguments, and those of each.
fn read_prints(text: &str) -> Result<Prints, Fault> {
    let bad = || corrupt("calls");
    let value = json::read(text.as_bytes(), json::Limits::ANSWER).map_err(|_| bad())?;
    let text_of = |value: &json::Value| value.as_str().map(str::to_owned);
    let key = value.get("key").and_then(json::Value::as_number).ok_or_else(bad)?;
    let key = key.text().parse().map_err(|_| bad())?;
    let of = value.get("of").and_then(json::Value::as_object).ok_or_else(bad)?;
    let of = of.iter().filter_map(|(name, value)| Some((name.to_owned(), text_of(value)?)));
    Ok((key, value.get("all").and_then(text_of), of.collect()))
}
