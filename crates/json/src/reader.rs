//! The strict reader: a pull parser over one text, with every limit and every refusal in one place.

use std::borrow::Cow;
use std::ops::Range;

use crate::names::Names;
use crate::string::{escaped_run, is_noncharacter, plain_run, unescape};
use crate::{Fault, Number, NumberFault, Object, ReadError, Step, Value};

/// How much a reader takes and how strict it is beyond the grammar.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The deepest nesting of containers.
    pub depth: usize,
    /// The most members and elements in the whole text.
    pub members: usize,
    /// Whether readers must agree on numbers and member names: on for what is judged, off for
    /// what only passes (an upstream's answer may hold any number the grammar allows).
    pub exact: bool,
}

impl Limits {
    /// For what is judged and forwarded.
    pub const REQUEST: Self = Self { depth: 64, members: 10_000, exact: true };
    /// For what comes back and passes as the bytes that came.
    pub const ANSWER: Self = Self { depth: 128, members: usize::MAX, exact: false };
}

/// The type of the value that comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `null`
    Null,
    /// `true` or `false`
    Bool,
    /// A number
    Number,
    /// A string
    String,
    /// A list
    Array,
    /// An object
    Object,
}

/// Reads one whole value.
///
/// - **Shape**: the value and nothing behind it but blank space.
/// - **Errors**: the first fault, with its place.
pub fn read(bytes: &[u8], limits: Limits) -> Result<Value, ReadError> {
    let mut reader = Reader::new(bytes, limits)?;
    let value = reader.value()?;
    reader.end()?;
    Ok(value)
}

/// A pull parser over one text.
///
/// After an error the reader must not be used further; where it stands is then unspecified, and
/// every later call still only reads or fails.
#[derive(Debug)]
pub struct Reader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    depth: usize,
    members: usize,
    limits: Limits,
    /// Bytes of names that had to be folded so far.
    folded_bytes: usize,
    /// Lists of names of objects that are done, kept for the next ones.
    spare: Vec<Vec<Cow<'a, str>>>,
    collected: Option<Vec<ReadError>>,
}

/// The most bytes of one member name, where readers must agree on names.
const NAME_BYTES_MAX: usize = 1024;

/// The most bytes that names outside ASCII may have together: folding one costs a thousand times
/// what reading it costs.
const WIDE_NAME_BYTES_MAX: usize = 256 * 1024;

impl<'a> Reader<'a> {
    /// A reader at the start of the text.
    pub fn new(bytes: &'a [u8], limits: Limits) -> Result<Self, ReadError> {
        let text = simdutf8::compat::from_utf8(bytes)
            .map_err(|error| ReadError::new(Fault::NotUtf8, error.valid_up_to()))?;
        if text.starts_with('\u{feff}') {
            return Err(ReadError::new(Fault::NotUtf8, 0));
        }
        Ok(Self {
            text,
            bytes,
            at: 0,
            depth: 0,
            members: 0,
            limits,
            folded_bytes: 0,
            spare: Vec::new(),
            collected: None,
        })
    }

    /// From now on, faults that leave the structure readable (names that stand twice, refused
    /// numbers) are gathered instead of ending the reading.
    pub(crate) fn collect(&mut self) {
        self.collected = Some(Vec::new());
    }

    pub(crate) fn take_collected(&mut self) -> Vec<ReadError> {
        self.collected.as_mut().map(std::mem::take).unwrap_or_default()
    }

    pub(crate) fn collected_mut(&mut self) -> Option<&mut Vec<ReadError>> {
        self.collected.as_mut()
    }

    /// The byte offset of what comes next, blank space skipped.
    pub fn offset(&mut self) -> usize {
        self.blank();
        self.at
    }

    /// The byte offset right behind what was read last, blank space not skipped.
    pub fn position(&self) -> usize {
        self.at
    }

    /// The type of what comes next.
    pub fn peek(&mut self) -> Result<Kind, ReadError> {
        self.blank();
        match self.byte() {
            Some(b'{') => Ok(Kind::Object),
            Some(b'[') => Ok(Kind::Array),
            Some(b'"') => Ok(Kind::String),
            Some(b'-' | b'0'..=b'9') => Ok(Kind::Number),
            Some(b't' | b'f') => Ok(Kind::Bool),
            Some(b'n') => Ok(Kind::Null),
            Some(_) => Err(self.fault(Fault::Syntax)),
            None => Err(self.fault(Fault::UnexpectedEnd)),
        }
    }

