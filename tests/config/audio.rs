//! AAC, Opus, FLAC, AC-3 and E-AC-3.

use gstharmony::isobmff::config::{aac, ac3, eac3, flac, opus as dops};
use gstharmony::opus;

use crate::common::media::Recipe;
use crate::reference::{durations, first_box, packets, probe, stream};

macro_rules! audio {
    ($name:literal, $source:literal, $arguments:literal) => {
        Recipe {
            name: concat!("config-", $name, ".mp4"),
            ffmpeg: concat!("-f lavfi -i ", $source, " ", $arguments, " -f mp4"),
        }
    };
}

pub const AAC: &[Recipe] = &[
    audio!("aac-48", "sine=r=48000:d=1", "-c:a aac"),
    audio!("aac-44-stereo", "sine=r=44100:d=1", "-ac 2 -c:a aac"),
    audio!("aac-96-51", "sine=r=96000:d=1", "-ac 6 -c:a aac"),
    audio!("aac-8", "sine=r=8000:d=1", "-c:a aac"),
];

#[test]
fn aac_rate_and_channels_are_ffprobes() {
    for recipe in AAC.iter().copied() {
        let esds = first_box(recipe, b"esds");
        // DecoderSpecificInfo: its tag, a length of four bytes, the configuration.
        let at = esds.windows(4).position(|w| w == [5, 0x80, 0x80, 0x80]);
        let config = aac::Config::parse(&esds[at.unwrap() + 5..]).unwrap();
        assert_eq!(
            config.rate.to_string(),
            probe(recipe, "sample_rate"),
            "{recipe:?}"
        );
        let channels = config.channels.unwrap();
        assert_eq!(
            channels.to_string(),
            probe(recipe, "channels"),
            "{recipe:?}"
        );
        assert_eq!((config.object_type, config.frame_length), (2, 1024));
        assert_eq!(config.codecs(), "mp4a.40.2");
        assert_eq!(config.samples_at(config.rate), Some(1024));
    }
}

/// ISO/IEC 14496-3, 1.6: the ways in which SBR and other frame lengths are signalled.
#[test]
#[allow(clippy::unusual_byte_groupings)] // by field
fn aac_extensions_are_told_apart() {
    let parse = |bytes: &[u8]| aac::Config::parse(bytes).unwrap();
    // Explicit SBR: object 5, 24 kHz (6), 2 channels, 48 kHz (3), object 2, no flags.
    let explicit = parse(&[0b00101_011, 0b0_0010_001, 0b1_00010_00, 0b0_0000000]);
    assert_eq!((explicit.signalled, explicit.object_type), (5, 2));
    assert_eq!(
        (explicit.rate, explicit.extension_rate),
        (24_000, Some(48_000))
    );
    assert_eq!(explicit.samples_at(48_000), Some(2048));
    assert_eq!(explicit.samples_at(24_000), Some(1024));
    assert_eq!(explicit.samples_at(44_100), None);
    assert_eq!(explicit.codecs(), "mp4a.40.5");
    // Behind the core: object 2, 24 kHz, 2 channels, no flags, 0x2b7, object 5, present, 48 kHz.
    let behind = parse(&[0b00010_011, 0b0_0010_000, 0x56, 0xe5, 0b1_0011_000]);
    assert_eq!((behind.signalled, behind.extension_rate), (2, Some(48_000)));
    // Behind the core: object 2, 48 kHz, 1 channel, no flags, 0x2b7, object 5, not present. Some containers double the rate.
    let plain = parse(&[0b00010_001, 0b1_0001_000, 0x56, 0xe5, 0]);
    assert_eq!((plain.rate, plain.extension_rate), (48_000, None));
    assert_eq!(plain.samples_at(96_000), None);
    assert_eq!(plain.samples_at(48_000), Some(1024));
    // 960 samples; a rate in 24 bits; channels in a program config element.
    let short = parse(&[0b00010_011, 0b0_0010_100]);
    assert_eq!(short.frame_length, 960);
    let odd = parse(&[
        0b00010_111,
        0b1_0000000,
        0b0_0100111,
        0b0_0010000,
        0b0_0000_000,
    ]);
    assert_eq!((odd.rate, odd.channels), (20_000, None));
    // AAC-ELD: 31 and 7, 44.1 kHz, 1 channel, 480.
    let eld = parse(&[0b11111_000, 0b111_0100_0, 0b001_1_0000]);
    assert_eq!((eld.object_type, eld.frame_length), (39, 480));
    assert!(aac::Config::parse(&[0x12]).is_err());
    assert!(
        aac::Config::parse(&[0b00010_110, 0b1_0010_000]).is_err(),
        "rate 13"
    );
}

