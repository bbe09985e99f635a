//! The rows of the quota ledger: writing what changed, and reading all of it at the start.
//!
//! A counter's key holds values of arguments (`per`), so it is sealed; rows name counters by number.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use quota::{Bucket, Change, Changes, Hold, Key, Ledger, OnUnknown, Reservation, Row, State};
use rusqlite::{Connection, OptionalExtension, params};
use vault::Place;

use super::desk::locked;
use super::fault::{Fault, corrupt};
use super::keys::Keys;
use super::quotas::{Book, SharedBook};
use crate::Clock;

/// Which number each counter goes by in the database.
///
/// A counter that the ledger has forgotten keeps its number while a remembered call names it.
#[derive(Default)]
pub(super) struct Numbers {
    of: HashMap<Key, i64>,
    idle: HashSet<Key>,
    /// Numbered in a transaction that has not been committed yet.
    fresh: HashSet<Key>,
    last: i64,
    /// The lease of this process, under which it takes quota.
    pub(super) lease: i64,
}

impl Numbers {
    fn known(&self, key: &Key) -> Result<i64, Fault> {
        self.of.get(key).copied().ok_or_else(|| corrupt("quota_counters"))
    }

    /// The number of a counter, which has a row from then on.
    fn number(&mut self, conn: &Connection, keys: &Keys, key: &Key) -> Result<i64, Fault> {
        let number = match self.of.get(key) {
            Some(number) if !self.fresh.contains(key) => return Ok(*number),
            Some(number) => *number,
            None => {
                self.last += 1;
                self.of.insert(key.clone(), self.last);
                self.fresh.insert(key.clone());
                self.last
            }
        };
        let mut insert = conn.prepare_cached(
            "INSERT INTO quota_counters (id, sealed, seen) VALUES (?1, ?2, x'') \
             ON CONFLICT (id) DO NOTHING",
        )?;
        let sealed = keys.ring().seal(&place(&number.to_string()), key.encoded(), &*keys.random)?;
        insert.execute(params![number, sealed])?;
        Ok(number)
    }

    /// Follows a commit: which counters have gone, and which have come back.
    pub(super) fn committed(&mut self, changes: &Changes) {
        self.idle.extend(self.fresh.drain());
        for change in changes {
            match change {
                Change::Counter { key, after: None, .. } => {
                    self.idle.insert(key.clone());
                }
                Change::Counter { key, .. } => {
                    self.idle.remove(key);
                }
                _ => {}
            }
        }
    }

    /// Removes the rows of counters that nothing names any more, and says which they were; they
    /// are to be forgotten when the commit has succeeded ([`Numbers::forget`]).
    pub(super) fn tidy(&self, conn: &Connection, book: &SharedBook) -> Result<Vec<Key>, Fault> {
        if self.idle.is_empty() {
            return Ok(Vec::new());
        }
        let named = locked(book).keys_of_calls();
        let gone: Vec<Key> =
            self.idle.iter().filter(|key| !named.contains(*key)).cloned().collect();
        for key in &gone {
            conn.prepare_cached("DELETE FROM quota_counters WHERE id = ?1 AND seen = x''")?
                .execute([self.known(key)?])?;
        }
        Ok(gone)
    }

    pub(super) fn forget(&mut self, gone: Vec<Key>) {
        for key in gone {
            self.of.remove(&key);
            self.idle.remove(&key);
        }
    }
}

/// Writes the changed rows.
pub(super) fn write(
    conn: &Connection,
    keys: &Keys,
    numbers: &mut Numbers,
    changes: &Changes,
) -> Result<(), Fault> {
    for change in changes {
        match change {
            Change::Mark { after: Some(mark), .. } => {
                conn.prepare_cached("INSERT OR REPLACE INTO quota_mark (id, at) VALUES (1, ?1)")?
                    .execute([mark])?;
            }
            Change::Mark { after: None, .. } => {
                conn.prepare_cached("DELETE FROM quota_mark")?.execute([])?;
            }
            Change::Counter { key, after: Some(seen), .. } => {
                conn.prepare_cached("UPDATE quota_counters SET seen = ?2 WHERE id = ?1")?
                    .execute(params![numbers.number(conn, keys, key)?, quota::encode_seen(seen)])?;
            }
            Change::Counter { key, after: None, .. } => {
                // The row stays while calls that are remembered name it; see `Numbers::tidy`.
                conn.prepare_cached("UPDATE quota_counters SET seen = x'' WHERE id = ?1")?
                    .execute([numbers.known(key)?])?;
            }
            Change::Bucket { key, after: Some(bucket), .. } => {
                write_bucket(conn, numbers.number(conn, keys, key)?, bucket)?;
            }
            Change::Bucket { key, start, after: None, .. } => {
                conn.prepare_cached("DELETE FROM quota_buckets WHERE counter = ?1 AND start = ?2")?
                    .execute([numbers.known(key)?, *start])?;
            }
            Change::Reservation { after: Some(reservation), .. } => {
                write_reservation(conn, keys, numbers, reservation)?;
            }
            Change::Reservation { call, after: None, .. } => {
                conn.prepare_cached("DELETE FROM quota_reservations WHERE call = ?1")?
                    .execute([call.as_slice()])?;
            }
        }
    }
    Ok(())
}

