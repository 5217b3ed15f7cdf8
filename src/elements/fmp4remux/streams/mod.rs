//! From a pad's caps, its tags and, where those are silent, its first buffer to what the file says of the track.

mod audio;
mod frame;
mod language;
mod picture;
mod rates;
mod template;
mod text;
mod video;

pub use frame::FrameLength;
pub use language::{bcp47, language};
pub use template::{any_caps, audio_caps, subtitle_caps, video_caps};
pub use text::{padded, timed_text};

pub use crate::isobmff::config::av1::leading_delimiters;
use crate::isobmff::config::{Error, avc, hevc};
use crate::isobmff::model::{Bitrate, Orientation, SampleEntry, TextEntry};

/// What is known of a track before its samples.
#[derive(Debug, Clone, PartialEq)]
pub struct Stream {
    /// The description of its samples.
    pub entry: SampleEntry,
    /// Ticks a second of the track.
    pub timescale: u32,
    /// What timing depends on.
    pub kind: Kind,
    /// BCP 47 language tag; empty where no tag says it.
    pub language: String,
    /// How the picture is turned for display.
    pub orientation: Orientation,
    /// `codecs` parameter (RFC 6381) for playlists and MSE.
    pub codecs: String,
}

/// What a buffer of a video stream is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Units {
    /// NAL units of H.264, each after a length of so many bytes.
    Avc(u8),
    /// The same of H.265.
    Hevc(u8),
    /// A temporal unit of AV1, which can begin with delimiters that MP4 leaves out: see [`leading_delimiters`].
    Obus,
    /// One frame or superframe.
    Frame,
}

impl Units {
    /// Checks that a buffer is whole.
    ///
    /// # Errors
    /// When a NAL unit is cut.
    pub fn check(self, payload: &[u8]) -> Result<(), Error> {
        match self {
            Self::Avc(length_size) => avc::check(payload, length_size),
            Self::Hevc(length_size) => hevc::check(payload, length_size),
            Self::Obus | Self::Frame => Ok(()),
        }
    }
}

/// What timing depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Moving pictures.
    Video {
        /// How many pictures can precede a picture in decoding order and follow it in output order.
        reorder_depth: u32,
        /// Nominal duration of a frame; `None` where the rate is not known or varies.
        frame_duration_ns: Option<u64>,
        /// What a buffer is made of.
        units: Units,
    },
    /// Sound.
    Audio {
        /// How many samples a buffer lasts.
        frame: FrameLength,
        /// Hz of those samples.
        rate: u32,
        /// Samples at the beginning that are not heard (Opus: pre-skip).
        pre_skip: u32,
        /// Samples that a decoder needs before it is right again after a seek (Opus: 80 ms); 0 where each frame
        /// stands alone, or as good as.
        pre_roll: u32,
    },
    /// Subtitles.
    Text {
        /// Samples are Pango markup, and not plain.
        markup: bool,
    },
}

/// What the pad's and the element's properties say of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wishes {
    /// `trak-timescale`: ticks a second; 0 for what fits the caps.
    pub timescale: u32,
    /// Whether samples carry parameter sets; `None` to see by the first buffer and the stream format.
    pub in_band: Option<bool>,
}

/// How far caps and tags tell.
#[derive(Debug, Clone, PartialEq)]
pub enum Description {
    /// All there is to know.
    Stream(Box<Stream>),
    /// The caps are silent: describe again with the first buffer.
    NeedsFirstBuffer,
}

/// What every codec's part gets.
struct Source<'a> {
    caps: &'a gst::StructureRef,
    tags: Option<&'a gst::TagListRef>,
    first: Option<&'a [u8]>,
    wishes: Wishes,
}

