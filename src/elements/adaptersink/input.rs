//! What a stream's buffers are to an adapter.

use std::sync::Arc;

use super::payload::{BufferPayload, Sticky};
use crate::adapter::{Block, Kind, Stream};
use crate::meta::{BLOCK_CAPS, block_kind};

/// Raw pictures that adapters see.
pub(super) const PICTURES: &[&str] = &[
    "RGB",
    "RGBA",
    "I420",
    "NV12",
    "P010_10LE",
    "Y42B",
    "NV16",
    "I420_10LE",
    "I422_10LE",
];
/// Raw sound that adapters see.
pub(super) const SOUND: &[&str] = &["S16LE", "F32LE"];

/// How buffers tell what kind they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Blocks of a container, by their meta or else their flags.
    Blocks,
    /// Packets of a codec, by their flags.
    Packets,
    /// Frames, each of which stands alone.
    Frames,
}

/// A stream.
#[derive(Debug)]
pub(super) struct Input {
    sticky: Arc<Sticky>,
    form: Form,
    /// The highest PTS since the last key block of those that are wanted.
    highest: Option<gst::ClockTime>,
    received: u64,
}

impl Input {
    /// # Errors
    /// What is found and what is expected.
    pub(super) fn new(
        caps: &gst::CapsRef,
        segment: Option<Arc<gst::Segment>>,
        received: u64,
    ) -> Result<Self, String> {
        let structure = caps
            .structure(0)
            .ok_or("caps: found none, expected one structure")?;
        let format = structure.get::<&str>("format").unwrap_or("none");
        let check = |known: &[&str]| {
            known
                .contains(&format)
                .then_some(Form::Frames)
                .ok_or(format!(
                    "caps: found {} of format {format}, expected {}",
                    structure.name(),
                    known.join(", ")
                ))
        };
        let in_memory = |feature: &str| caps.features(0).is_some_and(|f| f.contains(feature));
        let form = match structure.name().as_str() {
            BLOCK_CAPS => Form::Blocks,
            // Whoever takes textures knows their formats.
            "video/x-raw" if in_memory("memory:GLMemory") || in_memory("memory:DMABuf") => {
                Form::Frames
            }
            "video/x-raw" => check(PICTURES)?,
            "audio/x-raw" => check(SOUND)?,
            _ => Form::Packets,
        };
        let caps = caps.to_owned();
        Ok(Self {
            sticky: Arc::new(Sticky { caps, segment }),
            form,
            highest: None,
            received,
        })
    }

    /// Each buffer stands alone.
    pub(super) fn is_alone(&self) -> bool {
        self.form == Form::Frames
    }

    pub(super) fn caps(&self) -> &gst::Caps {
        &self.sticky.caps
    }

    /// Times are those of this segment.
    pub(super) fn set_segment(&mut self, segment: Option<Arc<gst::Segment>>) {
        let caps = self.sticky.caps.clone();
        self.sticky = Arc::new(Sticky { caps, segment });
    }

    /// How many buffers have come.
    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// The block of a buffer.
    pub(super) fn block(&mut self, buffer: &gst::Buffer) -> Block {
        let index = self.received;
        self.received += 1;
        let time = |time: Option<gst::ClockTime>| time.map(gst::ClockTime::nseconds);
        let number =
            (self.form == Form::Blocks && buffer.offset() != u64::MAX).then(|| buffer.offset());
        Block {
            kind: self.kind(buffer),
            pts: time(buffer.pts()),
            dts: time(buffer.dts()),
            duration: time(buffer.duration()),
            number,
            index,
            droppable: buffer.flags().contains(gst::BufferFlags::DROPPABLE),
            payload: Arc::new(BufferPayload::new(buffer.clone(), self.sticky.clone())),
        }
    }

    fn kind(&self, buffer: &gst::BufferRef) -> Kind {
        let by_flags = || match buffer.flags().contains(gst::BufferFlags::DELTA_UNIT) {
            true => Kind::P,
            false => Kind::I,
        };
        match self.form {
            Form::Frames => Kind::I,
            Form::Packets => by_flags(),
            // Only deltas are of two kinds; reading the meta costs more than the flag.
            Form::Blocks => match by_flags() {
                Kind::I => Kind::I,
                delta => block_kind(buffer).unwrap_or(delta),
            },
        }
    }

    /// When a buffer is due and where it ends.
    ///
    /// That is its DTS; without DTS the highest PTS since the key block, for what is shown before blocks that came
    /// earlier was not due before them. The end never lies before that of its PTS, so that what is decoded before the segment but
    /// shown in it is not taken to be outside.
    pub(super) fn times(
        &mut self,
        buffer: &gst::BufferRef,
    ) -> (Option<gst::ClockTime>, Option<gst::ClockTime>) {
        let Some(pts) = buffer.pts() else {
            return (buffer.dts(), None);
        };
        if !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT) {
            self.highest = None;
        }
        self.highest = self.highest.max(Some(pts));
        let start = buffer.dts().or(self.highest).unwrap_or(pts);
        let end = buffer
            .duration()
            .filter(|duration| !duration.is_zero())
            .map(|duration| start.max(pts).saturating_add(duration));
        (Some(start), end)
    }

    /// Another place of the stream follows.
    pub(super) fn reset(&mut self) {
        self.highest = None;
        self.set_segment(None);
    }
}

/// What an adapter is told of a stream with these caps.
pub(super) fn stream(caps: &gst::Caps) -> Stream {
    let field = caps.structure(0).and_then(|structure| {
        let sound = structure.get::<i32>("rate").ok().map(|rate| (rate, 1));
        let pictures = || structure.get::<gst::Fraction>("framerate").ok();
        sound.or_else(|| pictures().map(|rate| (rate.numer(), rate.denom())))
    });
    let positive = |(n, d): (i32, i32)| Some((u32::try_from(n).ok()?, u32::try_from(d).ok()?));
    Stream {
        caps: caps.to_string(),
        rate: field.and_then(positive).filter(|&(n, d)| n > 0 && d > 0),
    }
}

/// True when a buffer is shown in the segment: its PTS, not its DTS, decides. Without a duration it begins there.
pub(super) fn is_wanted(
    buffer: &gst::BufferRef,
    segment: Option<&gst::FormattedSegment<gst::ClockTime>>,
) -> bool {
    let (Some(segment), Some(pts)) = (segment, buffer.pts()) else {
        return true;
    };
    let length = buffer.duration().unwrap_or(gst::ClockTime::ZERO);
    let (start, stop) = (segment.start(), segment.stop());
    // A segment of no length is a place that is shown.
    let begins = stop.is_none_or(|stop| pts < stop || pts == stop && start == Some(stop));
    let ends = start.is_none_or(|start| match length.is_zero() {
        true => pts >= start,
        false => pts.saturating_add(length) > start,
    });
    begins && ends
}
