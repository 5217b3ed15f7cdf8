//! Two whole recordings against each other by events in both.

use super::{Comparison, Verdict};
use crate::sync::audio::Found;
use crate::sync::clock::agreement::{Agreement, Estimate};
use crate::sync::clock::events::Matcher;
use crate::sync::{Event, Factors, Measure, Settings, State};

/// Of more events the strongest are compared.
const MOST: usize = 128;
/// How far about the best shift the curve goes, in seconds.
const AROUND: f64 = 2.0;
/// No better accuracy is claimed, in seconds.
const CLAIMED: f64 = 0.1e-3;

/// Compares the events of two recordings, each list in the order of time. What is claimed holds for all of the stream, whose
/// own times reach from `ends.0` to `ends.1`, in seconds. The curve tells how many pairs of events each shift allows.
#[must_use]
pub fn compare_events(
    reference: &[Event],
    stream: &[Event],
    ends: (f64, f64),
    settings: &Settings,
) -> Comparison {
    let (reference, stream) = (strongest(reference), strongest(stream));
    let (Some(first), Some(last)) = (stream.first(), stream.last()) else {
        return Comparison::default();
    };
    let (first, last) = (first.middle(), last.middle());
    let origin = f64::midpoint(first, last);
    let agreement = Matcher::with_most(MOST * MOST).agree(&reference, &stream, settings, origin);
    let Some(found) = agreement else {
        return Comparison::default();
    };
    let ends = [ends.0.min(first), ends.1.max(last)];
    let Estimate { map, uncertainty } = found.estimate_over(origin, &ends);
    let votes = found.residuals.iter().map(|(at, off)| Found {
        at: *at,
        shift: map.shift(*at) + off,
        drift: map.drift,
        peak: found.count as f64,
        second: found.rival,
    });
    let comparison = Comparison {
        state: verdict(&found),
        votes: votes.collect(),
        curve: curve(&reference, &stream, map.drift, map.shift(origin), origin),
        ..Comparison::default()
    };
    let state = match comparison.state {
        Verdict::Locked => State::Locked,
        Verdict::Provisional => State::Provisional,
        Verdict::Ambiguous | Verdict::Unrelated => return comparison,
    };
    let measure = Measure {
        state,
        map,
        // The map is a straight line: what is claimed for it holds between the ends if it holds there.
        uncertainty: uncertainty.max(CLAIMED),
        factors: Factors {
            freshness: 1.0,
            ..found.factors()
        },
    };
    Comparison {
        measure,
        residuals: found.residuals,
        ..comparison
    }
}

fn verdict(found: &Agreement) -> Verdict {
    if found.is_proof() {
        Verdict::Locked
    } else if found.is_fair() {
        Verdict::Provisional
    } else if found.is_undecided() {
        Verdict::Ambiguous
    } else {
        Verdict::Unrelated
    }
}

/// The strongest events, in the order of time.
fn strongest(events: &[Event]) -> Vec<Event> {
    let mut events = events.to_vec();
    if events.len() > MOST {
        events.sort_by(|left, right| right.strength.total_cmp(&left.strength));
        events.truncate(MOST);
        events.sort_by(|left, right| left.middle().total_cmp(&right.middle()));
    }
    events
}

