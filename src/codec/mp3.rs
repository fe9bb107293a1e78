//! MP3 and its siblings: frame headers (ISO/IEC 11172-3 2.4.1.3, 13818-3 2.4.2.3), several frames in one message.

use crate::error::{Error, Layer, Result};

const CLAUSE: &str = "ISO/IEC 11172-3 2.4.1.3";

/// Kilobits a second by bitrate index, for MPEG-1 layers 1, 2, 3, then MPEG-2 layer 1 and layers 2 and 3; 0 is free
/// format.
const BITRATES: [[u16; 15]; 5] = [
    [0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
    [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
    [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
    [0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
    [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
];

/// Generation of the format, which sets rates and frame lengths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MpegVersion {
    /// MPEG-1: 32, 44.1 and 48 kHz.
    V1,
    /// MPEG-2: 16, 22.05 and 24 kHz.
    V2,
    /// MPEG-2.5, not standardized: 8, 11.025 and 12 kHz.
    V25,
}

/// Header of one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FrameHeader {
    /// Generation.
    pub version: MpegVersion,
    /// Layer, 1 to 3.
    pub layer: u8,
    /// Kilobits a second, 0 free format.
    pub bitrate: u16,
    /// Hz, 8000 to 48000.
    pub sample_rate: u32,
    /// 1 or 2.
    pub channels: u8,
    /// Samples a channel: 384, 576 or 1152.
    pub samples: u32,
    /// Bytes with the header, 24 to 2881; `None` in free format.
    pub bytes: Option<usize>,
}

impl FrameHeader {
    /// Reads the 4 bytes of a header.
    ///
    /// # Errors
    /// A short header, no sync word, a reserved version, layer, bitrate or rate.
    pub fn parse(data: &[u8]) -> Result<Self> {
        let error = |field, at| Error::malformed(Layer::Codec, field).at(at).clause(CLAUSE);
        let Some((&[sync, kind, rates, mode], _)) = data.split_first_chunk::<4>() else {
            return Err(error("header", data.len() as u64));
        };
        if sync != 0xff || kind & 0xe0 != 0xe0 {
            return Err(error("syncword", 0));
        }
        let version = match kind >> 3 & 3 {
            0 => MpegVersion::V25,
            2 => MpegVersion::V2,
            3 => MpegVersion::V1,
            _ => return Err(error("ID", 1)),
        };
        let layer = 4 - (kind >> 1 & 3);
        if layer == 4 {
            return Err(error("layer", 1));
        }
        let table = match (version, layer) {
            (MpegVersion::V1, layer) => usize::from(layer - 1),
            (_, 1) => 3,
            _ => 4,
        };
        let bitrate = BITRATES.get(table).and_then(|row| row.get(usize::from(rates >> 4)));
        let bitrate = *bitrate.ok_or(error("bitrate_index", 2).found(15))?;
        let rate = [44_100, 48_000, 32_000].get(usize::from(rates >> 2 & 3));
        let rate: u32 = *rate.ok_or(error("sampling_frequency", 2).found(3))?;
        let sample_rate = rate
            >> match version {
                MpegVersion::V1 => 0,
                MpegVersion::V2 => 1,
                MpegVersion::V25 => 2,
            };
        let samples = match (layer, version) {
            (1, _) => 384,
            (2, _) | (_, MpegVersion::V1) => 1152,
            _ => 576,
        };
        let padding = usize::from(rates >> 1 & 1);
        let bytes = frame_bytes(layer, samples, bitrate, sample_rate, padding);
        let channels = if mode >> 6 == 3 { 1 } else { 2 };
        Ok(Self { version, layer, bitrate, sample_rate, channels, samples, bytes })
    }
}

fn frame_bytes(layer: u8, samples: u32, kbps: u16, rate: u32, padding: usize) -> Option<usize> {
    let slot = if layer == 1 { 4 } else { 1 };
    let slots = samples / 8 * u32::from(kbps) * 1000 / rate / slot;
    let slots = usize::try_from(slots).ok().filter(|&slots| slots > 0)?;
    usize::try_from(slot).ok().map(|slot| (slots + padding) * slot)
}

/// Decoder configuration of an MP3 track, which is all in the frame headers. Equal when version, layer, rate and channels
/// are: the bitrate may change from frame to frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mp3Config {
    version: MpegVersion,
    layer: u8,
    sample_rate: u32,
    channels: u8,
    frame_samples: u32,
}

impl Mp3Config {
    /// Takes the configuration from the first frame of a message. There is no sequence header: Enhanced RTMP's is empty,
    /// and the flags of the FLV tag cannot say 32 and 48 kHz.
    ///
    /// # Errors
    /// As [`FrameHeader::parse`].
    pub fn from_frame(data: &[u8]) -> Result<Self> {
        let FrameHeader { version, layer, sample_rate, channels, samples, .. } =
            FrameHeader::parse(data)?;
        Ok(Self { version, layer, sample_rate, channels, frame_samples: samples })
    }

    /// Generation of the format.
    #[must_use]
    pub const fn version(&self) -> MpegVersion {
        self.version
    }

    /// Layer, 1 to 3: MP3 is 3.
    #[must_use]
    pub const fn layer(&self) -> u8 {
        self.layer
    }

    /// Rate in Hz, 8000 to 48000: the timescale of the MP4 track.
    #[must_use]
    pub const fn sample_rate(&self) -> u32 {
        self.sample_rate
    }

    /// 1 or 2.
    #[must_use]
    pub const fn channels(&self) -> u16 {
        self.channels as u16
    }

    /// Samples of one frame: 384, 576 or 1152.
    #[must_use]
    pub const fn frame_samples(&self) -> u32 {
        self.frame_samples
    }

    /// `objectTypeIndication` of the `esds` box (ISO/IEC 14496-1 table 5): 0x6b for MPEG-1, 0x69 for MPEG-2 and 2.5.
    /// The box has no decoder specific information.
    #[must_use]
    pub const fn object_type_indication(&self) -> u8 {
        match self.version {
            MpegVersion::V1 => 0x6b,
            MpegVersion::V2 | MpegVersion::V25 => 0x69,
        }
    }

    /// RFC 6381: `mp4a.40.34` for layer 3, the form that players know. Few browsers play it in fragmented MP4.
    #[must_use]
    pub fn codec_string(&self) -> String {
        format!("mp4a.40.{}", 31 + self.layer)
    }
}

/// Walks the frames of a message, which mostly holds one. Each item is a header with the bytes of its frame. The walk
/// ends at the first thing that is no header; a last frame that is cut off is given as it is, and one of free format
/// reaches to the end.
pub fn frames(data: &[u8]) -> impl Iterator<Item = (FrameHeader, &[u8])> {
    let mut rest = data;
    std::iter::from_fn(move || {
        let header = FrameHeader::parse(rest).ok()?;
        let bytes = header.bytes.unwrap_or(rest.len()).min(rest.len());
        let (frame, behind) = rest.split_at_checked(bytes)?;
        rest = behind;
        Some((header, frame))
    })
}

#[cfg(test)]
mod tests;
