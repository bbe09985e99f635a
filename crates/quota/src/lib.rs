//! Limits that never drift: charges, windows, and the life of a reservation.
//!
//! - [`Key`] is what a counter is called, [`Window`] the stretch of time a `max` is for.
//! - [`Ledger`] takes room for a call under all of its limits or none ([`Ledger::reserve`]), and
//!   closes it by what became of the call ([`Ledger::finish`]). Each step says which rows changed
//!   ([`Changes`]), so a store can write them in the commit that records the call.
//! - [`ClockWatch`] says whether the clock can be believed.
//!
//! Pure: no I/O, no clock, no randomness. Moments are handed in, as microseconds since the epoch;
//! amounts are millionths.

mod bytes;
mod changes;
mod charge;
mod clock;
mod counter;
mod key;
mod ledger;
mod obligation;
mod reservation;
mod usage;
mod window;

pub use bytes::DecodeError;
pub use changes::{Change, Changes, Row};
pub use charge::{Charge, Limit, OnUnknown, Outcome};
pub use clock::{
    AGREE_MICROS, ANCHOR_MICROS, ClockWatch, DRIFT_MICROS_MAX, Doubt, Reading, Reason,
};
pub use counter::{Bucket, HISTORY_MICROS, Seen, decode_seen, encode_seen};
pub use key::{Key, KeyParts, KeyPrefix, Place, Subject};
pub use ledger::{
    CLOSED_KEPT, COUNTERS_KEPT, Fate, Ledger, LoadError, Past, ReserveError, StepError, UndoError,
};
pub use obligation::Subjects;
pub use reservation::{CallId, Hold, Reservation, State};
pub use usage::{Exhausted, Usage};
pub use window::{LENGTH_MICROS_MAX, SLOTS, Span, Unit, Window, WindowError, calendar_span};
