//! AV1 sequence header (AV1 5.5).

use crate::codec::bits::BitReader;
use crate::codec::color::ColorInfo;
use crate::error::Result;

/// What of a sequence header is needed outside a decoder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SequenceHeader {
    /// `seq_profile`: 0 Main, 1 High, 2 Professional.
    pub profile: u8,
    /// `still_picture`.
    pub still_picture: bool,
    /// `reduced_still_picture_header`.
    pub reduced: bool,
    /// `seq_level_idx[0]`, 0 (level 2.0) to 31 (no limit).
    pub level: u8,
    /// `seq_tier[0]`: true is the high tier.
    pub high_tier: bool,
    /// `max_frame_width_minus_1 + 1`: pixels, 1 to 65536.
    pub width: u32,
    /// `max_frame_height_minus_1 + 1`: pixels, 1 to 65536.
    pub height: u32,
    /// Bits of a sample: 8, 10 or 12.
    pub bit_depth: u8,
    /// `mono_chrome`.
    pub monochrome: bool,
    /// `subsampling_x`.
    pub subsampling_x: bool,
    /// `subsampling_y`.
    pub subsampling_y: bool,
    /// `chroma_sample_position`: 0 unknown, 1 vertical, 2 colocated.
    pub chroma_sample_position: u8,
    /// `color_range`, and the code points where described.
    pub color: ColorInfo,
    /// `color_description_present_flag`.
    pub color_described: bool,
    /// Pictures a second as numerator and denominator, where they are said to be equally spaced: a hint, never a clock.
    pub frame_rate: Option<(u32, u32)>,
}

impl SequenceHeader {
    /// Reads the payload of a sequence header OBU.
    ///
    /// # Errors
    /// A short payload, a reserved profile.
    pub fn parse(payload: &[u8]) -> Result<Self> {
        let mut bits = BitReader::new(payload, "AV1 5.5.1");
        let mut header = Self { profile: bits.u8(3, "seq_profile")?, ..Self::default() };
        if header.profile > 2 {
            return Err(bits.malformed("seq_profile").found(u64::from(header.profile)));
        }
        header.still_picture = bits.flag("still_picture")?;
        header.reduced = bits.flag("reduced_still_picture_header")?;
        if header.reduced {
            header.level = bits.u8(5, "seq_level_idx")?;
        } else {
            header.read_operating_points(&mut bits)?;
        }
        let width_bits = bits.u32(4, "frame_width_bits_minus_1")? + 1;
        let height_bits = bits.u32(4, "frame_height_bits_minus_1")? + 1;
        header.width = bits.u32(width_bits, "max_frame_width_minus_1")? + 1;
        header.height = bits.u32(height_bits, "max_frame_height_minus_1")? + 1;
        if !header.reduced && bits.flag("frame_id_numbers_present_flag")? {
            bits.skip(7, "delta_frame_id_length_minus_2")?;
        }
        bits.skip(3, "use_128x128_superblock")?;
        if !header.reduced {
            skip_tools(&mut bits)?;
        }
        bits.skip(3, "enable_superres")?;
        header.read_color(&mut bits)?;
        Ok(header)
    }

    fn read_operating_points(&mut self, bits: &mut BitReader<'_>) -> Result<()> {
        let mut delay_bits = None;
        if bits.flag("timing_info_present_flag")? {
            let units = bits.u32(32, "num_units_in_display_tick")?;
            let scale = bits.u32(32, "time_scale")?;
            if bits.flag("equal_picture_interval")? {
                let ticks = bits.uvlc("num_ticks_per_picture_minus_1")?.saturating_add(1);
                let per_picture = units.checked_mul(ticks).filter(|&units| units > 0);
                self.frame_rate = per_picture.filter(|_| scale > 0).map(|units| (scale, units));
            }
            if bits.flag("decoder_model_info_present_flag")? {
                delay_bits = Some(bits.u32(5, "buffer_delay_length_minus_1")? + 1);
                bits.skip(42, "num_units_in_decoding_tick")?;
            }
        }
        let display_delay = bits.flag("initial_display_delay_present_flag")?;
        for point in 0..=bits.u32(5, "operating_points_cnt_minus_1")? {
            bits.skip(12, "operating_point_idc")?;
            let level = bits.u8(5, "seq_level_idx")?;
            let high_tier = level > 7 && bits.flag("seq_tier")?;
            if point == 0 {
                (self.level, self.high_tier) = (level, high_tier);
            }
            if let Some(delay_bits) = delay_bits
                && bits.flag("decoder_model_present_for_this_op")?
            {
                bits.skip(2 * delay_bits + 1, "decoder_buffer_delay")?;
            }
            if display_delay && bits.flag("initial_display_delay_present_for_this_op")? {
                bits.skip(4, "initial_display_delay_minus_1")?;
            }
        }
        Ok(())
    }

    /// `color_config()` (AV1 5.5.2).
    fn read_color(&mut self, bits: &mut BitReader<'_>) -> Result<()> {
        let high = bits.flag("high_bitdepth")?;
        let twelve = self.profile == 2 && high && bits.flag("twelve_bit")?;
        self.bit_depth = match (high, twelve) {
            (_, true) => 12,
            (true, false) => 10,
            (false, false) => 8,
        };
        self.monochrome = self.profile != 1 && bits.flag("mono_chrome")?;
        self.color_described = bits.flag("color_description_present_flag")?;
        if self.color_described {
            self.color.primaries = bits.u8(8, "color_primaries")?;
            self.color.transfer = bits.u8(8, "transfer_characteristics")?;
            self.color.matrix = bits.u8(8, "matrix_coefficients")?;
        }
        let ColorInfo { primaries, transfer, matrix, .. } = self.color;
        if !self.monochrome && (primaries, transfer, matrix) == (1, 13, 0) {
            self.color.full_range = true;
            return Ok(());
        }
        self.color.full_range = bits.flag("color_range")?;
        (self.subsampling_x, self.subsampling_y) = match self.profile {
            _ if self.monochrome => (true, true),
            0 => (true, true),
            1 => (false, false),
            _ if twelve => {
                let x = bits.flag("subsampling_x")?;
                (x, x && bits.flag("subsampling_y")?)
            }
            _ => (true, false),
        };
        if !self.monochrome && self.subsampling_x && self.subsampling_y {
            self.chroma_sample_position = bits.u8(2, "chroma_sample_position")?;
        }
        Ok(())
    }
}

/// The coding tools between the sizes and the filters (AV1 5.5.1).
fn skip_tools(bits: &mut BitReader<'_>) -> Result<()> {
    bits.skip(4, "enable_interintra_compound")?;
    let order_hint = bits.flag("enable_order_hint")?;
    if order_hint {
        bits.skip(2, "enable_jnt_comp")?;
    }
    let choose_screen_content = bits.flag("seq_choose_screen_content_tools")?;
    let screen_content = choose_screen_content || bits.flag("seq_force_screen_content_tools")?;
    if screen_content && !bits.flag("seq_choose_integer_mv")? {
        bits.skip(1, "seq_force_integer_mv")?;
    }
    if order_hint {
        bits.skip(3, "order_hint_bits_minus_1")?;
    }
    Ok(())
}
