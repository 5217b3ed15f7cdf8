//! Video usability information of H.264 (ISO/IEC 14496-10, E.1.1).

use crate::isobmff::{
    config::{Error, bits::Bits},
    model::Colour,
};

/// What VUI parameters say; the default where there are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Vui {
    /// Width and height of a pixel.
    pub pixel_aspect: Option<(u32, u32)>,
    /// Colour, where the code points are there, or the range is full.
    pub colour: Option<Colour>,
    /// Ticks of the fields.
    pub timing: Option<Timing>,
    /// Bounds of the decoder's buffer.
    pub restriction: Option<Restriction>,
}

/// `timing_info`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// `num_units_in_tick`; a tick is a field.
    pub num_units_in_tick: u32,
    /// `time_scale`: units a second.
    pub time_scale: u32,
    /// `fixed_frame_rate_flag`.
    pub fixed: bool,
}

/// `bitstream_restriction`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restriction {
    /// `max_num_reorder_frames`.
    pub reorder_frames: u32,
    /// `max_dec_frame_buffering`.
    pub buffered_frames: u32,
}

/// Widths and heights of a pixel for `aspect_ratio_idc` from 1 (table E-1).
const ASPECTS: [(u32, u32); 16] = [
    (1, 1),
    (12, 11),
    (10, 11),
    (16, 11),
    (40, 33),
    (24, 11),
    (20, 11),
    (32, 11),
    (80, 33),
    (18, 11),
    (15, 11),
    (64, 33),
    (160, 99),
    (4, 3),
    (3, 2),
    (2, 1),
];

impl Vui {
    /// Reads `vui_parameters()`. `bits` stands at its first bit.
    pub(super) fn parse(bits: &mut Bits<'_>) -> Result<Self, Error> {
        let mut vui = Self {
            pixel_aspect: aspect(bits)?,
            ..Self::default()
        };
        if bits.flag("overscan_info_present_flag")? {
            bits.skip(1, "overscan_appropriate_flag")?;
        }
        if bits.flag("video_signal_type_present_flag")? {
            vui.colour = colour(bits)?;
        }
        if bits.flag("chroma_loc_info_present_flag")? {
            bits.ue("chroma_sample_loc_type_top_field")?;
            bits.ue("chroma_sample_loc_type_bottom_field")?;
        }
        if bits.flag("timing_info_present_flag")? {
            let timing = Timing {
                num_units_in_tick: bits.take(32, "num_units_in_tick")?,
                time_scale: bits.take(32, "time_scale")?,
                fixed: bits.flag("fixed_frame_rate_flag")?,
            };
            vui.timing = Some(timing).filter(|t| t.num_units_in_tick > 0 && t.time_scale > 0);
        }
        let nal = bits.flag("nal_hrd_parameters_present_flag")?;
        if nal {
            skip_hrd(bits)?;
        }
        let vcl = bits.flag("vcl_hrd_parameters_present_flag")?;
        if vcl {
            skip_hrd(bits)?;
        }
        if nal || vcl {
            bits.skip(1, "low_delay_hrd_flag")?;
        }
        bits.skip(1, "pic_struct_present_flag")?;
        if bits.flag("bitstream_restriction_flag")? {
            vui.restriction = Some(restriction(bits)?);
        }
        Ok(vui)
    }
}

/// `aspect_ratio_idc` (table E-1, which is also that of H.265) as width and height of a pixel.
pub(in crate::isobmff::config) fn aspect(bits: &mut Bits<'_>) -> Result<Option<(u32, u32)>, Error> {
    if !bits.flag("aspect_ratio_info_present_flag")? {
        return Ok(None);
    }
    let idc = bits.small(8, "aspect_ratio_idc")?;
    let aspect = match idc {
        255 => Some((bits.take(16, "sar_width")?, bits.take(16, "sar_height")?)),
        _ => ASPECTS.get(usize::from(idc).wrapping_sub(1)).copied(),
    };
    Ok(aspect.filter(|(width, height)| *width > 0 && *height > 0))
}

/// The fields behind `video_signal_type_present_flag`, which H.265 has too.
pub(in crate::isobmff::config) fn colour(bits: &mut Bits<'_>) -> Result<Option<Colour>, Error> {
    bits.skip(3, "video_format")?;
    let full_range = bits.flag("video_full_range_flag")?;
    if bits.flag("colour_description_present_flag")? {
        return Ok(Some(Colour {
            primaries: bits.small(8, "colour_primaries")?.into(),
            transfer: bits.small(8, "transfer_characteristics")?.into(),
            matrix: bits.small(8, "matrix_coefficients")?.into(),
            full_range,
        }));
    }
    // 2 is "unspecified"; the range alone is worth a box where it is not the usual one.
    Ok(full_range.then_some(Colour {
        primaries: 2,
        transfer: 2,
        matrix: 2,
        full_range,
    }))
}

/// `hrd_parameters()` (E.1.2).
fn skip_hrd(bits: &mut Bits<'_>) -> Result<(), Error> {
    let count = bits.ue("cpb_cnt_minus1")?;
    if count > 31 {
        return Err(bits.wrong("cpb_cnt_minus1", count, "0 to 31"));
    }
    bits.skip(8, "bit_rate_scale and cpb_size_scale")?;
    for _ in 0..=count {
        bits.ue("bit_rate_value_minus1")?;
        bits.ue("cpb_size_value_minus1")?;
        bits.skip(1, "cbr_flag")?;
    }
    bits.skip(20, "lengths of delays")
}

fn restriction(bits: &mut Bits<'_>) -> Result<Restriction, Error> {
    bits.skip(1, "motion_vectors_over_pic_boundaries_flag")?;
    bits.ue("max_bytes_per_pic_denom")?;
    bits.ue("max_bits_per_mb_denom")?;
    bits.ue("log2_max_mv_length_horizontal")?;
    bits.ue("log2_max_mv_length_vertical")?;
    Ok(Restriction {
        reorder_frames: bits.ue("max_num_reorder_frames")?,
        buffered_frames: bits.ue("max_dec_frame_buffering")?,
    })
}
