//! The header of a WAV file whose length is known before its samples, so that a pipe gets one, too.

/// Bytes of a sample: 16 bits, signed.
const SAMPLE: u16 = 2;
/// `WAVE_FORMAT_PCM`.
const PCM: u16 = 1;
/// `WAVE_FORMAT_EXTENSIBLE`.
const EXTENSIBLE: u16 = 0xFFFE;
/// `KSDATAFORMAT_SUBTYPE_PCM` behind its first two bytes, which are the tag of the form without an extension.
const SUBTYPE: [u8; 14] = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71];

/// Channels as `dwChannelMask` has them, in the order of their bits, which is their order in the file.
const FL: u32 = 0x1;
const FR: u32 = 0x2;
const FC: u32 = 0x4;
const LFE: u32 = 0x8;
const BL: u32 = 0x10;
const BR: u32 = 0x20;
const BC: u32 = 0x100;
const SL: u32 = 0x200;
const SR: u32 = 0x400;

/// Order of the channels of mapping family 1 (RFC 7845, 5.1.1.2: that of Vorbis), for 1 to 8 of them.
const FAMILY_1: [&[u32]; 8] = [
    &[FC],
    &[FL, FR],
    &[FL, FC, FR],
    &[FL, FR, BL, BR],
    &[FL, FC, FR, BL, BR],
    &[FL, FC, FR, BL, BR, LFE],
    &[FL, FC, FR, SL, SR, BC, LFE],
    &[FL, FC, FR, SL, SR, BL, BR, LFE],
];

/// How channels lie in a WAV file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channels {
    count: u16,
    mask: u32,
    /// For each channel of the file, its number in the stream; empty where they are the same.
    order: Vec<usize>,
}

impl Channels {
    /// Those of a stream of this mapping family. Channels of family 255 mean nothing and keep their order.
    pub fn new(count: u8, family: u8) -> Self {
        let places = match family {
            0 | 1 => FAMILY_1.get(usize::from(count).wrapping_sub(1)),
            _ => None,
        };
        let places = places.copied().unwrap_or_default();
        let mut order: Vec<usize> = (0..places.len()).collect();
        order.sort_by_key(|channel| places.get(*channel));
        if order.is_sorted() {
            order.clear();
        }
        Self {
            count: count.into(),
            mask: places.iter().fold(0, |mask, place| mask | place),
            order,
        }
    }

    /// Brings interleaved samples into the order of the file.
    pub fn reorder<T: Copy>(&self, samples: &mut [T]) {
        if self.order.is_empty() {
            return;
        }
        let mut before = Vec::with_capacity(self.order.len());
        for frame in samples.chunks_exact_mut(self.order.len()) {
            before.clear();
            before.extend_from_slice(frame);
            for (sample, from) in frame.iter_mut().zip(&self.order) {
                if let Some(value) = before.get(*from) {
                    *sample = *value;
                }
            }
        }
    }
}

/// The header of a file with `frames` samples of each channel at `rate` Hz. RF64 (EBU Tech 3306) where the length does
/// not fit 32 bits; `WAVE_FORMAT_EXTENSIBLE` where there are more channels than two.
pub fn header(channels: &Channels, rate: u32, frames: u64) -> Vec<u8> {
    let format = format(channels, rate);
    let block = u64::from(channels.count) * u64::from(SAMPLE);
    let data = frames.saturating_mul(block);
    let riff = data.saturating_add(4 + 8 + format.len() as u64 + 8);
    let short = u32::try_from(riff).ok().zip(u32::try_from(data).ok());
    let mut header = Vec::with_capacity(128);
    match short {
        Some((riff, _)) => {
            header.extend_from_slice(b"RIFF");
            header.extend_from_slice(&riff.to_le_bytes());
            header.extend_from_slice(b"WAVE");
        }
        None => {
            header.extend_from_slice(b"RF64\xff\xff\xff\xffWAVEds64");
            header.extend_from_slice(&28u32.to_le_bytes());
            for number in [riff.saturating_add(8 + 28), data, frames] {
                header.extend_from_slice(&number.to_le_bytes());
            }
            // No table of further chunks.
            header.extend_from_slice(&0u32.to_le_bytes());
        }
    }
    header.extend_from_slice(b"fmt ");
    header.extend_from_slice(&(format.len() as u32).to_le_bytes());
    header.extend_from_slice(&format);
    header.extend_from_slice(b"data");
    header.extend_from_slice(&short.map_or(u32::MAX, |(_, data)| data).to_le_bytes());
    header
}

