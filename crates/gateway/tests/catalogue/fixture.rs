//! The tools and the policy that the rows are tried against.

use serde_json::{Value, json};
use testkit::{House, Setup};

/// Arguments of `refund_payment` that the policy allows, but for the payment's name.
pub(crate) const REFUND: &str =
    r#""payment":"{C}","amount":10,"currency":"usd","reason":"damaged goods""#;

fn tool(name: &str, properties: Value) -> Value {
    json!({
        "name": name,
        "description": format!("The tool {name}."),
        "inputSchema": {"type": "object", "properties": properties},
    })
}

/// The tools of the upstream.
pub(crate) fn tools() -> Value {
    let text = || json!({"type": "string"});
    let number = || json!({"type": "number"});
    json!([
        tool("list_invoices", json!({"customer": text(), "limit": {"type": "integer"}})),
        tool(
            "refund_payment",
            json!({
                "payment": text(), "amount": number(), "currency": text(), "reason": text(),
                "note": text(), "items": {"type": "array"}, "customer": {"type": "object"},
            })
        ),
        tool("minor_units", json!({"amount": number()})),
        tool("exactly_one", json!({"amount": number()})),
        tool(
            "charge_card",
            json!({
                "amount": {"type": "integer", "x-mcp-header": "Amount"},
                "region": {"type": "string", "x-mcp-header": "Region"},
            })
        ),
        tool("not_in", json!({"currency": text(), "note": text()})),
        tool("patterned", json!({"name": text()})),
        tool("dotted", json!({"a.b": text(), "a": {"type": "object"}})),
        tool("basket", json!({"items": {"type": "array"}, "currency": text()})),
        tool("free_form", json!({"value": {}})),
        tool("anything", json!({})),
        tool("delete_customer", json!({"customer": text()})),
        tool("export_data", json!({"table": text()})),
        tool("wipe_all", json!({})),
        tool("big_spender", json!({"amount": number(), "reason": text()})),
        tool("report_sales", json!({"month": text()})),
    ])
}

/// The policy.
pub(crate) fn policy() -> Value {
    let at = |path: &str, op: &str, value: Value| json!({"path": path, "op": op, "value": value});
    let when = |condition: Value| json!({"conditions": [condition]});
    json!({
        "version": "1",
        "default": "deny",
        "hide": ["delete_customer"],
        "resources": {"default": "deny", "allow": ["file:///public/*"], "hide": ["file:///secret/*"]},
        "prompts": {"default": "deny", "allow": ["greet"], "hide": ["hidden_*"]},
        "client_requests": {"sampling": "deny", "elicitation": "allow", "roots": "deny"},
        "tools": {
            "list_invoices": {},
            "anything": {},
            "free_form": {},
            "report_*": {},
            "refund_payment": {
                "require": [when(at("args.reason", "matches", json!("\\S.{4,}")))],
                "deny_if": [
                    when(at("args.currency", "neq", json!("usd"))),
                    when(at("args.amount", "gt", json!(100))),
                ],
                "limits": [{"counter": "value", "window": "day", "max": 100_000,
                            "amount": "args.amount", "per": ["args.currency"]},
                           {"counter": "calls", "window": "hour", "max": 100_000}],
            },
            "minor_units": {"require": [when(at("args.amount", "type", json!("integer")))]},
            "exactly_one": {"require": [when(at("args.amount", "eq", json!(1)))]},
            "charge_card": {"deny_if": [when(at("args.amount", "gt", json!(100)))]},
            "not_in": {"deny_if": [when(at("args.currency", "not_in", json!(["usd", "eur"])))]},
            "patterned": {"require": [when(at("args.name", "matches", json!("feat/.*")))]},
            "dotted": {"require": [when(at("args[\"a.b\"]", "eq", json!("yes")))]},
            "basket": {"deny_if": [when(at("args.items[*].currency", "neq", json!("usd"))),
                                   when(at("args.items[*].amount", "gt", json!(100)))]},
            "wipe_all": {"deny_if": [{"conditions": []}]},
            "big_spender": {"approve_if": [when(at("args.amount", "gt", json!(50)))]},
        },
    })
}

/// A house with these tools under this policy.
pub(crate) async fn house() -> House {
    House::start(setup()).await
}

/// These tools under this policy.
pub(crate) fn setup() -> Setup {
    Setup::new(tools(), policy())
}
