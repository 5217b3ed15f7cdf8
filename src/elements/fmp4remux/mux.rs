//! The format, as the collector drives it.

use std::collections::VecDeque;
use std::sync::Arc;

use gst::glib;
use gst::prelude::*;

use super::fragmented::Fragmented;
use super::ilst;
use super::output;
use super::progressive::{NewTrack, Progressive};
use super::published::{Published, SharedRef, lock};
use super::settings::{OutputMode, Settings};
use super::tracks::{Source, refused};
use crate::elements::collector::{Block, Fault, Mux, Output, Slot, Timeline, put};
use crate::isobmff::model::Movie;
use crate::tags;

/// Ticks a second of the movie: edits are to a microsecond.
const MOVIE_TIMESCALE: u32 = 1_000_000;
/// Streams that say nothing are not waited for longer, nanoseconds.
const LONGEST_WAIT_NS: i64 = 10_000_000_000;

/// One file.
#[derive(Debug)]
pub struct Fmp4 {
    settings: Arc<Settings>,
    element: glib::WeakRef<gst::Element>,
    shared: SharedRef,
    sources: Vec<Option<Source>>,
    /// Tags of the whole file.
    tags: Option<gst::TagList>,
    writer: Writer,
    /// Begin of the segment for whose end a key was asked for.
    asked_key: Option<i64>,
}

#[derive(Debug)]
enum Writer {
    /// Blocks that came before all streams were known.
    Waiting(VecDeque<Block>),
    /// The file, and by slot its tracks.
    Writing(Body, Vec<Option<Track>>),
    Done,
}

#[derive(Debug)]
enum Body {
    Fragmented(Box<Fragmented>),
    Progressive(Box<Progressive>),
}

/// A stream that is in the file.
#[derive(Debug, Clone, Copy)]
struct Track {
    /// Place in the file.
    place: usize,
    /// Place of the description in force.
    entry: u32,
}

fn whole(reason: String) -> Fault {
    Fault::Mux { slot: None, reason }
}

impl Fmp4 {
    pub(super) fn new(settings: Settings, element: &gst::Element, shared: SharedRef) -> Self {
        Self {
            settings: Arc::new(settings),
            element: element.downgrade(),
            shared,
            sources: Vec::new(),
            tags: None,
            writer: Writer::Waiting(VecDeque::new()),
            asked_key: None,
        }
    }

    fn source(&mut self, slot: Slot) -> Result<&mut Source, Fault> {
        let source = self.sources.get_mut(slot).and_then(Option::as_mut);
        source.ok_or_else(|| refused(slot, "found a buffer before caps"))
    }

    /// Takes a stream's next sample.
    fn unit(&mut self, block: Block, out: &mut Output) -> Result<(), Fault> {
        match &self.writer {
            Writer::Waiting(_) => self.wait(block, out),
            Writer::Writing(..) | Writer::Done => self.write(block, out),
        }
    }

    /// Takes what is left of a stream that ends.
    fn last_unit(&mut self, slot: Slot, out: &mut Output) -> Result<(), Fault> {
        let source = self.sources.get_mut(slot).and_then(Option::as_mut);
        match source.and_then(Source::last_unit) {
            Some(unit) => self.unit(unit, out),
            None => Ok(()),
        }
    }

    /// Keeps a block until every stream is known.
    fn wait(&mut self, block: Block, out: &mut Output) -> Result<(), Fault> {
        let settings = self.settings.clone();
        let source = self.source(block.slot)?;
        if source.is_header(block.slot, &block.buffer)? {
            return Ok(());
        }
        // New caps: what waits belongs to the old ones.
        let changed = source.stream.is_some() && source.changed;
        if source.stream.is_none() {
            source.describe(block.slot, &settings, Some(&block.buffer))?;
        }
        if changed {
            self.begin(out)?;
            return self.write(block, out);
        }
        if let Writer::Waiting(blocks) = &mut self.writer {
            blocks.push_back(block);
        }
        self.begin_if_known(out)
    }

