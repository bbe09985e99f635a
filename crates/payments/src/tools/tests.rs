//! What the tools publish and what arguments they take.

use super::*;

fn read(tool: &str, arguments: &str) -> Result<(), String> {
    let raw = serde_json::from_str::<&RawValue>(arguments).unwrap();
    Tool::named(tool).unwrap().arguments(Some(raw)).map(|_| ()).map_err(|fault| {
        assert_eq!(fault.code, -32602);
        fault.message.into_owned()
    })
}

#[test]
fn arguments_that_fit_the_schema_are_taken() {
    for (tool, arguments) in [
        ("list_invoices", "{}"),
        ("list_invoices", r#"{"customer":"cus_1001","limit":100}"#),
        ("list_invoices", r#"{"limit":5.0}"#),
        (
            "refund_payment",
            r#"{"payment":"pi_1001","amount":0.000001,"currency":"USD","reason":"x"}"#,
        ),
        ("create_charge", r#"{"customer":"c","amount":1e3,"currency":"JPY"}"#),
        ("create_payout", r#"{"destination":"b","amount":1000000000000,"currency":"chf"}"#),
    ] {
        assert_eq!(read(tool, arguments), Ok(()), "{tool} {arguments}");
    }
    assert!(Tool::named("list_invoices").unwrap().arguments(None).is_ok());
}

#[test]
fn arguments_that_do_not_fit_are_refused_by_name() {
    let refund = |member: &str| {
        format!(r#"{{"payment":"pi_1001","currency":"USD","reason":"late",{member}}}"#)
    };
    for (tool, arguments, says) in [
        ("get_invoice", "{}".to_owned(), "get_invoice: `invoice` is required"),
        ("get_invoice", "[1]".to_owned(), "`arguments` must be an object without repeated names"),
        (
            "get_invoice",
            r#"{"invoice":"a","invoice":"b"}"#.to_owned(),
            "`arguments` must be an object without repeated names",
        ),
        (
            "get_invoice",
            r#"{"invoice":""}"#.to_owned(),
            "get_invoice: `invoice` must have 1 to 500 characters",
        ),
        ("get_invoice", r#"{"invoice":7}"#.to_owned(), "get_invoice: `invoice` must be a string"),
        (
            "get_invoice",
            r#"{"invoice":"a","x":1}"#.to_owned(),
            "get_invoice: there is no argument `x`",
        ),
        (
            "list_invoices",
            r#"{"limit":0}"#.to_owned(),
            "list_invoices: `limit` must be a whole number from 1 to 100",
        ),
        (
            "list_invoices",
            r#"{"limit":1.5}"#.to_owned(),
            "list_invoices: `limit` must be a whole number from 1 to 100",
        ),
        (
            "list_invoices",
            r#"{"limit":"5"}"#.to_owned(),
            "list_invoices: `limit` must be a whole number from 1 to 100",
        ),
        (
            "list_invoices",
            r#"{"customer":null}"#.to_owned(),
            "list_invoices: `customer` must be a string",
        ),
        (
            "refund_payment",
            refund(r#""amount":"480""#),
            "refund_payment: `amount` must be a number",
        ),
        ("refund_payment", refund(r#""amount":0"#), "refund_payment: `amount` must be above zero"),
        ("refund_payment", refund(r#""amount":-5"#), "refund_payment: `amount` must be above zero"),
        (
            "refund_payment",
            refund(r#""amount":0.0000001"#),
            "refund_payment: `amount` must have at most 6 decimals",
        ),
        (
            "refund_payment",
            refund(r#""amount":1e300"#),
            "refund_payment: `amount` must be at most 1000000000000",
        ),
        (
            "create_payout",
            r#"{"destination":"b","amount":1,"currency":"Usd"}"#.to_owned(),
            "create_payout: `currency` must be one of usd, eur, gbp, chf, jpy",
        ),
    ] {
        assert_eq!(read(tool, &arguments), Err(says.to_owned()), "{tool} {arguments}");
    }
    assert!(read("get_invoice", &format!(r#"{{"invoice":"{}"}}"#, "é".repeat(500))).is_ok());
    assert!(read("get_invoice", &format!(r#"{{"invoice":"{}"}}"#, "é".repeat(501))).is_err());
}

#[test]
fn every_published_definition_is_whole() {
    let tools: serde_json::Value = serde_json::from_str(&LISTED).unwrap();
    let names: Vec<_> =
        tools.as_array().unwrap().iter().map(|t| t["name"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "list_invoices",
            "get_invoice",
            "refund_payment",
            "create_charge",
            "create_payout",
            "delete_customer"
        ]
    );
    for tool in tools.as_array().unwrap() {
        let schema = &tool["inputSchema"];
        assert_eq!(schema["type"], "object");
        assert_eq!(schema["additionalProperties"], false);
        for name in schema["required"].as_array().unwrap() {
            assert!(schema["properties"][name.as_str().unwrap()].is_object());
        }
        for (_, property) in schema["properties"].as_object().unwrap() {
            assert!(property["type"].is_string() && property["description"].is_string());
        }
        assert!(tool["annotations"]["destructiveHint"].is_boolean());
    }
    assert_eq!(tools[2]["inputSchema"]["properties"]["currency"]["enum"][0], "usd");
    assert_eq!(
        tools[2]["inputSchema"]["required"],
        serde_json::json!(["payment", "amount", "currency", "reason"])
    );
}
