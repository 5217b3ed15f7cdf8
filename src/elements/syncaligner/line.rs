//! The line on which a source pad's buffers lie: what went out last, and where what comes next may be.

/// Buffers may overlap by so much, in seconds: timestamps are rounded.
const OVERLAP: f64 = 1e-3;

/// Where a source pad's output stands.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// PTS of what went out last, in nanoseconds.
    last_ns: Option<u64>,
    /// Its end, in seconds.
    end: Option<f64>,
    /// What goes out next does not follow on what went before.
    pub discont: bool,
}

/// The place of a buffer on the line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pts: gst::ClockTime,
    duration: Option<gst::ClockTime>,
    discont: bool,
}

/// A time on the line as a timestamp; `None` where it can't be one.
fn timestamp(time: f64) -> Option<u64> {
    let ns = (time * 1e9).round();
    // Past 2^63 nothing is a time any more.
    (ns >= 0.0 && ns < i64::MAX as f64).then_some(ns as u64)
}

impl Line {
    /// End of what went out last, in seconds.
    pub fn end(&self) -> Option<f64> {
        self.end
    }

    /// A place from `from` to `to` in seconds; `None` where the line is past that, or it lies before 0.
    pub fn place(&mut self, from: f64, to: f64) -> Option<Place> {
        let passed = self.end.is_some_and(|end| from < end - OVERLAP);
        let pts = timestamp(from).filter(|ns| !passed && self.last_ns.is_none_or(|l| *ns >= l));
        let Some(ns) = pts else {
            self.discont = true;
            return None;
        };
        self.last_ns = Some(ns);
        self.end = Some(to.max(from));
        let duration = timestamp(to).and_then(|to| to.checked_sub(ns));
        Some(Place {
            pts: gst::ClockTime::from_nseconds(ns),
            duration: duration
                .filter(|ns| *ns > 0)
                .map(gst::ClockTime::from_nseconds),
            discont: std::mem::take(&mut self.discont),
        })
    }

    /// A place for a frame: the one before is over when it begins.
    pub fn show(&mut self, from: f64, to: f64) -> Option<Place> {
        // One that lies before it ends nothing, and has no place.
        if timestamp(from).is_some_and(|ns| self.last_ns.is_none_or(|last| ns >= last)) {
            self.end = self.end.map(|end| end.min(from));
        }
        self.place(from, to)
    }

    /// A GAP from `from` to `to`, but for what the line is past; `None` where nothing is left.
    pub fn gap(&mut self, from: f64, to: f64) -> Option<gst::Event> {
        let from = from.max(self.end.unwrap_or(0.0)).max(0.0);
        let (start, end) = (timestamp(from)?, timestamp(to)?);
        let duration = end.checked_sub(start)?;
        self.last_ns = Some(start.max(self.last_ns.unwrap_or(0)));
        self.end = Some(to);
        let gap = gst::event::Gap::builder(gst::ClockTime::from_nseconds(start))
            .duration(gst::ClockTime::from_nseconds(duration));
        Some(gap.build())
    }
}

impl Place {
    /// The buffer at its place; the time that it came with stays on it as a meta.
    pub fn put(self, mut buffer: gst::Buffer) -> gst::Buffer {
        let (original, duration) = (buffer.pts(), buffer.duration());
        let made = buffer.make_mut();
        self.stamp(made);
        if let Some(original) = original {
            let caps = super::original_caps();
            gst::ReferenceTimestampMeta::add(made, &caps, original, duration);
        }
        buffer
    }

    /// Gives a buffer that is ours its times.
    pub fn stamp(self, buffer: &mut gst::BufferRef) {
        buffer.set_pts(self.pts);
        buffer.set_dts(gst::ClockTime::NONE);
        if self.duration.is_some() {
            buffer.set_duration(self.duration);
        }
        if self.discont {
            buffer.set_flags(gst::BufferFlags::DISCONT);
        } else {
            buffer.unset_flags(gst::BufferFlags::DISCONT);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_never_go_back() {
        gst::init().unwrap();
        let mut line = Line::default();
        assert!(line.place(-0.01, 0.01).is_none(), "before 0");
        assert!(line.place(0.1, 0.14).is_some());
        assert!(line.place(0.12, 0.16).is_none(), "another is there");
        let place = line.place(0.1395, 0.18).unwrap();
        assert!(place.discont, "something was left out");
        assert_eq!(place.pts, gst::ClockTime::from_useconds(139_500));
        assert!(!line.place(0.18, 0.22).unwrap().discont);
        assert!(line.place(f64::NAN, 1.0).is_none());
        assert!(line.place(1e30, 1e30).is_none());
    }

    #[test]
    fn a_frame_ends_the_one_before() {
        gst::init().unwrap();
        let mut line = Line::default();
        assert!(line.show(0.1, 0.14).is_some());
        assert!(line.show(0.12, 0.16).is_some());
        assert!(line.show(0.119, 0.16).is_none());
        assert_eq!(line.end(), Some(0.16), "what fills in goes on from there");
    }

    #[test]
    fn a_gap_is_what_is_left_of_it() {
        gst::init().unwrap();
        let mut line = Line::default();
        line.place(0.0, 0.1);
        let gap = line.gap(0.05, 0.2).unwrap();
        let gst::EventView::Gap(gap) = gap.view() else {
            panic!("{gap:?}");
        };
        let expected = [100, 100].map(gst::ClockTime::from_mseconds);
        assert_eq!(gap.get(), (expected[0], Some(expected[1])));
        assert!(line.gap(0.0, 0.1).is_none(), "all of it is past");
        assert!(line.place(0.15, 0.2).is_none());
    }
}
