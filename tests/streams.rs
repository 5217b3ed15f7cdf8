//! What fmp4remux makes of the caps, tags and first buffers that GStreamer's demuxers, parsers and encoders give it.

mod common;

use std::str::FromStr;

use common::media::{self, Recipe};
use gst::prelude::*;
use gstharmony::elements::fmp4remux::streams::{
    self, Description, FrameLength, Kind, Stream, Units, Wishes, describe, leading_delimiters,
};
use gstharmony::isobmff::model::{
    AudioCodec, Colour, ContentLight, MasteringDisplay, Orientation, SampleEntry, VideoCodec,
};

/// The caps, tags and first buffers of a stream.
struct Head {
    caps: gst::Caps,
    buffers: Vec<Vec<u8>>,
}

impl Head {
    /// Runs a part of a pipeline that ends in the stream.
    fn new(description: &str) -> Self {
        common::init();
        let pipeline = common::launch(&format!("{description} ! appsink name=s sync=false"));
        let sink = pipeline.by_name("s").expect("it was named");
        let sink: gst_app::AppSink = sink.downcast().expect("it is an appsink");
        sink.set_caps(Some(&streams::any_caps()));
        pipeline.set_state(gst::State::Playing).expect("it starts");
        let mut head = Self {
            caps: gst::Caps::new_any(),
            buffers: Vec::new(),
        };
        while head.buffers.len() < 5
            && let Ok(sample) = sink.pull_sample()
        {
            head.caps = sample.caps_owned().expect("samples have caps");
            let map = sample.buffer().expect("samples have buffers");
            head.buffers.push(map.map_readable().unwrap().to_vec());
        }
        pipeline.set_state(gst::State::Null).expect("it stops");
        assert!(!head.buffers.is_empty(), "{description}");
        head
    }

    fn of(recipe: Recipe, elements: &str) -> Self {
        Self::new(&format!("{} ! {elements}", recipe.source()))
    }

    /// The stream, as far as the caps alone tell, if they do.
    fn by_caps(&self) -> Option<Stream> {
        stream(describe(&self.caps, None, None, Wishes::default()))
    }

    fn stream(&self) -> Stream {
        let first = Some(self.buffers[0].as_slice());
        let described = describe(&self.caps, None, first, Wishes::default());
        stream(described).expect("a buffer is enough")
    }
}

fn stream(described: Result<Description, String>) -> Option<Stream> {
    match described.expect("the stream is one for MP4") {
        Description::Stream(stream) => Some(*stream),
        Description::NeedsFirstBuffer => None,
    }
}

fn caps(text: &str) -> gst::Caps {
    common::init();
    gst::Caps::from_str(text).expect("the text is caps")
}

fn error(text: &str, first: Option<&[u8]>) -> String {
    describe(&caps(text), None, first, Wishes::default()).expect_err("the stream can't be muxed")
}

#[test]
fn h264_is_avc1_unless_its_samples_carry_parameter_sets() {
    let head = Head::of(media::H264_AAC, "matroskademux ! h264parse");
    assert!(head.by_caps().is_none(), "the samples decide");
    let stream = head.stream();
    assert_eq!(stream.timescale, 30_000);
    assert!(stream.codecs.starts_with("avc1.6400"), "{stream:?}");
    let Kind::Video {
        reorder_depth,
        frame_duration_ns,
        units,
    } = stream.kind
    else {
        panic!("{stream:?}")
    };
    assert_eq!((reorder_depth, units), (2, Units::Avc(4)));
    assert_eq!(frame_duration_ns, Some(33_366_667));
    let SampleEntry::Video(entry) = &stream.entry else {
        panic!("{stream:?}")
    };
    assert_eq!((entry.width, entry.height), (320, 180));
    assert!(matches!(
        entry.codec,
        VideoCodec::Avc { in_band: false, .. }
    ));

    let head = Head::of(media::H264_TS, "tsdemux ! h264parse");
    let stream = head.stream();
    assert!(stream.codecs.starts_with("avc3."), "{stream:?}");
    let wishes = Wishes {
        timescale: 12_345,
        in_band: Some(false),
    };
    let wished = self::stream(describe(&head.caps, None, None, wishes)).unwrap();
    assert!(wished.codecs.starts_with("avc1."), "{wished:?}");
    assert_eq!(wished.timescale, 12_345);
}

