//! Which audio of two streams is compared.

use super::pair::Wanted;
use crate::sync::{Affine, RATE, Settings, Window};

/// Less audio is not searched, in seconds.
const LEAST: f64 = 3.0;
/// More of the reference than this is not looked at for a second time, in seconds.
const LONGEST_BEFORE: f64 = 10.0;
/// Audio around a span that a tracking measurement may look into, in seconds.
const MARGIN: f64 = 0.05;

/// How much audio a search over all offsets compares, in seconds.
pub(super) fn length(settings: &Settings) -> f64 {
    settings.window.max(settings.max_offset + LEAST)
}

/// How much more of the reference a search along the map looks at, in seconds. What circles is there a second time, as loud as
/// the first; in windows of one length its other places would lie half outside.
pub(super) fn before(settings: &Settings) -> f64 {
    settings.max_offset.clamp(0.0, LONGEST_BEFORE)
}

/// The spans that show the same by `map`, and what the reference had up to `before` seconds earlier.
pub(super) fn along(settings: &Settings, map: &Affine, end: f64, before: f64) -> Wanted {
    let start = end - settings.window;
    Wanted {
        reference: (map.apply(start) - MARGIN - before, map.apply(end) + MARGIN),
        stream: (start, end),
    }
}

/// The spans that show the same at some offset, up to a time that both were seen at.
pub(super) fn free(settings: &Settings, latest: f64) -> Wanted {
    let start = latest - length(settings);
    Wanted {
        reference: (start - before(settings), latest),
        stream: (start, latest),
    }
}

/// What `window` has of a span of times.
pub(super) fn part(window: &Window, (from, to): (f64, f64)) -> Window {
    let index = |time: f64| ((time - window.start) * RATE).ceil().max(0.0) as usize;
    let behind = index(to).min(window.samples.len());
    let first = index(from).min(behind);
    Window {
        start: window.start + first as f64 / RATE,
        samples: window
            .samples
            .get(first..behind)
            .unwrap_or_default()
            .to_vec(),
    }
}
