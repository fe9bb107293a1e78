//! Reads of a file what its index needs, and passes over the rest.

use std::ops::Range;

use bytes::{BufMut as _, BytesMut};

use super::index::{Failed, Outcome};
use super::source::TagBody;
use super::{Options, Plan, Remuxer, failure, internal};
use crate::error::{Error, Layer, Result};
use crate::flv::outline::{HEAD, NalUnits, SHAPE, SMALL, Shape};
use crate::flv::{Tag, TagHeader, TagKind};
use crate::limits::Limits;

/// Bytes that are read in a row where tags do not follow one another as they should.
const BLOCK: u64 = 64 << 10;
/// Bytes that are allocated at once for what is read.
const ARENA: usize = 64 << 10;
/// `PreviousTagSize`.
const SIZE: u64 = 4;

/// Reads the index of an FLV file without its media.
///
/// Read the bytes that [`poll_read`](Self::poll_read) names and give them to [`handle_read`](Self::handle_read), until it
/// names none; then call [`finish`](Self::finish). More bytes than named may be given: a small block for each read is best
/// where the file is in memory, a large one where it is on a disk.
///
/// The plan is the same that a [`Remuxer`] makes of all bytes. A tag that is not as it should be is read whole, and the
/// file from its start where the assembler has to look into every byte.
#[derive(Debug)]
pub struct Skimmer {
    limits: Limits,
    file_len: u64,
    pub(super) remuxer: Remuxer,
    state: State,
    /// What was read of the present tag; those before hold on to their part of it.
    arena: BytesMut,
    /// Nothing is passed over any more.
    whole: bool,
    looked_at: usize,
    /// The end was reached: where the file is cut.
    end: Option<Option<u64>>,
}

#[derive(Debug)]
enum State {
    /// All bytes from `at` on go through the FLV reader, which went out of step at `since`.
    Read { at: u64, since: u64 },
    /// A tag begins at `at`, and `need` bytes of it are to be at hand.
    Tag { at: u64, need: usize, whole: bool },
    /// Within a tag.
    Partial(Partial),
}

/// A tag of which parts are left out.
#[derive(Debug)]
struct Partial {
    at: u64,
    head: TagHeader,
    parts: Vec<(usize, u64)>,
    /// Distance of what comes next from the start of the body.
    next: u64,
    need: usize,
}

impl Skimmer {
    /// A skimmer of a file of `file_len` bytes.
    #[must_use]
    pub fn new(file_len: u64, limits: &Limits) -> Self {
        Self {
            limits: limits.clone(),
            file_len,
            remuxer: Remuxer::new(limits),
            state: State::Read { at: 0, since: 0 },
            arena: BytesMut::new(),
            whole: false,
            looked_at: 0,
            end: None,
        }
    }

    /// The bytes of the file to read next; `None` at its end.
    #[must_use]
    pub fn poll_read(&self) -> Option<Range<u64>> {
        let (at, need) = match &self.state {
            State::Read { at, .. } => (*at, BLOCK),
            State::Tag { at, need, .. } => (*at, *need as u64),
            State::Partial(partial) => (partial.body() + partial.next, partial.need as u64),
        };
        let end = at.saturating_add(need).min(self.file_len);
        (self.end.is_none() && at < end).then_some(at..end)
    }

    /// Takes the bytes that [`poll_read`](Self::poll_read) named, and any number of those behind them.
    ///
    /// # Errors
    ///
    /// Malformed where the file is no FLV; limit where more has to be rewritten than [`Limits::reassembly_bytes`] allows;
    /// misuse for fewer bytes.
    pub fn handle_read(&mut self, bytes: &[u8]) -> Result<()> {
        let Some(Range { start, .. }) = self.poll_read() else { return Ok(()) };
        let mut steps = 0;
        self.looked_at = 0;
        while let Some(range) = self.poll_read() {
            let at = range.start.checked_sub(start).and_then(|at| usize::try_from(at).ok());
            let Some((at, here)) = at.and_then(|at| Some((at, bytes.get(at..)?))) else { break };
            let wanted = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
            self.looked_at = self.looked_at.max(at.saturating_add(wanted));
            if here.len() < wanted {
                break;
            }
            match self.step(here) {
                Ok(()) => {}
                Err(Failed::Lost) if !self.whole => self.start_again(),
                Err(failed) => return Err(failure(failed)),
            }
            steps += 1;
        }
        if steps == 0 {
            return Err(Error::misuse(Layer::Remux, "fewer bytes than wanted"));
        }
        Ok(())
    }

