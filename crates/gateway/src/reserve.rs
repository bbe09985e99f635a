//! Reserve: the quota is taken and the intent written, in one commit. Unwritten is unsent.

use std::cell::RefCell;
use std::sync::Arc;

use json::{Object, Value};
use policy::{Charge, ToolCall, Usage};
use store::{BeginError, DataPlane, RoomError, Verdict};

use crate::approve::Approved;
use crate::authenticate::Caller;
use crate::leg::Leg;
use crate::record::{Line, no_text};
use crate::recording;
use crate::refusal::{Denied, Refusal};
use crate::road::Gateway;

/// Proof that a call may leave: judged, approved, paid for and written down.
///
/// - **Source**: [`room`], after the commit. It is used up by the forwarding.
pub(crate) struct Permit {
    pub(crate) call: ToolCall,
}

/// Why there is no permit.
pub(crate) enum NoRoom {
    /// What the call was judged by has changed: judge this call again.
    Stale(ToolCall),
    /// The approval is not good any more: another call has used it, or its time is over.
    NotApproved(ToolCall),
    /// Refused.
    Refused(Refusal),
}

/// Takes the quota and writes the intent. After this returns a permit, the line is durable: a crash
/// from here on leaves an open intent, which the next start closes as unknown.
pub(crate) async fn room(
    gateway: &Gateway,
    caller: &Caller,
    line: &mut Line,
    approved: Approved,
) -> Result<Permit, NoRoom> {
    let (call, charges, signed) = approved.into_parts();
    match &signed {
        None => line.decided(Verdict::Allowed, no_text(), ""),
        // The rule stays: it says what people have answered.
        Some(_) => line.decided(Verdict::Allowed, line.intent.rule.clone(), "approved"),
    }
    line.intent.charged = charges.iter().map(|charge| charge.rule.clone()).collect();
    let told: Vec<(Arc<str>, String)> =
        charges.iter().map(|charge| (charge.rule.clone(), charge.denial_message())).collect();
    let charges = charges.into_iter().map(|charge| (key(caller, &charge), charge)).collect();
    let mut intent = line.intent.clone();
    if let Some(capture) = recording::arguments(caller, line.id(), &call) {
        // With the intent alone: what is told of the call elsewhere does not carry it about.
        intent.marks.get_or_insert_default().capture = Some(capture);
    }
    let begun = match signed {
        None => gateway.store.call_begin(intent, charges, caller.judged_at).await,
        Some(signed) => {
            let approving = gateway.store.approving();
            approving.call_begin_approved(intent, charges, caller.judged_at, signed).await
        }
    };
    match begun {
        Ok(()) => {
            crate::observe::decided(gateway, line);
            Ok(Permit { call })
        }
        Err(BeginError::NotApproved) => Err(NoRoom::NotApproved(call)),
        Err(BeginError::StaleView) => Err(NoRoom::Stale(call)),
        Err(BeginError::NoRoom(why)) => {
            let message = told
                .into_iter()
                .find_map(|(known, text)| (known == *why.rule()).then_some(text))
                .unwrap_or_else(|| format!("The limit {} cannot hold this call.", why.rule()));
            line.intent.charged.clear();
            Err(NoRoom::Refused(refused(&why, message, line)))
        }
        Err(BeginError::Store(error)) => {
            tracing::error!(%error, "an intent could not be recorded; the call is refused");
            Err(NoRoom::Refused(Refusal::Unavailable))
        }
        Err(error) => {
            tracing::error!(%error, "an intent was refused");
            Err(NoRoom::Refused(Refusal::Unavailable))
        }
    }
}

/// The permit of a later leg: intent and quota are held since the first one.
pub(crate) fn held_since(leg: &Leg, approved: Approved) -> Permit {
    debug_assert!(leg.is_continued());
    let (call, ..) = approved.into_parts();
    Permit { call }
}

/// The counter of a charge: a structured tuple, never a joined string.
pub(crate) fn key(caller: &Caller, charge: &Charge) -> quota::Key {
    let (grant, server) = (&caller.grant, &caller.attached.server);
    let policy = caller.attached.policy.as_ref().map_or("", |policy| policy.id.as_str());
    let subjects = quota::Subjects {
        organisation: grant.org.as_str().into(),
        grant: grant.id.as_str().into(),
        identity: grant.identity.clone(),
        policy: policy.into(),
        server: server.id.as_str().into(),
    };
    quota::Key::of(&subjects, charge)
}

/// A limit that does not let the call through: which, and what the agent can do about it.
/// `message` is what the policy says of a limit that is full.
pub(crate) fn refused(why: &RoomError, message: String, line: &mut Line) -> Refusal {
    let rule = why.rule().clone();
    line.decided(Verdict::Denied, rule.clone(), why.code());
    let (message, retry_after_micros, more) = match why {
        RoomError::Exhausted(exhausted) => {
            (message, exhausted.retry_after_micros, vec![("limit", left_of(exhausted))])
        }
        RoomError::ClockUncertain { .. } => {
            let text = format!(
                "The gateway's clock is in doubt, so the limit {rule} cannot be counted now. An \
                 administrator must set the clock right or confirm it."
            );
            (text, None, Vec::new())
        }
        _ => (format!("The limit {rule} cannot count this call."), None, Vec::new()),
    };
    Refusal::Denied(Box::new(Denied {
        decision: "denied",
        rule,
        reason: why.code(),
        message,
        retry_after_ms: retry_after_micros
            .and_then(|micros| u64::try_from(micros).ok())
            .map(|micros| micros.div_ceil(1000)),
        call: line.id().to_string(),
        more,
    }))
}

/// What is left of a limit, for the agent to act on: plain decimals, no value of the call.
fn left_of(exhausted: &quota::Exhausted) -> Value {
    let plain = |millionths: i64| {
        let value = json::Decimal::new(millionths < 0, millionths.unsigned_abs(), -6);
        Value::String(value.to_string())
    };
    let mut limit = Object::new();
    limit.insert("max", plain(exhausted.max));
    limit.insert("left", plain(exhausted.left));
    if let Some(at) = exhausted.resets_at
        && let Ok(at) = jiff::Timestamp::from_microsecond(at)
    {
        limit.insert("resets_at", at.to_string());
    }
    Value::Object(limit)
}

/// What limits have left, for the decision: a look, not a promise. Remembers why one said no, so
/// that the agent can be told.
pub(crate) struct Room<'a> {
    store: &'a dyn DataPlane,
    caller: &'a Caller,
    refused: RefCell<Option<RoomError>>,
}

impl<'a> Room<'a> {
    pub(crate) fn of(store: &'a dyn DataPlane, caller: &'a Caller) -> Self {
        Self { store, caller, refused: RefCell::default() }
    }

    /// Why the limit said no that was asked last.
    pub(crate) fn into_refused(self) -> Option<RoomError> {
        self.refused.into_inner()
    }
}

impl Usage for Room<'_> {
    fn fits(&self, charge: &Charge) -> bool {
        let room = self.store.room(&key(self.caller, charge), charge);
        let fits = room.is_ok();
        self.refused.replace(room.err());
        fits
    }
}
