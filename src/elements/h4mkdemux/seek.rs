//! Seeking: from a time to an entry of the index, a new segment and a new place to read from.

use gst::prelude::*;
use gst::subclass::prelude::*;

use super::imp::{CAT, H4mkDemux};
use super::reader::{ReadError, Reader, Source};
use super::reverse::Reverse;
use super::state::{Plan, State, clock_time};
use crate::elements::time::nanoseconds;
use crate::h4mk::Entry;

/// A seek event's fields.
struct Seek {
    rate: f64,
    flags: gst::SeekFlags,
    start: (gst::SeekType, Option<gst::ClockTime>),
    stop: (gst::SeekType, Option<gst::ClockTime>),
    seqnum: gst::Seqnum,
}

impl Seek {
    /// `None` where the event is no seek in TIME.
    fn parse(event: &gst::Event) -> Option<Self> {
        let gst::EventView::Seek(seek) = event.view() else {
            return None;
        };
        let (rate, flags, start_type, start, stop_type, stop) = seek.get();
        let time = |value: gst::GenericFormattedValue| match value {
            gst::GenericFormattedValue::Time(time) => Some(time),
            _ => None,
        };
        Some(Self {
            rate,
            flags,
            start: (start_type, time(start)?),
            stop: (stop_type, time(stop)?),
            seqnum: event.seqnum(),
        })
    }

    fn has(&self, flags: gst::SeekFlags) -> bool {
        self.flags.contains(flags)
    }
}

impl H4mkDemux {
    /// A seek from downstream or from the application.
    pub(super) fn seek_event(&self, event: gst::Event) -> bool {
        let Some(seek) = Seek::parse(&event) else {
            gst::debug!(CAT, imp = self, "Not a seek in TIME: {event:?}");
            return false;
        };
        {
            let mut state = self.state();
            if !state.exposed {
                state.deferred_seek = Some(event);
                return true;
            }
            if state.seqnum == seek.seqnum {
                // Each sink of a pipeline sends the same seek.
                return true;
            }
        }
        if seek.has(gst::SeekFlags::INSTANT_RATE_CHANGE) {
            return self.change_rate(&seek);
        }
        if self.sinkpad.mode() == gst::PadMode::Pull {
            self.seek_pulled(&seek)
        } else {
            self.seek_pushed(&seek)
        }
    }

    /// The seek that came before the tracks were known.
    pub(super) fn run_deferred_seek(&self) {
        let deferred = self.state().deferred_seek.take();
        if let Some(event) = deferred
            && !self.seek_event(event)
        {
            gst::warning!(
                CAT,
                imp = self,
                "The seek sent before the start was refused"
            );
        }
    }

    fn change_rate(&self, seek: &Seek) -> bool {
        let rate = self.state().segment.rate();
        let unbound = seek.start.0 == gst::SeekType::None && seek.stop.0 == gst::SeekType::None;
        if seek.has(gst::SeekFlags::FLUSH) || !unbound || rate * seek.rate <= 0.0 {
            return false;
        }
        let kept = gst::SegmentFlags::from_bits_truncate(seek.flags.bits());
        for pad in self.pads() {
            let event = gst::event::InstantRateChange::builder(seek.rate / rate, kept)
                .seqnum(seek.seqnum)
                .build();
            let _ = pad.push_event(event);
        }
        true
    }

    fn seek_pulled(&self, seek: &Seek) -> bool {
        let flush = seek.has(gst::SeekFlags::FLUSH);
        if flush {
            let event = gst::event::FlushStart::builder()
                .seqnum(seek.seqnum)
                .build();
            let _ = self.sinkpad.push_event(event.clone());
            self.push_to_all(&event);
        }
        self.interrupt();
        // The task is paused, so that its lock comes free.
        let _ = self.sinkpad.pause_task();
        let stream_lock = self.sinkpad.stream_lock();
        self.resume();
        let event = gst::event::FlushStop::builder(true)
            .seqnum(seek.seqnum)
            .build();
        if flush {
            let _ = self.sinkpad.push_event(event.clone());
        }
        let applied = self.plan_and_apply(seek);
        if flush {
            self.push_to_all(&event);
        }
        if let Ok(true) = applied
            && seek.has(gst::SeekFlags::SEGMENT)
        {
            let position = self.state().segment.position();
            let message = gst::message::SegmentStart::builder(position)
                .src(&*self.obj())
                .seqnum(seek.seqnum);
            let _ = self.obj().post_message(message.build());
        }
        self.start_task();
        drop(stream_lock);
        match applied {
            Ok(done) => done,
            Err(error) => {
                gst::warning!(CAT, imp = self, "Seek failed: {error:?}");
                false
            }
        }
    }

