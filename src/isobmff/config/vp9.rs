//! VP9: `vpcC` (VP codecs in ISOBMFF) from the header of a key frame (VP9 bitstream specification, 6.2).

use super::{Error, bits::Bits};
use crate::isobmff::model::Colour;

/// What the uncompressed header of a key frame says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyFrame {
    /// 0 to 3.
    pub profile: u8,
    /// Bits of a sample: 8, 10 or 12.
    pub bit_depth: u8,
    /// `subsampling_x` and `subsampling_y`.
    pub subsampling: (bool, bool),
    /// The matrix of the colour space; primaries and transfer are 2, "unspecified", for the header does not say them.
    pub colour: Colour,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

/// Most luma samples a second, most of a picture, longest side, and 10 times the level: what each level allows.
const LEVELS: [(u64, u64, u32, u8); 14] = [
    (829_440, 36_864, 512, 10),
    (2_764_800, 73_728, 768, 11),
    (4_608_000, 122_880, 960, 20),
    (9_216_000, 245_760, 1344, 21),
    (20_736_000, 552_960, 2048, 30),
    (36_864_000, 983_040, 2752, 31),
    (83_558_400, 2_228_224, 4160, 40),
    (160_432_128, 2_228_224, 4160, 41),
    (311_951_360, 8_912_896, 8384, 50),
    (588_251_136, 8_912_896, 8384, 51),
    (1_176_502_272, 8_912_896, 8384, 52),
    (1_176_502_272, 35_651_584, 16_832, 60),
    (2_353_004_544, 35_651_584, 16_832, 61),
    (4_706_009_088, 35_651_584, 16_832, 62),
];

/// 10 times the lowest level that allows this size at this frame rate, a numerator and a denominator; without a rate the
/// size alone counts. 0, "unspecified", above all levels.
pub fn level(width: u32, height: u32, rate: Option<(u32, u32)>) -> u8 {
    let picture = u64::from(width) * u64::from(height);
    let (frames, seconds) = rate.filter(|(_, seconds)| *seconds > 0).unwrap_or((0, 1));
    let fits = |(samples, size, side, _): &&(u64, u64, u32, u8)| {
        let needed = u128::from(picture) * u128::from(frames);
        picture <= *size
            && width.max(height) <= *side
            && needed <= u128::from(*samples) * u128::from(seconds)
    };
    LEVELS.iter().find(fits).map_or(0, |(.., level)| *level)
}

impl KeyFrame {
    /// Reads the uncompressed header at the start of a frame, or of a superframe.
    ///
    /// # Errors
    /// When it is cut, no VP9, or not that of a key frame.
    pub fn parse(frame: &[u8]) -> Result<Self, Error> {
        let mut bits = Bits::new("VP9 frame", frame);
        let marker = bits.small(2, "frame_marker")?;
        if marker != 2 {
            return Err(bits.wrong("frame_marker", marker, "2"));
        }
        let low = bits.small(1, "profile_low_bit")?;
        let profile = (bits.small(1, "profile_high_bit")? << 1) | low;
        if profile == 3 && bits.flag("reserved_zero")? {
            return Err(bits.wrong("reserved_zero", 1, "0"));
        }
        let again = bits.flag("show_existing_frame")?;
        if again || bits.flag("frame_type")? {
            return Err(bits.wrong("frame_type", "no key frame", "a key frame first"));
        }
        bits.skip(2, "error_resilient_mode")?;
        let code = bits.take(24, "frame_sync_code")?;
        if code != 0x49_8342 {
            return Err(bits.wrong("frame_sync_code", format!("{code:06x}"), "498342"));
        }
        let deep = profile >= 2 && bits.flag("ten_or_twelve_bit")?;
        let bit_depth = match (profile >= 2, deep) {
            (false, _) => 8,
            (true, false) => 10,
            (true, true) => 12,
        };
        let (subsampling, matrix, full_range) = colour(&mut bits, profile)?;
        Ok(Self {
            profile,
            bit_depth,
            subsampling,
            colour: Colour {
                primaries: 2,
                transfer: 2,
                matrix,
                full_range,
            },
            width: bits.take(16, "frame_width_minus_1")? + 1,
            height: bits.take(16, "frame_height_minus_1")? + 1,
        })
    }

    /// The `VPCodecConfigurationRecord` without the full box's version and flags, with `colour` in place of the header's.
    pub fn record(&self, level: u8, colour: Colour) -> Vec<u8> {
        // A code point above 255 is none that the record can hold.
        let code = |code: u16| u8::try_from(code).unwrap_or(2);
        vec![
            self.profile,
            level,
            (self.bit_depth << 4) | (self.chroma() << 1) | u8::from(colour.full_range),
            code(colour.primaries),
            code(colour.transfer),
            code(colour.matrix),
            0,
            0,
        ]
    }

    /// `codecs` parameter (VP codecs in ISOBMFF). Chroma and colour follow where they differ from what their absence says.
    pub fn codecs(&self, level: u8, colour: Colour) -> String {
        let (profile, depth) = (self.profile, self.bit_depth);
        let codecs = format!("vp09.{profile:02}.{level:02}.{depth:02}");
        let Colour {
            primaries,
            transfer,
            matrix,
            full_range,
        } = colour;
        let code_points = (primaries, transfer, matrix);
        let usual = code_points == (1, 1, 1) || code_points == (2, 2, 2);
        if usual && !full_range && self.chroma() == 1 {
            return codecs;
        }
        let chroma = self.chroma();
        let range = u8::from(full_range);
        format!("{codecs}.{chroma:02}.{primaries:02}.{transfer:02}.{matrix:02}.{range:02}")
    }

    /// `chromaSubsampling` of the record. 4:2:0 has its samples with the luma samples, which is its default.
    fn chroma(&self) -> u8 {
        match self.subsampling {
            (true, true) => 1,
            (true, false) => 2,
            (false, false) => 3,
            (false, true) => 4,
        }
    }
}

/// `color_config()` behind the bit depth: subsampling, matrix, full range.
fn colour(bits: &mut Bits<'_>, profile: u8) -> Result<((bool, bool), u16, bool), Error> {
    let space = bits.small(3, "color_space")?;
    let odd = profile & 1 == 1;
    if space == 7 {
        if !odd {
            return Err(bits.wrong("color_space", "RGB", "RGB in profile 1 or 3 alone"));
        }
        bits.skip(1, "reserved_zero")?;
        return Ok(((false, false), 0, true));
    }
    let full_range = bits.flag("color_range")?;
    let mut subsampling = (true, true);
    if odd {
        subsampling = (bits.flag("subsampling_x")?, bits.flag("subsampling_y")?);
        bits.skip(1, "reserved_zero")?;
    }
    let matrix = match space {
        1 => 5,
        2 => 1,
        3 => 6,
        4 => 7,
        5 => 9,
        _ => 2,
    };
    Ok((subsampling, matrix, full_range))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_follow_size_and_rate() {
        assert_eq!(level(256, 144, Some((15, 1))), 10);
        assert_eq!(level(1280, 720, Some((30, 1))), 31);
        assert_eq!(level(1280, 720, Some((60_000, 1001))), 40);
        assert_eq!(level(1920, 1080, Some((30, 1))), 40);
        assert_eq!(level(1920, 1080, Some((60, 1))), 41);
        assert_eq!(level(3840, 2160, Some((60, 1))), 51);
        assert_eq!(level(7680, 4320, None), 60);
        assert_eq!(level(600, 16, None), 11, "the longer side counts");
        assert_eq!(level(65_536, 65_536, Some((1000, 1))), 0);
    }
}
