//! Family V, the part the gateway plays: a call that needs a person runs once, as it was signed off,
//! or not at all, whatever the agent does meanwhile.

use std::sync::Arc;
use std::time::Duration;

use gateway::{Config, Holding};
use serde_json::{Value, json};
use store::{
    Approval, Approvals as _, ApprovalsOf, By, ChangeError, ControlPlane as _, GrantHolding,
    Member, MemberDraft, Page, People as _, Role, Verdict, Word,
};
use testkit::{Agent, Era, House, Setup};

const PAY: &str = "pay";

fn tools() -> Value {
    json!([{"name": PAY, "inputSchema": {"type": "object", "properties": {
        "amount": {"type": "number"}, "to": {"type": "string"}, "meta": {}}}}])
}

fn policy(deny_over: i64) -> Value {
    json!({"version": "1", "default": "deny",
        "client_requests": {"elicitation": "allow", "sampling": "deny", "roots": "deny"},
        "tools": {PAY: {
        "deny_if": [{"conditions": [{"path": "args.amount", "op": "gt", "value": deny_over}]}],
        "approve_if": [{"conditions": [{"path": "args.amount", "op": "gt", "value": 500}],
                        "approvers": ["role:policy_manager"], "expires_in": "30m"}]}}})
}

/// A house with somebody to ask.
struct World {
    house: House,
    finance: Member,
}

impl World {
    async fn with(holding: Holding) -> Self {
        let mut setup = Setup::new(tools(), policy(10_000));
        setup.config = Config { holding, ..Config::default() };
        let house = House::start(setup).await;
        let draft = MemberDraft {
            email: "finance@example.org".to_owned(),
            name: "Finance".to_owned(),
            role: Role::PolicyManager,
        };
        let finance = house.store.member_add(&house.by(), draft).await.unwrap();
        Self { house, finance }
    }

    /// Nobody is held: everybody is told to call again.
    async fn impatient() -> Self {
        let none = Duration::ZERO;
        Self::with(Holding { legacy: none, first_leg: none, legs: 0, ..Holding::default() }).await
    }

    async fn patient() -> Self {
        let some = Duration::from_secs(20);
        let link_base = Some("https://control.example".to_owned());
        let progress = Duration::from_millis(50);
        let later_leg = some;
        Self::with(Holding {
            legacy: some,
            first_leg: some,
            later_leg,
            legs: 6,
            progress,
            link_base,
            ..Holding::default()
        })
        .await
    }

    async fn waiting(&self) -> Vec<Approval> {
        let (store, page) = (&self.house.store, Page { after: None, limit: 100 });
        let found = store.approvals(
            store.org(),
            &self.finance.id,
            Role::PolicyManager,
            ApprovalsOf::Waiting,
            &page,
        );
        found.await.unwrap().items.into_iter().map(|(approval, _)| approval).collect()
    }

