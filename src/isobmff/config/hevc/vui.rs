//! From the middle of an H.265 sequence parameter set to the colour in its video usability information
//! (ISO/IEC 23008-2, 7.3.2.2.1 and E.2.1).

use crate::isobmff::config::{Error, avc, bits::Bits};
use crate::isobmff::model::Colour;

/// Most short-term reference picture sets (7.4.3.2.1).
const MOST_SETS: u32 = 64;
/// Most pictures in one of them.
const MOST_PICTURES: u32 = 16;

/// What the beginning of VUI parameters says; the default where there are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Vui {
    /// Width and height of a pixel.
    pub pixel_aspect: Option<(u32, u32)>,
    /// Colour, where the code points are there, or the range is full.
    pub colour: Option<Colour>,
}

impl Vui {
    /// Reads on behind `sps_max_latency_increase_plus1`. `order_bits` is the size of `slice_pic_order_cnt_lsb`.
    pub(super) fn parse(bits: &mut Bits<'_>, order_bits: u32) -> Result<Self, Error> {
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
        bits.skip(2, "sample_adaptive_offset_enabled_flag")?;
        if bits.flag("pcm_enabled_flag")? {
            bits.skip(8, "pcm_sample_bit_depth_chroma_minus1")?;
            bits.ue("log2_min_pcm_luma_coding_block_size_minus3")?;
            bits.ue("log2_diff_max_min_pcm_luma_coding_block_size")?;
            bits.skip(1, "pcm_loop_filter_disabled_flag")?;
        }
        skip_reference_sets(bits)?;
        if bits.flag("long_term_ref_pics_present_flag")? {
            let count = bits.ue("num_long_term_ref_pics_sps")?.min(32);
            bits.skip(
                (count * (order_bits + 1)) as usize,
                "lt_ref_pic_poc_lsb_sps",
            )?;
        }
        bits.skip(2, "strong_intra_smoothing_enabled_flag")?;
        if !bits.flag("vui_parameters_present_flag")? {
            return Ok(Self::default());
        }
        // The beginning is that of H.264, and so are the tables.
        let pixel_aspect = avc::aspect(bits)?;
        if bits.flag("overscan_info_present_flag")? {
            bits.skip(1, "overscan_appropriate_flag")?;
        }
        let colour = match bits.flag("video_signal_type_present_flag")? {
            true => avc::colour(bits)?,
            false => None,
        };
        Ok(Self {
            pixel_aspect,
            colour,
        })
    }
}

/// `scaling_list_data()` (7.3.4).
fn skip_scaling_lists(bits: &mut Bits<'_>) -> Result<(), Error> {
    for size in 0..4 {
        // The largest has two lists, the others six.
        for _ in 0..if size == 3 { 2 } else { 6 } {
            if !bits.flag("scaling_list_pred_mode_flag")? {
                bits.ue("scaling_list_pred_matrix_id_delta")?;
                continue;
            }
            if size > 1 {
                bits.se("scaling_list_dc_coef_minus8")?;
            }
            for _ in 0..64.min(16 << (2 * size)) {
                bits.se("scaling_list_delta_coef")?;
            }
        }
    }
    Ok(())
}

/// `st_ref_pic_set()` (7.3.7), as many as there are.
fn skip_reference_sets(bits: &mut Bits<'_>) -> Result<(), Error> {
    let sets = bits.ue("num_short_term_ref_pic_sets")?;
    if sets > MOST_SETS {
        return Err(bits.wrong("num_short_term_ref_pic_sets", sets, "0 to 64"));
    }
    // Pictures of the set before.
    let mut pictures = 0;
    for set in 0..sets {
        if set > 0 && bits.flag("inter_ref_pic_set_prediction_flag")? {
            bits.skip(1, "delta_rps_sign")?;
            bits.ue("abs_delta_rps_minus1")?;
            let mut kept = 0;
            for _ in 0..=pictures {
                let used = bits.flag("used_by_curr_pic_flag")?;
                kept += u32::from(used || bits.flag("use_delta_flag")?);
            }
            pictures = kept.min(MOST_PICTURES);
            continue;
        }
        let negative = bits.ue("num_negative_pics")?;
        let positive = bits.ue("num_positive_pics")?;
        pictures = negative.saturating_add(positive);
        if pictures > MOST_PICTURES {
            return Err(bits.wrong("num_negative_pics", pictures, "16 pictures at most"));
        }
        for _ in 0..pictures {
            bits.ue("delta_poc_minus1")?;
            bits.skip(1, "used_by_curr_pic_flag")?;
        }
    }
    Ok(())
}
