//! The command lines of channels.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Subcommand)]
pub(crate) enum Channel {
    /// Make a channel.
    #[command(subcommand)]
    Add(NewChannel),
    /// List the channels.
    List,
    /// Show one channel.
    Show {
        /// Its name or id.
        channel: String,
    },
    /// Send a test message, and say what became of it.
    Test {
        /// Its name or id.
        channel: String,
    },
    /// List the messages of a channel.
    Messages {
        /// Its name or id.
        channel: String,
        /// Only those in this state: waiting, delivered or dead.
        #[arg(long)]
        state: Option<String>,
    },
    /// Try a dead message again.
    Retry {
        /// The channel's name or id.
        channel: String,
        /// The id of the message.
        message: String,
    },
    /// Remove a channel and its messages.
    Remove {
        /// Its name or id.
        channel: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum NewChannel {
    /// Signed JSON to a program. The key is shown once.
    Webhook {
        #[command(flatten)]
        common: NewChannelCommon,
        /// Where it goes.
        #[arg(value_name = "URL")]
        receiver: String,
        /// How it is signed.
        #[arg(long, value_enum, default_value_t = Signing::HmacSha256)]
        signing: Signing,
    },
    /// Messages to a channel of Slack, by an incoming webhook.
    Slack {
        #[command(flatten)]
        common: NewChannelCommon,
        /// A file with the address that Slack gave, which is a secret; standard input without it.
        #[arg(long, value_name = "FILE")]
        url_file: Option<PathBuf>,
    },
    /// Mail.
    Email {
        #[command(flatten)]
        common: NewChannelCommon,
        /// The mail server, HOST or HOST:PORT.
        #[arg(long, value_name = "HOST[:PORT]")]
        smtp: String,
        /// How the connection is protected: tls, starttls or plain.
        #[arg(long, default_value = "tls")]
        security: String,
        /// Who we are there, if it asks; the password comes from --password-file.
        #[arg(long)]
        username: Option<String>,
        /// A file with the password.
        #[arg(long, value_name = "FILE", requires = "username")]
        password_file: Option<PathBuf>,
        /// The sender's address.
        #[arg(long)]
        from: String,
        /// Whom it goes to; may be said several times.
        #[arg(long, required = true)]
        to: Vec<String>,
    },
}

/// What every new channel has.
#[derive(Debug, Args)]
pub(crate) struct NewChannelCommon {
    /// What people call it.
    pub(crate) name: String,
    /// Tell of this state only: pending, approved, denied, expired, withdrawn, consumed; may be said
    /// several times. Without it: all to programs, pending to people.
    #[arg(long = "event", value_name = "STATE")]
    pub(crate) events: Vec<String>,
    /// A private target it may be reached at; may be said several times.
    #[arg(long = "private-target", value_name = "HOST:PORT")]
    pub(crate) private_targets: Vec<String>,
}

/// How a webhook is signed.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Signing {
    /// A key that both sides know.
    HmacSha256,
    /// The receiver knows the public key alone.
    Ed25519,
}
