//! Which bytes of a file of tags its packets are found by.

use std::ops::Range;

use super::TagHeader;
use crate::codec::hevc;
use crate::limits::Limits;

/// Bytes that are read of a slice: more than is ever looked at, from its header on.
pub(crate) const HEAD: usize = 272;
/// NAL units and bodies up to this are read whole: leaving out less is not worth a read of its own.
pub(crate) const SMALL: usize = 640;
/// Bytes of a video body that tell what it is.
pub(crate) const SHAPE: usize = 16;
/// `PreviousTagSize`.
const SIZE: usize = 4;

/// What of a body has to be read.
pub(crate) enum Shape {
    Whole,
    /// Its first bytes: the codec looks at no others.
    Head,
    /// The first bytes of each NAL unit, from here on.
    Nals(usize),
}

/// How the NAL units of a track are, as its sequence header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NalUnits {
    Avc,
    Hevc,
}

impl NalUnits {
    /// What a sequence header among the bodies says; `None` for other bodies, `Some(None)` where lengths do not have 4 bytes.
    pub(crate) fn told(body: &[u8]) -> Option<Option<Self>> {
        let (&first, rest) = body.split_first()?;
        let (hevc, record) = match (first & 0x80 != 0, first & 15, rest) {
            (true, 0, [b'a', b'v', b'c', b'1', record @ ..]) => (false, record),
            (true, 0, [b'h', b'v', b'c', b'1', record @ ..]) => (true, record),
            (false, 7, [0, _, _, _, record @ ..]) => (hevc::is_record(record), record),
            (false, 12, [0, _, _, _, record @ ..]) => (true, record),
            _ => return None,
        };
        let length = record.get(if hevc { 21 } else { 4 }).map(|byte| byte & 3);
        Some(match (length, hevc) {
            (Some(3), true) => Some(Self::Hevc),
            (Some(3), false) => Some(Self::Avc),
            _ => None,
        })
    }

    /// Whether a NAL unit with this first byte is a slice, of which only the header counts.
    pub(crate) const fn is_slice(self, first: u8) -> bool {
        match self {
            Self::Avc => matches!(first & 0x1f, 1..=5),
            Self::Hevc => first & 0x40 == 0,
        }
    }
}

impl Shape {
    /// Of a video body, of which at least five bytes are there.
    pub(crate) fn of(body: &[u8], nals: Option<NalUnits>) -> Self {
        let Some((&[first, a, b, c, d], _)) = body.split_first_chunk() else { return Self::Whole };
        let units = |start| if nals.is_some() { Self::Nals(start) } else { Self::Whole };
        let is_command = first >> 4 & 7 == 5;
        match (first & 0x80 != 0, first & 15) {
            _ if is_command => Self::Whole,
            (false, 7 | 12) if a == 1 => units(5),
            (true, packet @ (1 | 3)) => match &[a, b, c, d] {
                // With the composition time, or without.
                b"avc1" | b"hvc1" => units(if packet == 1 { 8 } else { 5 }),
                b"vp09" | b"vp08" => Self::Head,
                _ => Self::Whole,
            },
            _ => Self::Whole,
        }
    }
}

/// Walks along the tags of a file and tells which of their bytes have to be read: all but the insides of pictures.
///
/// For a program that moves media from file to file and does not want to have them in memory. It reads what
/// [`look`](Self::look) asks for to its place in a buffer as long as that stretch of the file, and hands the buffer to a [`Reader`](super::Reader) and an
/// [`Assembler`](crate::assemble::Assembler), which find all they look at. Bytes that were not read keep what was there before: no output may be made of
/// them but by their place in the file. Two things need the bytes after all: where
/// [`Assembler::reads_whole`](crate::assemble::Assembler::reads_whole) says so, and an access unit that is not a slice of the buffer, because it was put together anew.
#[derive(Debug)]
pub struct Outline {
    message_bytes: usize,
    nals: Option<NalUnits>,
    walk: Option<Walk>,
}

/// Where in a tag's pictures the walk is.
#[derive(Clone, Copy, Debug)]
struct Walk {
    /// First byte of what comes next; at `end` the size of the tag.
    next: usize,
    /// Behind the body.
    end: usize,
    size: u32,
}

/// What [`Outline::look`] says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outlook {
    /// These bytes of the buffer are to be read, at least.
    Read(Range<usize>),
    /// The tag goes up to here, with the size behind it, which is past the end of the buffer.
    Past(usize),
    /// The tag ends here, and what is looked at of it is there.
    Tag(usize),
    /// No tag as it should be: a [`Reader`](super::Reader) has to see all bytes from its start on.
    Lost,
}

