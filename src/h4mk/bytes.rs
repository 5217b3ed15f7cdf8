//! Checked little-endian reading and LEB128 writing.

use super::chunk::ChunkType;
use super::error::Error;

/// Reads fields from the payload of one chunk and knows where they lie in the file.
pub(crate) struct Fields<'a> {
    data: &'a [u8],
    /// Absolute offset of `data[0]`.
    offset: u64,
    kind: ChunkType,
}

impl<'a> Fields<'a> {
    /// Fields of `payload`, which begins at absolute `offset` of a chunk of type `kind`.
    pub(crate) fn new(payload: &'a [u8], offset: u64, kind: ChunkType) -> Self {
        Self {
            data: payload,
            offset,
            kind,
        }
    }

    /// Bytes left to read.
    pub(crate) fn left(&self) -> usize {
        self.data.len()
    }

    /// The next `n` bytes.
    #[inline]
    pub(crate) fn take(&mut self, n: usize, field: &'static str) -> Result<&'a [u8], Error> {
        let (head, rest) = self
            .data
            .split_at_checked(n)
            .ok_or_else(|| self.error(field, format!("{} bytes", self.data.len()), n))?;
        self.data = rest;
        self.offset += n as u64;
        Ok(head)
    }

    fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], Error> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N, field)?);
        Ok(out)
    }

    pub(crate) fn u8(&mut self, field: &'static str) -> Result<u8, Error> {
        Ok(u8::from_le_bytes(self.array(field)?))
    }

    pub(crate) fn u16(&mut self, field: &'static str) -> Result<u16, Error> {
        Ok(u16::from_le_bytes(self.array(field)?))
    }

    pub(crate) fn u32(&mut self, field: &'static str) -> Result<u32, Error> {
        Ok(u32::from_le_bytes(self.array(field)?))
    }

    pub(crate) fn u64(&mut self, field: &'static str) -> Result<u64, Error> {
        Ok(u64::from_le_bytes(self.array(field)?))
    }

    pub(crate) fn i64(&mut self, field: &'static str) -> Result<i64, Error> {
        Ok(i64::from_le_bytes(self.array(field)?))
    }

    /// An unsigned LEB128 number of at most 64 bits.
    pub(crate) fn leb(&mut self, field: &'static str) -> Result<u64, Error> {
        let mut value = 0u64;
        for (at, byte) in self.data.iter().take(10).enumerate() {
            let bits = u64::from(byte & 0x7f);
            if at == 9 && *byte > 1 {
                break;
            }
            value |= bits << (7 * at);
            if byte & 0x80 == 0 {
                self.take(at + 1, field)?;
                return Ok(value);
            }
        }
        if self.data.len() < 10 {
            self.take(self.data.len() + 1, field)?;
        }
        Err(self.error(field, "a LEB128 number of more than 64 bits", "at most 64"))
    }

    /// A signed number as zigzag LEB128.
    pub(crate) fn zigzag(&mut self, field: &'static str) -> Result<i64, Error> {
        let raw = self.leb(field)?;
        Ok((raw >> 1) as i64 ^ -((raw & 1) as i64))
    }

    /// Everything must have been read.
    pub(crate) fn end(&self, field: &'static str) -> Result<(), Error> {
        if self.data.is_empty() {
            Ok(())
        } else {
            Err(self.error(
                field,
                format!("{} bytes more", self.data.len()),
                "its end here",
            ))
        }
    }

    /// An error at the current position.
    pub(crate) fn error(
        &self,
        field: &'static str,
        found: impl ToString,
        expected: impl ToString,
    ) -> Error {
        Error::Field {
            offset: self.offset,
            kind: self.kind,
            field,
            found: found.to_string(),
            expected: expected.to_string(),
        }
    }
}

/// Appends an unsigned LEB128 number.
pub(crate) fn put_leb(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a signed number as zigzag LEB128.
pub(crate) fn put_zigzag(out: &mut Vec<u8>, value: i64) {
    put_leb(out, ((value << 1) ^ (value >> 63)) as u64);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(data: &[u8]) -> Fields<'_> {
        Fields::new(data, 0, ChunkType::TIMING)
    }

    #[test]
    fn leb_and_zigzag_come_back_at_every_edge() {
        for value in [0, 1, 127, 128, 16_383, 16_384, u64::MAX >> 1, u64::MAX] {
            let mut out = Vec::new();
            put_leb(&mut out, value);
            assert_eq!(fields(&out).leb("x"), Ok(value));
        }
        for value in [0, -1, 1, i64::MIN, i64::MAX, -66_000_000] {
            let mut out = Vec::new();
            put_zigzag(&mut out, value);
            assert_eq!(fields(&out).zigzag("x"), Ok(value));
        }
    }

    #[test]
    fn a_leb_past_64_bits_or_cut_is_an_error() {
        assert!(fields(&[0xff; 11]).leb("x").is_err());
        assert!(
            fields(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2])
                .leb("x")
                .is_err()
        );
        assert!(fields(&[0x80]).leb("x").is_err());
    }
}
