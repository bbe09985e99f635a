//! MCP and JSON-RPC messages, strict to read and bounded in every size. No I/O, no clock, no HTTP.
//!
//! What an agent sends is read once by [`message::read`] into one value, judged, and written again
//! from that value; the agent's bytes go no further. What an upstream sends passes as the bytes
//! that came, checked by [`answer::scan`] and changed only by splicing.
//!
//! The entry points that take a stranger's bytes are plain functions over `&[u8]`:
//! [`message::read`], [`answer::scan`], [`answer::incoming`], [`tools::read_list`],
//! [`lists::filter`], [`capabilities::initialize_answer`] and [`sse::Decoder::push`].

pub mod answer;
pub mod call;
pub mod capabilities;
pub mod headers;
pub mod lists;
pub mod malformed;
pub mod message;
pub mod meta;
pub mod method;
pub mod reply;
pub mod sse;
pub mod tools;
mod tree;
pub mod version;

pub use answer::BadAnswer;
pub use malformed::Malformed;
pub use message::{Id, Message};
pub use method::Method;
pub use version::{Era, Version};
