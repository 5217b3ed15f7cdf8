//! Room for `moov` that is reserved at the start of a file.

use super::ProgressiveError;

/// Bytes of a box header.
const HEADER: u64 = 8;

/// A `free` box of so many bytes with its header.
///
/// # Errors
/// [`ProgressiveError::TooLarge`] past 4 GiB, and for less than a header.
pub fn free_box(total: u64) -> Result<Vec<u8>, ProgressiveError> {
    let too_large = ProgressiveError::TooLarge { what: "free" };
    let size = u32::try_from(total).map_err(|_| too_large.clone())?;
    let length = usize::try_from(total).map_err(|_| too_large.clone())?;
    if total < HEADER {
        return Err(too_large);
    }
    let mut out = [size.to_be_bytes(), *b"free"].concat();
    out.resize(length, 0);
    Ok(out)
}

/// Fills the room that was reserved for `moov`: what is left becomes a `free` box.
///
/// # Errors
/// [`ProgressiveError::Reserve`] when it does not fit.
pub fn fill(mut moov: Vec<u8>, reserved: u64) -> Result<Vec<u8>, ProgressiveError> {
    let length = moov.len() as u64;
    let too_small = |needed| ProgressiveError::Reserve { needed, reserved };
    match reserved.checked_sub(length) {
        None => Err(too_small(length)),
        Some(0) => Ok(moov),
        Some(rest) if rest < HEADER => Err(too_small(length.saturating_add(HEADER))),
        Some(rest) => {
            moov.extend(free_box(rest)?);
            Ok(moov)
        }
    }
}

/// What is known of a track before its samples are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// Most samples in a second.
    pub rate: u32,
    /// Pictures: sync samples, composition offsets and durations of their own.
    pub video: bool,
}

/// Bytes of a sample's rows: `stsz`, and `stts` where durations differ.
const AUDIO_ROWS: u64 = 4 + 8;
/// The same with `ctts` and `stss`.
const VIDEO_ROWS: u64 = AUDIO_ROWS + 8 + 4;
/// Bytes of a chunk's rows: `co64` and `stsc`.
const CHUNK_ROWS: u64 = 8 + 12;

/// Bytes that the rows of the tracks' tables take at most, for so many nanoseconds with chunks of `chunk_ns`.
pub fn rows(tracks: &[Expected], duration_ns: u64, chunk_ns: u64) -> u64 {
    let of_track = |track: &Expected| {
        let product = u128::from(duration_ns) * u128::from(track.rate);
        let samples = u64::try_from(product.div_ceil(1_000_000_000)).unwrap_or(u64::MAX);
        // A chunk may end early where the next one's track is behind.
        let chunks = (duration_ns.div_ceil(chunk_ns.max(1)).saturating_add(1)).saturating_mul(2);
        let sample = if track.video { VIDEO_ROWS } else { AUDIO_ROWS };
        let chunks = chunks.min(samples).saturating_mul(CHUNK_ROWS);
        samples.saturating_mul(sample).saturating_add(chunks)
    };
    tracks.iter().map(of_track).fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_room_is_filled_to_its_last_byte() {
        assert_eq!(fill(vec![1; 20], 20).unwrap(), vec![1; 20]);
        let filled = fill(vec![1; 20], 30).unwrap();
        assert_eq!(filled.len(), 30);
        assert_eq!(filled[20..], [0, 0, 0, 10, b'f', b'r', b'e', b'e', 0, 0]);
        let too_small = |needed| {
            Err(ProgressiveError::Reserve {
                needed,
                reserved: 25,
            })
        };
        assert_eq!(fill(vec![1; 26], 25), too_small(26));
        assert_eq!(fill(vec![1; 20], 25), too_small(28), "no box has 5 bytes");
    }

    #[test]
    fn rows_are_counted_for_every_track() {
        let video = Expected {
            rate: 25,
            video: true,
        };
        let audio = Expected {
            rate: 47,
            video: false,
        };
        let second = 1_000_000_000;
        assert_eq!(rows(&[video], 10 * second, second / 2), 250 * 24 + 42 * 20);
        assert_eq!(
            rows(&[video, audio], second, second),
            25 * 24 + 47 * 12 + 8 * 20
        );
        assert!(rows(&[video], u64::MAX, 1) > 1 << 40, "no overflow");
    }
}
