//! What the policy text says, as tables: one document, calls, and the decision with its rule.

mod support;

use support::{Case, check};

const SUPPORT: &str = include_str!("documents/support.json");

#[test]
fn the_example_of_the_reference_judges_as_it_reads() {
    let refund = |arguments| Case::call("refund_payment", arguments);
    let good = r#"{"payment":"p1","amount":100,"currency":"usd","reason":"broken"}"#;
    for (case, expected) in [
        (refund(good), "allow"),
        (Case::call("list_invoices", "{}"), "allow"),
        (Case::call("delete_account", "{}"), "deny (hidden)"),
        (Case::call("create_charge", "{}"), "deny (default deny)"),
        (
            refund(r#"{"amount":100,"currency":"usd","reason":"no"}"#),
            "deny /tools/refund_payment/require/args.reason-matches",
        ),
        (
            refund(r#"{"amount":100,"currency":"eur","reason":"broken"}"#),
            "deny /tools/refund_payment/deny_if/args.currency-neq",
        ),
        (
            refund(r#"{"currency":"usd","reason":"broken"}"#),
            "deny /tools/refund_payment/deny_if/args.amount-gt",
        ),
        (
            refund(r#"{"amount":10000.01,"currency":"usd","reason":"broken"}"#),
            "deny /tools/refund_payment/deny_if/args.amount-gt",
        ),
        (
            refund(r#"{"amount":5000.01,"currency":"usd","reason":"broken"}"#),
            "deny /tools/refund_payment/limits/refund-value",
        ),
        (
            refund(r#"{"amount":500.01,"currency":"usd","reason":"broken"}"#),
            "hold /tools/refund_payment/approve_if/args.amount-gt",
        ),
        (
            refund(r#"{"amount":1,"memo":1,"currency":"usd","reason":"broken"}"#),
            "deny /tools/refund_payment/unlisted_args",
        ),
    ] {
        let listed = ["payment", "amount", "currency", "reason"];
        check(SUPPORT, case.listing(&listed), expected);
    }
}