#[test]
fn h265_is_described_by_its_sets() {
    let stream = Head::of(media::H265, "matroskademux ! h265parse").stream();
    assert!(stream.codecs.starts_with("hvc1.1."), "{stream:?}");
    assert_eq!(stream.timescale, 12_800);
    assert!(
        matches!(
            stream.kind,
            Kind::Video {
                reorder_depth: 1..=2,
                ..
            }
        ),
        "{stream:?}"
    );
}

#[test]
fn av1_needs_the_bitstream_where_the_encoder_sends_no_codec_data() {
    let head = Head::new(
        "videotestsrc num-buffers=5 ! video/x-raw,format=I420,width=160,height=90,framerate=25/1 ! av1enc cpu-used=8 usage-profile=realtime ! video/x-av1",
    );
    assert!(head.by_caps().is_none());
    let stream = head.stream();
    assert!(stream.codecs.starts_with("av01.0.00M.08"), "{stream:?}");
    assert!(matches!(
        stream.kind,
        Kind::Video {
            units: Units::Obus,
            reorder_depth: 0,
            ..
        }
    ));
    for buffer in &head.buffers {
        let cut = leading_delimiters(buffer);
        assert_eq!(cut, 2, "av1enc sends them");
        assert_eq!(leading_delimiters(&buffer[cut..]), 0);
    }
    let parsed = Head::of(media::AV1, "matroskademux ! av1parse").stream();
    let SampleEntry::Video(entry) = &parsed.entry else {
        panic!("{parsed:?}")
    };
    assert_eq!((entry.width, entry.height), (160, 90));
}

#[test]
fn vp9_gets_its_level_from_size_and_rate() {
    let stream = Head::of(media::VP9_OPUS, "matroskademux ! vp9parse").stream();
    assert!(stream.codecs.starts_with("vp09.00.10.08"), "{stream:?}");
    assert_eq!(stream.timescale, 12_800);
    assert!(matches!(
        stream.kind,
        Kind::Video {
            reorder_depth: 0,
            ..
        }
    ));
}

#[test]
fn aac_counts_at_its_rate() {
    let stream = Head::of(media::AAC, "aacparse ! audio/mpeg,stream-format=raw")
        .by_caps()
        .unwrap();
    assert_eq!(
        (stream.timescale, stream.codecs.as_str()),
        (44_100, "mp4a.40.2")
    );
    let Kind::Audio { frame, rate, .. } = stream.kind else {
        panic!("{stream:?}")
    };
    assert_eq!((frame, rate), (FrameLength::Constant(1024), 44_100));
}

#[test]
fn opus_has_pre_skip_and_pre_roll() {
    let head = Head::of(media::OPUS, "oggdemux ! opusparse");
    let stream = head.by_caps().unwrap();
    assert_eq!((stream.timescale, stream.codecs.as_str()), (48_000, "Opus"));
    let Kind::Audio {
        frame,
        pre_skip,
        pre_roll,
        ..
    } = stream.kind
    else {
        panic!("{stream:?}")
    };
    assert_eq!((pre_skip, pre_roll), (312, 3840));
    let packet = head.buffers.iter().find(|b| !frame.is_header(b)).unwrap();
    assert_eq!(frame.samples(packet), Ok(960));
    // RTP brings no stream header.
    let bare = caps("audio/x-opus,channel-mapping-family=0,channels=2,rate=48000");
    let stream = self::stream(describe(&bare, None, None, Wishes::default())).unwrap();
    let SampleEntry::Audio(entry) = stream.entry else {
        panic!("{stream:?}")
    };
    let config = vec![0, 2, 0, 0, 0, 0, 0xbb, 0x80, 0, 0, 0];
    assert_eq!(entry.codec, AudioCodec::Opus { config });
}

#[test]
fn flac_headers_are_known_without_flags() {
    for head in [
        Head::of(media::FLAC, "flacparse"),
        Head::new(
            "audiotestsrc num-buffers=20 ! audio/x-raw,rate=44100,channels=1 ! flacenc ! flacparse",
        ),
    ] {
        let stream = head.by_caps().unwrap();
        assert_eq!((stream.timescale, stream.codecs.as_str()), (44_100, "fLaC"));
        let Kind::Audio { frame, .. } = stream.kind else {
            panic!("{stream:?}")
        };
        let (headers, frames): (Vec<_>, Vec<_>) =
            head.buffers.iter().partition(|b| frame.is_header(b));
        assert!(!headers.is_empty() && !frames.is_empty());
        assert!(frames.iter().all(|f| frame.samples(f) == Ok(4608)));
        assert!(frame.samples(headers[0]).is_err());
    }
}

