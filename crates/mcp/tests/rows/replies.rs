//! Our own answers, to the byte.

use json::{Object, Value};
use mcp::message::Id;
use mcp::{Era, Method, Version, reply};

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

#[test]
fn t10_the_answer_for_a_hidden_tool_depends_on_nothing_but_its_name() {
    assert_eq!(
        text(reply::unknown_tool(&Id::Number(1), "delete_account")),
        r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"Unknown tool: delete_account"}}"#
    );
}

#[test]
fn a_denial_is_a_result_and_carries_its_decision() {
    let mut decision = Object::new();
    decision.insert("rule", "/tools/t/deny_if/0");
    let denied = |era| {
        let decision = Value::Object(decision.clone());
        text(reply::tool_denied(&Id::from("a"), era, "[POLICY DENIED] \"no\"", decision))
    };
    let body = r#""content":[{"type":"text","text":"[POLICY DENIED] \"no\""}],"isError":true,"_meta":{"dev.countersign/decision":{"rule":"/tools/t/deny_if/0"}}"#;
    assert_eq!(denied(Era::Legacy), format!(r#"{{"jsonrpc":"2.0","id":"a","result":{{{body}}}}}"#));
    assert_eq!(
        denied(Era::Modern),
        format!(r#"{{"jsonrpc":"2.0","id":"a","result":{{{body},"resultType":"complete"}}}}"#)
    );
}

#[test]
fn errors_name_the_id_or_null() {
    assert_eq!(
        text(reply::error(None, -32700, "no\n", None)),
        r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"no\n"}}"#
    );
    assert_eq!(
        text(reply::error(Some(&Id::Number(0)), 50301, "no", Some(&Value::from(true)))),
        r#"{"jsonrpc":"2.0","id":0,"error":{"code":50301,"message":"no","data":true}}"#
    );
    assert_eq!(
        text(reply::unknown_method(&Id::Number(2))),
        r#"{"jsonrpc":"2.0","id":2,"error":{"code":-32601,"message":"Method not found"}}"#
    );
}

#[test]
fn results_are_marked_complete_in_the_modern_era_alone() {
    let id = Id::Number(1);
    assert_eq!(text(reply::empty(&id, Era::Legacy)), r#"{"jsonrpc":"2.0","id":1,"result":{}}"#);
    assert_eq!(
        text(reply::empty(&id, Era::Modern)),
        r#"{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete"}}"#
    );
    assert_eq!(
        text(reply::empty_list(&id, Era::Modern, "tools")),
        r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[],"ttlMs":0,"cacheScope":"private","resultType":"complete"}}"#
    );
    assert_eq!(
        text(reply::empty_list(&id, Era::Legacy, "prompts")),
        r#"{"jsonrpc":"2.0","id":1,"result":{"prompts":[]}}"#
    );
}

#[test]
fn introductions_of_our_own_follow_their_era() {
    let id = Id::Number(1);
    assert_eq!(
        text(reply::initialize(&id, Version::V2025_11_25, Object::new(), Object::new(), Some("i"))),
        r#"{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{},"instructions":"i"}}"#
    );
    assert_eq!(
        text(reply::discover(&id, &[Version::V2026_07_28], Object::new(), Object::new(), None)),
        r#"{"jsonrpc":"2.0","id":1,"result":{"supportedVersions":["2026-07-28"],"capabilities":{},"serverInfo":{},"ttlMs":0,"cacheScope":"private","resultType":"complete"}}"#
    );
}

#[test]
fn a_changed_list_is_announced_with_its_subscription() {
    assert_eq!(
        text(reply::list_changed(Method::ToolsListChanged, None)),
        r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#
    );
    assert_eq!(
        text(reply::list_changed(Method::ToolsListChanged, Some(&Id::Number(4)))),
        r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":4}}}"#
    );
}
