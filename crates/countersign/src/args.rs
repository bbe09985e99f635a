//! The command line, as it is typed. What each command does lives in `commands`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

mod calls;
mod channels;
mod evidence;
mod grants;
mod people;
mod policies;
mod recording;
mod servers;

pub(crate) use calls::{Approvals, CallFilter, Calls};
pub(crate) use channels::{Channel, NewChannel, NewChannelCommon, Signing};
pub(crate) use evidence::{Audit, Export, Verify, Witness};
pub(crate) use grants::{Fate, Grant};
pub(crate) use people::{
    Apply, Draft, Group, IdentityProvider, Member, Recover, Restore, Session, WhichChanges,
};
pub(crate) use policies::Policy;
pub(crate) use recording::{Capture, Captured, Fingerprint, Recording, RecordingSet, Switch};
pub(crate) use servers::{Credential, OauthClient, OnToolChange, Server, Tool};

/// Stands between AI agents and the tools they call: decides, holds, limits and records each call.
#[derive(Debug, Parser)]
#[command(name = "countersign", version)]
pub(crate) struct Arguments {
    /// Write JSON, one document a line.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) instance: Instance,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Which running instance the command speaks to.
#[derive(Debug, Args)]
pub(crate) struct Instance {
    /// The control plane's address.
    #[arg(
        long,
        global = true,
        env = "COUNTERSIGN_URL",
        default_value = "http://127.0.0.1:7070",
        value_name = "URL"
    )]
    pub(crate) url: String,
    /// The file that holds the API key. Without it the key is taken from COUNTERSIGN_API_KEY.
    #[arg(long, global = true, env = "COUNTERSIGN_API_KEY_FILE", value_name = "FILE")]
    pub(crate) api_key_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the gateway and the control plane.
    Serve(Serve),
    /// Try everything on a throw-away database with a payments server built in.
    Demo(Demo),
    /// The MCP servers that calls are carried to.
    #[command(subcommand)]
    Server(Server),
    /// The tools of a server, and their definitions.
    #[command(subcommand)]
    Tool(Tool),
    /// The secrets that servers ask for. Values are read from a file or standard input.
    #[command(subcommand)]
    Credential(Credential),
    /// What grants may do.
    #[command(subcommand)]
    Policy(Policy),
    /// Who may call what: agents' tokens.
    #[command(subcommand)]
    Grant(Grant),
    /// The log of calls and decisions.
    #[command(subcommand)]
    Calls(Calls),
    /// Calls that wait for people.
    #[command(subcommand)]
    Approvals(Approvals),
    /// Where people outside are told of calls that wait: webhooks, mail, Slack.
    #[command(subcommand)]
    Channel(Channel),
    /// People: who may sign in and hold keys.
    #[command(subcommand)]
    Member(Member),
    /// Named sets of members, whom policies ask to approve.
    #[command(subcommand)]
    Group(Group),
    /// Browsers that people are signed in with.
    #[command(subcommand)]
    Session(Session),
    /// Who vouches for people who sign in: OpenID Connect.
    #[command(subcommand, alias = "idp")]
    IdentityProvider(IdentityProvider),
    /// Keys of this API.
    #[command(subcommand)]
    Key(Key),
    /// Make an instance hold the servers, policies and groups that a directory says.
    Apply(Apply),
    /// Take a copy of the whole database from the running instance.
    Backup {
        /// The new file to write it to.
        file: PathBuf,
    },
    /// Put a copy back, where no instance runs and no database is.
    Restore(Restore),
    /// Make a new key for an admin, beside a stopped instance: for when all others are lost.
    Recover(Recover),
    /// The clock that limits are counted by.
    #[command(subcommand)]
    Clock(Clock),
    /// The keys that seal every secret: rotation, another root key.
    #[command(subcommand)]
    Keys(Keys),
    /// The log of changes, who was turned away, and the evidence that others can check.
    #[command(subcommand)]
    Audit(Audit),
    /// What is recorded of calls beyond names: nothing, unless an admin asks for it here.
    #[command(subcommand)]
    Recording(Recording),
    /// Ask whether a call had a value, where fingerprints are recorded; the keys they are made with.
    #[command(subcommand)]
    Fingerprint(Fingerprint),
    /// Arguments and results that were sealed to your public key: make a key, take them out, open
    /// them.
    #[command(subcommand)]
    Capture(Capture),
    /// Cosign checkpoints of logs that run elsewhere, if each continues the one before.
    Witness(Witness),
    /// Print, or merge with --write, what an MCP client needs to connect.
    Connect(Connect),
    /// A way back in for admins, on the machine itself.
    #[command(subcommand)]
    Admin(Admin),
    /// Check keys, database, clock, upstreams and disk, and say how to mend what is wrong.
    Doctor(Configured),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Admin {
    /// Make a one-time link by which an admin who lost their way in sets a new password. The
    /// instance must not be running.
    Reset {
        /// The address of the admin.
        #[arg(long)]
        email: String,
        #[command(flatten)]
        configured: Configured,
    },
}

