//! Lists as an agent may see them: entries taken out, everything else byte for byte.

use std::ops::Range;

use json::{Kind, Limits, Reader};

use crate::answer::BadAnswer;
use crate::method::Method;
use crate::version::Era;

/// What is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ListKind {
    /// `tools/list`
    Tools,
    /// `resources/list`
    Resources,
    /// `resources/templates/list`
    Templates,
    /// `prompts/list`
    Prompts,
}

impl ListKind {
    /// The member of the result that holds the list.
    pub const fn member(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Resources => "resources",
            Self::Templates => "resourceTemplates",
            Self::Prompts => "prompts",
        }
    }

    /// The member of an entry that `keep` is asked about.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Tools | Self::Prompts => "name",
            Self::Resources => "uri",
            Self::Templates => "uriTemplate",
        }
    }

    /// The kind of list that a method asks for.
    pub const fn of_method(method: &Method) -> Option<Self> {
        match method {
            Method::ToolsList => Some(Self::Tools),
            Method::ResourcesList => Some(Self::Resources),
            Method::ResourceTemplatesList => Some(Self::Templates),
            Method::PromptsList => Some(Self::Prompts),
            _ => None,
        }
    }

    const ALL: [Self; 4] = [Self::Tools, Self::Resources, Self::Templates, Self::Prompts];

    /// The kind of list that such a member of a result holds.
    pub fn of_member(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.member() == name)
    }

    /// Whether a careless reader may take the name for a list's member.
    pub(crate) fn is_alike(name: &str) -> bool {
        Self::ALL.into_iter().any(|kind| alike(kind.member(), name))
    }
}

/// Whether a careless reader may take one name for the other, which is one of the protocol's.
fn alike(known: &str, name: &str) -> bool {
    if name.is_ascii() {
        return known.eq_ignore_ascii_case(name);
    }
    // Beyond this it is longer than any of them even in the widest letters.
    name.len() <= 256 && json::fold(known) == json::fold(name)
}

/// The result with the entries left that `keep` says yes to.
///
/// - **Shape**: order and unknown members are kept, entries and other values byte for byte. In the
///   modern era the page is private and not to be cached. `cursor` turns the upstream's cursor
///   into the one the agent gets (`None` drops it).
/// - **Errors**: anything but an object with that list of objects, each with its key: then no part of
///   it may be passed.
pub fn filter(
    kind: ListKind,
    result: &[u8],
    era: Era,
    mut keep: impl FnMut(&str) -> bool,
    cursor: impl FnMut(&str) -> Option<String>,
) -> Result<Vec<u8>, BadAnswer> {
    filter_all(&[kind], result, era, |_, name| keep(name), cursor)
}

/// As [`filter`], for a result that must hold each of these lists.
pub fn filter_all(
    kinds: &[ListKind],
    result: &[u8],
    era: Era,
    mut keep: impl FnMut(ListKind, &str) -> bool,
    mut cursor: impl FnMut(&str) -> Option<String>,
) -> Result<Vec<u8>, BadAnswer> {
    let mut reader = Reader::new(result, Limits::ANSWER)?;
    let mut out = Members::new(result.len());
    let mut wrong = None;
    let mut found = 0;
    if reader.peek()? != Kind::Object {
        return Err(BadAnswer::new("bad_result"));
    }
    reader.object(|reader, name| {
        let value = reader.peek()?;
        if let Some(kind) = ListKind::of_member(name).filter(|kind| kinds.contains(kind)) {
            if value != Kind::Array {
                wrong = Some("bad_result");
                return reader.pass();
            }
            found += 1;
            out.name(name);
            let mut keep = |entry: &str| keep(kind, entry);
            return kept(reader, kind.key(), &mut keep, &mut out.bytes, &mut wrong);
        }
        match (name, value) {
            ("nextCursor", Kind::String) => {
                if let Some(text) = cursor(&reader.string()?) {
                    out.text(name, &text);
                }
            }
            ("nextCursor", Kind::Null) => reader.pass()?,
            ("cacheScope" | "ttlMs", _) if era == Era::Modern => reader.pass()?,
            ("nextCursor", _) => {
                reader.pass()?;
                wrong = Some("bad_result");
            }
            (name, _) => {
                if ListKind::of_member(name).is_none() && ListKind::is_alike(name) {
                    wrong = Some("bad_result");
                }
                let span = reader.skip()?;
                out.raw(name, reader.slice(span));
            }
        }
        Ok(())
    })?;
    reader.end()?;
    if found < kinds.len() {
        wrong = Some("bad_result");
    }
    match wrong {
        Some(reason) => Err(BadAnswer::new(reason)),
        None => Ok(out.end(era)),
    }
}

/// The result, private and not to be cached in the modern era; in the legacy era as it is.
///
/// - **Errors**: it is not one object.
pub fn private(result: &[u8], era: Era) -> Result<Vec<u8>, BadAnswer> {
    let mut reader = Reader::new(result, Limits::ANSWER)?;
    if reader.peek()? != Kind::Object {
        return Err(BadAnswer::new("bad_result"));
    }
    let mut out = Members::new(result.len());
    reader.object(|reader, name| {
        let span = reader.skip()?;
        if era == Era::Legacy || !matches!(name, "cacheScope" | "ttlMs") {
            out.raw(name, reader.slice(span));
        }
        Ok(())
    })?;
    reader.end()?;
    Ok(out.end(era))
}

/// Writes the entries that stay.
fn kept(
    reader: &mut Reader<'_>,
    key: &str,
    keep: &mut impl FnMut(&str) -> bool,
    out: &mut Vec<u8>,
    wrong: &mut Option<&'static str>,
) -> Result<(), json::ReadError> {
    out.push(b'[');
    let mut first = true;
    reader.array(|reader, _| {
        let start = reader.offset();
        if reader.peek()? != Kind::Object {
            *wrong = Some("bad_entry");
            return reader.pass();
        }
        let mut name = None;
        reader.object(|reader, member| {
            if member == key && reader.peek()? == Kind::String {
                name = Some(reader.string()?.into_owned());
                return Ok(());
            }
            if member != key && alike(key, member) {
                *wrong = Some("bad_entry");
            }
            reader.pass()
        })?;
        let span: Range<usize> = start..reader.position();
        match name {
            None => *wrong = Some("entry_without_name"),
            Some(name) if keep(&name) => {
                if !std::mem::take(&mut first) {
                    out.push(b',');
                }
                out.extend_from_slice(reader.slice(span));
            }
            Some(_) => {}
        }
        Ok(())
    })?;
    out.push(b']');
    Ok(())
}

/// An object that is being written.
struct Members {
    bytes: Vec<u8>,
}

impl Members {
    fn new(capacity: usize) -> Self {
        let mut bytes = Vec::with_capacity(capacity + 64);
        bytes.push(b'{');
        Self { bytes }
    }

    fn name(&mut self, name: &str) {
        if self.bytes.len() > 1 {
            self.bytes.push(b',');
        }
        json::write_string(name, &mut self.bytes);
        self.bytes.push(b':');
    }

    fn raw(&mut self, name: &str, value: &[u8]) {
        self.name(name);
        self.bytes.extend_from_slice(value);
    }

    fn text(&mut self, name: &str, text: &str) {
        self.name(name);
        json::write_string(text, &mut self.bytes);
    }

    fn end(mut self, era: Era) -> Vec<u8> {
        if era == Era::Modern {
            self.raw("ttlMs", b"0");
            self.text("cacheScope", "private");
        }
        self.bytes.push(b'}');
        self.bytes
    }
}