    fn plan_and_apply(&self, seek: &Seek) -> Result<bool, ReadError> {
        let mut guard = self.reader();
        let Some(reader) = guard.as_mut() else {
            return Ok(false);
        };
        reader.refresh()?;
        let known = reader.duration_ns;
        let mut state = self.state();
        state.duration_ns = state.duration_ns.max(known);
        let duration = state.duration_ns.map(clock_time);
        state.segment.set_duration(duration);
        let Some(plan) = plan(reader, &state, seek)? else {
            return Ok(false);
        };
        drop(state);
        let tracks = reader.go_to(plan.from.as_ref())?;
        drop(guard);
        if let Some(tracks) = tracks {
            self.apply_tracks(&tracks);
        }
        self.state().apply(plan);
        Ok(true)
    }

    fn seek_pushed(&self, seek: &Seek) -> bool {
        if !seek.has(gst::SeekFlags::FLUSH) || seek.rate < 0.0 {
            gst::debug!(
                CAT,
                imp = self,
                "In push mode only flushing seeks forward are possible"
            );
            return false;
        }
        let planned = {
            let mut guard = self.reader();
            let Some(reader) = guard.as_mut() else {
                return false;
            };
            plan(reader, &self.state(), seek)
        };
        let Ok(Some(mut plan)) = planned else {
            return false;
        };
        let Some(from) = plan.from else {
            gst::debug!(CAT, imp = self, "No index: this stream can't be sought in");
            return false;
        };
        let from = match self.reader().as_ref() {
            Some(reader) => reader.with_tracks(from),
            None => from,
        };
        plan.from = Some(from);
        self.state().pushed_seek = Some(plan);
        let done = self.seek_upstream(from.offset, seek.seqnum);
        if !done {
            self.state().pushed_seek = None;
        }
        done
    }

    /// Upstream has flushed for a seek of ours: what comes next is from there.
    pub(super) fn apply_pushed_seek(&self) {
        let Some(plan) = self.state().pushed_seek.take() else {
            return;
        };
        let tracks = match self.reader().as_mut() {
            Some(reader) => {
                reader.pending = None;
                if let Source::Push(push) = &mut reader.source {
                    push.restart(plan.from.map_or(0, |e| e.offset));
                }
                reader.go_to(plan.from.as_ref())
            }
            None => return,
        };
        if let Ok(Some(tracks)) = tracks {
            self.apply_tracks(&tracks);
        }
        self.state().apply(plan);
    }

    fn push_to_all(&self, event: &gst::Event) {
        for pad in self.pads() {
            let _ = pad.push_event(event.clone());
        }
    }

    /// Playing backwards: goes on to the group before this one. False at the segment's start, and forwards.
    pub(super) fn previous_group(&self) -> Result<bool, ReadError> {
        let mut guard = self.reader();
        let Some(reader) = guard.as_mut() else {
            return Ok(false);
        };
        let state = self.state();
        let start = state.segment.start().map_or(0, nanoseconds);
        let Some(reverse) = state.reverse.filter(|r| !r.is_first(start)) else {
            return Ok(false);
        };
        let Some((group, starts, from)) = group_before(reader, &state, reverse.group_start)? else {
            return Ok(false);
        };
        drop(state);
        let tracks = reader.go_to(from.as_ref())?;
        drop(guard);
        if let Some(tracks) = tracks {
            self.apply_tracks(&tracks);
        }
        let mut state = self.state();
        state.reverse = Some(group);
        let segment_was_sent: Vec<bool> = state.streams.iter().map(|s| !s.needs_segment).collect();
        state.restart(&starts);
        // It is the same segment still.
        for (stream, sent) in state.streams.iter_mut().zip(segment_was_sent) {
            stream.needs_segment = !sent;
        }
        Ok(true)
    }
}

impl State {
    fn apply(&mut self, plan: Plan) {
        self.segment = plan.segment;
        self.seqnum = plan.seqnum;
        self.reverse = plan.reverse;
        self.restart(&plan.starts);
    }
}

/// Works a seek out; `None` where it can't be done.
fn plan(reader: &mut Reader, state: &State, seek: &Seek) -> Result<Option<Plan>, ReadError> {
    let mut segment = state.segment.clone();
    if let (gst::SeekType::Set, Some(start)) = seek.start {
        match seek.stop {
            (gst::SeekType::Set, Some(stop)) if stop < start => return Ok(None),
            // A start beyond the stop that was in force, and that this seek leaves alone, lifts it.
            (gst::SeekType::None, _) if segment.stop().is_some_and(|stop| stop < start) => {
                segment.set_stop(gst::ClockTime::NONE);
            }
            _ => {}
        }
    }
    let valid = segment.do_seek(
        seek.rate,
        seek.flags,
        seek.start.0,
        seek.start.1,
        seek.stop.0,
        seek.stop.1,
    );
    if valid.is_none() {
        return Ok(None);
    }
    if seek.rate < 0.0 {
        return plan_reverse(reader, state, seek, segment);
    }
    let snap = gst::SeekFlags::KEY_UNIT | gst::SeekFlags::SNAP_BEFORE | gst::SeekFlags::SNAP_AFTER;
    if seek.flags.intersects(snap)
        && !seek.has(gst::SeekFlags::ACCURATE)
        && let Some(key) = snapped(reader, state, seek, &segment)?
    {
        let key = clock_time(key);
        let key = segment.stop().map_or(key, |stop| stop.min(key));
        segment.set_start(key);
        // A change of rate alone begins in the middle of its segment; this one begins at its start.
        segment.set_offset(gst::ClockTime::ZERO);
        segment.set_time(key);
        segment.set_position(key);
    }
    let time = segment.position().map_or(0, nanoseconds);
    let (starts, from) = entries(reader, state, time)?;
    Ok(Some(Plan {
        segment,
        seqnum: seek.seqnum,
        starts,
        from,
        reverse: None,
    }))
}

