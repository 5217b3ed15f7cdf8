//! Where fragments end.

use std::collections::VecDeque;

use super::Options;
use super::queue::{Cut, CutKind, Input, Queue, TrackQueue};
use super::video::Look;

/// Looks at the samples of one track, in order, and decides on cuts.
#[derive(Debug)]
pub(super) struct Decider {
    fragment_ns: i64,
    chunk_ns: Option<i64>,
    longest_ns: i64,
    max_gap_ns: i64,
    live: bool,
    range: Option<(i64, i64)>,
    /// The track that decides.
    leader: Option<usize>,
    /// Number of the leader's next sample.
    next: u64,
    /// Time up to which a leader that has ended decided.
    decided_ns: i64,
    /// Begin of the segment, of the fragment and of the chunk.
    begins: Option<Begins>,
    /// Times at which the next segment was asked for.
    splits: VecDeque<i64>,
    /// Times at which a segment begins, key or not.
    hard: VecDeque<i64>,
    /// By track: a sample of the range came.
    entered: Vec<bool>,
    done: bool,
}

#[derive(Debug, Clone, Copy)]
struct Begins {
    segment: i64,
    fragment: i64,
    chunk: i64,
}

impl Begins {
    fn all(time: i64) -> Self {
        Self {
            segment: time,
            fragment: time,
            chunk: time,
        }
    }
}

/// Inserts a time into an ordered row.
fn insert(times: &mut VecDeque<i64>, time_ns: i64) {
    let place = times.partition_point(|t| *t <= time_ns);
    times.insert(place, time_ns);
}

/// The last point of `begin + n * step` at or before a time, if that is past `begin`.
fn point(begin: i64, step: i64, time: i64) -> Option<i64> {
    let steps = time.saturating_sub(begin).div_euclid(step.max(1));
    (steps > 0).then(|| begin.saturating_add(steps.saturating_mul(step)))
}

/// Time of the earliest audio frame that waits.
fn first_audio<T>(tracks: &[TrackQueue<T>]) -> Option<i64> {
    let firsts = tracks.iter().filter_map(|track| match &track.queue {
        Queue::Audio(queue) => queue.look(0).map(|(_, pts_ns)| pts_ns),
        Queue::Video(_) | Queue::Text(_) => None,
    });
    firsts.min()
}

impl Decider {
    pub fn new(options: &Options) -> Self {
        Self {
            fragment_ns: options.fragment_ns.max(1),
            chunk_ns: options.chunk_ns,
            longest_ns: options.max_gop_ns.max(options.fragment_ns).max(1),
            max_gap_ns: options.max_gap_ns,
            live: false,
            range: options.range,
            leader: None,
            next: 0,
            decided_ns: i64::MIN,
            begins: options.begin().map(Begins::all),
            splits: VecDeque::new(),
            hard: VecDeque::new(),
            entered: Vec::new(),
            done: false,
        }
    }

    pub fn split_at(&mut self, time_ns: i64) {
        insert(&mut self.splits, time_ns);
    }

    pub fn cut_at(&mut self, time_ns: i64) {
        insert(&mut self.hard, time_ns);
    }

    /// Nothing waits longer than a fragment for a leader that stalls.
    pub fn set_live(&mut self, max_gap_ns: i64) {
        self.live = true;
        self.max_gap_ns = max_gap_ns;
    }

    pub fn segment_begin(&self) -> Option<i64> {
        self.begins.map(|b| b.segment)
    }

    /// A track begins anew. True where that was the one that decides: its cuts are void.
    pub fn flush(&mut self, track: usize, options: &Options, begin: Option<i64>) -> bool {
        if let Some(entered) = self.entered.get_mut(track) {
            *entered = false;
        }
        if self.leader != Some(track) {
            return false;
        }
        *self = Self {
            begins: options.begin().or(begin).map(Begins::all),
            splits: std::mem::take(&mut self.splits),
            hard: std::mem::take(&mut self.hard),
            entered: std::mem::take(&mut self.entered),
            ..Self::new(options)
        };
        true
    }

    /// The time of a hard cut that a sample is at or past.
    fn hard_due(&mut self, time_ns: i64) -> Option<i64> {
        let due = self.hard.front().is_some_and(|time| *time <= time_ns);
        due.then(|| self.hard.pop_front()).flatten()
    }

