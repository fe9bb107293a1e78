//! H.264: `AVCDecoderConfigurationRecord`, NAL units, parameter sets.

use bytes::Bytes;

/// Decoder configuration of an H.264 track.
///
/// Two configurations are equal when their parameter sets are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AvcConfig {
    pub(crate) record: Bytes,
    pub(crate) sps: Vec<Bytes>,
    pub(crate) pps: Vec<Bytes>,
    pub(crate) info: SpsInfo,
}

/// What of the first sequence parameter set is needed outside a decoder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpsInfo {
    /// `profile_idc`.
    pub profile: u8,
    /// The byte of `constraint_set` flags.
    pub constraints: u8,
    /// `level_idc`.
    pub level: u8,
    /// Coded width in pixels, cropped.
    pub width: u32,
    /// Coded height in pixels, cropped.
    pub height: u32,
    /// Sample (pixel) aspect ratio, width to height; `None` where not given.
    pub sample_aspect_ratio: Option<(u16, u16)>,
    /// Frame rate as numerator and denominator, where the timing information is given: a hint, never a clock.
    pub frame_rate: Option<(u32, u32)>,
}

impl AvcConfig {
    /// The `avcC` box's content (ISO/IEC 14496-15 5.3.3.1), rewritten with 4-byte NAL lengths.
    #[must_use]
    pub const fn record(&self) -> &Bytes {
        &self.record
    }

    /// Sequence parameter sets, NAL header included.
    #[must_use]
    pub fn sps(&self) -> &[Bytes] {
        &self.sps
    }

    /// Picture parameter sets, NAL header included.
    #[must_use]
    pub fn pps(&self) -> &[Bytes] {
        &self.pps
    }

    /// Size, profile and timing from the first sequence parameter set.
    #[must_use]
    pub const fn info(&self) -> &SpsInfo {
        &self.info
    }

    /// RFC 6381: `avc1.` and profile, constraints and level of the SPS in hexadecimal.
    #[must_use]
    pub fn codec_string(&self) -> String {
        let SpsInfo { profile, constraints, level, .. } = self.info;
        format!("avc1.{profile:02x}{constraints:02x}{level:02x}")
    }
}
