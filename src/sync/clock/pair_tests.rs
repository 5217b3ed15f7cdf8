//! A pair that is told made-up searches.

use super::*;
use crate::sync::RATE;
use crate::sync::clock::made::Noise;

/// What searches find where: told by own time.
struct Scene {
    /// The true shift.
    shift: Box<dyn Fn(f64) -> f64>,
    /// The true drift.
    drift: f64,
    /// Whether there is anything to hear.
    heard: Box<dyn Fn(f64) -> bool>,
    /// Standard deviation of tracking, in seconds.
    sigma: f64,
    /// The share of tracking that finds something else within 8 ms.
    wrong: f64,
    /// The second peak.
    second: f64,
    /// Whether wide searches find what has nothing to do with the truth.
    unrelated: bool,
}

impl Scene {
    fn steady(shift: f64, drift: f64) -> Self {
        Self {
            shift: Box::new(move |at| shift + at * drift),
            drift,
            heard: Box::new(|_| true),
            sigma: 20e-6,
            wrong: 0.0,
            second: 0.3,
            unrelated: false,
        }
    }
}

struct Made {
    scene: Scene,
    noise: Noise,
}

impl Made {
    /// The middle of the stream's window, the true shift there, and by how much the reference's window is told to be earlier than
    /// it is; nothing where there is too little to hear.
    fn middle(&self, reference: &Window, stream: &Window) -> Option<(f64, f64, f64)> {
        let at = f64::midpoint(stream.start, stream.end());
        let shift = (self.scene.shift)(at);
        let earlier = begin(reference) - reference.start;
        let (start, end) = (begin(reference) - shift, reference.end() + earlier - shift);
        let overlap = stream.end().min(end) - stream.start.max(start);
        let heard = overlap >= 3.0 && (self.scene.heard)(at);
        heard.then_some((at, shift, earlier))
    }
}

/// Samples tell their place on the line, but for multiples of this.
const ROUND: i64 = 1 << 20;

/// When a window really begins, whatever it says: within half a minute of that.
fn begin(window: &Window) -> f64 {
    let told = (window.start * RATE).round() as i64;
    let place = window.samples.first().map_or(told, |value| *value as i64);
    let off = (place - told + ROUND / 2).rem_euclid(ROUND) - ROUND / 2;
    (told + off) as f64 / RATE
}

impl Compare for Made {
    fn wide(&mut self, reference: &Window, stream: &Window, drifts: &[f64]) -> Option<Found> {
        let (at, shift, earlier) = self.middle(reference, stream)?;
        let near = |drift: &&f64| (**drift - self.scene.drift).abs() <= 80e-6;
        let hit = drifts.iter().any(|drift| near(&drift));
        let wild = (self.noise.uniform() - 0.5) * 4.0;
        let lost = self.scene.unrelated || !hit;
        Some(Found {
            at,
            shift: if lost {
                wild
            } else {
                shift - earlier + self.scene.sigma * self.noise.normal()
            },
            drift: self.scene.drift + 15e-6 * (self.noise.uniform() - 0.5),
            peak: if lost {
                4.5 + self.noise.uniform()
            } else {
                25.0
            },
            second: if lost { 0.95 } else { self.scene.second },
        })
    }

    fn track(&mut self, reference: &Window, stream: &Window, map: &Affine) -> Option<Found> {
        let (at, shift, earlier) = self.middle(reference, stream)?;
        let truth = shift - earlier + self.scene.sigma * self.noise.normal();
        let lost = (truth - map.shift(at)).abs() > 8e-3 || self.noise.uniform() < self.scene.wrong;
        let wild = map.shift(at) + (self.noise.uniform() - 0.5) * 16e-3;
        Some(Found {
            at,
            shift: if lost { wild } else { truth },
            drift: map.drift,
            peak: if lost {
                3.0 + 3.0 * self.noise.uniform()
            } else {
                18.0
            },
            second: 0.4,
        })
    }
}

