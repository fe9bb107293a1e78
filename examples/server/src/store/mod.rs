//! What outlives the process: one SQLite database in the data folder.
//!
//! All writes go through one thread, in transactions that several of them share; the answer to a write comes once it is on the
//! disk (`synchronous=FULL`), so that a crash of the machine loses nothing that was acknowledged. Reads have a connection and a
//! thread of their own: a slow disk does not hold them up.
//!
//! Order of calls: [`Store::open`] once, with the schemas of all modules; then [`call`](Store::call) and
//! [`read`](Store::read) from anywhere.

mod error;
mod identity;
mod open;
mod schema;
mod starts;
#[cfg(test)]
mod tests;
mod worker;

use std::path::Path;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

pub use error::StoreError;
pub use schema::Schema;
use worker::{Answer, Job};

/// The tables of all modules: one that keeps something adds its own.
pub const SCHEMAS: &[Schema] = &[
    identity::SCHEMA,
    starts::SCHEMA,
    crate::keys::SCHEMA,
    crate::catalogue::SCHEMA,
    crate::recordings::elsewhere::SCHEMA,
    crate::events::SCHEMA,
    crate::numbering::SCHEMA,
    crate::origin::SCHEMA,
    crate::relay::SCHEMA,
];

/// Calls that wait at once for each thread; who comes after them waits to be let in.
const QUEUE: usize = 1024;

/// The door to the database. Cheap to clone; the threads end with the last clone.
#[derive(Clone, Debug)]
pub struct Store {
    writer: mpsc::Sender<Job>,
    reader: mpsc::Sender<Job>,
}

impl Store {
    /// Opens `streamcore.db` in `folder`, made where it is missing for its owner alone (mode 0600), and brings it up to
    /// `schemas`.
    ///
    /// # Errors
    /// One line that names the file and says whether it is locked by another program, damaged, or from a newer version.
    pub fn open(folder: &Path, schemas: &[Schema]) -> anyhow::Result<Self> {
        let (write, read) = open::open(folder, schemas)?;
        Ok(Self {
            writer: worker::spawn("store-write", write, worker::write, QUEUE)?,
            reader: worker::spawn("store-read", read, worker::read, QUEUE)?,
        })
    }

    /// Runs `act` in a transaction of the writer. What it did is on the disk when this returns `Ok`; after an error of `act`, or
    /// a panic in it, nothing of it is there.
    pub async fn call<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (job, answer) = job(act);
        self.writer.send(job).await.map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// Runs `act` on a connection that cannot write. It sees every write that was answered before.
    pub async fn read<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (job, answer) = job(act);
        self.reader.send(job).await.map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }
}

/// The work, and where its result comes once the transaction around it has ended.
fn job<T: Send + 'static>(
    act: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
) -> (Job, oneshot::Receiver<Result<T, StoreError>>) {
    let (send, answer) = oneshot::channel();
    let job: Job = Box::new(move |connection: Option<&Connection>| {
        let result = match connection {
            Some(connection) => worker::guarded(connection, act),
            None => Err(StoreError::Closed),
        };
        let answer: Answer = Box::new(move |ended: Result<(), StoreError>| {
            // Who asked may have gone.
            let _ = send.send(ended.and(result));
        });
        answer
    });
    (job, answer)
}