    /// Whether a sample is of the range, or behind it.
    pub fn admits<T>(&mut self, track: usize, queue: &TrackQueue<T>, input: &Input<T>) -> bool {
        let Some((start, _)) = self.range else {
            return true;
        };
        if self.entered.len() <= track {
            self.entered.resize(track + 1, false);
        }
        let Some(entered) = self.entered.get_mut(track) else {
            return true;
        };
        *entered |= match queue.queue {
            _ if start <= 0 => true,
            Queue::Video(_) => input.sync && input.pts_ns >= start,
            Queue::Audio(_) => input.pts_ns >= start,
            // One that began before may still be shown: what follows it needs its end.
            Queue::Text(_) => true,
        };
        *entered
    }

    /// The first track with pictures, else the first with audio, else any; one that goes on, where there is one.
    fn choose<T>(&mut self, tracks: &[TrackQueue<T>]) -> Option<usize> {
        if let Some(leader) = self.leader
            && (tracks.get(leader).is_some_and(|t| !t.has_ended()) || self.has_more(tracks, leader))
        {
            return Some(leader);
        }
        let rank = |queue: &TrackQueue<T>| match queue.queue {
            Queue::Video(_) => 0,
            Queue::Audio(_) => 1,
            Queue::Text(_) => 2,
        };
        let candidates = tracks.iter().enumerate();
        let going = candidates.filter(|(_, t)| !t.has_ended());
        let (chosen, _) = going.min_by_key(|(at, t)| (rank(t), *at))?;
        if self.leader != Some(chosen) {
            self.leader = Some(chosen);
            self.next = 0;
        }
        Some(chosen)
    }

    /// True when a track that has ended has samples that were not looked at.
    fn has_more<T>(&self, tracks: &[TrackQueue<T>], track: usize) -> bool {
        match tracks.get(track).map(|t| &t.queue) {
            Some(Queue::Video(queue)) => queue.look(self.next).is_some(),
            Some(Queue::Audio(queue)) => queue.look(self.next).is_some(),
            Some(Queue::Text(_)) | None => false,
        }
    }

    /// Looks at what is new and adds cuts. Returns where the first segment begins, when that is known.
    pub fn decide<T>(
        &mut self,
        tracks: &[TrackQueue<T>],
        newest_ns: i64,
        cuts: &mut VecDeque<Cut>,
    ) -> Option<i64> {
        while !self.done {
            let Some(leader) = self.choose(tracks) else {
                break;
            };
            let cut = match tracks.get(leader).map(|t| &t.queue) {
                Some(Queue::Video(queue)) => {
                    let Some(look) = queue.look(self.next) else {
                        break;
                    };
                    self.next = look.number + 1;
                    self.begin(look.pts_ns.min(look.clock_ns), tracks);
                    self.picture(look)
                }
                Some(Queue::Audio(queue)) => {
                    let Some((number, pts_ns)) = queue.look(self.next) else {
                        break;
                    };
                    self.next = number + 1;
                    self.begin(pts_ns, tracks);
                    self.frame(pts_ns)
                }
                Some(Queue::Text(_)) | None => break,
            };
            cuts.extend(cut);
        }
        if self.begins.is_none() && !self.done {
            self.begin_without_leader(tracks, newest_ns);
        }
        cuts.extend(self.overdue(tracks, newest_ns));
        self.begins.map(|b| b.segment)
    }

    /// The first sample of all: the earliest that came.
    fn begin<T>(&mut self, time_ns: i64, tracks: &[TrackQueue<T>]) {
        if self.begins.is_some() {
            return;
        }
        let first = first_audio(tracks).unwrap_or(time_ns);
        self.begins = Some(Begins::all(first.min(time_ns)));
    }

    /// The leader has nothing yet, and others must not be held any longer.
    fn begin_without_leader<T>(&mut self, tracks: &[TrackQueue<T>], newest_ns: i64) {
        let longest_ns = if self.live {
            self.fragment_ns
        } else {
            self.longest_ns
        };
        let limit = longest_ns.saturating_add(self.max_gap_ns);
        let first = first_audio(tracks);
        if let Some(first) = first.filter(|first| newest_ns.saturating_sub(*first) > limit) {
            self.begins = Some(Begins::all(first));
        }
    }

