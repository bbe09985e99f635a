//! The SQLite store: one writer thread with group commit, readers beside it.
//!
//! - `open.rs` takes the data directory, checks file, schema and keys, and closes what a process
//!   before this one left open.
//! - `desk.rs` is what everybody shares; `writer.rs` is the thread that writes.
//! - `call_rows.rs`, `quotas.rs` and `quota_rows.rs` are what the road of a call writes; `data_plane.rs` is the
//!   contract over them.
//! - `servers.rs`, `credentials.rs`, `policies.rs`, `grants.rs`, `api_keys.rs`, `members.rs`,
//!   `groups.rs` read and change one kind of object each, `passwords.rs`, `passkeys.rs`,
//!   `providers.rs`, `sessions.rs`, `setups.rs` what people sign in by; `control_plane.rs`,
//!   `people.rs` and `sign_in.rs` are the contract over them.
//! - `oauth_clients.rs` and `connections.rs` keep OAuth towards upstreams; `connecting.rs` is the
//!   contract over them.
//! - `sealed.rs` lists every sealed column and seals rows again; `rotation.rs` changes the keys;
//!   `key_care.rs` is the contract over them.
//! - `recordings.rs` keeps what is recorded of calls beyond names, `captures.rs` what was kept of them;
//!   `recording_care.rs` is the contract over them.
//! - `approvals.rs`, `approval_words.rs`, `approval_people.rs` keep calls that wait for people;
//!   `approving.rs` is the contract over them. `channels.rs` and `outbox.rs` keep where people are
//!   told of them, and what they were told; `telling.rs` is the contract over these.

mod amounts;
mod api_keys;
mod approval_codec;
mod approval_people;
mod approval_words;
mod approvals;
mod approving;
mod audit_log;
mod authority;
mod backup;
mod call_log;
mod call_rows;
mod call_sums;
mod captures;
mod channels;
mod connecting;
mod connections;
mod control_plane;
mod credentials;
mod data_plane;
mod desk;
mod drafts;
mod evidence;
mod fault;
mod grant_rows;
mod grants;
mod groups;
mod herald;
mod holding;
mod invites;
mod key_care;
mod kept;
mod keys;
mod left_over;
mod line;
mod members;
mod oauth_clients;
mod open;
mod outbox;
mod passkeys;
mod passwords;
mod people;
mod policies;
mod policy_use;
mod providers;
mod quota_rows;
mod quotas;
mod readers;
mod recording_care;
mod recordings;
mod records;
mod reservations;
mod rotation;
mod scopes;
mod sealed;
mod servers;
mod sessions;
mod setups;
mod sign_in;
mod spool;
mod standings;
mod strangers;
mod telling;
mod tools;
mod tx;
mod usage;
mod watches;
mod view;
mod writer;

#[cfg(test)]
mod tests;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use vault::{Keyring, Pepper, Randomness, RootKey};

use crate::{Clock, OrgId, StoreError};
pub use backup::restore;
use call_rows::CallRows;
use desk::{Desk, locked};
use evidence::Sequencer;
use keys::Keys;
use readers::Readers;
use spool::Spool;
use writer::Writer;

pub use evidence::export_file;
pub use key_care::Tending;

/// The store in one SQLite file, owned by one process.
///
/// - **Shape**: shared as `Arc<Sqlite>`, which is both `Arc<dyn DataPlane>` and
///   `Arc<dyn ControlPlane>`. Its methods need a tokio runtime with timers.
/// - **Source**: [`Sqlite::open`]. Dropping the last handle writes what waits and ends the writer.
pub struct Sqlite {
    dir: PathBuf,
    desk: Arc<Desk>,
    keys: Arc<Keys>,
    readers: Readers,
    org: OrgId,
    install_id: String,
    first_start: bool,
    /// How many forged rows were told of last.
    forged_told: AtomicUsize,
    /// How many sealed values were found that do not open.
    unopened: AtomicU64,
    writer: Mutex<Option<JoinHandle<()>>>,
    /// Held while the store lives: the directory is ours.
    _lock: File,
}

