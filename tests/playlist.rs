//! HLS playlists: their text against RFC 8216, and what an independent parser (`m3u8-rs`) makes of it.

use gstharmony::isobmff::playlist::*;
use m3u8_rs::{MasterPlaylist, MediaPlaylist, MediaPlaylistType, QuotedOrUnquoted};

const SECOND: u64 = 1_000_000_000;

fn uri(text: &str) -> Uri {
    Uri::new(text).expect("a URI")
}

fn map(uri: &str) -> Map {
    Map {
        uri: Uri::new(uri).expect("a URI"),
        range: None,
    }
}

fn segment(number: u64, duration_ns: u64) -> Segment {
    Segment {
        uri: uri(&format!("s{number}.m4s")),
        range: None,
        duration_ns,
        independent: true,
        discontinuity: false,
    }
}

/// A playlist with a map and segments of these durations.
fn media(kind: Kind, target: u64, durations: &[u64]) -> Media {
    let mut media = Media::new(kind, target, 0).expect("a playlist");
    media.map(&map("init.mp4"));
    for (number, duration) in (0..).zip(durations) {
        media.push(&segment(number, *duration)).expect("a segment");
    }
    media
}

/// What the independent parser reads.
fn parsed(media: &Media) -> MediaPlaylist {
    let text = media.render();
    let (rest, playlist) =
        m3u8_rs::parse_media_playlist(text.as_bytes()).unwrap_or_else(|e| panic!("{text}{e:?}"));
    assert_eq!(rest, b"", "{text}");
    playlist
}

fn uris(playlist: &MediaPlaylist) -> Vec<&str> {
    playlist.segments.iter().map(|s| s.uri.as_str()).collect()
}

#[test]
fn a_finished_playlist_has_this_text() {
    let mut media = media(Kind::Vod, 6, &[6 * SECOND, 2_002_000_000, 1]);
    media.end();
    let expected = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:6\n#EXT-X-MEDIA-SEQUENCE:0\n\
                    #EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-MAP:URI=\"init.mp4\"\n\
                    #EXTINF:6.000,\ns0.m4s\n#EXTINF:2.002,\ns1.m4s\n#EXTINF:0.000000001,\ns2.m4s\n#EXT-X-ENDLIST\n";
    assert_eq!(media.render(), expected);
    let read = parsed(&media);
    assert_eq!(read.playlist_type, Some(MediaPlaylistType::Vod));
    assert_eq!(
        (read.target_duration, read.version, read.end_list),
        (6, Some(7), true)
    );
    assert_eq!(uris(&read), ["s0.m4s", "s1.m4s", "s2.m4s"]);
    assert_eq!(
        read.segments[0].map.as_ref().map(|m| m.uri.as_str()),
        Some("init.mp4")
    );
}

#[test]
fn one_file_is_told_apart_by_byte_ranges() {
    let mut media = Media::new(Kind::Event, 2, 0).expect("a playlist");
    let file = uri("film.mp4");
    media.map(&Map {
        uri: file.clone(),
        range: Some(ByteRange {
            offset: 0,
            length: 813,
        }),
    });
    for (offset, length) in [(813, 5000), (5_000_000_000, 6000)] {
        let range = Some(ByteRange { offset, length });
        let segment = Segment {
            uri: file.clone(),
            range,
            ..segment(0, 2 * SECOND)
        };
        assert_eq!(media.push(&segment), Ok(None));
    }
    let read = parsed(&media);
    assert_eq!(read.playlist_type, Some(MediaPlaylistType::Event));
    assert!(!read.end_list, "it grows");
    let ranges: Vec<_> = read
        .segments
        .iter()
        .filter_map(|s| s.byte_range.as_ref())
        .collect();
    assert_eq!((ranges[0].length, ranges[0].offset), (5000, Some(813)));
    assert_eq!(
        (ranges[1].length, ranges[1].offset),
        (6000, Some(5_000_000_000))
    );
    assert!(
        media
            .render()
            .contains("#EXT-X-MAP:URI=\"film.mp4\",BYTERANGE=\"813@0\"\n")
    );
}

