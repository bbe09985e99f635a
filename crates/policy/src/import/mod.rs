//! Policies of other products, carried over. What cannot be carried over faithfully is refused, never
//! guessed at.

mod intercept;
mod lists;
mod patterns;
mod scalar;
mod yaml;

pub use intercept::intercept;

/// What an author should know about a policy that was carried over: where it is stricter than before,
/// or says something in another way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The line of the original, from 1; 0 when it is about the whole.
    pub line: usize,
    /// The note, for people.
    pub message: String,
}

impl std::fmt::Display for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            0 => f.write_str(&self.message),
            line => write!(f, "line {line}: {}", self.message),
        }
    }
}
