//! What is wrong with a document, where it stands, and how it is told. No text is judged here.

use std::fmt;

/// One error of a document.
///
/// - **Shape**: `pointer` is a JSON Pointer (RFC 6901) into the document; `line` and `column` count
///   from 1, the column in characters; `code` is stable, `message` is for people.
/// - **Source**: [`crate::Policy::load`], [`crate::test`] and [`crate::import::intercept`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where it stands, as a JSON Pointer; empty for the whole document.
    pub pointer: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The stable name of the error.
    pub code: &'static str,
    /// What is wrong, for people.
    pub message: String,
    /// What was likely meant, where there is a guess.
    pub suggestion: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)?;
        if !self.pointer.is_empty() {
            write!(f, " (at {})", self.pointer)?;
        }
        if let Some(suggestion) = &self.suggestion {
            write!(f, "; did you mean `{suggestion}`?")?;
        }
        Ok(())
    }
}

/// Every error of a document, in the order of the text. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// The errors, in the order of the text.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.0.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none (which no operation of this crate hands out).
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The errors themselves.
    pub fn into_vec(self) -> Vec<Problem> {
        self.0
    }
}

impl<'a> IntoIterator for &'a Problems {
    type Item = &'a Problem;
    type IntoIter = std::slice::Iter<'a, Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// An error that still knows its place as a byte offset.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) at: usize,
    pub(crate) pointer: String,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) suggestion: Option<String>,
}

/// Gives errors their line and column in one pass over the text, and sorts them by place.
pub(crate) fn placed(bytes: &[u8], mut found: Vec<Found>) -> Problems {
    found.sort_by_key(|problem| problem.at);
    let mut place = Walker::new(bytes);
    let problems = found
        .into_iter()
        .map(|problem| {
            let (line, column) = place.walk_to(problem.at);
            Problem {
                pointer: problem.pointer,
                line,
                column,
                code: problem.code,
                message: problem.message,
                suggestion: problem.suggestion,
            }
        })
        .collect();
    Problems(problems)
}

/// Counts lines and columns while it moves forward over a text.
pub(crate) struct Walker<'a> {
    bytes: &'a [u8],
    at: usize,
    line: usize,
    column: usize,
}

impl<'a> Walker<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, line: 1, column: 1 }
    }

    /// The line and column of an offset that does not lie before the last one asked for.
    pub(crate) fn walk_to(&mut self, at: usize) -> (usize, usize) {
        let end = at.min(self.bytes.len());
        for byte in self.bytes.get(self.at..end).unwrap_or_default() {
            match byte {
                b'\n' => {
                    self.line += 1;
                    self.column = 1;
                }
                // Bytes inside a character do not start a column.
                byte if byte & 0xc0 != 0x80 => self.column += 1,
                _ => {}
            }
        }
        self.at = end.max(self.at);
        (self.line, self.column)
    }
}

/// One error that has no place in a text of JSON.
pub(crate) fn single(code: &'static str, message: String, line: usize, column: usize) -> Problem {
    Problem { pointer: String::new(), line, column, code, message, suggestion: None }
}

impl From<Vec<Problem>> for Problems {
    fn from(problems: Vec<Problem>) -> Self {
        Self(problems)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_characters_and_come_in_the_order_of_the_text() {
        let text = "ab\né{x\n".as_bytes();
        let problem = |at| Found {
            at,
            pointer: String::new(),
            code: "c",
            message: "m".to_owned(),
            suggestion: None,
        };
        let placed = placed(text, vec![problem(6), problem(0), problem(5)]);
        let places: Vec<_> = placed.iter().map(|p| (p.line, p.column)).collect();
        assert_eq!(places, [(1, 1), (2, 2), (2, 3)]);
    }
}
