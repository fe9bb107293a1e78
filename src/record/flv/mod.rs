//! The tags of a live stream as an FLV file that plays from its start.

use std::collections::VecDeque;

use bytes::Bytes;

use super::Patch;
use crate::amf::Value;
use crate::buf::Chain;
use crate::codec::{aac::AacConfig, h264::AvcConfig};
use crate::error::{Error, ErrorKind, Layer, Result};
use crate::flv::body::{AudioBody, AudioCodec, PacketType, VideoBody, VideoCodec};
use crate::flv::{
    Header, Tag, TagKind, Writer, is_metadata, metadata_of, parse_metadata, write_metadata,
};
use crate::limits::Limits;

/// A stream whose first frame is later than this is moved to start at zero, in milliseconds.
const NEAR_ZERO_MS: u32 = 1000;
/// Tags and bytes that may wait until the first times of both tracks are known.
const MAX_HELD_TAGS: usize = 64;
const MAX_HELD_BYTES: usize = 4 << 20;

/// Makes an FLV file of the tags of a live stream.
///
/// Feed it tags with [`handle_tag`](Self::handle_tag), where the recording starts late first those of
/// [`GopCache::tags`](crate::live::GopCache::tags), and append what each call gives to the file. At the end apply the
/// patches of [`finish`](Self::finish). A file that was never finished is whole as well, but for duration and size.
///
/// Every media tag is written once, in order, its body untouched. Metadata that comes before the first frame becomes the
/// file's own; script tags behind it are kept as they are. Times keep their differences: a stream that starts within
/// a second of zero keeps its times, any other is moved as a whole so that its earliest frame is at zero.
#[derive(Debug)]
pub struct FlvRecorder {
    limits: Limits,
    writer: Writer,
    state: State,
    metadata: Option<MetadataPlace>,
    has_audio: bool,
    has_video: bool,
    video: Span,
    audio: Span,
    /// Time of the last frame written.
    last: u32,
}

#[derive(Debug)]
enum State {
    /// The first times are not known: nothing is written.
    Waiting(VecDeque<Tag>),
    /// Wire time that is written as zero.
    Running(u32),
    Finished,
}

/// File offsets of two numbers in the metadata.
#[derive(Clone, Copy, Debug)]
struct MetadataPlace {
    duration: u64,
    file_size: u64,
}

/// Times of one track, in milliseconds on the file's time line.
#[derive(Clone, Copy, Debug, Default)]
struct Span {
    last: Option<u32>,
    step: u32,
}

impl Span {
    fn add(&mut self, time: u32) {
        if let Some(last) = self.last {
            let step = time.wrapping_sub(last);
            if step == 0 || step > 10_000 {
                // Not a frame's length.
            } else {
                self.step = step;
            }
        }
        self.last = Some(time);
    }

    fn end(self) -> u32 {
        self.last.map_or(0, |last| last.saturating_add(self.step))
    }
}

impl FlvRecorder {
    /// A recorder at the start of a file.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            limits: limits.clone(),
            writer: Writer::new(),
            state: State::Waiting(VecDeque::new()),
            metadata: None,
            has_audio: false,
            has_video: false,
            video: Span::default(),
            audio: Span::default(),
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
        match &mut self.state {
            State::Finished => Err(Error::misuse(Layer::Record, "tag after the end")),
            State::Running(zero) => {
                let zero = *zero;
                self.write(tag, zero)
            }
            State::Waiting(held) => {
                held.push_back(tag.clone());
                match zero_of(held) {
                    Some(zero) => self.start(zero),
                    None => Ok(Chain::new()),
                }
            }
        }
    }

    /// Ends the recording. Patches within the file fill in the flags, duration and size; one behind its end, where
    /// there is one, appends what was held.
    pub fn finish(&mut self) -> Vec<Patch> {
        let mut patches = Vec::new();
        if let State::Waiting(held) = &self.state {
            let zero = earliest(held).unwrap_or(0);
            // Bodies were measured when they came.
            let rest = self.start(zero).unwrap_or_default();
            patches.push(Patch { offset: 0, bytes: rest.to_bytes() });
        }
        self.state = State::Finished;
        let header = Header::new(self.has_audio, self.has_video);
        patches.push(Patch {
            offset: Header::FLAGS_OFFSET,
            bytes: Bytes::copy_from_slice(&[header.flags()]),
        });
        if let Some(place) = self.metadata {
            let duration = f64::from(self.video.end().max(self.audio.end())) / 1000.0;
            patches.push(number(place.duration, duration));
            patches.push(number(place.file_size, to_number(self.writer.offset())));
        }
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

    /// Writes header, metadata and what was held.
    fn start(&mut self, zero: u32) -> Result<Chain> {
        let State::Waiting(held) = std::mem::replace(&mut self.state, State::Running(zero)) else {
            return Ok(Chain::new());
        };
        let mut out = Chain::from(self.writer.header(true, true));
        let body_offset = self.writer.offset() + 11;
        let (body, place) = metadata(body_offset, source_metadata(&held, &self.limits));
        self.metadata = Some(place);
        out.extend(self.writer.tag(&Tag { kind: TagKind::Script, timestamp: 0, body })?);
        // The metadata was written, with its times filled in.
        for tag in held.iter().filter(|tag| !is_metadata(tag)) {
            out.extend(self.write(tag, zero)?);
        }
        Ok(out)
    }

    fn write(&mut self, tag: &Tag, zero: u32) -> Result<Chain> {
        let mut timestamp = tag.timestamp.wrapping_sub(zero);
        if is_frame(tag) {
            self.last = timestamp;
            match tag.kind {
                TagKind::Video => self.video.add(timestamp),
                _ => self.audio.add(timestamp),
            }
        } else {
            // Headers carry any time, often zero.
            timestamp = self.last;
        }
        self.has_audio |= tag.kind == TagKind::Audio;
        self.has_video |= tag.kind == TagKind::Video;
        self.writer.tag(&Tag { timestamp, ..tag.clone() })
    }
}

