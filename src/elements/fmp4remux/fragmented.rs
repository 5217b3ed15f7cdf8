//! Fragmented output: init segments, and movie fragments as they become complete.

use std::collections::VecDeque;

use gst::prelude::*;

use super::output;
use super::progressive::NewTrack;
use super::published::{Fragment as Written, Published};
use super::settings::{Settings, WriteEdtsMode};
use crate::elements::collector::{Fault, Output, Slot, buffer_at};
use crate::isobmff::boxes::{
    AccessPoint, FragmentOptions, ProducerTime, SegmentKind, SegmentType, TrackAccess,
    fragment_header, init_segment, mfra,
};
use crate::isobmff::fragment::{
    Fragmenter, Input, Interleave, Part, TrackError, TrackInfo, layout,
};
use crate::isobmff::model::{Edit, Fragment, Movie, SampleEntry};

/// A fragmented file.
#[derive(Debug)]
pub(super) struct Fragmented {
    movie: Movie,
    slots: Vec<(Slot, gst::Pad)>,
    infos: Vec<TrackInfo>,
    fragmenter: Fragmenter<gst::Buffer>,
    interleave: Interleave,
    edits: WriteEdtsMode,
    /// Descriptions to come, each with the time from which on it holds.
    changes: VecDeque<(i64, usize, SampleEntry)>,
    /// The init segment has to be written, again.
    init_due: bool,
    /// It is another than before.
    described_anew: bool,
    headers_sent: bool,
    /// Segments alone are written without it.
    alone: bool,
    sidx: bool,
    prft: bool,
    /// Bytes that went out.
    position: u64,
    /// For `mfra`.
    access: Option<Vec<TrackAccess>>,
    published: Published,
    /// Tracks of which it was told that their sound has gaps.
    warned: Vec<usize>,
}

impl Fragmented {
    /// A file of which nothing is written; `movie` has no tracks yet.
    pub fn new(settings: &Settings, movie: Movie, published: Published) -> Self {
        Self {
            movie,
            slots: Vec::new(),
            infos: Vec::new(),
            fragmenter: Fragmenter::new(settings.fragments()),
            interleave: settings.interleave(),
            edits: settings.write_edts_mode,
            changes: VecDeque::new(),
            init_due: true,
            described_anew: false,
            headers_sent: false,
            alone: settings.segment_mode,
            sidx: settings.write_sidx,
            prft: settings.write_prft,
            position: 0,
            access: settings.write_mfra.then(Vec::new),
            published,
            warned: Vec::new(),
        }
    }

    /// A stream, before its first sample.
    pub fn add(&mut self, new: NewTrack) -> usize {
        let track = self.fragmenter.add(new.spec);
        self.infos.push(TrackInfo {
            id: new.track.id,
            timescale: new.track.timescale,
            roll_distance: new.roll_distance,
        });
        self.slots.push((new.slot, new.pad));
        self.movie.tracks.push(new.track);
        self.described_anew = true;
        track
    }

    /// The samples of a track are described by this from a time on. A new init segment goes before them.
    pub fn describe(&mut self, track: usize, time_ns: i64, entry: SampleEntry) {
        self.fragmenter.cut_at(time_ns);
        self.changes.push_back((time_ns, track, entry));
    }

    /// Asks for a segment to begin at the first key at or past a time.
    pub fn split_at(&mut self, time_ns: i64) {
        self.fragmenter.split_at(time_ns);
    }

    /// The init segment goes out once more, before the next fragment.
    pub fn send_headers(&mut self) {
        self.init_due = true;
    }

    /// Where the segment begins that the newest samples are in, nanoseconds.
    pub fn segment_begin(&self) -> Option<i64> {
        self.fragmenter.segment_begin()
    }

    pub fn push(
        &mut self,
        track: usize,
        input: Input<gst::Buffer>,
        out: &mut Output,
    ) -> Result<(), Fault> {
        if out.live {
            self.fragmenter.set_live();
        }
        let pushed = self.fragmenter.push(track, input);
        pushed.map_err(|error| self.fault(&error))?;
        self.write(out)
    }

    /// Forgets what a track brought and is not written.
    pub fn flush(&mut self, track: usize) {
        self.fragmenter.flush(track);
    }

    pub fn end(&mut self, track: usize, out: &mut Output) -> Result<(), Fault> {
        let ended = self.fragmenter.end(track);
        ended.map_err(|error| self.fault(&error))?;
        self.write(out)
    }

