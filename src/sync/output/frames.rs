//! Which frame is shown when, while the applied map moves.

use super::steer::Steer;
use crate::sync::Affine;

/// A hole longer than this many durations is filled.
const HOLE: f64 = 1.5;
/// Durations of frames that are believed, in seconds.
const DURATIONS: std::ops::RangeInclusive<f64> = 1e-4..=1e4;
/// Of a stream of unknown rate, intervals up to this are taken for its duration, in seconds.
const LONGEST: f64 = 0.5;

/// What becomes of a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Verdict {
    /// It would come before what was shown, or before 0.
    Drop,
    /// It is shown.
    Show(Show),
}

/// When a frame is shown, and what comes before it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Show {
    /// On the output line, in seconds; never before the frame that came last.
    pub time: f64,
    /// For how long, in seconds, if that is known.
    pub duration: Option<f64>,
    /// So many copies of the frame before it come first.
    pub repeats: u32,
    /// When the first copy is shown.
    pub from: f64,
    /// How far the copies are apart, and how long each lasts.
    pub every: f64,
    /// The output is not continuous here: frames were dropped or the hole was too long to fill.
    pub discont: bool,
}

/// Decides for each frame under a [`Steer`].
///
/// Frames keep their own times, mapped; they are not put onto a grid. Where a step opens a hole of more than 1.5
/// durations, the frame before it is repeated. Holes that the stream has of itself stay.
#[derive(Clone, Debug)]
pub struct Frames {
    fill: f64,
    nominal: Option<f64>,
    own: Option<f64>,
    shown: Option<f64>,
    applied: Affine,
    broken: bool,
}

impl Frames {
    /// At most `fill` seconds of a hole are filled.
    #[must_use]
    pub fn new(fill: f64) -> Self {
        Self {
            fill: if fill.is_finite() { fill.max(0.0) } else { 0.0 },
            nominal: None,
            own: None,
            shown: None,
            applied: Affine::IDENTITY,
            broken: true,
        }
    }

    /// The duration of a frame by the caps' rate, in seconds. Without it, that of the last frame or the last interval counts.
    pub fn set_nominal(&mut self, duration: Option<f64>) {
        self.nominal = duration.filter(|d| DURATIONS.contains(d));
    }

    /// The stream's own line leaps: no hole is filled before the next frame, and that is not continuous.
    pub fn restart(&mut self) {
        self.own = None;
        self.broken = true;
    }

    /// Forgets the output as well, after a flush.
    pub fn clear(&mut self) {
        self.restart();
        self.shown = None;
    }

    /// The frame of this time and duration on the stream's own line, in seconds. One without a time follows the last at
    /// its duration; it is dropped if that is unknown.
    pub fn push(&mut self, pts: Option<f64>, duration: Option<f64>, steer: &mut Steer) -> Verdict {
        let duration = duration.filter(|d| DURATIONS.contains(d));
        let nominal = self.nominal.or(duration);
        let pts = pts
            .filter(|pts| pts.is_finite())
            .or_else(|| Some(self.own? + nominal?));
        let Some(own) = pts else {
            return self.drop_one();
        };
        let before = self.own.replace(own);
        let interval = before.map(|before| own - before);
        let nominal = nominal.or(interval.filter(|i| DURATIONS.contains(i) && *i <= LONGEST));
        let map = steer.map_at(own);
        // What the change of the map alone adds to the interval.
        let opened = map.shift(own) - self.applied.shift(own);
        self.applied = map;
        let time = map.apply(own);
        let late = self.shown.is_some_and(|shown| time <= shown);
        if !time.is_finite() || time < 0.0 || late {
            return self.drop_one();
        }
        let mut show = Show {
            time,
            duration: duration.map(|d| d * (1.0 + map.drift)),
            repeats: 0,
            from: time,
            every: 0.0,
            discont: std::mem::replace(&mut self.broken, false),
        };
        if let (Some(shown), Some(every), false) = (self.shown, nominal, show.discont) {
            self.fill(&mut show, shown, every, opened);
        }
        self.shown = Some(time);
        Verdict::Show(show)
    }

    /// Copies of the frame before for a hole that the step of `opened` seconds made.
    fn fill(&self, show: &mut Show, shown: f64, every: f64, opened: f64) {
        let hole = show.time - shown;
        if hole <= HOLE * every || opened <= (HOLE - 1.0) * every {
            return;
        }
        let wanted = (opened.min(hole) / every).round();
        let most = (self.fill / every).floor();
        show.repeats = wanted.min(most).min((hole / every).ceil() - 1.0) as u32;
        show.from = shown + every;
        show.every = every;
        show.discont = wanted > most;
    }

