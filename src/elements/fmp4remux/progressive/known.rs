//! Samples that upstream tells beforehand: `moov` goes out first, then every buffer as it comes, in the order told.

use std::collections::VecDeque;

use super::super::output::pieces;
use super::super::streams::{Kind, padded};
use super::table::{Told, ask};
use super::{Describe, NewTrack, Options, empty_text, fault, header, wanted};
use crate::elements::collector::{Fault, Output};
use crate::isobmff::boxes::progressive_header;
use crate::isobmff::fragment::Input;
use crate::isobmff::model::Movie;
use crate::isobmff::progressive::{ChunkLimits, KnownTrack, PlannedTrack, plan};

/// A track whose buffers are compared with what was told.
#[derive(Debug)]
struct Lane {
    /// Size and PTS of the buffers that are still to come.
    expected: VecDeque<(u32, i64)>,
    /// Buffers so far.
    pushed: usize,
    text: bool,
    /// For each sample still to be written its place in the file, and whether it is an empty one, which nobody pushes.
    turns: VecDeque<(u64, bool)>,
    /// Buffers whose turn has not come.
    pending: VecDeque<gst::Buffer>,
}

#[derive(Debug)]
pub(super) struct Known {
    lanes: Vec<Lane>,
}

impl Known {
    /// Asks upstream and writes all that comes before the media.
    pub fn start(
        options: Options,
        movie: &mut Movie,
        tracks: &mut [NewTrack],
        describe: &mut Describe<'_>,
        out: &mut Output,
    ) -> Result<Self, Fault> {
        let mut planned = Vec::with_capacity(tracks.len());
        let mut lanes = Vec::with_capacity(tracks.len());
        for (number, new) in tracks.iter_mut().enumerate() {
            let Told { inputs, skip } = ask(new, &mut |caps| describe(number, caps))?;
            let expected = inputs.iter().map(|i| (i.size, i.pts_ns)).collect();
            let known = KnownTrack::new(new.spec, inputs.into_iter());
            let known = known.map_err(|e| fault(Some(new), format!("its sample table: {e}")))?;
            let edits = (known.span).edits(skip, new.track.timescale, movie.timescale);
            new.track.edits = wanted(options.edits, edits);
            movie.tracks.push(new.track.clone());
            lanes.push(Lane {
                expected,
                pushed: 0,
                text: matches!(new.kind, Kind::Text { .. }),
                turns: turns(&known),
                pending: VecDeque::new(),
            });
            planned.push(PlannedTrack {
                limits: ChunkLimits::new(
                    options.interleave_bytes.unwrap_or(u64::MAX),
                    options.interleave_ns.unwrap_or(u64::MAX),
                    new.track.timescale,
                ),
                roll_distance: new.roll_distance,
                samples: known.samples,
            });
        }
        let (tables, payload) = plan(&planned).map_err(|e| fault(None, e))?;
        drop(planned);
        let front = progressive_header(movie, &tables, payload).map_err(|e| fault(None, e))?;
        out.push_buffer(header(front))?;
        Ok(Self { lanes })
    }

    /// Takes a buffer; those whose turn has come go out.
    pub fn push(
        &mut self,
        track: usize,
        input: Input<gst::Buffer>,
        tracks: &[NewTrack],
        out: &mut Output,
    ) -> Result<(), Fault> {
        if let Some(lane) = self.lanes.get_mut(track) {
            let checked = lane.checked(input);
            let buffer = checked.map_err(|reason| fault(tracks.get(track), reason))?;
            lane.pending.push_back(buffer);
        }
        self.write(out)
    }

    pub fn end(
        &mut self,
        track: usize,
        tracks: &[NewTrack],
        out: &mut Output,
    ) -> Result<(), Fault> {
        if let Some(lane) = self.lanes.get(track).filter(|l| !l.expected.is_empty()) {
            let (found, expected) = (lane.pushed, lane.pushed + lane.expected.len());
            let reason = format!("found {found} buffers at the end, {}", told(expected));
            return Err(fault(tracks.get(track), reason));
        }
        self.write(out)
    }

    /// Pushes every buffer that is there and has none before it that is not.
    fn write(&mut self, out: &Output) -> Result<(), Fault> {
        let mut ready = Vec::new();
        while let Some(buffer) = self.turn().and_then(Lane::take) {
            ready.extend(pieces(buffer));
        }
        match ready.len() {
            0 | 1 => ready.into_iter().try_for_each(|b| out.push_buffer(b)),
            _ => out.push(ready.into_iter().collect()),
        }
    }

    /// The track whose sample is the next one in the file.
    fn turn(&mut self) -> Option<&mut Lane> {
        let lanes = self.lanes.iter_mut();
        let heads = lanes.filter_map(|lane| Some((lane.turns.front()?.0, lane)));
        heads.min_by_key(|(place, _)| *place).map(|(_, lane)| lane)
    }
}

impl Lane {
    /// The next sample, where it is there.
    fn take(&mut self) -> Option<gst::Buffer> {
        let (_, empty) = *self.turns.front()?;
        let buffer = if empty {
            empty_text()
        } else {
            self.pending.pop_front()?
        };
        self.turns.pop_front();
        Some(buffer)
    }

    /// The buffer, where it is the one that was told; else what is wrong. Text, whose size nobody knows before its
    /// markup is gone, is made as long as what was told.
    fn checked(&mut self, input: Input<gst::Buffer>) -> Result<gst::Buffer, String> {
        let number = self.pushed;
        let found = (input.size, input.pts_ns);
        let Some(expected) = self.expected.pop_front() else {
            return Err(format!("found buffer {number}, {}", told(number)));
        };
        self.pushed += 1;
        if found == expected {
            return Ok(input.payload);
        }
        if self.text && found.1 == expected.1 {
            let sample = input.payload.map_readable().ok().map(|map| map.to_vec());
            let size = usize::try_from(expected.0).ok();
            if let Some(text) = sample.zip(size).and_then(|(text, size)| padded(text, size)) {
                return Ok(gst::Buffer::from_slice(text));
            }
        }
        let says = |(size, pts): (u32, i64)| format!("{size} bytes with PTS {pts} ns");
        Err(format!(
            "buffer {number}: found {}, expected {} as its sample table says",
            says(found),
            says(expected)
        ))
    }
}

fn told(buffers: usize) -> String {
    format!("expected {buffers} buffers as its sample table says")
}

/// The places of a track's samples, and which of them are empty.
fn turns(known: &KnownTrack) -> VecDeque<(u64, bool)> {
    let mut empty = known.empty.iter().peekable();
    let samples = known.samples.iter().enumerate();
    samples
        .map(|(number, (place, _))| (*place, empty.next_if(|e| **e == number).is_some()))
        .collect()
}
