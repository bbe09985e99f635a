//! What a witness remembers: for each log, the tree it cosigned last. Durable before it signs.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use audit::Hash;
use audit::witness::Seen;
use serde_json::{Value, json};

use crate::failure::{Failure, reason};

/// The state file, ours alone while this lives.
pub(super) struct State {
    path: PathBuf,
    seen: BTreeMap<String, Seen>,
    _lock: File,
}

impl State {
    /// Opens the file, or begins a new one.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let file = path.display();
        let failed = |why: String| {
            let what = format!("the state file `{file}` cannot be used: {why}");
            Failure::new(
                "witness_state",
                what,
                "see that this user may read and write it, and its directory",
            )
        };
        let lock = beside(path, ".lock");
        let mut options = OpenOptions::new();
        let lock = options.create(true).truncate(false).write(true).open(lock);
        let lock = lock.map_err(|error| failed(reason(&error)))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(failed("another witness is using it".to_owned()));
            }
            Err(TryLockError::Error(error)) => return Err(failed(reason(&error))),
        }
        let seen = match std::fs::read(path) {
            Ok(bytes) => parse(&bytes).ok_or_else(|| {
                // Beginning anew would forget what was signed, so nobody does that silently.
                let what = format!("the state file `{file}` is damaged");
                Failure::new("witness_state", what, "put it back from where it was whole; an older copy would let a log rewrite what came after it")
            })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(failed(reason(&error))),
        };
        Ok(Self { path: path.to_owned(), seen, _lock: lock })
    }

    /// The tree that was cosigned last of this log.
    pub(super) fn seen(&self, origin: &str) -> Seen {
        self.seen.get(origin).copied().unwrap_or_else(Seen::nothing)
    }

    /// Remembers a tree. When this returns `Ok`, it is on disk.
    pub(super) fn keep(&mut self, origin: &str, seen: Seen) -> io::Result<()> {
        let before = self.seen.insert(origin.to_owned(), seen);
        let written = self.write();
        if written.is_err() {
            // What is not on disk was not seen: the next request is judged by what is.
            match before {
                Some(before) => self.seen.insert(origin.to_owned(), before),
                None => self.seen.remove(origin),
            };
        }
        written
    }

    fn write(&self) -> io::Result<()> {
        let logs = self.seen.iter().map(|(origin, seen)| {
            (origin.clone(), json!({"size": seen.size, "root": seen.root.to_string()}))
        });
        let text = json!({"logs": logs.collect::<serde_json::Map<_, _>>()}).to_string();
        let new = beside(&self.path, ".new");
        let mut file = File::create(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&new, &self.path)?;
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

fn parse(bytes: &[u8]) -> Option<BTreeMap<String, Seen>> {
    let document: Value = serde_json::from_slice(bytes).ok()?;
    let logs =
        document.as_object().filter(|members| members.len() == 1)?.get("logs")?.as_object()?;
    logs.iter()
        .map(|(origin, log)| {
            let size = log.get("size")?.as_u64()?;
            let root = Hash::parse(log.get("root")?.as_str()?)?;
            Some((origin.clone(), Seen { size, root }))
        })
        .collect()
}