    /// Writes the rest.
    pub fn finish(&mut self, out: &mut Output) -> Result<(), Fault> {
        let ended = self.fragmenter.finish();
        ended.map_err(|error| self.fault(&error))?;
        if let Err(fault) = self.write(out) {
            return match fault {
                // One segment alone is complete: that is what was wanted.
                Fault::Flow(gst::FlowError::Eos) if self.alone => Ok(()),
                fault => Err(fault),
            };
        }
        if !self.headers_sent {
            self.init(None, out)?;
        }
        if let Some(tracks) = &self.access {
            let bytes = mfra(tracks).map_err(|e| whole(&e))?;
            let at = self.position;
            self.position += bytes.len() as u64;
            out.push_buffer(buffer_at(bytes, at, gst::BufferFlags::DELTA_UNIT))?;
        }
        self.published.end().map_err(|reason| whole(&reason))
    }

    fn fault(&self, error: &TrackError) -> Fault {
        Fault::Mux {
            slot: self.slots.get(error.track).map(|(slot, _)| *slot),
            reason: error.error.to_string(),
        }
    }

    /// Writes what is complete.
    fn write(&mut self, out: &mut Output) -> Result<(), Fault> {
        loop {
            let part = self.fragmenter.next_part();
            let Some(part) = part.map_err(|error| self.fault(&error))? else {
                break;
            };
            self.part(part, out)?;
        }
        if self.alone && self.fragmenter.is_complete() {
            return Err(Fault::Flow(gst::FlowError::Eos));
        }
        Ok(())
    }

    fn part(&mut self, part: Part<gst::Buffer>, out: &mut Output) -> Result<(), Fault> {
        self.change(part.time_ns.0);
        let discontinuity = self.described_anew && self.headers_sent;
        if self.init_due || self.described_anew {
            self.init(Some(&part), out)?;
        }
        let (start, end) = part.time_ns;
        let mut written = Written {
            sequence: part.sequence(),
            segment: part.segment,
            start_ns: u64::try_from(start).unwrap_or(0),
            duration_ns: u64::try_from(end.saturating_sub(start)).unwrap_or(0),
            offset: self.position,
            size: 0,
            starts_with_key: part.starts_with_key,
            is_chunk: part.is_chunk,
            discontinuity,
        };
        let styp = SegmentType {
            // What does not begin with a key is no fragment of CMAF's.
            kind: if part.is_chunk || !part.starts_with_key {
                SegmentKind::Chunk
            } else {
                SegmentKind::Segment
            },
            last: part.is_last,
        };
        let info = |track: usize| self.infos.get(track).copied().unwrap_or(NO_TRACK);
        let laid = layout(part, info, self.interleave);
        let (mut fragment, payloads) = laid.map_err(|error| self.fault(&error))?;
        // Each init segment has one description of a track, whatever was before.
        let runs = fragment.tracks.iter_mut().flat_map(|t| &mut t.runs);
        runs.flat_map(|run| &mut run.samples)
            .for_each(|s| s.entry = 0);
        let options = FragmentOptions {
            styp: Some(styp),
            prft: self.prft.then(|| producer_time(&fragment)).flatten(),
            sidx: self.sidx,
        };
        let boxes = fragment_header(&self.movie, &fragment, &options).map_err(|e| whole(&e))?;
        self.note_access(&fragment, boxes.len())?;
        written.size = boxes.len() as u64 + fragment.payload;
        self.position += written.size;
        self.warn();
        out.push(output::fragment(boxes, payloads, &written))?;
        let told = self.published.fragment(&written);
        told.map_err(|reason| whole(&reason))
    }

    /// Tells once of each track that its sound has gaps.
    fn warn(&mut self) {
        for (track, (_, pad)) in self.slots.iter().enumerate() {
            let queue = self.fragmenter.track(track);
            if queue.is_some_and(|q| q.off_grid() > 0) && !self.warned.contains(&track) {
                self.warned.push(track);
                self.published.off_grid(&pad.name());
            }
        }
    }

    /// Puts descriptions in force that hold from this time on.
    fn change(&mut self, time_ns: i64) {
        while let Some((from, ..)) = self.changes.front()
            && *from <= time_ns
        {
            if let Some((_, track, entry)) = self.changes.pop_front()
                && let Some(track) = self.movie.tracks.get_mut(track)
            {
                track.entries = vec![entry];
                self.described_anew = true;
            }
        }
    }

