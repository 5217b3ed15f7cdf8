//! Live streams that fall silent.
//!
//! A stream is *lost* when its next buffer is overdue: by three durations of a buffer, at most 250 ms, past the time at which
//! upstream says that it is here, or as late as the last one was. Then what `on-loss` asks for flows on its line, as late as its own data would, until it
//! returns.

use super::input::seconds;
use super::output::{Out, Output, Path, Piece};
use super::reference::Kind;
use super::settings::OnLoss;
use super::shared::Shared;
use super::stream::Stream;

/// A buffer that is overdue by more, in seconds, is lost, however long buffers are.
const LONGEST: f64 = 0.25;
/// So many durations of a buffer are waited for.
const BUFFERS: f64 = 3.0;
/// What is filled in comes in pieces of so many seconds, but for frames of video.
const PIECE: f64 = 0.02;
/// How long a frame of an unknown rate is shown, in seconds.
const FRAME: f64 = 0.04;

/// What is filled in for a lost stream.
#[derive(Debug, Default)]
pub(super) struct Loss {
    /// Running time of the clock at which it was lost, in nanoseconds.
    since: Option<i64>,
    /// Nothing can be filled in.
    idle: bool,
}

impl Loss {
    /// Data has come; when the stream was lost, if it was.
    pub fn over(&mut self) -> Option<i64> {
        self.idle = false;
        self.since.take()
    }
}

impl Stream {
    /// Running time of the clock, in nanoseconds, at which something is to be done though nothing comes.
    pub fn overdue_at(&self, shared: &Shared) -> Option<i64> {
        let upstream = shared.latency.of(self.id)?;
        let queue = self.queue();
        if queue.ended || queue.task_done || queue.flow.is_err() {
            return None;
        }
        drop(queue);
        let input = self.input();
        let regular = matches!(input.kind, Some(Kind::Audio | Kind::Video | Kind::Sensor));
        let lasts = input.lasts().filter(|_| regular && !input.is_sparse())?;
        let late = input.late();
        drop(input);
        let due = match self.output().filler_due(shared.settings().on_loss) {
            Filler::Not => {
                let patience = (BUFFERS * lasts).min(LONGEST);
                self.stats().position() + patience
            }
            Filler::Never => return None,
            Filler::At(own) => own,
        };
        let due = ((due * 1e9).round() as i64).saturating_add(upstream);
        Some(due.saturating_add(late))
    }
}

/// When something is to be filled in, on the stream's own line.
enum Filler {
    /// The stream is not lost.
    Not,
    Never,
    At(f64),
}

impl Output {
    fn filler_due(&self, on_loss: OnLoss) -> Filler {
        if self.loss.since.is_none() {
            return Filler::Not;
        }
        match self.line.end() {
            Some(end) if on_loss != OnLoss::Drop && !self.loss.idle => {
                // Where its own data would be due too.
                Filler::At(end.max(self.steer.applied().invert(end)))
            }
            _ => Filler::Never,
        }
    }

    /// Data is overdue at a running time of the clock: the stream is lost, or was and more is to be filled in.
    pub fn overdue(&mut self, now_ns: i64, on_loss: OnLoss) -> Vec<Out> {
        let mut out = Vec::new();
        if self.loss.since.is_none() {
            self.loss.since = Some(now_ns);
            self.drain(&mut out);
            out.push(Out::Lost);
            return out;
        }
        let Some(end) = self.line.end() else {
            self.loss.idle = true;
            return out;
        };
        if on_loss == OnLoss::Hold && self.hold(end, &mut out) {
            return out;
        }
        let to = end + PIECE.max(self.frame());
        if let Some(gap) = self.line.gap(end, to) {
            out.push(Out::Event(gap));
            out.push(Out::Gap(to - end));
        } else {
            self.loss.idle = true;
        }
        out
    }

    /// How long a frame of video lasts; 0 for anything else.
    fn frame(&self) -> f64 {
        match &self.path {
            Path::Pictures(pictures) => pictures.nominal().unwrap_or(FRAME),
            _ => 0.0,
        }
    }

    /// The last frame or reading again, or silence; false where there is none.
    fn hold(&mut self, end: f64, out: &mut Vec<Out>) -> bool {
        let frame = self.frame();
        match &mut self.path {
            Path::Pictures(pictures) => pictures.repeat(end, end + frame, &mut self.line, out),
            Path::Samples(samples) => {
                let (data, length) = samples.held(PIECE);
                let Some(place) = self.line.place(end, end + length) else {
                    return false;
                };
                let mut buffer = gst::Buffer::from_mut_slice(data);
                if let Some(made) = buffer.get_mut() {
                    place.stamp(made);
                    made.set_flags(gst::BufferFlags::GAP);
                }
                out.push(Out::Gap(length));
                out.push(Out::Media(Piece {
                    buffer,
                    came: None,
                    repeats: false,
                }));
                true
            }
            Path::Plain => false,
        }
    }
}

/// Seconds since a running time in nanoseconds.
pub(super) fn since(now_ns: i64, then_ns: i64) -> f64 {
    seconds(now_ns.saturating_sub(then_ns)).max(0.0)
}
