//! H.265, AV1 and VP9.

use gstharmony::isobmff::config::{av1, hevc, vp9};
use gstharmony::isobmff::model::Colour;

use crate::common::media::Recipe;
use crate::reference::{first_box, packets, probe, stream};

macro_rules! video {
    ($name:literal, $size:literal, $arguments:literal) => {
        Recipe {
            name: concat!("config-", $name, ".mp4"),
            ffmpeg: concat!(
                "-f lavfi -i testsrc2=s=",
                $size,
                ":r=25:d=0.6 ",
                $arguments,
                " -f mp4"
            ),
        }
    };
}

macro_rules! x265 {
    ($name:literal, $size:literal, $arguments:literal, $params:literal) => {
        Recipe {
            name: concat!("config-", $name, ".mp4"),
            ffmpeg: concat!(
                "-f lavfi -i testsrc2=s=",
                $size,
                ":r=25:d=0.6 -c:v libx265 -preset ultrafast \
                 -x265-params log-level=none:pools=1:frame-threads=1:",
                $params,
                " ",
                $arguments,
                " -f mp4"
            ),
        }
    };
}

pub const X265: &[Recipe] = &[
    x265!("x265-b0", "160x96", "-pix_fmt yuv420p", "bframes=0"),
    x265!("x265-b1", "160x96", "-pix_fmt yuv420p", "bframes=1"),
    x265!(
        "x265-b3",
        "162x98",
        "-pix_fmt yuv420p",
        "bframes=3:b-pyramid=0:b-adapt=0"
    ),
    x265!(
        "x265-b4-pyramid",
        "160x96",
        "-pix_fmt yuv420p10le",
        "bframes=4:b-pyramid=1:b-adapt=0"
    ),
    x265!(
        "x265-layers",
        "160x96",
        "-pix_fmt yuv422p",
        "bframes=4:temporal-layers=1:b-adapt=0"
    ),
    x265!("x265-444", "161x97", "-pix_fmt yuv444p", "bframes=2"),
];

#[test]
fn h265_size_and_reorder_depth_are_ffprobes() {
    for recipe in X265.iter().copied() {
        let config = hevc::Config::parse(&first_box(recipe, b"hvcC")).unwrap();
        let sps = config.sps.unwrap();
        let depth = sps.reorder_depth;
        assert_eq!(
            depth.to_string(),
            probe(recipe, "has_b_frames"),
            "{recipe:?}"
        );
        assert_eq!(sps.width.to_string(), probe(recipe, "width"), "{recipe:?}");
        assert_eq!(
            sps.height.to_string(),
            probe(recipe, "height"),
            "{recipe:?}"
        );
        assert_eq!(
            config.level.to_string(),
            probe(recipe, "level"),
            "{recipe:?}"
        );
        assert!(config.codecs(false).starts_with("hvc1."), "{config:?}");
    }
}

#[test]
fn h265_parameter_sets_in_samples_are_seen() {
    let outside = X265[0];
    let inside = video!(
        "x265-repeated",
        "160x96",
        "-c:v libx265 -preset ultrafast -x265-params log-level=none:pools=1:repeat-headers=1 -pix_fmt yuv420p -tag:v hev1"
    );
    let first = &packets(outside, 1)[0];
    assert!(!hevc::has_parameter_sets(first, 4));
    assert_eq!(hevc::find_sps(first, 4), None);
    let repeated = &packets(inside, 1)[0];
    assert!(hevc::has_parameter_sets(repeated, 4));
    let sps = hevc::find_sps(repeated, 4).unwrap();
    assert_eq!((sps.width, sps.height), (160, 96));
}

pub const AV1: &[Recipe] = &[
    video!(
        "aom",
        "160x90",
        "-c:v libaom-av1 -cpu-used 8 -pix_fmt yuv420p"
    ),
    video!(
        "aom-10-444",
        "160x90",
        "-c:v libaom-av1 -cpu-used 8 -pix_fmt yuv444p10le"
    ),
    video!(
        "aom-12-422",
        "162x90",
        "-c:v libaom-av1 -cpu-used 8 -pix_fmt yuv422p12le"
    ),
    video!(
        "aom-gray",
        "160x90",
        "-c:v libaom-av1 -cpu-used 8 -pix_fmt gray"
    ),
    video!(
        "aom-bt2020",
        "160x90",
        "-c:v libaom-av1 -cpu-used 8 -pix_fmt yuv420p10le -color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc -color_range pc"
    ),
    video!(
        "svt",
        "160x90",
        "-c:v libsvtav1 -preset 12 -svtav1-params lp=1 -pix_fmt yuv420p10le"
    ),
];

#[test]
fn av1_records_are_those_of_ffmpegs_muxer() {
    for recipe in AV1.iter().copied() {
        let theirs = first_box(recipe, b"av1C");
        let bitstream = stream(recipe, "obu");
        assert!(av1::leading_delimiters(&bitstream) >= 2, "{recipe:?}");
        let ours = av1::Config::from_temporal_unit(&bitstream).unwrap();
        // SVT-AV1 gives the muxer another sequence header than it puts into the stream.
        let same = if recipe.name.contains("svt") {
            4
        } else {
            theirs.len()
        };
        assert_eq!(ours.record[..same], theirs[..same], "{recipe:?}");
        let again = av1::Config::parse(&ours.record).unwrap();
        assert_eq!(again, ours);
        let sequence = ours.sequence.unwrap();
        assert_eq!(
            sequence.width.to_string(),
            probe(recipe, "width"),
            "{recipe:?}"
        );
        assert_eq!(
            sequence.height.to_string(),
            probe(recipe, "height"),
            "{recipe:?}"
        );
    }
}

