//! Packets are taken and refused as libopus does, and last as long.
//!
//! `opus_packet_parse` keeps the rules of RFC 6716, 3.4 to the letter, and the decoder those of Appendix B.
//! `opus_packet_get_nb_samples`, which looks at the first two bytes, is laxer: it takes packets that end early, and 0 frames.

use gstharmony::opus::{Error, Packet, Toc, samples};
use opusic_sys as libopus;
use proptest::prelude::*;

/// What libopus says of a packet of one stream: frames and samples at 48 kHz, or that it is none.
fn by_libopus(data: &[u8]) -> Option<(u8, u32)> {
    let length = i32::try_from(data.len()).unwrap();
    let mut sizes = [0i16; 48];
    // SAFETY: the bytes are there, `sizes` has room for the 48 frames of the longest packet, and what is null is optional.
    let (frames, samples) = unsafe {
        let frames = libopus::opus_packet_parse(
            data.as_ptr(),
            length,
            std::ptr::null_mut(),
            std::ptr::null_mut(),
            sizes.as_mut_ptr(),
            std::ptr::null_mut(),
        );
        let samples = match data.is_empty() {
            true => libopus::OPUS_INVALID_PACKET,
            false => libopus::opus_packet_get_nb_samples(data.as_ptr(), length, 48_000),
        };
        (frames, samples)
    };
    if frames < 0 {
        assert_eq!(frames, libopus::OPUS_INVALID_PACKET);
        return None;
    }
    Some((
        u8::try_from(frames).unwrap(),
        u32::try_from(samples).unwrap(),
    ))
}

/// Compares what is said of a packet of one stream.
fn agree(data: &[u8]) {
    let ours = Packet::parse(data);
    let found = ours.as_ref().ok().map(|p| (p.frames, p.samples));
    assert_eq!(found, by_libopus(data), "{data:02x?}: {ours:?}");
    match ours {
        Ok(packet) => {
            assert_eq!(packet.toc, Toc::from(data[0]));
            assert_eq!(samples(data), Ok(packet.samples));
        }
        Err(Error::Packet { offset, .. }) => assert!(offset <= data.len(), "{data:02x?}"),
        Err(other) => panic!("{data:02x?}: {other}"),
    }
    assert_eq!(Packet::parse_streams(data, 1), Packet::parse(data));
}

/// libopus' decoder of several mono streams.
struct Decoder {
    decoder: *mut libopus::OpusMSDecoder,
    streams: u8,
}

impl Decoder {
    fn new(streams: u8) -> Self {
        let mapping: Vec<u8> = (0..streams).collect();
        let (count, mut error) = (i32::from(streams), 0);
        // SAFETY: `mapping` has an entry for each channel.
        let decoder = unsafe {
            libopus::opus_multistream_decoder_create(
                48_000,
                count,
                count,
                0,
                mapping.as_ptr(),
                &raw mut error,
            )
        };
        assert_eq!(error, libopus::OPUS_OK);
        Self { decoder, streams }
    }

    /// Samples at 48 kHz of a packet; [`None`] where it is none.
    fn samples(&self, data: &[u8]) -> Option<u32> {
        let length = i32::try_from(data.len()).unwrap();
        let mut pcm = vec![0i16; 5760 * usize::from(self.streams)];
        // SAFETY: the decoder lives, the bytes are there, and `pcm` has room for 120 ms of each channel.
        let samples = unsafe {
            libopus::opus_multistream_decode(
                self.decoder,
                data.as_ptr(),
                length,
                pcm.as_mut_ptr(),
                5760,
                0,
            )
        };
        if samples < 0 {
            assert_eq!(samples, libopus::OPUS_INVALID_PACKET);
            return None;
        }
        Some(u32::try_from(samples).unwrap())
    }

    fn agree(&self, data: &[u8]) {
        let ours = Packet::parse_streams(data, self.streams);
        let found = ours.as_ref().ok().map(|packet| packet.samples);
        let message = format!("{} streams, {data:02x?}: {ours:?}", self.streams);
        assert_eq!(found, self.samples(data), "{message}");
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        // SAFETY: it was made by libopus and is used no more.
        unsafe { libopus::opus_multistream_decoder_destroy(self.decoder) }
    }
}

