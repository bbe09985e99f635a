//! The contract about keys, over SQLite, and the work in the background that ends a rotation.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use vault::{KeyState, RootKey};

use super::control_plane::{change, read};
use super::sealed::{Reached, Step};
use super::tx::Recorded;
use super::{Sqlite, rotation, sealed};
use crate::*;

/// How often a part is sealed again.
const PART_EVERY: Duration = Duration::from_millis(250);
/// How often values that do not open are tried again.
const STUCK_EVERY: Duration = Duration::from_secs(60);
/// How often it is looked for whether there is something to do.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How fast values are sealed again, and how long an old key still opens.
#[derive(Clone, Copy, Debug)]
pub struct Tending {
    /// Values a second.
    pub per_second: u32,
    /// How long a key without values still opens before it is retired.
    pub retire_after: Duration,
}

impl Default for Tending {
    fn default() -> Self {
        Self { per_second: RESEALS_PER_SECOND, retire_after: RETIRE_AFTER }
    }
}

#[async_trait]
impl KeyCare for Sqlite {
    async fn keys_state(&self) -> Result<KeysState, StoreError> {
        let unopened = self.unopened.load(Ordering::Relaxed);
        let org = &self.org;
        read!(self, |conn, keys, org| {
            let counts = sealed::counts(conn)?;
            let records = |id| counts.iter().find(|(of, _)| *of == id).map_or(0, |(_, n)| *n);
            let ring = keys.ring();
            let versions =
                ring.versions().map(|(id, state)| KeyVersion { id, state, records: records(id) });
            Ok(KeysState {
                versions: versions.collect(),
                unopened,
                active_since: rotation::last(conn, &org, "keyring.key_activated")?,
                rewrapped_at: rotation::last(conn, &org, "keyring.root_key_replaced")?,
            })
        })
    }

    async fn keys_rotate(&self, by: &By) -> Result<KeysState, ChangeError> {
        let id = change!(self for by, |tx| rotation::add(tx, &by))?;
        // Two commits: where several processes share a database, each loads the key in between. This
        // one is alone. After a crash here the key is pending, and the work below goes on.
        change!(self for by, |tx| rotation::activate(tx, &by, id))?;
        Ok(self.keys_state().await?)
    }

    async fn key_retire(&self, by: &By, id: u32) -> Result<KeysState, ChangeError> {
        change!(self for by, |tx| rotation::retire(tx, &by, id))?;
        Ok(self.keys_state().await?)
    }

    async fn root_key_replace(&self, by: &By, new_root: RootKey) -> Result<(), ChangeError> {
        let new_root = Arc::new(new_root);
        change!(self for by, |tx, new_root| rotation::rewrap(tx, &by, new_root))
    }
}

/// How far a rotation has come in this process. Losing it costs another look at what is done.
#[derive(Default)]
struct Progress {
    reached: Option<Reached>,
    /// What this pass over all tables has done so far.
    pass: Step,
    /// Since when nothing is sealed with the old key any more.
    emptied: Option<Instant>,
}

impl Sqlite {
    /// Ends rotations that are under way, in the background, for as long as the store is open: seals
    /// again what an old key has sealed, at a bounded rate, and retires the key then.
    ///
    /// It goes on wherever a process before this one was stopped.
    pub async fn tend_keys(&self, tending: Tending) {
        let mut progress = Progress::default();
        loop {
            let wait = match self.tend(tending, &mut progress).await {
                Ok(wait) => wait,
                Err(ChangeError::Store(StoreError::Closed)) => return,
                Err(error) => {
                    tracing::warn!(%error, "sealing again is put off");
                    LOOK_EVERY
                }
            };
            tokio::time::sleep(wait).await;
        }
    }

    /// One step, and how long to wait for the next.
    async fn tend(
        &self,
        tending: Tending,
        progress: &mut Progress,
    ) -> Result<Duration, ChangeError> {
        let versions: Vec<_> = self.keys.ring().versions().collect();
        let by = By::program(self.org.clone(), self.desk.clock.now());
        let of = |wanted| versions.iter().find(|(_, state)| *state == wanted).map(|(id, _)| *id);
        if let Some(id) = of(KeyState::Pending) {
            change!(self, |tx, by| rotation::activate(tx, &by, id))?;
            return Ok(PART_EVERY);
        }
        let Some(old) = of(KeyState::DecryptOnly) else {
            *progress = Progress::default();
            return Ok(LOOK_EVERY);
        };
        if progress.emptied.is_none() {
            let from = progress.reached.unwrap_or_default();
            let most = (tending.per_second / 4).max(1) as usize;
            let step: Step = change!(self, |tx| {
                // No change of its own: what the values say stays as it was.
                sealed::step(tx, from, most).map(Recorded::unchanged)
            })?;
            let Progress { reached, pass, .. } = progress;
            pass.resealed += step.resealed;
            pass.unopened += step.unopened;
            *reached = step.next;
            if reached.is_some() {
                return Ok(PART_EVERY);
            }
            let pass = std::mem::take(pass);
            self.unopened.store(pass.unopened as u64, Ordering::Relaxed);
            // A change that was under way at the activation may have used the old key behind this
            // pass, so what counts is the count.
            if read!(self, |conn, _keys| sealed::count(conn, old))? > 0 {
                return Ok(if pass.resealed > 0 { PART_EVERY } else { STUCK_EVERY });
            }
        }
        let since = *progress.emptied.get_or_insert_with(Instant::now);
        let left = tending.retire_after.saturating_sub(since.elapsed());
        if left.is_zero() {
            let retired = change!(self, |tx, by| rotation::retire(tx, &by, old));
            *progress = Progress::default();
            retired?;
            tracing::info!(key = old, "a key was retired: nothing is sealed with it any more");
        }
        Ok(left.min(LOOK_EVERY))
    }
}
