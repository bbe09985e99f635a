//! J: JSON text.

use serde_json::json;
use testkit::{Agent, Era, GrantIn};

use crate::fixture::{self, REFUND};
use crate::table::{Logged, Row, Told, run};

const TEXT: Told = Told::Error(400, -32700);
const ENVELOPE: Told = Told::Error(400, -32600);
const PARAMS: Told = Told::Error(400, -32602);

/// A call of `refund_payment` with these arguments beside the usual ones.
fn refund(id: &'static str, more: &str, told: Told, reason: &'static str) -> Row {
    Row::call(id, "refund_payment", &format!("{{{REFUND},{more}}}"), told, Logged::One(reason))
}

/// A call of `refund_payment` with that text as its amount.
fn amount(id: &'static str, amount: &str, told: Told, reason: &'static str) -> Row {
    let arguments =
        format!(r#"{{"payment":"{{C}}","amount":{amount},"currency":"usd","reason":"damaged"}}"#);
    Row::call(id, "refund_payment", &arguments, told, Logged::One(reason))
}

/// A whole text around a call.
fn text(id: &'static str, before: &[u8], after: &[u8], told: Told, reason: &'static str) -> Row {
    let call = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"refund_payment","arguments":{{{REFUND}}}{{META}}}}}}"#
    );
    let body = [before, call.as_bytes(), after].concat();
    Row::body(id, body, told, Logged::One(reason))
}

