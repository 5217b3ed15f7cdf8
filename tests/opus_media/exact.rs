//! Any samples of a store are those of a sequential decode by programs that others wrote.

use std::ops::Range;

use gstharmony::opus::Preroll;
use gstharmony::opus_store::{Certainty, Extraction, OpusStore, Pcm, StoreError};

use crate::common::Random;
use crate::common::opus::{self, Opus};
use crate::decoders;
use crate::indexed::index;

/// Positions a file.
const POSITIONS: usize = 200;

/// Without gain, after so many milliseconds of pre-roll.
fn after(ms: u64) -> Extraction {
    Extraction {
        preroll: Preroll::Samples(ms * 48),
        gain: false,
    }
}

/// A sequential decode and its channels.
struct Sequential {
    samples: Vec<i16>,
    channels: usize,
}

impl Sequential {
    /// By libopusfile, or by GStreamer for what libopusfile does not take; without gain.
    fn of(file: Opus, channels: usize) -> Self {
        let samples = if file.name == opus::DISCRETE.name {
            decoders::gstreamer(&file.source())
        } else {
            decoders::opusfile(&file.path())
        };
        assert_eq!(samples.len() % channels, 0, "{}", file.name);
        Self { samples, channels }
    }

    /// Samples of a channel.
    fn count(&self) -> u64 {
        (self.samples.len() / self.channels) as u64
    }

    fn range(&self, range: &Range<u64>) -> &[i16] {
        let at = |sample: u64| sample as usize * self.channels;
        &self.samples[at(range.start)..at(range.end)]
    }
}

/// Ranges of up to a tenth of a second: the first and last samples, edges of packets, and random ones.
fn ranges(store: &OpusStore, seed: u64) -> Vec<Range<u64>> {
    let info = store.info();
    let (total, skip) = (info.pcm_samples, info.attributes.pre_skip);
    let mut random = Random::new(seed);
    let mut ranges = vec![
        0..1,
        0..total.min(4800),
        total - 1..total,
        total - 4800..total,
    ];
    while ranges.len() < POSITIONS {
        let length = 1 + random.below(4800);
        let start = match ranges.len() % 4 {
            // At the edge of a packet, or next to it.
            0 => {
                let packet = random.below(info.packets);
                let edge = store.row(packet).expect("a row").cum_start + random.below(3);
                edge.saturating_sub(skip + 1)
            }
            _ => random.below(total),
        };
        let start = start.min(total - 1);
        ranges.push(start..(start + length).min(total));
    }
    ranges
}

/// Extracts every range and hands it on with the samples that are expected.
fn extract(
    store: &OpusStore,
    sequential: &Sequential,
    how: &Extraction,
    mut each: impl FnMut(&Range<u64>, &Pcm<i16>, &[i16]),
) {
    let ranges = ranges(store, sequential.count());
    store
        .extract_many(&ranges, how, 2, |at, pcm: Pcm<i16>| {
            each(&ranges[at], &pcm, sequential.range(&ranges[at]));
            Ok::<(), StoreError>(())
        })
        .expect("every range is there");
}

/// The store of a file, and its sequential decode, which has as many samples as the store says.
fn indexed(file: Opus, properties: &str) -> (tempfile::TempDir, OpusStore, Sequential) {
    let indexed = index(file, properties);
    let store = OpusStore::open(&indexed.store).expect("the store opens");
    let info = store.info();
    let sequential = Sequential::of(file, usize::from(info.attributes.channels));
    assert_eq!(info.pcm_samples, sequential.count(), "{}", file.name);
    (indexed.folder, store, sequential)
}

#[test]
fn celt_is_exact_after_660_ms_of_preroll() {
    let files = [
        opus::CELT,
        opus::CELT_LOW,
        opus::CELT_2_5,
        opus::CELT_5,
        opus::CELT_10,
        opus::CELT_40,
        opus::CBR_60,
        opus::FFMPEG_20,
        opus::FFMPEG_100,
        opus::GST_10,
        opus::SURROUND,
        opus::ODD_TOOLS,
        opus::ODD_GST,
        opus::PADDED_1000,
        opus::MERGED_48,
        opus::GAIN,
        opus::LATE,
    ];
    for file in files {
        let (_folder, store, sequential) = indexed(file, "");
        extract(&store, &sequential, &after(660), |range, pcm, expected| {
            decoders::same(&pcm.samples, expected, &format!("{} {range:?}", file.name));
        });
    }
}

