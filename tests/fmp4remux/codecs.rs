//! Every codec, as its demuxer and parser give it.

use super::compare::faithful;
use super::remux;
use crate::common::ffprobe::probe;
use crate::common::media;
use crate::common::tools::decode;

macro_rules! codecs {
    ($($name:ident: $recipe:ident, $branches:expr;)*) => {
        $(
            #[test]
            fn $name() {
                faithful(media::$recipe, &$branches, "");
            }
        )*
    };
}

const H264: &str = "video_0 ! h264parse";
const H265: &str = "video_0 ! h265parse";
const AAC: &str = "audio_0 ! aacparse";

codecs! {
    h264_with_b_frames_and_aac: H264_AAC, [H264, AAC];
    h264_without_a_parser: H264_AAC, ["video_0", "audio_0"];
    h264_with_open_gops: H264_OPEN_GOP, [H264];
    h264_of_variable_frame_rate: H264_VFR, [H264];
    h264_interlaced: H264_INTERLACED, [H264];
    h264_at_59_94: H264_5994, [H264];
    h264_and_flac: H264_FLAC, [H264, "audio_0 ! flacparse"];
    h265: H265, [H265];
    h265_with_open_gops: H265_OPEN_GOP, [H265];
    h265_with_hdr: H265_HDR, [H265];
    vp9_and_opus: VP9_OPUS, ["video_0 ! vp9parse", "audio_0 ! opusparse"];
    av1: AV1, ["video_0 ! av1parse"];
    av1_and_opus: AV1_OPUS, ["video_0 ! av1parse", "audio_0 ! opusparse"];
    aac_at_44_1_khz: AAC_441, [AAC];
    aac_at_96_khz: AAC_96, [AAC];
    flac_at_88_2_khz: FLAC_882, ["audio_0 ! flacparse"];
    flac_at_96_khz: FLAC_96, ["audio_0 ! flacparse"];
    flac_of_a_flac_file: FLAC, [""];
    ac3: AC3, ["audio_0 ! ac3parse"];
    eac3: EAC3, ["audio_0 ! ac3parse"];
}

/// Encoders tell less than files do: av1enc has no codec_data, and temporal delimiters, which MP4 does without.
#[test]
fn straight_from_encoders() {
    let video =
        "videotestsrc num-buffers=10 ! video/x-raw,format=I420,width=64,height=64,framerate=10/1";
    let audio = "audiotestsrc num-buffers=48 samplesperbuffer=1000 ! audio/x-raw,rate=48000";
    for (encoder, frames) in [
        (format!("{video} ! av1enc cpu-used=8 ! m."), 10),
        (format!("{video} ! vp9enc deadline=1 cpu-used=8 ! m."), 10),
        (
            format!("{video} ! x264enc bframes=2 b-adapt=false ! m."),
            10,
        ),
        (format!("{audio} ! opusenc ! m."), 50),
        (format!("{audio} ! flacenc ! flacparse ! m."), 11),
        (format!("{audio} ! avenc_aac ! m."), 47),
    ] {
        let remuxed = remux(&encoder, "");
        let streams = probe(&remuxed.file);
        assert!(
            streams[0].packets.len() >= frames,
            "{encoder}: {} packets",
            streams[0].packets.len()
        );
        decode(&remuxed.file);
        if encoder.contains("av1enc") {
            let data = remuxed.bytes();
            let first = crate::common::boxes::top(&data, b"mdat").fields[0];
            // obu_type 2 is a temporal delimiter (AV1, 6.2.2).
            assert_ne!(first >> 3 & 15, 2, "{first:#x}");
        }
    }
}