#[test]
fn ac3_and_eac3_are_described_by_their_frames() {
    let head = Head::of(media::AC3, "matroskademux ! ac3parse");
    assert!(head.by_caps().is_none());
    let stream = head.stream();
    assert_eq!((stream.timescale, stream.codecs.as_str()), (48_000, "ac-3"));
    let head = Head::of(media::EAC3, "matroskademux ! ac3parse");
    let stream = head.stream();
    assert_eq!((stream.timescale, stream.codecs.as_str()), (48_000, "ec-3"));
    let Kind::Audio { frame, .. } = stream.kind else {
        panic!("{stream:?}")
    };
    assert_eq!(frame.samples(&head.buffers[1]), Ok(1536));
}

const VP9_KEY: &[u8] = &[
    0x82, 0x49, 0x83, 0x42, 0x00, 0x09, 0xf0, 0x05, 0x90, 0x00, 0x00, 0x00,
];

fn vp9(fields: &str, tags: Option<&gst::TagListRef>) -> Stream {
    let caps = caps(&format!("video/x-vp9,alignment=super-frame{fields}"));
    stream(describe(&caps, tags, Some(VP9_KEY), Wishes::default())).unwrap()
}

#[test]
fn colour_and_hdr_come_from_the_caps_and_are_never_invented() {
    let SampleEntry::Video(plain) = vp9("", None).entry else {
        panic!("VP9 is video")
    };
    assert_eq!((plain.width, plain.height), (160, 90));
    let silent = (
        plain.pixel_aspect,
        plain.colour,
        plain.mastering,
        plain.light,
    );
    assert_eq!(silent, (None, None, None, None));
    let hdr = vp9(
        ",width=160,height=90,pixel-aspect-ratio=4/3,colorimetry=bt2100-pq,\
         mastering-display-info=(string)35400:14600:8500:39850:6550:2300:15635:16450:10000000:50,\
         content-light-level=(string)1000:400",
        None,
    );
    assert_eq!(hdr.codecs, "vp09.00.10.08.01.09.16.09.00");
    let SampleEntry::Video(hdr) = hdr.entry else {
        panic!("VP9 is video")
    };
    assert_eq!(hdr.pixel_aspect, Some((4, 3)));
    let colour = Colour {
        primaries: 9,
        transfer: 16,
        matrix: 9,
        full_range: false,
    };
    assert_eq!(hdr.colour, Some(colour));
    let mastering = MasteringDisplay {
        primaries_gbr: [(8500, 39_850), (6550, 2300), (35_400, 14_600)],
        white_point: (15_635, 16_450),
        max_luminance: 10_000_000,
        min_luminance: 50,
    };
    assert_eq!(hdr.mastering, Some(mastering));
    let light = ContentLight {
        max_content: 1000,
        max_average: 400,
    };
    assert_eq!(hdr.light, Some(light));
}

#[test]
fn colour_that_says_nothing_is_left_out() {
    let colour = |colorimetry: &str| {
        let SampleEntry::Video(entry) = vp9(&format!(",colorimetry={colorimetry}"), None).entry
        else {
            panic!("VP9 is video")
        };
        let code = |c: Colour| (c.primaries, c.transfer, c.matrix, c.full_range);
        entry.colour.map(code)
    };
    assert_eq!(colour("bt601"), Some((6, 6, 6, false)));
    assert_eq!(colour("bt709"), Some((1, 1, 1, false)));
    assert_eq!(colour("sRGB"), Some((1, 13, 0, true)));
    assert_eq!(colour("bt2100-hlg"), Some((9, 18, 9, false)));
    assert_eq!(colour("2:0:0:0"), None);
    assert_eq!(colour("1:0:0:0"), Some((2, 2, 2, true)));
    assert_eq!(colour("nonsense"), None);
}

macro_rules! source {
    ($name:literal, $arguments:literal) => {
        Recipe {
            name: concat!("streams-", $name),
            ffmpeg: concat!("-f lavfi -i sine=r=48000:d=1 -ac 2 ", $arguments),
        }
    };
}

/// The same packets in two containers; not of Opus, whose pre-skip qtdemux keeps to itself.
#[test]
fn descriptions_do_not_depend_on_the_container() {
    for (mkv, mp4, parser) in [
        (
            source!("flac.mkv", "-c:a flac -f matroska"),
            source!("flac.mp4", "-c:a flac -strict -2 -f mp4"),
            "flacparse",
        ),
        (
            source!("aac.mkv", "-c:a aac -f matroska"),
            source!("aac.mp4", "-c:a aac -f mp4"),
            "aacparse",
        ),
        (
            source!("eac3.mkv", "-c:a eac3 -f matroska"),
            source!("eac3.mp4", "-c:a eac3 -f mp4"),
            "ac3parse",
        ),
    ] {
        let from_mkv = Head::of(mkv, &format!("matroskademux ! {parser}")).stream();
        let from_mp4 = Head::of(mp4, &format!("qtdemux ! {parser}")).stream();
        assert_eq!(from_mkv, from_mp4, "{mkv:?}");
    }
}

