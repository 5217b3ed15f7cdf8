//! Video codecs: caps and first buffer to sample entries.

use super::{
    Kind, Source, Stream, Units,
    picture::{self, Coded},
    rates,
};
use crate::isobmff::{
    config::{av1, avc, hevc, vp9},
    model::{SampleEntry, VideoCodec},
};

/// What a codec's part found out.
struct Video {
    codec: VideoCodec,
    coded: Coded,
    reorder_depth: u32,
    codecs: String,
    units: Units,
    /// Frames in seconds, as the bitstream says.
    frame_rate: Option<(u32, u32)>,
}

impl Video {
    fn stream(self, source: &Source<'_>) -> Result<Stream, String> {
        let rate = frame_rate(source).or(self.frame_rate);
        let kind = Kind::Video {
            reorder_depth: self.reorder_depth,
            frame_duration_ns: rates::frame_duration_ns(rate),
            units: self.units,
        };
        let entry = SampleEntry::Video(picture::entry(source, self.codec, self.coded)?);
        let mut stream = source.stream(entry, rates::video(rate), kind, self.codecs);
        stream.orientation = source.tags.map(picture::orientation).unwrap_or_default();
        Ok(stream)
    }
}

/// The caps' frame rate; `None` where it is not known or varies.
fn frame_rate(source: &Source<'_>) -> Option<(u32, u32)> {
    let rate = source.caps.get::<gst::Fraction>("framerate").ok()?;
    let numerator = u32::try_from(rate.numer()).ok()?;
    let denominator = u32::try_from(rate.denom()).ok()?;
    (numerator > 0 && denominator > 0).then_some((numerator, denominator))
}

/// Whether samples carry parameter sets, `None` until the first buffer is there. `in_band_format` is the stream format
/// that allows them.
fn in_band(
    source: &Source<'_>,
    formats: [&str; 2],
    in_samples: impl Fn(&[u8]) -> bool,
) -> Result<Option<bool>, String> {
    let [out_of_band, in_band] = formats;
    let format = source.text_field("stream-format").unwrap_or("nothing");
    if format != out_of_band && format != in_band {
        return Err(format!(
            "stream-format: found {format}, expected {out_of_band} or {in_band}"
        ));
    }
    Ok(match source.wishes.in_band {
        None if format == in_band => Some(true),
        None => source.first.map(in_samples),
        wished => wished,
    })
}

/// video/x-h264.
pub(super) fn h264(source: &Source<'_>) -> Result<Option<Stream>, String> {
    let record = source.needed_codec_data("an AVCDecoderConfigurationRecord")?;
    let config = avc::Config::parse(&record).map_err(|error| format!("codec_data: {error}"))?;
    let length_size = config.length_size;
    let carries = |sample: &[u8]| avc::has_parameter_sets(sample, length_size);
    let Some(in_band) = in_band(source, ["avc", "avc3"], carries)? else {
        return Ok(None);
    };
    let sps = match (config.sps, source.first) {
        (Some(sps), _) => sps,
        (None, None) => return Ok(None),
        (None, Some(first)) => avc::find_sps(first, length_size).ok_or(
            "codec_data: found no sequence parameter set in it or in the first buffer, expected one",
        )?,
    };
    let vui = sps.vui.unwrap_or_default();
    let timing = vui.timing.filter(|timing| timing.fixed);
    let video = Video {
        codecs: config.codecs(in_band),
        codec: VideoCodec::Avc {
            config: config.complete(record, &sps),
            in_band,
        },
        coded: Coded {
            size: Some((sps.width, sps.height)),
            pixel_aspect: vui.pixel_aspect,
            colour: vui.colour,
        },
        reorder_depth: sps.reorder_depth(),
        units: Units::Avc(length_size),
        // A tick is a field, two a frame.
        frame_rate: timing.and_then(|t| Some((t.time_scale, t.num_units_in_tick.checked_mul(2)?))),
    };
    video.stream(source).map(Some)
}

/// video/x-h265.
pub(super) fn h265(source: &Source<'_>) -> Result<Option<Stream>, String> {
    let record = source.needed_codec_data("an HEVCDecoderConfigurationRecord")?;
    let config = hevc::Config::parse(&record).map_err(|error| format!("codec_data: {error}"))?;
    let length_size = config.length_size;
    let carries = |sample: &[u8]| hevc::has_parameter_sets(sample, length_size);
    let Some(in_band) = in_band(source, ["hvc1", "hev1"], carries)? else {
        return Ok(None);
    };
    let sps = match (config.sps, source.first) {
        (Some(sps), _) => sps,
        (None, None) => return Ok(None),
        (None, Some(first)) => hevc::find_sps(first, length_size).ok_or(
            "codec_data: found no sequence parameter set in it or in the first buffer, expected one",
        )?,
    };
    let vui = sps.vui.unwrap_or_default();
    let video = Video {
        codecs: config.codecs(in_band),
        codec: VideoCodec::Hevc {
            config: record,
            in_band,
        },
        coded: Coded {
            size: Some((sps.width, sps.height)),
            pixel_aspect: vui.pixel_aspect,
            colour: vui.colour,
        },
        reorder_depth: sps.reorder_depth,
        units: Units::Hevc(length_size),
        frame_rate: None,
    };
    video.stream(source).map(Some)
}

/// video/x-av1.
pub(super) fn av1(source: &Source<'_>) -> Result<Option<Stream>, String> {
    if let Some(format) = source
        .text_field("stream-format")
        .filter(|f| *f != "obu-stream")
    {
        return Err(format!(
            "stream-format: found {format}, expected obu-stream"
        ));
    }
    let config = match (source.codec_data(), source.first) {
        (Some(record), _) => {
            av1::Config::parse(&record).map_err(|error| format!("codec_data: {error}"))?
        }
        (None, Some(first)) => av1::Config::from_temporal_unit(first)
            .map_err(|error| format!("caps without codec_data, and first buffer: {error}"))?,
        (None, None) => return Ok(None),
    };
    let sequence = config.sequence;
    let video = Video {
        codecs: config.codecs(),
        coded: Coded {
            size: sequence.map(|s| (s.width, s.height)),
            colour: sequence.and_then(|s| picture::told(s.colour)),
            pixel_aspect: None,
        },
        codec: VideoCodec::Av1 {
            config: config.record,
        },
        // Frames that are not shown lie in the temporal unit of the next one that is.
        reorder_depth: 0,
        units: Units::Obus,
        frame_rate: None,
    };
    video.stream(source).map(Some)
}

/// video/x-vp9.
pub(super) fn vp9(source: &Source<'_>) -> Result<Option<Stream>, String> {
    let Some(first) = source.first else {
        return Ok(None);
    };
    let key = vp9::KeyFrame::parse(first).map_err(|error| format!("first buffer: {error}"))?;
    let level = vp9::level(key.width, key.height, frame_rate(source));
    // WebM has primaries and transfer beside the bitstream, which has the matrix and the range alone.
    let known = picture::colour(source.caps);
    let colour = known.unwrap_or(key.colour);
    let video = Video {
        codecs: key.codecs(level, colour),
        codec: VideoCodec::Vp9 {
            config: key.record(level, colour),
        },
        coded: Coded {
            size: Some((key.width, key.height)),
            colour: picture::told(key.colour),
            pixel_aspect: None,
        },
        reorder_depth: 0,
        units: Units::Frame,
        frame_rate: None,
    };
    video.stream(source).map(Some)
}
