//! The thread upstream: what comes gets its place on the stream's own line, is shown to the analysis and queued.

use std::time::Instant;

use gst::prelude::*;

use super::messages;
use super::queue::{Entry, Limits, Media};
use super::reference::Kind;
use super::shared::Shared;
use super::stream::Stream;
use super::times::{Said, Times};
use crate::elements::time::{nanoseconds, signed_nanoseconds};
use crate::sync::line::{self, SampleLine};

/// Media that are not live are held for so many seconds, or bytes.
const FILE: Limits = Limits {
    time: 0.2,
    bytes: 64 << 20,
};
/// Most bytes that wait for a first lock.
const PRESCAN_BYTES: usize = 256 << 20;
/// Most bytes of a live stream that are held, whatever their times say.
const LIVE_BYTES: usize = 512 << 20;
/// A busy machine may let a sink take media later by so many seconds.
const SLACK: f64 = 0.1;
/// A burst of live media may be so many seconds longer than what is held.
const BURST: f64 = 1.0;

/// How long a buffer of a stream lasts.
#[derive(Debug, Clone, Copy, Default)]
enum Unit {
    /// Frames of so many bytes, so many a second.
    Samples { bytes: u64, rate: u32 },
    /// Nanoseconds.
    Fixed(i64),
    /// As buffers say.
    #[default]
    Unknown,
}

/// Where a buffer is on its stream's own line, in seconds.
#[derive(Debug, Clone, Copy)]
struct Located {
    from: f64,
    to: f64,
    /// What came before does not lead up to it.
    jumped: bool,
    /// The line before the jump has no known relation to what follows.
    stale: bool,
}

/// What the thread upstream knows of its stream.
#[derive(Debug, Default)]
pub(super) struct Input {
    pub kind: Option<Kind>,
    unit: Unit,
    segment: Option<gst::FormattedSegment<gst::ClockTime>>,
    pub times: Times,
    /// Of samples: their times, smoothed and counted.
    line: Option<SampleLine>,
    /// Upstream was asked for its latency.
    asked: bool,
    /// The source pad's segment was begun.
    pub began: bool,
    /// Media are being dropped because they were held for too long.
    overflowing: bool,
    sparse: bool,
    /// How long the last buffer was, in seconds.
    lasts: Option<f64>,
    /// By how much later it came than upstream's latency allows for, in nanoseconds.
    late: Option<i64>,
}

/// Seconds of nanoseconds.
pub(super) fn seconds(ns: i64) -> f64 {
    ns as f64 * 1e-9
}

impl Unit {
    fn of(kind: Kind, caps: &gst::CapsRef) -> Self {
        let number = |name| {
            let value = caps.structure(0).and_then(|s| s.get::<i32>(name).ok());
            value.and_then(|v| u32::try_from(v).ok()).unwrap_or(0)
        };
        match kind {
            Kind::Audio | Kind::Sensor => {
                let sample = match caps.structure(0).and_then(|s| s.get::<&str>("format").ok()) {
                    Some("S16LE") => 2,
                    _ => 4,
                };
                Self::Samples {
                    bytes: u64::from(number("channels").max(1)) * sample,
                    rate: number("rate").max(1),
                }
            }
            Kind::Video => {
                let rate = caps
                    .structure(0)
                    .and_then(|s| s.get::<gst::Fraction>("framerate").ok());
                match rate.filter(|r| r.numer() > 0 && r.denom() > 0) {
                    Some(r) => Self::Fixed(
                        i64::from(r.denom()).saturating_mul(1_000_000_000) / i64::from(r.numer()),
                    ),
                    None => Self::Unknown,
                }
            }
            Kind::Text => Self::Unknown,
        }
    }

    fn duration(self, buffer: &gst::BufferRef) -> i64 {
        let said = || buffer.duration().map_or(0, nanoseconds);
        match self {
            Self::Samples { bytes, rate } => {
                let samples = buffer.size() as u64 / bytes.max(1);
                let ns = u128::from(samples) * 1_000_000_000 / u128::from(rate.max(1));
                i64::try_from(ns).unwrap_or(i64::MAX)
            }
            Self::Fixed(ns) => ns,
            Self::Unknown => said(),
        }
    }
}

impl Input {
    pub fn set_caps(&mut self, kind: Kind, caps: &gst::CapsRef) {
        self.kind = Some(kind);
        self.unit = Unit::of(kind, caps);
        self.line = match self.unit {
            Unit::Samples { rate, .. } => Some(SampleLine::new(rate)),
            _ => None,
        };
    }

    pub fn set_sparse(&mut self, sparse: bool) {
        self.sparse = sparse;
    }

    /// Upstream may be another: it is asked again what it is.
    pub fn ask_again(&mut self) {
        self.asked = false;
    }

    /// How long the last buffer was, in seconds; `None` before the first.
    pub fn lasts(&self) -> Option<f64> {
        self.lasts
    }

