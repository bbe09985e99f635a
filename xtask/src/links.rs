//! Links in documents: every relative one leads to a file and a heading, and every page can be found.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Outcome, workspace};

/// Where a reader starts.
const ENTRANCE: &str = "README.md";

/// Follows every link of every document.
pub(crate) fn check() -> Outcome {
    let files = workspace::files()?;
    let mut pages = BTreeMap::new();
    for name in files.iter().filter(|name| name.ends_with(".md")) {
        if let Some(text) = workspace::text(name)? {
            pages.insert(name.clone(), Page::read(&text));
        }
    }
    let wrong = broken(&pages, &files.into_iter().collect());
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

/// A document: where it links to and what can be linked to in it.
struct Page {
    /// Targets with the line they stand on.
    links: Vec<(usize, String)>,
    anchors: BTreeSet<String>,
}

impl Page {
    fn read(text: &str) -> Self {
        let mut page = Self { links: Vec::new(), anchors: BTreeSet::new() };
        let mut fence: Option<String> = None;
        for (at, line) in (1..).zip(text.lines()) {
            let mark: String =
                line.trim_start().chars().take_while(|c| matches!(c, '`' | '~')).collect();
            match &fence {
                Some(open) if mark.starts_with(open.as_str()) => fence = None,
                Some(_) => {}
                None if mark.len() >= 3 => fence = Some(mark),
                None => page.line(at, &without_code(line)),
            }
        }
        page
    }

    fn line(&mut self, at: usize, line: &str) {
        let hashes = line.bytes().take_while(|b| *b == b'#').count();
        if (1..=6).contains(&hashes) && line[hashes..].starts_with(' ') {
            let name = slug(&line[hashes..]);
            let taken = (1..).map(|n| format!("{name}-{n}"));
            let free = [name.clone()].into_iter().chain(taken).find(|n| !self.anchors.contains(n));
            self.anchors.extend(free);
        }
        self.anchors.extend(quoted(line, "id=\"").map(str::to_owned));
        let targets = targets(line).into_iter().chain(quoted(line, "src=\""));
        let targets = targets.chain(quoted(line, "srcset=\"")).chain(quoted(line, "href=\""));
        let targets: Vec<_> = targets.map(|target| (at, target.to_owned())).collect();
        self.links.extend(targets);
    }
}

/// The targets of `](target)` and `[name]: target`.
fn targets(line: &str) -> Vec<&str> {
    let inline = line.match_indices("](").filter_map(|(at, _)| {
        let rest = line.get(at + 2..)?;
        rest.split([')', ' ']).next()
    });
    let definition = line.trim_start().strip_prefix('[').and_then(|rest| {
        let (_, target) = rest.split_once("]: ")?;
        target.split_whitespace().next()
    });
    inline.chain(definition).collect()
}

/// What stands between `start` and the next quotation mark.
fn quoted<'a>(line: &'a str, start: &'static str) -> impl Iterator<Item = &'a str> {
    line.match_indices(start).filter_map(move |(at, _)| {
        let rest = line.get(at + start.len()..)?;
        rest.split_once('"').map(|(target, _)| target)
    })
}

/// The line without what stands between backticks. The text of headings keeps it.
fn without_code(line: &str) -> String {
    if line.starts_with('#') {
        return line.replace('`', "");
    }
    line.split('`').step_by(2).collect()
}

/// How a heading is linked to: lower case, words joined by hyphens, other signs dropped.
fn slug(heading: &str) -> String {
    let text: String = match heading.split_once("](") {
        Some((before, _)) => before.replace('[', ""),
        None => heading.to_owned(),
    };
    text.trim()
        .chars()
        .flat_map(char::to_lowercase)
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

/// Links that lead nowhere, and pages under `docs` that no way leads to.
fn broken(pages: &BTreeMap<String, Page>, files: &BTreeSet<String>) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut ways: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (from, page) in pages {
        for (at, link) in &page.links {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let to = if path.is_empty() { from.clone() } else { resolved(from, path) };
            let folder = format!("{}/", to.trim_end_matches('/'));
            if !files.contains(&to) && !files.iter().any(|name| name.starts_with(&folder)) {
                wrong.push(format!("{from}:{at}: `{link}` leads to no file"));
            } else if let (false, Some(page)) = (anchor.is_empty(), pages.get(&to))
                && !page.anchors.contains(anchor)
            {
                wrong.push(format!("{from}:{at}: `{link}` leads to no heading"));
            }
            ways.entry(from).or_default().push(to);
        }
    }
    let found = reached(&ways);
    let lost = pages.keys().filter(|name| name.starts_with("docs/") && !found.contains(*name));
    wrong.extend(lost.map(|name| format!("{name}: no link leads here from {ENTRANCE}")));
    wrong
}

fn reached(ways: &BTreeMap<&str, Vec<String>>) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut waiting = vec![ENTRANCE.to_owned()];
    while let Some(next) = waiting.pop() {
        if reached.insert(next.clone()) {
            waiting.extend(ways.get(next.as_str()).into_iter().flatten().cloned());
        }
    }
    reached
}

/// A path as seen from the root, of a link in the document `from`.
fn resolved(from: &str, path: &str) -> String {
    let mut parts: Vec<&str> = match path.strip_prefix('/') {
        Some(_) => Vec::new(),
        None => from.split('/').collect(),
    };
    parts.pop();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(pages: &[(&str, &str)]) -> Vec<String> {
        let files = pages.iter().map(|(name, _)| (*name).to_owned());
        let files: BTreeSet<String> = files.chain(["docs/a.svg".to_owned()]).collect();
        let pages = pages.iter().map(|(name, text)| ((*name).to_owned(), Page::read(text)));
        broken(&pages.collect(), &files)
    }

    #[test]
    fn links_that_lead_somewhere_are_fine() {
        let readme = "# Top\n[a](docs/a.md) [b](docs/a.md#one-two-3) [t](#top) [d](docs)\n\
                      <img src=\"docs/a.svg\"> [far](https://example.org)\n[r]: docs/a.svg\n";
        let page = "# One `two`, 3\n# One two 3\n[again](#one-two-3-1) `[no](link)`\n\
                    ```\n[no](link)\n```\n[up](../README.md)\n";
        assert_eq!(said(&[("README.md", readme), ("docs/a.md", page)]), Vec::<String>::new());
    }

    #[test]
    fn links_that_lead_nowhere_are_named() {
        let pages =
            [("README.md", "\n[a](docs/b.md) [b](docs/a.md#no)\n"), ("docs/a.md", "# Yes\n")];
        let expected = [
            "README.md:2: `docs/b.md` leads to no file",
            "README.md:2: `docs/a.md#no` leads to no heading",
        ];
        assert_eq!(said(&pages), expected);
    }

    #[test]
    fn a_page_that_nobody_links_to_is_lost() {
        let pages = [("README.md", ""), ("docs/a.md", "[a](a.md)"), ("notes.md", "")];
        assert_eq!(said(&pages), ["docs/a.md: no link leads here from README.md"]);
    }
}
