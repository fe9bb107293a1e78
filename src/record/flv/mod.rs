//! The tags of a live stream as an FLV file that plays from its start.

mod index;
mod repair;

use std::collections::VecDeque;

use self::index::{FlvIndex, Place, Role};
use super::Patch;
use crate::amf::Value;
use crate::buf::Chain;
use crate::codec::{aac::AacConfig, h264::AvcConfig};
use crate::error::{Error, Layer, Result};
use crate::flv::body::{AudioBody, AudioCodec, VideoBody, VideoCodec};
use crate::flv::{Tag, TagKind, Writer, is_metadata, metadata_of, parse_metadata};
use crate::limits::Limits;

pub use repair::FlvRepair;

/// A stream whose first frame is later than this is moved to start at zero, in milliseconds.
const NEAR_ZERO_MS: u32 = 1000;
/// Tags and bytes that may wait until the first times of both tracks are known.
const MAX_HELD_TAGS: usize = 64;
const MAX_HELD_BYTES: usize = 4 << 20;
/// Where another publisher goes on, its first frame is this much behind the last one: a picture of 25 a second.
const STEP_MS: u32 = 40;

/// Makes an FLV file of the tags of a live stream.
///
/// Feed it tags with [`handle_tag`](Self::handle_tag), where the recording starts late first those of
/// [`GopCache::tags`](crate::live::GopCache::tags), and append what each call gives to the file. At the end apply the
/// patches of [`finish`](Self::finish): they fill in flags, duration, size and an index of key frames, for which room was
/// left. A file that was never finished is whole as well, but for these.
///
/// Every media tag is written once, in order, its body untouched. Metadata that comes before the first frame becomes the
/// file's own; script tags behind it are kept as they are. Times keep their differences: a stream that starts within
/// a second of zero keeps its times, any other is moved as a whole so that its earliest frame is at zero.
#[derive(Debug)]
pub struct FlvRecorder {
    limits: Limits,
    writer: Writer,
    state: State,
    place: Option<Place>,
    index: FlvIndex,
    /// Time of the last frame written.
    last: u32,
}

#[derive(Debug)]
enum State {
    /// The first times are not known: nothing is written.
    Waiting(VecDeque<Tag>),
    /// Wire time that is written as zero.
    Running(u32),
    /// Another publisher goes on: its first frame follows the last one.
    Resuming(u32),
    Finished,
}

impl FlvRecorder {
    /// A recorder at the start of a file.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            limits: limits.clone(),
            writer: Writer::new(),
            state: State::Waiting(VecDeque::new()),
            place: None,
            index: FlvIndex::default(),
            last: 0,
        }
    }

    /// Takes the next tag and gives the bytes to append to the file, none while the first times are not known.
    ///
    /// # Errors
    ///
    /// Limit for a body of 2^24 bytes or more: the tag is left out, and the recording may go on. Misuse once finished.
    pub fn handle_tag(&mut self, tag: &Tag) -> Result<Chain> {
        if tag.body.len() >= 1 << 24 {
            let error = Error::limit(Layer::Record, "DataSize").clause("FLV 10.1 E.4.1");
            return Err(error.found(tag.body.len() as u64));
        }
        let role = Role::of(tag);
        match &mut self.state {
            State::Finished => Err(Error::misuse(Layer::Record, "tag after the end")),
            State::Resuming(_) if role.is_frame() => {
                let zero = tag.timestamp.wrapping_sub(self.last.wrapping_add(STEP_MS));
                self.state = State::Running(zero);
                self.write(tag, role, zero)
            }
            State::Running(zero) | State::Resuming(zero) => {
                let zero = *zero;
                self.write(tag, role, zero)
            }
            State::Waiting(held) => {
                held.push_back(tag.clone());
                match zero_of(held, role) {
                    Some(zero) => self.start(zero),
                    None => Ok(Chain::new()),
                }
            }
        }
    }

    /// Another publisher goes on: its first frame stands right behind the last one before.
    pub fn handle_discontinuity(&mut self) {
        if let State::Running(zero) = self.state {
            self.state = State::Resuming(zero);
        }
    }

    /// Ends the recording. Patches within the file fill in the flags, duration, size and key frames; one behind its end,
    /// where there is one, appends what was held.
    pub fn finish(&mut self) -> Vec<Patch> {
        let mut patches = Vec::new();
        if let State::Waiting(held) = &self.state {
            let zero = earliest(held).unwrap_or(0);
            // Bodies were measured when they came.
            let rest = self.start(zero).unwrap_or_default();
            patches.push(Patch { offset: 0, bytes: rest.to_bytes() });
        }
        self.state = State::Finished;
        patches.extend(self.index.patches(self.place.as_ref(), self.writer.offset()));
        patches
    }

    /// Bytes of the file so far.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.writer.offset()
    }

    /// Whether nothing has been written.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.writer.offset() == 0
    }

    /// Time of the end of the last frame, in milliseconds.
    #[must_use]
    pub fn millis(&self) -> u32 {
        self.index.end()
    }

    /// Writes header, metadata and what was held.
    fn start(&mut self, zero: u32) -> Result<Chain> {
        let State::Waiting(held) = std::mem::replace(&mut self.state, State::Running(zero)) else {
            return Ok(Chain::new());
        };
        let mut out = Chain::from(self.writer.header(true, true));
        let told = source_metadata(&held, &self.limits);
        let (place, tags) = Place::new(self.writer.offset(), told);
        self.place = Some(place);
        self.writer.pass(tags.len() as u64);
        out.push(tags);
        // The metadata was written, with its times filled in.
        for tag in held.iter().filter(|tag| !is_metadata(tag)) {
            out.extend(self.write(tag, Role::of(tag), zero)?);
        }
        Ok(out)
    }

    fn write(&mut self, tag: &Tag, role: Role, zero: u32) -> Result<Chain> {
        // Headers carry any time, often zero.
        let timestamp = if role.is_frame() { tag.timestamp.wrapping_sub(zero) } else { self.last };
        self.last = timestamp;
        let tag = Tag { timestamp, ..tag.clone() };
        let offset = self.writer.offset();
        let bytes = self.writer.tag(&tag)?;
        self.index.note(&tag, role, offset);
        Ok(bytes)
    }
}

