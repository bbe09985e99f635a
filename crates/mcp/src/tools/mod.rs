//! Tool definitions as an upstream lists them: which are usable, what they are pinned by, and what
//! changed between two of them.

mod difference;
mod hidden;
mod schema;

pub use difference::{Change, difference};
pub use hidden::{is_hidden, visible, visible_definition};
pub use schema::{HeaderParam, ParamType};

use json::{Kind, Limits, Reader};

use crate::answer::BadAnswer;
use crate::call;
use crate::tree::{self, Tree};

/// Names that begin so, in any case, are ours; an upstream that uses one has it withheld.
pub const RESERVED_PREFIX: &str = "countersign";
/// The most bytes of one definition.
pub const DEFINITION_BYTES_MAX: usize = 256 * 1024;
/// How much one definition may hold, so that nothing that walks it takes long.
const DEFINITION_LIMITS: Limits = Limits { depth: 48, members: 10_000, exact: false };
/// The most definitions of one page.
pub const PAGE_TOOLS_MAX: usize = 5_000;

/// What a definition is pinned by. Anything else in it may change freely.
const PINNED: &[&str] = &[
    "name",
    "title",
    "description",
    "inputSchema",
    "outputSchema",
    "annotations",
    "icons",
    "_meta",
];

/// A tool as its upstream defines it.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolDefinition {
    /// The name, within the grammar of names and not ours.
    pub name: String,
    /// What the fingerprint is taken of: the pinned members, sorted as RFC 8785 says, number text
    /// kept.
    pub canonical: Vec<u8>,
    /// The definition as it came.
    pub raw: Vec<u8>,
    /// The top-level arguments the input schema lists, or `None` if it cannot be known.
    pub arguments: Option<Vec<String>>,
    /// The arguments that a modern request repeats in headers.
    pub header_params: Vec<HeaderParam>,
    /// The title or, failing that, nothing.
    pub title: Option<String>,
    /// The description.
    pub description: Option<String>,
    /// Whether some text in it holds characters that a person does not see.
    pub hidden_text: bool,
}

impl ToolDefinition {
    /// Reads one definition, as it was kept.
    ///
    /// - **Errors**: why it is withheld; `bad_tool` if it is no definition at all.
    pub fn read(raw: &[u8]) -> Result<Self, Withheld> {
        read_definition(raw).unwrap_or(Err(Withheld { name: None, why: "bad_tool" }))
    }

    /// The size of the definition as it came, in bytes.
    pub fn size(&self) -> usize {
        self.raw.len()
    }
}

/// A tool that is listed and cannot be offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withheld {
    /// Its name, if it has one within the grammar of names.
    pub name: Option<String>,
    /// The stable reason: `ambiguous_tool`, `reserved_name`, `bad_header_annotation`, …
    pub why: &'static str,
}

/// One page of a list of tools.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// The usable definitions, in order.
    pub definitions: Vec<ToolDefinition>,
    /// The others.
    pub withheld: Vec<Withheld>,
    /// The cursor of the next page.
    pub next_cursor: Option<String>,
}

/// Reads the result of a `tools/list`.
///
/// - **Errors**: the text is not sound, there is no list of objects, an entry has no name, the page
///   is too long. What is wrong with one definition alone withholds that one.
pub fn read_list(result: &[u8]) -> Result<Page, BadAnswer> {
    let mut reader = Reader::new(result, Limits::ANSWER)?;
    let mut spans = None;
    let mut next_cursor = None;
    let mut wrong = None;
    if reader.peek()? != Kind::Object {
        return Err(BadAnswer::new("bad_result"));
    }
    reader.object(|reader, name| {
        let kind = reader.peek()?;
        match (name, kind) {
            ("tools", Kind::Array) => {
                let list: &mut Vec<_> = spans.insert(Vec::new());
                reader.array(|reader, _| {
                    let span = reader.skip()?;
                    if list.len() < PAGE_TOOLS_MAX {
                        list.push(span);
                    } else {
                        wrong = Some("too_many_tools");
                    }
                    Ok(())
                })?;
            }
            ("nextCursor", Kind::String) => next_cursor = Some(reader.string()?.into_owned()),
            ("nextCursor", Kind::Null) => reader.pass()?,
            ("tools" | "nextCursor", _) => {
                reader.skip()?;
                wrong = Some("bad_result");
            }
            _ => reader.pass()?,
        }
        Ok(())
    })?;
    reader.end()?;
    if let Some(reason) = wrong {
        return Err(BadAnswer::new(reason));
    }
    let spans = spans.ok_or(BadAnswer::new("bad_result"))?;
    let mut page = Page { next_cursor, ..Page::default() };
    for span in spans {
        match read_definition(reader.slice(span))? {
            Ok(definition) => page.definitions.push(definition),
            Err(withheld) => page.withheld.push(withheld),
        }
    }
    page.withhold_ambiguous();
    Ok(page)
}

