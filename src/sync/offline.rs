//! Two whole recordings against each other.
//!
//! A recording is a [`Window`]: 64 000 bytes a second, 230 MB an hour, and its envelope 4 800 bytes a second. What is worked on
//! beside them are pieces of seconds, and transforms of the envelopes.

use super::audio::envelope::{Envelope, ROWS};
use super::audio::search::{Curve, LEAST_OVERLAP};
use super::audio::{Found, Search, search::hypotheses};
use super::clock::robust;
use super::{Affine, Factors, Measure, RATE, Settings, State, Window};
use coarse::{Candidate, Coarse};
pub use events::compare_events;
use far::{Far, Looker};
use std::sync::OnceLock;

pub(crate) mod coarse;
mod events;
mod far;
#[cfg(test)]
mod tests;

/// Windows for wide searches, at most.
const SEARCHES: usize = 12;
/// So many agreeing votes are enough.
const ENOUGH: usize = 4;
/// Votes come from windows at least this far apart, in seconds.
const APART: f64 = 2.5;
/// Within this many seconds offsets are searched directly; further apart the envelopes say where.
const DIRECT: f64 = 2.5;
/// How far the envelope of a window reaches to either side, in seconds.
const AROUND: f64 = 15.0;
/// Places that the envelopes may name for a window.
const CANDIDATES: usize = 6;
/// What is searched about such a place, in seconds to either side.
const REACH: f64 = 0.25;
/// Windows that are tracked, at most.
const TRACKED: usize = 96;
/// A peak this high is more than chance, even if it has rivals.
const CLEAR: f64 = 12.0;
/// Votes agree within this, in seconds, and this much drift.
const AGREE: f64 = 0.3e-3;
const AGREE_DRIFT: f64 = 15e-6;
/// The accuracy that is claimed for audio, in seconds.
const CLAIMED: f64 = 1e-3;

/// What two recordings are to each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verdict {
    /// They show the same, and three windows that lie apart agree on where.
    Locked,
    /// A map is known, but too little agrees with it.
    Provisional,
    /// They show the same at more than one place: a loop, or a beat.
    Ambiguous,
    /// Nothing of one was found in the other.
    #[default]
    Unrelated,
}

/// What was found between two recordings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comparison {
    /// What they are to each other.
    pub state: Verdict,
    /// The map and how good it is.
    pub measure: Measure,
    /// The wide searches that agree with the map; for recordings without one, all that found anything.
    pub votes: Vec<Found>,
    /// What was measured along the stream beyond the map, in seconds: the stream's time, and how far off the map.
    pub residuals: Vec<(f64, f64)>,
    /// The correlation of the best window: shifts in seconds, and heights over the root mean square.
    pub curve: Vec<(f64, f32)>,
}

/// Compares two recordings. Offsets up to `settings.max_offset` are looked for, which may be as long as the recordings, and
/// drifts up to `settings.max_drift`.
#[must_use]
pub fn compare(reference: &Window, stream: &Window, settings: &Settings) -> Comparison {
    let job = Job::new(reference, stream, settings);
    let votes = job.votes();
    let best = votes
        .iter()
        .max_by(|left, right| left.found.peak.total_cmp(&right.found.peak));
    let curve = best.map_or_else(Vec::new, |vote| points(&vote.curve, &vote.found));
    let passing: Vec<Found> = votes
        .iter()
        .map(|vote| vote.found)
        .filter(|found| job.counts(found))
        .collect();
    let (group, rival) = groups(&passing);
    if group.len() < 2 || rival >= 2 && 2 * rival >= group.len() {
        let clear = votes.iter().filter(|vote| vote.found.peak > CLEAR).count();
        let ambiguous = rival >= 2 || clear >= 2 && 2 * clear >= votes.len();
        return Comparison {
            state: if ambiguous {
                Verdict::Ambiguous
            } else {
                Verdict::Unrelated
            },
            votes: votes.iter().map(|vote| vote.found).collect(),
            curve,
            ..Comparison::default()
        };
    }
    let (measure, residuals) = job.measure(&group);
    Comparison {
        state: if measure.state == State::Locked {
            Verdict::Locked
        } else {
            Verdict::Provisional
        },
        measure,
        votes: group,
        residuals,
        curve,
    }
}

/// What one window's wide search found.
struct Vote {
    found: Found,
    curve: Curve,
}

