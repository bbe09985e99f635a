//! Policies: published when right, compared, tried out.

use serde_json::{Value, json};

use crate::world::{POLICY, World};

#[tokio::test]
async fn a_policy_is_published_in_numbered_versions() {
    let world = World::start().await;
    world.with_server().await;
    world.with_policy().await;
    let policy = world.ask(Some(&world.viewer), "GET", "/policies/support", "", &[]).await.json();
    assert_eq!(policy["latest"], 1);
    assert_eq!(policy["server"]["name"], "payments");
    assert_eq!(policy["version"]["text"], POLICY);

    let second = POLICY.replace("100", "200");
    let publish = async |body: Value| {
        world
            .ask(Some(&world.manager), "POST", "/policies/support/versions", &body.to_string(), &[])
            .await
    };
    let made =
        publish(json!({ "text": second, "note": "twice as much", "expected_latest": 1 })).await;
    assert_eq!((made.status, made.json()["number"].as_u64()), (201, Some(2)), "{}", made.body);
    assert!(made.headers["location"].ends_with("/versions/2"));
    let late = publish(json!({ "text": POLICY, "expected_latest": 1 })).await;
    assert_eq!(late.status, 412, "{}", late.body);

    let versions = world.admin("GET", "/policies/support/versions", "").await.json();
    let numbers: Vec<_> = versions["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v["number"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, [2, 1]);
    assert_eq!(versions["items"][0]["author"], "policy_manager");
    let first = world.admin("GET", "/policies/support/versions/1", "").await.json();
    assert_eq!(first["text"], POLICY);
    let latest = world.admin("GET", "/policies/support/versions/latest", "").await.json();
    assert_eq!(latest["text"], second);
    for number in ["3", "0", "x", "-1", "4294967296"] {
        let answer = world.admin("GET", &format!("/policies/support/versions/{number}"), "").await;
        assert_eq!(answer.status, 404, "{number}");
    }
    let diff = world.admin("GET", "/policies/support/diff", "").await.json();
    let changed: Vec<_> = diff["unified"]
        .as_str()
        .unwrap()
        .lines()
        .skip(2)
        .filter(|line| line.starts_with(['+', '-']))
        .collect();
    assert_eq!(changed.len(), 2, "{diff}");
    assert!(changed[1].contains("200"));
    let whole = world.admin("GET", "/policies/support/diff?from=0&to=1", "").await.json();
    assert!(whole["unified"].as_str().unwrap().contains("@@ -0,0 +1,"));
    let same = world.admin("GET", "/policies/support/diff?from=2&to=2", "").await.json();
    assert_eq!(same["unified"], "");
    assert_eq!(world.admin("GET", "/policies/support/diff?from=x", "").await.status, 422);
    assert_eq!(world.admin("GET", "/policies/support/diff?to=9", "").await.status, 404);
}

#[tokio::test]
async fn a_document_with_errors_is_refused_with_all_of_them() {
    let world = World::start().await;
    let text = "{\n  \"version\": \"2\",\n  \"defualt\": \"deny\",\n  \"tools\": { \"x\": { \"require\": 1 } }\n}";
    let body = json!({ "name": "bad", "text": text }).to_string();
    let answer = world.admin("POST", "/policies", &body).await;
    assert_eq!((answer.status, answer.code().as_str()), (422, "policy_invalid"));
    let faults = answer.faults();
    assert!(faults.len() >= 3, "{faults:?}");
    let errors = answer.json()["errors"].clone();
    let misspelt = errors.as_array().unwrap().iter().find(|e| e["pointer"] == "/defualt").unwrap();
    assert_eq!(
        (misspelt["line"].as_u64(), misspelt["suggestion"].as_str()),
        (Some(3), Some("default"))
    );
    assert_eq!(
        world.admin("GET", "/policies/bad", "").await.status,
        404,
        "it was made all the same"
    );
}

#[tokio::test]
async fn cases_that_fail_block_a_version_and_pass_on_to_the_next() {
    let world = World::start().await;
    let case = |amount: u32, outcome: &str| {
        json!({ "name": "pay some", "call": { "tool": "pay", "arguments": { "amount": amount } },
            "expect": { "outcome": outcome } })
    };
    let create = |cases: Value| json!({ "name": "p", "text": POLICY, "cases": cases }).to_string();
    let failed = world
        .admin("POST", "/policies", &create(json!([case(50, "allow"), case(150, "allow")])))
        .await;
    assert_eq!((failed.status, failed.code().as_str()), (422, "tests_failed"));
    assert_eq!(failed.faults(), [("/cases/1".to_owned(), "tests_failed".to_owned())]);
    assert_eq!(world.admin("GET", "/policies/p", "").await.status, 404);
    let unread = world.admin("POST", "/policies", &create(json!([{ "call": 1 }]))).await;
    assert_eq!((unread.status, unread.code().as_str()), (422, "invalid"));
    assert!(unread.faults()[0].0.starts_with("/cases/0"), "{:?}", unread.faults());

    let made = world
        .admin("POST", "/policies", &create(json!([case(50, "allow"), case(150, "deny")])))
        .await;
    assert_eq!(made.status, 201, "{}", made.body);
    // The cases of the version before guard the next one.
    let looser = json!({ "text": POLICY.replace("100", "200") }).to_string();
    let blocked = world.admin("POST", "/policies/p/versions", &looser).await;
    assert_eq!((blocked.status, blocked.code().as_str()), (422, "tests_failed"));
    let freed = json!({ "text": POLICY.replace("100", "200"), "cases": [] }).to_string();
    assert_eq!(world.admin("POST", "/policies/p/versions", &freed).await.status, 201);
}

#[tokio::test]
async fn checking_lists_errors_and_what_is_probably_not_meant() {
    let world = World::start().await;
    world.with_server().await;
    let check = async |text: &str, server: Option<&str>| {
        let body = json!({ "text": text, "server": server }).to_string();
        let answer = world.ask(Some(&world.manager), "POST", "/policies/check", &body, &[]).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    };
    let good = check(POLICY, Some("payments")).await;
    assert_eq!(good["problems"], json!([]));
    let bad = check("{", None).await;
    assert_eq!(bad["problems"].as_array().unwrap().len(), 1);
    let elsewhere = check(&POLICY.replace("\"list\": {}", "\"lost\": {}"), Some("payments")).await;
    let warned = elsewhere["warnings"].as_array().unwrap();
    assert!(warned.iter().any(|w| w["pointer"].as_str().unwrap().contains("lost")), "{elsewhere}");
    let body = json!({ "text": POLICY, "server": "nowhere" }).to_string();
    let answer = world.admin("POST", "/policies/check", &body).await;
    assert_eq!(answer.faults(), [("/server".to_owned(), "not_found".to_owned())]);
}

#[tokio::test]
async fn cases_run_against_a_text_or_a_stored_policy() {
    let world = World::start().await;
    let cases = json!([
        { "call": { "tool": "pay", "arguments": { "amount": 1 } }, "expect": { "outcome": "allow" } },
        { "call": { "tool": "gone" }, "expect": { "outcome": "allow" } },
    ]);
    let test = async |body: Value| world.admin("POST", "/policies/test", &body.to_string()).await;
    let answer = test(json!({ "text": POLICY, "cases": cases })).await.json();
    assert_eq!((&answer["passed"], &answer["failed"]), (&json!(1), &json!(1)), "{answer}");
    assert_eq!(answer["results"][1]["decided"]["outcome"], "deny");

    let kept = json!({ "name": "p", "text": POLICY, "cases": [cases[0]] }).to_string();
    assert_eq!(world.admin("POST", "/policies", &kept).await.status, 201);
    let answer = test(json!({ "policy": "p" })).await.json();
    assert_eq!((&answer["passed"], &answer["failed"]), (&json!(1), &json!(0)));
    for body in [
        json!({ "cases": [] }),
        json!({ "text": POLICY, "policy": "p", "cases": [] }),
        json!({ "text": POLICY }),
        json!({ "policy": "none" }),
        json!({ "text": "{}", "cases": [] }),
        json!({ "text": POLICY, "cases": {} }),
    ] {
        let answer = test(body.clone()).await;
        assert_eq!(answer.status, 422, "{body}");
    }
}

/// Row W16: a simulation sends nothing, records nothing, and needs the role.
#[tokio::test]
async fn a_call_is_simulated_exactly_and_leaves_no_trace() {
    let world = World::start().await;
    world.with_server().await;
    world.with_policy().await;
    world.with_grant().await;
    let ask = async |body: Value| {
        let answer = world
            .ask(Some(&world.manager), "POST", "/policies/simulate", &body.to_string(), &[])
            .await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    };
    let call = |amount: Value| json!({ "name": "pay", "arguments": { "amount": amount } });
    let outcome = |answer: &Value| {
        (
            answer["outcome"].as_str().unwrap().to_owned(),
            answer["rule"].as_str().unwrap().to_owned(),
        )
    };
    let is = |outcome: &str, rule: &str| (outcome.to_owned(), rule.to_owned());
    let rule = "/tools/pay/deny_if/args.amount-gt";
    for source in
        [json!({ "text": POLICY }), json!({ "policy": "support" }), json!({ "grant": "agent" })]
    {
        let with = |call: Value| {
            let mut body = source.clone();
            body["call"] = call;
            body["server"] = json!("payments");
            body
        };
        let allowed = ask(with(call(json!(99.5)))).await;
        assert_eq!(outcome(&allowed), is("allow", ""), "{allowed}");
        assert_eq!(allowed["charges"][0]["amount"], "99.5");
        let denied = ask(with(call(json!(100.5)))).await;
        assert_eq!(outcome(&denied), is("deny", rule));
        assert_eq!(denied["reason"], "deny_if");
        assert!(!denied["trace"]["rules"].as_array().unwrap().is_empty());
        assert!(!denied.to_string().contains("100.5"), "{denied}");
        let unlisted =
            ask(with(json!({ "name": "pay", "arguments": { "amount": 1, "x": 2 } }))).await;
        assert_eq!(unlisted["outcome"], "deny");
        let gone = ask(with(json!({ "name": "gone" }))).await;
        assert_eq!(outcome(&gone), is("deny", "(unknown tool)"));
    }
    // Numbers are judged to the letter, not as floats.
    let body = json!({ "text": POLICY, "call": { "name": "pay", "arguments": {} } }).to_string();
    let exact = body.replace("\"arguments\":{}", "\"arguments\":{\"amount\":100.00000000000001}");
    let answer = world.admin("POST", "/policies/simulate", &exact).await;
    assert_eq!(answer.json()["outcome"], "deny", "{}", answer.body);

    assert_eq!(world.admin("GET", "/calls", "").await.json()["items"], json!([]));
    for body in [
        json!({ "call": call(json!(1)) }),
        json!({ "text": POLICY, "grant": "agent", "call": call(json!(1)) }),
        json!({ "grant": "none", "call": call(json!(1)) }),
        json!({ "policy": "none", "call": call(json!(1)) }),
        json!({ "text": POLICY, "server": "none", "call": call(json!(1)) }),
        json!({ "text": POLICY, "call": { "name": "pay", "arguments": [] } }),
        json!({ "text": POLICY, "call": call(json!(1)), "time": "soon" }),
        json!({ "text": POLICY, "call": call(json!(1)), "time": null, "x": 1 }),
    ] {
        let answer = world.admin("POST", "/policies/simulate", &body.to_string()).await;
        assert_eq!(answer.status, 422, "{body}: {}", answer.body);
    }
    let viewer = world.ask(Some(&world.viewer), "POST", "/policies/simulate", "{}", &[]).await;
    assert_eq!(viewer.status, 403);
}

#[tokio::test]
async fn a_detached_or_paused_grant_is_simulated_as_it_stands() {
    let world = World::start().await;
    world.with_server().await;
    world.with_policy().await;
    world.with_grant().await;
    let detach = r#"{"server":"payments","policy":null}"#;
    assert_eq!(world.admin("PUT", "/grants/agent/policy", detach).await.status, 200);
    assert_eq!(world.admin("POST", "/grants/agent/pause", "").await.status, 200);
    let body = r#"{"grant":"agent","call":{"name":"list"}}"#;
    let answer = world.admin("POST", "/policies/simulate", body).await.json();
    assert_eq!((&answer["outcome"], &answer["rule"]), (&json!("deny"), &json!("(no policy)")));
    assert!(answer["notes"][0].as_str().unwrap().contains("paused"), "{answer}");
}

#[tokio::test]
async fn a_policy_that_is_attached_stays() {
    let world = World::start().await;
    world.with_server().await;
    world.with_policy().await;
    world.with_grant().await;
    assert_eq!(world.admin("DELETE", "/policies/support", "").await.status, 409);
    let detach = r#"{"server":"payments","policy":null}"#;
    assert_eq!(world.admin("PUT", "/grants/agent/policy", detach).await.status, 200);
    assert_eq!(world.admin("DELETE", "/policies/support", "").await.status, 204);
    let empty = r#"{"name":"empty"}"#;
    assert_eq!(world.admin("POST", "/policies", empty).await.status, 201);
    let attach = r#"{"server":"payments","policy":"empty"}"#;
    let answer = world.admin("PUT", "/grants/agent/policy", attach).await;
    assert_eq!(answer.status, 422, "a policy without a version was attached");
}

/// What a change lets through, what can pass, and what no case tries: exact, and for managers.
#[tokio::test]
async fn policies_answer_exactly_and_nothing_is_left_behind() {
    let world = World::start().await;
    world.with_server().await;
    world.with_policy().await;
    let looser = POLICY.replace("100", "200");
    let publish = json!({ "text": looser }).to_string();
    assert_eq!(world.admin("POST", "/policies/support/versions", &publish).await.status, 201);
    let ask = async |path: &str, body: &Value| {
        world.ask(Some(&world.manager), "POST", path, &body.to_string(), &[]).await
    };

    for (from, to) in [
        (json!({ "policy": "support", "version": 1 }), json!({ "policy": "support" })),
        (json!({ "text": POLICY }), json!({ "text": looser })),
    ] {
        let body = json!({ "from": from, "to": to, "server": "payments" });
        let answer = ask("/policies/diff", &body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let found = answer.json();
        assert_eq!((&found["same"], &found["more_open"]), (&json!(false), &json!(true)), "{found}");
        assert_eq!(found["not_known"], json!([]));
        let change = &found["changes"][0];
        assert_eq!(change["tool"], "pay");
        assert_eq!(change["when"], "100 < amount ≤ 200", "{found}");
        assert_eq!(change["from"]["rule"], "/tools/pay/deny_if/args.amount-gt");
        assert_eq!((&change["to"]["outcome"], &change["opens"]), (&json!("allow"), &json!(true)));
        assert_eq!(change["witness"]["name"], "pay");
        assert!(change["witness"]["arguments"]["amount"].as_f64().unwrap() > 100.0);
    }
    let same = json!({ "from": { "text": POLICY }, "to": { "policy": "support", "version": 1 } });
    let same = ask("/policies/diff", &same).await.json();
    assert_eq!((&same["same"], &same["changes"]), (&json!(true), &json!([])), "{same}");

    let mut question = json!({ "policy": "support", "server": "payments" });
    question["question"] = json!("can pay pass when amount > 200?");
    let no = ask("/policies/ask", &question).await.json();
    assert_eq!((&no["answer"], &no["witness"]), (&json!("no"), &Value::Null), "{no}");
    question["question"] = json!("can pay pass without approval when amount = 200?");
    let yes = ask("/policies/ask", &question).await.json();
    assert_eq!(yes["answer"], "yes", "{yes}");
    assert_eq!(yes["witness"]["arguments"]["amount"], 200);
    let data = json!({ "text": POLICY, "query": yes["query"] });
    assert_eq!(ask("/policies/ask", &data).await.json()["answer"], "no");

    let found = ask("/policies/coverage", &json!({ "policy": "support" })).await.json();
    assert_eq!(found["complete"], false, "{found}");
    let proposed: Vec<&Value> =
        found["rules"].as_array().unwrap().iter().map(|rule| &rule["proposed"]).collect();
    assert!(!proposed.is_empty() && proposed.iter().all(|case| case.is_object()), "{found}");
    let cases = json!({ "policy": "support", "cases": proposed });
    let tested = ask("/policies/test", &cases).await.json();
    assert_eq!(tested["failed"], 0, "{tested}");

    for (path, body) in [
        ("/policies/diff", json!({ "from": {}, "to": { "text": POLICY } })),
        ("/policies/diff", json!({ "from": { "text": "{}" }, "to": { "text": POLICY } })),
        ("/policies/diff", json!({ "from": { "policy": "none" }, "to": { "text": POLICY } })),
        ("/policies/ask", json!({ "text": POLICY })),
        ("/policies/ask", json!({ "text": POLICY, "question": "may it?" })),
        ("/policies/ask", json!({ "text": POLICY, "query": { "tool": "pay", "outcome": "fly" } })),
        ("/policies/coverage", json!({ "text": POLICY, "cases": [1] })),
    ] {
        let answer = ask(path, &body).await;
        assert_eq!(answer.status, 422, "{path} {body}: {}", answer.body);
    }
    assert_eq!(world.admin("GET", "/calls", "").await.json()["items"], json!([]));
    for path in ["/policies/diff", "/policies/ask", "/policies/coverage"] {
        let viewer = world.ask(Some(&world.viewer), "POST", path, "{}", &[]).await;
        assert_eq!(viewer.status, 403);
    }
}
