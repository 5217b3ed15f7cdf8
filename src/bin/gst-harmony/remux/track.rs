//! A stream's way into the outputs, and what is counted of it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gst::prelude::*;
use gstharmony::elements::fmp4remux::streams::{self, Description, Wishes};

use super::codecs::{self, Kind, Way, make};
use super::output::{Output, add, join};
use crate::failure::{Failure, Outcome};

/// A track of the output.
#[derive(Debug, Default)]
pub struct Track {
    /// `video_0` and the like: the muxer's pad, and its files in a folder.
    pub name: String,
    pub kind: &'static str,
    /// The codec for people.
    pub codec: String,
    /// It was decoded and encoded.
    pub transcoded: bool,
    pub packets: u64,
    /// Of the payloads.
    pub bytes: u64,
    /// Nanoseconds of running time: its begin and its end.
    pub begin_ns: Option<i64>,
    pub end_ns: Option<i64>,
    /// What the muxer's description says of it; `None` where it fails, which the muxer then tells.
    pub described: Option<streams::Stream>,
    /// Title of the stream.
    pub title: Option<String>,
    /// Frames a second of pictures, where the caps say it.
    pub frame_rate: Option<(u32, u32)>,
    segment: Option<gst::FormattedSegment<gst::ClockTime>>,
}

/// A track that its probe and the session share.
pub type Shared = Arc<Mutex<Track>>;

/// The lock; what a thread that panicked has counted is still good.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Track {
    /// From its begin to its end.
    pub fn duration_ns(&self) -> i64 {
        let span = self.end_ns.zip(self.begin_ns);
        span.map_or(0, |(end, begin)| end.saturating_sub(begin))
    }

    fn buffer(&mut self, pad: &gst::Pad, buffer: &gst::BufferRef) {
        if buffer.flags().contains(gst::BufferFlags::HEADER) && buffer.pts().is_none() {
            return;
        }
        self.packets += 1;
        self.bytes += buffer.size() as u64;
        if self.described.is_none() {
            self.describe(pad, buffer);
        }
        let running = |time| {
            self.segment
                .as_ref()?
                .to_running_time_full(time)
                .map(nanoseconds)
        };
        let Some(begin) = buffer.pts().and_then(running) else {
            return;
        };
        let duration = buffer
            .duration()
            .map_or(0, |d| i64::try_from(d.nseconds()).unwrap_or(i64::MAX));
        let end = begin.saturating_add(duration);
        self.begin_ns = Some(self.begin_ns.map_or(begin, |old| old.min(begin)));
        self.end_ns = Some(self.end_ns.map_or(end, |old| old.max(end)));
    }

    fn describe(&mut self, pad: &gst::Pad, buffer: &gst::BufferRef) {
        let (Some(caps), Ok(map)) = (pad.current_caps(), buffer.map_readable()) else {
            return;
        };
        let tags = tags(pad);
        let told = streams::describe(
            &caps,
            tags.as_deref(),
            Some(map.as_slice()),
            Wishes::default(),
        );
        if let Ok(Description::Stream(stream)) = told {
            self.described = Some(*stream);
        }
        let rate = caps
            .structure(0)
            .and_then(|s| s.get::<gst::Fraction>("framerate").ok());
        let rate = rate.and_then(|rate| {
            u32::try_from(rate.numer())
                .ok()
                .zip(u32::try_from(rate.denom()).ok())
        });
        self.frame_rate = rate.filter(|(frames, _)| *frames > 0);
        let title = tags.and_then(|tags| {
            tags.get::<gst::tags::Title>()
                .map(|title| title.get().to_owned())
        });
        self.title = title;
    }
}

fn nanoseconds(time: gst::Signed<gst::ClockTime>) -> i64 {
    let ns = |time: gst::ClockTime| i64::try_from(time.nseconds()).unwrap_or(i64::MAX);
    match time {
        gst::Signed::Positive(time) => ns(time),
        gst::Signed::Negative(time) => -ns(time),
    }
}

/// The tags of the stream alone.
fn tags(pad: &gst::Pad) -> Option<gst::TagList> {
    let mut all: Option<gst::TagList> = None;
    for event in (0..).map_while(|n| pad.sticky_event::<gst::event::Tag>(n)) {
        if event.tag().scope() == gst::TagScope::Stream {
            let tags = event.tag_owned();
            all = Some(match all {
                Some(all) => all.merge(&tags, gst::TagMergeMode::Append),
                None => tags,
            });
        }
    }
    all
}

