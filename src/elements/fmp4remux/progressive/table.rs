//! The query `sample-table`, and what becomes of its answer.

use gst::prelude::*;

use super::super::streams::{FrameLength, Kind};
use super::{DescribeCaps, NewTrack, entry_place, fault, signed, skip};
use crate::elements::collector::Fault;
use crate::isobmff::fragment::{EMPTY_SIZE, Input, Media, TrackSpec};
use crate::isobmff::model::{AudioCodec, AudioEntry, SampleEntry};
use crate::isobmff::timing::{SECOND_NS, rescaled, ticks};
use crate::sample_table::{
    Clipped, FIELD_CAPS_CHANGES, FIELD_CLIPPING, FIELD_SAMPLES, FIELD_VERSION, QUERY, SampleTable,
    TableSample, VERSION,
};

/// What is known of a track's samples.
#[derive(Debug)]
pub(super) struct Told {
    /// The payload of each is its place.
    pub inputs: Vec<Input<u64>>,
    /// Ticks at the start that are decoded and not presented.
    pub skip: u32,
}

/// Asks upstream of a track's pad for all its samples. Their descriptions are added to the track.
pub(super) fn ask(new: &mut NewTrack, describe: &mut DescribeCaps<'_>) -> Result<Told, Fault> {
    let mut query = gst::query::Custom::new(gst::Structure::new_empty(QUERY));
    let answered = new.pad.peer_query(query.query_mut());
    let structure = query.structure().filter(|_| answered).ok_or_else(|| {
        let reason = "moov-placement=front-exact: upstream answers no sample-table query, expected an element \
                      that knows all buffers beforehand, as h4mkdemux does for a finished file that it pulls; \
                      front-spool needs none";
        fault(Some(new), reason)
    })?;
    read(structure, new, describe)
        .map_err(|reason| fault(Some(new), format!("its sample table: {reason}")))
}

fn read(
    structure: &gst::StructureRef,
    new: &mut NewTrack,
    describe: &mut DescribeCaps<'_>,
) -> Result<Told, String> {
    let version = structure.get::<u32>(FIELD_VERSION).unwrap_or(0);
    if version != VERSION {
        return Err(format!(
            "{FIELD_VERSION}: found {version}, expected {VERSION}"
        ));
    }
    let samples = bytes(structure, FIELD_SAMPLES)?
        .ok_or_else(|| format!("found no field {FIELD_SAMPLES}, expected a buffer"))?;
    let table = SampleTable::parse(samples.as_slice()).map_err(|e| e.to_string())?;
    let entries = entries(structure, new, describe)?;
    let clipping = bytes(structure, FIELD_CLIPPING)?;
    let mut clipped = clipping
        .as_ref()
        .map(|c| Clipped::parse_all(c.as_slice()))
        .into_iter()
        .flatten()
        .peekable();
    let mut entry = 0;
    let mut entries = entries.into_iter().peekable();
    let mut told = Told {
        inputs: Vec::with_capacity(table.len()),
        skip: 0,
    };
    for (number, sample) in (0_u64..).zip(table.iter()) {
        while let Some((_, next)) = entries.next_if(|(from, _)| *from <= number) {
            entry = next;
        }
        let clipped = clipped.next_if(|c| c.sample == number);
        if is_header(new.kind, &sample) {
            continue;
        }
        if is_dependent(new.kind, &sample)
            && let Some(before) = told.inputs.last_mut()
        {
            before.size = before.size.saturating_add(sample.size);
            continue;
        }
        if told.inputs.is_empty() {
            told.skip = clipped.map_or(0, |c| skip(new, c.start));
        }
        told.inputs
            .push(input(new, number, &sample, clipped, entry)?);
    }
    fill_frames(&mut told.inputs, new.spec);
    if let (Some(SampleEntry::Audio(entry)), Some((last, others))) =
        (new.track.entries.first(), told.inputs.split_last_mut())
        && let Some(total) = total_ticks(entry, new.spec.timescale)
    {
        // The last block of FLAC is shorter than what its parser says of it.
        let rest = total.saturating_sub(others.iter().map(|i| i.frame).sum());
        if (1..last.frame).contains(&rest) {
            last.frame = rest;
        }
    }
    Ok(told)
}

/// Samples of an Opus packet: whole 2.5 ms (RFC 6716, 3.1), so that a duration that is none leaves clipped samples out.
fn opus_samples(duration: Option<i64>, clipped: Option<Clipped>, rate: u32) -> i64 {
    let samples = rescaled(duration.unwrap_or(0), rate, SECOND_NS);
    let unit = i64::from(rate / 400).max(1);
    match clipped {
        Some(Clipped { start, end, .. }) if samples % unit != 0 => samples
            .saturating_add(signed(start))
            .saturating_add(signed(end)),
        _ => samples,
    }
}

