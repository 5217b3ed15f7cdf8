//! H.265: `hvcC` and parameter sets in samples (ISO/IEC 14496-15, 8.3; ISO/IEC 23008-2).

mod vui;

pub use vui::Vui;

use super::{Error, bits::Bits, nal};

/// `nal_unit_type` of a sequence parameter set; the video and picture parameter sets are its neighbours.
const SPS: u8 = 33;
/// Most pictures that a decoder holds (A.4.2).
const MOST_PICTURES: u32 = 16;

/// What an `HEVCDecoderConfigurationRecord` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `general_profile_space`.
    pub profile_space: u8,
    /// `general_tier_flag`: the High tier.
    pub high_tier: bool,
    /// `general_profile_idc`.
    pub profile: u8,
    /// `general_profile_compatibility_flags`, the flag of profile 0 in the highest bit.
    pub compatibility: u32,
    /// `general_constraint_indicator_flags`.
    pub constraints: [u8; 6],
    /// `general_level_idc`: 30 times the level.
    pub level: u8,
    /// Bytes of the length before each NAL unit: 1, 2 or 4.
    pub length_size: u8,
    /// The first sequence parameter set; `None` where they are in the samples alone (hev1).
    pub sps: Option<Sps>,
}

/// What a sequence parameter set says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sps {
    /// Pixels, within the conformance window.
    pub width: u32,
    /// Pixels, within the conformance window.
    pub height: u32,
    /// `sps_max_num_reorder_pics` of the highest sub-layer: how many pictures can precede a picture in decoding order
    /// and follow it in output order.
    pub reorder_depth: u32,
    /// Video usability information, where it is there and can be read.
    pub vui: Option<Vui>,
}

impl Config {
    /// Reads an `HEVCDecoderConfigurationRecord` (ISO/IEC 14496-15, 8.3.3.1.2).
    ///
    /// # Errors
    /// When it is cut, of another version, or its first sequence parameter set can't be read.
    pub fn parse(record: &[u8]) -> Result<Self, Error> {
        let mut bits = Bits::new("hvcC", record);
        let version = bits.small(8, "configurationVersion")?;
        if version != 1 {
            return Err(bits.wrong("configurationVersion", version, "1"));
        }
        let mut config = Self {
            profile_space: bits.small(2, "general_profile_space")?,
            high_tier: bits.flag("general_tier_flag")?,
            profile: bits.small(5, "general_profile_idc")?,
            compatibility: bits.take(32, "general_profile_compatibility_flags")?,
            constraints: [0; 6],
            level: 0,
            length_size: 0,
            sps: None,
        };
        for byte in &mut config.constraints {
            *byte = bits.small(8, "general_constraint_indicator_flags")?;
        }
        config.level = bits.small(8, "general_level_idc")?;
        // min_spatial_segmentation_idc, parallelismType, chromaFormat, two bit depths, avgFrameRate.
        bits.skip(16 + 8 + 8 + 8 + 8 + 16, "avgFrameRate")?;
        bits.skip(6, "temporalIdNested")?;
        config.length_size = bits.small(2, "lengthSizeMinusOne")? + 1;
        if config.length_size == 3 {
            return Err(bits.wrong("lengthSizeMinusOne", 2, "0, 1 or 3"));
        }
        for _ in 0..bits.small(8, "numOfArrays")? {
            let kind = bits.small(8, "NAL_unit_type")? & 0x3f;
            for _ in 0..bits.take(16, "numNalus")? {
                let length = bits.take(16, "nalUnitLength")?;
                let unit = bits.slice(length as usize, "nalUnit")?;
                if kind == SPS && config.sps.is_none() {
                    config.sps = Some(Sps::parse(unit)?);
                }
            }
        }
        Ok(config)
    }

    /// `codecs` parameter (ISO/IEC 14496-15, E.3) of the sample entry hvc1, or hev1 where sets are `in_band`.
    pub fn codecs(&self, in_band: bool) -> String {
        let entry = if in_band { "hev1" } else { "hvc1" };
        let space = match self.profile_space {
            1 => "A",
            2 => "B",
            3 => "C",
            _ => "",
        };
        let tier = if self.high_tier { 'H' } else { 'L' };
        let (profile, level) = (self.profile, self.level);
        let compatibility = self.compatibility.reverse_bits();
        let mut codecs = format!("{entry}.{space}{profile}.{compatibility:X}.{tier}{level}");
        let used = self.constraints.iter().rposition(|byte| *byte != 0);
        for byte in self
            .constraints
            .iter()
            .take(used.map_or(0, |last| last + 1))
        {
            codecs.push_str(&format!(".{byte:X}"));
        }
        codecs
    }
}

