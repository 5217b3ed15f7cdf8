//! The packets themselves: times, clipping, caps, tags.

use gst::prelude::*;
use gstharmony::meta::clipping;

use crate::common::opus::{self, Opus};
use crate::player::{Player, Store};

/// Every packet that a source pushes, with the caps it had.
fn pushed(source: &str) -> Vec<gst::Sample> {
    let player = Player::through(source, "identity");
    player
        .pipeline
        .set_state(gst::State::Playing)
        .expect("it plays");
    std::iter::from_fn(|| player.pull()).collect()
}

fn bytes(sample: &gst::Sample) -> Vec<u8> {
    let buffer = sample.buffer().expect("a buffer");
    buffer.map_readable().expect("readable").to_vec()
}

/// What demuxers give of a file, headers left out.
fn demuxed(file: Opus) -> Vec<Vec<u8>> {
    let packets = pushed(&file.source());
    let packets = packets.iter().filter(|sample| {
        let flags = sample.buffer().expect("a buffer").flags();
        !flags.contains(gst::BufferFlags::HEADER)
    });
    packets.map(bytes).collect()
}

/// PTS, duration, offsets and clipping, times in ns.
fn stamp(sample: &gst::Sample) -> [u64; 6] {
    let buffer = sample.buffer().expect("a buffer");
    let cut = clipping(buffer, None).map_or((0, 0), |c| (c.start, c.end));
    [
        buffer.pts().expect("a PTS").nseconds(),
        buffer.duration().expect("a duration").nseconds(),
        buffer.offset(),
        buffer.offset_end(),
        cut.0,
        cut.1,
    ]
}

fn time(sample: u64) -> u64 {
    sample * 62_500 / 3
}

#[test]
fn the_whole_store_gives_the_packets_that_came() {
    for file in [
        opus::ODD_TOOLS,
        opus::SURROUND,
        opus::FFMPEG_120,
        opus::PADDED_1000,
    ] {
        let store = Store::of(file);
        let packets: Vec<_> = pushed(&store.source("")).iter().map(bytes).collect();
        assert!(packets == demuxed(file), "{}", file.name);
    }
}

#[test]
fn packets_of_a_range_say_what_is_kept_of_them() {
    // Packets of 960 samples behind a pre-skip of 312; sample 5000 is in packet 5, sample 6499 in packet 7.
    let store = Store::of(opus::ODD_TOOLS);
    let samples = pushed(&store.source("start=5000 stop=6500 preroll=40"));
    let packets = demuxed(opus::ODD_TOOLS);
    let sent: Vec<_> = samples.iter().map(bytes).collect();
    assert_eq!(sent, packets[3..8]);
    let at = |first: u64, behind: u64, start, end| {
        let (pts, stop) = (time(first), time(behind));
        [pts, stop - pts, first, behind, start, end]
    };
    let stamps: Vec<_> = samples.iter().map(stamp).collect();
    let expected = [
        at(5000, 5000, 960, 0),
        at(5000, 5000, 960, 0),
        at(5000, 5448, 512, 0),
        at(5448, 6408, 0, 0),
        at(6408, 6500, 0, 868),
    ];
    assert_eq!(stamps, expected);
}

#[test]
fn the_start_and_the_end_are_clipped_as_the_file_is() {
    let store = Store::of(opus::ODD_TOOLS);
    let samples = pushed(&store.source(""));
    let stamps: Vec<_> = samples.iter().map(stamp).collect();
    assert_eq!(stamps[0], [0, time(648), 0, 648, 312, 0]);
    let [.., behind, start, end] = stamps[stamps.len() - 1];
    assert_eq!((behind, start), (100_003, 0));
    assert_eq!(stamps.len() as u64 * 960, 312 + 100_003 + end);
}

#[test]
fn caps_say_what_decoders_and_muxers_need() {
    let (store, surround) = (Store::of(opus::GAIN), Store::of(opus::SURROUND));
    let samples = pushed(&store.source("start=5000 stop=6000 preroll=40"));
    let caps = samples[0].caps().expect("caps").structure(0).expect("one");
    assert_eq!(caps.get::<i32>("rate"), Ok(48_000));
    assert_eq!(caps.get::<i32>("channels"), Ok(2));
    assert_eq!(caps.get::<i32>("channel-mapping-family"), Ok(0));
    let headers = caps.get::<gst::Array>("streamheader").expect("headers");
    let headers: Vec<_> = headers
        .iter()
        .map(|h| h.get::<gst::Buffer>().expect("a buffer"))
        .collect();
    let head = headers[0].map_readable().expect("readable");
    assert_eq!(head[..10], *b"OpusHead\x01\x02");
    assert_eq!(
        head[10..12],
        2432u16.to_le_bytes(),
        "3 × 960 − 448 samples are clipped"
    );
    assert_eq!(head[12..16], 48_000u32.to_le_bytes());
    assert_eq!(head[16..18], (-1536i16).to_le_bytes());
    assert_eq!(
        headers[1].map_readable().expect("readable")[..8],
        *b"OpusTags"
    );
    let samples = pushed(&surround.source("stop=10"));
    let caps = samples[0].caps().expect("caps").structure(0).expect("one");
    assert_eq!(caps.get::<i32>("channels"), Ok(6));
    assert_eq!(caps.get::<i32>("stream-count"), Ok(4));
    assert_eq!(caps.get::<i32>("coupled-count"), Ok(2));
    let mapping = caps
        .get::<gst::Array>("channel-mapping")
        .expect("a mapping");
    let mapping: Vec<i32> = mapping.iter().map(|c| c.get().expect("a number")).collect();
    assert_eq!(mapping, [0, 4, 1, 2, 3, 5]);
}

#[test]
fn packets_of_a_page_share_its_memory() {
    let store = Store::of(opus::ODD_TOOLS);
    let samples = pushed(&store.source("start=20000 stop=40000"));
    let parents: Vec<_> = samples
        .iter()
        .map(|sample| {
            let memory = sample.buffer().expect("a buffer").peek_memory(0);
            memory.parent().expect("a part of a page").as_ptr()
        })
        .collect();
    assert!(parents.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn comments_are_tags() {
    let store = Store::of(opus::ODD_TOOLS);
    let player = Player::new(&store.source(""));
    player.state(gst::State::Paused);
    let tags = player
        .source()
        .static_pad("src")
        .expect("a pad")
        .sticky_event::<gst::event::Tag>(0);
    let tags = tags.expect("tags").tag_owned();
    assert_eq!(tags.scope(), gst::TagScope::Stream);
    assert_eq!(
        tags.get::<gst::tags::AudioCodec>()
            .map(|c| c.get().to_owned())
            .as_deref(),
        Some("Opus")
    );
    assert!(
        tags.get::<gst::tags::ApplicationName>().is_some(),
        "{tags:?}"
    );
}
