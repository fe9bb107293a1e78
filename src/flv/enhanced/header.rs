//! The grammar that `ExVideoTagHeader` and `ExAudioTagHeader` share.

use bytes::Bytes;
use nom::bytes::complete::take;
use nom::combinator::map;
use nom::number::complete::{be_i24, be_u8, be_u16, be_u24};
use nom::{IResult, Parser};

use super::{CODED_FRAMES, METADATA};
use crate::error::{Error, Layer};

const MULTITRACK_OF_VIDEO: u8 = 6;
const MULTITRACK_OF_AUDIO: u8 = 5;
const MOD_EX: u8 = 7;
/// `frameType` of a command.
const COMMAND: u8 = 5;
/// `modExType` of an offset in nanoseconds.
const TIMESTAMP_OFFSET_NANO: u8 = 0;
const MAX_NANOSECONDS: u32 = 999_999;

/// Which of the two headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Media {
    Video,
    Audio,
}

impl Media {
    const fn clause(self) -> &'static str {
        match self {
            Self::Video => "Enhanced RTMP v2 ExVideoTagHeader",
            Self::Audio => "Enhanced RTMP v2 ExAudioTagHeader",
        }
    }

    const fn multitrack(self) -> u8 {
        match self {
            Self::Video => MULTITRACK_OF_VIDEO,
            Self::Audio => MULTITRACK_OF_AUDIO,
        }
    }

    /// Whether a composition time is in front of the payload.
    const fn is_timed(self, kind: u8, four_cc: [u8; 4]) -> bool {
        matches!(self, Self::Video)
            && kind == CODED_FRAMES
            && matches!(&four_cc, b"avc1" | b"hvc1" | b"vvc1")
    }
}

/// What holds for all packets of a body.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Head {
    /// The first byte.
    pub(super) flags: u8,
    pub(super) nanoseconds: u32,
}

/// One packet of one track.
#[derive(Clone, Debug)]
pub(super) struct Packet {
    pub(super) kind: u8,
    /// `None` is a command, which belongs to no codec.
    pub(super) four_cc: Option<[u8; 4]>,
    pub(super) track: u8,
    pub(super) composition_time: i32,
    pub(super) data: Bytes,
}

/// `multitrackType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tracks {
    One,
    Many,
    ManyCodecs,
}

/// Reads a body. What stands before an error is kept.
pub(super) fn packets(body: &Bytes, media: Media) -> (Head, Vec<Packet>, Option<Error>) {
    let (mut head, mut packets) = (Head::default(), Vec::new());
    let result = read(body, media, &mut head, &mut packets);
    let error = result.err().map(|()| {
        let field = match media {
            Media::Video => "extended video tag header",
            Media::Audio => "extended audio tag header",
        };
        Error::malformed(Layer::Flv, field).clause(media.clause())
    });
    (head, packets, error)
}

type Fallible<T> = Result<T, ()>;

/// Runs a grammar; what it does not like is the only kind of error.
fn run<'a, T>(
    mut grammar: impl Parser<&'a [u8], Output = T, Error = nom::error::Error<&'a [u8]>>,
    input: &mut &'a [u8],
) -> Fallible<T> {
    let (rest, value) = grammar.parse(input).map_err(|_| ())?;
    *input = rest;
    Ok(value)
}

fn read(body: &Bytes, media: Media, head: &mut Head, packets: &mut Vec<Packet>) -> Fallible<()> {
    let mut rest = body.as_ref();
    head.flags = run(be_u8, &mut rest)?;
    let mut kind = head.flags & 15;
    // Each round takes 3 bytes at least.
    while kind == MOD_EX {
        let (data, (modifier, next)) = run((mod_ex_data, nibbles), &mut rest)?;
        if let (TIMESTAMP_OFFSET_NANO, &[a, b, c, ..]) = (modifier, data) {
            head.nanoseconds = u32::from_be_bytes([0, a, b, c]).min(MAX_NANOSECONDS);
        }
        kind = next;
    }
    if media == Media::Video && head.flags >> 4 & 7 == COMMAND && kind != METADATA {
        let (track, composition_time, data) = (0, 0, body.slice_ref(rest));
        packets.push(Packet { kind, four_cc: None, track, composition_time, data });
        return Ok(());
    }
    if kind != media.multitrack() {
        let four_cc = run(four_cc, &mut rest)?;
        packets.push(packet(body, rest, media, (kind, four_cc, 0))?);
        return Ok(());
    }
    let (tracks, kind) = run(nibbles, &mut rest)?;
    let tracks = match tracks {
        0 => Tracks::One,
        1 => Tracks::Many,
        2 => Tracks::ManyCodecs,
        _ => return Err(()),
    };
    if kind == media.multitrack() || kind == MOD_EX {
        return Err(());
    }
    read_tracks(body, rest, media, tracks, kind, packets)
}

fn read_tracks(
    body: &Bytes,
    mut rest: &[u8],
    media: Media,
    tracks: Tracks,
    kind: u8,
    packets: &mut Vec<Packet>,
) -> Fallible<()> {
    let mut id = if tracks == Tracks::ManyCodecs { *b"    " } else { run(four_cc, &mut rest)? };
    loop {
        if tracks == Tracks::ManyCodecs {
            id = run(four_cc, &mut rest)?;
        }
        let track = run(be_u8, &mut rest)?;
        if tracks == Tracks::One {
            packets.push(packet(body, rest, media, (kind, id, track))?);
            return Ok(());
        }
        let data = run(sized, &mut rest)?;
        packets.push(packet(body, data, media, (kind, id, track))?);
        // 256 tracks can be told apart.
        if rest.is_empty() || packets.len() > usize::from(u8::MAX) {
            return Ok(());
        }
    }
}

fn packet(
    body: &Bytes,
    mut data: &[u8],
    media: Media,
    (kind, id, track): (u8, [u8; 4], u8),
) -> Fallible<Packet> {
    let composition_time = if media.is_timed(kind, id) { run(be_i24, &mut data)? } else { 0 };
    let data = body.slice_ref(data);
    Ok(Packet { kind, four_cc: Some(id), track, composition_time, data })
}

/// `modExDataSize` and as many bytes.
fn mod_ex_data(input: &[u8]) -> IResult<&[u8], &[u8]> {
    let (rest, size) = be_u8(input)?;
    let (rest, size) = match size {
        u8::MAX => map(be_u16, usize::from).parse(rest)?,
        size => (rest, usize::from(size)),
    };
    take(size + 1)(rest)
}

/// A track's payload behind its length.
fn sized(input: &[u8]) -> IResult<&[u8], &[u8]> {
    let (rest, size) = be_u24(input)?;
    take(size)(rest)
}

fn nibbles(input: &[u8]) -> IResult<&[u8], (u8, u8)> {
    map(be_u8, |byte| (byte >> 4, byte & 15)).parse(input)
}

fn four_cc(input: &[u8]) -> IResult<&[u8], [u8; 4]> {
    map(take(4_usize), |bytes: &[u8]| bytes.first_chunk().copied().unwrap_or_default()).parse(input)
}
