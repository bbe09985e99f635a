//! No bytes make a reader panic, and what one reader takes it takes again once written.

use mcp::lists::ListKind;
use mcp::message::{self, Id, Message};
use mcp::sse::Decoder;
use mcp::{Era, answer, call, capabilities, lists, tools};
use proptest::prelude::*;

/// Every reader of a stranger's bytes, over the same bytes.
fn read_everything(bytes: &[u8]) {
    if let Ok(message) = message::read(bytes) {
        let written = message.to_bytes();
        assert_eq!(message::read(&written).as_ref(), Ok(&message));
        if let Message::Request(request) = message {
            for era in [Era::Legacy, Era::Modern] {
                let _ = call::target(&request, era);
                if let Ok(call) = call::tools_call(request.params.clone(), era) {
                    let written = call.to_bytes(&request.id);
                    let Ok(Message::Request(again)) = message::read(&written) else {
                        panic!("a call did not read back")
                    };
                    let again = call::tools_call(again.params, era).expect("a call reads back");
                    assert_eq!(call::Call { task_stripped: false, ..call }, again);
                }
            }
        }
    }
    let id = Id::Number(1);
    if let Ok(found) = answer::scan(bytes, &id) {
        let again = found.with_id(bytes, &Id::from("other"));
        assert!(answer::scan(&again, &Id::from("other")).is_ok());
    }
    let _ = answer::incoming(bytes);
    let _ = tools::read_list(bytes);
    let _ = tools::ToolDefinition::read(bytes);
    let _ = tools::difference(bytes, bytes);
    for kind in [ListKind::Tools, ListKind::Resources, ListKind::Templates, ListKind::Prompts] {
        if let Ok(filtered) =
            lists::filter(kind, bytes, Era::Modern, |_| true, |c| Some(c.to_owned()))
        {
            let none = lists::filter(kind, &filtered, Era::Modern, |_| false, |_| None);
            assert!(none.is_ok(), "a filtered list reads back");
        }
    }
    let _ = lists::private(bytes, Era::Modern);
    let _ = capabilities::initialize_answer(bytes, true);
    let _ = capabilities::discover_answer(bytes, false);
    let mut items = Vec::new();
    let _ = Decoder::new(64).push(bytes, &mut items);
}

/// Texts that are nearly messages: pieces of them in any order, with some bytes exchanged.
fn nearly_a_message() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\",
        "\\u00e9",
        "\\ud83d\\ude00",
        "null",
        "true",
        "1",
        "-0",
        "1e5",
        "\"jsonrpc\":\"2.0\"",
        "\"id\":1",
        "\"id\":\"1\"",
        "\"method\":\"tools/call\"",
        "\"method\":\"tools/list\"",
        "\"params\":{",
        "\"name\":\"t\"",
        "\"arguments\":{",
        "\"_meta\":{",
        "\"result\":{",
        "\"error\":{\"code\":1,\"message\":\"m\"}",
        "\"tools\":[",
        "\"inputSchema\":{",
        "\"properties\":{",
        "\"$ref\":\"#\"",
        "\"x-mcp-header\":\"A\"",
        "\"type\":\"string\"",
        "\"isError\":true",
        "\"requestState\":\"s\"",
        "\"resultType\":\"input_required\"",
        "\"capabilities\":{",
        "\"nextCursor\":\"c\"",
        "data: ",
        "\n",
        "\r\n",
        "id: 1\n",
        "é",
        "\u{feff}",
    ]);
    (
        prop::collection::vec(pieces, 0..24),
        prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
    )
        .prop_map(|(pieces, changes)| {
            let mut bytes = pieces.concat().into_bytes();
            for (index, byte) in changes {
                if !bytes.is_empty() {
                    let at = index.index(bytes.len());
                    bytes[at] = byte;
                }
            }
            bytes
        })
}

/// Sound messages with anything in them, cut or changed in one place.
fn hurt_message() -> impl Strategy<Value = Vec<u8>> {
    let seeds = prop::sample::select(vec![
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":{"a":[1.5,"\u00e9"],"b":{"c":null}},"_meta":{"progressToken":1}}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"x"}],"isError":false}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{"resultType":"input_required","requestState":"s","inputRequests":{"k":{"method":"roots/list"}}}}"#,
        r#"{"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"a":{"type":"string","x-mcp-header":"A"}}}}],"nextCursor":"c"}"#,
        r#"{"protocolVersion":"2025-11-25","supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"serverInfo":{}}"#,
        "id: 1\nevent: message\ndata: {}\n\n: c\r\ndata: a\r\rretry: 5\n\n",
    ]);
    (seeds, any::<prop::sample::Index>(), any::<u8>(), 0..3_u8).prop_map(
        |(seed, index, byte, how)| {
            let mut bytes = seed.as_bytes().to_vec();
            let at = index.index(bytes.len());
            match how {
                0 => bytes.truncate(at),
                1 => bytes[at] = byte,
                _ => bytes.insert(at, byte),
            }
            bytes
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        read_everything(&bytes);
    }

    #[test]
    fn bytes_that_are_nearly_a_message(bytes in nearly_a_message()) {
        read_everything(&bytes);
    }

    #[test]
    fn messages_that_are_hurt(bytes in hurt_message()) {
        read_everything(&bytes);
    }
}