#[test]
fn durations_do_not_drift() {
    // Ten hours of 2.002 s segments of 29.97 pictures a second, cut at whole nanoseconds.
    let bound = |n: u64| n * 60 * 1001 * SECOND / 30_000;
    let durations: Vec<u64> = (0..18_000).map(|n| bound(n + 1) - bound(n)).collect();
    let text = media(Kind::Vod, 3, &durations).render();
    let told = text
        .lines()
        .filter_map(|line| line.strip_prefix("#EXTINF:")?.strip_suffix(','));
    let sum: f64 = told
        .map(|seconds| seconds.parse::<f64>().expect("a number"))
        .sum();
    assert!((sum - 36_036.0).abs() < 1e-6, "{sum}");
}

#[test]
fn a_window_slides_and_counts_what_left() {
    let mut media = media(Kind::Live { window: 4 }, 2, &[2 * SECOND; 4]);
    assert_eq!(parsed(&media).media_sequence, 0);
    media.map(&map("second.mp4"));
    media.push(&segment(4, 2 * SECOND)).expect("a segment");
    let read = parsed(&media);
    assert_eq!((read.media_sequence, read.discontinuity_sequence), (1, 0));
    assert_eq!(uris(&read), ["s1.m4s", "s2.m4s", "s3.m4s", "s4.m4s"]);
    let maps: Vec<_> = read
        .segments
        .iter()
        .map(|s| s.map.as_ref().map(|m| m.uri.as_str()))
        .collect();
    assert_eq!(maps, [Some("init.mp4"), None, None, Some("second.mp4")]);
    assert!(read.segments[3].discontinuity && !read.segments[2].discontinuity);
    for number in 5..9 {
        media.push(&segment(number, 2 * SECOND)).expect("a segment");
    }
    // The segment with the discontinuity has left, its map holds still.
    let read = parsed(&media);
    assert_eq!((read.media_sequence, read.discontinuity_sequence), (5, 1));
    assert_eq!(
        read.segments[0].map.as_ref().map(|m| m.uri.as_str()),
        Some("second.mp4")
    );
    assert!(read.segments.iter().all(|s| !s.discontinuity));
    assert_eq!(media.len(), 4);
}

#[test]
fn a_window_keeps_three_target_durations() {
    let short = media(Kind::Live { window: 3 }, 4, &[SECOND; 40]);
    assert_eq!((short.len(), parsed(&short).media_sequence), (12, 28));
    let long = media(Kind::Live { window: 3 }, 4, &[4 * SECOND; 40]);
    assert_eq!(long.len(), 3);
    let all = media(Kind::Live { window: 0 }, 4, &[4 * SECOND; 40]);
    assert_eq!((all.len(), parsed(&all).playlist_type), (40, None));
}

#[test]
fn a_change_without_a_new_map_is_a_discontinuity_too() {
    let mut media = media(Kind::Vod, 6, &[SECOND]);
    media
        .push(&Segment {
            discontinuity: true,
            ..segment(1, SECOND)
        })
        .expect("a segment");
    let text = media.render();
    assert!(
        text.contains(
            "s0.m4s\n#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"init.mp4\"\n#EXTINF:1.000,\ns1.m4s\n"
        ),
        "{text}"
    );
    // The first segment has nothing before it from which it could differ.
    let mut first = Media::new(Kind::Vod, 6, 0).expect("a playlist");
    first.map(&map("a.mp4"));
    first.map(&map("b.mp4"));
    first
        .push(&Segment {
            discontinuity: true,
            ..segment(0, SECOND)
        })
        .expect("a segment");
    assert!(!first.render().contains("DISCONTINUITY"));
}

#[test]
fn a_change_with_a_new_map_is_one_discontinuity() {
    let mut media = media(Kind::Vod, 6, &[SECOND]);
    media.map(&map("second.mp4"));
    let change = Segment {
        discontinuity: true,
        ..segment(1, SECOND)
    };
    media.push(&change).expect("a segment");
    media.push(&segment(2, SECOND)).expect("a segment");
    let read = parsed(&media);
    let changes: Vec<bool> = read.segments.iter().map(|s| s.discontinuity).collect();
    assert_eq!(changes, [false, true, false]);
}

