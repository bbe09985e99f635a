//! Promises about what people see of limits: those in force, used or not, and everybody's share.

use store::{Attachment, Grant, GrantDraft, GrantUsage, OutcomeClass, Server};

use super::{House, Store, grant_draft};

/// A policy with a rolling limit for all tools, money by currency for one, and a shared one.
fn policy(max: u32, window: &str) -> String {
    format!(
        r#"{{"version": "1", "default": "allow", "timezone": "Europe/Berlin",
        "all_tools": {{"limits": [{{"counter": "calls", "window": "minute", "max": 30, "rolling": true}}]}},
        "tools": {{"refund_payment": {{"limits": [
            {{"counter": "value", "window": "{window}", "max": {max}.5, "amount": "args.amount", "per": ["args.currency"]}},
            {{"counter": "shared", "window": "day", "max": 7, "scope": "identity"}}]}}}}}}"#
    )
}

async fn furnished<S: Store>(house: &House<S>, label: &str, text: &str) -> (Grant, Server) {
    let server = house.server(&format!("{label}-server")).await;
    let policy = house.policy(&format!("{label}-policy"), text).await;
    let draft = grant_draft(label, &[]);
    let attachment = Attachment { server: server.id.clone(), policy: Some(policy) };
    let draft = GrantDraft { servers: vec![attachment], ..draft };
    (house.store.grant_issue(&house.by(), draft).await.unwrap().0, server)
}

/// Makes a call of the tool with these arguments, as the gateway would; it completes.
async fn spend<S: Store>(house: &House<S>, grant: &Grant, server: &Server, arguments: &str) {
    let id = grant.servers[0].policy.clone().unwrap();
    let newest = house.store.policy_versions(&house.org, &id).await.unwrap()[0].number;
    let version = house.store.policy_version(&house.org, &id, newest).await.unwrap();
    let text = version.unwrap().text;
    let policy = policy::Policy::load(&text).unwrap();
    let arguments = json::read(arguments.as_bytes(), json::Limits::ANSWER).unwrap();
    let json::Value::Object(arguments) = arguments else { panic!("arguments are an object") };
    let names = arguments.names().map(str::to_owned).collect();
    let call = policy::ToolCall { tool: "refund_payment".into(), arguments: Some(arguments) };
    let question = policy::Question {
        policy: Some(&policy),
        grant: &policy::GrantFacts::default(),
        definition: &policy::Definition::Accepted { arguments: Some(names) },
        usage: &policy::Unused,
        now: jiff::Timestamp::UNIX_EPOCH,
    };
    let policy::Decision::Allow(allowed) = policy::decide(&question, call) else {
        panic!("the call is allowed")
    };
    let subjects = quota::Subjects {
        organisation: house.org.as_str().into(),
        grant: grant.id.as_str().into(),
        identity: grant.identity.as_str().into(),
        policy: id.as_str().into(),
        server: server.id.as_str().into(),
    };
    let charges = allowed.charges().iter();
    let charges = charges.map(|c| (quota::Key::of(&subjects, c), c.clone())).collect();
    let intent = house.intent(grant, server);
    let id = intent.id;
    house.store.call_begin(intent, charges, house.generation()).await.unwrap();
    house.store.call_finish(house.outcome(id, OutcomeClass::Completed));
}

/// Each limit in one line: rule, value, used, left, max, whether it is in force.
fn lines(usage: &GrantUsage) -> Vec<String> {
    let line = |limit: &store::LimitUsage| {
        let of = &limit.usage;
        let value = of.key.parts().per.first().map_or("", |(_, value)| value);
        let value = if limit.has_values { value } else { "any" };
        let rule = of.rule.rsplit('/').next().unwrap();
        let force = if limit.in_force { "" } else { " gone" };
        let [used, left, max] = [of.used, of.left, of.max].map(|amount| amount / 100_000);
        format!("{rule} {value} {used} {left} {max}{force}")
    };
    usage.limits.iter().map(line).collect()
}

async fn look<S: Store>(house: &House<S>, grant: &Grant) -> Vec<String> {
    lines(&house.store.usage(&house.org, &grant.id).await.unwrap())
}

