//! The one place that writes to standard output and standard error.
//!
//! Who closes the pipe early has read enough: that ends the output quietly, never in a panic.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use serde_json::Value;

use crate::failure::Failure;

/// How results are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// Tables and sentences.
    Human,
    /// One JSON document a line.
    Json,
}

/// Standard output is closed: nobody reads on.
#[derive(Debug)]
pub(crate) struct Closed;

impl From<Closed> for Failure {
    /// Ends the command as if it were done, as nobody waits for the rest.
    fn from(_: Closed) -> Self {
        Self { exit: 0, ..Self::new("closed", "", "") }
    }
}

/// Writes one line to standard output, at once.
pub(crate) fn line(text: &str) -> Result<(), Closed> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.write_all(b"\n"))
        .and_then(|()| out.flush())
        .map_err(|_| Closed)
}

/// Writes one JSON document as one line.
pub(crate) fn json(value: &Value) -> Result<(), Closed> {
    line(&value.to_string())
}

/// Writes one line to standard error. If that is closed there is nobody to tell.
pub(crate) fn note(text: &str) {
    let mut err = io::stderr().lock();
    let _ = err.write_all(text.as_bytes()).and_then(|()| err.write_all(b"\n"));
}

/// Tells why a command failed, and how the process ends.
pub(crate) fn failure(failure: &Failure, style: Style) -> ExitCode {
    if failure.exit != 0 {
        match style {
            Style::Human => note(&format!("countersign: {failure}")),
            Style::Json => note(
                &serde_json::json!({
                    "error": failure.what,
                    "next": failure.next,
                    "code": failure.code,
                    "details": failure.details,
                })
                .to_string(),
            ),
        }
    }
    ExitCode::from(failure.exit)
}

/// Whether a person looks at standard input.
pub(crate) fn stdin_is_terminal() -> bool {
    io::stdin().is_terminal()
}

/// A table: a head and rows, columns as wide as their widest cell.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) -> Result<(), Closed> {
    let mut widths: Vec<usize> = head.iter().map(|cell| cell.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(plain(cell).chars().count());
        }
    }
    line(&row(head.iter().map(|cell| (*cell).to_owned()), &widths))?;
    rows.iter().try_for_each(|cells| line(&row(cells.iter().map(|cell| plain(cell)), &widths)))
}

fn row(cells: impl Iterator<Item = String>, widths: &[usize]) -> String {
    let mut text = String::new();
    for (cell, width) in cells.zip(widths) {
        text.push_str(&format!("{cell:<width$}  "));
    }
    text.trim_end().to_owned()
}

/// A text without control characters: what an upstream calls its tools must not steer a terminal.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_as_wide_as_its_columns_and_ends_without_blanks() {
        let cells = ["a", "bcd", ""].map(str::to_owned).into_iter();
        assert_eq!(row(cells, &[3, 4, 5]), "a    bcd");
    }

    #[test]
    fn control_characters_never_reach_a_terminal() {
        assert_eq!(plain("a\u{1b}[2Jb\n"), "a\u{fffd}[2Jb\u{fffd}");
    }
}
