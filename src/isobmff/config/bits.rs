//! A reader of bits, most significant first, that can't leave its bytes.

use super::Error;

/// Reads fields of bits from a header; each read names its field for the error.
#[derive(Debug, Clone)]
pub(super) struct Bits<'a> {
    header: &'static str,
    bytes: &'a [u8],
    /// Bits read.
    at: usize,
}

impl<'a> Bits<'a> {
    /// Starts at the first bit of `bytes`, which are a `header` in the words of errors.
    pub(super) fn new(header: &'static str, bytes: &'a [u8]) -> Self {
        Self {
            header,
            bytes,
            at: 0,
        }
    }

    /// An error: `field` has a value that it can't have.
    pub(super) fn wrong(
        &self,
        field: &'static str,
        found: impl ToString,
        expected: &'static str,
    ) -> Error {
        Error::Field {
            codec: self.header,
            field,
            offset: self.position(),
            found: found.to_string(),
            expected,
        }
    }

    /// Whole bytes read.
    pub(super) fn position(&self) -> usize {
        self.at / 8
    }

    /// Bits that are left.
    pub(super) fn left(&self) -> usize {
        self.bytes.len().saturating_mul(8).saturating_sub(self.at)
    }

    /// The next bits, 32 at most, without a move; those past the end are 0.
    pub(super) fn peek(&self, count: u32) -> u32 {
        let mut window = 0u64;
        for k in 0..5 {
            let byte = self.bytes.get(self.position().saturating_add(k));
            window = (window << 8) | u64::from(byte.copied().unwrap_or(0));
        }
        let count = count.min(32);
        let used = u32::try_from(self.at % 8).unwrap_or(0);
        let aligned = (window << used) & ((1 << 40) - 1);
        u32::try_from((aligned >> 8) >> (32 - count)).unwrap_or(u32::MAX)
    }

    /// Moves on by `count` bits.
    pub(super) fn skip(&mut self, count: usize, field: &'static str) -> Result<(), Error> {
        if count > self.left() {
            return Err(Error::Truncated {
                codec: self.header,
                field,
                found: self.bytes.len(),
            });
        }
        self.at += count;
        Ok(())
    }

    /// The next `count` bits, 32 at most.
    pub(super) fn take(&mut self, count: u32, field: &'static str) -> Result<u32, Error> {
        let value = self.peek(count);
        self.skip(count.min(32) as usize, field)?;
        Ok(value)
    }

    /// The next `count` bits, 8 at most.
    pub(super) fn small(&mut self, count: u32, field: &'static str) -> Result<u8, Error> {
        Ok(self.take(count.min(8), field)? as u8)
    }

    /// The next bit.
    pub(super) fn flag(&mut self, field: &'static str) -> Result<bool, Error> {
        Ok(self.take(1, field)? == 1)
    }

    /// `ue(v)`: an Exp-Golomb code (ISO/IEC 14496-10, 9.1) of at most 32 bits' value.
    pub(super) fn ue(&mut self, field: &'static str) -> Result<u32, Error> {
        let mut zeros = 0;
        while !self.flag(field)? {
            zeros += 1;
            if zeros > 31 {
                return Err(self.wrong(field, "an Exp-Golomb code of 32 zeros", "31 at most"));
            }
        }
        let rest = self.take(zeros, field)?;
        Ok(((1u32 << zeros) - 1).saturating_add(rest))
    }

    /// `se(v)`: a signed Exp-Golomb code (ISO/IEC 14496-10, 9.1.1).
    pub(super) fn se(&mut self, field: &'static str) -> Result<i64, Error> {
        let code = i64::from(self.ue(field)?);
        let half = (code + 1) / 2;
        Ok(if code % 2 == 1 { half } else { -half })
    }

    /// The next `count` whole bytes; the reader must stand at one.
    pub(super) fn slice(&mut self, count: usize, field: &'static str) -> Result<&'a [u8], Error> {
        let from = self.position();
        self.skip(count.saturating_mul(8), field)?;
        let found = self.bytes.get(from..from.saturating_add(count));
        Ok(found.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_come_most_significant_first_and_end_with_an_error() {
        let mut bits = Bits::new("test", &[0b1010_0000, 0xff, 0x01, 0x02, 0x03, 0x04]);
        assert_eq!(bits.take(3, "a").unwrap(), 0b101);
        assert_eq!(bits.take(9, "b").unwrap(), 0b0_0000_1111);
        assert_eq!(bits.take(4, "c").unwrap(), 0xf);
        assert_eq!(bits.take(32, "d").unwrap(), 0x0102_0304);
        assert_eq!(bits.left(), 0);
        let error = bits.flag("e").unwrap_err().to_string();
        assert!(
            error.contains("ends inside e") && error.contains("6 bytes"),
            "{error}"
        );
    }

    #[test]
    fn unaligned_32_bits_come_whole() {
        let mut bits = Bits::new("test", &[0x01, 0xff, 0xff, 0xff, 0xfe]);
        bits.skip(7, "a").unwrap();
        assert_eq!(bits.take(32, "b").unwrap(), u32::MAX);
    }

    #[test]
    fn exp_golomb_codes_are_those_of_the_table() {
        // 1, 010, 011, 00100, 00101: ISO/IEC 14496-10, table 9-2.
        let bytes = [0b1010_0110, 0b0100_0010, 0b1000_0000];
        let mut bits = Bits::new("test", &bytes);
        for expected in 0..5 {
            assert_eq!(bits.ue("v").unwrap(), expected);
        }
        let mut bits = Bits::new("test", &bytes);
        for expected in [0, 1, -1, 2, -2] {
            assert_eq!(bits.se("v").unwrap(), expected);
        }
        assert!(Bits::new("test", &[0; 8]).ue("v").is_err());
        let mut longest = Bits::new("test", &[0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff]);
        assert_eq!(longest.ue("v").unwrap(), u32::MAX - 1);
    }
}
