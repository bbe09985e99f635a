//! An upstream's JSON with nothing lost: members in order, numbers and words to the letter.
//!
//! Unlike [`json::Value`] it takes any number the grammar allows, because it is never judged; it
//! is for what must be compared, fingerprinted or changed. What only passes stays bytes.

use json::{Kind, Limits, ReadError, Reader};

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Tree {
    /// A number, `true`, `false` or `null`, as written.
    Word(String),
    /// A string, decoded.
    String(String),
    /// A list.
    List(Vec<Tree>),
    /// An object, members in order, each name once.
    Map(Vec<(String, Tree)>),
}

/// Reads one whole value.
pub(crate) fn read(bytes: &[u8], limits: Limits) -> Result<Tree, ReadError> {
    let mut reader = Reader::new(bytes, limits)?;
    let tree = value(&mut reader)?;
    reader.end()?;
    Ok(tree)
}

fn value(reader: &mut Reader<'_>) -> Result<Tree, ReadError> {
    match reader.peek()? {
        Kind::String => Ok(Tree::String(reader.string()?.into_owned())),
        Kind::Array => {
            let mut list = Vec::new();
            reader.array(|reader, _| {
                list.push(value(reader)?);
                Ok(())
            })?;
            Ok(Tree::List(list))
        }
        Kind::Object => {
            let mut map = Vec::new();
            reader.object(|reader, name| {
                map.push((name.to_owned(), value(reader)?));
                Ok(())
            })?;
            Ok(Tree::Map(map))
        }
        Kind::Null | Kind::Bool | Kind::Number => {
            let span = reader.skip()?;
            Ok(Tree::Word(String::from_utf8_lossy(reader.slice(span)).into_owned()))
        }
    }
}

impl Tree {
    /// An empty object.
    pub(crate) const fn map() -> Self {
        Self::Map(Vec::new())
    }

    /// The text, if this is a string.
    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The members, if this is an object.
    pub(crate) fn members(&self) -> &[(String, Self)] {
        match self {
            Self::Map(members) => members,
            _ => &[],
        }
    }

    /// The elements, if this is a list.
    pub(crate) fn elements(&self) -> &[Self] {
        match self {
            Self::List(list) => list,
            _ => &[],
        }
    }

    /// Whether this is an object.
    pub(crate) const fn is_map(&self) -> bool {
        matches!(self, Self::Map(_))
    }

    /// The member of that name.
    pub(crate) fn get(&self, name: &str) -> Option<&Self> {
        self.members().iter().find(|(found, _)| found == name).map(|(_, tree)| tree)
    }

    /// Puts a member: in place if it is there, else at the end.
    pub(crate) fn set(&mut self, name: &str, tree: Self) {
        let Self::Map(members) = self else { return };
        match members.iter_mut().find(|(found, _)| found == name) {
            Some((_, place)) => *place = tree,
            None => members.push((name.to_owned(), tree)),
        }
    }

    /// Keeps the members that `keep` names.
    pub(crate) fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        if let Self::Map(members) = self {
            members.retain(|(name, _)| keep(name));
        }
    }

    /// Appends the value as JSON, members in order.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        self.append(out, false);
    }

    /// Appends the value as JSON, members sorted as RFC 8785 says.
    pub(crate) fn write_canonical(&self, out: &mut Vec<u8>) {
        self.append(out, true);
    }

    fn append(&self, out: &mut Vec<u8>, sorted: bool) {
        match self {
            Self::Word(word) => out.extend_from_slice(word.as_bytes()),
            Self::String(text) => json::write_string(text, out),
            Self::List(list) => {
                out.push(b'[');
                for (index, element) in list.iter().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    element.append(out, sorted);
                }
                out.push(b']');
            }
            Self::Map(members) => {
                let mut members: Vec<_> = members.iter().collect();
                if sorted {
                    members.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
                }
                out.push(b'{');
                for (index, (name, member)) in members.into_iter().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    json::write_string(name, out);
                    out.push(b':');
                    member.append(out, sorted);
                }
                out.push(b'}');
            }
        }
    }
}
