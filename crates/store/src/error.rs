//! Why the store did not do what it was asked.

use crate::GrantId;

/// The store gave no answer. Whoever asked must refuse: no answer is never a yes.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database does not answer, is read-only, full or locked.
    #[error("the database is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database was written by a newer version.
    #[error("the database has schema {found}, this version knows up to {known}")]
    NewerSchema {
        /// The version found.
        found: u32,
        /// The newest version known here.
        known: u32,
    },
    /// A row is not what this program writes.
    #[error("a row of `{table}` cannot be read")]
    Corrupt {
        /// The table.
        table: &'static str,
    },
    /// A copy is not put over a database.
    #[error("the data directory `{path}` has a database already")]
    Occupied {
        /// The directory.
        path: String,
    },
    /// The file is something else, or a database of another program.
    #[error("`{path}` is not a Countersign database")]
    NotADatabase {
        /// The file.
        path: String,
    },
    /// Another process owns the data directory.
    #[error("the data directory `{path}` is in use by another process")]
    InUse {
        /// The directory.
        path: String,
    },
    /// The data directory, or a file in it, cannot be made, read or written.
    #[error("the data directory `{path}` cannot be used")]
    Directory {
        /// The directory.
        path: String,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The database may be read, not written.
    #[error("the database is read-only")]
    ReadOnly,
    /// There is no room for another page.
    #[error("the disk is full")]
    Full,
    /// Too much waits to be written already, or the answer took too long.
    #[error("the database is too busy")]
    Busy,
    /// The SQLite that was linked has known faults.
    #[error("SQLite {found} is too old, {needed} or newer is needed")]
    OldSqlite {
        /// The version linked.
        found: String,
        /// The oldest good one.
        needed: &'static str,
    },
    /// The key ring in the database is damaged.
    #[error("the key ring of the database cannot be used")]
    Keyring(#[source] vault::LoadError),
    /// The system gave no random bytes.
    #[error("the system gave no random bytes")]
    NoRandomness,
    /// The root key does not open this database.
    #[error("the root key does not open this database")]
    WrongRootKey,
    /// The evidence log is not as this program left it, so nothing is added to it.
    #[error("the evidence log is not as it was left: {what}")]
    Evidence {
        /// What is wrong with it.
        what: &'static str,
    },
    /// A witness is required, and none has cosigned lately.
    #[error("no witness has cosigned the evidence log lately")]
    Unwitnessed,
    /// The writer has stopped.
    #[error("the store is closed")]
    Closed,
}

/// Why a change was not made. Nothing has changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// No such object in this organisation (foreign ids answer the same).
    #[error("there is no {what} `{id}`")]
    NotFound {
        /// The kind of object.
        what: &'static str,
        /// The id or name that was asked for.
        id: String,
    },
    /// The name is taken.
    #[error("the {what} `{name}` exists already")]
    Taken {
        /// The kind of object.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// Somebody changed the object meanwhile.
    #[error("the {what} was changed meanwhile: it is at revision {current}")]
    Stale {
        /// The kind of object.
        what: &'static str,
        /// The revision it has now.
        current: i64,
    },
    /// A field does not hold what it may hold.
    #[error("{field}: {problem}")]
    Invalid {
        /// The field, as the API names it.
        field: &'static str,
        /// What is wrong with it, never repeating the value.
        problem: &'static str,
    },
    /// Nobody could administer the organisation after this.
    #[error("{0}")]
    LastAdmin(&'static str),
    /// Something must be said about each of these grants first: ids and labels.
    #[error("{} grants of the member are undecided", .0.len())]
    Undecided(Vec<(GrantId, String)>),
    /// A link that was used, replaced or has ended.
    #[error("the {what} was used or has ended")]
    Gone {
        /// The kind of link.
        what: &'static str,
    },
    /// Whoever asked had the right when they asked, and has lost it since.
    #[error("the right to do this has ended meanwhile")]
    RightEnded,
    /// The policy is kept in files: what is changed here would be overwritten from there.
    #[error("the policy `{policy}` is kept in files at `{place}`")]
    KeptInFiles {
        /// The policy's name.
        policy: String,
        /// Where, as whoever set the mark wrote it.
        place: String,
    },
    /// The person may not decide this approval.
    #[error("{}", .0.text())]
    Barred(crate::Bar),
    /// The change contradicts the state of the object.
    #[error("{0}")]
    Conflict(String),
    /// The store gave no answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}
