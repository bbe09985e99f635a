//! The key ring: which data keys exist, which one seals, and how they are wrapped by the root key.
//!
//! A ring is a value. Whatever changes it returns the ring as it would be together with the rows to
//! save; the caller saves them in one transaction and only then puts the new ring in place, so a
//! crash in between leaves the old one, whole.
//!
//! Each key is one row. `wrapped` is the key sealed as a record (see `record.rs`) under the root key
//! with key id 0, at the place `("", "keyring", <id>, "key", 0)`; `check` is a known text sealed under
//! the key itself at `("", "keyring", <id>, "check", 0)`. Row 0 is the base key: it seals no records,
//! all derived keys hang from it. They do not hang from the root key itself, because then a new root
//! key would make every grant token invalid.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::engine::Key;
use crate::record::{self, OpenError, Place, Prepared, Record, SealError};
use crate::{Pepper, Randomness, RootKey, RowMac, Secret, StateKey};

/// The id that the root key goes by in wrapped keys, and the base key's row.
const BASE_ID: u32 = 0;
const FIRST_DATA_ID: u32 = 1;
const CHECK_TEXT: &[u8] = b"countersign/check/v1";

/// What a key of the ring may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyState {
    /// Row 0 alone: other keys are derived from it. It never changes.
    Base,
    /// Written, and waiting until every replica has loaded it. Opens, does not seal.
    Pending,
    /// Seals new records. Exactly one key is active.
    Active,
    /// Opens what it sealed, seals no more.
    DecryptOnly,
    /// No record needs it any more. Neither opens nor seals; the next step is to delete its row.
    Retired,
}

impl KeyState {
    const ALL: [Self; 5] =
        [Self::Base, Self::Pending, Self::Active, Self::DecryptOnly, Self::Retired];

    /// The word the store keeps.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Pending => "pending",
            Self::Active => "active",
            Self::DecryptOnly => "decrypt_only",
            Self::Retired => "retired",
        }
    }

    /// Reads the word back; `None` for any other.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// One key as the store keeps it. Holds nothing secret without the root key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyringRow {
    /// 0 for the base key, then 1, 2, …; given to no other key while the row is there.
    pub id: u32,
    /// What it may be used for.
    pub state: KeyState,
    /// The key, sealed under the root key.
    pub wrapped: Vec<u8>,
    /// A known text, sealed under the key.
    pub check: Vec<u8>,
}

/// A change to save: the key `id` is now in `state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateChange {
    /// The key.
    pub id: u32,
    /// Its new state.
    pub state: KeyState,
}

/// The rows do not make a usable key ring. Nothing may be served, and nothing was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// There are no rows: this database has never been started, or has lost its key ring.
    #[error("the database holds no key ring")]
    Empty,
    /// Not one key opens under this root key.
    #[error("this is not the root key that the database was sealed with")]
    WrongRootKey,
    /// Other keys open, this one does not, or fails its check.
    #[error("key {id} of the key ring is damaged")]
    Damaged {
        /// The key.
        id: u32,
    },
    /// Two rows have the same id.
    #[error("key {id} is in the key ring twice")]
    Twice {
        /// The key.
        id: u32,
    },
    /// The base key's row is missing, or another row claims to be it.
    #[error("the key ring has no base key, or more than one")]
    BaseKey,
    /// No data key is active, or several are.
    #[error("the key ring has {count} active keys, and needs exactly one")]
    ActiveKeys {
        /// How many are.
        count: usize,
    },
}