    /// Writes the init segment, `part` being the first that needs it.
    fn init(&mut self, part: Option<&Part<gst::Buffer>>, out: &mut Output) -> Result<(), Fault> {
        for (place, track) in self.movie.tracks.iter_mut().enumerate() {
            let shift = self
                .fragmenter
                .track(place)
                .map_or(0, |queue| queue.shift());
            let shift = u64::try_from(shift).unwrap_or(0);
            let wanted = match self.edits {
                WriteEdtsMode::Auto => shift > 0,
                WriteEdtsMode::Always => true,
                WriteEdtsMode::Never => false,
            };
            track.edits = Vec::from_iter(wanted.then_some(Edit {
                duration: 0,
                media_time: Some(shift),
            }));
        }
        let bytes = init_segment(&self.movie).map_err(|e| whole(&e))?;
        self.init_due = false;
        self.described_anew = false;
        self.headers_sent = true;
        self.publish_origin();
        let size = bytes.len() as u64;
        let flags = gst::BufferFlags::HEADER | gst::BufferFlags::DISCONT;
        let mut init = buffer_at(bytes, self.position, flags);
        let first = part.and_then(|p| u64::try_from(p.time_ns.0).ok());
        init.make_mut()
            .set_pts(first.map(gst::ClockTime::from_nseconds));
        out.caps(&output::caps(self.movie.variant, Some(&init)));
        if self.alone {
            return Ok(());
        }
        let at = self.position;
        self.position += size;
        out.push(gst::BufferList::from_iter([init]))?;
        self.published
            .init(at, size)
            .map_err(|reason| whole(&reason))
    }

    fn publish_origin(&self) {
        let tracks = self.slots.iter().zip(&self.movie.tracks).enumerate();
        self.published
            .origin(tracks.filter_map(|(place, ((_, pad), track))| {
                let queue = self.fragmenter.track(place)?;
                Some((
                    pad.name().to_string(),
                    track.timescale,
                    queue.delay(),
                    queue.first()?,
                ))
            }));
    }

    /// Keeps where sync samples are, for `mfra`.
    fn note_access(&mut self, fragment: &Fragment, header: usize) -> Result<(), Fault> {
        let Some(tracks) = &mut self.access else {
            return Ok(());
        };
        let bare = fragment_header(&self.movie, fragment, &FragmentOptions::default());
        let before = header.saturating_sub(bare.map_err(|e| whole(&e))?.len());
        let moof = self.position + before as u64;
        for (traf, part) in (1_u32..).zip(&fragment.tracks) {
            let first = part.runs.first().and_then(|run| run.samples.first());
            let Some(first) = first.filter(|s| s.sync) else {
                continue;
            };
            let point = AccessPoint {
                time: part.base_decode_time + u64::from(first.composition_offset),
                moof,
                traf,
                trun: 1,
                sample: 1,
            };
            match tracks.iter_mut().find(|t| t.track == part.track) {
                Some(track) => track.points.push(point),
                None => tracks.push(TrackAccess {
                    track: part.track,
                    points: vec![point],
                }),
            }
        }
        Ok(())
    }
}

/// What is said of a track that is not there.
const NO_TRACK: TrackInfo = TrackInfo {
    id: 0,
    timescale: 1,
    roll_distance: None,
};

/// An error of the file as a whole.
fn whole(error: &dyn std::fmt::Display) -> Fault {
    Fault::Mux {
        slot: None,
        reason: error.to_string(),
    }
}

/// The wall clock at the first sample of a fragment.
fn producer_time(fragment: &Fragment) -> Option<ProducerTime> {
    /// Seconds from 1900 to 1970.
    const NTP_EPOCH: u64 = 2_208_988_800;
    let first = fragment.tracks.first()?;
    let now = std::time::SystemTime::now();
    let since = now.duration_since(std::time::UNIX_EPOCH).ok()?;
    let fraction = (u64::from(since.subsec_nanos()) << 32) / 1_000_000_000;
    Some(ProducerTime {
        track: first.track,
        ntp: ((since.as_secs() + NTP_EPOCH) << 32) | fraction,
        media_time: first.base_decode_time,
        flags: 2,
    })
}