/// Two recordings and what is asked of them.
struct Job<'a> {
    reference: &'a Window,
    stream: &'a Window,
    settings: &'a Settings,
    drifts: Vec<f64>,
    /// Length of a window, in seconds.
    window: f64,
    /// Of both, where offsets are too large to be searched directly.
    envelopes: Option<(Envelope, Envelope)>,
    /// For streams whose envelope does not say where they lie.
    far: OnceLock<Far>,
}

impl<'a> Job<'a> {
    fn new(reference: &'a Window, stream: &'a Window, settings: &'a Settings) -> Self {
        let direct = settings.max_offset <= DIRECT;
        let both = || both(|| Envelope::of(reference), || Envelope::of(stream));
        // Short recordings get short windows, so that there are three of them.
        let most = settings.window.max(LEAST_OVERLAP + 0.2);
        Self {
            reference,
            stream,
            settings,
            drifts: hypotheses(settings.max_drift),
            window: (stream.duration() - 2.0 * APART).clamp(LEAST_OVERLAP + 0.2, most),
            envelopes: (!direct).then(both),
            far: OnceLock::new(),
        }
    }

    /// Whether a wide search has a vote.
    fn counts(&self, found: &Found) -> bool {
        found.passes_wide()
            && factors(found.peak, found.second).quality() >= self.settings.min_quality
    }

    /// Wide searches in windows spread over the stream, until enough of them agree.
    fn votes(&self) -> Vec<Vote> {
        let starts = spread(self.stream, self.window, SEARCHES);
        let mut votes: Vec<Vote> = Vec::new();
        let mut workers = (Worker::new(self), Worker::new(self));
        for round in interleaved(&starts).chunks(4) {
            let (left, right) = round.split_at(round.len() / 2);
            let search = |worker: &mut Worker, starts: &[f64]| -> Vec<Vote> {
                starts
                    .iter()
                    .filter_map(|start| worker.search(*start))
                    .collect()
            };
            let (first, second) = both(
                || search(&mut workers.0, left),
                || search(&mut workers.1, right),
            );
            votes.extend(first.into_iter().chain(second));
            let passing: Vec<Found> = votes
                .iter()
                .map(|vote| vote.found)
                .filter(|found| self.counts(found))
                .collect();
            if groups(&passing).0.len() >= ENOUGH {
                break;
            }
        }
        votes
    }

    /// Follows the map that votes agree on through the recordings.
    fn measure(&self, votes: &[Found]) -> (Measure, Vec<(f64, f64)>) {
        let starts = spread(self.stream, self.window, TRACKED);
        let centre = votes.iter().map(|vote| vote.at).sum::<f64>() / votes.len() as f64;
        let mut map = start_of(votes);
        let mut searches = (Search::new(self.settings), Search::new(self.settings));
        let mut tracked: Vec<Option<Found>> = Vec::new();
        let mut done = 0.0;
        let mut reach: f64 = 20.0;
        while done < self.stream.duration() {
            let middles = starts.iter().map(|start| start + self.window / 2.0);
            let now: Vec<f64> = middles
                .filter(|middle| (done..reach).contains(&(middle - centre).abs()))
                .collect();
            let (left, right) = now.split_at(now.len() / 2);
            let (first, second) = both(
                || self.track(&mut searches.0, left, &map),
                || self.track(&mut searches.1, right, &map),
            );
            tracked.extend(first.into_iter().chain(second));
            let points: Vec<(f64, f64)> = tracked
                .iter()
                .flatten()
                .filter(|found| found.passes_tracking())
                .map(|found| (found.at, found.shift))
                .collect();
            if let Some(fit) = robust(&points).filter(|_| points.len() >= 3) {
                map = fit.map;
            }
            (done, reach) = (reach, reach * 3.0);
        }
        self.judge(votes, &map, &tracked)
    }

    /// Searches about the map in the windows with these middles; nothing in those that lie outside of the reference.
    fn track(&self, search: &mut Search, middles: &[f64], map: &Affine) -> Vec<Option<Found>> {
        let one = |middle: &f64| {
            let (from, to) = (middle - self.window / 2.0, middle + self.window / 2.0);
            let stream = piece(self.stream, from, to)?;
            let reference = piece(self.reference, map.apply(from) - 0.02, map.apply(to) + 0.02)?;
            search.track(&reference, &stream, map)
        };
        middles.iter().map(one).collect()
    }

