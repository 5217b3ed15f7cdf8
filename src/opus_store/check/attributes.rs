//! Attributes against the header, the rows and the packets.

use super::packets::Walk;
use super::report::Findable;
use crate::opus::{Gap, Head, PreSkipSource};
use crate::opus_store::reader::Snapshot;

/// Rows of gaps read at once; a part of a chunk.
const BATCH: u64 = 2_000;

/// The header, and the attributes that repeat what it says.
pub(super) fn check_head(now: &Snapshot, found: &mut Findable) -> Option<Head> {
    let head = match now.head() {
        Ok(head) => head,
        Err(error) => {
            found.error(&error);
            return None;
        }
    };
    let attributes = &now.attributes;
    found.same("channels", attributes.channels, head.channels);
    found.same("mapping_family", attributes.mapping_family, head.family());
    found.same("output_gain_q8", attributes.output_gain_q8, head.gain);
    found.same(
        "input_sample_rate",
        attributes.input_sample_rate,
        head.input_rate,
    );
    if attributes.pre_skip_source == PreSkipSource::StreamHeader {
        found.same("pre_skip", attributes.pre_skip, u64::from(head.pre_skip));
    }
    Some(head)
}

/// The totals, where all rows and packets could be read.
pub(super) fn check_totals(now: &Snapshot, walk: &Walk, found: &mut Findable) {
    let attributes = &now.attributes;
    let cut = attributes.pre_skip.checked_add(attributes.end_trim);
    if attributes.complete && cut.is_none_or(|cut| cut > attributes.total_samples) {
        let what = format!(
            "pre_skip {} and end_trim {} are more than total_samples {}",
            attributes.pre_skip, attributes.end_trim, attributes.total_samples
        );
        found.problem(None, what);
    }
    if !attributes.complete {
        found.note("not complete: its writer has not ended it");
    }
    for table in [Some(&now.index), now.hashes.as_ref()]
        .into_iter()
        .flatten()
    {
        let behind = table.rows() - now.packets();
        if behind > 0 {
            found.note(format!(
                "array {}: {behind} rows are not committed",
                table.name()
            ));
        }
    }
    if walk.read != now.packets() {
        return;
    }
    let (bytes, samples) = match walk.last() {
        Some(row) => (row.byte_end(), row.cum_end.checked_add(1)),
        None => (Some(0), Some(0)),
    };
    // A sum that leaves 64 bits is a wrong row, and told.
    if let Some(samples) = samples {
        found.same("total_samples", attributes.total_samples, samples);
    }
    match bytes.and_then(|bytes| now.blob.rows().checked_sub(bytes)) {
        Some(0) | None => {}
        Some(behind) => found.note(format!(
            "array {}: {behind} bytes belong to no committed packet",
            now.blob.name()
        )),
    }
    if let Some(stream) = walk.stream() {
        let expected = stream.modes_seen().join(", ");
        found.same("modes_seen", attributes.modes_seen.join(", "), expected);
    }
}

/// Gaps lie before packets that are there, in order. Returns how many there are.
pub(super) fn check_gaps(now: &Snapshot, found: &mut Findable) -> u64 {
    let Some(table) = &now.gaps else {
        return 0;
    };
    let mut last = 0;
    let mut gap = 0;
    while gap < table.rows() {
        let batch = gap..gap.saturating_add(BATCH).min(table.rows());
        let values = match table.read_u64(batch.clone()) {
            Ok(values) => values,
            Err(error) => {
                found.error_unless_missing(&error);
                break;
            }
        };
        for (gap, &[packet, samples]) in batch.clone().zip(values.as_chunks::<2>().0) {
            check_gap(now, gap, Gap { packet, samples }, last, found);
            last = packet;
        }
        gap = batch.end;
    }
    gap
}

fn check_gap(now: &Snapshot, number: u64, gap: Gap, last: u64, found: &mut Findable) {
    let packets = now.packets();
    if gap.packet < last {
        let what = format!(
            "gap {number}, packet: found {}, expected {last} or more",
            gap.packet
        );
        found.problem(None, what);
    }
    if gap.packet > packets && now.attributes.complete {
        let what = format!(
            "gap {number}, packet: found {}, expected at most {packets}",
            gap.packet
        );
        found.problem(None, what);
    }
}
