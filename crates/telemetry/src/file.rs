//! The log as files of evidence: each is a file that `countersign audit verify` reads.
//!
//! `NAME.jsonl` grows; when it is full it is ended and renamed `NAME-FROM.jsonl`, after its first
//! entry. A line is there to stay before the cursor moves, and what a crash left behind is found
//! again at the next start, so that no entry stands there twice.

use std::io::SeekFrom;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use audit::export::{self, Withheld};
use store::{Exports, LogPart};
use tokio::fs::{self, File, OpenOptions};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _};

use crate::{Sink, SinkError};

/// How much of the end of a file is read to find its last line; a line is never longer.
const TAIL_BYTES: u64 = 512 * 1024;

/// Files that grow.
pub struct FileSink {
    store: Arc<dyn Exports>,
    path: PathBuf,
    /// A file that is larger is ended.
    bytes_max: u64,
    /// How many ended files stay; 0 keeps all.
    keep: usize,
    open: Option<Open>,
}

/// The file that grows.
struct Open {
    file: File,
    first: u64,
    lines: u64,
    bytes: u64,
}

/// A file that an earlier process left.
struct Found {
    open: Open,
    /// The key of the log it is of.
    key: String,
    /// The place behind its last entry.
    next: u64,
}

impl FileSink {
    /// Files of this name.
    pub fn new(store: Arc<dyn Exports>, path: PathBuf, bytes_max: u64, keep: usize) -> Self {
        Self { store, path, bytes_max, keep, open: None }
    }

    /// Begins a file, with the line that says where in the log it begins.
    async fn begin(&self, from: u64) -> Result<Open, SinkError> {
        let head = self.store.log_file_head(from).await?;
        let mut file = create(&self.path).await.map_err(failed)?;
        file.write_all(head.as_bytes()).await.map_err(failed)?;
        file.sync_all().await.map_err(failed)?;
        Ok(Open { file, first: from, lines: 1, bytes: head.len() as u64 })
    }

    /// Ends the file and makes room for the next.
    async fn rotate(&mut self) -> Result<(), SinkError> {
        let Some(mut open) = self.open.take() else { return Ok(()) };
        open.file.write_all(export::end(open.lines).as_bytes()).await.map_err(failed)?;
        open.file.sync_all().await.map_err(failed)?;
        fs::rename(&self.path, self.ended(open.first)).await.map_err(failed)?;
        if self.keep > 0 {
            let mut ended = self.all_ended().await.map_err(failed)?;
            ended.sort_unstable();
            let gone = ended.len().saturating_sub(self.keep);
            for first in ended.into_iter().take(gone) {
                fs::remove_file(self.ended(first)).await.map_err(failed)?;
            }
        }
        Ok(())
    }

    /// The name of an ended file.
    fn ended(&self, first: u64) -> PathBuf {
        self.path.with_file_name(format!("{}-{first:012}.jsonl", self.stem()))
    }

    fn stem(&self) -> String {
        self.path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// The first entries of all ended files.
    async fn all_ended(&self) -> std::io::Result<Vec<u64>> {
        let dir = self.path.parent().filter(|dir| !dir.as_os_str().is_empty());
        let mut files = fs::read_dir(dir.unwrap_or(Path::new("."))).await?;
        let prefix = format!("{}-", self.stem());
        let mut found = Vec::new();
        while let Some(file) = files.next_entry().await? {
            let name = file.file_name().to_string_lossy().into_owned();
            let number = name.strip_prefix(&prefix).and_then(|rest| rest.strip_suffix(".jsonl"));
            found.extend(number.and_then(|number| number.parse::<u64>().ok()));
        }
        Ok(found)
    }
}

#[async_trait]
impl Sink for FileSink {
    fn name(&self) -> &'static str {
        "file"
    }

    async fn resume(&mut self, cursor: u64) -> Result<u64, SinkError> {
        let Some(found) = take_up(&self.path).await.map_err(failed)? else { return Ok(cursor) };
        let Found { open, key, next } = found;
        let own: Option<serde_json::Value> =
            serde_json::from_str(&self.store.log_file_head(0).await?).ok();
        let own = own.and_then(|head| Some(head.get("key")?.as_str()? == key));
        if own != Some(true) {
            return Err(SinkError::OtherLog);
        }
        let here = self.store.instance_state().await?.entries;
        if next > here {
            return Err(SinkError::Ahead { there: next, here });
        }
        if next < cursor {
            // Lines that were delivered are gone: what is left is ended as it is.
            self.open = Some(open);
            self.rotate().await?;
            return Ok(cursor);
        }
        self.open = Some(open);
        Ok(next)
    }

