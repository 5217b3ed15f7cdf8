//! The tracks of the file being written, by pad.

use gst::prelude::*;

use super::pad::words;
use crate::caps::Description;
use crate::elements::collector::{Slot, put};
use crate::h4mk::{BlockMeta, Kind, KindTracker, Timing, Track};
use crate::meta;

/// One stream.
#[derive(Debug)]
pub(super) struct Stream {
    pub track: Track,
    /// Its blocks came out of `h4mkdemux expose=blocks` and say their kind themselves.
    opaque: bool,
    kinds: KindTracker,
    /// A block of it did not decode on its own.
    pub has_deltas: bool,
}

/// All streams.
#[derive(Debug, Default)]
pub(super) struct Streams {
    by_slot: Vec<Option<Stream>>,
    tags: Vec<Option<gst::TagList>>,
    /// In the order in which they came.
    order: Vec<Slot>,
}

impl Streams {
    pub fn get_mut(&mut self, slot: Slot) -> Option<&mut Stream> {
        self.by_slot.get_mut(slot)?.as_mut()
    }

    /// The tracks for a TRAK chunk.
    pub fn tracks(&self) -> Vec<Track> {
        let streams = self.order.iter().filter_map(|slot| {
            let stream = self.by_slot.get(*slot)?.as_ref()?;
            let tags = self.tags.get(*slot).and_then(Option::as_ref);
            Some(Track {
                tags: tags.map(|t| t.to_string()),
                ..stream.track.clone()
            })
        });
        streams.collect()
    }

    pub fn any_has_deltas(&self) -> bool {
        self.by_slot.iter().flatten().any(|s| s.has_deltas)
    }

    /// A stream is new or has new caps: true when its track is another now. `None`: there is no number left.
    pub fn describe(
        &mut self,
        slot: Slot,
        pad: &gst::Pad,
        caps: &gst::Caps,
        sparse: bool,
    ) -> Option<bool> {
        let number = match self.get_mut(slot) {
            Some(stream) => stream.track.track_id,
            None => u16::try_from(self.order.len() + 1).ok()?,
        };
        let track = track(number, pad, caps, sparse);
        let opaque = caps
            .structure(0)
            .is_some_and(|s| s.has_name(meta::BLOCK_CAPS));
        if let Some(stream) = self.get_mut(slot) {
            let changed = stream.track != track;
            stream.track = track;
            stream.opaque = opaque;
            return Some(changed);
        }
        let stream = Stream {
            track,
            opaque,
            kinds: KindTracker::default(),
            has_deltas: false,
        };
        put(&mut self.by_slot, slot, stream);
        self.order.push(slot);
        Some(true)
    }

    /// Tags of a stream. True when they changed.
    pub fn tag(&mut self, slot: Slot, tags: &gst::TagList) -> bool {
        let old = self.tags.get(slot).and_then(Option::as_ref);
        let merged = old.map_or_else(
            || tags.clone(),
            |old| old.merge(tags, gst::TagMergeMode::Replace),
        );
        let changed = old != Some(&merged);
        put(&mut self.tags, slot, merged);
        changed
    }
}

/// The track of a pad with these caps.
fn track(track_id: u16, pad: &gst::Pad, caps: &gst::Caps, sparse: bool) -> Track {
    let words = words(pad);
    let description = Description::new(caps);
    // `video_0` says what the user takes it for; `sink_0` does not.
    let name = pad.name();
    let by_template = ["video", "audio", "subtitle"].into_iter().find(|kind| {
        pad.pad_template()
            .is_some_and(|t| t.name_template().starts_with(kind))
    });
    let kind = by_template.unwrap_or(description.kind);
    Track {
        track_id,
        name: words.name.unwrap_or_else(|| name.to_string()),
        kind: words.kind.unwrap_or_else(|| kind.to_string()),
        codec: description.codec,
        sample_rate: description.sample_rate,
        channels: description.channels,
        note: words.note.unwrap_or_default(),
        caps: Some(caps.to_string()),
        tags: None,
        sparse,
    }
}

impl Stream {
    /// What the file says of a buffer with these times. `None`: it is longer than a chunk can be.
    pub fn block(
        &mut self,
        buffer: &gst::BufferRef,
        pts: Option<i64>,
        dts: Option<i64>,
    ) -> Option<BlockMeta> {
        let flags = meta::all_flags(buffer);
        let has = |flag| flags.contains(flag);
        let delta = has(gst::BufferFlags::DELTA_UNIT);
        let mut kind = self.kinds.classify(delta, pts);
        if self.opaque {
            kind = meta::block_kind(buffer).unwrap_or(kind);
        }
        self.has_deltas |= kind != Kind::I;
        let len = u32::try_from(buffer.size()).ok()?;
        len.checked_add(crate::h4mk::block::BLOCK_PREFIX_BYTES)?;
        Some(BlockMeta {
            track_id: self.track.track_id,
            kind,
            timing: Timing {
                pts,
                dts,
                duration: buffer.duration().map(gst::ClockTime::nseconds),
            },
            discont: has(gst::BufferFlags::DISCONT),
            header: has(gst::BufferFlags::HEADER),
            droppable: has(gst::BufferFlags::DROPPABLE),
            buffer_flags: meta::remaining_flags(flags),
            clipping: meta::clipping(buffer, None),
            len,
        })
    }
}
