//! The order of chunks: tracks before blocks, timing records with their blocks, decoding times that go on.

use std::collections::HashMap;

use gstharmony::h4mk::{Block, Chunk, Record, Step};

use crate::findings::Findings;
use crate::survey::Survey;

/// Follows a walk.
#[derive(Default)]
pub struct OrderCheck {
    /// Blocks so far.
    blocks: u64,
    /// Timing records whose blocks are still to come, and the position of their XTIM.
    records: usize,
    timing: u64,
    ended: bool,
    /// Last DTS of each track.
    dts: HashMap<u16, i64>,
}

impl OrderCheck {
    /// Takes a step that `survey` has counted already.
    pub fn step(&mut self, step: &Step, survey: &Survey, findings: &mut Findings) {
        match step {
            Step::Block(block) => self.block(block, survey, findings),
            Step::Chunk(chunk, record) => self.chunk(chunk, record, survey, findings),
            Step::Footer { offset, .. } => {
                self.unbound(findings);
                if survey.header.has_extensions() && !self.ended {
                    let what =
                        "found the footer, expected XEND before it in a file with extensions";
                    findings.problem(*offset, what.to_owned());
                }
            }
            Step::Need(_) | Step::Header(_) | Step::Cut(_) => {}
        }
    }

    fn chunk(&mut self, chunk: &Chunk, record: &Record, survey: &Survey, findings: &mut Findings) {
        self.unbound(findings);
        self.ended = false;
        match record {
            Record::Timing { sequence, count } if survey.header.has_extensions() => {
                findings.differ(chunk.offset, "XTIM, sequence", *sequence, self.blocks);
                self.records = *count;
                self.timing = chunk.offset;
            }
            Record::End(_) => self.ended = true,
            _ => {}
        }
    }

    /// Records that no block came for.
    fn unbound(&mut self, findings: &mut Findings) {
        let left = std::mem::take(&mut self.records);
        if left > 0 {
            let what =
                format!("XTIM: found {left} records with no block after them, expected none");
            findings.problem(self.timing, what);
        }
    }

    fn block(&mut self, block: &Block, survey: &Survey, findings: &mut Findings) {
        self.blocks += 1;
        let (track, offset) = (block.meta.track_id, block.offset);
        // Version 1 goes by its first TRAK, the extensions by the last.
        let force = if survey.header.has_extensions() {
            &survey.last_tracks
        } else {
            &survey.tracks
        };
        if force
            .as_ref()
            .is_none_or(|tracks| tracks.get(track).is_none())
        {
            findings.problem(
                offset,
                format!("CORE: found track_id {track}, expected one of the TRAK in force"),
            );
        }
        match (self.records, block.exact) {
            (0, false) if survey.header.has_extensions() => {
                findings.warning(
                    offset,
                    "CORE without a timing record: its time is known to the millisecond".to_owned(),
                );
            }
            (0, _) => {}
            (left, true) => self.records = left - 1,
            (left, false) => {
                let what = "CORE: its length or PTS is not what its timing record says, expected them to agree";
                findings.problem(offset, what.to_owned());
                // The walker lets the rest of the records go too.
                self.records = 0;
                if left > 1 {
                    findings.problem(self.timing, format!("XTIM: {} records are void", left - 1));
                }
            }
        }
        if let Some(dts) = block.meta.timing.dts {
            let last = self.dts.insert(track, dts);
            if let Some(last) = last.filter(|last| dts < *last && !block.meta.discont) {
                let what =
                    format!("track {track}: DTS found {dts} ns, expected {last} ns or later");
                findings.warning(offset, what);
            }
        }
    }
}
