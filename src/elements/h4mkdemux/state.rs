//! What the streaming thread, seeks and queries share.

use std::sync::Arc;

use gst_base::UniqueFlowCombiner;

use super::reverse::Reverse;
use super::stream::{Start, Stream};
use crate::elements::time::nanoseconds;
use crate::h4mk::{Block, Entry, Tracks};
use crate::meta;

/// A stream that lags by more than this gets a GAP event.
const LAG_NS: i64 = 500_000_000;
/// A stream that brought nothing past the stop is not waited for longer than this.
const PATIENCE_NS: i64 = 2_000_000_000;

pub(super) struct State {
    pub streams: Vec<Stream>,
    pub combiner: UniqueFlowCombiner,
    /// What plays, in nanoseconds of stream running time.
    pub segment: gst::FormattedSegment<gst::ClockTime>,
    /// Added to all times of buffers and segments, which can't be negative.
    pub shift: u64,
    pub seqnum: gst::Seqnum,
    pub group_id: Option<gst::GroupId>,
    /// The tracks in force.
    pub tracks: Arc<Tracks>,
    /// The META that the two below come from.
    meta: Option<String>,
    global_tags: gst::TagList,
    toc: Option<gst::Toc>,
    /// All pads are there.
    pub exposed: bool,
    /// Push mode: the streams have ended, however much upstream still brings before it seeks.
    pub ended: bool,
    /// A seek that came before there was anything to seek in.
    pub deferred_seek: Option<gst::Event>,
    /// Push mode: a seek that upstream was asked for and has not carried out.
    pub pushed_seek: Option<Plan>,
    pub reverse: Option<Reverse>,
    pub duration_ns: Option<i64>,
    /// Highest decoding time delivered.
    clock: Option<i64>,
    /// Highest decoding time met in the file since the segment began.
    seen: Option<i64>,
    /// When lagging streams are looked for next.
    next_lag_check: i64,
}

impl Default for State {
    fn default() -> Self {
        Self {
            streams: Vec::new(),
            combiner: UniqueFlowCombiner::new(),
            segment: gst::FormattedSegment::new(),
            shift: 0,
            seqnum: gst::Seqnum::next(),
            group_id: None,
            tracks: Arc::default(),
            meta: None,
            global_tags: with_format(None),
            toc: None,
            exposed: false,
            ended: false,
            deferred_seek: None,
            pushed_seek: None,
            reverse: None,
            duration_ns: None,
            clock: None,
            seen: None,
            next_lag_check: i64::MIN,
        }
    }
}

/// What a seek comes to.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub segment: gst::FormattedSegment<gst::ClockTime>,
    pub seqnum: gst::Seqnum,
    /// For each track the entry that it starts from.
    pub starts: Vec<(u16, Option<Entry>)>,
    /// The entry to read from: the lowest of those that are waited for.
    pub from: Option<Entry>,
    pub reverse: Option<Reverse>,
}

/// What goes out on a pad, in order.
pub(super) struct Delivery {
    pub pad: Arc<gst::Pad>,
    pub events: Vec<gst::Event>,
    pub buffer: gst::Buffer,
    /// What goes out on the pads of streams that lag, after it.
    pub gaps: Vec<(gst::Pad, Vec<gst::Event>)>,
}

/// Global tags, the container's name among them.
fn with_format(tags: Option<gst::TagList>) -> gst::TagList {
    let mut tags = tags.unwrap_or_default();
    let list = tags.make_mut();
    list.set_scope(gst::TagScope::Global);
    list.add::<gst::tags::ContainerFormat>(&"H4MK", gst::TagMergeMode::Replace);
    tags
}

/// A time as a clock time, negative ones as 0.
pub(super) fn clock_time(time_ns: i64) -> gst::ClockTime {
    gst::ClockTime::from_nseconds(u64::try_from(time_ns).unwrap_or(0))
}

impl State {
    /// Takes the META in force over: its tags and table of contents go out on every stream, again if they change.
    pub fn set_meta(&mut self, meta: String) {
        if self.meta.as_ref() == Some(&meta) {
            return;
        }
        let (tags, toc) = crate::tags::from_meta(&meta);
        self.global_tags = with_format(tags);
        self.toc = toc;
        self.meta = Some(meta);
        for stream in &mut self.streams {
            stream.needs_tags = true;
        }
    }

    pub fn stream_index(&self, track_id: u16) -> Option<usize> {
        self.streams
            .iter()
            .position(|s| s.track.track_id == track_id)
    }

