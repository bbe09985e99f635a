//! The life of one call's quota: reserved, then settled, released or unknown.

use std::sync::Arc;

use crate::bytes::{DecodeError, Reader, put_count, put_i64, put_text};
use crate::{Key, OnUnknown};

/// A call: 16 random bytes, made by the gateway, unique.
pub type CallId = [u8; 16];

/// Where a hold stands.
///
/// `Reserved` goes to any of the others, `Unknown` to `Settled` or `Released`; those two are final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// The call is in flight.
    Reserved,
    /// The call was carried out.
    Settled,
    /// The call was not carried out; its amount went back to the window it was taken from.
    Released,
    /// Nobody knows; the amount stays counted.
    Unknown,
}

impl State {
    /// Whether nothing can follow.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Settled | Self::Released)
    }

    /// The name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reserved => "reserved",
            Self::Settled => "settled",
            Self::Released => "released",
            Self::Unknown => "unknown",
        }
    }

    const fn tag(self) -> u8 {
        match self {
            Self::Reserved => 0,
            Self::Settled => 1,
            Self::Released => 2,
            Self::Unknown => 3,
        }
    }

    const fn of_tag(tag: u8) -> Result<Self, DecodeError> {
        match tag {
            0 => Ok(Self::Reserved),
            1 => Ok(Self::Settled),
            2 => Ok(Self::Released),
            3 => Ok(Self::Unknown),
            other => Err(DecodeError::Tag(other)),
        }
    }
}

/// What one call holds of one limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// The counter.
    pub key: Key,
    /// The rule that asked for it.
    pub rule: Arc<str>,
    /// How much, in millionths.
    pub amount: i64,
    /// The bucket of the counter it was taken from: the one with the greatest start that is not
    /// after this moment. Buckets may be joined later, never split, so this stays true.
    pub bucket: i64,
    /// Where it stands.
    pub state: State,
    /// Whether it has ever been unknown.
    pub doubted: bool,
    /// Whether it was released because the outcome was unknown and its limit says so. Later news
    /// of the call leaves it released: its place may have been taken since.
    pub rolled_back: bool,
    /// Whether a call counts that the tool itself answered with `isError`.
    pub count_failed: bool,
    /// What an unknown outcome does.
    pub on_unknown: OnUnknown,
}

/// What one call holds of all its limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reservation {
    /// The call.
    pub call: CallId,
    /// When it was made, in microseconds since the epoch, as the ledger counts time.
    pub at: i64,
    /// `None` while anything is reserved or unknown; then its place in the order of closing.
    pub closed: Option<u64>,
    /// One per charge, in the order they were asked for.
    pub holds: Vec<Hold>,
}

impl Reservation {
    /// Whether any hold is in this state.
    pub fn has(&self, state: State) -> bool {
        self.holds.iter().any(|hold| hold.state == state)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.holds.iter().all(|hold| hold.state.is_final())
    }

    /// The holds as bytes, for one column of a row.
    pub fn encode_holds(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        put_count(&mut out, self.holds.len());
        for hold in &self.holds {
            put_count(&mut out, hold.key.encoded().len());
            out.extend_from_slice(hold.key.encoded());
            put_text(&mut out, &hold.rule);
            put_i64(&mut out, hold.amount);
            put_i64(&mut out, hold.bucket);
            out.push(hold.state.tag());
            out.push(u8::from(hold.doubted));
            out.push(u8::from(hold.rolled_back));
            out.push(u8::from(hold.count_failed));
            out.push(u8::from(hold.on_unknown == OnUnknown::Keep));
        }
        out
    }

    /// Reads what [`Reservation::encode_holds`] gave.
    ///
    /// - **Errors**: anything but exactly those bytes.
    pub fn decode_holds(bytes: &[u8]) -> Result<Vec<Hold>, DecodeError> {
        let mut reader = Reader(bytes);
        let mut holds = Vec::new();
        for _ in 0..reader.count()? {
            holds.push(Hold {
                key: Key::decode(reader.bytes()?)?,
                rule: reader.text()?.into(),
                amount: reader.i64()?,
                bucket: reader.i64()?,
                state: State::of_tag(reader.u8()?)?,
                doubted: reader.flag()?,
                rolled_back: reader.flag()?,
                count_failed: reader.flag()?,
                on_unknown: if reader.flag()? { OnUnknown::Keep } else { OnUnknown::RollBack },
            });
        }
        reader.end()?;
        Ok(holds)
    }
}

/// What a step makes of one hold.
pub(crate) enum Step {
    /// It is there already.
    Stay,
    /// It goes there.
    Go(State),
    /// It cannot.
    Illegal,
}

impl Hold {
    /// The one table of transitions.
    pub(crate) const fn step(&self, to: State) -> Step {
        match (self.state, to) {
            // A late or repeated «unknown» about what was unknown and has been resolved since.
            (State::Settled | State::Released, State::Unknown) if self.doubted => Step::Stay,
            (State::Released, State::Settled | State::Unknown) if self.rolled_back => Step::Stay,
            (State::Settled, State::Settled)
            | (State::Released, State::Released)
            | (State::Unknown, State::Unknown)
            | (State::Reserved, State::Reserved) => Step::Stay,
            (State::Reserved | State::Unknown, State::Settled | State::Released)
            | (State::Reserved, State::Unknown) => Step::Go(to),
            (State::Settled | State::Released | State::Unknown, State::Reserved)
            | (State::Settled, State::Released | State::Unknown)
            | (State::Released, State::Settled | State::Unknown) => Step::Illegal,
        }
    }
}
