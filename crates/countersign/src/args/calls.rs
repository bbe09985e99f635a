//! The command lines of calls and of the approvals some of them wait for.

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum Calls {
    /// List calls, newest first.
    List {
        #[command(flatten)]
        filter: CallFilter,
        #[command(flatten)]
        past: PastCalls,
        /// The most lines.
        #[arg(long, default_value_t = 50)]
        limit: u32,
        /// Go on where the last list ended.
        #[arg(long)]
        after: Option<String>,
    },
    /// Follow calls as they come, until interrupted.
    Tail {
        #[command(flatten)]
        filter: CallFilter,
        /// Begin after this index of the log, instead of now.
        #[arg(long, value_name = "INDEX")]
        after: Option<u64>,
    },
    /// Show one call.
    Show {
        /// Its id.
        call: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Approvals {
    /// List calls that wait for you; no value of a call is shown.
    List {
        /// Which: mine, others or decided.
        #[arg(default_value = "mine")]
        which: String,
    },
    /// Show exactly what would be sent, to somebody who may decide. This is recorded.
    Show {
        /// Its id.
        approval: String,
    },
    /// Sign one call off, once.
    Approve {
        /// Its id.
        approval: String,
        /// The fingerprint that `show` gave.
        #[arg(long)]
        fingerprint: String,
        /// For the record.
        #[arg(long, default_value = "")]
        note: String,
    },
    /// Refuse one call.
    Deny {
        /// Its id.
        approval: String,
        /// The fingerprint that `show` gave.
        #[arg(long)]
        fingerprint: String,
        /// For the record; the agent reads it where the organisation allows that.
        #[arg(long, default_value = "")]
        note: String,
    },
}

/// Which calls.
#[derive(Debug, Args)]
pub(crate) struct CallFilter {
    /// Of this grant (label or id).
    #[arg(long)]
    pub(crate) grant: Option<String>,
    /// To this server (slug or id).
    #[arg(long)]
    pub(crate) server: Option<String>,
    /// Of this tool; `*` stands for any run of characters.
    #[arg(long)]
    pub(crate) tool: Option<String>,
    /// Decided so: allowed, held or denied.
    #[arg(long)]
    pub(crate) decision: Option<String>,
    /// Judged by this policy (name or id).
    #[arg(long)]
    pub(crate) policy: Option<String>,
    /// Decided by this rule, or one below it.
    #[arg(long)]
    pub(crate) rule: Option<String>,
}

/// Which calls of the past.
#[derive(Debug, Args)]
pub(crate) struct PastCalls {
    /// Ended so: completed, tool_failed, upstream_error, not_sent, unknown or input_required.
    #[arg(long)]
    pub(crate) outcome: Option<String>,
    /// At or after this moment (RFC 3339).
    #[arg(long)]
    pub(crate) since: Option<String>,
    /// Before this moment (RFC 3339).
    #[arg(long)]
    pub(crate) until: Option<String>,
}
