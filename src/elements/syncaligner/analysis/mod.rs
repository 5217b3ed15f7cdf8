//! What is known of the streams: the seam between measuring and applying.
//!
//! The data path tells [`Analysis`] of everything that comes and asks it for maps; it never looks at content.
//! [`Analysis`] never touches media that flow: no call of a streaming thread waits for a measurement but [`settle`].
//! Times are seconds on a stream's *own line*: its running times, but for jumps that the data path has judged to be no
//! part of the line (it tells [`stale`] of them). A map takes that line to the reference's.
//!
//! [`settle`]: Analysis::settle
//! [`stale`]: Analysis::stale

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use super::pad::{PadState, Words};
use crate::sync::{self, Affine, Factors};

/// Number of a stream: never used twice in an element.
pub(super) type Id = usize;

/// What comes when a map, a state or a figure of a stream has changed. No lock is held when it is called.
pub(super) type Listener = Box<dyn Fn(Id) + Send + Sync>;

/// What is known of a stream.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Known {
    pub state: PadState,
    /// From the stream's own line to the reference's; the identity while nothing is known.
    pub map: Affine,
    /// The accuracy that is claimed for the map, in seconds; infinite while nothing is known.
    pub uncertainty: f64,
    /// What the quality is made of.
    pub factors: Factors,
    /// How far measurements lie from the map: 50th, 95th and 99th percentile, in seconds.
    pub residuals: Option<[f64; 3]>,
    /// How much media it took until the first lock, in seconds.
    pub lock_time: Option<f64>,
}

impl Default for Known {
    fn default() -> Self {
        Self {
            state: PadState::default(),
            map: Affine::IDENTITY,
            uncertainty: f64::INFINITY,
            factors: Factors::default(),
            residuals: None,
            lock_time: None,
        }
    }
}

impl Known {
    pub fn quality(&self) -> f64 {
        self.factors.quality()
    }

    /// True when the map is to be applied.
    pub fn has_map(&self) -> bool {
        matches!(self.state, PadState::Provisional | PadState::Locked)
    }
}

/// Measures streams against one of them.
#[derive(Default)]
pub(super) struct Analysis {
    state: Mutex<State>,
    listener: OnceLock<Listener>,
}

#[derive(Default)]
struct State {
    streams: BTreeMap<Id, Known>,
    reference: Option<Id>,
}

impl Analysis {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says whom to tell of changes; the first call counts.
    pub fn listen(&self, listener: Listener) {
        // Set once, when the element is made.
        let _ = self.listener.set(listener);
    }

    fn tell(&self, id: Id) {
        if let Some(listener) = self.listener.get() {
            listener(id);
        }
    }

    /// READY to PAUSED: nothing is known of any stream.
    pub fn start(&self, _settings: sync::Settings) {
        let mut state = self.state();
        state.reference = None;
        for known in state.streams.values_mut() {
            *known = Known::default();
        }
    }

    /// PAUSED to READY: measuring ends.
    pub fn stop(&self) {}

    /// A stream is there, before anything of it comes. `name` is its sink pad's.
    pub fn pad_added(&self, id: Id, _name: &str) {
        self.state().streams.insert(id, Known::default());
    }

    /// A stream is no longer there.
    pub fn pad_removed(&self, id: Id) {
        let mut state = self.state();
        state.streams.remove(&id);
        if state.reference == Some(id) {
            state.reference = None;
        }
    }

    /// A stream has new caps; what the user says of it is as it is now.
    pub fn caps(&self, _id: Id, _caps: &gst::CapsRef, _words: &Words) {}

    /// Which stream the others are measured against. Maps to another reference's line mean nothing any more.
    pub fn reference(&self, id: Id) {
        let mut state = self.state();
        if state.reference == Some(id) {
            return;
        }
        if state.reference.is_some() {
            for known in state.streams.values_mut() {
                *known = Known::default();
            }
        }
        state.reference = Some(id);
        state.streams.insert(
            id,
            Known {
                state: PadState::Reference,
                uncertainty: 0.0,
                ..Known::default()
            },
        );
        drop(state);
        self.tell(id);
    }

    /// Media of a stream, whose first sample (row, reading) stands at `time` on its own line; in order. Metas and PTS are
    /// those that came.
    pub fn buffer(&self, _id: Id, _time: f64, _buffer: &gst::BufferRef) {}

    /// Timestamps of a stream jumped without a reason in time: the last map is to be proven anew.
    pub fn stale(&self, id: Id) {
        if let Some(known) = self.state().streams.get_mut(&id)
            && known.state == PadState::Locked
        {
            known.state = PadState::Provisional;
        }
    }

    /// A stream was flushed: what comes next is on another line, and markers so far mean nothing.
    pub fn flushed(&self, _id: Id) {}

    /// A stream has ended.
    pub fn ended(&self, _id: Id) {}

    /// What is known of a stream.
    pub fn known(&self, id: Id) -> Known {
        self.state().streams.get(&id).copied().unwrap_or_default()
    }

    /// Forgets every map; measuring begins anew.
    pub fn relock(&self) {
        let mut told = Vec::new();
        for (id, known) in &mut self.state().streams {
            if known.state != PadState::Reference {
                *known = Known::default();
                told.push(*id);
            }
        }
        told.into_iter().for_each(|id| self.tell(id));
    }

    /// Takes an offset in nanoseconds as a stream's map, until content tells better. It may come before there is a
    /// reference or any media. False where the stream is the reference, or not there.
    pub fn set_offset(&self, id: Id, offset_ns: i64) -> bool {
        let mut state = self.state();
        match state.streams.get_mut(&id) {
            Some(known) if known.state != PadState::Reference => {
                *known = Known {
                    state: PadState::Provisional,
                    map: Affine::through(0.0, offset_ns as f64 * 1e-9, 0.0),
                    ..Known::default()
                };
            }
            _ => return false,
        }
        drop(state);
        self.tell(id);
        true
    }

    /// Returns when everything that came has been looked at.
    pub fn settle(&self) {}
}
