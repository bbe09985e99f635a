//! Rows R14 to R24: headers against the body.

use mcp::call;
use mcp::headers::{self, Headers};
use mcp::message::{self, Message};
use mcp::tools::ToolDefinition;
use mcp::{Era, Malformed, Version};

/// Header lines as a table writes them.
type Given<'a> = &'a [(&'a str, &'a str)];

struct Lines(Vec<(String, Vec<u8>)>);

impl Headers for Lines {
    fn lines(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_slice()))
    }
}

fn lines(lines: &[(&str, &str)]) -> Lines {
    Lines(lines.iter().map(|(n, v)| ((*n).to_owned(), v.as_bytes().to_vec())).collect())
}

const META: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;

fn modern(method: &str, members: &str) -> Message {
    let comma = if members.is_empty() { "" } else { "," };
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":5,"method":"{method}","params":{{{members}{comma}{META}}}}}"#
    );
    message::read(body.as_bytes()).unwrap()
}

fn plain(body: &str) -> Message {
    message::read(body.as_bytes()).unwrap()
}

fn resolve(headers: &[(&str, &str)], message: &Message) -> Result<(Era, Version), Malformed> {
    headers::resolve(&lines(headers), Some(message))
}

const VERSION: (&str, &str) = ("MCP-Protocol-Version", "2026-07-28");
const CALL: (&str, &str) = ("Mcp-Method", "tools/call");

