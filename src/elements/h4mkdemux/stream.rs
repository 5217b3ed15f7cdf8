//! One source pad and what is known of its stream.

use std::sync::Arc;

use gst::prelude::*;

use super::settings::Expose;
use crate::h4mk::{Block, Entry, Kind, Track};
use crate::meta;

/// What a seek asks a stream to start with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// Deliver whatever comes.
    Now,
    /// Deliver from the next key block on.
    AtKey,
    /// Deliver from this entry's key block on.
    AtEntry(Entry),
}

pub(super) struct Stream {
    pub track: Track,
    /// In an `Arc`, which costs a block less to hold on to than a GObject does.
    pub pad: Arc<gst::Pad>,
    pub stream: gst::Stream,
    pub caps: gst::Caps,
    /// True when the pad carries opaque blocks.
    pub blocks: bool,
    pub needs_segment: bool,
    pub needs_caps: bool,
    pub needs_tags: bool,
    pub discont: bool,
    pub start: Start,
    /// Opaque blocks: PTS of the key block that a seek began with, whose leading blocks are no part of any chain.
    pub drop_before: Option<i64>,
    /// Everything that the segment wants has been delivered.
    pub done: bool,
    /// End of what was delivered, nanoseconds of stream running time.
    pub position: Option<i64>,
}

/// `video`, `audio`, `subtitle` or `src`: the pad template of a track.
pub(super) fn template_name(track: &Track) -> &'static str {
    match track.kind.as_str() {
        "video" => "video_%u",
        "audio" => "audio_%u",
        "subtitle" => "subtitle_%u",
        _ => "src_%u",
    }
}

/// The caps of a track's pad; an error says why the recorded ones can't be used.
pub(super) fn track_caps(track: &Track, expose: Expose) -> (gst::Caps, bool, Option<String>) {
    let blocks = |why| (meta::block_caps(track), true, why);
    if expose == Expose::Blocks {
        return blocks(None);
    }
    match track.caps.as_deref().map(crate::caps::parse) {
        Some(Ok(caps)) if caps.is_fixed() => (caps, false, None),
        Some(Ok(caps)) => blocks(Some(format!("caps are not fixed: {caps}"))),
        Some(Err(error)) => blocks(Some(error.to_string())),
        None => blocks(None),
    }
}

fn stream_type(caps: &gst::Caps) -> gst::StreamType {
    let media = caps.structure(0).map_or("", |s| s.name().as_str());
    match media.split('/').next() {
        Some("video" | "image") => gst::StreamType::VIDEO,
        Some("audio") => gst::StreamType::AUDIO,
        Some("text" | "subpicture") => gst::StreamType::TEXT,
        _ => gst::StreamType::UNKNOWN,
    }
}

impl Stream {
    /// A stream on a new pad, which is active and has its stream-start and caps.
    pub fn new(
        element: &super::H4mkDemux,
        pad: gst::Pad,
        track: &Track,
        caps: gst::Caps,
        blocks: bool,
    ) -> Self {
        let id = pad.create_stream_id(element, Some(&format!("{:05}", track.track_id)));
        let flags = if track.sparse {
            gst::StreamFlags::SPARSE
        } else {
            gst::StreamFlags::SELECT
        };
        let stream = gst::Stream::new(Some(&id), Some(&caps), stream_type(&caps), flags);
        let new = Self {
            track: track.clone(),
            pad: Arc::new(pad),
            stream,
            caps,
            blocks,
            needs_segment: true,
            needs_caps: false,
            needs_tags: true,
            discont: true,
            start: Start::Now,
            drop_before: None,
            done: false,
            position: None,
        };
        new.stream.set_tags(new.tags().as_ref());
        new
    }

    /// The stream's tags: what was recorded; of a track without the extension its name as title.
    pub fn tags(&self) -> Option<gst::TagList> {
        let recorded = self.track.tags.as_deref();
        let mut tags = recorded.and_then(crate::tags::parse).unwrap_or_default();
        let list = tags.make_mut();
        list.set_scope(gst::TagScope::Stream);
        let name = crate::text::before_zero(&self.track.name);
        let plain = self.track.caps.is_none() && recorded.is_none();
        if plain && !name.is_empty() {
            list.add::<gst::tags::Title>(&name, gst::TagMergeMode::Keep);
        }
        (list.n_tags() > 0).then_some(tags)
    }

    /// Takes over a later TRAK's description.
    pub fn update(&mut self, track: &Track, expose: Expose) {
        if *track == self.track {
            return;
        }
        let (caps, blocks, _) = track_caps(track, expose);
        self.needs_tags |= track.tags != self.track.tags || track.name != self.track.name;
        self.needs_caps |= caps != self.caps;
        self.caps = caps;
        self.blocks = blocks;
        self.track = track.clone();
        self.stream.set_caps(Some(&self.caps));
        self.stream.set_tags(self.tags().as_ref());
    }

    /// A new segment: what a seek makes of the stream.
    pub fn restart(&mut self, start: Start) {
        self.needs_segment = true;
        self.discont = true;
        self.start = start;
        self.drop_before = None;
        self.done = false;
        self.position = None;
    }

    /// Whether a block is delivered, as far as the start of the segment decides. The entry's number is the
    /// block's when it is the one that the seek began with.
    pub fn starts(&mut self, block: &Block) -> bool {
        let time = block.time();
        let begins = match self.start {
            Start::Now => true,
            Start::AtKey => block.meta.kind.is_key(),
            Start::AtEntry(entry) => {
                block.meta.kind.is_key()
                    && (time.is_none_or(|t| t >= entry.pts_ns)
                        && block.group_offset >= entry.offset)
            }
        };
        if !begins {
            return false;
        }
        if self.start != Start::Now {
            self.start = Start::Now;
            // A decoder needs the leading blocks for its picture numbers, and the segment hides what they show.
            self.drop_before = time.filter(|_| self.blocks);
            return true;
        }
        match (self.drop_before, time) {
            // Leading blocks of the first key need the group before it.
            (Some(key), Some(time)) if !block.meta.kind.is_key() && time < key => false,
            (Some(key), Some(time)) if block.meta.kind.is_key() && time > key => {
                self.drop_before = None;
                true
            }
            _ => true,
        }
    }

    /// True when no block that follows can lie before `stop`.
    pub fn is_past(&self, block: &Block, stop: i64) -> bool {
        let timing = block.meta.timing;
        match (timing.dts, timing.pts) {
            (Some(dts), _) => dts >= stop,
            (None, Some(pts)) if block.meta.kind == Kind::B => {
                pts >= stop.saturating_add(1_000_000_000)
            }
            // Without DTS nothing says how far pictures are reordered.
            (None, Some(pts)) if self.track.kind == "video" => {
                pts >= stop.saturating_add(1_000_000_000)
            }
            (None, Some(pts)) => pts >= stop,
            (None, None) => false,
        }
    }
}
