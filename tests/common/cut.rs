//! Files cut at any byte, and what must still play of them.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::pipeline::quoted;
use super::{Random, packets, v1};

/// A block as version 1 sees it: where its chunk ends, its track and its payload.
struct Block {
    end: u64,
    track: u64,
    sha256: String,
}

fn blocks(file: &Value) -> Vec<Block> {
    let block = |chunk: &&Value| Block {
        end: end(chunk),
        track: chunk["track_id"].as_u64().unwrap(),
        sha256: chunk["payload_sha256"].as_str().unwrap().to_owned(),
    };
    v1::blocks(file, None).iter().map(block).collect()
}

/// The position after a chunk.
fn end(chunk: &Value) -> u64 {
    chunk["offset"].as_u64().unwrap() + chunk["length"].as_u64().unwrap() + 4
}

/// Payloads of each track that lie wholly in the first `length` bytes.
fn whole(blocks: &[Block], length: u64) -> Vec<Vec<&str>> {
    let mut tracks: BTreeMap<u64, Vec<&str>> = BTreeMap::new();
    for block in blocks.iter().filter(|b| b.end <= length) {
        tracks.entry(block.track).or_default().push(&block.sha256);
    }
    tracks.into_values().collect()
}

/// Plays the file cut to `length` and compares.
fn check(bytes: &[u8], blocks: &[Block], length: u64, path: &Path, source: &str) {
    std::fs::write(path, &bytes[..length as usize]).unwrap();
    let line = format!(
        "filesrc location={} ! {source} h4mkdemux name=d",
        quoted(path)
    );
    let (run, streams) = packets::capture(&line);
    let mut played: Vec<Vec<&str>> = streams
        .iter()
        .map(|s| s.packets.iter().map(|p| p.sha256.as_str()).collect())
        .filter(|hashes: &Vec<_>| !hashes.is_empty())
        .collect();
    let mut expected = whole(blocks, length);
    played.sort();
    expected.sort();
    assert!(
        played == expected,
        "cut at {length}, {source}: {} blocks lost",
        {
            let count = |all: &[Vec<&str>]| all.iter().map(Vec::len).sum::<usize>();
            count(&expected) as i64 - count(&played) as i64
        }
    );
    if !expected.is_empty() {
        assert_eq!(run.error, None, "cut at {length}, {source}");
    }
}

/// Cuts the file at every chunk edge and at 200 random bytes.
pub fn cut_everywhere(file: &Path, sources: &[&str]) {
    let bytes = std::fs::read(file).unwrap();
    let read = v1::read(file, true);
    let blocks = blocks(&read);
    assert!(blocks.len() > 20);
    let mut random = Random::new(200);
    let mut cuts: Vec<u64> = read["chunks"].as_array().unwrap().iter().map(end).collect();
    cuts.extend((0..200).map(|_| random.below(bytes.len() as u64)));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.h4mk");
    for (at, length) in cuts.into_iter().enumerate() {
        check(&bytes, &blocks, length, &path, sources[at % sources.len()]);
    }
}

/// How many blocks lie wholly in the first `length` bytes of the file.
pub fn whole_payloads(file: &Path, length: u64) -> usize {
    let read = v1::read(file, true);
    blocks(&read).iter().filter(|b| b.end <= length).count()
}
