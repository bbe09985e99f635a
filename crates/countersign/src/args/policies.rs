//! The command lines of policies.

use std::path::PathBuf;

use clap::Subcommand;

use super::Draft;

#[derive(Debug, Subcommand)]
pub(crate) enum Policy {
    /// List the policies.
    List,
    /// Show a policy's text.
    Show {
        /// Its name or id.
        policy: String,
        /// A version. Without it: the newest.
        #[arg(long)]
        version: Option<u32>,
    },
    /// Find everything that is wrong with a policy file. Needs no instance.
    Check {
        /// The policy, a JSON file; `-` is standard input.
        file: PathBuf,
        /// Also warn of tools this server does not have. Asks the instance.
        #[arg(long)]
        server: Option<String>,
    },
    /// Run test cases against a policy file (offline) or a published policy (--policy).
    Test {
        /// The policy, a JSON file.
        #[arg(required_unless_present = "policy")]
        file: Option<PathBuf>,
        /// The test cases, a JSON file. With --policy: those kept beside it, unless given.
        #[arg(long, required_unless_present = "policy")]
        cases: Option<PathBuf>,
        /// A published policy, by name or id, instead of a file.
        #[arg(long, conflicts_with = "file")]
        policy: Option<String>,
    },
    /// Publish a file as the next version of a policy, which is made if it does not exist.
    Publish {
        /// The policy's name or id.
        policy: String,
        /// The policy, a JSON file.
        file: PathBuf,
        /// Why, for the record.
        #[arg(long)]
        note: Option<String>,
        /// Test cases to keep beside it, a JSON file. They must pass.
        #[arg(long)]
        cases: Option<PathBuf>,
        /// Publish only if this is still the newest version.
        #[arg(long)]
        expected_latest: Option<u32>,
        /// For a new policy: the server it is written for.
        #[arg(long)]
        server: Option<String>,
        /// Where the file is kept, such as acme/policies: the policy is then changed there, and not edited
        /// on the instance.
        #[arg(long, value_name = "TEXT")]
        kept_in: Option<String>,
    },
    /// Let a policy that is kept in files be edited on the instance from now on.
    Release {
        /// The policy's name or id.
        policy: String,
    },
    /// Let a policy judge a grant's calls on a server.
    Attach {
        /// The policy's name or id.
        policy: String,
        /// The grant's label or id.
        #[arg(long)]
        grant: String,
        /// The server's slug or id. Not needed where the grant reaches only one.
        #[arg(long)]
        server: Option<String>,
    },
    /// Take the policy off a grant: every call is denied then.
    Detach {
        /// The grant's label or id.
        #[arg(long)]
        grant: String,
        /// The server's slug or id. Not needed where the grant reaches only one.
        #[arg(long)]
        server: Option<String>,
    },
    /// Say exactly which calls two policies treat differently, each with an example. Ends with 1 when the
    /// second lets more through, so that a build can stop at it.
    Diff {
        /// A policy's name or id, to compare two of its versions; or the older file.
        policy: String,
        /// The newer file: then two files are compared, and no instance is needed.
        file: Option<PathBuf>,
        /// The older version. Without it: the one before the newest.
        #[arg(long, conflicts_with = "file")]
        from: Option<u32>,
        /// The newer version. Without it: the newest.
        #[arg(long, conflicts_with = "file")]
        to: Option<u32>,
        /// Compare only for the tools of this server. Asks the instance.
        #[arg(long)]
        server: Option<String>,
        /// End with 0 even when the second lets more through.
        #[arg(long)]
        allow_more_open: bool,
        /// Show how the texts of two versions differ instead.
        #[arg(long, conflicts_with_all = ["file", "server", "allow_more_open"])]
        text: bool,
    },
    /// Ask whether a call can pass, be held or be denied: no, or yes with an example.
    Ask {
        /// Such as 'can refund_payment pass without approval when amount > 500?', or the same as JSON.
        question: String,
        /// The policy, a JSON file. Needs no instance.
        #[arg(long, required_unless_present = "policy")]
        file: Option<PathBuf>,
        /// A published policy, by name or id, instead of a file.
        #[arg(long, conflicts_with = "file")]
        policy: Option<String>,
        /// Its version. Without it: the newest.
        #[arg(long, conflicts_with = "file")]
        version: Option<u32>,
        /// Look only at the tools of this server. Asks the instance.
        #[arg(long)]
        server: Option<String>,
        /// End with 1 unless this is the answer.
        #[arg(long, value_parser = ["yes", "no"])]
        expect: Option<String>,
    },
    /// Say which rules no test case exercises and which changes of a rule none notices, and propose cases.
    Coverage {
        /// The policy, a JSON file. Needs no instance.
        #[arg(required_unless_present = "policy", requires = "cases")]
        file: Option<PathBuf>,
        /// The test cases, a JSON file. With --policy: those kept beside it, unless given.
        #[arg(long)]
        cases: Option<PathBuf>,
        /// A published policy, by name or id, instead of a file.
        #[arg(long, conflicts_with = "file")]
        policy: Option<String>,
        /// Keep to the tools of this server. Asks the instance.
        #[arg(long)]
        server: Option<String>,
        /// End with 1 unless everything is exercised and noticed.
        #[arg(long)]
        complete: bool,
    },
    /// What will be a policy's next version.
    #[command(subcommand)]
    Draft(Draft),
    /// List the versions of a policy.
    Versions {
        /// The policy's name or id.
        policy: String,
    },
    /// Publish an old version as a new one.
    Restore {
        /// The policy's name or id.
        policy: String,
        /// The version that comes back.
        #[arg(long)]
        version: u32,
        /// Why, for the record.
        #[arg(long)]
        note: Option<String>,
    },
    /// Translate an Intercept YAML file into a policy. Needs no instance.
    Import {
        /// The YAML file; `-` is standard input.
        file: PathBuf,
    },
    /// Say what a policy would do with a call. Nothing is sent, nothing is recorded.
    Simulate {
        /// The policy, a JSON file.
        file: PathBuf,
        /// The tool.
        #[arg(long)]
        tool: String,
        /// The arguments, JSON.
        #[arg(long, default_value = "{}", value_name = "JSON")]
        arguments: String,
    },
}