    /// Nothing is overdue until a buffer has come.
    pub fn forget_length(&mut self) {
        self.lasts = None;
    }

    /// By how much later the last buffer came than upstream's latency allows for, in nanoseconds.
    pub fn late(&self) -> i64 {
        self.late.unwrap_or(0).max(0)
    }

    /// True where nobody waits for the stream.
    pub fn is_sparse(&self) -> bool {
        self.sparse || self.kind == Some(Kind::Text)
    }

    pub fn set_segment(&mut self, segment: gst::FormattedSegment<gst::ClockTime>) {
        self.segment = Some(segment);
    }

    /// A flush: the next segment begins anew.
    pub fn flush(&mut self) {
        self.segment = None;
        self.times.flush();
        self.began = false;
        self.overflowing = false;
        self.lasts = None;
        if let Some(line) = &mut self.line {
            line.clear();
        }
    }

    /// Running time of a timestamp, in nanoseconds.
    pub fn running(&self, time: gst::ClockTime) -> Option<i64> {
        let running = self.segment.as_ref()?.to_running_time_full(time)?;
        Some(signed_nanoseconds(running))
    }

    /// What is said of media; `live` is what [`Stream::live`] tells.
    fn said(&self, time: Option<i64>, duration: i64, live: Option<(i64, i64)>) -> Said {
        Said {
            time,
            duration,
            discont: false,
            now: live.map(|(clock, latency)| clock.saturating_sub(latency)),
            latency: live.map_or(0, |(_, latency)| latency),
            sparse: self.is_sparse(),
        }
    }

    /// Nothing comes from a running time on for a duration, in nanoseconds: where that is on the own line, in seconds.
    pub fn gap(
        &mut self,
        time: i64,
        duration: i64,
        live: Option<(i64, i64)>,
    ) -> Option<(f64, f64)> {
        let said = self.said(Some(time), duration, live);
        let (from, to) = self.times.gap(said)?;
        if let Some(line) = &mut self.line {
            // Samples are counted anew behind it.
            line.clear();
        }
        Some((seconds(from), seconds(to)))
    }

    fn place(&mut self, buffer: &gst::BufferRef, live: Option<(i64, i64)>) -> Option<Located> {
        let time = buffer.pts().and_then(|pts| self.running(pts));
        let said = Said {
            discont: buffer.flags().contains(gst::BufferFlags::DISCONT),
            ..self.said(time, self.unit.duration(buffer), live)
        };
        let placed = self.times.place(said)?;
        let (mut from, length) = (seconds(placed.from), seconds(placed.to - placed.from));
        let mut jumped = placed.jumped;
        if let (Some(line), Unit::Samples { bytes, .. }) = (&mut self.line, self.unit) {
            let samples = buffer.size() as u64 / bytes.max(1);
            let counted = line.place(Some(from), samples, placed.jumped);
            jumped |= matches!(counted, line::Placed::Jumped(_));
            from = counted.time();
        }
        self.lasts = Some(length);
        self.late = said.now.map(|now| now.saturating_sub(placed.to));
        Some(Located {
            from,
            to: from + length,
            jumped,
            stale: placed.stale,
        })
    }
}

impl Stream {
    pub fn chain(
        &self,
        shared: &Shared,
        buffer: gst::Buffer,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        {
            let queue = self.queue();
            queue.flow?;
            if queue.ended {
                return Err(gst::FlowError::Eos);
            }
        }
        let measures_only = shared.measures_only();
        let came = Instant::now();
        let placed = self.look(shared, &buffer);
        if measures_only {
            let flow = self.src.push(buffer);
            if flow.is_ok() {
                self.stats().went(came.elapsed().as_secs_f64());
            }
            if let Some(placed) = placed {
                self.keep_pace(shared, placed);
            }
            return flow;
        }
        let Some(placed) = placed else {
            return Ok(gst::FlowSuccess::Ok);
        };
        self.keep_pace(shared, placed);
        self.enqueue_media(
            shared,
            Media {
                buffer,
                from: placed.from,
                to: placed.to,
                jumped: placed.jumped,
                came_ns: shared.running().map(|running| running.now()),
                came,
            },
        )
    }

    /// Places a buffer and shows it to the analysis; `None` where its timestamp can't be believed.
    fn look(&self, shared: &Shared, buffer: &gst::BufferRef) -> Option<Located> {
        if !std::mem::replace(&mut self.input().asked, true) {
            self.ask_upstream(shared);
            shared.check_names(self);
        }
        let live = self.live(shared);
        let mut input = self.input();
        let placed = input.place(buffer, live);
        let kind = input.kind;
        drop(input);
        let Some(placed) = placed else {
            let mut stats = self.stats();
            stats.received += 1;
            if !shared.measures_only() {
                stats.dropped += 1;
            }
            return None;
        };
        self.stats().came(placed.to);
        if placed.stale {
            let (pts, at) = (buffer.pts().display(), placed.from);
            gst::info!(
                super::CAT,
                obj = self.sink,
                "timestamps jumped to {pts}, put at {at:.3} s"
            );
            shared.analysis.stale(self.id);
        }
        if let Some(kind) = kind {
            shared.reference.elect(shared, self, kind, placed.from);
        }
        shared.analysis.buffer(self.id, placed.from, buffer);
        Some(placed)
    }

