//! Reads files and secrets, and writes the token files people ask for. No secret comes by argument.

use std::io::{Read as _, Write as _};
use std::path::Path;

use vault::Secret;

use crate::failure::{Failure, reason};
use crate::out;

/// The longest document that is read.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// Reads a file of text; `-` is standard input.
pub(super) fn text(path: &Path) -> Result<String, Failure> {
    let bytes = bytes(path)?;
    String::from_utf8(bytes).map_err(|_| {
        Failure::new(
            "not_text",
            format!("the file `{}` is not UTF-8 text", path.display()),
            "save it as UTF-8 without a byte order mark",
        )
    })
}

/// Reads a file; `-` is standard input.
pub(super) fn bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    let unreadable = |why: &str| {
        Failure::new(
            "unreadable_file",
            format!("the file `{}` cannot be read: {why}", path.display()),
            "check the path",
        )
    };
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().lock().take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|f| f.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes))
    };
    read.map_err(|error| unreadable(&reason(&error)))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(unreadable("it is larger than 4 MiB"));
    }
    Ok(bytes)
}

/// Reads a secret from a file or from standard input, without the line end behind it.
pub(super) fn secret(file: Option<&Path>, what: &str) -> Result<Secret, Failure> {
    if file.is_none() && out::stdin_is_terminal() {
        out::note(&format!("type {what}, then Enter and Ctrl-D (it will be seen on this screen)"));
    }
    let text = text(file.unwrap_or(Path::new("-")))?;
    let trimmed = text.trim_end_matches(['\r', '\n']);
    if trimmed.trim().is_empty() {
        return Err(Failure::new(
            "no_value",
            format!("{what} is missing"),
            "write it to standard input, or name a file that holds it",
        ));
    }
    Ok(Secret::from(trimmed.to_owned()))
}

/// Makes sure a token file can be made before the token is: one that exists is never overwritten.
pub(super) fn token_file(path: Option<&Path>) -> Result<Option<TokenFile>, Failure> {
    let Some(path) = path else { return Ok(None) };
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path).map_err(|error| {
        let why = match error.kind() {
            std::io::ErrorKind::AlreadyExists => "it exists already".to_owned(),
            _ => reason(&error),
        };
        Failure::new(
            "token_file",
            format!("the token file `{}` cannot be made: {why}", path.display()),
            "name a new file in a directory you may write to",
        )
    })?;
    Ok(Some(TokenFile { path: path.to_owned(), file, kept: false }))
}

/// A file that waits for a token. It goes away again if none comes.
pub(super) struct TokenFile {
    path: std::path::PathBuf,
    file: std::fs::File,
    kept: bool,
}

impl TokenFile {
    /// Writes the token.
    pub(super) fn keep(mut self, token: &str) -> Result<String, Failure> {
        let written = self
            .file
            .write_all(token.as_bytes())
            .and_then(|()| self.file.write_all(b"\n"))
            .and_then(|()| self.file.sync_all());
        self.kept = true;
        written.map_err(|error| {
            Failure::new(
                "token_file",
                format!("the token was made and could not be written: {}", reason(&error)),
                "rotate the grant (or revoke the key) and try again with another file",
            )
        })?;
        Ok(self.path.display().to_string())
    }
}

impl Drop for TokenFile {
    fn drop(&mut self) {
        if !self.kept {
            // An empty file that stays behind only stands in the way of the next try.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// A length of time such as `90s`, `10m`, `12h` or `30d`, in seconds.
pub(super) fn seconds(text: &str, flag: &str) -> Result<i64, Failure> {
    let wrong = || {
        Failure::usage(
            format!("`{flag}` takes a length of time"),
            "give a number with s, m, h or d, such as 90s, 10m, 12h or 30d",
        )
    };
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    let seconds = number.parse::<i64>().ok().and_then(|number| number.checked_mul(unit));
    seconds.filter(|seconds| *seconds <= 100 * 366 * 86_400).ok_or_else(wrong)
}

/// The moment that lies this length of time ahead, as the API reads it.
pub(super) fn moment_in(text: &str, flag: &str) -> Result<String, Failure> {
    let ahead = jiff::SignedDuration::from_secs(seconds(text, flag)?);
    jiff::Timestamp::now()
        .checked_add(ahead)
        .map(|at| at.to_string())
        .map_err(|_| Failure::usage(format!("`{flag}` lies too far ahead"), "give a shorter time"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_is_a_number_and_a_unit() {
        for (text, expected) in
            [("0s", 0), ("90s", 90), ("10m", 600), ("12h", 43_200), ("30d", 2_592_000)]
        {
            assert_eq!(seconds(text, "--x").unwrap(), expected, "{text}");
        }
        for text in ["", "s", "1", "1w", "-1s", "1.5h", "99999999999999999999d", "9999999d"] {
            assert_eq!(seconds(text, "--x").unwrap_err().exit, 2, "{text}");
        }
    }
}