/// The chunk `fmt `.
fn format(channels: &Channels, rate: u32) -> Vec<u8> {
    let extended = channels.count > 2;
    let tag = if extended { EXTENSIBLE } else { PCM };
    let block = channels.count.saturating_mul(SAMPLE);
    let bits = SAMPLE * 8;
    let mut format = Vec::with_capacity(40);
    format.extend_from_slice(&tag.to_le_bytes());
    format.extend_from_slice(&channels.count.to_le_bytes());
    format.extend_from_slice(&rate.to_le_bytes());
    format.extend_from_slice(&rate.saturating_mul(block.into()).to_le_bytes());
    format.extend_from_slice(&block.to_le_bytes());
    format.extend_from_slice(&bits.to_le_bytes());
    if extended {
        format.extend_from_slice(&22u16.to_le_bytes());
        format.extend_from_slice(&bits.to_le_bytes());
        format.extend_from_slice(&channels.mask.to_le_bytes());
        format.extend_from_slice(&PCM.to_le_bytes());
        format.extend_from_slice(&SUBTYPE);
    }
    format
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header_of(count: u8, frames: u64) -> Vec<u8> {
        header(&Channels::new(count, 1), 48_000, frames)
    }

    fn number(header: &[u8], at: usize) -> u32 {
        u32::from_le_bytes(header[at..at + 4].try_into().unwrap())
    }

    #[test]
    fn stereo_has_the_44_bytes_that_everybody_knows() {
        let header = header_of(2, 1000);
        let mut expected = b"RIFF\xc4\x0f\0\0WAVEfmt \x10\0\0\0\x01\0\x02\0".to_vec();
        expected.extend_from_slice(b"\x80\xbb\0\0\0\xee\x02\0\x04\0\x10\0data\xa0\x0f\0\0");
        assert_eq!(header, expected);
    }

    #[test]
    fn more_channels_have_a_mask() {
        let header = header_of(6, 10);
        assert_eq!(number(&header, 16), 40);
        assert_eq!(header[20..24], [0xFE, 0xFF, 6, 0]);
        assert_eq!(number(&header, 40), 0x3F);
        assert_eq!(header[44..48], [1, 0, 0, 0]);
        assert_eq!(header[60..64], *b"data");
        assert_eq!(number(&header, 64), 120);
        assert_eq!(number(&header, 4) as usize, header.len() - 8 + 120);
        let plain = super::header(&Channels::new(3, 255), 48_000, 1);
        assert_eq!(number(&plain, 40), 0);
    }

    #[test]
    fn beyond_4_gib_the_length_has_64_bits() {
        let frames = (1 << 32) / 4;
        let short = header_of(2, frames - 10);
        assert_eq!(short[..4], *b"RIFF");
        assert_eq!(number(&short, 40), u32::MAX - 39);
        let long = header_of(2, frames);
        assert_eq!(long[..16], *b"RF64\xff\xff\xff\xffWAVEds64");
        let wide = |at: usize| u64::from_le_bytes(long[at..at + 8].try_into().unwrap());
        assert_eq!(wide(20), (1 << 32) + long.len() as u64 - 8);
        assert_eq!((wide(28), wide(36)), (1 << 32, frames));
        assert_eq!(long[48..52], *b"fmt ");
        assert_eq!(number(&long, long.len() - 4), u32::MAX);
        assert!(header_of(8, u64::MAX).starts_with(b"RF64"));
    }

    #[test]
    fn channels_get_the_order_of_the_file() {
        // Of 5.1: left, centre, right, back left, back right, low.
        let mut samples = [0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15];
        Channels::new(6, 1).reorder(&mut samples);
        assert_eq!(samples, [0, 2, 1, 5, 3, 4, 10, 12, 11, 15, 13, 14]);
        for (count, order) in [
            (3, &[0, 2, 1][..]),
            (5, &[0, 2, 1, 3, 4]),
            (7, &[0, 2, 1, 6, 5, 3, 4]),
            (8, &[0, 2, 1, 7, 5, 6, 3, 4]),
        ] {
            assert_eq!(Channels::new(count, 1).order, order, "{count}");
        }
        for (count, family) in [(1, 0), (2, 0), (4, 1), (6, 255), (200, 255)] {
            assert!(Channels::new(count, family).order.is_empty());
        }
    }
}
