//! Files whose samples are all known, with their order, before the first byte of media.

use super::{ChunkLimits, ProgressiveError, TablesBuilder};
use crate::isobmff::model::Sample;
use crate::isobmff::tables::TrackTables;

/// The samples of a track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedTrack {
    /// How large its chunks get.
    pub limits: ChunkLimits,
    /// `roll_distance` of every sample.
    pub roll_distance: Option<i16>,
    /// Each with its place in the order that is common to all tracks, which does not fall.
    pub samples: Vec<(u64, Sample)>,
}

/// The tables of the tracks, and the bytes of `mdat`, when samples lie in the order of their places; of one place
/// in that of the tracks.
///
/// # Errors
/// [`ProgressiveError::TooMany`], [`ProgressiveError::TooLarge`].
pub fn plan(tracks: &[PlannedTrack]) -> Result<(Vec<TrackTables>, u64), ProgressiveError> {
    let mut lanes: Vec<_> = tracks
        .iter()
        .map(|track| {
            let builder = TablesBuilder::new(track.limits, track.roll_distance);
            (builder, track.samples.iter().peekable())
        })
        .collect();
    let mut offset = 0_u64;
    loop {
        let first = lanes
            .iter_mut()
            .filter_map(|(builder, samples)| {
                let place = samples.peek()?.0;
                Some((place, builder, samples))
            })
            .min_by_key(|(place, ..)| *place);
        let Some((_, builder, samples)) = first else {
            break;
        };
        let Some((_, sample)) = samples.next() else {
            break;
        };
        builder.push(sample, offset)?;
        offset = offset
            .checked_add(u64::from(sample.size))
            .ok_or(ProgressiveError::TooLarge { what: "mdat" })?;
    }
    let tables = lanes.into_iter().map(|(builder, _)| builder.finish());
    Ok((tables.collect(), offset))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isobmff::tables::{ChunkRun, SampleSizes};

    fn sample(size: u32) -> Sample {
        Sample {
            size,
            duration: 1,
            composition_offset: 0,
            sync: true,
            open: false,
            entry: 0,
        }
    }

    fn track(samples: &[(u64, u32)]) -> PlannedTrack {
        PlannedTrack {
            limits: ChunkLimits {
                bytes: u64::MAX,
                ticks: u64::MAX,
            },
            roll_distance: None,
            samples: samples
                .iter()
                .map(|(at, size)| (*at, sample(*size)))
                .collect(),
        }
    }

    #[test]
    fn media_keeps_the_common_order() {
        let video = track(&[(0, 100), (500, 200), (600, 300)]);
        let audio = track(&[(200, 10), (300, 10), (700, 10)]);
        let (tables, payload) = plan(&[video, audio]).unwrap();
        assert_eq!(payload, 630);
        assert_eq!(tables[0].chunk_offsets, [0, 120]);
        assert_eq!(tables[1].chunk_offsets, [100, 620]);
        let run = |first_chunk, samples| ChunkRun {
            first_chunk,
            samples,
            entry: 0,
        };
        assert_eq!(tables[0].chunks, [run(1, 1), run(2, 2)]);
        assert_eq!(tables[1].chunks, [run(1, 2), run(2, 1)]);
    }

    #[test]
    fn offsets_go_past_4_gib() {
        let huge = (0..6).map(|n| (2 * n, 1 << 30)).collect::<Vec<_>>();
        let small = (0..6).map(|n| (2 * n + 1, 1)).collect::<Vec<_>>();
        let (tables, payload) = plan(&[track(&huge), track(&small)]).unwrap();
        assert_eq!(payload, (6 << 30) + 6);
        assert_eq!(tables[1].chunk_offsets.last(), Some(&((6 << 30) + 5)));
        let sizes = SampleSizes::Constant {
            size: 1 << 30,
            count: 6,
        };
        assert_eq!(tables[0].sizes, sizes);
    }
}
