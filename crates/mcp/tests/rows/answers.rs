//! Rows X about single answers, and what is replaced in them.

use mcp::answer::{self, BadAnswer, Class, Incoming};
use mcp::lists::ListKind;
use mcp::message::Id;
use mcp::{Era, Method};

fn scan(body: &str) -> Result<answer::Answer, BadAnswer> {
    answer::scan(body.as_bytes(), &Id::Number(7))
}

#[test]
fn the_class_says_what_became_of_the_call() {
    for (body, class) in [
        (r#"{"jsonrpc":"2.0","id":7,"result":{"content":[]}}"#, Class::Completed),
        (r#"{"jsonrpc":"2.0","id":7,"result":{}}"#, Class::Completed),
        (r#"{"jsonrpc":"2.0","id":7,"result":{"content":[],"isError":false}}"#, Class::Completed),
        (r#"{"jsonrpc":"2.0","id":7,"result":{"content":[],"isError":true}}"#, Class::ToolFailed),
        (
            r#"{"jsonrpc":"2.0","id":7,"result":{"resultType":"complete","isError":true}}"#,
            Class::ToolFailed,
        ),
        (
            r#"{"jsonrpc":"2.0","id":7,"result":{"structuredContent":{"isError":true}}}"#,
            Class::Completed,
        ),
        (
            r#"{"jsonrpc":"2.0","id":7,"result":{"resultType":"input_required","requestState":"s"}}"#,
            Class::InputRequired,
        ),
        (
            r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32602,"message":"no"}}"#,
            Class::RpcError { code: -32602 },
        ),
        (
            r#"{"jsonrpc":"2.0","id":7,"error":{"code":99999999999,"message":"no","data":{}}}"#,
            Class::RpcError { code: 99_999_999_999 },
        ),
        (
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"no"}}"#,
            Class::RpcError { code: -32700 },
        ),
        (
            r#"{"jsonrpc":"2.0","error":{"code":-32000,"message":"no"}}"#,
            Class::RpcError { code: -32000 },
        ),
        // An upstream that keeps numbers as floats means the same id.
        (r#"{"jsonrpc":"2.0","id":7.0,"result":{}}"#, Class::Completed),
    ] {
        assert_eq!(scan(body).map(|answer| answer.class), Ok(class), "{body}");
    }
}

#[test]
fn numbers_that_only_pass_may_be_any_the_grammar_allows() {
    let body = r#"{"jsonrpc":"2.0","id":7,"result":{"structuredContent":{"n":[1e400,18446744073709551616,-0,0.1000000000000000055]}}}"#;
    assert_eq!(scan(body).unwrap().class, Class::Completed);
}

#[test]
fn answers_that_mean_two_things_or_none_are_refused() {
    let deep = format!(
        r#"{{"jsonrpc":"2.0","id":7,"result":{{"a":{}1{}}}}}"#,
        "[".repeat(10_000),
        "]".repeat(10_000)
    );
    let rows: &[(&str, &str, &str)] = &[
        ("X07", r#"{"jsonrpc":"2.0","id":8,"result":{}}"#, "foreign_id"),
        ("X07", r#"{"jsonrpc":"2.0","id":"7","result":{}}"#, "foreign_id"),
        ("X07", r#"{"jsonrpc":"2.0","id":8,"error":{"code":1,"message":""}}"#, "foreign_id"),
        ("X07", r#"{"jsonrpc":"2.0","id":null,"result":{}}"#, "bad_id"),
        ("X07", r#"{"jsonrpc":"2.0","result":{}}"#, "bad_id"),
        ("X07", r#"{"jsonrpc":"2.0","id":[7],"result":{}}"#, "bad_id"),
        (
            "X07",
            r#"{"jsonrpc":"2.0","id":7,"result":{}}{"jsonrpc":"2.0","id":7,"result":{}}"#,
            "trailing_data",
        ),
        ("X07", r#"[{"jsonrpc":"2.0","id":7,"result":{}}]"#, "not_an_object"),
        (
            "X08",
            r#"{"jsonrpc":"2.0","id":7,"result":{},"error":{"code":1,"message":""}}"#,
            "both_result_and_error",
        ),
        ("X08", r#"{"jsonrpc":"2.0","id":7,"result":{},"error":null}"#, "bad_error"),
        (
            "X08",
            r#"{"jsonrpc":"2.0","id":7,"result":{"content":[],"content":[]}}"#,
            "duplicate_key",
        ),
        (
            "X08",
            r#"{"jsonrpc":"2.0","id":7,"result":{"isError":true,"is\u0045rror":false}}"#,
            "duplicate_key",
        ),
        ("X08", r#"{"jsonrpc":"2.0","id":7,"id":7,"result":{}}"#, "duplicate_key"),
        ("X08", r#"{"jsonrpc":"2.0","id":7,"result":{"a":"\ud800"}}"#, "lone_surrogate"),
        ("X08", &deep, "too_deep"),
        ("X08", r#"{"jsonrpc":"2.0","id":7,"result":{}"#, "unexpected_end"),
        ("X08", r#"{"jsonrpc":"2.0","id":7,"result":{"isError":"true"}}"#, "bad_result"),
        ("X08", r#"{"jsonrpc":"2.0","id":7,"result":{"isError":1}}"#, "bad_result"),
        ("X08", r#"{"jsonrpc":"2.0","id":7,"result":{"resultType":5}}"#, "bad_result"),
        (
            "X08",
            r#"{"jsonrpc":"2.0","id":7,"result":{"resultType":"later"}}"#,
            "unknown_result_type",
        ),
        ("X08", r#"{"jsonrpc":"2.0","id":7,"result":[]}"#, "bad_result"),
        ("X08", r#"{"jsonrpc":"2.0","id":7,"result":null}"#, "bad_result"),
        ("X08", r#"{"jsonrpc":"2.0","id":7,"result":{},"Result":{}}"#, "unknown_member"),
        ("X08", r#"{"jsonrpc":"1.0","id":7,"result":{}}"#, "bad_jsonrpc"),
        ("X08", r#"{"id":7,"result":{}}"#, "bad_jsonrpc"),
        ("X08", r#"{"jsonrpc":"2.0","id":7,"error":{"code":"x","message":""}}"#, "bad_error"),
        ("X08", r#"{"jsonrpc":"2.0","id":7,"error":{"code":1}}"#, "bad_error"),
        ("X08", r#"{"jsonrpc":"2.0","id":7,"error":"no"}"#, "bad_error"),
        ("X08", r#"{"jsonrpc":"2.0","id":7}"#, "not_a_message"),
        ("X08", r#"{"jsonrpc":"2.0","id":7,"method":"ping","result":{}}"#, "mixed_message"),
        (
            "R34",
            r#"{"jsonrpc":"2.0","id":7,"method":"sampling/createMessage","params":{}}"#,
            "not_a_response",
        ),
        (
            "tasks",
            r#"{"jsonrpc":"2.0","id":7,"result":{"task":{"taskId":"x"}}}"#,
            "unexpected_task",
        ),
        (
            "tasks",
            r#"{"jsonrpc":"2.0","id":7,"result":{"resultType":"task","taskId":"x"}}"#,
            "unexpected_task",
        ),
        (
            "legs",
            r#"{"jsonrpc":"2.0","id":7,"result":{"resultType":"input_required"}}"#,
            "bad_input_requests",
        ),
        (
            "legs",
            r#"{"jsonrpc":"2.0","id":7,"result":{"resultType":"input_required","inputRequests":[]}}"#,
            "bad_input_requests",
        ),
        (
            "legs",
            r#"{"jsonrpc":"2.0","id":7,"result":{"resultType":"input_required","inputRequests":{"k":{"params":{}}}}}"#,
            "bad_input_requests",
        ),
    ];
    for (row, body, reason) in rows {
        let shown = body.get(..120).unwrap_or(body);
        assert_eq!(scan(body).map_err(|bad| bad.reason), Err(*reason), "{row} {shown}");
    }
    let invalid = b"{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{\"a\":\"\xff\"}}";
    assert_eq!(answer::scan(invalid, &Id::Number(7)).unwrap_err().reason, "not_utf8");
}

#[test]
fn x19_what_an_upstream_asks_of_the_agent_is_named() {
    let body = r#"{"jsonrpc":"2.0","id":7,"result":{"resultType":"input_required","requestState":"a\"b","inputRequests":{
        "k":{"method":"elicitation/create","params":{"mode":"url","url":"https://x"}},"l":{"method":"sampling/createMessage"},"m":{"method":"x/y"}}}}"#;
    let answer = scan(body).unwrap();
    let asked =
        [Method::ElicitationCreate, Method::SamplingCreateMessage, Method::Unknown("x/y".into())];
    assert_eq!(answer.input_requests, asked);
    assert_eq!(answer.request_state.as_deref(), Some("a\"b"));
    let many: Vec<_> = (0..100).map(|n| format!(r#""k{n}":{{"method":"roots/list"}}"#)).collect();
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":7,"result":{{"resultType":"input_required","inputRequests":{{{}}}}}}}"#,
        many.join(",")
    );
    assert_eq!(scan(&body).unwrap_err().reason, "bad_input_requests");
}

#[test]
fn ids_and_states_are_replaced_and_nothing_else_is_touched() {
    let body = "{ \"result\" : {\"n\": 1.0e2, \"requestState\" : \"s\\u0061\" ,\"resultType\":\"input_required\",\"t\":\"\\/\"} , \"id\":7 ,\"jsonrpc\":\"2.0\"}";
    let answer = scan(body).unwrap();
    let rewritten = answer.rewritten(body.as_bytes(), &Id::from("agent"), Some("w\"1"), None);
    assert_eq!(
        String::from_utf8(rewritten).unwrap(),
        "{ \"result\" : {\"n\": 1.0e2, \"requestState\" : \"w\\\"1\" ,\"resultType\":\"input_required\",\"t\":\"\\/\"} , \"id\":\"agent\" ,\"jsonrpc\":\"2.0\"}"
    );
    let rewritten = answer.rewritten(body.as_bytes(), &Id::Number(1), None, Some(b"{}"));
    assert_eq!(
        String::from_utf8(rewritten).unwrap(),
        "{ \"result\" : {} , \"id\":1 ,\"jsonrpc\":\"2.0\"}"
    );
}

#[test]
fn an_error_without_an_id_gets_the_agents() {
    for (body, expected) in [
        (
            r#" {"jsonrpc":"2.0","error":{"code":-1,"message":"{"}}"#,
            r#" {"id":3,"jsonrpc":"2.0","error":{"code":-1,"message":"{"}}"#,
        ),
        (
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-1,"message":""}}"#,
            r#"{"jsonrpc":"2.0","id":3,"error":{"code":-1,"message":""}}"#,
        ),
    ] {
        let answer = scan(body).unwrap();
        let rewritten = answer.with_id(body.as_bytes(), &Id::Number(3));
        assert_eq!(String::from_utf8(rewritten).unwrap(), expected);
    }
}

#[test]
fn edits_that_cannot_be_made_leave_nothing() {
    let edit = |ranges: &[(usize, usize)]| {
        let mut edits: Vec<_> = ranges.iter().map(|(a, b)| (*a..*b, b"x".to_vec())).collect();
        answer::splice(b"0123456789", &mut edits)
    };
    assert_eq!(edit(&[]), b"0123456789");
    assert_eq!(edit(&[(8, 10), (0, 1), (3, 3)]), b"x12x34567x");
    assert_eq!(edit(&[(0, 5), (4, 6)]), b"");
    assert_eq!(edit(&[(5, 11)]), b"");
    assert_eq!(edit(&[(11, 11)]), b"");
    assert_eq!(edit(&[(6, 5)]), b"");
}

#[test]
fn lists_are_found_in_whatever_answer_they_stand() {
    let body =
        r#"{"jsonrpc":"2.0","id":7,"result":{"tools":[],"resourceTemplates":5,"prompts":null}}"#;
    assert_eq!(
        scan(body).unwrap().lists,
        [ListKind::Tools, ListKind::Templates, ListKind::Prompts]
    );
}

#[test]
fn notifications_and_requests_are_told_apart_with_what_they_refer_to() {
    let body = r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"a","progress":0.5,"_meta":{"io.modelcontextprotocol/subscriptionId":3}}}"#;
    let Ok(Incoming::Notification { method, refers, params_span }) =
        answer::incoming(body.as_bytes())
    else {
        panic!("not a notification")
    };
    assert_eq!(method, Method::Progress);
    let (token, span) = refers.progress_token.unwrap();
    assert_eq!((token, body.get(span)), (Id::from("a"), Some(r#""a""#)));
    assert_eq!(refers.progress_span.and_then(|span| body.get(span)), Some("0.5"));
    assert_eq!(refers.subscription.map(|(id, _)| id), Some(Id::Number(3)));
    assert!(params_span.and_then(|span| body.get(span)).is_some_and(|s| s.ends_with("3}}")));

    let body = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":4}}"#;
    let Ok(Incoming::Notification { refers, .. }) = answer::incoming(body.as_bytes()) else {
        panic!()
    };
    assert_eq!(refers.request_id.map(|(id, _)| id), Some(Id::Number(4)));

    let body =
        r#"{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"a:b"}}"#;
    let Ok(Incoming::Notification { refers, .. }) = answer::incoming(body.as_bytes()) else {
        panic!()
    };
    assert_eq!(refers.uri.map(|(uri, _)| uri).as_deref(), Some("a:b"));

    let body = r#"{"jsonrpc":"2.0","id":"u","method":"roots/list"}"#;
    let Ok(Incoming::Request { id, id_span, method, params_span }) =
        answer::incoming(body.as_bytes())
    else {
        panic!("not a request")
    };
    assert_eq!((id, method, params_span), (Id::from("u"), Method::RootsList, None));
    assert_eq!(body.get(id_span), Some(r#""u""#));
    assert!(Method::RootsList.upstream_may_send(Era::Legacy));

    for body in [
        r#"{"jsonrpc":"2.0","method":5}"#,
        r#"{"jsonrpc":"2.0","id":null,"method":"roots/list"}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/progress","params":[]}"#,
        r#"{"jsonrpc":"2.0","params":{}}"#,
        "[]",
        "5",
    ] {
        assert!(answer::incoming(body.as_bytes()).is_err(), "{body}");
    }
}