/// A pair that hears a scene as time goes on.
struct Run {
    pair: Pair<Made>,
    now: f64,
    step: f64,
    changes: Vec<(f64, Change)>,
}

impl Run {
    fn new(scene: Scene, seed: u64) -> Self {
        let noise = Noise::new(seed);
        Self {
            pair: Pair::with(Made { scene, noise }, Settings::default(), By::Audio),
            now: 0.0,
            step: 0.05,
            changes: Vec::new(),
        }
    }

    fn scene(&mut self) -> &mut Scene {
        &mut self.heard().compare.scene
    }

    fn heard(&mut self) -> &mut Heard<Made> {
        match &mut self.pair.kind {
            Kind::Heard(heard) => heard,
            Kind::Seen(_) => unreachable!("it hears"),
        }
    }

    fn window((from, to): (f64, f64)) -> Window {
        let first = (from.max(0.0) * RATE).ceil() as i64;
        let behind = ((to * RATE) as i64).max(first);
        let samples = (first..behind).map(|place| (place % ROUND) as f32);
        Window {
            start: first as f64 / RATE,
            samples: samples.collect(),
        }
    }

    fn snapshot(&self, span: (f64, f64)) -> Snapshot {
        Snapshot {
            audio: Some(Self::window((span.0, span.1.min(self.now)))),
            events: Vec::new(),
            seen: self.now,
        }
    }

    /// Lets time go on to `until`, seen by both step by step.
    fn until(&mut self, until: f64, mut check: impl FnMut(f64, &Measure)) {
        while self.now < until {
            self.now += self.step;
            if !self.pair.due(self.now, self.now) {
                continue;
            }
            let wanted = self.pair.wanted(self.now, self.now).unwrap();
            let (reference, stream) = (
                self.snapshot(wanted.reference),
                self.snapshot(wanted.stream),
            );
            let changes = self.pair.update(&reference, &stream);
            self.changes
                .extend(changes.into_iter().map(|change| (self.now, change)));
            check(self.now, &self.pair.measure());
        }
    }

    fn to(&mut self, until: f64) {
        self.until(until, |_, _| {});
    }

    fn at(&self, change: Change) -> Option<f64> {
        self.changes
            .iter()
            .find(|(_, c)| *c == change)
            .map(|(at, _)| *at)
    }

    fn count(&self, change: Change) -> usize {
        self.changes.iter().filter(|(_, c)| *c == change).count()
    }

    fn steps(&self) -> Vec<(f64, f64)> {
        let step = |(at, change): &(f64, Change)| match change {
            Change::Step { from, to } => Some((*at, to.shift(*at) - from.shift(*at))),
            _ => None,
        };
        self.changes.iter().filter_map(step).collect()
    }

    fn state(&self) -> State {
        self.pair.measure().state
    }
}

#[test]
fn a_pair_locks_after_eight_seconds_of_both_at_any_drift() {
    for seed in 0..11 {
        let drift = (seed as f64 - 5.0) * 100e-6;
        let mut run = Run::new(Scene::steady(0.4 - seed as f64 * 0.08, drift), seed);
        run.scene().wrong = 0.2;
        run.to(12.0);
        let provisional = run.at(Change::Provisional).unwrap();
        let locked = run.at(Change::Locked).unwrap();
        assert!((3.0..=6.0).contains(&provisional), "{provisional}");
        assert!(
            (8.0..=8.75).contains(&locked),
            "{seed} {drift} {:?}",
            run.changes
        );
        assert_eq!(run.count(Change::Locked), 1);
    }
}

