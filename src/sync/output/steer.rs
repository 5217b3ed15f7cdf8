//! The map that is applied, and how it gives way to a new one.

use std::collections::VecDeque;

use crate::sync::Affine;

/// How fast a small error is worked off, beyond the drift.
const SLEW: f64 = 500e-6;
/// Larger errors than this step, in seconds.
const SLEW_LIMIT: f64 = 1e-3;
/// Errors below this are none, in seconds.
const MET: f64 = 1e-10;
/// A map of more drift than this is not of two clocks, and is refused.
const DRIFT_LIMIT: f64 = 0.01;
/// Nor is one that leads further than this, in seconds: 30 years.
const OFFSET_LIMIT: f64 = 1e9;
/// Pieces that wait for their time; more come only from a caller that never asks for a map.
const PIECES: usize = 16;

/// A leap of the applied map.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// The map up to the step.
    pub from: Affine,
    /// The map from it on.
    pub to: Affine,
    /// Where it happens, in seconds on the stream's own line.
    pub at: f64,
}

impl Step {
    /// By how much the output leaps, in seconds; content comes earlier by it when negative.
    #[must_use]
    pub fn size(&self) -> f64 {
        self.to.shift(self.at) - self.from.shift(self.at)
    }
}

/// The applied map at a time, and up to when it stays.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Piece {
    /// The map.
    pub map: Affine,
    /// Another follows at this time of the stream's own line; infinite if none is known yet.
    pub until: f64,
}

/// The applied map: a chain of straight pieces.
///
/// The first target is taken at once and whole. A later one that is at most 1 ms off is approached at 500 ppm beyond its
/// drift, without a leap; one further off is stepped to. Between steps the applied time only rises.
#[derive(Clone, Debug)]
pub struct Steer {
    /// Maps and where they begin; the first holds for all that lies before the second.
    pieces: VecDeque<(f64, Affine)>,
    /// The time last asked for.
    seen: Option<f64>,
    engaged: bool,
}

impl Default for Steer {
    fn default() -> Self {
        Self::new()
    }
}

impl Steer {
    /// Begins with the identity.
    #[must_use]
    pub fn new() -> Self {
        Self {
            pieces: VecDeque::from([(f64::NEG_INFINITY, Affine::IDENTITY)]),
            seen: None,
            engaged: false,
        }
    }

    /// Whether no target was set yet: samples then pass untouched.
    #[must_use]
    pub fn is_identity(&self) -> bool {
        !self.engaged
    }

    /// The map that all pieces lead to.
    #[must_use]
    pub fn goal(&self) -> Affine {
        self.pieces.back().map_or(Affine::IDENTITY, |&(_, map)| map)
    }

    /// The map applied to the time last asked for.
    #[must_use]
    pub fn applied(&self) -> Affine {
        self.find(self.seen.unwrap_or(f64::NEG_INFINITY)).map
    }

    /// Sets where to go from `at` on, in seconds of the stream's own line, or from the last time asked for if that is later.
    ///
    /// Returns the step, if it takes one. A map that is not finite, or of more than 1 % drift, changes nothing.
    pub fn target(&mut self, map: Affine, at: f64) -> Option<Step> {
        let sane = map.offset.abs() <= OFFSET_LIMIT && map.drift.abs() <= DRIFT_LIMIT;
        if !sane {
            return None;
        }
        let at = self.position(at);
        let from = self.find(at).map;
        let error = map.shift(at) - from.shift(at);
        self.pieces.retain(|&(begin, _)| begin < at);
        if self.pieces.is_empty() {
            self.pieces.push_back((f64::NEG_INFINITY, from));
        }
        let first = !std::mem::replace(&mut self.engaged, true);
        if error.abs() <= MET {
            self.add(at, map);
            return None;
        }
        if first || error.abs() > SLEW_LIMIT {
            self.add(at, map);
            return Some(Step { from, to: map, at });
        }
        let slope = map.drift + SLEW.copysign(error);
        self.add(at, Affine::through(at, from.shift(at), slope));
        self.add(at + error.abs() / SLEW, map);
        None
    }

    /// The stream's own line leaps to `time`: a slew under way is over, the goal holds.
    pub fn restart(&mut self, time: f64) {
        let goal = self.goal();
        self.pieces.clear();
        self.add(f64::NEG_INFINITY, goal);
        self.seen = time.is_finite().then_some(time);
    }

    /// The piece that holds at `time` of the stream's own line. Times are asked for in their order: what lies before the
    /// piece is forgotten.
    pub fn piece(&mut self, time: f64) -> Piece {
        if time.is_finite() {
            self.seen = Some(time);
            while self.pieces.get(1).is_some_and(|&(begin, _)| begin <= time) {
                self.pieces.pop_front();
            }
        }
        self.find(time)
    }

    /// The map of [`piece`](Self::piece).
    pub fn map_at(&mut self, time: f64) -> Affine {
        self.piece(time).map
    }

