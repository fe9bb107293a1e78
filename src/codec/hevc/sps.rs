//! HEVC sequence parameter set (H.265 7.3.2.2) as far as configuration and players need it.

use crate::codec::bits::BitReader;
use crate::codec::color::{ColorInfo, sample_aspect_ratio};
use crate::error::{Error, Layer, Result};

const SPS: &str = "H.265 7.3.2.2.1";
const PTL: &str = "H.265 7.3.3";

/// `profile_tier_level()` without the sub-layers (H.265 7.3.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProfileTierLevel {
    /// `general_profile_space`, 0 to 3; only 0 is defined.
    pub profile_space: u8,
    /// `general_tier_flag`: true is the high tier.
    pub high_tier: bool,
    /// `general_profile_idc`: 1 Main, 2 Main 10, 3 Main Still Picture, 4 range extensions.
    pub profile: u8,
    /// `general_profile_compatibility_flag[0]` in the highest bit.
    pub compatibility: u32,
    /// The 48 bits behind it: progressive, interlaced, packed and frame-only flags in the highest four.
    pub constraints: [u8; 6],
    /// `general_level_idc`: 30 times the level.
    pub level: u8,
}

impl ProfileTierLevel {
    /// Reads the general part and passes over the sub-layers.
    pub(super) fn read(bits: &mut BitReader<'_>, max_sub_layers_minus1: u8) -> Result<Self> {
        let profile_space = bits.u8(2, "general_profile_space")?;
        let high_tier = bits.flag("general_tier_flag")?;
        let profile = bits.u8(5, "general_profile_idc")?;
        let compatibility = bits.u32(32, "general_profile_compatibility_flag")?;
        let mut constraints = [0; 6];
        for byte in &mut constraints {
            *byte = bits.u8(8, "general_constraint_indicator_flags")?;
        }
        let level = bits.u8(8, "general_level_idc")?;
        let mut present = Vec::with_capacity(8);
        for _ in 0..max_sub_layers_minus1 {
            present.push((
                bits.flag("sub_layer_profile_present_flag")?,
                bits.flag("sub_layer_level_present_flag")?,
            ));
        }
        if max_sub_layers_minus1 > 0 {
            bits.skip(2 * (8 - u32::from(max_sub_layers_minus1)), "reserved_zero_2bits")?;
        }
        for (profile, level) in present {
            bits.skip(if profile { 88 } else { 0 }, "sub_layer_profile_idc")?;
            bits.skip(if level { 8 } else { 0 }, "sub_layer_level_idc")?;
        }
        Ok(Self { profile_space, high_tier, profile, compatibility, constraints, level })
    }
}

/// What of a sequence parameter set is needed outside a decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpsInfo {
    /// `sps_seq_parameter_set_id`, 0 to 15.
    pub id: u8,
    /// Profile, tier and level.
    pub profile_tier_level: ProfileTierLevel,
    /// Temporal sub-layers, 1 to 7.
    pub max_sub_layers: u8,
    /// `sps_temporal_id_nesting_flag`.
    pub temporal_id_nesting: bool,
    /// `chroma_format_idc`: 0 monochrome, 1 4:2:0, 2 4:2:2, 3 4:4:4.
    pub chroma_format: u8,
    /// Bits of a luma sample, 8 to 15.
    pub bit_depth_luma: u8,
    /// Bits of a chroma sample, 8 to 15.
    pub bit_depth_chroma: u8,
    /// Width in pixels inside the conformance window, 1 to 65535.
    pub width: u32,
    /// Height in pixels inside the conformance window, 1 to 65535.
    pub height: u32,
    /// `sps_max_num_reorder_pics` of the highest sub-layer: pictures that may precede one in decoding order and follow
    /// it in output order.
    pub max_num_reorder: Option<u8>,
    /// Sample (pixel) aspect ratio, width to height; `None` where not given.
    pub sample_aspect_ratio: Option<(u16, u16)>,
    /// Colour, where given.
    pub color: Option<ColorInfo>,
    /// Pictures a second as numerator and denominator, where given and not zero: a hint, never a clock.
    pub frame_rate: Option<(u32, u32)>,
    /// `min_spatial_segmentation_idc`, 0 to 4095; 0 where not given.
    pub min_spatial_segmentation: u16,
}