#[test]
fn a_locked_map_is_within_half_a_millisecond_and_says_so() {
    for seed in 0..5 {
        let drift = (seed as f64 - 2.0) * 250e-6;
        let mut run = Run::new(Scene::steady(-0.2, drift), seed);
        run.scene().sigma = 50e-6;
        run.scene().wrong = 0.2;
        let mut worst: f64 = 0.0;
        run.until(60.0, |now, measure| {
            if measure.state == State::Locked {
                worst = worst.max((measure.map.shift(now) - (-0.2 + now * drift)).abs());
                assert!(measure.uncertainty >= 1e-3 && measure.uncertainty < 2e-3);
            }
        });
        assert!(worst < 0.3e-3, "{worst}");
        let measure = run.pair.measure();
        assert!(
            (measure.map.drift - drift).abs() < 3e-6,
            "{}",
            measure.map.ppm()
        );
        assert!(measure.factors.quality() > 0.7, "{:?}", measure.factors);
        let residuals = run.pair.residuals().unwrap();
        assert!(residuals.p50 < residuals.p95 && residuals.p95 <= residuals.p99);
        assert!((60e-6..200e-6).contains(&residuals.p95), "{residuals:?}");
    }
}

#[test]
fn a_drift_that_changes_slowly_is_followed_without_a_step() {
    for rate in [0.2e-6, 1e-6, -3e-6] {
        let mut run = Run::new(Scene::steady(0.1, 100e-6), 5);
        let truth = move |at: f64| 0.1 + at * 100e-6 + rate * at * at / 2.0;
        run.scene().shift = Box::new(truth);
        run.until(60.0, |now, measure| {
            if measure.state == State::Locked {
                let off = measure.map.shift(now) - truth(now);
                assert!(off.abs() < 0.4e-3, "{rate} {now} {off}");
            }
        });
        assert_eq!(run.steps(), []);
        assert_eq!(run.state(), State::Locked);
    }
}

#[test]
fn an_offset_step_is_told_once_and_locks_again() {
    for step in [2e-3, -2e-3, 40e-3, -40e-3, 1.0, -1.0] {
        for seed in 0..2 {
            let mut run = Run::new(Scene::steady(0.3, 200e-6), seed);
            run.scene().wrong = 0.1;
            let truth = move |at: f64| 0.3 + at * 200e-6 + if at > 30.0 { step } else { 0.0 };
            run.scene().shift = Box::new(truth);
            run.to(50.0);
            let steps = run.steps();
            assert_eq!(steps.len(), 1, "{step}: {steps:?}");
            assert!((steps[0].1 - step).abs() < 0.2e-3, "{steps:?}");
            assert!(steps[0].0 < 36.0, "{steps:?}");
            assert_eq!(run.state(), State::Locked);
            let off = run.pair.measure().map.shift(50.0) - truth(50.0);
            assert!(off.abs() < 0.1e-3, "{off}");
        }
    }
}

#[test]
fn silence_of_half_a_minute_holds_the_lock_and_costs_freshness() {
    let mut run = Run::new(Scene::steady(0.3, -400e-6), 7);
    run.scene().heard = Box::new(|at| !(30.0..60.0).contains(&at));
    run.to(60.0);
    let silent = run.pair.measure();
    assert_eq!(silent.state, State::Locked);
    assert!((0.3..0.8).contains(&silent.factors.freshness), "{silent:?}");
    assert!(silent.uncertainty > 1e-3);
    assert!((silent.map.shift(60.0) - (0.3 - 60.0 * 400e-6)).abs() < 0.3e-3);
    run.to(75.0);
    assert_eq!(run.count(Change::Locked), 1);
    assert_eq!(run.steps(), []);
    assert!(run.pair.measure().factors.freshness > 0.99);
}

#[test]
fn after_minutes_of_silence_the_map_is_held_until_it_is_proven_again() {
    let mut run = Run::new(Scene::steady(0.3, 0.0), 8);
    run.scene().heard = Box::new(|at| !(30.0..200.0).contains(&at));
    run.to(190.0);
    let measure = run.pair.measure();
    assert_eq!(measure.state, State::Provisional);
    assert!(measure.uncertainty.is_infinite());
    assert!((measure.map.shift(190.0) - 0.3).abs() < 1e-3);
    run.to(220.0);
    assert_eq!(run.state(), State::Locked);
    assert_eq!(run.steps(), []);
    assert_eq!(run.count(Change::Unlocked), 0);
}

