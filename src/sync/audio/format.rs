//! Samples as they lie in memory.

use std::ops::RangeInclusive;

/// Samples a second of sound that can be converted.
pub const RATES: RangeInclusive<u32> = 8_000..=384_000;

/// Full scale of 16 bits.
const SCALE: f32 = 32_768.0;

/// How a sample is written, little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// 32 bits of floating point, full scale at 1.
    F32,
    /// 16 bits, full scale at 2^15.
    S16,
}

impl Format {
    /// Bytes of a sample.
    #[must_use]
    pub fn width(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::S16 => 2,
        }
    }

    /// Replaces `samples` by those of `bytes`; a part of one at the end is left out.
    pub fn read(self, bytes: &[u8], samples: &mut Vec<f32>) {
        samples.clear();
        match self {
            Self::F32 => {
                let whole = bytes.as_chunks::<4>().0.iter();
                samples.extend(whole.map(|b| f32::from_le_bytes(*b)));
            }
            Self::S16 => {
                let whole = bytes.as_chunks::<2>().0.iter();
                samples.extend(whole.map(|b| f32::from(i16::from_le_bytes(*b)) / SCALE));
            }
        }
    }

    /// The bytes of samples; those of 16 bits saturate.
    #[must_use]
    pub fn write(self, samples: &[f32]) -> Vec<u8> {
        match self {
            Self::F32 => samples.iter().flat_map(|s| s.to_le_bytes()).collect(),
            Self::S16 => {
                let short = |s: &f32| ((s * SCALE).round() as i16).to_le_bytes();
                samples.iter().flat_map(short).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_come_back_and_16_bits_saturate() {
        let mut read = Vec::new();
        let values = [0.5, -1.0, 0.25];
        for format in [Format::F32, Format::S16] {
            let mut bytes = format.write(&values);
            assert_eq!(bytes.len(), 3 * format.width());
            bytes.push(7);
            format.read(&bytes, &mut read);
            assert_eq!(read, values);
        }
        Format::S16.read(&Format::S16.write(&[2.0, -2.0]), &mut read);
        assert_eq!(read, [32_767.0 / SCALE, -1.0]);
    }
}
