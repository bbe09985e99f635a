//! Rows T, R and X about tool definitions.

use mcp::tools::{self, Page, ToolDefinition};

fn read(list: &str) -> Page {
    tools::read_list(format!(r#"{{"tools":[{list}]}}"#).as_bytes()).unwrap()
}

fn why(definition: &str) -> &'static str {
    match ToolDefinition::read(definition.as_bytes()) {
        Err(withheld) => withheld.why,
        Ok(definition) => panic!("not withheld: {definition:?}"),
    }
}

/// A definition with that input schema.
fn with(schema: &str) -> String {
    format!(r#"{{"name":"t","inputSchema":{schema}}}"#)
}

fn names(page: &Page) -> Vec<&str> {
    page.definitions.iter().map(|definition| definition.name.as_str()).collect()
}

#[test]
fn t08_a_name_that_stands_twice_is_withheld_twice() {
    let page = read(
        r#"{"name":"a","inputSchema":{}},{"name":"b","inputSchema":{}},{"name":"\u0061","inputSchema":{"type":"object"}}"#,
    );
    assert_eq!(names(&page), ["b"]);
    let ambiguous: Vec<_> = page.withheld.iter().map(|w| (w.name.as_deref(), w.why)).collect();
    assert_eq!(ambiguous, [(Some("a"), "ambiguous_tool"), (Some("a"), "ambiguous_tool")]);
}

#[test]
fn t08_a_name_that_stands_on_two_pages_is_withheld_on_both() {
    let mut page = read(r#"{"name":"a","inputSchema":{}},{"name":"b","inputSchema":{}}"#);
    page.append(read(r#"{"name":"c","inputSchema":{}},{"name":"a","inputSchema":{}}"#));
    assert_eq!(names(&page), ["b", "c"]);
    page.append(read(r#"{"name":"a","inputSchema":{}}"#));
    assert_eq!(names(&page), ["b", "c"]);
    // A broken namesake does not make the other one good.
    let page = read(r#"{"name":"a","inputSchema":{}},{"name":"a","inputSchema":5}"#);
    assert!(page.definitions.is_empty());
}

#[test]
fn t09_names_of_ours_and_names_that_cannot_be_called_are_withheld() {
    for (name, reason) in [
        ("countersign", "reserved_name"),
        ("countersign_status", "reserved_name"),
        ("Countersign.x", "reserved_name"),
        ("*", "bad_tool_name"),
        ("a b", "bad_tool_name"),
        ("", "bad_tool_name"),
        ("a/../b", "bad_tool_name"),
        ("t\u{e9}", "bad_tool_name"),
    ] {
        let found = why(&format!(r#"{{"name":"{name}","inputSchema":{{}}}}"#));
        assert_eq!(found, reason, "{name:?}");
    }
}

#[test]
fn t12_a_list_that_cannot_be_read_is_refused_whole() {
    for result in [
        "",
        "[]",
        "null",
        "{}",
        r#"{"tools":null}"#,
        r#"{"tools":{}}"#,
        r#"{"Tools":[]}"#,
        r#"{"tools":[5]}"#,
        r#"{"tools":[{}]}"#,
        r#"{"tools":[{"inputSchema":{}}]}"#,
        r#"{"tools":[{"name":5,"inputSchema":{}}]}"#,
        r#"{"tools":[{"name":"a","inputSchema":{}},null]}"#,
        r#"{"tools":[{"name":"a","name":"b","inputSchema":{}}]}"#,
        r#"{"tools":[{"name":"a","inputSchema":{}}]"#,
        r#"{"tools":[],"tools":[]}"#,
        r#"{"tools":[],"nextCursor":5}"#,
    ] {
        assert!(tools::read_list(result.as_bytes()).is_err(), "{result}");
    }
    let many = vec![r#"{"name":"a","inputSchema":{}}"#; tools::PAGE_TOOLS_MAX + 1].join(",");
    assert!(tools::read_list(format!(r#"{{"tools":[{many}]}}"#).as_bytes()).is_err());
}

#[test]
fn one_odd_definition_withholds_itself_alone() {
    let page = read(
        r#"{"name":"a","inputSchema":"x"},{"name":"b","inputSchema":{"type":"object"},"icons":"x","ttlMs":"60"},{"name":"c"}"#,
    );
    assert_eq!(names(&page), ["b"]);
    for schema in [
        "null",
        "true",
        "[]",
        "5",
        r#"{"type":"array"}"#,
        r#"{"type":["object"]}"#,
        r#"{"properties":[]}"#,
    ] {
        assert_eq!(why(&with(schema)), "bad_input_schema", "{schema}");
    }
}

#[test]
fn pages_and_cursors_are_read() {
    let page = tools::read_list(br#"{"nextCursor":"c\n","tools":[],"_meta":{}}"#).unwrap();
    assert_eq!((page.next_cursor.as_deref(), page.definitions.len()), (Some("c\n"), 0));
    assert_eq!(tools::read_list(br#"{"tools":[],"nextCursor":null}"#).unwrap().next_cursor, None);
    assert_eq!(
        tools::read_list(br#"{"tools":[],"nextCursor":""}"#).unwrap().next_cursor.as_deref(),
        Some("")
    );
}

#[test]
fn r26_annotations_that_break_the_rules_withhold_the_tool() {
    let property =
        |inner: &str| with(&format!(r#"{{"type":"object","properties":{{"a":{inner}}}}}"#));
    for definition in [
        property(r#"{"type":"string","x-mcp-header":"A\r\nB"}"#),
        property(r#"{"type":"string","x-mcp-header":""}"#),
        property(r#"{"type":"string","x-mcp-header":"a b"}"#),
        property(r#"{"type":"string","x-mcp-header":"a:b"}"#),
        property(r#"{"type":"string","x-mcp-header":"é"}"#),
        property(r#"{"type":"string","x-mcp-header":5}"#),
        property(r#"{"type":"string","x-mcp-header":true}"#),
        property(r#"{"type":"number","x-mcp-header":"A"}"#),
        property(r#"{"type":["string"],"x-mcp-header":"A"}"#),
        property(r#"{"x-mcp-header":"A"}"#),
        property(r#"{"type":"object","x-mcp-header":"A"}"#),
        property(r#"{"type":"array","items":{"type":"string","x-mcp-header":"A"}}"#),
        property(r##"{"$ref":"#/$defs/a","anyOf":[{"type":"string","x-mcp-header":"A"}]}"##),
        property(&format!(r#"{{"type":"string","x-mcp-header":"{}"}}"#, "a".repeat(65))),
        with(
            r#"{"type":"object","properties":{"a":{"type":"string","x-mcp-header":"N"},"b":{"type":"string","x-mcp-header":"n"}}}"#,
        ),
        with(
            r#"{"type":"object","properties":{"a":{"type":"string","x-mcp-header":"N"},"b":{"type":"object","properties":{"c":{"type":"string","x-mcp-header":"N"}}}}}"#,
        ),
        with(r#"{"type":"object","$defs":{"a":{"type":"string","x-mcp-header":"A"}}}"#),
        with(
            r#"{"type":"object","$defs":{"a":{"properties":{"b":{"type":"string","x-mcp-header":"A"}}}}}"#,
        ),
        with(
            r#"{"type":"object","oneOf":[{"properties":{"b":{"type":"string","x-mcp-header":"A"}}}]}"#,
        ),
    ] {
        assert_eq!(why(&definition), "bad_header_annotation", "{definition}");
    }
    // A property may be called like the annotation, and data may hold it.
    let sound = with(
        r#"{"type":"object","properties":{"x-mcp-header":{"type":"string"},"d":{"default":{"x-mcp-header":"A"}}}}"#,
    );
    assert!(ToolDefinition::read(sound.as_bytes()).is_ok());
}

#[test]
fn r35_r36_schemas_are_neither_fetched_nor_walked_without_end() {
    assert_eq!(why(&with(r#"{"$ref":"https://example.com/schema"}"#)), "remote_reference");
    assert_eq!(why(&with(r#"{"$ref":"other.json#/a"}"#)), "remote_reference");
    assert_eq!(why(&with(r#"{"$ref":5}"#)), "remote_reference");
    // Where it is not needed it is only never fetched.
    let inner =
        with(r#"{"type":"object","properties":{"a":{"$ref":"https://example.com/schema"}}}"#);
    assert!(ToolDefinition::read(inner.as_bytes()).is_ok());

    let combinators = format!(r#"{{"type":"object","anyOf":[{}{{}}]}}"#, "{},".repeat(20_000));
    assert_eq!(why(&with(&combinators)), "too_many_members");
    let deep = format!("{}{}{}", r#"{"not":"#.repeat(100), "{}", "}".repeat(100));
    assert_eq!(why(&with(&deep)), "too_deep");
    let large =
        format!(r#"{{"name":"t","inputSchema":{{}},"description":"{}"}}"#, "x".repeat(300_000));
    assert_eq!(why(&large), "definition_too_large");
    // A circle of references ends.
    let circle = with(
        r##"{"type":"object","$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}}}"##,
    );
    assert_eq!(ToolDefinition::read(circle.as_bytes()).unwrap().arguments, None);
}

#[test]
fn the_listed_arguments_are_those_that_apply_to_the_same_object() {
    for (schema, arguments) in [
        (
            r#"{"type":"object","properties":{"b":{},"a":{"properties":{"inner":{}}}}}"#,
            Some(vec!["a", "b"]),
        ),
        (r#"{"type":"object"}"#, Some(vec![])),
        (r#"{}"#, Some(vec![])),
        (
            r#"{"properties":{"a":{}},"anyOf":[{"properties":{"b":{}}},{"required":["c"]}]}"#,
            Some(vec!["a", "b"]),
        ),
        (
            r#"{"allOf":[{"oneOf":[{"properties":{"a":{}}}]}],"not":{"properties":{"n":{}}}}"#,
            Some(vec!["a"]),
        ),
        (
            r##"{"$ref":"#/$defs/In~1put","$defs":{"In/put":{"properties":{"a":{}}}}}"##,
            Some(vec!["a"]),
        ),
        (r##"{"$ref":"#/$defs/none"}"##, None),
        (r##"{"$ref":"#anchor"}"##, None),
        (
            r#"{"dependentSchemas":{"x":{"properties":{"a":{}}}},"then":{"properties":{"b":{}}}}"#,
            Some(vec!["a", "b"]),
        ),
    ] {
        let found = ToolDefinition::read(with(schema).as_bytes()).unwrap().arguments;
        let found = found.map(|mut names| {
            names.sort();
            names
        });
        let expected =
            arguments.map(|names| names.into_iter().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(found, expected, "{schema}");
    }
}

#[test]
fn x11_x12_the_fingerprint_covers_what_an_agent_reads_and_nothing_else() {
    let base = r#"{"name":"t","description":"d","inputSchema":{"type":"object","properties":{"amount":{"type":"integer","description":"minor units","maximum":18446744073709551615}}}}"#;
    let base_read = ToolDefinition::read(base.as_bytes()).unwrap();
    for (changed, same) in [
        (base.replace("\"type\":\"object\",\"properties\"", " \"type\" : \"\\u006fbject\" ,\"properties\""), true),
        (
            r#"{"inputSchema":{"properties":{"amount":{"maximum":18446744073709551615,"description":"minor units","type":"integer"}},"type":"object"},"description":"d","name":"t"}"#.to_owned(),
            true,
        ),
        (base.replacen('{', r#"{"execution":{"taskSupport":"optional"},"vendor":1,"#, 1), true),
        (base.replace("minor units", "major units"), false),
        (base.replace("18446744073709551615", "18446744073709551616"), false),
        (base.replacen('{', r#"{"title":"T","#, 1), false),
        (base.replacen('{', r#"{"annotations":{"readOnlyHint":true},"#, 1), false),
        (base.replacen('{', r#"{"icons":[{"src":"https://x"}],"#, 1), false),
        (base.replacen('{', r#"{"outputSchema":{"type":"object"},"#, 1), false),
        (base.replacen('{', r#"{"_meta":{"a":1},"#, 1), false),
        (base.replace("\"d\"", "\"d\u{200b}\""), false),
    ] {
        let read = ToolDefinition::read(changed.as_bytes()).unwrap();
        assert_eq!(read.canonical == base_read.canonical, same, "{changed}");
        assert_eq!(read.raw, changed.as_bytes());
        assert_eq!(read.size(), changed.len());
    }
    assert_eq!((base_read.title, base_read.description.as_deref()), (None, Some("d")));
}

#[test]
fn x10_text_that_people_do_not_see_is_flagged_and_shown() {
    for (description, hidden) in [
        ("Refunds a payment.\\nIn cents.", false),
        ("日本語 – “quotes” 🎉", false),
        ("\\u001b[31mred", true),
        ("a\u{e0041}b", true),
        ("a\u{202e}b", true),
        ("a\u{200b}b", true),
    ] {
        let definition =
            format!(r#"{{"name":"t","inputSchema":{{}},"description":"{description}"}}"#);
        let read = ToolDefinition::read(definition.as_bytes()).unwrap();
        assert_eq!(read.hidden_text, hidden, "{description:?}");
    }
    assert_eq!(tools::visible("a\u{e0041}\u{1b}b é"), "a\\u{e0041}\\u{1b}b é");
    let odd = "{\"description\":\"a\u{e0041}\\nb\",\"n\u{202e}\":[1.10,\"\\u200b\"]}";
    let shown = String::from_utf8(tools::visible_definition(odd.as_bytes()).unwrap()).unwrap();
    let whole = r#"{"description":"a\\u{e0041}\nb","n\\u{202e}":[1.10,"\\u{200b}"]}"#;
    assert_eq!(shown, whole);
    assert_eq!(tools::visible_definition(b"{"), None);
}

#[test]
fn what_changed_between_two_definitions_is_told_by_place() {
    let old = br#"{"name":"t","description":"d","inputSchema":{"properties":{"amount":{"type":"integer"},"a/b":{"type":"string"}},"required":["amount"]},"annotations":{"readOnlyHint":true}}"#;
    let new = "{\"name\":\"t\",\"description\":\"d\u{200b}\",\"inputSchema\":{\"required\":[\"amount\",\"to\"],\"properties\":{\"amount\":{\"type\":\"number\"},\"to\":{}}},\"icons\":[{\"src\":\"x\"}]}";
    let changes: Vec<_> =
        tools::difference(old, new.as_bytes()).unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(
        changes,
        [
            r#"/description changed from "d" to "d\u{200b}""#,
            r#"/inputSchema/properties/amount/type changed from "integer" to "number""#,
            r#"/inputSchema/properties/a~1b is gone: {"type":"string"}"#,
            r#"/inputSchema/properties/to is new: {}"#,
            r#"/inputSchema/required changed from ["amount"] to ["amount","to"]"#,
            r#"/annotations is gone: {"readOnlyHint":true}"#,
            r#"/icons is new: [{"src":"x"}]"#,
        ]
    );
    assert_eq!(tools::difference(old, old).unwrap(), []);
    let definition = ToolDefinition::read(old).unwrap();
    assert_eq!(tools::difference(old, &definition.canonical).unwrap(), []);
    let long = format!(r#"{{"description":"{}"}}"#, "é".repeat(5_000));
    let told = tools::difference(b"{}", long.as_bytes()).unwrap();
    assert!(told.first().is_some_and(|change| change.to_string().chars().count() < 500));
    assert!(tools::difference(b"{", old).is_err());
}