#[test]
fn frame_rates_give_exact_ticks() {
    for (rate, timescale, duration) in [
        ("24000/1001", 24_000, Some(41_708_333)),
        ("60000/1001", 60_000, Some(16_683_333)),
        ("25/1", 12_800, Some(40_000_000)),
        ("0/1", 90_000, None),
    ] {
        let stream = vp9(&format!(",framerate={rate}"), None);
        assert_eq!(stream.timescale, timescale, "{rate}");
        let Kind::Video {
            frame_duration_ns, ..
        } = stream.kind
        else {
            panic!("{stream:?}")
        };
        assert_eq!(frame_duration_ns, duration, "{rate}");
    }
    assert_eq!(vp9("", None).timescale, 90_000);
}

#[test]
fn tags_turn_the_picture_and_name_the_language() {
    common::init();
    let mut tags = gst::TagList::new();
    let list = tags.get_mut().unwrap();
    let mode = gst::TagMergeMode::Append;
    list.add::<gst::tags::ImageOrientation>(&"flip-rotate-270", mode);
    list.add::<gst::tags::LanguageCode>(&"ger", mode);
    list.add::<gst::tags::Bitrate>(&128_000, mode);
    let stream = vp9("", Some(&tags));
    let turned = Orientation {
        quarter_turns: 3,
        mirrored: true,
    };
    assert_eq!(
        (stream.orientation, stream.language.as_str()),
        (turned, "de")
    );
    let SampleEntry::Video(entry) = stream.entry else {
        panic!("VP9 is video")
    };
    assert_eq!(
        entry.bitrate.map(|b| (b.max, b.average)),
        Some((128_000, 128_000))
    );
    assert_eq!(vp9("", None).orientation, Orientation::default());
}

#[test]
fn errors_name_the_field() {
    for (caps, named) in [
        ("video/x-h264,stream-format=avc,alignment=au", "codec_data"),
        (
            "video/x-h264,stream-format=avc,codec_data=(buffer)0264",
            "configurationVersion",
        ),
        (
            "video/x-h264,stream-format=avc,codec_data=(buffer)01640014",
            "codec_data: avcC",
        ),
        (
            "video/x-h264,stream-format=byte-stream,codec_data=(buffer)0164001fffe000",
            "stream-format: found byte-stream",
        ),
        ("video/x-h265,stream-format=hvc1", "codec_data"),
        (
            "video/x-av1,codec_data=(buffer)00000000",
            "marker and version",
        ),
        (
            "video/x-av1,stream-format=annexb",
            "stream-format: found annexb",
        ),
        ("audio/mpeg,mpegversion=1,layer=3", "mpegversion: found 1"),
        (
            "audio/mpeg,mpegversion=4,stream-format=adts",
            "stream-format: found adts",
        ),
        ("audio/mpeg,mpegversion=4,stream-format=raw", "codec_data"),
        (
            "audio/mpeg,mpegversion=4,stream-format=raw,codec_data=(buffer)1200",
            "channels",
        ),
        ("audio/x-flac,framed=true", "streamheader"),
        (
            "audio/x-opus,channel-mapping-family=0,channels=6",
            "channel count",
        ),
        ("audio/x-vorbis", "audio/x-vorbis has no place in MP4"),
        ("text/x-raw,format=ssa", "format: found ssa"),
    ] {
        let error = error(caps, None);
        assert!(error.contains(named), "{caps}: {error}");
    }
    let error = error("audio/x-ac3,framed=true", Some(b"nothing"));
    assert!(
        error.contains("first buffer") && error.contains("syncword"),
        "{error}"
    );
}

#[test]
fn subtitles_count_milliseconds() {
    for (format, markup) in [("utf8", false), ("pango-markup", true)] {
        let caps = caps(&format!("text/x-raw,format={format}"));
        let stream = stream(describe(&caps, None, None, Wishes::default())).unwrap();
        assert_eq!(stream.timescale, 1000);
        assert_eq!(stream.kind, Kind::Text { markup });
    }
}
