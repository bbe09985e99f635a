//! The only door to the world: reads a root key from where it is kept, and writes the first one.

mod command;

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::{RootKey, RootKeyError, Secret};

/// No spelling of a root key is longer; what is longer is some other file.
const CONTENTS_BYTES_MAX: usize = 1024;

/// Where the root key is kept.
///
/// - **Source**: the configuration. A file or a descriptor is better than the environment, which
///   other processes of the same user can read for as long as this one runs.
#[derive(Debug)]
pub enum RootKeySource {
    /// A file that nobody but its owner may read or write.
    File(PathBuf),
    /// An open file descriptor of this process, handed over by whoever started it.
    Descriptor(u32),
    /// The text of an environment value: base64 or hex.
    Value(Secret),
    /// A program and its arguments, run without a shell; what it prints is the key. This is how a
    /// key management service is used: the program asks it, and only its answer is read here.
    Command(Vec<String>),
}

/// The root key could not be read, or the first one not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// There is no such file. At the first start, and only then, [`create_file`] makes one.
    #[error("there is no root key file at `{}`", path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The file cannot be read.
    #[error("the root key file `{}` cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// A directory, a device or a pipe.
    #[error("the root key file `{}` is not a plain file", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// Others than the owner have rights to the file.
    #[error(
        "the root key file `{}` is open to others (mode {mode:04o}); make it 0600",
        path.display()
    )]
    OpenToOthers {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The descriptor is not open, not readable, or this system has no way to name it.
    #[error("the root key cannot be read from file descriptor {descriptor}")]
    NoDescriptor {
        /// The number.
        descriptor: u32,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// It was read, and is not a root key.
    #[error("the root key from {origin} is not usable: {cause}")]
    NotAKey {
        /// The file, descriptor or value, in words.
        origin: String,
        /// What is wrong with it.
        cause: RootKeyError,
    },
    /// The program that gives the root key cannot be run, failed, or did not answer in time. What
    /// it wrote on standard error went to ours.
    #[error("the root key command `{program}` {what}")]
    Command {
        /// The program, without its arguments.
        program: String,
        /// What became of it.
        what: String,
    },
    /// There already is a file where the first root key was to go. It is never overwritten.
    #[error("there already is a file at `{}`, so no root key was written", path.display())]
    Exists {
        /// The path.
        path: PathBuf,
    },
    /// The first root key could not be written down safely, so it must not be used.
    #[error("the root key file `{}` cannot be written", path.display())]
    NotWritten {
        /// The path.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
}

impl RootKeySource {
    /// Reads the root key.
    ///
    /// A descriptor is read from its start if it is a file, to its end if it is a pipe, and stays open.
    pub fn load(&self) -> Result<RootKey, SourceError> {
        let not_a_key = |cause| SourceError::NotAKey { origin: self.to_string(), cause };
        match self {
            Self::File(path) => RootKey::from_contents(&file_contents(path)?).map_err(not_a_key),
            Self::Descriptor(number) => {
                RootKey::from_contents(&descriptor_contents(*number)?).map_err(not_a_key)
            }
            Self::Value(text) => RootKey::from_text(text.expose()).map_err(not_a_key),
            Self::Command(words) => {
                RootKey::from_contents(&command::contents_within(words)?).map_err(not_a_key)
            }
        }
    }
}

impl std::fmt::Display for RootKeySource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(f, "file `{}`", path.display()),
            Self::Descriptor(number) => write!(f, "file descriptor {number}"),
            Self::Value(_) => f.write_str("the environment"),
            // Arguments may be nobody's business; the program's name says enough.
            Self::Command(words) => {
                write!(f, "the command `{}`", words.first().map_or("", String::as_str))
            }
        }
    }
}

/// Writes a fresh root key to a new file that only its owner may read (mode 0600), and returns when
/// both the file and its name are on disk.
///
/// Never replaces a file. Call it before the first key ring is saved: a crash in between leaves a
/// key nobody needs, the other way round would leave a database nobody can open.
pub fn create_file(path: &Path, root: &RootKey) -> Result<(), SourceError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);

    let file = options.open(path).map_err(|cause| match cause.kind() {
        io::ErrorKind::AlreadyExists => SourceError::Exists { path: path.to_owned() },
        _ => SourceError::NotWritten { path: path.to_owned(), cause },
    })?;
    write_through(file, path, root).map_err(|cause| {
        // Half a key helps nobody and would stand in the way of the next try. If even this fails,
        // the next start says that the file is there and holds no key.
        let _ = std::fs::remove_file(path);
        SourceError::NotWritten { path: path.to_owned(), cause }
    })
}

fn write_through(mut file: File, path: &Path, root: &RootKey) -> io::Result<()> {
    file.write_all(root.to_text().expose())?;
    file.sync_all()?;
    // The name is in the directory, which has to reach the disk as well.
    #[cfg(unix)]
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all()?,
        _ => File::open(".")?.sync_all()?,
    }
    Ok(())
}

fn file_contents(path: &Path) -> Result<Zeroizing<Vec<u8>>, SourceError> {
    let owned = || path.to_owned();
    let unreadable = |cause: io::Error| match cause.kind() {
        io::ErrorKind::NotFound => SourceError::Missing { path: owned() },
        _ => SourceError::Unreadable { path: owned(), cause },
    };
    // Asked before opening, because opening a pipe would wait for a writer.
    if !std::fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(SourceError::NotAFile { path: owned() });
    }
    let file = File::open(path).map_err(unreadable)?;
    #[cfg(unix)]
    {
        // Asked of the open file, so that what was checked is what is read.
        let metadata = file.metadata().map_err(unreadable)?;
        let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o7777;
        if mode & 0o077 != 0 {
            return Err(SourceError::OpenToOthers { path: owned(), mode });
        }
    }
    contents(file).map_err(unreadable)
}

fn descriptor_contents(descriptor: u32) -> Result<Zeroizing<Vec<u8>>, SourceError> {
    let name = if cfg!(target_os = "linux") {
        format!("/proc/self/fd/{descriptor}")
    } else {
        format!("/dev/fd/{descriptor}")
    };
    File::open(name)
        .and_then(contents)
        .map_err(|cause| SourceError::NoDescriptor { descriptor, cause })
}

/// Reads a little more than any key is long, into memory that is wiped.
fn contents(file: impl Read) -> io::Result<Zeroizing<Vec<u8>>> {
    // Twice the room it can need: a growing buffer would leave a copy of the key behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(2 * CONTENTS_BYTES_MAX));
    file.take(CONTENTS_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > CONTENTS_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is far longer than a key"));
    }
    Ok(bytes)
}
