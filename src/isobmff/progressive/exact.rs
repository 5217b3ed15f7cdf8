//! The samples of a track that are told beforehand.

use super::TrackSpan;
use crate::isobmff::fragment::{Input, TrackQueue, TrackSpec, Until, boxed};
use crate::isobmff::model::Sample;
use crate::isobmff::timing::TimingError;

/// How many samples get their times at once.
const BATCH: usize = 1024;

/// A track's samples, all of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KnownTrack {
    /// Each with its place in the order that is common to all tracks. An empty text sample has that of the cue behind
    /// it, [`u64::MAX`] where there is none.
    pub samples: Vec<(u64, Sample)>,
    /// What they show.
    pub span: TrackSpan,
    /// Numbers, from 0, of the samples that nobody pushes: text without text.
    pub empty: Vec<usize>,
}

impl KnownTrack {
    /// Gives the samples their times: the payload of each input is its place.
    ///
    /// # Errors
    /// When a time can't be.
    pub fn new(
        spec: TrackSpec,
        inputs: impl Iterator<Item = Input<u64>>,
    ) -> Result<Self, TimingError> {
        let mut known = Self::default();
        let mut queue = TrackQueue::new(spec);
        for (number, input) in inputs.enumerate() {
            queue.push(input)?;
            if number % BATCH == BATCH - 1 {
                known.take(&mut queue, Until::Ready, spec.timescale)?;
            }
        }
        queue.end()?;
        known.take(&mut queue, Until::End, spec.timescale)?;
        Ok(known)
    }

    fn take(
        &mut self,
        queue: &mut TrackQueue<u64>,
        until: Until,
        timescale: u32,
    ) -> Result<(), TimingError> {
        for placed in queue.take(until)? {
            self.span.push(placed.pts, placed.dts, placed.duration);
            let sample = boxed(&placed, timescale)?;
            match placed.payload {
                Some(place) => self.put_empty(place),
                None => self.empty.push(self.samples.len()),
            }
            self.samples
                .push((placed.payload.unwrap_or(u64::MAX), sample));
        }
        Ok(())
    }

    /// Empty samples just before the next one lie beside it.
    fn put_empty(&mut self, place: u64) {
        for (before, _) in self.samples.iter_mut().rev() {
            if *before != u64::MAX {
                break;
            }
            *before = place;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isobmff::fragment::{EMPTY_SIZE, Media};

    const MS: i64 = 1_000_000;

    fn input(place: u64, pts_ms: i64, duration_ms: i64, sync: bool) -> Input<u64> {
        Input {
            pts_ns: pts_ms * MS,
            duration_ns: Some(duration_ms * MS),
            frame: 0,
            even: true,
            trim: 0,
            sync,
            size: 10,
            entry: 0,
            payload: place,
        }
    }

    fn spec(media: Media) -> TrackSpec {
        TrackSpec {
            timescale: 1000,
            media,
            first: None,
        }
    }

    #[test]
    fn pictures_keep_their_places_in_decoding_order() {
        let media = Media::Video {
            depth: 1,
            delay: 40,
            frame: Some(40),
        };
        let times = (0..2000).flat_map(|g| [0, 80, 40].map(|t| g * 120 + t));
        let inputs = (0..)
            .zip(times)
            .map(|(n, t)| input(n * 7, t, 40, n % 3 == 0));
        let known = KnownTrack::new(spec(media), inputs).unwrap();
        assert_eq!(known.samples.len(), 6000);
        for (n, (place, sample)) in (0_u64..).zip(&known.samples) {
            assert_eq!((*place, sample.duration), (n * 7, 40));
            assert_eq!(sample.composition_offset, [40, 80, 0][n as usize % 3]);
        }
        assert!(known.empty.is_empty());
        assert_eq!(known.span.edits(0, 1000, 1000)[0].media_time, Some(40));
    }

    #[test]
    fn what_is_between_cues_lies_beside_them() {
        let inputs = [input(5, 500, 250, true), input(90, 2000, 100, true)];
        let known = KnownTrack::new(spec(Media::Text), inputs.into_iter()).unwrap();
        let told: Vec<_> = known
            .samples
            .iter()
            .map(|(place, s)| (*place, s.size, s.duration))
            .collect();
        assert_eq!(
            told,
            [
                (5, EMPTY_SIZE, 500),
                (5, 10, 250),
                (90, EMPTY_SIZE, 1250),
                (90, 10, 100)
            ]
        );
        assert_eq!(known.empty, [0, 2]);
    }
}