impl Page {
    /// Adds the next page of the same list. Names that stand on both are withheld.
    pub fn append(&mut self, next: Self) {
        self.definitions.extend(next.definitions);
        self.withheld.extend(next.withheld);
        self.next_cursor = next.next_cursor;
        self.withhold_ambiguous();
    }

    /// A name that is listed more than once means nothing: every definition of it is withheld.
    fn withhold_ambiguous(&mut self) {
        let mut seen = std::collections::BTreeMap::<String, usize>::new();
        for definition in &self.definitions {
            *seen.entry(definition.name.clone()).or_default() += 1;
        }
        // A definition that was withheld for its own sake still makes its namesake ambiguous.
        for name in self.withheld.iter().filter_map(|withheld| withheld.name.as_ref()) {
            *seen.entry(name.clone()).or_default() += 1;
        }
        let withheld = &mut self.withheld;
        self.definitions.retain(|definition| {
            let alone = seen.get(&definition.name).is_none_or(|count| *count == 1);
            if !alone {
                let name = Some(definition.name.clone());
                withheld.push(Withheld { name, why: "ambiguous_tool" });
            }
            alone
        });
    }
}

/// Reads one definition, from a list or as it was kept.
///
/// - **Errors**: outside, what spoils the whole list (it is no object, or has no name); inside, what
///   withholds this tool.
pub fn read_definition(raw: &[u8]) -> Result<Result<ToolDefinition, Withheld>, BadAnswer> {
    let name = name_of(raw)?;
    let withheld = |why| {
        let name = call::is_tool_name(&name).then(|| name.clone());
        Ok(Err(Withheld { name, why }))
    };
    if !call::is_tool_name(&name) {
        return withheld("bad_tool_name");
    }
    if name.get(..RESERVED_PREFIX.len()).is_some_and(|s| s.eq_ignore_ascii_case(RESERVED_PREFIX)) {
        return withheld("reserved_name");
    }
    if raw.len() > DEFINITION_BYTES_MAX {
        return withheld("definition_too_large");
    }
    let tree = match tree::read(raw, DEFINITION_LIMITS) {
        Ok(tree) => tree,
        Err(error) => return withheld(error.fault().code()),
    };
    match schema::read(tree.get("inputSchema")) {
        Ok(schema) => Ok(Ok(definition(name, raw, &tree, schema))),
        Err(why) => withheld(why),
    }
}

fn definition(name: String, raw: &[u8], tree: &Tree, schema: schema::Schema) -> ToolDefinition {
    let mut pinned = Tree::map();
    for (name, member) in tree.members().iter().filter(|(n, _)| PINNED.contains(&n.as_str())) {
        pinned.set(name, member.clone());
    }
    let mut canonical = Vec::with_capacity(raw.len());
    pinned.write_canonical(&mut canonical);
    let text = |name| tree.get(name).and_then(Tree::as_str).map(str::to_owned);
    ToolDefinition {
        name,
        canonical,
        raw: raw.to_vec(),
        arguments: schema.arguments,
        header_params: schema.header_params,
        title: text("title"),
        description: text("description"),
        hidden_text: hidden::has_hidden_text(&pinned),
    }
}

fn name_of(raw: &[u8]) -> Result<String, BadAnswer> {
    let mut reader = Reader::new(raw, Limits::ANSWER)?;
    if reader.peek()? != Kind::Object {
        return Err(BadAnswer::new("bad_tool"));
    }
    let mut name = None;
    reader.object(|reader, member| {
        if member == "name" && reader.peek()? == Kind::String {
            name = Some(reader.string()?.into_owned());
            Ok(())
        } else {
            reader.pass()
        }
    })?;
    reader.end()?;
    name.ok_or(BadAnswer::new("tool_without_name"))
}