    /// Begins the file once every stream is known that others wait for.
    fn begin_if_known(&mut self, out: &mut Output) -> Result<(), Fault> {
        let Writer::Waiting(blocks) = &self.writer else {
            return Ok(());
        };
        let first = blocks.front().map_or(0, |b| b.time);
        let last = blocks.back().map_or(0, |b| b.time);
        let waited = last.saturating_sub(first) > LONGEST_WAIT_NS;
        let mut sources = self.sources.iter().flatten();
        let known = sources.all(|s| s.stream.is_some() || s.sparse || s.ended);
        if known && !blocks.is_empty() || waited {
            self.begin(out)?;
        }
        Ok(())
    }

    /// Begins the file with the streams that are known, and writes what waited for that.
    fn begin(&mut self, out: &mut Output) -> Result<(), Fault> {
        let Writer::Waiting(blocks) = &mut self.writer else {
            return Ok(());
        };
        let blocks = std::mem::take(blocks);
        self.writer = Writer::Done;
        for (slot, source) in self.sources.iter_mut().enumerate() {
            if let Some(source) = source.as_mut().filter(|s| s.stream.is_none()) {
                source.describe(slot, &self.settings, None)?;
            }
        }
        let described = self.sources.iter().enumerate();
        let slots: Vec<Slot> = described
            .filter(|(_, s)| s.as_ref().is_some_and(|s| s.stream.is_some()))
            .map(|(slot, _)| slot)
            .collect();
        if let (OutputMode::Cmaf, Some(second)) = (self.settings.output_mode, slots.get(1)) {
            let reason = "output-mode=cmaf: found a second stream, expected one: CMAF takes a muxer for each";
            return Err(refused(*second, reason));
        }
        let body = self.body(&slots, out)?;
        let mut tracks = Vec::new();
        for (place, slot) in slots.into_iter().enumerate() {
            put(&mut tracks, slot, Track { place, entry: 0 });
        }
        self.writer = Writer::Writing(body, tracks);
        blocks
            .into_iter()
            .try_for_each(|block| self.write(block, out))?;
        let ended = self.sources.iter().enumerate();
        let ended: Vec<Slot> = ended
            .filter(|(_, s)| s.as_ref().is_some_and(|s| s.ended))
            .map(|(slot, _)| slot)
            .collect();
        ended.into_iter().try_for_each(|slot| self.end(slot, out))
    }

    fn body(&mut self, slots: &[Slot], out: &mut Output) -> Result<Body, Fault> {
        let element = self.element.upgrade();
        let element = element.ok_or(Fault::Flow(gst::FlowError::Flushing))?;
        let movie = self.movie(&element);
        let news = (1_u32..)
            .zip(slots)
            .map(|(id, slot)| self.new_track(*slot, id));
        let news = news.collect::<Result<Vec<_>, _>>()?;
        if self.settings.output_mode == OutputMode::Progressive {
            out.caps(&output::caps(movie.variant, None));
            let mut describe = |place: usize, caps: &gst::Caps| {
                let slot = slots.get(place).copied().unwrap_or_default();
                let source = self.sources.get(slot).and_then(Option::as_ref);
                source.map_or_else(
                    || Err("found no such track".to_string()),
                    |source| source.entry(&self.settings, caps),
                )
            };
            let options = self.settings.progressive();
            let file = Progressive::start(options, movie, news, &mut describe, out)?;
            return Ok(Body::Progressive(Box::new(file)));
        }
        let published = Published::new(&self.settings, &element, self.shared.clone());
        let published = published.map_err(whole)?;
        let mut file = Fragmented::new(&self.settings, movie, published);
        news.into_iter().for_each(|new| {
            file.add(new);
        });
        Ok(Body::Fragmented(Box::new(file)))
    }

    /// The movie without tracks.
    fn movie(&self, element: &gst::Element) -> Movie {
        let tags = tags::of_file(element, self.tags.as_ref());
        Movie {
            variant: self.settings.variant(),
            timescale: MOVIE_TIMESCALE,
            creation_time: self.settings.creation_time(),
            tracks: Vec::new(),
            tags: tags.map(|tags| ilst::items(&tags).0).unwrap_or_default(),
        }
    }

