//! The streams of the file being written, by pad, and their buffers as samples.

use gst::prelude::*;

use super::pad;
use super::progressive::NewTrack;
use super::settings::{ParameterSets, Settings};
use super::streams::{self, Description, FrameLength, Kind, Stream, Units, Wishes};
use super::unit::{Joiner, Unit};
use crate::elements::collector::{Block, Fault, Slot};
use crate::isobmff::fragment::{Input, Media, TrackSpec};
use crate::isobmff::model::{self, SampleEntry};
use crate::isobmff::timing;
use crate::{meta, tags};

/// Opus packets last multiples of 2.5 ms (RFC 6716, 3.1).
const OPUS_UNIT_NS: i64 = 2_500_000;

/// What is known of a pad's stream.
#[derive(Debug)]
pub(super) struct Source {
    pub pad: gst::Pad,
    caps: gst::Caps,
    tags: Option<gst::TagList>,
    /// Of E-AC-3.
    units: Option<Joiner>,
    /// A buffer with a time came.
    has_time: bool,
    pub sparse: bool,
    pub ended: bool,
    /// Its caps are other than those of `stream`.
    pub changed: bool,
    pub stream: Option<Stream>,
    /// `roll_distance` of its samples, by the first of them.
    roll_distance: Option<i16>,
    /// Bytes at the start of its buffers that MP4 leaves out, by the first of them.
    prefix: u32,
}

/// An error that names the pad.
pub(super) fn refused(slot: Slot, reason: impl Into<String>) -> Fault {
    Fault::Mux {
        slot: Some(slot),
        reason: reason.into(),
    }
}

impl Source {
    pub fn new(pad: &gst::Pad, caps: &gst::Caps, sparse: bool) -> Self {
        Self {
            pad: pad.clone(),
            caps: caps.clone(),
            tags: None,
            units: is_eac3(caps).then(Default::default),
            has_time: false,
            sparse,
            ended: false,
            changed: false,
            stream: None,
            roll_distance: None,
            prefix: 0,
        }
    }

    pub fn tag(&mut self, tags: &gst::TagList) {
        tags::replace(&mut self.tags, tags);
    }

    pub fn set_caps(&mut self, caps: &gst::Caps) {
        match &mut self.units {
            Some(units) => units.set_caps(caps),
            None => self.put_caps(caps),
        }
    }

    fn put_caps(&mut self, caps: &gst::Caps) {
        if self.units.is_none() && is_eac3(caps) {
            self.units = Some(Default::default());
        }
        self.changed |= &self.caps != caps;
        self.caps = caps.clone();
    }

    /// True of what live input begins with before it knows what time it is: parameter sets, the rest of a picture
    /// whose beginning was sent before anyone listened.
    pub fn is_before_time(&mut self, block: &Block) -> bool {
        self.has_time |= block.pts.is_some();
        !self.has_time
    }

    /// The access unit that is complete with this buffer: the buffer itself, but for E-AC-3.
    pub fn unit(&mut self, block: Block) -> Option<Block> {
        let Some(units) = &mut self.units else {
            return Some(block);
        };
        let unit = units.push(block)?;
        Some(self.released(unit))
    }

    /// What it brought is not wanted, and it has not ended.
    pub fn flush(&mut self) {
        self.ended = false;
        // Its caps still hold.
        let _ = self.last_unit();
    }

    /// The last access unit.
    pub fn last_unit(&mut self) -> Option<Block> {
        let unit = self.units.as_mut()?.end()?;
        Some(self.released(unit))
    }

    fn released(&mut self, (block, caps): Unit) -> Block {
        if let Some(caps) = caps {
            self.put_caps(&caps);
        }
        block
    }

    /// Learns what can be known, `first` being the next buffer where there is one. True once all is known.
    pub fn describe(
        &mut self,
        slot: Slot,
        settings: &Settings,
        first: Option<&gst::BufferRef>,
    ) -> Result<bool, Fault> {
        let bytes = first.map(|b| read(slot, b, <[u8]>::to_vec)).transpose()?;
        let wishes = self.wishes(settings);
        let payload = bytes.as_deref();
        let described = streams::describe(&self.caps, self.tags.as_deref(), payload, wishes)
            .map_err(|reason| refused(slot, reason))?;
        let Description::Stream(mut stream) = described else {
            return Ok(false);
        };
        if let Some(language) = pad::settings(&self.pad).language {
            stream.language = streams::bcp47(&language);
        }
        // A track has the ticks that it began with.
        stream.timescale = self
            .stream
            .as_ref()
            .map_or(stream.timescale, |s| s.timescale);
        match (stream.kind, first) {
            (
                Kind::Video {
                    units: Units::Obus, ..
                },
                _,
            ) => {
                let cut = payload.map_or(0, streams::leading_delimiters);
                self.prefix = u32::try_from(cut).unwrap_or(0);
            }
            (
                Kind::Audio {
                    frame, pre_roll, ..
                },
                Some(first),
            ) if pre_roll > 0 => {
                let packets = pre_roll.div_ceil(samples(slot, frame, first)?.max(1));
                self.roll_distance = i16::try_from(packets).ok().map(|n| -n);
            }
            _ => {}
        }
        self.stream = Some(*stream);
        self.changed = false;
        Ok(true)
    }

