//! Decoding times of pictures, from their presentation times alone.
//!
//! A group is a key and all that follows it in decoding order, its leading pictures included, up to the next key.
//! The i-th picture of a group is decoded at
//!
//! > DTSᵢ = min(i-th smallest PTS of the group − C, min over j ≥ i of PTSⱼ − (j − i) ticks)
//!
//! The first term is the time at which a decoder with C of delay shows its i-th picture; the second keeps a picture
//! from being decoded after it, or one behind it, is shown. Nothing of earlier groups takes part.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::{TimingError, nanoseconds};

/// A picture that waits for its look-ahead, however many those are that it needs.
const MOST_PENDING: usize = 1000;

/// A picture with its times, in ticks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timed<T> {
    /// Presentation time.
    pub pts: i64,
    /// Decoding time: at most `pts`, more than that of the picture before.
    pub dts: i64,
    /// A group begins here.
    pub sync: bool,
    /// The group has pictures that are shown before this key.
    pub open: bool,
    /// What was pushed.
    pub payload: T,
}

#[derive(Debug)]
struct Picture<T> {
    pts: i64,
    sync: bool,
    payload: T,
}

/// Gives pictures, pushed in decoding order, their decoding times.
#[derive(Debug)]
pub struct Reorder<T> {
    timescale: u32,
    depth: usize,
    delay: i64,
    first: Option<i64>,
    /// Times of the group that no picture has got yet.
    times: BinaryHeap<Reverse<i64>>,
    /// Pictures of the group without a decoding time.
    pending: VecDeque<Picture<T>>,
    last: Option<i64>,
}

impl<T> Reorder<T> {
    /// For a stream in which at most `depth` pictures precede one in decoding order and follow it in presentation
    /// order; `usize::MAX` where that is not known: then a group waits for its end. `delay` is C, in ticks.
    pub fn new(timescale: u32, depth: usize, delay: i64) -> Self {
        Self {
            timescale,
            depth: depth.min(MOST_PENDING),
            delay,
            first: None,
            times: BinaryHeap::new(),
            pending: VecDeque::new(),
            last: None,
        }
    }

    /// The stream's first tick, as an earlier run found it.
    pub fn set_first(&mut self, first: i64) {
        self.first = Some(first);
    }

    /// The tick of the picture that is shown first, once it is known.
    pub fn first(&self) -> Option<i64> {
        self.first
    }

    /// Takes the next picture in decoding order; those whose times are settled go to `out`.
    ///
    /// # Errors
    /// When a picture is shown before one of an earlier group.
    pub fn push(
        &mut self,
        pts: i64,
        sync: bool,
        payload: T,
        out: &mut VecDeque<Timed<T>>,
    ) -> Result<(), TimingError> {
        if sync {
            self.finish(out)?;
        }
        self.times.push(Reverse(pts));
        self.pending.push_back(Picture { pts, sync, payload });
        while self.pending.len() > self.depth {
            self.settle(out)?;
        }
        Ok(())
    }

    /// Settles the rest of the group: nothing more of it comes.
    ///
    /// # Errors
    /// As [`Reorder::push`].
    pub fn finish(&mut self, out: &mut VecDeque<Timed<T>>) -> Result<(), TimingError> {
        while !self.pending.is_empty() {
            self.settle(out)?;
        }
        Ok(())
    }

