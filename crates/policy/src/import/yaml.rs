//! YAML as a tree with places: plain mappings, lists and scalars. Anchors, aliases, tags and merge keys
//! are refused, and so is more than one document.

use yaml_rust2::parser::{Event, Parser};
use yaml_rust2::scanner::{Marker, TScalarStyle};

use crate::problem::{Problem, single};

/// The deepest nesting that is read.
const DEPTH_MAX: usize = 32;

/// The largest text, in bytes.
const TEXT_BYTES_MAX: usize = 1 << 20;

/// A value and its place.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) data: Data,
}

/// What a value is.
#[derive(Debug)]
pub(super) enum Data {
    /// A scalar; `plain` if it was written without quotes.
    Scalar {
        text: String,
        plain: bool,
    },
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

impl Node {
    fn new(mark: Marker, data: Data) -> Self {
        Self { line: mark.line(), column: mark.col() + 1, data }
    }

    /// A problem at this place.
    pub(super) fn problem(&self, code: &'static str, message: impl Into<String>) -> Problem {
        single(code, message.into(), self.line, self.column)
    }
}

/// A container that is still open.
enum Open {
    List(Marker, Vec<Node>),
    Map(Marker, Vec<(Node, Node)>, Option<Node>),
}

/// Reads one document.
pub(super) fn read(text: &str) -> Result<Node, Problem> {
    if text.len() > TEXT_BYTES_MAX {
        let message = format!("the text has more than {TEXT_BYTES_MAX} bytes");
        return Err(single("too_large", message, 1, 1));
    }
    let mut parser = Parser::new_from_str(text);
    let mut open: Vec<Open> = Vec::new();
    let mut root: Option<Node> = None;
    // Events are taken one by one, so that nesting costs no stack.
    loop {
        let (event, mark) = parser.next_token().map_err(|error| {
            let at = *error.marker();
            single("syntax", format!("not YAML: {}", error.info()), at.line(), at.col() + 1)
        })?;
        let refuse = |message: &str| {
            Err(single("not_supported", message.to_owned(), mark.line(), mark.col() + 1))
        };
        let done = match event {
            Event::StreamEnd => break,
            Event::DocumentStart if root.is_some() => {
                return refuse("there is more than one document");
            }
            Event::Nothing | Event::StreamStart | Event::DocumentStart | Event::DocumentEnd => None,
            Event::Alias(_) => return refuse("aliases (`*name`) are not carried over"),
            Event::Scalar(_, _, anchor, _)
            | Event::SequenceStart(anchor, _)
            | Event::MappingStart(anchor, _)
                if anchor > 0 =>
            {
                return refuse("anchors (`&name`) are not carried over");
            }
            Event::Scalar(_, _, _, Some(_))
            | Event::SequenceStart(_, Some(_))
            | Event::MappingStart(_, Some(_)) => {
                return refuse("tags (`!name`) are not carried over");
            }
            Event::Scalar(text, style, _, _) => {
                let plain = style == TScalarStyle::Plain;
                Some(Node::new(mark, Data::Scalar { text, plain }))
            }
            Event::SequenceStart(..) => {
                open.push(Open::List(mark, Vec::new()));
                None
            }
            Event::MappingStart(..) => {
                open.push(Open::Map(mark, Vec::new(), None));
                None
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(Open::List(mark, list)) => Some(Node::new(mark, Data::List(list))),
                Some(Open::Map(mark, map, _)) => Some(Node::new(mark, Data::Map(map))),
                None => None,
            },
        };
        if open.len() > DEPTH_MAX {
            return refuse("the text is nested too deep");
        }
        if let Some(node) = done {
            put(&mut open, &mut root, node)?;
        }
    }
    root.ok_or_else(|| single("syntax", "the text is empty".to_owned(), 1, 1))
}

/// Puts a finished value where it belongs.
fn put(open: &mut [Open], root: &mut Option<Node>, node: Node) -> Result<(), Problem> {
    match open.last_mut() {
        None => *root = Some(node),
        Some(Open::List(_, list)) => list.push(node),
        Some(Open::Map(_, map, key)) => match key.take() {
            Some(name) => map.push((name, node)),
            None => {
                let Data::Scalar { text, .. } = &node.data else {
                    return Err(node.problem("not_supported", "a key must be a plain name"));
                };
                if text == "<<" {
                    return Err(node.problem("not_supported", "merge keys are not carried over"));
                }
                let twice = map.iter().any(|(known, _)| {
                    matches!(&known.data, Data::Scalar { text: known, .. } if known == text)
                });
                if twice {
                    return Err(node.problem("duplicate_key", format!("`{text}` stands twice")));
                }
                *key = Some(node);
            }
        },
    }
    Ok(())
}
