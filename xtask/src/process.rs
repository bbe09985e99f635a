//! Running other programs: silently until they fail, or line by line as they speak.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;

/// A command in a folder, with `args`.
pub(crate) fn command(program: &str, args: &[&str], folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(args).current_dir(folder).stdin(Stdio::null());
    command
}

/// The cargo that started this chore.
pub(crate) fn cargo(args: &[&str], folder: &Path) -> Command {
    let program = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    command(&program, args, folder)
}

/// Runs to the end and returns standard output. What it said is shown only when it fails.
pub(crate) fn quiet(mut command: Command) -> Result<String, String> {
    let output = command.output().map_err(|e| not_started(&command, &e))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    let ending = ended(&command, &output.status.to_string());
    Err(format!("{}{}{ending}", text(&output.stdout), text(&output.stderr)))
}

/// Runs to the end, passing every line on as it comes; returns the lines and whether it ended well.
pub(crate) fn loud(mut command: Command) -> Result<(Vec<String>, bool), String> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|e| not_started(&command, &e))?;
    let (to, lines) = mpsc::channel();
    let streams: [Option<Box<dyn Read + Send>>; 2] = [
        child.stdout.take().map(|s| Box::new(s) as Box<dyn Read + Send>),
        child.stderr.take().map(|s| Box::new(s) as Box<dyn Read + Send>),
    ];
    for stream in streams.into_iter().flatten() {
        let to = to.clone();
        thread::spawn(move || {
            let pieces = BufReader::new(stream).split(b'\n').map_while(Result::ok);
            pieces.for_each(|piece| drop(to.send(String::from_utf8_lossy(&piece).into_owned())));
        });
    }
    drop(to);
    let said: Vec<String> = lines.iter().inspect(|line| println!("{line}")).collect();
    let status = child.wait().map_err(|e| ended(&command, &e.to_string()))?;
    Ok((said, status.success()))
}

/// Whether a program is there and answers `args` with success.
pub(crate) fn there(program: &str, args: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// A program that runs beside this one and ends with it.
pub(crate) struct Beside {
    child: Child,
    name: String,
}

impl Beside {
    /// Starts it, with its standard output for us to read and its errors in a file.
    pub(crate) fn start(name: &str, mut command: Command, errors: &Path) -> Result<Self, String> {
        let file = File::options().create(true).append(true).open(errors);
        let file = file.map_err(|e| format!("cannot write `{}`: {e}", errors.display()))?;
        command.stdout(Stdio::piped()).stderr(file);
        let child = command.spawn().map_err(|e| not_started(&command, &e))?;
        Ok(Self { child, name: name.to_owned() })
    }

    /// Reads its standard output up to a line that holds `what`, which it returns; the rest of the
    /// output is read and dropped, so that a talkative program never waits for us.
    pub(crate) fn wait_for(&mut self, what: &str) -> Result<String, String> {
        let stdout = self.child.stdout.take().ok_or("its output was read before")?;
        let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
        let found = lines.find(|line| line.contains(what));
        thread::spawn(move || lines.for_each(drop));
        found.ok_or_else(|| format!("{} ended before it said `{what}`", self.name))
    }

    /// Its standard input and output, to talk with it line by line.
    pub(crate) fn pipes(
        &mut self,
    ) -> Result<(std::process::ChildStdin, BufReader<std::process::ChildStdout>), String> {
        let stdin = self.child.stdin.take().ok_or("its standard input is not ours")?;
        let stdout = self.child.stdout.take().ok_or("its output was read before")?;
        Ok((stdin, BufReader::new(stdout)))
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        // It may have ended by itself; either way it is gone after this.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A folder of our own that is gone when this is dropped.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new(name: &str) -> Result<Self, String> {
        let path = std::env::temp_dir().join(format!("countersign-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path)
            .map_err(|e| format!("cannot make the folder `{}`: {e}", path.display()))?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn not_started(command: &Command, problem: &std::io::Error) -> String {
    format!("cannot start `{}`: {problem}", command.get_program().to_string_lossy())
}

fn ended(command: &Command, how: &str) -> String {
    let args: Vec<_> = command.get_args().map(|arg| arg.to_string_lossy()).collect();
    format!("`{} {}` ended with {how}", command.get_program().to_string_lossy(), args.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        command("sh", &["-c", script], Path::new("."))
    }

    #[test]
    fn a_quiet_command_tells_what_it_said_only_when_it_fails() {
        assert_eq!(quiet(shell("echo fine")).unwrap(), "fine\n");
        let problem = quiet(shell("echo out; echo err >&2; exit 3")).unwrap_err();
        assert!(problem.starts_with("out\nerr\n`sh "), "{problem}");
    }

    #[test]
    fn a_loud_command_is_heard_on_both_streams() {
        let (mut said, well) = loud(shell("echo out; echo err >&2; exit 1")).unwrap();
        said.sort();
        assert_eq!((said, well), (vec!["err".to_owned(), "out".to_owned()], false));
    }

    #[test]
    fn a_scratch_folder_goes_with_its_owner() {
        let scratch = Scratch::new("scratch-test").unwrap();
        let path = scratch.path().to_owned();
        assert!(path.is_dir());
        drop(scratch);
        assert!(!path.exists());
    }
}
