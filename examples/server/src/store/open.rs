//! Opening: the file, its rights, its settings and its state.

use std::fs::OpenOptions;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use rusqlite::{Connection, OpenFlags};

use super::error::opening;
use super::schema::{Schema, migrate};

/// Name of the database in the data folder.
const FILE: &str = "streamcore.db";
/// How long another program may hold the database, a backup for example.
const BUSY: Duration = Duration::from_secs(5);
/// Pages of the log after which it is written back.
const CHECKPOINT: u32 = 1000;

/// A connection that writes and one that cannot.
pub(super) fn open(folder: &Path, schemas: &[Schema]) -> anyhow::Result<(Connection, Connection)> {
    let file = folder.join(FILE);
    let both = || {
        std::fs::create_dir_all(folder)?;
        for_the_owner_alone(&file)?;
        let mut write = connect(&file, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(opening)?;
        prepare(&write).map_err(opening)?;
        check(&write)?;
        migrate(&mut write, schemas)?;
        // A database without its log can be opened for reading only where somebody may write the log.
        let read = connect(&file, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(opening)?;
        read.pragma_update(None, "query_only", true).map_err(opening)?;
        anyhow::Ok((write, read))
    };
    both().with_context(|| format!("cannot open the database {}", file.display()))
}

/// Makes the file where it is missing. Its log and its index of it get the same rights from SQLite.
fn for_the_owner_alone(file: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
        let file = options.mode(0o600).open(file)?;
        file.set_permissions(std::fs::Permissions::from_mode(0o600))
    }
    #[cfg(not(unix))]
    options.open(file).map(drop)
}

fn connect(file: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(connection)
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT)?;
    connection.pragma_update(None, "journal_size_limit", 64 << 20)
}

fn check(connection: &Connection) -> anyhow::Result<()> {
    let said: String =
        connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(opening)?;
    anyhow::ensure!(said == "ok", "it is damaged: {}", said.replace('\n', " "));
    Ok(())
}
