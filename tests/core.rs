//! The H4MK core against the reference vectors, and what it writes against what it reads.

use std::path::{Path, PathBuf};

use gstharmony::h4mk::{
    BackScan, Block, BlockMeta, ChainBlock, Error, FileHeader, Index, IndexChunk, Kind, Opener,
    Record, Search, Sidecars, Step, Timing, Track, Walk, Writer, WriterOptions, chain,
};
use proptest::prelude::*;
use serde_json::Value;
use sha2::{Digest, Sha256};

fn data(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(path)
}

/// Everything a walk over a whole file in memory brings.
#[derive(Default)]
struct Walked {
    header: FileHeader,
    blocks: Vec<Block>,
    indices: Vec<IndexChunk>,
    records: Vec<Record>,
    chunk_edges: Vec<u64>,
    footer: bool,
    cut: Option<Error>,
}

fn walk(file: &[u8]) -> Result<Walked, Error> {
    let mut walk = Walk::new(Some(file.len() as u64));
    let mut out = Walked::default();
    loop {
        let window = &file[walk.position() as usize..];
        match walk.step(window, true)? {
            Step::Need(_) => unreachable!("the walker has all bytes"),
            Step::Header(header) => out.header = header,
            Step::Chunk(_, Record::Index(index)) => out.indices.push(index),
            Step::Chunk(_, record) => out.records.push(record),
            Step::Block(block) => {
                let mut check = block.check.clone();
                let end = block.end() as usize;
                check.update(&file[check.next_offset() as usize..end]);
                check.finish(file[end - 4..end].try_into().unwrap())?;
                out.blocks.push(block);
            }
            Step::Footer { .. } => {
                out.footer = true;
                return Ok(out);
            }
            Step::Cut(cut) => {
                out.cut = Some(cut.into_error());
                return Ok(out);
            }
        }
        out.chunk_edges.push(walk.position());
    }
}

fn payload<'a>(file: &'a [u8], block: &Block) -> &'a [u8] {
    &file[block.data_offset() as usize..block.end() as usize - 4]
}

