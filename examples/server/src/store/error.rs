//! Why the database gave nothing.

use rusqlite::ErrorCode;

/// Why a call gave nothing.
#[derive(Debug)]
pub enum StoreError {
    /// SQLite says no: the disk is full, the database is damaged, a constraint does not hold.
    Sqlite(rusqlite::Error),
    /// The transaction that the call shared could not be written.
    NotWritten(String),
    /// The call panicked; nothing of it is there.
    Panicked,
    /// The database is closed.
    Closed,
}

impl std::fmt::Display for StoreError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sqlite(error) => write!(f, "database: {error}"),
            Self::NotWritten(error) => write!(f, "the database could not be written: {error}"),
            Self::Panicked => f.write_str("a call to the database failed inside"),
            Self::Closed => f.write_str("the database is closed"),
        }
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Sqlite(error) => Some(error),
            _ => None,
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

/// What is wrong with a database that cannot be opened, as a user can act on it.
pub(super) fn opening(error: rusqlite::Error) -> anyhow::Error {
    let what = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "it is locked by another program"
        }
        Some(ErrorCode::NotADatabase) => "it is damaged, or no database",
        Some(ErrorCode::DatabaseCorrupt) => "it is damaged",
        Some(ErrorCode::DiskFull) => "the disk is full",
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
            "it cannot be opened for writing"
        }
        _ => return error.into(),
    };
    anyhow::Error::from(error).context(what)
}
