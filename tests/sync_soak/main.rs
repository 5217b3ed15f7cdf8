//! An aligner of five live streams, which are disturbed at random for as long as is asked for.
//!
//! ```text
//! cargo test --release --test sync_soak -- --seconds 3600 --seed 1
//! ```
//!
//! The seconds are those of the media; a test clock passes them as fast as the aligner follows. `--tell 1` says what happens
//! when. The program runs itself under the leaks tracer, with fatal criticals. It ends with what was seen, as a table, and
//! fails where PTS go back, a stream that must flow stands still for a second of the clock, data that come again are not out
//! within a second, a stream that nobody disturbed is called lost, memory grows, or anything is left alive.

#[path = "../common/mod.rs"]
mod common;
mod content;
mod lane;
mod stream;
mod watch;

use std::collections::BTreeMap;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use common::Random;
use content::Kind;
use gst::prelude::*;
use lane::Eye;
use stream::{FAULTS, LIMIT, Stream};
use watch::{Memory, Problems};

const NAME: &str = "streams_disturbed_at_random_do_nothing_to_each_other";
const CHILD: &str = "HARMONY_SYNC_SOAK";
/// Milliseconds of the clock.
const TICK: u64 = 10;
/// The clock waits for the aligner for so long where that is behind by a little, and by too much.
const SHORT: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_secs(5);
/// MiB by which memory may grow after the warm-up.
const GROWTH: f64 = 32.0;
const STREAMS: [Kind; 5] = [
    Kind::Audio,
    Kind::Audio,
    Kind::Video,
    Kind::Sensor,
    Kind::Text,
];

/// The number behind an option.
fn option(name: &str, otherwise: u64) -> u64 {
    let mut arguments = std::env::args().skip_while(|a| a != name);
    let number = arguments.nth(1).map(|n| n.parse().expect("a number"));
    number.unwrap_or(otherwise)
}

fn main() -> ExitCode {
    let (seconds, seed) = (option("--seconds", 20), option("--seed", 1));
    if std::env::var_os(CHILD).is_some() {
        let good = soak(seconds, seed);
        // SAFETY: nothing of GStreamer is used after this; the tracer reports now.
        unsafe { gst::deinit() };
        return ExitCode::from(u8::from(!good));
    }
    let outcome = run_child();
    let passed = outcome.is_ok();
    if let Err(why) = outcome {
        println!("{why}");
    }
    let word = if passed { "ok" } else { "FAILED" };
    println!("test {NAME} ... {word}");
    let (good, bad) = (u8::from(passed), u8::from(!passed));
    println!(
        "\ntest result: {word}. {good} passed; {bad} failed; 0 ignored; 0 measured; 0 filtered out"
    );
    ExitCode::from(bad)
}

/// Runs the soak in a process of its own; an error is what it left alive, or its last words.
fn run_child() -> Result<(), String> {
    let output = Command::new(std::env::current_exe().expect("the test has a path"))
        .args(std::env::args().skip(1))
        .env(CHILD, "1")
        .env("GST_TRACERS", "leaks(check-refs=false)")
        .env("GST_DEBUG", "GST_TRACER:7")
        .env("GST_DEBUG_NO_COLOR", "1")
        .env("G_DEBUG", "fatal-criticals")
        .stdout(Stdio::inherit())
        .output()
        .expect("the test runs itself");
    let told = String::from_utf8_lossy(&output.stderr);
    let is_alive = |l: &&str| l.contains("object-alive,") && !l.contains("new format string");
    let alive: Vec<&str> = told.lines().filter(is_alive).collect();
    let words: Vec<&str> = told.lines().filter(|l| !l.contains("GST_TRACER")).collect();
    if !output.status.success() || words.iter().any(|l| l.contains("CRITICAL")) {
        let last = words.len().saturating_sub(40);
        return Err(format!("{}:\n{}", output.status, words[last..].join("\n")));
    }
    println!("left alive: {}", alive.len());
    match alive.get(..alive.len().min(20)) {
        None | Some([]) => Ok(()),
        Some(first) => Err(first.join("\n")),
    }
}

/// Lets the clock reach `ms`; who waits for that or less is told.
fn set_clock(clock: &gst_check::TestClock, ms: u64) {
    let now = gst::ClockTime::from_mseconds(ms);
    clock.set_time(now);
    while clock.next_entry_time().is_some_and(|next| next <= now) {
        clock.process_next_clock_id();
    }
}

/// The aligner, its streams and the time.
struct Soak {
    element: gst::Element,
    bus: gst::Bus,
    clock: gst_check::TestClock,
    now: Arc<AtomicU64>,
    streams: Vec<Stream>,
    problems: Problems,
    messages: BTreeMap<String, u64>,
    random: Random,
    /// Says what happens when.
    tells: bool,
}

impl Soak {
    fn new(seed: u64) -> Self {
        common::init();
        let element = gst::ElementFactory::make("syncaligner")
            .build()
            .expect("the aligner");
        let bus = gst::Bus::new();
        element.set_bus(Some(&bus));
        let clock = gst_check::TestClock::new();
        element.set_clock(Some(&clock)).expect("a clock");
        element.set_base_time(gst::ClockTime::ZERO);
        element.set_start_time(gst::ClockTime::NONE);
        element
            .set_state(gst::State::Playing)
            .expect("the aligner plays");
        let (now, problems) = (Arc::new(AtomicU64::new(0)), Problems::default());
        let stream = |(number, kind): (usize, &Kind)| {
            let eye = Eye::new(&format!("sink_{number}"), &now, &problems);
            Stream::new(&element, *kind, number, eye)
        };
        let streams = STREAMS.iter().enumerate().map(stream).collect();
        Self {
            bus,
            clock,
            streams,
            problems,
            messages: BTreeMap::new(),
            tells: option("--tell", 0) > 0,
            random: Random::new(seed),
            element,
            now,
        }
    }