/// Where the configuration of an instance comes from.
#[derive(Debug, Args)]
pub(crate) struct Configured {
    /// The configuration file. Without it `countersign.toml` is read if it is here.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The directory of the database.
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) configured: Configured,
    /// Where agents connect.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) gateway_listen: Option<String>,
    /// Where operators and programs connect.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) control_listen: Option<String>,
    /// Print the configuration in force, secrets redacted, and end.
    #[arg(long)]
    pub(crate) print_config: bool,
    /// Run a payments server for trying things out beside the instance, on this port of this machine.
    /// It needs no key and moves no money.
    #[arg(long, value_name = "PORT", num_args = 0..=1, default_missing_value = "7072")]
    pub(crate) demo_server: Option<u16>,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Ports of the gateway, the control plane and the payments server; 0 picks a free one.
    #[arg(long, value_name = "G,C,U", value_delimiter = ',', num_args = 1)]
    pub(crate) ports: Vec<u16>,
    /// Play the story, check the payments ledger against it, and end with 0 or 1.
    #[arg(long)]
    pub(crate) drive: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Clock {
    /// Show whether the clock is believed that limits are counted by.
    Show,
    /// Say that the clock is right as it is. Recorded.
    Confirm {
        /// Why it was moved, for the record.
        #[arg(long)]
        reason: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// Show the keys that seal secrets, and how far a rotation has come.
    Status,
    /// Seal with a new key from now on, and seal again in the background what the old one has.
    Rotate {
        /// Wait until the old key is retired, and say how far it has come.
        #[arg(long)]
        wait: bool,
    },
    /// Retire a key that seals nothing any more, without waiting.
    Retire {
        /// Its number.
        key: u32,
    },
    /// Go over to the root key that `root_key.next_file` or `root_key.next_command` names.
    RootKey,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Key {
    /// Make an API key. It is shown once.
    Create {
        /// What people call it.
        label: String,
        /// What it may do: at most what its member may.
        #[arg(long, value_enum)]
        role: Role,
        /// Whose it is, by address or id. Without it: yours.
        #[arg(long)]
        member: Option<String>,
        /// How long it is good for, such as 12h or 30d.
        #[arg(long, value_name = "LENGTH")]
        expires_in: Option<String>,
        /// Write the key to this new file (mode 0600) instead of showing it.
        #[arg(long, value_name = "FILE")]
        token_file: Option<PathBuf>,
    },
    /// List the keys.
    List,
    /// End a key.
    Revoke {
        /// Its label or id.
        key: String,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Role {
    /// Sees servers, tools, policies, grants and calls.
    Viewer,
    /// Also writes and attaches policies and accepts tools.
    #[value(name = "policy_manager", alias = "policy-manager")]
    PolicyManager,
    /// Everything.
    Admin,
}

#[derive(Debug, Args)]
pub(crate) struct Connect {
    /// Which client.
    #[arg(value_enum)]
    pub(crate) client: Client,
    /// The server to connect to, by slug.
    #[arg(long)]
    pub(crate) server: String,
    /// The gateway's address. Without it the running instance is asked.
    #[arg(long, value_name = "URL")]
    pub(crate) gateway_url: Option<String>,
    /// What the client calls it. Without it: the slug.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Put the token of this file into the configuration, instead of the name of the variable
    /// COUNTERSIGN_GRANT_TOKEN.
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Merge it into the client's file, keeping the rest, with a backup beside it.
    #[arg(long)]
    pub(crate) write: bool,
    /// The client's file, if it is not where it usually is.
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Client {
    /// Claude Code: .mcp.json of the project.
    ClaudeCode,
    /// Claude Desktop: claude_desktop_config.json.
    ClaudeDesktop,
    /// Cursor: ~/.cursor/mcp.json.
    Cursor,
    /// VS Code: .vscode/mcp.json of the project.
    Vscode,
    /// Codex: ~/.codex/config.toml.
    Codex,
    /// Any other: the address and the header, as JSON.
    Json,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_holds_together() {
        Arguments::command().debug_assert();
    }
}
