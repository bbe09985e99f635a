//! The sequencer: gives every entry its place, in the commit of what it records.
//!
//! It lives with the writer, so there is one. Its right edge stays in memory; a commit writes one
//! small row an entry and moves the head, by comparing it with what this process left there. A
//! checkpoint is signed only over what an earlier commit has made durable (INVARIANT(sign-committed)):
//! a crash in between costs a signature and never contradicts one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use audit::proof::edge;
use audit::tile::TILE_HEIGHT;
use audit::{CHECKPOINT_ENTRIES, Checkpoint, Edge, Hash, KeyKind, SigningKey};
use rusqlite::{Connection, OptionalExtension, params};
use vault::Place;

use super::super::fault::{Fault, corrupt};
use super::super::keys::{Fields, Keys};
use super::super::line::Line;
use super::tiles::Rows;
use super::{Subject, entries, stored};
use crate::{Moment, Outcome, StoreError};

/// A checkpoint is signed so long after the first entry that it covers, if there are chores then.
const CHECKPOINT_AFTER: Duration = Duration::from_millis(900);

/// How many rows of before there was a log are taken in one step.
const OLD_ROWS: u32 = 10_000;

/// What makes the log longer.
pub(in super::super) struct Sequencer {
    keys: Arc<Keys>,
    key: SigningKey,
    /// The tree as it is committed, and the head that says so.
    committed: Edge,
    head: [u8; 32],
    /// The tree with what the present transaction adds.
    growing: Edge,
    grown_head: Option<[u8; 32]>,
    /// The length of the newest checkpoint, committed, and in the present transaction.
    signed: u64,
    signing: u64,
    /// When the first entry behind the newest checkpoint was committed.
    waiting_since: Option<Instant>,
    /// The newest audit event that has an entry, committed, and in the present transaction.
    event: i64,
    event_now: i64,
    /// Room for the bytes of an entry.
    bytes: Vec<u8>,
}

