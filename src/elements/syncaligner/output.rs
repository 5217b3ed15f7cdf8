//! The task's side: what came becomes what goes out, on the common line.

use crate::sync::Affine;
use crate::sync::output::{Steer, Step};

use super::line::Line;
use super::loss::Loss;
use super::pictures::Pictures;
use super::queue::{Entry, Media};
use super::reference::Kind;
use super::samples::Samples;

/// What goes out, or is to be said of it.
#[derive(Debug)]
pub(super) enum Out {
    Media(Piece),
    Event(gst::Event),
    /// Another map is applied.
    Step(Step),
    /// Something of a buffer that came does not go out.
    Dropped,
    /// Silence, or nothing, for so many seconds.
    Gap(f64),
    /// The stream is lost.
    Lost,
}

/// A buffer that goes out.
#[derive(Debug)]
pub(super) struct Piece {
    pub buffer: gst::Buffer,
    /// When it came; nothing for what never came, such as silence.
    pub came: Option<Came>,
    /// It is a frame that went out before.
    pub repeats: bool,
}

/// When media came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Came {
    pub ns: Option<i64>,
    pub at: std::time::Instant,
}

impl Came {
    pub fn of(media: &Media) -> Self {
        Self {
            ns: media.came_ns,
            at: media.came,
        }
    }
}

/// How media of a stream are put onto the line.
#[derive(Debug, Default)]
pub(super) enum Path {
    /// By their times: text, and samples that stay as they are.
    #[default]
    Plain,
    Samples(Box<Samples>),
    Pictures(Box<Pictures>),
}

/// What the task knows of its stream.
#[derive(Debug, Default)]
pub(super) struct Output {
    pub steer: Steer,
    /// Where the steer was sent last.
    target: Option<Affine>,
    pub path: Path,
    pub line: Line,
    pub loss: Loss,
    /// The own line begins anew with the next media.
    restart: bool,
    /// Media are being dropped because they would have to be held for too long.
    overflowing: bool,
}

/// What an entry is processed with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Order {
    /// The map to be applied; `None` to go on as before.
    pub target: Option<Affine>,
    /// The others are measured against this stream: what it has passes as it is.
    pub is_reference: bool,
    /// Samples keep their values.
    pub keeps_samples: bool,
}

impl Output {
    /// Notes whether media are dropped; how it was before.
    pub fn set_overflowing(&mut self, overflowing: bool) -> bool {
        std::mem::replace(&mut self.overflowing, overflowing)
    }

    /// What comes next has no relation to what came; the map stays.
    pub fn flush(&mut self) {
        match &mut self.path {
            Path::Plain => {}
            Path::Samples(samples) => samples.clear(),
            Path::Pictures(pictures) => pictures.clear(),
        }
        self.line = Line::default();
        self.loss = Loss::default();
        self.restart = true;
    }

    /// What an entry becomes.
    pub fn process(&mut self, entry: Entry, order: Order) -> Vec<Out> {
        let mut out = Vec::new();
        match entry {
            Entry::Media(media) => self.media(media, order, &mut out),
            Entry::Gap { from, to } => self.gap(from, to, &mut out),
            Entry::Segment(time) => {
                let mut segment = gst::FormattedSegment::<gst::ClockTime>::new();
                segment.set_time(time);
                out.push(Out::Event(gst::event::Segment::new(&segment)));
            }
            Entry::Caps(event) => {
                self.drain(&mut out);
                self.caps(&event, order);
                out.push(Out::Event(event));
            }
            Entry::Eos(event) => {
                self.drain(&mut out);
                out.push(Out::Event(event));
            }
            Entry::Event(event) => out.push(Out::Event(event)),
        }
        out
    }

    fn caps(&mut self, event: &gst::Event, order: Order) {
        let gst::EventView::Caps(caps) = event.view() else {
            return;
        };
        let caps = caps.caps();
        self.path = match Kind::of(caps) {
            Some(Kind::Audio) if !order.keeps_samples => {
                Path::Samples(Box::new(Samples::audio(caps)))
            }
            Some(Kind::Sensor) => Path::Samples(Box::new(Samples::sensor(caps))),
            Some(Kind::Video) => Path::Pictures(Box::new(Pictures::new(caps))),
            _ => Path::Plain,
        };
    }

    /// What is held back of samples goes out.
    pub fn drain(&mut self, out: &mut Vec<Out>) {
        if let Path::Samples(samples) = &mut self.path {
            samples.drain(&mut self.steer, &mut self.line, out);
        }
    }

    fn media(&mut self, media: Media, order: Order, out: &mut Vec<Out>) {
        if std::mem::take(&mut self.restart) {
            self.steer.restart(media.from);
        }
        if order.target.is_some() && order.target != self.target {
            self.target = order.target;
            let step = order
                .target
                .and_then(|map| self.steer.target(map, media.from));
            if let Some(step) = step {
                self.line.discont = true;
                out.push(Out::Step(step));
            }
        }
        self.line.discont |= media.jumped;
        // As long as it was never put anywhere else.
        let untouched = order.is_reference && self.steer.is_identity();
        match &mut self.path {
            Path::Samples(samples) if !untouched => {
                samples.push(&media, &mut self.steer, &mut self.line, out);
            }
            Path::Pictures(pictures) => {
                pictures.push(media, &mut self.steer, &mut self.line, out);
            }
            path => {
                if let Path::Samples(samples) = path {
                    samples.passes(&media.buffer);
                }
                self.plain(media, out);
            }
        }
    }

    /// The buffer at another time.
    fn plain(&mut self, media: Media, out: &mut Vec<Out>) {
        let map = |time: f64, steer: &mut Steer| steer.map_at(time).apply(time);
        let (from, to) = (media.from, media.to);
        let from = map(from, &mut self.steer);
        let to = from + (to - media.from);
        let came = Came::of(&media);
        let buffer = match self.line.place(from, to) {
            Some(place) => place.put(media.buffer),
            None => {
                out.push(Out::Dropped);
                return;
            }
        };
        out.push(Out::Media(Piece {
            buffer,
            came: Some(came),
            repeats: false,
        }));
    }

    fn gap(&mut self, from: f64, to: f64, out: &mut Vec<Out>) {
        self.drain(out);
        let start = self.steer.map_at(from).apply(from);
        let end = self.steer.map_at(to).apply(to);
        if let Some(gap) = self.line.gap(start, end) {
            out.push(Out::Event(gap));
            out.push(Out::Gap(end - start));
        }
    }
}
