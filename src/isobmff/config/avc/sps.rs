//! Sequence parameter sets of H.264 (ISO/IEC 14496-10, 7.3.2.1.1).

use super::vui::Vui;
use crate::isobmff::config::{Error, bits::Bits, nal};

/// Most frames that a decoder may hold back, whatever the level (A.3.1).
const MOST_FRAMES: u32 = 16;
/// Most macroblocks along one side: 16 384 pixels; also keeps every product within 32 bits.
const MOST_SIDE: u32 = 1024;

/// What a sequence parameter set says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sps {
    /// `profile_idc`.
    pub profile: u8,
    /// `constraint_set0_flag` to `constraint_set5_flag`, from the highest bit.
    pub constraints: u8,
    /// `level_idc`.
    pub level: u8,
    /// Sampling of the colours and bits a sample.
    pub format: Format,
    /// Pixels, after cropping.
    pub width: u32,
    /// Pixels, after cropping.
    pub height: u32,
    /// `frame_mbs_only_flag`: false where pictures may be fields.
    pub frames_only: bool,
    /// `pic_order_cnt_type`.
    pub order_type: u32,
    /// `MaxDpbFrames` of the level and the size (A.3.1).
    pub dpb_frames: u32,
    /// Video usability information, where it is there and can be read.
    pub vui: Option<Vui>,
}

/// What only the High profiles say of samples; the others have the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format {
    /// `chroma_format_idc`.
    pub chroma: u8,
    /// `bit_depth_luma_minus8`.
    pub luma_depth: u8,
    /// `bit_depth_chroma_minus8`.
    pub chroma_depth: u8,
    /// `separate_colour_plane_flag`.
    separate: bool,
}

impl Default for Format {
    fn default() -> Self {
        Self {
            chroma: 1,
            luma_depth: 0,
            chroma_depth: 0,
            separate: false,
        }
    }
}

impl Sps {
    /// Reads the NAL unit of a sequence parameter set, its header byte first.
    ///
    /// # Errors
    /// When it is another unit, cut, or says what can't be. Unreadable VUI parameters count as absent.
    pub fn parse(unit: &[u8]) -> Result<Self, Error> {
        let payload = nal::payload(unit);
        let mut bits = Bits::new("H.264 SPS", &payload);
        bits.skip(3, "nal_ref_idc")?;
        let kind = bits.small(5, "nal_unit_type")?;
        if kind != super::SPS {
            return Err(bits.wrong("nal_unit_type", kind, "7"));
        }
        let profile = bits.small(8, "profile_idc")?;
        let constraints = bits.small(8, "constraint_set_flags")?;
        let level = bits.small(8, "level_idc")?;
        bits.ue("seq_parameter_set_id")?;
        let format = Format::parse(&mut bits, profile)?;
        // `ChromaArrayType`: separate planes are each like one without colour.
        let chroma = if format.separate { 0 } else { format.chroma };
        bits.ue("log2_max_frame_num_minus4")?;
        let order_type = picture_order(&mut bits)?;
        let references = bits.ue("max_num_ref_frames")?;
        bits.skip(1, "gaps_in_frame_num_value_allowed_flag")?;
        let size = Size::parse(&mut bits, chroma.into())?;
        let vui = match bits.flag("vui_parameters_present_flag")? {
            true => Vui::parse(&mut bits).ok(),
            false => None,
        };
        let held = dpb_macroblocks(profile, constraints, level) / size.macroblocks;
        Ok(Self {
            profile,
            constraints,
            level,
            format,
            width: size.width,
            height: size.height,
            frames_only: size.frames_only,
            order_type,
            dpb_frames: held.max(references).min(MOST_FRAMES),
            vui,
        })
    }

    /// How many frames can precede a frame in decoding order and follow it in output order: `max_num_reorder_frames`,
    /// inferred where it is absent (E.2.1). Frames of Baseline and those of `pic_order_cnt_type` 2 never do.
    pub fn reorder_depth(&self) -> u32 {
        if self.order_type == 2 || self.profile == 66 {
            return 0;
        }
        if let Some(restriction) = self.vui.and_then(|vui| vui.restriction) {
            return restriction.reorder_frames.min(MOST_FRAMES);
        }
        let intra_only = matches!(self.profile, 44 | 86 | 100 | 110 | 122 | 244);
        match intra_only && self.constraints & 0x10 != 0 {
            true => 0,
            false => self.dpb_frames,
        }
    }
}

