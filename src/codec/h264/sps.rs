//! Sequence parameter sets through `h264-reader`, guarded and lenient (H.264 7.3.2.1.1, Annex E).

use h264_reader::nal::sps::{
    ChromaFormat, FrameMbsFlags, PicOrderCntType, SeqParameterSet, VideoSignalType,
};
use h264_reader::rbsp::{BitRead, BitReader, BitReaderError, ByteReader, Integer, Primitive};

use super::nal::{NalType, without_trailing_zeros};
use crate::codec::color::ColorInfo;
use crate::error::{Error, Layer, Result};

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
    /// `seq_parameter_set_id`, 0 to 31.
    pub id: u8,
    /// `chroma_format_idc`, 0 to 3; 1 is 4:2:0.
    pub chroma_format: u8,
    /// Bits of a luma sample, 8 to 14.
    pub bit_depth_luma: u8,
    /// Bits of a chroma sample, 8 to 14.
    pub bit_depth_chroma: u8,
    /// Coded width in pixels, cropped.
    pub width: u32,
    /// Coded height in pixels, cropped.
    pub height: u32,
    /// Whether pictures may be fields (`frame_mbs_only_flag` is 0).
    pub interlaced: bool,
    /// Bits of `frame_num` in a slice header, 4 to 16.
    pub frame_num_bits: u8,
    /// Whether the three colours are coded apart (`separate_colour_plane_flag`).
    pub separate_planes: bool,
    /// Sample (pixel) aspect ratio, width to height; `None` where not given.
    pub sample_aspect_ratio: Option<(u16, u16)>,
    /// Frame rate as numerator and denominator, where the timing information is given: a hint, never a clock.
    pub frame_rate: Option<(u32, u32)>,
    /// Pictures that may precede one in decoding order and follow it in output order (H.264 E.2.1), 0 to 16.
    pub reorder_frames: u8,
    /// Colour of the pictures, where the VUI has a video signal type (H.264 E.2.1).
    pub color: Option<ColorInfo>,
}

impl SpsInfo {
    /// Reads a sequence parameter set: a whole NAL unit with its header, emulation prevention bytes included.
    ///
    /// Only what stands before the VUI must be right. A VUI that is truncated or wrong is read up to the fault, and
    /// bytes behind the set are ignored: hardware encoders write both. The level is not held against the size.
    ///
    /// # Errors
    ///
    /// Malformed where the NAL unit is no SPS, ends too early, or has a size of zero or past 32 bits.
    pub fn parse(nal: &[u8]) -> Result<Self> {
        let error = Error::malformed(Layer::Codec, "SPS").clause("H.264 7.3.2.1.1");
        let nal = without_trailing_zeros(nal);
        let (true, Some(&[_, profile, constraints, level])) =
            (NalType::of(nal) == Some(NalType::SPS), nal.first_chunk())
        else {
            return Err(error);
        };
        let sps = read_leniently(nal).ok_or(error)?;
        let (width, height) = sps.pixel_dimensions().map_err(|_| error)?;
        if width == 0 || height == 0 {
            return Err(error);
        }
        let vui = sps.vui_parameters.as_ref();
        let timing = vui.and_then(|vui| vui.timing_info.as_ref());
        Ok(Self {
            profile,
            constraints,
            level,
            id: sps.id().id(),
            chroma_format: match sps.chroma_info.chroma_format {
                ChromaFormat::Monochrome => 0,
                ChromaFormat::YUV422 => 2,
                ChromaFormat::YUV444 => 3,
                _ => 1,
            },
            bit_depth_luma: sps.chroma_info.bit_depth_luma_minus8.saturating_add(8),
            bit_depth_chroma: sps.chroma_info.bit_depth_chroma_minus8.saturating_add(8),
            width,
            height,
            interlaced: sps.frame_mbs_flags != FrameMbsFlags::Frames,
            frame_num_bits: sps.log2_max_frame_num_minus4.saturating_add(4),
            separate_planes: sps.chroma_info.separate_colour_plane_flag,
            sample_aspect_ratio: vui
                .and_then(|vui| vui.aspect_ratio_info.as_ref())
                .and_then(h264_reader::nal::sps::AspectRatioInfo::get),
            frame_rate: timing.and_then(|t| frame_rate(t.time_scale, t.num_units_in_tick)),
            reorder_frames: reorder_frames(&sps, constraints, level),
            color: vui.and_then(|vui| vui.video_signal_type.as_ref()).map(color),
        })
    }
}