    /// True of a buffer that belongs to the sample entry and is no sample. Flagged headers of pictures are the first
    /// access unit.
    pub fn is_header(&self, slot: Slot, buffer: &gst::BufferRef) -> Result<bool, Fault> {
        let frame = match self.stream.as_ref().map(|s| s.kind) {
            Some(Kind::Audio { frame, .. }) => frame,
            Some(_) => return Ok(false),
            // Headers come before the buffer that some streams need to be described.
            None => match self.caps.structure(0).map_or("", |s| s.name().as_str()) {
                "audio/x-flac" => FrameLength::Flac,
                "audio/x-opus" => FrameLength::Opus,
                _ => return Ok(false),
            },
        };
        match frame {
            FrameLength::Flac | FrameLength::Opus => {
                read(slot, buffer, |bytes| frame.is_header(bytes))
            }
            FrameLength::Constant(_) | FrameLength::Eac3 => Ok(false),
        }
    }

    /// The sample that a buffer is.
    pub fn input(&self, block: Block, entry: u32) -> Result<Input<gst::Buffer>, Fault> {
        let slot = block.slot;
        let Some(stream) = &self.stream else {
            return Err(refused(slot, "found a buffer before caps"));
        };
        let pts_ns = block
            .pts
            .ok_or_else(|| refused(slot, "PTS: found none, expected a time on every buffer"))?;
        let mut input = Input {
            pts_ns,
            duration_ns: block
                .buffer
                .duration()
                .and_then(|d| i64::try_from(d.nseconds()).ok()),
            frame: 0,
            even: true,
            trim: 0,
            sync: !block.buffer.flags().contains(gst::BufferFlags::DELTA_UNIT),
            size: 0,
            entry,
            payload: block.buffer,
        };
        match stream.kind {
            Kind::Video {
                units: Units::Obus, ..
            } => input.payload = undelimited(slot, input.payload)?,
            Kind::Video { units, .. } => whole(slot, units, &input.payload)?,
            Kind::Audio { frame, rate, .. } => {
                let samples = samples(slot, frame, &input.payload)?;
                input.frame = timing::rescaled(samples.into(), stream.timescale, rate).max(1);
                let ticks = u64::from(samples) * u64::from(stream.timescale);
                input.even = ticks.is_multiple_of(rate.max(1).into());
                if let Some(clipping) = meta::clipping(&input.payload, Some(rate)) {
                    // The clipped samples are before the time of the buffer.
                    let signed = |samples: u64| i64::try_from(samples).unwrap_or(i64::MAX);
                    let before = timing::rescaled(signed(clipping.start), timing::SECOND_NS, rate);
                    input.pts_ns = input.pts_ns.saturating_sub(before);
                    input.trim = timing::rescaled(signed(clipping.end), stream.timescale, rate);
                }
            }
            Kind::Text { markup } => input.payload = text(slot, &input.payload, markup)?,
        }
        input.size = u32::try_from(input.payload.size()).map_err(|_| {
            let size = input.payload.size();
            refused(
                slot,
                format!("found a buffer of {size} bytes, expected less than 4 GiB"),
            )
        })?;
        Ok(input)
    }

    /// What timing has to know. `first` is the stream's first tick, where an earlier run found it.
    fn spec(&self, settings: &Settings, first: Option<i64>) -> Option<TrackSpec> {
        let stream = self.stream.as_ref()?;
        let timescale = stream.timescale;
        let media = match stream.kind {
            Kind::Video {
                reorder_depth,
                frame_duration_ns,
                ..
            } => {
                let frame_ns = frame_duration_ns.and_then(|ns| i64::try_from(ns).ok());
                let delay_ns = settings.reorder_delay_ns().unwrap_or_else(|| {
                    frame_ns
                        .unwrap_or(UNKNOWN_FRAME_NS)
                        .saturating_mul(reorder_depth.into())
                });
                Media::Video {
                    depth: usize::try_from(reorder_depth).unwrap_or(usize::MAX),
                    delay: timing::ticks(delay_ns, timescale),
                    frame: frame_ns.map(|ns| timing::ticks(ns, timescale)),
                }
            }
            Kind::Audio { frame, .. } => Media::Audio {
                unit: (frame == FrameLength::Opus).then(|| timing::ticks(OPUS_UNIT_NS, timescale)),
            },
            Kind::Text { .. } => Media::Text,
        };
        Some(TrackSpec {
            timescale,
            media,
            first,
        })
    }