#[test]
fn av1_codec_strings_say_what_is_unusual() {
    let codecs = |at: usize| {
        let record = first_box(AV1[at], b"av1C");
        av1::Config::parse(&record).unwrap().codecs()
    };
    assert_eq!(codecs(0), "av01.0.00M.08");
    assert_eq!(codecs(1), "av01.1.00M.10.0.000.02.02.02.0");
    assert_eq!(codecs(2), "av01.2.00M.12.0.100.02.02.02.0");
    assert_eq!(codecs(3), "av01.0.00M.08.1.110.02.02.02.1");
    assert_eq!(codecs(4), "av01.0.00M.10.0.110.09.16.09.1");
}

#[test]
fn a_stream_without_a_sequence_header_is_refused() {
    let error = av1::Config::from_temporal_unit(&[0x12, 0, 0x32, 1, 0]).unwrap_err();
    assert!(error.to_string().contains("OBU_SEQUENCE_HEADER"), "{error}");
}

pub const VP9: &[Recipe] = &[
    video!(
        "vp9",
        "160x90",
        "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -pix_fmt yuv420p"
    ),
    video!(
        "vp9-444",
        "160x90",
        "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -pix_fmt yuv444p -colorspace bt709"
    ),
    video!(
        "vp9-10",
        "1280x720",
        "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -pix_fmt yuv420p10le -colorspace bt2020nc"
    ),
    video!(
        "vp9-422-12",
        "160x90",
        "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -pix_fmt yuv422p12le -colorspace smpte170m -color_range pc"
    ),
    video!(
        "vp9-rgb",
        "160x90",
        "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -pix_fmt gbrp"
    ),
];

#[test]
fn vp9_records_are_those_of_ffmpegs_muxer() {
    for recipe in VP9.iter().copied() {
        // A full box: version 1 and flags.
        let theirs = first_box(recipe, b"vpcC").split_off(4);
        let key = vp9::KeyFrame::parse(&packets(recipe, 1)[0]).unwrap();
        let level = vp9::level(key.width, key.height, Some((25, 1)));
        assert_eq!(key.record(level, key.colour), theirs, "{recipe:?}");
        assert_eq!(key.width.to_string(), probe(recipe, "width"), "{recipe:?}");
        assert_eq!(
            key.height.to_string(),
            probe(recipe, "height"),
            "{recipe:?}"
        );
    }
}

#[test]
fn vp9_needs_a_key_frame_first() {
    let packets = packets(VP9[0], 2);
    let error = vp9::KeyFrame::parse(&packets[1]).unwrap_err();
    assert!(error.to_string().contains("key frame"), "{error}");
}

#[test]
fn vp9_codec_strings_say_what_is_unusual() {
    let codecs = |at: usize, level| {
        let key = vp9::KeyFrame::parse(&packets(VP9[at], 1)[0]).unwrap();
        key.codecs(level, key.colour)
    };
    assert_eq!(codecs(0, 11), "vp09.00.11.08");
    assert_eq!(codecs(3, 11), "vp09.03.11.12.02.02.02.06.01");
    let key = vp9::KeyFrame::parse(&packets(VP9[2], 1)[0]).unwrap();
    let hdr = Colour {
        primaries: 9,
        transfer: 16,
        matrix: 9,
        full_range: false,
    };
    assert_eq!(key.codecs(31, hdr), "vp09.02.31.10.01.09.16.09.00");
}

#[test]
fn colour_and_pixel_shape_of_h265_come_from_the_vui() {
    for recipe in [
        x265!(
            "x265-colour",
            "160x96",
            "-pix_fmt yuv420p10le",
            "sar=5:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:range=full:bframes=3"
        ),
        x265!(
            "x265-colour-lists",
            "160x96",
            "-pix_fmt yuv420p10le",
            "sar=5:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:range=full:bframes=3:scaling-list=default"
        ),
        x265!(
            "x265-colour-lossless",
            "160x96",
            "-pix_fmt yuv420p10le",
            "sar=5:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:range=full:bframes=0:lossless=1:no-amp=1"
        ),
        x265!(
            "x265-colour-sets",
            "160x96",
            "-pix_fmt yuv420p10le",
            "sar=5:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:range=full:bframes=3:multi-pass-opt-rps=1"
        ),
    ] {
        let config = hevc::Config::parse(&first_box(recipe, b"hvcC")).unwrap();
        let vui = config.sps.unwrap().vui.unwrap();
        let colour = Colour {
            primaries: 9,
            transfer: 16,
            matrix: 9,
            full_range: true,
        };
        assert_eq!(vui.colour, Some(colour), "{}", recipe.name);
        assert_eq!(vui.pixel_aspect, Some((40, 33)), "{}", recipe.name);
    }
}