/// A step of a key rotation was refused; the ring is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RotateError {
    /// There is no data key with this id.
    #[error("there is no data key {id} in the key ring")]
    NoSuchKey {
        /// The id asked for.
        id: u32,
    },
    /// The step does not follow from the state the key is in.
    #[error("key {id} is {}, so it cannot become {}", state.as_str(), wanted.as_str())]
    WrongState {
        /// The key.
        id: u32,
        /// What it is.
        state: KeyState,
        /// What it was to become.
        wanted: KeyState,
    },
    /// Records sealed with the key still exist. Seal them again first.
    #[error("{records} records are still sealed with key {id}")]
    StillInUse {
        /// The key.
        id: u32,
        /// How many records.
        records: u64,
    },
    /// A new key was to be wrapped with another root key than the rest.
    #[error("this is not the root key that the key ring is wrapped with")]
    WrongRootKey,
    /// All 2³² ids have been used.
    #[error("the key ring has no ids left")]
    NoIdsLeft,
    /// The new key could not be drawn or wrapped.
    #[error("the key cannot be wrapped")]
    NotWrapped(#[source] SealError),
}

/// The keys of one deployment, loaded and checked.
///
/// - **Shape**: one base key and at least one data key, exactly one of them active. Cloning is cheap.
/// - **Source**: [`Keyring::create`] at the first start, [`Keyring::load`] ever after.
#[derive(Clone)]
pub struct Keyring {
    base: Arc<Key>,
    /// The base key's row as saved, kept to tell whether a root key is the ring's own.
    base_wrapped: Arc<[u8]>,
    versions: BTreeMap<u32, Version>,
    active: u32,
}

#[derive(Clone)]
struct Version {
    state: KeyState,
    key: Arc<Key>,
}

impl Keyring {
    /// Draws a fresh ring: the base key and one active data key. Save the rows before using the ring.
    pub fn create(
        root: &RootKey,
        random: &dyn Randomness,
    ) -> Result<(Self, Vec<KeyringRow>), SealError> {
        let base = Arc::new(Key::random(random)?);
        let first = Arc::new(Key::random(random)?);
        let rows = vec![
            row(root, BASE_ID, KeyState::Base, &base, random)?,
            row(root, FIRST_DATA_ID, KeyState::Active, &first, random)?,
        ];
        let base_wrapped = rows.first().map(|row| row.wrapped.as_slice()).unwrap_or_default();
        let version = Version { state: KeyState::Active, key: first };
        let ring = Self {
            base,
            base_wrapped: Arc::from(base_wrapped),
            versions: BTreeMap::from([(FIRST_DATA_ID, version)]),
            active: FIRST_DATA_ID,
        };
        Ok((ring, rows))
    }

    /// Unwraps and checks every key. Either all rows are sound or there is no ring.
    pub fn load(root: &RootKey, rows: &[KeyringRow]) -> Result<Self, LoadError> {
        if rows.is_empty() {
            return Err(LoadError::Empty);
        }
        let unwrapped: Vec<_> = rows.iter().map(|row| (row, unwrap(root, row))).collect();
        if unwrapped.iter().all(|(_, key)| key.is_none()) {
            return Err(LoadError::WrongRootKey);
        }

        let mut base = None;
        let mut versions = BTreeMap::new();
        for (row, key) in unwrapped {
            let key =
                key.filter(|key| checks(key, row)).ok_or(LoadError::Damaged { id: row.id })?;
            let key = Arc::new(key);
            match (row.id, row.state) {
                (BASE_ID, KeyState::Base) => {
                    if base.replace((key, Arc::from(row.wrapped.as_slice()))).is_some() {
                        return Err(LoadError::Twice { id: row.id });
                    }
                }
                (BASE_ID, _) | (_, KeyState::Base) => return Err(LoadError::BaseKey),
                (id, state) => {
                    if versions.insert(id, Version { state, key }).is_some() {
                        return Err(LoadError::Twice { id });
                    }
                }
            }
        }

        let (base, base_wrapped) = base.ok_or(LoadError::BaseKey)?;
        let active = the_active(&versions)?;
        Ok(Self { base, base_wrapped, versions, active })
    }

    /// Seals `plaintext` for `place` under the active key.
    pub fn seal(
        &self,
        place: &Place<'_>,
        plaintext: &[u8],
        random: &dyn Randomness,
    ) -> Result<Vec<u8>, SealError> {
        // INVARIANT(active): `active` names a key of `versions`; every constructor sees to it.
        #[expect(clippy::expect_used, reason = "INVARIANT(active)")]
        let version = self.versions.get(&self.active).expect("the active key is in the ring");
        record::seal(&version.key, self.active, place, plaintext, random)
    }