#[test]
fn independence_is_said_only_while_it_is_true() {
    let mut media = media(Kind::Live { window: 3 }, 1, &[SECOND; 3]);
    assert!(parsed(&media).independent_segments);
    media
        .push(&Segment {
            independent: false,
            ..segment(3, SECOND)
        })
        .expect("a segment");
    assert!(!parsed(&media).independent_segments);
    for number in 4..7 {
        media.push(&segment(number, SECOND)).expect("a segment");
    }
    assert!(parsed(&media).independent_segments);
    assert!(
        !self::media(Kind::Vod, 1, &[])
            .render()
            .contains("INDEPENDENT")
    );
}

#[test]
fn a_longer_segment_raises_the_target_and_is_told() {
    let mut media = media(Kind::Event, 2, &[]);
    assert_eq!(
        media.push(&segment(0, 2_499_999_999)),
        Ok(None),
        "2 s when rounded"
    );
    assert_eq!(media.push(&segment(1, 2_500_000_000)), Ok(Some(3)));
    assert_eq!(media.push(&segment(2, 3 * SECOND)), Ok(None));
    assert_eq!(parsed(&media).target_duration, 3);
    assert!(media.push(&segment(3, u64::MAX)).is_ok());
}

#[test]
fn what_cannot_be_said_is_an_error() {
    assert_eq!(Media::new(Kind::Vod, 0, 0).err(), Some(Error::Target));
    let mut media = Media::new(Kind::Vod, 1, 0).expect("a playlist");
    media.map(&map("init.mp4"));
    media.end();
    assert_eq!(
        media.push(&segment(0, 1)),
        Err(Error::Ended {
            uri: "s0.m4s".into()
        })
    );
    for wrong in ["", "#", "#EXT-X-ENDLIST"] {
        assert_eq!(
            Uri::new(wrong),
            Err(Error::Uri {
                found: wrong.into()
            })
        );
    }
}

#[test]
fn text_needs_no_map() {
    let mut media = Media::new(Kind::Vod, 1, 0).expect("a playlist");
    media.push(&segment(0, 90 * SECOND)).expect("a segment");
    let read = parsed(&media);
    assert_eq!(
        (read.segments[0].map.as_ref(), read.target_duration),
        (None, 90)
    );
}

#[test]
fn no_name_ends_a_line_or_a_string() {
    let told = |text: &str| uri(text).to_string();
    assert_eq!(
        told("https://h:80/a/b.m4s?x=1&y=%20#t=1"),
        "https://h:80/a/b.m4s?x=1&y=%20#t=1"
    );
    assert_eq!(told("a b\n#\"é"), "a%20b%0A#%22%C3%A9");
    let file = |name: &str| Uri::from_file_name(name).map(|uri| uri.to_string());
    assert_eq!(file("100% #1?.m4s"), Ok("100%25%20%231%3F.m4s".into()));
    assert_eq!(file("#a"), Ok("%23a".into()));
    assert_eq!(
        file("a:b/c"),
        Ok("a%3Ab%2Fc".into()),
        "no scheme and no folder"
    );
    assert!(file("").is_err());
}

fn audio(name: &str, language: &str, default: bool) -> Rendition {
    Rendition {
        kind: RenditionKind::Audio,
        group: "audio".into(),
        name: name.into(),
        language: language.into(),
        default,
        autoselect: true,
        forced: false,
        channels: Some(2),
        uri: uri("audio.m3u8"),
    }
}

fn variant() -> Variant {
    Variant {
        uri: uri("video.m3u8"),
        bandwidth: 2_500_000,
        average_bandwidth: Some(2_000_000),
        codecs: vec!["avc1.640028".into(), "mp4a.40.2".into()],
        resolution: Some((1920, 1080)),
        frame_rate: Some((30_000, 1001)),
        video_range: Some(VideoRange::Pq),
        audio: Some("audio".into()),
        subtitles: None,
    }
}

fn read(playlist: &Multivariant) -> MasterPlaylist {
    let text = playlist.render().expect("a text");
    let (rest, playlist) =
        m3u8_rs::parse_master_playlist(text.as_bytes()).unwrap_or_else(|e| panic!("{text}{e:?}"));
    assert_eq!(rest, b"", "{text}");
    playlist
}

