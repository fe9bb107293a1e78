//! Bytes to tags, whatever state the file is in.

use std::collections::VecDeque;

use bytes::{Buf, Bytes, BytesMut};

use super::header::{Header, TagHeader};
use super::tag::{Tag, TagKind};
use crate::error::{Error, Layer, Notice, Result, Tally};
use crate::limits::Limits;

/// Bytes without a tag after which a file is given up.
const RESYNC_WINDOW: u64 = 32 << 20;
/// Bytes that are searched for a tag at a time.
const SEARCH_STEP: usize = 64 << 10;
const SIZE_LEN: usize = 4;

/// What the reader tolerated in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReaderNotice {
    /// A `DataOffset` that is not 9.
    DataOffset,
    /// A first `PreviousTagSize` that is not 0.
    FirstPreviousTagSize,
    /// A `PreviousTagSize` that is not the size of the tag before it.
    PreviousTagSize,
    /// A tag of an unknown type, left out.
    UnknownTag,
    /// An encrypted tag, left out.
    Encrypted,
    /// A tag past the limit of one message, left out.
    TooLarge,
    /// Bytes that are no tag, passed over.
    Garbage,
    /// A script tag in AMF3.
    Amf3Script,
}

/// Reads an FLV file or stream as its bytes come in.
///
/// Give bytes with [`handle_input`](Self::handle_input), take tags with [`poll_tag`](Self::poll_tag), and at the end of
/// the file call [`finish`](Self::finish) and take what is left. The tags do not depend on how the bytes were split.
///
/// A tag is trusted when the `PreviousTagSize` behind it agrees, or the next tag header makes sense. Where neither
/// holds, the reader looks for the next tag that the size behind it confirms. Each body is copied once, into memory of its own.
#[derive(Debug)]
pub struct Reader {
    message_bytes: usize,
    queued_tags: usize,
    state: State,
    /// Input that is not yet a whole unit, and how much of it the next step needs.
    pending: BytesMut,
    /// The pending bytes while they are looked at: a tag that takes them all keeps them.
    whole: Option<Bytes>,
    /// The input while it is looked at, where its tags may keep it.
    shared: Option<Bytes>,
    need: usize,
    /// File offset of the first byte of `pending`, or of the next input where that is empty.
    offset: u64,
    header: Option<Header>,
    tags: VecDeque<(u64, Tag)>,
    notices: Tally<ReaderNotice>,
    /// Behind the last whole unit.
    good: u64,
    encrypted_at: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    FileHeader,
    /// Bytes to pass over before the state behind them.
    Skip(u64, Next),
    FirstSize,
    Tags,
    /// Looking for a tag; how many bytes had none.
    Lost(u64),
    Failed(Error),
}

#[derive(Clone, Copy, Debug)]
enum Next {
    FirstSize,
    Tags,
}

/// What one look at the bytes at hand says.
enum Step {
    /// This many bytes are needed from here on.
    Need(usize),
    /// Pass over that many of the bytes at hand, in this state.
    To(usize, State),
    /// A tag stands here and takes that many bytes.
    Tag(TagHeader, usize),
}