impl SpsInfo {
    /// Reads an SPS with its 2-byte NAL header, emulation prevention included.
    ///
    /// Everything up to the bit depths must be whole; what follows is kept as far as it can be read, since hardware
    /// encoders are known to cut it.
    ///
    /// # Errors
    /// Not an SPS of the base layer, a short or impossible field, a size of 0 or above 65535, a bit depth above 15
    /// (which `hvcC` cannot say).
    pub fn parse(nal: &[u8]) -> Result<Self> {
        if super::NalType::of(nal) != Some(super::NalType::SPS) || super::layer_id(nal) != Some(0) {
            return Err(Error::malformed(Layer::Codec, "nal_unit_type")
                .at(0)
                .clause("H.265 7.3.1.2"));
        }
        let mut bits = BitReader::escaped(nal, SPS);
        bits.skip(20, "sps_video_parameter_set_id")?;
        let max_sub_layers_minus1 = bits.u8(3, "sps_max_sub_layers_minus1")?;
        if max_sub_layers_minus1 > 6 {
            let found = u64::from(max_sub_layers_minus1);
            return Err(bits.malformed("sps_max_sub_layers_minus1").found(found));
        }
        let temporal_id_nesting = bits.flag("sps_temporal_id_nesting_flag")?;
        let profile_tier_level = ProfileTierLevel::read(&mut bits, max_sub_layers_minus1)
            .map_err(|error| error.clause(PTL))?;
        let id = u8_ue(&mut bits, 15, "sps_seq_parameter_set_id")?;
        let chroma_format = u8_ue(&mut bits, 3, "chroma_format_idc")?;
        let separate_planes = chroma_format == 3 && bits.flag("separate_colour_plane_flag")?;
        let (width, height) = size(&mut bits, chroma_format, separate_planes)?;
        let bit_depth_luma = 8 + u8_ue(&mut bits, 7, "bit_depth_luma_minus8")?;
        let bit_depth_chroma = 8 + u8_ue(&mut bits, 7, "bit_depth_chroma_minus8")?;
        let mut info = Self {
            id,
            profile_tier_level,
            max_sub_layers: max_sub_layers_minus1 + 1,
            temporal_id_nesting,
            chroma_format,
            bit_depth_luma,
            bit_depth_chroma,
            width,
            height,
            max_num_reorder: None,
            sample_aspect_ratio: None,
            color: None,
            frame_rate: None,
            min_spatial_segmentation: 0,
        };
        info.read_optional(&mut bits).ok();
        Ok(info)
    }

    fn read_optional(&mut self, bits: &mut BitReader<'_>) -> Result<()> {
        let poc_bits = bits.ue_max(12, "log2_max_pic_order_cnt_lsb_minus4")? + 4;
        let all = bits.flag("sps_sub_layer_ordering_info_present_flag")?;
        let mut reorder = 0;
        for _ in 0..if all { self.max_sub_layers } else { 1 } {
            bits.ue_max(15, "sps_max_dec_pic_buffering_minus1")?;
            reorder = u8_ue(bits, 15, "sps_max_num_reorder_pics")?;
            bits.ue("sps_max_latency_increase_plus1")?;
        }
        self.max_num_reorder = Some(reorder);
        for field in [
            "log2_min_luma_coding_block_size_minus3",
            "log2_diff_max_min_luma_coding_block_size",
            "log2_min_luma_transform_block_size_minus2",
            "log2_diff_max_min_luma_transform_block_size",
            "max_transform_hierarchy_depth_inter",
            "max_transform_hierarchy_depth_intra",
        ] {
            bits.ue(field)?;
        }
        if bits.flag("scaling_list_enabled_flag")?
            && bits.flag("sps_scaling_list_data_present_flag")?
        {
            skip_scaling_lists(bits)?;
        }
        bits.skip(2, "amp_enabled_flag")?;
        if bits.flag("pcm_enabled_flag")? {
            bits.skip(8, "pcm_sample_bit_depth")?;
            bits.ue("log2_min_pcm_luma_coding_block_size_minus3")?;
            bits.ue("log2_diff_max_min_pcm_luma_coding_block_size")?;
            bits.skip(1, "pcm_loop_filter_disabled_flag")?;
        }
        skip_short_term_sets(bits)?;
        if bits.flag("long_term_ref_pics_present_flag")? {
            for _ in 0..bits.ue_max(32, "num_long_term_ref_pics_sps")? {
                bits.skip(poc_bits + 1, "lt_ref_pic_poc_lsb_sps")?;
            }
        }
        bits.skip(2, "sps_temporal_mvp_enabled_flag")?;
        if bits.flag("vui_parameters_present_flag")? { self.read_vui(bits) } else { Ok(()) }
    }