impl Sqlite {
    /// Opens the database in this data directory, or makes both.
    ///
    /// Blocks; meant for start-up. Calls that a dead process left open are closed as unknown.
    ///
    /// - **Errors**: nothing is written unless the file is ours, its schema is known and the root
    ///   key opens it: [`StoreError::NotADatabase`], [`StoreError::NewerSchema`],
    ///   [`StoreError::WrongRootKey`], [`StoreError::Keyring`]; [`StoreError::InUse`] when another
    ///   process has the directory; [`StoreError::Directory`], [`StoreError::ReadOnly`],
    ///   [`StoreError::Full`] when it cannot be used.
    pub fn open(
        dir: &Path,
        root_key: &RootKey,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Randomness>,
    ) -> Result<Self, StoreError> {
        let opened = open::open(dir, root_key, clock.now(), random)?;
        let keys = Arc::new(opened.keys);
        let (mut book, mut numbers) = quota_rows::load(&opened.conn, &keys, Arc::clone(&clock))?;
        let mut spool = Spool::of(dir);
        let (spooled, strange) = spool
            .read(&keys)
            .map_err(|source| StoreError::Directory { path: dir.display().to_string(), source })?;
        let now = clock.now();
        let mut log = Sequencer::load(&opened.conn, Arc::clone(&keys), &opened.install_id, now)?;
        let left = left_over::settle(
            &opened.conn,
            &keys,
            &mut book,
            &mut numbers,
            &mut log,
            &spooled,
            now,
        )?;
        spool.clear();
        if left.replayed > 0 || left.unknown > 0 || strange > 0 {
            tracing::warn!(
                outcomes = left.replayed,
                unknown = left.unknown,
                strange,
                "the last process left outcomes that are written now, calls in flight that are \
                 unknown now, or spooled lines that are not ours"
            );
        }
        book.read_clock();
        let calls = CallRows::load(&opened.conn).map_err(fault::store_error)?;
        let desk = Arc::new(Desk::new(opened.generation, calls.last, book, clock));
        let writer = Writer::new(
            opened.conn,
            Arc::clone(&keys),
            Arc::clone(&desk),
            calls,
            numbers,
            log,
            spool,
        );
        let writer = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || writer.run())
            .map_err(|error| StoreError::Unavailable(error.into()))?;
        Ok(Self {
            desk,
            keys,
            dir: dir.to_owned(),
            readers: Readers::new(&dir.join(open::DATABASE)),
            org: opened.org,
            install_id: opened.install_id,
            first_start: opened.first_start,
            forged_told: AtomicUsize::new(0),
            unopened: AtomicU64::new(0),
            writer: Mutex::new(Some(writer)),
            _lock: opened.lock,
        })
    }

    /// Whether this start made the database.
    pub fn first_start(&self) -> bool {
        self.first_start
    }

    /// The organisation that the first start made.
    pub fn org(&self) -> &OrgId {
        &self.org
    }

    /// A random name of this installation: 32 hex digits.
    pub fn install_id(&self) -> &str {
        &self.install_id
    }

    /// The keys that seal credentials, as they are now; rotation puts others in their place.
    pub fn keyring(&self) -> Arc<Keyring> {
        self.keys.ring()
    }

    /// The pepper that grant tokens are hashed under.
    pub fn pepper(&self) -> Pepper {
        self.keys.pepper.clone()
    }

    /// Writes what waits and ends the writer; whoever comes later finds the store closed. Blocks.
    pub fn close(&self) {
        self.readers.rest();
        self.desk.close();
        let writer = locked(&self.writer).take();
        if let Some(writer) = writer
            && writer.join().is_err()
        {
            tracing::error!("the writer thread panicked");
        }
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        self.close();
    }
}

impl std::fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sqlite").field("org", &self.org).finish_non_exhaustive()
    }
}
