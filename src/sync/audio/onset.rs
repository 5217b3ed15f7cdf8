//! Claps: sudden bursts in mono audio, and the instants they begin at.
//!
//! A burst is found where the power of 2 ms rises over all of the 50 ms before it. Its begin is where a change of variance
//! explains the samples best, after a linear prediction from the samples before has taken out what was there already
//! (voices, hum); the interval is made of all begins that explain them nearly as well.

use std::collections::VecDeque;

use crate::sync::{Event, RATE};

/// Samples of a step.
const HOP: usize = 8;
/// Steps whose power is compared.
const SHORT: usize = 4;
/// Steps before them that may belong to the rise.
const GAP: usize = 4;
/// Steps before those that a burst must surpass.
const LONG: usize = 100;
/// Steps that are waited for behind the one that rose: the burst goes on there.
const BEHIND: usize = 10;
/// The least rise, in decibels.
const RISE: f64 = 3.5;
/// How much more an event asks of the next, in decibels; it fades with [`CALM`].
const ASK: f64 = 1.5;
/// In seconds.
const CALM: f64 = 0.4;
/// The least power of a burst: -80 dB of full scale.
const LEAST: f64 = 1e-8;
/// Events are at least so far apart, in seconds.
const APART: f64 = 0.1;
/// How long an event waits for a louder one, in seconds: one found by then has begun earlier.
const WAIT: f64 = 0.115;
/// Samples that are held.
const HELD: usize = 2048;
/// A time further than this from the end of the samples before breaks the line, in seconds.
const BROKEN: f64 = 2e-3;
/// Coefficients of the prediction.
const ORDER: usize = 12;
/// Samples that the prediction learns from.
const LEARNT: usize = 480;
/// How sure it is that the begin lies in the interval.
const SURE: f64 = 0.99;
/// How sure it has to be with the widest one.
const SURE_ENOUGH: f64 = 0.7;
/// Begins that the widest interval is made of, in samples: 1 ms with what is added at its ends.
const WIDEST: usize = 14;
/// What rings before the burst, as a share of its power: converters of rates look ahead.
const RINGING: f64 = 0.03;
/// Samples by which a plain begin may come later than it seems.
const LATER: usize = 5;
/// Samples are not as independent, nor as normal, as the comparison holds them.
const TRUST: f64 = 1.0;
/// Steps over which the normal rise is averaged.
const NORMAL: f64 = 2000.0;

/// Finds claps in mono audio at [`RATE`].
#[derive(Clone, Debug)]
pub struct Onsets {
    /// The latest samples, and the time behind them.
    held: VecDeque<f32>,
    end: Option<f64>,
    /// Powers of the latest steps, and of every [`SHORT`] of them.
    steps: VecDeque<f64>,
    short: VecDeque<f64>,
    /// The step that is being filled.
    sum: f64,
    filled: usize,
    last: f64,
    /// Mean and mean deviation of the rise, in decibels.
    normal: (f64, f64),
    asked: f64,
    /// The best rise since something rose, and how many steps ago that began.
    risen: Option<(f64, usize)>,
    pending: Option<Event>,
}

impl Default for Onsets {
    fn default() -> Self {
        Self::new()
    }
}

impl Onsets {
    /// Begins with silence before it.
    #[must_use]
    pub fn new() -> Self {
        Self {
            held: VecDeque::with_capacity(HELD),
            end: None,
            steps: VecDeque::with_capacity(SHORT),
            short: VecDeque::with_capacity(SHORT + GAP + LONG),
            sum: 0.0,
            filled: 0,
            last: 0.0,
            normal: (-3.0, 2.0),
            asked: 0.0,
            risen: None,
            pending: None,
        }
    }

