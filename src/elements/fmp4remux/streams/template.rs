//! Caps of the pad templates.

/// Caps that a text of this module describes.
fn caps(parts: &[&str]) -> gst::Caps {
    let caps = parts.join("; ").parse();
    caps.unwrap_or_else(|_| gst::Caps::new_empty())
}

// av1enc does not say its stream format: the second entry of AV1 is for it.
const VIDEO: [&str; 5] = [
    "video/x-h264, stream-format=(string){avc, avc3}, alignment=(string)au",
    "video/x-h265, stream-format=(string){hvc1, hev1}, alignment=(string)au",
    "video/x-av1, stream-format=(string)obu-stream, alignment=(string)tu",
    "video/x-av1, alignment=(string)tu",
    "video/x-vp9, alignment=(string)super-frame",
];
const AUDIO: [&str; 5] = [
    "audio/mpeg, mpegversion=(int)4, stream-format=(string)raw",
    "audio/x-opus",
    "audio/x-flac, framed=(boolean)true",
    "audio/x-ac3, framed=(boolean)true, alignment=(string)frame",
    "audio/x-eac3, framed=(boolean)true, alignment=(string)frame",
];
const SUBTITLE: [&str; 1] = ["text/x-raw, format=(string){utf8, pango-markup}"];

/// What `video_%u` takes.
pub fn video_caps() -> gst::Caps {
    caps(&VIDEO)
}

/// What `audio_%u` takes.
pub fn audio_caps() -> gst::Caps {
    caps(&AUDIO)
}

/// What `subtitle_%u` takes.
pub fn subtitle_caps() -> gst::Caps {
    caps(&SUBTITLE)
}

/// What `sink_%u` takes: all of it.
pub fn any_caps() -> gst::Caps {
    caps(&[&VIDEO[..], &AUDIO, &SUBTITLE].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_codec_is_in_the_templates() {
        gst::init().unwrap();
        assert_eq!(video_caps().size(), VIDEO.len());
        assert_eq!(audio_caps().size(), AUDIO.len());
        assert_eq!(any_caps().size(), 11);
        assert!(subtitle_caps().is_subset(&any_caps()));
    }
}