#[test]
fn the_era_follows_the_table() {
    let list = plain(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#);
    for (header, version) in [
        (None, Version::V2025_03_26),
        (Some("2025-03-26"), Version::V2025_03_26),
        (Some("2025-06-18"), Version::V2025_06_18),
        (Some(" 2025-11-25\t"), Version::V2025_11_25),
    ] {
        let headers: Vec<_> =
            header.map(|value| ("mcp-protocol-version", value)).into_iter().collect();
        assert_eq!(resolve(&headers, &list), Ok((Era::Legacy, version)), "{header:?}");
    }
    let resolved = resolve(&[VERSION, ("Mcp-Method", "tools/list")], &modern("tools/list", ""));
    assert_eq!(resolved, Ok((Era::Modern, Version::V2026_07_28)));
}

#[test]
fn initialize_settles_in_the_body() {
    for (asked, settled) in [
        (r#""2025-06-18""#, Version::V2025_06_18),
        (r#""2026-07-28""#, Version::V2025_11_25),
        (r#""1900-01-01""#, Version::V2025_11_25),
        ("5", Version::V2025_11_25),
    ] {
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"initialize","params":{{"protocolVersion":{asked},"capabilities":{{}}}}}}"#
        );
        assert_eq!(resolve(&[], &plain(&body)), Ok((Era::Legacy, settled)), "{asked}");
    }
}

#[test]
fn r14_a_modern_request_states_its_version_and_capabilities() {
    for params in [
        "{}",
        r#"{"_meta":{}}"#,
        r#"{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}"#,
        r#"{"_meta":{"io.modelcontextprotocol/clientCapabilities":{}}}"#,
        r#"{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":[]}}"#,
        r#"{"_meta":{"io.modelcontextprotocol/protocolVersion":5,"io.modelcontextprotocol/clientCapabilities":{}}}"#,
    ] {
        let body = format!(r#"{{"jsonrpc":"2.0","id":5,"method":"tools/list","params":{params}}}"#);
        let refusal = resolve(&[VERSION, ("Mcp-Method", "tools/list")], &plain(&body)).unwrap_err();
        assert_eq!((refusal.status, refusal.code), (400, -32602), "{params}");
        assert_eq!(refusal.id, Some(mcp::Id::Number(5)));
    }
}

#[test]
fn r15_what_an_agent_says_it_is_changes_nothing() {
    let body = r#"{"jsonrpc":"2.0","id":5,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},"io.modelcontextprotocol/clientInfo":{"name":"admin-console"}}}}"#;
    let resolved = resolve(&[VERSION, ("Mcp-Method", "tools/list")], &plain(body));
    assert_eq!(resolved, Ok((Era::Modern, Version::V2026_07_28)));
}

#[test]
fn r18_r19_the_method_and_the_name_agree_with_the_body() {
    let call = modern("tools/call", r#""name":"refund_payment""#);
    let name = ("Mcp-Name", "refund_payment");
    assert!(resolve(&[VERSION, CALL, name], &call).is_ok());
    assert!(
        resolve(
            &[VERSION, ("MCP-METHOD", " tools/call "), ("mcp-name", "refund_payment \t")],
            &call
        )
        .is_ok()
    );
    let rows: &[(&str, Given<'_>)] = &[
        ("R18", &[VERSION, name]),
        ("R18", &[VERSION, ("Mcp-Method", "tools/list"), name]),
        ("R18", &[VERSION, ("Mcp-Method", "TOOLS/CALL"), name]),
        ("R18", &[VERSION, CALL, CALL, name]),
        ("R18", &[VERSION, ("Mcp-Method", "tools/call, tools/call"), name]),
        ("R19", &[VERSION, CALL]),
        ("R19", &[VERSION, CALL, ("Mcp-Name", "list_invoices")]),
        ("R19", &[VERSION, CALL, ("Mcp-Name", "Refund_payment")]),
        ("R19", &[VERSION, CALL, ("Mcp-Name", "")]),
        ("R19", &[VERSION, CALL, name, name]),
    ];
    for (row, headers) in rows {
        let refusal = resolve(headers, &call).unwrap_err();
        assert_eq!((refusal.status, refusal.code), (400, -32020), "{row} {headers:?}");
        assert!(!refusal.text.contains("refund") && !refusal.text.contains("invoices"), "{row}");
    }
    let read = modern("resources/read", r#""uri":"file:///a b""#);
    let method = ("Mcp-Method", "resources/read");
    assert!(resolve(&[VERSION, method, ("Mcp-Name", "file:///a b")], &read).is_ok());
    assert!(resolve(&[VERSION, method, ("Mcp-Name", "file:///a")], &read).is_err());
}

#[test]
fn r20_sentinels_are_decoded_once_and_exactly() {
    let call = modern("tools/call", r#""name":"refund""#);
    // "refund", "delete", and the sentinel of "refund" once more encoded.
    for (value, agrees) in [
        ("=?base64?cmVmdW5k?=", true),
        ("=?base64?ZGVsZXRl?=", false),
        ("=?base64?cmVmdW5k", false),
        ("cmVmdW5k?=", false),
        ("=?BASE64?cmVmdW5k?=", false),
        ("=?base64?!!!?=", false),
        ("=?base64?cmVmdW5?=", false),
        ("=?base64?cmVmdW5kC?=", false),
        ("=?base64?PT9iYXNlNjQ/Y21WbWRXNWs/PQ==?=", false),
        ("=?base64?//8=?=", false),
        ("=?base64??=", false),
        ("=?base64?=", false),
        ("=?base64? cmVmdW5k?=", false),
    ] {
        let resolved = resolve(&[VERSION, CALL, ("Mcp-Name", value)], &call);
        assert_eq!(resolved.is_ok(), agrees, "{value}");
        assert!(agrees || resolved.is_err_and(|refusal| refusal.code == -32020), "{value}");
    }
    let bytes = Lines(vec![
        (VERSION.0.into(), VERSION.1.into()),
        (CALL.0.into(), CALL.1.into()),
        ("Mcp-Name".into(), b"refund\xff".to_vec()),
    ]);
    assert_eq!(headers::resolve(&bytes, Some(&call)).unwrap_err().code, -32020);
}

#[test]
fn r24_the_version_header_is_one_served_version_that_the_body_repeats() {
    let list = modern("tools/list", "");
    let method = ("Mcp-Method", "tools/list");
    let older = plain(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#);
    let rows: &[(Given<'_>, &Message, i32)] = &[
        (&[method], &list, -32020),
        (&[("MCP-Protocol-Version", "2025-11-25"), method], &list, -32020),
        (&[("MCP-Protocol-Version", "1900-01-01"), method], &list, -32020),
        (&[VERSION, VERSION, method], &list, -32020),
        (&[VERSION, ("mcp-protocol-version", "2025-11-25"), method], &list, -32020),
        (&[("MCP-Protocol-Version", "2026-07-28, 2026-07-28"), method], &list, -32020),
        (
            &[("MCP-Protocol-Version", "2025-11-25"), ("MCP-Protocol-Version", "2025-11-25")],
            &older,
            -32020,
        ),
        (&[("MCP-Protocol-Version", "1900-01-01")], &older, -32022),
        (&[("MCP-Protocol-Version", "2024-11-05")], &older, -32022),
        (&[("MCP-Protocol-Version", "2099-01-01")], &older, -32022),
        (&[("MCP-Protocol-Version", "banana")], &older, -32022),
        (&[("MCP-Protocol-Version", "")], &older, -32022),
        (&[VERSION], &older, -32602),
    ];
    for (headers, message, code) in rows {
        let refusal = resolve(headers, message).unwrap_err();
        assert_eq!((refusal.status, refusal.code), (400, *code), "{headers:?}");
        if *code == -32022 {
            let data = refusal.data.clone().unwrap();
            let supported = data.get("supported").and_then(json::Value::as_array).unwrap();
            assert_eq!(supported.len(), Version::SUPPORTED.len());
        }
    }
    let future = plain(
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2099-01-01","io.modelcontextprotocol/clientCapabilities":{}}}}"#,
    );
    let refusal = resolve(&[("MCP-Protocol-Version", "2099-01-01"), method], &future).unwrap_err();
    assert_eq!(refusal.code, -32022);
    assert_eq!(
        refusal.data.unwrap().get("requested").and_then(json::Value::as_str),
        Some("2099-01-01")
    );
}

#[test]
fn an_unsupported_version_is_repeated_only_if_it_looks_like_one() {
    for requested in ["<script>alert(1)</script>", "a\r\nb", &"x".repeat(100)] {
        let refusal = Malformed::unsupported_version(requested, Version::SUPPORTED);
        let told = String::from_utf8(refusal.reply()).unwrap();
        assert!(!told.contains(requested), "{told}");
    }
}

#[test]
fn r08_no_response_is_posted_in_the_modern_era() {
    let response = plain(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#);
    assert_eq!(resolve(&[VERSION], &response).unwrap_err().code, -32600);
    assert!(resolve(&[("MCP-Protocol-Version", "2025-11-25")], &response).is_ok());
}

#[test]
fn methods_that_ended_with_the_legacy_era_reach_the_method_check() {
    for method in ["resources/subscribe", "tasks/get", "initialize", "skills/list", "ping"] {
        let message = modern(method, "");
        assert!(resolve(&[VERSION, ("Mcp-Method", method)], &message).is_ok(), "{method}");
        assert!(!message.method().unwrap().known_in(Era::Modern), "{method}");
    }
}

fn tool() -> ToolDefinition {
    ToolDefinition::read(
        br#"{"name":"refund","inputSchema":{"type":"object","properties":{
            "amount":{"type":"integer","x-mcp-header":"Amount"},
            "region":{"type":"string","x-mcp-header":"Region"},
            "dry":{"type":"boolean","x-mcp-header":"Dry"},
            "to":{"type":"object","properties":{"id":{"type":"string","x-mcp-header":"To"}}},
            "note":{"type":"string"}}}}"#,
    )
    .unwrap()
}

fn params(headers: &[(&str, &str)], arguments: &str) -> Result<(), Malformed> {
    let message = modern("tools/call", &format!(r#""name":"refund","arguments":{arguments}"#));
    let Message::Request(request) = message else { panic!("no request") };
    let call = call::tools_call(request.params, Era::Modern).unwrap();
    headers::check_params(&lines(headers), &call, &tool().header_params)
}

#[test]
fn r22_r23_param_headers_repeat_the_arguments() {
    let agreeing: &[(Given<'_>, &str)] = &[
        (&[], "{}"),
        (&[], r#"{"note":"x"}"#),
        (&[], r#"{"amount":null}"#),
        (&[("Mcp-Param-Amount", "100")], r#"{"amount":100}"#),
        (&[("mcp-param-AMOUNT", "100.0")], r#"{"amount":100}"#),
        (&[("Mcp-Param-Amount", "1e2")], r#"{"amount":100}"#),
        (&[("Mcp-Param-Amount", "100")], r#"{"amount":100.0}"#),
        (&[("Mcp-Param-Amount", "-5")], r#"{"amount":-5}"#),
        (&[("Mcp-Param-Region", "eu west")], r#"{"region":"eu west"}"#),
        (&[("Mcp-Param-Region", "=?base64?w6k=?=")], r#"{"region":"é"}"#),
        (&[("Mcp-Param-Dry", "true")], r#"{"dry":true}"#),
        (&[("Mcp-Param-To", "a")], r#"{"to":{"id":"a"}}"#),
        (&[("Mcp-Param-Region", "")], r#"{"region":""}"#),
    ];
    for (headers, arguments) in agreeing {
        assert_eq!(params(headers, arguments), Ok(()), "{headers:?} {arguments}");
    }
    let disagreeing: &[(&str, Given<'_>, &str)] = &[
        ("R22", &[("Mcp-Param-Amount", "1")], r#"{"amount":1000000}"#),
        ("R22", &[], r#"{"amount":1}"#),
        ("R22", &[("Mcp-Param-Amount", "1")], "{}"),
        ("R22", &[("Mcp-Param-Amount", "1")], r#"{"amount":null}"#),
        ("R22", &[("Mcp-Param-Amount", "")], r#"{"amount":1}"#),
        ("R22", &[("Mcp-Param-Amount", "01")], r#"{"amount":1}"#),
        ("R22", &[("Mcp-Param-Amount", "+1")], r#"{"amount":1}"#),
        ("R22", &[("Mcp-Param-Amount", "\"1\"")], r#"{"amount":1}"#),
        ("R22", &[("Mcp-Param-Amount", "=?base64?IDE=?=")], r#"{"amount":1}"#),
        ("R22", &[("Mcp-Param-Amount", "1")], r#"{"amount":"1"}"#),
        ("R22", &[("Mcp-Param-Amount", "1.5")], r#"{"amount":1.5}"#),
        ("R22", &[], r#"{"amount":[1]}"#),
        ("R22", &[("Mcp-Param-Region", "EU")], r#"{"region":"eu"}"#),
        ("R22", &[("Mcp-Param-Dry", "True")], r#"{"dry":true}"#),
        ("R22", &[("Mcp-Param-Dry", "1")], r#"{"dry":true}"#),
        ("R22", &[], r#"{"to":{"id":"a"}}"#),
        ("R22", &[("Mcp-Param-Amount", "1"), ("mcp-param-amount", "1")], r#"{"amount":1}"#),
        ("R23", &[("Mcp-Param-Note", "x")], r#"{"note":"x"}"#),
        ("R23", &[("Mcp-Param-", "x")], "{}"),
        ("R23", &[("Mcp-Param-Token", "csg1")], "{}"),
    ];
    for (row, headers, arguments) in disagreeing {
        let refusal = params(headers, arguments).unwrap_err();
        assert_eq!((refusal.status, refusal.code), (400, -32020), "{row} {headers:?} {arguments}");
        assert!(!refusal.text.contains("csg1"));
    }
}

#[test]
fn an_upstream_gets_headers_made_from_the_body() {
    let message = modern(
        "tools/call",
        r#""name":"refund","arguments":{"amount":1e2,"region":" é","dry":false,"to":{"id":"=?base64?x?="},"note":"n"}"#,
    );
    let Message::Request(request) = message else { panic!("no request") };
    let call = call::tools_call(request.params, Era::Modern).unwrap();
    let declared = tool().header_params;
    let made = headers::upstream_call_headers(Version::V2026_07_28, &call, &declared);
    let expected = [
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/call"),
        ("mcp-name", "refund"),
        ("mcp-param-amount", "100"),
        ("mcp-param-region", "=?base64?IMOp?="),
        ("mcp-param-dry", "false"),
        ("mcp-param-to", "=?base64?PT9iYXNlNjQ/eD89?="),
    ];
    let found: Vec<_> = made.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(found, expected);
    // What is sent would be accepted by the same rules.
    assert_eq!(headers::check_params(&lines(&found), &call, &declared), Ok(()));

    let Message::Request(read) = modern("resources/read", r#""uri":"file:///é""#) else {
        panic!()
    };
    let made = headers::upstream_headers(Version::V2026_07_28, &read);
    assert_eq!(made.last().map(|(_, value)| value.as_str()), Some("=?base64?ZmlsZTovLy/DqQ==?="));
}