    fn key_units_only(&self) -> bool {
        self.segment
            .flags()
            .contains(gst::SegmentFlags::TRICKMODE_KEY_UNITS)
    }

    /// The track by which key units are chosen: the first video, else the first that is not sparse.
    pub fn reference(&self) -> Option<u16> {
        let of = |wanted: &dyn Fn(&Stream) -> bool| {
            let found = self.streams.iter().find(|s| wanted(s));
            found.map(|s| s.track.track_id)
        };
        of(&|s| s.track.kind == "video" && !s.track.sparse)
            .or_else(|| of(&|s| !s.track.sparse))
            .or_else(|| of(&|_| true))
    }

    /// Decides whether a block goes out, and on which stream.
    pub fn accept(&mut self, block: &Block) -> Option<usize> {
        let at = self.stream_index(block.meta.track_id)?;
        let timing = block.meta.timing;
        self.seen = self.seen.max(timing.dts.or(timing.pts));
        let key_units = self.key_units_only();
        let reference = if key_units { self.reference() } else { None };
        let stop = self.stop();
        let in_reverse = self.reverse.is_some();
        let stream = self.streams.get_mut(at)?;
        if stream.done {
            return None;
        }
        if let Some(stop) = stop {
            let next_group = in_reverse && block.meta.kind.is_key();
            let past = stream.is_past(block, stop)
                || next_group && block.time().is_some_and(|t| t >= stop);
            if past {
                stream.done = true;
                return None;
            }
        }
        if !stream.starts(block) {
            return None;
        }
        let wanted =
            !key_units || block.meta.kind.is_key() && reference == Some(stream.track.track_id);
        wanted.then_some(at)
    }

    /// Where delivery stops: at the end of the segment, or of the group played backwards.
    fn stop(&self) -> Option<i64> {
        match &self.reverse {
            Some(reverse) => Some(reverse.group_end),
            None => self.segment.stop().map(nanoseconds),
        }
    }

    /// True when no stream that anybody waits for wants more of this segment.
    pub fn is_done(&self) -> bool {
        // A stream that has ended never says that it is past the stop: the others do for it.
        let stop = self.stop().map(|stop| stop.saturating_add(PATIENCE_NS));
        if self.seen.zip(stop).is_some_and(|(seen, stop)| seen >= stop) {
            return true;
        }
        let mut waited_for = self.streams.iter().filter(|s| !s.track.sparse).peekable();
        if waited_for.peek().is_some() {
            waited_for.all(|s| s.done)
        } else {
            !self.streams.is_empty() && self.streams.iter().all(|s| s.done)
        }
    }

    /// Makes a block ready to go out on stream `at`.
    pub fn deliver(&mut self, at: usize, block: &Block, payload: gst::Buffer) -> Option<Delivery> {
        self.make_room(block);
        let shift = self.shift;
        let time = |t: Option<i64>| {
            t.and_then(|t| t.checked_add_unsigned(shift))
                .map(clock_time)
        };
        let events = self.events(at);
        let in_reverse = self.reverse.is_some();
        let stream = self.streams.get_mut(at)?;
        let timing = block.meta.timing;
        let mut buffer = payload;
        {
            let buffer = buffer.make_mut();
            buffer.set_pts(time(timing.pts));
            buffer.set_dts(time(timing.dts));
            buffer.set_duration(timing.duration.map(gst::ClockTime::from_nseconds));
            let mut flags = meta::buffer_flags(&block.meta);
            let begins = std::mem::take(&mut stream.discont);
            // Backwards, DISCONT tells decoders where a group begins, and says nothing else.
            flags.set(
                gst::BufferFlags::DISCONT,
                begins || block.meta.discont && !in_reverse,
            );
            // What upstream's pieces of the file were flagged with says nothing of the block.
            meta::replace_flags(buffer, flags);
            if let Some(clipping) = block.meta.clipping {
                meta::add_clipping(buffer, clipping);
            }
            if stream.blocks {
                buffer.set_offset(block.number.unwrap_or(u64::MAX));
                meta::add_block_meta(buffer, block);
            }
        }
        let end = block
            .time()
            .map(|t| t.saturating_add_unsigned(timing.duration.unwrap_or(0)));
        stream.position = stream.position.max(end);
        let pad = stream.pad.clone();
        self.advance(timing.dts.or(timing.pts), end);
        Some(Delivery {
            pad,
            events,
            buffer,
            gaps: self.lagging(),
        })
    }

