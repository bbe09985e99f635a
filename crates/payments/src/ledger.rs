//! What reached this server and what it carried out: counted as it happens, read by whoever checks the gateway's word.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::amount::Amount;
use crate::write::{Object, array};

/// A snapshot of the ledger.
///
/// - **Shape**: counts since the start, totals by tool, and the newest entries, oldest first.
/// - **Units**: amounts in major units of their currency.
/// - **Source**: [`crate::Running::ledger`], or `GET /ledger` as JSON.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Ledger {
    /// TCP connections accepted, whatever they were for.
    pub connections: u64,
    /// HTTP requests that arrived, those for the ledger itself left out: looking changes nothing.
    pub http_requests: u64,
    /// Requests turned away with 401.
    pub unauthorized: u64,
    /// `tools/call` requests that arrived with the right key, carried out or not: an unknown tool or
    /// id, bad arguments and disagreeing headers count too.
    pub tool_calls: u64,
    /// What was carried out, by tool name.
    pub totals: BTreeMap<&'static str, Total>,
    /// The newest calls carried out; [`crate::Options::ledger_entries_max`] bounds them.
    pub entries: Vec<Entry>,
}

/// What one tool did since the start.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Total {
    /// Calls carried out.
    pub calls: u64,
    /// The sum of their amounts, by currency code in lower case.
    pub amounts: BTreeMap<&'static str, Amount>,
}

/// One call that was carried out.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Entry {
    /// Its place among all calls carried out, from 1.
    pub seq: u64,
    /// The tool's name.
    pub tool: &'static str,
    /// The payment, customer, invoice or destination it was about.
    pub target: Option<Box<str>>,
    /// The amount moved.
    pub amount: Option<Amount>,
    /// The amount's currency code in lower case.
    pub currency: Option<&'static str>,
    /// When it was carried out.
    pub at: SystemTime,
}

impl Ledger {
    /// How many calls of a tool were carried out.
    pub fn calls(&self, tool: &str) -> u64 {
        self.totals.get(tool).map_or(0, |total| total.calls)
    }

    /// How many calls were carried out, of all tools.
    pub fn executed(&self) -> u64 {
        self.totals.values().map(|total| total.calls).sum()
    }

    /// How much a tool moved in a currency, named in lower case.
    pub fn amount(&self, tool: &str, currency: &str) -> Amount {
        let total = self.totals.get(tool).and_then(|total| total.amounts.get(currency));
        total.copied().unwrap_or_default()
    }

    /// The snapshot as `GET /ledger` serves it. Amounts are strings, so that no reader rounds them.
    pub fn to_json(&self) -> String {
        let mut totals = Object::with_capacity(256);
        for (tool, total) in &self.totals {
            let mut amounts = Object::with_capacity(64);
            for (currency, amount) in &total.amounts {
                amounts = amounts.json(currency, format_args!("\"{amount}\""));
            }
            let total =
                Object::with_capacity(96).json("calls", total.calls).json("amounts", amounts.end());
            totals = totals.json(tool, total.end());
        }
        Object::with_capacity(512 + self.entries.len() * 160)
            .json("connections", self.connections)
            .json("http_requests", self.http_requests)
            .json("unauthorized", self.unauthorized)
            .json("tool_calls", self.tool_calls)
            .json("executed", self.executed())
            .json("totals", totals.end())
            .json("entries", array(self.entries.iter().map(Entry::to_json)))
            .end()
    }
}

impl Entry {
    fn to_json(&self) -> String {
        let mut entry = Object::with_capacity(160).json("seq", self.seq).text("tool", self.tool);
        if let Some(target) = &self.target {
            entry = entry.text("target", target);
        }
        if let Some((amount, currency)) = self.amount.zip(self.currency) {
            entry = entry.json("amount", format_args!("\"{amount}\"")).text("currency", currency);
        }
        entry.text("at", &utc(self.at)).end()
    }
}

