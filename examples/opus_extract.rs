//! Extracts the seconds of a store of Opus packets that are named, on all processors, and says how loud each is: an
//! application that links the crate and needs no GStreamer for this:
//!
//! ```sh
//! cargo run --example opus_extract -- song.zarr 1 20 300
//! ```

use std::error::Error;
use std::ops::Range;

use gstharmony::opus::{Preroll, RATE};
use gstharmony::opus_store::{Certainty, Extraction, OpusStore, Pcm};

/// Level in dB below full scale.
fn level(pcm: &Pcm<i16>) -> f64 {
    let power: f64 = pcm
        .samples
        .iter()
        .map(|&sample| (f64::from(sample) / 32_768.0).powi(2))
        .sum();
    10.0 * (power / pcm.samples.len().max(1) as f64 + 1e-12).log10()
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments
        .next()
        .ok_or("usage: opus_extract STORE SECOND...")?;
    let store = OpusStore::open(&path)?;
    let info = store.info();
    println!(
        "{path}: {} samples, {} channels, {} packets",
        info.pcm_samples, info.attributes.channels, info.packets
    );

    // Samples are counted at 48 kHz from the first that is heard; the end of a range is excluded.
    let seconds = arguments
        .map(|second| second.parse::<u64>())
        .collect::<Result<Vec<_>, _>>()?;
    let rate = u64::from(RATE);
    let ranges: Vec<Range<u64>> = seconds
        .iter()
        .map(|second| second * rate..(second + 1) * rate)
        .collect();

    // As much pre-roll as the store recommends, or as its hashes ask for.
    let how = Extraction {
        preroll: Preroll::Auto,
        ..Extraction::default()
    };
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    store.extract_many(&ranges, &how, jobs, |number, pcm: Pcm<i16>| {
        let certainty = match &pcm.certainty {
            Certainty::Certified { preroll_samples } => {
                format!("certified with {preroll_samples} samples of pre-roll")
            }
            Certainty::Uncertified { why } => format!("uncertified: {why}"),
        };
        println!(
            "second {}: {:.1} dB, {certainty}",
            seconds[number],
            level(&pcm)
        );
        Ok::<(), Box<dyn Error>>(())
    })
}
