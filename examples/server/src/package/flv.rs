//! FLV in: read in blocks, of which tags are slices, and mostly without the insides of the pictures.
//!
//! Those would have to wait in memory until their segment is whole, and are out of a core's caches by then. They are copied
//! from file to file instead, once the segment's head is known ([`Media`]).

use std::collections::VecDeque;
use std::fmt;
use std::fs::File;

use anyhow::Context as _;
use bytes::Bytes;
use streamcore::assemble::{Assembler, Event};
use streamcore::flv::{Reader, TagKind};
use streamcore::limits::Limits;

use super::Progress;
use super::blocks::is_of;
use super::media::{INSIDE, Media};
use super::outline::{Filled, Filler};

type Sink<'a> = &'a mut dyn FnMut(Event) -> anyhow::Result<()>;

/// Bytes of a tag's header.
const HEADER: u64 = 11;
/// Tags that an access unit may still come from: the assembler holds back fewer.
const COPIED: usize = 192;

/// An access unit was put together anew of pictures that were not read: the file has to be read whole.
#[derive(Clone, Copy, Debug)]
pub struct Lost;

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("pictures that were not read are put together anew")
    }
}

impl std::error::Error for Lost {}

/// Reads the file to its end; with `whole` all bytes of it.
///
/// # Errors
///
/// [`Lost`], without `whole`.
pub fn feed(
    source: &File,
    limits: &Limits,
    media: &Media<'_>,
    whole: bool,
    sink: Sink<'_>,
    progress: Progress<'_>,
) -> anyhow::Result<()> {
    let (reader, assembler) = (Reader::new(limits), Assembler::new(limits));
    let filler = Filler::new(source, limits);
    let (outlined, copied, events) = (false, VecDeque::new(), Vec::new());
    let mut feed = Feed { reader, assembler, filler, media, sink, outlined, copied, events };
    let mut at = 0;
    loop {
        let mut block = media.blocks.borrow_mut().take();
        let outline = !whole && feed.in_step(at) && !feed.assembler.reads_whole();
        let filled = if outline {
            feed.filler.fill(at, &mut block)
        } else {
            feed.filler.whole(at, &mut block)
        };
        let room = block.len();
        let block = block.freeze();
        match filled.context("cannot read the FLV")? {
            Filled::Outline(len) => {
                feed.outlined = true;
                media.blocks.borrow_mut().give_outline(block.clone(), at);
                at = feed.outline(at, block.slice(..len))?;
            }
            Filled::Whole(len) => {
                media.blocks.borrow_mut().give(block.clone());
                feed.whole(block.slice(..len))?;
                if len == 0 {
                    break;
                }
                // What goes on behind the block begins again, unless the file ends there.
                let next = feed.reader.next_tag().filter(|&next| next > at && len == room);
                at += len as u64;
                if let (Some(next), false) = (next, whole) {
                    feed.reader.go_to_tag(next);
                    at = next;
                }
            }
        }
        progress(at);
    }
    feed.finish()
}

struct Feed<'a> {
    reader: Reader,
    assembler: Assembler,
    filler: Filler<'a>,
    media: &'a Media<'a>,
    sink: Sink<'a>,
    /// Whether there was an outline.
    outlined: bool,
    /// Bodies of tags that the reader had to copy, as it does where a file is damaged. Their bytes are there.
    copied: VecDeque<Bytes>,
    /// Of a block: what takes them has the caches of the core to itself for a while.
    events: Vec<Event>,
}

impl Feed<'_> {
    /// Whether a tag begins at `at`, and nothing before it waits.
    fn in_step(&self, at: u64) -> bool {
        self.reader.next_tag() == Some(at)
    }

    fn whole(&mut self, mut input: Bytes) -> anyhow::Result<()> {
        while !input.is_empty() {
            let taken = self.reader.handle_shared(&input).context("the FLV is damaged")?;
            input = input.slice(taken..);
            self.drain()?;
        }
        Ok(())
    }

    /// Says whether there were tags.
    fn drain(&mut self) -> anyhow::Result<bool> {
        let mut any = false;
        while let Some((_, tag)) = self.reader.poll_tag() {
            any = true;
            if tag.kind == TagKind::Video {
                self.filler.outline.handle_video(&tag.body);
            }
            if self.outlined && !self.media.blocks.borrow().hold(&tag.body) {
                self.copied.truncate(COPIED - 1);
                self.copied.push_front(tag.body.clone());
            }
            self.assembler.handle_tag(&tag);
            self.give()?;
        }
        Ok(any)
    }

    /// Takes an outline, and gives the offset of what comes next.
    fn outline(&mut self, at: u64, mut input: Bytes) -> anyhow::Result<u64> {
        let end = at + input.len() as u64;
        while !input.is_empty() {
            let taken = self.reader.handle_shared(&input).context("the FLV is damaged")?;
            input = input.slice(taken..);
            while let Some((body, tag)) = self.reader.poll_tag() {
                if self.assembler.reads_whole() {
                    while self.reader.poll_tag().is_some() {}
                    self.reader.go_to_tag(body - HEADER);
                    self.give()?;
                    return Ok(body - HEADER);
                }
                self.assembler.handle_tag(&tag);
                self.collect();
            }
        }
        self.give()?;
        Ok(end)
    }

    fn collect(&mut self) {
        self.events.extend(std::iter::from_fn(|| self.assembler.poll_event()));
    }

    fn give(&mut self) -> anyhow::Result<()> {
        self.collect();
        for event in self.events.drain(..) {
            if let (true, Event::Unit(unit)) = (self.outlined, &event) {
                let copied = || self.copied.iter().any(|body| is_of(&unit.data, body));
                let known = || self.media.blocks.borrow().hold(&unit.data) || copied();
                anyhow::ensure!(unit.data.len() <= INSIDE || known(), Lost);
            }
            (self.sink)(event)?;
        }
        Ok(())
    }

    fn finish(mut self) -> anyhow::Result<()> {
        // While tags wait, the reader is not yet at its end.
        loop {
            self.reader.finish();
            if !self.drain()? {
                break;
            }
        }
        self.assembler.finish();
        self.give()
    }
}