    fn judge(
        &self,
        votes: &[Found],
        map: &Affine,
        tracked: &[Option<Found>],
    ) -> (Measure, Vec<(f64, f64)>) {
        let residual = |found: &Found| (found.at, found.shift - map.shift(found.at));
        let mut residuals: Vec<(f64, f64)> = tracked
            .iter()
            .flatten()
            .filter(|found| found.passes_tracking())
            .map(residual)
            .collect();
        residuals.sort_by(|left, right| left.0.total_cmp(&right.0));
        let heard = tracked.iter().flatten().count().max(1);
        let agreeing = residuals
            .iter()
            .filter(|(_, off)| off.abs() < AGREE)
            .count();
        let mut peaks: Vec<f64> = votes.iter().map(|vote| vote.peak).collect();
        let mut seconds: Vec<f64> = votes.iter().map(|vote| vote.second).collect();
        let factors = Factors {
            inliers: agreeing as f64 / heard as f64,
            ..factors(median(&mut peaks), median(&mut seconds))
        };
        let mut sizes: Vec<f64> = residuals.iter().map(|(_, off)| off.abs()).collect();
        let locked = votes.len() >= 3 && factors.inliers >= 0.5;
        let measure = Measure {
            state: if locked {
                State::Locked
            } else {
                State::Provisional
            },
            map: *map,
            uncertainty: CLAIMED.max(3.0 * 1.4826 * median(&mut sizes)),
            factors,
        };
        (measure, residuals)
    }
}

/// What searches windows: one a thread.
struct Worker<'a> {
    job: &'a Job<'a>,
    search: Search,
    looker: Looker,
    coarse: Option<(Coarse<'a>, &'a Envelope)>,
}

impl<'a> Worker<'a> {
    fn new(job: &'a Job<'a>) -> Self {
        let envelopes = job.envelopes.as_ref();
        Self {
            job,
            search: Search::new(job.settings),
            looker: Looker::new(),
            coarse: envelopes.map(|(reference, stream)| (Coarse::new(reference), stream)),
        }
    }

    /// Searches the window that starts there.
    fn search(&mut self, start: f64) -> Option<Vote> {
        let stream = piece(self.job.stream, start, start + self.job.window)?;
        let places = self.places(&stream);
        let near = self.search_at(&stream, &places);
        let passes = near
            .as_ref()
            .is_some_and(|vote| self.job.counts(&vote.found));
        if passes || self.coarse.is_none() {
            return near;
        }
        let far = self.job.far.get_or_init(|| Far::new(self.job.reference));
        let bounds = (self.job.settings.max_offset, self.job.settings.max_drift);
        let candidates = self.looker.candidates(far, &stream, bounds, CANDIDATES);
        self.search_at(&stream, &about(candidates)).or(near)
    }

    /// Searches a window at these places; the best has the others as its rivals.
    fn search_at(&mut self, stream: &Window, places: &[(f64, f64)]) -> Option<Vote> {
        let job = self.job;
        let most = job.settings.max_offset;
        let mut votes = Vec::new();
        for (low, high) in places {
            let (low, high) = (low.max(-most), high.min(most));
            let (from, to) = (stream.start + low - 0.1, stream.end() + high + 0.1);
            let Some(reference) = piece(job.reference, from, to) else {
                continue;
            };
            let found = self
                .search
                .between(&reference, stream, low..=high, &job.drifts);
            votes.extend(found.map(|(found, curve)| Vote { found, curve }));
        }
        votes.sort_by(|left, right| right.found.peak.total_cmp(&left.found.peak));
        let rivals: Vec<Found> = votes.iter().skip(1).map(|vote| vote.found).collect();
        let mut best = votes.into_iter().next()?;
        let (shift, peak) = (best.found.shift, best.found.peak);
        let others = rivals
            .iter()
            .filter(|rival| (rival.shift - shift).abs() > 1e-3);
        let second = others
            .map(|rival| rival.peak / peak)
            .fold(best.found.second, f64::max);
        best.found.second = second;
        Some(best)
    }

    /// The shifts between which a window may lie, by its envelope.
    fn places(&mut self, window: &Window) -> Vec<(f64, f64)> {
        let most = self.job.settings.max_offset;
        let Some((coarse, stream)) = &mut self.coarse else {
            return vec![(-most, most)];
        };
        let middle = f64::midpoint(window.start, window.end());
        let row = |time: f64| ((time - stream.start) * ROWS).max(0.0) as usize;
        let count = stream.rows.len();
        let rows = row(middle - AROUND).min(count)..row(middle + AROUND).min(count);
        about(coarse.candidates(stream, rows, most, CANDIDATES))
    }
}