#[test]
fn rare_places_in_celt_need_more_than_660_ms_and_are_exact_after_1200_ms() {
    // Of 200 positions, how many differ after 660 ms at most, and by how much.
    for (file, most, by) in [
        (opus::CELT_60, 4, 2),
        (opus::FFMPEG_80, 4, 2),
        (opus::GST_20, 4, 2),
        (opus::DISCRETE, 100, 64),
    ] {
        let (_folder, store, sequential) = indexed(file, "");
        let mut differ = 0;
        extract(&store, &sequential, &after(660), |range, pcm, expected| {
            assert_eq!(pcm.samples.len(), expected.len(), "{} {range:?}", file.name);
            differ += usize::from(pcm.samples != expected);
            for (a, b) in pcm.samples.iter().zip(expected) {
                assert!(a.abs_diff(*b) <= by, "{} {range:?}: {a}, {b}", file.name);
            }
        });
        assert!(differ <= most, "{}: {differ}", file.name);
        extract(&store, &sequential, &after(1200), |range, pcm, expected| {
            decoders::same(&pcm.samples, expected, &format!("{} {range:?}", file.name));
        });
    }
}

#[test]
fn certified_stores_give_the_samples_of_a_sequential_decode_in_every_mode() {
    let files = [
        opus::SILK,
        opus::SILK_60,
        opus::SILK_MUSIC,
        opus::HYBRID,
        opus::HYBRID_MUSIC,
        opus::MIXED,
        opus::SWITCHED,
        opus::DTX,
        opus::FFMPEG_120,
        opus::MERGED_2,
        opus::MERGED_SILK,
        opus::CELT_LOW,
        opus::SURROUND,
        opus::DISCRETE,
    ];
    for file in files {
        let (_folder, store, sequential) = indexed(file, "pcm-hash=true");
        let how = Extraction {
            preroll: Preroll::Auto,
            gain: false,
        };
        extract(&store, &sequential, &how, |range, pcm, expected| {
            let certain = matches!(pcm.certainty, Certainty::Certified { .. });
            assert!(certain, "{} {range:?}: {:?}", file.name, pcm.certainty);
            decoders::same(&pcm.samples, expected, &format!("{} {range:?}", file.name));
        });
    }
}

/// The energy of the difference between a sound and another, `lag` samples later or earlier.
fn distance(found: &[i16], expected: &[i16], lag: i64) -> f64 {
    let first = 8;
    let pairs = (first..expected.len() - first).map(|at| {
        let other = found[(at as i64 + lag) as usize];
        (f64::from(other) - f64::from(expected[at])).powi(2)
    });
    pairs.sum()
}

#[test]
fn without_certification_count_and_position_are_exact() {
    // 80 ms are too few for the values of SILK, some of which never become those of a sequential decode.
    for file in [
        opus::SILK,
        opus::SILK_60,
        opus::HYBRID,
        opus::MIXED,
        opus::SWITCHED,
        opus::DTX,
    ] {
        let (_folder, store, sequential) = indexed(file, "");
        let mut random = Random::new(4);
        let length = 2 * 48_000;
        for _ in 0..20 {
            let start = random.below(sequential.count() - length);
            let range = start..start + length;
            let pcm = store.extract(range.clone(), &after(80)).expect("sound");
            let expected = sequential.range(&range);
            assert_eq!(pcm.samples.len(), expected.len(), "{} {range:?}", file.name);
            let [here, before, behind] =
                [0, -1, 1].map(|lag| distance(&pcm.samples, expected, lag));
            assert!(
                here < before && here < behind,
                "{} {range:?}: {before} {here} {behind}",
                file.name
            );
        }
    }
}

#[test]
fn the_whole_of_a_file_is_its_sequential_decode() {
    for file in opus::OGG {
        let (_folder, store, sequential) = indexed(*file, "");
        let how = Extraction {
            preroll: Preroll::Auto,
            gain: false,
        };
        let pcm = store.extract(0..sequential.count(), &how).expect("sound");
        decoders::same(&pcm.samples, &sequential.samples, file.name);
    }
}

#[test]
fn gain_is_applied_as_opusdec_applies_it() {
    let (_folder, store, sequential) = indexed(opus::GAIN, "");
    let pcm = store
        .extract(0..sequential.count(), &Extraction::default())
        .expect("sound");
    decoders::same(&pcm.samples, &decoders::opusdec(&opus::GAIN.path()), "gain");
}

/// The links of a store, one after the other, must be the sequential decode of a chained file.
pub fn same_sound(store: &std::path::Path, links: usize, file: Opus) {
    let mut samples = Vec::new();
    for link in 0..links as u64 {
        let store = OpusStore::open_link(store, link).expect("the link opens");
        let range = 0..store.info().pcm_samples;
        samples.extend(store.extract(range, &after(660)).expect("sound").samples);
    }
    decoders::same(&samples, &decoders::opusfile(&file.path()), file.name);
}
