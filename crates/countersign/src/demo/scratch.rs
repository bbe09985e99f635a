//! A directory that is there for as long as the demo runs.

use std::path::{Path, PathBuf};

use super::random_hex;
use crate::failure::{Failure, reason};

/// A directory for one run, readable by its owner only, removed when it is dropped.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    /// Makes one among the system's temporary files.
    pub(super) fn new() -> Result<Self, Failure> {
        let path = std::env::temp_dir().join(format!("countersign-demo-{}", random_hex()?));
        let mut builder = std::fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path).map_err(|error| {
            Failure::new(
                "scratch",
                format!("no directory can be made at `{}`: {}", path.display(), reason(&error)),
                "name a directory for temporary files in TMPDIR",
            )
        })?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            let path = self.0.display();
            tracing::warn!(%path, error = %reason(&error), "the demo's directory could not be removed");
        }
    }
}