#[test]
fn a_multivariant_playlist_has_this_text() {
    let subtitles = Rendition {
        kind: RenditionKind::Subtitles,
        group: "subs".into(),
        forced: true,
        autoselect: false,
        uri: uri("s.m3u8"),
        ..audio("Français", "fr", false)
    };
    let playlist = Multivariant {
        independent: true,
        renditions: vec![
            audio("English", "en", true),
            audio("Plain", "", false),
            subtitles,
        ],
        variants: vec![Variant {
            subtitles: Some("subs".into()),
            ..variant()
        }],
    };
    let expected = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n\
        #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"English\",LANGUAGE=\"en\",DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"2\",URI=\"audio.m3u8\"\n\
        #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"Plain\",DEFAULT=NO,AUTOSELECT=YES,CHANNELS=\"2\",URI=\"audio.m3u8\"\n\
        #EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"subs\",NAME=\"Français\",LANGUAGE=\"fr\",DEFAULT=NO,AUTOSELECT=NO,FORCED=YES,URI=\"s.m3u8\"\n\
        #EXT-X-STREAM-INF:BANDWIDTH=2500000,AVERAGE-BANDWIDTH=2000000,CODECS=\"avc1.640028,mp4a.40.2\",RESOLUTION=1920x1080,FRAME-RATE=29.970,VIDEO-RANGE=PQ,AUDIO=\"audio\",SUBTITLES=\"subs\"\n\
        video.m3u8\n";
    assert_eq!(playlist.render().expect("a text"), expected);
    let read = read(&playlist);
    let stream = &read.variants[0];
    assert_eq!(
        (
            stream.uri.as_str(),
            stream.bandwidth,
            stream.average_bandwidth
        ),
        ("video.m3u8", 2_500_000, Some(2_000_000))
    );
    assert_eq!(stream.codecs.as_deref(), Some("avc1.640028,mp4a.40.2"));
    let size = stream.resolution.map(|r| (r.width, r.height));
    assert_eq!((size, stream.frame_rate), (Some((1920, 1080)), Some(29.97)));
    assert_eq!(
        (stream.audio.as_deref(), stream.subtitles.as_deref()),
        (Some("audio"), Some("subs"))
    );
    let languages: Vec<_> = read
        .alternatives
        .iter()
        .map(|a| a.language.as_deref())
        .collect();
    assert_eq!(languages, [Some("en"), None, Some("fr")]);
    assert!(read.alternatives[0].default && read.alternatives[2].forced);
}

#[test]
fn what_is_not_known_is_left_out() {
    let bare = Variant {
        average_bandwidth: None,
        codecs: Vec::new(),
        resolution: None,
        frame_rate: Some((0, 1)),
        video_range: None,
        audio: None,
        ..variant()
    };
    let playlist = Multivariant {
        variants: vec![bare],
        ..Multivariant::default()
    };
    assert_eq!(
        playlist.render().as_deref(),
        Ok("#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-STREAM-INF:BANDWIDTH=2500000\nvideo.m3u8\n")
    );
    let other = read(&playlist).variants.remove(0).other_attributes;
    assert_eq!(
        other,
        None::<std::collections::HashMap<String, QuotedOrUnquoted>>
    );
    let odd = Variant {
        frame_rate: Some((30, 0)),
        ..variant()
    };
    let playlist = Multivariant {
        variants: vec![odd],
        ..Multivariant::default()
    };
    assert!(!playlist.render().expect("a text").contains("FRAME-RATE"));
}

#[test]
fn texts_with_quotes_or_line_ends_are_refused() {
    for wrong in ["a\"b", "a\nb", "a\rb", "\u{85}"] {
        let renditions = vec![audio(wrong, "en", false)];
        let playlist = Multivariant {
            renditions,
            ..Multivariant::default()
        };
        let error = Error::Text {
            attribute: "NAME",
            found: wrong.into(),
        };
        assert_eq!(playlist.render(), Err(error.clone()));
        assert!(error.to_string().starts_with("NAME: found"));
    }
}
