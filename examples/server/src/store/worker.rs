//! The threads: each has a connection, and takes one call after the other.

use std::panic::{AssertUnwindSafe, catch_unwind};

use anyhow::Context as _;
use rusqlite::Connection;
use tokio::sync::mpsc;

use super::StoreError;

/// Gives the result of a call to who asked, once it is known how its transaction ended.
pub(super) type Answer = Box<dyn FnOnce(Result<(), StoreError>) + Send>;
/// One call. Without a connection it is not made, and its answer says only that.
pub(super) type Job = Box<dyn FnOnce(Option<&Connection>) -> Answer + Send>;

/// Calls that share a transaction at most: one sync of the disk for all of them.
const SHARED: usize = 64;

/// Starts a thread that gives calls to `run`.
pub(super) fn spawn(
    name: &str,
    connection: Connection,
    run: fn(&Connection, &mut mpsc::Receiver<Job>, Job),
    queue: usize,
) -> anyhow::Result<mpsc::Sender<Job>> {
    let (send, mut jobs) = mpsc::channel::<Job>(queue);
    std::thread::Builder::new()
        .name(name.into())
        .spawn(move || {
            while let Some(job) = jobs.blocking_recv() {
                run(&connection, &mut jobs, job);
            }
        })
        .context("cannot start a thread for the database")?;
    Ok(send)
}

/// One transaction around this call and those that wait already.
pub(super) fn write(connection: &Connection, jobs: &mut mpsc::Receiver<Job>, first: Job) {
    if let Err(error) = connection.execute_batch("BEGIN IMMEDIATE") {
        tracing::error!("the database could not be written: {error}");
        return first(None)(Err(StoreError::NotWritten(error.to_string())));
    }
    let mut answers = vec![first(Some(connection))];
    while answers.len() < SHARED
        && let Ok(job) = jobs.try_recv()
    {
        answers.push(job(Some(connection)));
    }
    let ended = connection.execute_batch("COMMIT").map_err(|error| {
        tracing::error!("the database could not be written: {error}");
        let _ = connection.execute_batch("ROLLBACK");
        error.to_string()
    });
    for answer in answers {
        answer(ended.clone().map_err(StoreError::NotWritten));
    }
}

/// One call by itself.
pub(super) fn read(connection: &Connection, _: &mut mpsc::Receiver<Job>, job: Job) {
    job(Some(connection))(Ok(()));
}

/// Runs `act` so that an error or a panic in it leaves nothing behind, and others in the transaction are as they were.
pub(super) fn guarded<T>(
    connection: &Connection,
    act: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> Result<T, StoreError> {
    connection.execute_batch("SAVEPOINT job")?;
    let result = match catch_unwind(AssertUnwindSafe(|| act(connection))) {
        Ok(result) => result.map_err(StoreError::Sqlite),
        Err(_) => Err(StoreError::Panicked),
    };
    let end = match &result {
        Ok(_) => "RELEASE job",
        Err(_) => "ROLLBACK TO job; RELEASE job",
    };
    connection.execute_batch(end)?;
    result
}
