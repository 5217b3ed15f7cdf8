//! Pairs that hear sounds, through the searches that they are made for.

use super::*;
use crate::sync::audio::Track;
use crate::sync::audio::synth::{heard, mix, pink, speech};
use crate::sync::{Affine, RATE, Settings, Snapshot, State};

/// What became of a pair.
#[derive(Debug, Default)]
struct Story {
    changes: Vec<(f64, Change)>,
    /// How far the map of a locked pair was off at the newest time at most, in seconds.
    worst: f64,
    state: State,
}

impl Story {
    fn at(&self, wanted: impl Fn(&Change) -> bool) -> Option<f64> {
        let told = self.changes.iter().find(|(_, told)| wanted(told));
        told.map(|(at, _)| *at)
    }
}

/// Plays both to a pair as time goes on.
fn play(reference: &[f32], stream: &[f32], truth: impl Fn(f64) -> Affine) -> Story {
    let settings = Settings::default();
    let mut pair = Pair::new(settings, By::Audio);
    let mut tracks = (Track::new(keep(&settings)), Track::new(keep(&settings)));
    let mut story = Story::default();
    let step = (RATE / 8.0) as usize;
    let blocks = reference.chunks_exact(step).zip(stream.chunks_exact(step));
    for (count, (left, right)) in blocks.enumerate() {
        let start = count as f64 / 8.0;
        let now = start + 1.0 / 8.0;
        tracks.0.push(start, left);
        tracks.1.push(start, right);
        if !pair.due(now, now) {
            continue;
        }
        let wanted = pair.wanted(now, now).unwrap();
        let snapshot = |track: &Track, span: (f64, f64)| Snapshot {
            audio: track.window(span.0, span.1),
            events: Vec::new(),
            seen: now,
        };
        let reference = snapshot(&tracks.0, wanted.reference);
        let stream = snapshot(&tracks.1, wanted.stream);
        let changes = pair.update(&reference, &stream);
        story
            .changes
            .extend(changes.into_iter().map(|told| (now, told)));
        let measure = pair.measure();
        if measure.state == State::Locked {
            let error = measure.map.shift(now) - truth(now).shift(now);
            story.worst = story.worst.max(error.abs());
        }
    }
    story.state = pair.measure().state;
    story
}

/// A sound over and over, from its `from`th second on.
fn looped(sound: &[f32], from: f64, seconds: f64) -> Vec<f32> {
    let samples = sound.iter().copied().cycle();
    samples
        .skip((from * RATE) as usize)
        .take((seconds * RATE) as usize)
        .collect()
}

#[test]
fn speech_in_noise_locks_within_ten_microseconds() {
    let map = Affine {
        offset: 0.3,
        drift: 200e-6,
    };
    let sound = speech(1, 15.0);
    let stream = heard(&sound, map.offset, map.drift, 13.0);
    let stream = mix(&stream, &pink(2, 13.0), 0.0);
    let story = play(&sound, &stream, |_| map);
    let locked = story.at(|told| *told == Change::Locked).unwrap();
    assert!(locked <= 9.0, "{locked}");
    assert!(story.worst < 10e-6, "{}", story.worst);
    assert_eq!(story.state, State::Locked);
}

#[test]
fn what_circles_is_ambiguous_and_does_not_lock() {
    for (period, moved) in [(0.6, 1.3), (1.4, 0.5), (1.9, 1.0)] {
        let sound = speech(3, period);
        let reference = mix(&looped(&sound, 0.0, 16.0), &pink(4, 16.0), 10.0);
        let stream = mix(&looped(&sound, moved, 16.0), &pink(5, 16.0), 10.0);
        let story = play(&reference, &stream, |_| Affine::IDENTITY);
        assert_eq!(story.at(|told| *told == Change::Locked), None, "{period}");
        assert!(
            story.at(|told| *told == Change::Ambiguous).is_some(),
            "{period}"
        );
    }
}

#[test]
fn what_has_nothing_in_common_stays_unlocked() {
    let story = play(&speech(6, 15.0), &speech(7, 15.0), |_| Affine::IDENTITY);
    assert_eq!(story.changes, []);
    assert_eq!(story.state, State::Unlocked);
}

#[test]
fn a_step_of_forty_milliseconds_is_found_within_six_seconds() {
    let sound = speech(8, 24.0);
    let (early, late) = ((0.5 * RATE) as usize, (0.54 * RATE) as usize);
    let change = (10.0 * RATE) as usize;
    let mut stream = sound[early..early + change].to_vec();
    stream.extend(&sound[late + change..late + 2 * change]);
    let map = |offset| Affine { offset, drift: 0.0 };
    let truth = |at: f64| map(if at < 10.0 { 0.5 } else { 0.54 });
    let story = play(&sound, &stream, truth);
    let step = story
        .at(|told| matches!(told, Change::Step { .. }))
        .unwrap();
    assert!((10.0..16.0).contains(&step), "{step}");
    assert_eq!(story.state, State::Locked);
    let steps = story.changes.iter().filter_map(|(_, told)| match told {
        Change::Step { from, to } => Some(to.offset - from.offset),
        _ => None,
    });
    let steps: Vec<f64> = steps.collect();
    assert!(
        steps.len() == 1 && (steps[0] - 0.04).abs() < 20e-6,
        "{steps:?}"
    );
}