    /// Reads any value.
    pub fn value(&mut self) -> Result<Value, ReadError> {
        match self.peek()? {
            Kind::Null => self.word("null").map(|()| Value::Null),
            Kind::Bool => self.boolean().map(Value::Bool),
            Kind::Number => self.number().map(Value::Number),
            Kind::String => self.string().map(|text| Value::String(text.into_owned())),
            Kind::Array => {
                let mut list = Vec::new();
                self.array(|reader, _| {
                    list.push(reader.value()?);
                    Ok(())
                })?;
                Ok(Value::Array(list))
            }
            Kind::Object => {
                let mut object = Object::new();
                self.object(|reader, name| {
                    let value = reader.value()?;
                    object.push(name.to_owned(), value);
                    Ok(())
                })?;
                Ok(Value::Object(object))
            }
        }
    }

    /// Checks any value and says where it stood, without building it.
    pub fn skip(&mut self) -> Result<Range<usize>, ReadError> {
        let kind = self.peek()?;
        let start = self.at;
        match kind {
            Kind::Null => self.word("null")?,
            Kind::Bool => drop(self.boolean()?),
            Kind::Number if self.limits.exact => drop(self.number()?),
            Kind::Number => drop(self.lexeme()?),
            Kind::String if self.limits.exact => drop(self.string_token()?),
            Kind::String => {
                self.raw_string()?;
            }
            Kind::Array => self.array(|reader, _| reader.pass())?,
            Kind::Object => self.object(|reader, _| reader.pass())?,
        }
        Ok(start..self.at)
    }

    /// Checks any value and passes over it.
    pub fn pass(&mut self) -> Result<(), ReadError> {
        self.skip().map(|_| ())
    }

    /// Reads an object: `each` is called at every member's value and must read exactly that.
    ///
    /// Names are checked before the value is read; the name is handed over decoded.
    pub fn object(
        &mut self,
        mut each: impl FnMut(&mut Self, &str) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        self.object_at(|reader, name, _| each(reader, name))
    }

    /// As [`Reader::object`], with the offset of each name.
    pub(crate) fn object_at(
        &mut self,
        mut each: impl FnMut(&mut Self, &str, usize) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        self.open(b'{', Kind::Object)?;
        let mut names = Names::new(self.spare.pop().unwrap_or_default());
        self.blank();
        if self.byte() == Some(b'}') {
            return self.close();
        }
        loop {
            self.count()?;
            self.blank();
            let at = self.at;
            let name = self.string_token()?;
            self.name(&name, at, &mut names)
                .map_err(|e| e.inside(Step::Member(name.to_string())))?;
            self.blank();
            self.expect(b':')?;
            each(self, &name, at).map_err(|e| e.inside(Step::Member(name.to_string())))?;
            names.add(name, self.limits.exact);
            if self.more(b'}')? {
                self.spare.push(names.into_spare());
                return self.close();
            }
        }
    }

    /// Reads a list: `each` is called at every element and must read exactly that.
    pub fn array(
        &mut self,
        mut each: impl FnMut(&mut Self, usize) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        self.open(b'[', Kind::Array)?;
        self.blank();
        if self.byte() == Some(b']') {
            return self.close();
        }
        let mut index = 0;
        loop {
            self.count()?;
            each(self, index).map_err(|e| e.inside(Step::Index(index)))?;
            index += 1;
            if self.more(b']')? {
                return self.close();
            }
        }
    }