fn write_bucket(conn: &Connection, counter: i64, bucket: &Bucket) -> Result<(), Fault> {
    conn.prepare_cached(
        "INSERT INTO quota_buckets (counter, start, last, settled, held, unknown) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (counter, start) DO UPDATE SET \
         last = excluded.last, settled = excluded.settled, held = excluded.held, \
         unknown = excluded.unknown",
    )?
    .execute([
        counter,
        bucket.start,
        bucket.last,
        bucket.settled,
        bucket.held,
        bucket.unknown,
    ])?;
    Ok(())
}

fn write_reservation(
    conn: &Connection,
    keys: &Keys,
    numbers: &mut Numbers,
    reservation: &Reservation,
) -> Result<(), Fault> {
    let closed = reservation.closed.map(|number| i64::try_from(number).unwrap_or(i64::MAX));
    let counters: Result<Vec<i64>, Fault> =
        reservation.holds.iter().map(|hold| numbers.number(conn, keys, &hold.key)).collect();
    let holds = encode_holds(&counters?, &reservation.holds);
    conn.prepare_cached(
        "INSERT INTO quota_reservations (call, at, closed, holds, incarnation) \
         VALUES (?1, ?2, ?3, ?4, ?5) \
         ON CONFLICT (call) DO UPDATE SET closed = excluded.closed, holds = excluded.holds",
    )?
    .execute(params![
        reservation.call.as_slice(),
        reservation.at,
        closed,
        holds,
        numbers.lease
    ])?;
    Ok(())
}

/// The holds of a call, one after the other: 27 bytes, then the rule behind its length. As the
/// ledger's own encoding, save that counters go by number.
fn encode_holds(counters: &[i64], holds: &[Hold]) -> Vec<u8> {
    let mut out = Vec::with_capacity(holds.len() * 80);
    for (counter, hold) in counters.iter().zip(holds) {
        out.extend_from_slice(&counter.to_be_bytes());
        out.extend_from_slice(&hold.amount.to_be_bytes());
        out.extend_from_slice(&hold.bucket.to_be_bytes());
        out.push(match hold.state {
            State::Reserved => 0,
            State::Settled => 1,
            State::Released => 2,
            State::Unknown => 3,
        });
        let keep = hold.on_unknown == OnUnknown::Keep;
        out.push(
            u8::from(hold.doubted)
                | u8::from(hold.count_failed) << 1
                | u8::from(keep) << 2
                | u8::from(hold.rolled_back) << 3,
        );
        let rule = hold.rule.as_bytes();
        // Rules are JSON Pointers of a document of at most a few megabytes.
        out.extend_from_slice(&u32::try_from(rule.len()).unwrap_or(u32::MAX).to_be_bytes());
        out.extend_from_slice(rule);
    }
    out
}

fn decode_holds(keys: &HashMap<i64, Key>, mut bytes: &[u8]) -> Option<Vec<Hold>> {
    let mut holds = Vec::new();
    while !bytes.is_empty() {
        let (counter, rest) = bytes.split_first_chunk::<8>()?;
        let (amount, rest) = rest.split_first_chunk::<8>()?;
        let (bucket, rest) = rest.split_first_chunk::<8>()?;
        let ([state, flags], rest) = rest.split_first_chunk::<2>()?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (rule, rest) = rest.split_at_checked(length)?;
        bytes = rest;
        holds.push(Hold {
            key: keys.get(&i64::from_be_bytes(*counter))?.clone(),
            rule: std::str::from_utf8(rule).ok()?.into(),
            amount: i64::from_be_bytes(*amount),
            bucket: i64::from_be_bytes(*bucket),
            state: match state {
                0 => State::Reserved,
                1 => State::Settled,
                2 => State::Released,
                3 => State::Unknown,
                _ => return None,
            },
            doubted: flags & 1 != 0,
            rolled_back: flags & 8 != 0,
            count_failed: flags & 2 != 0,
            on_unknown: if flags & 4 != 0 { OnUnknown::Keep } else { OnUnknown::RollBack },
        });
    }
    Some(holds)
}

