//! From samples in the file to the rows of a track's sample tables.

use super::ProgressiveError;
use crate::isobmff::model::Sample;
use crate::isobmff::tables::{
    ChunkRun, DurationRun, MemberRun, OffsetRun, SampleSizes, TrackTables,
};

/// How large a chunk gets. Samples that lie next to each other share a chunk up to there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkLimits {
    /// Bytes, but for one sample that is larger.
    pub bytes: u64,
    /// Ticks of the track, but for one sample that is longer.
    pub ticks: u64,
}

impl ChunkLimits {
    /// Limits in bytes and nanoseconds, for a track of this timescale.
    pub fn new(bytes: u64, time_ns: u64, timescale: u32) -> Self {
        let ticks = u128::from(time_ns) * u128::from(timescale) / 1_000_000_000;
        Self {
            bytes,
            ticks: u64::try_from(ticks).unwrap_or(u64::MAX),
        }
    }
}

/// The chunk to which samples are being added.
#[derive(Debug, Clone, Copy)]
struct Open {
    samples: u32,
    entry: u32,
    bytes: u64,
    ticks: u64,
    /// Where the next sample has to lie.
    end: u64,
}

/// Collects the rows of one track's tables, sample by sample in decoding order. Memory grows by 4 bytes a sample of
/// its own size, 8 bytes a chunk and 4 a sync sample, besides rows that differ.
#[derive(Debug)]
pub struct TablesBuilder {
    tables: TrackTables,
    limits: ChunkLimits,
    open: Option<Open>,
    samples: u32,
    ticks: u64,
    /// Any composition offset but 0.
    has_offsets: bool,
    has_open: bool,
}

impl TablesBuilder {
    /// No samples yet; `roll_distance` is that of every sample, where decoding has to begin earlier.
    pub fn new(limits: ChunkLimits, roll_distance: Option<i16>) -> Self {
        Self {
            tables: TrackTables {
                roll_distance,
                ..TrackTables::default()
            },
            limits,
            open: None,
            samples: 0,
            ticks: 0,
            has_offsets: false,
            has_open: false,
        }
    }

    /// Samples so far.
    pub fn len(&self) -> u32 {
        self.samples
    }

    /// True before the first sample.
    pub fn is_empty(&self) -> bool {
        self.samples == 0
    }

    /// Ticks from the first sample's decoding time to the end of the last.
    pub fn ticks(&self) -> u64 {
        self.ticks
    }

    /// Adds the next sample in decoding order, whose first byte is at `offset`.
    ///
    /// # Errors
    /// [`ProgressiveError::TooMany`], [`ProgressiveError::TooLarge`].
    pub fn push(&mut self, sample: &Sample, offset: u64) -> Result<(), ProgressiveError> {
        let number =
            (self.samples.checked_add(1)).ok_or(ProgressiveError::TooMany { what: "samples" })?;
        let end = (offset.checked_add(u64::from(sample.size)))
            .ok_or(ProgressiveError::TooLarge { what: "sample" })?;
        self.put_chunk(sample, offset, end);
        self.put_size(sample.size);
        self.put_sync(sample.sync, number);
        let tables = &mut self.tables;
        match tables.durations.last_mut() {
            Some(run) if run.duration == sample.duration => run.count += 1,
            _ => tables.durations.push(DurationRun {
                count: 1,
                duration: sample.duration,
            }),
        }
        match tables.composition_offsets.last_mut() {
            Some(run) if run.offset == sample.composition_offset => run.count += 1,
            _ => tables.composition_offsets.push(OffsetRun {
                count: 1,
                offset: sample.composition_offset,
            }),
        }
        match tables.open.last_mut() {
            Some(run) if run.member == sample.open => run.count += 1,
            _ => tables.open.push(MemberRun {
                count: 1,
                member: sample.open,
            }),
        }
        self.has_offsets |= sample.composition_offset != 0;
        self.has_open |= sample.open;
        self.samples = number;
        self.ticks = self.ticks.saturating_add(u64::from(sample.duration));
        Ok(())
    }