    /// A described stream as the file has it.
    fn new_track(&self, slot: Slot, id: u32) -> Result<NewTrack, Fault> {
        let source = self.sources.get(slot).and_then(Option::as_ref);
        let new = source.and_then(|source| source.new_track((slot, id), &self.settings));
        new.ok_or_else(|| refused(slot, "found no caps"))?
            .map_err(|reason| refused(slot, reason))
    }

    /// Writes a block of a file that has begun.
    fn write(&mut self, block: Block, out: &mut Output) -> Result<(), Fault> {
        let slot = block.slot;
        let settings = self.settings.clone();
        let source = self.source(slot)?;
        if source.is_header(block.slot, &block.buffer)? {
            return Ok(());
        }
        if source.changed || source.stream.is_none() {
            if !source.describe(slot, &settings, Some(&block.buffer))? {
                return Err(refused(
                    slot,
                    "found no description of the stream in caps and buffer",
                ));
            }
            self.describe(slot, block.pts.unwrap_or(block.time))?;
        }
        let Writer::Writing(body, tracks) = &mut self.writer else {
            return Ok(());
        };
        let source = self.sources.get_mut(slot).and_then(Option::as_mut);
        let track = tracks.get(slot).copied().flatten();
        let (Some(source), Some(track)) = (source, track) else {
            return Ok(());
        };
        let input = source.input(block, track.entry)?;
        match body {
            Body::Progressive(file) => file.push(track.place, input, out),
            Body::Fragmented(file) => {
                lock(&self.shared).take_requests().apply(file);
                file.push(track.place, input, out)?;
                self.ask_for_key();
                Ok(())
            }
        }
    }

    /// A stream is new, or another from this block on.
    fn describe(&mut self, slot: Slot, time_ns: i64) -> Result<(), Fault> {
        let place = match &self.writer {
            Writer::Writing(_, tracks) => tracks.iter().flatten().count(),
            Writer::Waiting(_) | Writer::Done => return Ok(()),
        };
        let new = self.new_track(slot, u32::try_from(place + 1).unwrap_or(u32::MAX))?;
        let Writer::Writing(body, tracks) = &mut self.writer else {
            return Ok(());
        };
        let entry = new.track.entries.first().cloned();
        match (tracks.get_mut(slot).and_then(Option::as_mut), body) {
            (Some(track), Body::Fragmented(file)) => {
                if let Some(entry) = entry {
                    file.describe(track.place, time_ns, entry);
                }
            }
            (Some(track), Body::Progressive(file)) => {
                if let Some(entry) = entry {
                    track.entry = file.describe(track.place, &entry)?;
                }
            }
            (None, body) => {
                match body {
                    Body::Fragmented(_) if self.settings.output_mode == OutputMode::Cmaf => {
                        let reason = "output-mode=cmaf: found a second stream, expected one: CMAF takes a muxer for each";
                        return Err(refused(slot, reason));
                    }
                    Body::Fragmented(file) => {
                        file.add(new);
                    }
                    Body::Progressive(file) => file.add(new)?,
                }
                put(tracks, slot, Track { place, entry: 0 });
            }
        }
        Ok(())
    }

    fn end(&mut self, slot: Slot, out: &mut Output) -> Result<(), Fault> {
        let Writer::Writing(body, tracks) = &mut self.writer else {
            return Ok(());
        };
        let Some(track) = tracks.get(slot).copied().flatten() else {
            return Ok(());
        };
        match body {
            Body::Fragmented(file) => file.end(track.place, out),
            Body::Progressive(file) => file.end(track.place, out),
        }
    }

    /// Ends a progressive file behind which bad input came: what was before plays. Fragments do without.
    fn rescued(&mut self, result: Result<(), Fault>, out: &mut Output) -> Result<(), Fault> {
        if let (Err(Fault::Mux { .. }), Writer::Writing(Body::Progressive(_), _)) =
            (&result, &self.writer)
        {
            // The error that is told is the one that was first.
            let _ = self.finish(out);
        }
        result
    }

