//! The command lines of what is recorded of calls beyond names. `capture key` and `capture open` need
//! no running instance, and the private key never goes to one.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Subcommand)]
pub(crate) enum Recording {
    /// Show what is recorded of a server's calls beyond names. By default: nothing.
    Show {
        /// Its slug or id.
        server: String,
    },
    /// Change what is recorded of a server's calls from the next one on.
    Set(RecordingSet),
    /// Show, or change, how long what is recorded is kept, and how much.
    Terms {
        /// Draw a new key of fingerprints so often.
        #[arg(long, value_name = "DAYS")]
        rotate_days: Option<u32>,
        /// Destroy a key so long after the next one took its place.
        #[arg(long, value_name = "DAYS")]
        fingerprint_days: Option<u32>,
        /// Remove sealed records after so long.
        #[arg(long, value_name = "DAYS")]
        capture_days: Option<u32>,
        /// The most room that sealed records take.
        #[arg(long, value_name = "MIB")]
        capture_mib: Option<u32>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct RecordingSet {
    /// The server, by slug or id.
    pub(crate) server: String,
    /// Keyed fingerprints of arguments.
    #[arg(long, value_enum)]
    pub(crate) fingerprints: Option<Switch>,
    /// What is kept of calls, sealed to your public key.
    #[arg(long, value_enum)]
    pub(crate) capture: Option<Captured>,
    /// The public key that it is sealed to, or the file that holds it.
    #[arg(long, value_name = "KEY")]
    pub(crate) capture_key: Option<String>,
    /// The most bytes of one sealed record.
    #[arg(long, value_name = "BYTES")]
    pub(crate) bytes_max: Option<u32>,
    /// Only of this tool. May be given more than once.
    #[arg(long = "tool", value_name = "TOOL", conflicts_with = "all_tools")]
    pub(crate) tools: Vec<String>,
    /// Of all tools.
    #[arg(long)]
    pub(crate) all_tools: bool,
    /// You have read what it means, as `recording show` says it.
    #[arg(long)]
    pub(crate) understood: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    On,
    Off,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Captured {
    Arguments,
    Results,
    Both,
    Off,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Fingerprint {
    /// Ask whether a call had a value. The question is put on record, the value is not.
    Ask {
        /// The call's id.
        call: String,
        /// The argument. Without it: all arguments, as one object.
        #[arg(long, value_name = "NAME")]
        argument: Option<String>,
        /// The file that holds the value as JSON, such as `100` or `"EUR"`. Without it: standard input.
        #[arg(long, value_name = "FILE")]
        value_file: Option<PathBuf>,
    },
    /// List the keys that fingerprints are made with.
    Keys,
    /// Draw another key now. The one before is kept for questions.
    Draw,
    /// Destroy a key that is not in use: nothing can be asked of its fingerprints from then on.
    Destroy {
        /// Its number.
        number: u32,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Capture {
    /// Make a key pair, away from the server: the private key goes to a new file, the public key is
    /// printed.
    Key {
        /// The new file of the private key. Keep it where the server is not.
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
    },
    /// Take sealed records out of an instance. It cannot read them; that you did is on record.
    Export {
        /// The file to write, which must not exist yet. Without it: standard output.
        #[arg(long, value_name = "FILE")]
        to: Option<PathBuf>,
        /// Only of this call.
        #[arg(long, value_name = "ID")]
        call: Option<String>,
    },
    /// Open sealed records with the private key. Needs no running instance.
    ///
    /// Ends with 0 if every record opens and stands in the evidence, with 1 if any does not, with 2
    /// if it was asked wrongly.
    Open {
        /// The file that `capture export` wrote; `-` is standard input.
        file: PathBuf,
        /// The file of the private key.
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// Evidence of the same log (`audit export`), to tell records that were removed, exchanged or
        /// put in. Check that itself with `audit verify`.
        #[arg(long, value_name = "FILE")]
        evidence: Option<PathBuf>,
        /// The file to write what was opened to, which must not exist yet. Without it: standard
        /// output.
        #[arg(long, value_name = "FILE")]
        to: Option<PathBuf>,
    },
}