pub(crate) async fn usage_shows_the_limits_in_force_whether_used_or_not<S: Store>(house: House<S>) {
    let (grant, server) = furnished(&house, "g", &policy(50, "day")).await;
    let untouched = ["calls  0 300 300", "value any 0 505 505", "shared  0 70 70"];
    assert_eq!(look(&house, &grant).await, untouched);
    let usage = house.store.usage(&house.org, &grant.id).await.unwrap();
    // 2026-03-02T10:00Z: the day in Berlin ends at 23:00Z; a rolling window that is empty has no end.
    let resets: Vec<_> = usage.limits.iter().map(|limit| limit.usage.resets_at).collect();
    let midnight = Some(super::MORNING + 13 * 3_600_000_000);
    assert_eq!(resets, [None, midnight, midnight]);

    spend(&house, &grant, &server, r#"{"amount": 20.25, "currency": "usd"}"#).await;
    spend(&house, &grant, &server, r#"{"amount": 9, "currency": "jpy"}"#).await;
    let used = [
        "calls  20 280 300",
        "value \"jpy\" 90 415 505",
        "value \"usd\" 202 302 505",
        "shared  20 50 70",
    ];
    assert_eq!(look(&house, &grant).await, used);
}

pub(crate) async fn usage_follows_a_changed_policy_and_keeps_what_is_counted<S: Store>(
    house: House<S>,
) {
    // Q23: limits are lowered, raised, moved to another window, taken out and put in again.
    let (grant, server) = furnished(&house, "g", &policy(50, "day")).await;
    spend(&house, &grant, &server, r#"{"amount": 20, "currency": "usd"}"#).await;
    let id = grant.servers[0].policy.clone().unwrap();
    let publish = async |text: String| {
        let text = text.into_bytes();
        house.store.policy_publish(&house.by(), &id, text, None, "", None).await.unwrap();
    };
    let value = |line: &str| ["calls  10 290 300", line, "shared  10 60 70"].map(str::to_owned);
    for (max, window, line) in [
        (10, "day", "value \"usd\" 200 0 105"),
        (90, "day", "value \"usd\" 200 705 905"),
        (90, "month", "value \"usd\" 200 705 905"),
        (90, "6h", "value \"usd\" 200 705 905"),
    ] {
        publish(policy(max, window)).await;
        assert_eq!(look(&house, &grant).await, value(line), "{max} {window}");
    }
    publish(r#"{"version": "1", "default": "allow"}"#.to_owned()).await;
    let gone = look(&house, &grant).await;
    assert!(gone.iter().all(|line| line.ends_with(" gone")), "{gone:?}");
    assert!(gone.iter().any(|line| line.starts_with("value \"usd\" 200")), "{gone:?}");
    publish(policy(50, "day")).await;
    assert_eq!(look(&house, &grant).await, value("value \"usd\" 200 305 505"));
}

pub(crate) async fn usage_of_a_shared_scope_is_everybodys<S: Store>(house: House<S>) {
    for (number, (scope, shared)) in [
        ("grant", false),
        ("identity", true),
        ("policy", true),
        ("server", true),
        ("organisation", true),
    ]
    .into_iter()
    .enumerate()
    {
        let text = format!(
            r#"{{"version": "1", "default": "allow", "all_tools": {{"limits":
            [{{"counter": "c{number}", "window": "day", "max": 5, "scope": "{scope}"}}]}}}}"#
        );
        let (first, server) = furnished(&house, &format!("g{number}"), &text).await;
        let draft = grant_draft(&format!("h{number}"), &[]);
        let draft = GrantDraft { servers: first.servers.clone(), ..draft };
        let (second, _) = house.store.grant_issue(&house.by(), draft).await.unwrap();
        spend(&house, &first, &server, "{}").await;
        let used = |used| vec![format!("c{number}  {} {} 50", used * 10, 50 - used * 10)];
        assert_eq!(look(&house, &first).await, used(1), "{scope}");
        assert_eq!(look(&house, &second).await, used(i32::from(shared)), "{scope}");
        spend(&house, &second, &server, "{}").await;
        assert_eq!(look(&house, &first).await, used(1 + i32::from(shared)), "{scope}");
    }
}
