//! Copies of the whole database: taken while it serves, put back where its keys open it.
//!
//! A copy holds what the database holds: sealed credentials, keyed hashes of tokens, the record. The
//! root key is never in it.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use vault::{Randomness, RootKey};

use super::fault::store_error;
use super::tx::Detail;
use super::{Sqlite, open};
use crate::{By, ChangeError, Clock, StoreError};

/// How long a copy waits for somebody's lock. Readers and writers do not lock each other out, so
/// there is hardly ever one.
const PATIENCE: Duration = Duration::from_secs(10);

/// A file that is removed when nobody needs it any more.
struct Removed(PathBuf);

impl Drop for Removed {
    fn drop(&mut self) {
        // What cannot be removed was never made, or lies in the data directory for its owner to see.
        let _ = fs::remove_file(&self.0);
    }
}

/// Copies the database of this directory as it is at one moment, into a file that is gone from the
/// directory as soon as it is open.
pub(super) fn copy(dir: &Path, name: &str) -> Result<File, StoreError> {
    let target = dir.join(format!("backup-{name}.tmp"));
    let failed = |source| StoreError::Directory { path: dir.display().to_string(), source };
    make_private(&target).map_err(failed)?;
    let removed = Removed(target);
    copy_into(&dir.join(open::DATABASE), &removed.0)?;
    File::open(&removed.0).map_err(failed)
}

fn copy_into(from: &Path, to: &Path) -> Result<(), StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(from, flags).map_err(store_error)?;
    conn.busy_timeout(PATIENCE).map_err(store_error)?;
    // One read transaction: calls and changes go on beside it and are not in the copy.
    let to = to.to_string_lossy();
    conn.execute("VACUUM INTO ?1", [to.as_ref()]).map_err(store_error)?;
    Ok(())
}

fn make_private(path: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.create_new(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

/// Puts a copy back: into a directory that has no database, and only if the root key opens it.
///
/// - **Errors**: [`StoreError::NotADatabase`], [`StoreError::NewerSchema`],
///   [`StoreError::WrongRootKey`], [`StoreError::Keyring`] say what is wrong with the copy or the key;
///   [`StoreError::Occupied`] that a database is there already. Nothing is left behind then.
pub async fn restore(
    copy: &Path,
    dir: &Path,
    root_key: &RootKey,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Randomness>,
) -> Result<(), StoreError> {
    let failed = |source| StoreError::Directory { path: dir.display().to_string(), source };
    let target = dir.join(open::DATABASE);
    if fs::metadata(&target).is_ok_and(|file| file.len() > 0) {
        return Err(StoreError::Occupied { path: dir.display().to_string() });
    }
    // Looked at before anything is written: the copy is ours, whole, and its keys open.
    open::inspect(copy, root_key)?;
    open::make_dir(dir)?;
    let _ = fs::remove_file(&target);
    make_private(&target).map_err(failed)?;
    let undo = Removed(target);
    copy_into(copy, &undo.0)?;
    let store = Sqlite::open(dir, root_key, Arc::clone(&clock), random)?;
    let by = By::program(store.org().clone(), clock.now());
    let noted = store
        .desk
        .change(move |tx| tx.record(&by, "backup.restored", "backup", Detail::default(), ()))
        .await;
    store.close();
    noted.map_err(|error| match error {
        ChangeError::Store(error) => error,
        other => StoreError::Unavailable(other.into()),
    })?;
    // It stays.
    std::mem::forget(undo);
    Ok(())
}