pub const OPUS: &[Recipe] = &[
    audio!("opus", "sine=r=48000:d=1", "-c:a libopus"),
    audio!(
        "opus-60",
        "sine=r=48000:d=1",
        "-c:a libopus -frame_duration 60"
    ),
    audio!(
        "opus-51",
        "sine=r=48000:d=1",
        "-ac 6 -c:a libopus -mapping_family 1"
    ),
    audio!(
        "opus-2.5",
        "sine=r=48000:d=1",
        "-ac 2 -c:a libopus -application lowdelay -frame_duration 2.5"
    ),
];

/// The rate of the sound before it was encoded is in the head.
const OPUS_16: Recipe = audio!("opus-16", "sine=r=16000:d=1", "-c:a libopus");

#[test]
fn opus_records_are_those_of_ffmpegs_muxer() {
    for recipe in OPUS.iter().copied().chain([OPUS_16]) {
        let ogg = stream(recipe, "ogg");
        let at = ogg.windows(8).position(|w| w == b"OpusHead").unwrap();
        let head = opus::Head::parse(&ogg[at..]).unwrap();
        assert_eq!(
            dops::record(&head),
            first_box(recipe, b"dOps"),
            "{recipe:?}"
        );
    }
}

#[test]
fn audio_frames_last_until_the_next() {
    type Tell = fn(&[u8]) -> u32;
    let tell: [(&[Recipe], Tell); 4] = [
        (OPUS, |p| opus::samples(p).unwrap()),
        (FLAC, |p| flac::samples(p).unwrap()),
        (AC3, |_| ac3::SAMPLES),
        (EAC3, |p| eac3::samples(p).unwrap()),
    ];
    for (recipes, samples) in tell {
        for recipe in recipes.iter().copied() {
            let expected = durations(recipe, 40);
            assert!(expected.len() > 5, "{recipe:?}");
            let packets = packets(recipe, expected.len());
            let told: Vec<u32> = packets.iter().map(|p| samples(p)).collect();
            assert_eq!(told, expected, "{recipe:?}");
        }
    }
}

pub const FLAC: &[Recipe] = &[
    audio!("flac-44", "sine=r=44100:d=1", "-c:a flac -strict -2"),
    audio!(
        "flac-96-24",
        "sine=r=96000:d=1",
        "-ac 2 -c:a flac -sample_fmt s32 -strict -2"
    ),
    audio!(
        "flac-51",
        "sine=r=48000:d=1",
        "-ac 6 -c:a flac -frame_size 1000 -strict -2"
    ),
];