    fn advance(&mut self, decoding_time: Option<i64>, end: Option<i64>) {
        self.clock = self.clock.max(decoding_time);
        self.duration_ns = self.duration_ns.max(end);
        if let Some(end) = end {
            let position = clock_time(end);
            let stop = self.segment.stop();
            self.segment
                .set_position(stop.map_or(position, |stop| stop.min(position)));
        }
    }

    /// Raises the shift when a block's times would be negative with it. Running times stay what they are: every
    /// stream gets its segment anew.
    fn make_room(&mut self, block: &Block) {
        let timing = block.meta.timing;
        let lowest = timing.pts.into_iter().chain(timing.dts).min();
        let needed = lowest.filter(|t| *t < 0).map_or(0, i64::unsigned_abs);
        if needed > self.shift {
            self.shift = needed;
            for stream in &mut self.streams {
                stream.needs_segment = true;
            }
        }
    }

    /// The segment as it goes out: all of it later by the shift, stream time as it was.
    pub fn shifted_segment(&self) -> gst::FormattedSegment<gst::ClockTime> {
        let mut segment = self.segment.clone();
        let shift = gst::ClockTime::from_nseconds(self.shift);
        let shifted = |time: Option<gst::ClockTime>| time.map(|t| t.saturating_add(shift));
        segment.set_start(shifted(self.segment.start()));
        segment.set_stop(shifted(self.segment.stop()));
        segment.set_position(shifted(self.segment.position()));
        segment
    }

    /// The events that go out on a stream before anything else does.
    pub fn events(&mut self, at: usize) -> Vec<gst::Event> {
        let due = |s: &&Stream| s.needs_caps || s.needs_segment || s.needs_tags;
        if self.streams.get(at).filter(due).is_none() {
            return Vec::new();
        }
        let segment = self.shifted_segment();
        let (seqnum, global_tags) = (self.seqnum, self.global_tags.clone());
        let Some(stream) = self.streams.get_mut(at) else {
            return Vec::new();
        };
        let mut events = Vec::new();
        if std::mem::take(&mut stream.needs_caps) {
            events.push(gst::event::Caps::new(&stream.caps));
        }
        if std::mem::take(&mut stream.needs_segment) {
            let event = gst::event::Segment::builder(&segment).seqnum(seqnum);
            events.push(event.build());
        }
        if std::mem::take(&mut stream.needs_tags) {
            let lists = [global_tags].into_iter().chain(stream.tags());
            events.extend(lists.map(gst::event::Tag::new));
            if let Some(toc) = &self.toc {
                events.push(gst::event::Toc::new(toc, false));
            }
        }
        events
    }

    /// GAP events for the streams that lag, each with its pad.
    fn lagging(&mut self) -> Vec<(gst::Pad, Vec<gst::Event>)> {
        let Some(clock) = self.clock.filter(|_| self.reverse.is_none()) else {
            return Vec::new();
        };
        if clock < self.next_lag_check || self.streams.len() < 2 {
            return Vec::new();
        }
        self.next_lag_check = clock.saturating_add(LAG_NS / 2);
        let start = self.segment.start().map_or(0, nanoseconds);
        let shift = self.shift;
        let lagging: Vec<usize> = (0..self.streams.len())
            .filter(|at| {
                self.streams.get(*at).is_some_and(|s| {
                    !s.done && s.position.unwrap_or(start).saturating_add(LAG_NS) < clock
                })
            })
            .collect();
        lagging
            .into_iter()
            .filter_map(|at| {
                let mut events = self.events(at);
                let stream = self.streams.get_mut(at)?;
                let from = stream.position.unwrap_or(start);
                stream.position = Some(clock);
                let begin = clock_time(from.saturating_add_unsigned(shift));
                let length = clock_time(clock.saturating_sub(from));
                events.push(gst::event::Gap::builder(begin).duration(length).build());
                Some(((*stream.pad).clone(), events))
            })
            .collect()
    }

    /// Downstream was flushed, and so knows of no segment.
    pub fn flushed(&mut self) {
        self.combiner.reset();
        for stream in &mut self.streams {
            stream.needs_segment = true;
            stream.discont = true;
        }
    }

    /// A new segment for all streams, each with the entry that it starts from.
    pub fn restart(&mut self, starts: &[(u16, Option<Entry>)]) {
        self.clock = None;
        self.seen = None;
        self.next_lag_check = i64::MIN;
        self.combiner.reset();
        for stream in &mut self.streams {
            let id = stream.track.track_id;
            let entry = starts
                .iter()
                .find(|(track, _)| *track == id)
                .and_then(|(_, entry)| *entry);
            stream.restart(entry.map_or(Start::AtKey, Start::AtEntry));
        }
    }
}
