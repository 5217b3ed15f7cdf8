//! The task's side: what came becomes what goes out, on the common line.

use super::analysis::Known;
use super::queue::{Entry, Media};
use crate::sync::Affine;

/// Less than this off, in seconds, is not worth a word.
const STEP: f64 = 1e-3;

/// What goes out.
pub(super) enum Out {
    Media(gst::Buffer, Came),
    Event(gst::Event),
    /// Another map is applied, that lies more than 1 ms from the one before.
    Step {
        from: Affine,
        to: Affine,
        at: f64,
    },
    /// Media that do not go out.
    Dropped,
}

/// When media came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Came {
    pub ns: Option<i64>,
    pub at: std::time::Instant,
}

/// What the task knows of its stream.
#[derive(Debug, Default)]
pub(super) struct Output {
    /// The map that is applied; nothing before the first.
    map: Option<Affine>,
    /// PTS of what went out last, in nanoseconds.
    last: Option<i64>,
    discont: bool,
    /// Media are being dropped because they would have to be held for too long.
    overflowing: bool,
}

impl Output {
    /// Notes whether media are dropped; how it was before.
    pub fn set_overflowing(&mut self, overflowing: bool) -> bool {
        std::mem::replace(&mut self.overflowing, overflowing)
    }

    /// What comes next has no relation to what came; the map stays.
    pub fn flush(&mut self) {
        self.last = None;
        self.discont = true;
    }

    /// What an entry becomes.
    pub fn process(&mut self, entry: Entry, known: &Known) -> Vec<Out> {
        match entry {
            Entry::Media(media) => self.media(media, known),
            Entry::Gap { from, to } => self.gap(from, to),
            Entry::Segment(time) => {
                let mut segment = gst::FormattedSegment::<gst::ClockTime>::new();
                segment.set_time(time);
                vec![Out::Event(gst::event::Segment::new(&segment))]
            }
            Entry::Caps(event) | Entry::Event(event) | Entry::Eos(event) => {
                vec![Out::Event(event)]
            }
        }
    }

    fn media(&mut self, media: Media, known: &Known) -> Vec<Out> {
        let mut out = Vec::new();
        if known.has_map() {
            let old = self.map.unwrap_or(Affine::IDENTITY);
            if (known.map.shift(media.from) - old.shift(media.from)).abs() > STEP {
                out.push(Out::Step {
                    from: old,
                    to: known.map,
                    at: media.from,
                });
                self.discont = true;
            }
            self.map = Some(known.map);
        }
        let pts = match self.map {
            Some(map) => (map.apply(media.from) * 1e9).round() as i64,
            None => media.running_ns,
        };
        let Ok(time) = u64::try_from(pts) else {
            out.push(Out::Dropped);
            return out;
        };
        if self.last.is_some_and(|last| pts < last) {
            self.discont = true;
            out.push(Out::Dropped);
            return out;
        }
        self.last = Some(pts);
        let discont = std::mem::take(&mut self.discont) || media.jumped;
        let came = Came {
            ns: media.came_ns,
            at: media.came,
        };
        out.push(Out::Media(retimed(media.buffer, time, discont), came));
        out
    }

    fn gap(&mut self, from: f64, to: f64) -> Vec<Out> {
        let map = self.map.unwrap_or(Affine::IDENTITY);
        let (from, to) = (map.apply(from), map.apply(to));
        let last = self.last.unwrap_or(0).max(0) as f64 * 1e-9;
        let from = from.max(last);
        if to < from {
            return Vec::new();
        }
        self.last = Some((from * 1e9).round() as i64);
        let start = gst::ClockTime::from_seconds_f64(from);
        let gap = gst::event::Gap::builder(start)
            .duration(gst::ClockTime::from_seconds_f64(to - from))
            .build();
        vec![Out::Event(gap)]
    }
}

/// The buffer at another time; where it came from stays on it as a meta.
fn retimed(mut buffer: gst::Buffer, pts_ns: u64, discont: bool) -> gst::Buffer {
    let original = buffer.pts();
    let duration = buffer.duration();
    let made = buffer.make_mut();
    made.set_pts(gst::ClockTime::from_nseconds(pts_ns));
    made.set_dts(gst::ClockTime::NONE);
    if discont {
        made.set_flags(gst::BufferFlags::DISCONT);
    } else {
        made.unset_flags(gst::BufferFlags::DISCONT);
    }
    if let Some(original) = original {
        let caps = super::original_caps();
        gst::ReferenceTimestampMeta::add(made, caps, original, duration);
    }
    buffer
}
