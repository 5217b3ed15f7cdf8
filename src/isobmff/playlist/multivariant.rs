//! The multivariant playlist: the variants of a presentation and their renditions.

use std::fmt::Write;

use super::{Error, Uri, VERSION, quoted};

/// What a rendition is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RenditionKind {
    /// TYPE=AUDIO.
    Audio,
    /// TYPE=SUBTITLES.
    Subtitles,
}

/// An alternative rendition: EXT-X-MEDIA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendition {
    /// TYPE.
    pub kind: RenditionKind,
    /// GROUP-ID.
    pub group: String,
    /// NAME, for people; no two of a group have the same.
    pub name: String,
    /// LANGUAGE, a BCP 47 tag; empty where it is not known.
    pub language: String,
    /// DEFAULT: shown where the user does not choose.
    pub default: bool,
    /// AUTOSELECT: the player may choose it by the user's language.
    pub autoselect: bool,
    /// FORCED, subtitles only: shown also where the user wants none.
    pub forced: bool,
    /// CHANNELS, audio only.
    pub channels: Option<u32>,
    /// Its media playlist.
    pub uri: Uri,
}

/// VIDEO-RANGE (draft-pantos-hls-rfc8216bis, section 4.4.6.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VideoRange {
    /// BT.709 and the like.
    Sdr,
    /// SMPTE ST 2084.
    Pq,
    /// ARIB STD-B67.
    Hlg,
}

/// A variant: EXT-X-STREAM-INF and its URI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// Its media playlist.
    pub uri: Uri,
    /// BANDWIDTH: bits a second of the largest segment, with those of the renditions.
    pub bandwidth: u64,
    /// AVERAGE-BANDWIDTH: bits a second over all, with those of the renditions.
    pub average_bandwidth: Option<u64>,
    /// CODECS (RFC 6381), those of the renditions too; left out where it is empty.
    pub codecs: Vec<String>,
    /// RESOLUTION: width and height in pixels.
    pub resolution: Option<(u32, u32)>,
    /// FRAME-RATE as a fraction; the denominator is not 0.
    pub frame_rate: Option<(u32, u32)>,
    /// VIDEO-RANGE.
    pub video_range: Option<VideoRange>,
    /// AUDIO: the group of its audio renditions.
    pub audio: Option<String>,
    /// SUBTITLES: the group of its subtitles.
    pub subtitles: Option<String>,
}

/// A multivariant playlist (RFC 8216, section 4.3.4).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Multivariant {
    /// Every segment of every rendition decodes on its own: EXT-X-INDEPENDENT-SEGMENTS.
    pub independent: bool,
    /// EXT-X-MEDIA, in order.
    pub renditions: Vec<Rendition>,
    /// EXT-X-STREAM-INF, in order; players begin with the first.
    pub variants: Vec<Variant>,
}

impl Multivariant {
    /// The playlist's text, UTF-8 with LF line ends.
    pub fn render(&self) -> Result<String, Error> {
        let mut text = format!("#EXTM3U\n#EXT-X-VERSION:{VERSION}\n");
        if self.independent {
            text.push_str("#EXT-X-INDEPENDENT-SEGMENTS\n");
        }
        for rendition in &self.renditions {
            text.push_str("#EXT-X-MEDIA:");
            text.push_str(&rendition.attributes()?.join(","));
            text.push('\n');
        }
        for variant in &self.variants {
            let attributes = variant.attributes()?.join(",");
            // Writing to a string can't fail.
            let _ = writeln!(text, "#EXT-X-STREAM-INF:{attributes}\n{}", variant.uri);
        }
        Ok(text)
    }
}

fn yes_or_no(yes: bool) -> &'static str {
    if yes { "YES" } else { "NO" }
}

impl Rendition {
    fn attributes(&self) -> Result<Vec<String>, Error> {
        let kind = match self.kind {
            RenditionKind::Audio => "AUDIO",
            RenditionKind::Subtitles => "SUBTITLES",
        };
        let mut list = vec![
            format!("TYPE={kind}"),
            format!("GROUP-ID={}", quoted("GROUP-ID", &self.group)?),
            format!("NAME={}", quoted("NAME", &self.name)?),
        ];
        if !self.language.is_empty() {
            list.push(format!("LANGUAGE={}", quoted("LANGUAGE", &self.language)?));
        }
        list.push(format!("DEFAULT={}", yes_or_no(self.default)));
        // What is the default is also chosen by itself, else the playlist contradicts itself (section 4.3.4.1).
        list.push(format!(
            "AUTOSELECT={}",
            yes_or_no(self.autoselect || self.default)
        ));
        match self.kind {
            RenditionKind::Subtitles => list.push(format!("FORCED={}", yes_or_no(self.forced))),
            RenditionKind::Audio => list.extend(self.channels.map(|n| format!("CHANNELS=\"{n}\""))),
        }
        list.push(format!("URI=\"{}\"", self.uri));
        Ok(list)
    }
}

impl Variant {
    fn attributes(&self) -> Result<Vec<String>, Error> {
        let mut list = vec![format!("BANDWIDTH={}", self.bandwidth)];
        list.extend(
            self.average_bandwidth
                .map(|bits| format!("AVERAGE-BANDWIDTH={bits}")),
        );
        if !self.codecs.is_empty() {
            list.push(format!(
                "CODECS={}",
                quoted("CODECS", &self.codecs.join(","))?
            ));
        }
        list.extend(
            self.resolution
                .map(|(width, height)| format!("RESOLUTION={width}x{height}")),
        );
        list.extend(self.frame_rate.and_then(frame_rate));
        list.extend(self.video_range.map(|range| {
            let range = match range {
                VideoRange::Sdr => "SDR",
                VideoRange::Pq => "PQ",
                VideoRange::Hlg => "HLG",
            };
            format!("VIDEO-RANGE={range}")
        }));
        for (attribute, group) in [("AUDIO", &self.audio), ("SUBTITLES", &self.subtitles)] {
            if let Some(group) = group {
                list.push(format!("{attribute}={}", quoted(attribute, group)?));
            }
        }
        Ok(list)
    }
}

/// Frames a second, rounded to three decimals as section 4.3.4.2 asks; none for 0 frames in any time.
fn frame_rate((frames, seconds): (u32, u32)) -> Option<String> {
    let thousandths =
        (u64::from(frames) * 1000 + u64::from(seconds) / 2).checked_div(u64::from(seconds))?;
    (thousandths > 0).then(|| {
        format!(
            "FRAME-RATE={}.{:03}",
            thousandths / 1000,
            thousandths % 1000
        )
    })
}