impl Sps {
    /// Reads the NAL unit of a sequence parameter set (ISO/IEC 23008-2, 7.3.2.2.1), its two header bytes first.
    ///
    /// # Errors
    /// When it is another unit, cut, or says what can't be. Unreadable VUI parameters count as absent.
    pub fn parse(unit: &[u8]) -> Result<Self, Error> {
        let payload = nal::payload(unit);
        let mut bits = Bits::new("H.265 SPS", &payload);
        let kind = unit_type(unit).unwrap_or(0);
        if kind != SPS {
            return Err(bits.wrong("nal_unit_type", kind, "33"));
        }
        bits.skip(16, "nal_unit_header")?;
        bits.skip(4, "sps_video_parameter_set_id")?;
        let sub_layers = bits.small(3, "sps_max_sub_layers_minus1")?;
        bits.skip(1, "sps_temporal_id_nesting_flag")?;
        skip_profile_tier_level(&mut bits, sub_layers)?;
        bits.ue("sps_seq_parameter_set_id")?;
        let (width, height) = size(&mut bits)?;
        bits.ue("bit_depth_luma_minus8")?;
        bits.ue("bit_depth_chroma_minus8")?;
        let order_bits = bits.ue("log2_max_pic_order_cnt_lsb_minus4")?.min(12) + 4;
        let all = bits.flag("sps_sub_layer_ordering_info_present_flag")?;
        let mut reorder_depth = 0;
        for _ in 0..=if all { sub_layers } else { 0 } {
            bits.ue("sps_max_dec_pic_buffering_minus1")?;
            reorder_depth = bits.ue("sps_max_num_reorder_pics")?.min(MOST_PICTURES);
            bits.ue("sps_max_latency_increase_plus1")?;
        }
        Ok(Self {
            width,
            height,
            reorder_depth,
            vui: Vui::parse(&mut bits, order_bits).ok(),
        })
    }
}

/// Checks that a sample is whole NAL units (ISO/IEC 14496-15, 5.3.4.2.1). `length_size` is that of [`Config`].
///
/// # Errors
/// When one is cut.
pub fn check(sample: &[u8], length_size: u8) -> Result<(), Error> {
    nal::check("H.265", sample, length_size)
}

/// True when a sample carries parameter sets of its own. `length_size` is that of [`Config`].
pub fn has_parameter_sets(sample: &[u8], length_size: u8) -> bool {
    nal::units(sample, length_size).any(|unit| matches!(unit_type(unit), Some(32..=34)))
}

/// The first sequence parameter set of a sample that can be read.
pub fn find_sps(sample: &[u8], length_size: u8) -> Option<Sps> {
    nal::units(sample, length_size)
        .filter(|unit| unit_type(unit) == Some(SPS))
        .find_map(|unit| Sps::parse(unit).ok())
}

/// `nal_unit_type`.
fn unit_type(unit: &[u8]) -> Option<u8> {
    unit.first().map(|head| (head >> 1) & 0x3f)
}

/// `profile_tier_level(1, sub_layers)` (7.3.3).
fn skip_profile_tier_level(bits: &mut Bits<'_>, sub_layers: u8) -> Result<(), Error> {
    bits.skip(96, "general_level_idc")?;
    if sub_layers == 0 {
        return Ok(());
    }
    let mut length = 0;
    for layer in 0..8 {
        let profile = bits.flag("sub_layer_profile_present_flag")?;
        let level = bits.flag("sub_layer_level_present_flag")?;
        // Those past the sub-layers are reserved bits.
        if layer < sub_layers {
            length += if profile { 88 } else { 0 } + if level { 8 } else { 0 };
        }
    }
    bits.skip(length, "sub_layer_level_idc")
}

/// Width and height within the conformance window.
fn size(bits: &mut Bits<'_>) -> Result<(u32, u32), Error> {
    let chroma = bits.ue("chroma_format_idc")?;
    if chroma > 3 {
        return Err(bits.wrong("chroma_format_idc", chroma, "0 to 3"));
    }
    if chroma == 3 {
        bits.skip(1, "separate_colour_plane_flag")?;
    }
    let mut width = bits.ue("pic_width_in_luma_samples")?;
    let mut height = bits.ue("pic_height_in_luma_samples")?;
    if bits.flag("conformance_window_flag")? {
        let across = if matches!(chroma, 1 | 2) { 2 } else { 1 };
        let down = if chroma == 1 { 2 } else { 1 };
        let mut offset = |field, unit: u32| Ok::<_, Error>(bits.ue(field)?.saturating_mul(unit));
        width = width.saturating_sub(offset("conf_win_left_offset", across)?);
        width = width.saturating_sub(offset("conf_win_right_offset", across)?);
        height = height.saturating_sub(offset("conf_win_top_offset", down)?);
        height = height.saturating_sub(offset("conf_win_bottom_offset", down)?);
    }
    if width == 0 || height == 0 {
        return Err(bits.wrong("pic_width_in_luma_samples", "no pixel", "some pixels"));
    }
    Ok((width, height))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codec_strings_drop_zeros_at_the_end() {
        let config = Config {
            profile_space: 0,
            high_tier: false,
            profile: 1,
            compatibility: 0x6000_0000,
            constraints: [0xb0, 0, 0, 0, 0, 0],
            level: 93,
            length_size: 4,
            sps: None,
        };
        // The example of ISO/IEC 14496-15, E.3, with a space and the High tier after it.
        assert_eq!(config.codecs(false), "hvc1.1.6.L93.B0");
        let other = Config {
            profile_space: 1,
            high_tier: true,
            profile: 4,
            compatibility: 0x0800_0000,
            constraints: [0x9d, 0, 8, 0, 0, 0],
            level: 120,
            ..config
        };
        assert_eq!(other.codecs(true), "hev1.A4.10.H120.9D.0.8");
    }
}
