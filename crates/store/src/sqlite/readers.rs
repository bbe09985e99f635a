//! Connections that only read, beside the writer: a few, used on threads that may block.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use tokio::sync::Semaphore;

use super::desk::locked;
use super::fault::{Fault, store_error};
use crate::StoreError;

/// The most reads at one moment.
const READERS: usize = 4;

/// How long a read waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);

/// The pool.
pub(super) struct Readers {
    file: PathBuf,
    turns: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl Readers {
    pub(super) fn new(file: &Path) -> Self {
        let turns = Arc::new(Semaphore::new(READERS));
        Self { file: file.to_owned(), turns, idle: Arc::default() }
    }

    /// Closes the connections that nobody uses, so that the writer's is the last one and leaves no
    /// side files behind.
    pub(super) fn rest(&self) {
        locked(&self.idle).clear();
    }

    /// Reads at one moment: all of `read` sees the database as of its first statement.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, StoreError> {
        let turn = tokio::time::timeout(PATIENCE, Arc::clone(&self.turns).acquire_owned()).await;
        let turn = turn.map_err(|_| StoreError::Busy)?.map_err(|_| StoreError::Closed)?;
        let (file, idle) = (self.file.clone(), Arc::clone(&self.idle));
        let work = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let conn = locked(&idle).pop();
            let conn = conn.map_or_else(|| connect(&file), Ok).map_err(store_error)?;
            conn.execute_batch("BEGIN DEFERRED").map_err(store_error)?;
            let answer = read(&conn);
            // A connection that cannot end its transaction is not used again.
            if conn.execute_batch("ROLLBACK").is_ok() {
                locked(&idle).push(conn);
            }
            answer.map_err(StoreError::from)
        });
        work.await.unwrap_or(Err(StoreError::Closed))
    }
}

fn connect(file: &Path) -> rusqlite::Result<Connection> {
    let conn = Connection::open_with_flags(
        file,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    conn.busy_timeout(Duration::from_secs(2))?;
    conn.execute_batch("PRAGMA query_only = ON; PRAGMA cache_size = -1024;")?;
    conn.set_prepared_statement_cache_capacity(32);
    Ok(conn)
}
