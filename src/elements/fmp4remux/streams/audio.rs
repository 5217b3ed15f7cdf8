//! Audio codecs: caps and first buffer to sample entries.

use super::{FrameLength, Kind, Source, Stream};
use crate::isobmff::{
    config::{aac, ac3, eac3, flac, opus as dops},
    model::{AudioCodec, AudioEntry, SampleEntry},
};
use crate::{opus, opus_caps};

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
    if version != 4 {
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

/// audio/x-opus.
pub(super) fn opus(source: &Source<'_>) -> Result<Stream, String> {
    let head = match source.headers().first() {
        Some(head) => opus::Head::parse(head).map_err(|error| format!("streamheader: {error}"))?,
        None => opus_caps::head(source.caps)?,
    };
    let audio = Audio {
        channels: head.channels.into(),
        rate: opus::RATE,
        sample_size: 16,
        frame: FrameLength::Opus,
        pre_skip: head.pre_skip.into(),
        pre_roll: dops::PRE_ROLL,
        codecs: "Opus".to_string(),
        codec: AudioCodec::Opus {
            config: dops::record(&head),
        },
    };
    Ok(audio.stream(source))
}

/// audio/x-flac.
pub(super) fn flac(source: &Source<'_>) -> Result<Stream, String> {
    let headers = source.headers();
    if headers.is_empty() {
        return Err("caps without streamheader or codec_data: expected STREAMINFO".to_string());
    }
    let config = flac::Config::parse(headers.iter().map(Vec::as_slice))
        .map_err(|error| format!("streamheader: {error}"))?;
    let audio = Audio {
        channels: config.channels.into(),
        rate: config.rate,
        sample_size: config.bits_per_sample.into(),
        frame: FrameLength::Flac,
        pre_skip: 0,
        pre_roll: 0,
        codecs: "fLaC".to_string(),
        codec: AudioCodec::Flac {
            blocks: config.blocks,
        },
    };
    Ok(audio.stream(source))
}

/// audio/x-ac3.
pub(super) fn ac3(source: &Source<'_>) -> Result<Option<Stream>, String> {
    let Some(first) = source.first else {
        return Ok(None);
    };
    let config = ac3::Config::parse(first).map_err(|error| format!("first buffer: {error}"))?;
    let audio = Audio {
        channels: config.channels,
        rate: config.rate,
        sample_size: 16,
        frame: FrameLength::Constant(ac3::SAMPLES),
        pre_skip: 0,
        pre_roll: 0,
        codecs: "ac-3".to_string(),
        codec: AudioCodec::Ac3 {
            config: config.record.to_vec(),
        },
    };
    Ok(Some(audio.stream(source)))
}

/// audio/x-eac3.
pub(super) fn eac3(source: &Source<'_>) -> Result<Option<Stream>, String> {
    let Some(first) = source.first else {
        return Ok(None);
    };
    let config = eac3::Config::parse(first).map_err(|error| format!("first buffer: {error}"))?;
    let audio = Audio {
        channels: config.channels,
        rate: config.rate,
        sample_size: 16,
        frame: FrameLength::Eac3,
        pre_skip: 0,
        pre_roll: 0,
        codecs: "ec-3".to_string(),
        codec: AudioCodec::Eac3 {
            config: config.record,
        },
    };
    Ok(Some(audio.stream(source)))
}
