//! Opus: `dOps` (Opus in ISOBMFF, 4.3.2). Header and packets are [`crate::opus`]'s.

use crate::opus::Head;

/// Samples that a decoder needs to converge after a seek: 80 ms (RFC 7845, 4.6).
pub const PRE_ROLL: u32 = 3840;

/// The payload of `dOps`: an `OpusHead` without its magic, big-endian, of version 0.
pub fn record(head: &Head) -> Vec<u8> {
    let mut out = vec![0, head.channels];
    out.extend(head.pre_skip.to_be_bytes());
    out.extend(head.input_rate.to_be_bytes());
    out.extend(head.gain.to_be_bytes());
    head.mapping.write(&mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_turn_big_endian() {
        let head = b"OpusHead\x01\x02\x38\x01\x80\xbb\x00\x00\xfe\xff\x00";
        let expected = *b"\x00\x02\x01\x38\x00\x00\xbb\x80\xff\xfe\x00";
        assert_eq!(record(&Head::parse(head).unwrap()), expected);
    }

    #[test]
    fn mappings_come_whole() {
        let head =
            b"OpusHead\x01\x06\x38\x01\x80\xbb\x00\x00\x00\x00\x01\x04\x02\x00\x04\x01\x02\x03\x05";
        let record = record(&Head::parse(head).unwrap());
        assert_eq!(record[10..], [1, 4, 2, 0, 4, 1, 2, 3, 5]);
    }
}