#[test]
fn what_does_not_belong_together_never_locks() {
    let mut run = Run::new(Scene::steady(0.0, 0.0), 9);
    run.scene().unrelated = true;
    run.to(120.0);
    assert_eq!(run.changes, []);
    let measure = run.pair.measure();
    assert_eq!(measure.map, Affine::IDENTITY);
    assert!(measure.uncertainty.is_infinite() && measure.factors.quality() < 1e-9);
}

#[test]
fn a_loop_is_ambiguous_and_never_locks() {
    let mut run = Run::new(Scene::steady(0.0, 0.0), 10);
    run.scene().second = 0.85;
    run.to(120.0);
    assert_eq!(run.changes.len(), 1);
    assert_eq!(run.changes[0].1, Change::Ambiguous);
    assert!(run.pair.measure().factors.quality() < 0.25);
}

#[test]
fn an_assumed_map_is_provisional_at_once_and_verified_by_content() {
    let mut run = Run::new(Scene::steady(0.301, 0.0), 11);
    run.pair.assume(Affine {
        offset: 0.3,
        drift: 0.0,
    });
    assert_eq!(run.state(), State::Provisional);
    assert!(run.pair.measure().uncertainty.is_infinite());
    run.to(12.0);
    let measure = run.pair.measure();
    assert_eq!(measure.state, State::Locked);
    assert!((measure.map.offset - 0.3).abs() < 1e-12);
    assert!((1.5e-3..3e-3).contains(&measure.uncertainty));
    assert_eq!(run.count(Change::Ambiguous), 0);
}

#[test]
fn content_that_contradicts_an_assumed_map_is_told_and_the_map_stays() {
    let mut run = Run::new(Scene::steady(0.5, 0.0), 12);
    run.pair.assume(Affine {
        offset: 0.3,
        drift: 0.0,
    });
    run.to(30.0);
    let measure = run.pair.measure();
    assert_eq!(measure.state, State::Provisional);
    assert!((measure.map.offset - 0.3).abs() < 1e-12);
    assert!(measure.factors.quality() < 1e-9 && measure.uncertainty > 0.19);
    assert_eq!(run.count(Change::Ambiguous), 1);
    assert_eq!(run.steps(), []);
    run.pair.relock();
    assert_eq!(run.state(), State::Unlocked);
    run.to(45.0);
    assert!((run.pair.measure().map.offset - 0.5).abs() < 1e-3);
    assert_eq!(run.state(), State::Locked);
}

#[test]
fn a_jump_of_timestamps_leaves_the_map_provisional_until_it_is_proven() {
    for moved in [0.0, 0.15] {
        let mut run = Run::new(Scene::steady(0.3, 1e-4), 13);
        run.to(20.0);
        run.pair.stale();
        let held = run.pair.measure();
        assert_eq!(held.state, State::Provisional);
        assert!((held.map.shift(20.0) - 0.302).abs() < 1e-3);
        assert!(held.uncertainty.is_infinite() && held.factors.quality() < 1e-9);
        run.scene().shift = Box::new(move |at| 0.3 + at * 1e-4 + moved);
        run.to(32.0);
        assert_eq!(run.state(), State::Locked);
        assert_eq!(run.steps().len(), usize::from(moved > 0.0));
        let map = run.pair.measure().map;
        assert!((map.shift(32.0) - 0.3032 - moved).abs() < 1e-4);
    }
}

#[test]
fn twenty_minutes_take_no_more_memory_than_one() {
    let mut run = Run::new(Scene::steady(0.3, 1e-4), 14);
    run.scene().wrong = 0.2;
    run.step = 0.5;
    run.to(1200.0);
    assert_eq!(run.state(), State::Locked);
    assert_eq!(run.count(Change::Locked), 1);
    let (votes, proofs) = run.heard().kept();
    assert!(votes <= 400 && proofs <= 64, "{votes} {proofs}");
    assert!(run.count(Change::Updated) < 1200);
}
