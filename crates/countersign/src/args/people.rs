//! The command lines of people: members, groups, and what they changed.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Role;

#[derive(Debug, Subcommand)]
pub(crate) enum Member {
    /// Invite a member. The link is shown once.
    Invite {
        /// Their address.
        email: String,
        /// What they may do.
        #[arg(long, value_enum)]
        role: Role,
        /// What people call them. Without it: the address.
        #[arg(long)]
        name: Option<String>,
        /// How long the link is good, such as 12h or 3d; up to 30d.
        #[arg(long, value_name = "LENGTH", default_value = "3d")]
        expires_in: String,
        /// Write the token of the link to this new file (mode 0600) instead of showing it.
        #[arg(long, value_name = "FILE")]
        token_file: Option<PathBuf>,
    },
    /// Make a new link for a member who has not come in yet; the old one ends.
    Reinvite {
        /// Their address or id.
        member: String,
        /// How long the link is good, such as 12h or 3d; up to 30d.
        #[arg(long, value_name = "LENGTH", default_value = "3d")]
        expires_in: String,
        /// Write the token of the link to this new file (mode 0600) instead of showing it.
        #[arg(long, value_name = "FILE")]
        token_file: Option<PathBuf>,
    },
    /// List the members.
    List,
    /// Show one member.
    Show {
        /// Their address or id.
        member: String,
    },
    /// Change a member. A lower role lowers their keys in the same step.
    Set {
        /// Their address or id.
        member: String,
        /// What they may do.
        #[arg(long, value_enum)]
        role: Option<Role>,
        /// What people call them.
        #[arg(long)]
        name: Option<String>,
        /// Their address.
        #[arg(long)]
        email: Option<String>,
    },
    /// Make a one-time link by which a member who lost their way in sets a new password. It ends
    /// their sessions and takes their passkeys away once it is used.
    Link {
        /// Their address or id.
        member: String,
        /// Write the token of the link to this new file (mode 0600) instead of showing it.
        #[arg(long, value_name = "FILE")]
        token_file: Option<PathBuf>,
    },
    /// Remove a member. Each living grant of theirs must be kept by somebody else or revoked.
    Remove {
        /// Their address or id.
        member: String,
        /// A grant that goes on, and the member who answers for it. May be given more than once.
        #[arg(long = "keep", value_name = "GRANT=MEMBER")]
        keep: Vec<String>,
        /// A grant that ends. May be given more than once.
        #[arg(long = "revoke", value_name = "GRANT")]
        revoke: Vec<String>,
    },
    /// Show who you are to the instance, and what you may do.
    Me,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Session {
    /// List the browsers that you, or a member, are signed in with.
    List {
        /// Whose, by address or id; only an admin sees those of others. Without it: yours.
        #[arg(long)]
        member: Option<String>,
    },
    /// Sign one of your browsers out.
    End {
        /// Its id.
        session: String,
    },
    /// Sign out everywhere. API keys stay good.
    EndAll {
        /// Whom, by address or id; only an admin signs others out. Without it: you.
        #[arg(long)]
        member: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum IdentityProvider {
    /// List the identity providers.
    List,
    /// Show one identity provider, never its secret.
    Show {
        /// Its slug or id.
        provider: String,
    },
    /// Let people sign in by a provider. Its discovery document is read first.
    Add {
        /// The provider, a JSON file as docs/signing-in.md shows; `-` is standard input.
        file: PathBuf,
        /// The file that holds the client secret, so that the other one holds none.
        #[arg(long, value_name = "FILE")]
        secret_file: Option<PathBuf>,
    },
    /// Write all settings of a provider anew. Without a secret the one that is kept stays.
    Set {
        /// Its slug or id.
        provider: String,
        /// The provider, a JSON file; `-` is standard input.
        file: PathBuf,
        /// The file that holds the client secret, so that the other one holds none.
        #[arg(long, value_name = "FILE")]
        secret_file: Option<PathBuf>,
    },
    /// Remove a provider. Its people stay members.
    Remove {
        /// Its slug or id.
        provider: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Group {
    /// Make a group.
    Create {
        /// Its name, as policies write it.
        name: String,
        /// A member, by address or id. May be given more than once.
        #[arg(long = "member", value_name = "MEMBER")]
        members: Vec<String>,
    },
    /// List the groups.
    List,
    /// Show one group.
    Show {
        /// Its name or id.
        group: String,
    },
    /// Put somebody into a group.
    Add {
        /// Its name or id.
        group: String,
        /// The member, by address or id.
        member: String,
    },
    /// Take somebody out of a group.
    Take {
        /// Its name or id.
        group: String,
        /// The member, by address or id.
        member: String,
    },
    /// Remove a group.
    Remove {
        /// Its name or id.
        group: String,
    },
}

/// Which lines of the log of changes.
#[derive(Debug, Args)]
pub(crate) struct WhichChanges {
    /// By whom: the address or id of a member, the id of a key or session.
    #[arg(long)]
    pub(crate) who: Option<String>,
    /// Of this event, such as `grant.revoked`; `grant.*` stands for all of grants.
    #[arg(long)]
    pub(crate) event: Option<String>,
    /// About the object with this id.
    #[arg(long)]
    pub(crate) subject: Option<String>,
    /// At or after this moment (RFC 3339).
    #[arg(long)]
    pub(crate) since: Option<String>,
    /// Before this moment (RFC 3339).
    #[arg(long)]
    pub(crate) until: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Draft {
    /// Show the draft of a policy.
    Show {
        /// The policy's name or id.
        policy: String,
    },
    /// Keep a file as the draft of a policy. It need not be a good policy yet.
    Save {
        /// The policy's name or id.
        policy: String,
        /// The document; `-` is standard input.
        file: PathBuf,
        /// Test cases to keep beside it, a JSON file.
        #[arg(long)]
        cases: Option<PathBuf>,
        /// Why, for the record, once it is published.
        #[arg(long)]
        note: Option<String>,
        /// Write over the draft at this revision. Without it there must be none yet.
        #[arg(long, value_name = "REVISION")]
        over: Option<i64>,
    },
    /// Publish the draft as the next version.
    Publish {
        /// The policy's name or id.
        policy: String,
        /// Why, for the record. Without it: the draft's own note.
        #[arg(long)]
        note: Option<String>,
    },
    /// Throw the draft away.
    Drop {
        /// The policy's name or id.
        policy: String,
    },
}

/// What an instance shall hold, as files.
#[derive(Debug, Args)]
pub(crate) struct Apply {
    /// The directory with `servers/`, `policies/` and `groups/`; what is not there is left alone.
    #[arg(short = 'f', long = "files", value_name = "DIR")]
    pub(crate) files: PathBuf,
    /// Only show what would be done.
    #[arg(long)]
    pub(crate) plan: bool,
    /// Also remove what the instance holds and the directory does not. Policies that are kept in files at
    /// another place stay.
    #[arg(long)]
    pub(crate) prune: bool,
    /// Where people find these files, such as acme/policies: shown with each policy, which is then changed
    /// here only. Without it: the directory's own name.
    #[arg(long, value_name = "TEXT")]
    pub(crate) source: Option<String>,
    /// Leave the policies to be edited on the instance too; the next apply overwrites what is.
    #[arg(long)]
    pub(crate) leave_editable: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Recover {
    #[command(flatten)]
    pub(crate) configured: super::Configured,
    /// Write the key to this new file (mode 0600) instead of showing it.
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// The copy that `backup` wrote.
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) configured: super::Configured,
}
