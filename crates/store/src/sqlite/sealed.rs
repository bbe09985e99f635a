//! Every sealed column of the database, and sealing its rows again under the active key.
//!
//! The place of a value (organisation, table, record, field, generation) stays what it was; only the
//! key changes. A new sealed column must be added to [`SEALED`]; a test looks at the schema and
//! fails until it is.

use rusqlite::{Connection, params};
use vault::{Keyring, Place};

use super::fault::{Fault, corrupt};
use super::tx::Tx;

/// A column that holds sealed values.
struct Sealed {
    /// The table and the column in SQL.
    table: &'static str,
    column: &'static str,
    /// The table's name in the place of its values.
    place: &'static str,
    /// From its rows: organisation, record, field and generation of the place.
    select: &'static str,
}

/// All of them.
const SEALED: [Sealed; 11] = [
    Sealed {
        table: "credential_headers",
        column: "sealed",
        place: "credentials",
        select: "t.org, t.credential, t.name, (SELECT c.generation FROM credentials c \
                 WHERE c.org = t.org AND c.id = t.credential)",
    },
    Sealed {
        table: "oauth_clients",
        column: "secret",
        place: "oauth_clients",
        select: "t.org, t.credential, 'client_secret', (SELECT c.generation FROM credentials c \
                 WHERE c.org = t.org AND c.id = t.credential)",
    },
    Sealed {
        table: "oauth_connections",
        column: "access",
        place: "oauth_connections",
        select: "t.org, t.credential || '/' || t.identity, 'access_token', t.generation",
    },
    Sealed {
        table: "oauth_connections",
        column: "refresh",
        place: "oauth_connections",
        select: "t.org, t.credential || '/' || t.identity, 'refresh_token', t.generation",
    },
    Sealed {
        table: "passwords",
        column: "sealed",
        place: "passwords",
        select: "t.org, t.member, 'hash', t.generation",
    },
    Sealed {
        table: "providers",
        column: "secret",
        place: "providers",
        select: "t.org, t.id, 'client_secret', t.generation",
    },
    Sealed {
        table: "channels",
        column: "secret",
        place: "channels",
        select: "t.org, t.id, 'secret', t.generation",
    },
    Sealed {
        table: "approval_arguments",
        column: "sealed",
        place: "approval_arguments",
        select: "t.org, t.approval, 'sealed', 1",
    },
    Sealed {
        table: "quota_counters",
        column: "sealed",
        place: "quota_counters",
        select: "'', CAST(t.id AS TEXT), 'key', 1",
    },
    Sealed {
        table: "fingerprint_keys",
        column: "sealed",
        place: "fingerprint_keys",
        select: "t.org, CAST(t.number AS TEXT), 'key', 1",
    },
    Sealed {
        table: "log_keys",
        column: "sealed",
        place: "log_keys",
        select: "'', CAST(t.id AS TEXT), 'seed', 1",
    },
];

/// Where sealing again has come to. A process that starts anew starts from the beginning: rows that
/// are done are passed over, so nothing is done twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Reached {
    table: usize,
    rowid: i64,
}

/// What one step did.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Step {
    /// How many values are sealed under the active key now.
    pub(super) resealed: usize,
    /// How many do not open and were left as they are.
    pub(super) unopened: usize,
    /// Where to go on; `None` at the end of the last table.
    pub(super) next: Option<Reached>,
}

/// How many values each key has sealed, by its id. What is no record counts for no key.
pub(super) fn counts(conn: &Connection) -> Result<Vec<(u32, u64)>, Fault> {
    let parts = SEALED.iter().map(|Sealed { table, column, .. }| {
        format!("SELECT substr({column}, 3, 4) AS key FROM {table} WHERE {column} IS NOT NULL")
    });
    let sql = format!(
        "SELECT key, count(*) FROM ({}) GROUP BY key ORDER BY key",
        parts.collect::<Vec<_>>().join(" UNION ALL ")
    );
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query([])?;
    let mut counts = Vec::new();
    while let Some(row) = rows.next()? {
        let key: Vec<u8> = row.get(0)?;
        let count: i64 = row.get(1)?;
        let count = u64::try_from(count).map_err(|_| corrupt("keyring"))?;
        if let Ok(key) = <[u8; 4]>::try_from(key.as_slice()) {
            counts.push((u32::from_be_bytes(key), count));
        }
    }
    Ok(counts)
}

/// How many values one key has sealed.
pub(super) fn count(conn: &Connection, key: u32) -> Result<u64, Fault> {
    let of = counts(conn)?.into_iter().find(|(id, _)| *id == key);
    Ok(of.map_or(0, |(_, count)| count))
}