    fn drop_one(&mut self) -> Verdict {
        self.broken = true;
        Verdict::Drop
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: f64 = 0.04;

    fn shifted(offset: f64) -> Affine {
        Affine { offset, drift: 0.0 }
    }

    fn show(verdict: Verdict) -> Show {
        match verdict {
            Verdict::Show(show) => show,
            Verdict::Drop => panic!("dropped"),
        }
    }

    fn play(frames: &mut Frames, steer: &mut Steer, range: std::ops::Range<u32>) -> Vec<Verdict> {
        range
            .map(|k| frames.push(Some(f64::from(k) * EVERY), Some(EVERY), steer))
            .collect()
    }

    #[test]
    fn without_a_map_frames_keep_their_times() {
        let (mut frames, mut steer) = (Frames::new(0.5), Steer::new());
        let all = play(&mut frames, &mut steer, 0..10);
        for (k, verdict) in all.into_iter().enumerate() {
            let show = show(verdict);
            assert_eq!(show.time, k as f64 * EVERY);
            assert_eq!(show.duration, Some(EVERY));
            assert_eq!((show.repeats, show.discont), (0, k == 0));
        }
        // Its own holes stay.
        let later = show(frames.push(Some(2.0), Some(EVERY), &mut steer));
        assert_eq!((later.time, later.repeats), (2.0, 0));
    }

    #[test]
    fn a_step_forwards_is_filled_with_copies() {
        let (mut frames, mut steer) = (Frames::new(0.5), Steer::new());
        play(&mut frames, &mut steer, 0..10);
        steer.target(shifted(0.2), 10.0 * EVERY);
        let first = show(frames.push(Some(10.0 * EVERY), Some(EVERY), &mut steer));
        assert!((first.time - 0.6).abs() < 1e-12);
        assert_eq!((first.repeats, first.discont), (5, false));
        assert!((first.from - 0.4).abs() < 1e-12);
        assert_eq!(first.every, EVERY);
        assert!(first.from + 4.0 * first.every < first.time - 0.5 * EVERY);
        let next = show(frames.push(Some(11.0 * EVERY), Some(EVERY), &mut steer));
        assert_eq!(next.repeats, 0);
    }

    #[test]
    fn a_long_hole_is_filled_up_to_the_bound_and_told() {
        let (mut frames, mut steer) = (Frames::new(0.5), Steer::new());
        play(&mut frames, &mut steer, 0..10);
        steer.target(shifted(3.0), 10.0 * EVERY);
        let first = show(frames.push(Some(10.0 * EVERY), Some(EVERY), &mut steer));
        assert_eq!((first.repeats, first.discont), (12, true));
    }

    #[test]
    fn a_step_backwards_drops_until_the_time_is_passed() {
        let (mut frames, mut steer) = (Frames::new(0.5), Steer::new());
        play(&mut frames, &mut steer, 0..10);
        steer.target(shifted(-0.1), 10.0 * EVERY);
        let all = play(&mut frames, &mut steer, 10..14);
        assert_eq!(all[0], Verdict::Drop);
        assert_eq!(all[1], Verdict::Drop);
        let first = show(all[2]);
        assert!((first.time - 0.38).abs() < 1e-12 && first.time > 0.36);
        assert_eq!((first.repeats, first.discont), (0, true));
    }

    #[test]
    fn times_before_0_are_not_shown() {
        let (mut frames, mut steer) = (Frames::new(0.5), Steer::new());
        steer.target(shifted(-0.1), 0.0);
        let all = play(&mut frames, &mut steer, 0..4);
        assert_eq!(all[..3], [Verdict::Drop; 3]);
        assert!(show(all[3]).time >= 0.0);
    }

    #[test]
    fn a_slew_neither_drops_nor_repeats() {
        let (mut frames, mut steer) = (Frames::new(0.5), Steer::new());
        steer.target(Affine::through(0.0, 0.0, 2e-4), 0.0);
        let mut last = -1.0;
        for k in 0..10_000_u32 {
            let own = f64::from(k) * EVERY;
            if k % 100 == 50 {
                let now = steer.applied().shift(own);
                let error = if k % 200 == 50 { 9e-4 } else { -9e-4 };
                steer.target(Affine::through(own, now + error, 2e-4), own);
            }
            let show = show(frames.push(Some(own), Some(EVERY), &mut steer));
            assert!(show.time > last && show.repeats == 0);
            last = show.time;
        }
    }

    #[test]
    fn garbage_times_never_turn_the_output_back() {
        let (mut frames, mut steer) = (Frames::new(0.5), Steer::new());
        steer.target(shifted(0.01), 0.0);
        let times = [
            Some(f64::NAN),
            None,
            Some(0.0),
            Some(0.0),
            None,
            Some(f64::INFINITY),
            Some(-5.0),
            Some(1.0),
            Some(0.5),
            Some(1e300),
        ];
        let mut last = -1.0;
        for pts in times {
            for duration in [None, Some(f64::NAN), Some(-1.0), Some(1e-300), Some(0.02)] {
                if let Verdict::Show(show) = frames.push(pts, duration, &mut steer) {
                    assert!(show.time > last);
                    assert!(show.repeats <= 25, "{show:?}");
                    last = show.time;
                }
            }
        }
    }

    #[test]
    fn a_stream_of_unknown_duration_is_filled_at_its_interval() {
        let (mut frames, mut steer) = (Frames::new(0.5), Steer::new());
        for k in 0..10 {
            frames.push(Some(f64::from(k) * EVERY), None, &mut steer);
        }
        steer.target(shifted(0.12), 0.4);
        let first = show(frames.push(Some(0.4), None, &mut steer));
        assert_eq!(first.repeats, 3);
        assert_eq!(first.duration, None);
    }
}