    /// Opens a record at its place, with the key it names and no other.
    pub fn open(&self, place: &Place<'_>, blob: &[u8]) -> Result<Secret, OpenError> {
        self.prepare(place, blob)?.open()
    }

    /// Gets a record ready to be opened often, with the key it names and no other.
    ///
    /// - **Errors**: as [`Keyring::open`], except that damage to the sealed value shows only when it
    ///   is opened.
    pub fn prepare(&self, place: &Place<'_>, blob: &[u8]) -> Result<Prepared, OpenError> {
        let record = Record::parse(blob).ok_or(OpenError::NotOpened)?;
        let version = self.versions.get(&record.key_id);
        let version = version.filter(|version| version.state != KeyState::Retired);
        let version = version.ok_or(OpenError::UnknownKey(record.key_id))?;
        record.prepare(&version.key, place).ok_or(OpenError::NotOpened)
    }

    /// Which key a record says it was sealed with; `None` if it is no record. Not yet believed.
    pub fn key_id_of(blob: &[u8]) -> Option<u32> {
        Record::parse(blob).map(|record| record.key_id)
    }

    /// The key that seals.
    pub fn active_id(&self) -> u32 {
        self.active
    }

    /// The data keys and their states, by id.
    pub fn versions(&self) -> impl Iterator<Item = (u32, KeyState)> + '_ {
        self.versions.iter().map(|(id, version)| (*id, version.state))
    }

    /// The key for hashing tokens. `version` is saved beside each hash; the first is 1.
    pub fn pepper(&self, version: u32) -> Pepper {
        let key = Key::derived(&self.base, "countersign/derive/v1/token-pepper", version);
        Pepper::new(version, key.bytes())
    }

    /// The key for row MACs.
    pub fn row_mac(&self) -> RowMac {
        RowMac::new(Key::derived(&self.base, "countersign/derive/v1/row-mac", 1).bytes())
    }

    /// The key for state that leaves the house and comes back.
    pub fn state_key(&self) -> StateKey {
        StateKey::new(Key::derived(&self.base, "countersign/derive/v1/state", 1).bytes())
    }
}

/// Rotation: each step returns the ring as it will be and what to save first.
impl Keyring {
    /// Draws one more data key, pending.
    pub fn add_version(
        &self,
        root: &RootKey,
        random: &dyn Randomness,
    ) -> Result<(Self, KeyringRow), RotateError> {
        let wrapped = Record::parse(&self.base_wrapped);
        if wrapped.and_then(|record| record.open(root.key(), &key_place("0"))).is_none() {
            return Err(RotateError::WrongRootKey);
        }
        let last = self.versions.keys().next_back().copied().unwrap_or(BASE_ID);
        let id = last.checked_add(1).ok_or(RotateError::NoIdsLeft)?;
        let key = Key::random(random).map_err(|dry| RotateError::NotWrapped(dry.into()))?;
        let row =
            row(root, id, KeyState::Pending, &key, random).map_err(RotateError::NotWrapped)?;

        let mut ring = self.clone();
        ring.versions.insert(id, Version { state: KeyState::Pending, key: Arc::new(key) });
        Ok((ring, row))
    }

    /// Makes a pending or decrypt-only key the one that seals; the one that did only opens from now on.
    ///
    /// Do this when every replica has loaded the key; one that has not answers
    /// [`OpenError::UnknownKey`] and reloads.
    pub fn activate(&self, id: u32) -> Result<(Self, Vec<StateChange>), RotateError> {
        self.expect_state(id, &[KeyState::Pending, KeyState::DecryptOnly], KeyState::Active)?;
        let changes = vec![
            StateChange { id: self.active, state: KeyState::DecryptOnly },
            StateChange { id, state: KeyState::Active },
        ];
        let ring = Self { active: id, ..self.changed(&changes) };
        Ok((ring, changes))
    }

