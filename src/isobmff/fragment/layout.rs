//! Where the samples of a fragment lie in its `mdat`.

use std::iter::Peekable;
use std::vec::IntoIter;

use super::{Part, Placed, TrackError, at};
use crate::isobmff::model::{Fragment, Run, Sample, TrackFragment};
use crate::isobmff::timing::{TimingError, difference, nanoseconds};

/// How much of a track lies in a row before the others have their turn; what comes first counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Interleave {
    /// Bytes.
    pub bytes: Option<u64>,
    /// Nanoseconds.
    pub time_ns: Option<i64>,
}

/// What the boxes have to know of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrackInfo {
    /// `track_ID`.
    pub id: u32,
    /// Ticks a second.
    pub timescale: u32,
    /// For the group `roll`.
    pub roll_distance: Option<i16>,
}

/// A payload and the place of its track; `None` is an empty text sample.
pub type Payload<T> = (usize, Option<T>);

/// A track's samples that have no place yet.
struct Rest<T> {
    track: usize,
    info: TrackInfo,
    samples: Peekable<IntoIter<Placed<T>>>,
    runs: Vec<Run>,
}

/// Places the samples of a part. Returns what its boxes say, and the payloads in the order of their bytes.
///
/// # Errors
/// When a time does not fit its box.
pub fn layout<T>(
    part: Part<T>,
    info: impl Fn(usize) -> TrackInfo,
    interleave: Interleave,
) -> Result<(Fragment, Vec<Payload<T>>), TrackError> {
    let sequence = part.sequence();
    let count = part.tracks.iter().map(|t| t.samples.len()).sum();
    let mut payloads = Vec::with_capacity(count);
    let mut tracks = Vec::with_capacity(part.tracks.len());
    let mut rests = Vec::with_capacity(part.tracks.len());
    for track in part.tracks {
        let info = info(track.track);
        let first = track.samples.first().map_or(0, |s| s.dts);
        let base = first.saturating_add(track.shift);
        tracks.push(TrackFragment {
            track: info.id,
            base_decode_time: u64::try_from(base).unwrap_or(0),
            roll_distance: info.roll_distance,
            runs: Vec::new(),
        });
        rests.push(Rest {
            track: track.track,
            info,
            samples: track.samples.into_iter().peekable(),
            runs: Vec::new(),
        });
    }
    let mut offset = 0;
    while let Some(rest) = earliest(&mut rests) {
        offset = rest.turn(offset, interleave, &mut payloads)?;
    }
    for (track, rest) in tracks.iter_mut().zip(rests) {
        track.runs = rest.runs;
    }
    let fragment = Fragment {
        sequence,
        tracks,
        payload: offset,
    };
    Ok((fragment, payloads))
}

/// The track whose next sample is decoded first.
fn earliest<T>(rests: &mut [Rest<T>]) -> Option<&mut Rest<T>> {
    let times = rests
        .iter_mut()
        .filter_map(|rest| Some((rest.next_ns()?, rest)));
    times.min_by_key(|(time, _)| *time).map(|(_, rest)| rest)
}

impl<T> Rest<T> {
    fn next_ns(&mut self) -> Option<i64> {
        let timescale = self.info.timescale;
        self.samples.peek().map(|s| nanoseconds(s.dts, timescale))
    }

    /// The track's turn: samples that lie in a row. Returns where the next row begins.
    fn turn(
        &mut self,
        offset: u64,
        interleave: Interleave,
        payloads: &mut Vec<Payload<T>>,
    ) -> Result<u64, TrackError> {
        let begin = self.next_ns().unwrap_or(0);
        let mut samples = Vec::new();
        let mut end = offset;
        while let Some(time) = self.next_ns() {
            let long = interleave
                .time_ns
                .is_some_and(|most| time.saturating_sub(begin) >= most);
            let large = interleave.bytes.is_some_and(|most| end - offset >= most);
            if !samples.is_empty() && (long || large) {
                break;
            }
            let Some(sample) = self.samples.next() else {
                break;
            };
            end = end.saturating_add(u64::from(sample.size));
            samples.push(boxed(&sample, self.info.timescale).map_err(at(self.track))?);
            payloads.push((self.track, sample.payload));
        }
        self.runs.push(Run { offset, samples });
        Ok(end)
    }
}

/// What the boxes say of a sample.
///
/// # Errors
/// When it is composed before it is decoded, or so long after that the box has no room for it.
pub fn boxed<T>(sample: &Placed<T>, timescale: u32) -> Result<Sample, TimingError> {
    Ok(Sample {
        size: sample.size,
        duration: sample.duration,
        composition_offset: difference("composition offset", sample.pts, sample.dts, timescale)?,
        sync: sample.sync,
        open: sample.open,
        entry: sample.entry,
    })
}