/// What is searched about candidates, the best first: those that are not far below it.
fn about(candidates: Vec<Candidate>) -> Vec<(f64, f64)> {
    let highest = candidates.first().map_or(0.0, |first| first.height);
    let good = candidates
        .into_iter()
        .filter(|candidate| candidate.height >= 0.5 * highest);
    good.map(|candidate| (candidate.shift - REACH, candidate.shift + REACH))
        .collect()
}

/// The largest group of votes that agree with one of them, oldest first, and how many agree with each other among the rest.
fn groups(votes: &[Found]) -> (Vec<Found>, usize) {
    let around = |votes: &[Found]| -> Vec<Found> {
        let groups = votes.iter().map(|one| -> Vec<Found> {
            votes
                .iter()
                .filter(|other| agree(one, other))
                .copied()
                .collect()
        });
        groups.max_by_key(Vec::len).unwrap_or_default()
    };
    let mut group = around(votes);
    let rest: Vec<Found> = votes
        .iter()
        .filter(|vote| !group.contains(vote))
        .copied()
        .collect();
    let rival = around(&rest).len();
    group.sort_by(|left, right| left.at.total_cmp(&right.at));
    (group, rival)
}

/// Whether two votes speak of one map.
fn agree(left: &Found, right: &Found) -> bool {
    let apart = right.at - left.at;
    let drift = f64::midpoint(left.drift, right.drift);
    let off = right.shift - left.shift - apart * drift;
    off.abs() <= AGREE + AGREE_DRIFT * apart.abs()
        && (left.drift - right.drift).abs() <= 3.0 * AGREE_DRIFT
}

/// The map that agreeing votes speak of.
fn start_of(votes: &[Found]) -> Affine {
    let points: Vec<(f64, f64)> = votes.iter().map(|vote| (vote.at, vote.shift)).collect();
    let fit = robust(&points)
        .filter(|_| points.len() >= 3)
        .map(|fit| fit.map);
    fit.unwrap_or_else(|| votes.first().map_or(Affine::IDENTITY, Found::map))
}

fn factors(peak: f64, second: f64) -> Factors {
    Factors {
        peak: ((peak - 4.0) / 8.0).clamp(0.0, 1.0),
        second: ((1.0 - second) / 0.4).clamp(0.0, 1.0),
        inliers: 1.0,
        freshness: 1.0,
    }
}

/// The starts of at most `most` windows spread evenly over a recording.
fn spread(recording: &Window, window: f64, most: usize) -> Vec<f64> {
    let room = recording.duration() - window;
    if room < 0.0 {
        return vec![recording.start];
    }
    let count = ((room / APART + 1e-6) as usize + 1).min(most);
    let step = room / (count - 1).max(1) as f64;
    (0..count)
        .map(|at| recording.start + at as f64 * step)
        .collect()
}

/// Every third of them, from the second on, then from the third and the first: so that few of them lie apart.
fn interleaved(starts: &[f64]) -> Vec<f64> {
    let part = |first: usize| starts.iter().skip(first).step_by(3);
    part(1).chain(part(2)).chain(part(0)).copied().collect()
}

/// What of a recording lies between two times.
fn piece(recording: &Window, from: f64, to: f64) -> Option<Window> {
    let index = |time: f64| ((time - recording.start) * RATE).round().max(0.0) as usize;
    let (first, behind) = (index(from), index(to).min(recording.samples.len()));
    let samples = recording
        .samples
        .get(first..behind)
        .filter(|samples| !samples.is_empty())?;
    Some(Window {
        start: recording.start + first as f64 / RATE,
        samples: samples.to_vec(),
    })
}

/// A curve's points, as high as they stand over the root mean square.
fn points(curve: &Curve, found: &Found) -> Vec<(f64, f32)> {
    let highest = curve
        .values
        .iter()
        .fold(0.0_f32, |highest, value| highest.max(value.abs()));
    let scale = if highest > 0.0 {
        found.peak as f32 / highest
    } else {
        0.0
    };
    let shift = |at: usize| curve.first + at as f64 / RATE;
    curve
        .values
        .iter()
        .enumerate()
        .map(|(at, value)| (shift(at), value * scale))
        .collect()
}

fn median(values: &mut [f64]) -> f64 {
    super::clock::fit::median(values).unwrap_or_default()
}

/// Does two things at once.
fn both<A: Send, B: Send>(left: impl FnOnce() -> A + Send, right: impl FnOnce() -> B) -> (A, B) {
    std::thread::scope(|scope| {
        let left = scope.spawn(left);
        let right = right();
        match left.join() {
            Ok(left) => (left, right),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}
