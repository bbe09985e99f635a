//! What a grant's limits have used: the limits that its policies state now, and what the ledger has
//! counted for them.

use std::collections::HashSet;
use std::sync::Arc;

use policy::{Policy, StatedLimit};
use quota::{Key, KeyParts, KeyPrefix, Ledger, Limit, Subjects, Window};
use rusqlite::Connection;

use super::fault::Fault;
use super::grant_rows;
use super::keys::Keys;
use super::policies::{self, Newest};
use crate::{GrantId, GrantUsage, LimitUsage, OrgId};

/// The most counters shown. An agent chooses the values a limit is split by.
const SHOWN_MAX: usize = 1_000;

/// A limit that a policy of the grant states now.
pub(super) struct InForce {
    /// The counter, without the values it is split by.
    key: Key,
    limit: Limit,
    per_paths: Vec<Arc<str>>,
}

/// The limits that the policies of a grant state now.
pub(super) fn in_force(
    conn: &Connection,
    keys: &Keys,
    org: &OrgId,
    grant: &GrantId,
) -> Result<Vec<InForce>, Fault> {
    let found = grant_rows::one(conn, keys, org, grant.as_str())?;
    let Some(grant) = found.map(|found| found.grant).filter(|found| found.id == *grant) else {
        return Ok(Vec::new());
    };
    let mut all = Vec::new();
    for attachment in &grant.servers {
        let Some(policy) = &attachment.policy else { continue };
        let Newest::Version(version) = policies::newest(conn, keys, org, policy)? else { continue };
        // One that does not load denies every call; there is nothing to show.
        let Ok(loaded) = Policy::load(&version.text) else { continue };
        let subjects = Subjects {
            organisation: org.as_str().into(),
            grant: grant.id.as_str().into(),
            identity: grant.identity.as_str().into(),
            policy: policy.as_str().into(),
            server: attachment.server.as_str().into(),
        };
        all.extend(loaded.limits().into_iter().map(|stated| InForce::of(&subjects, stated)));
    }
    Ok(all)
}

impl InForce {
    fn of(subjects: &Subjects, stated: StatedLimit) -> Self {
        let StatedLimit { charge, per_paths } = stated;
        Self { key: Key::of(subjects, &charge), limit: Limit::from(&charge), per_paths }
    }

    /// The counters that the limit has by now.
    fn counters(&self, ledger: &Ledger) -> Vec<Key> {
        let prefix = KeyPrefix::counter(self.key.parts());
        let found = ledger.counters(&prefix);
        let ours = |key: &&Key| key.parts().per.iter().map(|(path, _)| path).eq(&self.per_paths);
        found.filter(ours).cloned().collect()
    }

    /// A budget of which nothing is used yet, whatever its values.
    fn untouched(&self) -> Key {
        let per = self.per_paths.iter().map(|path| (Arc::clone(path), "".into())).collect();
        Key::new(KeyParts { per, ..self.key.parts().clone() })
    }
}

/// What the ledger has counted for these limits, and for whatever else the grant was charged by.
pub(super) fn of(
    ledger: &Ledger,
    now: i64,
    in_force: &[InForce],
    org: &OrgId,
    grant: &GrantId,
) -> GrantUsage {
    let mut all = GrantUsage::default();
    let mut seen: HashSet<(Key, Arc<str>, Window)> = HashSet::new();
    let mut shown: HashSet<Key> = HashSet::new();
    let mut add = |usage: quota::Usage, in_force, has_values| {
        if all.limits.len() < SHOWN_MAX {
            all.limits.push(LimitUsage { usage, in_force, has_values });
        } else {
            all.left_out += 1;
        }
    };
    for stated in in_force {
        let limit = &stated.limit;
        let mut keys = stated.counters(ledger);
        let has_values = !keys.is_empty() || stated.per_paths.is_empty();
        if keys.is_empty() {
            keys.push(stated.untouched());
        }
        for key in keys {
            shown.insert(key.clone());
            // Two servers under one policy share no counter, but two attachments of one server do.
            if !seen.insert((key.clone(), limit.rule.clone(), limit.window.clone())) {
                continue;
            }
            let usage = ledger.usage(&key, &limit.rule, &limit.window, limit.max, now);
            // A window that cannot be placed denies its calls, and has nothing to show.
            if let Ok(usage) = usage {
                add(usage, true, has_values);
            }
        }
    }
    let own = ledger.usages(&KeyPrefix::grant(org.as_str(), grant.as_str()), now);
    for usage in own.into_iter().filter(|usage| !shown.contains(&usage.key)) {
        add(usage, false, true);
    }
    all
}
