//! Server-sent events: read piece by piece within a bound, and written again from what was read.

use memchr::memchr2;

/// The most bytes of an event's id, type or `retry`.
pub const FIELD_BYTES_MAX: usize = 4 * 1024;

/// The largest buffer that is kept between lines.
const LINE_KEPT_BYTES: usize = 16 * 1024;

/// One event, or what stands in for one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// `id`; an empty one resets the id that a client resumes from.
    pub id: Option<String>,
    /// `event`; absent means `message`.
    pub event: Option<String>,
    /// `data`, its lines joined; `None` if the event had none.
    pub data: Option<Vec<u8>>,
    /// `retry`, in milliseconds.
    pub retry: Option<u64>,
}

/// What a stream holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// An event.
    Event(Event),
    /// A comment: it keeps a connection alive and says nothing.
    Comment,
}

/// Why a stream is not read further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SseError {
    /// An event is larger than the bound.
    #[error("an event is larger than {max} bytes")]
    TooLarge {
        /// The bound.
        max: usize,
    },
    /// A NUL byte: no JSON holds one, and readers of streams disagree on it.
    #[error("the stream holds a NUL byte")]
    Nul,
    /// An id or an event's type is not UTF-8, or longer than any needs to be.
    #[error("a field of an event is not usable")]
    BadField,
}

/// Reads a stream as it arrives.
///
/// - **Shape**: lines end with LF, CR or CRLF; one byte order mark at the start is passed over;
///   fields nobody defined are dropped; an event that the stream's end cuts off is dropped.
/// - **Units**: `max` bounds the bytes held for one event, its unfinished line included.
/// - **Errors**: after one, every later push fails too.
#[derive(Debug)]
pub struct Decoder {
    max: usize,
    line: Vec<u8>,
    event: Event,
    any_field: bool,
    at_start: bool,
    after_cr: bool,
    broken: Option<SseError>,
}

const MARK: &[u8] = b"\xef\xbb\xbf";

impl Decoder {
    /// A decoder at the start of a stream.
    pub fn new(max: usize) -> Self {
        Self {
            max,
            line: Vec::new(),
            event: Event::default(),
            any_field: false,
            at_start: true,
            after_cr: false,
            broken: None,
        }
    }

    /// Takes the next bytes and appends what they complete.
    pub fn push(&mut self, chunk: &[u8], items: &mut Vec<Item>) -> Result<(), SseError> {
        if let Some(error) = self.broken {
            return Err(error);
        }
        self.take(chunk, items).inspect_err(|error| {
            self.broken = Some(*error);
            self.line = Vec::new();
            self.event = Event::default();
        })
    }

    /// Bytes held for an event that is not complete.
    pub fn held(&self) -> usize {
        self.line.len() + self.event.data.as_ref().map_or(0, Vec::len)
    }

    fn take(&mut self, mut chunk: &[u8], items: &mut Vec<Item>) -> Result<(), SseError> {
        while !chunk.is_empty() {
            if std::mem::take(&mut self.after_cr) && chunk.first() == Some(&b'\n') {
                chunk = chunk.get(1..).unwrap_or_default();
                continue;
            }
            let end = memchr2(b'\n', b'\r', chunk);
            let (part, rest) = chunk.split_at(end.unwrap_or(chunk.len()));
            if memchr::memchr(0, part).is_some() {
                return Err(SseError::Nul);
            }
            if self.held() + part.len() > self.max {
                return Err(SseError::TooLarge { max: self.max });
            }
            self.line.extend_from_slice(part);
            let Some((&ending, rest)) = rest.split_first() else { return Ok(()) };
            self.after_cr = ending == b'\r';
            chunk = rest;
            self.line_end(items)?;
        }
        Ok(())
    }

    fn line_end(&mut self, items: &mut Vec<Item>) -> Result<(), SseError> {
        let mut line = std::mem::take(&mut self.line);
        let text = match line.strip_prefix(MARK) {
            Some(rest) if self.at_start => rest,
            _ => &line,
        };
        self.at_start = false;
        if text.is_empty() {
            if std::mem::take(&mut self.any_field) {
                items.push(Item::Event(std::mem::take(&mut self.event)));
            }
        } else if text.first() == Some(&b':') {
            items.push(Item::Comment);
        } else {
            self.field(text)?;
        }
        // A small buffer is kept for the next line; a large one would be held while nothing comes.
        if line.capacity() <= LINE_KEPT_BYTES {
            line.clear();
            self.line = line;
        }
        Ok(())
    }

    fn field(&mut self, line: &[u8]) -> Result<(), SseError> {
        let colon = memchr::memchr(b':', line).unwrap_or(line.len());
        let (name, value) = line.split_at(colon);
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match name {
            b"data" => {
                match &mut self.event.data {
                    Some(data) => {
                        data.push(b'\n');
                        data.extend_from_slice(value);
                    }
                    None => self.event.data = Some(value.to_vec()),
                }
                // Lines of no content still cost their line ends.
                if self.held() > self.max {
                    return Err(SseError::TooLarge { max: self.max });
                }
            }
            b"id" => self.event.id = Some(short(value)?),
            b"event" => self.event.event = Some(short(value)?),
            b"retry" => {
                let digits =
                    value.iter().all(u8::is_ascii_digit).then(|| short(value)).transpose()?;
                if let Some(retry) = digits.and_then(|digits| digits.parse().ok()) {
                    self.event.retry = Some(retry);
                }
            }
            _ => return Ok(()),
        }
        self.any_field = true;
        Ok(())
    }
}

fn short(value: &[u8]) -> Result<String, SseError> {
    if value.len() > FIELD_BYTES_MAX {
        return Err(SseError::BadField);
    }
    std::str::from_utf8(value).map(str::to_owned).map_err(|_| SseError::BadField)
}

impl Event {
    /// An event that carries one message.
    pub fn message(data: Vec<u8>) -> Self {
        Self { data: Some(data), ..Self::default() }
    }

    /// Whether it is of the type that carries messages.
    pub fn is_message(&self) -> bool {
        matches!(self.event.as_deref(), None | Some("" | "message"))
    }
}

/// The event as bytes, its blank line included.
///
/// - **Shape**: a line end in an id or a type is dropped, so that neither can make a field.
pub fn encode(event: &Event) -> Vec<u8> {
    let data = event.data.as_deref();
    let mut out = Vec::with_capacity(data.map_or(0, <[u8]>::len) + 64);
    let mut line = |name: &str, value: &[u8]| {
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b": ");
        out.extend(value.iter().filter(|b| !matches!(b, b'\r' | b'\n' | 0)));
        out.push(b'\n');
    };
    if let Some(event) = &event.event {
        line("event", event.as_bytes());
    }
    if let Some(id) = &event.id {
        line("id", id.as_bytes());
    }
    if let Some(retry) = event.retry {
        line("retry", retry.to_string().as_bytes());
    }
    if let Some(data) = data {
        for part in data.split(|b| *b == b'\n') {
            line("data", part);
        }
    }
    out.push(b'\n');
    out
}

/// A comment that keeps a connection alive.
pub const KEEP_ALIVE: &[u8] = b":\n\n";
