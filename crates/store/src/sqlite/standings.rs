//! How the limits of a document would stand under the grants that a policy is attached to: what the
//! ledger has counted for them, looked at through windows and maxima that need not be in force.

use std::collections::HashMap;
use std::sync::Arc;

use policy::StatedLimit;
use quota::{Key, Ledger, Subjects};
use rusqlite::Connection;

use super::fault::Fault;
use super::grant_rows;
use super::keys::Keys;
use super::usage::{InForce, SHOWN_MAX};
use crate::{GrantState, LimitStanding, LimitStandings, OrgId, PolicyId};

/// Whom the charges of a policy are for: one for each server of each living grant it is attached to,
/// with the grant's label.
pub(super) fn subjects(
    conn: &Connection,
    keys: &Keys,
    org: &OrgId,
    policy: &PolicyId,
) -> Result<Vec<(Arc<str>, Subjects)>, Fault> {
    let mut all = Vec::new();
    for found in grant_rows::all(conn, keys, org)? {
        let grant = found.grant;
        if !found.ours || grant.state == GrantState::Revoked {
            continue;
        }
        for attachment in &grant.servers {
            if attachment.policy.as_ref() != Some(policy) {
                continue;
            }
            let subjects = Subjects {
                organisation: org.as_str().into(),
                grant: grant.id.as_str().into(),
                identity: grant.identity.as_str().into(),
                policy: policy.as_str().into(),
                server: attachment.server.as_str().into(),
            };
            all.push((Arc::from(grant.label.as_str()), subjects));
        }
    }
    Ok(all)
}

/// What the ledger has counted for these limits. Grants that are counted together make one line.
///
/// Calls wait meanwhile: no more is worked out than is shown.
pub(super) fn of(
    ledger: &Ledger,
    now: i64,
    since: i64,
    subjects: &[(Arc<str>, Subjects)],
    stated: &[StatedLimit],
) -> LimitStandings {
    let mut all = LimitStandings::default();
    let mut places: HashMap<Key, usize> = HashMap::new();
    for limit in stated {
        for (label, subjects) in subjects {
            let of = InForce::of(subjects, limit.clone());
            let (keys, has_values) = of.budgets(ledger);
            for key in keys {
                if let Some(known) = places.get(&key).and_then(|at| all.limits.get_mut(*at)) {
                    if !known.grants.contains(label) {
                        known.grants.push(Arc::clone(label));
                    }
                    continue;
                }
                if all.limits.len() >= SHOWN_MAX {
                    all.left_out += 1;
                    continue;
                }
                let (rule, window, max) = of.terms();
                let usage = ledger.usage(&key, rule, window, max, now);
                // A window that cannot be placed denies its calls, and has nothing to show.
                let (Ok(usage), Ok(past)) = (usage, ledger.past(&key, window, max, since)) else {
                    continue;
                };
                places.insert(key, all.limits.len());
                let grants = vec![Arc::clone(label)];
                all.limits.push(LimitStanding { usage, past, has_values, grants });
            }
        }
    }
    all
}
