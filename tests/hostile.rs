//! Damaged and hostile files through the demuxer: an end or an error that says where, never a panic or a hang.

mod common;

use std::path::Path;

use common::pipeline::{quoted, run};
use common::{Random, launch};
use gst::prelude::*;

/// Makes the checksums of all chunks that fit hold, so that what lies behind them is reached.
fn repair(file: &mut [u8]) {
    let mut at = 16;
    while let Some(head) = file.get(at..at + 12) {
        let length = u32::from_le_bytes(head[8..].try_into().unwrap()) as usize;
        let Some(chunk) = file
            .get_mut(at..)
            .and_then(|rest| rest.get_mut(..length.checked_add(16)?))
        else {
            return;
        };
        let crc = crc32fast::hash(&chunk[..length + 12]);
        chunk[length + 12..].copy_from_slice(&crc.to_le_bytes());
        at += length + 16;
    }
}

/// Changes a few bytes, most of them where chunks say something about the file.
fn mutate(file: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..1 + random.below(4) {
        let at = random.below(file.len() as u64) as usize;
        match random.below(5) {
            0 => file[at] ^= 1 << random.below(8),
            1 => file[at] = random.next() as u8,
            2 => {
                let end = (at + 8).min(file.len());
                file[at..end].fill([0, 0xff, 0x7f, 0x80][random.below(4) as usize]);
            }
            3 => {
                let end = (at + random.below(64) as usize).min(file.len());
                file.drain(at..end);
            }
            _ => {
                let bytes = file[at..(at + random.below(64) as usize).min(file.len())].to_vec();
                let to = random.below(file.len() as u64) as usize;
                file.splice(to..to, bytes);
            }
        }
        if file.len() < 32 {
            return;
        }
    }
}

/// Plays it; the answer to a seek is asked for as well.
fn play(path: &Path, mode: &str, random: &mut Random) {
    let line = format!(
        "filesrc location={} ! {mode} h4mkdemux name=d strict={}",
        quoted(path),
        random.below(4) == 0
    );
    let pipeline = launch(&line);
    let demuxer = pipeline.by_name("d").expect("the demuxer");
    let tap = common::Tap::default();
    tap.sources(&pipeline, &demuxer);
    if random.below(3) == 0 {
        // Deferred until the headers are read. The file may be too broken to start.
        let _ = pipeline.set_state(gst::State::Paused);
        let flags = gst::SeekFlags::FLUSH | gst::SeekFlags::ACCURATE;
        let _ = demuxer.seek_simple(flags, gst::ClockTime::from_mseconds(random.below(9_000)));
    }
    let _ =
        demuxer.emit_by_name::<Option<gst::Structure>>("decode-chain", &[&1u32, &1_000_000_000u64]);
    if let Some(error) = run(&pipeline).error {
        assert!(!error.contains("anic"), "{error}");
    }
}

fn survives(vector: &str, rounds: u64) {
    let original = std::fs::read(common::data(vector)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hostile.h4mk");
    for seed in 0..rounds {
        let mut random = Random::new(seed);
        let mut file = original.clone();
        mutate(&mut file, &mut random);
        if seed % 4 != 0 {
            repair(&mut file);
        }
        std::fs::write(&path, &file).unwrap();
        let mode = ["", "queue ! "][random.below(2) as usize];
        play(&path, mode, &mut random);
    }
}

#[test]
fn damaged_files_with_extensions() {
    survives("h4x/two-tracks.h4mk", 300);
}

#[test]
fn damaged_version_1_files() {
    survives("h4mk/multitrack.h4mk", 100);
    survives("h4mk/minimal.h4mk", 150);
    survives("h4mk/limits.h4mk", 100);
    survives("h4mk/b-blocks.h4mk", 150);
}