impl Reader {
    /// A reader at the start of a file.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            message_bytes: limits.message_bytes,
            queued_tags: limits.queued_events.max(1),
            state: State::FileHeader,
            pending: BytesMut::new(),
            whole: None,
            shared: None,
            need: 0,
            offset: 0,
            header: None,
            tags: VecDeque::new(),
            notices: Tally::default(),
            good: 0,
            encrypted_at: None,
        }
    }

    /// Takes bytes of the file and says how many were taken: fewer than all only while tags wait to be polled.
    ///
    /// # Errors
    ///
    /// Malformed where the file is no FLV, or 32 MiB hold no tag; unsupported for versions past 4. The error stays.
    /// Tags read before it can still be polled.
    pub fn handle_input(&mut self, input: &[u8]) -> Result<usize> {
        let mut rest = input;
        while self.tags.len() < self.queued_tags {
            if let (State::Skip(left, _), true) = (self.state, self.pending.is_empty()) {
                let step = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
                rest = rest.get(step..).unwrap_or_default();
                self.skipped(step as u64);
                if let State::Skip(..) = self.state {
                    break;
                }
            } else if self.pending.is_empty() {
                let used = self.look(rest, false)?;
                rest = rest.get(used..).unwrap_or_default();
                if used == 0 && !matches!(self.state, State::Skip(..)) {
                    self.pending.extend_from_slice(rest);
                    rest = &[];
                    break;
                }
            } else {
                let mut missing = self.need.saturating_sub(self.pending.len());
                if let State::Lost(_) = self.state {
                    missing = missing.max(SEARCH_STEP);
                }
                let (now, later) = rest.split_at_checked(missing).unwrap_or((rest, &[]));
                self.pending.extend_from_slice(now);
                rest = later;
                if self.pending.len() < self.need
                    || !self.look_at_pending(false)? && rest.is_empty()
                {
                    break;
                }
            }
        }
        Ok(input.len() - rest.len())
    }

    /// The same as [`handle_input`](Self::handle_input) for a buffer that can be shared: bodies that lie in it whole are slices of
    /// it and not copied. The buffer lives as long as one of them.
    ///
    /// # Errors
    ///
    /// As [`handle_input`](Self::handle_input).
    pub fn handle_shared(&mut self, input: &Bytes) -> Result<usize> {
        self.shared = Some(input.clone());
        let taken = self.handle_input(input);
        self.shared = None;
        taken
    }

    /// Ends the file: a last tag whose `PreviousTagSize` is missing is given too. Returns whether the file ends in the
    /// middle of something. Call it again after polling until [`poll_tag`](Self::poll_tag) gives nothing.
    pub fn finish(&mut self) -> bool {
        while self.tags.len() < self.queued_tags && matches!(self.look_at_pending(true), Ok(true)) {
        }
        match self.state {
            State::Tags => !self.pending.is_empty(),
            State::Failed(_) => false,
            _ => true,
        }
    }

    /// The next tag and the file offset of its body in bytes.
    pub fn poll_tag(&mut self) -> Option<(u64, Tag)> {
        self.tags.pop_front()
    }

    /// The file header, once it has been read.
    #[must_use]
    pub const fn header(&self) -> Option<Header> {
        self.header
    }

    /// File offset behind the last tag, or other unit, that was read whole.
    #[must_use]
    pub const fn good(&self) -> u64 {
        self.good
    }

    /// File offset of the first encrypted tag.
    #[must_use]
    pub const fn encrypted_at(&self) -> Option<u64> {
        self.encrypted_at
    }

    /// File offset of the tag that is to be read next, where the reader is in step.
    #[must_use]
    pub const fn next_tag(&self) -> Option<u64> {
        match self.state {
            State::Tags => Some(self.offset),
            _ => None,
        }
    }

    /// Goes on with a tag at `offset` of the file, whose bytes come next. What it holds of a tag that is not whole is let go; tags that wait to be polled stay.
    pub fn go_to_tag(&mut self, offset: u64) {
        self.pending.clear();
        (self.state, self.offset, self.good, self.need) = (State::Tags, offset, offset, 0);
    }

    /// What was tolerated so far, each kind with its count.
    #[must_use]
    pub fn notices(&self) -> &[Notice<ReaderNotice>] {
        self.notices.as_slice()
    }

    /// Counts passed bytes off a skip.
    fn skipped(&mut self, count: u64) {
        self.offset += count;
        if let State::Skip(left, next) = self.state {
            if left == count {
                self.good = self.offset;
            }
            self.state = match (left - count, next) {
                (0, Next::FirstSize) => State::FirstSize,
                (0, Next::Tags) => State::Tags,
                (left, next) => State::Skip(left, next),
            };
        }
    }

    /// One step on the pending bytes. Returns whether it led on.
    fn look_at_pending(&mut self, at_end: bool) -> Result<bool> {
        if let State::Skip(left, _) = self.state {
            let step = usize::try_from(left).unwrap_or(usize::MAX).min(self.pending.len());
            self.pending.advance(step);
            self.skipped(step as u64);
            return Ok(step > 0);
        }
        let pending = std::mem::take(&mut self.pending).freeze();
        self.whole = Some(pending.clone());
        let before = self.offset;
        let result = self.look(&pending, at_end);
        let used = usize::try_from(self.offset - before).unwrap_or(usize::MAX);
        self.whole = None;
        if used < pending.len() {
            self.pending =
                pending.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&shared[..]));
            self.pending.advance(used);
        }
        result.map(|_| used > 0 || matches!(self.state, State::Skip(..)))
    }

    /// One step on contiguous bytes that start at `self.offset`. Returns how many were used.
    fn look(&mut self, data: &[u8], at_end: bool) -> Result<usize> {
        let step = match self.state {
            State::FileHeader => self.file_header(data)?,
            State::FirstSize => self.first_size(data),
            State::Tags => self.tag(data, at_end),
            State::Lost(passed) => self.resync(data, passed, at_end),
            State::Skip(..) => Step::Need(0),
            State::Failed(error) => return Err(error),
        };
        match step {
            Step::Need(need) => {
                self.need = need;
                Ok(0)
            }
            Step::To(count, state) => {
                self.offset += count as u64;
                if let State::Tags = state {
                    self.good = self.offset;
                }
                self.state = state;
                self.need = 0;
                if let State::Failed(error) = state { Err(error) } else { Ok(count) }
            }
            Step::Tag(head, count) => {
                if let State::Lost(_) = self.state {
                    self.notices.count(ReaderNotice::Garbage, "FLV 10.1 E.3");
                }
                self.give(head, data, count);
                self.offset += count as u64;
                self.good = self.offset;
                self.state = State::Tags;
                self.need = 0;
                Ok(count)
            }
        }
    }

    fn file_header(&mut self, data: &[u8]) -> Result<Step> {
        if data.len() < Header::LEN {
            return Ok(Step::Need(Header::LEN));
        }
        let error = match Header::parse(data) {
            Err(_) => Error::malformed(Layer::Flv, "signature").at(0).clause("FLV 10.1 E.2"),
            Ok((_, header)) if header.version > 4 => {
                Error::unsupported(Layer::Flv, "version").found(header.version.into()).at(3)
            }
            Ok((_, header)) => {
                self.header = Some(header);
                if header.data_offset != 9 {
                    self.notices.count(ReaderNotice::DataOffset, "FLV 10.1 E.2");
                }
                let beyond = u64::from(header.data_offset).saturating_sub(Header::LEN as u64);
                let state = if beyond > 0 {
                    State::Skip(beyond, Next::FirstSize)
                } else {
                    State::FirstSize
                };
                return Ok(Step::To(Header::LEN, state));
            }
        };
        Ok(Step::To(0, State::Failed(error)))
    }

    fn first_size(&mut self, data: &[u8]) -> Step {
        let Some(size) = size_at(data, 0) else { return Step::Need(SIZE_LEN) };
        if size != 0 {
            self.notices.count(ReaderNotice::FirstPreviousTagSize, "FLV 10.1 E.3");
        }
        Step::To(SIZE_LEN, State::Tags)
    }

    /// A tag where one must be.
    fn tag(&mut self, data: &[u8], at_end: bool) -> Step {
        let Some(head) = TagHeader::parse(data) else { return Step::Need(TagHeader::LEN) };
        let size = head.size as usize;
        let unit = TagHeader::LEN + size;
        let in_order = head.stream_id == 0 && !head.has_reserved_bits();
        if size > self.message_bytes || head.is_encrypted() {
            if !in_order {
                return Step::To(1, State::Lost(1));
            }
            let why =
                if head.is_encrypted() { ReaderNotice::Encrypted } else { ReaderNotice::TooLarge };
            self.notices.count(why, "FLV 10.1 E.4.1");
            if head.is_encrypted() {
                self.encrypted_at.get_or_insert(self.offset);
            }
            return Step::To(0, State::Skip((unit + SIZE_LEN) as u64, Next::Tags));
        }
        let known = matches!(head.type_id(), 8 | 9 | 15 | 18) && !head.has_reserved_bits();
        match size_at(data, unit) {
            Some(previous) if previous as usize == unit => {
                if known {
                    return Step::Tag(head, unit + SIZE_LEN);
                }
                self.notices.count(ReaderNotice::UnknownTag, "FLV 10.1 E.4.1");
                Step::To(unit + SIZE_LEN, State::Tags)
            }
            Some(_) if !known => Step::To(1, State::Lost(1)),
            Some(_) => self.tag_of_wrong_size(data, head, unit, at_end),
            None if at_end && known && data.len() >= unit => Step::Tag(head, data.len()),
            // The tag was cut, and others may follow in what it claims.
            None if at_end => Step::To(1, State::Lost(1)),
            None => Step::Need(unit + SIZE_LEN),
        }
    }

    /// A tag whose `PreviousTagSize` disagrees: it stands if the next tag header makes sense.
    fn tag_of_wrong_size(
        &mut self,
        data: &[u8],
        head: TagHeader,
        unit: usize,
        at_end: bool,
    ) -> Step {
        let next = data.get(unit + SIZE_LEN..).unwrap_or_default();
        match TagHeader::parse(next) {
            Some(next) if self.is_plausible(next) => {}
            Some(_) => return Step::To(1, State::Lost(1)),
            None if at_end => {}
            None => return Step::Need(unit + SIZE_LEN + TagHeader::LEN),
        }
        self.notices.count(ReaderNotice::PreviousTagSize, "FLV 10.1 E.3");
        Step::Tag(head, unit + SIZE_LEN)
    }

    fn is_plausible(&self, head: TagHeader) -> bool {
        matches!(head.type_byte, 8 | 9 | 15 | 18)
            && head.stream_id == 0
            && head.size as usize <= self.message_bytes
    }

    /// The next tag that the size behind it confirms.
    fn resync(&self, data: &[u8], passed: u64, at_end: bool) -> Step {
        let beyond = data.len().saturating_sub(TagHeader::LEN - 1);
        let may_start = |byte: &u8| matches!(byte, 8 | 9 | 15 | 18);
        let mut next = 0;
        while let Some(ahead) =
            data.get(next..beyond).and_then(|window| window.iter().position(may_start))
        {
            let at = next + ahead;
            next = at + 1;
            let here = data.get(at..).unwrap_or_default();
            let Some(head) = TagHeader::parse(here) else { break };
            if head.size == 0 || !self.is_plausible(head) {
                continue;
            }
            let unit = TagHeader::LEN + head.size as usize;
            match size_at(here, unit) {
                Some(size) if size as usize == unit && at == 0 => {
                    return Step::Tag(head, unit + SIZE_LEN);
                }
                Some(size) if size as usize == unit => return self.pass(at, passed),
                None if !at_end && at == 0 => return Step::Need(unit + SIZE_LEN),
                None if !at_end => return self.pass(at, passed),
                _ => {}
            }
        }
        if beyond == 0 { Step::Need(TagHeader::LEN) } else { self.pass(beyond, passed) }
    }

    fn pass(&self, count: usize, passed: u64) -> Step {
        let passed = passed + count as u64;
        if passed > RESYNC_WINDOW {
            let error =
                Error::malformed(Layer::Flv, "no tag found").at(self.offset).clause("FLV 10.1 E.3");
            return Step::To(count, State::Failed(error));
        }
        Step::To(count, State::Lost(passed))
    }

    /// Queues the tag that stands at the start of `data` and takes `count` bytes of it.
    fn give(&mut self, head: TagHeader, data: &[u8], count: usize) {
        let mut body_offset = self.offset + TagHeader::LEN as u64;
        let mut body =
            data.get(TagHeader::LEN..TagHeader::LEN + head.size as usize).unwrap_or_default();
        let mut kind = TagKind::from_type_id(head.type_id());
        if head.type_id() == 15 {
            // AMF3 script data starts with a byte that says AMF0 follows.
            self.notices.count(ReaderNotice::Amf3Script, "Enhanced RTMP v2");
            if let Some((0, rest)) = body.split_first() {
                (kind, body, body_offset) = (Some(TagKind::Script), rest, body_offset + 1);
            }
        }
        if let (Some(kind), false) = (kind, body.is_empty()) {
            let whole = self.whole.as_ref().filter(|whole| whole.len() == count);
            let shared = self.shared.as_ref().filter(|shared| holds(shared, body));
            let body = whole
                .or(shared)
                .map_or_else(|| Bytes::copy_from_slice(body), |shared| shared.slice_ref(body));
            self.tags.push_back((body_offset, Tag { kind, timestamp: head.timestamp, body }));
        }
    }
}

/// Whether `part` lies in the memory of `whole`.
fn holds(whole: &[u8], part: &[u8]) -> bool {
    let (whole, part) = (whole.as_ptr_range(), part.as_ptr_range());
    whole.start <= part.start && part.end <= whole.end
}

fn size_at(data: &[u8], at: usize) -> Option<u32> {
    data.get(at..)?.first_chunk().copied().map(u32::from_be_bytes)
}
