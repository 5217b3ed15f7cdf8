//! What benches/opus.py measures of a store of Opus packets, one command a process:
//!
//! ```text
//! fill STORE PACKETS [varied]                        a store of tiny packets
//! opens STORE COUNT | finds STORE COUNT              opens it so many times, and looks a sample up each time
//! lookup STORE COUNT                                 nanoseconds of opening and of lookups
//! extract STORE POSITIONS LENGTH OUT PREROLL [reopen]  as the peers' programs, see benches/peers/peer.h
//! many STORE POSITIONS LENGTH PREROLL JOBS           nanoseconds of all of the positions together
//! ```

use std::error::Error;
use std::fs::File;
use std::hint::black_box;
use std::io::{BufWriter, Write as _};
use std::ops::Range;
use std::time::Instant;

use gstharmony::opus::{Clip, Head, Mapping, Preroll, Start};
use gstharmony::opus_store::{
    Certainty, Extraction, Options, OpusStore, Pcm, StoreError, StoreWriter,
};

type Outcome = Result<(), Box<dyn Error>>;

/// Positions whose pages are in the cache.
const WARM: usize = 5;

/// Numbers that are the same in every run (the multiplier is Knuth's).
struct Chance(u64);

impl Chance {
    const fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) % end
    }
}

/// Packets of 2 and 3 bytes, CELT of 20 ms; `varied`: stretches of 2.5, 5, 10 and 20 ms, at which interpolation misses.
fn fill(store: &str, packets: u64, varied: bool) -> Outcome {
    let mut writer = StoreWriter::create(store, Options::default())?;
    let head = Head {
        channels: 2,
        pre_skip: 312,
        input_rate: 48_000,
        gain: 0,
        mapping: Mapping::Simple,
    };
    writer.begin(Start {
        head_bytes: Some(head.to_bytes()),
        head,
        tags: None,
        pre_skip: None,
        before_segment: 0,
    })?;
    let mut chance = Chance(1);
    let mut config = 31;
    for n in 0..packets {
        if varied && n % 100_000 == 0 {
            config = 28 + chance.below(4) as u8;
        }
        let packet = [config << 3 | 4, n as u8, (n >> 8) as u8];
        let length = 2 + (n & 1) as usize;
        writer.packet(&packet[..length], Clip::default())?;
    }
    writer.finish()?;
    Ok(())
}

fn opens(store: &str, count: usize, finds: bool) -> Outcome {
    let samples = OpusStore::open(store)?.info().pcm_samples;
    let mut chance = Chance(2);
    for _ in 0..count {
        let store = OpusStore::open(store)?;
        let sample = chance.below(samples);
        if finds {
            black_box(store.find(sample)?);
        }
    }
    Ok(())
}

fn median(mut figures: Vec<u128>) -> u128 {
    figures.sort_unstable();
    figures[figures.len() / 2]
}

/// Nanoseconds of a turn, over `count` turns of a list.
fn each<T>(
    list: &[T],
    count: usize,
    mut turn: impl FnMut(&T) -> Outcome,
) -> Result<f64, Box<dyn Error>> {
    let began = Instant::now();
    for one in list.iter().cycle().take(count) {
        turn(one)?;
    }
    Ok(began.elapsed().as_nanos() as f64 / count as f64)
}

fn lookup(path: &str, count: usize) -> Outcome {
    let store = OpusStore::open(path)?;
    let samples = store.info().pcm_samples;
    let mut chance = Chance(3);
    let mut wanted: Vec<u64> = (0..count).map(|_| chance.below(samples)).collect();
    let (mut opening, mut cold) = (Vec::new(), Vec::new());
    for &sample in &wanted {
        let began = Instant::now();
        let fresh = OpusStore::open(path)?;
        opening.push(began.elapsed().as_nanos());
        let began = Instant::now();
        black_box(fresh.find(sample)?);
        cold.push(began.elapsed().as_nanos());
    }
    let find = |sample: &u64| {
        black_box(store.find(*sample)?);
        Ok(())
    };
    each(&wanted, count, find)?;
    let anywhere = each(&wanted, 10 * count, find)?;
    wanted.truncate(WARM);
    each(&wanted, count, find)?;
    let cached = each(&wanted, 100 * count, find)?;
    println!("open {}\ncold {}", median(opening), median(cold));
    println!("anywhere {anywhere:.0}\ncached {cached:.1}");
    Ok(())
}

fn ranges(positions: &str, length: &str) -> Result<Vec<Range<u64>>, Box<dyn Error>> {
    let length: u64 = length.parse()?;
    let text = std::fs::read_to_string(positions)?;
    let ranges = text.split_whitespace().map(|position| {
        let start: u64 = position.parse()?;
        Ok(start..start + length)
    });
    ranges.collect()
}

fn how(preroll: &str) -> Result<Extraction, Box<dyn Error>> {
    let preroll: Preroll = preroll.parse()?;
    Ok(Extraction {
        preroll,
        ..Extraction::default()
    })
}

fn extract(
    path: &str,
    ranges: &[Range<u64>],
    out: &str,
    how: &Extraction,
    reopen: bool,
) -> Outcome {
    let mut out = match out {
        "-" => None,
        out => Some(BufWriter::new(File::create(out)?)),
    };
    let began = Instant::now();
    let mut store = OpusStore::open(path)?;
    println!("open {}", began.elapsed().as_nanos());
    let mut certified = 0;
    for range in ranges {
        let began = Instant::now();
        if reopen {
            store = OpusStore::open(path)?;
        }
        let pcm = store.extract(range.clone(), how)?;
        println!("{}", began.elapsed().as_nanos());
        certified += u32::from(matches!(pcm.certainty, Certainty::Certified { .. }));
        if let Some(out) = &mut out {
            for sample in &pcm.samples {
                out.write_all(&sample.to_le_bytes())?;
            }
        }
    }
    println!("certified {certified}");
    if let Some(mut out) = out {
        out.flush()?;
    }
    Ok(())
}

fn many(path: &str, ranges: &[Range<u64>], how: &Extraction, jobs: &str) -> Outcome {
    let store = OpusStore::open(path)?;
    let began = Instant::now();
    store.extract_many(ranges, how, jobs.parse()?, |_, pcm: Pcm<i16>| {
        black_box(pcm);
        Ok::<_, StoreError>(())
    })?;
    println!("{}", began.elapsed().as_nanos());
    Ok(())
}

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["fill", store, packets] => fill(store, packets.parse()?, false),
        ["fill", store, packets, "varied"] => fill(store, packets.parse()?, true),
        ["opens", store, count] => opens(store, count.parse()?, false),
        ["finds", store, count] => opens(store, count.parse()?, true),
        ["lookup", store, count] => lookup(store, count.parse()?),
        [
            "extract",
            store,
            positions,
            length,
            out,
            preroll,
            ref reopen @ ..,
        ] => {
            let reopen = reopen.first() == Some(&"reopen");
            extract(
                store,
                &ranges(positions, length)?,
                out,
                &how(preroll)?,
                reopen,
            )
        }
        ["many", store, positions, length, preroll, jobs] => {
            many(store, &ranges(positions, length)?, &how(preroll)?, jobs)
        }
        // As cargo bench runs it.
        _ => {
            println!("run benches/opus.py");
            Ok(())
        }
    }
}
