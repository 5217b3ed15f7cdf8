//! Audio codecs: caps and first buffer to sample entries.

use super::{FrameLength, Kind, Source, Stream};
use crate::isobmff::{
    config::aac,
    model::{AudioCodec, AudioEntry, SampleEntry},
};

/// What a codec's part found out.
struct Audio {
    codec: AudioCodec,
    channels: u16,
    rate: u32,
    sample_size: u16,
    frame: FrameLength,
    pre_skip: u32,
    pre_roll: u32,
    codecs: String,
}

impl Audio {
    fn stream(self, source: &Source<'_>) -> Stream {
        let entry = SampleEntry::Audio(AudioEntry {
            codec: self.codec,
            channels: self.channels,
            rate: self.rate,
            sample_size: self.sample_size,
            bitrate: source.bitrate(),
        });
        let kind = Kind::Audio {
            frame: self.frame,
            rate: self.rate,
            pre_skip: self.pre_skip,
            pre_roll: self.pre_roll,
        };
        source.stream(entry, self.rate, kind, self.codecs)
    }
}

/// The caps' channels.
fn channels(source: &Source<'_>) -> Result<u16, String> {
    let found = source.number("channels");
    let channels = found.and_then(|channels| u16::try_from(channels).ok());
    channels.ok_or_else(|| "caps without channels: expected their number".to_string())
}

/// audio/mpeg, AAC without headers.
pub(super) fn aac(source: &Source<'_>) -> Result<Stream, String> {
    let version = source.number("mpegversion").unwrap_or(0);
    if !matches!(version, 2 | 4) {
        return Err(format!("mpegversion: found {version}, expected 4 (AAC)"));
    }
    let format = source.text_field("stream-format").unwrap_or("nothing");
    if format != "raw" {
        return Err(format!("stream-format: found {format}, expected raw"));
    }
    let config = source.needed_codec_data("an AudioSpecificConfig")?;
    let parsed = aac::Config::parse(&config).map_err(|error| format!("codec_data: {error}"))?;
    let wanted = source.number("rate").unwrap_or(parsed.rate);
    // Caps can have the rate of the core or of its extension; a rate that fits neither is not the stream's.
    let (rate, samples) = match parsed.samples_at(wanted) {
        Some(samples) => (wanted, samples),
        None => (parsed.rate, parsed.frame_length),
    };
    let audio = Audio {
        channels: parsed.channels.map_or_else(|| channels(source), Ok)?,
        rate,
        sample_size: 16,
        frame: FrameLength::Constant(samples),
        pre_skip: 0,
        pre_roll: 0,
        codecs: parsed.codecs(),
        codec: AudioCodec::Aac { config },
    };
    Ok(audio.stream(source))
}
