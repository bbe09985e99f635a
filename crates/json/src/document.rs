//! Reading of files that people write: every value keeps its place, and faults that leave the
//! structure readable are reported together.

use crate::{Fault, Kind, Limits, Number, ReadError, Reader};

/// A value with its place in the text.
#[derive(Clone, Debug)]
pub struct Node {
    /// The byte offset of its first character.
    pub at: usize,
    /// What it is.
    pub data: Data,
}

/// What a [`Node`] holds.
#[derive(Clone, Debug)]
pub enum Data {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number
    Number(Number),
    /// A string, decoded
    String(String),
    /// A list
    Array(Vec<Node>),
    /// An object, members in order
    Object(Vec<Member>),
}

/// A member of an object.
#[derive(Clone, Debug)]
pub struct Member {
    /// The name, decoded.
    pub name: String,
    /// The byte offset of the name.
    pub at: usize,
    /// The value.
    pub value: Node,
}

/// A place in a text, both counted from 1; the column counts characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// Reads a document: the tree, and what else is wrong with it (names that stand twice, numbers
/// that readers disagree on).
///
/// - **Errors**: a fault that leaves no tree to look at (not JSON, too deep, too large).
pub fn read(bytes: &[u8]) -> Result<(Node, Vec<ReadError>), ReadError> {
    let mut reader = Reader::new(bytes, Limits { members: 1_000_000, ..Limits::REQUEST })?;
    reader.collect();
    let node = node(&mut reader)?;
    reader.end()?;
    Ok((node, reader.take_collected()))
}

/// Where a byte offset stands, for people.
pub fn place(bytes: &[u8], at: usize) -> Place {
    let before = bytes.get(..at.min(bytes.len())).unwrap_or_default();
    let line_start = before.iter().rposition(|b| *b == b'\n').map_or(0, |n| n + 1);
    let line = before.iter().filter(|b| **b == b'\n').count() + 1;
    let in_line = before.get(line_start..).unwrap_or_default();
    let column = String::from_utf8_lossy(in_line).chars().count() + 1;
    Place { line, column }
}

fn node(reader: &mut Reader<'_>) -> Result<Node, ReadError> {
    let kind = reader.peek()?;
    let at = reader.offset();
    let data = match kind {
        Kind::Null => {
            reader.skip()?;
            Data::Null
        }
        Kind::Bool => Data::Bool(reader.boolean()?),
        Kind::Number => Data::Number(reader.number()?),
        Kind::String => Data::String(reader.string()?.into_owned()),
        Kind::Array => {
            let mut list = Vec::new();
            reader.array(|reader, index| {
                let known = faults(reader);
                list.push(node(reader)?);
                lead(reader, known, crate::Step::Index(index));
                Ok(())
            })?;
            Data::Array(list)
        }
        Kind::Object => {
            let mut members = Vec::new();
            reader.object_at(|reader, name, at| {
                let known = faults(reader);
                let value = node(reader)?;
                lead(reader, known, crate::Step::Member(name.to_owned()));
                members.push(Member { name: name.to_owned(), at, value });
                Ok(())
            })?;
            Data::Object(members)
        }
    };
    Ok(Node { at, data })
}

fn faults(reader: &mut Reader<'_>) -> usize {
    reader.collected_mut().map_or(0, |faults| faults.len())
}

/// Gathered faults do not travel outward by themselves: give those of this value their next step.
fn lead(reader: &mut Reader<'_>, known: usize, step: crate::Step) {
    if let Some(faults) = reader.collected_mut() {
        for fault in faults.iter_mut().skip(known) {
            let plain = std::mem::replace(fault, ReadError::new(Fault::Syntax, 0));
            *fault = plain.inside(step.clone());
        }
    }
}
