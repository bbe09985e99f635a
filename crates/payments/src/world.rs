//! The small business behind the tools: its customers, invoices and payments, and what calls have changed about them.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::amount::Amount;

/// The customers there are at the start.
const CUSTOMERS: [&str; 4] = ["cus_1001", "cus_1002", "cus_1003", "cus_1004"];
/// What the id of a payment made by `create_charge` begins with.
const NEW_PAYMENT: &str = "pi_new_";

/// One invoice. Invoices never change.
pub(crate) struct Invoice {
    pub(crate) id: &'static str,
    pub(crate) customer: &'static str,
    pub(crate) customer_name: &'static str,
    pub(crate) amount: Amount,
    pub(crate) currency: &'static str,
    /// The payment that settled it, or `None` while it is open.
    pub(crate) payment: Option<&'static str>,
    pub(crate) issued: &'static str,
    pub(crate) description: &'static str,
}

/// Every invoice, newest first.
pub(crate) static INVOICES: [Invoice; 8] = [
    invoice("in_1008", "cus_1004", 2_400, "gbp", None, "2026-11-16", "Annual plan, 12 seats"),
    invoice(
        "in_1007",
        "cus_1001",
        800,
        "usd",
        Some("pi_1006"),
        "2026-11-12",
        "Replacement scanners",
    ),
    invoice(
        "in_1006",
        "cus_1003",
        9_500,
        "usd",
        Some("pi_1005"),
        "2026-11-09",
        "Spring fleet order",
    ),
    invoice(
        "in_1005",
        "cus_1002",
        320,
        "eur",
        Some("pi_1004"),
        "2026-11-03",
        "Monthly plan, 8 seats",
    ),
    invoice(
        "in_1004",
        "cus_1002",
        320,
        "eur",
        None,
        "2026-11-02",
        "Monthly plan, billed twice by mistake",
    ),
    invoice(
        "in_1003",
        "cus_1003",
        12_000,
        "usd",
        Some("pi_1003"),
        "2026-10-27",
        "Winter fleet order",
    ),
    invoice(
        "in_1002",
        "cus_1004",
        1_150,
        "gbp",
        Some("pi_1002"),
        "2026-10-19",
        "Onboarding workshop",
    ),
    invoice(
        "in_1001",
        "cus_1001",
        480,
        "usd",
        Some("pi_1001"),
        "2026-10-05",
        "Point-of-sale licence",
    ),
];

const fn invoice(
    id: &'static str,
    customer: &'static str,
    amount: u32,
    currency: &'static str,
    payment: Option<&'static str>,
    issued: &'static str,
    description: &'static str,
) -> Invoice {
    let customer_name = match customer.as_bytes() {
        b"cus_1001" => "Harbour Books",
        b"cus_1002" => "Blue Fern Bakery",
        b"cus_1003" => "Northwind Cycles",
        _ => "Tidewater Studio",
    };
    Invoice {
        id,
        customer,
        customer_name,
        amount: Amount::whole(amount),
        currency,
        payment,
        issued,
        description,
    }
}

/// What calls have changed.
///
/// It keeps no balances, on purpose: a payment can be refunded beyond its amount and any well-formed
/// payout goes through. Holding agents back is the gateway's work, and a server that refused by
/// itself would hide whether the gateway did.
#[derive(Default)]
pub(crate) struct World {
    deleted: Mutex<BTreeSet<&'static str>>,
    refunds: AtomicU64,
    charges: AtomicU64,
    payouts: AtomicU64,
}

impl World {
    /// Whether a customer was ever there, deleted or not.
    pub(crate) fn customer_is_on_record(&self, id: &str) -> bool {
        CUSTOMERS.contains(&id)
    }

    /// Whether a customer is there and not deleted.
    pub(crate) fn customer_exists(&self, id: &str) -> bool {
        let deleted = self.deleted.lock().unwrap_or_else(PoisonError::into_inner);
        CUSTOMERS.contains(&id) && !deleted.contains(id)
    }

    /// Deletes a customer; false if there is none of that id (any more).
    pub(crate) fn customer_delete(&self, id: &str) -> bool {
        let known = CUSTOMERS.into_iter().find(|known| *known == id);
        let mut deleted = self.deleted.lock().unwrap_or_else(PoisonError::into_inner);
        known.is_some_and(|id| deleted.insert(id))
    }

    /// Whether a payment exists: one of the first, or one that a charge made.
    pub(crate) fn payment_exists(&self, id: &str) -> bool {
        // A new payment's id is its number, so knowing it takes no memory however many there are.
        if let Some(number) = id.strip_prefix(NEW_PAYMENT) {
            let made = self.charges.load(Ordering::Relaxed);
            return number
                .parse()
                .is_ok_and(|n: u64| (1..=made).contains(&n) && numbered(NEW_PAYMENT, n) == id);
        }
        INVOICES.iter().any(|invoice| invoice.payment == Some(id))
    }

    /// The id of a new refund.
    pub(crate) fn refund_new(&self) -> String {
        numbered("re_", next(&self.refunds))
    }

    /// The id of the payment that a new charge makes.
    pub(crate) fn payment_new(&self) -> String {
        numbered(NEW_PAYMENT, next(&self.charges))
    }

    /// The id of a new payout.
    pub(crate) fn payout_new(&self) -> String {
        numbered("po_", next(&self.payouts))
    }
}

fn next(counter: &AtomicU64) -> u64 {
    counter.fetch_add(1, Ordering::Relaxed) + 1
}

fn numbered(prefix: &str, number: u64) -> String {
    format!("{prefix}{number:06}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payment_made_by_a_charge_exists_from_then_on_under_one_spelling() {
        let world = World::default();
        assert!(world.payment_exists("pi_1001"));
        assert!(!world.payment_exists("pi_new_000001"));
        assert_eq!(world.payment_new(), "pi_new_000001");
        assert!(world.payment_exists("pi_new_000001"));
        for id in
            ["pi_new_1", "pi_new_000002", "pi_new_0000001", "pi_new_+00001", "pi_new_000000", ""]
        {
            assert!(!world.payment_exists(id), "{id}");
        }
    }

    #[test]
    fn a_customer_is_deleted_once() {
        let world = World::default();
        assert!(world.customer_exists("cus_1002"));
        assert!(world.customer_delete("cus_1002"));
        assert!(!world.customer_delete("cus_1002"));
        assert!(!world.customer_exists("cus_1002"));
        assert!(world.customer_is_on_record("cus_1002"));
        assert!(!world.customer_delete("cus_9999"));
    }

    #[test]
    fn every_invoice_belongs_to_a_customer_and_names_its_own_payment() {
        let mut payments: Vec<_> = INVOICES.iter().filter_map(|i| i.payment).collect();
        payments.sort_unstable();
        payments.dedup();
        assert_eq!(payments.len(), 6);
        assert!(INVOICES.iter().all(|i| CUSTOMERS.contains(&i.customer)));
        assert!(INVOICES.is_sorted_by(|a, b| a.issued >= b.issued));
    }
}
