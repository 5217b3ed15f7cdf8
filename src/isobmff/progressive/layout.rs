//! Where the boxes of a file lie: the header of `mdat`, `moov` before the media, room that is reserved for it.

use super::ProgressiveError;

/// Bytes of a box header with a 32-bit size.
pub const SHORT_HEADER: u64 = 8;
/// Bytes of a box header with a 64-bit size.
pub const LONG_HEADER: u64 = 16;

/// The header of an `mdat` with so many bytes of payload: 8 bytes, or 16 where the box is 4 GiB or more.
///
/// # Errors
/// [`ProgressiveError::TooLarge`].
pub fn mdat_header(payload: u64) -> Result<Vec<u8>, ProgressiveError> {
    let total = |header: u64| payload.checked_add(header);
    if let Some(size) = total(SHORT_HEADER).and_then(|size| u32::try_from(size).ok()) {
        return Ok([size.to_be_bytes(), *b"mdat"].concat());
    }
    let size = total(LONG_HEADER).ok_or(ProgressiveError::TooLarge { what: "mdat" })?;
    let mut header = [1_u32.to_be_bytes(), *b"mdat"].concat();
    header.extend(size.to_be_bytes());
    Ok(header)
}

/// A `free` box of so many bytes with its header.
///
/// # Errors
/// [`ProgressiveError::TooLarge`] past 4 GiB, and for less than a header.
pub fn free_box(total: u64) -> Result<Vec<u8>, ProgressiveError> {
    let too_large = ProgressiveError::TooLarge { what: "free" };
    let size = u32::try_from(total).map_err(|_| too_large.clone())?;
    let length = usize::try_from(total).map_err(|_| too_large.clone())?;
    if total < SHORT_HEADER {
        return Err(too_large);
    }
    let mut out = [size.to_be_bytes(), *b"free"].concat();
    out.resize(length, 0);
    Ok(out)
}

/// `moov` and the header of `mdat`, for a file that begins with `before` bytes, then has these two, then `payload`
/// bytes of media. `moov` is asked for the box whose chunk offsets count from a position. Its size never falls as the
/// position rises, and rises where offsets pass 32 bits: it is asked again until the position is the one behind it.
///
/// # Errors
/// What `moov` says; [`ProgressiveError::TooLarge`].
pub fn front<E: From<ProgressiveError>>(
    before: u64,
    payload: u64,
    mut moov: impl FnMut(u64) -> Result<Vec<u8>, E>,
) -> Result<Vec<u8>, E> {
    let header = mdat_header(payload)?;
    let mut length = 0;
    loop {
        let position = (before.checked_add(length))
            .and_then(|p| p.checked_add(header.len() as u64))
            .ok_or(ProgressiveError::TooLarge { what: "moov" })?;
        let mut bytes = moov(position)?;
        if bytes.len() as u64 == length {
            bytes.extend(header);
            return Ok(bytes);
        }
        length = bytes.len() as u64;
    }
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
        Some(rest) if rest < SHORT_HEADER => Err(too_small(length.saturating_add(SHORT_HEADER))),
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

    /// A `moov` with 1000 chunk offsets of 4 bytes, of 8 where the last of them is past 32 bits.
    fn moov(last: u64) -> impl FnMut(u64) -> Result<Vec<u8>, ProgressiveError> {
        move |position| {
            let wide = u32::try_from(position + last).is_err();
            Ok(vec![0; 100 + if wide { 8000 } else { 4000 }])
        }
    }

    #[test]
    fn a_small_file_has_short_headers_and_offsets() {
        let head = front(24, 1000, moov(990)).unwrap();
        assert_eq!(head.len(), 4100 + 8);
        assert_eq!(head[4100..], [0, 0, 3, 0xf0, b'm', b'd', b'a', b't']);
    }

    #[test]
    fn past_4_gib_the_header_and_the_offsets_are_long() {
        let head = front(24, 5 << 30, moov((5 << 30) - 10)).unwrap();
        assert_eq!(head.len(), 8100 + 16);
        let size = [0, 0, 0, 1, 0x40, 0, 0, 16];
        assert_eq!(head[8100..], [&[0, 0, 0, 1], b"mdat", &size[..]].concat());
    }

    #[test]
    fn offsets_that_become_long_because_of_moov_itself_are_long() {
        // The media alone, and with the small box, end before 4 GiB; with the position behind it they do not.
        let last = u64::from(u32::MAX) - 3000;
        let head = front(24, last + 100, moov(last)).unwrap();
        assert_eq!(head.len(), 8100 + 8);
        let payload = u64::from(u32::MAX) - 8;
        assert_eq!(mdat_header(payload).unwrap().len(), 8);
        assert_eq!(mdat_header(payload + 1).unwrap().len(), 16);
        assert!(mdat_header(u64::MAX).is_err());
    }

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