    /// How many of the bytes that were given last it looked at, and more than those where it wanted some that followed them:
    /// what tells how many to give with the next.
    #[must_use]
    pub const fn looked_at(&self) -> usize {
        self.looked_at
    }

    /// How far the file has been read, in bytes.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.poll_read().map_or(self.file_len, |range| range.start)
    }

    /// Gives the plan of an MP4 with this layout.
    ///
    /// # Errors
    ///
    /// As [`Remuxer::finish`]; misuse before the end of the file.
    pub fn finish(mut self, options: &Options) -> Result<Plan> {
        if self.poll_read().is_some() {
            return Err(Error::misuse(Layer::Remux, "end of file"));
        }
        if self.file_len == 0 {
            return Err(Error::malformed(Layer::Flv, "empty file").at(0));
        }
        if self.end.is_none() {
            self.end().map_err(failure)?;
        }
        let cut_at = self.end.ok_or_else(|| internal("end of file"))?;
        self.remuxer.plan(options, cut_at)
    }

    fn start_again(&mut self) {
        self.remuxer = Remuxer::new(&self.limits);
        self.state = State::Read { at: 0, since: 0 };
        self.whole = true;
        self.end = None;
    }

    fn step(&mut self, bytes: &[u8]) -> Outcome<()> {
        match &self.state {
            &State::Read { at, since } => self.read(bytes, at, since)?,
            &State::Tag { at, whole, .. } => self.tag(bytes, at, whole)?,
            State::Partial(_) => self.partial(bytes)?,
        }
        if self.poll_read().is_none() && self.end.is_none() {
            self.end()?;
        }
        Ok(())
    }

    fn end(&mut self) -> Outcome<()> {
        if let State::Tag { at, .. } = self.state {
            self.remuxer.reader.go_to_tag(at);
        }
        self.end = Some(self.remuxer.end()?);
        Ok(())
    }

    fn read(&mut self, bytes: &[u8], at: u64, since: u64) -> Outcome<()> {
        self.remuxer.read(bytes)?;
        let next = self.remuxer.reader.next_tag().filter(|&next| next > since && !self.whole);
        self.state = match next {
            Some(at) => State::tag(at),
            None => State::Read { at: at + bytes.len() as u64, since },
        };
        Ok(())
    }

    /// A tag does not stand as it should.
    fn out_of_step(&mut self, at: u64) {
        self.remuxer.reader.go_to_tag(at);
        self.state = State::Read { at, since: at };
    }

    fn tag(&mut self, bytes: &[u8], at: u64, mut whole: bool) -> Outcome<()> {
        let Some(head) = self.head(bytes, at) else {
            self.out_of_step(at);
            return Ok(());
        };
        let body = bytes.get(TagHeader::LEN..).unwrap_or_default();
        let size = head.size as usize;
        whole |= head.type_byte != 9 || size <= SMALL || self.remuxer.assembler.reads_whole();
        let shape = if whole { Shape::Whole } else { Shape::of(body, self.remuxer.nals) };
        let (need, start) = match shape {
            _ if !whole && body.len() < SHAPE => (SHAPE, 0),
            Shape::Whole => (size + 4, 0),
            Shape::Head => (HEAD, HEAD),
            Shape::Nals(start) => (start, start),
        };
        if body.len() < need {
            self.state = State::Tag { at, need: TagHeader::LEN + need, whole };
            return Ok(());
        }
        if let Shape::Whole = shape {
            return self.whole_tag(body, at, head);
        }
        let mut parts = Vec::with_capacity(4);
        parts.push((0, 0));
        let mut partial = Partial { at, head, parts, next: start as u64, need: 4 };
        self.arena.clear();
        room(&mut self.arena, start).put_slice(body.get(..start).unwrap_or_default());
        if let Shape::Head = shape {
            partial.skip_to(head.size.into(), start);
        }
        self.state = State::Partial(partial);
        Ok(())
    }

    /// The head of a tag that is followed by its size.
    fn head(&self, bytes: &[u8], at: u64) -> Option<TagHeader> {
        let head = TagHeader::parse(bytes)?;
        let end = at.saturating_add(TagHeader::LEN as u64 + SIZE).saturating_add(head.size.into());
        let known = matches!(head.type_byte, 8 | 9 | 18);
        let fits = head.size as usize <= self.limits.message_bytes && end <= self.file_len;
        Some(head).filter(|_| known && fits)
    }

    fn whole_tag(&mut self, body: &[u8], at: u64, head: TagHeader) -> Outcome<()> {
        let size = head.size as usize;
        let (body, rest) = body.split_at_checked(size).unwrap_or_default();
        if !is_size_of(rest, head) {
            self.out_of_step(at);
            return Ok(());
        }
        self.state = State::tag(at + TagHeader::LEN as u64 + u64::from(head.size) + SIZE);
        if body.is_empty() {
            return Ok(());
        }
        self.arena.clear();
        room(&mut self.arena, size).put_slice(body);
        let bytes = self.arena.split().freeze();
        self.give(TagBody::whole(at + TagHeader::LEN as u64, bytes), head)
    }

    fn give(&mut self, body: TagBody, head: TagHeader) -> Outcome<()> {
        let Some(kind) = TagKind::from_type_id(head.type_byte) else { return Ok(()) };
        let tag = Tag { kind, timestamp: head.timestamp, body: body.bytes.clone() };
        self.remuxer.take_tag(body, &tag)
    }

    fn partial(&mut self, bytes: &[u8]) -> Outcome<()> {
        let State::Partial(partial) = &mut self.state else { return Ok(()) };
        if partial.next == u64::from(partial.head.size) {
            return self.partial_end(bytes);
        }
        if partial.nal(bytes, &mut self.arena, self.remuxer.nals.unwrap_or(NalUnits::Avc)).is_none()
        {
            let (at, need) = (partial.at, TagHeader::LEN + partial.head.size as usize + 4);
            self.state = State::Tag { at, need, whole: true };
        }
        Ok(())
    }

    fn partial_end(&mut self, bytes: &[u8]) -> Outcome<()> {
        let State::Partial(partial) = std::mem::replace(&mut self.state, State::tag(0)) else {
            return Ok(());
        };
        let Partial { at, head, parts, next, .. } = partial;
        if !is_size_of(bytes, head) {
            self.out_of_step(at);
            return Ok(());
        }
        let offset = at + TagHeader::LEN as u64;
        self.state = State::tag(offset + next + SIZE);
        let body = TagBody { offset, bytes: self.arena.split().freeze(), parts, cursor: 0 };
        self.give(body, head)?;
        // What it found may go on in what was left out.
        if self.remuxer.assembler.reads_whole() { Err(Failed::Lost) } else { Ok(()) }
    }
}

