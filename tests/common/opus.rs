//! Opus files of real encoders and muxers, made once and kept as the media of [`super::media`], and what an
//! independent walk of them finds.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::media::cached;

/// The tools of the tests, which belong to what they made.
const WALK: &str = include_str!("../python/opus_walk.py");
const REFRAME: &str = include_str!("../python/opus_reframe.py");

/// How a file is made: a shell script, where `{out}` is the file, `{tests}` the folder of the tests and `{NAME}` the
/// file of another recipe.
#[derive(Clone, Copy, Debug)]
pub struct Opus {
    /// Name of the file, with its extension.
    pub name: &'static str,
    script: &'static str,
}

macro_rules! files {
    ($list:ident: $($(#[$doc:meta])* $constant:ident = $name:literal, $script:expr;)*) => {
        $($(#[$doc])* pub const $constant: Opus = Opus { name: $name, script: $script };)*
        /// Every file of this list.
        pub const $list: &[Opus] = &[$($constant),*];
    };
}

files! { SOUND:
    /// Stereo with notes, noise and a bass whose channels are opposite, which intensity stereo inverts.
    MUSIC = "music.wav", r"notes='sin(2*PI*t*220*pow(2\,mod(floor(t*4)*5\,24)/12))*exp(-3*mod(t\,0.25))'
        others='sin(2*PI*t*277*pow(2\,mod(floor(t*3)*5\,24)/12))*exp(-3*mod(t\,0.333))'
        bass='0.12*sin(2*PI*t*110*pow(2\,mod(floor(t)*7\,12)/12))'
        left='0.2*(random(0)-0.5)*exp(-25*mod(t\,0.5))' right='0.2*(random(1)-0.5)*exp(-25*mod(t\,0.25))'
        ffmpeg -v error -nostdin -f lavfi -bitexact \
        -i aevalsrc=exprs='0.3*'$notes'+'$bass'+'$left'|0.3*'$others'-'$bass'+'$right:s=48000:d=24 {out}";
    /// Synthesised speech of 22 s, mono at 48 kHz.
    SPEECH = "speech.wav", r"flite -voice slt -o {out}.16.wav -t 'The quick brown fox jumps over the lazy dog. She sells
        sea shells by the sea shore, and the shells she sells are surely sea shells. Peter Piper picked a peck of pickled
        peppers; how many pickled peppers did Peter Piper pick? Some thirty three thousand thieves thought they thrilled
        the throne throughout Thursday. In the beginning of the year, when days are short and nights are long, the wind
        sings softly through the trees.'
        ffmpeg -v error -nostdin -i {out}.16.wav -ar 48000 -bitexact {out}; rm {out}.16.wav";
    /// Speech with white noise, which has an encoder keep all frequencies.
    HISS = "hiss.wav", r"ffmpeg -v error -nostdin -i {speech.wav} -f lavfi -i anoisesrc=a=0.02:r=48000:seed=1 \
        -filter_complex amix=duration=first:normalize=0 -ac 1 -bitexact {out}";
    /// Six seconds of speech and of music, in turn.
    TURNS = "turns.wav", r"ffmpeg -v error -nostdin -i {speech.wav} -i {music.wav} -bitexact -filter_complex \
        '[0]asplit[p][q];[1]pan=mono|c0=c0,asplit[r][s];[p]atrim=0:6[a];[r]atrim=0:6[b];[q]atrim=6:12[c];[s]atrim=6:12[d];[a][b][c][d]concat=n=4:v=0:a=1' {out}";
    /// Speech with three seconds of silence in it.
    PAUSE = "pause.wav", r"ffmpeg -v error -nostdin -i {speech.wav} -bitexact -af \
        asplit[a][b]\;[a]atrim=0:4,apad=pad_dur=3[c]\;[b]atrim=4:8[d]\;[c][d]concat=n=2:v=0:a=1 {out}";
    /// Six channels that differ.
    SIX = "six.wav", r"ffmpeg -v error -nostdin -i {music.wav} -i {hiss.wav} -bitexact -filter_complex \
        '[0]channelsplit[l][r];[1]asplit=4[a][b][c][d];[b]lowpass=f=120[e];[c]adelay=7[f];[d]adelay=11[g];[l][r][a][e][f][g]join=inputs=6:channel_layout=5.1' -t 6 {out}";
    /// A minute and a half of music.
    LONG = "long.wav", "ffmpeg -v error -nostdin -stream_loop 3 -i {music.wav} -t 90 -bitexact {out}";
    /// Exactly 100 003 stereo samples.
    ODD = "odd.wav", "ffmpeg -v error -nostdin -i {music.wav} -af atrim=end_sample=100003 -bitexact {out}";
}

/// `opusenc` of opus-tools: options, then the sound. The serial number is fixed, so that the file is always the same; links
/// of one chain must have different ones (RFC 3533, 4).
macro_rules! tools {
    ($options:literal, $sound:literal) => {
        concat!(
            "opusenc --quiet --serial 7 ",
            $options,
            " ",
            $sound,
            " {out}"
        )
    };
}

/// ffmpeg's libopus: options, then the sound.
macro_rules! ffmpeg {
    ($options:literal, $sound:literal) => {
        concat!(
            "ffmpeg -v error -nostdin -i ",
            $sound,
            " -c:a libopus ",
            $options,
            " -bitexact {out}"
        )
    };
}

/// GStreamer: sound, encoder and what comes after it.
macro_rules! gst {
    ($sound:literal, $chain:literal) => {
        concat!(
            "gst-launch-1.0 -q filesrc location=",
            $sound,
            " ! wavparse ! audioconvert ! ",
            $chain,
            " ! filesink location={out}"
        )
    };
}

/// `tests/python/opus_reframe.py`: options, then the files.
macro_rules! reframed {
    ($options:literal, $files:literal) => {
        concat!(
            "python3 {tests}/python/opus_reframe.py ",
            $options,
            " {out} ",
            $files
        )
    };
}

/// Files one after the other, each with a serial number of its own, as RFC 3533 demands.
macro_rules! chained {
    ($files:literal) => {
        concat!(
            "serial=1; for link in ",
            $files,
            "; do python3 {tests}/python/opus_reframe.py --serial $serial {out}.link $link; ",
            "cat {out}.link >> {out}; serial=$((serial + 1)); done; rm {out}.link"
        )
    };
}

files! { OGG:
    /// Music in CELT, 20 ms, as opus-tools encodes it.
    CELT = "celt.opus", tools!("--bitrate 96", "{music.wav}");
    /// The same at a rate where intensity stereo sets in.
    CELT_LOW = "celt-low.opus", tools!("--bitrate 32 --music", "{music.wav}");
    /// Packets of 2.5 ms.
    CELT_2_5 = "celt-2.5.opus", tools!("--bitrate 64 --framesize 2.5", "{music.wav}");
    /// Packets of 5 ms.
    CELT_5 = "celt-5.opus", tools!("--bitrate 64 --framesize 5", "{music.wav}");
    /// Packets of 10 ms.
    CELT_10 = "celt-10.opus", tools!("--bitrate 64 --framesize 10", "{music.wav}");
    /// Packets of 40 ms: codes 1 and 2.
    CELT_40 = "celt-40.opus", tools!("--bitrate 64 --framesize 40", "{music.wav}");
    /// Packets of 60 ms: code 3.
    CELT_60 = "celt-60.opus", tools!("--bitrate 64 --framesize 60", "{music.wav}");
    /// Constant bit rate: code 1, and code 3 with padding from the encoder.
    CBR_60 = "cbr-60.opus", tools!("--bitrate 64 --hard-cbr --framesize 60", "{music.wav}");
    /// Speech in SILK.
    SILK = "silk.opus", tools!("--bitrate 16 --speech --set-ctl-int 4004=1103", "{speech.wav}");
    /// Speech in SILK frames of 60 ms.
    SILK_60 = "silk-60.opus", tools!("--bitrate 12 --speech --framesize 60 --set-ctl-int 4004=1101", "{speech.wav}");
    /// Music in SILK, which remembers tones longest.
    SILK_MUSIC = "silk-music.opus", tools!("--bitrate 20 --speech --set-ctl-int 4004=1103", "{music.wav}");
    /// Speech in hybrid mode.
    HYBRID = "hybrid.opus", tools!("--bitrate 32 --speech", "{hiss.wav}");
    /// Music in hybrid mode.
    HYBRID_MUSIC = "hybrid-music.opus", tools!("--bitrate 32 --speech", "{music.wav}");
    /// All three modes, as the encoder chooses by what it hears.
    MIXED = "mixed.opus", tools!("--bitrate 24", "{turns.wav}");
    /// 5.1: mapping family 1, four streams.
    SURROUND = "surround.opus", tools!("--bitrate 256 --serial 9", "{six.wav}");
    /// 100 003 samples in.
    ODD_TOOLS = "odd-tools.opus", tools!("--bitrate 96 --serial 8", "{odd.wav}");
    /// One packet a page.
    PAGES = "pages.opus", tools!("--bitrate 96 --max-delay 0", "{odd.wav}");

    /// Packets of 20 ms of ffmpeg's.
    FFMPEG_20 = "ffmpeg-20.opus", ffmpeg!("-b:a 96k", "{music.wav}");
    /// Packets of 80 ms.
    FFMPEG_80 = "ffmpeg-80.opus", ffmpeg!("-b:a 64k -frame_duration 80", "{music.wav}");
    /// Packets of 100 ms.
    FFMPEG_100 = "ffmpeg-100.opus", ffmpeg!("-b:a 64k -frame_duration 100", "{music.wav}");
    /// Packets of 120 ms of speech.
    FFMPEG_120 = "ffmpeg-120.opus", ffmpeg!("-b:a 16k -application voip -frame_duration 120", "{speech.wav}");
    /// Four channels without a layout: mapping family 255.
    DISCRETE = "discrete.opus", ffmpeg!("-ac 4 -b:a 128k -mapping_family 255", "{six.wav}");
    /// 100 003 samples in.
    ODD_FFMPEG = "odd-ffmpeg.opus", ffmpeg!("-b:a 96k", "{odd.wav}");

    /// Packets of 20 ms of GStreamer's.
    GST_20 = "gst-20.ogg", gst!("{music.wav}", "opusenc bitrate=96000 ! oggmux");
    /// Packets of 10 ms.
    GST_10 = "gst-10.ogg", gst!("{music.wav}", "opusenc bitrate=64000 frame-size=10 ! oggmux");
    /// 100 003 samples in.
    ODD_GST = "odd-gst.ogg", gst!("{odd.wav}", "opusenc bitrate=96000 ! oggmux");
    /// Speech with a pause, for which DTX sends next to nothing.
    DTX = "dtx.ogg", gst!("{pause.wav}", "opusenc bitrate=16000 bitrate-type=vbr audio-type=voice dtx=true ! oggmux");

    /// Every packet as code 3.
    CODE_3 = "code-3.opus", reframed!("--code3", "{celt.opus}");
    /// Padding of no bytes but its count.
    PADDED_0 = "padded-0.opus", reframed!("--pad 0", "{odd-tools.opus}");
    /// Padding whose count needs two bytes.
    PADDED_254 = "padded-254.opus", reframed!("--pad 254", "{odd-tools.opus}");
    /// Padding longer than what it pads, in packets that go on in the next page.
    PADDED_1000 = "padded-1000.opus", reframed!("--pad 1000 --segments 9", "{odd-tools.opus}");
    /// Two frames a packet: codes 1 and 2.
    MERGED_2 = "merged-2.opus", reframed!("--merge 2", "{silk.opus}");
    /// Forty-eight frames of 2.5 ms a packet.
    MERGED_48 = "merged-48.opus", reframed!("--merge 48", "{celt-2.5.opus}");
    /// SILK frames of 60 ms, two a packet.
    MERGED_SILK = "merged-silk.opus", reframed!("--merge 2", "{silk-60.opus}");
    /// Packets that begin in one page and end in another.
    SPLIT = "split.opus", reframed!("--segments 3", "{odd-ffmpeg.opus}");
    /// SILK, hybrid and CELT in turns of half a second.
    SWITCHED = "switched.opus", reframed!("--turns 25", "{silk.opus} {hybrid.opus} {mixed.opus}");
    /// An output gain of −6 dB.
    GAIN = "gain.opus", reframed!("--gain -1536", "{celt.opus}");
    /// A stream that was recorded from its two millionth sample on.
    LATE = "late.opus", reframed!("--start 2000000", "{odd-tools.opus}");
}

files! { LONG_ONES:
    /// A minute and a half of CELT.
    LONG_CELT = "long-celt.opus", tools!("--bitrate 64", "{long.wav}");
    /// The same in SILK.
    LONG_SILK = "long-silk.opus", tools!("--bitrate 24 --speech --set-ctl-int 4004=1103", "{long.wav}");
}

files! { DAMAGED:
    /// A second of sound is missing with the page it lay in.
    LOST_PAGE = "lost-page.opus", reframed!("--lose 5", "{celt.opus}");
    /// Pages are missing in which packets begin and end.
    LOST_PIECES = "lost-pieces.opus", reframed!("--segments 5 --lose 20 --lose 31 --lose 32", "{celt.opus}");
    /// Packets without a byte between the others.
    EMPTY = "empty.opus", reframed!("--empty 40", "{odd-tools.opus}");
}

files! { CHAINED:
    /// Mono speech, then stereo music, then six channels.
    CHAIN = "chain.opus", chained!("{silk.opus} {odd-tools.opus} {surround.opus}");
    /// Three links of which only the serial numbers differ.
    CHAIN_ALIKE = "chain-alike.opus", chained!("{odd-tools.opus} {odd-tools.opus} {odd-tools.opus}");
}

files! { MATROSKA:
    /// WebM of ffmpeg's.
    WEBM_FFMPEG = "ffmpeg.webm", ffmpeg!("-b:a 96k", "{music.wav}");
    /// 100 003 samples in; ffmpeg writes what to discard.
    WEBM_ODD = "odd-ffmpeg.webm", ffmpeg!("-b:a 96k", "{odd.wav}");
    /// 60 ms, 5.1.
    MKV_SURROUND = "surround-ffmpeg.mkv", ffmpeg!("-b:a 256k -frame_duration 60", "{six.wav}");
    /// Packets of opus-tools, muxed by mkvmerge.
    MKVMERGE = "mkvmerge.mkv", "mkvmerge --quiet -o {out} {odd-tools.opus}";
    /// Speech of opus-tools, muxed by mkvmerge.
    MKVMERGE_SILK = "mkvmerge-silk.mkv", "mkvmerge --quiet -o {out} {silk.opus}";
    /// Packets of 2.5 ms, of which three hold the pre-skip.
    MKVMERGE_2_5 = "mkvmerge-2.5.mkv", "mkvmerge --quiet -o {out} {celt-2.5.opus}";
    /// GStreamer's WebM.
    WEBM_GST = "gst.webm", gst!("{music.wav}", "opusenc bitrate=64000 ! webmmux");
    /// GStreamer's Matroska, packets of 5 ms.
    MKV_GST = "gst.mkv", gst!("{odd.wav}", "opusenc bitrate=96000 frame-size=5 ! matroskamux");
}

files! { MP4:
    /// MP4 of ffmpeg's.
    MP4_FFMPEG = "ffmpeg.mp4", ffmpeg!("-b:a 96k", "{music.wav}");
    /// 100 003 samples in.
    MP4_ODD = "odd-ffmpeg.mp4", ffmpeg!("-b:a 96k", "{odd.wav}");
    /// GStreamer's MP4.
    MP4_GST = "gst.mp4", gst!("{music.wav}", "opusenc bitrate=64000 ! mp4mux");
}

impl Opus {
    /// The file, made on first use.
    pub fn path(&self) -> PathBuf {
        let script = self.filled();
        let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
        // A file that the tool of the tests made is of that tool.
        let tool = if script.contains("opus_reframe") {
            [WALK, REFRAME].concat()
        } else {
            String::new()
        };
        cached(self.name, &format!("{script}{tool}"), |out| {
            let script = script
                .replace("{tests}", &tests.to_string_lossy())
                .replace("{out}", &out.to_string_lossy());
            let ran = Command::new("bash")
                .args(["-euo", "pipefail", "-c", &script])
                .output()
                .expect("bash is installed");
            let said = String::from_utf8_lossy(&ran.stderr);
            assert!(ran.status.success(), "{}: {said}", self.name);
        })
    }

    /// The script with the paths of the files that it reads.
    fn filled(&self) -> String {
        let mut script = self.script.to_owned();
        for other in SOUND.iter().chain(OGG) {
            let place = format!("{{{}}}", other.name);
            if script.contains(&place) {
                script = script.replace(&place, &other.path().to_string_lossy());
            }
        }
        script
    }

    /// `filesrc … ! demuxer`, whose one source pad gives the packets.
    pub fn source(&self) -> String {
        let demuxer = match self.name.rsplit('.').next() {
            Some("opus" | "ogg") => "oggdemux",
            Some("mkv" | "webm") => "matroskademux",
            Some("mp4") => "qtdemux",
            other => panic!("no demuxer for {other:?}"),
        };
        let path = super::pipeline::quoted(&self.path());
        format!("filesrc location={path} ! {demuxer}")
    }

    /// What `tests/python/opus_walk.py` says of the file with an option. Kept, as the files are.
    fn walked(&self, option: &str) -> Vec<u8> {
        let file = self.path();
        let key = format!("{}{option}{WALK}", file.display());
        let walk = cached(&format!("{}.walk", self.name), &key, |out| {
            let mut command = Command::new("python3");
            command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/opus_walk.py"));
            command.args(option.split_whitespace()).arg(&file);
            let ran = command.output().expect("python3 is installed");
            let said = String::from_utf8_lossy(&ran.stderr);
            assert!(ran.status.success(), "{}: {said}", self.name);
            std::fs::write(out, ran.stdout).expect("the walk is written");
        });
        std::fs::read(walk).expect("the walk is there")
    }

    /// What an independent walk finds in the Ogg file: a list of links.
    pub fn walk(&self) -> Vec<Value> {
        serde_json::from_slice(&self.walked("")).expect("the walk prints JSON")
    }

    /// What it finds in a file of one link.
    pub fn link(&self) -> Value {
        let mut links = self.walk();
        assert_eq!(links.len(), 1, "{}", self.name);
        links.remove(0)
    }

    /// The packets of the Ogg file's first link.
    pub fn packets(&self) -> Vec<Vec<u8>> {
        let (bytes, mut at) = (self.walked("--packets"), 0);
        let mut packets = Vec::new();
        while at < bytes.len() {
            let length = bytes[at..at + 4].try_into().expect("four bytes");
            let end = at + 4 + u32::from_le_bytes(length) as usize;
            packets.push(bytes[at + 4..end].to_vec());
            at = end;
        }
        packets
    }
}