/// The range alone may be given, without the code points.
fn color(signal: &VideoSignalType) -> ColorInfo {
    let told = signal.colour_description.as_ref();
    let points = told.map_or((2, 2, 2), |told| {
        (told.colour_primaries, told.transfer_characteristics, told.matrix_coefficients)
    });
    ColorInfo {
        primaries: points.0,
        transfer: points.1,
        matrix: points.2,
        full_range: signal.video_full_range_flag,
    }
}

/// Two ticks a frame (H.264 E.2.1); `None` for zero and for what no camera does.
fn frame_rate(time_scale: u32, units: u32) -> Option<(u32, u32)> {
    let denominator = units.checked_mul(2)?;
    let sane =
        units > 0 && time_scale > 0 && u64::from(time_scale) <= 1000 * u64::from(denominator);
    sane.then_some((time_scale, denominator))
}

/// `max_num_reorder_frames`, or what may be inferred where it is not given (H.264 E.2.1).
fn reorder_frames(sps: &SeqParameterSet, constraints: u8, level: u8) -> u8 {
    let restrictions = sps.vui_parameters.as_ref().and_then(|v| v.bitstream_restrictions.as_ref());
    if let Some(restrictions) = restrictions {
        return u8::try_from(restrictions.max_num_reorder_frames).unwrap_or(16).min(16);
    }
    let profile = u8::from(sps.profile_idc);
    let intra = constraints & 0x10 != 0 && matches!(profile, 44 | 86 | 100 | 110 | 122 | 244);
    if profile == 66 || intra || matches!(sps.pic_order_cnt, PicOrderCntType::TypeTwo) {
        return 0;
    }
    // MaxDpbMbs of Table A-1.
    let max_dpb_mbs: u32 = match level {
        0..=10 => 396,
        11 if constraints & 0x10 != 0 => 396,
        11 => 900,
        12 | 13 | 20 => 2376,
        21 => 4752,
        22 | 30 => 8100,
        31 => 18_000,
        32 => 20_480,
        40 | 41 => 32_768,
        42 => 34_816,
        50 => 110_400,
        51 | 52 => 184_320,
        _ => 696_320,
    };
    let fields = if sps.frame_mbs_flags == FrameMbsFlags::Frames { 1 } else { 2 };
    let frame_mbs = sps.pic_size_in_map_units().saturating_mul(fields).max(1);
    u8::try_from((max_dpb_mbs / frame_mbs).min(16)).unwrap_or(16)
}

/// Parses with the VUI as it is, then, where that fails, with the VUI cut before the group that failed.
fn read_leniently(nal: &[u8]) -> Option<SeqParameterSet> {
    // The size is checked against the level there, and real encoders understate it: the highest level lets all pass.
    let mut copy = nal.to_vec();
    *copy.get_mut(3)? = 62;
    let mut groups = 0;
    let strict = LenientVui::new(&copy, usize::MAX, &mut groups);
    if let Ok(sps) = SeqParameterSet::from_bits(strict) {
        return Some(sps);
    }
    while groups > 0 {
        let good = groups - 1;
        if let Ok(sps) = SeqParameterSet::from_bits(LenientVui::new(&copy, good, &mut groups)) {
            return Some(sps);
        }
        groups = good;
    }
    None
}

/// Reads bits as they are up to the VUI. In it only the first `keep` groups (those that a flag announces) are read;
/// every flag after them is taken as 0, and so is every flag past the end.
struct LenientVui<'a> {
    inner: BitReader<ByteReader<&'a [u8]>>,
    in_vui: bool,
    keep: usize,
    groups: &'a mut usize,
}