/// Whether a tag has a time of its own: coded frames, and packets that this crate cannot look into.
fn is_frame(tag: &Tag) -> bool {
    let packet = match tag.kind {
        TagKind::Video => VideoBody::parse(&tag.body).map(|body| body.packet),
        TagKind::Audio => AudioBody::parse(&tag.body).map(|body| body.packet),
        TagKind::Script => return false,
    };
    match packet {
        Ok(packet) => packet == PacketType::Frames,
        Err(error) => error.kind() == ErrorKind::Unsupported,
    }
}

/// The wire time to write as zero, once it can be told.
fn zero_of(held: &VecDeque<Tag>) -> Option<u32> {
    let newest = held.back()?;
    if !is_frame(newest) && held.len() < MAX_HELD_TAGS {
        return None;
    }
    let first = held.iter().find(|tag| is_frame(tag))?;
    if first.timestamp < NEAR_ZERO_MS {
        return Some(0);
    }
    let has = |kind| held.iter().any(|tag| tag.kind == kind && is_frame(tag));
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
    let mut times = held.iter().filter(|tag| is_frame(tag)).map(|tag| tag.timestamp);
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

/// The source's fields behind a duration and a size that are filled in later: numbers always take nine bytes.
/// An index of key frames is left out, since it is one of another file.
fn metadata(body_offset: u64, source: Vec<(String, Value)>) -> (Bytes, MetadataPlace) {
    let filled_in = ["duration", "filesize"];
    let mut fields = filled_in.map(|key| (key.to_owned(), Value::Number(0.0))).to_vec();
    let left_out =
        ["keyframes", "lasttimestamp", "lastkeyframetimestamp", "lastkeyframelocation", "datasize"];
    fields.extend(source.into_iter().filter(|(key, _)| {
        !filled_in.contains(&key.as_str()) && !left_out.contains(&key.as_str())
    }));
    // Marker and name, marker and count of the array, then each key with its length and the number's marker.
    let duration = body_offset + 13 + 5 + 2 + 8 + 1;
    let file_size = duration + 8 + 2 + 8 + 1;
    (write_metadata(fields), MetadataPlace { duration, file_size })
}

/// The metadata among the held tags, or what their headers tell.
fn source_metadata(held: &VecDeque<Tag>, limits: &Limits) -> Vec<(String, Value)> {
    let told = held.iter().rev().find(|tag| is_metadata(tag));
    let told = told.and_then(|tag| parse_metadata(&tag.body, limits));
    if let Some(fields) = told.as_ref().and_then(Value::fields) {
        return fields.to_vec();
    }
    let header = |kind| held.iter().rev().filter(move |tag| tag.kind == kind && !is_frame(tag));
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

fn number(offset: u64, value: f64) -> Patch {
    Patch { offset, bytes: Bytes::copy_from_slice(&value.to_be_bytes()) }
}

/// Exact up to 2^53 bytes.
#[expect(clippy::cast_precision_loss, reason = "files are smaller than 2^53 bytes")]
const fn to_number(size: u64) -> f64 {
    size as f64
}

#[cfg(test)]
mod tests;
