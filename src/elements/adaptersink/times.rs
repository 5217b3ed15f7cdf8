//! When a buffer is due.

use std::sync::atomic::{AtomicU64, Ordering};

use gst::ClockTime;

/// No time.
const NONE: u64 = u64::MAX;

/// When the buffer that came last is due, and where it ends. The streaming thread sets this once, the base class asks several times.
pub(super) struct Times {
    start: AtomicU64,
    end: AtomicU64,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            start: AtomicU64::new(NONE),
            end: AtomicU64::new(NONE),
        }
    }
}

impl Times {
    pub(super) fn set(&self, (start, end): (Option<ClockTime>, Option<ClockTime>)) {
        let number = |time: Option<ClockTime>| time.map_or(NONE, ClockTime::nseconds);
        self.start.store(number(start), Ordering::Relaxed);
        self.end.store(number(end), Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> (Option<ClockTime>, Option<ClockTime>) {
        let time = |number: &AtomicU64| {
            let known = Some(number.load(Ordering::Relaxed)).filter(|&number| number != NONE);
            known.map(ClockTime::from_nseconds)
        };
        (time(&self.start), time(&self.end))
    }
}