impl State {
    const fn tag(at: u64) -> Self {
        Self::Tag { at, need: TagHeader::LEN, whole: false }
    }
}

impl Partial {
    /// File offset of the body.
    const fn body(&self) -> u64 {
        self.at + TagHeader::LEN as u64
    }

    /// What is between the bytes read, `read` so far, and `next` is left out.
    fn skip_to(&mut self, next: u64, read: usize) {
        self.parts.push((read, next));
        self.next = next;
    }

    /// Takes the NAL unit in front of `bytes`, or says how many bytes it needs. `None` where the body is not a row of NAL
    /// units.
    fn nal(&mut self, bytes: &[u8], out: &mut BytesMut, nals: NalUnits) -> Option<()> {
        let left = u64::from(self.head.size) - self.next;
        let (length, data) = bytes.split_first_chunk::<4>()?;
        let length = u32::from_be_bytes(*length);
        if length == 0 || u64::from(length) + 4 > left {
            return None;
        }
        let Some(&first) = data.first() else {
            self.need = 5;
            return Some(());
        };
        let length = length as usize;
        let left_out = length > SMALL && nals.is_slice(first);
        let kept = if left_out { HEAD } else { length };
        if data.len() < kept {
            self.need = 4 + kept;
            return Some(());
        }
        let out = room(out, 4 + kept);
        out.put_u32(u32::try_from(kept).ok()?);
        out.put_slice(data.get(..kept)?);
        let next = self.next + 4 + length as u64;
        if left_out {
            self.skip_to(next, out.len())
        } else {
            self.next = next
        }
        let left = u64::from(self.head.size) - next;
        self.need = 4;
        if (1..4).contains(&left) { None } else { Some(()) }
    }
}

/// The buffer with room for `more` bytes, in a block that many tags share.
fn room(arena: &mut BytesMut, more: usize) -> &mut BytesMut {
    if arena.capacity() - arena.len() < more {
        let mut next = BytesMut::with_capacity((arena.len() + more).max(ARENA));
        next.put_slice(arena);
        *arena = next;
    }
    arena
}

fn is_size_of(bytes: &[u8], head: TagHeader) -> bool {
    let size = bytes.first_chunk().map(|size| u32::from_be_bytes(*size));
    size == Some(head.size + 11)
}
