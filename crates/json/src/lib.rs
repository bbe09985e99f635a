//! Exact JSON: one strict reader, the value it makes, and the writer of that value.
//!
//! What is judged is what is sent, so everything that reaches a decision is read here and nowhere
//! else. The reader accepts I-JSON (RFC 7493) and less: UTF-8 with no byte order mark, no member
//! name twice (nor two that a careless reader would take for one), no lone surrogate, no number
//! that a binary64 reader and an exact reader would read differently, bounded depth and size, and
//! nothing behind the value. There is no serde here, no I/O and no unchecked arithmetic.
//!
//! - [`Reader`] pulls values out of bytes; [`read`] reads one whole [`Value`].
//! - [`document::read`] keeps the place of each value, for files that people write.
//! - [`write()`] writes a value as it was judged; [`canonical`] sorts the members for digests.

mod canonical;
pub mod document;
mod error;
mod fold;
mod names;
mod neighbour;
mod number;
pub mod pointer;
mod reader;
mod string;
mod value;
mod write;

pub use canonical::{canonical, canonical_by_value};
pub use error::{Fault, ReadError, Step};
pub use fold::fold;
pub use number::{Decimal, Number, NumberFault};
pub use reader::{Kind, Limits, Reader, read};
pub use value::{Object, Value};
pub use write::{write, write_string, write_to_vec};