impl Format {
    /// The fields that only the High profiles have.
    fn parse(bits: &mut Bits<'_>, profile: u8) -> Result<Self, Error> {
        let mut format = Self::default();
        if !matches!(
            profile,
            44 | 83 | 86 | 100 | 110 | 118 | 122 | 128 | 134 | 135 | 138 | 139 | 244
        ) {
            return Ok(format);
        }
        format.chroma = up_to(bits, 3, "chroma_format_idc", "0 to 3")?;
        format.separate = format.chroma == 3 && bits.flag("separate_colour_plane_flag")?;
        format.luma_depth = up_to(bits, 6, "bit_depth_luma_minus8", "0 to 6")?;
        format.chroma_depth = up_to(bits, 6, "bit_depth_chroma_minus8", "0 to 6")?;
        bits.skip(1, "qpprime_y_zero_transform_bypass_flag")?;
        if bits.flag("seq_scaling_matrix_present_flag")? {
            for list in 0..if format.chroma == 3 { 12 } else { 8 } {
                if bits.flag("seq_scaling_list_present_flag")? {
                    skip_scaling_list(bits, if list < 6 { 16 } else { 64 })?;
                }
            }
        }
        Ok(format)
    }
}

/// A small number of Exp-Golomb code.
fn up_to(
    bits: &mut Bits<'_>,
    most: u8,
    field: &'static str,
    expected: &'static str,
) -> Result<u8, Error> {
    let found = bits.ue(field)?;
    match u8::try_from(found) {
        Ok(small) if small <= most => Ok(small),
        _ => Err(bits.wrong(field, found, expected)),
    }
}

/// `scaling_list()` (7.3.2.1.1.1).
fn skip_scaling_list(bits: &mut Bits<'_>, size: usize) -> Result<(), Error> {
    let (mut last, mut next) = (8i64, 8i64);
    for _ in 0..size {
        if next != 0 {
            next = (last + bits.se("delta_scale")?).rem_euclid(256);
        }
        last = if next == 0 { last } else { next };
    }
    Ok(())
}

/// The fields of the picture order count; its type.
fn picture_order(bits: &mut Bits<'_>) -> Result<u32, Error> {
    let order_type = bits.ue("pic_order_cnt_type")?;
    match order_type {
        0 => {
            bits.ue("log2_max_pic_order_cnt_lsb_minus4")?;
        }
        1 => {
            bits.skip(1, "delta_pic_order_always_zero_flag")?;
            bits.se("offset_for_non_ref_pic")?;
            bits.se("offset_for_top_to_bottom_field")?;
            let count = bits.ue("num_ref_frames_in_pic_order_cnt_cycle")?;
            if count > 255 {
                return Err(bits.wrong("num_ref_frames_in_pic_order_cnt_cycle", count, "0 to 255"));
            }
            for _ in 0..count {
                bits.se("offset_for_ref_frame")?;
            }
        }
        2 => {}
        _ => return Err(bits.wrong("pic_order_cnt_type", order_type, "0 to 2")),
    }
    Ok(order_type)
}

/// The size of a frame.
struct Size {
    width: u32,
    height: u32,
    macroblocks: u32,
    frames_only: bool,
}

impl Size {
    fn parse(bits: &mut Bits<'_>, chroma: u32) -> Result<Self, Error> {
        let columns = bits.ue("pic_width_in_mbs_minus1")?.saturating_add(1);
        let units = bits.ue("pic_height_in_map_units_minus1")?.saturating_add(1);
        let frames_only = bits.flag("frame_mbs_only_flag")?;
        let fields = if frames_only { 1 } else { 2 };
        if columns > MOST_SIDE || units > MOST_SIDE / fields {
            let found = format!("{columns} x {units}");
            return Err(bits.wrong("pic_width_in_mbs_minus1", found, "a side of 1024 at most"));
        }
        let rows = units * fields;
        if !frames_only {
            bits.skip(1, "mb_adaptive_frame_field_flag")?;
        }
        bits.skip(1, "direct_8x8_inference_flag")?;
        let (mut width, mut height) = (columns * 16, rows * 16);
        if bits.flag("frame_cropping_flag")? {
            let (across, down) = match chroma {
                1 => (2, 2 * fields),
                2 => (2, fields),
                _ => (1, fields),
            };
            let mut crop = |field, unit: u32| Ok(bits.ue(field)?.saturating_mul(unit));
            let left: u32 = crop("frame_crop_left_offset", across)?;
            let right = crop("frame_crop_right_offset", across)?;
            let top = crop("frame_crop_top_offset", down)?;
            let bottom = crop("frame_crop_bottom_offset", down)?;
            width = width.saturating_sub(left.saturating_add(right));
            height = height.saturating_sub(top.saturating_add(bottom));
            if width == 0 || height == 0 {
                return Err(bits.wrong("frame_crop_offset", "no pixel", "some pixels left"));
            }
        }
        Ok(Self {
            width,
            height,
            macroblocks: columns * rows,
            frames_only,
        })
    }
}

/// `MaxDpbMbs` (table A-1); the most of all for a level that the table does not have.
fn dpb_macroblocks(profile: u8, constraints: u8, level: u8) -> u32 {
    let level_1b = level == 11 && constraints & 0x10 != 0 && matches!(profile, 66 | 77 | 88);
    match level {
        _ if level_1b => 396,
        9 | 10 => 396,
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
    }
}