/// How many pairs of events each shift at `origin` allows, as a staircase about the best.
fn curve(
    reference: &[Event],
    stream: &[Event],
    drift: f64,
    best: f64,
    origin: f64,
) -> Vec<(f64, f32)> {
    let (low, high) = (best - AROUND, best + AROUND);
    let mut ends: Vec<(f64, f32)> = Vec::new();
    for own in stream {
        let moved = (own.middle() - origin) * drift;
        for other in reference {
            let least = other.earliest - own.latest - moved;
            let most = other.latest - own.earliest - moved;
            if most >= low && least <= high {
                ends.extend([(least.max(low), 1.0), (most.min(high), -1.0)]);
            }
        }
    }
    ends.sort_by(|left, right| left.0.total_cmp(&right.0));
    let mut height = 0.0;
    let mut points = vec![(low, 0.0)];
    for (at, step) in ends {
        points.push((at, height));
        height += step;
        points.push((at, height));
    }
    points.push((high, height));
    points
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::clock::made::Noise;

    /// Intervals of 10 ms about times that never repeat themselves.
    fn events(count: usize, offset: f64, drift: f64) -> Vec<Event> {
        let mut time = 1.0;
        let made = (0..count).map(|n| {
            time += 1.0 + ((n * n * 37 + n * 11) % 97) as f64 / 60.0;
            let own = (time - offset) / (1.0 + drift);
            Event {
                earliest: own - 0.004,
                latest: own + 0.006,
                strength: 10.0,
            }
        });
        made.collect()
    }

    fn settings() -> Settings {
        Settings {
            max_offset: 60.0,
            ..Settings::default()
        }
    }

    #[test]
    fn events_of_one_scene_lock_within_what_is_claimed() {
        for (count, offset, drift) in [(20, -3.25, 1e-4), (100, 17.0, -2e-4)] {
            let found = compare_events(
                &events(count, 0.0, 0.0),
                &events(count, offset, drift),
                (0.0, 30.0),
                &settings(),
            );
            assert_eq!(found.state, Verdict::Locked);
            let claimed = found.measure.uncertainty;
            assert!(claimed < 16e-3, "{claimed}");
            for time in [0.0, 30.0] {
                let off = found.measure.map.apply(time) - (offset + time * (1.0 + drift));
                assert!(off.abs() <= claimed, "{off} {claimed}");
            }
            assert!(found.votes.len() >= count / 2);
            let highest = found.curve.iter().max_by(|a, b| a.1.total_cmp(&b.1));
            let origin =
                found.votes.iter().map(|vote| vote.at).sum::<f64>() / found.votes.len() as f64;
            let off = highest.map_or(1.0, |best| best.0 - found.measure.map.shift(origin));
            assert!(off.abs() < 0.02, "{off}");
        }
    }

    #[test]
    fn what_is_claimed_holds_from_end_to_end_at_once() {
        let (mut held, mut locked) = (0, 0);
        for seed in 0..400 {
            let mut noise = Noise::new(seed);
            let drift = if seed % 2 == 0 { 450e-6 } else { -450e-6 };
            let mut event = |at: f64, width: f64| {
                let earliest = at - width * noise.uniform();
                Event {
                    earliest,
                    latest: earliest + width,
                    strength: 10.0,
                }
            };
            let (mut time, mut reference, mut stream) = (0.0, Vec::new(), Vec::new());
            for _ in 0..8 {
                time += 1.0 + 2.0 * event(0.0, 1.0).latest;
                reference.push(event(0.5 + time * (1.0 + drift), 0.6e-3));
                stream.push(event(time, 0.01));
            }
            let ends = (0.0, time + 4.0);
            let found = compare_events(&reference, &stream, ends, &settings());
            let off = |time: f64| (found.measure.map.shift(time) - 0.5 - time * drift).abs();
            let claimed = found.measure.uncertainty;
            locked += usize::from(found.state == Verdict::Locked);
            held += usize::from(off(ends.0).max(off(ends.1)) <= claimed);
        }
        assert_eq!(locked, 400);
        assert!(held >= 396, "{held}");
    }

    #[test]
    fn a_steady_beat_is_ambiguous_and_nothing_is_unrelated() {
        let beat: Vec<Event> = (0..30)
            .map(|n| Event {
                earliest: f64::from(n),
                latest: f64::from(n) + 0.01,
                strength: 1.0,
            })
            .collect();
        let found = compare_events(&beat, &beat, (0.0, 30.0), &settings());
        assert_eq!(found.state, Verdict::Ambiguous);
        assert_eq!(found.measure, Measure::default());
        let (many, few) = (events(20, 0.0, 0.0), events(2, 0.0, 0.0));
        let two = compare_events(&many, &few, (0.0, 30.0), &settings());
        assert_eq!(two.state, Verdict::Unrelated);
        assert_eq!(
            compare_events(&[], &beat, (0.0, 30.0), &settings()),
            Comparison::default()
        );
    }
}
