//! Pads that come, go, flush and end at random while their threads push into each muxer: nothing hangs, and what comes
//! out is a valid file.

mod common;

use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use common::rig::{Kind, Rig, buffer};
use common::{Input, Random};
use gst::prelude::*;

/// Pushes until the numbers run out or it is refused; ends the stream when asked to.
fn feed(input: Input, mut random: Random, end: bool) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut ms = 0;
        for _ in 0..random.below(400) {
            ms += random.below(40);
            match random.below(20) {
                0 => drop(input.pad.push_event(gap(ms))),
                1 => drop(input.pad.push_event(gst::event::Tag::new(tags(ms)))),
                2 => drop(input.pad.push_event(caps(random.below(3)))),
                _ if input.pad.push(buffer(ms)).is_err() => return,
                _ => {}
            }
        }
        if end {
            input.pad.push_event(gst::event::Eos::new());
        }
    })
}

fn gap(ms: u64) -> gst::Event {
    gst::event::Gap::builder(gst::ClockTime::from_mseconds(ms)).build()
}

fn caps(number: u64) -> gst::Event {
    let rate = number as i32 + 8000;
    let caps = gst::Caps::builder("audio/x-opus").field("rate", rate);
    gst::event::Caps::new(&caps.build())
}

fn tags(number: u64) -> gst::TagList {
    let mut tags = gst::TagList::new();
    let title = number.to_string();
    let made = tags.get_mut().unwrap();
    made.add::<gst::tags::Title>(&title.as_str(), gst::TagMergeMode::Append);
    tags
}

fn input(rig: &Rig, random: &mut Random) -> Input {
    let kind = Kind {
        live: (random.below(3) == 0).then_some(10_000_000),
        sparse: random.below(4) == 0,
    };
    rig.input_of_kind("sink_%u", "audio/x-opus", kind)
}

/// One of the things that happen to a pad from outside its thread.
fn disturb(rig: &Rig, input: &Input, random: &mut Random) {
    match random.below(4) {
        0 => {
            input.pad.push_event(gst::event::FlushStart::new());
            // No buffer comes before the new segment.
            let _stream = input.sink.stream_lock();
            input.pad.push_event(gst::event::FlushStop::new(true));
            input.pad.push_event(segment());
        }
        1 if input.sink.parent().is_some() => {
            rig.mux.release_request_pad(&input.sink);
        }
        2 => {
            // It may have been released before.
            let _ = input.pad.unlink(&input.sink);
        }
        _ => std::thread::yield_now(),
    }
}

fn segment() -> gst::Event {
    gst::event::Segment::new(&gst::FormattedSegment::<gst::ClockTime>::new())
}

#[test]
fn nothing_hangs_and_every_file_is_valid() {
    for seed in 0..150 {
        let mut random = Random::new(seed);
        let mut rig = Rig::new("");
        rig.mux
            .set_clock(Some(&gst::SystemClock::obtain()))
            .unwrap();
        rig.set_state(gst::State::Playing);
        let end = random.below(2) == 0;
        let mut inputs = Vec::new();
        let mut threads = Vec::new();
        for _ in 0..1 + random.below(4) {
            let input = input(&rig, &mut random);
            threads.push(feed(input.clone(), Random::new(random.next()), end));
            inputs.push(input);
        }
        for _ in 0..random.below(6) {
            let at = random.below(inputs.len() as u64) as usize;
            disturb(&rig, &inputs[at], &mut random);
            if random.below(3) == 0 {
                let late = self::input(&rig, &mut random);
                threads.push(feed(late.clone(), Random::new(random.next()), end));
                inputs.push(late);
            }
        }
        if random.below(2) == 0 {
            rig.set_state(gst::State::Paused);
        }
        rig.set_state(gst::State::Ready);
        for thread in threads {
            thread.join().unwrap();
        }
        let file = rig.file();
        assert!(rig.ended() == file.whole, "seed {seed}");
        let error = rig.bus.pop_filtered(&[gst::MessageType::Error]);
        assert!(error.is_none(), "seed {seed}: {error:?}");
    }
}

/// Longer than any of these files takes.
const PATIENCE: Duration = Duration::from_secs(60);
const OPUS: &str = "audio/x-opus,rate=48000,channels=2,channel-mapping-family=0";
/// Properties of `fmp4remux`.
const SHAPES: [&str; 5] = [
    "",
    "chunk-duration=300000000",
    "fragment-duration=500000000 write-sidx=true write-mfra=true",
    "output-mode=progressive",
    "output-mode=progressive moov-placement=end",
];