    /// Retires a key that no record needs. `records` is how many the store counts that name it
    /// ([`Keyring::key_id_of`]); any number but zero is refused.
    pub fn retire(&self, id: u32, records: u64) -> Result<(Self, StateChange), RotateError> {
        self.expect_state(id, &[KeyState::Pending, KeyState::DecryptOnly], KeyState::Retired)?;
        if records > 0 {
            return Err(RotateError::StillInUse { id, records });
        }
        let change = StateChange { id, state: KeyState::Retired };
        Ok((self.changed(&[change]), change))
    }

    /// Wraps every key under a new root key. Save all rows in one transaction, in place of the old
    /// ones; then the old root key opens nothing. Records, tokens and MACs stay as they are.
    pub fn rewrap(
        &self,
        new_root: &RootKey,
        random: &dyn Randomness,
    ) -> Result<(Self, Vec<KeyringRow>), SealError> {
        let base = row(new_root, BASE_ID, KeyState::Base, &self.base, random)?;
        let ring = Self { base_wrapped: Arc::from(base.wrapped.as_slice()), ..self.clone() };
        let mut rows = vec![base];
        for (id, version) in &self.versions {
            rows.push(row(new_root, *id, version.state, &version.key, random)?);
        }
        Ok((ring, rows))
    }

    fn expect_state(
        &self,
        id: u32,
        from: &[KeyState],
        wanted: KeyState,
    ) -> Result<(), RotateError> {
        match self.versions.get(&id) {
            None => Err(RotateError::NoSuchKey { id }),
            Some(version) if from.contains(&version.state) => Ok(()),
            Some(version) => Err(RotateError::WrongState { id, state: version.state, wanted }),
        }
    }

    fn changed(&self, changes: &[StateChange]) -> Self {
        let mut ring = self.clone();
        for change in changes {
            if let Some(version) = ring.versions.get_mut(&change.id) {
                version.state = change.state;
            }
        }
        ring
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let states = self.versions().map(|(id, state)| (id, state.as_str()));
        f.write_str("Keyring ")?;
        f.debug_map().entries(states).finish()
    }
}

fn the_active(versions: &BTreeMap<u32, Version>) -> Result<u32, LoadError> {
    let active: Vec<u32> = versions
        .iter()
        .filter(|(_, version)| version.state == KeyState::Active)
        .map(|(id, _)| *id)
        .collect();
    match active[..] {
        [id] => Ok(id),
        _ => Err(LoadError::ActiveKeys { count: active.len() }),
    }
}

fn row(
    root: &RootKey,
    id: u32,
    state: KeyState,
    key: &Key,
    random: &dyn Randomness,
) -> Result<KeyringRow, SealError> {
    let name = id.to_string();
    let wrapped = record::seal(root.key(), BASE_ID, &key_place(&name), key.bytes(), random)?;
    let check = record::seal(key, id, &check_place(&name), CHECK_TEXT, random)?;
    Ok(KeyringRow { id, state, wrapped, check })
}

fn unwrap(root: &RootKey, row: &KeyringRow) -> Option<Key> {
    let record = Record::parse(&row.wrapped)?;
    let key = record.open(root.key(), &key_place(&row.id.to_string()))?;
    Some(Key::copied(key.expose().try_into().ok()?))
}

fn checks(key: &Key, row: &KeyringRow) -> bool {
    Record::parse(&row.check)
        .and_then(|record| record.open(key, &check_place(&row.id.to_string())))
        .is_some_and(|text| text.expose() == CHECK_TEXT)
}

fn key_place(name: &str) -> Place<'_> {
    Place { org: "", table: "keyring", record: name, field: "key", generation: 0 }
}

fn check_place(name: &str) -> Place<'_> {
    Place { org: "", table: "keyring", record: name, field: "check", generation: 0 }
}
