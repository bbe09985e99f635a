//! A root key from a program: run once, without a shell, bounded in time and in what is read.

use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::{SourceError, contents};

/// How long the program may take. A key service that is asked over a network answers in seconds.
const WITHIN: Duration = Duration::from_secs(30);
/// How long its output may stay open after it.
const AFTER_ITS_END: Duration = Duration::from_secs(2);
/// How often it is asked whether it has ended.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Runs the program and reads what it prints.
pub(super) fn contents_of(
    words: &[String],
    within: Duration,
) -> Result<Zeroizing<Vec<u8>>, SourceError> {
    let program = words.first().cloned().unwrap_or_default();
    let failed = |what: String| SourceError::Command { program: program.clone(), what };
    let mut child = Command::new(&program)
        .args(words.iter().skip(1))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| failed(format!("cannot be run: {error}")))?;
    let Some(out) = child.stdout.take() else {
        return Err(failed("has no standard output".to_owned()));
    };
    // On a thread of its own: a program that prints nothing and does not end must not keep us.
    let (sender, read) = mpsc::channel();
    thread::spawn(move || sender.send(contents(out)));
    let status = wait(&mut child, within).map_err(&failed)?;
    // It has ended, but something it started may still hold its output open.
    let printed = read.recv_timeout(AFTER_ITS_END);
    // Whoever prints too much is cut off by us: that it ended by a signal is then not its fault.
    let cut_off = matches!(printed, Ok(Err(_))) && status.code().is_none();
    if !status.success() && !cut_off {
        return Err(failed(format!("failed ({status})")));
    }
    match printed {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) => Err(failed(format!("printed what is no key: {error}"))),
        Err(_) => Err(failed("ended and left its output open".to_owned())),
    }
}

pub(super) fn contents_within(words: &[String]) -> Result<Zeroizing<Vec<u8>>, SourceError> {
    contents_of(words, WITHIN)
}

fn wait(child: &mut Child, within: Duration) -> Result<std::process::ExitStatus, String> {
    let until = Instant::now() + within;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) if Instant::now() < until => thread::sleep(LOOK_EVERY),
            Ok(None) => {
                // It is killed and waited for, so that it is gone when we say so.
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("did not end within {} seconds", within.as_secs()));
            }
            Err(error) => return Err(format!("cannot be waited for: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(words: &[&str], within: Duration) -> Result<Zeroizing<Vec<u8>>, SourceError> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        contents_of(&words, within)
    }

    #[test]
    fn what_the_program_prints_is_read_and_nothing_else_is_believed() {
        let second = Duration::from_secs(5);
        let printed = run(&["printf", "%s", "; $(id)"], second).unwrap();
        assert_eq!(&*printed, b"; $(id)", "no shell reads the words");
        for (words, said) in [
            (&["/no/such/program"][..], "cannot be run"),
            (&["false"], "failed"),
            (&["head", "-c", "5000", "/dev/zero"], "printed what is no key"),
        ] {
            let refused = run(words, second).unwrap_err().to_string();
            assert!(refused.contains(said), "{refused}");
        }
        let started = Instant::now();
        let late = run(&["sleep", "30"], Duration::from_millis(100)).unwrap_err().to_string();
        assert!(late.contains("did not end") && started.elapsed() < second, "{late}");
    }
}