/// A packet that keeps the rules, or nearly.
#[derive(Debug, Clone)]
struct Recipe {
    toc: u8,
    /// Sizes of frames; where all are of one size, the first counts.
    sizes: Vec<usize>,
    vbr: bool,
    padding: Option<usize>,
}

impl Recipe {
    fn bytes(&self, delimited: bool) -> Vec<u8> {
        let count = match self.toc & 3 {
            0 => 1,
            1 | 2 => 2,
            _ => self.sizes.len(),
        };
        let vbr = self.toc & 3 == 2 || (self.toc & 3 == 3 && self.vbr);
        let mut sizes = self.sizes.clone();
        sizes.resize(count, self.sizes[0]);
        if !vbr {
            sizes.fill(self.sizes[0]);
        }
        let mut out = vec![self.toc];
        let padding = self.padding.filter(|_| self.toc & 3 == 3);
        if self.toc & 3 == 3 {
            let padded = padding.map_or(0, |_| 0x40);
            out.push(u8::try_from(count & 0x3f).unwrap() | padded | u8::from(vbr) << 7);
        }
        if let Some(padding) = padding {
            out.extend(vec![255; padding / 254]);
            out.push((padding % 254) as u8);
        }
        let first = if vbr { 0 } else { count - 1 };
        let last = if delimited { count } else { count - 1 };
        for size in sizes.get(first..last).unwrap_or_default() {
            match u8::try_from(*size) {
                Ok(short @ ..252) => out.push(short),
                _ => {
                    let low = 252 + size % 4;
                    out.extend([low as u8, ((size - low) / 4) as u8]);
                }
            }
        }
        // Frames that are no silence and no speech: any bytes decode.
        out.extend((0..sizes.iter().sum()).map(|k: usize| (k * 37 + 11) as u8));
        out.extend(vec![0; padding.unwrap_or(0)]);
        out
    }
}

fn size() -> impl Strategy<Value = usize> {
    prop_oneof![
        0..8usize,
        248..260usize,
        1270..=1276usize,
        prop::num::usize::ANY.prop_map(|any| any % 1300),
    ]
}

fn padding() -> impl Strategy<Value = Option<usize>> {
    prop::option::of(prop_oneof![0..4usize, 250..260usize, 500..520usize])
}

fn recipe(toc: impl Strategy<Value = u8>) -> impl Strategy<Value = Recipe> {
    let sizes = prop_oneof![
        prop::collection::vec(size(), 1..8),
        prop::collection::vec(size(), 1..64),
    ];
    (toc, sizes, any::<bool>(), padding()).prop_map(|(toc, sizes, vbr, padding)| Recipe {
        toc,
        sizes,
        vbr,
        padding,
    })
}

/// What happens to the bytes of a packet on the way.
#[derive(Debug, Clone)]
enum Damage {
    None,
    Cut(prop::sample::Index),
    Longer(Vec<u8>),
    /// Among the first bytes, which say how the rest is laid out.
    Changed(usize, u8),
}

impl Damage {
    fn any() -> impl Strategy<Value = Self> {
        prop_oneof![
            Just(Self::None),
            any::<prop::sample::Index>().prop_map(Self::Cut),
            prop::collection::vec(any::<u8>(), 1..5).prop_map(Self::Longer),
            (0..12usize, any::<u8>()).prop_map(|(at, byte)| Self::Changed(at, byte)),
        ]
    }

    fn apply(&self, data: &mut Vec<u8>) {
        match self {
            Self::None => {}
            Self::Cut(at) => data.truncate(at.index(data.len() + 1)),
            Self::Longer(more) => data.extend(more),
            Self::Changed(at, byte) => {
                if let Some(found) = data.get_mut(*at) {
                    *found = *byte;
                }
            }
        }
    }
}

