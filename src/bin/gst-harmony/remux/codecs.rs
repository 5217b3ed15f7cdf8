//! What MP4 can hold, and the elements that bring a stream into the form that it wants.

use super::AudioCodec;
use crate::failure::{Failure, Outcome};

/// The muxer.
pub const MUXER: &str = "fmp4remux";

/// What a stream is to the muxer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Video,
    Audio,
    Subtitle,
}

impl Kind {
    /// Name of its pads in the muxer, and of its tracks.
    pub fn name(self) -> &'static str {
        match self {
            Self::Video => "video",
            Self::Audio => "audio",
            Self::Subtitle => "subtitle",
        }
    }
}

/// How a stream gets into the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// As it is.
    Plain(Kind),
    /// Through a parser that changes its form and not its content.
    Parsed(Kind, &'static str),
    /// Decoded and encoded, by these elements: the first is called `first` and the last `last`.
    Encoded(String),
    /// Not at all; why.
    LeftOut(&'static str),
}

impl Way {
    /// What its track is, if it gets one.
    pub fn kind(&self) -> Option<Kind> {
        match self {
            Self::Plain(kind) | Self::Parsed(kind, _) => Some(*kind),
            Self::Encoded(_) => Some(Kind::Audio),
            Self::LeftOut(_) => None,
        }
    }
}

/// Codecs as GStreamer names them for people.
pub fn description(caps: &gst::Caps) -> String {
    if caps.is_fixed() {
        return gst_pbutils::functions::pb_utils_get_codec_description(caps).into();
    }
    let name = caps
        .structure(0)
        .map(|structure| structure.name().to_string());
    name.unwrap_or_else(|| "unknown".to_owned())
}

/// Codecs that MP4 can hold, and the parsers that bring them into the form it wants.
const PARSERS: [(&str, &str); 9] = [
    ("video/x-h264", "h264parse"),
    ("video/x-h265", "h265parse"),
    ("video/x-av1", "av1parse"),
    ("video/x-vp9", "vp9parse"),
    ("audio/mpeg, mpegversion=(int)4", "aacparse"),
    ("audio/x-opus", "opusparse"),
    ("audio/x-flac", "flacparse"),
    ("audio/x-ac3", "ac3parse"),
    ("audio/x-eac3", "ac3parse"),
];

fn parser(caps: &gst::Caps) -> Option<&'static str> {
    let held = |codec: &str| {
        codec
            .parse::<gst::Caps>()
            .is_ok_and(|codec| codec.can_intersect(caps))
    };
    PARSERS
        .iter()
        .find(|(codec, _)| held(codec))
        .map(|(_, parser)| *parser)
}

/// How a stream with these caps gets into the file; an error where it can't and the user has to know.
pub fn way(caps: &gst::Caps, number: usize, transcode: Option<AudioCodec>) -> Result<Way, String> {
    let Some(structure) = caps.structure(0) else {
        return Ok(Way::LeftOut("it has no caps"));
    };
    let media = structure.name().as_str();
    let kind = match media.split('/').next() {
        Some("video") => Kind::Video,
        Some("audio") => Kind::Audio,
        _ if media == "text/x-raw" => Kind::Subtitle,
        _ => return Ok(Way::LeftOut("it is neither pictures nor sound nor text")),
    };
    if takes(kind, caps) {
        return Ok(Way::Plain(kind));
    }
    if let Some(parser) = parser(caps) {
        return Ok(Way::Parsed(kind, parser));
    }
    let codec = description(caps);
    match (kind, transcode) {
        (Kind::Audio, Some(codec)) => Ok(Way::Encoded(encoding(codec)?)),
        (Kind::Audio, None) => Err(format!(
            "stream {number} (audio): found {codec} ({media}), expected a codec that MP4 can hold; \
             --transcode-audio aac (or opus) encodes it anew"
        )),
        (Kind::Video, _) => Err(format!(
            "stream {number} (video): found {codec} ({media}), expected H.264, H.265, AV1 or VP9, which MP4 can hold; \
             --transcode-audio is for sound only"
        )),
        (Kind::Subtitle, _) => Ok(Way::LeftOut("its text is of a form that MP4 can't hold")),
    }
}

/// Whether the muxer takes the caps as they are.
fn takes(kind: Kind, caps: &gst::Caps) -> bool {
    let factory = gst::ElementFactory::find(MUXER);
    let template = format!("{}_%u", kind.name());
    factory.is_some_and(|factory| {
        let mut templates = factory.static_pad_templates().into_iter();
        let found = templates.find(|t| t.name_template() == template);
        found.is_some_and(|found| caps.is_subset(&found.caps()))
    })
}

/// Elements that decode sound and encode it.
fn encoding(codec: AudioCodec) -> Result<String, String> {
    let (encoders, rest): (&[&str], &str) = match codec {
        AudioCodec::Aac => (&["fdkaacenc", "avenc_aac", "voaacenc"], "aacparse"),
        AudioCodec::Opus => (&["opusenc"], "opusparse"),
    };
    let there = |name: &&&str| gst::ElementFactory::find(name).is_some();
    let encoder = encoders.iter().find(there).ok_or_else(|| {
        format!(
            "--transcode-audio: found none of {}, expected one to be installed",
            encoders.join(", ")
        )
    })?;
    Ok(format!(
        "decodebin name=first ! audioconvert ! audioresample ! {encoder} bitrate=128000 ! {rest} name=last"
    ))
}

/// An element; an error where it is not installed.
pub fn make(name: &str) -> Outcome<gst::Element> {
    gst::ElementFactory::make(name)
        .build()
        .map_err(|_| Failure::Data(format!("the element {name} is not installed")))
}
