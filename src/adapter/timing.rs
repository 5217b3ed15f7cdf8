//! How long an adapter takes for a block.

use std::time::{Duration, Instant};

use super::Stats;

/// The first of so many blocks are timed in any case.
const FIRST: u64 = 256;
/// Below this mean, in nanoseconds, reading the clock twice is a good part of what it measures.
const LITTLE_NS: u64 = 10_000;
/// Of so many blocks that take little, one is timed.
const ONE_OF: u32 = 16;

/// Times blocks: each of them, or a sample of those of an adapter that takes little.
#[derive(Debug, Default)]
pub(super) struct Timing {
    takes_little: bool,
    random: u32,
}

/// A block that is being timed.
pub(super) struct Running {
    began: Instant,
    stands_for: u32,
}

impl Timing {
    /// A block is about to be decoded. Nothing where it is not timed.
    pub(super) fn begin(&mut self) -> Option<Running> {
        let stands_for = self.draw()?;
        let began = Instant::now();
        Some(Running { began, stands_for })
    }

    /// The block is decoded.
    pub(super) fn end(&mut self, running: &Running, stats: &mut Stats) {
        self.note(running.began.elapsed(), running.stands_for, stats);
    }

    /// For how many blocks the next one stands.
    fn draw(&mut self) -> Option<u32> {
        if !self.takes_little {
            return Some(1);
        }
        // By chance: one of each so many would meet a stream whose groups have that length in the same place each time. The
        // numbers are those of Numerical Recipes' generator, whose high bits are the good ones.
        self.random = self
            .random
            .wrapping_mul(1_664_525)
            .wrapping_add(1_013_904_223);
        (self.random < u32::MAX / ONE_OF).then_some(ONE_OF)
    }

    fn note(&mut self, took: Duration, stands_for: u32, stats: &mut Stats) {
        stats.busy += took * stands_for;
        stats.timed += u64::from(stands_for);
        self.takes_little = stats.timed >= FIRST && stats.mean_decode_ns() < LITTLE_NS;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The mean, and how many blocks were timed, of an adapter that takes so long for each block.
    fn timed(costs: impl Iterator<Item = u64>) -> (u64, usize) {
        let (mut timing, mut stats, mut count) = (Timing::default(), Stats::default(), 0);
        for cost in costs {
            if let Some(stands_for) = timing.draw() {
                timing.note(Duration::from_nanos(cost), stands_for, &mut stats);
                count += 1;
            }
        }
        (stats.mean_decode_ns(), count)
    }

    #[test]
    fn each_block_that_takes_long_is_timed() {
        assert_eq!(timed([20_000; 5000].into_iter()), (20_000, 5000));
    }

    #[test]
    fn few_blocks_are_all_timed() {
        assert_eq!(timed(1..=256), (128, 256));
    }

    #[test]
    fn of_those_that_take_little_a_sample_is_timed_whatever_the_length_of_groups() {
        for group in [2, 15, 16, 32, 50] {
            let costs = (0..1_000_000).map(|n| if n % group == 0 { 9000 } else { 100 });
            let mean = (9000 + 100 * (group - 1)) / group;
            let (found, count) = timed(costs);
            assert!(
                found.abs_diff(mean) * 20 < mean,
                "{group}: {found}, not {mean}"
            );
            assert!(count < 70_000, "{count}");
        }
    }

    #[test]
    fn a_stream_that_becomes_slow_has_the_mean_of_both_parts() {
        let costs = (0..200_000).map(|n| if n < 100_000 { 1000 } else { 99_000 });
        let (found, count) = timed(costs);
        assert!(found.abs_diff(50_000) < 1000, "{found}");
        assert!(count > 80_000, "{count}");
    }
}