/// The wire time to write as zero, once it can be told; `role` is that of the newest.
fn zero_of(held: &VecDeque<Tag>, role: Role) -> Option<u32> {
    let newest = held.back()?;
    if !role.is_frame() && held.len() < MAX_HELD_TAGS {
        return None;
    }
    let frames = || held.iter().filter(|tag| Role::of(tag).is_frame());
    let first = frames().next()?;
    if first.timestamp < NEAR_ZERO_MS {
        return Some(0);
    }
    let has = |kind| frames().any(|tag| tag.kind == kind);
    let bytes: usize = held.iter().map(|tag| tag.body.len()).sum();
    let waited = newest.timestamp.wrapping_sub(first.timestamp).cast_signed() > 1000;
    let known = has(TagKind::Audio) && has(TagKind::Video)
        || waited
        || held.len() >= MAX_HELD_TAGS
        || bytes > MAX_HELD_BYTES;
    if known { earliest(held) } else { None }
}

/// The earliest time of the held frames, by serial arithmetic.
fn earliest(held: &VecDeque<Tag>) -> Option<u32> {
    let frames = held.iter().filter(|tag| Role::of(tag).is_frame());
    let mut times = frames.map(|tag| tag.timestamp);
    let first = times.next()?;
    let earliest =
        times.fold(
            first,
            |early, time| {
                if time.wrapping_sub(early).cast_signed() < 0 { time } else { early }
            },
        );
    Some(if first < NEAR_ZERO_MS { 0 } else { earliest })
}

/// The metadata among the held tags, or what their headers tell.
fn source_metadata(held: &VecDeque<Tag>, limits: &Limits) -> Vec<(String, Value)> {
    let told = held.iter().rev().find(|tag| is_metadata(tag));
    let told = told.and_then(|tag| parse_metadata(&tag.body, limits));
    if let Some(fields) = told.as_ref().and_then(Value::fields) {
        return fields.to_vec();
    }
    let header =
        |kind| held.iter().rev().filter(move |tag| tag.kind == kind && !Role::of(tag).is_frame());
    let video = header(TagKind::Video).find_map(|tag| {
        let body = VideoBody::parse(&tag.body).ok()?;
        AvcConfig::parse(&body.data, limits).ok().filter(|_| body.codec == VideoCodec::Avc)
    });
    let audio = header(TagKind::Audio).find_map(|tag| {
        let body = AudioBody::parse(&tag.body).ok()?;
        AacConfig::parse(&body.data).ok().filter(|_| body.codec == AudioCodec::Aac)
    });
    metadata_of(video.as_ref(), audio.as_ref())
}

#[cfg(test)]
mod tests;
