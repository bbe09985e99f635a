//! Promises about how often the rules of a policy decided.

use store::{Intent, Moment, OrgId, PolicyUse, RuleUse, UseSpan, Verdict};

use super::approvals::{Held, held};
use super::{House, MORNING, Store};

const DENY: &str = "/tools/refund_payment/deny_if/currency";
const SIGN: &str = "/tools/refund_payment/approve_if/args.amount-gt";
const DEFAULT: &str = "(default deny)";
/// The beginning of the day of [`MORNING`].
const MIDNIGHT: Moment = Moment::of_micros(MORNING - 10 * 3_600_000_000);

impl<S: Store> Held<S> {
    /// A denial by a rule of the policy under this version, for as many calls.
    fn denial(&self, rule: &str, version: u32, count: u32) -> Intent {
        Intent {
            verdict: Verdict::Denied,
            rule: rule.into(),
            policy: Some((self.policy.clone(), version)),
            count,
            ..self.house.intent(&self.grant, &self.server)
        }
    }

    async fn refuse(&self, intent: Intent) {
        self.house.store.call_refused(intent).await.unwrap();
    }

    /// What is counted of two days.
    async fn counted(&self, change: impl FnOnce(&mut UseSpan)) -> PolicyUse {
        let mut span = UseSpan {
            policy: self.policy.clone(),
            since: MIDNIGHT,
            days: 2,
            lines_max: 1_000,
            rules_max: 10,
        };
        change(&mut span);
        self.house.store.policy_use(&self.house.org, &span).await.unwrap()
    }
}

/// What tells counts apart: rule, of tools, by the day, asked, version.
fn told(found: &PolicyUse) -> Vec<(&str, bool, &[u64], u64, u32)> {
    let one = |of: &'_ RuleUse| (of.of_tools, of.asked, of.version);
    let all = found.rules.iter().map(|of| (&*of.rule, &*of.days, one(of)));
    all.map(|(rule, days, (of_tools, asked, version))| (rule, of_tools, days, asked, version))
        .collect()
}

pub(crate) async fn rules_are_counted_by_the_day_whatever_the_version<S: Store>(house: House<S>) {
    let held = held(house).await;
    let other = held.house.policy("other", r#"{"version":"1","default":"deny"}"#).await;
    held.refuse(held.denial(DENY, 1, 1)).await;
    // A flood that was folded into one line.
    held.refuse(held.denial(DENY, 1, 40)).await;
    held.refuse(held.denial(DEFAULT, 1, 1)).await;
    let resource = Intent {
        method: "resources/read".into(),
        tool: None,
        fingerprint: None,
        ..held.denial(DEFAULT, 1, 5)
    };
    held.refuse(resource).await;
    // No rule decided it.
    held.refuse(held.denial("", 1, 9)).await;
    held.refuse(Intent { policy: Some((other.clone(), 4)), ..held.denial(DENY, 1, 7) }).await;
    held.refuse(Intent { policy: None, ..held.denial(DENY, 1, 8) }).await;
    let next = OrgId::from("org_other");
    held.refuse(Intent { org: next.clone(), ..held.denial(DENY, 1, 100) }).await;
    // The last moment of the first day, and the first of the second, under a version of its own.
    held.house.clock.pass_micros(14 * 3_600_000_000 - 1);
    held.refuse(held.denial(DENY, 1, 1)).await;
    held.house.clock.pass_micros(1);
    held.refuse(held.denial(DENY, 2, 2)).await;
    held.refuse(held.denial(DEFAULT, 2, 1)).await;

    let found = held.counted(|_| {}).await;
    let (deny, resources, tools) = (
        (DENY, true, &[42, 2][..], 0, 2),
        (DEFAULT, false, &[5, 0][..], 0, 1),
        (DEFAULT, true, &[1, 1][..], 0, 2),
    );
    assert_eq!(told(&found), [deny, resources, tools]);
    assert_eq!((found.left_out, found.complete), (0, true));
    assert_eq!(found.rules[0].total(), 44);

    let first = held.counted(|span| span.days = 1).await;
    assert_eq!(told(&first)[0], (DENY, true, &[42][..], 0, 1), "the span ends");
    let second = held.counted(|span| span.since = MIDNIGHT.plus_seconds(86_400)).await;
    assert_eq!(told(&second)[0], (DENY, true, &[2, 0][..], 0, 2), "the span begins");
    let others = held.counted(|span| span.policy = other).await;
    assert_eq!(told(&others), [(DENY, true, &[7, 0][..], 0, 4)]);
    let span = UseSpan {
        policy: held.policy.clone(),
        since: MIDNIGHT,
        days: 2,
        lines_max: 1_000,
        rules_max: 10,
    };
    let neighbours = held.house.store.policy_use(&next, &span).await.unwrap();
    assert_eq!(told(&neighbours), [(DENY, true, &[100, 0][..], 0, 1)], "each its own");
}

pub(crate) async fn a_count_says_whether_it_saw_everything<S: Store>(house: House<S>) {
    let held = held(house).await;
    assert_eq!(
        held.counted(|_| {}).await,
        PolicyUse { rules: vec![], left_out: 0, complete: true },
        "of an empty log"
    );
    for rule in [DENY, SIGN, DENY] {
        held.refuse(held.denial(rule, 1, 1)).await;
    }
    for (lines_max, complete, total) in [(3, true, 2), (2, false, 1), (1, false, 1)] {
        let found = held.counted(|span| span.lines_max = lines_max).await;
        let deny = found.rules.iter().find(|of| &*of.rule == DENY).unwrap();
        assert_eq!((found.complete, deny.total()), (complete, total), "{lines_max}");
    }
    let later = |span: &mut UseSpan| {
        span.lines_max = 1;
        span.since = MIDNIGHT.plus_seconds(86_400);
    };
    assert!(held.counted(later).await.complete, "the lines before are of other days");
    let few = held.counted(|span| span.rules_max = 1).await;
    assert_eq!((told(&few), few.left_out), (vec![(DENY, true, &[2, 0][..], 0, 1)], 1));
}

pub(crate) async fn a_call_asks_people_once_however_often_it_is_repeated<S: Store>(
    house: House<S>,
) {
    let held = held(house).await;
    // It asks, and comes back twice while it waits; each time is a line.
    for _ in 0..3 {
        held.ask(1).await;
        held.refuse(Intent { verdict: Verdict::Held, ..held.denial(SIGN, 1, 1) }).await;
    }
    let another = held.ask(2).await;
    held.deny(&another).await;
    held.refuse(held.denial(SIGN, 1, 1)).await;
    let found = held.counted(|_| {}).await;
    assert_eq!(told(&found), [(SIGN, true, &[4, 0][..], 2, 1)]);

    held.house.clock.pass_seconds(86_400);
    held.ask(3).await;
    let today = held.counted(|span| span.since = MIDNIGHT.plus_seconds(86_400)).await;
    assert_eq!(told(&today), [(SIGN, true, &[0, 0][..], 1, 1)], "asked, and no line yet");
}
