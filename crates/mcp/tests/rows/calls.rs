//! Rows T and R about what a call names and carries.

use mcp::call::{self, Target};
use mcp::message::{self, Id, Message, Request};
use mcp::{Era, Malformed};

fn request(method: &str, params: &str) -> Request {
    let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#);
    match message::read(body.as_bytes()) {
        Ok(Message::Request(request)) => request,
        other => panic!("{body}: {other:?}"),
    }
}

fn called(params: &str, era: Era) -> Result<call::Call, Malformed> {
    call::tools_call(request("tools/call", params).params, era)
}

#[test]
fn names_outside_the_grammar_are_refused() {
    let long = "x".repeat(129);
    for (row, name) in [
        ("T02", " refund"),
        ("T02", "refund "),
        ("T02", "refund\\t"),
        ("T02", "re\\nfund"),
        ("T02", "refund\u{a0}"),
        ("T04", ""),
        ("T04", &long),
        ("T05", "*"),
        ("T05", "refund_*"),
        ("T06", "%72efund"),
        ("T06", "refund/../list"),
        ("T06", "refund/./list"),
        ("T06", "../refund"),
        ("T06", "refund//list"),
        ("T06", "/refund"),
        ("T06", "refund/"),
        ("T06", ".."),
        ("T06", "."),
        ("T06", "refund;x"),
        ("T06", "refund?x"),
        ("T06", "refund\\u0000"),
        ("T06", "r\u{435}fund"),
    ] {
        for era in [Era::Legacy, Era::Modern] {
            let refusal = called(&format!(r#"{{"name":"{name}"}}"#), era).unwrap_err();
            assert_eq!((refusal.code, refusal.reason), (-32602, "bad_tool_name"), "{row} {name:?}");
            assert!(
                name.is_empty() || !refusal.text.contains(name) || name.len() < 4,
                "{row} {name:?}"
            );
        }
    }
    for params in [r#"{"name":5}"#, r#"{"name":null}"#, r#"{"name":["t"]}"#, r#"{"name":{}}"#, "{}"]
    {
        assert_eq!(
            called(params, Era::Modern).unwrap_err().reason,
            "bad_tool_name",
            "T04 {params}"
        );
    }
    assert_eq!(call::tools_call(None, Era::Modern).unwrap_err().reason, "bad_params");
}

#[test]
fn names_within_the_grammar_are_kept_to_the_letter() {
    let longest = "x".repeat(128);
    for name in [
        "t",
        "Refund_Payment",
        "admin.tools.list",
        "get-user",
        "fs/read",
        "a..b",
        "...",
        "_",
        &longest,
    ] {
        assert_eq!(called(&format!(r#"{{"name":"{name}"}}"#), Era::Modern).unwrap().name, name);
    }
    assert_eq!(called(r#"{"name":"\u0064elete"}"#, Era::Legacy).unwrap().name, "delete");
}

#[test]
fn r10_r11_arguments_are_an_object_or_missing() {
    for arguments in ["null", "[]", "[1]", "\"x\"", "5", "true"] {
        let refusal =
            called(&format!(r#"{{"name":"t","arguments":{arguments}}}"#), Era::Modern).unwrap_err();
        assert_eq!(
            (refusal.status, refusal.code, refusal.reason),
            (400, -32602, "bad_arguments"),
            "{arguments}"
        );
    }
    let missing = called(r#"{"name":"t"}"#, Era::Modern).unwrap();
    let empty = called(r#"{"name":"t","arguments":{}}"#, Era::Modern).unwrap();
    assert_eq!(missing.arguments, None);
    assert!(empty.arguments.as_ref().unwrap().is_empty());
    let id = Id::Number(9);
    assert_eq!(
        missing.to_bytes(&id),
        br#"{"jsonrpc":"2.0","id":9,"method":"tools/call","params":{"name":"t"}}"#
    );
    assert_eq!(
        empty.to_bytes(&id),
        br#"{"jsonrpc":"2.0","id":9,"method":"tools/call","params":{"name":"t","arguments":{}}}"#
    );
}

#[test]
fn r12_members_of_the_other_era_are_unknown() {
    for (params, legacy, modern) in [
        (r#"{"name":"t","inputResponses":{}}"#, false, true),
        (r#"{"name":"t","requestState":"x"}"#, false, true),
        (r#"{"name":"t","task":{"ttl":1}}"#, true, false),
        (r#"{"name":"t","_meta":{}}"#, true, true),
    ] {
        for (era, allowed) in [(Era::Legacy, legacy), (Era::Modern, modern)] {
            let outcome = called(params, era).map_err(|refusal| refusal.reason);
            assert_eq!(outcome.is_ok(), allowed, "{params} {era:?}");
            assert!(allowed || outcome.err() == Some("unknown_member"), "{params}");
        }
    }
}

#[test]
fn a_legacy_task_is_taken_out() {
    let call =
        called(r#"{"name":"t","task":{"ttl":60000},"arguments":{"a":1}}"#, Era::Legacy).unwrap();
    assert!(call.task_stripped);
    let forwarded = String::from_utf8(call.to_bytes(&Id::Number(1))).unwrap();
    assert!(!forwarded.contains("task\""), "{forwarded}");
}

#[test]
fn r16_progress_tokens_are_bounded() {
    let long = format!("\"{}\"", "x".repeat(10_000));
    for token in [long.as_str(), "{}", "[]", "null", "true", "1.5"] {
        let params = format!(r#"{{"name":"t","_meta":{{"progressToken":{token}}}}}"#);
        assert_eq!(called(&params, Era::Legacy).unwrap_err().reason, "bad_progress_token");
    }
    let mut call =
        called(r#"{"name":"t","_meta":{"a":1,"progressToken":7,"b":2}}"#, Era::Legacy).unwrap();
    assert_eq!(call.progress_token, Some(Id::Number(7)));
    call.set_progress_token(Some(Id::from("gw-1")));
    let forwarded = String::from_utf8(call.to_bytes(&Id::Number(1))).unwrap();
    assert!(forwarded.contains(r#""_meta":{"a":1,"progressToken":"gw-1","b":2}"#), "{forwarded}");
    call.set_progress_token(None);
    assert!(!String::from_utf8(call.to_bytes(&Id::Number(1))).unwrap().contains("progressToken"));
}

#[test]
fn the_parts_of_a_continued_call_are_read_and_written() {
    let params = r#"{"requestState":"s","inputResponses":{"k":{"action":"accept"}},"name":"t","arguments":{"a":[1.50]}}"#;
    let call = called(params, Era::Modern).unwrap();
    assert!(call.is_continuation());
    assert_eq!(call.request_state.as_deref(), Some("s"));
    assert_eq!(
        String::from_utf8(call.to_bytes(&Id::from("x"))).unwrap(),
        r#"{"jsonrpc":"2.0","id":"x","method":"tools/call","params":{"name":"t","arguments":{"a":[1.50]},"inputResponses":{"k":{"action":"accept"}},"requestState":"s"}}"#
    );
    for params in [
        r#"{"name":"t","inputResponses":5}"#,
        r#"{"name":"t","inputResponses":null}"#,
        r#"{"name":"t","requestState":5}"#,
        r#"{"name":"t","requestState":null}"#,
    ] {
        assert_eq!(called(params, Era::Modern).unwrap_err().code, -32602, "{params}");
    }
}

#[test]
fn t14_what_other_requests_name_is_read_or_refused() {
    for (method, params, target) in [
        ("resources/read", r#"{"uri":"file:///a"}"#, Some(Target::Resource("file:///a".into()))),
        (
            "resources/subscribe",
            r#"{"uri":"file:///a"}"#,
            Some(Target::Resource("file:///a".into())),
        ),
        ("resources/read", "{}", None),
        ("resources/read", r#"{"uri":5}"#, None),
        ("resources/read", r#"{"uri":""}"#, None),
        ("prompts/get", r#"{"name":"p","arguments":{"a":"b"}}"#, Some(Target::Prompt("p".into()))),
        ("prompts/get", r#"{"name":"p","arguments":[]}"#, None),
        ("prompts/get", r#"{"name":["p"]}"#, None),
        ("tools/list", "{}", Some(Target::Page { cursor: None })),
        ("tools/list", r#"{"cursor":""}"#, Some(Target::Page { cursor: Some(String::new()) })),
        ("prompts/list", r#"{"cursor":"c"}"#, Some(Target::Page { cursor: Some("c".into()) })),
        ("tools/list", r#"{"cursor":5}"#, None),
        ("tools/list", r#"{"cursor":null}"#, None),
        (
            "completion/complete",
            r#"{"ref":{"type":"ref/prompt","name":"p"},"argument":{"name":"a","value":""}}"#,
            Some(Target::CompletePrompt("p".into())),
        ),
        (
            "completion/complete",
            r#"{"ref":{"type":"ref/resource","uri":"a:{b}"},"argument":{"name":"a","value":""}}"#,
            Some(Target::CompleteResource("a:{b}".into())),
        ),
        ("completion/complete", r#"{"ref":{"type":"ref/prompt","name":"p","uri":"a:b"}}"#, None),
        ("completion/complete", r#"{"ref":{"type":"ref/tool","name":"p"}}"#, None),
        ("completion/complete", r#"{"argument":{}}"#, None),
        ("server/discover", "{}", Some(Target::Nothing)),
    ] {
        let found = call::target(&request(method, params), Era::Modern);
        assert_eq!(found.clone().ok(), target, "{method} {params}");
        assert!(found.is_ok() || found.is_err_and(|refusal| refusal.code == -32602));
    }
}
