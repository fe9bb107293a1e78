//! What is known of an FLV at its end, and where it is filled in.

use bytes::Bytes;

use crate::amf::{Value, amf0};
use crate::buf::Writer as Buffer;
use crate::flv::body::{AudioBody, FrameType, PacketType, VideoBody};
use crate::flv::{Header, Tag, TagKind, Writer, write_metadata};
use crate::record::Patch;

use crate::error::ErrorKind;

/// Key frames that the index names. Where there are more, every second one is left out, again and again.
const MAX_KEYS: usize = 2048;
/// Bytes kept free behind the metadata: 18 for each key frame, the names of the lists, and the tag that fills the rest.
const ROOM: usize = MAX_KEYS * 18 + 256;
/// Bytes of a tag around its body.
const TAG_ENDS: u64 = 11 + 4;
/// An array of these is filled in; others of the source would be untrue.
const FILLED_IN: [&str; 2] = ["duration", "filesize"];
const LEFT_OUT: [&str; 5] =
    ["keyframes", "lasttimestamp", "lastkeyframetimestamp", "lastkeyframelocation", "datasize"];

/// What a tag is to the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// A coded frame, or a packet that this crate cannot look into: it has a time of its own.
    Frame { key: bool },
    /// Configuration of the video.
    VideoHeader,
    /// What has no time of its own.
    Other,
}

impl Role {
    pub(super) fn of(tag: &Tag) -> Self {
        let (packet, video) = match tag.kind {
            TagKind::Video => match VideoBody::parse(&tag.body) {
                Ok(body) => {
                    let key = body.frame_type == FrameType::Key && body.track == 0;
                    (Ok(body.packet), Some(key))
                }
                Err(error) => (Err(error), Some(false)),
            },
            TagKind::Audio => (AudioBody::parse(&tag.body).map(|body| body.packet), None),
            TagKind::Script => return Self::Other,
        };
        match packet {
            Ok(PacketType::Frames) => Self::Frame { key: video == Some(true) },
            Ok(PacketType::SequenceHeader) if video.is_some() => Self::VideoHeader,
            Err(error) if error.kind() == ErrorKind::Unsupported => Self::Frame { key: false },
            _ => Self::Other,
        }
    }

    pub(super) const fn is_frame(self) -> bool {
        matches!(self, Self::Frame { .. })
    }
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

/// Collects what the metadata of a finished file says.
#[derive(Debug, Default)]
pub(super) struct FlvIndex {
    has_audio: bool,
    has_video: bool,
    video: Span,
    audio: Span,
    /// Time in milliseconds and file offset of key frames.
    keys: Vec<(u32, u64)>,
    /// Key frames that are passed over for one that is kept, less one.
    passed: u32,
    skip: u32,
}

impl FlvIndex {
    /// Takes note of a tag with its time in the file, at `offset`.
    pub(super) fn note(&mut self, tag: &Tag, role: Role, offset: u64) {
        self.has_audio |= tag.kind == TagKind::Audio;
        self.has_video |= tag.kind == TagKind::Video;
        if role.is_frame() {
            match tag.kind {
                TagKind::Video => self.video.add(tag.timestamp),
                _ => self.audio.add(tag.timestamp),
            }
        }
        match role {
            // Players take the first entry for the configuration, which is marked as a key frame as well.
            Role::VideoHeader if self.keys.is_empty() => self.keys.push((0, offset)),
            Role::Frame { key: true } => self.note_key(tag.timestamp, offset),
            _ => {}
        }
    }

    fn note_key(&mut self, time: u32, offset: u64) {
        if self.passed < self.skip {
            self.passed += 1;
            return;
        }
        self.passed = 0;
        self.keys.push((time, offset));
        if self.keys.len() >= MAX_KEYS {
            let mut number = 0;
            self.keys.retain(|_| {
                number += 1;
                number % 2 == 1
            });
            self.skip = self.skip.saturating_mul(2).saturating_add(1);
        }
    }

    /// Time of the end of the last frame, in milliseconds.
    pub(super) fn end(&self) -> u32 {
        self.video.end().max(self.audio.end())
    }

