//! The command lines of evidence: those that need no running instance.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// Check a file of evidence with nothing but the log's public key. Needs no running instance.
    ///
    /// Ends with 0 if everything holds, with 1 if anything does not, with 2 if it was asked wrongly.
    Verify(Verify),
    /// Write the evidence to a file, for somebody else to check.
    Export(Export),
    /// Accept that the log is shorter than a witness has seen it: an older copy was put back, and
    /// there is no newer one. Writes down that and why. The instance must not run.
    Break {
        #[command(flatten)]
        configured: super::Configured,
        /// How many entries the witness has cosigned, as the refused start says.
        #[arg(long, value_name = "ENTRIES")]
        witnessed: u64,
        /// Why, for whoever reads the log.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Print the log's public key. Keep it elsewhere: evidence is checked with it.
    Key,
    /// Print a checkpoint over everything written down so far. Keep it elsewhere: it shows later
    /// whether anything before it was changed or cut off.
    Checkpoint {
        /// Have this witness cosign it: the address of its `add-checkpoint`, without that.
        #[arg(long, value_name = "URL")]
        witness: Option<String>,
    },
    /// Print the proof that a call is in the log, as a file of evidence.
    Proof {
        /// Its id.
        call: String,
    },
    /// List changes, newest first, or write all of them to a file. That you looked is one of them.
    #[command(visible_alias = "list")]
    Log {
        #[command(flatten)]
        asked: super::WhichChanges,
        /// The most lines.
        #[arg(long, default_value_t = 50)]
        limit: u32,
        /// Go on where the last list ended.
        #[arg(long)]
        after: Option<String>,
        /// Write all of them as JSONL, oldest first, to this new file; `-` is standard output.
        #[arg(long, value_name = "FILE", conflicts_with_all = ["limit", "after"])]
        export: Option<PathBuf>,
    },
    /// List who was turned away, newest first.
    Refusals,
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    /// The file to write, which must not exist yet. Without it: standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) to: Option<PathBuf>,
    /// The first entry, counted from 0: the length of a checkpoint that the reader has already.
    #[arg(long, value_name = "ENTRY", default_value_t = 0)]
    pub(crate) from: u64,
    /// Only this organisation's entries, each with its proof, and nothing of others.
    #[arg(long, conflicts_with = "database")]
    pub(crate) proofs: bool,
    /// Read this database file, a copy or one that nobody serves, instead of asking an instance.
    #[arg(long, value_name = "FILE")]
    pub(crate) database: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// A file of evidence, or the proof of one entry (with --entry); `-` is standard input.
    #[arg(value_name = "FILE", required_unless_present = "old", conflicts_with = "old")]
    pub(crate) file: Option<PathBuf>,
    /// The log's public key, `NAME+ID+KEY`, or the file that holds it. Take it from somewhere else
    /// than the evidence.
    #[arg(long, value_name = "KEY")]
    pub(crate) key: String,
    /// A checkpoint kept from before, which the log must continue. May be given more than once.
    #[arg(long = "checkpoint", value_name = "FILE", conflicts_with = "old")]
    pub(crate) checkpoints: Vec<PathBuf>,
    /// The public key of a witness, or the file that holds it. May be given more than once.
    #[arg(long = "witness", value_name = "KEY", conflicts_with = "old")]
    pub(crate) witnesses: Vec<String>,
    /// How many of these witnesses must have cosigned the newest checkpoint. Without it: all.
    #[arg(long, value_name = "NUMBER", requires = "witnesses")]
    pub(crate) witnesses_needed: Option<usize>,
    /// A call whose entries must be there.
    #[arg(long, value_name = "ID", conflicts_with = "old")]
    pub(crate) call: Option<String>,
    /// The entry that the proof is of: its bytes and nothing else.
    #[arg(long, value_name = "FILE", conflicts_with = "old")]
    pub(crate) entry: Option<PathBuf>,
    /// Check only that one checkpoint continues another: the earlier one.
    #[arg(long, value_name = "FILE", requires = "new")]
    pub(crate) old: Option<PathBuf>,
    /// The later one.
    #[arg(long, value_name = "FILE", requires = "old")]
    pub(crate) new: Option<PathBuf>,
    /// The proof that leads from the one to the other: a line for each hash.
    #[arg(long, value_name = "FILE", requires = "old")]
    pub(crate) proof: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Witness {
    /// Where logs connect.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:7072")]
    pub(crate) listen: SocketAddr,
    /// The public key of a log to follow, or the file that holds it. May be given more than once.
    #[arg(long = "log", value_name = "KEY", required = true)]
    pub(crate) logs: Vec<String>,
    /// The file of this witness's own key. Made at the first start, readable by its owner only.
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
    /// What this witness is called, such as `witness.example.org/w1`; needed to make its key.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// The file that remembers what was cosigned last. Never put an older copy back.
    #[arg(long, value_name = "FILE")]
    pub(crate) state: PathBuf,
}