    fn tick(&mut self, now: u64) {
        self.now.store(now, Ordering::Release);
        set_clock(&self.clock, now);
        for stream in &mut self.streams {
            let before = stream.fault();
            stream.tick(&self.element, &mut self.random, now);
            if self.tells && stream.fault() != before {
                println!("{now} ms: {}", stream.told());
            }
        }
        self.listen(now);
        self.keep_pace(now);
    }

    /// Reads what the aligner says.
    fn listen(&mut self, now: u64) {
        while let Some(message) = self.bus.pop() {
            if let gst::MessageView::Error(error) = message.view() {
                self.problems.add(format!("at {now} ms: {error:?}"));
            }
            let Some(structure) = message
                .structure()
                .filter(|s| s.name().starts_with("syncaligner"))
            else {
                continue;
            };
            if self.tells {
                println!("{now} ms: {structure}");
            }
            *self
                .messages
                .entry(structure.name().to_string())
                .or_default() += 1;
            let pad = structure.get::<&str>("pad").unwrap_or_default();
            let number = pad
                .strip_prefix("sink_")
                .and_then(|n| n.parse::<usize>().ok());
            let stream = number.and_then(|n| self.streams.get(n));
            let at = |field| structure.get::<i64>(field).unwrap_or_default();
            if let Some(stream) = stream.filter(|_| at("to") != at("from")) {
                stream.stepped(now, at("to").abs_diff(at("from")) / 1_000_000);
            }
            if structure.name() == "syncaligner-lost" && stream.is_some_and(|s| s.is_calm(now)) {
                self.problems
                    .add(format!("{pad} at {now} ms is called lost"));
            }
        }
    }

    /// The clock stands until what is due is out: what is not by then never comes.
    fn keep_pace(&self, now: u64) {
        for stream in &self.streams {
            let behind = |limit: u64| stream.late(now).filter(|(late, _)| *late > limit);
            let begun = Instant::now();
            while behind(3 * stream.kind.duration().max(20)).is_some() && begun.elapsed() < SHORT {
                std::thread::sleep(Duration::from_micros(200));
            }
            while behind(LIMIT).is_some() && begun.elapsed() < LONG {
                std::thread::sleep(Duration::from_millis(5));
            }
            if let Some((late, why)) = behind(LIMIT) {
                stream.eye.problem(&format!("{why} for {late} ms"));
                stream.forgive(now);
            }
        }
    }

    fn end(&mut self) {
        for stream in &mut self.streams {
            stream.close(&self.element);
        }
        self.element
            .set_state(gst::State::Null)
            .expect("the aligner stops");
        self.element.set_bus(None);
    }
}

/// So many seconds of media; true when all was well.
fn soak(seconds: u64, seed: u64) -> bool {
    let mut soak = Soak::new(seed);
    watch::watch(soak.now.clone());
    let (begun, mut memory, mut threads) = (Instant::now(), Memory::default(), 0);
    for now in (0..=seconds * 1000).step_by(TICK as usize) {
        soak.tick(now);
        if now % 1000 == 0 {
            memory.sample(now as f64 / 1000.0);
            threads = threads.max(watch::thread_count());
        }
        if now % 60_000 == 0 && now > 0 {
            let (bad, _) = soak.problems.told();
            println!(
                "{} s in {:.0} s, {bad} problems",
                now / 1000,
                begun.elapsed().as_secs_f64()
            );
        }
    }
    let took = begun.elapsed().as_secs_f64();
    soak.end();
    print_streams(&soak.streams);
    let counts: Vec<String> = soak
        .messages
        .iter()
        .map(|(m, n)| format!("{m} {n}"))
        .collect();
    println!("messages: {}", counts.join(", "));
    let [warm, most, last] = memory.figures();
    println!("resident: {warm:.1} MiB after the warm-up, at most {most:.1}, at the end {last:.1}");
    println!(
        "slope: {:.1} MiB an hour of media; threads: at most {threads}",
        memory.slope()
    );
    if last > warm + GROWTH {
        soak.problems
            .add(format!("memory grows from {warm:.1} to {last:.1} MiB"));
    }
    let (bad, _) = soak.problems.told();
    println!("seed {seed}: {seconds} s of media in {took:.0} s, {bad} problems");
    bad == 0
}

/// A line for each stream.
fn print_streams(streams: &[Stream]) {
    print!(
        "| stream | sent | out | filled in | calm: longest silence ms | recoveries: n, p50, p99, most ms |"
    );
    FAULTS.iter().for_each(|fault| print!(" {fault:?} |"));
    println!();
    for (number, stream) in streams.iter().enumerate() {
        let seen = stream.eye.seen();
        let mut times = seen.recoveries.clone();
        times.sort_unstable();
        let at = |part: usize| {
            let place = (times.len() * part).div_ceil(100).saturating_sub(1);
            times.get(place).copied().unwrap_or_default()
        };
        print!(
            "| {number} {:?} | {} | {} | {} | {} | {}, {}, {}, {} |",
            stream.kind,
            stream.sent,
            seen.buffers,
            seen.filled,
            seen.worst,
            times.len(),
            at(50),
            at(99),
            at(100)
        );
        stream.counts.iter().for_each(|count| print!(" {count} |"));
        println!();
    }
}
