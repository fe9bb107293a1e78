//! AAC: `AudioSpecificConfig` (ISO/IEC 14496-3 1.6.2.1) and ADTS.

use bytes::Bytes;

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
