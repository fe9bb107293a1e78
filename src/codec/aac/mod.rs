//! AAC: `AudioSpecificConfig` (ISO/IEC 14496-3 1.6.2.1) and ADTS (ISO/IEC 14496-3 1.A.3).

pub mod adts;
mod asc;
#[cfg(test)]
mod tests;

use bytes::Bytes;

use crate::error::Result;

/// Decoder configuration of an AAC track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AacConfig {
    pub(crate) asc: Bytes,
    pub(crate) object_type: u8,
    pub(crate) sample_rate: u32,
    pub(crate) output_sample_rate: u32,
    pub(crate) channels: u16,
    pub(crate) frame_samples: u32,
}

impl AacConfig {
    /// Reads an `AudioSpecificConfig`: escaped object types, explicit rates, SBR and PS signalled explicitly or by the
    /// backward-compatible extension, and channels from a program config element. Bytes behind it are kept in
    /// [`asc`](Self::asc) where they belong to it, and cut off where they do not.
    ///
    /// # Errors
    ///
    /// Malformed where it is cut short (a single byte is), or uses a reserved rate index or channel configuration;
    /// unsupported for object types that are no AAC.
    pub fn parse(asc: &[u8]) -> Result<Self> {
        asc::parse(asc)
    }

    /// Makes the configuration of plain AAC, with the shortest `AudioSpecificConfig`. `object_type` is 1 to 4,
    /// `sample_rate` in Hz below 2^24, `channel_configuration` 1 to 7, 11, 12 or 14 (ISO/IEC 14496-3 Table 1.19).
    ///
    /// # Errors
    ///
    /// Malformed for values outside these ranges.
    pub fn new(object_type: u8, sample_rate: u32, channel_configuration: u8) -> Result<Self> {
        asc::parse(&asc::write(object_type, sample_rate, channel_configuration))
    }

    /// Whether both mean the same to a decoder and an MP4 track, however they are written.
    #[must_use]
    pub fn means_the_same(&self, other: &Self) -> bool {
        let meaning = |config: &Self| {
            let Self {
                asc: _,
                object_type,
                sample_rate,
                output_sample_rate,
                channels,
                frame_samples,
            } = *config;
            (object_type, sample_rate, output_sample_rate, channels, frame_samples)
        };
        meaning(self) == meaning(other)
    }

    /// The `AudioSpecificConfig` as it goes into `esds`.
    #[must_use]
    pub const fn asc(&self) -> &Bytes {
        &self.asc
    }

    /// Audio object type as signalled: 2 is LC, 5 HE-AAC, 29 HE-AAC v2.
    #[must_use]
    pub const fn object_type(&self) -> u8 {
        self.object_type
    }

    /// Sampling rate of the core coder in Hz: the timescale of the MP4 track.
    #[must_use]
    pub const fn sample_rate(&self) -> u32 {
        self.sample_rate
    }

    /// Sampling rate of the decoded sound in Hz: twice the core rate with SBR.
    #[must_use]
    pub const fn output_sample_rate(&self) -> u32 {
        self.output_sample_rate
    }

    /// Number of channels.
    #[must_use]
    pub const fn channels(&self) -> u16 {
        self.channels
    }

    /// Samples of one frame at the core rate: 1024 or 960; 512 or 480 for the low-delay types.
    #[must_use]
    pub const fn frame_samples(&self) -> u32 {
        self.frame_samples
    }

    /// RFC 6381: `mp4a.40.` and the object type.
    #[must_use]
    pub fn codec_string(&self) -> String {
        format!("mp4a.40.{}", self.object_type)
    }
}