/// Reads the whole ledger. Rows that do not add up are not a ledger: nothing may be let through.
pub(super) fn load(
    conn: &Connection,
    keys: &Keys,
    clock: Arc<dyn Clock>,
) -> Result<(Book, Numbers), Fault> {
    let mut rows = Vec::new();
    let mark = conn.query_row("SELECT at FROM quota_mark", [], |row| row.get(0)).optional()?;
    rows.extend(mark.map(Row::Mark));

    let (mut of_number, mut idle) = (HashMap::new(), HashSet::new());
    let mut counters = conn.prepare("SELECT id, sealed, seen FROM quota_counters")?;
    let mut found = counters.query([])?;
    while let Some(row) = found.next()? {
        let (number, sealed, seen): (i64, Vec<u8>, Vec<u8>) =
            (row.get(0)?, row.get(1)?, row.get(2)?);
        let opened = keys.ring().open(&place(&number.to_string()), &sealed);
        let opened = opened.map_err(|_| corrupt("quota_counters"))?;
        let key = Key::decode(opened.expose()).map_err(|_| corrupt("quota_counters"))?;
        if seen.is_empty() {
            idle.insert(key.clone());
        } else {
            let seen = quota::decode_seen(&seen).map_err(|_| corrupt("quota_counters"))?;
            rows.push(Row::Counter(key.clone(), seen.into()));
        }
        of_number.insert(number, key);
    }
    load_buckets(conn, &of_number, &mut rows)?;
    load_reservations(conn, &of_number, &mut rows)?;

    let last = of_number.keys().copied().max().unwrap_or(0);
    let of = of_number.into_iter().map(|(number, key)| (key, number)).collect();
    let ledger = Ledger::load(rows).map_err(|error| {
        tracing::error!(%error, "the quota ledger does not add up");
        corrupt("quota_buckets")
    })?;
    Ok((Book::new(ledger, clock), Numbers { of, idle, fresh: HashSet::new(), last, lease: 0 }))
}

fn load_buckets(
    conn: &Connection,
    of_number: &HashMap<i64, Key>,
    rows: &mut Vec<Row>,
) -> Result<(), Fault> {
    let mut buckets =
        conn.prepare("SELECT counter, start, last, settled, held, unknown FROM quota_buckets")?;
    let mut found = buckets.query([])?;
    while let Some(row) = found.next()? {
        let counter: i64 = row.get(0)?;
        let key = of_number.get(&counter).ok_or_else(|| corrupt("quota_buckets"))?;
        let bucket = Bucket {
            start: row.get(1)?,
            last: row.get(2)?,
            settled: row.get(3)?,
            held: row.get(4)?,
            unknown: row.get(5)?,
        };
        rows.push(Row::Bucket(key.clone(), bucket));
    }
    Ok(())
}

fn load_reservations(
    conn: &Connection,
    of_number: &HashMap<i64, Key>,
    rows: &mut Vec<Row>,
) -> Result<(), Fault> {
    let mut reservations =
        conn.prepare("SELECT call, at, closed, holds FROM quota_reservations")?;
    let mut found = reservations.query([])?;
    while let Some(row) = found.next()? {
        let holds: Vec<u8> = row.get(3)?;
        let holds = decode_holds(of_number, &holds).ok_or_else(|| corrupt("quota_reservations"))?;
        let closed: Option<i64> = row.get(2)?;
        let closed = closed.map(u64::try_from).transpose();
        rows.push(Row::Reservation(Arc::new(Reservation {
            call: row.get(0)?,
            at: row.get(1)?,
            closed: closed.map_err(|_| corrupt("quota_reservations"))?,
            holds,
        })));
    }
    Ok(())
}

fn place(number: &str) -> Place<'_> {
    Place { org: "", table: "quota_counters", record: number, field: "key", generation: 1 }
}