    /// Reads a string, decoded.
    pub fn string(&mut self) -> Result<Cow<'a, str>, ReadError> {
        match self.peek()? {
            Kind::String => self.string_token(),
            _ => Err(self.fault(Fault::WrongType)),
        }
    }

    /// Reads a number; one that readers disagree on is refused.
    pub fn number(&mut self) -> Result<Number, ReadError> {
        if self.peek()? != Kind::Number {
            return Err(self.fault(Fault::WrongType));
        }
        let start = self.at;
        let text = self.lexeme()?;
        match Number::of_lexeme(text) {
            Ok(number) => Ok(number),
            Err(fault) => {
                let fault = match fault {
                    NumberFault::TooLong => Fault::NumberTooLong,
                    NumberFault::OutOfRange => Fault::NumberOutOfRange,
                    NumberFault::NotExact => Fault::NumberNotExact,
                    NumberFault::NegativeZero => Fault::NegativeZero,
                };
                let error = ReadError::new(fault, start);
                match &mut self.collected {
                    Some(faults) => {
                        faults.push(error);
                        Ok(Number::from(0))
                    }
                    None => Err(error),
                }
            }
        }
    }

    /// Reads `true` or `false`.
    pub fn boolean(&mut self) -> Result<bool, ReadError> {
        self.blank();
        match self.byte() {
            Some(b't') => self.word("true").map(|()| true),
            Some(b'f') => self.word("false").map(|()| false),
            _ => Err(self.fault(Fault::WrongType)),
        }
    }

    /// Makes sure that nothing but blank space is left.
    pub fn end(&mut self) -> Result<(), ReadError> {
        self.blank();
        if self.at == self.bytes.len() { Ok(()) } else { Err(self.fault(Fault::TrailingData)) }
    }

    /// The text between two offsets that [`Reader::skip`] gave.
    pub fn slice(&self, range: Range<usize>) -> &'a [u8] {
        self.bytes.get(range).unwrap_or_default()
    }

    // Below: the lexer. Every access is by `get`, so a wrong offset reads nothing.

    fn byte(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn fault(&self, fault: Fault) -> ReadError {
        ReadError::new(fault, self.at)
    }

    fn blank(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.byte() {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), ReadError> {
        match self.byte() {
            Some(found) if found == byte => {
                self.at += 1;
                Ok(())
            }
            Some(_) => Err(self.fault(Fault::Syntax)),
            None => Err(self.fault(Fault::UnexpectedEnd)),
        }
    }

    fn open(&mut self, byte: u8, kind: Kind) -> Result<(), ReadError> {
        if self.peek()? != kind {
            return Err(self.fault(Fault::WrongType));
        }
        if self.depth >= self.limits.depth {
            return Err(self.fault(Fault::TooDeep));
        }
        self.depth += 1;
        self.expect(byte)
    }

    fn close(&mut self) -> Result<(), ReadError> {
        self.at += 1;
        self.depth = self.depth.saturating_sub(1);
        Ok(())
    }

    fn count(&mut self) -> Result<(), ReadError> {
        self.members += 1;
        if self.members > self.limits.members {
            return Err(self.fault(Fault::TooManyMembers));
        }
        Ok(())
    }

    /// After a value: `true` at the end of the container, which is not consumed.
    fn more(&mut self, end: u8) -> Result<bool, ReadError> {
        self.blank();
        match self.byte() {
            Some(b',') => {
                self.at += 1;
                Ok(false)
            }
            Some(byte) if byte == end => Ok(true),
            Some(_) => Err(self.fault(Fault::Syntax)),
            None => Err(self.fault(Fault::UnexpectedEnd)),
        }
    }

    fn word(&mut self, word: &str) -> Result<(), ReadError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        if rest.starts_with(word.as_bytes()) {
            self.at += word.len();
            Ok(())
        } else if word.as_bytes().starts_with(rest) {
            Err(ReadError::new(Fault::UnexpectedEnd, self.bytes.len()))
        } else {
            Err(self.fault(Fault::Syntax))
        }
    }

    /// Checks a name against those before it.
    fn name(&mut self, name: &str, at: usize, names: &mut Names<'a>) -> Result<(), ReadError> {
        let exact = self.limits.exact;
        if exact && !self.may_compare(name) {
            return Err(ReadError::new(Fault::NameTooLong, at));
        }
        let fault = if names.holds(name) {
            Fault::DuplicateKey
        } else if exact && name.chars().any(char::is_control) {
            Fault::ControlCharacterInKey
        } else if exact && names.holds_alike(name) {
            Fault::KeyCollision
        } else {
            return Ok(());
        };
        let error = ReadError::new(fault, at);
        match &mut self.collected {
            Some(faults) => {
                faults.push(error.inside(Step::Member(name.to_owned())));
                Ok(())
            }
            None => Err(error),
        }
    }

    /// Whether a name is short enough, and those that cost much few enough, to be compared.
    fn may_compare(&mut self, name: &str) -> bool {
        if !name.is_ascii() {
            self.folded_bytes += name.len();
        }
        name.len() <= NAME_BYTES_MAX && self.folded_bytes <= WIDE_NAME_BYTES_MAX
    }

    fn lexeme(&mut self) -> Result<&'a str, ReadError> {
        let start = self.at;
        if self.byte() == Some(b'-') {
            self.at += 1;
        }
        match self.byte() {
            Some(b'0') => {
                self.at += 1;
                if let Some(b'0'..=b'9') = self.byte() {
                    return Err(self.fault(Fault::Syntax));
                }
            }
            Some(b'1'..=b'9') => self.digits()?,
            Some(_) => return Err(self.fault(Fault::Syntax)),
            None => return Err(self.fault(Fault::UnexpectedEnd)),
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.byte() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.byte() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(self.text.get(start..self.at).unwrap_or_default())
    }

    fn digits(&mut self) -> Result<(), ReadError> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.byte() {
            self.at += 1;
        }
        match (self.at > start, self.byte()) {
            (true, _) => Ok(()),
            (false, Some(_)) => Err(self.fault(Fault::Syntax)),
            (false, None) => Err(self.fault(Fault::UnexpectedEnd)),
        }
    }

    /// Passes over a string; hands back what stands between the quotes and whether it has escapes.
    fn raw_string(&mut self) -> Result<(Range<usize>, bool), ReadError> {
        self.expect(b'"')?;
        let start = self.at;
        let mut escaped = false;
        loop {
            self.at += plain_run(self.bytes.get(self.at..).unwrap_or_default());
            match self.byte() {
                Some(b'"') => {
                    let inside = start..self.at;
                    self.at += 1;
                    return Ok((inside, escaped));
                }
                Some(b'\\') => {
                    escaped = true;
                    self.at += escaped_run(self.bytes.get(self.at..).unwrap_or_default());
                    if self.byte() == Some(b'\\') {
                        self.escape()?;
                    }
                }
                Some(_) => return Err(self.fault(Fault::ControlCharacter)),
                None => return Err(self.fault(Fault::UnexpectedEnd)),
            }
        }
    }

    fn escape(&mut self) -> Result<(), ReadError> {
        let start = self.at;
        self.at += 1;
        match self.byte() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
            Some(b'u') => {
                let unit = self.unit()?;
                if (0xdc00..0xe000).contains(&unit) {
                    return Err(ReadError::new(Fault::LoneSurrogate, start));
                }
                if (0xd800..0xdc00).contains(&unit) {
                    let paired = self.bytes.get(self.at..self.at + 2) == Some(b"\\u");
                    if !paired {
                        return Err(ReadError::new(Fault::LoneSurrogate, start));
                    }
                    self.at += 1;
                    if !(0xdc00..0xe000).contains(&self.unit()?) {
                        return Err(ReadError::new(Fault::LoneSurrogate, start));
                    }
                }
            }
            Some(_) => return Err(self.fault(Fault::Syntax)),
            None => return Err(self.fault(Fault::UnexpectedEnd)),
        }
        Ok(())
    }

    /// The four hex digits behind `u`.
    fn unit(&mut self) -> Result<u32, ReadError> {
        self.at += 1;
        let mut unit = 0;
        for _ in 0..4 {
            let digit = match self.byte() {
                Some(byte) => char::from(byte).to_digit(16).ok_or(Fault::Syntax),
                None => Err(Fault::UnexpectedEnd),
            };
            unit = unit * 16 + digit.map_err(|fault| self.fault(fault))?;
            self.at += 1;
        }
        Ok(unit)
    }

    fn string_token(&mut self) -> Result<Cow<'a, str>, ReadError> {
        let start = self.at;
        let (inside, escaped) = self.raw_string()?;
        let raw = self.text.get(inside).unwrap_or_default();
        let text = if escaped { Cow::Owned(unescape(raw)) } else { Cow::Borrowed(raw) };
        if self.limits.exact && !text.is_ascii() && text.chars().any(is_noncharacter) {
            return Err(ReadError::new(Fault::Noncharacter, start));
        }
        Ok(text)
    }
}
