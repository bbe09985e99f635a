//! From what a policy's decision asks to what the ledger counts.

use std::sync::Arc;

use crate::{Charge, Key, KeyParts, Limit, OnUnknown, Place, Subject, Unit, Window};

/// Whose call it is: the subjects its counters may belong to, by id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subjects {
    /// The organisation.
    pub organisation: Arc<str>,
    /// The grant.
    pub grant: Arc<str>,
    /// The identity the grant belongs to.
    pub identity: Arc<str>,
    /// The policy attached to the grant.
    pub policy: Arc<str>,
    /// The server the call is for.
    pub server: Arc<str>,
}

impl Key {
    /// The counter that a policy's charge is for.
    pub fn of(subjects: &Subjects, charge: &policy::Charge) -> Self {
        let subject = match charge.scope {
            policy::Scope::Grant => Subject::Grant(Arc::clone(&subjects.grant)),
            policy::Scope::Identity => Subject::Identity(Arc::clone(&subjects.identity)),
            policy::Scope::Policy => Subject::Policy(Arc::clone(&subjects.policy)),
            policy::Scope::Server => Subject::Server(Arc::clone(&subjects.server)),
            policy::Scope::Organisation => Subject::Organisation,
        };
        let place = match &charge.place {
            policy::Place::AllTools => Place::AllTools,
            policy::Place::Tool(key) => Place::Tool(Arc::clone(key)),
        };
        let per = charge.per.iter();
        Self::new(KeyParts {
            organisation: Arc::clone(&subjects.organisation),
            subject,
            server: Arc::clone(&subjects.server),
            place,
            counter: Arc::clone(&charge.counter),
            per: per.map(|per| (Arc::clone(&per.path), per.value.as_str().into())).collect(),
        })
    }
}

impl Charge {
    /// What a policy's charge asks of a counter.
    pub fn of(key: Key, charge: &policy::Charge) -> Self {
        Self { key, limit: Limit::from(charge), amount: charge.amount_millionths }
    }
}

impl From<&policy::Charge> for Limit {
    fn from(charge: &policy::Charge) -> Self {
        Self {
            rule: Arc::clone(&charge.rule),
            window: Window::from(charge),
            max: charge.max_millionths,
            count_failed: charge.count_failed,
            on_unknown: match charge.on_unknown {
                policy::OnUnknown::Keep => OnUnknown::Keep,
                policy::OnUnknown::RollBack => OnUnknown::RollBack,
            },
        }
    }
}

impl From<&policy::Charge> for Window {
    fn from(charge: &policy::Charge) -> Self {
        let unit = match charge.window {
            policy::Window::Minute => Unit::Minute,
            policy::Window::Hour => Unit::Hour,
            policy::Window::Day => Unit::Day,
            policy::Window::Week => Unit::Week,
            policy::Window::Month => Unit::Month,
            policy::Window::Length(length) => {
                // A length beyond 64 bits is out of range, which the ledger says.
                let length_micros = i64::try_from(length.as_micros()).unwrap_or(i64::MAX);
                return Self::Rolling { length_micros };
            }
        };
        if charge.rolling {
            return Self::Rolling { length_micros: unit.length_micros() };
        }
        // A zone without a name is one that no policy can state; the ledger refuses it as unknown.
        let zone = charge.zone.iana_name().unwrap_or_default();
        Self::Calendar { unit, zone: zone.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::TimeZone;
    use std::time::Duration;

    fn charge(window: policy::Window, rolling: bool, zone: &str) -> policy::Charge {
        policy::Charge {
            rule: "/tools/refund/limits/value".into(),
            place: policy::Place::Tool("refund".into()),
            counter: "value".into(),
            window,
            rolling,
            zone: TimeZone::get(zone).unwrap(),
            max_millionths: 5_000_000_000,
            amount_millionths: 480_000_000,
            counts_amount: true,
            per: vec![policy::Per { path: "args.currency".into(), value: "\"usd\"".into() }],
            scope: policy::Scope::Grant,
            count_failed: false,
            on_unknown: policy::OnUnknown::Keep,
            on_deny: None,
        }
    }

    #[test]
    fn each_window_of_a_policy_becomes_the_one_that_is_counted() {
        use policy::Window::{Day, Hour, Length, Minute, Month, Week};
        let calendar = |unit, zone: &str| Window::Calendar { unit, zone: zone.into() };
        let rolling = |seconds: i64| Window::Rolling { length_micros: seconds * 1_000_000 };
        let table = [
            (Minute, false, "UTC", calendar(Unit::Minute, "UTC")),
            (Hour, false, "UTC", calendar(Unit::Hour, "UTC")),
            (Day, false, "europe/berlin", calendar(Unit::Day, "Europe/Berlin")),
            (Week, false, "UTC", calendar(Unit::Week, "UTC")),
            (Month, false, "Asia/Kolkata", calendar(Unit::Month, "Asia/Kolkata")),
            (Minute, true, "UTC", rolling(60)),
            (Hour, true, "UTC", rolling(3_600)),
            (Day, true, "Europe/Berlin", rolling(86_400)),
            (Week, true, "UTC", rolling(604_800)),
            (Month, true, "UTC", rolling(31 * 86_400)),
            (Length(Duration::from_secs(90)), false, "UTC", rolling(90)),
            (Length(Duration::from_secs(90)), true, "UTC", rolling(90)),
        ];
        for (window, is_rolling, zone, expected) in table {
            assert_eq!(Window::from(&charge(window, is_rolling, zone)), expected, "{window:?}");
        }
    }

    #[test]
    fn each_scope_has_its_own_counter_and_each_value_its_own_budget() {
        let [organisation, grant, identity, policy, server] = ["same"; 5].map(Arc::from);
        let subjects = Subjects { organisation, grant, identity, policy, server };
        let mut keys = std::collections::BTreeSet::new();
        for (_, scope) in policy::Scope::ALL {
            for value in ["\"usd\"", "\"jpy\"", "1", "\"1\""] {
                let mut charge = charge(policy::Window::Day, false, "UTC");
                charge.scope = scope;
                charge.per[0].value = value.into();
                keys.insert(Key::of(&subjects, &charge));
            }
        }
        assert_eq!(keys.len(), 5 * 4);
    }
}