    fn put_chunk(&mut self, sample: &Sample, offset: u64, end: u64) {
        let (size, duration) = (u64::from(sample.size), u64::from(sample.duration));
        if let Some(open) = &mut self.open {
            let (bytes, ticks) = (
                open.bytes.saturating_add(size),
                open.ticks.saturating_add(duration),
            );
            let fits = bytes <= self.limits.bytes && ticks <= self.limits.ticks;
            if open.end == offset && open.entry == sample.entry && fits {
                *open = Open {
                    samples: open.samples + 1,
                    entry: open.entry,
                    bytes,
                    ticks,
                    end,
                };
                return;
            }
        }
        self.close_chunk();
        self.tables.chunk_offsets.push(offset);
        self.open = Some(Open {
            samples: 1,
            entry: sample.entry,
            bytes: size,
            ticks: duration,
            end,
        });
    }

    /// Chunks are at most as many as samples, which fit 32 bits.
    fn close_chunk(&mut self) {
        let Some(Open { samples, entry, .. }) = self.open.take() else {
            return;
        };
        let same =
            (self.tables.chunks.last()).is_some_and(|c| c.samples == samples && c.entry == entry);
        if !same {
            self.tables.chunks.push(ChunkRun {
                first_chunk: u32::try_from(self.tables.chunk_offsets.len()).unwrap_or(u32::MAX),
                samples,
                entry,
            });
        }
    }

    /// Equal sizes are counted for as long as they are.
    fn put_size(&mut self, found: u32) {
        match &mut self.tables.sizes {
            SampleSizes::Constant { size, count } if *size == found => *count += 1,
            SampleSizes::Constant { size, count } => {
                let mut sizes = vec![*size; *count as usize];
                sizes.push(found);
                self.tables.sizes = SampleSizes::Each(sizes);
            }
            // A constant size of 0 is how the box says that sizes follow.
            SampleSizes::Each(sizes) if sizes.is_empty() && found != 0 => {
                self.tables.sizes = SampleSizes::Constant {
                    size: found,
                    count: 1,
                };
            }
            SampleSizes::Each(sizes) => sizes.push(found),
        }
    }

    /// Numbers are kept from the first sample on that is none.
    fn put_sync(&mut self, sync: bool, number: u32) {
        match &mut self.tables.sync {
            Some(numbers) if sync => numbers.push(number),
            None if !sync => self.tables.sync = Some((1..number).collect()),
            _ => {}
        }
    }

