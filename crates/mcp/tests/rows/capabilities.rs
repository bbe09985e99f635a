//! What each side is told of the other.

use json::{Limits, Object, Value};
use mcp::capabilities::{self, ClientRequests, Offers};
use mcp::{Version, meta};

fn object(text: &str) -> Object {
    match json::read(text.as_bytes(), Limits::REQUEST) {
        Ok(Value::Object(object)) => object,
        other => panic!("{other:?}"),
    }
}

fn text(object: Object) -> String {
    String::from_utf8(json::write_to_vec(&Value::Object(object))).unwrap()
}

const AGENT: &str = r#"{"roots":{"listChanged":true},"sampling":{"tools":{},"tasks":{"x":1}},"elicitation":{"form":{},"url":{}},"tasks":{"list":{}},"extensions":{"io.modelcontextprotocol/tasks":{}},"experimental":{"a":{}},"vendor":{}}"#;

#[test]
fn an_upstream_learns_of_what_passes_and_the_policy_allows() {
    let all = ClientRequests { sampling: true, elicitation: true, roots: true };
    assert_eq!(
        text(capabilities::of_agent(&object(AGENT), all)),
        r#"{"roots":{"listChanged":true},"sampling":{"tools":{}},"elicitation":{"form":{},"url":{}},"experimental":{"a":{}}}"#
    );
    assert_eq!(
        text(capabilities::of_agent(&object(AGENT), ClientRequests::default())),
        r#"{"experimental":{"a":{}}}"#
    );
    assert_eq!(
        text(capabilities::of_agent(&object(r#"{"sampling":true,"roots":null}"#), all)),
        "{}"
    );
}

#[test]
fn initialize_is_rebuilt_for_the_upstream() {
    let params = format!(
        r#"{{"protocolVersion":"2026-07-28","capabilities":{AGENT},"clientInfo":{{"name":"n","x":1}},"extra":5,"_meta":{{"k":1}}}}"#
    );
    let allowed = ClientRequests { elicitation: true, ..ClientRequests::default() };
    assert_eq!(
        text(capabilities::initialize_params(&object(&params), Version::V2025_06_18, allowed)),
        r#"{"protocolVersion":"2025-06-18","capabilities":{"elicitation":{"form":{},"url":{}},"experimental":{"a":{}}},"clientInfo":{"name":"n","x":1},"_meta":{"k":1}}"#
    );
    assert_eq!(
        text(capabilities::initialize_params(&Object::new(), Version::V2025_11_25, allowed)),
        r#"{"protocolVersion":"2025-11-25","capabilities":{}}"#
    );
}

#[test]
fn the_capabilities_of_a_modern_request_are_cut_down() {
    let mut request =
        object(&format!(r#"{{"a":1,"{}":{AGENT},"b":2}}"#, meta::CLIENT_CAPABILITIES));
    capabilities::restrict_meta(
        &mut request,
        ClientRequests { roots: true, ..ClientRequests::default() },
    );
    assert_eq!(
        text(request),
        r#"{"a":1,"io.modelcontextprotocol/clientCapabilities":{"roots":{"listChanged":true},"experimental":{"a":{}}},"b":2}"#
    );
    let mut odd = object(&format!(r#"{{"{}":5}}"#, meta::CLIENT_CAPABILITIES));
    capabilities::restrict_meta(&mut odd, ClientRequests::default());
    assert_eq!(text(odd), r#"{"io.modelcontextprotocol/clientCapabilities":{}}"#);
}

#[test]
fn an_agent_learns_of_what_the_gateway_passes() {
    let result = br#"{"protocolVersion":"2025-06-18","capabilities":{"tools":{"listChanged":false,"x":1e400},"resources":{"subscribe":true},"logging":{},"tasks":{"requests":{}},"extensions":{"a":{}},"vendor":{},"experimental":{}},"serverInfo":{"name":"s","version":"1"},"instructions":"use delete_account","extra":[-0]}"#;
    let kept = capabilities::initialize_answer(result, true).unwrap();
    assert_eq!(
        String::from_utf8(kept.result).unwrap(),
        r#"{"protocolVersion":"2025-06-18","capabilities":{"tools":{"listChanged":true,"x":1e400},"resources":{"subscribe":true},"logging":{},"experimental":{}},"serverInfo":{"name":"s","version":"1"},"instructions":"use delete_account","extra":[-0]}"#
    );
    assert_eq!(kept.versions, [Version::V2025_06_18]);
    let offers = Offers {
        tools: true,
        resources: true,
        resource_subscriptions: true,
        logging: true,
        ..Offers::default()
    };
    assert_eq!(kept.offers, offers);
    let dropped = capabilities::initialize_answer(result, false).unwrap();
    assert!(!String::from_utf8(dropped.result).unwrap().contains("delete_account"));
}

#[test]
fn tools_are_not_announced_for_an_upstream_without_any() {
    let result = br#"{"protocolVersion":"2025-11-25","capabilities":{}}"#;
    let introduction = capabilities::initialize_answer(result, true).unwrap();
    assert_eq!(introduction.result, result);
    assert_eq!(introduction.offers, Offers::default());
}

#[test]
fn a_discovery_is_private_and_names_the_versions_of_both_sides() {
    let result = br#"{"resultType":"complete","supportedVersions":["2027-01-01","2025-11-25","2026-07-28",5],"capabilities":{"tools":{}},"serverInfo":{"name":"s"},"ttlMs":3600000,"cacheScope":"public"}"#;
    let introduction = capabilities::discover_answer(result, true).unwrap();
    assert_eq!(introduction.versions, [Version::V2026_07_28, Version::V2025_11_25]);
    assert_eq!(
        String::from_utf8(introduction.result).unwrap(),
        r#"{"resultType":"complete","supportedVersions":["2026-07-28","2025-11-25"],"capabilities":{"tools":{"listChanged":true}},"serverInfo":{"name":"s"},"ttlMs":0,"cacheScope":"private"}"#
    );
}

#[test]
fn an_introduction_that_cannot_be_read_is_refused() {
    for result in [
        "",
        "[]",
        "{}",
        r#"{"protocolVersion":"2025-06-18"}"#,
        r#"{"protocolVersion":"2025-06-18","capabilities":[]}"#,
        r#"{"protocolVersion":"2024-11-05","capabilities":{}}"#,
        r#"{"protocolVersion":"2026-07-28","capabilities":{}}"#,
        r#"{"protocolVersion":5,"capabilities":{}}"#,
        r#"{"protocolVersion":"2025-06-18","capabilities":{},"capabilities":{}}"#,
    ] {
        assert!(capabilities::initialize_answer(result.as_bytes(), true).is_err(), "{result}");
    }
    for result in
        ["{}", r#"{"supportedVersions":"x","capabilities":{}}"#, r#"{"supportedVersions":[]}"#]
    {
        assert!(capabilities::discover_answer(result.as_bytes(), true).is_err(), "{result}");
    }
}