    fn picture(&mut self, look: Look) -> Option<Cut> {
        let begins = self.begins?;
        self.decided_ns = self.decided_ns.max(look.pts_ns.max(look.clock_ns));
        let at = Some(look.number);
        let time_ns = if look.sync {
            look.pts_ns.max(look.clock_ns)
        } else {
            look.clock_ns
        };
        if let Some(time_ns) = self.hard_due(time_ns) {
            return self.segment(time_ns, at);
        }
        if let Some((_, stop)) = self.range {
            if look.sync && look.pts_ns >= stop {
                return self.segment(stop, at);
            }
        } else if look.sync && look.pts_ns > begins.segment && self.is_due(look.pts_ns) {
            return self.segment(look.pts_ns, at);
        }
        self.within(look.clock_ns, at)
    }

    fn frame(&mut self, pts_ns: i64) -> Option<Cut> {
        // What goes on where the pictures have ended is cut behind them, and not between them.
        if pts_ns <= self.decided_ns {
            return None;
        }
        let begins = self.begins?;
        let begin = begins.segment.max(self.decided_ns);
        if let Some(time_ns) = self.hard_due(pts_ns) {
            return self.segment(time_ns, None);
        }
        if let Some((_, stop)) = self.range {
            if pts_ns >= stop {
                return self.segment(stop, None);
            }
        } else if let Some(split) = self.split_due(pts_ns) {
            return self.segment(split.max(begins.segment + 1), None);
        } else if let Some(time) = point(begin, self.fragment_ns, pts_ns) {
            return self.segment(time, None);
        }
        self.within(pts_ns, None)
    }

    /// A split or a chunk.
    fn within(&mut self, clock_ns: i64, at: Option<u64>) -> Option<Cut> {
        let begins = self.begins.as_mut()?;
        let (time_ns, kind) = if let Some(time) = point(begins.fragment, self.longest_ns, clock_ns)
        {
            begins.fragment = time;
            (time, CutKind::Split)
        } else {
            let time = point(begins.chunk, self.chunk_ns?, clock_ns)?;
            (time, CutKind::Chunk)
        };
        begins.chunk = time_ns;
        Some(Cut { time_ns, kind, at })
    }

    fn segment(&mut self, time_ns: i64, at: Option<u64>) -> Option<Cut> {
        self.begins = Some(Begins::all(time_ns));
        self.done = self.range.is_some();
        while self.splits.front().is_some_and(|split| *split <= time_ns) {
            self.splits.pop_front();
        }
        Some(Cut {
            time_ns,
            kind: CutKind::Segment,
            at,
        })
    }

    fn is_due(&self, time_ns: i64) -> bool {
        let long = self
            .begins
            .is_some_and(|b| time_ns.saturating_sub(b.segment) >= self.fragment_ns);
        long || self.split_due(time_ns).is_some()
    }

    /// The time of a split that was asked for and is due.
    fn split_due(&self, time_ns: i64) -> Option<i64> {
        self.splits
            .front()
            .copied()
            .filter(|split| *split <= time_ns)
    }

    /// A split where the leader has nothing for so long that what the others have must not be held any longer.
    fn overdue<T>(&mut self, tracks: &[TrackQueue<T>], newest_ns: i64) -> Option<Cut> {
        let leader = self.leader.and_then(|leader| tracks.get(leader));
        let last_ns = leader.map_or(i64::MIN, TrackQueue::newest_ns);
        let stalls = self.live && newest_ns.saturating_sub(last_ns) > self.max_gap_ns;
        let longest_ns = if stalls {
            self.fragment_ns
        } else {
            self.longest_ns
        };
        let begins = self.begins.as_mut()?;
        let limit = begins.fragment.saturating_add(longest_ns);
        if self.done || newest_ns.saturating_sub(limit) <= self.max_gap_ns {
            return None;
        }
        begins.fragment = limit;
        begins.chunk = limit;
        Some(Cut {
            time_ns: limit,
            kind: CutKind::Split,
            at: None,
        })
    }
}
