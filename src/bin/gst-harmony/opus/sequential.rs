//! A long range decoded in one go and handed on bit by bit: for samples that nothing certifies, so that no piece may
//! begin with a decoder of its own.

use std::ops::Range;

use gstharmony::opus::{Error, Plan, Preroll, RATE};
use gstharmony::opus_store::{Decoder, Extraction, OpusStore, StoreError};

use super::pcm::Bytes;
use crate::failure::{Failure, Outcome};

/// Packets that are decoded before their samples are handed on.
const BATCH: usize = 256;

/// Why an extraction stops.
pub enum Stop {
    Store(StoreError),
    Failure(Failure),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Decodes a range that is not empty; `each` gets its interleaved samples in order.
pub fn decode<T: Bytes>(
    store: &OpusStore,
    range: &Range<u64>,
    how: &Extraction,
    mut each: impl FnMut(&mut [T]) -> Outcome,
) -> Result<(), Stop> {
    let attributes = store.attributes();
    let mut decoder = Decoder::new(&store.head()?)?;
    if how.gain {
        let set = decoder.set_gain(attributes.output_gain_q8);
        set.map_err(|refusal| StoreError::Decoder(refusal.to_string()))?;
    }
    let preroll = match how.preroll {
        Preroll::Samples(samples) => samples,
        _ => u64::from(attributes.recommended_preroll_ms) * u64::from(RATE / 1000),
    };
    let plan = Plan::new(range, attributes.pre_skip, preroll);
    let first = store.find_on_timeline(plan.from)?.packet;
    let behind = store.find_on_timeline(plan.end.saturating_sub(1))?.packet + 1;
    let values = |samples: u64| samples as usize * usize::from(attributes.channels);
    let mut out: Vec<T> = Vec::new();
    for begin in (first..behind).step_by(BATCH) {
        let batch = store.packets(begin..behind.min(begin + BATCH as u64))?;
        out.clear();
        for (number, (row, packet)) in (begin..).zip(batch.iter()) {
            let start = out.len();
            let samples = T::decode(&mut decoder, packet, &mut out).map_err(|r| r.of(number))?;
            if samples as u64 != row.sample_count {
                return Err(Stop::Store(StoreError::NotMonotone(Error::Row {
                    packet: number,
                    field: "sample_count",
                    found: row.sample_count,
                    expected: format!("{samples}, as libopus decodes"),
                })));
            }
            // Clips are parts of the packet, whose samples were just counted.
            let clip = plan.clip(row);
            out.truncate(out.len() - values(clip.end));
            out.drain(start..start + values(clip.start));
        }
        each(&mut out).map_err(Stop::Failure)?;
    }
    Ok(())
}