    /// Takes samples that begin at `time`, in seconds on the stream's own line, and returns the claps that are certain by
    /// now, oldest first: each is told 115 ms after it came, for a louder one takes its place. A leap of the time by more
    /// than 2 ms begins anew.
    pub fn push(&mut self, time: f64, samples: &[f32]) -> Vec<Event> {
        let mut found = Vec::new();
        if !time.is_finite() || samples.is_empty() {
            return found;
        }
        if self.end.is_some_and(|end| (end - time).abs() > BROKEN) {
            found.extend(self.pending.take());
            let (normal, asked) = (self.normal, self.asked);
            *self = Self {
                normal,
                asked,
                ..Self::new()
            };
        }
        self.end = Some(time);
        for sample in samples {
            let sample = if sample.is_finite() { *sample } else { 0.0 };
            if self.held.len() == HELD {
                self.held.pop_front();
            }
            self.held.push_back(sample);
            self.end = self.end.map(|end| end + 1.0 / RATE);
            // What is low counts less: voices and rooms.
            let edge = f64::from(sample) - 0.9 * self.last;
            self.last = f64::from(sample);
            self.sum += edge * edge;
            self.filled += 1;
            if self.filled == HOP {
                self.step(&mut found);
            }
        }
        found
    }

    /// Returns what waits, at the end of the stream.
    pub fn finish(&mut self) -> Option<Event> {
        self.pending.take()
    }

    /// A step is full.
    fn step(&mut self, found: &mut Vec<Event>) {
        push_bounded(&mut self.steps, self.sum / HOP as f64, SHORT);
        self.sum = 0.0;
        self.filled = 0;
        let power = self.steps.iter().sum::<f64>() / SHORT as f64;
        push_bounded(&mut self.short, power, SHORT + GAP + LONG);
        self.asked *= 1.0 - HOP as f64 / RATE / CALM;
        let now = self.end.unwrap_or(0.0);
        if self.pending.is_some_and(|event| now - event.latest > WAIT) {
            found.extend(self.pending.take());
        }
        let before = self.short.iter().take(LONG).copied().fold(0.0, f64::max);
        let rise = 10.0 * (power.max(LEAST / 100.0) / before.max(LEAST / 100.0)).log10();
        let full = self.short.len() == SHORT + GAP + LONG;
        if let Some((best, ago)) = self.risen {
            let best = best.max(rise);
            self.risen = Some((best, ago + 1));
            if ago + 1 >= BEHIND {
                self.risen = None;
                self.weigh(best, found);
            }
        } else if full && power > LEAST && rise > RISE + self.asked {
            self.risen = Some((rise, 0));
        } else {
            let (mean, deviation) = self.normal;
            let off = rise - mean;
            self.normal = (
                mean + off / NORMAL,
                deviation + (off.abs() - deviation) / NORMAL,
            );
        }
    }

    /// A rise is complete: it is an event if its begin is plain.
    fn weigh(&mut self, rise: f64, found: &mut Vec<Event>) {
        let (mean, deviation) = self.normal;
        // 1.25: from the mean deviation to the standard deviation.
        let strength = (rise - mean) / (1.25 * deviation).max(0.5);
        let Some((first, last)) = self.begin() else {
            return;
        };
        let Some(end) = self.end else { return };
        let at = |index: usize| end - (self.held.len() as f64 - index as f64) / RATE;
        let event = Event {
            earliest: at(first),
            latest: at(last),
            strength: strength as f32,
        };
        self.asked += ASK;
        match self.pending {
            Some(before) if event.middle() - before.middle() < APART => {
                if event.strength > before.strength {
                    self.pending = Some(event);
                }
            }
            _ => found.extend(self.pending.replace(event)),
        }
    }

    /// Between which of the samples held the burst began.
    fn begin(&self) -> Option<(usize, usize)> {
        // The step that rose ends here.
        let risen = self.held.len().checked_sub(BEHIND * HOP)?;
        let from = risen.checked_sub((SHORT + GAP + 4) * HOP)?;
        let learn = from.checked_sub(LEARNT)?;
        let held: Vec<f64> = self
            .held
            .range(learn..)
            .map(|sample| f64::from(*sample))
            .collect();
        let (past, _) = held.split_at_checked(LEARNT)?;
        let errors = prediction_errors(past, &held);
        let (past, burst) = errors.split_at_checked(LEARNT)?;
        let loudest = highest_power(burst);
        let normal = highest_power(past)
            .max(LEAST / 100.0)
            .max(RINGING * loudest);
        let likely = likelihoods(burst, normal, (SHORT + GAP + 6) * HOP);
        let (first, last) = shortest(&likely)?;
        // The burst begins after the sample before; converters of rates may have spread it there by a sample more. What rings
        // may have been taken for its begin, so that it comes a little later.
        let later = (WIDEST - (last - first)).min(LATER);
        Some((from + first.checked_sub(2)?, from + last + later))
    }
}