/// The ledger while the server runs.
pub(crate) struct Book {
    pub(crate) connections: AtomicU64,
    pub(crate) http_requests: AtomicU64,
    pub(crate) unauthorized: AtomicU64,
    pub(crate) tool_calls: AtomicU64,
    executed: Mutex<Executed>,
    entries_max: usize,
}

#[derive(Default)]
struct Executed {
    seq: u64,
    totals: BTreeMap<&'static str, Total>,
    entries: VecDeque<Entry>,
}

/// Counts one more.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Book {
    /// An empty ledger that keeps that many entries.
    pub(crate) fn new(entries_max: usize) -> Self {
        Self {
            connections: AtomicU64::new(0),
            http_requests: AtomicU64::new(0),
            unauthorized: AtomicU64::new(0),
            tool_calls: AtomicU64::new(0),
            executed: Mutex::new(Executed::default()),
            entries_max,
        }
    }

    /// Appends one call that was carried out.
    pub(crate) fn append(
        &self,
        tool: &'static str,
        target: Option<&str>,
        money: Option<(Amount, &'static str)>,
    ) {
        let target = target.map(Box::from);
        let mut executed = self.executed.lock().unwrap_or_else(PoisonError::into_inner);
        executed.seq += 1;
        let total = executed.totals.entry(tool).or_default();
        total.calls += 1;
        if let Some((amount, currency)) = money {
            let sum = total.amounts.entry(currency).or_default();
            *sum = sum.plus(amount);
        }
        if executed.entries.len() >= self.entries_max {
            executed.entries.pop_front();
        }
        if self.entries_max > 0 {
            let (amount, currency) = money.unzip();
            let seq = executed.seq;
            // The clock is read under the lock, so that entries are in the order of their times.
            executed.entries.push_back(Entry {
                seq,
                tool,
                target,
                amount,
                currency,
                at: SystemTime::now(),
            });
        }
    }

    /// The ledger as it is now.
    pub(crate) fn snapshot(&self) -> Ledger {
        let executed = self.executed.lock().unwrap_or_else(PoisonError::into_inner);
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Ledger {
            connections: read(&self.connections),
            http_requests: read(&self.http_requests),
            unauthorized: read(&self.unauthorized),
            tool_calls: read(&self.tool_calls),
            totals: executed.totals.clone(),
            entries: executed.entries.iter().cloned().collect(),
        }
    }
}

/// A moment as RFC 3339 in UTC, to the millisecond. Moments before 1970 read as 1970.
fn utc(at: SystemTime) -> String {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, second) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    // Howard Hinnant's civil_from_days: years counted from March, in eras of 400 years.
    let z = days + 719_468;
    let (era, day_of_era) = (z / 146_097, z % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z",
        since.subsec_millis()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn totals_add_up_exactly_and_entries_stay_bounded() {
        let book = Book::new(2);
        let usd = |text: &str| Some((Amount::parse(text).unwrap(), "usd"));
        book.append("refund_payment", Some("pi_1001"), usd("0.1"));
        book.append("refund_payment", Some("pi_1001"), usd("0.2"));
        book.append("list_invoices", None, None);
        let ledger = book.snapshot();
        assert_eq!(ledger.amount("refund_payment", "usd").to_string(), "0.3");
        assert_eq!(ledger.amount("refund_payment", "eur"), Amount::ZERO);
        assert_eq!((ledger.calls("refund_payment"), ledger.executed()), (2, 3));
        assert_eq!(ledger.entries.iter().map(|e| e.seq).collect::<Vec<_>>(), [2, 3]);
        let json: serde_json::Value = serde_json::from_str(&ledger.to_json()).unwrap();
        assert_eq!(json["totals"]["refund_payment"]["amounts"]["usd"], "0.3");
        assert_eq!(json["entries"][0]["amount"], "0.2");
        assert_eq!(json["entries"][1]["tool"], "list_invoices");
    }

    #[test]
    fn moments_are_written_in_utc() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_795_253_712_345, "2026-11-21T09:35:12.345Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(utc(UNIX_EPOCH + Duration::from_millis(millis)), text);
        }
    }
}