impl<'a> LenientVui<'a> {
    fn new(nal: &'a [u8], keep: usize, groups: &'a mut usize) -> Self {
        *groups = 0;
        let inner = BitReader::new(ByteReader::skipping_h264_header(nal));
        Self { inner, in_vui: false, keep, groups }
    }
}

impl BitRead for LenientVui<'_> {
    fn read_ue(&mut self, name: &'static str) -> std::result::Result<u32, BitReaderError> {
        self.inner.read_ue(name)
    }

    fn read_se(&mut self, name: &'static str) -> std::result::Result<i32, BitReaderError> {
        self.inner.read_se(name)
    }

    fn read_bit(&mut self, name: &'static str) -> std::result::Result<bool, BitReaderError> {
        if name == "vui_parameters_present_flag" {
            self.in_vui = true;
        } else if !self.in_vui {
            return self.inner.read_bit(name);
        }
        if *self.groups > self.keep {
            return Ok(false);
        }
        let bit = self.inner.read_bit(name).unwrap_or(false);
        let announces = name.ends_with("_present_flag") || name == "bitstream_restriction_flag";
        if bit && announces {
            *self.groups += 1;
            if *self.groups > self.keep {
                return Ok(false);
            }
        }
        Ok(bit)
    }

    fn read<const BITS: u32, I: Integer>(
        &mut self,
        name: &'static str,
    ) -> std::result::Result<I, BitReaderError> {
        self.inner.read::<BITS, I>(name)
    }

    fn read_var<I: Integer>(
        &mut self,
        bit_count: u32,
        name: &'static str,
    ) -> std::result::Result<I, BitReaderError> {
        self.inner.read_var(bit_count, name)
    }

    fn read_to<V: Primitive>(
        &mut self,
        name: &'static str,
    ) -> std::result::Result<V, BitReaderError> {
        self.inner.read_to(name)
    }

    fn skip(
        &mut self,
        bit_count: u32,
        name: &'static str,
    ) -> std::result::Result<(), BitReaderError> {
        self.inner.skip(bit_count, name)
    }

    fn byte_aligned(&self) -> bool {
        self.inner.byte_aligned()
    }

    fn has_more_rbsp_data(
        &mut self,
        name: &'static str,
    ) -> std::result::Result<bool, BitReaderError> {
        self.inner.has_more_rbsp_data(name)
    }

    /// Bytes behind the set are nobody's business: some encoders pad with them.
    fn finish_rbsp(self) -> std::result::Result<(), BitReaderError> {
        Ok(())
    }

    fn finish_sei_payload(self) -> std::result::Result<(), BitReaderError> {
        Ok(())
    }
}

/// `pic_parameter_set_id` (0 to 255) of a picture parameter set, a whole NAL unit with its header.
pub(super) fn pps_id(nal: &[u8]) -> Result<u8> {
    pps_ids(nal).map(|(id, _)| id)
}

/// `seq_parameter_set_id` of a picture parameter set.
pub(super) fn sps_id_of_pps(nal: &[u8]) -> Result<u8> {
    let (_, sps_id) = pps_ids(nal)?;
    sps_id.ok_or(Error::malformed(Layer::Codec, "seq_parameter_set_id").clause("H.264 7.3.2.2"))
}

fn pps_ids(nal: &[u8]) -> Result<(u8, Option<u8>)> {
    let error = Error::malformed(Layer::Codec, "PPS").clause("H.264 7.3.2.2");
    if nal.len() < 2 || NalType::of(nal) != Some(NalType::PPS) {
        return Err(error);
    }
    let mut bits = BitReader::new(ByteReader::skipping_h264_header(nal));
    let id = bits.read_ue("pic_parameter_set_id").map_err(|_| error)?;
    let id = u8::try_from(id).map_err(|_| error.found(id.into()))?;
    let sps_id = bits.read_ue("seq_parameter_set_id").ok().and_then(|id| u8::try_from(id).ok());
    Ok((id, sps_id))
}