    fn find(&self, time: f64) -> Piece {
        let next = self
            .pieces
            .iter()
            .skip(1)
            .position(|&(begin, _)| begin > time)
            .map_or(self.pieces.len(), |at| at + 1);
        Piece {
            map: self
                .pieces
                .get(next.saturating_sub(1))
                .map_or(Affine::IDENTITY, |&(_, map)| map),
            until: self.pieces.get(next).map_or(f64::INFINITY, |&(at, _)| at),
        }
    }

    fn position(&self, at: f64) -> f64 {
        match self.seen {
            Some(seen) if at.is_finite() => seen.max(at),
            Some(seen) => seen,
            None if at.is_finite() => at,
            None => 0.0,
        }
    }

    fn add(&mut self, begin: f64, map: Affine) {
        if self.pieces.len() >= PIECES {
            self.pieces.pop_front();
        }
        self.pieces.push_back((begin, map));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shifted(offset: f64) -> Affine {
        Affine { offset, drift: 0.0 }
    }

    #[test]
    fn the_first_target_is_one_step() {
        let mut steer = Steer::new();
        assert!(steer.is_identity());
        assert_eq!(steer.map_at(1.0), Affine::IDENTITY);
        let to = Affine::through(1.0, 0.3, 2e-4);
        let step = steer.target(to, 1.0).unwrap();
        assert!((step.size() - 0.3).abs() < 1e-12);
        assert_eq!(steer.map_at(1.0), to);
        assert!(!steer.is_identity());
    }

    #[test]
    fn a_small_error_slews_without_a_leap_until_it_is_met() {
        let mut steer = Steer::new();
        steer.target(shifted(0.1), 0.0);
        steer.map_at(10.0);
        let goal = Affine::through(10.0, 0.1005, 1e-4);
        assert_eq!(steer.target(goal, 10.0), None);
        let (mut last, mut time) = (steer.map_at(10.0).apply(10.0), 10.0);
        assert!((last - 10.1).abs() < 1e-12);
        while time < 12.0 {
            time += 0.001;
            let now = steer.map_at(time).apply(time);
            let rate = (now - last) / 0.001;
            assert!(rate > 1.0 && rate < 1.000_601, "{rate} at {time}");
            last = now;
        }
        assert_eq!(steer.map_at(11.01), goal);
        assert_eq!(steer.piece(12.0).until, f64::INFINITY);
    }

    #[test]
    fn the_piece_tells_where_the_slew_ends() {
        let mut steer = Steer::new();
        steer.target(shifted(0.0), 0.0);
        steer.target(shifted(-0.0005), 2.0);
        assert!((steer.piece(2.5).until - 3.0).abs() < 1e-9);
        assert!((steer.piece(2.5).map.drift + 5e-4).abs() < 1e-12);
    }

    #[test]
    fn a_large_error_steps_later_too() {
        let mut steer = Steer::new();
        steer.target(shifted(0.1), 0.0);
        let step = steer.target(shifted(0.0985), 5.0).unwrap();
        assert!((step.size() + 0.0015).abs() < 1e-12);
        assert_eq!(steer.map_at(4.0), shifted(0.1));
        assert_eq!(steer.map_at(5.0), shifted(0.0985));
    }

    #[test]
    fn a_target_while_slewing_goes_on_from_there() {
        let mut steer = Steer::new();
        steer.target(shifted(0.0), 0.0);
        steer.target(shifted(0.001), 1.0);
        let before = steer.map_at(2.0).shift(2.0);
        assert!((before - 0.0005).abs() < 1e-12);
        // An earlier position than was asked for already counts as that.
        assert_eq!(steer.target(shifted(0.0), 1.5), None);
        assert!((steer.map_at(2.0).shift(2.0) - before).abs() < 1e-12);
        assert!((steer.map_at(2.5).shift(2.5) - 0.00025).abs() < 1e-12);
        assert_eq!(steer.map_at(3.1), shifted(0.0));
    }

    #[test]
    fn a_leap_of_the_own_line_keeps_the_goal() {
        let mut steer = Steer::new();
        steer.target(shifted(0.1), 0.0);
        steer.map_at(100.0);
        steer.target(shifted(0.1005), 100.0);
        steer.restart(7.0);
        assert_eq!(steer.map_at(7.0), shifted(0.1005));
        assert!(steer.target(shifted(0.2), 7.0).is_some());
        assert_eq!(steer.map_at(7.0), shifted(0.2));
    }

    #[test]
    fn senseless_maps_and_times_change_nothing() {
        let mut steer = Steer::new();
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(steer.target(shifted(bad), 0.0), None);
            let drift = Affine {
                offset: 0.0,
                drift: bad,
            };
            assert_eq!(steer.target(drift, 0.0), None);
            assert_eq!(steer.map_at(bad), Affine::IDENTITY);
        }
        assert_eq!(steer.target(Affine::through(0.0, 0.0, -1.0), 0.0), None);
        assert!(steer.is_identity());
        assert!(steer.target(shifted(0.5), f64::NAN).is_some());
        for at in 0..1000 {
            steer.target(shifted(f64::from(at % 7) * 1e-4), f64::from(at));
        }
        assert!(steer.pieces.len() <= PIECES);
    }
}