fn opus_caps(channels: u64) -> gst::Event {
    let caps = OPUS.replace("channels=2", &format!("channels={channels}"));
    gst::event::Caps::new(&caps.parse::<gst::Caps>().unwrap())
}

/// A frame of 20 ms: the byte that says so (RFC 6716, 3.1), and any others.
fn packet(ms: u64) -> gst::Buffer {
    let mut payload = vec![0xf8];
    payload.extend(ms.to_le_bytes().repeat(8));
    let mut buffer = gst::Buffer::from_slice(payload);
    let made = buffer.get_mut().unwrap();
    made.set_pts(gst::ClockTime::from_mseconds(ms));
    buffer
}

/// Pushes frames, with gaps and changes of caps, until the numbers run out or one is refused.
fn feed_opus(input: Input, mut random: Random) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut ms = 0;
        for _ in 0..random.below(400) {
            ms += 20;
            // As in `disturb`: nothing comes between the end of a flush and the new segment.
            let _stream = input.sink.stream_lock();
            match random.below(40) {
                0 => {
                    ms += random.below(1000);
                    input.pad.push_event(gap(ms));
                }
                1 => drop(input.pad.push_event(gst::event::Tag::new(tags(ms)))),
                2 => drop(input.pad.push_event(opus_caps(1 + random.below(2)))),
                _ if input.pad.push(packet(ms)).is_err() => return,
                _ => {}
            }
        }
    })
}

/// A new stream, and the thread that feeds it.
fn opus(rig: &Rig, random: &mut Random) -> (Input, JoinHandle<()>) {
    let kind = Kind {
        live: (random.below(3) == 0).then_some(10_000_000),
        sparse: random.below(4) == 0,
    };
    let input = rig.input_of_kind("sink_%u", OPUS, kind);
    let thread = feed_opus(input.clone(), Random::new(random.next()));
    (input, thread)
}

/// Ends each stream when its thread has ended.
fn end_all(streams: &[(Input, JoinHandle<()>)], case: &str) {
    let began = Instant::now();
    loop {
        let over = streams.iter().all(|(_, thread)| thread.is_finished());
        for (input, _) in streams.iter().filter(|(_, t)| t.is_finished()) {
            input.pad.push_event(gst::event::Eos::new());
        }
        if over {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "{case}: a thread hangs");
        std::thread::yield_now();
    }
}

#[test]
fn every_mp4_that_ends_is_whole() {
    let mut whole = 0;
    for seed in 0..150 {
        let mut random = Random::new(seed);
        let shape = SHAPES[random.below(SHAPES.len() as u64) as usize];
        let case = format!("seed {seed}, {shape}");
        let mut rig = Rig::of("fmp4remux", shape);
        rig.mux
            .set_clock(Some(&gst::SystemClock::obtain()))
            .unwrap();
        rig.set_state(gst::State::Playing);
        let mut streams: Vec<_> = (0..1 + random.below(4))
            .map(|_| opus(&rig, &mut random))
            .collect();
        for _ in 0..random.below(6) {
            let at = random.below(streams.len() as u64) as usize;
            disturb(&rig, &streams[at].0, &mut random);
            if random.below(3) == 0 {
                streams.push(opus(&rig, &mut random));
            }
        }
        let to_the_end = random.below(3) != 0;
        if to_the_end {
            end_all(&streams, &case);
            let linked = |(input, _): &(Input, _)| input.sink.is_linked();
            if streams.iter().any(linked) {
                rig.wait_for_end();
            }
        }
        rig.set_state(gst::State::Ready);
        for (_, thread) in streams {
            thread.join().unwrap();
        }
        let error = rig.bus.pop_filtered(&[gst::MessageType::Error]);
        assert!(error.is_none(), "{case}: {error:?}");
        if rig.ended() {
            rig.drain();
            let bytes = rig.seen.iter().map(|b| b.map_readable().unwrap().to_vec());
            let boxes = common::boxes::parse(&bytes.collect::<Vec<_>>().concat());
            assert!(boxes.iter().any(|b| b.kind == *b"moov"), "{case}");
            whole += 1;
        }
    }
    assert!(whole > 50, "{whole} files ended");
}
