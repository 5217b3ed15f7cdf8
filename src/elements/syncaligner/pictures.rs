//! Frames of video: each at its mapped time, dropped or repeated where the map leaps.

use crate::elements::time::nanoseconds;
use crate::sync::output::{Frames, Steer, Verdict};

use super::input::seconds;
use super::line::Line;
use super::output::{Came, Out, Piece};
use super::queue::Media;

/// Holes are filled for so many seconds at most.
const FILL: f64 = 2.0;

/// Frames of a stream on their way.
#[derive(Debug)]
pub(super) struct Pictures {
    frames: Frames,
    /// What was shown last, to be shown again.
    last: Option<gst::Buffer>,
    /// How long a frame lasts, in seconds, where that is known.
    nominal: Option<f64>,
}

/// How long a frame lasts by the caps, in seconds.
fn nominal(caps: &gst::CapsRef) -> Option<f64> {
    let rate = caps
        .structure(0)?
        .get::<gst::Fraction>("framerate")
        .ok()
        .filter(|rate| rate.numer() > 0)?;
    Some(f64::from(rate.denom()) / f64::from(rate.numer()))
}

impl Pictures {
    pub fn new(caps: &gst::CapsRef) -> Self {
        let nominal = nominal(caps);
        let mut frames = Frames::new(FILL);
        frames.set_nominal(nominal);
        Self {
            frames,
            last: None,
            nominal,
        }
    }

    /// Forgets what was shown, after a flush.
    pub fn clear(&mut self) {
        self.frames.clear();
        self.last = None;
    }

    /// How long a frame lasts, in seconds, where that is known.
    pub fn nominal(&self) -> Option<f64> {
        self.nominal
    }

    pub fn push(&mut self, media: Media, steer: &mut Steer, line: &mut Line, out: &mut Vec<Out>) {
        let said = media.buffer.duration();
        let duration = said.map(|d| seconds(nanoseconds(d)));
        if media.jumped {
            self.frames.restart();
        }
        let came = Came::of(&media);
        let Verdict::Show(show) = self.frames.push(Some(media.from), duration, steer) else {
            line.discont = true;
            out.push(Out::Dropped);
            return;
        };
        // The place of the frame that went before is known to be passed.
        let lasts = show.duration.or(self.nominal).unwrap_or(0.0);
        let discont = std::mem::take(&mut line.discont);
        for copy in 0..show.repeats {
            let from = show.from + f64::from(copy) * show.every;
            self.repeat(from, from + show.every, line, out);
        }
        line.discont |= discont || show.discont;
        match line.show(show.time, show.time + lasts) {
            Some(place) => {
                self.last = Some(media.buffer.clone());
                out.push(Out::Media(Piece {
                    buffer: place.put(media.buffer),
                    came: Some(came),
                    repeats: false,
                }));
            }
            None => out.push(Out::Dropped),
        }
    }

    /// The last frame once more; false where there is none, or no place.
    pub fn repeat(&self, from: f64, to: f64, line: &mut Line, out: &mut Vec<Out>) -> bool {
        let Some(last) = &self.last else {
            return false;
        };
        let Some(place) = line.show(from, to) else {
            return false;
        };
        out.push(Out::Media(Piece {
            buffer: place.put(last.clone()),
            came: None,
            repeats: true,
        }));
        true
    }
}