/// Frame counts of code 3 that make 20 ms of each frame size, and those of the other codes.
fn of_20_ms() -> impl Strategy<Value = Recipe> {
    // CELT of 2.5, 5, 10 and 20 ms, SILK of 10 and 20 ms, hybrid of 20 ms.
    let kinds = prop::sample::select(vec![
        (16 << 3 | 3, 8),
        (17 << 3 | 3, 4),
        (18 << 3 | 1, 2),
        (18 << 3 | 2, 2),
        (18 << 3 | 3, 2),
        (19 << 3, 1),
        (19 << 3 | 3, 1),
        (1, 2),
        (1 << 3, 1),
        (13 << 3, 1),
    ]);
    let sizes = prop::collection::vec(prop_oneof![0..8usize, 250..254usize], 8);
    (kinds, sizes, any::<bool>(), padding()).prop_map(|((toc, count), mut sizes, vbr, padding)| {
        sizes.truncate(count);
        Recipe {
            toc,
            sizes,
            vbr,
            padding,
        }
    })
}

/// The first two bytes decide on nearly everything: all of them, with rests of all small lengths.
#[test]
fn all_first_bytes_are_taken_as_by_libopus() {
    agree(&[]);
    for toc in 0..=255 {
        agree(&[toc]);
        for second in 0..=255 {
            for fill in [0, 1, 3, 252, 255] {
                let data = [toc, second, fill, fill, fill, fill, fill, fill, fill];
                for length in 2..=data.len() {
                    agree(&data[..length]);
                }
            }
        }
    }
}

#[test]
fn lengths_at_the_limits_are_taken_as_by_libopus() {
    for toc in 0..=255u8 {
        for length in (0..8).chain(1270..1280).chain(2545..2560) {
            let mut data = vec![toc];
            data.resize(1 + length, 2);
            agree(&data);
        }
    }
}

/// The laxer answer, which a reader must not lean on.
#[test]
fn libopus_counts_samples_of_packets_that_it_does_not_decode() {
    let count = |data: &[u8]| {
        let length = i32::try_from(data.len()).unwrap();
        // SAFETY: the bytes are there.
        unsafe { libopus::opus_packet_get_nb_samples(data.as_ptr(), length, 48_000) }
    };
    let celt = 31 << 3;
    for (data, samples) in [
        (&[celt | 3, 0][..], 0),
        (&[celt | 1, 9], 1920),
        (&[celt | 2], 1920),
        (&[celt | 3, 0x82], 1920),
    ] {
        assert_eq!(count(data), samples, "{data:02x?}");
        assert!(Packet::parse(data).is_err(), "{data:02x?}");
        agree(data);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn any_bytes_are_taken_as_by_libopus(data in prop::collection::vec(any::<u8>(), 0..64)) {
        agree(&data);
    }

    #[test]
    fn packets_and_damaged_ones_are_taken_as_by_libopus(
        recipe in recipe(any::<u8>()),
        damage in Damage::any(),
    ) {
        let mut data = recipe.bytes(false);
        damage.apply(&mut data);
        agree(&data);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(800))]

    #[test]
    fn several_streams_are_taken_as_by_libopus(
        recipes in prop::collection::vec(of_20_ms(), 1..9),
        damage in Damage::any(),
    ) {
        let decoder = Decoder::new(u8::try_from(recipes.len()).unwrap());
        let last = recipes.len() - 1;
        let packets = recipes.iter().enumerate();
        let mut data = packets
            .flat_map(|(stream, recipe)| recipe.bytes(stream != last))
            .collect::<Vec<u8>>();
        decoder.agree(&data);
        prop_assert!(Packet::parse_streams(&data, decoder.streams).is_ok());
        damage.apply(&mut data);
        if !data.is_empty() {
            decoder.agree(&data);
        }
    }

    #[test]
    fn streams_of_any_durations_are_taken_as_by_libopus(
        recipes in prop::collection::vec(recipe(prop::sample::select(vec![0, 1, 152, 153, 154, 155, 248, 251])), 2..4),
        damage in Damage::any(),
    ) {
        let decoder = Decoder::new(u8::try_from(recipes.len()).unwrap());
        let last = recipes.len() - 1;
        let packets = recipes.iter().enumerate();
        let mut data = packets
            .flat_map(|(stream, recipe)| recipe.bytes(stream != last))
            .collect::<Vec<u8>>();
        damage.apply(&mut data);
        if !data.is_empty() {
            decoder.agree(&data);
        }
    }
}
