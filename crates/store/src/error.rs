//! Why the store did not do what it was asked.

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
    /// The root key does not open this database.
    #[error("the root key does not open this database")]
    WrongRootKey,
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
    /// The change contradicts the state of the object.
    #[error("{0}")]
    Conflict(String),
    /// The store gave no answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}