    /// Asks encoders for a key where the next segment is due.
    fn ask_for_key(&mut self) {
        let Writer::Writing(Body::Fragmented(file), _) = &self.writer else {
            return;
        };
        let begin = file.segment_begin();
        if !self.settings.send_force_keyunit || begin == self.asked_key {
            return;
        }
        self.asked_key = begin;
        let due = begin.zip(self.settings.segment_duration_ns());
        let due = due.and_then(|(begin, length)| u64::try_from(begin.checked_add(length)?).ok());
        let Some(due) = due else { return };
        let structure = gst::Structure::builder(FORCE_KEY_UNIT)
            .field("running-time", due)
            .field("all-headers", false)
            .field("count", 0_u32)
            .build();
        for source in self.sources.iter().flatten().filter(|s| s.is_video()) {
            // Upstream that makes no keys does not answer.
            let event = gst::event::CustomUpstream::builder(structure.clone()).build();
            let _ = source.pad.push_event(event);
        }
    }
}

const FORCE_KEY_UNIT: &str = "GstForceKeyUnit";

impl Mux for Fmp4 {
    fn timeline(&self) -> Timeline {
        if self.settings.segment_mode {
            Timeline::Stream
        } else {
            Timeline::Running
        }
    }

    fn is_patient(&self) -> bool {
        // A cue that comes when its fragment is written is late for good.
        true
    }

    fn caps(
        &mut self,
        slot: Slot,
        pad: &gst::Pad,
        caps: &gst::Caps,
        sparse: bool,
    ) -> Result<(), Fault> {
        match self.sources.get_mut(slot).and_then(Option::as_mut) {
            Some(source) => source.set_caps(caps),
            None => put(&mut self.sources, slot, Source::new(pad, caps, sparse)),
        }
        Ok(())
    }

    fn tags(&mut self, slot: Slot, tags: &gst::TagList) {
        if tags.scope() == gst::TagScope::Global {
            tags::replace(&mut self.tags, tags);
        } else if let Ok(source) = self.source(slot) {
            source.tag(tags);
        }
    }

    fn start(&mut self, _out: &mut Output) -> Result<(), Fault> {
        Ok(())
    }

    fn block(&mut self, block: Block, out: &mut Output) -> Result<(), Fault> {
        let source = self.source(block.slot)?;
        if out.live && source.is_before_time(&block) {
            return Ok(());
        }
        let written = match source.unit(block) {
            Some(unit) => self.unit(unit, out),
            None => Ok(()),
        };
        self.rescued(written, out)
    }

    fn event(&mut self, _slot: Slot, event: gst::Event, out: &mut Output) -> Result<(), Fault> {
        if let Some(structure) = event.structure().filter(|s| s.has_name(FORCE_KEY_UNIT))
            && let Ok(time) = structure.get::<u64>("running-time")
            && let Writer::Writing(Body::Fragmented(file), _) = &mut self.writer
        {
            file.split_at(i64::try_from(time).unwrap_or(i64::MAX));
        }
        if !matches!(event.view(), gst::EventView::Toc(_)) {
            out.event(event);
        }
        Ok(())
    }

    fn flushed(&mut self, slot: Slot) {
        if let Ok(source) = self.source(slot) {
            source.flush();
        }
        match &mut self.writer {
            Writer::Waiting(blocks) => blocks.retain(|block| block.slot != slot),
            Writer::Writing(Body::Fragmented(file), tracks) => {
                if let Some(track) = tracks.get(slot).copied().flatten() {
                    file.flush(track.place);
                }
            }
            // Its samples are placed already.
            Writer::Writing(Body::Progressive(_), _) | Writer::Done => {}
        }
    }

    fn ended(&mut self, slot: Slot, out: &mut Output) -> Result<(), Fault> {
        let written = self.last_unit(slot, out);
        if let Ok(source) = self.source(slot) {
            source.ended = true;
        }
        let ended = written.and_then(|()| self.begin_if_known(out));
        let ended = ended.and_then(|()| self.end(slot, out));
        self.rescued(ended, out)
    }

    fn finish(&mut self, out: &mut Output) -> Result<(), Fault> {
        (0..self.sources.len()).try_for_each(|slot| self.last_unit(slot, out))?;
        self.begin(out)?;
        match std::mem::replace(&mut self.writer, Writer::Done) {
            Writer::Writing(Body::Fragmented(mut file), _) => file.finish(out),
            Writer::Writing(Body::Progressive(file), _) => file.finish(out),
            Writer::Waiting(_) | Writer::Done => Ok(()),
        }
    }
}
