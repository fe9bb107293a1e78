//! Bodies with an extended header.

use bytes::Bytes;

use super::{CODED_FRAMES, CODED_FRAMES_X, METADATA, MULTICHANNEL_CONFIG};
use super::{SEQUENCE_END, SEQUENCE_START};
use crate::buf::{Chain, Writer};
use crate::error::{Error, Layer, Result};
use crate::flv::body::PacketType;

const SIZE: &str = "Enhanced RTMP v2 sizeOfVideoTrack";

/// Writes bodies with an extended header of Enhanced RTMP v2.
///
/// A packet of track 0 is written plain, of another track as multitrack with one track: what every reader of
/// multitrack understands.
#[derive(Clone, Copy, Debug)]
pub struct ExHeader {
    flags: u8,
    video: bool,
    kind: u8,
    nanoseconds: u32,
}

impl ExHeader {
    /// Of a video body. `key` says that the packet is one of a key frame; metadata is sent as a command, which is what all
    /// readers take.
    ///
    /// # Errors
    ///
    /// Misuse for a packet that video has not.
    pub fn video(packet: PacketType, key: bool) -> Result<Self> {
        let kind = match packet {
            PacketType::SequenceHeader => SEQUENCE_START,
            PacketType::Frames => CODED_FRAMES,
            PacketType::EndOfSequence => SEQUENCE_END,
            PacketType::Metadata => METADATA,
            PacketType::Other(5) => 5,
            _ => return Err(Error::misuse(Layer::Flv, "packet type of a video body")),
        };
        let frame_type = match kind {
            METADATA => 5,
            _ if key => 1,
            _ => 2,
        };
        Ok(Self { flags: 0x80 | frame_type << 4, video: true, kind, nanoseconds: 0 })
    }

    /// Of an audio body.
    ///
    /// # Errors
    ///
    /// Misuse for a packet that audio has not.
    pub fn audio(packet: PacketType) -> Result<Self> {
        let kind = match packet {
            PacketType::SequenceHeader => SEQUENCE_START,
            PacketType::Frames => CODED_FRAMES,
            PacketType::EndOfSequence => SEQUENCE_END,
            PacketType::MultichannelConfig => MULTICHANNEL_CONFIG,
            _ => return Err(Error::misuse(Layer::Flv, "packet type of an audio body")),
        };
        Ok(Self { flags: 0x90, video: false, kind, nanoseconds: 0 })
    }

    /// The same with nanoseconds to be added to the presentation time, at most 999999.
    #[must_use]
    pub fn with_nanoseconds(self, nanoseconds: u32) -> Self {
        Self { nanoseconds: nanoseconds.min(999_999), ..self }
    }

    /// One packet of `track`. `composition_time` is in milliseconds, of 24 bits; it is left out where the codec has none,
    /// and where it is zero (`CodedFramesX`).
    #[must_use]
    pub fn packet(&self, four_cc: [u8; 4], track: u8, composition_time: i32, data: Bytes) -> Chain {
        let timed = self.is_timed(four_cc);
        let kind = if timed && composition_time == 0 { CODED_FRAMES_X } else { self.kind };
        let mut head = Writer::with_capacity(20);
        if track == 0 {
            self.start(&mut head, kind);
            head.bytes(&four_cc);
        } else {
            self.start(&mut head, self.multitrack());
            head.u8(kind);
            head.bytes(&four_cc);
            head.u8(track);
        }
        if timed && composition_time != 0 {
            put_i24(&mut head, composition_time);
        }
        let mut chain = Chain::default();
        chain.push(head.freeze());
        chain.push(data);
        chain
    }

    /// Packets of several tracks in one body: track number, FourCC, composition time, payload. All of one codec are written
    /// as `ManyTracks`.
    ///
    /// # Errors
    ///
    /// Misuse without a track; limit where a payload is 2^24 bytes or more.
    pub fn tracks(&self, tracks: &[(u8, [u8; 4], i32, Bytes)]) -> Result<Chain> {
        let Some((_, first, ..)) = tracks.first() else {
            return Err(Error::misuse(Layer::Flv, "multitrack without a track"));
        };
        let one_codec = tracks.iter().all(|(_, id, ..)| id == first);
        let mut head = Writer::with_capacity(32);
        self.start(&mut head, self.multitrack());
        head.u8(if one_codec { 1 << 4 } else { 2 << 4 } | self.kind);
        if one_codec {
            head.bytes(first);
        }
        let mut chain = Chain::default();
        for (track, id, composition_time, data) in tracks {
            if !one_codec {
                head.bytes(id);
            }
            let timed = self.is_timed(*id);
            let size = u32::try_from(data.len()).unwrap_or(u32::MAX);
            let size = size.saturating_add(if timed { 3 } else { 0 });
            if size >= 1 << 24 {
                let error = Error::limit(Layer::Flv, "size of a track");
                return Err(error.found(size.into()).clause(SIZE));
            }
            head.u8(*track);
            head.u24(size);
            if timed {
                put_i24(&mut head, *composition_time);
            }
            chain.push(std::mem::take(&mut head).freeze());
            chain.push(data.clone());
        }
        Ok(chain)
    }

    fn is_timed(&self, four_cc: [u8; 4]) -> bool {
        self.video && self.kind == CODED_FRAMES && matches!(&four_cc, b"avc1" | b"hvc1" | b"vvc1")
    }

    const fn multitrack(&self) -> u8 {
        if self.video { 6 } else { 5 }
    }

    /// The first byte, and `ModEx` where there is an offset.
    fn start(&self, head: &mut Writer, kind: u8) {
        if self.nanoseconds == 0 {
            return head.u8(self.flags | kind);
        }
        head.u8(self.flags | 7);
        head.u8(2);
        head.u24(self.nanoseconds);
        head.u8(kind);
    }
}

fn put_i24(writer: &mut Writer, value: i32) {
    let [_, bytes @ ..] = value.to_be_bytes();
    writer.bytes(&bytes);
}