/// A call with those bytes inside a string that is an argument, and inside a name of one.
fn inside_strings(id: &'static str, bytes: &[u8], told: &Told, reason: &'static str) -> [Row; 2] {
    let body = |name: &[u8], value: &[u8]| {
        let start = br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"refund_payment","arguments":{"payment":"{C}",""#;
        [start, name, b"\":\"", value, b"\"}{META}}}"].concat()
    };
    [
        Row::body(id, body(b"note", bytes), told.clone(), Logged::One(reason)),
        Row::body(id, body(bytes, b"x"), told.clone(), Logged::One(reason)),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_that_stand_twice_and_names_that_are_not_the_tools() {
    let unlisted = || Told::Denied("/tools/refund_payment/unlisted_args");
    let mut rows = vec![
        Row::body(
            "J01",
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","method":"tools/call","params":{"name":"refund_payment","arguments":{"payment":"{C}"}{META}}}"#,
            ENVELOPE,
            Logged::One("duplicate_key"),
        ),
        Row::body(
            "J01",
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list_invoices"{META}},"params":{"name":"refund_payment","arguments":{"payment":"{C}"}{META}}}"#,
            ENVELOPE,
            Logged::One("duplicate_key"),
        ),
        Row::params(
            "J02",
            &format!(r#""name":"list_invoices","name":"refund_payment","arguments":{{{REFUND}}}"#),
            PARAMS,
            Logged::One("duplicate_key"),
        ),
        Row::params(
            "J02",
            &format!(r#""name":"refund_payment","arguments":{{}},"arguments":{{{REFUND}}}"#),
            PARAMS,
            Logged::One("duplicate_key"),
        ),
        refund("J04", r#""customer":{"b":{"c":1,"c":2}}"#, PARAMS, "duplicate_key"),
        refund("J04", r#""items":[1,{"c":1,"d":0,"c":2}]"#, PARAMS, "duplicate_key"),
        refund("J05", r#""amou\u006et":1000000"#, PARAMS, "duplicate_key"),
        refund("J05", r#""customer":{"\u0061":1,"a":2}"#, PARAMS, "duplicate_key"),
        Row::body(
            "J08",
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"param\u{17f}\":{\"name\":\"refund_payment\",\"arguments\":{\"payment\":\"{C}\"}{META}}}",
            ENVELOPE,
            Logged::One("unknown_member"),
        ),
        Row::body(
            "J08",
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"to\u{212a}en\":\"{C}\",\"method\":\"tools/call\",\"params\":{\"name\":\"refund_payment\"{META}}}",
            ENVELOPE,
            Logged::One("unknown_member"),
        ),
        refund("J09", r#""Amount":1000000"#, PARAMS, "key_collision"),
        refund("J09", r#""customer":{"vip":true,"VIP":false}"#, PARAMS, "key_collision"),
        refund("J09", "\"\u{ff41}mount\":1000000", PARAMS, "key_collision"),
        refund("J09", "\"amo\u{200b}unt\":1000000", PARAMS, "key_collision"),
        Row::call(
            "J10",
            "refund_payment",
            r#"{"payment":"{C}","Amount":1000000,"currency":"usd","reason":"damaged"}"#,
            unlisted(),
            Logged::One("unlisted_args"),
        ),
    ];
    for name in
        ["amo\u{200b}unt", "amount\u{feff}", "\u{202e}amount", "\u{ff41}mount", "\u{430}mount"]
    {
        let arguments = format!(
            r#"{{"payment":"{{C}}","{name}":1000000,"currency":"usd","reason":"damaged goods"}}"#
        );
        let line = Logged::One("unlisted_args");
        rows.push(Row::call("J12", "refund_payment", &arguments, unlisted(), line));
    }
    rows.push(refund("J12", "\"\u{430}mount\":1000000", unlisted(), "unlisted_args"));
    for name in ["__proto__", "constructor", "prototype", "", "toString"] {
        rows.push(refund(
            "J13",
            &format!(r#""{name}":{{"amount":1}}"#),
            unlisted(),
            "unlisted_args",
        ));
    }
    rows.push(refund("J14", r#""amount\u0000x":1"#, PARAMS, "control_char_in_key"));
    rows.push(refund("J14", r#""amount\u000a":1"#, PARAMS, "control_char_in_key"));
    rows.push(refund("J14", r#""amount\u0085":1"#, PARAMS, "control_char_in_key"));
    rows.push(refund("J18", "\"amount\u{fffe}\":1", PARAMS, "noncharacter"));
    rows.push(refund("J18", r#""amount\uffff":1"#, PARAMS, "noncharacter"));
    rows.push(refund("J18", r#""\ud83f\udffe":1"#, PARAMS, "noncharacter"));
    let house = fixture::house().await;
    run(&house, rows).await;

    // J13: nothing is left behind by such names.
    let agent = house.agent("a");
    let answer = agent
        .call(
            &Era::Legacy,
            "refund_payment",
            json!({"payment": "p", "amount": 1, "currency": "usd", "reason": "damaged"}),
        )
        .await;
    assert_eq!(answer.json()["result"]["content"][0]["text"], "done", "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn texts_that_are_not_one_json_value() {
    let mut rows = Vec::new();
    for bytes in [
        &b"\xff"[..],
        b"\xc0\xaf",
        b"\xed\xa0\x80",
        b"\xe2\x82",
        b"\xf4\x90\x80\x80",
        b"\xf0\x82\x82\xac",
    ] {
        rows.extend(inside_strings("J16", bytes, &TEXT, "not_utf8"));
    }
    rows.push(text("J16", b"\xef\xbb\xbf", b"", TEXT, "not_utf8"));
    for escape in
        [r"\ud800", r"\udc00\ud800", r"\udfff", r"\ud800x", r"\ud800\ud800", r"\ud800\u0041"]
    {
        rows.extend(inside_strings("J17", escape.as_bytes(), &TEXT, "lone_surrogate"));
    }
    for bytes in [&b"\x01"[..], b"\n", b"\t", b"\0", b"\x1f"] {
        rows.extend(inside_strings("J37", bytes, &TEXT, "control_character"));
    }
    for number in [
        "01",
        "+1",
        ".5",
        "5.",
        "0x10",
        "1_000",
        "\u{ff11}",
        "-",
        "1e",
        "NaN",
        "Infinity",
        "-Infinity",
    ] {
        rows.push(amount("J29", number, TEXT, "syntax"));
    }
    for after in [&b"x"[..], b"{}", b"\n{}", b"\0", b"[]", b",", b" null"] {
        rows.push(text("J34", b"", after, TEXT, "trailing_data"));
    }
    for before in
        [&b"\x0c"[..], b"\xc2\xa0", b"\xe2\x81\xa0", b"\x0b", b"//x\n", b"/**/", b"\xe2\x80\xa8"]
    {
        rows.push(text("J36", before, b"", TEXT, "syntax"));
    }
    for (body, told, reason) in [
        ("", TEXT, "unexpected_end"),
        (" \r\n\t ", TEXT, "unexpected_end"),
        ("{", TEXT, "unexpected_end"),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"refund"#,
            TEXT,
            "unexpected_end",
        ),
        ("null", ENVELOPE, "not_an_object"),
        ("42", ENVELOPE, "not_an_object"),
        (r#""tools/call""#, ENVELOPE, "not_an_object"),
        ("true", ENVELOPE, "not_an_object"),
        ("{'a':1}", TEXT, "syntax"),
        ("[]", ENVELOPE, "batch"),
    ] {
        rows.push(Row::body("J38", body, told, Logged::One(reason)));
    }
    run(&fixture::house().await, rows).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_that_readers_take_differently() {
    let mut rows = Vec::new();
    for (id, reason, numbers) in [
        ("J20", "number_out_of_range", &["1e400", "-1e400", "1E+9999999999"][..]),
        ("J21", "number_not_exact", &["1e-400", "4.9e-325"]),
        ("J22", "negative_zero", &["-0", "-0.0", "-0e0", "-0E+5"]),
        (
            "J24",
            "number_not_exact",
            &[
                "9007199254740993",
                "-9007199254740993",
                "99999999999999999999999",
                "100.00000000000000001",
                "0.1000000000000000055511151231257827",
                "9007199254740992.5",
            ],
        ),
    ] {
        for number in numbers {
            rows.push(amount(id, number, PARAMS, reason));
        }
    }
    for number in ["1.0", "1e0", "10e-1", "\"1\"", "true"] {
        let arguments = format!(r#"{{"amount":{number}}}"#);
        let told = Told::Denied("/tools/minor_units/require/args.amount-type");
        rows.push(Row::call("J25", "minor_units", &arguments, told, Logged::One("require")));
    }
    for value in ["true", "[100]", r#"{"value":100}"#, "null", "\"100\"", "[]"] {
        let told = Told::Denied("/tools/refund_payment/deny_if/args.amount-gt");
        rows.push(amount("J28", value, told, "deny_if"));
    }
    let digits = "1".repeat(1_000_000);
    rows.push(amount("J32", &digits, PARAMS, "value_too_long"));
    let told = Told::Denied("/tools/refund_payment/deny_if/args.amount-gt");
    rows.push(amount("J32", &format!("\"{digits}\""), told, "deny_if"));
    run(&fixture::house().await, rows).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn texts_that_are_too_deep_or_too_much() {
    let nested = |open: &str, close: &str, depth: usize| {
        format!("{}1{}", open.repeat(depth), close.repeat(depth))
    };
    let call = |value: &str| format!(r#""value":{value}"#);
    let deep = |value: &str| {
        let arguments = format!("{{{}}}", call(value));
        Row::call("J30", "free_form", &arguments, PARAMS, Logged::One("too_deep"))
    };
    let members: Vec<String> = (0..100_001).map(|i| format!(r#""k{i}":{i}"#)).collect();
    let colliding: Vec<String> = (0..1_000).map(|i| format!(r#""{}":1"#, collide(i))).collect();
    let long = format!(r#"{{"value":"{}"}}"#, "x".repeat(5 << 20));
    let too_large = Logged::One("body_too_large");
    let rows = vec![
        // The body, its params and the arguments are three levels already.
        deep(&nested("[", "]", 62)),
        deep(&nested(r#"{"a":"#, "}", 65)),
        deep(&"[".repeat(100_000)),
        deep(&nested("[", "]", 100_000)),
        deep(&r#"{"a":"#.repeat(700_000)),
        Row::call(
            "J30",
            "free_form",
            &format!("{{{}}}", call(&r#"{"a":"#.repeat(1_000_000))),
            Told::Status(413),
            too_large,
        ),
        Row::call(
            "J33",
            "free_form",
            &format!(r#"{{"value":{{{}}}}}"#, members.join(",")),
            PARAMS,
            Logged::One("too_many_members"),
        ),
        Row::call("J33", "free_form", &long, Told::Status(413), too_large),
        Row::call(
            "J33",
            "refund_payment",
            &format!("{{{}}}", colliding.join(",")),
            Told::Denied("/tools/refund_payment/unlisted_args"),
            Logged::One("unlisted_args"),
        ),
    ];
    let house = fixture::house().await;
    run(&house, rows).await;

    // 64 levels in all are fine.
    let agent = house.issue(GrantIn::new("deep")).await;
    let body = Agent::call_text(
        &Era::Legacy,
        "free_form",
        &format!("{{{}}}", call(&nested("[", "]", 61))),
    );
    let answer = agent.ask(&Era::Legacy, body).await;
    assert_eq!(answer.json()["result"]["content"][0]["text"], "done", "{}", answer.text());
}

/// Names that a hash of the form `h * 31 + byte` maps to one value: the same trick in `Aa` and `BB`.
fn collide(number: usize) -> String {
    (0..10).map(|bit| if number >> bit & 1 == 0 { "Aa" } else { "BB" }).collect()
}

/// J06, J26, J40: what is let through reads at the upstream exactly as it was judged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_let_through_is_what_was_judged() {
    let house = fixture::house().await;
    let agent = house.agent("a");
    let session = agent.session().await;
    for era in [Era::Legacy, session, Era::Modern] {
        let meta = Agent::meta(&era);

        // J06: an escaped method is the method, for the decision as for the bytes that leave.
        let allowed = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools\u002fcall","params":{{"name":"\u0061nything","arguments":{{}}{meta}}}}}"#
        );
        let denied = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools\u002fcall","params":{{"name":"w\u0069pe_all"{meta}}}}}"#
        );
        let mark = house.upstream.mark();
        let answer = agent.ask(&era, denied).await;
        assert_eq!(answer.json()["result"]["isError"], true, "J06 {}", answer.text());
        assert_eq!(house.upstream.mark(), mark, "J06");
        let answer = agent.ask(&era, allowed).await;
        assert_eq!(answer.json()["result"]["content"][0]["text"], "done", "J06 {}", answer.text());
        let seen = house.upstream.seen_since(mark);
        let body = String::from_utf8(seen[0].body.clone()).unwrap();
        assert!(
            body.contains(r#""method":"tools/call","params":{"name":"anything""#),
            "J06 {body}"
        );

        // J26: numbers are equal by value, and leave as they were written.
        let mark = house.upstream.mark();
        let body = Agent::call_text(&era, "exactly_one", r#"{ "amount" : 1.0 }"#);
        let answer = agent.ask(&era, body).await;
        assert_eq!(answer.json()["result"]["content"][0]["text"], "done", "J26 {}", answer.text());
        let body = String::from_utf8(house.upstream.seen_since(mark)[0].body.clone()).unwrap();
        assert!(body.contains(r#""arguments":{"amount":1.0}"#), "J26 {body}");
    }

    // J40: the transform files of the JSONTestSuite, as argument values. What passes must hold the
    // very number text, or the very string, that stood in the call.
    for (value, passes) in [
        ("-9223372036854775808", false),
        ("-9223372036854775809", false),
        ("1.0", true),
        ("1.000000000000000005", false),
        ("1000000000000000", true),
        ("10000000000000000999", false),
        ("1E-999", false),
        ("1E6", true),
        ("9223372036854775807", false),
        ("9223372036854775808", false),
        ("{\"\u{e9}\":\"NFC\",\"e\u{301}\":\"NFD\"}", false),
        ("{\"e\u{301}\":\"NFD\",\"\u{e9}\":\"NFC\"}", false),
        (r#"{"a":1,"a":2}"#, false),
        (r#"{"a":1,"a":1}"#, false),
        (r#"{"a":0,"a":-0}"#, false),
        (r#""\uD800""#, false),
        (r#""\uD800\uD800""#, false),
        (r#""\uD800\uD800\uD800""#, false),
        (r#""A\u0000B""#, true),
    ] {
        let mark = house.upstream.mark();
        let arguments = format!(r#"{{"value":{value}}}"#);
        let answer =
            agent.ask(&Era::Legacy, Agent::call_text(&Era::Legacy, "free_form", &arguments)).await;
        let seen = house.upstream.seen_since(mark);
        if passes {
            let body = String::from_utf8(seen[0].body.clone()).unwrap();
            assert!(body.contains(&format!(r#""arguments":{arguments}"#)), "J40 {value}: {body}");
            assert_eq!(answer.status, 200, "J40 {value}");
        } else {
            assert!(seen.is_empty(), "J40 {value} was forwarded");
            assert_eq!(answer.status, 400, "J40 {value}: {}", answer.text());
        }
    }
}
