//! Exact answers about policies, without running them: what a change lets through, whether a call can
//! pass, which rules can never fire, which no test exercises.
//!
//! Every place that a rule reads is a variable; the tests on it cut its values into classes, finitely
//! many, each with a value of its own; each rule is then a demand on classes, and a search decides. A call
//! that is shown has been judged by [`crate::decide`]. "The same" and "no" are said only where the search has
//! proved them; where something lies beyond it, "not known" is said, with the reason.

mod answer;
mod ask;
mod atoms;
mod bits;
mod classes;
mod clocks;
mod coverage;
mod describe;
mod diff;
mod limits;
mod look;
mod mutants;
mod names;
mod parts;
mod phrase;
mod places;
mod relation;
mod road;
mod scene;
mod sections;
mod solve;
mod space;
mod test;
mod text;
pub(crate) mod warn;
mod words;

pub use answer::{Approvals, Change, Diff, Kind, NotKnown, Side, Witness};
pub use ask::{Answer, Query, Wanted, ask};
pub use coverage::{Coverage, CoverageError, RuleCoverage, UnnoticedChange, coverage};
pub use diff::diff;
pub use phrase::QUESTION_SHAPE;
