//! The ledger as the witness of what happened: exact, complete, and undisturbed by being read.

use payments::{Amount, Options};
use serde_json::{Value, json};

use crate::client::{Headers, KEY, initialize, legacy, modern, send, server, server_with};

fn refund(amount: &str, currency: &str) -> String {
    format!(
        r#""name":"refund_payment","arguments":{{"payment":"pi_1001","amount":{amount},"currency":"{currency}","reason":"late"}}"#
    )
}

#[tokio::test]
async fn amounts_add_up_exactly_in_both_eras() {
    let server = server().await;
    let (session, _) = initialize(server.addr, "2025-11-25").await;
    modern(server.addr, "tools/call", &refund("0.1", "USD")).await;
    legacy(server.addr, &session, "tools/call", &format!("{{{}}}", refund("0.2", "USD"))).await;
    modern(server.addr, "tools/call", &refund("1e2", "EUR")).await;
    modern(server.addr, "tools/call", &refund("999999999999.999999", "EUR")).await;
    modern(server.addr, "tools/call", &refund("0.0000001", "USD")).await;

    let ledger = server.ledger();
    assert_eq!(ledger.amount("refund_payment", "usd").to_string(), "0.3");
    assert_eq!(ledger.amount("refund_payment", "eur").to_string(), "1000000000099.999999");
    assert_eq!(ledger.amount("refund_payment", "GBP"), Amount::ZERO);
    assert_eq!((ledger.calls("refund_payment"), ledger.tool_calls), (4, 5));
}

#[tokio::test]
async fn every_tool_that_is_carried_out_leaves_its_line() {
    let server = server().await;
    for call in [
        r#""name":"list_invoices""#,
        r#""name":"list_invoices","arguments":{"customer":"cus_1003"}"#,
        r#""name":"get_invoice","arguments":{"invoice":"in_1003"}"#,
        r#""name":"create_charge","arguments":{"customer":"cus_1003","amount":250,"currency":"USD","description":"helmets"}"#,
        r#""name":"refund_payment","arguments":{"payment":"pi_new_000001","amount":50.25,"currency":"USD","reason":"dent"}"#,
        r#""name":"create_payout","arguments":{"destination":"ba_1001","amount":1000,"currency":"CHF"}"#,
        r#""name":"delete_customer","arguments":{"customer":"cus_1003"}"#,
        // From here on nothing is carried out.
        r#""name":"delete_customer","arguments":{"customer":"cus_1003"}"#,
        r#""name":"create_charge","arguments":{"customer":"cus_1003","amount":1,"currency":"USD"}"#,
        r#""name":"refund_payment","arguments":{"payment":"pi_new_000002","amount":1,"currency":"USD","reason":"x"}"#,
    ] {
        assert_eq!(modern(server.addr, "tools/call", call).await.status, 200, "{call}");
    }

    let answer = send(server.addr, "GET", "/ledger", &[], "").await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")));
    let ledger = answer.json();
    assert_eq!((&ledger["tool_calls"], &ledger["executed"]), (&json!(10), &json!(7)));
    assert_eq!(ledger["totals"]["create_charge"], json!({"calls": 1, "amounts": {"usd": "250"}}));
    assert_eq!(ledger["totals"]["delete_customer"], json!({"calls": 1, "amounts": {}}));
    let lines: Vec<_> = ledger["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| {
            format!("{} {} {} {} {}", e["seq"], e["tool"], e["target"], e["amount"], e["currency"])
                .replace('"', "")
        })
        .collect();
    assert_eq!(
        lines,
        [
            "1 list_invoices null null null",
            "2 list_invoices cus_1003 null null",
            "3 get_invoice in_1003 null null",
            "4 create_charge cus_1003 250 usd",
            "5 refund_payment pi_new_000001 50.25 usd",
            "6 create_payout ba_1001 1000 chf",
            "7 delete_customer cus_1003 null null",
        ]
    );
    assert!(ledger["entries"][0]["at"].as_str().unwrap().ends_with('Z'));
}

#[tokio::test]
async fn reading_the_ledger_changes_nothing_but_the_connections() {
    let server = server().await;
    modern(server.addr, "tools/list", "").await;
    let read = || async { send(server.addr, "GET", "/ledger", &[], "").await.json() };
    let (first, second): (Value, Value) = (read().await, read().await);
    assert_eq!((&first["http_requests"], &second["http_requests"]), (&json!(1), &json!(1)));
    assert_eq!((&first["connections"], &second["connections"]), (&json!(2), &json!(3)));
    assert_eq!(second["tool_calls"], 0);
}

#[tokio::test]
async fn the_ledger_is_for_this_machine_or_for_who_has_the_key() {
    let server = server().await;
    let bearer = format!("Bearer {KEY}");
    let cases: [(&str, Headers<'_>, u16); 6] = [
        ("GET", &[("host", "localhost:1")], 200),
        ("GET", &[("host", "rebound.example")], 401),
        ("GET", &[("host", "rebound.example"), ("authorization", &bearer)], 200),
        ("GET", &[("origin", "http://evil.example")], 403),
        ("GET", &[("origin", "http://localhost:5173")], 200),
        ("POST", &[], 405),
    ];
    for (method, headers, status) in cases {
        let answer = send(server.addr, method, "/ledger", headers, "").await;
        assert_eq!(answer.status, status, "{method} {headers:?}");
    }
}

#[tokio::test]
async fn only_the_newest_entries_are_kept_and_totals_count_all() {
    let server = server_with(Options { ledger_entries_max: 3, ..Options::default() }).await;
    for _ in 0..5 {
        modern(server.addr, "tools/call", &refund("2.5", "USD")).await;
    }
    let ledger = server.ledger();
    assert_eq!(ledger.entries.iter().map(|e| e.seq).collect::<Vec<_>>(), [3, 4, 5]);
    assert_eq!(ledger.amount("refund_payment", "usd").to_string(), "12.5");
}

#[tokio::test]
async fn calls_at_the_same_time_are_all_counted() {
    let server = server().await;
    let calls = (0..64).map(|_| {
        let addr = server.addr;
        tokio::spawn(async move { modern(addr, "tools/call", &refund("0.01", "USD")).await.json() })
    });
    let mut ids = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        let answer = call.await.unwrap();
        ids.push(answer["result"]["structuredContent"]["id"].as_str().unwrap().to_owned());
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 64);
    let ledger = server.ledger();
    assert_eq!(
        (ledger.calls("refund_payment"), ledger.amount("refund_payment", "usd").to_string()),
        (64, "0.64".to_owned())
    );
}
