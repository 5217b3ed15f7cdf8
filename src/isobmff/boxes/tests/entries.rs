//! Sample entries.

use super::*;
use crate::isobmff::boxes::stsd::stsd;
use crate::isobmff::model::{Bitrate, Colour, ContentLight, MasteringDisplay, TextEntry};

fn written(entry: SampleEntry) -> Vec<u8> {
    bytes(|w| stsd(w, &[entry]))
}

#[test]
fn a_colour_is_nclx_with_the_range_in_the_highest_bit() {
    let mut video = video();
    video.colour = Some(Colour {
        primaries: 9,
        transfer: 16,
        matrix: 9,
        full_range: true,
    });
    let colour = |video: &VideoEntry| {
        let file = written(SampleEntry::Video(video.clone()));
        content(&file, b"colr").unwrap().to_vec()
    };
    assert_eq!(colour(&video), b"nclx\0\x09\0\x10\0\x09\x80");
    video.colour.as_mut().unwrap().full_range = false;
    assert_eq!(colour(&video), b"nclx\0\x09\0\x10\0\x09\0");
}

#[test]
fn hdr_boxes_have_green_first_and_nothing_is_invented() {
    let mut video = video();
    let plain = written(SampleEntry::Video(video.clone()));
    for kind in [b"colr", b"pasp", b"mdcv", b"clli", b"btrt"] {
        assert_eq!(content(&plain, kind), None);
    }
    video.mastering = Some(MasteringDisplay {
        primaries_gbr: [(1, 2), (3, 4), (5, 6)],
        white_point: (7, 8),
        max_luminance: 10_000_000,
        min_luminance: 50,
    });
    video.light = Some(ContentLight {
        max_content: 1000,
        max_average: 400,
    });
    video.pixel_aspect = Some((16, 15));
    let file = written(SampleEntry::Video(video));
    assert_eq!(
        content(&file, b"mdcv").unwrap(),
        b"\0\x01\0\x02\0\x03\0\x04\0\x05\0\x06\0\x07\0\x08\0\x98\x96\x80\0\0\0\x32"
    );
    assert_eq!(content(&file, b"clli").unwrap(), b"\x03\xe8\x01\x90");
    assert_eq!(content(&file, b"pasp").unwrap(), b"\0\0\0\x10\0\0\0\x0f");
}

#[test]
fn a_visual_entry_has_its_size_and_its_configuration_first() {
    let file = written(SampleEntry::Video(video()));
    let entry = content(&file, b"avc1").unwrap();
    let mut expected = b"\0\0\0\0\0\0\0\x01".to_vec();
    expected.extend([0; 16]);
    expected.extend(b"\x02\x80\x01\xe0\0\x48\0\0\0\x48\0\0\0\0\0\0\0\x01");
    expected.extend(b"\x0aAVC Coding");
    expected.extend([0; 21]);
    expected.extend(b"\0\x18\xff\xff\0\0\0\x0eavcCconfig");
    assert_eq!(entry, expected);
}

#[test]
fn descriptors_nest_with_the_shortest_lengths() {
    let mut aac = aac();
    aac.bitrate = Some(Bitrate {
        max: 0x0001_0203,
        average: 0x0004_0506,
    });
    let file = written(SampleEntry::Audio(aac));
    assert_eq!(
        content(&file, b"esds").unwrap(),
        b"\0\0\0\0\x03\x19\0\0\0\x04\x11\x40\x15\0\0\0\0\x01\x02\x03\0\x04\x05\x06\
          \x05\x02\x11\x90\x06\x01\x02"
    );
    assert_eq!(
        content(&file, b"btrt").unwrap(),
        b"\0\0\0\0\0\x01\x02\x03\0\x04\x05\x06"
    );
}

#[test]
fn a_descriptor_of_128_bytes_has_a_length_of_two() {
    let config = vec![0xaa; 128];
    let codec = AudioCodec::Aac { config };
    let file = written(SampleEntry::Audio(audio(codec, 48_000)));
    let esds = content(&file, b"esds").unwrap();
    // 128 of the configuration and 3 before it, 13 of the decoder and 3, 3 of the stream; 3 of the SL packets.
    assert_eq!(esds[4..7], [0x03, 0x81, 0x19]);
    assert_eq!(esds[10..13], [0x04, 0x81, 0x10]);
    assert_eq!(esds[26..29], [0x05, 0x81, 0x00]);
    assert_eq!(esds.len(), 4 + 3 + 0x99);
}

