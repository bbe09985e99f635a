//! Approve: what a person must sign off goes no further without them.

use policy::{Allowed, Charge, ToolCall};

/// A call that needs no person, or has one.
///
/// - **Source**: [`allowed`]; a held call never becomes one.
pub(crate) struct Approved(Allowed);

/// A call that the policy allows by itself is approved by nobody having to.
pub(crate) fn allowed(allowed: Allowed) -> Approved {
    Approved(allowed)
}

impl Approved {
    /// The call and what must be reserved for it.
    pub(crate) fn into_parts(self) -> (ToolCall, Vec<Charge>) {
        self.0.into_parts()
    }
}