/// Audio frames whose length nobody tells last to the next one, as long as the one before where there is none.
fn fill_frames(inputs: &mut [Input<u64>], spec: TrackSpec) {
    let Media::Audio { unit } = spec.media else {
        return;
    };
    let unit = unit.unwrap_or(1).max(1);
    let times: Vec<i64> = inputs.iter().map(|i| i.pts_ns).collect();
    let mut before = unit;
    for (number, input) in inputs.iter_mut().enumerate().filter(|(_, i)| i.frame == 0) {
        let next = times
            .get(number + 1)
            .map(|next| next.saturating_sub(input.pts_ns));
        let step = next.map(|ns| ticks(ns, spec.timescale));
        // Frames are whole numbers of units; times may be rounded to milliseconds.
        let units = |step: i64| step.saturating_add(unit / 2).div_euclid(unit).max(1);
        input.frame = step.map_or(before, |step| units(step).saturating_mul(unit));
        before = input.frame;
    }
}

/// Dependent frames of E-AC-3 have no time of their own and are part of the sample before them.
fn is_dependent(kind: Kind, sample: &TableSample) -> bool {
    let frame = FrameLength::Eac3;
    matches!(kind, Kind::Audio { frame: f, .. } if f == frame) && sample.pts.is_none()
}

/// Ticks of a whole FLAC stream, where its STREAMINFO says how many samples it has (RFC 9639, 8.2).
fn total_ticks(entry: &AudioEntry, timescale: u32) -> Option<i64> {
    const BLOCK_HEADER: usize = 4;
    const COUNTED: usize = 10;
    let AudioCodec::Flac { blocks } = &entry.codec else {
        return None;
    };
    let field = blocks.get(BLOCK_HEADER + COUNTED..)?.first_chunk::<8>()?;
    let samples = u64::from_be_bytes(*field) & ((1 << 36) - 1);
    (samples > 0).then(|| rescaled(signed(samples), timescale, entry.rate))
}

/// Buffers that MP4 has no place for: flagged, or without a time. Flagged pictures are pictures.
fn is_header(kind: Kind, sample: &TableSample) -> bool {
    let headers = matches!(
        kind,
        Kind::Audio {
            frame: FrameLength::Opus | FrameLength::Flac,
            ..
        }
    );
    headers && (sample.header || sample.pts.is_none())
}

fn input(
    new: &NewTrack,
    number: u64,
    sample: &TableSample,
    clipped: Option<Clipped>,
    entry: u32,
) -> Result<Input<u64>, String> {
    let pts_ns = sample
        .pts
        .ok_or("PTS: found none, expected a time of every buffer");
    let mut input = Input {
        pts_ns: pts_ns.map_err(|reason| format!("sample {number}, {reason}"))?,
        duration_ns: sample.duration.map(signed),
        frame: 0,
        even: true,
        trim: 0,
        sync: sample.sync,
        size: sample.size.saturating_sub(new.prefix),
        entry,
        payload: sample.position,
    };
    match new.kind {
        Kind::Video { .. } => {}
        Kind::Audio { frame, rate, .. } => {
            let samples = match frame {
                FrameLength::Constant(samples) => samples.into(),
                FrameLength::Opus => opus_samples(input.duration_ns, clipped, rate),
                // Without a duration it is filled in from the next one's time.
                _ => rescaled(input.duration_ns.unwrap_or(0), rate, SECOND_NS),
            };
            input.frame = rescaled(samples, new.spec.timescale, rate);
            if let Some(clipped) = clipped {
                // The clipped samples are before the time of the buffer.
                let before = rescaled(signed(clipped.start), SECOND_NS, rate);
                input.pts_ns = input.pts_ns.saturating_sub(before);
                input.trim = rescaled(signed(clipped.end), new.spec.timescale, rate);
            }
        }
        Kind::Text { .. } => {
            let size = sample.size.checked_add(EMPTY_SIZE);
            input.size =
                size.ok_or_else(|| format!("sample {number}: found 4 GiB, expected less"))?;
        }
    }
    Ok(input)
}

/// The descriptions that come into force later: number of the first sample and place in the track.
fn entries(
    structure: &gst::StructureRef,
    new: &mut NewTrack,
    describe: &mut DescribeCaps<'_>,
) -> Result<Vec<(u64, u32)>, String> {
    let Ok(changes) = structure.get::<gst::Array>(FIELD_CAPS_CHANGES) else {
        return Ok(Vec::new());
    };
    let mut entries = Vec::new();
    for change in changes.iter() {
        let change = change.get::<gst::Structure>().map_err(|e| e.to_string())?;
        let from = change.get("sample").map_err(|e| e.to_string())?;
        let caps = change.get("caps").map_err(|e| e.to_string())?;
        let entry = describe(&caps).map_err(|e| format!("caps from sample {from} on: {e}"))?;
        entries.push((from, entry_place(&mut new.track, &entry)));
    }
    Ok(entries)
}

fn bytes(
    structure: &gst::StructureRef,
    field: &str,
) -> Result<Option<gst::MappedBuffer<gst::buffer::Readable>>, String> {
    let buffer = structure.get_optional::<gst::Buffer>(field);
    let Some(buffer) = buffer.map_err(|e| e.to_string())? else {
        return Ok(None);
    };
    let mapped = buffer.into_mapped_buffer_readable();
    mapped
        .map(Some)
        .map_err(|_| format!("{field}: found a buffer that can't be read"))
}