    fn read_vui(&mut self, bits: &mut BitReader<'_>) -> Result<()> {
        if bits.flag("aspect_ratio_info_present_flag")? {
            let idc = bits.u8(8, "aspect_ratio_idc")?;
            self.sample_aspect_ratio = if idc == 255 {
                let ratio = (bits.u16(16, "sar_width")?, bits.u16(16, "sar_height")?);
                Some(ratio).filter(|&(width, height)| width > 0 && height > 0)
            } else {
                sample_aspect_ratio(idc)
            };
        }
        if bits.flag("overscan_info_present_flag")? {
            bits.skip(1, "overscan_appropriate_flag")?;
        }
        if bits.flag("video_signal_type_present_flag")? {
            bits.skip(3, "video_format")?;
            let full_range = bits.flag("video_full_range_flag")?;
            let mut color = ColorInfo { full_range, ..ColorInfo::UNSPECIFIED };
            if bits.flag("colour_description_present_flag")? {
                color.primaries = bits.u8(8, "colour_primaries")?;
                color.transfer = bits.u8(8, "transfer_characteristics")?;
                color.matrix = bits.u8(8, "matrix_coeffs")?;
            }
            self.color = Some(color);
        }
        if bits.flag("chroma_loc_info_present_flag")? {
            bits.ue("chroma_sample_loc_type_top_field")?;
            bits.ue("chroma_sample_loc_type_bottom_field")?;
        }
        bits.skip(3, "field_seq_flag")?;
        if bits.flag("default_display_window_flag")? {
            for _ in 0..4 {
                bits.ue("def_disp_win_offset")?;
            }
        }
        self.read_timing(bits)?;
        if bits.flag("bitstream_restriction_flag")? {
            bits.skip(3, "tiles_fixed_structure_flag")?;
            let found = bits.ue_max(4095, "min_spatial_segmentation_idc")?;
            self.min_spatial_segmentation = u16::try_from(found).unwrap_or(0);
        }
        Ok(())
    }

    fn read_timing(&mut self, bits: &mut BitReader<'_>) -> Result<()> {
        if !bits.flag("vui_timing_info_present_flag")? {
            return Ok(());
        }
        let units = bits.u32(32, "vui_num_units_in_tick")?;
        let scale = bits.u32(32, "vui_time_scale")?;
        self.frame_rate = Some((scale, units)).filter(|&(scale, units)| scale > 0 && units > 0);
        if bits.flag("vui_poc_proportional_to_timing_flag")? {
            bits.ue("vui_num_ticks_poc_diff_one_minus1")?;
        }
        if bits.flag("vui_hrd_parameters_present_flag")? {
            skip_hrd(bits, self.max_sub_layers)?;
        }
        Ok(())
    }
}

fn u8_ue(bits: &mut BitReader<'_>, max: u8, field: &'static str) -> Result<u8> {
    bits.ue_max(u32::from(max), field).map(|value| u8::try_from(value).unwrap_or(max))
}

/// Size inside the conformance window (H.265 7.4.3.2.1).
fn size(bits: &mut BitReader<'_>, chroma_format: u8, separate_planes: bool) -> Result<(u32, u32)> {
    let width = bits.ue("pic_width_in_luma_samples")?;
    let height = bits.ue("pic_height_in_luma_samples")?;
    let mut window = [0u32; 4];
    if bits.flag("conformance_window_flag")? {
        for offset in &mut window {
            *offset = bits.ue("conf_win_offset")?;
        }
    }
    let [left, right, top, bottom] = window.map(u64::from);
    let (unit_x, unit_y) = match chroma_format {
        _ if separate_planes => (1, 1),
        1 => (2, 2),
        2 => (2, 1),
        _ => (1, 1),
    };
    let inside = |size: u32, cut: u64, field| {
        let inside = u64::from(size).checked_sub(cut).filter(|size| (1..=65535).contains(size));
        let size = inside.and_then(|size| u32::try_from(size).ok());
        size.ok_or_else(|| bits.malformed(field))
    };
    Ok((
        inside(width, unit_x * (left + right), "pic_width_in_luma_samples")?,
        inside(height, unit_y * (top + bottom), "pic_height_in_luma_samples")?,
    ))
}

