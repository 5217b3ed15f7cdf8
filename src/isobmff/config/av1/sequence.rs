//! The sequence header of AV1 (AV1 specification, 5.5).

use crate::isobmff::{
    config::{Error, bits::Bits},
    model::Colour,
};

/// What a sequence header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sequence {
    /// `seq_profile`.
    pub profile: u8,
    /// `seq_level_idx[0]`.
    pub level: u8,
    /// `seq_tier[0]`.
    pub high_tier: bool,
    /// Bits of a sample: 8, 10 or 12.
    pub bit_depth: u8,
    /// `mono_chrome`.
    pub monochrome: bool,
    /// `subsampling_x` and `subsampling_y`.
    pub subsampling: (bool, bool),
    /// `chroma_sample_position`.
    pub chroma_position: u8,
    /// Colour; 2 is "unspecified".
    pub colour: Colour,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

impl Sequence {
    /// Reads `sequence_header_obu()`.
    ///
    /// # Errors
    /// When it is cut, or of a reserved profile.
    pub fn parse(payload: &[u8]) -> Result<Self, Error> {
        let mut bits = Bits::new("AV1 sequence header", payload);
        let profile = bits.small(3, "seq_profile")?;
        if profile > 2 {
            return Err(bits.wrong("seq_profile", profile, "0 to 2"));
        }
        bits.skip(1, "still_picture")?;
        let reduced = bits.flag("reduced_still_picture_header")?;
        let (level, high_tier) = match reduced {
            true => (bits.small(5, "seq_level_idx")?, false),
            false => operating_points(&mut bits)?,
        };
        let across = u32::from(bits.small(4, "frame_width_bits_minus_1")?) + 1;
        let down = u32::from(bits.small(4, "frame_height_bits_minus_1")?) + 1;
        let width = bits.take(across, "max_frame_width_minus_1")? + 1;
        let height = bits.take(down, "max_frame_height_minus_1")? + 1;
        skip_tools(&mut bits, reduced)?;
        let mut sequence = Self {
            profile,
            level,
            high_tier,
            bit_depth: 8,
            monochrome: false,
            subsampling: (true, true),
            chroma_position: 0,
            colour: Colour {
                primaries: 2,
                transfer: 2,
                matrix: 2,
                full_range: false,
            },
            width,
            height,
        };
        sequence.parse_colour(&mut bits)?;
        Ok(sequence)
    }

    /// `color_config()` (5.5.2).
    fn parse_colour(&mut self, bits: &mut Bits<'_>) -> Result<(), Error> {
        let high = bits.flag("high_bitdepth")?;
        let twelve = high && self.profile == 2 && bits.flag("twelve_bit")?;
        self.bit_depth = match (high, twelve) {
            (false, _) => 8,
            (true, false) => 10,
            (true, true) => 12,
        };
        self.monochrome = self.profile != 1 && bits.flag("mono_chrome")?;
        if bits.flag("color_description_present_flag")? {
            self.colour.primaries = bits.small(8, "color_primaries")?.into();
            self.colour.transfer = bits.small(8, "transfer_characteristics")?.into();
            self.colour.matrix = bits.small(8, "matrix_coefficients")?.into();
        }
        let Colour {
            primaries,
            transfer,
            matrix,
            ..
        } = self.colour;
        if self.monochrome {
            self.colour.full_range = bits.flag("color_range")?;
            return Ok(());
        }
        if (primaries, transfer, matrix) == (1, 13, 0) {
            // sRGB: full range and no subsampling, without a word.
            self.colour.full_range = true;
            self.subsampling = (false, false);
            return Ok(());
        }
        self.colour.full_range = bits.flag("color_range")?;
        self.subsampling = match (self.profile, twelve) {
            (0, _) => (true, true),
            (1, _) => (false, false),
            (_, false) => (true, false),
            (_, true) => {
                let x = bits.flag("subsampling_x")?;
                (x, x && bits.flag("subsampling_y")?)
            }
        };
        if self.subsampling == (true, true) {
            self.chroma_position = bits.small(2, "chroma_sample_position")?;
        }
        Ok(())
    }

    /// The four bytes of `av1C` before its OBUs.
    pub(super) fn record_head(&self) -> [u8; 4] {
        let (x, y) = self.subsampling;
        let bit = |yes: bool, at: u8| u8::from(yes) << at;
        [
            0x81,
            (self.profile << 5) | self.level,
            bit(self.high_tier, 7)
                | bit(self.bit_depth > 8, 6)
                | bit(self.bit_depth == 12, 5)
                | bit(self.monochrome, 4)
                | bit(x, 3)
                | bit(y, 2)
                | self.chroma_position,
            0,
        ]
    }

    /// True when the optional part of the `codecs` parameter would say what its absence says, or nothing.
    pub(super) fn is_usual(&self) -> bool {
        let Colour {
            primaries,
            transfer,
            matrix,
            full_range,
        } = self.colour;
        let colour = (primaries, transfer, matrix);
        let chroma = self.subsampling == (true, true) && self.chroma_position == 0;
        !self.monochrome && chroma && !full_range && (colour == (1, 1, 1) || colour == (2, 2, 2))
    }
}

/// From `timing_info_present_flag` to the end of the operating points: level and tier of the first.
fn operating_points(bits: &mut Bits<'_>) -> Result<(u8, bool), Error> {
    let mut delay_bits = None;
    if bits.flag("timing_info_present_flag")? {
        bits.skip(64, "time_scale")?;
        if bits.flag("equal_picture_interval")? {
            bits.ue("num_ticks_per_picture_minus_1")?;
        }
        if bits.flag("decoder_model_info_present_flag")? {
            delay_bits = Some(usize::from(bits.small(5, "buffer_delay_length_minus_1")?) + 1);
            bits.skip(32 + 5 + 5, "frame_presentation_time_length_minus_1")?;
        }
    }
    let display_delay = bits.flag("initial_display_delay_present_flag")?;
    let mut first = (0, false);
    for point in 0..=bits.small(5, "operating_points_cnt_minus_1")? {
        bits.skip(12, "operating_point_idc")?;
        let level = bits.small(5, "seq_level_idx")?;
        let high_tier = level > 7 && bits.flag("seq_tier")?;
        if let Some(delay_bits) = delay_bits
            && bits.flag("decoder_model_present_for_this_op")?
        {
            bits.skip(2 * delay_bits + 1, "low_delay_mode_flag")?;
        }
        if display_delay && bits.flag("initial_display_delay_present_for_this_op")? {
            bits.skip(4, "initial_display_delay_minus_1")?;
        }
        if point == 0 {
            first = (level, high_tier);
        }
    }
    Ok(first)
}

/// The coding tools between the frame's size and the colour.
fn skip_tools(bits: &mut Bits<'_>, reduced: bool) -> Result<(), Error> {
    if !reduced && bits.flag("frame_id_numbers_present_flag")? {
        bits.skip(7, "additional_frame_id_length_minus_1")?;
    }
    bits.skip(3, "enable_intra_edge_filter")?;
    if !reduced {
        bits.skip(4, "enable_dual_filter")?;
        let order_hint = bits.flag("enable_order_hint")?;
        if order_hint {
            bits.skip(2, "enable_ref_frame_mvs")?;
        }
        let choose = bits.flag("seq_choose_screen_content_tools")?;
        if (choose || bits.flag("seq_force_screen_content_tools")?)
            && !bits.flag("seq_choose_integer_mv")?
        {
            bits.skip(1, "seq_force_integer_mv")?;
        }
        if order_hint {
            bits.skip(3, "order_hint_bits_minus_1")?;
        }
    }
    bits.skip(3, "enable_restoration")
}
