//! Lists that an agent may see in part: rows T12 and X14, and what is kept byte for byte.

use mcp::Era;
use mcp::lists::{self, ListKind};

fn filtered(kind: ListKind, result: &str, era: Era, keep: &[&str]) -> Result<String, &'static str> {
    lists::filter(
        kind,
        result.as_bytes(),
        era,
        |name| keep.contains(&name),
        |cursor| Some(format!("sealed:{cursor}")),
    )
    .map(|bytes| String::from_utf8(bytes).unwrap())
    .map_err(|bad| bad.reason)
}

#[test]
fn what_stays_is_kept_byte_for_byte_and_in_order() {
    let result = r#"{ "x" : 1e400 , "tools":[ {"name":"c", "n":-0} ,{"name":"\u0061","t":"\/"},{"name":"b"} ], "_meta":{ "k":[ ] } }"#;
    assert_eq!(
        filtered(ListKind::Tools, result, Era::Legacy, &["a", "c"]).unwrap(),
        r#"{"x":1e400,"tools":[{"name":"c", "n":-0},{"name":"\u0061","t":"\/"}],"_meta":{ "k":[ ] }}"#
    );
    assert_eq!(
        filtered(ListKind::Tools, result, Era::Legacy, &[]).unwrap(),
        r#"{"x":1e400,"tools":[],"_meta":{ "k":[ ] }}"#
    );
}

#[test]
fn each_kind_of_list_has_its_member_and_its_key() {
    for (kind, result, kept) in [
        (
            ListKind::Resources,
            r#"{"resources":[{"uri":"a","name":"x"},{"uri":"b","name":"a"}]}"#,
            r#"{"resources":[{"uri":"a","name":"x"}]}"#,
        ),
        (
            ListKind::Templates,
            r#"{"resourceTemplates":[{"uriTemplate":"b"},{"uriTemplate":"a"}]}"#,
            r#"{"resourceTemplates":[{"uriTemplate":"a"}]}"#,
        ),
        (
            ListKind::Prompts,
            r#"{"prompts":[{"name":"a","title":"b"}]}"#,
            r#"{"prompts":[{"name":"a","title":"b"}]}"#,
        ),
    ] {
        assert_eq!(filtered(kind, result, Era::Legacy, &["a"]).unwrap(), kept);
        assert_eq!(ListKind::of_member(kind.member()), Some(kind));
    }
    assert_eq!(ListKind::of_method(&mcp::Method::PromptsList), Some(ListKind::Prompts));
    assert_eq!(ListKind::of_method(&mcp::Method::ToolsCall), None);
}

#[test]
fn t12_a_list_of_another_shape_is_not_passed() {
    for result in [
        "",
        "[]",
        "{}",
        r#"{"Tools":[{"name":"hidden"}]}"#,
        r#"{"tools":[],"Tools":[{"name":"hidden"}]}"#,
        r#"{"tools":null}"#,
        r#"{"tools":{"0":{"name":"a"}}}"#,
        r#"{"tools":"x"}"#,
        r#"{"tools":[{"name":"a"},{"Name":"hidden"}]}"#,
        r#"{"tools":[{"name":"a"},"hidden"]}"#,
        r#"{"tools":[{"name":"a","NAME":"hidden"}]}"#,
        "{\"tools\":[{\"name\":\"a\",\"na\u{ff4d}e\":\"hidden\"}]}",
        r#"{"tools":[{"name":["a"]}]}"#,
        r#"{"tools":[{"name":"a","name":"hidden"}]}"#,
        r#"{"tools":[],"tools":[{"name":"hidden"}]}"#,
        r#"{"tools":[[{"name":"hidden"}]]}"#,
        r#"{"tools":[{"name":"a"}]}x"#,
        r#"{"tools":[{"name":"a"}],"nextCursor":{}}"#,
    ] {
        assert!(filtered(ListKind::Tools, result, Era::Modern, &["a"]).is_err(), "{result}");
    }
}

#[test]
fn x14_a_filtered_page_is_private_and_not_to_be_cached() {
    let result = r#"{"ttlMs":3600000,"tools":[],"cacheScope":"public","resultType":"complete"}"#;
    assert_eq!(
        filtered(ListKind::Tools, result, Era::Modern, &[]).unwrap(),
        r#"{"tools":[],"resultType":"complete","ttlMs":0,"cacheScope":"private"}"#
    );
    assert_eq!(
        filtered(ListKind::Tools, r#"{"tools":[]}"#, Era::Modern, &[]).unwrap(),
        r#"{"tools":[],"ttlMs":0,"cacheScope":"private"}"#
    );
    let read = br#"{"contents":[{"uri":"a"}],"cacheScope":"public","ttlMs":"x"}"#;
    assert_eq!(
        lists::private(read, Era::Modern).unwrap(),
        br#"{"contents":[{"uri":"a"}],"ttlMs":0,"cacheScope":"private"}"#
    );
    assert_eq!(
        lists::private(b"{}", Era::Modern).unwrap(),
        br#"{"ttlMs":0,"cacheScope":"private"}"#
    );
    assert_eq!(lists::private(b"{\"ttlMs\":5}", Era::Legacy).unwrap(), b"{\"ttlMs\":5}");
    assert!(lists::private(b"[]", Era::Modern).is_err());
}

#[test]
fn cursors_pass_through_the_callers_hands() {
    let result = r#"{"tools":[],"nextCursor":"a\"b"}"#;
    assert_eq!(
        filtered(ListKind::Tools, result, Era::Legacy, &[]).unwrap(),
        r#"{"tools":[],"nextCursor":"sealed:a\"b"}"#
    );
    let dropped =
        lists::filter(ListKind::Tools, result.as_bytes(), Era::Legacy, |_| true, |_| None);
    assert_eq!(dropped.unwrap(), br#"{"tools":[]}"#);
    assert_eq!(
        filtered(ListKind::Tools, r#"{"tools":[],"nextCursor":null}"#, Era::Legacy, &[]).unwrap(),
        r#"{"tools":[]}"#
    );
}

#[test]
fn several_lists_of_one_result_are_filtered_together() {
    let result = r#"{"tools":[{"name":"a"},{"name":"b"}],"prompts":[{"name":"a"},{"name":"b"}],"nextCursor":"c"}"#;
    let both = [ListKind::Tools, ListKind::Prompts];
    let keep = |kind, name: &str| (kind == ListKind::Tools) == (name == "a");
    let out =
        lists::filter_all(&both, result.as_bytes(), Era::Legacy, keep, |c| Some(c.to_owned()));
    assert_eq!(
        String::from_utf8(out.unwrap()).unwrap(),
        r#"{"tools":[{"name":"a"}],"prompts":[{"name":"b"}],"nextCursor":"c"}"#
    );
    let missing = lists::filter_all(&both, br#"{"tools":[]}"#, Era::Legacy, keep, |_| None);
    assert!(missing.is_err());
}
