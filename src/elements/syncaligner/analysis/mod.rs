//! What is known of the streams: the seam between measuring and applying.
//!
//! The data path tells [`Analysis`] of everything that comes and asks it for maps; it never looks at content.
//! [`Analysis`] never touches media that flow, and what it keeps of them are markers.
//! Times are seconds on a stream's *own line*: its running times, but for jumps that the data path has judged to be no
//! part of the line (it tells [`stale`] of them). A map takes that line to the reference's.
//!
//! Each stream that is not the reference is measured in *steps* of its and the reference's time, a quarter of a second
//! long. A step is due when both streams have come that far, and looks at nothing that lies later. So what it finds
//! depends on the streams alone, not on which thread was faster. In streams that are not live the upstream thread that
//! makes a step due does it, and a thread whose stream takes part in one that is under way waits for it: none
//! runs ahead of what is kept. For live streams one thread of the element does the steps that are due; where it is late it
//! goes on with the latest.
//!
//! `feed` keeps a stream's markers, which `sound`, `light` and `reading` make, and what clocks say (`prior`). `board` knows
//! the streams (`entry`) and which steps are due, `step` does one, `worker` is the thread.
//!
//! [`stale`]: Analysis::stale

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use super::pad::{PadState, Words};
use crate::sync::{self, Affine, Factors};

mod board;
mod entry;
mod feed;
mod light;
mod prior;
mod reading;
mod sound;
mod step;
mod worker;

use board::Board;
use worker::Worker;

/// Number of a stream: never used twice in an element.
pub(super) type Id = usize;

/// What comes when a map, a state or a figure of a stream has changed. No lock is held when it is called.
pub(super) type Listener = Box<dyn Fn(Id, News) + Send + Sync>;

/// What has changed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum News {
    /// A map or a state, in no way that the application waits for.
    Changed,
    /// The map was proven.
    Locked,
    /// A map moved, proven or provisional.
    Updated,
    /// Content does not tell two offsets apart, or contradicts the clocks.
    Ambiguous,
    /// The content lies elsewhere than before.
    Step { from: Affine, to: Affine },
}

/// What is known of a stream.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Known {
    pub state: PadState,
    /// From the stream's own line to the reference's; the identity while nothing is known.
    pub map: Affine,
    /// The accuracy that is claimed for the map, in seconds; infinite while nothing is known.
    pub uncertainty: f64,
    /// Up to where the stream was looked at, on its own line.
    pub at: f64,
    /// What the quality is made of.
    pub factors: Factors,
    /// How far measurements lie from the map: 50th, 95th and 99th percentile, in seconds.
    pub residuals: Option<[f64; 3]>,
    /// How much media it took until the first lock, in seconds.
    pub lock_time: Option<f64>,
    /// What measuring it took, in seconds of a core.
    pub spent: f64,
}

impl Default for Known {
    fn default() -> Self {
        Self {
            state: PadState::default(),
            map: Affine::IDENTITY,
            uncertainty: f64::INFINITY,
            at: 0.0,
            factors: Factors::default(),
            residuals: None,
            lock_time: None,
            spent: 0.0,
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

    /// The same stream, of which nothing is known any more but what it cost.
    fn forgotten(&self) -> Self {
        Self {
            spent: self.spent,
            ..Self::default()
        }
    }
}

/// What the data path and the thread that measures share.
#[derive(Default)]
struct Core {
    board: Board,
    listener: OnceLock<Listener>,
}

impl Core {
    fn tell(&self, id: Id, news: News) {
        if let Some(listener) = self.listener.get() {
            listener(id, news);
        }
    }

    fn tell_all(&self, ids: Vec<Id>) {
        ids.into_iter().for_each(|id| self.tell(id, News::Changed));
    }
}

/// Measures streams against one of them.
#[derive(Default)]
pub(super) struct Analysis {
    core: Arc<Core>,
    worker: Worker,
}

impl Analysis {
    /// Says whom to tell of changes; the first call counts.
    pub fn listen(&self, listener: Listener) {
        // Set once, when the element is made.
        let _ = self.core.listener.set(listener);
    }

    /// READY to PAUSED: nothing is known of any stream.
    pub fn start(&self, settings: sync::Settings) {
        self.core.board.start(settings);
    }

    /// PAUSED to READY: measuring ends.
    pub fn stop(&self) {
        self.core.board.stop();
        self.worker.join();
    }

    /// A stream is there, before anything of it comes.
    pub fn pad_added(&self, id: Id) {
        self.core.board.add(id);
    }

    /// A stream is no longer there.
    pub fn pad_removed(&self, id: Id) {
        self.core.board.remove(id);
    }

    /// A stream has new caps; what the user says of it is as it is now.
    pub fn caps(&self, id: Id, caps: &gst::CapsRef, words: &Words) {
        let Some(feed) = self.core.board.feed(id) else {
            return;
        };
        let by = feed.lock().set_caps(caps, words);
        self.core.board.set_by(id, by);
    }

    /// Whether a stream comes in real time. Until this is said it does not.
    pub fn live(&self, id: Id, live: bool) {
        self.core.board.set_live(id, live);
        if live {
            self.worker.run(&self.core);
        }
    }

    /// Which stream the others are measured against. Maps to the line of the reference before become provisional maps to
    /// this one's.
    pub fn reference(&self, id: Id) {
        let changed = self.core.board.set_reference(id);
        self.core.tell_all(changed);
    }

    /// Media of a stream, whose first sample (row, reading) stands at `time` on its own line; in order. Metas and PTS are
    /// those that came.
    pub fn buffer(&self, id: Id, time: f64, buffer: &gst::BufferRef) {
        let Some(feed) = self.core.board.feed(id) else {
            return;
        };
        let began = Instant::now();
        let seen = feed.lock().buffer(time, buffer);
        self.core
            .board
            .seen(id, time, seen, began.elapsed().as_secs_f64());
        self.core.keep_up(id);
    }

    /// Timestamps of a stream jumped without a reason in time: the last map is to be proven anew.
    pub fn stale(&self, id: Id) {
        if let Some(feed) = self.core.board.feed(id) {
            feed.lock().stamps.clear();
        }
        let changed = self.core.board.stale(id);
        self.core.tell_all(changed);
    }

    /// A stream was flushed: what comes next is on another line, and markers so far mean nothing.
    pub fn flushed(&self, id: Id) {
        if let Some(feed) = self.core.board.feed(id) {
            feed.lock().clear();
        }
        let changed = self.core.board.flushed(id);
        self.core.tell_all(changed);
    }

    /// What is known of a stream.
    pub fn known(&self, id: Id) -> Known {
        self.core.board.known(id)
    }

    /// Forgets every map; measuring begins anew with what comes.
    pub fn relock(&self) {
        let changed = self.core.board.relock();
        self.core.tell_all(changed);
    }

    /// Takes an offset in nanoseconds as a stream's map, until content tells better. It may come before there is a
    /// reference or any media. False where the stream is the reference, or not there.
    pub fn set_offset(&self, id: Id, offset_ns: i64) -> bool {
        let map = Affine::through(0.0, offset_ns as f64 * 1e-9, 0.0);
        let done = self.core.board.hold(id, map);
        if done {
            self.core.tell(id, News::Changed);
        }
        done
    }

    /// Returns when everything that came has been looked at.
    pub fn settle(&self) {
        self.core.settle();
    }

    /// True while a measurement is under way.
    pub fn is_busy(&self) -> bool {
        self.core.board.is_busy()
    }
}

impl Drop for Analysis {
    fn drop(&mut self) {
        // The thread may be the one that drops the element: it is not waited for.
        self.core.board.stop();
    }
}
