//! CRC-32/ISO-HDLC, and the footer of a file computed from the lengths of its chunks alone.
//!
//! A chunk ends in the CRC of the bytes before it, so hashing the whole chunk from the usual start
//! leaves a constant residue. The CRC of a file therefore advances over a chunk of `n` bytes as
//! `crc · x^(8n) + residue` in GF(2)[x] modulo the CRC polynomial, whatever the chunk holds.

/// Reflected polynomial of CRC-32/ISO-HDLC.
const POLYNOMIAL: u32 = 0xedb8_8320;
/// CRC of any message that is followed by its own CRC in little-endian order.
const RESIDUE: u32 = 0x2144_df1c;
/// Bytes of a chunk length that can be non-zero: 4 GiB + 16 needs five.
const LENGTH_BYTES: usize = 5;

/// `POWERS[j][b]` = x^(8 · b · 256^j) modulo the polynomial.
static POWERS: [[u32; 256]; LENGTH_BYTES] = powers();

/// The CRC of `data`.
pub fn crc32(data: &[u8]) -> u32 {
    crc32fast::hash(data)
}

/// Product of two polynomials in reflected bit order, modulo the CRC polynomial.
const fn multiply(a: u32, mut b: u32) -> u32 {
    let mut product = 0;
    let mut bit = 32;
    while bit > 0 {
        bit -= 1;
        product ^= b & 0u32.wrapping_sub((a >> bit) & 1);
        b = (b >> 1) ^ (POLYNOMIAL & 0u32.wrapping_sub(b & 1));
    }
    product
}

#[allow(clippy::indexing_slicing)] // evaluated at compile time, where a bad index stops the build
const fn powers() -> [[u32; 256]; LENGTH_BYTES] {
    let mut table = [[0; 256]; LENGTH_BYTES];
    // x^8: in reflected order, x^0 is the highest bit.
    let mut step = 1 << 23;
    let mut j = 0;
    while j < LENGTH_BYTES {
        table[j][0] = 1 << 31;
        let mut b = 1;
        while b < 256 {
            table[j][b] = multiply(table[j][b - 1], step);
            b += 1;
        }
        step = multiply(table[j][255], step);
        j += 1;
    }
    table
}

/// x^(8 · length) modulo the polynomial.
fn power(length: u64) -> u32 {
    let mut product = 1 << 31;
    for (powers, byte) in POWERS.iter().zip(length.to_le_bytes()) {
        if byte != 0 {
            let power = powers.get(usize::from(byte)).copied().unwrap_or_default();
            product = multiply(power, product);
        }
    }
    product
}

/// The running CRC of a file, for its footer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileCrc {
    crc: u32,
    /// The last chunk's length and what it multiplies by: blocks are often of one length.
    last: (u64, u32),
}

impl FileCrc {
    /// Begins with the bytes of the file header.
    pub fn new(header: &[u8]) -> Self {
        Self {
            crc: crc32(header),
            last: (0, power(0)),
        }
    }

    /// Advances over a whole chunk of `length` bytes, its own CRC included.
    pub fn chunk(&mut self, length: u64) {
        if length != self.last.0 {
            self.last = (length, power(length));
        }
        self.crc = multiply(self.last.1, self.crc) ^ RESIDUE;
    }

    /// The CRC of everything so far.
    pub fn value(self) -> u32 {
        self.crc
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_footer_from_lengths_equals_the_crc_of_all_bytes() {
        let mut file = b"H4MK\x01\0\0\0\0\0\0\0\0\0\0\0".to_vec();
        let mut crc = FileCrc::new(&file);
        for length in [0usize, 1, 12, 255, 256, 1_028, 70_000, 1 << 24] {
            let chunk = vec![length as u8 ^ 0x5a; length];
            file.extend(&chunk);
            file.extend(crc32(&chunk).to_le_bytes());
            crc.chunk(length as u64 + 4);
            assert_eq!(crc.value(), crc32(&file), "{length}");
        }
    }
}
