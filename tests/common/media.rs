//! Real media from real encoders, made once and kept under `target/test-media`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How a media file is made.
#[derive(Clone, Copy, Debug)]
pub struct Recipe {
    /// Name of the file, with its extension.
    pub name: &'static str,
    /// Arguments of ffmpeg but the output, separated by spaces; `{srt}` and `{vtt}` stand for the subtitle files.
    pub ffmpeg: &'static str,
}

/// Subtitles with gaps, overlapping nothing, with markup and text outside ASCII.
pub const SRT: &str = "1\n00:00:00,500 --> 00:00:01,250\nfirst\n\n\
    2\n00:00:01,900 --> 00:00:02,000\n<i>second</i> naïve ✓\n\n\
    3\n00:00:03,100 --> 00:00:03,900\nthird\nof two lines\n\n";
/// The same as [`SRT`] in WebVTT.
pub const WEBVTT: &str = "WEBVTT\n\n00:00:00.500 --> 00:00:01.250\nfirst\n\n\
    00:00:01.900 --> 00:00:02.000\n<i>second</i> naïve ✓\n\n\
    00:00:03.100 --> 00:00:03.900\nthird\nof two lines\n\n";

macro_rules! recipes {
    ($($(#[$doc:meta])* $constant:ident = $name:literal, $ffmpeg:expr;)*) => {
        $($(#[$doc])* pub const $constant: Recipe = Recipe { name: $name, ffmpeg: $ffmpeg };)*
        /// Every recipe.
        pub const ALL: &[Recipe] = &[$($constant),*];
    };
}

recipes! {
    /// The main job's input: H.264 with B-frames at 29.97 and AAC.
    H264_AAC = "h264-aac.mkv", "-f lavfi -i testsrc2=s=320x180:r=30000/1001:d=4 -f lavfi -i sine=f=440:r=48000:d=4 -c:v libx264 -preset veryfast -bf 3 -g 30 -pix_fmt yuv420p -c:a aac -f matroska";
    /// H.264 with open GOPs (leading blocks after each key but the first), 23.976.
    H264_OPEN_GOP = "h264-open-gop.mkv", "-f lavfi -i testsrc2=s=160x90:r=24000/1001:d=4 -c:v libx264 -preset veryfast -x264-params open-gop=1:keyint=12:min-keyint=12:bframes=3:b-adapt=0:scenecut=0 -pix_fmt yuv420p -f matroska";
    /// H.264 in MP4 with an edit list: the first DTS lies before the segment.
    H264_EDIT_LIST = "h264-edit-list.mp4", "-f lavfi -i testsrc2=s=160x90:r=25:d=3 -f lavfi -i sine=f=330:r=44100:d=3 -c:v libx264 -preset veryfast -bf 3 -g 25 -pix_fmt yuv420p -c:a aac -f mp4";
    /// H.264 of a variable frame rate, with half a second missing.
    H264_VFR = "h264-vfr.mkv", "-f lavfi -i testsrc2=s=160x90:r=60:d=3 -vf select='not(eq(mod(n\\,7)\\,3))*not(between(n\\,60\\,90))' -fps_mode vfr -c:v libx264 -preset veryfast -bf 2 -g 20 -pix_fmt yuv420p -f matroska";
    /// H.264 with one key block only.
    H264_ONE_KEY = "h264-one-key.mkv", "-f lavfi -i testsrc2=s=160x90:r=30:d=3 -c:v libx264 -preset veryfast -bf 2 -g 1000 -sc_threshold 0 -pix_fmt yuv420p -f matroska";
    /// H.264 in an MPEG transport stream: byte stream, no codec_data.
    H264_TS = "h264-aac.ts", "-f lavfi -i testsrc2=s=160x90:r=25:d=3 -f lavfi -i sine=f=330:r=48000:d=3 -c:v libx264 -preset veryfast -bf 2 -g 25 -pix_fmt yuv420p -c:a aac -f mpegts";
    /// H.264 and AAC in FLV, whose demuxer finds its streams one after the other.
    FLV = "h264-aac.flv", "-f lavfi -i testsrc2=s=160x90:r=25:d=3 -f lavfi -i sine=f=330:r=44100:d=3 -c:v libx264 -preset veryfast -bf 2 -g 25 -pix_fmt yuv420p -c:a aac -f flv";
    /// H.264, and sound that MP4 cannot hold.
    H264_VORBIS = "h264-vorbis.mkv", "-f lavfi -i testsrc2=s=160x90:r=25:d=3 -f lavfi -i sine=f=330:r=44100:d=3 -c:v libx264 -preset veryfast -bf 2 -g 25 -pix_fmt yuv420p -c:a libvorbis -f matroska";
    /// VP9 alone.
    VP9 = "vp9.webm", "-f lavfi -i testsrc2=s=160x90:r=25:d=2 -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 25 -b:v 200k -f webm";
    /// H.265 with B-frames and closed GOPs.
    H265 = "h265.mkv", "-f lavfi -i testsrc2=s=160x96:r=25:d=3 -c:v libx265 -preset ultrafast -x265-params log-level=none:bframes=4:open-gop=0:keyint=25:pools=1 -pix_fmt yuv420p -f matroska";
    /// H.265 with open GOPs.
    H265_OPEN_GOP = "h265-open-gop.mkv", "-f lavfi -i testsrc2=s=160x96:r=24000/1001:d=3 -c:v libx265 -preset ultrafast -x265-params log-level=none:bframes=3:b-adapt=0:open-gop=1:keyint=12:min-keyint=12:scenecut=0:pools=1 -pix_fmt yuv420p -f matroska";
    /// VP8 and Vorbis.
    VP8_VORBIS = "vp8-vorbis.webm", "-f lavfi -i testsrc2=s=160x90:r=25:d=3 -f lavfi -i sine=f=440:r=44100:d=3 -c:v libvpx -deadline realtime -cpu-used 8 -auto-alt-ref 1 -lag-in-frames 10 -g 25 -b:v 200k -c:a libvorbis -f webm";
    /// VP9 and Opus.
    VP9_OPUS = "vp9-opus.webm", "-f lavfi -i testsrc2=s=160x90:r=25:d=2 -f lavfi -i sine=f=440:r=48000:d=2 -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 25 -b:v 200k -c:a libopus -f webm";
    /// AV1.
    AV1 = "av1.mkv", "-f lavfi -i testsrc2=s=160x90:r=10:d=2 -c:v libaom-av1 -cpu-used 8 -g 10 -pix_fmt yuv420p -f matroska";
    /// Opus with stream headers.
    OPUS = "opus.ogg", "-f lavfi -i sine=f=440:r=48000:d=3 -c:a libopus -f ogg";
    /// AAC with ADTS headers.
    AAC = "aac.aac", "-f lavfi -i sine=f=440:r=44100:d=3 -c:a aac -f adts";
    /// FLAC with stream headers.
    FLAC = "flac.flac", "-f lavfi -i sine=f=440:r=44100:d=3 -c:a flac -f flac";
    /// Raw audio.
    WAV = "raw.wav", "-f lavfi -i sine=f=440:r=48000:d=2 -ac 2 -c:a pcm_s16le -f wav";
    /// MP3.
    MP3 = "mp3.mp3", "-f lavfi -i sine=f=440:r=44100:d=3 -c:a libmp3lame -f mp3";
    /// Raw audio at 384 kHz: a tone that is heard, and one of 60 kHz that is not.
    WAV_384 = "raw-384.wav", "-f lavfi -i aevalsrc=0.3*sin(2*PI*1000*t)+0.3*sin(2*PI*60000*t):s=384000:d=1 -c:a pcm_s16le -f wav";
    /// H.264 and subtitles that are silent for most of the time.
    H264_SRT = "h264-srt.mkv", "-f lavfi -i testsrc2=s=160x90:r=25:d=5 -i {srt} -map 0 -map 1 -c:v libx264 -preset veryfast -bf 2 -g 25 -pix_fmt yuv420p -c:s srt -f matroska";
    /// VP8 and WebVTT.
    VP8_WEBVTT = "vp8-webvtt.webm", "-f lavfi -i testsrc2=s=160x90:r=25:d=5 -i {vtt} -map 0 -map 1 -c:v libvpx -deadline realtime -cpu-used 8 -g 25 -b:v 200k -c:s webvtt -f webm";
    /// Audio that starts a second and a half after the video.
    APART = "apart.mkv", "-f lavfi -i testsrc2=s=160x90:r=25:d=4 -itsoffset 1.5 -f lavfi -i sine=f=440:r=48000:d=2.5 -map 0 -map 1 -c:v libx264 -preset veryfast -bf 2 -g 25 -pix_fmt yuv420p -c:a aac -f matroska";
    /// Two audio languages, a title and chapters' worth of tags beside the video.
    TAGGED = "tagged.mkv", "-f lavfi -i testsrc2=s=160x90:r=25:d=2 -f lavfi -i sine=f=440:r=48000:d=2 -f lavfi -i sine=f=550:r=48000:d=2 -map 0 -map 1 -map 2 -c:v libx264 -preset veryfast -g 25 -pix_fmt yuv420p -c:a aac -metadata title=Harmony -metadata artist=Tester -metadata:s:a:0 language=deu -metadata:s:a:1 language=fra -f matroska";
    /// H.264 interlaced, top field first.
    H264_INTERLACED = "h264-interlaced.mkv", "-f lavfi -i testsrc2=s=160x96:r=50:d=2 -vf interlace=scan=tff -c:v libx264 -flags +ildct+ilme -x264-params tff=1:bframes=2:keyint=25 -preset veryfast -pix_fmt yuv420p -f matroska";
    /// H.264 with B-frames at 59.94.
    H264_5994 = "h264-59.94.mkv", "-f lavfi -i testsrc2=s=160x90:r=60000/1001:d=3 -c:v libx264 -preset veryfast -bf 3 -g 60 -pix_fmt yuv420p -f matroska";
    /// H.264 with one GOP of a minute, and a few frames of a next one.
    H264_LONG_GOP = "h264-long-gop.mkv", "-f lavfi -i testsrc2=s=64x48:r=5:d=61 -c:v libx264 -preset veryfast -bf 2 -g 300 -sc_threshold 0 -pix_fmt yuv420p -f matroska";
    /// H.264 of one frame.
    H264_ONE_FRAME = "h264-one-frame.mkv", "-f lavfi -i testsrc2=s=160x90:r=25:d=0.04 -c:v libx264 -preset veryfast -pix_fmt yuv420p -f matroska";
    /// H.264 and AAC with six seconds of audio missing.
    AUDIO_GAP = "audio-gap.mkv", "-f lavfi -i testsrc2=s=160x90:r=10:d=12 -f lavfi -i sine=f=440:r=48000:d=12 -af aselect='not(between(t\\,2\\,8))' -c:v libx264 -preset veryfast -bf 2 -g 10 -pix_fmt yuv420p -c:a aac -f matroska";
    /// H.265 of 10 bits with the mastering display's colour volume and light levels.
    H265_HDR = "h265-hdr.mkv", "-f lavfi -i testsrc2=s=160x96:r=25:d=1 -c:v libx265 -preset ultrafast -x265-params log-level=none:pools=1:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1):max-cll=1000,400:hdr10=1 -pix_fmt yuv420p10le -f matroska";
    /// AV1 and Opus.
    AV1_OPUS = "av1-opus.mkv", "-f lavfi -i testsrc2=s=160x90:r=10:d=3 -f lavfi -i sine=f=440:r=48000:d=3 -c:v libaom-av1 -cpu-used 8 -g 10 -pix_fmt yuv420p -c:a libopus -f matroska";
    /// AAC in Matroska at 44.1 kHz: times in milliseconds.
    AAC_441 = "aac-44.1.mkv", "-f lavfi -i sine=f=440:r=44100:d=3 -c:a aac -f matroska";
    /// AAC at 96 kHz.
    AAC_96 = "aac-96.mkv", "-f lavfi -i sine=f=440:r=96000:d=2 -c:a aac -f matroska";
    /// FLAC at 88.2 kHz, more than a sample entry's rate field holds.
    FLAC_882 = "flac-88.2.mkv", "-f lavfi -i sine=f=440:r=88200:d=2 -c:a flac -f matroska";
    /// FLAC at 96 kHz.
    FLAC_96 = "flac-96.mkv", "-f lavfi -i sine=f=440:r=96000:d=2 -c:a flac -f matroska";
    /// H.264 and FLAC.
    H264_FLAC = "h264-flac.mkv", "-f lavfi -i testsrc2=s=160x90:r=25:d=3 -f lavfi -i sine=f=440:r=48000:d=3 -c:v libx264 -preset veryfast -bf 2 -g 25 -pix_fmt yuv420p -c:a flac -f matroska";
    /// AC-3.
    AC3 = "ac3.mkv", "-f lavfi -i sine=f=440:r=48000:d=2 -ac 2 -c:a ac3 -f matroska";
    /// E-AC-3 of six channels.
    EAC3 = "eac3.mkv", "-f lavfi -i sine=f=440:r=48000:d=2 -ac 6 -c:a eac3 -f matroska";
    /// A video track, five languages of audio at two rates, and subtitles in two languages.
    EIGHT_TRACKS = "eight-tracks.mkv", "-f lavfi -i testsrc2=s=160x90:r=25:d=4 -f lavfi -i sine=f=440:r=48000:d=4 -f lavfi -i sine=f=550:r=44100:d=4 -i {srt} -map 0 -map 1 -map 1 -map 1 -map 2 -map 2 -map 3 -map 3 -c:v libx264 -preset veryfast -bf 2 -g 25 -pix_fmt yuv420p -c:a aac -c:s srt -metadata:s:a:0 language=eng -metadata:s:a:1 language=deu -metadata:s:a:2 language=fra -metadata:s:a:3 language=ita -metadata:s:a:4 language=spa -metadata:s:s:0 language=eng -metadata:s:s:1 language=jpn -f matroska";
}

/// FNV-1a: names the recipe in the cache, so that a changed recipe is made anew.
fn key(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |h, b| {
        (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The folder that keeps the media.
pub fn folder() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .expect("tmp lies in target");
    let folder = target.join("test-media");
    std::fs::create_dir_all(&folder).expect("the folder is made");
    folder
}

/// The file or folder `name` of the recipe with text `recipe`, made by `make` unless it is there. `make` gets a
/// path of its own that is renamed when whole, so that tests may run at the same time.
pub fn cached(name: &str, recipe: &str, make: impl FnOnce(&Path)) -> PathBuf {
    static UNIQUE: AtomicUsize = AtomicUsize::new(0);
    let path = folder().join(format!("{:016x}-{name}", key(recipe)));
    if !path.exists() {
        let unique = UNIQUE.fetch_add(1, Ordering::Relaxed);
        let made = folder().join(format!("tmp-{}-{unique}-{name}", std::process::id()));
        make(&made);
        if let Err(error) = std::fs::rename(&made, &path) {
            // A folder does not take the place of one that another test has made meanwhile.
            assert!(path.is_dir(), "{}: {error}", path.display());
            std::fs::remove_dir_all(&made).expect("the folder is ours");
        }
    }
    path
}

/// A text file of the cache.
pub fn text(name: &str, content: &str) -> PathBuf {
    cached(name, content, |path| {
        std::fs::write(path, content).expect("the text is written")
    })
}

impl Recipe {
    /// The media file, made on first use.
    pub fn path(&self) -> PathBuf {
        cached(self.name, self.ffmpeg, |path| {
            let mut command = Command::new("ffmpeg");
            command.args(["-hide_banner", "-v", "error", "-nostdin", "-y"]);
            for argument in self.ffmpeg.split(' ') {
                match argument {
                    "{srt}" => command.arg(text("text.srt", SRT)),
                    "{vtt}" => command.arg(text("text.vtt", WEBVTT)),
                    other => command.arg(other),
                };
            }
            let output = command
                .arg("-bitexact")
                .arg(path)
                .output()
                .expect("ffmpeg is installed");
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{}: {errors}", self.name);
        })
    }

    /// `filesrc location=…` of the file.
    pub fn source(&self) -> String {
        format!("filesrc location={}", super::pipeline::quoted(&self.path()))
    }
}