fn sha(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

fn vectors(prefix: impl Fn(&str) -> bool) -> Vec<(String, Vec<u8>)> {
    let mut found: Vec<_> = std::fs::read_dir(data("h4mk"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "h4mk"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_string();
            (name, std::fs::read(&path).unwrap())
        })
        .filter(|(name, _)| prefix(name))
        .collect();
    found.sort();
    found
}

#[test]
fn every_query_of_the_vectors_has_the_reference_answer() {
    let files = vectors(|name| !name.starts_with("bad-"));
    assert_eq!(files.len(), 7);
    for (name, file) in files {
        let json = std::fs::read(data(&format!("h4mk/{name}.json"))).unwrap();
        let expected: Value = serde_json::from_slice(&json).unwrap();
        let walked = walk(&file).unwrap();
        assert!(walked.footer, "{name}");
        let mut blocks = walked.blocks.iter();
        for chunk in expected["chunks"].as_array().unwrap() {
            if chunk["type"] == "CORE" {
                let block = blocks.next().unwrap();
                assert_eq!(chunk["offset"], block.payload_offset(), "{name}");
                assert_eq!(chunk["pts_ms"], block.pts_ms, "{name}");
                assert_eq!(chunk["block"], block.meta.kind.as_str(), "{name}");
                assert_eq!(
                    chunk["payload_sha256"],
                    sha(payload(&file, block)),
                    "{name}"
                );
            }
        }
        assert!(blocks.next().is_none(), "{name}");
        for query in expected["queries"].as_array().unwrap() {
            let track = query["track_id"].as_u64().unwrap() as u16;
            let time = chain::time_from_ms(query["t_ms"].as_i64().unwrap());
            let of_track = walked.blocks.iter().filter(|b| b.meta.track_id == track);
            let found = chain::chain(of_track.map(ChainBlock::from), time);
            let (key, offsets) = found.map_or((Value::Null, vec![]), |chain| {
                let offsets = chain.blocks.iter().map(|b| b.payload_offset).collect();
                (chain.key.payload_offset.into(), offsets)
            });
            assert_eq!(query["keyframe"], key, "{name} {query}");
            assert_eq!(query["chain"], Value::from(offsets), "{name} {query}");
        }
    }
}

#[test]
fn every_bad_vector_is_an_error_with_its_offset() {
    let files = vectors(|name| name.starts_with("bad-"));
    assert_eq!(files.len(), 8);
    for (name, file) in files {
        let error = match walk(&file) {
            Ok(walked) => walked.cut.unwrap_or_else(|| panic!("{name} is accepted")),
            Err(error) => error,
        };
        assert!(error.offset() <= file.len() as u64, "{name}: {error}");
        assert!(error.to_string().contains("offset"), "{name}: {error}");
    }
}

#[test]
fn the_exact_timing_of_the_extension_vector_comes_out() {
    let file = std::fs::read(data("h4x/two-tracks.h4mk")).unwrap();
    let json: Value =
        serde_json::from_slice(&std::fs::read(data("h4x/two-tracks.json")).unwrap()).unwrap();
    let walked = walk(&file).unwrap();
    let expected = json["timing"].as_array().unwrap();
    assert_eq!(walked.blocks.len(), expected.len());
    for (block, expected) in walked.blocks.iter().zip(expected) {
        let timing = block.meta.timing;
        let found = serde_json::json!([
            block.meta.track_id,
            timing.pts,
            timing.dts,
            timing.duration,
            block.meta.kind.as_str(),
            sha(payload(&file, block))
        ]);
        assert_eq!(&found, expected);
        assert!(block.exact);
    }
    assert_eq!(
        walked.indices.len() as u64,
        json["index"].as_u64().unwrap() + 1
    );
}

#[test]
fn opening_takes_three_reads_and_an_entry_leads_to_its_block() {
    let file = std::fs::read(data("h4x/two-tracks.h4mk")).unwrap();
    let mut opener = Opener::new(file.len() as u64);
    let mut reads = 0;
    while let Some((offset, length)) = opener.request() {
        opener.feed(&file[offset as usize..][..length]).unwrap();
        reads += 1;
    }
    assert_eq!(reads, 3);
    let opened = opener.finish().unwrap();
    let finished = opened.finished.unwrap();
    assert_eq!(finished.end.blocks, 462);
    for entry in finished.index.entries() {
        let mut walk = Walk::at(entry.offset, opened.header, Some(file.len() as u64));
        let block = loop {
            let step = walk.step(&file[walk.position() as usize..], true).unwrap();
            if let Step::Block(block) = step
                && block.meta.track_id == entry.track_id
                && block.meta.timing.pts == Some(entry.pts_ns)
            {
                break block;
            }
        };
        assert_eq!(block.meta.kind, Kind::I);
        assert_eq!(block.group_offset, entry.offset);
    }
}

fn track(track_id: u16) -> Track {
    Track {
        track_id,
        name: format!("t{track_id}"),
        kind: "video".into(),
        codec: "h264".into(),
        caps: Some("video/x-h264".into()),
        ..Track::default()
    }
}

/// Writes blocks in groups of `group`; a payload is its block's number repeated.
fn write(blocks: &[BlockMeta], group: usize, extensions: bool) -> Vec<u8> {
    let mut writer = Writer::new(WriterOptions {
        extensions,
        ..WriterOptions::default()
    });
    let mut out = Vec::new();
    let tracks = [track(1), track(2)];
    writer
        .start(&tracks, &Sidecars::default(), &mut out)
        .unwrap();
    for (at, metas) in blocks.chunks(group).enumerate() {
        writer.begin_group(metas, &mut out).unwrap();
        for (n, meta) in metas.iter().enumerate() {
            let payload = vec![(at * group + n) as u8; meta.len as usize];
            let crc = writer.block([&payload[..]], &mut out).unwrap();
            out.extend(&payload);
            out.extend(crc);
        }
    }
    writer.finish(None, &mut out).unwrap();
    assert_eq!(writer.position(), out.len() as u64);
    out
}

fn meta(track_id: u16, kind: Kind, pts: i64, len: u32) -> BlockMeta {
    BlockMeta {
        track_id,
        kind,
        timing: Timing {
            pts: Some(pts),
            dts: None,
            duration: Some(40_000_000),
        },
        discont: false,
        header: false,
        droppable: false,
        buffer_flags: 0,
        clipping: None,
        len,
    }
}

/// 25 pictures a second with a key every second, beside 50 blocks of sound.
fn two_tracks(seconds: i64) -> Vec<BlockMeta> {
    (0..seconds * 50)
        .flat_map(|n| {
            let time = n * 20_000_000;
            let kind = if n % 50 == 0 { Kind::I } else { Kind::P };
            let picture = (n % 2 == 0).then(|| meta(1, kind, time, 30));
            picture.into_iter().chain([meta(2, Kind::I, time, 5)])
        })
        .collect()
}

/// The last XIDX of a file, found from its end.
fn last_index(file: &[u8]) -> Option<IndexChunk> {
    let mut scan = BackScan::new(file.len() as u64);
    while let Some((offset, length)) = scan.request() {
        scan.feed(&file[offset as usize..][..length]);
    }
    scan.finish()
}

#[test]
fn a_search_from_the_last_index_agrees_with_the_full_index_and_takes_few_reads() {
    let file = write(&two_tracks(600), 4, true);
    let walked = walk(&file).unwrap();
    let full = walked.indices.last().unwrap();
    assert!(full.full);
    let index = Index::new(full.entries.clone());
    let cut = &file[..full.position as usize];
    let last = last_index(cut).unwrap();
    assert!(last.ordinal >= 140, "{}", last.ordinal);
    let mut most = 0;
    for time in (-1..600).map(|s| s * 1_000_000_000 + 10) {
        for track in [1, 2, 9] {
            let mut search = Search::new(last.clone(), track, time);
            let mut reads = 0;
            while let Some((offset, length)) = search.request() {
                let end = cut.len().min(offset as usize + length);
                search.feed(&cut[offset as usize..end]);
                reads += 1;
            }
            assert_eq!(
                search.finish(),
                index.find(track, time).copied(),
                "{track} {time}"
            );
            if track != 9 && time > 0 {
                most = most.max(reads);
            }
        }
    }
    // At most half the square of the binary logarithm, each jump tried before the step back is taken.
    let log = f64::from(last.ordinal).log2();
    assert!(
        most as f64 <= log * log,
        "{most} reads, {} XIDX",
        last.ordinal
    );
}

#[test]
fn a_file_cut_at_any_byte_keeps_every_whole_block_and_its_last_index() {
    let file = write(&two_tracks(6), 5, true);
    let whole = walk(&file).unwrap();
    for length in (0..=file.len()).step_by(7) {
        let cut = &file[..length];
        match walk(cut) {
            Ok(walked) => {
                let kept = whole.blocks.iter().filter(|b| b.end() <= length as u64);
                assert_eq!(walked.blocks.len(), kept.count(), "{length}");
                assert!(walked.blocks.iter().all(|b| b.exact));
                assert_eq!(walked.cut.is_some(), !walked.footer);
                if let Some(error) = walked.cut {
                    assert!(error.offset() <= length as u64);
                }
            }
            Err(error) => panic!("{length}: {error}"),
        }
        let expected = whole
            .indices
            .iter()
            .zip(index_ends(&whole))
            .filter(|(_, end)| *end <= length as u64)
            .map(|(index, _)| index)
            .next_back();
        assert_eq!(last_index(cut).as_ref(), expected, "{length}");
    }
}

/// The first chunk edge after each XIDX's start.
fn index_ends(walked: &Walked) -> Vec<u64> {
    walked
        .indices
        .iter()
        .map(|i| {
            let after = walked.chunk_edges.iter().find(|e| **e > i.position);
            *after.unwrap()
        })
        .collect()
}

#[test]
fn plain_version_1_says_which_limit_a_block_breaks() {
    let mut writer = Writer::new(WriterOptions {
        extensions: false,
        ..WriterOptions::default()
    });
    let mut out = Vec::new();
    let tracks = [track(1)];
    writer
        .start(&tracks, &Sidecars::default(), &mut out)
        .unwrap();
    for pts in [-1, (1 << 28) * 1_000_000] {
        let error = writer.begin_group(&[meta(1, Kind::I, pts, 1)], &mut out);
        assert!(error.unwrap_err().to_string().contains("74.6 h"));
    }
    let late = writer.set_tracks(&[track(1), track(2)], &mut out);
    assert!(late.unwrap_err().to_string().contains("first TRAK"));
}

#[test]
fn a_plain_file_has_no_chunk_that_version_1_does_not_know() {
    let file = write(&two_tracks(3), 5, false);
    let walked = walk(&file).unwrap();
    assert!(walked.footer && walked.indices.is_empty());
    assert_eq!(walked.header.flags, 0);
    let records = walked.records;
    assert_eq!(records.len(), 3, "TRAK and two TSEK: {records:?}");
}

fn any_meta() -> impl Strategy<Value = BlockMeta> {
    let time = proptest::option::of(-10_000_000_000i64..400_000_000_000_000_000);
    let kind = prop_oneof![Just(Kind::I), Just(Kind::P), Just(Kind::B)];
    let timing = (time.clone(), time, proptest::option::of(0u64..1 << 40));
    (
        1u16..3,
        kind,
        timing,
        any::<[bool; 3]>(),
        any::<u32>(),
        0u32..100,
    )
        .prop_map(
            |(track_id, kind, (pts, dts, duration), [discont, header, droppable], flags, len)| {
                BlockMeta {
                    timing: Timing { pts, dts, duration },
                    discont,
                    header,
                    droppable,
                    buffer_flags: flags,
                    ..meta(track_id, kind, 0, len)
                }
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn whatever_is_written_comes_back(blocks in proptest::collection::vec(any_meta(), 0..80), group in 1usize..20) {
        let file = write(&blocks, group, true);
        let walked = walk(&file).unwrap();
        prop_assert!(walked.footer);
        prop_assert_eq!(walked.blocks.len(), blocks.len());
        let mut numbers = [0; 3];
        for (at, (found, written)) in walked.blocks.iter().zip(&blocks).enumerate() {
            prop_assert!(found.exact);
            prop_assert_eq!(&found.meta, written);
            prop_assert_eq!(found.sequence, Some(at as u64));
            let number = &mut numbers[usize::from(written.track_id)];
            prop_assert_eq!(found.number, Some(*number));
            *number += 1;
            prop_assert!(payload(&file, found).iter().all(|b| *b == at as u8));
        }
    }

    #[test]
    fn no_damage_makes_the_reader_panic_or_lose_what_came_before(at in 16usize..4000, bit in 0u8..8) {
        let mut file = write(&two_tracks(2), 5, true);
        let whole = walk(&file).unwrap().blocks;
        let at = at % file.len();
        file[at] ^= 1 << bit;
        let before = whole.iter().filter(|b| b.end() <= at as u64).count();
        let mut walk = Walk::new(Some(file.len() as u64));
        let mut seen = 0;
        let mut bad = false;
        while let Ok(step) = walk.step(&file[walk.position() as usize..], true) {
            match step {
                Step::Block(block) => {
                    let end = block.end() as usize;
                    let mut check = block.check;
                    check.update(&file[check.next_offset() as usize..end]);
                    bad |= check.finish(file[end - 4..end].try_into().unwrap()).is_err();
                    seen += usize::from(!bad);
                }
                Step::Footer { .. } | Step::Cut(_) => break,
                _ => {}
            }
        }
        prop_assert!(seen >= before);
    }
}