    /// Gives the first pending picture its time.
    fn settle(&mut self, out: &mut VecDeque<Timed<T>>) -> Result<(), TimingError> {
        if let Some(Reverse(pts)) = self.times.peek() {
            self.first.get_or_insert(*pts);
        }
        let bound = (0_i64..)
            .zip(&self.pending)
            .map(|(ahead, picture)| picture.pts.saturating_sub(ahead))
            .min();
        let (Some(picture), Some(Reverse(nth))) = (self.pending.pop_front(), self.times.pop())
        else {
            return Ok(());
        };
        let mut dts = nth.saturating_sub(self.delay);
        dts = bound.map_or(dts, |bound| dts.min(bound));
        if let Some(last) = self.last.filter(|last| dts <= *last) {
            // Two pictures of one time share what room there is before them.
            dts = last.saturating_add(1);
            if dts > picture.pts {
                return Err(TimingError::Backward {
                    found_ns: nanoseconds(picture.pts, self.timescale),
                    least_ns: nanoseconds(last, self.timescale),
                });
            }
        }
        self.last = Some(dts);
        out.push_back(Timed {
            pts: picture.pts,
            dts,
            sync: picture.sync,
            open: picture.sync && self.pending.iter().any(|p| p.pts < picture.pts),
            payload: picture.payload,
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// (PTS, sync) of a stream to (PTS, DTS).
    fn times(depth: usize, delay: i64, pictures: &[(i64, bool)]) -> Vec<(i64, i64)> {
        let mut reorder = Reorder::new(1000, depth, delay);
        let mut out = VecDeque::new();
        for (pts, sync) in pictures {
            reorder.push(*pts, *sync, (), &mut out).unwrap();
        }
        reorder.finish(&mut out).unwrap();
        out.iter().map(|t| (t.pts, t.dts)).collect()
    }

    #[test]
    fn a_constant_rate_has_constant_steps() {
        // I P B b b, twice, at 40 ticks a picture; two pictures deep.
        let group = [0, 160, 80, 40, 120];
        let pictures: Vec<_> = (0..2)
            .flat_map(|g| {
                group
                    .iter()
                    .enumerate()
                    .map(move |(i, t)| (t + g * 200, i == 0))
            })
            .collect();
        let found = times(2, 80, &pictures);
        let dts: Vec<_> = found.iter().map(|(_, dts)| *dts).collect();
        assert_eq!(dts, (0..10).map(|i| i * 40 - 80).collect::<Vec<_>>());
    }

    #[test]
    fn leading_pictures_belong_to_the_key_that_they_follow() {
        let pictures = [
            (0, true),
            (40, false),
            (160, true),
            (80, false),
            (120, false),
            (200, false),
        ];
        let found = times(1, 40, &pictures);
        assert_eq!(
            found,
            [
                (0, -40),
                (40, 0),
                (160, 40),
                (80, 80),
                (120, 120),
                (200, 160)
            ]
        );
        let found = times(2, 80, &pictures);
        assert_eq!(
            found,
            [
                (0, -80),
                (40, -40),
                (160, 0),
                (80, 40),
                (120, 80),
                (200, 120)
            ]
        );
    }

    #[test]
    fn a_key_with_leading_pictures_is_open() {
        let mut reorder = Reorder::new(1000, 1, 40);
        let mut out = VecDeque::new();
        for (pts, sync) in [
            (0, true),
            (40, false),
            (160, true),
            (80, false),
            (120, false),
        ] {
            reorder.push(pts, sync, (), &mut out).unwrap();
        }
        reorder.finish(&mut out).unwrap();
        let open: Vec<_> = out.iter().map(|t| t.open).collect();
        assert_eq!(open, [false, false, true, false, false]);
    }

    #[test]
    fn without_reordering_decoding_is_presentation() {
        let found = times(0, 0, &[(0, true), (33, false), (67, true)]);
        assert_eq!(found, [(0, 0), (33, 33), (67, 67)]);
    }

    #[test]
    fn the_first_tick_is_that_of_the_picture_shown_first() {
        let mut reorder = Reorder::new(1000, 1, 40);
        let mut out = VecDeque::new();
        for (pts, sync) in [(50, true), (-30, false), (90, false)] {
            reorder.push(pts, sync, (), &mut out).unwrap();
        }
        assert_eq!(reorder.first(), Some(-30));
    }

    #[test]
    fn a_picture_before_those_of_an_earlier_group_is_an_error() {
        let mut reorder = Reorder::new(1000, 0, 0);
        let mut out = VecDeque::new();
        reorder.push(1000, true, (), &mut out).unwrap();
        let error = reorder.push(0, true, (), &mut out).unwrap_err();
        assert_eq!(
            error.to_string(),
            "PTS goes backward: found 0 ns, expected more than 1000000000 ns"
        );
    }

    #[test]
    fn two_pictures_of_one_time_are_decoded_one_after_the_other() {
        let found = times(2, 80, &[(0, true), (80, false), (80, false), (40, false)]);
        assert!(found.windows(2).all(|pair| pair[0].1 < pair[1].1));
        assert!(found.iter().all(|(pts, dts)| dts <= pts));
    }

    /// Groups of pictures in an order that a decoder with `depth` pictures can show, of any frame times.
    fn streams() -> impl Strategy<Value = (usize, Vec<(i64, bool)>)> {
        (
            0_usize..5,
            prop::collection::vec((1_i64..100, any::<u8>()), 1..60),
        )
            .prop_map(|(depth, steps)| {
                let mut now = 0;
                let mut shown: Vec<i64> = steps
                    .iter()
                    .map(|(step, _)| {
                        now += step;
                        now
                    })
                    .collect();
                shown.reverse();
                // At each place decode one of the next depth + 1 in order of presentation, but none so late that
                // an earlier one is more than depth pictures behind.
                let mut waiting: Vec<(i64, usize)> = Vec::new();
                let mut decoded = Vec::new();
                for (_, choice) in &steps {
                    while waiting.len() <= depth {
                        let Some(pts) = shown.pop() else { break };
                        waiting.push((pts, 0));
                    }
                    let overtaken = waiting.first().is_some_and(|(_, n)| *n >= depth);
                    let pick = if overtaken {
                        0
                    } else {
                        usize::from(*choice) % waiting.len()
                    };
                    let (pts, _) = waiting.remove(pick);
                    waiting.iter_mut().take(pick).for_each(|(_, n)| *n += 1);
                    decoded.push((pts, decoded.is_empty()));
                }
                (depth, decoded)
            })
    }

    proptest! {
        #[test]
        fn looking_ahead_as_far_as_the_depth_is_enough((depth, pictures) in streams()) {
            let delay = 100 * depth as i64;
            let near = times(depth, delay, &pictures);
            let whole = times(usize::MAX, delay, &pictures);
            prop_assert_eq!(&near, &whole);
            for pair in near.windows(2) {
                prop_assert!(pair[0].1 < pair[1].1);
            }
            for (pts, dts) in near {
                prop_assert!(dts <= pts);
            }
        }
    }
}
