//! H.264.

use gstharmony::isobmff::config::avc;
use gstharmony::isobmff::model::Colour;

use crate::common::media::Recipe;
use crate::reference::{first_box, packets, probe};

macro_rules! x264 {
    ($name:literal, $size:literal, $arguments:literal) => {
        Recipe {
            name: concat!("config-", $name, ".mp4"),
            ffmpeg: concat!(
                "-f lavfi -i testsrc2=s=",
                $size,
                ":r=25:d=1 -c:v libx264 -preset veryfast -threads 1 ",
                $arguments,
                " -f mp4"
            ),
        }
    };
}

pub const REORDERED: &[Recipe] = &[
    x264!("x264-b0", "320x180", "-bf 0 -pix_fmt yuv420p"),
    x264!("x264-b1", "320x180", "-bf 1 -pix_fmt yuv420p"),
    x264!(
        "x264-b3",
        "320x180",
        "-bf 3 -b-pyramid none -pix_fmt yuv420p"
    ),
    x264!(
        "x264-b3-pyramid",
        "322x182",
        "-bf 3 -b-pyramid normal -pix_fmt yuv420p"
    ),
    x264!(
        "x264-b3-strict",
        "320x180",
        "-bf 3 -b-pyramid strict -pix_fmt yuv420p"
    ),
    x264!(
        "x264-baseline",
        "320x180",
        "-profile:v baseline -pix_fmt yuv420p"
    ),
    x264!("x264-422", "322x180", "-bf 2 -pix_fmt yuv422p10le"),
    x264!("x264-444", "321x181", "-bf 2 -pix_fmt yuv444p"),
    x264!(
        "x264-intra",
        "320x180",
        "-g 1 -profile:v high10 -pix_fmt yuv420p10le"
    ),
    x264!(
        "x264-interlaced",
        "320x184",
        "-bf 3 -flags +ildct+ilme -x264-params tff=1 -pix_fmt yuv420p"
    ),
];

#[test]
fn size_and_reorder_depth_are_ffprobes() {
    for recipe in REORDERED.iter().copied() {
        let config = avc::Config::parse(&first_box(recipe, b"avcC")).unwrap();
        let sps = config.sps.unwrap();
        let depth = sps.reorder_depth();
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
        let interlaced = recipe.name.contains("interlaced");
        assert_eq!(sps.frames_only, !interlaced, "{recipe:?}");
        let timing = sps.vui.unwrap().timing.unwrap();
        assert_eq!(
            timing.time_scale,
            50 * timing.num_units_in_tick,
            "{recipe:?}"
        );
        assert_eq!(config.length_size, 4);
    }
}

#[test]
fn colour_and_pixel_shape_come_from_the_vui() {
    let recipe = x264!(
        "x264-colour",
        "320x180",
        "-vf setsar=40/33 -pix_fmt yuv420p -color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc -color_range pc"
    );
    let config = avc::Config::parse(&first_box(recipe, b"avcC")).unwrap();
    let vui = config.sps.unwrap().vui.unwrap();
    assert_eq!(vui.pixel_aspect, Some((40, 33)));
    let colour = Colour {
        primaries: 9,
        transfer: 16,
        matrix: 9,
        full_range: true,
    };
    assert_eq!(vui.colour, Some(colour));
}

/// Without VUI restrictions the level and the size bound the depth (E.2.1).
#[test]
fn an_absent_restriction_is_inferred() {
    let recipe = x264!(
        "x264-b3",
        "320x180",
        "-bf 3 -b-pyramid none -pix_fmt yuv420p"
    );
    let config = avc::Config::parse(&first_box(recipe, b"avcC")).unwrap();
    let mut sps = config.sps.unwrap();
    sps.vui = None;
    // Level 1.2, 2376 macroblocks, 20 x 12 a frame.
    assert_eq!((sps.level, sps.reorder_depth()), (12, 9));
    sps.constraints |= 0x10;
    assert_eq!(
        sps.reorder_depth(),
        0,
        "High with constraint_set3 is intra only"
    );
    sps.constraints = 0;
    sps.order_type = 2;
    assert_eq!(sps.reorder_depth(), 0);
}

#[test]
fn parameter_sets_in_samples_are_seen() {
    let outside = x264!("x264-b0", "320x180", "-bf 0 -pix_fmt yuv420p");
    let inside = Recipe {
        name: "config-x264-repeated.mp4",
        ffmpeg: "-f lavfi -i testsrc2=s=320x180:r=25:d=1 -c:v libx264 -preset veryfast -bf 2 -pix_fmt yuv420p -x264-params repeat-headers=1 -f mp4",
    };
    let first = &packets(outside, 1)[0];
    assert!(!avc::has_parameter_sets(first, 4));
    assert_eq!(avc::find_sps(first, 4), None);
    let repeated = &packets(inside, 1)[0];
    assert!(avc::has_parameter_sets(repeated, 4));
    let sps = avc::find_sps(repeated, 4).unwrap();
    assert_eq!((sps.width, sps.height), (320, 180));
}

#[test]
fn codec_strings_are_hexadecimal() {
    let config = avc::Config::parse(&[1, 0x64, 0x00, 0x1f, 0xff, 0xe0, 0]).unwrap();
    assert_eq!(config.sps, None);
    assert_eq!(config.codecs(false), "avc1.64001F");
    assert_eq!(config.codecs(true), "avc3.64001F");
}

#[test]
fn a_record_without_the_fields_of_the_high_profiles_gets_them_from_the_parameter_set() {
    for recipe in REORDERED {
        let whole = first_box(*recipe, b"avcC");
        let config = avc::Config::parse(&whole).unwrap();
        let sps = config.sps.unwrap();
        assert!(!config.cut, "{}", recipe.name);
        assert_eq!(
            config.complete(whole.clone(), &sps),
            whole,
            "{}",
            recipe.name
        );
        if !matches!(config.profile, 66 | 77 | 88) {
            let cut = whole[..whole.len() - 4].to_vec();
            let config = avc::Config::parse(&cut).unwrap();
            assert_eq!(config.complete(cut, &sps), whole, "{}", recipe.name);
        }
    }
}
