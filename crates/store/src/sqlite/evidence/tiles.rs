//! The hashes of tiles, as rows.

use audit::Hash;
use audit::proof::Tiles;
use rusqlite::{Connection, params};

use super::super::fault::{Fault, corrupt};
use super::stored;

/// Tiles in the database, as of the transaction of this connection.
pub(super) struct Rows<'a>(pub(super) &'a Connection);

impl Tiles for Rows<'_> {
    type Error = Fault;

    fn hashes(&mut self, level: u32, start: u64, count: usize) -> Result<Vec<Hash>, Fault> {
        let end = stored(start.saturating_add(count as u64));
        let read = |row: &rusqlite::Row<'_>| row.get::<_, [u8; 32]>(0).map(Hash);
        let found: Vec<Hash> = if level == 0 {
            let sql = "SELECT hash FROM log_entries WHERE idx >= ?1 AND idx < ?2 ORDER BY idx";
            let mut rows = self.0.prepare_cached(sql)?;
            let found = rows.query_map([stored(start), end], read)?;
            found.collect::<rusqlite::Result<_>>()?
        } else {
            let sql = "SELECT hash FROM log_nodes WHERE level = ?1 AND idx >= ?2 AND idx < ?3 \
                       ORDER BY idx";
            let mut rows = self.0.prepare_cached(sql)?;
            let found = rows.query_map(params![level, stored(start), end], read)?;
            found.collect::<rusqlite::Result<_>>()?
        };
        // A tile with a gap proves nothing.
        if found.len() == count { Ok(found) } else { Err(corrupt("log_entries")) }
    }
}
