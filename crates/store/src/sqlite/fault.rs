//! What can go wrong inside a transaction, and what callers are told of it.

use rusqlite::ErrorCode;
use vault::{NoRandomness, SealError};

use crate::{ChangeError, StoreError};

/// A failure inside a job.
#[derive(Debug)]
pub(super) enum Fault {
    /// SQLite failed: perhaps the whole transaction is gone.
    Sql(rusqlite::Error),
    /// The job itself refused; its part of the transaction is undone, the rest stands.
    Refused(ChangeError),
}

impl Fault {
    /// Whether it is about one row that holds what this program never writes, and not about the
    /// database.
    pub(super) const fn is_unreadable_row(&self) -> bool {
        use rusqlite::Error::{
            FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType, Utf8Error,
        };
        matches!(
            self,
            Self::Refused(ChangeError::Store(StoreError::Corrupt { .. }))
                | Self::Sql(
                    FromSqlConversionFailure(..)
                        | IntegralValueOutOfRange(..)
                        | InvalidColumnType(..)
                        | Utf8Error(..)
                )
        )
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<ChangeError> for Fault {
    fn from(error: ChangeError) -> Self {
        Self::Refused(error)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Refused(error.into())
    }
}

impl From<NoRandomness> for Fault {
    fn from(_: NoRandomness) -> Self {
        StoreError::NoRandomness.into()
    }
}

impl From<SealError> for Fault {
    fn from(error: SealError) -> Self {
        match error {
            SealError::TooLong => {
                ChangeError::Invalid { field: "headers", problem: "too long" }.into()
            }
            _ => StoreError::NoRandomness.into(),
        }
    }
}

impl From<Fault> for ChangeError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Sql(error) => store_error(error).into(),
            Fault::Refused(error) => error,
        }
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Sql(error) => store_error(error),
            Fault::Refused(ChangeError::Store(error)) => error,
            Fault::Refused(other) => Self::Unavailable(other.into()),
        }
    }
}

/// The event behind an error of SQLite.
pub(super) fn store_error(error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::Full,
        Some(ErrorCode::ReadOnly) => StoreError::ReadOnly,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy,
        _ => StoreError::Unavailable(error.into()),
    }
}

/// The same event once more, for each of several who wait for one commit.
pub(super) fn again(error: &StoreError) -> StoreError {
    match error {
        StoreError::Full => StoreError::Full,
        StoreError::ReadOnly => StoreError::ReadOnly,
        StoreError::Busy => StoreError::Busy,
        StoreError::Closed => StoreError::Closed,
        StoreError::Evidence { what } => StoreError::Evidence { what },
        other => StoreError::Unavailable(other.to_string().into()),
    }
}

/// A row that holds what this program never writes.
pub(super) fn corrupt(table: &'static str) -> Fault {
    StoreError::Corrupt { table }.into()
}
