//! A damaged FLV into a whole one.

use bytes::Bytes;

use super::body::Body;
use super::failure;
use super::index::Failed;
use crate::amf::Value;
use crate::buf::Chain;
use crate::error::{Error, Layer, Notice, Result};
use crate::flv::{
    Header, Reader, ReaderNotice, Tag, TagHeader, TagKind, Writer, is_metadata, parse_metadata,
    write_metadata,
};
use crate::limits::Limits;
use crate::time::Unwrap32;

/// `PreviousTagSize`.
const SIZE: u64 = 4;

/// Makes a whole FLV of one that is cut, or has bytes in it that are no tags.
///
/// Give all bytes of the file with [`handle_input`](Self::handle_input), then call [`finish`](Self::finish). All whole
/// tags stay as they are, but for the metadata: the first says the duration and the size, others and an index of key frames
/// go.
#[derive(Debug)]
pub struct FlvMender {
    limits: Limits,
    reader: Reader,
    /// Tags with the sizes behind them as they stand in the file, and with sizes of our own.
    as_is: Body,
    own: Body,
    input: u64,
    tags: u64,
    bytes: u64,
    metadata: Vec<(String, Value)>,
    video: Span,
    audio: Span,
}

/// How to write the whole FLV.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MendedFlv {
    /// File header and metadata.
    pub head: Bytes,
    /// What follows, in order.
    pub body: Body,
    /// Tags of video and audio.
    pub tags: u64,
    /// Milliseconds from the first to the end of the last.
    pub duration: u64,
    /// Where the source ends in the middle of a tag, the offset of that tag.
    pub cut_at: Option<u64>,
    /// Bytes of the source that are not in the whole file.
    pub left_out: u64,
    /// What the reader tolerated.
    pub notices: Vec<Notice<ReaderNotice>>,
}

/// Times of one kind of tags, in milliseconds.
#[derive(Debug, Default)]
struct Span {
    unwrap: Unwrap32,
    range: Option<(i64, i64)>,
    last: i64,
    step: i64,
}

impl Span {
    fn add(&mut self, timestamp: u32) {
        let time = self.unwrap.unwrap(timestamp);
        if self.range.is_some() && (1..10_000).contains(&(time - self.last)) {
            self.step = time - self.last;
        }
        let (first, end) = self.range.unwrap_or((time, time));
        self.range = Some((first.min(time), end.max(time)));
        self.last = time;
    }
}

