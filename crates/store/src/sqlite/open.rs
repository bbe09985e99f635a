//! Opening the database: the directory is ours alone, the file is ours, its schema is known, its
//! keys open. Only then is anything written.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::types::FromSql;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, ToSql, params};
use vault::{KeyState, Keyring, KeyringRow, LoadError, Randomness, RootKey};

use super::fault::{Fault, corrupt, store_error};
use super::keys::Keys;
use crate::{Moment, OrgId, StoreError};

/// The database in the data directory.
pub(super) const DATABASE: &str = "countersign.db";
/// The file whose lock says that the directory is in use.
const LOCK: &str = "countersign.lock";

/// Marks our files among other SQLite databases: "CSGN".
const APPLICATION_ID: i64 = 0x4353_474e;

/// Older versions can corrupt a write-ahead log that is reset while it is read.
const SQLITE_MIN: (&str, i32) = ("3.51.3", 3_051_003);

/// The migrations by number, from 1. A number once released is never changed.
const MIGRATIONS: [&str; 16] = [
    include_str!("migrations/0001.sql"),
    include_str!("migrations/0002.sql"),
    include_str!("migrations/0003.sql"),
    include_str!("migrations/0004.sql"),
    include_str!("migrations/0005.sql"),
    include_str!("migrations/0006.sql"),
    include_str!("migrations/0007.sql"),
    include_str!("migrations/0008.sql"),
    include_str!("migrations/0009.sql"),
    include_str!("migrations/0010.sql"),
    include_str!("migrations/0011.sql"),
    include_str!("migrations/0012.sql"),
    include_str!("migrations/0013.sql"),
    include_str!("migrations/0014.sql"),
    include_str!("migrations/0015.sql"),
    include_str!("migrations/0016.sql"),
];

/// How long a statement waits for somebody else's lock, such as a backup tool's.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// The write-ahead log is copied into the database beyond so many pages. Lines are appended, so
/// most pages are written once however long that takes; 16 MiB.
const CHECKPOINT_PAGES: i64 = 4_096;

/// What opening gives.
pub(super) struct Opened {
    pub(super) conn: Connection,
    pub(super) keys: Keys,
    /// Held as long as the store lives.
    pub(super) lock: File,
    pub(super) org: OrgId,
    pub(super) install_id: String,
    pub(super) first_start: bool,
    pub(super) generation: u64,
}

