//! Rows J and R as far as one message tells: what is read, what is refused, and how.

use mcp::message::{self, Id, Message};
use mcp::{Malformed, Method};

fn refused(row: &str, body: impl AsRef<[u8]>) -> Malformed {
    match message::read(body.as_ref()) {
        Err(refusal) => refusal,
        Ok(message) => panic!("{row}: read as {message:?}"),
    }
}

/// A tool call with those arguments.
fn call(arguments: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"t","arguments":{arguments}}}}}"#
    )
}

#[test]
fn texts_that_are_not_json_are_a_parse_error() {
    let rows: &[(&str, &[u8], &str)] = &[
        ("J16", b"\xff", "not_utf8"),
        ("J16", b"{\"jsonrpc\":\"2.0\",\"id\":\"\xc0\xaf\",\"method\":\"ping\"}", "not_utf8"),
        ("J16", b"{\"jsonrpc\":\"2.0\",\"id\":\"\xed\xa0\x80\",\"method\":\"ping\"}", "not_utf8"),
        ("J16", b"{\"jsonrpc\":\"2.0\",\"id\":\"\xe2\x82\"}", "not_utf8"),
        ("J16", b"\xef\xbb\xbf{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}", "not_utf8"),
        ("J16", b"\xff\xfe{\x00}\x00", "not_utf8"),
        ("J17", br#"{"jsonrpc":"2.0","id":"\ud800","method":"ping"}"#, "lone_surrogate"),
        ("J17", br#"{"jsonrpc":"2.0","id":"\udc00\ud800","method":"ping"}"#, "lone_surrogate"),
        (
            "J17",
            br#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"\udfff":1}}"#,
            "lone_surrogate",
        ),
        ("J29", br#"{"jsonrpc":"2.0","id":01,"method":"ping"}"#, "syntax"),
        ("J34", br#"{"jsonrpc":"2.0","id":1,"method":"ping"}x"#, "trailing_data"),
        ("J34", br#"{"jsonrpc":"2.0","id":1,"method":"ping"}{}"#, "trailing_data"),
        ("J34", b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n{}", "trailing_data"),
        ("J34", b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\0", "trailing_data"),
        ("J36", b"\x0c{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}", "syntax"),
        ("J36", "\u{a0}{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}".as_bytes(), "syntax"),
        ("J36", "{\u{2060}\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}".as_bytes(), "syntax"),
        ("J37", b"{\"jsonrpc\":\"2.0\",\"id\":\"\x01\",\"method\":\"ping\"}", "control_character"),
        ("J37", b"{\"jsonrpc\":\"2.0\",\"id\":\"a\nb\",\"method\":\"ping\"}", "control_character"),
        ("J38", b"", "unexpected_end"),
        ("J38", b" \r\n\t ", "unexpected_end"),
        ("J38", b"{", "unexpected_end"),
        ("J38", b"nul", "unexpected_end"),
        ("J38", b"nope", "syntax"),
    ];
    for (row, body, reason) in rows {
        let refusal = refused(row, body);
        let told = (refusal.status, refusal.code, refusal.reason, refusal.id);
        assert_eq!(
            told,
            (400, -32700, *reason, None),
            "{row} {:?}",
            body.escape_ascii().to_string()
        );
    }
    for number in
        ["01", "+1", ".5", "5.", "0x10", "1_000", "\u{ff11}", "-", "1e", "1e+", "--1", "NaN"]
    {
        assert_eq!(
            refused("J29", call(&format!(r#"{{"amount":{number}}}"#))).code,
            -32700,
            "{number}"
        );
    }
}

#[test]
fn envelopes_that_are_not_one_message_are_an_invalid_request() {
    let rows: &[(&str, &str, &str)] = &[
        (
            "J01",
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","method":"tools/call"}"#,
            "duplicate_key",
        ),
        (
            "J01",
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{},"params":{}}"#,
            "duplicate_key",
        ),
        ("J01", r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#, "duplicate_key"),
        (
            "J05",
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","m\u0065thod":"tools/call"}"#,
            "duplicate_key",
        ),
        (
            "J08",
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"param\u{17f}\":{}}",
            "unknown_member",
        ),
        (
            "J08",
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"to\u{212a}en\":1}",
            "unknown_member",
        ),
        (
            "J08",
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":{},\"param\u{17f}\":{}}",
            "key_collision",
        ),
        (
            "J08",
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","Method":"tools/call"}"#,
            "key_collision",
        ),
        ("J14", r#"{"jsonrpc":"2.0","id":1,"method":"ping","id\u0000":2}"#, "control_char_in_key"),
        ("J38", "null", "not_an_object"),
        ("J38", "42", "not_an_object"),
        ("J38", r#""tools/call""#, "not_an_object"),
        ("J38", "true", "not_an_object"),
        ("J38", "{}", "bad_jsonrpc"),
        ("R02", r#"{"id":1,"method":"ping"}"#, "bad_jsonrpc"),
        ("R02", r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, "bad_jsonrpc"),
        ("R02", r#"{"jsonrpc":2.0,"id":1,"method":"ping"}"#, "bad_jsonrpc"),
        ("R02", r#"{"jsonrpc":"2.0 ","id":1,"method":"ping"}"#, "bad_jsonrpc"),
        ("R02", r#"{"jsonrpc":null,"id":1,"method":"ping"}"#, "bad_jsonrpc"),
        ("R03", r#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"t"}}"#, "missing_id"),
        ("R03", r#"{"jsonrpc":"2.0","method":"initialize","params":{}}"#, "missing_id"),
        (
            "R03",
            r#"{"jsonrpc":"2.0","id":1,"method":"notifications/initialized"}"#,
            "unexpected_id",
        ),
        ("R07", r#"{"jsonrpc":"2.0","id":1,"method":5}"#, "bad_method"),
        ("R07", r#"{"jsonrpc":"2.0","id":1,"method":null}"#, "bad_method"),
        ("R07", r#"{"jsonrpc":"2.0","id":1,"method":["tools/call"]}"#, "bad_method"),
        ("R07", r#"{"jsonrpc":"2.0","id":1}"#, "bad_method"),
        ("R07", r#"{"jsonrpc":"2.0","id":1,"params":{}}"#, "bad_method"),
        ("R08", r#"{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}"#, "mixed_message"),
        (
            "R08",
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","error":{"code":1,"message":""}}"#,
            "mixed_message",
        ),
        (
            "R08",
            r#"{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":""}}"#,
            "mixed_message",
        ),
        ("R08", r#"{"jsonrpc":"2.0","id":1,"result":{},"params":{}}"#, "mixed_message"),
        ("R08", r#"{"jsonrpc":"2.0","id":1,"result":[]}"#, "bad_response"),
        ("R08", r#"{"jsonrpc":"2.0","id":1,"result":null}"#, "bad_response"),
        ("R08", r#"{"jsonrpc":"2.0","id":1,"error":{"code":1.5,"message":""}}"#, "bad_response"),
        ("R08", r#"{"jsonrpc":"2.0","id":1,"error":{"code":1}}"#, "bad_response"),
        ("R08", r#"{"jsonrpc":"2.0","id":1,"error":"x"}"#, "bad_response"),
        ("R08", r#"{"jsonrpc":"2.0","result":{}}"#, "missing_id"),
        ("R12", r#"{"jsonrpc":"2.0","id":1,"method":"ping","session":"x"}"#, "unknown_member"),
        ("R12", r#"{"jsonrpc":"2.0","id":1,"method":"ping","":1}"#, "unknown_member"),
        ("batch", "[]", "batch"),
        ("batch", r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, "batch"),
        ("batch", r#" [ {"jsonrpc":"2.0","id":1,"method":"ping"} , 1 ] "#, "batch"),
    ];
    for (row, body, reason) in rows {
        let refusal = refused(row, body);
        assert_eq!(
            (refusal.status, refusal.code, refusal.reason),
            (400, -32600, *reason),
            "{row} {body}"
        );
    }
}

#[test]
fn r04_ids_that_are_no_ids_are_refused_and_not_repeated() {
    let long = format!("\"{}\"", "x".repeat(300));
    for id in
        ["null", "1.5", "1.0", "1e0", "true", "{}", "[]", "100000000000000000000", "-0", &long]
    {
        let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/list"}}"#);
        let refusal = refused("R04", &body);
        assert_eq!((refusal.status, refusal.code), (400, -32600), "{id}");
        assert_eq!(refusal.id, None, "{id}");
        assert!(!refusal.text.contains("xxxx"), "{id}");
    }
    for (id, read) in [
        ("0", Id::Number(0)),
        ("-7", Id::Number(-7)),
        ("9007199254740991", Id::Number(9_007_199_254_740_991)),
        (r#""""#, Id::from("")),
        (r#""1""#, Id::from("1")),
        (r#""\u0061\n""#, Id::from("a\n")),
    ] {
        let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/list"}}"#);
        assert_eq!(message::read(body.as_bytes()).unwrap().id(), Some(&read), "{id}");
    }
}

#[test]
fn what_is_wrong_inside_params_is_invalid_params() {
    let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let rows: &[(&str, String, &str)] = &[
        (
            "J02",
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","name":"b"}}"#.into(),
            "duplicate_key",
        ),
        ("J04", call(r#"{"a":{"b":1,"b":2}}"#), "duplicate_key"),
        ("J04", call(r#"{"list":[{"x":1},{"y":1,"y":1}]}"#), "duplicate_key"),
        ("J05", call(r#"{"amount":1,"amou\u006et":1000000}"#), "duplicate_key"),
        ("J09", call(r#"{"amount":1,"Amount":1000000}"#), "key_collision"),
        ("J12", call("{\"amount\":1,\"amo\u{200b}unt\":1000000}"), "key_collision"),
        ("J12", call("{\"amount\":1,\"\u{ff41}mount\":1000000}"), "key_collision"),
        ("J12", call(r#"{"amount":1,"\u202eamount":1000000}"#), "key_collision"),
        ("J14", call(r#"{"amount\u0000x":1}"#), "control_char_in_key"),
        ("J18", call(r#"{"a\ufffe":1}"#), "noncharacter"),
        ("J18", call(r#"{"a\uffff":1}"#), "noncharacter"),
        ("J18", call("{\"a\":\"\u{fdd0}\"}"), "noncharacter"),
        ("J20", call(r#"{"amount":1e400}"#), "number_out_of_range"),
        ("J20", call(r#"{"amount":-1e400}"#), "number_out_of_range"),
        ("J20", call(r#"{"amount":1E+9999999999}"#), "number_out_of_range"),
        ("J21", call(r#"{"amount":1e-400}"#), "number_not_exact"),
        ("J22", call(r#"{"amount":-0}"#), "negative_zero"),
        ("J22", call(r#"{"amount":-0.0}"#), "negative_zero"),
        ("J22", call(r#"{"amount":-0e0}"#), "negative_zero"),
        ("J24", call(r#"{"amount":100.00000000000000001}"#), "number_not_exact"),
        ("J24", call(r#"{"amount":9007199254740993}"#), "number_not_exact"),
        ("J30", call(&deep(63)), "too_deep"),
        ("J30", call(&deep(100_000)), "too_deep"),
        ("J30", "[".repeat(100_000), "too_deep"),
        ("J30", r#"{"a":"#.repeat(1_000_000), "too_deep"),
        ("J33", call(&format!("[{}0]", "0,".repeat(100_000))), "too_many_members"),
        ("J33", call(&format!("{{\"{}\":1}}", "k".repeat(2_000))), "name_too_long"),
        (
            "bad params",
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":[1]}"#.into(),
            "bad_params",
        ),
        (
            "bad params",
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":null}"#.into(),
            "bad_params",
        ),
        (
            "R12",
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","approved":true}}"#.into(),
            "unknown_member",
        ),
        (
            "R12",
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments2":{}}}"#.into(),
            "unknown_member",
        ),
        (
            "R12",
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"Cursor":"x"}}"#.into(),
            "unknown_member",
        ),
        (
            "R12",
            r#"{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"a:b","uris":[]}}"#.into(),
            "unknown_member",
        ),
        (
            "R12",
            r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"RequestId":1}}"#.into(),
            "unknown_member",
        ),
        (
            "meta",
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":[]}}"#.into(),
            "bad_meta",
        ),
    ];
    for (row, body, reason) in rows {
        let refusal = refused(row, body);
        let shown = body.get(..200).unwrap_or(body);
        assert_eq!(
            (refusal.status, refusal.code, refusal.reason),
            (400, -32602, *reason),
            "{row} {shown}"
        );
    }
}

#[test]
fn j30_sixty_four_levels_pass_and_one_more_does_not() {
    let inside =
        |levels: usize| call(&format!("{}1{}", r#"{"a":"#.repeat(levels), "}".repeat(levels)));
    assert!(message::read(inside(62).as_bytes()).is_ok());
    assert_eq!(refused("J30", inside(63)).reason, "too_deep");
}

#[test]
fn j33_names_made_to_be_slow_are_refused_or_read_quickly() {
    let names = |count: usize, name: &dyn Fn(usize) -> String| {
        let members: Vec<_> = (0..count).map(|n| format!("\"{}\":1", name(n))).collect();
        call(&format!("{{{}}}", members.join(",")))
    };
    // U+FDFA becomes 18 characters when it is normalised.
    for body in [
        names(1_000, &|n| format!("k{n}")),
        names(9_000, &|n| format!("k{n}")),
        names(5_000, &|n| format!("é{n}")),
        names(24, &|n| format!("{}{n}", "\u{fdfa}".repeat(50_000))),
        names(4_000, &|n| format!("{}{n}", "\u{fdfa}".repeat(300))),
        names(24, &|n| format!("{}{n}", "a".repeat(170_000))),
    ] {
        let started = std::time::Instant::now();
        if let Err(refusal) = message::read(body.as_bytes()) {
            assert_eq!(refusal.reason, "name_too_long");
        }
        // An unoptimised build on a busy machine; quadratic work would take minutes.
        assert!(started.elapsed().as_secs() < 5, "{} bytes", body.len());
    }
}

#[test]
fn the_id_is_told_where_it_is_beyond_doubt() {
    for (body, id) in [
        (
            r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"arguments":{"a":1e400}}}"#,
            Some(7),
        ),
        (
            r#"{"method":"tools/call","params":{"arguments":{"a":1e400}},"jsonrpc":"2.0","id":7}"#,
            Some(7),
        ),
        (
            r#"{"method":"tools/call","params":{"arguments":{"a":1,"A":1}},"jsonrpc":"2.0","id":7}"#,
            Some(7),
        ),
        (r#"{"jsonrpc":"2.0","id":7,"method":"ping","extra":1}"#, Some(7)),
        (r#"{"jsonrpc":"2.0","id":7,"id":8,"method":"ping"}"#, None),
        (r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"a":1,"a":2}}"#, None),
        (r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"a":1e400},"x":}"#, None),
        (r#"{"jsonrpc":"2.0","id":7,"ID":8,"method":"ping"}"#, None),
        (r#"{"jsonrpc":"2.0","id":7.5,"method":"tools/call","params":{"a":1e400}}"#, None),
    ] {
        assert_eq!(refused("id", body).id, id.map(Id::Number), "{body}");
    }
}

#[test]
fn a_refusal_holds_neither_a_value_nor_a_name_of_the_agent() {
    let canary = "SECRETcanary";
    for body in [
        call(&format!(r#"{{"{canary}":1,"{canary}":2}}"#)),
        call(&format!(r#"{{"a":{{"{canary}":{{"{canary}":1e400}}}}}}"#)),
        call(&format!(r#"{{"a":"{canary}\ud800"}}"#)),
        call(&format!(r#"{{"{canary}":1,"{canary}\u200b":2}}"#)),
        format!(r#"{{"jsonrpc":"2.0","id":["{canary}"],"method":"ping"}}"#),
        format!(r#"{{"jsonrpc":"{canary}","id":1,"method":"ping"}}"#),
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","{canary}":"{canary}"}}"#),
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{{"{canary}":1}}}}"#),
        canary.to_owned(),
    ] {
        let refusal = refused("canary", &body);
        let told = String::from_utf8(refusal.reply()).unwrap();
        assert!(!told.contains("SECRET") && !refusal.to_string().contains("SECRET"), "{told}");
    }
    let told = refused("place", call(r#"{"a":{"b":1,"b":2}}"#)).text;
    assert!(told.contains("/params/arguments/…") && told.contains("at byte"), "{told}");
}

#[test]
fn k05_a_message_prints_nothing_of_its_content() {
    for body in [
        r#"{"jsonrpc":"2.0","id":"SECRET","method":"tools/call","params":{"name":"SECRET","arguments":{"SECRET":"SECRET"}}}"#,
        r#"{"jsonrpc":"2.0","method":"SECRET","params":{"SECRET":"SECRET"}}"#,
        r#"{"jsonrpc":"2.0","id":"SECRET","result":{"SECRET":1}}"#,
        r#"{"jsonrpc":"2.0","id":"SECRET","error":{"code":1,"message":"SECRET"}}"#,
    ] {
        let message = message::read(body.as_bytes()).unwrap();
        assert!(!format!("{message:?}").contains("SECRET"), "{message:?}");
        if let Message::Request(request) = message {
            let call = mcp::call::tools_call(request.params, mcp::Era::Legacy).unwrap();
            assert!(!format!("{call:?}").contains("SECRET"), "{call:?}");
        }
    }
}

#[test]
fn j06_an_escaped_method_is_the_method_and_is_forwarded_plain() {
    let body = br#"{"jsonrpc":"2.0","id":1,"method":"tools\u002fcall","params":{"n\u0061me":"t"}}"#;
    let Ok(Message::Request(request)) = message::read(body) else { panic!("J06") };
    assert_eq!(request.method, Method::ToolsCall);
    let forwarded = request.to_bytes();
    let plain = br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}}"#;
    assert_eq!(forwarded, plain);
}

#[test]
fn r06_r07_methods_that_nobody_knows_are_read_as_such() {
    for name in
        ["Tools/Call", "tools/call ", "tools//call", "TOOLS/CALL", "skills/list", "tools/call\u{0}"]
    {
        let mut body = br#"{"jsonrpc":"2.0","id":1,"method":"#.to_vec();
        json::write_string(name, &mut body);
        body.extend_from_slice(br#","params":{"whatever":1}}"#);
        let Ok(Message::Request(request)) = message::read(&body) else { panic!("{name}") };
        assert_eq!(request.method, Method::Unknown(name.to_owned()));
    }
}

#[test]
fn messages_are_written_as_they_were_read() {
    for (body, forwarded) in [
        (
            r#" { "id" : "a" , "params" : { "b" : 1.0 , "a" : [ 1e2 , "\u00e9\/" ] } , "method" : "x/y" , "jsonrpc" : "2.0" } "#,
            r#"{"jsonrpc":"2.0","id":"a","method":"x/y","params":{"b":1.0,"a":[1e2,"é/"]}}"#,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}"#,
        ),
        (
            r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
            r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
        ),
        (
            r#"{"result":{"a":1},"id":"gw-1","jsonrpc":"2.0"}"#,
            r#"{"jsonrpc":"2.0","id":"gw-1","result":{"a":1}}"#,
        ),
        (
            r#"{"jsonrpc":"2.0","id":3,"error":{"message":"no","code":-1,"data":[null]}}"#,
            r#"{"jsonrpc":"2.0","id":3,"error":{"message":"no","code":-1,"data":[null]}}"#,
        ),
    ] {
        let message = message::read(body.as_bytes()).unwrap();
        let written = message.to_bytes();
        assert_eq!(String::from_utf8(written.clone()).unwrap(), forwarded);
        assert_eq!(message::read(&written), Ok(message));
    }
}
