//! Boxes in front of a fragment: what a segment is, how to find one's way in it, when it was made, and events.
//!
//! In a segment they stand in this order: `styp`, `sidx`, `prft`, `emsg`, then `moof` (ISO/IEC 23000-19 7.3.3).

use bytes::Bytes;

use super::boxes::{boxed, full_box, to_u32};
use crate::buf::Writer;
use crate::error::{Error, Layer, Result};

/// Seconds from 1900 to 1970.
const NTP_EPOCH: i64 = 2_208_988_800;
/// Sizes in `sidx` have 31 bits.
const REFERENCE_SIZE: u32 = 0x7fff_ffff;

/// What `styp` says of a segment (ISO/IEC 14496-12 8.16.2, ISO/IEC 23009-1 6.3.4.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SegmentType {
    /// `sidx` follows.
    pub indexed: bool,
    /// No segment comes after it.
    pub last: bool,
}

/// Writes `styp`: a DASH media segment that is a CMAF segment.
///
/// # Errors
/// None in practice: the box has at most 32 bytes.
pub fn segment_type(kind: SegmentType) -> Result<Bytes> {
    let mut w = Writer::with_capacity(32);
    styp(&mut w, kind)?;
    Ok(w.freeze())
}

pub(super) fn styp(w: &mut Writer, kind: SegmentType) -> Result<()> {
    boxed(w, b"styp", |w| {
        w.bytes(b"msdh");
        w.u32(0);
        w.bytes(b"msdhcmfs");
        w.bytes(if kind.indexed { b"msix" } else { b"" });
        w.bytes(if kind.last { b"lmsg" } else { b"" });
        Ok(())
    })
}

/// One stretch of a segment that `sidx` tells of: mostly a fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentReference {
    /// Bytes, from the end of `sidx` or of the stretch before: all boxes of the fragments. Below 2^31.
    pub size: u32,
    /// Ticks that it presents.
    pub duration: u32,
    /// Whether it begins with a sample where decoding can start and that is presented first (a stream access point of
    /// type 1).
    pub starts_with_sync: bool,
}

/// Where the fragments of a segment are (ISO/IEC 14496-12 8.16.3).
#[derive(Clone, Copy, Debug)]
pub struct SegmentIndex<'a> {
    /// The track's number in the init segment, from 1.
    pub track: u32,
    /// Ticks a second of the track.
    pub timescale: u32,
    /// Earliest presentation time of the segment in ticks.
    pub earliest_presentation: u64,
    /// In the order of the segment, 65535 at most.
    pub references: &'a [SegmentReference],
}

/// Writes `sidx`. It stands right in front of what it tells of, after `styp`.
///
/// # Errors
/// Limit where there are more than 65535 references, or one has 2 GiB.
pub fn segment_index(index: &SegmentIndex<'_>) -> Result<Bytes> {
    let mut w = Writer::with_capacity(64);
    full_box(&mut w, b"sidx", 1, 0, |w| {
        w.u32(index.track);
        w.u32(index.timescale);
        w.u64(index.earliest_presentation);
        w.u64(0);
        w.u16(0);
        let count = u16::try_from(index.references.len());
        w.u16(count.map_err(|_| Error::limit(Layer::Mp4, "sidx references"))?);
        for reference in index.references {
            if reference.size > REFERENCE_SIZE {
                let error = Error::limit(Layer::Mp4, "sidx size");
                return Err(error.found(reference.size.into()));
            }
            w.u32(reference.size);
            w.u32(reference.duration);
            w.u32(if reference.starts_with_sync { 0x9000_0000 } else { 0 });
        }
        Ok(())
    })?;
    Ok(w.freeze())
}

/// Which moment a [`ProducerReference`] tells (ISO/IEC 14496-12 8.16.5, the flags of `prft`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReferenceMoment {
    /// The sample went into the encoder.
    EncoderInput,
    /// The sample came out of the encoder.
    EncoderOutput,
    /// The fragment was finished.
    FragmentFinished,
    /// The fragment was written.
    FragmentWritten,
    /// Some moment, the same for all fragments of the track.
    Consistent,
    /// What the sample shows happened.
    Captured,
}

impl ReferenceMoment {
    const fn flags(self) -> u32 {
        match self {
            Self::EncoderInput => 0,
            Self::EncoderOutput => 1,
            Self::FragmentFinished => 2,
            Self::FragmentWritten => 4,
            Self::Consistent => 8,
            Self::Captured => 24,
        }
    }
}

/// Ties the media time of a fragment to the wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerReference {
    /// The track's number in the init segment, from 1.
    pub track: u32,
    /// Wall clock in microseconds since 1970.
    pub wall: i64,
    /// Decode time of the fragment's first sample in ticks of the track.
    pub media_time: u64,
    /// What happened then.
    pub moment: ReferenceMoment,
}

/// Writes `prft`. It stands in front of the `moof` that it tells of.
///
/// # Errors
/// None in practice: the box has 32 bytes.
pub fn producer_reference(reference: &ProducerReference) -> Result<Bytes> {
    let mut w = Writer::with_capacity(32);
    full_box(&mut w, b"prft", 1, reference.moment.flags(), |w| {
        w.u32(reference.track);
        w.u64(ntp(reference.wall));
        w.u64(reference.media_time);
        Ok(())
    })?;
    Ok(w.freeze())
}

/// NTP time (RFC 5905 6): seconds since 1900, of which 32 bits are kept, and a fraction of 32 bits.
fn ntp(micros: i64) -> u64 {
    let seconds = micros.div_euclid(1_000_000).wrapping_add(NTP_EPOCH);
    let fraction = (micros.rem_euclid(1_000_000) << 32) / 1_000_000;
    // The era of 32 bits ends in 2036 and begins anew.
    seconds.cast_unsigned() << 32 | fraction.cast_unsigned()
}

/// Something that an application wants to know at a time of the media (ISO/IEC 23009-1 5.10.3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventMessage<'a> {
    /// Ticks a second of the times.
    pub timescale: u32,
    /// On the media time line, in ticks.
    pub presentation_time: u64,
    /// In ticks; `None` where not known.
    pub duration: Option<u32>,
    /// Messages of one scheme and value with one number are the same message.
    pub id: u32,
    /// URI of the scheme, for example `https://aomedia.org/emsg/ID3`. No NUL.
    pub scheme: &'a str,
    /// Which of the scheme's kinds; may be empty. No NUL.
    pub value: &'a str,
    /// What the scheme says.
    pub message: &'a [u8],
}

/// Writes `emsg` in version 1, whose time does not depend on the segment. It stands in front of `moof`.
///
/// # Errors
/// Misuse where a string holds NUL; limit where the message has 4 GiB.
pub fn event_message(event: &EventMessage<'_>) -> Result<Bytes> {
    if event.scheme.contains('\0') || event.value.contains('\0') {
        return Err(Error::misuse(Layer::Mp4, "NUL in emsg"));
    }
    to_u32(event.message.len(), "emsg message")?;
    let mut w = Writer::default();
    full_box(&mut w, b"emsg", 1, 0, |w| {
        w.u32(event.timescale);
        w.u64(event.presentation_time);
        w.u32(event.duration.unwrap_or(u32::MAX));
        w.u32(event.id);
        for text in [event.scheme, event.value] {
            w.bytes(text.as_bytes());
            w.u8(0);
        }
        w.bytes(event.message);
        Ok(())
    })?;
    Ok(w.freeze())
}
