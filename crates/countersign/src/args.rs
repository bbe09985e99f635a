//! The command line, as it is typed. What each command does lives in `commands`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

mod channels;
mod evidence;
mod people;
mod recording;

pub(crate) use channels::{Channel, NewChannel, NewChannelCommon, Signing};
pub(crate) use evidence::{Audit, Export, Verify, Witness};
pub(crate) use people::{
    Apply, Draft, Group, IdentityProvider, Member, Recover, Restore, Session, WhichChanges,
};
pub(crate) use recording::{Capture, Captured, Fingerprint, Recording, RecordingSet, Switch};

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
pub(crate) enum Server {
    /// Register a server, find out what it speaks, and accept the tools it lists now.
    Add {
        /// The name in its address: /mcp/SLUG.
        slug: String,
        /// The address of its MCP endpoint. It holds no secret: use `credential set`.
        #[arg(id = "server_url", value_name = "URL")]
        url: String,
        /// What people call it.
        #[arg(long)]
        name: Option<String>,
        /// A private address it may be reached at, host:port. May be given more than once.
        #[arg(long = "private-target", value_name = "HOST:PORT")]
        private_targets: Vec<String>,
        /// What to do with a tool whose definition changes later.
        #[arg(long, value_enum)]
        on_tool_change: Option<OnToolChange>,
        /// Register it without asking it anything yet (for one that wants its credential first).
        #[arg(long)]
        no_probe: bool,
    },
    /// List the servers.
    List,
    /// Show one server.
    Show {
        /// Its slug or id.
        server: String,
    },
    /// Ask a server again what it speaks and which tools it has.
    Refresh {
        /// Its slug or id.
        server: String,
    },
    /// Remove a server that no grant uses.
    Remove {
        /// Its slug or id.
        server: String,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum OnToolChange {
    /// Deny calls that rules read arguments of, until the change is accepted.
    Deny,
    /// Hide the tool until the change is accepted.
    Hide,
    /// Let it pass.
    Allow,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Tool {
    /// List the tools of a server.
    List {
        /// The server's slug or id.
        server: String,
    },
    /// Show the definition of a tool, and what changed since it was accepted.
    Show {
        /// The server's slug or id.
        server: String,
        /// The tool's name.
        tool: String,
    },
    /// Accept the present definition of a tool.
    Accept {
        /// The server's slug or id.
        server: String,
        /// The tool's name.
        tool: String,
        /// The fingerprint of the definition you looked at. Without it: the present one.
        #[arg(long)]
        fingerprint: Option<String>,
    },
}

/// An OAuth client to set.
#[derive(Debug, Args)]
pub(crate) struct OauthClient {
    /// The server's slug or id.
    pub(crate) server: String,
    /// The client asks for itself; nobody consents.
    #[arg(long, requires = "client_id")]
    pub(crate) client_credentials: bool,
    /// Each identity of grants connects an account of its own.
    #[arg(long, conflicts_with = "client_credentials")]
    pub(crate) per_identity: bool,
    /// The authorization server that must be found; another one is refused.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) issuer: Option<String>,
    /// The client that was made at the authorization server. Without it: our document, or a
    /// registration.
    #[arg(long, value_name = "ID")]
    pub(crate) client_id: Option<String>,
    /// The address of a document that describes us, where it is published elsewhere.
    #[arg(long, value_name = "ADDRESS", conflicts_with = "client_id")]
    pub(crate) client_document: Option<String>,
    /// The file of the client's secret.
    #[arg(long, value_name = "FILE", requires = "client_id")]
    pub(crate) secret_file: Option<PathBuf>,
    /// The file of the client's private key: PKCS#8 in PEM.
    #[arg(long, value_name = "FILE", requires = "client_id", conflicts_with = "secret_file")]
    pub(crate) key_file: Option<PathBuf>,
    /// A scope to ask for; give it once for each. Without any: what the server asks for.
    #[arg(long = "scope", value_name = "SCOPE")]
    pub(crate) scopes: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Credential {
    /// Seal a secret for a server. The value comes from --file or standard input, never from here.
    Set {
        /// The server's slug or id.
        server: String,
        /// The header the value is sent in. Without it: `Authorization: Bearer VALUE`.
        #[arg(long, value_name = "NAME", conflicts_with = "headers")]
        header: Option<String>,
        /// Read several headers, one `Name: value` a line.
        #[arg(long)]
        headers: bool,
        /// The file that holds the value. Without it: standard input.
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Show that there is one, and since when. Values are never shown: where the settings allow it, an
    /// admin reads one back in the dashboard.
    Show {
        /// The server's slug or id.
        server: String,
    },
    /// Get tokens from the server's authorization server instead. It is found by the server's word.
    Oauth(OauthClient),
    /// Say which scopes to ask for from the next consent on. Client and accounts stay.
    Scopes {
        /// The server's slug or id.
        server: String,
        /// All of them, in place of those before.
        #[arg(required = true)]
        scopes: Vec<String>,
    },
    /// Begin to connect an account: prints the address to open in a browser.
    Connect {
        /// The server's slug or id.
        server: String,
        /// The identity of grants whose account it is, where each has its own.
        #[arg(long)]
        identity: Option<String>,
    },
    /// Show the accounts that are connected.
    Connections {
        /// The server's slug or id.
        server: String,
    },
    /// Erase the tokens of an account.
    Disconnect {
        /// The server's slug or id.
        server: String,
        /// The identity of grants whose account it is, where each has its own.
        #[arg(long)]
        identity: Option<String>,
    },
    /// Ask the server with the credential.
    Test {
        /// The server's slug or id.
        server: String,
    },
    /// Remove the secret of a server, its OAuth client and its connected accounts.
    Remove {
        /// The server's slug or id.
        server: String,
    },
}

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

/// What became of a call.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Fate {
    /// It was not carried out: what it holds goes back to the limits.
    Released,
    /// It was carried out: what it holds stays counted.
    Settled,
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
