//! `sidx`, `mfra` and `prft`: where fragments lie, and when they were made.

use super::fragment::duration;
use super::writer::BoxWriter;
use crate::isobmff::error::Error;
use crate::isobmff::model::{Fragment, Movie, Sample, Track, TrackFragment};

/// A `prft` (ISO/IEC 14496-12, 8.16.5): the producer's clock at a time of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProducerTime {
    /// `reference_track_ID`.
    pub track: u32,
    /// The clock: NTP, seconds since 1900-01-01 00:00 UTC in the high 32 bits, their fraction in the low.
    pub ntp: u64,
    /// The same instant in ticks of the track's media.
    pub media_time: u64,
    /// What the clock was read at: 0 encoder input, 1 encoder output, 2 the fragment finished, 4 written, 8 arbitrary
    /// but constant, 24 captured.
    pub flags: u32,
}

/// `prft`, version 1.
pub(super) fn prft(w: &mut BoxWriter, time: &ProducerTime) {
    w.full(*b"prft", 1, time.flags, |w| {
        w.u32(time.track);
        w.u64(time.ntp);
        w.u64(time.media_time);
    });
}

/// A `sidx` (8.16.3): subsegments that follow each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentIndex {
    /// `reference_ID`: the track whose times these are.
    pub track: u32,
    /// Ticks a second of these times.
    pub timescale: u32,
    /// Presentation time, edits applied, of the first picture or sound.
    pub earliest: u64,
    /// Bytes from the end of this box to the first subsegment.
    pub first_offset: u64,
    /// The subsegments.
    pub references: Vec<Subsegment>,
}

/// An entry of a `sidx`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subsegment {
    /// Bytes from its first to the next one's first; 31 bits in the box.
    pub size: u64,
    /// Ticks from its earliest presentation time to the next one's.
    pub duration: u64,
    /// How decoding can begin here.
    pub access: Access,
}

/// The stream access point that a subsegment begins with (ISO/IEC 14496-12, Annex I).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// None.
    None,
    /// Of type 1 or 2: all that follows in decoding order can be decoded.
    Closed,
    /// Of type 3: pictures shown before it can't be decoded.
    Open,
}

impl Access {
    /// What a subsegment whose first sample is `first` begins with.
    pub fn of(first: Option<&Sample>) -> Self {
        match first {
            Some(sample) if sample.sync && sample.open => Self::Open,
            Some(sample) if sample.sync => Self::Closed,
            _ => Self::None,
        }
    }

    /// `starts_with_SAP`, `SAP_type` and `SAP_delta_time`.
    fn field(self) -> u32 {
        match self {
            Self::None => 0,
            Self::Closed => 0x9000_0000,
            Self::Open => 0xb000_0000,
        }
    }
}

/// The bytes of a `sidx`.
///
/// # Errors
///
/// [`Error::TooLarge`] for more than 65 535 references, a subsegment of 2 GiB or one longer than 32 bits of ticks.
pub fn sidx(index: &SegmentIndex) -> Result<Vec<u8>, Error> {
    let mut w = BoxWriter::with_capacity(sidx_size(index.references.len()));
    write_sidx(&mut w, index);
    w.finish()
}

/// Bytes of a `sidx` with `references`, whatever they are: room can be left for it.
pub fn sidx_size(references: usize) -> usize {
    40 + 12 * references
}

/// Always version 1, so that the size follows from the number of references alone.
fn write_sidx(w: &mut BoxWriter, index: &SegmentIndex) {
    let count = at_most(
        w,
        index.references.len() as u64,
        0xffff,
        "sidx: reference_count",
    );
    w.full(*b"sidx", 1, 0, |w| {
        w.u32(index.track);
        w.u32(index.timescale);
        w.u64(index.earliest);
        w.u64(index.first_offset);
        w.u32(count); // 16 bits reserved
        for reference in &index.references {
            // The highest bit is reference_type: 0, media.
            let size = at_most(w, reference.size, 0x7fff_ffff, "sidx: referenced_size");
            let ticks = w.narrow(reference.duration, "sidx: subsegment_duration");
            w.u32(size);
            w.u32(ticks);
            w.u32(reference.access.field());
        }
    });
}

fn at_most(w: &mut BoxWriter, value: u64, max: u32, field: &'static str) -> u32 {
    match u32::try_from(value) {
        Ok(value) if value <= max => value,
        _ => {
            w.refuse(Error::TooLarge {
                field,
                found: value,
                max: max.into(),
            });
            max
        }
    }
}