    /// The one that waits, once there is one.
    async fn asked(&self) -> Approval {
        for _ in 0..500 {
            if let Some(found) = self.waiting().await.pop() {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("nothing was asked")
    }

    async fn say(&self, approval: &Approval, approve: bool) {
        let by = By { member: Some(self.finance.id.clone()), ..self.house.by() };
        let fingerprint = approval.fingerprint_shown();
        let word = Word { approve, fingerprint, note: "not this one".to_owned() };
        let said = self.house.store.approval_decide(&by, Role::PolicyManager, &approval.id, word);
        said.await.unwrap();
    }

    fn executions(&self) -> usize {
        self.house.upstream.calls().len()
    }
}

async fn pay(agent: &Agent, era: &Era, arguments: &str) -> Value {
    let answer = agent.ask(era, Agent::call_text(era, PAY, arguments)).await;
    message(&answer.text())
}

/// The last message of an answer, whether it is JSON or a stream.
fn message(text: &str) -> Value {
    let last = text.lines().filter_map(|line| line.strip_prefix("data: ")).next_back();
    serde_json::from_str(last.unwrap_or(text)).unwrap_or_else(|_| panic!("{text}"))
}

/// What the agent is told: the reason and the state, or `done`.
fn told(answer: &Value) -> String {
    let decision = &answer["result"]["_meta"]["dev.countersign/decision"];
    if decision.is_null() {
        return answer["result"]["content"][0]["text"].as_str().unwrap_or("?").to_owned();
    }
    assert_eq!(answer["result"]["isError"], true);
    let text = answer["result"]["content"][0]["text"].as_str().unwrap();
    assert!(text.starts_with("[POLICY DENIED] "), "{text}");
    let state = decision["approval"]["state"].as_str().unwrap_or("-");
    format!("{} {state}", decision["reason"].as_str().unwrap())
}

const CALL: &str = r#"{"amount":800,"to":"x"}"#;

/// V02, V03, V04 and V10 for a client of each era that is told to call again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_runs_once_as_it_was_signed_off_or_not_at_all() {
    for modern in [false, true] {
        let world = World::impatient().await;
        let (agent, other) = (world.house.agent("a"), world.house.agent("b"));
        let era = if modern { Era::Modern } else { agent.session().await };
        let call = async |arguments: &str| told(&pay(&agent, &era, arguments).await);
        let waits = "approval_required pending";

        // Approved, then called again: order and blanks do not count, and it runs once.
        assert_eq!(call(CALL).await, waits);
        assert_eq!(call(CALL).await, waits, "the repeat attaches");
        assert_eq!(world.waiting().await.len(), 1);
        world.say(&world.asked().await, true).await;
        assert_eq!(world.executions(), 0, "a person's yes runs nothing by itself");
        assert_eq!(call(r#"{"amount":800.0,"to":"x"}"#).await, waits, "V02: another lexeme");
        assert_eq!(call(r#"{"amount":801,"to":"x"}"#).await, waits, "V02: another amount");
        let foreign_era = if modern { Era::Modern } else { other.session().await };
        assert_eq!(told(&pay(&other, &foreign_era, CALL).await), waits, "V04: another grant");
        assert_eq!(call(r#"{ "to":"x",  "amount":800 }"#).await, "done");
        assert_eq!(world.executions(), 1);
        assert_eq!(call(CALL).await, waits, "V03: what was used is asked for anew");
        assert_eq!(world.executions(), 1);

        // Denied: no is no, with the person's words only where the organisation allows it.
        let again = world.waiting().await;
        let newest = again.iter().max_by_key(|a| (a.created_at, a.id.clone())).unwrap();
        world.say(newest, false).await;
        let answer = pay(&agent, &era, CALL).await;
        assert_eq!(told(&answer), "approval_denied denied");
        assert!(!answer.to_string().contains("not this one"));
        let by = world.house.by();
        world.house.store.approval_settings_set(&by, None, false, true).await.unwrap();
        assert!(pay(&agent, &era, CALL).await.to_string().contains("not this one"));

        // Expired: told once, then asked anew.
        let late = r#"{"amount":900,"to":"late"}"#;
        assert_eq!(call(late).await, waits);
        world.house.clock.pass_seconds(1_800);
        assert_eq!(call(late).await, "approval_expired expired");
        assert_eq!(call(late).await, waits);

        // V10: approved, and then the policy is tightened: what is denied stays denied.
        let asked = world.waiting().await;
        let newest = asked.iter().max_by_key(|a| (a.created_at, a.id.clone())).unwrap();
        world.say(newest, true).await;
        world.house.publish(&policy(700)).await;
        assert_eq!(call(late).await, "deny_if -");
        world.house.publish(&policy(10_000)).await;
        assert_eq!(call(late).await, waits, "another version asks anew");
        assert_eq!(world.executions(), 1);

        let lines = world.house.lines_after(0).await;
        let ran: Vec<_> = lines
            .iter()
            .filter(|l| l.intent.verdict == Verdict::Allowed && l.intent.tool.is_some())
            .collect();
        assert_eq!(ran.len(), 1, "one line says that it ran");
        assert_eq!(
            (ran[0].intent.reason, &*ran[0].intent.rule),
            ("approved", "/tools/pay/approve_if/args.amount-gt")
        );
    }
}

/// A client that is held gets the answer to the very request that waited.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_waits_is_answered_when_people_decide() {
    for (modern, approve, expected) in [
        (false, true, "done"),
        (false, false, "approval_denied denied"),
        (true, true, "done"),
        (true, false, "approval_denied denied"),
    ] {
        let world = Arc::new(World::patient().await);
        let agent = world.house.agent("a");
        let era = if modern { Era::Modern } else { agent.session().await };
        let asking = tokio::spawn(async move { pay(&agent, &era, CALL).await });
        let approval = world.asked().await;
        world.say(&approval, approve).await;
        let answer = asking.await.unwrap();
        assert_eq!(told(&answer), expected, "{answer}");
        assert_eq!(world.executions(), usize::from(approve));
        let verdicts: Vec<_> = world
            .house
            .ended_after(0)
            .await
            .iter()
            .filter(|l| l.intent.tool.is_some())
            .map(|l| l.intent.verdict)
            .collect();
        let last = if approve { Verdict::Allowed } else { Verdict::Denied };
        assert_eq!(verdicts, [Verdict::Held, last], "both lines stand in the log");
    }
}

/// Progress is said on the stream; cancelling and hanging up run nothing, and the record of one who
/// hung up is found again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_leaves_runs_nothing_and_finds_its_record_again() {
    let world = World::patient().await;
    let agent = world.house.agent("a");
    let era = agent.session().await;
    let text = Agent::params_text(
        &era,
        &format!(r#""name":"pay","arguments":{CALL},"_meta":{{"progressToken":7}}"#),
    );
    let request = agent.post(&era, &text);
    let (head, open) = agent.open(&request).await;
    assert_eq!(head.header("content-type"), Some("text/event-stream"));
    let mut events = open.events();
    let mut last = 0.0;
    for _ in 0..3 {
        let said = events.next(Duration::from_secs(5)).await.unwrap();
        assert_eq!(said["params"]["progressToken"], 7);
        let progress = said["params"]["progress"].as_f64().unwrap();
        assert!(progress > last, "it grows");
        last = progress;
        let text = said["params"]["message"].as_str().unwrap();
        assert!(text.contains("https://control.example/approvals/apr_"), "{text}");
    }
    drop(events);
    let approval = world.asked().await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    world.say(&approval, true).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(world.executions(), 0, "nothing is carried out for nobody");
    assert_eq!(told(&pay(&agent, &era, CALL).await), "done", "whoever comes back finds the yes");
    assert_eq!(world.executions(), 1);

    // The agent takes it back: a later yes is none.
    let (_, open) = agent.open(&request).await;
    let mut events = open.events();
    let approval = world.asked().await;
    let cancel =
        json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}});
    assert_eq!(agent.ask(&era, cancel.to_string()).await.status, 202);
    let answer = loop {
        let next = events.next(Duration::from_secs(5)).await.unwrap();
        if next.get("result").is_some() {
            break next;
        }
    };
    assert_eq!(told(&answer), "approval_withdrawn withdrawn");
    assert!(world.waiting().await.iter().all(|a| a.id != approval.id));
    assert_eq!(world.executions(), 1);
}

/// R30 and the legs of ours: a modern client comes back with our state, shows the link if it can,
/// and its own yes is no sign-off.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_modern_client_comes_back_leg_by_leg() {
    let short = Duration::from_millis(50);
    let link_base = Some("https://control.example".to_owned());
    let world = World::with(Holding {
        first_leg: short,
        later_leg: short,
        legs: 3,
        link_base,
        ..Holding::default()
    })
    .await;
    let agent = world.house.agent("a");
    let era = Era::Modern;
    let ask = async |arguments: &str, more: &str| {
        let meta = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"elicitation":{"url":{}}}}"#;
        let text = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"pay","arguments":{arguments}{more},{meta}}}}}"#
        );
        agent.ask(&era, text).await.json()
    };
    let first = ask(CALL, "").await;
    assert_eq!(first["result"]["resultType"], "input_required", "{first}");
    let request = &first["result"]["inputRequests"]["approval"];
    assert_eq!(
        (&request["method"], &request["params"]["mode"]),
        (&json!("elicitation/create"), &json!("url"))
    );
    assert!(!request.to_string().contains("800"), "no value of an argument");
    let state = first["result"]["requestState"].as_str().unwrap();
    let accepted =
        r#","inputResponses":{"approval":{"action":"accept","content":{"approved":true}}}"#;
    let with = |state: &str, more: &str| format!(r#","requestState":"{state}"{more}"#);

    let changed = ask(r#"{"amount":900,"to":"x"}"#, &with(state, accepted)).await;
    assert_eq!(changed["error"]["code"], -32602, "the state is of other arguments: {changed}");
    let smuggled =
        r#","inputResponses":{"approval":{"action":"accept"},"more":{"action":"accept"}}"#;
    assert_eq!(ask(CALL, &with(state, smuggled)).await["error"]["code"], -32602);

    let second = ask(CALL, &with(state, accepted)).await;
    assert_eq!(
        second["result"]["resultType"], "input_required",
        "a client's yes is none: {second}"
    );
    assert!(second["result"].get("inputRequests").is_none(), "the link is shown once");
    let state = second["result"]["requestState"].as_str().unwrap();
    let third = ask(CALL, &with(state, "")).await;
    assert_eq!(told(&third), "approval_required pending", "then it is told to call again");
    assert_eq!(world.executions(), 0);
    world.say(&world.asked().await, true).await;
    let with_answers = ask(CALL, r#","inputResponses":{"account":{"action":"accept"}}"#).await;
    assert_eq!(
        with_answers["result"]["resultType"], "input_required",
        "R30: answers are bound too"
    );
    assert_eq!(world.executions(), 0);
    assert_eq!(told(&ask(CALL, &with(state, "")).await), "done");
    assert_eq!(world.executions(), 1);
    let declined = ask(r#"{"amount":950,"to":"x"}"#, "").await;
    let state = declined["result"]["requestState"].as_str().unwrap();
    let refused = r#","inputResponses":{"approval":{"action":"decline"}}"#;
    let taken_back = ask(r#"{"amount":950,"to":"x"}"#, &with(state, refused)).await;
    assert_eq!(told(&taken_back), "approval_withdrawn withdrawn");
}

/// V03: sixty-four at once, and two that wait together: one runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_all_who_come_for_one_approval_one_runs() {
    let world = World::impatient().await;
    let agent = world.house.agent("a");
    pay(&agent, &Era::Legacy, CALL).await;
    world.say(&world.asked().await, true).await;
    let callers: Vec<_> = (0..64)
        .map(|_| {
            let agent = agent.clone();
            tokio::spawn(async move { told(&pay(&agent, &Era::Legacy, CALL).await) })
        })
        .collect();
    let mut done = 0;
    for caller in callers {
        match caller.await.unwrap().as_str() {
            "done" => done += 1,
            "approval_used consumed" | "approval_required pending" => {}
            other => panic!("{other}"),
        }
    }
    assert_eq!((done, world.executions()), (1, 1));

    let world = World::patient().await;
    let agent = world.house.agent("a");
    let twins = [agent.clone(), agent]
        .map(|agent| tokio::spawn(async move { told(&pay(&agent, &Era::Modern, CALL).await) }));
    let approval = loop {
        let asked = world.asked().await;
        if asked.asked == 2 {
            break asked;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    world.say(&approval, true).await;
    // Whoever came second either finds it used, or asks anew and is denied here.
    let mut answers = Vec::new();
    for twin in twins {
        while !twin.is_finished() {
            for asked in world.waiting().await {
                world.say(&asked, false).await;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        answers.push(twin.await.unwrap());
    }
    assert_eq!(answers.iter().filter(|a| *a == "done").count(), 1, "{answers:?}");
    assert_eq!(world.executions(), 1);
}

/// What was signed off in the test of spellings.
const SIGNED: &str =
    r#"{"amount":800,"to":"Zoë/x","meta":{"a":[1,2.50,{"b":null}],"z":true,"":""}}"#;

/// The same call, spelled otherwise: escapes, order and blanks carry no meaning.
const SAME: [&str; 7] = [
    SIGNED,
    r#"{"meta":{"":"","z":true,"a":[1,2.50,{"b":null}]},"to":"Zoë/x","amount":800}"#,
    "{ \"amount\" : 800 ,\n\t\"to\":\"Zoë/x\", \"meta\":{\"a\":[ 1,2.50 ,{\"b\": null}],\"z\":true,\"\":\"\"} }",
    r#"{"amount":800,"to":"Zo\u00eb\/x","meta":{"a":[1,2.50,{"b":null}],"z":true,"":""}}"#,
    r#"{"\u0061mount":800,"t\u006F":"\u005a\u006f\u00EB/x","meta":{"a":[1,2.50,{"b":null}],"z":true,"":""}}"#,
    r#"{"amount":800,"to":"Zoë\u002Fx","meta":{"\u0061":[1,2.50,{"\u0062":null}],"\u007a":true,"":""}}"#,
    "{\r\n\"to\":\"Zoë/x\",\"meta\":{\"z\":true,\"\":\"\",\"a\":[1,2.50,{\"b\":null}]},\"amount\":800}",
];

/// Other calls, however much alike: another lexeme of a number is other bytes upstream.
const OTHERS: [&str; 17] = [
    r#"{"amount":800.0,"to":"Zoë/x","meta":{"a":[1,2.50,{"b":null}],"z":true,"":""}}"#,
    r#"{"amount":8e2,"to":"Zoë/x","meta":{"a":[1,2.50,{"b":null}],"z":true,"":""}}"#,
    r#"{"amount":8.00E+2,"to":"Zoë/x","meta":{"a":[1,2.50,{"b":null}],"z":true,"":""}}"#,
    r#"{"amount":801,"to":"Zoë/x","meta":{"a":[1,2.50,{"b":null}],"z":true,"":""}}"#,
    r#"{"amount":"800","to":"Zoë/x","meta":{"a":[1,2.50,{"b":null}],"z":true,"":""}}"#,
    r#"{"amount":800,"to":"Zoe\u0308/x","meta":{"a":[1,2.50,{"b":null}],"z":true,"":""}}"#,
    r#"{"amount":800,"to":"Zoë/x ","meta":{"a":[1,2.50,{"b":null}],"z":true,"":""}}"#,
    r#"{"amount":800,"to":"Zoë/x\u200b","meta":{"a":[1,2.50,{"b":null}],"z":true,"":""}}"#,
    r#"{"amount":800,"to":"Zoë\\/x","meta":{"a":[1,2.50,{"b":null}],"z":true,"":""}}"#,
    r#"{"amount":800,"to":"Zoë/x","meta":{"a":[1,2.5,{"b":null}],"z":true,"":""}}"#,
    r#"{"amount":800,"to":"Zoë/x","meta":{"a":[2.50,1,{"b":null}],"z":true,"":""}}"#,
    r#"{"amount":800,"to":"Zoë/x","meta":{"a":[1,2.50,{}],"z":true,"":""}}"#,
    r#"{"amount":800,"to":"Zoë/x","meta":{"a":[1,2.50,{"b":null}],"z":1,"":""}}"#,
    r#"{"amount":800,"to":"Zoë/x","meta":{"a":[1,2.50,{"b":null}],"z":true,"":null}}"#,
    r#"{"amount":800,"to":"Zoë/x","meta":{"a":[1,2.50,{"b":null}],"z":true}}"#,
    r#"{"amount":800,"to":"Zoë/x"}"#,
    r#"{"amount":800,"to":"Zoë/x","meta":{"a":[1,2.50,{"b":null},null],"z":true,"":""}}"#,
];

/// V02, as a property: whatever an agent does to the spelling, what runs is what was signed off, once;
/// and whatever it does to the meaning is another question.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_runs_is_what_was_signed_off_however_it_is_spelled() {
    let world = World::impatient().await;
    let agent = world.house.agent("a");
    let era = agent.session().await;
    let call = async |arguments: &str| told(&pay(&agent, &era, arguments).await);
    let read = |text: &str| json::read(text.as_bytes(), json::Limits::REQUEST).unwrap();
    let waits = "approval_required pending";
    for (asked, used) in SAME.iter().zip(SAME.iter().cycle().skip(3)) {
        assert_eq!(call(asked).await, waits, "{asked}");
        world.say(&world.asked().await, true).await;
        let before = world.executions();
        for other in OTHERS {
            // A text where the rules want a number is denied by them at once.
            let answer = call(other).await;
            assert!([waits, "deny_if -"].contains(&answer.as_str()), "{other}: {answer}");
        }
        assert_eq!(world.executions(), before, "none of the others runs");
        // Decided, so that the next turn asks for them anew and finds room.
        for left in world.waiting().await {
            let by = world.house.by();
            world.house.store.approval_withdraw(&by, &left.id, "test").await.unwrap();
        }
        assert_eq!(call(used).await, "done", "{used} is {asked}");
        assert_eq!(world.executions(), before + 1);
        let sent = world.house.upstream.calls().pop().unwrap();
        let sent = read(&String::from_utf8(sent.body).unwrap());
        let sent = sent.get("params").and_then(|params| params.get("arguments")).unwrap();
        assert_eq!(json::canonical(sent), json::canonical(&read(SIGNED)), "to the letter");
    }
}

/// Somebody knows a client better: how long its calls are held is said for its grant.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn how_long_calls_are_held_is_said_for_a_grant() {
    let world = World::patient().await;
    let agent = world.house.agent("a");
    let grant = world.house.store.grants(world.house.store.org()).await.unwrap();
    let grant = grant.into_iter().find(|grant| grant.label == "a").unwrap().id;
    let by = world.house.by();
    let set = async |holding| {
        world.house.store.grant_set_holding(&by, &grant, holding).await.unwrap();
    };
    let legacy = agent.session().await;
    set(Some(GrantHolding { seconds: 0, legs: 6 })).await;
    assert_eq!(told(&pay(&agent, &legacy, CALL).await), "approval_required pending");
    let leg = pay(&agent, &Era::Modern, CALL).await;
    assert_eq!(leg["result"]["resultType"], "input_required", "{leg}");
    set(Some(GrantHolding { seconds: 0, legs: 0 })).await;
    assert_eq!(told(&pay(&agent, &Era::Modern, CALL).await), "approval_required pending");
    let begun = std::time::Instant::now();
    set(Some(GrantHolding { seconds: 1, legs: 0 })).await;
    assert_eq!(told(&pay(&agent, &Era::Modern, CALL).await), "approval_required pending");
    assert!(begun.elapsed() >= Duration::from_secs(1));
    for (seconds, legs) in [(241, 0), (0, 7)] {
        let holding = Some(GrantHolding { seconds, legs });
        let refused = world.house.store.grant_set_holding(&by, &grant, holding).await;
        assert!(matches!(refused, Err(ChangeError::Invalid { .. })));
    }
    // As usual again: held until somebody decides.
    set(None).await;
    let asking = tokio::spawn(async move { pay(&agent, &legacy, CALL).await });
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    world.say(&world.asked().await, true).await;
    assert_eq!(told(&asking.await.unwrap()), "done");
}