    /// Live: the clock's running time, and what upstream says that it takes, in nanoseconds.
    pub fn live(&self, shared: &Shared) -> Option<(i64, i64)> {
        let latency = shared.latency.of(self.id)?;
        Some((shared.running()?.now(), latency))
    }

    /// Asks upstream whether it is live.
    fn ask_upstream(&self, shared: &Shared) {
        let live = shared.latency.ask(self);
        let sparse = self.input().is_sparse();
        shared.gate.set_apart(shared, self.id, live || sparse);
        shared.analysis.live(self.id, live);
        if live {
            shared.latency.tell(shared);
        }
    }

    /// Waits until streams that are not live are near enough.
    fn keep_pace(&self, shared: &Shared, placed: Located) {
        shared.gate.pass(shared, self.id, placed.from, placed.to);
    }

    fn enqueue_media(
        &self,
        shared: &Shared,
        media: Media,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        if shared.latency.of(self.id).is_some() {
            self.make_room(shared, &media);
        } else {
            self.wait_for_room(shared)?;
        }
        self.enqueue(Entry::Media(media))
    }

    /// Puts something behind what waits.
    pub fn enqueue(&self, entry: Entry) -> Result<gst::FlowSuccess, gst::FlowError> {
        let mut queue = self.queue();
        queue.flow?;
        queue.push(entry);
        drop(queue);
        self.wake();
        Ok(gst::FlowSuccess::Ok)
    }

    /// Not live: sleeps until the task has taken some.
    fn wait_for_room(&self, shared: &Shared) -> Result<(), gst::FlowError> {
        let shut = Limits {
            time: seconds(i64::try_from(shared.settings().window_ns).unwrap_or(i64::MAX)),
            bytes: PRESCAN_BYTES,
        };
        loop {
            let is_shut = shared.gate.is_shut();
            let limits = if is_shut { shut } else { FILE };
            let queue = self.queue();
            queue.flow?;
            if !queue.is_full(limits) {
                return Ok(());
            }
            if is_shut {
                drop(queue);
                shared.gate.wait_open(shared, self.id);
            } else {
                drop(self.sleep(queue));
            }
        }
    }

    /// Live: what has been held for too long goes.
    fn make_room(&self, shared: &Shared, media: &Media) {
        let hold = self.hold(shared);
        let mut dropped = 0;
        let mut queue = self.queue();
        while let Some(oldest) = queue.oldest() {
            let span = media.to - oldest.from;
            let held = match (oldest.came_ns, media.came_ns) {
                (Some(came), Some(now)) => seconds(now - came),
                _ => media.came.duration_since(oldest.came).as_secs_f64(),
            };
            let alone = media.to - media.from;
            let most = hold + alone;
            let too_long = span > most && held > most || span.max(held) > most + BURST;
            if !too_long && queue.bytes() < LIVE_BYTES {
                break;
            }
            queue.drop_oldest();
            dropped += 1;
        }
        drop(queue);
        self.stats().dropped += dropped;
        let was = std::mem::replace(&mut self.input().overflowing, dropped > 0);
        if dropped > 0 && !was {
            self.tell_overflow(shared, hold);
        }
    }

    /// How long live media may be held, in seconds. What upstream says that it takes is the most that it takes: a jitter
    /// buffer hands out at once what came in order, and by so much all of it is early. And a sink takes media no sooner
    /// than the pipeline's latency after their time: with nothing between that would hold them, they wait here.
    pub fn hold(&self, shared: &Shared) -> f64 {
        let at = self.stats().position();
        let delay = shared.known(self).map.shift(at).max(0.0);
        let settings = shared.settings();
        let (latency, most) = (settings.latency_ns, settings.max_delay_ns);
        drop(settings);
        let (latency, most) = (latency as f64 * 1e-9, most as f64 * 1e-9);
        let early = seconds(shared.latency.of(self.id).unwrap_or(0));
        let sink = match shared.latency.configured() {
            0 => 0.0,
            configured => seconds(configured) + SLACK,
        };
        (early + (latency + delay).min(most)).max(sink + delay.min(most))
    }

    pub fn tell_overflow(&self, shared: &Shared, held: f64) {
        let message = messages::about("overflow", &self.name())
            .field("held", gst::ClockTime::from_seconds_f64(held.max(0.0)));
        messages::post(shared, message);
    }
}