/// The key time that a KEY_UNIT seek goes to.
fn snapped(
    reader: &mut Reader,
    state: &State,
    seek: &Seek,
    segment: &gst::FormattedSegment<gst::ClockTime>,
) -> Result<Option<i64>, ReadError> {
    let (Some(track), Some(position)) = (state.reference(), segment.position()) else {
        return Ok(None);
    };
    let time = nanoseconds(position);
    let (before, after) = if matches!(reader.source, Source::Pull(_)) {
        reader.keys_around(track, time)?
    } else {
        let found = reader.find(track, time)?.map(|e| e.pts_ns);
        (found.filter(|t| *t <= time), reader.find_after(track, time))
    };
    let nearest = match (before, after) {
        (Some(b), Some(a)) if a.saturating_sub(time) < time.saturating_sub(b) => Some(a),
        _ => before.or(after),
    };
    let snap_before = seek.has(gst::SeekFlags::SNAP_BEFORE);
    let snap_after = seek.has(gst::SeekFlags::SNAP_AFTER);
    Ok(match (snap_before, snap_after) {
        (true, true) => nearest,
        (false, true) => after.filter(|_| before != Some(time)).or(before),
        _ => before.or(after),
    })
}

/// For each track the entry for a time, and the one to read from: the first in the file of those that
/// somebody waits for.
#[allow(clippy::type_complexity)]
fn entries(
    reader: &mut Reader,
    state: &State,
    time_ns: i64,
) -> Result<(Vec<(u16, Option<Entry>)>, Option<Entry>), ReadError> {
    let mut starts = Vec::with_capacity(state.streams.len());
    let mut from: Option<Entry> = None;
    let only_sparse = state.streams.iter().all(|s| s.track.sparse);
    for stream in &state.streams {
        let entry = reader.find(stream.track.track_id, time_ns)?;
        let waited_for = !stream.track.sparse || only_sparse;
        starts.push((stream.track.track_id, entry.filter(|_| waited_for)));
        if let Some(entry) = entry.filter(|_| waited_for)
            && from.is_none_or(|lowest| entry.offset < lowest.offset)
        {
            from = Some(entry);
        }
    }
    Ok((starts, from))
}

fn plan_reverse(
    reader: &mut Reader,
    state: &State,
    seek: &Seek,
    mut segment: gst::FormattedSegment<gst::ClockTime>,
) -> Result<Option<Plan>, ReadError> {
    if matches!(reader.source, Source::Push(_)) {
        return Ok(None);
    }
    let end = segment
        .stop()
        .or(segment.duration())
        .map_or(i64::MAX, nanoseconds);
    if segment.stop().is_none() {
        segment.set_stop(segment.duration());
    }
    segment.set_position(segment.stop());
    let Some((reverse, starts, from)) = group_before(reader, state, end)? else {
        return Ok(None);
    };
    Ok(Some(Plan {
        segment,
        seqnum: seek.seqnum,
        starts,
        from,
        reverse: Some(reverse),
    }))
}

type Group = (Reverse, Vec<(u16, Option<Entry>)>, Option<Entry>);

/// The key group of the reference track that ends at `end`, and where each track starts in it.
fn group_before(reader: &mut Reader, state: &State, end: i64) -> Result<Option<Group>, ReadError> {
    let Some(reference) = state.reference() else {
        return Ok(None);
    };
    let Some(key) = reader.find(reference, end.saturating_sub(1))? else {
        return Ok(None);
    };
    if key.pts_ns >= end {
        return Ok(None);
    }
    let (mut starts, from) = entries(reader, state, key.pts_ns)?;
    for (track, entry) in &mut starts {
        // Of the other tracks, this group is what lies in the same time.
        if let Some(entry) = entry.as_mut().filter(|_| *track != reference) {
            entry.pts_ns = key.pts_ns;
        }
    }
    let reverse = Reverse {
        group_start: key.pts_ns,
        group_end: end,
    };
    Ok(Some((reverse, starts, from)))
}
