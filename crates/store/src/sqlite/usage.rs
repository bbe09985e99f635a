//! What a grant's limits have used: the limits that its policies state now, and what the ledger has
//! counted for them.

use std::collections::HashSet;
use std::sync::Arc;

use policy::{Policy, StatedLimit};
use quota::{Key, KeyParts, KeyPrefix, Ledger, Limit, Subjects};
use rusqlite::Connection;

use super::fault::Fault;
use super::grant_rows;
use super::keys::Keys;
use super::policies::{self, Newest};
use crate::{GrantId, GrantUsage, LimitUsage, OrgId};

/// The most counters shown. An agent chooses the values a limit is split by.
pub(super) const SHOWN_MAX: usize = 1_000;

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
    pub(super) fn of(subjects: &Subjects, stated: StatedLimit) -> Self {
        let StatedLimit { charge, per_paths } = stated;
        Self { key: Key::of(subjects, &charge), limit: Limit::from(&charge), per_paths }
    }

    /// The limit's rule, window and `max`.
    pub(super) fn terms(&self) -> (&Arc<str>, &quota::Window, i64) {
        (&self.limit.rule, &self.limit.window, self.limit.max)
    }

    /// The counters that the limit has, or the one that its first charge will make; and whether they
    /// are of values that were used.
    pub(super) fn budgets(&self, ledger: &Ledger) -> (Vec<Key>, bool) {
        let mut keys = self.counters(ledger);
        let has_values = !keys.is_empty() || self.per_paths.is_empty();
        if keys.is_empty() {
            keys.push(self.untouched());
        }
        (keys, has_values)
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
///
/// Calls wait meanwhile: no more is worked out than is shown.
pub(super) fn of(
    ledger: &Ledger,
    now: i64,
    in_force: &[InForce],
    org: &OrgId,
    grant: &GrantId,
) -> GrantUsage {
    let mut all = GrantUsage::default();
    let mut shown: HashSet<Key> = HashSet::new();
    for stated in in_force {
        let limit = &stated.limit;
        let (keys, has_values) = stated.budgets(ledger);
        for key in keys {
            if all.limits.len() >= SHOWN_MAX {
                all.left_out += 1;
            } else if let Ok(usage) =
                // A window that cannot be placed denies its calls, and has nothing to show.
                ledger.usage(&key, &limit.rule, &limit.window, limit.max, now)
            {
                all.limits.push(LimitUsage { usage, in_force: true, has_values });
            }
            shown.insert(key);
        }
    }
    let own = KeyPrefix::grant(org.as_str(), grant.as_str());
    for key in ledger.counters(&own).filter(|key| !shown.contains(*key)) {
        if all.limits.len() >= SHOWN_MAX {
            all.left_out += 1;
            continue;
        }
        let gone = ledger.usages(&KeyPrefix::key(key), now).into_iter();
        let line = |usage| LimitUsage { usage, in_force: false, has_values: true };
        all.limits.extend(gone.map(line));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use policy::Policy;

    #[test]
    fn no_more_is_shown_than_people_can_read_and_the_rest_is_counted() {
        let text = br#"{"version": "1", "default": "allow", "all_tools": {"limits": [
            {"counter": "value", "window": "day", "max": 5, "amount": "args.n", "per": ["args.p"]}]}}"#;
        let stated = Policy::load(text).unwrap().limits().remove(0);
        let [organisation, grant, identity, policy, server] =
            ["org_x", "grt_x", "someone", "pol_x", "srv_x"].map(Arc::from);
        let subjects = Subjects { organisation, grant, identity, policy, server };
        let mut ledger = Ledger::new();
        for number in 0..SHOWN_MAX + 200 {
            let per = policy::Per { path: "args.p".into(), value: number.to_string() };
            let charge = policy::Charge {
                per: vec![per],
                amount_millionths: 1_000_000,
                ..stated.charge.clone()
            };
            let charge = quota::Charge::of(Key::of(&subjects, &charge), &charge);
            let call = (number as u128).to_be_bytes();
            let _rows = ledger.reserve(call, &[charge], 1_800_000_000_000_000).unwrap();
        }
        let (org, grant) = (OrgId::from("org_x"), GrantId::from("grt_x"));
        for in_force in [vec![InForce::of(&subjects, stated)], Vec::new()] {
            let is_stated = !in_force.is_empty();
            let shown = of(&ledger, 1_800_000_000_000_000, &in_force, &org, &grant);
            assert_eq!((shown.limits.len(), shown.left_out), (SHOWN_MAX, 200));
            assert!(shown.limits.iter().all(|limit| limit.in_force == is_stated));
            assert!(shown.limits.iter().all(|limit| limit.usage.held == 1_000_000));
        }
    }
}