    /// The stream as the file has it; `None` before it is described.
    pub fn new_track(
        &self,
        (slot, id): (Slot, u32),
        settings: &Settings,
    ) -> Option<Result<NewTrack, String>> {
        let stream = self.stream.as_ref()?;
        let track = self.track(id)?;
        let first = match settings.first_tick(&self.pad.name(), track.timescale) {
            Ok(first) => first,
            Err(reason) => return Some(Err(reason)),
        };
        Some(Ok(NewTrack {
            slot,
            pad: self.pad.clone(),
            spec: self.spec(settings, first)?,
            track,
            kind: stream.kind,
            roll_distance: self.roll_distance,
            prefix: self.prefix,
            sparse: self.sparse,
        }))
    }

    /// The description of samples under other caps of the same stream.
    pub fn entry(&self, settings: &Settings, caps: &gst::CapsRef) -> Result<SampleEntry, String> {
        match streams::describe(caps, self.tags.as_deref(), None, self.wishes(settings))? {
            Description::Stream(stream) => Ok(stream.entry),
            Description::NeedsFirstBuffer => self
                .stream
                .as_ref()
                .filter(|_| caps == &*self.caps)
                .map(|stream| stream.entry.clone())
                .ok_or_else(|| "found caps that do not say all, expected codec_data".to_string()),
        }
    }

    pub fn is_video(&self) -> bool {
        let kind = self.stream.as_ref().map(|s| s.kind);
        matches!(kind, Some(Kind::Video { .. }))
    }

    fn wishes(&self, settings: &Settings) -> Wishes {
        Wishes {
            timescale: pad::settings(&self.pad).timescale,
            in_band: match settings.parameter_sets {
                ParameterSets::Auto => None,
                ParameterSets::OutOfBand => Some(false),
                ParameterSets::InBand => Some(true),
            },
        }
    }

    /// The track as the boxes have it, without edits.
    fn track(&self, id: u32) -> Option<model::Track> {
        let stream = self.stream.as_ref()?;
        Some(model::Track {
            id,
            timescale: stream.timescale,
            language: stream.language.clone(),
            name: String::new(),
            orientation: stream.orientation,
            entries: vec![stream.entry.clone()],
            edits: Vec::new(),
        })
    }
}

/// The sample of a cue.
fn text(slot: Slot, buffer: &gst::BufferRef, markup: bool) -> Result<gst::Buffer, Fault> {
    let sample = read(slot, buffer, |cue| streams::timed_text(cue, markup))?;
    Ok(gst::Buffer::from_slice(sample))
}

/// Reads a buffer. To map several memories puts their copy in their place: that is done to another buffer.
fn read<R>(slot: Slot, buffer: &gst::BufferRef, read: impl FnOnce(&[u8]) -> R) -> Result<R, Fault> {
    let other = (buffer.n_memory() > 1).then(|| buffer.to_owned());
    let map = other.as_deref().unwrap_or(buffer).map_readable();
    let map = map.map_err(|_| refused(slot, "found a buffer whose memory can't be read"))?;
    Ok(read(&map))
}

/// A picture of a stream whose rate is not known.
const UNKNOWN_FRAME_NS: i64 = 40_000_000;

fn is_eac3(caps: &gst::CapsRef) -> bool {
    caps.structure(0)
        .is_some_and(|s| s.has_name("audio/x-eac3"))
}

/// Samples of an audio buffer.
fn samples(slot: Slot, frame: FrameLength, buffer: &gst::BufferRef) -> Result<u32, Fault> {
    if let FrameLength::Constant(samples) = frame {
        return Ok(samples);
    }
    let samples = read(slot, buffer, |payload| frame.samples(payload))?;
    samples.map_err(|reason| refused(slot, reason))
}

/// Refuses an access unit that is cut.
fn whole(slot: Slot, units: Units, buffer: &gst::BufferRef) -> Result<(), Fault> {
    if units == Units::Frame {
        return Ok(());
    }
    let checked = read(slot, buffer, |payload| units.check(payload))?;
    checked.map_err(|error| refused(slot, error.to_string()))
}

/// An AV1 temporal unit without the delimiters that it begins with, which MP4 leaves out.
fn undelimited(slot: Slot, buffer: gst::Buffer) -> Result<gst::Buffer, Fault> {
    let cut = read(slot, &buffer, streams::leading_delimiters)?;
    if cut == 0 {
        return Ok(buffer);
    }
    buffer
        .copy_region(gst::BufferCopyFlags::all(), cut..)
        .map_err(|_| refused(slot, "found a buffer whose memory can't be shared"))
}
