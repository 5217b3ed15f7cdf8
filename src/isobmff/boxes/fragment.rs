//! `moof` and what goes before and after it in a segment.

use std::borrow::Cow;

use super::brands::{SegmentType, styp};
use super::groups::{self, Place};
use super::index::{self, ProducerTime};
use super::track::Media;
use super::writer::{BoxWriter, mdat_header};
use crate::isobmff::error::Error;
use crate::isobmff::model::{Fragment, Movie, Run, Sample, Track, TrackFragment, Variant};
use crate::isobmff::tables::MemberRun;

/// Sample flags (ISO/IEC 14496-12, 8.8.3.1) of a sync sample: it depends on no other.
const SYNC: u32 = 0x0200_0000;
/// Of another sample: whether it depends on others is not said.
const NON_SYNC: u32 = 0x0001_0000;

/// Flags that `trex` gives to a track's samples: those of most.
pub(super) fn default_flags(track: &Track) -> u32 {
    match Media::of(track) {
        Media::Video => NON_SYNC,
        Media::Audio | Media::Text => SYNC,
    }
}

/// What goes before the `moof` of a fragment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FragmentOptions {
    /// `styp`.
    pub styp: Option<SegmentType>,
    /// `prft`.
    pub prft: Option<ProducerTime>,
    /// A `sidx` with this fragment as its one subsegment.
    pub sidx: bool,
}

/// All of a fragment but its payload: `styp`, `prft` and `sidx` as `options` say, `moof`, and the header of `mdat`.
/// `fragment.payload` bytes must follow, with the samples where the runs say.
///
/// # Errors
///
/// [`Error`] where the fragment does not belong to the movie or does not fit the fields that describe it: runs that
/// leave gaps must lie in the first 2 GiB of the payload.
pub fn fragment_header(
    movie: &Movie,
    fragment: &Fragment,
    options: &FragmentOptions,
) -> Result<Vec<u8>, Error> {
    check(movie, fragment)?;
    let moof = moof(movie, fragment)?;
    let mdat = mdat_header(fragment.payload);
    let mut w = BoxWriter::with_capacity(moof.len() + 256);
    if let Some(segment) = options.styp {
        styp(&mut w, movie, segment, options.sidx);
    }
    if let Some(time) = options.prft {
        index::prft(&mut w, &time);
    }
    if options.sidx {
        let headers = (moof.len() + mdat.len()) as u64;
        index::fragment_sidx(
            &mut w,
            movie,
            fragment,
            headers.saturating_add(fragment.payload),
        );
    }
    w.bytes(&moof);
    w.bytes(&mdat);
    w.finish()
}

/// Every track is the movie's, and the samples of each have one description.
fn check(movie: &Movie, fragment: &Fragment) -> Result<(), Error> {
    if movie.variant == Variant::Cmaf && fragment.tracks.len() != 1 {
        return Err(Error::CmafTracks {
            found: fragment.tracks.len(),
        });
    }
    for part in &fragment.tracks {
        track_of(movie, fragment, part)?;
        let mut entries = part.runs.iter().flat_map(|run| &run.samples);
        let expected = entry_of(part);
        if let Some(other) = entries.find(|sample| sample.entry != expected) {
            return Err(Error::MixedEntries {
                track: part.track,
                found: other.entry,
                expected,
            });
        }
    }
    Ok(())
}

fn track_of<'a>(
    movie: &'a Movie,
    fragment: &Fragment,
    part: &TrackFragment,
) -> Result<&'a Track, Error> {
    let mut tracks = movie.tracks.iter();
    tracks
        .find(|track| track.id == part.track)
        .ok_or(Error::UnknownTrack {
            sequence: fragment.sequence,
            track: part.track,
            tracks: movie.tracks.len(),
        })
}

/// Place of the description of a part's samples.
fn entry_of(part: &TrackFragment) -> u32 {
    let mut samples = part.runs.iter().flat_map(|run| &run.samples);
    samples.next().map_or(0, |sample| sample.entry)
}

/// A `traf` to write.
struct Part<'a> {
    track: &'a Track,
    roll_distance: Option<i16>,
    /// Ticks of the media at the first sample.
    time: u64,
    entry: u32,
    runs: Cow<'a, [Run]>,
}

/// How the place of a run's samples is told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Base {
    /// Bytes from the first of `moof`, for each run.
    Moof,
    /// The end of the samples of the `traf` before: each `traf` has one run, in the order of the payload. This needs no
    /// offsets, which are 32-bit.
    Previous,
}