/// `scaling_list_data()` (H.265 7.3.4).
fn skip_scaling_lists(bits: &mut BitReader<'_>) -> Result<()> {
    for size_id in 0..4 {
        for _ in 0..if size_id == 3 { 2 } else { 6 } {
            if !bits.flag("scaling_list_pred_mode_flag")? {
                bits.ue("scaling_list_pred_matrix_id_delta")?;
                continue;
            }
            if size_id > 1 {
                bits.se("scaling_list_dc_coef_minus8")?;
            }
            for _ in 0..if size_id == 0 { 16 } else { 64 } {
                bits.se("scaling_list_delta_coef")?;
            }
        }
    }
    Ok(())
}

/// The `st_ref_pic_set()` of the SPS (H.265 7.3.7): their lengths depend on each other.
fn skip_short_term_sets(bits: &mut BitReader<'_>) -> Result<()> {
    let mut previous = 0u32;
    for index in 0..bits.ue_max(64, "num_short_term_ref_pic_sets")? {
        let predicted = index > 0 && bits.flag("inter_ref_pic_set_prediction_flag")?;
        if predicted {
            bits.skip(1, "delta_rps_sign")?;
            bits.ue("abs_delta_rps_minus1")?;
            let mut pictures = 0;
            for _ in 0..=previous {
                let used = bits.flag("used_by_curr_pic_flag")?;
                if used || bits.flag("use_delta_flag")? {
                    pictures += 1;
                }
            }
            previous = pictures;
        } else {
            let negative = bits.ue_max(16, "num_negative_pics")?;
            let positive = bits.ue_max(16, "num_positive_pics")?;
            for _ in 0..negative + positive {
                bits.ue("delta_poc_minus1")?;
                bits.skip(1, "used_by_curr_pic_flag")?;
            }
            previous = negative + positive;
        }
        if previous > 16 {
            return Err(bits.malformed("NumDeltaPocs").found(u64::from(previous)));
        }
    }
    Ok(())
}

/// `hrd_parameters( 1, maxNumSubLayersMinus1 )` (H.265 E.2.2).
fn skip_hrd(bits: &mut BitReader<'_>, max_sub_layers: u8) -> Result<()> {
    let nal = bits.flag("nal_hrd_parameters_present_flag")?;
    let vcl = bits.flag("vcl_hrd_parameters_present_flag")?;
    let mut sub_pic = false;
    if nal || vcl {
        sub_pic = bits.flag("sub_pic_hrd_params_present_flag")?;
        bits.skip(if sub_pic { 19 } else { 0 }, "tick_divisor_minus2")?;
        bits.skip(8, "bit_rate_scale")?;
        bits.skip(if sub_pic { 4 } else { 0 }, "cpb_size_du_scale")?;
        bits.skip(15, "initial_cpb_removal_delay_length_minus1")?;
    }
    for _ in 0..max_sub_layers {
        let general = bits.flag("fixed_pic_rate_general_flag")?;
        let within = general || bits.flag("fixed_pic_rate_within_cvs_flag")?;
        let mut low_delay = false;
        if within {
            bits.ue("elemental_duration_in_tc_minus1")?;
        } else {
            low_delay = bits.flag("low_delay_hrd_flag")?;
        }
        let count = if low_delay { 1 } else { bits.ue_max(31, "cpb_cnt_minus1")? + 1 };
        for _ in 0..count * (u32::from(nal) + u32::from(vcl)) {
            for _ in 0..if sub_pic { 4 } else { 2 } {
                bits.ue("bit_rate_value_minus1")?;
            }
            bits.skip(1, "cbr_flag")?;
        }
    }
    Ok(())
}