/// Seals up to `most` values again that another key than the active one has sealed.
pub(super) fn step(tx: &Tx<'_>, from: Reached, most: usize) -> Result<Step, Fault> {
    let ring = tx.keys_so_far().ring;
    let mut step = Step { next: Some(from), ..Step::default() };
    while let Some(reached) = step.next {
        let left = most.saturating_sub(step.resealed + step.unopened);
        if left == 0 {
            break;
        }
        let Some(sealed) = SEALED.get(reached.table) else {
            step.next = None;
            break;
        };
        let last = of_table(tx, &ring, sealed, reached.rowid, left, &mut step)?;
        step.next = Some(match last {
            Some(rowid) => Reached { rowid, ..reached },
            None => Reached { table: reached.table + 1, rowid: 0 },
        });
    }
    Ok(step)
}

/// A part of one table; the last row of it, or `None` if there was none.
fn of_table(
    tx: &Tx<'_>,
    ring: &Keyring,
    sealed: &Sealed,
    after: i64,
    most: usize,
    step: &mut Step,
) -> Result<Option<i64>, Fault> {
    let Sealed { table, column, place, select } = sealed;
    let mut found = tx.conn.prepare_cached(&format!(
        "SELECT t.rowid, t.{column}, {select} FROM {table} t WHERE t.rowid > ?1 \
         AND t.{column} IS NOT NULL AND substr(t.{column}, 3, 4) <> ?2 ORDER BY t.rowid LIMIT ?3"
    ))?;
    let mut put =
        tx.conn.prepare_cached(&format!("UPDATE {table} SET {column} = ?2 WHERE rowid = ?1"))?;
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let mut rows = found.query(params![after, ring.active_id().to_be_bytes(), most])?;
    let mut last = None;
    while let Some(row) = rows.next()? {
        let rowid: i64 = row.get(0)?;
        last = Some(rowid);
        let blob: Vec<u8> = row.get(1)?;
        let (org, record, field): (String, String, String) =
            (row.get(2)?, row.get(3)?, row.get(4)?);
        let generation = row.get::<_, Option<i64>>(5)?.and_then(|of| u64::try_from(of).ok());
        let place = Place {
            org: &org,
            table: place,
            record: &record,
            field: &field,
            generation: generation.unwrap_or_default(),
        };
        match ring.open(&place, &blob) {
            Ok(secret) => {
                let again = ring.seal(&place, secret.expose(), &*tx.keys.random)?;
                put.execute(params![rowid, again])?;
                step.resealed += 1;
            }
            // It opened for nobody before either. It keeps its key from being retired.
            Err(error) => {
                tracing::error!(table, rowid, %error, "a sealed value does not open");
                step.unopened += 1;
            }
        }
    }
    Ok(last)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::SEALED;
    use crate::SystemClock;
    use crate::sqlite::Sqlite;

    /// Columns of bytes that are not sealed: codes, hashes, public things, documents.
    const NOT_SEALED: &[&str] = &[
        "keyring.wrapped",
        "keyring.check_blob",
        "tools.definition",
        "tools.accepted_definition",
        "policy_versions.text",
        "policy_versions.cases",
        "policy_drafts.text",
        "policy_drafts.cases",
        "policy_watches.text",
        "watch_calls.call",
        "calls.id",
        "idempotency.request",
        "quota_counters.seen",
        "quota_reservations.call",
        "quota_reservations.holds",
        "passkeys.credential_id",
        "passkeys.public_key",
        "approvals.digest",
        "approvals.asked_by",
        "approvals.used_by",
        // Sealed, and not by us: no key of ours opens it.
        "captures.record",
    ];

    #[tokio::test]
    async fn every_column_of_bytes_is_known_to_be_sealed_or_not() {
        let dir = tempfile::tempdir().unwrap();
        let root = vault::RootKey::generate(&vault::OsRandom).unwrap();
        let clock = Arc::new(SystemClock);
        let store = Sqlite::open(dir.path(), &root, clock, Arc::new(vault::OsRandom)).unwrap();
        let sql = "SELECT m.name || '.' || c.name FROM sqlite_schema m, pragma_table_info(m.name) c \
                   WHERE m.type = 'table' AND c.type IN ('BLOB', 'ANY') ORDER BY 1";
        let found: Vec<String> = store
            .readers
            .read(move |conn| {
                let mut statement = conn.prepare(sql)?;
                let rows = statement.query_map([], |row| row.get(0))?;
                Ok(rows.collect::<rusqlite::Result<_>>()?)
            })
            .await
            .unwrap();
        let sealed: Vec<String> =
            SEALED.iter().map(|s| format!("{}.{}", s.table, s.column)).collect();
        let plain = |name: &String| {
            let column = name.rsplit('.').next().unwrap_or_default();
            matches!(column, "mac" | "hash" | "value") || NOT_SEALED.contains(&name.as_str())
        };
        let unknown: Vec<_> =
            found.iter().filter(|name| !sealed.contains(name) && !plain(name)).collect();
        assert!(unknown.is_empty(), "add these to SEALED, or to NOT_SEALED: {unknown:?}");
        assert!(sealed.iter().all(|name| found.contains(name)), "{sealed:?} in {found:?}");
    }
}