    async fn deliver(&mut self, from: u64, part: &LogPart) -> Result<(), SinkError> {
        if self.open.as_ref().is_some_and(|open| open.bytes >= self.bytes_max) {
            self.rotate().await?;
        }
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.begin(from).await?,
        };
        let mut text = String::new();
        for leaf in &part.leaves {
            let why = leaf.retained.then_some(Withheld::Retention);
            text.push_str(&export::leaf(leaf.index, Some(&leaf.hash), leaf.entry.as_deref(), why));
        }
        let mut lines = part.leaves.len() as u64;
        if let Some(checkpoint) = &part.checkpoint {
            text.push_str(&export::checkpoint(&checkpoint.note));
            lines += 1;
        }
        let written = async {
            open.file.write_all(text.as_bytes()).await?;
            open.file.sync_data().await
        };
        match written.await {
            Ok(()) => {
                open.lines += lines;
                open.bytes += text.len() as u64;
                self.open = Some(open);
                Ok(())
            }
            Err(error) => {
                // A part of it may stand there: the next try begins where the last good one ended.
                open.file.set_len(open.bytes).await.map_err(failed)?;
                open.file.seek(SeekFrom::End(0)).await.map_err(failed)?;
                self.open = Some(open);
                Err(failed(error))
            }
        }
    }
}

fn failed(error: std::io::Error) -> SinkError {
    SinkError::File(error.kind())
}

async fn create(path: &Path) -> std::io::Result<File> {
    if let Some(dir) = path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
        fs::create_dir_all(dir).await?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    options.mode(0o640);
    options.open(path).await
}

/// Takes up a file that an earlier process left, and finds the place behind its last entry. A last
/// line that is not whole is cut off; a file without even a head is begun anew.
async fn take_up(path: &Path) -> std::io::Result<Option<Found>> {
    let mut file = match OpenOptions::new().read(true).write(true).open(path).await {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let Some((first, key)) = head(&mut file).await? else { return Ok(None) };
    let length = file.seek(SeekFrom::End(0)).await?;
    let from = length.saturating_sub(TAIL_BYTES);
    file.seek(SeekFrom::Start(from)).await?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail).await?;
    let whole = tail.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let bytes = from + whole as u64;
    let good = tail.get(..whole).unwrap_or_default();
    let mut places = good.split(|byte| *byte == b'\n').filter_map(place);
    let next = places.next_back().map_or(first, |place| place + 1);
    file.set_len(bytes).await?;
    file.seek(SeekFrom::Start(0)).await?;
    let lines = count_lines(&mut file).await?;
    file.seek(SeekFrom::End(0)).await?;
    Ok(Some(Found { open: Open { file, first, lines, bytes }, key, next }))
}

/// The first line, if it is whole and says where in which log the file begins.
///
/// - **Errors**: `InvalidData` for a file with another first line: it is not ours to write over.
async fn head(file: &mut File) -> std::io::Result<Option<(u64, String)>> {
    file.seek(SeekFrom::Start(0)).await?;
    let mut head = vec![0; 64 * 1024];
    let mut read = 0;
    while let Some(room) = head.get_mut(read..).filter(|room| !room.is_empty()) {
        match file.read(room).await? {
            0 => break,
            more => read += more,
        }
    }
    head.truncate(read);
    let Some(end) = head.iter().position(|byte| *byte == b'\n') else {
        // Nothing, or the beginning of our own first line: a crash left it.
        let ours = head.is_empty() || head.starts_with(b"{\"edge\":");
        return if ours { Ok(None) } else { Err(std::io::ErrorKind::InvalidData.into()) };
    };
    let line = serde_json::from_slice::<serde_json::Value>(head.get(..end).unwrap_or_default());
    let found = line.ok().and_then(|line| {
        Some((line.get("from")?.as_u64()?, line.get("key")?.as_str()?.to_owned()))
    });
    found.map(Some).ok_or_else(|| std::io::ErrorKind::InvalidData.into())
}

/// The place that the line of an entry names.
fn place(line: &[u8]) -> Option<u64> {
    let line: serde_json::Value = serde_json::from_slice(line).ok()?;
    line.get("index")?.as_u64()
}

async fn count_lines(file: &mut File) -> std::io::Result<u64> {
    let mut room = vec![0; 256 * 1024];
    let mut lines = 0;
    loop {
        let read = file.read(&mut room).await?;
        if read == 0 {
            return Ok(lines);
        }
        let read = room.get(..read).unwrap_or_default();
        lines += read.iter().filter(|byte| **byte == b'\n').count() as u64;
    }
}