#[test]
fn a_rate_past_16_bits_is_what_the_codecs_mapping_says() {
    let rate = |codec: AudioCodec, rate| {
        let file = written(SampleEntry::Audio(audio(codec, rate)));
        // size and type, reserved, data_reference_index, 8 reserved, channels, sample size, 4 reserved.
        let at = 16 + 8 + 6 + 2 + 8 + 2 + 2 + 4;
        u32::from_be_bytes(file[at..at + 4].try_into().unwrap())
    };
    let flac = || AudioCodec::Flac { blocks: vec![] };
    let aac = || AudioCodec::Aac { config: vec![] };
    assert_eq!(rate(aac(), 44_100), 44_100 << 16);
    assert_eq!(rate(aac(), 96_000), 0);
    assert_eq!(rate(flac(), 48_000), 48_000 << 16);
    assert_eq!(rate(flac(), 96_000), 48_000 << 16);
    assert_eq!(rate(flac(), 192_000), 48_000 << 16);
    assert_eq!(rate(flac(), 88_200), 44_100 << 16);
    assert_eq!(rate(flac(), 65_537), 65_535 << 16);
}

/// Fails unless the entry is of type `kind` and its configuration box `name` holds `expected`.
fn has(entry: SampleEntry, kind: &[u8; 4], name: &[u8; 4], expected: &[u8]) {
    let file = written(entry);
    assert!(content(&file, kind).is_some());
    assert_eq!(content(&file, name), Some(expected));
}

#[test]
fn each_audio_codec_has_its_entry_and_its_configuration() {
    let has = |codec, kind, name, expected: &[u8]| {
        has(
            SampleEntry::Audio(audio(codec, 48_000)),
            kind,
            name,
            expected,
        );
    };
    let config = || b"config".to_vec();
    let flac = AudioCodec::Flac { blocks: config() };
    has(flac, b"fLaC", b"dfLa", b"\0\0\0\0config");
    let opus = AudioCodec::Opus { config: config() };
    has(opus, b"Opus", b"dOps", b"config");
    let ac3 = AudioCodec::Ac3 { config: config() };
    has(ac3, b"ac-3", b"dac3", b"config");
    let eac3 = AudioCodec::Eac3 { config: config() };
    has(eac3, b"ec-3", b"dec3", b"config");
}

#[test]
fn each_video_codec_has_its_entry_and_its_configuration() {
    let has = |codec, kind, name, expected: &[u8]| {
        let mut video = video();
        video.codec = codec;
        has(SampleEntry::Video(video), kind, name, expected);
    };
    let config = || b"config".to_vec();
    for (in_band, avc, hevc) in [(false, b"avc1", b"hvc1"), (true, b"avc3", b"hev1")] {
        let codec = VideoCodec::Avc {
            config: config(),
            in_band,
        };
        has(codec, avc, b"avcC", b"config");
        let codec = VideoCodec::Hevc {
            config: config(),
            in_band,
        };
        has(codec, hevc, b"hvcC", b"config");
    }
    let av1 = VideoCodec::Av1 { config: config() };
    has(av1, b"av01", b"av1C", b"config");
    let vp9 = VideoCodec::Vp9 { config: config() };
    has(vp9, b"vp09", b"vpcC", b"\x01\0\0\0config");
}

#[test]
fn a_text_entry_has_one_font_and_the_regions_box() {
    let file = written(SampleEntry::Text(TextEntry {
        width: 640,
        height: 60,
    }));
    let entry = content(&file, b"tx3g").unwrap();
    assert_eq!(
        entry[8..],
        *b"\0\0\0\0\x01\xff\0\0\0\0\0\0\0\0\0\x3c\x02\x80\0\0\0\0\0\x01\0\x12\xff\xff\xff\xff\
           \0\0\0\x17ftab\0\x01\0\x01\x0aSans-Serif"
    );
}