/// Opens the database in the directory, or makes one.
pub(super) fn open(
    dir: &Path,
    root: &RootKey,
    now: Moment,
    random: Arc<dyn Randomness>,
) -> Result<Opened, StoreError> {
    if rusqlite::version_number() < SQLITE_MIN.1 {
        let found = rusqlite::version().to_owned();
        return Err(StoreError::OldSqlite { found, needed: SQLITE_MIN.0 });
    }
    let lock = own(dir)?;
    let file = dir.join(DATABASE);
    make_file(dir, &file)?;
    let conn = Connection::open_with_flags(
        &file,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
    .map_err(store_error)?;
    conn.busy_timeout(BUSY_TIMEOUT).map_err(store_error)?;

    let schema = schema_of(&conn, &file)?;
    let known = MIGRATIONS.len() as u32;
    if schema > known {
        return Err(StoreError::NewerSchema { found: schema, known });
    }
    let ring = if schema == 0 { None } else { Some(load_keyring(&conn, root)?) };
    // From here on something may be written: the file is ours, and so is the key.
    prepare(&conn).map_err(|error| read_only_or(&conn, error))?;
    let first_start = ring.is_none();
    let ring = start(&conn, schema, ring, root, now, &*random)?;
    super::connections::end_turns(&conn).map_err(store_error)?;
    let keys = Keys::new(ring, root.duplicate(), random);
    let (org, install_id, generation) = identity(&conn)?;
    Ok(Opened { conn, keys, lock, org, install_id, first_start, generation })
}

/// Makes the directory if need be, and takes the lock that says it is ours.
fn own(dir: &Path) -> Result<File, StoreError> {
    let failed = |source| StoreError::Directory { path: dir.display().to_string(), source };
    make_dir(dir)?;
    let lock = private().create(true).truncate(false).write(true).open(dir.join(LOCK));
    let lock = lock.map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse { path: dir.display().to_string() }),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// Makes the directory, for its owner only, unless it is there.
pub(super) fn make_dir(dir: &Path) -> Result<(), StoreError> {
    if dir.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    let failed = |source| StoreError::Directory { path: dir.display().to_string(), source };
    builder.create(dir).map_err(failed)
}

/// Looks at a copy without writing anything: it is ours, known here, whole, and the root key opens
/// its keys.
pub(super) fn inspect(file: &Path, root: &RootKey) -> Result<(), StoreError> {
    let conn = Connection::open_with_flags(
        file,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
    .map_err(store_error)?;
    let (schema, known) = (schema_of(&conn, file)?, MIGRATIONS.len() as u32);
    if schema == 0 {
        return Err(StoreError::NotADatabase { path: file.display().to_string() });
    }
    if schema > known {
        return Err(StoreError::NewerSchema { found: schema, known });
    }
    load_keyring(&conn, root)?;
    let whole: String =
        conn.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(store_error)?;
    if whole == "ok" { Ok(()) } else { Err(StoreError::Corrupt { table: "the copy" }) }
}

/// Makes the database file, readable by its owner only. SQLite gives its side files the same mode.
fn make_file(dir: &Path, file: &Path) -> Result<(), StoreError> {
    let failed = |source| StoreError::Directory { path: dir.display().to_string(), source };
    match private().create_new(true).write(true).open(file) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => tighten(file).map_err(failed),
        Err(error) => Err(failed(error)),
    }
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Takes the file from everybody but its owner.
#[cfg(unix)]
fn tighten(file: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = fs::metadata(file)?.permissions().mode();
    if mode & 0o077 != 0 {
        tracing::warn!("the database was readable by others; it is not any more");
        fs::set_permissions(file, fs::Permissions::from_mode(mode & 0o700))?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn tighten(_: &Path) -> std::io::Result<()> {
    Ok(())
}

/// The schema's number; 0 for a file that is empty. Reads only.
fn schema_of(conn: &Connection, file: &Path) -> Result<u32, StoreError> {
    let not_ours = || StoreError::NotADatabase { path: file.display().to_string() };
    let read = |pragma: &str| conn.query_row(pragma, [], |row| row.get::<_, i64>(0));
    let application =
        read("PRAGMA application_id").map_err(|error| match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => not_ours(),
            _ => store_error(error),
        })?;
    let schema = read("PRAGMA user_version").map_err(store_error)?;
    let tables = read("SELECT count(*) FROM sqlite_schema").map_err(store_error)?;
    match (application, u32::try_from(schema)) {
        (APPLICATION_ID, Ok(schema)) if schema > 0 => Ok(schema),
        (0, Ok(0)) if tables == 0 => Ok(0),
        _ => Err(not_ours()),
    }
}

fn load_keyring(conn: &Connection, root: &RootKey) -> Result<Keyring, StoreError> {
    let read = || -> Result<Vec<KeyringRow>, Fault> {
        let mut rows = conn.prepare("SELECT id, state, wrapped, check_blob FROM keyring")?;
        let mut found = rows.query([])?;
        let mut ring = Vec::new();
        while let Some(row) = found.next()? {
            let state: String = row.get(1)?;
            ring.push(KeyringRow {
                id: row.get(0)?,
                state: KeyState::parse(&state).ok_or_else(|| corrupt("keyring"))?,
                wrapped: row.get(2)?,
                check: row.get(3)?,
            });
        }
        Ok(ring)
    };
    Keyring::load(root, &read()?).map_err(|error| match error {
        LoadError::WrongRootKey => StoreError::WrongRootKey,
        other => StoreError::Keyring(other),
    })
}

/// Settings of the connection that writes.
fn prepare(conn: &Connection) -> rusqlite::Result<()> {
    conn.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    conn.execute_batch("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;")?;
    for (pragma, value) in [
        ("secure_delete", 1),
        ("temp_store", 2),
        ("cache_size", -4_096),
        ("wal_autocheckpoint", CHECKPOINT_PAGES),
        ("journal_size_limit", CHECKPOINT_PAGES * 4_096),
    ] {
        // Some of these answer with a row, some do not.
        let mut statement = conn.prepare(&format!("PRAGMA {pragma} = {value}"))?;
        let mut rows = statement.query([])?;
        while rows.next()?.is_some() {}
    }
    conn.set_prepared_statement_cache_capacity(128);
    Ok(())
}

/// A file that cannot be written fails in many ways; say the plain one.
fn read_only_or(conn: &Connection, error: rusqlite::Error) -> StoreError {
    match conn.is_readonly("main") {
        Ok(true) => StoreError::ReadOnly,
        _ => store_error(error),
    }
}

/// Brings the schema up to date, and at the first start makes the key ring and the organisation:
/// all in one transaction, so that a crash leaves either nothing or everything.
fn start(
    conn: &Connection,
    schema: u32,
    ring: Option<Keyring>,
    root: &RootKey,
    now: Moment,
    random: &dyn Randomness,
) -> Result<Keyring, StoreError> {
    let make = || -> Result<Keyring, Fault> {
        let missing = MIGRATIONS.get(schema as usize..).unwrap_or_default();
        missing.iter().try_for_each(|sql| conn.execute_batch(sql))?;
        // Written only when they change: an ordinary start waits for no disk here.
        if !missing.is_empty() {
            conn.execute_batch(&format!(
                "PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {};",
                MIGRATIONS.len()
            ))?;
        }
        match ring {
            Some(ring) => Ok(ring),
            None => first(conn, root, now, random),
        }
    };
    conn.execute_batch("BEGIN IMMEDIATE").map_err(|error| read_only_or(conn, error))?;
    match make() {
        Ok(ring) => {
            conn.execute_batch("COMMIT").map_err(store_error)?;
            Ok(ring)
        }
        Err(fault) => {
            // The connection is dropped next, which undoes it in any case.
            let _ = conn.execute_batch("ROLLBACK");
            Err(fault.into())
        }
    }
}

/// What a database holds that has just been made.
fn first(
    conn: &Connection,
    root: &RootKey,
    now: Moment,
    random: &dyn Randomness,
) -> Result<Keyring, Fault> {
    let (ring, rows) = Keyring::create(root, random)?;
    for row in rows {
        conn.execute(
            "INSERT INTO keyring (id, state, wrapped, check_blob) VALUES (?1, ?2, ?3, ?4)",
            params![row.id, row.state.as_str(), row.wrapped, row.check],
        )?;
    }
    let mut bytes = [0; 16];
    random.fill(&mut bytes)?;
    let org = OrgId::random(bytes);
    conn.execute(
        "INSERT INTO organisations (id, name, created_at) VALUES (?1, 'default', ?2)",
        params![org.as_str(), now.micros()],
    )?;
    random.fill(&mut bytes)?;
    let install_id: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    meta_put(conn, "install_id", install_id)?;
    meta_put(conn, "generation", 1)?;
    meta_put(conn, "open_from", 1)?;
    Ok(ring)
}

fn identity(conn: &Connection) -> Result<(OrgId, String, u64), StoreError> {
    let read = || -> Result<(OrgId, String, u64), Fault> {
        let org: String =
            conn.query_row("SELECT id FROM organisations ORDER BY created_at, id", [], |row| {
                row.get(0)
            })?;
        let install_id: Option<String> = meta(conn, "install_id")?;
        let generation: Option<i64> = meta(conn, "generation")?;
        let generation = generation.and_then(|g| u64::try_from(g).ok());
        Ok((
            org.into(),
            install_id.ok_or_else(|| corrupt("meta"))?,
            generation.ok_or_else(|| corrupt("meta"))?,
        ))
    };
    Ok(read()?)
}

/// A value of the `meta` table.
pub(super) fn meta<T: FromSql>(conn: &Connection, name: &str) -> rusqlite::Result<Option<T>> {
    conn.prepare_cached("SELECT value FROM meta WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()
}

/// Puts a value into the `meta` table.
pub(super) fn meta_put(conn: &Connection, name: &str, value: impl ToSql) -> rusqlite::Result<()> {
    conn.prepare_cached("INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)")?
        .execute(params![name, value])?;
    Ok(())
}