/// `moof` (8.8.4), with offsets that are right where the header of `mdat` and the payload follow.
fn moof(movie: &Movie, fragment: &Fragment) -> Result<Vec<u8>, Error> {
    let bound = bound(fragment);
    let runs = fragment.tracks.iter().flat_map(|part| &part.runs);
    let last = runs.map(|run| run.offset).max().unwrap_or(0);
    let base = if last.saturating_add(bound as u64) > i32::MAX as u64 {
        Base::Previous
    } else {
        Base::Moof
    };
    let parts = match base {
        Base::Moof => whole(movie, fragment)?,
        Base::Previous => in_order(movie, fragment)?,
    };
    let mut w = BoxWriter::with_capacity(bound);
    let mut offsets = Vec::new();
    w.boxed(*b"moof", |w| {
        w.full(*b"mfhd", 0, 0, |w| w.u32(fragment.sequence));
        for (place, part) in parts.iter().enumerate() {
            let located = base == Base::Moof || place == 0;
            traf(w, part, base, located.then_some(&mut offsets));
        }
    });
    let headers = (w.len() + mdat_header(fragment.payload).len()) as u64;
    for (at, offset) in offsets {
        let offset = offset.saturating_add(headers);
        match u32::try_from(offset) {
            Ok(value) if i32::try_from(value).is_ok() => w.patch_u32(at, value),
            _ => w.refuse(too_far(offset)),
        }
    }
    w.finish()
}

fn too_far(offset: u64) -> Error {
    Error::TooLarge {
        field: "trun: data_offset",
        found: offset,
        max: i32::MAX as u64,
    }
}

/// More bytes than `moof` can have.
fn bound(fragment: &Fragment) -> usize {
    let runs = fragment.tracks.iter().flat_map(|part| &part.runs);
    // Four fields a sample and its run in `sbgp`; the rest is for the boxes' headers and fixed fields.
    64 + runs.map(|run| 256 + 24 * run.samples.len()).sum::<usize>() + 256 * fragment.tracks.len()
}

/// Where the samples of a run end in the payload.
fn end(run: &Run) -> u64 {
    let sizes = run.samples.iter().map(|sample| u64::from(sample.size));
    sizes.fold(run.offset, u64::saturating_add)
}

/// The runs, those made one that lie next to each other: nothing came between, as in a CMAF file, which has one `trun`
/// in a `traf` (ISO/IEC 23000-19, 7.5.17).
fn joined(runs: &[Run]) -> Cow<'_, [Run]> {
    let next = |pair: &[Run]| matches!(pair, [run, next] if end(run) == next.offset);
    if !runs.windows(2).any(next) {
        return Cow::Borrowed(runs);
    }
    let mut out: Vec<Run> = Vec::with_capacity(runs.len());
    let mut place = None;
    for run in runs {
        match out.last_mut() {
            Some(last) if place == Some(run.offset) => last.samples.extend_from_slice(&run.samples),
            _ => out.push(run.clone()),
        }
        place = Some(end(run));
    }
    Cow::Owned(out)
}

/// One part a track.
fn whole<'a>(movie: &'a Movie, fragment: &'a Fragment) -> Result<Vec<Part<'a>>, Error> {
    let parts = fragment.tracks.iter().map(|part| {
        Ok(Part {
            track: track_of(movie, fragment, part)?,
            roll_distance: part.roll_distance,
            time: part.base_decode_time,
            entry: entry_of(part),
            runs: joined(&part.runs),
        })
    });
    parts.collect()
}

/// One part a run, in the order of the payload.
fn in_order<'a>(movie: &'a Movie, fragment: &'a Fragment) -> Result<Vec<Part<'a>>, Error> {
    let mut parts = Vec::new();
    for part in &fragment.tracks {
        let mut time = part.base_decode_time;
        for run in &part.runs {
            parts.push(Part {
                track: track_of(movie, fragment, part)?,
                roll_distance: part.roll_distance,
                time,
                entry: entry_of(part),
                runs: Cow::Borrowed(std::slice::from_ref(run)),
            });
            time = time.saturating_add(duration(&run.samples));
        }
    }
    let offset = |part: &Part| part.runs.first().map_or(0, |run| run.offset);
    parts.sort_by_key(offset);
    let mut place = parts.first().map_or(0, offset);
    for part in &parts {
        if offset(part) != place {
            return Err(too_far(offset(part)));
        }
        place = part.runs.last().map_or(place, end);
    }
    Ok(parts)
}

/// Ticks of samples in a row.
pub(super) fn duration(samples: &[Sample]) -> u64 {
    let durations = samples.iter().map(|sample| u64::from(sample.duration));
    durations.fold(0, u64::saturating_add)
}

/// Flags of a sample.
fn flags(sample: &Sample) -> u32 {
    if sample.sync { SYNC } else { NON_SYNC }
}

/// The one value of all samples of a run.
fn uniform(run: &Run, value: impl Fn(&Sample) -> u32) -> Option<u32> {
    let mut values = run.samples.iter().map(value);
    let first = values.next()?;
    values.all(|other| other == first).then_some(first)
}