impl Sequencer {
    /// Takes up the log where it was left, or begins it.
    ///
    /// - **Errors**: [`StoreError::Evidence`] if the log is not as this program left it. Nothing is
    ///   written then: who looks into it finds it as it was.
    pub(in super::super) fn load(
        conn: &Connection,
        keys: Arc<Keys>,
        install_id: &str,
        now: Moment,
    ) -> Result<Self, StoreError> {
        let found: Option<(i64, [u8; 32])> = conn
            .query_row("SELECT size, mac FROM log_head WHERE id = 1", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()
            .map_err(Fault::from)?;
        match found {
            None => Ok(Self::begin_log(conn, keys, install_id, now)?),
            Some((size, mac)) => Self::take_up(conn, keys, size.unsigned_abs(), mac),
        }
    }

    fn new(keys: Arc<Keys>, key: SigningKey, committed: Edge, head: [u8; 32]) -> Self {
        Self {
            keys,
            key,
            growing: committed.clone(),
            committed,
            head,
            grown_head: None,
            signed: 0,
            signing: 0,
            waiting_since: None,
            event: 0,
            event_now: 0,
            bytes: Vec::with_capacity(1024),
        }
    }

    fn take_up(
        conn: &Connection,
        keys: Arc<Keys>,
        size: u64,
        mac: [u8; 32],
    ) -> Result<Self, StoreError> {
        let broken = |what: &'static str| StoreError::Evidence { what };
        let key = key(conn, &keys)?.ok_or_else(|| broken("its signing key is gone"))?;
        let last: Option<i64> = conn
            .query_row("SELECT max(idx) FROM log_entries", [], |row| row.get(0))
            .map_err(Fault::from)?;
        if last.map_or(0, |last| last.unsigned_abs() + 1) != size {
            return Err(broken("it has more or fewer entries than its head says"));
        }
        let committed =
            edge(&mut Rows(conn), size).map_err(|_| broken("hashes of its tree are gone"))?;
        if !keys.verify("log_head", &head_fields(&committed), &mac) {
            return Err(broken("its tree or its head was changed"));
        }
        let mut this = Self::new(keys, key, committed, mac);
        let newest: Option<(i64, String)> = conn
            .query_row(
                "SELECT size, note FROM log_checkpoints ORDER BY size DESC LIMIT 1",
                [],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()
            .map_err(Fault::from)?;
        if let Some((length, note)) = newest {
            let (checkpoint, _) = Checkpoint::open(&note, this.key.public())
                .map_err(|_| broken("its newest checkpoint is not by its key"))?;
            let fits = checkpoint.size <= size && stored(checkpoint.size) == length;
            let held = fits && {
                let then = edge(&mut Rows(conn), checkpoint.size).map_err(StoreError::from)?;
                then.root() == checkpoint.root
            };
            if !held {
                return Err(broken("it does not continue its newest checkpoint"));
            }
            this.signed = checkpoint.size;
        }
        this.event = conn
            .query_row("SELECT coalesce(max(idx), 0) FROM audit_events", [], |row| row.get(0))
            .map_err(Fault::from)?;
        if size > this.signed {
            this.waiting_since = Some(Instant::now());
        }
        this.begin();
        Ok(this)
    }

    /// The first start with a log: makes its key, and an entry for everything from before.
    fn begin_log(
        conn: &Connection,
        keys: Arc<Keys>,
        install_id: &str,
        now: Moment,
    ) -> Result<Self, Fault> {
        let mut seed = [0; 32];
        keys.random.fill(&mut seed)?;
        let name = format!("{install_id}/audit");
        let key = SigningKey::from_seed(&name, KeyKind::Log, &seed).map_err(|_| corrupt("meta"))?;
        let sealed = keys.ring().seal(&place(), &seed, &*keys.random)?;
        let empty = Edge::new();
        let head = keys.mac("log_head", &head_fields(&empty));
        let mut this = Self::new(keys, key, empty, head);
        conn.execute_batch("BEGIN IMMEDIATE")?;
        conn.execute(
            "INSERT INTO log_keys (id, public, sealed, created_at) VALUES (1, ?1, ?2, ?3)",
            params![this.key.public().to_string(), sealed, now.micros()],
        )?;
        conn.execute("INSERT INTO log_head (id, size, mac) VALUES (1, 0, ?1)", [head])?;
        this.begin();
        this.old_rows(conn)?;
        this.changed(conn)?;
        this.commit(conn)?;
        conn.execute_batch("COMMIT")?;
        this.stands();
        Ok(this)
    }

    fn old_rows(&mut self, conn: &Connection) -> Result<(), Fault> {
        loop {
            let calls = entries::old_calls(conn, self.next(), OLD_ROWS.into())?;
            for (idx, entry) in &calls {
                let put = "UPDATE calls SET entry = ?2 WHERE idx = ?1";
                conn.prepare_cached(put)?.execute([*idx, stored(self.next())])?;
                self.append(conn, Subject::Call(*idx), Hash::leaf(entry))?;
            }
            if calls.len() < OLD_ROWS as usize {
                break;
            }
        }
        loop {
            let outcomes = entries::old_outcomes(conn, self.next(), OLD_ROWS.into())?;
            for (idx, entry) in &outcomes {
                let put = "UPDATE outcomes SET entry = ?2 WHERE idx = ?1";
                conn.prepare_cached(put)?.execute([*idx, stored(self.next())])?;
                self.append(conn, Subject::Outcome(*idx), Hash::leaf(entry))?;
            }
            if outcomes.len() < OLD_ROWS as usize {
                return Ok(());
            }
        }
    }

    /// The keys in hand.
    pub(in super::super) fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Starts a transaction.
    pub(in super::super) fn begin(&mut self) {
        self.growing.clone_from(&self.committed);
        self.grown_head = None;
        self.signing = self.signed;
        self.event_now = self.event;
    }

    /// The place that the next entry takes.
    pub(in super::super) fn next(&self) -> u64 {
        self.growing.size()
    }

    /// The leaf of a line, at the next place.
    pub(in super::super) fn decision(&mut self, line: &Line, capture: Option<&str>) -> Hash {
        self.bytes.clear();
        entries::decision(self.growing.size(), line, capture, &mut self.bytes);
        Hash::leaf(&self.bytes)
    }

    /// The leaf of an outcome, at the next place.
    pub(in super::super) fn outcome(&mut self, outcome: &Outcome, capture: Option<&str>) -> Hash {
        self.bytes.clear();
        entries::outcome(self.growing.size(), outcome, capture, &mut self.bytes);
        Hash::leaf(&self.bytes)
    }

    /// Appends the line of this index.
    pub(in super::super) fn call(
        &mut self,
        conn: &Connection,
        idx: i64,
        leaf: Hash,
    ) -> Result<(), Fault> {
        self.append(conn, Subject::Call(idx), leaf)
    }

    /// Appends the outcome of the line of this index.
    pub(in super::super) fn ended(
        &mut self,
        conn: &Connection,
        idx: i64,
        leaf: Hash,
    ) -> Result<(), Fault> {
        self.append(conn, Subject::Outcome(idx), leaf)
    }

    /// Appends the audit events that changes of this transaction have recorded.
    pub(in super::super) fn changed(&mut self, conn: &Connection) -> Result<(), Fault> {
        for (idx, entry) in entries::new_events(conn, self.event_now, self.next())? {
            conn.prepare_cached("UPDATE audit_events SET entry = ?2 WHERE idx = ?1")?
                .execute([idx, stored(self.next())])?;
            self.append(conn, Subject::Event(idx), Hash::leaf(&entry))?;
            self.event_now = idx;
        }
        Ok(())
    }

    fn append(&mut self, conn: &Connection, subject: Subject, leaf: Hash) -> Result<(), Fault> {
        let index = stored(self.growing.size());
        conn.prepare_cached("INSERT INTO log_entries (idx, ref, hash) VALUES (?1, ?2, ?3)")?
            .execute(params![index, subject.number(), leaf.0])?;
        let mut full = Vec::new();
        self.growing.push_with(leaf, |height, place, hash| {
            if height % TILE_HEIGHT == 0 {
                full.push((height / TILE_HEIGHT, stored(place), hash.0));
            }
        });
        for (level, place, hash) in full {
            // The same hash whenever it is made, so writing it twice is writing it once.
            conn.prepare_cached(
                "INSERT OR REPLACE INTO log_nodes (level, idx, hash) VALUES (?1, ?2, ?3)",
            )?
            .execute(params![level, place, hash])?;
        }
        Ok(())
    }

    /// Signs what is committed, if it is time: with chores after a second, or after 256 entries.
    pub(in super::super) fn sign(
        &mut self,
        conn: &Connection,
        chores: bool,
        now: Moment,
    ) -> Result<(), Fault> {
        if !(self.due() || (chores && self.has_chores())) {
            return Ok(());
        }
        // INVARIANT(sign-committed): not `growing`, which may yet fall.
        let checkpoint = Checkpoint::of(self.key.public().name(), &self.committed);
        let note = checkpoint.sign(&self.key).to_string();
        conn.prepare_cached(
            "INSERT OR IGNORE INTO log_checkpoints (size, at, note) VALUES (?1, ?2, ?3)",
        )?
        .execute(params![stored(checkpoint.size), now.micros(), note])?;
        self.signing = checkpoint.size;
        Ok(())
    }

    /// Whether committed entries wait for a checkpoint.
    pub(in super::super) fn has_chores(&self) -> bool {
        self.committed.size() > self.signed
    }

    fn due(&self) -> bool {
        let waits = self.committed.size() - self.signed;
        let long = self.waiting_since.is_some_and(|since| since.elapsed() >= CHECKPOINT_AFTER);
        waits >= CHECKPOINT_ENTRIES || (waits > 0 && long)
    }

    /// Moves the head, right before the commit.
    ///
    /// - **Errors**: the head is not what this process left there. Then somebody else has written,
    ///   and nothing of this transaction may stand.
    pub(in super::super) fn commit(&mut self, conn: &Connection) -> Result<(), Fault> {
        if self.growing.size() == self.committed.size() {
            return Ok(());
        }
        let head = self.keys.mac("log_head", &head_fields(&self.growing));
        let moved = conn
            .prepare_cached("UPDATE log_head SET size = ?1, mac = ?2 WHERE id = 1 AND mac = ?3")?
            .execute(params![stored(self.growing.size()), head, self.head])?;
        if moved != 1 {
            return Err(StoreError::Evidence { what: "its head was changed" }.into());
        }
        self.grown_head = Some(head);
        Ok(())
    }

    /// The commit stands.
    pub(in super::super) fn stands(&mut self) {
        let signed = self.signing > self.signed;
        self.signed = self.signing;
        self.event = self.event_now;
        if let Some(head) = self.grown_head.take() {
            self.head = head;
            std::mem::swap(&mut self.committed, &mut self.growing);
        }
        if !self.has_chores() {
            self.waiting_since = None;
        } else if signed || self.waiting_since.is_none() {
            self.waiting_since = Some(Instant::now());
        }
    }
}

/// What the head's MAC covers: the length, and the right edge of the tree.
fn head_fields(edge: &Edge) -> Fields {
    let roots = edge.roots().iter();
    roots.fold(Fields::default().int(stored(edge.size())), |fields, root| fields.bytes(&root.0))
}

/// Where the seed of the signing key is sealed.
fn place() -> Place<'static> {
    Place { org: "", table: "log_keys", record: "1", field: "seed", generation: 1 }
}

/// The key that signs, opened.
fn key(conn: &Connection, keys: &Keys) -> Result<Option<SigningKey>, StoreError> {
    let row: Option<(String, Vec<u8>)> = conn
        .query_row("SELECT public, sealed FROM log_keys WHERE id = 1", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()
        .map_err(Fault::from)?;
    let Some((public, sealed)) = row else { return Ok(None) };
    let broken = || StoreError::Evidence { what: "its signing key does not open" };
    let seed = keys.ring().open(&place(), &sealed).map_err(|_| broken())?;
    let seed: &[u8; 32] = seed.expose().try_into().map_err(|_| broken())?;
    let name = public.split('+').next().unwrap_or_default();
    let key = SigningKey::from_seed(name, KeyKind::Log, seed).map_err(|_| broken())?;
    // The name beside the seed is not sealed, so it must be the one that the written key says.
    if key.public().to_string() == public { Ok(Some(key)) } else { Err(broken()) }
}
