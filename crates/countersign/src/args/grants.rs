//! The command lines of grants.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

#[derive(Debug, Subcommand)]
pub(crate) enum Grant {
    /// Issue a grant. Its token is shown once.
    Issue {
        /// What people call it.
        label: String,
        /// A server it reaches, with the policy that judges there: SLUG or SLUG=POLICY.
        #[arg(long = "server", required = true, value_name = "SLUG[=POLICY]")]
        servers: Vec<String>,
        /// Whom it belongs to: the address of a member, or the name of an agent. Without it: an
        /// agent called as the grant.
        #[arg(long)]
        identity: Option<String>,
        /// The member who answers for the agent. Without it: you.
        #[arg(long, value_name = "MEMBER")]
        owner: Option<String>,
        /// A label that policies can read, KEY=VALUE.
        #[arg(long = "tag", value_name = "KEY=VALUE")]
        tags: Vec<String>,
        /// How long it is good for, such as 12h or 30d.
        #[arg(long, value_name = "LENGTH")]
        expires_in: Option<String>,
        /// The most calls it may have in flight.
        #[arg(long)]
        in_flight_max: Option<u32>,
        /// Write the token to this new file (mode 0600) instead of showing it.
        #[arg(long, value_name = "FILE")]
        token_file: Option<PathBuf>,
    },
    /// List the grants.
    List,
    /// Show one grant.
    Show {
        /// Its label or id.
        grant: String,
    },
    /// Show how much of its limits a grant has used.
    Usage {
        /// Its label or id.
        grant: String,
    },
    /// List the calls whose outcome nobody knows: what they hold stays counted.
    Unknown {
        /// Only those of this grant, by label or id.
        grant: Option<String>,
    },
    /// Say what became of a call whose outcome nobody knew. Final, and recorded.
    Resolve {
        /// The call's id.
        call: String,
        /// What became of it.
        #[arg(long = "as", value_enum, value_name = "FATE")]
        fate: Fate,
        /// How that is known, for the record.
        #[arg(long)]
        reason: String,
    },
    /// Make a new token; the old one goes on working for a while.
    Rotate {
        /// Its label or id.
        grant: String,
        /// How long the old token goes on working, up to 24h.
        #[arg(long, default_value = "10m", value_name = "LENGTH")]
        overlap: String,
        /// Write the token to this new file (mode 0600) instead of showing it.
        #[arg(long, value_name = "FILE")]
        token_file: Option<PathBuf>,
    },
    /// Give it to another owner; an agent's, with all grants of the agent.
    HandOver {
        /// Its label or id.
        grant: String,
        /// The member who answers for it from now on.
        #[arg(long, value_name = "MEMBER")]
        owner: String,
    },
    /// Show or say how long its calls are held for people, for clients that bear less or more.
    Holding {
        /// Its label or id.
        grant: String,
        /// The longest that one request is held, 0 to 240; 0: told to call again at once.
        #[arg(long, requires = "legs")]
        seconds: Option<u32>,
        /// The most legs of a call of 2026-07-28, 0 to 6; 0: told to call again.
        #[arg(long, requires = "seconds")]
        legs: Option<u32>,
        /// As usual again.
        #[arg(long, conflicts_with_all = ["seconds", "legs"])]
        usual: bool,
    },
    /// Let no call in until it is resumed.
    Pause {
        /// Its label or id.
        grant: String,
    },
    /// Let calls in again.
    Resume {
        /// Its label or id.
        grant: String,
    },
    /// End it for good.
    Revoke {
        /// Its label or id.
        grant: String,
    },
}

/// What became of a call.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Fate {
    /// It was not carried out: what it holds goes back to the limits.
    Released,
    /// It was carried out: what it holds stays counted.
    Settled,
}
