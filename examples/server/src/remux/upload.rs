//! An output that is an object of a store: sent in parts, and there only once it is whole.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, bail};
use object_store::PutPayload;
use object_store::aws::AmazonS3;
use object_store::multipart::{MultipartStore as _, PartId};
use object_store::path::Path;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use url::Url;

use super::ranges::store;

/// Least bytes of a part. Stores take 10,000 parts, each but the last of one size of at least 5 MiB.
const PART: u64 = 8 << 20;
/// Parts of an object at most, with room for what was not foreseen.
const PARTS: u64 = 9000;
/// Length that is planned for where it is not known: 144 GB.
const UNKNOWN: u64 = 16 << 20;
/// Parts that are sent at once.
const AT_ONCE: usize = 3;
/// Time that a store has to forget the parts of an upload that was given up.
const ABORT: Duration = Duration::from_secs(5);

/// Uploads that are under way.
static OPEN: Mutex<Vec<Arc<Target>>> = Mutex::new(Vec::new());

#[derive(Debug)]
struct Target {
    store: Arc<AmazonS3>,
    path: Path,
    id: String,
}

/// An object that is being made. Where it is dropped, its parts go.
#[derive(Debug)]
pub struct Upload {
    runtime: Arc<Runtime>,
    target: Arc<Target>,
    size: usize,
    /// The part that is being filled.
    part: Vec<u8>,
    /// Its number.
    number: usize,
    sending: JoinSet<anyhow::Result<(usize, PartId)>>,
    sent: BTreeMap<usize, PartId>,
}

impl Upload {
    /// Begins an object of so many bytes, where they are known.
    pub fn create(runtime: Arc<Runtime>, url: &Url, len: Option<u64>) -> anyhow::Result<Self> {
        if url.scheme() != "s3" {
            bail!("an output is a file, a pipe or s3://bucket/key");
        }
        let (store, path) = store(url)?;
        let id = runtime.block_on(store.create_multipart(&path))?;
        let target = Arc::new(Target { store, path, id });
        open().push(target.clone());
        super::part::watch_signals();
        let size = len.map_or(UNKNOWN, |len| len.div_ceil(PARTS).max(PART));
        let size = usize::try_from(size).context("it is too large for a store")?;
        let (sending, sent) = (JoinSet::new(), BTreeMap::new());
        Ok(Self { runtime, target, size, part: Vec::new(), number: 0, sending, sent })
    }

    /// Appends. Waits where much is under way already.
    pub fn write(&mut self, mut bytes: &[u8]) -> anyhow::Result<()> {
        while !bytes.is_empty() {
            let room = self.size.saturating_sub(self.part.len()).min(bytes.len());
            let (now, rest) = bytes.split_at(room);
            self.part.extend_from_slice(now);
            bytes = rest;
            if self.part.len() >= self.size {
                self.send()?;
            }
        }
        Ok(())
    }

    /// Sends the part that is being filled, and begins the next.
    fn send(&mut self) -> anyhow::Result<()> {
        let part = std::mem::take(&mut self.part);
        let (target, number) = (self.target.clone(), self.number);
        self.number += 1;
        let send = async move {
            let payload = PutPayload::from(part);
            let Target { store, path, id } = &*target;
            Ok((number, store.put_part(path, id, number, payload).await?))
        };
        self.sending.spawn_on(send, self.runtime.handle());
        self.wait(AT_ONCE)
    }

    /// Waits until no more than so many parts are under way.
    fn wait(&mut self, most: usize) -> anyhow::Result<()> {
        while self.sending.len() > most {
            let sent = self.runtime.block_on(self.sending.join_next());
            let Some(sent) = sent else { break };
            let (number, id) = sent.context("a part was given up")??;
            self.sent.insert(number, id);
        }
        Ok(())
    }

    /// All is written: the object gets its name.
    pub fn keep(mut self) -> anyhow::Result<()> {
        if !self.part.is_empty() || self.number == 0 {
            self.send()?;
        }
        self.wait(0)?;
        let parts = std::mem::take(&mut self.sent).into_values().collect();
        let Target { store, path, id } = &*self.target;
        self.runtime.block_on(store.complete_multipart(path, id, parts))?;
        open().retain(|target| !Arc::ptr_eq(target, &self.target));
        Ok(())
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        self.sending.abort_all();
        if open().iter().any(|target| Arc::ptr_eq(target, &self.target)) {
            self.runtime.block_on(self.target.give_up());
            open().retain(|target| !Arc::ptr_eq(target, &self.target));
        }
    }
}

impl Target {
    async fn give_up(&self) {
        let abort = self.store.abort_multipart(&self.path, &self.id);
        if !matches!(tokio::time::timeout(ABORT, abort).await, Ok(Ok(()))) {
            eprintln!("parts of {} may be left in the store: upload {}", self.path, self.id);
        }
    }
}

/// Gives up all uploads: the program is told to end.
pub async fn give_up_all() {
    let all: Vec<_> = open().drain(..).collect();
    for target in all {
        target.give_up().await;
    }
}

fn open() -> MutexGuard<'static, Vec<Arc<Target>>> {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}