/// What `tfhd` says for all samples, so that `trun` need not repeat it.
struct Defaults {
    duration: Option<u32>,
    size: Option<u32>,
    flags: u32,
}

impl Defaults {
    fn of(runs: &[Run]) -> Self {
        let mut last = runs.iter().rev().filter_map(|run| run.samples.last());
        Self {
            duration: runs.iter().find_map(|run| uniform(run, |s| s.duration)),
            size: runs.iter().find_map(|run| uniform(run, |s| s.size)),
            flags: last.next().map_or(SYNC, flags),
        }
    }
}

/// `traf` (8.8.6). `offsets` takes where each run's offset is to be written, and its bytes from the payload's first.
fn traf(w: &mut BoxWriter, part: &Part, base: Base, mut offsets: Option<&mut Vec<(usize, u64)>>) {
    let defaults = Defaults::of(&part.runs);
    w.boxed(*b"traf", |w| {
        tfhd(w, part, base, &defaults);
        w.full(*b"tfdt", 1, 0, |w| w.u64(part.time));
        for run in part.runs.iter().filter(|run| !run.samples.is_empty()) {
            trun(w, run, &defaults, offsets.as_deref_mut());
        }
        group_samples(w, part);
    });
}

/// `tfhd` (8.8.7).
fn tfhd(w: &mut BoxWriter, part: &Part, base: Base, defaults: &Defaults) {
    let entry = Some(part.entry.saturating_add(1)).filter(|&entry| entry != 1);
    let sample_flags = Some(defaults.flags).filter(|&flags| flags != default_flags(part.track));
    let fields = [
        (0x02, entry),
        (0x08, defaults.duration),
        (0x10, defaults.size),
        (0x20, sample_flags),
    ];
    let present = fields.iter().filter(|(_, value)| value.is_some());
    let mut bits = present.fold(0, |bits, (bit, _)| bits | bit);
    if base == Base::Moof {
        bits |= 0x02_0000; // default-base-is-moof
    }
    w.full(*b"tfhd", 0, bits, |w| {
        w.u32(part.track.id);
        fields
            .iter()
            .filter_map(|(_, value)| *value)
            .for_each(|value| w.u32(value));
    });
}

/// `trun` (8.8.8). Offsets are never negative, so version 0 holds them all.
fn trun(
    w: &mut BoxWriter,
    run: &Run,
    defaults: &Defaults,
    offsets: Option<&mut Vec<(usize, u64)>>,
) {
    let samples = &run.samples;
    let differ = |value: fn(&Sample) -> u32, default: u32| {
        let mut values = samples.iter().map(value);
        (
            values.next() != Some(default),
            values.any(|value| value != default),
        )
    };
    let any = |(first, rest): (bool, bool)| first || rest;
    let duration = defaults
        .duration
        .is_none_or(|d| any(differ(|s| s.duration, d)));
    let size = defaults.size.is_none_or(|d| any(differ(|s| s.size, d)));
    let composition = any(differ(|s| s.composition_offset, 0));
    let (first_flags, other_flags) = differ(flags, defaults.flags);
    let first_flags = samples.first().filter(|_| first_flags && !other_flags);
    let mut bits = 0;
    for (bit, present) in [
        (0x001, offsets.is_some()),
        (0x004, first_flags.is_some()),
        (0x100, duration),
        (0x200, size),
        (0x400, other_flags),
        (0x800, composition),
    ] {
        bits |= if present { bit } else { 0 };
    }
    w.full(*b"trun", 0, bits, |w| {
        w.count(samples.len(), "trun: sample_count");
        if let Some(offsets) = offsets {
            offsets.push((w.len(), run.offset));
            w.u32(0);
        }
        if let Some(first) = first_flags {
            w.u32(flags(first));
        }
        for sample in samples {
            if duration {
                w.u32(sample.duration);
            }
            if size {
                w.u32(sample.size);
            }
            if other_flags {
                w.u32(flags(sample));
            }
            if composition {
                w.u32(sample.composition_offset);
            }
        }
    });
}

/// `sgpd` and `sbgp` of a `traf`, described in it, so that it stands on its own.
fn group_samples(w: &mut BoxWriter, part: &Part) {
    let samples = || part.runs.iter().flat_map(|run| &run.samples);
    if let Some(distance) = part.roll_distance {
        let count = w.narrow(samples().count() as u64, "sbgp: sample_count");
        groups::roll(w, Place::Fragment, distance, count);
    }
    if !samples().any(|sample| sample.open) {
        return;
    }
    let mut members: Vec<MemberRun> = Vec::new();
    for sample in samples() {
        match members.last_mut() {
            Some(run) if run.member == sample.open => run.count = run.count.saturating_add(1),
            _ => members.push(MemberRun {
                count: 1,
                member: sample.open,
            }),
        }
    }
    groups::random_access(w, Place::Fragment, &members);
}
