//! NAL units: in samples, each after its length, and without their emulation prevention.

use super::Error;

/// The NAL units of a sample, each after a length of `length_size` bytes (ISO/IEC 14496-15, 5.3.4.2.1). Ends before
/// a unit that is not whole.
pub(super) fn units(sample: &[u8], length_size: u8) -> impl Iterator<Item = &[u8]> {
    let mut rest = sample;
    std::iter::from_fn(move || {
        let (length, after) = rest.split_at_checked(usize::from(length_size))?;
        if length.is_empty() {
            return None;
        }
        let length = length
            .iter()
            .fold(0usize, |l, b| (l << 8) | usize::from(*b));
        let (unit, after) = after.split_at_checked(length)?;
        rest = after;
        Some(unit)
    })
}

/// Checks that a sample is whole NAL units, each after a length of `length_size` bytes.
///
/// # Errors
/// When one is cut.
pub(super) fn check(codec: &'static str, sample: &[u8], length_size: u8) -> Result<(), Error> {
    let header = usize::from(length_size);
    let covered = units(sample, length_size).fold(0, |at, unit| at + header + unit.len());
    match sample.get(covered..) {
        None | Some([]) => Ok(()),
        Some(rest) => Err(Error::Field {
            codec,
            field: "NALUnitLength",
            offset: covered,
            found: format!("a unit that is cut after {} bytes", rest.len()),
            expected: "whole NAL units to the end of the access unit",
        }),
    }
}

/// The payload of a NAL unit (RBSP): every 3 after two zeros is left out (ISO/IEC 14496-10, 7.3.1).
pub(super) fn payload(unit: &[u8]) -> Vec<u8> {
    let mut zeros = 0;
    let mut out = Vec::with_capacity(unit.len());
    for &byte in unit {
        if zeros >= 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        out.push(byte);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_end_before_one_that_is_cut() {
        let sample = [0, 2, 7, 8, 0, 0, 0, 1, 9, 0, 5, 1, 2];
        let found: Vec<_> = units(&sample, 2).collect();
        assert_eq!(found, [&[7, 8][..], &[], &[9]]);
        assert_eq!(units(&sample, 0).count(), 0);
        assert_eq!(units(&[0, 0, 0, 1, 0x67], 4).next(), Some(&[0x67][..]));
        assert_eq!(units(&[0xff; 9], 4).count(), 0);
    }

    #[test]
    fn a_sample_is_whole_units_or_wrong_where_one_is_cut() {
        assert_eq!(check("AVC", &[0, 2, 7, 8, 0, 0], 2), Ok(()));
        assert_eq!(check("AVC", &[], 4), Ok(()));
        for cut in [
            &[0, 2, 7, 8, 0][..],
            &[0, 2, 7, 8, 0, 1],
            &[0, 2, 7, 8, 0, 3, 1, 2],
        ] {
            let error = check("AVC", cut, 2).unwrap_err();
            assert!(matches!(error, Error::Field { offset: 4, .. }), "{error}");
        }
    }

    #[test]
    fn a_three_after_two_zeros_prevents_emulation() {
        assert_eq!(
            payload(&[0, 0, 3, 1, 0, 0, 3, 0, 0, 3]),
            [0, 0, 1, 0, 0, 0, 0]
        );
        assert_eq!(payload(&[0, 3, 0, 0, 0, 3]), [0, 3, 0, 0, 0]);
    }
}
