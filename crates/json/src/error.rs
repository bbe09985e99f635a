//! What can be wrong with JSON text, where it stands, and how it is called in an answer.

use std::fmt;

/// One step from a container to a value inside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A member of an object, by its decoded name.
    Member(String),
    /// An element of a list, counted from 0.
    Index(usize),
}

/// What the strict reader refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// The bytes are not UTF-8, or start with a byte order mark.
    NotUtf8,
    /// The text is not JSON.
    Syntax,
    /// Something follows the value.
    TrailingData,
    /// The text ends inside a value.
    UnexpectedEnd,
    /// A `\u` escape names half of a surrogate pair.
    LoneSurrogate,
    /// A raw control character stands inside a string.
    ControlCharacter,
    /// A member name holds a control character.
    ControlCharacterInKey,
    /// A string holds a code point that is reserved as a noncharacter.
    Noncharacter,
    /// One object names the same member twice.
    DuplicateKey,
    /// Two member names of one object differ only by case, width or invisible characters.
    KeyCollision,
    /// Containers are nested deeper than the limit.
    TooDeep,
    /// The text holds more members and elements than the limit.
    TooManyMembers,
    /// A member name is longer than the limit, or all names together are.
    NameTooLong,
    /// A number is written with more characters than the limit.
    NumberTooLong,
    /// A number is beyond what binary64 can hold.
    NumberOutOfRange,
    /// Readers would disagree on the number's value.
    NumberNotExact,
    /// The number is a negative zero.
    NegativeZero,
    /// The value is of another type than the reader asked for.
    WrongType,
}

impl Fault {
    /// The stable name used in answers and in the call log.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotUtf8 => "not_utf8",
            Self::Syntax => "syntax",
            Self::TrailingData => "trailing_data",
            Self::UnexpectedEnd => "unexpected_end",
            Self::LoneSurrogate => "lone_surrogate",
            Self::ControlCharacter => "control_character",
            Self::ControlCharacterInKey => "control_char_in_key",
            Self::Noncharacter => "noncharacter",
            Self::DuplicateKey => "duplicate_key",
            Self::KeyCollision => "key_collision",
            Self::TooDeep => "too_deep",
            Self::TooManyMembers => "too_many_members",
            Self::NameTooLong => "name_too_long",
            Self::NumberTooLong => "value_too_long",
            Self::NumberOutOfRange => "number_out_of_range",
            Self::NumberNotExact => "number_not_exact",
            Self::NegativeZero => "negative_zero",
            Self::WrongType => "type_mismatch",
        }
    }

    /// Whether the text is not JSON at all (as opposed to JSON that is refused).
    pub const fn is_syntax(self) -> bool {
        matches!(
            self,
            Self::NotUtf8
                | Self::Syntax
                | Self::TrailingData
                | Self::UnexpectedEnd
                | Self::LoneSurrogate
                | Self::ControlCharacter
        )
    }

    const fn text(self) -> &'static str {
        match self {
            Self::NotUtf8 => "the text is not UTF-8 without a byte order mark",
            Self::Syntax => "the text is not JSON",
            Self::TrailingData => "something follows the value",
            Self::UnexpectedEnd => "the text ends inside a value",
            Self::LoneSurrogate => "an escape names half of a surrogate pair",
            Self::ControlCharacter => "a raw control character stands inside a string",
            Self::ControlCharacterInKey => "a member name holds a control character",
            Self::Noncharacter => "a string holds a noncharacter",
            Self::DuplicateKey => "a member name stands twice in one object",
            Self::KeyCollision => {
                "two member names of one object differ only by case, width or invisible characters"
            }
            Self::TooDeep => "containers are nested too deep",
            Self::TooManyMembers => "there are too many members",
            Self::NameTooLong => "a member name, or all of them together, is too long",
            Self::NumberTooLong => "a number has too many characters",
            Self::NumberOutOfRange => "a number is out of range",
            Self::NumberNotExact => "a number is not exactly representable",
            Self::NegativeZero => "a number is a negative zero",
            Self::WrongType => "a value has another type than expected",
        }
    }
}

/// Why a text was not read.
///
/// - **Shape**: the fault, the byte offset where it was noticed, and the way to it.
/// - **Errors**: the message never holds a value or a member name of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError(Box<Inner>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Inner {
    fault: Fault,
    at: usize,
    // Innermost step first: the way is gathered while the error travels outward.
    way: Vec<Step>,
}

impl ReadError {
    /// A fault noticed at byte `at`.
    pub fn new(fault: Fault, at: usize) -> Self {
        Self(Box::new(Inner { fault, at, way: Vec::new() }))
    }

    /// What is wrong.
    pub fn fault(&self) -> Fault {
        self.0.fault
    }

    /// The byte offset where it was noticed.
    pub fn at(&self) -> usize {
        self.0.at
    }

    /// The steps from the outermost value to the fault, outermost first.
    pub fn way(&self) -> impl Iterator<Item = &Step> {
        self.0.way.iter().rev()
    }

    /// The way as a JSON Pointer (RFC 6901). It holds member names of the text.
    pub fn pointer(&self) -> String {
        let mut pointer = String::new();
        for step in self.way() {
            match step {
                Step::Member(name) => crate::pointer::push(&mut pointer, name),
                Step::Index(index) => crate::pointer::push(&mut pointer, &index.to_string()),
            }
        }
        pointer
    }

    /// Adds the step that leads to the value in which this error arose.
    #[must_use]
    pub fn inside(mut self, step: Step) -> Self {
        self.0.way.push(step);
        self
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at byte {})", self.0.fault.text(), self.0.at)
    }
}

impl std::error::Error for ReadError {}
