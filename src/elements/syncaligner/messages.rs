//! Element messages: `syncaligner-locked`, `-updated`, `-ambiguous`, `-lost`, `-recovered`, `-step`, `-overflow`.

use gst::prelude::*;

use super::analysis::{Known, News};
use super::shared::Shared;
use super::stream::Stream;
use crate::sync::Affine;

/// Begins a message about a stream: the name of its sink pad is in `pad`.
pub(super) fn about(name: &str, pad: &str) -> gst::structure::Builder {
    gst::Structure::builder(format!("syncaligner-{name}")).field("pad", pad)
}

/// Posts it. No lock may be held: whoever sees it first may call back.
pub(super) fn post(shared: &Shared, message: gst::structure::Builder) {
    if let Some(element) = shared.element() {
        let message = gst::message::Element::builder(message.build()).src(&element);
        // Nobody listens when the element has no bus.
        let _ = element.post_message(message.build());
    }
}

fn nanoseconds(seconds: f64) -> i64 {
    (seconds * 1e9).round() as i64
}

/// Tells of what was measured of a stream, if it is worth a word. Offsets are those at the stream's time in `running-time`,
/// up to which it was measured; times are in nanoseconds.
pub(super) fn measured(shared: &Shared, stream: &Stream, news: News) {
    let Known {
        state,
        map,
        uncertainty,
        at,
        factors,
        ..
    } = shared.known(stream);
    let offset = |map: Affine| nanoseconds(map.shift(at));
    let message = match news {
        News::Changed => return,
        // Where the step is applied, that is told.
        News::Step { .. } if !shared.measures_only() => return,
        News::Locked => about("locked", &stream.name()),
        News::Updated => about("updated", &stream.name()),
        News::Ambiguous => about("ambiguous", &stream.name()),
        News::Step { from, to } => about("step", &stream.name())
            .field("from", offset(from))
            .field("to", offset(to)),
    };
    let message = message
        .field(
            "running-time",
            gst::ClockTime::from_seconds_f64(at.max(0.0)),
        )
        .field("state", state)
        .field("offset", offset(map))
        .field("drift-ppm", map.ppm())
        .field("uncertainty-ns", (uncertainty * 1e9) as u64)
        .field("quality", factors.quality())
        .field("quality-peak", factors.peak)
        .field("quality-second", factors.second)
        .field("quality-inliers", factors.inliers)
        .field("quality-freshness", factors.freshness);
    post(shared, message);
}
