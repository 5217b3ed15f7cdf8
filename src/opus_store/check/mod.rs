//! Checking a store: everything in it, in one pass and in bounded memory.

mod attributes;
mod blob;
mod hashes;
mod packets;
mod report;

use std::path::Path;

use super::StoreError;
use super::reader::{Snapshot, group_attributes, storage};
use crate::opus::layout::link_group;

pub use report::{Finding, Findings, Hashes, LinkReport, MOST_KEPT, Report};

pub(super) use blob::Blob;
use report::Findable;

/// How far a check has come: packets that are checked, and packets of the link.
pub type Progress<'a> = &'a mut dyn FnMut(u64, u64);

/// Checks all of a store: rows, packets, attributes, gaps, chunks and, with `hashes`, what the packets decode to.
///
/// - Rows follow each other without a hole: bytes, and samples (`cum_end` is inclusive).
/// - Packets keep the rules R1 to R7 of RFC 6716, 3.4, and have the samples that their row says.
/// - Attributes agree with the header, the rows and the packets: totals, channels, pre-skip, gain, modes.
/// - Gaps lie before packets that are there, in order. No chunk is missing.
/// - Hashes are those of a decode from the start, where this machine's decoder is the one that made them.
///
/// What is wrong with a part of the store does not stop the check of the rest.
///
/// # Errors
/// Where there is nothing to check: [`StoreError::NotAStore`], [`StoreError::UnsupportedVersion`],
/// [`StoreError::BadAttribute`], or metadata of the root that can't be read.
pub fn check(path: &Path, hashes: bool, progress: Progress) -> Result<Report, StoreError> {
    let storage = storage(path)?;
    let (_, root) = group_attributes(&storage, path, "")?;
    let mut report = Report::default();
    for link in 0..root.links.unwrap_or(1).max(1) {
        let mut found = Findable {
            report: &mut report,
            link,
        };
        let now = match Snapshot::take(&storage, path, &link_group(link)) {
            Ok(now) => now,
            Err(error) => {
                found.error(&error);
                if matches!(error, StoreError::NotAStore { .. }) {
                    // The attribute may say any number; the links that are there end here.
                    break;
                }
                continue;
            }
        };
        let checked = check_link(&now, hashes, progress, &mut found);
        report.links.push(checked);
    }
    Ok(report)
}

fn check_link(
    now: &Snapshot,
    hashes: bool,
    progress: Progress,
    found: &mut Findable,
) -> LinkReport {
    let mut link = LinkReport {
        link: found.link,
        packets: now.packets(),
        pcm_samples: now.attributes.pcm_samples(),
        complete: now.attributes.complete,
        ..LinkReport::default()
    };
    let head = attributes::check_head(now, found);
    missing_chunks(now, found);
    let mut walk = packets::Walk::new(now, head);
    if hashes {
        walk.decode(found);
    }
    walk.run(progress, found);
    link.read = walk.read;
    link.bytes = walk.bytes;
    link.hashes = walk.hashes();
    attributes::check_totals(now, &walk, found);
    link.gaps = attributes::check_gaps(now, found);
    link
}

/// Every chunk that committed rows are in is there.
fn missing_chunks(now: &Snapshot, found: &mut Findable) {
    let tables = [
        Some((&now.index, now.packets())),
        Some((&now.blob, now.blob.rows())),
        now.hashes.as_ref().map(|table| (table, now.packets())),
        now.gaps.as_ref().map(|table| (table, table.rows())),
    ];
    for (table, rows) in tables.into_iter().flatten() {
        for chunk in table.missing_chunks(rows).take(report::MOST_KEPT) {
            match chunk {
                Ok(chunk) => found.error(&table.missing(&chunk)),
                Err(error) => found.error(&error),
            }
        }
    }
}
