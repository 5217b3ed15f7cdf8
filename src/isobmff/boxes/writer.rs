//! Appends boxes to a buffer; a box's size is written when its content is.

use crate::isobmff::error::Error;

/// A four-character code.
pub(crate) type FourCc = [u8; 4];

/// Boxes in a buffer of their own. What can't be written is remembered and comes out of [`finish`](Self::finish), so
/// that the families of boxes read like the standard's syntax tables.
pub(crate) struct BoxWriter {
    out: Vec<u8>,
    refused: Option<Error>,
}

impl BoxWriter {
    /// With room for `capacity` bytes.
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self {
            out: Vec::with_capacity(capacity),
            refused: None,
        }
    }

    /// Bytes written.
    pub(crate) fn len(&self) -> usize {
        self.out.len()
    }

    /// The bytes, or the first thing that could not be written.
    pub(crate) fn finish(self) -> Result<Vec<u8>, Error> {
        match self.refused {
            Some(error) => Err(error),
            None => Ok(self.out),
        }
    }

    /// Remembers that something can't be written.
    pub(crate) fn refuse(&mut self, error: Error) {
        self.refused.get_or_insert(error);
    }

    /// A `Box` (ISO/IEC 14496-12, 4.2.2) with what `body` writes.
    pub(crate) fn boxed(&mut self, kind: FourCc, body: impl FnOnce(&mut Self)) {
        let start = self.out.len();
        self.u32(0);
        self.bytes(&kind);
        body(self);
        let size = self.out.len() - start;
        match u32::try_from(size) {
            Ok(size) => self.patch_u32(start, size),
            Err(_) => self.refuse(Error::BoxTooLarge {
                kind: kind.escape_ascii().to_string(),
                size: size as u64,
            }),
        }
    }

    /// A `FullBox`: a box that begins with a version and 24 bits of flags.
    pub(crate) fn full(
        &mut self,
        kind: FourCc,
        version: u8,
        flags: u32,
        body: impl FnOnce(&mut Self),
    ) {
        self.boxed(kind, |w| {
            w.u32(u32::from(version) << 24 | flags & 0x00ff_ffff);
            body(w);
        });
    }

    /// Overwrites four bytes that have been written.
    pub(crate) fn patch_u32(&mut self, at: usize, value: u32) {
        if let Some(place) = self.out.get_mut(at..at.saturating_add(4)) {
            place.copy_from_slice(&value.to_be_bytes());
        }
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// `n` bytes of 0.
    pub(crate) fn zeros(&mut self, n: usize) {
        self.out.resize(self.out.len() + n, 0);
    }

    pub(crate) fn u8(&mut self, value: u8) {
        self.out.push(value);
    }

    pub(crate) fn u16(&mut self, value: u16) {
        self.bytes(&value.to_be_bytes());
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.bytes(&value.to_be_bytes());
    }

    pub(crate) fn u64(&mut self, value: u64) {
        self.bytes(&value.to_be_bytes());
    }

    pub(crate) fn i16(&mut self, value: i16) {
        self.bytes(&value.to_be_bytes());
    }

    pub(crate) fn i32(&mut self, value: i32) {
        self.bytes(&value.to_be_bytes());
    }

    pub(crate) fn i64(&mut self, value: i64) {
        self.bytes(&value.to_be_bytes());
    }

    /// The low `n` bytes.
    pub(crate) fn low_bytes(&mut self, value: u32, n: u32) {
        let bytes = value.to_be_bytes();
        let skip = bytes.len().saturating_sub(n as usize);
        self.out.extend(bytes.iter().skip(skip));
    }

    /// 64 bits where `wide`, else 32: the fields that a box's version widens.
    pub(crate) fn sized(&mut self, wide: bool, value: u64, field: &'static str) {
        if wide {
            self.u64(value);
        } else {
            let value = self.narrow(value, field);
            self.u32(value);
        }
    }

    /// `value` in 32 bits, or refuses.
    pub(crate) fn narrow(&mut self, value: u64, field: &'static str) -> u32 {
        u32::try_from(value).unwrap_or_else(|_| {
            self.refuse(Error::TooLarge {
                field,
                found: value,
                max: u32::MAX.into(),
            });
            u32::MAX
        })
    }

    /// A count of entries, 32 bits.
    pub(crate) fn count(&mut self, entries: usize, field: &'static str) {
        let entries = self.narrow(entries as u64, field);
        self.u32(entries);
    }
}

/// Whether a value needs the 64-bit version of a box.
pub(crate) fn is_wide(value: u64) -> bool {
    value > u64::from(u32::MAX)
}

/// The header of an `mdat` with `payload` bytes: 64-bit size past 4 GiB.
pub fn mdat_header(payload: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(16);
    match u32::try_from(payload.saturating_add(8)) {
        Ok(size) => {
            out.extend_from_slice(&size.to_be_bytes());
            out.extend_from_slice(b"mdat");
        }
        Err(_) => {
            out.extend_from_slice(&1u32.to_be_bytes());
            out.extend_from_slice(b"mdat");
            out.extend_from_slice(&payload.saturating_add(16).to_be_bytes());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_patched_inside_out() {
        let mut w = BoxWriter::with_capacity(0);
        w.boxed(*b"outr", |w| {
            w.full(*b"innr", 1, 0x00ab_cdef, |w| w.u16(0x0102));
        });
        assert_eq!(
            w.finish().unwrap(),
            b"\0\0\0\x16outr\0\0\0\x0einnr\x01\xab\xcd\xef\x01\x02"
        );
    }

    #[test]
    fn what_does_not_fit_is_refused_with_its_value() {
        let mut w = BoxWriter::with_capacity(0);
        w.sized(false, 1 << 32, "mdhd: duration");
        w.sized(false, 1 << 33, "later");
        assert_eq!(
            w.finish().unwrap_err().to_string(),
            "mdhd: duration: found 4294967296, expected at most 4294967295"
        );
    }

    #[test]
    fn an_mdat_past_4_gib_has_a_64_bit_size() {
        assert_eq!(mdat_header(8), b"\0\0\0\x10mdat");
        let edge = u64::from(u32::MAX) - 8;
        assert_eq!(mdat_header(edge), b"\xff\xff\xff\xffmdat");
        assert_eq!(mdat_header(edge + 1), b"\0\0\0\x01mdat\0\0\0\x01\0\0\0\x08");
    }
}