/// The shortest run of indices, both included, that holds nearly all of what these logarithms of likelihoods sum to.
fn shortest(likely: &[f64]) -> Option<(usize, usize)> {
    let best = likely.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sums: Vec<f64> = std::iter::once(0.0)
        .chain(likely.iter().scan(0.0, |sum, value| {
            *sum += (TRUST * (value - best)).exp();
            Some(*sum)
        }))
        .collect();
    let all = sums
        .last()
        .copied()
        .filter(|all| all.is_finite() && *all > 0.0)?;
    let fullest = |width: usize| {
        let pairs = sums.iter().zip(sums.iter().skip(width));
        let shares = pairs
            .map(|(before, after)| (after - before) / all)
            .enumerate();
        shares.max_by(|a, b| a.1.total_cmp(&b.1))
    };
    (1..=WIDEST).find_map(|width| {
        let wanted = if width < WIDEST { SURE } else { SURE_ENOUGH };
        let (first, share) = fullest(width)?;
        (share >= wanted).then_some((first, first + width - 1))
    })
}

fn push_bounded(queue: &mut VecDeque<f64>, value: f64, most: usize) {
    if queue.len() == most {
        queue.pop_front();
    }
    queue.push_back(value);
}

/// How likely the samples are if the variance changes from `normal` before sample n, as a logarithm, for each of the first
/// `most` n.
fn likelihoods(errors: &[f64], normal: f64, most: usize) -> Vec<f64> {
    let total: f64 = errors.iter().map(|e| e * e).sum();
    let mut before = 0.0;
    errors
        .iter()
        .take(most)
        .enumerate()
        .map(|(n, error)| {
            let left = (errors.len() - n) as f64;
            let after = ((total - before) / left).max(normal);
            let value =
                -0.5 * (before / normal + n as f64 * normal.ln() + left * (after.ln() + 1.0));
            before += error * error;
            value
        })
        .collect()
}

/// The highest power of the blocks of 2 ms: what is normal there need not be steady.
fn highest_power(errors: &[f64]) -> f64 {
    errors
        .chunks(SHORT * HOP)
        .map(|block| block.iter().map(|e| e * e).sum::<f64>() / block.len() as f64)
        .fold(0.0, f64::max)
}

/// What a linear prediction learnt from `past` (Levinson and Durbin's recursion) leaves of `all`.
fn prediction_errors(past: &[f64], all: &[f64]) -> Vec<f64> {
    let weighted: Vec<f64> = past
        .iter()
        .enumerate()
        .map(|(k, sample)| {
            let turn = std::f64::consts::TAU * (k as f64 + 0.5) / past.len() as f64;
            sample * (0.5 - 0.5 * turn.cos())
        })
        .collect();
    let correlation = |lag: usize| -> f64 {
        weighted
            .iter()
            .zip(weighted.iter().skip(lag))
            .map(|(a, b)| a * b)
            .sum()
    };
    // A little white noise keeps the prediction tame.
    let mut left = correlation(0) * (1.0 + 1e-5) + 1e-12;
    let lags: Vec<f64> = (0..=ORDER).map(correlation).collect();
    let mut filter = vec![1.0];
    for order in 1..=ORDER {
        let sum: f64 = filter
            .iter()
            .zip(lags.iter().take(order + 1).rev())
            .map(|(a, r)| a * r)
            .sum();
        let reflection = -sum / left;
        let longer: Vec<f64> = filter.iter().copied().chain([0.0]).collect();
        filter = longer
            .iter()
            .zip(longer.iter().rev())
            .map(|(a, b)| a + reflection * b)
            .collect();
        left *= (1.0 - reflection * reflection).max(1e-9);
    }
    (0..all.len())
        .map(|at| {
            let back = all.iter().take(at + 1).rev();
            filter.iter().zip(back).map(|(a, sample)| a * sample).sum()
        })
        .collect()
}

#[cfg(test)]
mod tests;
