//! The query `sample-table`, and what becomes of its answer.

use gst::prelude::*;

use super::{DescribeCaps, NewTrack, entry_place, fault};
use crate::elements::collector::Fault;
use crate::isobmff::fragment::{EMPTY_SIZE, Input, Media};
use crate::isobmff::timing::ticks;
use crate::sample_table::{
    Clipped, FIELD_CAPS_CHANGES, FIELD_CLIPPING, FIELD_SAMPLES, FIELD_VERSION, QUERY, SampleTable,
    TableSample, VERSION,
};

/// Asks upstream of a track's pad for all its samples; the payload of each is its place. Their descriptions are added
/// to the track.
pub(super) fn ask(
    new: &mut NewTrack,
    describe: &mut DescribeCaps<'_>,
) -> Result<Vec<Input<u64>>, Fault> {
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
) -> Result<Vec<Input<u64>>, String> {
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
    let mut inputs = Vec::with_capacity(table.len());
    for (number, sample) in (0_u64..).zip(table.iter()) {
        while let Some((_, next)) = entries.next_if(|(from, _)| *from <= number) {
            entry = next;
        }
        let clipped = clipped.next_if(|c| c.sample == number);
        if is_header(new, &sample) {
            continue;
        }
        inputs.push(input(new, number, &sample, clipped, entry)?);
    }
    Ok(inputs)
}

/// Opus and FLAC flag the buffers that MP4 has no place for. Flagged pictures are pictures.
fn is_header(new: &NewTrack, sample: &TableSample) -> bool {
    sample.header && matches!(new.spec.media, Media::Audio { .. })
}

fn input(
    new: &NewTrack,
    number: u64,
    sample: &TableSample,
    clipped: Option<Clipped>,
    entry: u32,
) -> Result<Input<u64>, String> {
    let pts_ns =
        (sample.pts).ok_or_else(|| format!("sample {number}: found no PTS, expected one"))?;
    let duration_ns = sample.duration.and_then(|d| i64::try_from(d).ok());
    let own = || duration_ns.map_or(0, |ns| ticks(ns, new.spec.timescale));
    let text = new.spec.media == Media::Text;
    let size = sample.size.checked_add(if text { EMPTY_SIZE } else { 0 });
    Ok(Input {
        pts_ns,
        duration_ns,
        frame: new.frame.unwrap_or_else(own),
        trim: clipped.map_or(0, |c| i64::try_from(c.end).unwrap_or(i64::MAX)),
        sync: sample.sync,
        size: size.ok_or_else(|| format!("sample {number}: found 4 GiB, expected less"))?,
        entry,
        payload: sample.position,
    })
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
