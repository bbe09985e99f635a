//! What an operator is told when something cannot be done: one sentence, and what to do next.

use std::fmt;

/// Why a command ended without doing what it was asked.
///
/// - **Shape**: `what` is one sentence without a full stop; `next` says what to do about it.
/// - **Source**: every command. `main` prints it on standard error and exits with `exit`.
#[derive(Debug)]
pub(crate) struct Failure {
    /// What happened.
    pub(crate) what: String,
    /// What to do next; empty where there is nothing to add.
    pub(crate) next: String,
    /// What is wrong, one by one, where there is more than one thing.
    pub(crate) details: Vec<String>,
    /// The stable name of the failure, for programs.
    pub(crate) code: String,
    /// How the process ends: 1 for a refusal, 2 for a command line that makes no sense.
    pub(crate) exit: u8,
}

impl Failure {
    /// A refusal: the process ends with 1.
    pub(crate) fn new(code: &str, what: impl Into<String>, next: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            next: next.into(),
            details: Vec::new(),
            code: code.to_owned(),
            exit: 1,
        }
    }

    /// A command line that makes no sense: the process ends with 2.
    pub(crate) fn usage(what: impl Into<String>, next: impl Into<String>) -> Self {
        Self { exit: 2, ..Self::new("usage", what, next) }
    }

    /// Adds what is wrong, one by one.
    pub(crate) fn listing(mut self, details: Vec<String>) -> Self {
        self.details = details;
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        for detail in &self.details {
            write!(f, "\n  {detail}")?;
        }
        if !self.next.is_empty() {
            write!(f, "\n  next: {}", self.next)?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}

/// The reason behind an error of the system, in a few words.
pub(crate) fn reason(error: &std::io::Error) -> String {
    use std::io::ErrorKind as Kind;
    match error.kind() {
        Kind::NotFound => "there is no such file or directory".to_owned(),
        Kind::PermissionDenied => "this user may not".to_owned(),
        Kind::StorageFull => "the disk is full".to_owned(),
        Kind::ReadOnlyFilesystem => "the file system is read-only".to_owned(),
        Kind::IsADirectory => "it is a directory".to_owned(),
        Kind::NotADirectory => "a part of the path is not a directory".to_owned(),
        Kind::FileTooLarge => "the limit on the size of files is reached".to_owned(),
        Kind::QuotaExceeded => "the disk quota is used up".to_owned(),
        _ => error.to_string(),
    }
}