impl Outline {
    /// At the first tag of a file.
    #[must_use]
    pub const fn new(limits: &Limits) -> Self {
        Self { message_bytes: limits.message_bytes, nals: None, walk: None }
    }

    /// Forgets how far it is in a tag: the next look is at the start of one.
    pub const fn begin(&mut self) {
        self.walk = None;
    }

    /// Learns from the body of a video tag that went another way.
    pub fn handle_video(&mut self, body: &[u8]) {
        if let Some(told) = NalUnits::told(body) {
            self.nals = told;
        }
    }

    /// Looks at the tag that begins at `at` in `buffer`, of which the bytes of `read` were read last and in a row. Look again after reading what it asks
    /// for, until it says that the tag ends or is lost.
    #[must_use]
    pub fn look(&mut self, buffer: &[u8], at: usize, read: &Range<usize>) -> Outlook {
        let wanted = match self.walk {
            Some(_) => Ok(()),
            None => self.head(buffer, at, read),
        };
        let mut result = wanted;
        while result.is_ok() {
            let Some(mut walk) = self.walk else { return Outlook::Lost };
            if walk.next == walk.end {
                result = Err(self.size(buffer, walk, read));
                break;
            }
            result = self.nal(buffer, &mut walk, read);
            self.walk = Some(walk);
        }
        let outlook = result.err().unwrap_or(Outlook::Lost);
        if !matches!(outlook, Outlook::Read(_)) {
            self.walk = None;
        }
        outlook
    }

    fn head(&mut self, buffer: &[u8], at: usize, read: &Range<usize>) -> Result<(), Outlook> {
        let start = at.saturating_add(TagHeader::LEN);
        let head = TagHeader::parse(have(buffer, read, at..start)?).ok_or(Outlook::Lost)?;
        let size = head.size as usize;
        if !matches!(head.type_byte, 8 | 9 | 18) || size > self.message_bytes {
            return Err(Outlook::Lost);
        }
        let end = start.saturating_add(size);
        if end.saturating_add(SIZE) > buffer.len() {
            return Err(Outlook::Past(end.saturating_add(SIZE)));
        }
        let next = if head.type_byte != 9 || size <= SMALL {
            let body = have(buffer, read, start..end)?;
            if head.type_byte == 9 {
                self.handle_video(body);
            }
            end
        } else {
            match Shape::of(have(buffer, read, start..start + SHAPE)?, self.nals) {
                Shape::Whole => {
                    let body = have(buffer, read, start..end)?;
                    self.handle_video(body);
                    end
                }
                Shape::Head => {
                    have(buffer, read, start..start + HEAD)?;
                    end
                }
                Shape::Nals(nals) => start + nals,
            }
        };
        self.walk = Some(Walk { next, end, size: head.size });
        Ok(())
    }

    /// Passes over the NAL unit that comes next.
    fn nal(&self, buffer: &[u8], walk: &mut Walk, read: &Range<usize>) -> Result<(), Outlook> {
        let (start, nals) = (walk.next.saturating_add(SIZE), self.nals.unwrap_or(NalUnits::Avc));
        if start >= walk.end {
            return Err(Outlook::Lost);
        }
        let length = have(buffer, read, walk.next..start)?;
        let length = length.first_chunk().map_or(0, |length| u32::from_be_bytes(*length)) as usize;
        if length == 0 || length > walk.end - start {
            return Err(Outlook::Lost);
        }
        let first = have(buffer, read, start..start + 1)?.first().copied().unwrap_or(0);
        let kept = if length > SMALL && nals.is_slice(first) { HEAD } else { length };
        have(buffer, read, start..start + kept)?;
        walk.next = start + length;
        Ok(())
    }

    /// What the size behind the body says.
    fn size(&self, buffer: &[u8], walk: Walk, read: &Range<usize>) -> Outlook {
        let range = walk.end..walk.end.saturating_add(SIZE);
        let end = range.end;
        match have(buffer, read, range) {
            Ok(size) if size == walk.size.saturating_add(11).to_be_bytes() => Outlook::Tag(end),
            Ok(_) => Outlook::Lost,
            Err(outlook) => outlook,
        }
    }
}

/// The bytes of a range, if they were read.
fn have<'a>(
    buffer: &'a [u8],
    read: &Range<usize>,
    range: Range<usize>,
) -> Result<&'a [u8], Outlook> {
    let there = read.start <= range.start && range.end <= read.end;
    let bytes = if there { buffer.get(range.clone()) } else { None };
    bytes.ok_or(Outlook::Read(range))
}