/// The `sidx` of one fragment of `size` bytes, in times of its first track.
pub(super) fn fragment_sidx(w: &mut BoxWriter, movie: &Movie, fragment: &Fragment, size: u64) {
    let Some(part) = fragment.tracks.first() else {
        return;
    };
    let mut tracks = movie.tracks.iter();
    let Some(track) = tracks.find(|track| track.id == part.track) else {
        return;
    };
    let samples = part.runs.iter().flat_map(|run| &run.samples);
    let index = SegmentIndex {
        track: track.id,
        timescale: track.timescale,
        earliest: earliest_presentation(movie, track, part),
        first_offset: 0,
        references: vec![Subsegment {
            size,
            duration: part.runs.iter().fold(0, |sum: u64, run| {
                sum.saturating_add(duration(&run.samples))
            }),
            access: Access::of(samples.clone().next()),
        }],
    };
    write_sidx(w, &index);
}

/// Presentation time of the first picture or sound of `part`, edits applied, in ticks of the track: what `sidx` calls
/// `earliest_presentation_time`.
pub fn earliest_presentation(movie: &Movie, track: &Track, part: &TrackFragment) -> u64 {
    let mut decoded = part.base_decode_time;
    let mut earliest = None;
    for sample in part.runs.iter().flat_map(|run| &run.samples) {
        let composed = decoded.saturating_add(sample.composition_offset.into());
        earliest = Some(earliest.map_or(composed, |other: u64| other.min(composed)));
        decoded = decoded.saturating_add(sample.duration.into());
    }
    presentation(movie, track, earliest.unwrap_or(decoded))
}

/// Presentation time of the time `media` of a track, both in its ticks: after the empty edits, from where the first
/// other edit begins.
fn presentation(movie: &Movie, track: &Track, media: u64) -> u64 {
    let mut shown = 0u128;
    for edit in &track.edits {
        match edit.media_time {
            Some(start) => {
                let delay =
                    shown * u128::from(track.timescale) / u128::from(movie.timescale.max(1));
                let delay = u64::try_from(delay).unwrap_or(u64::MAX);
                return media.saturating_sub(start).saturating_add(delay);
            }
            None => shown += u128::from(edit.duration),
        }
    }
    media
}

/// Sync samples of a track, for `tfra` (8.8.10).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackAccess {
    /// `track_ID`.
    pub track: u32,
    /// In the order of their times.
    pub points: Vec<AccessPoint>,
}

/// An entry of `tfra`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessPoint {
    /// Composition time of the sample in the media, ticks of the track.
    pub time: u64,
    /// Offset in the file of its `moof`.
    pub moof: u64,
    /// Number of its `traf` in `moof`, from 1.
    pub traf: u32,
    /// Number of its `trun` in `traf`, from 1.
    pub trun: u32,
    /// Number of the sample in `trun`, from 1.
    pub sample: u32,
}

/// `mfra` (8.8.9), which goes to the end of the file: `tfra` of version 1 for each track, and `mfro`.
///
/// # Errors
///
/// [`Error`] past 4 GiB or 2³² entries.
pub fn mfra(tracks: &[TrackAccess]) -> Result<Vec<u8>, Error> {
    let points: usize = tracks.iter().map(|track| track.points.len()).sum();
    let mut w = BoxWriter::with_capacity(24 + 24 * tracks.len() + 28 * points);
    w.boxed(*b"mfra", |w| {
        for track in tracks {
            tfra(w, track);
        }
        w.full(*b"mfro", 0, 0, |w| {
            let size = w.narrow(w.len() as u64 + 4, "mfro: parent_size");
            w.u32(size);
        });
    });
    w.finish()
}

fn tfra(w: &mut BoxWriter, track: &TrackAccess) {
    let most = |number: fn(&AccessPoint) -> u32| {
        let numbers = track.points.iter().map(number);
        bytes_of(numbers.max().unwrap_or(0))
    };
    let traf = most(|point| point.traf);
    let trun = most(|point| point.trun);
    let sample = most(|point| point.sample);
    w.full(*b"tfra", 1, 0, |w| {
        w.u32(track.track);
        w.u32((traf - 1) << 4 | (trun - 1) << 2 | (sample - 1));
        w.count(track.points.len(), "tfra: number_of_entry");
        for point in &track.points {
            w.u64(point.time);
            w.u64(point.moof);
            for (number, bytes) in [
                (point.traf, traf),
                (point.trun, trun),
                (point.sample, sample),
            ] {
                w.low_bytes(number, bytes);
            }
        }
    });
}

/// Bytes that hold `number`, 1 to 4.
fn bytes_of(number: u32) -> u32 {
    (32 - number.leading_zeros()).div_ceil(8).max(1)
}