/// Describes the stream of a pad. `first` is the payload of its first buffer that is no header; of E-AC-3 with the buffers of
/// no samples that follow it ([`FrameLength::samples`]), for only they tell of their channels.
///
/// # Errors
/// A text for people that names the field of the caps, or of the codec's header, that is missing or wrong.
pub fn describe(
    caps: &gst::CapsRef,
    tags: Option<&gst::TagListRef>,
    first: Option<&[u8]>,
    wishes: Wishes,
) -> Result<Description, String> {
    let structure = caps.structure(0).ok_or("the caps are empty")?;
    let source = Source {
        caps: structure,
        tags,
        first,
        wishes,
    };
    let described = match structure.name().as_str() {
        "video/x-h264" => video::h264(&source)?,
        "video/x-h265" => video::h265(&source)?,
        "video/x-av1" => video::av1(&source)?,
        "video/x-vp9" => video::vp9(&source)?,
        "audio/mpeg" => Some(audio::aac(&source)?),
        "audio/x-opus" => Some(audio::opus(&source)?),
        "audio/x-flac" => Some(audio::flac(&source)?),
        "audio/x-ac3" => audio::ac3(&source)?,
        "audio/x-eac3" => audio::eac3(&source)?,
        "text/x-raw" => Some(source.text()?),
        other => return Err(format!("{other} has no place in MP4")),
    };
    Ok(match described {
        Some(stream) => Description::Stream(Box::new(stream)),
        None => Description::NeedsFirstBuffer,
    })
}

impl Source<'_> {
    /// A positive whole number of the caps.
    fn number(&self, field: &str) -> Option<u32> {
        let value = self.caps.get::<i32>(field).ok()?;
        u32::try_from(value).ok().filter(|v| *v > 0)
    }

    /// A text of the caps.
    fn text_field(&self, field: &str) -> Option<&str> {
        self.caps.get::<&str>(field).ok()
    }

    /// The bytes of the field `codec_data`.
    fn codec_data(&self) -> Option<Vec<u8>> {
        let buffer = self.caps.get::<gst::Buffer>("codec_data").ok()?;
        let map = buffer.map_readable().ok()?;
        Some(map.to_vec()).filter(|data| !data.is_empty())
    }

    /// The bytes of `codec_data`, or an error that says what it should be.
    fn needed_codec_data(&self, expected: &str) -> Result<Vec<u8>, String> {
        let missing = || format!("caps without codec_data: expected {expected}");
        self.codec_data().ok_or_else(missing)
    }

    /// The stream's headers: the buffers of `streamheader`, else `codec_data`.
    fn headers(&self) -> Vec<Vec<u8>> {
        let Ok(array) = self.caps.get::<gst::Array>("streamheader") else {
            return self.codec_data().into_iter().collect();
        };
        let buffers = array.iter().filter_map(|value| {
            let buffer = value.get::<gst::Buffer>().ok()?;
            let map = buffer.map_readable().ok()?;
            Some(map.to_vec())
        });
        buffers.collect()
    }

    /// Ticks a second: the property's, else the one that fits the stream.
    fn timescale(&self, fitting: u32) -> u32 {
        match self.wishes.timescale {
            0 => fitting,
            wished => wished,
        }
    }

    /// Bits a second that the tags of the container or the codec say.
    fn bitrate(&self) -> Option<Bitrate> {
        let tags = self.tags?;
        let average = tags.get::<gst::tags::Bitrate>().map(|t| t.get());
        let average = average.or_else(|| tags.get::<gst::tags::NominalBitrate>().map(|t| t.get()));
        let max = tags.get::<gst::tags::MaximumBitrate>().map(|t| t.get());
        let rate = Bitrate {
            max: max.or(average)?,
            average: average.unwrap_or(0),
        };
        (rate.max > 0).then_some(rate)
    }

    /// A stream that is not turned.
    fn stream(&self, entry: SampleEntry, timescale: u32, kind: Kind, codecs: String) -> Stream {
        Stream {
            entry,
            timescale: self.timescale(timescale),
            kind,
            language: self.tags.map(language).unwrap_or_default(),
            orientation: Orientation::default(),
            codecs,
        }
    }

    /// text/x-raw as timed text.
    fn text(&self) -> Result<Stream, String> {
        let markup = match self.text_field("format") {
            Some("utf8") => false,
            Some("pango-markup") => true,
            other => {
                let found = other.unwrap_or("nothing");
                return Err(format!(
                    "format: found {found}, expected utf8 or pango-markup"
                ));
            }
        };
        let entry = SampleEntry::Text(TextEntry::default());
        let kind = Kind::Text { markup };
        Ok(self.stream(entry, rates::TEXT, kind, "tx3g".to_string()))
    }
}
