//! Carrying out a tool call: checks the ids, changes the world, appends to the ledger, writes the result.

use crate::answer::Fault;
use crate::ledger::Book;
use crate::message::Members;
use crate::tools::{Arguments, Name, Tool};
use crate::version::Version;
use crate::world::{INVOICES, Invoice, World};
use crate::write::{Object, array, push_text};

/// How many invoices a list holds when the caller does not say.
const LIMIT_DEFAULT: usize = 10;

/// What a tool says: the members of its result as JSON, or a sentence about why it did nothing.
type Said = Result<String, String>;

/// Carries out one `tools/call` and returns the members of its result.
///
/// **Errors**: `-32602` for a tool that is not there and for arguments that do not fit its schema.
/// An id that names nothing is not an error of the protocol but a result with `isError`.
pub(crate) fn call(
    world: &World,
    book: &Book,
    params: &Members<'_>,
    version: Version,
) -> Result<String, Fault> {
    let name =
        params.text("name").ok_or_else(|| Fault::invalid_params("`name` must be a string"))?;
    let tool =
        Tool::named(&name).ok_or_else(|| Fault::invalid_params(format!("Unknown tool: {name}")))?;
    let arguments = tool.arguments(params.get("arguments"))?;
    let said = carry_out(world, book, tool, &arguments);
    Ok(result(said, version))
}

fn carry_out(world: &World, book: &Book, tool: &Tool, arguments: &Arguments<'_>) -> Said {
    match tool.id {
        Name::ListInvoices => list_invoices(world, book, tool, arguments),
        Name::GetInvoice => get_invoice(book, tool, arguments),
        Name::RefundPayment => refund_payment(world, book, tool, arguments),
        Name::CreateCharge => create_charge(world, book, tool, arguments),
        Name::CreatePayout => create_payout(world, book, tool, arguments),
        Name::DeleteCustomer => delete_customer(world, book, tool, arguments),
    }
}

fn list_invoices(world: &World, book: &Book, tool: &Tool, arguments: &Arguments<'_>) -> Said {
    let customer = arguments.text("customer");
    if let Some(id) = customer.filter(|id| !world.customer_is_on_record(id)) {
        return Err(format!("No such customer: {id}"));
    }
    let matching = INVOICES.iter().filter(|i| customer.is_none_or(|id| i.customer == id));
    let limit = arguments.limit().unwrap_or(LIMIT_DEFAULT);
    let total = matching.clone().count();
    let invoices = array(matching.take(limit).map(invoice_object));
    book.append(tool.name, customer, None);
    Ok(Object::with_capacity(invoices.len() + 64)
        .json("invoices", invoices)
        .json("has_more", total > limit)
        .end())
}

fn get_invoice(book: &Book, tool: &Tool, arguments: &Arguments<'_>) -> Said {
    let id = arguments.text("invoice").unwrap_or_default();
    let invoice = INVOICES
        .iter()
        .find(|invoice| invoice.id == id)
        .ok_or_else(|| format!("No such invoice: {id}"))?;
    book.append(tool.name, Some(id), None);
    Ok(invoice_object(invoice))
}

fn refund_payment(world: &World, book: &Book, tool: &Tool, arguments: &Arguments<'_>) -> Said {
    let payment = arguments.text("payment").unwrap_or_default();
    if !world.payment_exists(payment) {
        return Err(format!("No such payment: {payment}"));
    }
    let (amount, currency) = arguments.money().ok_or("No amount was given")?;
    let id = world.refund_new();
    book.append(tool.name, Some(payment), Some((amount, currency)));
    Ok(Object::with_capacity(192)
        .text("id", &id)
        .text("payment", payment)
        .json("amount", amount)
        .text("currency", currency)
        .text("reason", arguments.text("reason").unwrap_or_default())
        .text("status", "succeeded")
        .end())
}

fn create_charge(world: &World, book: &Book, tool: &Tool, arguments: &Arguments<'_>) -> Said {
    let customer = arguments.text("customer").unwrap_or_default();
    if !world.customer_exists(customer) {
        return Err(format!("No such customer: {customer}"));
    }
    let (amount, currency) = arguments.money().ok_or("No amount was given")?;
    let id = world.payment_new();
    book.append(tool.name, Some(customer), Some((amount, currency)));
    let mut payment = Object::with_capacity(192)
        .text("id", &id)
        .text("customer", customer)
        .json("amount", amount)
        .text("currency", currency);
    if let Some(description) = arguments.text("description") {
        payment = payment.text("description", description);
    }
    Ok(payment.text("status", "succeeded").end())
}

fn create_payout(world: &World, book: &Book, tool: &Tool, arguments: &Arguments<'_>) -> Said {
    let destination = arguments.text("destination").unwrap_or_default();
    let (amount, currency) = arguments.money().ok_or("No amount was given")?;
    let id = world.payout_new();
    book.append(tool.name, Some(destination), Some((amount, currency)));
    Ok(Object::with_capacity(160)
        .text("id", &id)
        .text("destination", destination)
        .json("amount", amount)
        .text("currency", currency)
        .text("status", "in_transit")
        .end())
}

fn delete_customer(world: &World, book: &Book, tool: &Tool, arguments: &Arguments<'_>) -> Said {
    let customer = arguments.text("customer").unwrap_or_default();
    if !world.customer_delete(customer) {
        return Err(format!("No such customer: {customer}"));
    }
    book.append(tool.name, Some(customer), None);
    Ok(Object::with_capacity(64).text("id", customer).json("deleted", true).end())
}

fn invoice_object(invoice: &Invoice) -> String {
    let mut object = Object::with_capacity(256)
        .text("id", invoice.id)
        .text("customer", invoice.customer)
        .text("customer_name", invoice.customer_name)
        .json("amount", invoice.amount)
        .text("currency", invoice.currency)
        .text("status", if invoice.payment.is_some() { "paid" } else { "open" });
    if let Some(payment) = invoice.payment {
        object = object.text("payment", payment);
    }
    object.text("issued", invoice.issued).text("description", invoice.description).end()
}

/// The members of a call's result. Structured results came with 2025-06-18.
fn result(said: Said, version: Version) -> String {
    let (text, structured, failed) = match &said {
        Ok(object) => (object, version >= Version::V2025_06_18, false),
        Err(sentence) => (sentence, false, true),
    };
    let mut out = String::with_capacity(2 * text.len() + text.len() / 2 + 96);
    out.push_str(r#""content":[{"type":"text","text":"#);
    push_text(&mut out, text);
    out.push_str("}]");
    if structured {
        out.push_str(r#","structuredContent":"#);
        out.push_str(text);
    }
    out.push_str(if failed { r#","isError":true"# } else { r#","isError":false"# });
    out
}
