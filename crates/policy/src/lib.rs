//! The policy language: what a grant may call, with which arguments, how often, and which calls
//! wait for a person.
//!
//! A document is read once by [`Policy::load`], which reports every error at once, and compiled to an
//! immutable program. [`decide`] judges one call: the same call under the same policy, the same usage
//! and the same clock always gets the same decision, and what cannot be judged is not let through.
//! There is no I/O here, no clock, no randomness and no float.

mod budget;
mod cases;
mod charge;
mod check;
mod clock;
mod compare;
mod decide;
mod decision;
pub mod exact;
mod explain;
mod filled;
pub mod import;
mod index;
mod load;
mod path;
mod pattern;
mod policy;
mod possible;
mod pretty;
mod problem;
mod program;
mod reference;
mod regular;
mod suggest;
mod truth;
mod values;

pub use cases::{CaseResult, test, test_against};
pub use charge::{Charge, OnUnknown, Per, Place, Scope, StatedLimit, Window};
pub use check::{ServerTool, Warning, check};
pub use compare::Why;
pub use decide::{decide, decide_signed};
pub use decision::{
    Access, Allowed, ApprovalNeeded, Approver, ClientRequest, Decision, Definition, Denial,
    GrantFacts, Held, Indeterminate, Question, Reason, ToolCall, Unused, Usage, Visibility,
};
pub use explain::{Trace, TraceCondition, TraceRule, explain};
pub use policy::Policy;
pub use problem::{Problem, Problems};
pub use reference::{json_schema, reference_markdown};
pub use truth::Truth;
