//! Tells people outside that calls wait for them: signed webhooks, mail, Slack.
//!
//! What there is to tell stands in the outbox of the store, written in the commit that changed the
//! approval. The [`Courier`] takes it from there, oldest first for each channel, tries until the other
//! side has taken it, and says so to the outbox. Everything leaves through the guarded way out of
//! `dial`. A message holds names, times and a link, never a value of a call: none reaches this crate.
//!
//! - [`words`]: what a message says, for programs and for people.
//! - `post`, `mail`: one attempt.
//! - `courier`: when, and in which order.

mod courier;
mod mail;
mod post;
pub mod words;

pub use courier::Courier;
