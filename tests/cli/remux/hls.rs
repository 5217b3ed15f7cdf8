//! Folders for HLS.

use std::collections::BTreeSet;
use std::fs;

use super::{Place, decoded, hls, remux, same};
use crate::common::browser::{Case, play};
use crate::common::media;
use crate::tool::Ran;

/// The playlist's lines that begin with `tag`, less the tag.
fn tagged<'a>(text: &'a str, tag: &str) -> Vec<&'a str> {
    text.lines()
        .filter_map(|line| line.strip_prefix(tag))
        .collect()
}

#[test]
fn a_folder_for_hls_is_read_back_by_ffmpeg() {
    let place = Place::new();
    let folder = place.file("film 100%");
    let source = media::H264_AAC.path();
    let told = Ran::from(
        hls(&source, &folder, &["--fragment", "1s", "--json"])
            .output()
            .unwrap(),
    )
    .json();
    assert_eq!(told["written"][0]["segments"]["video_0"], 4);
    assert_eq!(place.names(), BTreeSet::from(["film 100%".to_owned()]));
    let master = folder.join("master.m3u8");
    let text = fs::read_to_string(&master).unwrap();
    let variants = tagged(&text, "#EXT-X-STREAM-INF:");
    assert_eq!(variants.len(), 1, "{text}");
    for attribute in [
        "CODECS=\"avc",
        ",mp4a.40.2\"",
        "RESOLUTION=320x180",
        "FRAME-RATE=29.970",
        "AUDIO=\"audio\"",
    ] {
        assert!(variants[0].contains(attribute), "no {attribute} in {text}");
    }
    for name in ["video_0", "audio_0"] {
        let text = fs::read_to_string(folder.join(format!("{name}.m3u8"))).unwrap();
        let seconds: f64 = tagged(&text, "#EXTINF:")
            .iter()
            .map(|s| s.trim_end_matches(',').parse::<f64>().unwrap())
            .sum();
        assert!((seconds - 4.0).abs() < 0.1, "{text}");
        assert!(
            text.ends_with("#EXT-X-ENDLIST\n") && text.contains("#EXT-X-PLAYLIST-TYPE:VOD\n"),
            "{text}"
        );
        // Each line that is no tag is a file, and each file is in the list.
        let listed = text.lines().filter(|line| !line.starts_with('#')).count() + 1;
        let files = fs::read_dir(&folder).unwrap().filter(|entry| {
            let name_of = entry.as_ref().unwrap().file_name().into_string().unwrap();
            name_of.starts_with(name) && name_of.ends_with(".m4s")
        });
        assert_eq!(files.count(), listed, "{text}");
    }
    let sum = |stream| decoded(&master, stream);
    assert_eq!(sum("0:v:0"), decoded(&source, "0:v:0"));
    assert_eq!(sum("0:a:0"), decoded(&source, "0:a:0"));
}

#[test]
fn a_browser_plays_the_folder_to_its_end() {
    let place = Place::new();
    let folder = place.file("film");
    let options = ["--fragment", "1s"];
    Ran::from(
        hls(&media::H264_AAC.path(), &folder, &options)
            .output()
            .unwrap(),
    )
    .good();
    let played = play(&[Case::hls("film", &folder.join("master.m3u8"))]);
    // Four seconds at 29.97.
    played[0].check(0.0, 4.0, 120);
}

#[test]
fn hls_has_languages_and_subtitles() {
    let place = Place::new();
    let folder = place.file("tagged");
    Ran::from(hls(&media::TAGGED.path(), &folder, &[]).output().unwrap()).good();
    let text = fs::read_to_string(folder.join("master.m3u8")).unwrap();
    let renditions = tagged(&text, "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",");
    assert_eq!(renditions.len(), 2, "{text}");
    assert!(
        renditions[0].contains("LANGUAGE=\"de\",DEFAULT=YES,AUTOSELECT=YES"),
        "{text}"
    );
    assert!(
        renditions[1].contains("LANGUAGE=\"fr\",DEFAULT=NO,AUTOSELECT=YES"),
        "{text}"
    );

    let folder = place.file("text");
    Ran::from(hls(&media::H264_SRT.path(), &folder, &[]).output().unwrap()).good();
    let text = fs::read_to_string(folder.join("master.m3u8")).unwrap();
    assert!(
        text.contains("#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"subtitles\""),
        "{text}"
    );
    assert!(text.contains(",SUBTITLES=\"subtitles\"\n"), "{text}");
    let list = fs::read_to_string(folder.join("subtitle_0.m3u8")).unwrap();
    assert!(list.contains("\nsubtitle_0.vtt\n"), "{list}");
    let vtt = fs::read_to_string(folder.join("subtitle_0.vtt")).unwrap();
    assert!(
        vtt.starts_with("WEBVTT") && vtt.contains("00:00:03.100 --> 00:00:03.900"),
        "{vtt}"
    );
}

#[test]
fn a_file_and_a_folder_are_written_together() {
    let place = Place::new();
    let folder = place.file("hls");
    let source = media::H264_AAC.path();
    remux(
        &source,
        &place.file("a.mp4"),
        &["--hls", folder.to_str().unwrap()],
    )
    .good();
    same(&source, &place.file("a.mp4"));
    assert!(folder.join("master.m3u8").is_file());
}
