//! The packets of every stream of a file, as a demuxer and parsers tell them. Nothing is decoded.

use std::path::Path;
use std::sync::{Arc, Mutex};

use gst::prelude::*;

use super::timeline::{Fate, Frame};
use crate::failure::{Failure, Outcome};
use crate::progress::Progress;
use crate::remux::codecs;
use crate::remux::input::{Input, Interrupt};
use crate::remux::track::{discard, lock};
use crate::session::{Session, Work};

/// No duration.
const NONE: u64 = u64::MAX;

/// What a stream is to the choice among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Video,
    Audio,
    #[default]
    Other,
}

impl Kind {
    /// Its name for people and programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Video => "video",
            Self::Audio => "audio",
            Self::Other => "other",
        }
    }

    fn of(caps: &gst::CapsRef) -> Self {
        let Some(structure) = caps.structure(0) else {
            return Self::Other;
        };
        let media = structure.name().split('/').next();
        // Opaque blocks tell the kind of their track.
        let kind = structure.get::<&str>("kind").ok();
        match kind.or(media) {
            Some("video" | "image") => Self::Video,
            Some("audio") => Self::Audio,
            _ => Self::Other,
        }
    }
}

/// A packet, in as few bytes as it needs: an hour may have some hundred thousand.
#[derive(Clone, Copy)]
struct Record {
    /// PTS, or the DTS that stands in for it; [`NONE`]: neither.
    time: u64,
    duration: u64,
    /// Which of the stream's segments it came in.
    segment: u32,
    key: bool,
    hidden: bool,
}

type Segment = gst::FormattedSegment<gst::ClockTime>;

/// A stream of the file.
#[derive(Default)]
pub struct Stream {
    pub caps: Option<gst::Caps>,
    pub kind: Kind,
    /// Its stream id.
    pub id: Option<String>,
    /// Packets whose DTS stands in for a PTS that is missing.
    pub from_dts: u64,
    /// The ids of the streams that are there beside it, and its own, in their order.
    siblings: Vec<String>,
    segments: Vec<Segment>,
    records: Vec<Record>,
    /// How far the PTS of the last key packet lies behind its DTS.
    delay: i64,
}

impl Stream {
    fn event(&mut self, event: &gst::EventRef) {
        match event.view() {
            gst::EventView::Caps(caps) => {
                self.kind = Kind::of(caps.caps());
                self.caps = Some(caps.caps_owned());
            }
            gst::EventView::StreamStart(start) => {
                self.id = Some(start.stream_id().to_string());
            }
            gst::EventView::StreamCollection(collection) => {
                let collection = collection.stream_collection();
                let ids = collection.iter().filter_map(|stream| stream.stream_id());
                self.siblings = ids.map(|id| id.to_string()).collect();
            }
            gst::EventView::Segment(segment) => {
                if let Some(segment) = segment.segment().downcast_ref() {
                    self.segment(segment);
                }
            }
            _ => {}
        }
    }

    /// They are there at the same time. All are where nothing tells.
    fn is_beside(&self, other: &Self) -> bool {
        let knows = |a: &Self, b: &Self| {
            a.siblings.is_empty() || a.siblings.iter().any(|id| Some(id) == b.id.as_ref())
        };
        knows(self, other) || knows(other, self)
    }

    /// Its place among those beside it.
    fn place(&self) -> Option<usize> {
        let mut siblings = self.siblings.iter();
        siblings.position(|id| Some(id) == self.id.as_ref())
    }

    fn segment(&mut self, segment: &Segment) {
        // matroskademux begins with a segment that it corrects when it has seen all streams: another one that begins
        // at the same running time. Parts of an edit list or of a chained file begin one after the other.
        match self.segments.last_mut() {
            Some(last) if last.base() == segment.base() => *last = segment.clone(),
            _ => self.segments.push(segment.clone()),
        }
    }

    fn buffer(&mut self, buffer: &gst::BufferRef) {
        let flags = buffer.flags();
        let (pts, dts) = (buffer.pts(), buffer.dts());
        // Stream headers, such as those of Ogg and FLAC. A key frame with its parameter sets has the flag as well, and
        // in some containers a DTS only.
        let header = flags.contains(gst::BufferFlags::HEADER) && pts.is_none();
        if header && (dts.is_none() || self.kind == Kind::Audio) {
            return;
        }
        let key = !flags.contains(gst::BufferFlags::DELTA_UNIT);
        if let (true, Some(pts), Some(dts)) = (key, pts, dts) {
            let ns = |time: gst::ClockTime| i64::try_from(time.nseconds()).unwrap_or(i64::MAX);
            self.delay = ns(pts).saturating_sub(ns(dts));
        }
        // The frames between two key frames are shown at the same times as they are decoded at, a constant later: which
        // of them is which is not told, but the tokens of all are right.
        let stand_in = |dts: gst::ClockTime| dts.nseconds().saturating_add_signed(self.delay);
        let time = pts.map(gst::ClockTime::nseconds);
        self.from_dts += u64::from(pts.is_none() && dts.is_some());
        self.records.push(Record {
            time: time.or(dts.map(stand_in)).unwrap_or(NONE),
            duration: buffer.duration().map_or(NONE, gst::ClockTime::nseconds),
            segment: u32::try_from(self.segments.len()).unwrap_or(u32::MAX),
            key,
            hidden: flags.contains(gst::BufferFlags::DECODE_ONLY) || self.is_hidden(buffer),
        });
    }

