//! The audit log and the refusals: what they hold, who asks for them, and that asking is recorded.

use serde_json::Value;

use crate::world::World;

#[tokio::test]
async fn a_line_says_who_from_where_what_before_and_after() {
    let world = World::start().await;
    let id = world.with_server().await;
    let change = r#"{"name":"New name","enabled":false}"#;
    let headers = [("if-match", "*")];
    world.ask(Some(&world.admin), "PUT", "/servers/payments", change, &headers).await;
    world.admin("PUT", "/servers/payments/credential", r#"{"bearer":"very-secret"}"#).await;
    let log = world.admin("GET", &format!("/audit?subject={id}&event=server.updated"), "").await;
    let line = log.json()["items"][0].clone();
    let me = world.admin("GET", "/me", "").await.json();
    assert_eq!((&line["member"], &line["key"]), (&me["member"]["id"], &me["key"]));
    assert_eq!((&line["name"], &line["session"]), (&"admin".into(), &Value::Null));
    assert_eq!(line["address"], "127.0.0.1");
    assert_eq!(line["detail"]["name"]["after"], "New name");
    assert_eq!(line["detail"]["enabled"], serde_json::json!({"before": true, "after": false}));
    let all = world.admin("GET", "/audit", "").await.body;
    assert!(all.contains("credential.set") && !all.contains("very-secret"), "{all}");
}

#[tokio::test]
async fn the_log_is_filtered_paged_and_exported_and_every_look_is_a_line() {
    let world = World::start().await;
    world.with_server().await;
    let who = world.admin("GET", "/audit?who=admin@example.org&event=server.*", "").await.json();
    assert_eq!(who["items"].as_array().unwrap().len(), 1);
    let none = world.admin("GET", "/audit?who=viewer@example.org", "").await.json();
    assert!(none["items"].as_array().unwrap().is_empty());
    let looked = world.admin("GET", "/audit?event=audit.read&limit=1", "").await.json();
    assert_eq!(looked["items"][0]["detail"]["who"]["after"], "viewer@example.org");
    let next = looked["next"].as_str().unwrap();
    let more =
        world.admin("GET", &format!("/audit?event=audit.read&after={next}"), "").await.json();
    assert_eq!(more["items"][0]["detail"]["event"]["after"], "server.*");

    let mut stream = world.follow(&world.admin, "/audit/export", &[]).await;
    assert_eq!(stream.1.status, 200);
    assert_eq!(stream.1.headers["content-type"], "application/x-ndjson");
    let mut text = stream.1.body;
    while !text.contains("audit.exported") {
        let mut part = vec![0; 65536];
        let count = tokio::io::AsyncReadExt::read(&mut stream.0, &mut part).await.unwrap();
        assert!(count > 0, "{text}");
        text.push_str(std::str::from_utf8(&part[..count]).unwrap());
    }
    let lines: Vec<Value> = text
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let places: Vec<i64> = lines.iter().map(|line| line["index"].as_i64().unwrap()).collect();
    assert!(places.is_sorted() && places[0] == 1, "{places:?}");
    for bad in ["since=yesterday", "limit=0", "order=name", "who=a&who=b", "after=';--"] {
        assert_eq!(world.admin("GET", &format!("/audit?{bad}"), "").await.status, 422, "{bad}");
    }
}

#[tokio::test]
async fn refusals_say_who_was_turned_away_from_what() {
    let world = World::start().await;
    world.ask(Some(&world.viewer), "GET", "/audit", "", &[]).await;
    world.ask(Some(&world.viewer), "GET", "/audit", "", &[]).await;
    world.ask(None, "GET", "/grants/some-secret-name", "", &[]).await;
    let refusals = world.admin("GET", "/refusals", "").await.json();
    let refusals = refusals["items"].as_array().unwrap();
    let known = refusals.iter().find(|line| line["reason"] == "forbidden").unwrap();
    assert_eq!((&known["asked"], &known["count"]), (&"GET /audit".into(), &2.into()));
    assert!(known["member"].as_str().unwrap().starts_with("mem_"));
    let stranger = refusals.iter().find(|line| line["reason"] == "no_api_key").unwrap();
    assert_eq!(stranger["asked"], "GET /grants/{id}");
    assert_eq!(stranger["member"], Value::Null);
}
