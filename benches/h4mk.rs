//! The H4MK core on 1 kB blocks: writing to memory, reading with every CRC checked, looking a key block up.
//!
//! `cargo bench --bench h4mk --no-default-features`; the figures are in docs/benchmarks.md.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gstharmony::h4mk::{
    BlockMeta, Entry, Index, Kind, Sidecars, Step, Timing, Track, Walk, Writer, WriterOptions,
};

const BLOCKS: usize = 100_000;
const BYTES: usize = 1000;
const GROUP: usize = 16;

fn metas() -> Vec<BlockMeta> {
    (0..BLOCKS as i64)
        .map(|n| BlockMeta {
            track_id: 1,
            kind: if n % 50 == 0 { Kind::I } else { Kind::P },
            timing: Timing {
                pts: Some(n * 40_000_000),
                dts: Some(n * 40_000_000 - 80_000_000),
                duration: Some(40_000_000),
            },
            discont: false,
            header: false,
            droppable: false,
            buffer_flags: 0,
            clipping: None,
            len: BYTES as u32,
        })
        .collect()
}

fn write(metas: &[BlockMeta], payload: &[u8], group: usize, out: &mut Vec<u8>) {
    let mut writer = Writer::new(WriterOptions::default());
    let track = Track {
        track_id: 1,
        ..Track::default()
    };
    writer
        .start(&[track], &Sidecars::default(), out)
        .expect("it starts");
    for group in metas.chunks(group) {
        writer.begin_group(group, out).expect("the group begins");
        for _ in group {
            let crc = writer.block([payload], out).expect("the block fits");
            out.extend_from_slice(payload);
            out.extend_from_slice(&crc);
        }
    }
    writer.finish(None, out).expect("it ends");
}

fn read(file: &[u8]) -> usize {
    let mut walk = Walk::new(Some(file.len() as u64));
    let mut blocks = 0;
    loop {
        match walk.step(&file[walk.position() as usize..], true) {
            Ok(Step::Block(block)) => {
                let end = block.end() as usize;
                let mut check = block.check;
                check.update(&file[check.next_offset() as usize..end - 4]);
                let stored = file[end - 4..end].try_into().expect("four bytes");
                check.finish(stored).expect("the CRC holds");
                blocks += 1;
            }
            Ok(Step::Footer { .. }) => return blocks,
            Ok(_) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

fn core(c: &mut Criterion) {
    let metas = metas();
    let payload: Vec<u8> = (0..BYTES).map(|n| (n * 7) as u8).collect();
    let mut file = Vec::new();
    for blocks in [1, GROUP] {
        file.clear();
        write(&metas, &payload, blocks, &mut file);
        let framing = (file.len() - BLOCKS * BYTES) as f64 / BLOCKS as f64;
        println!("{framing:.1} bytes of overhead a block in groups of {blocks}");
    }

    let mut group = c.benchmark_group("1kB-blocks");
    group.throughput(Throughput::Bytes((BLOCKS * BYTES) as u64));
    group.sample_size(20);
    group.bench_function("write", |b| {
        b.iter(|| {
            file.clear();
            write(&metas, &payload, GROUP, &mut file);
        });
    });
    group.bench_function("read", |b| b.iter(|| assert_eq!(read(&file), BLOCKS)));
    group.finish();

    // 10 million blocks, a key every 50: what the index of such a file holds.
    let entries = (0..200_000)
        .map(|n| Entry {
            pts_ns: n * 2_000_000_000,
            offset: n as u64 * 51_000,
            track_id: 1,
            leading: false,
            trak: 0,
            number: n as u32 * 50,
        })
        .collect();
    let index = Index::new(entries);
    let mut time = 0i64;
    c.bench_function("lookup-in-10M-blocks", |b| {
        b.iter(|| {
            time = (time + 7_777_777_777_777) % 400_000_000_000_000;
            black_box(index.find(1, black_box(time)))
        });
    });
}

criterion_group!(benches, core);
criterion_main!(benches);
