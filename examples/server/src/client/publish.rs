//! `streamcore publish`: an FLV to an RTMP server, in real time.

use std::collections::VecDeque;
use std::time::Duration;

use streamcore::driver::tokio::ClientHandler;
use streamcore::error::Result;
use streamcore::flv::Tag;
use streamcore::limits::Limits;
use streamcore::live::GopCache;
use streamcore::rtmp::session::{ClientConfig, ClientEvent, ClientSession};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::source::{self, Item};
use super::{Clock, Progress, PublishArgs, Size, Work, last_words, remark, shown};

/// Runs the command.
pub fn run(args: &PublishArgs) -> anyhow::Result<()> {
    let url = super::parse_url(&args.connect)?;
    let items = source::open(&args.file, args.rounds)?;
    let mut publisher = Publisher::new(items, args);
    let runtime = super::runtime()?;
    let config = ClientConfig::publish(url);
    let result = runtime.block_on(super::run_work(config, &args.connect, &mut publisher));
    publisher.progress.end();
    // What is wrong with the file says more than what came of it.
    if let Some(error) = publisher.fault {
        return Err(error);
    }
    result?;
    eprintln!(
        "{}: sent {}, {}",
        shown(&args.file),
        Clock(publisher.last),
        Size(publisher.progress.bytes)
    );
    Ok(())
}

/// Sends each tag when its time has come.
struct Publisher {
    items: mpsc::Receiver<Item>,
    /// The tag that waits for its time.
    next: Option<(i64, Tag)>,
    /// Tags for a server that was lost: headers and the group of pictures that was begun.
    again: VecDeque<(i64, Tag)>,
    cache: GopCache,
    /// Times as fast as real time; 0 for as fast as the server takes it.
    speed: f64,
    /// When the tag of this time was, or is to be, sent.
    start: Option<(Instant, i64)>,
    publishing: bool,
    /// The file is at its end, and all of it was given to the session.
    done: bool,
    fault: Option<anyhow::Error>,
    said: Option<String>,
    last: i64,
    progress: Progress,
    verbose: bool,
    file: String,
    place: String,
}

impl Publisher {
    fn new(items: mpsc::Receiver<Item>, args: &PublishArgs) -> Self {
        Self {
            items,
            next: None,
            again: VecDeque::new(),
            cache: GopCache::new(Limits::default().gop_bytes),
            speed: args.speed,
            start: None,
            publishing: false,
            done: false,
            fault: None,
            said: None,
            last: 0,
            progress: Progress::new("publishing"),
            verbose: args.connect.verbose,
            file: shown(&args.file),
            place: String::new(),
        }
    }

    /// When the next tag is to be sent; now for the first.
    fn due(&self, time: i64) -> Option<Instant> {
        let (start, first) = self.start?;
        if self.speed <= 0.0 {
            return None;
        }
        let millis = u64::try_from(time - first).unwrap_or(0);
        Some(start + Duration::from_millis(millis).div_f64(self.speed))
    }

    /// Takes what the reader has ready; nothing where it has not read so far.
    fn take(&mut self, item: Item) {
        match item {
            Item::Tag(time, tag) => self.next = Some((time, tag)),
            Item::End(result) => {
                self.done = true;
                self.fault = result.err();
            }
        }
    }

    /// Time of the tag at hand.
    fn head(&self) -> Option<i64> {
        self.again.front().or(self.next.as_ref()).map(|(time, _)| *time)
    }

    /// Sends the tag at hand. Gives its bytes; none where it is not its time, or the session is full.
    fn send(&mut self, session: &mut ClientSession) -> Result<Option<usize>> {
        let now = Instant::now();
        let early = self.head().and_then(|time| self.due(time)).is_some_and(|due| due > now);
        if early || !session.wants_media() {
            return Ok(None);
        }
        let Some((time, tag)) = self.again.pop_front().or_else(|| self.next.take()) else {
            return Ok(None);
        };
        self.start.get_or_insert((now, time));
        let (timestamp, bytes) = (wire(time), tag.body.len());
        session.send_media(tag.kind.type_id(), timestamp, tag.body.clone())?;
        self.cache.handle_tag(&Tag { timestamp, ..tag });
        self.last = self.last.max(time);
        self.progress.add(self.last, bytes);
        Ok(Some(bytes))
    }

    /// A new server gets headers and the group of pictures at once, and then what is due.
    fn resume(&mut self) {
        self.publishing = true;
        self.progress.say(&format!("{}: publishing to {}", self.file, self.place));
        if self.start.is_none() {
            return;
        }
        let cache = std::mem::replace(&mut self.cache, GopCache::new(Limits::default().gop_bytes));
        let back =
            |timestamp: u32| i64::from(wire(self.last).wrapping_sub(timestamp).cast_signed());
        self.again = cache.tags().map(|tag| (self.last - back(tag.timestamp), tag)).collect();
        self.start = Some((Instant::now(), self.last));
    }
}

/// The low 32 bits: times wrap on the wire after 49 days.
fn wire(time: i64) -> u32 {
    u32::try_from(time.rem_euclid(1 << 32)).unwrap_or(0)
}

impl Work for Publisher {
    fn begin(&mut self, place: &str) {
        place.clone_into(&mut self.place);
        (self.publishing, self.said) = (false, None);
    }

    fn is_done(&self) -> bool {
        self.done && self.head().is_none() && self.publishing
    }

    fn said(&mut self) -> Option<String> {
        self.said.take()
    }

    fn got_somewhere(&self) -> bool {
        self.publishing
    }
}

impl ClientHandler for Publisher {
    fn handle_event(&mut self, session: &mut ClientSession, event: ClientEvent) -> Result<()> {
        remark(self.verbose, &event);
        self.said = last_words(&event).or_else(|| self.said.take());
        match event {
            ClientEvent::Publishing => self.resume(),
            // It goes on at the other server.
            ClientEvent::ReconnectRequest { .. } => session.finish(),
            ClientEvent::Ended if self.said.is_none() => {
                self.said = Some("the server ended the stream".to_owned());
            }
            _ => {}
        }
        Ok(())
    }

    async fn ready(&mut self) {
        if !self.publishing {
            return std::future::pending().await;
        }
        if self.head().is_none() && !self.done {
            match self.items.recv().await {
                Some(item) => self.take(item),
                None => self.done = true,
            }
        }
        if let Some(due) = self.head().and_then(|time| self.due(time)) {
            tokio::time::sleep_until(due).await;
        }
    }

    fn handle_ready(&mut self, session: &mut ClientSession, budget: usize) -> Result<bool> {
        let mut sent = 0;
        while self.publishing && sent < budget {
            if self.head().is_none() && !self.done {
                match self.items.try_recv() {
                    Ok(item) => self.take(item),
                    Err(_) => return Ok(false),
                }
            }
            match self.send(session)? {
                Some(bytes) => sent += bytes.max(1),
                None if self.done && self.head().is_none() => {
                    session.finish();
                    return Ok(false);
                }
                None => return Ok(false),
            }
        }
        Ok(self.publishing)
    }
}