#[test]
fn flac_records_are_those_of_ffmpegs_muxer() {
    for recipe in FLAC.iter().copied() {
        let theirs = first_box(recipe, b"dfLa").split_off(4);
        let file = stream(recipe, "flac");
        let end = file.windows(2).position(|w| w == [0xff, 0xf8]).unwrap();
        let blocks = flac::Config::parse([&file[..end]]).unwrap();
        // STREAMINFO alone, but for six channels, whose comment has a mask.
        let info = &theirs[4..];
        assert_eq!(blocks.blocks[4..38], *info, "{recipe:?}");
        assert_eq!(blocks.rate.to_string(), probe(recipe, "sample_rate"));
        assert_eq!(blocks.channels.to_string(), probe(recipe, "channels"));
        let depth = blocks.bits_per_sample.to_string();
        assert_eq!(depth, probe(recipe, "bits_per_raw_sample"), "{recipe:?}");
        // As GStreamer has it: a buffer a block, the first with the header of FLAC in Ogg.
        let mapped = [b"\x7fFLAC\x01\x00\x00\x01", &file[..42]].concat();
        let rest = &file[42..end];
        let again = flac::Config::parse([mapped.as_slice(), rest]).unwrap();
        assert_eq!(again, blocks);
        assert!(!flac::has_sync(&mapped) && !flac::has_sync(rest));
        assert!(packets(recipe, 5).iter().all(|p| flac::has_sync(p)));
    }
}

#[test]
fn flac_keeps_the_channel_mask_alone() {
    let mut info = vec![0, 0, 0, 34];
    info.extend([0x10, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0x0b, 0xb8, 0x0a, 0xf0]);
    info.extend([0; 20]);
    let comment = |text: &[u8]| [&[4, 0, 0, text.len() as u8], text].concat();
    let plain = comment(b"\x04\0\0\0test\x01\0\0\0\x05\0\0\0A=b=c");
    let mask = comment(b"\0\0\0\0\x01\0\0\0\x26\0\0\0waveformatextensible_channel_mask=0x3f");
    let picture = [0x86, 0, 0, 1, 0];
    let without = flac::Config::parse([&info[..], &plain, &picture]).unwrap();
    assert_eq!(without.blocks[0], 0x80, "the last block");
    assert_eq!(without.blocks[1..], info[1..]);
    let with = flac::Config::parse([&info[..], &mask, &picture]).unwrap();
    assert_eq!(with.blocks[..38], info);
    assert_eq!(with.blocks[38], 0x84);
    assert_eq!(with.blocks[39..], mask[1..]);
    assert!(flac::Config::parse([&mask[..]]).is_err(), "no STREAMINFO");
    assert!(flac::Config::parse([&b"fLaC"[..]]).is_err());
}

pub const AC3: &[Recipe] = &[
    audio!("ac3-48", "sine=r=48000:d=1", "-ac 2 -c:a ac3"),
    audio!("ac3-44-51", "sine=r=44100:d=1", "-ac 6 -c:a ac3 -b:a 448k"),
    audio!("ac3-32-mono", "sine=r=32000:d=1", "-ac 1 -c:a ac3 -b:a 96k"),
];
pub const EAC3: &[Recipe] = &[
    audio!("eac3-48", "sine=r=48000:d=1", "-ac 2 -c:a eac3 -b:a 192k"),
    audio!(
        "eac3-44-51",
        "sine=r=44100:d=1",
        "-ac 6 -c:a eac3 -b:a 384k -mixing_level 90 -room_type large -dmix_mode loro"
    ),
];

#[test]
fn ac3_records_are_those_of_ffmpegs_muxer() {
    for recipe in AC3.iter().copied() {
        let config = ac3::Config::parse(&packets(recipe, 1)[0]).unwrap();
        assert_eq!(config.record[..], first_box(recipe, b"dac3"), "{recipe:?}");
        assert_eq!(config.rate.to_string(), probe(recipe, "sample_rate"));
        assert_eq!(config.channels.to_string(), probe(recipe, "channels"));
    }
}

#[test]
fn eac3_records_are_those_of_ffmpegs_muxer() {
    for recipe in EAC3.iter().copied() {
        let config = eac3::Config::parse(&packets(recipe, 1)[0]).unwrap();
        assert_eq!(config.record, first_box(recipe, b"dec3"), "{recipe:?}");
        assert_eq!(config.rate.to_string(), probe(recipe, "sample_rate"));
        assert_eq!(config.channels.to_string(), probe(recipe, "channels"));
    }
}
