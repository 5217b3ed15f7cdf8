//! H.264: `avcC` and parameter sets in samples (ISO/IEC 14496-15, 5.3; ISO/IEC 14496-10).

mod sps;
mod vui;

pub use sps::{Format, Sps};
pub use vui::{Restriction, Timing, Vui};
pub(super) use vui::{aspect, colour};

use super::{Error, bits::Bits, nal};

/// `nal_unit_type` of a sequence parameter set.
const SPS: u8 = 7;
/// `nal_unit_type` of a picture parameter set.
const PPS: u8 = 8;

/// What an `AVCDecoderConfigurationRecord` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `AVCProfileIndication`.
    pub profile: u8,
    /// `profile_compatibility`: the constraint flags.
    pub compatibility: u8,
    /// `AVCLevelIndication`.
    pub level: u8,
    /// Bytes of the length before each NAL unit: 1, 2 or 4.
    pub length_size: u8,
    /// The first sequence parameter set; `None` where they are in the samples alone (avc3).
    pub sps: Option<Sps>,
    /// The record ends before the fields that the High profiles must have in it, as that of `h264parse` does.
    pub cut: bool,
}

impl Config {
    /// Reads an `AVCDecoderConfigurationRecord` (ISO/IEC 14496-15, 5.3.3.1.2).
    ///
    /// # Errors
    /// When it is cut, of another version, or its first sequence parameter set can't be read.
    pub fn parse(record: &[u8]) -> Result<Self, Error> {
        let mut bits = Bits::new("avcC", record);
        let version = bits.small(8, "configurationVersion")?;
        if version != 1 {
            return Err(bits.wrong("configurationVersion", version, "1"));
        }
        let profile = bits.small(8, "AVCProfileIndication")?;
        let compatibility = bits.small(8, "profile_compatibility")?;
        let level = bits.small(8, "AVCLevelIndication")?;
        bits.skip(6, "reserved")?;
        let length_size = bits.small(2, "lengthSizeMinusOne")? + 1;
        if length_size == 3 {
            return Err(bits.wrong("lengthSizeMinusOne", 2, "0, 1 or 3"));
        }
        bits.skip(3, "reserved")?;
        let mut sps = None;
        for _ in 0..bits.small(5, "numOfSequenceParameterSets")? {
            let length = bits.take(16, "sequenceParameterSetLength")?;
            let unit = bits.slice(length as usize, "sequenceParameterSetNALUnit")?;
            if sps.is_none() {
                sps = Some(Sps::parse(unit)?);
            }
        }
        for _ in 0..bits.small(8, "numOfPictureParameterSets")? {
            let length = bits.take(16, "pictureParameterSetLength")?;
            bits.slice(length as usize, "pictureParameterSetNALUnit")?;
        }
        let extended = !matches!(profile, 66 | 77 | 88);
        Ok(Self {
            profile,
            compatibility,
            level,
            length_size,
            sps,
            cut: extended && bits.left() == 0,
        })
    }

    /// The `record` that this was read from, with the fields at its end that it lacks, as `sps` has them.
    pub fn complete(&self, mut record: Vec<u8>, sps: &Sps) -> Vec<u8> {
        if self.cut {
            let Format {
                chroma,
                luma_depth,
                chroma_depth,
                ..
            } = sps.format;
            // Reserved bits are ones; no extensions of the parameter set.
            record.extend([0xfc | chroma, 0xf8 | luma_depth, 0xf8 | chroma_depth, 0]);
        }
        record
    }

    /// `codecs` parameter (RFC 6381, 3.3) of the sample entry avc1, or avc3 where sets are `in_band`.
    pub fn codecs(&self, in_band: bool) -> String {
        let entry = if in_band { "avc3" } else { "avc1" };
        let Self {
            profile,
            compatibility,
            level,
            ..
        } = self;
        format!("{entry}.{profile:02X}{compatibility:02X}{level:02X}")
    }
}

/// Checks that a sample is whole NAL units (ISO/IEC 14496-15, 5.3.4.2.1). `length_size` is that of [`Config`].
///
/// # Errors
/// When one is cut.
pub fn check(sample: &[u8], length_size: u8) -> Result<(), Error> {
    nal::check("H.264", sample, length_size)
}

/// True when a sample carries parameter sets of its own. `length_size` is that of [`Config`].
pub fn has_parameter_sets(sample: &[u8], length_size: u8) -> bool {
    nal::units(sample, length_size).any(|unit| matches!(unit_type(unit), Some(SPS | PPS)))
}

/// The first sequence parameter set of a sample that can be read.
pub fn find_sps(sample: &[u8], length_size: u8) -> Option<Sps> {
    nal::units(sample, length_size)
        .filter(|unit| unit_type(unit) == Some(SPS))
        .find_map(|unit| Sps::parse(unit).ok())
}

/// `nal_unit_type`.
fn unit_type(unit: &[u8]) -> Option<u8> {
    unit.first().map(|head| head & 0x1f)
}
