//! What a track's description says of its caps: kind, codec, rate, channels.

/// Reads caps from what `to_string` wrote.
///
/// # Errors
/// When the text is no caps, or nested so deeply that GStreamer's parser would not come back.
pub fn parse(text: &str) -> Result<gst::Caps, gst::glib::BoolError> {
    if !crate::text::is_parsable(text) {
        return Err(gst::glib::bool_error!(
            "The text is nested too deeply, or has a zero in it"
        ));
    }
    text.parse()
}

/// The part of a track's description that follows from its caps.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Description {
    /// `video`, `audio`, `subtitle` or `data`.
    pub kind: &'static str,
    /// Name of the codec in lower case, for example `h264`; the media type where it has no shorter name.
    pub codec: String,
    /// Samples a second, 0 where that has no meaning.
    pub sample_rate: u32,
    /// Channels, 0 where that has no meaning.
    pub channels: u32,
}

impl Description {
    /// Describes caps, fixed or not; the first structure counts.
    pub fn new(caps: &gst::CapsRef) -> Self {
        let Some(structure) = caps.structure(0) else {
            return Self {
                kind: "data",
                codec: "octet-stream".to_string(),
                ..Self::default()
            };
        };
        let number = |field| {
            let value = structure.get::<i32>(field).unwrap_or(0);
            u32::try_from(value).unwrap_or(0)
        };
        let name = structure.name().as_str();
        let (sample_rate, channels) = match kind(name) {
            "audio" => (number("rate"), number("channels")),
            _ => (0, 0),
        };
        Self {
            kind: kind(name),
            codec: codec(structure),
            // Opus decodes to 48 kHz whatever was encoded.
            sample_rate: match name {
                "audio/x-opus" if sample_rate == 0 => 48_000,
                _ => sample_rate,
            },
            channels,
        }
    }
}

/// Kind of the stream with this media type.
fn kind(name: &str) -> &'static str {
    match name.split('/').next() {
        Some("video" | "image") => "video",
        Some("audio") => "audio",
        Some("text" | "subpicture" | "closedcaption") if name != "text/json" => "subtitle",
        _ if is_subtitle(name) => "subtitle",
        _ => "data",
    }
}

/// True of subtitle formats that are named as applications.
fn is_subtitle(name: &str) -> bool {
    name.starts_with("application/x-subtitle")
        || matches!(
            name,
            "application/x-ssa" | "application/x-ass" | "application/ttml+xml"
        )
}

/// True when caps alone say that data comes rarely, so that nobody may wait for it: subtitles, text, JSON, KLV.
pub fn is_sparse(caps: &gst::CapsRef) -> bool {
    caps.structure(0).is_some_and(|structure| {
        let name = structure.name().as_str();
        kind(name) == "subtitle"
            || matches!(name, "application/json" | "text/json" | "meta/x-klv")
            || name.starts_with("application/x-json")
    })
}

/// Name of the codec, lower case.
fn codec(structure: &gst::StructureRef) -> String {
    let name = structure.name().as_str();
    let number = |field| structure.get::<i32>(field).unwrap_or(0);
    let known = match name {
        crate::meta::BLOCK_CAPS => structure.get::<&str>("codec").unwrap_or("octet-stream"),
        "video/x-raw" => "raw",
        "audio/x-raw" => "pcm",
        "audio/mpeg" => match (number("mpegversion"), number("layer")) {
            (1, 1) => "mp1",
            (1, 2) => "mp2",
            (1, _) => "mp3",
            _ => "aac",
        },
        "video/mpeg" => match number("mpegversion") {
            1 => "mpeg1video",
            2 => "mpeg2video",
            _ => "mpeg4",
        },
        "image/jpeg" => "jpeg",
        "application/x-subtitle-vtt" | "text/vtt" => "webvtt",
        "application/x-subtitle" => "srt",
        "text/x-raw" => "text",
        "application/x-cbor" => "cbor",
        "subpicture/x-dvd" => "vobsub",
        _ => return plain(name),
    };
    known.to_string()
}

/// `video/x-h264` without the dressing: `h264`.
fn plain(name: &str) -> String {
    let codec = name.split_once('/').map_or(name, |(_, codec)| codec);
    codec
        .strip_prefix("x-")
        .unwrap_or(codec)
        .to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::str::FromStr;

    fn describe(caps: &str) -> (String, u32, u32, &'static str) {
        gst::init().unwrap();
        let d = Description::new(&gst::Caps::from_str(caps).unwrap());
        (d.codec, d.sample_rate, d.channels, d.kind)
    }

    #[test]
    fn codecs_have_the_names_of_the_field() {
        for (caps, codec, kind) in [
            ("video/x-h264,stream-format=avc,rate=5", "h264", "video"),
            ("video/x-h265", "h265", "video"),
            ("video/x-av1", "av1", "video"),
            ("video/x-vp8", "vp8", "video"),
            ("video/x-vp9", "vp9", "video"),
            ("video/x-raw,format=I420", "raw", "video"),
            ("image/png", "png", "video"),
            ("application/x-subtitle-vtt", "webvtt", "subtitle"),
            ("text/x-raw,format=utf8", "text", "subtitle"),
            ("application/json", "json", "data"),
            ("meta/x-klv,parsed=true", "klv", "data"),
            ("application/octet-stream", "octet-stream", "data"),
        ] {
            assert_eq!(describe(caps), (codec.to_string(), 0, 0, kind), "{caps}");
        }
    }

    #[test]
    fn audio_has_rate_and_channels() {
        for (caps, codec, rate, channels) in [
            (
                "audio/mpeg,mpegversion=4,rate=44100,channels=2",
                "aac",
                44_100,
                2,
            ),
            (
                "audio/mpeg,mpegversion=1,layer=3,rate=32000",
                "mp3",
                32_000,
                0,
            ),
            ("audio/x-opus,channel-mapping-family=0", "opus", 48_000, 0),
            ("audio/x-flac,rate=96000,channels=6", "flac", 96_000, 6),
            (
                "audio/x-raw,format=S16LE,rate=8000,channels=1",
                "pcm",
                8_000,
                1,
            ),
        ] {
            let expected = (codec.to_string(), rate, channels, "audio");
            assert_eq!(describe(caps), expected, "{caps}");
        }
    }

    #[test]
    fn nobody_waits_for_text_and_sensors() {
        gst::init().unwrap();
        let sparse = |caps: &str| is_sparse(&gst::Caps::from_str(caps).unwrap());
        assert!(sparse("text/x-raw"));
        assert!(sparse("application/x-subtitle-vtt"));
        assert!(sparse("application/json"));
        assert!(sparse("meta/x-klv,parsed=true"));
        assert!(!sparse("video/x-h264"));
        assert!(!sparse("application/octet-stream"));
    }
}