    /// A frame of VP8 that only others refer to: bit 4 of its first byte (RFC 6386, section 9.1). Other codecs put such
    /// frames into one packet with one that is shown.
    fn is_hidden(&self, buffer: &gst::BufferRef) -> bool {
        let is_vp8 = self
            .caps
            .as_ref()
            .and_then(|caps| caps.structure(0))
            .is_some_and(|s| s.name() == "video/x-vp8");
        let mut first = [0];
        is_vp8 && buffer.copy_to_slice(0, &mut first).is_ok() && first[0] & 0x10 == 0
    }

    /// The packets in decoding order, on the time line of the playback.
    pub fn into_frames(self) -> impl Iterator<Item = Frame> {
        let segments = self.segments;
        self.records.into_iter().map(move |record| {
            let segment = usize::try_from(record.segment).ok();
            let segment = segment.and_then(|number| segments.get(number.checked_sub(1)?));
            frame(record, segment)
        })
    }

    /// What discover calls the codec.
    pub fn codec(&self) -> String {
        self.caps
            .as_ref()
            .map_or_else(|| "unknown".to_owned(), codecs::description)
    }
}

fn frame(record: Record, segment: Option<&Segment>) -> Frame {
    let mut frame = Frame {
        begin: 0,
        nominal: 0,
        duration: Some(record.duration).filter(|duration| *duration != NONE),
        key: record.key,
        fate: Fate::Untimed,
    };
    let Some((segment, time)) = segment.zip(Some(record.time).filter(|time| *time != NONE)) else {
        return frame;
    };
    let begin = gst::ClockTime::from_nseconds(time);
    let end = frame
        .duration
        .map(|duration| gst::ClockTime::from_nseconds(time.saturating_add(duration).min(NONE - 1)));
    let Some(nominal) = segment.to_running_time_full(begin) else {
        return frame;
    };
    frame.nominal = match nominal {
        gst::Signed::Positive(time) => i64::try_from(time.nseconds()).unwrap_or(i64::MAX),
        gst::Signed::Negative(time) => -i64::try_from(time.nseconds()).unwrap_or(i64::MAX),
    };
    let clipped = segment.clip(begin, end);
    let Some((Some(begin), end)) = clipped else {
        frame.fate = Fate::Outside;
        return frame;
    };
    frame.duration = end.map(|end| end.nseconds().saturating_sub(begin.nseconds()));
    frame.fate = match (segment.to_running_time(begin), record.hidden) {
        (None, _) => Fate::Outside,
        (_, true) => Fate::Hidden,
        (Some(begin), false) => {
            frame.begin = begin.nseconds();
            Fate::Shown
        }
    };
    frame
}

/// What the probes share.
type Shared = Arc<Mutex<Stream>>;

/// The streams that were found so far.
#[derive(Clone, Default)]
struct Found(Arc<Mutex<Vec<Shared>>>);

impl Work for Found {
    fn has_begun(&self) -> bool {
        !lock(&self.0).is_empty()
    }
}

/// Reads all packets of the input. Gives the streams of each group, in the order in which `discover` numbers them; groups
/// are the links of a chained file.
pub fn collect(input: Input, interrupt: Interrupt) -> Outcome<Vec<Vec<Stream>>> {
    // The demuxer gives blocks as they were recorded, whatever is in them.
    let reader = if input.h4mk().is_some() {
        "h4mkdemux"
    } else {
        "parsebin"
    };
    let session = Session::new(input, interrupt)?;
    let demuxer = session.read_by(reader)?;
    let mut found = Found::default();
    let (shared, fault) = (found.clone(), session.fault());
    let pipeline = session.pipeline.downgrade();
    demuxer.connect_pad_added(move |_, pad| {
        if let Some(pipeline) = pipeline.upgrade()
            && pad.direction() == gst::PadDirection::Src
        {
            let stream = watch(pad);
            lock(&shared.0).push(stream);
            fault.check(discard(&pipeline, pad));
        }
    });
    let mut progress = Progress::new(session.input.length, "reading");
    session.run(&mut found, |done| progress.update(done))?;
    drop(progress);
    let streams = std::mem::take(&mut *lock(&found.0));
    let streams = streams
        .iter()
        .map(|stream| std::mem::take(&mut *lock(stream)));
    groups(streams, &session.input.path)
}

/// Puts the streams into their order.
fn groups(streams: impl Iterator<Item = Stream>, input: &Path) -> Outcome<Vec<Vec<Stream>>> {
    let mut groups: Vec<Vec<Stream>> = Vec::new();
    for stream in streams {
        let same = |group: &&mut Vec<Stream>| group.first().is_some_and(|s| s.is_beside(&stream));
        match groups.iter_mut().find(same) {
            Some(group) => group.push(stream),
            None => groups.push(vec![stream]),
        }
    }
    for group in &mut groups {
        group.sort_by_key(|stream| stream.place().unwrap_or(usize::MAX));
    }
    match groups.is_empty() {
        true => Err(Failure::data(input, "found no stream, expected one")),
        false => Ok(groups),
    }
}

/// Keeps what a pad says of its packets.
fn watch(pad: &gst::Pad) -> Shared {
    let stream = Shared::default();
    let kinds = gst::PadProbeType::BUFFER
        | gst::PadProbeType::BUFFER_LIST
        | gst::PadProbeType::EVENT_DOWNSTREAM;
    let shared = stream.clone();
    pad.add_probe(kinds, move |_, info| {
        let mut stream = lock(&shared);
        match &info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => stream.buffer(buffer),
            Some(gst::PadProbeData::BufferList(list)) => {
                list.iter().for_each(|buffer| stream.buffer(buffer));
            }
            Some(gst::PadProbeData::Event(event)) => stream.event(event),
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
    stream
}