    /// Fills in the flags and, where there is room for it, the metadata of a file of `file_len` bytes.
    pub(super) fn patches(&self, place: Option<&Place>, file_len: u64) -> Vec<Patch> {
        let header = Header::new(self.has_audio, self.has_video);
        let flags = Bytes::copy_from_slice(&[header.flags()]);
        let mut patches = vec![Patch { offset: Header::FLAGS_OFFSET, bytes: flags }];
        if let Some(place) = place {
            let keys = Value::Object(vec![
                numbers("filepositions", self.keys.iter().map(|(_, offset)| to_number(*offset))),
                numbers("times", self.keys.iter().map(|(time, _)| f64::from(*time) / 1000.0)),
            ]);
            let told = [f64::from(self.end()) / 1000.0, to_number(file_len)];
            patches.extend(place.fill(told, (self.keys.len() > 1).then_some(keys)));
        }
        patches
    }
}

fn numbers(key: &str, values: impl Iterator<Item = f64>) -> (String, Value) {
    (key.to_owned(), Value::StrictArray(values.map(Value::Number).collect()))
}

/// The metadata and the room behind it.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// File offset of the metadata's tag.
    offset: u64,
    /// Bytes of it and of the tag behind it that keeps the room.
    len: u64,
    /// The source's fields.
    fields: Vec<(String, Value)>,
}

impl Place {
    /// Of metadata with these fields at `offset`: the place, and the tags to write there.
    pub(super) fn new(offset: u64, source: Vec<(String, Value)>) -> (Self, Bytes) {
        let untrue = |key: &str| FILLED_IN.contains(&key) || LEFT_OUT.contains(&key);
        let fields: Vec<_> = source.into_iter().filter(|(key, _)| !untrue(key)).collect();
        let mut place = Self { offset, len: 0, fields };
        let metadata = place.body([0.0; 2], None).len();
        place.len = metadata as u64 + TAG_ENDS + ROOM as u64;
        let tags = place.tags([0.0; 2], None).unwrap_or_default();
        (place, tags)
    }

    /// In a file that is there: `metadata` and `filler` are its first two tags.
    pub(super) fn found(
        offset: u64,
        metadata: &Tag,
        fields: &[(String, Value)],
        filler: &Tag,
    ) -> Option<Self> {
        let told = is_filler(filler).then(|| metadata.body.len() + filler.body.len())?;
        let fields = fields.iter().filter(|(key, _)| !FILLED_IN.contains(&key.as_str()));
        let fields = fields.filter(|(key, _)| !LEFT_OUT.contains(&key.as_str())).cloned().collect();
        Some(Self { offset, len: told as u64 + 2 * TAG_ENDS, fields })
    }

    fn fill(&self, told: [f64; 2], keys: Option<Value>) -> Option<Patch> {
        let bytes = self.tags(told, keys).or_else(|| self.tags(told, None))?;
        Some(Patch { offset: self.offset, bytes })
    }

    fn body(&self, told: [f64; 2], keys: Option<Value>) -> Bytes {
        let filled_in = FILLED_IN.iter().zip(told);
        let mut fields: Vec<(String, Value)> =
            filled_in.map(|(key, value)| ((*key).to_owned(), Value::Number(value))).collect();
        fields.extend(self.fields.iter().cloned());
        fields.extend(keys.map(|keys| ("keyframes".to_owned(), keys)));
        write_metadata(fields)
    }

    /// The metadata, and a tag that fills the rest; `None` where they do not fit.
    fn tags(&self, told: [f64; 2], keys: Option<Value>) -> Option<Bytes> {
        let mut writer = Writer::new();
        let body = self.body(told, keys);
        let script = |body| Tag { kind: TagKind::Script, timestamp: 0, body };
        let mut tags = writer.tag(&script(body)).ok()?;
        let rest = self.len.checked_sub(tags.len() as u64 + TAG_ENDS)?;
        tags.extend(writer.tag(&script(filler(usize::try_from(rest).ok()?)?)).ok()?);
        Some(tags.to_bytes())
    }
}

const FILLER: &str = "onFiller";

/// The body of a tag that says nothing, `len` bytes long.
fn filler(len: usize) -> Option<Bytes> {
    let mut body = Buffer::with_capacity(len);
    amf0::encode(&mut body, &Value::String(FILLER.to_owned()));
    amf0::encode(&mut body, &Value::Null);
    let zeros = len.checked_sub(body.len())?;
    body.zeros(zeros);
    Some(body.freeze())
}

pub(super) fn is_filler(tag: &Tag) -> bool {
    tag.kind == TagKind::Script && tag.body.starts_with(b"\x02\x00\x08onFiller\x05")
}

/// Exact up to 2^53 bytes.
#[expect(clippy::cast_precision_loss, reason = "files are smaller than 2^53 bytes")]
const fn to_number(size: u64) -> f64 {
    size as f64
}