impl FlvMender {
    /// At the start of a file.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            limits: limits.clone(),
            reader: Reader::new(limits),
            as_is: Body::default(),
            own: Body::default(),
            input: 0,
            tags: 0,
            bytes: 0,
            metadata: Vec::new(),
            video: Span::default(),
            audio: Span::default(),
        }
    }

    /// Takes the next bytes of the file, all of them.
    ///
    /// # Errors
    ///
    /// Malformed where the file is no FLV.
    pub fn handle_input(&mut self, mut input: &[u8]) -> Result<()> {
        self.input += input.len() as u64;
        loop {
            let taken = self.reader.handle_input(input)?;
            input = input.get(taken..).unwrap_or_default();
            let tags = self.take_tags()?;
            if input.is_empty() {
                return Ok(());
            }
            if taken == 0 && tags == 0 {
                return Err(failure(Failed::Lost));
            }
        }
    }

    /// Ends the file and says how to write the whole one.
    ///
    /// # Errors
    ///
    /// Malformed for a file without a whole tag of video or audio.
    pub fn finish(mut self) -> Result<MendedFlv> {
        let truncated = loop {
            let truncated = self.reader.finish();
            if self.take_tags()? == 0 {
                break truncated;
            }
        };
        let good = self.reader.good();
        if self.tags == 0 {
            return Err(Error::malformed(Layer::Flv, "no whole tag").at(good));
        }
        let has = |span: &Span| span.range.is_some();
        let span = |span: &Span| span.range.map(|(first, end)| (first, end + span.step));
        let (first, end) = [span(&self.video), span(&self.audio)]
            .into_iter()
            .flatten()
            .reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)))
            .unwrap_or((0, 0));
        let duration = u64::try_from(end - first).unwrap_or(0);
        let wrong = |notice: &Notice<ReaderNotice>| notice.kind == ReaderNotice::PreviousTagSize;
        let body = if self.reader.notices().iter().any(wrong) { self.own } else { self.as_is };
        let head = head((has(&self.audio), has(&self.video)), self.metadata, duration, body.len())?;
        Ok(MendedFlv {
            head,
            tags: self.tags,
            duration,
            cut_at: truncated.then_some(good),
            left_out: self.input.saturating_sub(self.bytes),
            notices: self.reader.notices().to_vec(),
            body,
        })
    }

    /// Returns how many there were.
    fn take_tags(&mut self) -> Result<usize> {
        let mut count = 0;
        if let (0, Some(header)) = (self.bytes, self.reader.header()) {
            self.bytes = u64::from(header.data_offset).max(Header::LEN as u64) + SIZE;
        }
        while let Some((offset, tag)) = self.reader.poll_tag() {
            count += 1;
            self.bytes += tag.body.len() as u64 + TagHeader::LEN as u64 + SIZE;
            match tag.kind {
                TagKind::Script => self.script(&tag)?,
                TagKind::Video => self.media(offset, &tag),
                TagKind::Audio => self.media(offset, &tag),
            }
        }
        Ok(count)
    }

    fn media(&mut self, offset: u64, tag: &Tag) {
        self.tags += 1;
        match tag.kind {
            TagKind::Video => self.video.add(tag.timestamp),
            _ => self.audio.add(tag.timestamp),
        }
        let head = TagHeader::LEN as u64;
        let (start, len) = (offset - head, head + tag.body.len() as u64);
        let size = u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes();
        self.own.copy(start, len);
        self.own.write(&size);
        if start + len + SIZE <= self.input {
            self.as_is.copy(start, len + SIZE);
        } else {
            // The file ends with the body.
            self.as_is.copy(start, len);
            self.as_is.write(&size);
        }
    }

    /// Metadata is told again in front; other scripts stay.
    fn script(&mut self, tag: &Tag) -> Result<()> {
        if is_metadata(tag) {
            let told = parse_metadata(&tag.body, &self.limits);
            if let (true, Some(fields)) =
                (self.metadata.is_empty(), told.as_ref().and_then(Value::fields))
            {
                self.metadata = fields.to_vec();
            }
            return Ok(());
        }
        let written: Chain = Writer::new().tag(tag)?;
        for part in written.iter() {
            self.own.write(part);
            self.as_is.write(part);
        }
        Ok(())
    }
}

fn head(
    (audio, video): (bool, bool),
    source: Vec<(String, Value)>,
    duration: u64,
    body: u64,
) -> Result<Bytes> {
    let left_out = [
        "keyframes",
        "duration",
        "filesize",
        "lasttimestamp",
        "lastkeyframetimestamp",
        "lastkeyframelocation",
        "datasize",
        "hasKeyframes",
    ];
    let kept = source.into_iter().filter(|(key, _)| !left_out.contains(&key.as_str()));
    let kept: Vec<_> = kept.collect();
    let written = |size: u64| -> Result<Bytes> {
        let told = [("duration", number(duration) / 1000.0), ("filesize", number(size))];
        let told = told.map(|(key, value)| (key.to_owned(), Value::Number(value)));
        let body = write_metadata(told.into_iter().chain(kept.iter().cloned()).collect());
        let mut writer = Writer::new();
        let mut head = Chain::from(writer.header(audio, video));
        head.extend(writer.tag(&Tag { kind: TagKind::Script, timestamp: 0, body })?);
        Ok(head.to_bytes())
    };
    // A number takes as many bytes whatever it is.
    let len = written(0)?.len() as u64;
    written(len.saturating_add(body))
}

/// Exact up to 2^53.
#[expect(
    clippy::cast_precision_loss,
    reason = "files are smaller than 2^53 bytes, and shorter in milliseconds"
)]
const fn number(value: u64) -> f64 {
    value as f64
}