    /// The tables.
    pub fn finish(mut self) -> TrackTables {
        self.close_chunk();
        if !self.has_offsets {
            self.tables.composition_offsets.clear();
        }
        if !self.has_open {
            self.tables.open.clear();
        }
        self.tables
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMITS: ChunkLimits = ChunkLimits {
        bytes: 1000,
        ticks: 500,
    };

    fn sample(size: u32) -> Sample {
        Sample {
            size,
            duration: 10,
            composition_offset: 0,
            sync: true,
            open: false,
            entry: 0,
        }
    }

    fn built(samples: &[(Sample, u64)]) -> TrackTables {
        let mut builder = TablesBuilder::new(LIMITS, None);
        for (sample, offset) in samples {
            builder.push(sample, *offset).unwrap();
        }
        builder.finish()
    }

    fn chunk(first_chunk: u32, samples: u32, entry: u32) -> ChunkRun {
        ChunkRun {
            first_chunk,
            samples,
            entry,
        }
    }

    #[test]
    fn samples_that_lie_together_share_a_chunk() {
        let tables = built(&[
            (sample(5), 0),
            (sample(5), 5),
            (sample(5), 20),
            (sample(5), 25),
        ]);
        assert_eq!(tables.chunk_offsets, [0, 20]);
        assert_eq!(
            tables.chunks,
            [chunk(1, 2, 0)],
            "chunks of one shape are one row"
        );
    }

    #[test]
    fn a_chunk_ends_at_its_limits_and_where_the_description_changes() {
        let large = [(sample(900), 0), (sample(101), 900), (sample(2000), 1001)];
        assert_eq!(built(&large).chunk_offsets, [0, 900, 1001]);
        let long = (0..51).map(|n| (sample(1), n)).collect::<Vec<_>>();
        let tables = built(&long);
        assert_eq!(tables.chunk_offsets, [0, 50]);
        assert_eq!(tables.chunks, [chunk(1, 50, 0), chunk(2, 1, 0)]);
        let other = Sample {
            entry: 1,
            ..sample(1)
        };
        let tables = built(&[(sample(1), 0), (other, 1), (other, 2)]);
        assert_eq!(tables.chunks, [chunk(1, 1, 0), chunk(2, 2, 1)]);
    }

    #[test]
    fn tables_that_say_nothing_are_left_out() {
        let tables = built(&[(sample(7), 0), (sample(7), 7)]);
        assert_eq!(tables.sync, None);
        assert_eq!(tables.composition_offsets, []);
        assert_eq!(tables.open, []);
        assert_eq!(tables.sizes, SampleSizes::Constant { size: 7, count: 2 });
        let empty = built(&[(sample(0), 0), (sample(0), 0)]);
        assert_eq!(
            empty.sizes,
            SampleSizes::Each(vec![0, 0]),
            "0 means that sizes follow"
        );
    }

    #[test]
    fn numbers_of_sync_samples_count_from_one() {
        let delta = Sample {
            sync: false,
            ..sample(1)
        };
        let mut samples = [(sample(1), 0), (sample(1), 1), (delta, 2), (sample(1), 3)];
        assert_eq!(built(&samples).sync, Some(vec![1, 2, 4]));
        samples.iter_mut().for_each(|(s, _)| s.sync = false);
        assert_eq!(built(&samples).sync, Some(vec![]));
    }

    fn any_sample() -> impl Strategy<Value = (Sample, u64)> {
        let numbers = (0..4_u32, 0..3_u32, 0..3_u32, 0..2_u32);
        (numbers, any::<[bool; 2]>(), 0..2_u64).prop_map(
            |((size, duration, composition_offset, entry), [sync, open], gap)| {
                let sample = Sample {
                    size: size * 300,
                    duration: duration * 100,
                    composition_offset,
                    sync,
                    open,
                    entry,
                };
                (sample, gap)
            },
        )
    }

    /// What a reader makes of the tables: each sample with its offset.
    fn read(tables: &TrackTables, count: usize) -> Vec<(Sample, u64)> {
        let expand = |rows: &mut dyn Iterator<Item = (u32, u32)>| -> Vec<u32> {
            rows.flat_map(|(count, value)| std::iter::repeat_n(value, count as usize))
                .collect()
        };
        let or = |rows: Vec<u32>, value| {
            if rows.is_empty() {
                vec![value; count]
            } else {
                rows
            }
        };
        let durations = expand(&mut tables.durations.iter().map(|r| (r.count, r.duration)));
        let offsets = &mut tables
            .composition_offsets
            .iter()
            .map(|r| (r.count, r.offset));
        let offsets = or(expand(offsets), 0);
        let open = &mut tables.open.iter().map(|r| (r.count, u32::from(r.member)));
        let open = or(expand(open), 0);
        let sizes = match &tables.sizes {
            SampleSizes::Constant { size, count } => vec![*size; *count as usize],
            SampleSizes::Each(sizes) => sizes.clone(),
        };
        let mut found = Vec::new();
        for (at, offset) in tables.chunk_offsets.iter().enumerate() {
            let mut rows = tables.chunks.iter().rev();
            let row = rows.find(|r| r.first_chunk as usize <= at + 1).unwrap();
            let mut offset = *offset;
            for _ in 0..row.samples {
                let n = found.len();
                let sync = (tables.sync.as_ref()).is_none_or(|s| s.contains(&(n as u32 + 1)));
                let sample = Sample {
                    size: sizes[n],
                    duration: durations[n],
                    composition_offset: offsets[n],
                    sync,
                    open: open[n] == 1,
                    entry: row.entry,
                };
                found.push((sample, offset));
                offset += u64::from(sizes[n]);
            }
        }
        assert_eq!([durations.len(), sizes.len(), found.len()], [count; 3]);
        found
    }

    proptest! {
        #[test]
        fn a_reader_finds_every_sample(samples in proptest::collection::vec(any_sample(), 0..60)) {
            let mut offset = 0;
            let placed: Vec<_> = samples.into_iter().map(|(sample, gap)| {
                let at = offset + gap * 10;
                offset = at + u64::from(sample.size);
                (sample, at)
            }).collect();
            prop_assert_eq!(read(&built(&placed), placed.len()), placed);
        }
    }
}
