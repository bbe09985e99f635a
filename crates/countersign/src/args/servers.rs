//! The command lines of servers, their tools and their credentials.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

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
