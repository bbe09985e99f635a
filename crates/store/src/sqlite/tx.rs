//! A change in the making: the transaction it is part of, and its line in the audit log.

use std::cell::{Cell, RefCell};

use json::{Object, Value};
use rusqlite::{Connection, params};

use super::fault::Fault;
use super::keys::{Keys, NewKeys};
use crate::By;

/// One job's part of a transaction.
pub(super) struct Tx<'a> {
    pub(super) conn: &'a Connection,
    pub(super) keys: &'a Keys,
    judged: Cell<bool>,
    erased: Cell<bool>,
    asked: Cell<bool>,
    reshaped: Cell<bool>,
    /// What the transaction has made of the keys.
    new_keys: RefCell<Option<NewKeys>>,
}

/// What a job hands back: only [`Tx::record`] and [`Recorded::unchanged`] make one, so a change
/// without its audit line does not compile.
pub(super) struct Recorded<T>(T);

impl<T> Recorded<T> {
    /// Nothing was changed, so there is nothing to record.
    pub(super) fn unchanged(value: T) -> Self {
        Self(value)
    }

    /// What is handed back, for a further part of the same change.
    pub(super) fn value(&self) -> &T {
        &self.0
    }

    pub(super) fn into_inner(self) -> T {
        self.0
    }
}

impl<'a> Tx<'a> {
    /// `new_keys` is what changes before this one, in the same transaction, have made of the keys.
    pub(super) fn new(conn: &'a Connection, keys: &'a Keys, new_keys: Option<NewKeys>) -> Self {
        let unset = || Cell::new(false);
        let new_keys = RefCell::new(new_keys);
        let (judged, erased, asked, reshaped) = (unset(), unset(), unset(), unset());
        Self { conn, keys, judged, erased, asked, reshaped, new_keys }
    }

    /// The keys that a change of the keys goes on from.
    pub(super) fn keys_so_far(&self) -> NewKeys {
        let made = self.new_keys.borrow().clone();
        made.unwrap_or_else(|| NewKeys { ring: self.keys.ring(), root: None })
    }

    /// Says what the keys become when the transaction is committed.
    pub(super) fn keys_become(&self, new: NewKeys) {
        *self.new_keys.borrow_mut() = Some(new);
    }

    /// What the transaction has made of the keys, if anything.
    pub(super) fn into_new_keys(self) -> Option<NewKeys> {
        self.new_keys.into_inner()
    }

    /// Says that something was changed that calls are judged by.
    pub(super) fn judged_by(&self) {
        self.judged.set(true);
    }

    /// Says that sealed values were erased, so old pages should go too.
    pub(super) fn erases(&self) {
        self.erased.set(true);
    }

    /// Says that an approval was changed, so whoever waits for one looks again.
    pub(super) fn asks(&self) {
        self.asked.set(true);
    }

    /// Says that shapes of calls were removed, so that the writer forgets which there are.
    pub(super) fn reshapes(&self) {
        self.reshaped.set(true);
    }

    pub(super) fn changed_shapes(&self) -> bool {
        self.reshaped.get()
    }

    pub(super) fn changed_approvals(&self) -> bool {
        self.asked.get()
    }

    pub(super) fn changed_view(&self) -> bool {
        self.judged.get()
    }

    pub(super) fn erased(&self) -> bool {
        self.erased.get()
    }

    /// Writes the line of the audit log that goes with a change.
    pub(super) fn record<T>(
        &self,
        by: &By,
        event: &str,
        subject: &str,
        detail: Detail,
        value: T,
    ) -> Result<Recorded<T>, Fault> {
        let detail = String::from_utf8(json::write_to_vec(&Value::Object(detail.0)))
            .map_err(|_| super::fault::corrupt("audit_events"))?;
        self.conn
            .prepare_cached(
                "INSERT INTO audit_events (org, at, member, key, session, name, address, event, \
                 subject, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            )?
            .execute(params![
                by.org.as_str(),
                by.at.micros(),
                by.member.as_ref().map(crate::MemberId::as_str),
                by.key.as_ref().map(crate::KeyId::as_str),
                by.session.as_ref().map(crate::SessionId::as_str),
                by.name,
                by.address,
                event,
                subject,
                detail,
            ])?;
        Ok(Recorded(value))
    }
}

/// What a change did, field by field.
#[derive(Default)]
pub(super) struct Detail(Object);

impl Detail {
    /// A field that had no value before.
    pub(super) fn now(self, field: &str, value: impl Into<Value>) -> Self {
        self.put(field, [("after", value.into())])
    }

    /// A field that may have been changed; equal values leave no trace.
    pub(super) fn change<V: Into<Value> + PartialEq>(
        self,
        field: &str,
        before: V,
        after: V,
    ) -> Self {
        if before != after {
            return self.put(field, [("before", before.into()), ("after", after.into())]);
        }
        self
    }

    /// A field that has no value any more.
    pub(super) fn was(self, field: &str, value: impl Into<Value>) -> Self {
        self.put(field, [("before", value.into())])
    }

    /// The fields of another part of the same change.
    pub(super) fn with(mut self, other: Self) -> Self {
        for (field, sides) in other.0.iter() {
            self.0.insert(field, sides.clone());
        }
        self
    }

    /// A field whose value nobody may read here.
    pub(super) fn secret(mut self, field: &str) -> Self {
        self.0.insert(field, "changed");
        self
    }

    fn put<const N: usize>(mut self, field: &str, sides: [(&str, Value); N]) -> Self {
        let sides = sides.into_iter().map(|(side, value)| (side.to_owned(), value));
        self.0.insert(field, Value::Object(sides.collect()));
        self
    }
}