/// Where a stream comes from.
pub struct Origin<'a> {
    pub pad: &'a gst::Pad,
    pub caps: &'a gst::Caps,
    pub way: Way,
    /// How many tracks of its kind there are already.
    pub count: usize,
}

/// Links a stream to every output. `None`: it is left out.
pub fn attach(
    pipeline: &gst::Pipeline,
    outputs: &[Output],
    origin: Origin,
) -> Outcome<Option<Shared>> {
    let (kind, middle) = match &origin.way {
        Way::LeftOut(_) => {
            discard(pipeline, origin.pad)?;
            return Ok(None);
        }
        Way::Plain(kind) => (*kind, None),
        Way::Parsed(kind, parser) => (*kind, Some(make(parser)?)),
        Way::Encoded(elements) => (Kind::Audio, Some(encoder(elements)?)),
    };
    let name = format!("{}_{}", kind.name(), origin.count);
    let tee = make("tee")?;
    add(pipeline, &tee)?;
    for output in outputs {
        let source = tee.request_pad_simple("src_%u");
        join(source.as_ref(), &output.attach(pipeline, kind, &name)?)?;
    }
    let track = Arc::new(Mutex::new(Track {
        name: name.clone(),
        kind: kind.name(),
        codec: codecs::description(origin.caps),
        transcoded: matches!(origin.way, Way::Encoded(_)),
        ..Track::default()
    }));
    let missing = || Failure::Data(format!("{name}: found no pad, expected one"));
    let entry = tee.static_pad("sink").ok_or_else(missing)?;
    watch(&entry, track.clone());
    let Some(middle) = middle else {
        join(Some(origin.pad), &entry)?;
        return Ok(Some(track));
    };
    add(pipeline, &middle)?;
    join(middle.static_pad("src").as_ref(), &entry)?;
    join(
        Some(origin.pad),
        &middle.static_pad("sink").ok_or_else(missing)?,
    )?;
    Ok(Some(track))
}

/// `elements` as one; the first is called `first` and the last `last`.
pub fn encoder(elements: &str) -> Outcome<gst::Element> {
    let failed = |error: &dyn std::fmt::Display| Failure::Data(format!("{elements}: {error}"));
    // No pads by themselves: those between a decoder and what is behind it are free as well until it knows the sound.
    let bin = gst::parse::bin_from_description(elements, false).map_err(|error| failed(&error))?;
    for (name, pad) in [("first", "sink"), ("last", "src")] {
        let pad = bin
            .by_name(name)
            .and_then(|element| element.static_pad(pad));
        let pad = pad.ok_or_else(|| failed(&"found no pad, expected one at each end"))?;
        let ghost = gst::GhostPad::with_target(&pad).map_err(|error| failed(&error))?;
        bin.add_pad(&ghost).map_err(|error| failed(&error))?;
    }
    Ok(bin.upcast())
}

/// A stream that is not wanted still has to flow.
pub fn discard(pipeline: &gst::Pipeline, pad: &gst::Pad) -> Outcome {
    let sink = make("fakesink")?;
    sink.set_property("async", false);
    sink.set_property("sync", false);
    add(pipeline, &sink)?;
    let end = sink.static_pad("sink");
    let end = end.ok_or_else(|| Failure::Data("fakesink: found no pad".to_owned()))?;
    join(Some(pad), &end)
}

/// Counts what passes.
fn watch(pad: &gst::Pad, track: Shared) {
    let kinds = gst::PadProbeType::BUFFER
        | gst::PadProbeType::BUFFER_LIST
        | gst::PadProbeType::EVENT_DOWNSTREAM;
    pad.add_probe(kinds, move |pad, info| {
        let mut track = lock(&track);
        match &info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => track.buffer(pad, buffer),
            Some(gst::PadProbeData::BufferList(list)) => {
                list.iter().for_each(|b| track.buffer(pad, b))
            }
            Some(gst::PadProbeData::Event(event)) => {
                if let gst::EventView::Segment(segment) = event.view() {
                    track.segment = segment.segment().downcast_ref().cloned();
                }
            }
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
}
