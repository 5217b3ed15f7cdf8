//! A pair that is told made-up events.

use super::*;
use crate::sync::clock::made::Noise;
use crate::sync::clock::pair::{By, Change, Pair};

/// Two streams that see the same, each for itself late and not always.
struct Run {
    pair: Pair,
    noise: Noise,
    shift: f64,
    drift: f64,
    /// Times of happenings on the stream's own line.
    every: Box<dyn Fn(&mut Noise) -> f64>,
    missing: f64,
    same: bool,
    next: f64,
    now: f64,
    reference: Vec<Event>,
    stream: Vec<Event>,
    changes: Vec<(f64, Change)>,
}

fn event(at: f64, width: f64, phase: f64) -> Event {
    let earliest = at - width * phase;
    Event {
        earliest,
        latest: earliest + width,
        strength: 10.0,
    }
}

impl Run {
    fn new(shift: f64, drift: f64, seed: u64) -> Self {
        Self {
            pair: Pair::new(Settings::default(), By::Events),
            noise: Noise::new(seed),
            shift,
            drift,
            every: Box::new(|noise| 0.5 + 3.0 * noise.uniform()),
            missing: 0.0,
            same: true,
            next: 1.0,
            now: 0.0,
            reference: Vec::new(),
            stream: Vec::new(),
            changes: Vec::new(),
        }
    }

    fn shift(&self) -> f64 {
        self.shift + self.drift * self.now
    }

    fn happen(&mut self) {
        let at = self.next;
        self.next += (self.every)(&mut self.noise);
        let shift = self.shift + self.drift * at;
        if self.noise.uniform() >= self.missing {
            let other = if self.same {
                at
            } else {
                at + 3.0 * self.noise.uniform()
            };
            self.reference
                .push(event(other + shift, 1e-3, self.noise.uniform()));
        }
        if self.noise.uniform() >= self.missing {
            self.stream.push(event(at, 0.033, self.noise.uniform()));
        }
    }

    fn to(&mut self, until: f64) {
        while self.now < until {
            self.now += 0.1;
            while self.next < self.now + 4.0 {
                self.happen();
            }
            if !self.pair.due(self.now, self.now) {
                continue;
            }
            assert_eq!(self.pair.wanted(self.now, self.now), None);
            let now = self.now;
            let latest = |events: &[Event]| {
                let seen = events
                    .iter()
                    .filter(|event| (now - 5.0..now).contains(&event.latest));
                let mut seen: Vec<Event> = seen.copied().collect();
                seen.sort_by(|a, b| a.middle().total_cmp(&b.middle()));
                Snapshot {
                    audio: None,
                    events: seen,
                    seen: now,
                }
            };
            let changes = self
                .pair
                .update(&latest(&self.reference), &latest(&self.stream));
            self.changes
                .extend(changes.into_iter().map(|change| (now, change)));
        }
    }

    fn count(&self, change: Change) -> usize {
        self.changes
            .iter()
            .filter(|(_, told)| *told == change)
            .count()
    }

    fn steps(&self) -> usize {
        let step = |(_, told): &&(f64, Change)| matches!(told, Change::Step { .. });
        self.changes.iter().filter(step).count()
    }
}

#[test]
fn events_lock_and_stay_locked_within_what_is_claimed() {
    for seed in 0..12 {
        let drift = (seed as f64 - 6.0) * 30e-6;
        let mut run = Run::new(0.7, drift, seed);
        run.missing = if seed % 2 == 0 { 0.0 } else { 0.3 };
        run.to(40.0);
        let provisional = run
            .changes
            .iter()
            .find(|(_, told)| *told == Change::Provisional)
            .unwrap()
            .0;
        assert!(provisional < 30.0, "{seed}: {provisional}");
        while run.now < 200.0 {
            run.to(run.now + 5.0);
            let measure = run.pair.measure();
            let error = (measure.map.shift(run.now) - run.shift()).abs();
            assert!(
                error < measure.uncertainty,
                "{seed} {}: {error} {measure:?}",
                run.now
            );
            assert!(measure.uncertainty < 0.05);
        }
        assert_eq!(run.count(Change::Locked), 1, "{seed} {:?}", run.changes);
        assert_eq!(run.steps(), 0, "{seed} {:?}", run.changes);
        assert!(
            run.pair.measure().factors.quality() > 0.4,
            "{:?}",
            run.pair.measure()
        );
        assert!(run.pair.residuals().unwrap().p99 < 0.04);
    }
}

#[test]
fn a_step_of_the_clock_is_told_and_locks_again() {
    for (seed, step) in [(1, 0.2), (2, -0.5), (3, 1.0), (4, -0.2)] {
        let mut run = Run::new(0.3, 50e-6, seed);
        run.to(60.0);
        run.shift += step;
        run.next = run.now + 1.0;
        run.to(110.0);
        assert_eq!(run.steps(), 1, "{step}: {:?}", run.changes);
        let measure = run.pair.measure();
        assert_eq!(measure.state, State::Locked);
        let error = (measure.map.shift(run.now) - run.shift()).abs();
        assert!(error < measure.uncertainty, "{step}: {error} {measure:?}");
    }
}

#[test]
fn even_flashes_are_ambiguous_and_never_lock() {
    for seed in 0..10 {
        let mut run = Run::new(0.3, 0.0, seed);
        let period = 0.35 + 0.15 * seed as f64;
        run.every = Box::new(move |_| period);
        run.missing = if seed % 2 == 0 { 0.0 } else { 0.2 };
        run.to(120.0);
        assert_eq!(run.count(Change::Locked), 0, "{period}: {:?}", run.changes);
        assert!(
            run.count(Change::Ambiguous) >= 1,
            "{period}: {:?}",
            run.changes
        );
    }
}

#[test]
fn events_that_have_nothing_to_do_with_each_other_never_lock() {
    for seed in 0..10 {
        let mut run = Run::new(0.3, 0.0, seed);
        run.same = false;
        run.to(120.0);
        assert_eq!(run.count(Change::Locked), 0, "{seed}: {:?}", run.changes);
    }
}

#[test]
fn a_lock_outlasts_a_minute_without_events_and_claims_less() {
    let mut run = Run::new(0.3, 0.0, 5);
    run.to(60.0);
    let before = run.pair.measure();
    run.next = 130.0;
    run.to(125.0);
    let after = run.pair.measure();
    assert_eq!(after.state, State::Locked);
    assert!(after.uncertainty > before.uncertainty);
    assert!(after.factors.freshness < 0.8);
    run.to(160.0);
    assert_eq!(run.count(Change::Locked), 1);
    assert_eq!(run.steps(), 0);
}

#[test]
fn a_jump_of_timestamps_leaves_the_map_provisional() {
    let mut run = Run::new(0.3, 0.0, 6);
    run.to(60.0);
    let map = run.pair.measure().map;
    run.pair.stale();
    let held = run.pair.measure();
    assert_eq!(held.state, State::Provisional);
    assert_eq!(held.map, map);
    assert!(held.uncertainty.is_infinite());
    run.to(90.0);
    assert_eq!(run.pair.measure().state, State::Locked);
    run.pair.relock();
    assert_eq!(run.pair.measure().state, State::Unlocked);
}
