//! What the gateway reads out of an input schema: the arguments it lists and those that are
//! repeated in headers. Nothing here validates against a schema or fetches one.

use crate::tree::Tree;

/// Where an annotation asks for an argument to be repeated in a header.
const ANNOTATION: &str = "x-mcp-header";
/// How many schemas are looked at while the listed arguments are gathered.
const SCHEMAS_MAX: usize = 1_000;

/// An argument that a modern request repeats in the header `Mcp-Param-{header}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderParam {
    /// The last part of the header's name, as the schema writes it.
    pub header: String,
    /// The names that lead to the argument.
    pub path: Vec<String>,
    /// The type the schema declares.
    pub kind: ParamType,
}

/// The types an argument may have that is repeated in a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParamType {
    /// `string`
    String,
    /// `integer`
    Integer,
    /// `boolean`
    Boolean,
}

/// What was read.
pub(super) struct Schema {
    pub(super) arguments: Option<Vec<String>>,
    pub(super) header_params: Vec<HeaderParam>,
}

/// Reads an input schema.
///
/// - **Errors**: why the tool is withheld.
pub(super) fn read(schema: Option<&Tree>) -> Result<Schema, &'static str> {
    let Some(schema) = schema.filter(|schema| schema.is_map()) else {
        return Err("bad_input_schema");
    };
    if schema.get("type").is_some_and(|kind| kind.as_str() != Some("object")) {
        return Err("bad_input_schema");
    }
    if schema.get("properties").is_some_and(|properties| !properties.is_map()) {
        return Err("bad_input_schema");
    }
    let remote = |reference: &Tree| reference.as_str().is_none_or(|text| !text.starts_with('#'));
    if schema.get("$ref").is_some_and(remote) {
        return Err("remote_reference");
    }
    let mut header_params = Vec::new();
    annotations(schema, &mut Vec::new(), &mut header_params)?;
    if off_chain(schema, true) {
        return Err("bad_header_annotation");
    }
    Ok(Schema { arguments: listed(schema), header_params })
}

/// Every annotation along `properties`, checked.
fn annotations(
    schema: &Tree,
    path: &mut Vec<String>,
    found: &mut Vec<HeaderParam>,
) -> Result<(), &'static str> {
    let Some(properties) = schema.get("properties") else { return Ok(()) };
    for (name, property) in properties.members() {
        path.push(name.clone());
        if let Some(annotation) = property.get(ANNOTATION) {
            let header = annotation.as_str().unwrap_or_default();
            let kind = match property.get("type").and_then(Tree::as_str) {
                Some("string") => Some(ParamType::String),
                Some("integer") => Some(ParamType::Integer),
                Some("boolean") => Some(ParamType::Boolean),
                _ => None,
            };
            let taken = found.iter().any(|param| param.header.eq_ignore_ascii_case(header));
            match kind {
                Some(kind) if is_token(header) && !taken => {
                    found.push(HeaderParam { header: header.to_owned(), path: path.clone(), kind });
                }
                _ => return Err("bad_header_annotation"),
            }
        }
        annotations(property, path, found)?;
        path.pop();
    }
    Ok(())
}

/// A token of RFC 9110, short enough for a header's name.
fn is_token(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

/// Whether an annotation stands anywhere but on a property reached through `properties` alone.
fn off_chain(schema: &Tree, on_chain: bool) -> bool {
    let each = |map: &Tree, on_chain| map.members().iter().any(|(_, s)| off_chain(s, on_chain));
    let root = on_chain;
    match schema {
        Tree::List(list) => list.iter().any(|schema| off_chain(schema, false)),
        Tree::Map(members) => members.iter().any(|(name, member)| match name.as_str() {
            ANNOTATION => !root,
            "properties" => each(member, on_chain),
            "$defs" | "definitions" | "dependentSchemas" | "patternProperties" => {
                each(member, false)
            }
            // Data, not schemas.
            "default" | "const" | "enum" | "examples" => false,
            _ => off_chain(member, false),
        }),
        _ => false,
    }
}

/// The top-level arguments that the schema lists, in its `properties` or in those of a schema that
/// applies to the same object.
///
/// - **Errors**: `None` when a reference leads nowhere or there are too many schemas to follow.
fn listed(root: &Tree) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut known = std::collections::BTreeSet::new();
    let mut waiting = vec![root];
    let mut looked_at = 0;
    while let Some(schema) = waiting.pop() {
        looked_at += 1;
        if looked_at > SCHEMAS_MAX {
            return None;
        }
        for (name, _) in schema.get("properties").map(Tree::members).unwrap_or_default() {
            if known.insert(name.as_str()) {
                names.push(name.clone());
            }
        }
        for place in ["allOf", "anyOf", "oneOf"] {
            waiting.extend(schema.get(place).map(Tree::elements).unwrap_or_default());
        }
        waiting.extend(["if", "then", "else"].iter().filter_map(|place| schema.get(place)));
        let dependent = schema.get("dependentSchemas").map(Tree::members).unwrap_or_default();
        waiting.extend(dependent.iter().map(|(_, schema)| schema));
        if let Some(reference) = schema.get("$ref") {
            waiting.push(follow(root, reference.as_str()?)?);
        }
    }
    Some(names)
}

/// The schema that a local reference names.
fn follow<'a>(root: &'a Tree, reference: &str) -> Option<&'a Tree> {
    let pointer = reference.strip_prefix('#')?;
    if pointer.is_empty() {
        return Some(root);
    }
    pointer.strip_prefix('/')?.split('/').try_fold(root, |tree, step| {
        let name = step.replace("~1", "/").replace("~0", "~");
        tree.get(&name).or_else(|| tree.elements().get(name.parse::<usize>().ok()?))
    })
}
