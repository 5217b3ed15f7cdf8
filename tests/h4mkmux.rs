//! `h4mkmux`: what it writes of what it is given.

mod common;

use common::rig::{Kind as Live, Rig, buffer};
use common::v1;
use gst::prelude::*;
use gstharmony::h4mk::{Clipping, Kind, Record};

const VIDEO: &str = "video/x-h264,stream-format=avc";
const AUDIO: &str = "audio/x-opus,rate=48000,channels=2";
const AT_ONCE: &str = "group-duration=0";

fn delta(ms: u64) -> gst::Buffer {
    let mut buffer = buffer(ms);
    let made = buffer.get_mut().unwrap();
    made.set_flags(gst::BufferFlags::DELTA_UNIT);
    buffer
}

#[test]
fn input_memory_is_passed_on_and_not_copied() {
    let mut rig = Rig::playing("");
    let video = rig.input("video_0", VIDEO);
    let mut given = Vec::new();
    // One, many and too many memories for framing to fit beside them; none at all.
    for (ms, memories) in [(0, 1), (40, 3), (80, 14), (120, 15), (160, 16), (200, 0)] {
        let mut buffer = gst::Buffer::new();
        let made = buffer.get_mut().unwrap();
        made.set_pts(gst::ClockTime::from_mseconds(ms));
        for i in 0..memories {
            // More than what is copied into the framing.
            made.append_memory(gst::Memory::from_slice(vec![i; 400]));
        }
        given.extend(buffer.iter_memories().map(|m| m.as_ptr()));
        video.pad.push(buffer).unwrap();
    }
    video.end();
    rig.drain();
    let passed: Vec<_> = rig
        .seen
        .iter()
        .flat_map(|b| b.iter_memories().map(|m| m.as_ptr()).collect::<Vec<_>>())
        .collect();
    let missing: Vec<_> = (0..)
        .zip(&given)
        .filter(|(_, m)| !passed.contains(m))
        .map(|(n, _): (usize, _)| n)
        .collect();
    assert!(
        missing.is_empty(),
        "memories {missing:?} of {} were copied; {} came",
        given.len(),
        passed.len()
    );
    let file = rig.file();
    let lengths: Vec<u32> = file.blocks.iter().map(|b| b.meta.len).collect();
    assert_eq!(lengths, [400, 1200, 5600, 6000, 6400, 0]);
    assert!(file.payload(&file.blocks[2]).ends_with(&[13; 400]));
    assert!(file.whole);
}

#[test]
fn thousands_of_tiny_blocks_are_whole_behind_filesink() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiny.h4mk");
    let pipeline = common::launch(&format!(
        "fakesrc num-buffers=5000 sizetype=fixed sizemax=3 filltype=pattern format=time datarate=3000
            ! text/x-raw,format=utf8 ! h4mkmux ! filesink location={}",
        common::pipeline::quoted(&path)
    ));
    common::run(&pipeline).good();
    let file = common::rig::read(std::fs::read(&path).unwrap());
    assert!(file.whole);
    assert_eq!(file.blocks.len(), 5000);
    assert_eq!(file.payload(&file.blocks[4999]).len(), 3);
}

#[test]
fn a_buffer_that_others_hold_too_stays_as_it_was() {
    let mut rig = Rig::playing(AT_ONCE);
    let video = rig.input("video_0", VIDEO);
    let shared = buffer(40);
    video.pad.push(shared.clone()).unwrap();
    assert_eq!(shared.n_memory(), 1);
    assert_eq!(shared.flags(), gst::BufferFlags::empty());
    assert_eq!(rig.order(), [(1, 40)]);
}

#[test]
fn a_block_is_one_buffer_and_a_group_one_list() {
    let mut rig = Rig::playing("");
    let video = rig.input("video_0", VIDEO);
    video.push(0);
    for ms in 1..40 {
        video.pad.push(delta(ms)).unwrap();
    }
    // A key block opens a group, and so does a span of 100 ms.
    video.push(40);
    [60, 139, 140].into_iter().for_each(|ms| {
        video.pad.push(delta(ms)).unwrap();
    });
    video.end();
    let file = rig.file();
    let counts: Vec<usize> = file
        .records
        .iter()
        .filter_map(|record| match record {
            Record::Timing { count, .. } => Some(*count),
            _ => None,
        })
        .collect();
    assert_eq!(counts, [16, 16, 8, 3, 1]);
    // Header, 44 blocks, tail.
    assert_eq!(rig.seen.len(), 46);
    let starts: Vec<usize> = (0..rig.seen.len())
        .filter(|i| !rig.seen[*i].flags().contains(gst::BufferFlags::DELTA_UNIT))
        .collect();
    assert_eq!(
        starts,
        [0, 1, 41],
        "a reader can begin at the header and at key blocks"
    );
    assert!(rig.seen[0].flags().contains(gst::BufferFlags::HEADER));
    assert_eq!(rig.seen[41].pts(), Some(gst::ClockTime::from_mseconds(40)));
}

#[test]
fn live_blocks_are_written_one_by_one() {
    let mut rig = Rig::playing("");
    let live = Live {
        live: Some(0),
        ..Live::default()
    };
    let video = rig.input_of_kind("video_0", VIDEO, live);
    for ms in [0, 1, 2] {
        video.push(ms);
        assert_eq!(rig.order().len() as u64, ms + 1);
    }
}

#[test]
fn stream_start_caps_with_the_header_and_a_segment_in_bytes_come_first() {
    let mut rig = Rig::playing(AT_ONCE);
    let video = rig.input("video_0", VIDEO);
    video.push(0);
    rig.drain();
    let events = rig.events();
    let types: Vec<gst::EventType> = events.iter().map(|e| e.type_()).collect();
    let expected = [
        gst::EventType::StreamStart,
        gst::EventType::Caps,
        gst::EventType::Segment,
    ];
    assert_eq!(types, expected);
    assert_eq!(header(&events[1]), *rig.seen[0].map_readable().unwrap());
    match events[2].view() {
        gst::EventView::Segment(e) => assert_eq!(e.segment().format(), gst::Format::Bytes),
        _ => unreachable!(),
    }
}

/// The stream header in a CAPS event.
fn header(event: &gst::Event) -> Vec<u8> {
    let gst::EventView::Caps(caps) = event.view() else {
        panic!("no caps: {event:?}");
    };
    let structure = caps.caps().structure(0).unwrap();
    assert_eq!(structure.name(), "application/x-h4mk");
    let headers: gst::ArrayRef = structure.get("streamheader").unwrap();
    let buffers: Vec<gst::Buffer> = headers.iter().map(|v| v.get().unwrap()).collect();
    buffers
        .iter()
        .flat_map(|b| b.map_readable().unwrap().to_vec())
        .collect()
}

#[test]
fn times_flags_and_kinds_are_recorded() {
    let mut rig = Rig::playing("");
    let video = rig.input("video_0", VIDEO);
    use gst::BufferFlags as F;
    let interlaced = F::from_bits_retain(1 << 20);
    for (pts, dts, flags) in [
        (80, 0, F::DISCONT | F::MARKER),
        (200, 40, F::DELTA_UNIT | F::CORRUPTED | interlaced),
        (120, 80, F::DELTA_UNIT | F::DROPPABLE),
        (160, 120, F::DELTA_UNIT | F::GAP),
        (240, 160, F::HEADER),
    ] {
        let mut buffer = buffer(pts);
        let made = buffer.get_mut().unwrap();
        made.set_dts(gst::ClockTime::from_mseconds(dts));
        made.set_duration(gst::ClockTime::from_mseconds(40));
        made.set_flags(flags);
        video.pad.push(buffer).unwrap();
    }
    video.end();
    let file = rig.file();
    let metas: Vec<_> = file.blocks.iter().map(|b| b.meta).collect();
    let kinds: Vec<Kind> = metas.iter().map(|m| m.kind).collect();
    assert_eq!(kinds, [Kind::I, Kind::P, Kind::B, Kind::B, Kind::I]);
    assert!(metas[0].discont && metas[2].droppable && metas[4].header);
    let rest = [
        F::MARKER,
        F::CORRUPTED | interlaced,
        F::empty(),
        F::GAP,
        F::empty(),
    ];
    assert_eq!(
        metas.iter().map(|m| m.buffer_flags).collect::<Vec<_>>(),
        rest.map(|f| f.bits())
    );
    assert_eq!(metas[1].timing.dts, Some(40_000_000));
    assert_eq!(metas[1].timing.duration, Some(40_000_000));
}

#[test]
fn clipping_and_blocks_without_times_are_recorded() {
    let mut rig = Rig::playing("");
    let audio = rig.input("audio_0", AUDIO);
    let mut clipped = gst::Buffer::from_slice([1; 4]);
    let clipping = Clipping { start: 312, end: 7 };
    gstharmony::meta::add_clipping(clipped.get_mut().unwrap(), clipping);
    audio.pad.push(clipped).unwrap();
    audio.end();
    let file = rig.file();
    assert_eq!(file.blocks[0].meta.clipping, Some(clipping));
    assert_eq!(file.blocks[0].meta.timing, Default::default());
}

#[test]
fn running_time_may_be_negative() {
    let mut rig = Rig::playing("");
    let video = rig.silent("video_0", Live::default());
    video.caps(VIDEO);
    let mut segment = gst::FormattedSegment::<gst::ClockTime>::new();
    segment.set_start(gst::ClockTime::from_mseconds(100));
    video.event(gst::event::Segment::new(&segment));
    let mut early = buffer(120);
    early
        .get_mut()
        .unwrap()
        .set_dts(gst::ClockTime::from_mseconds(40));
    video.pad.push(early).unwrap();
    video.end();
    let timing = rig.file().blocks[0].meta.timing;
    assert_eq!(
        (timing.pts, timing.dts),
        (Some(20_000_000), Some(-60_000_000))
    );
    assert_eq!(rig.seen[1].dts(), None, "a buffer can't hold it");
}

#[test]
fn a_caps_change_writes_a_whole_new_list_of_tracks() {
    let mut rig = Rig::playing("");
    let video = rig.input("video_0", VIDEO);
    video.push(0);
    video.caps("video/x-h265");
    video.push(40);
    // The same again is no change.
    video.caps("video/x-h265");
    video.push(80);
    video.end();
    let file = rig.file();
    let codecs: Vec<&str> = file.tracks().iter().map(|t| &*t.0[0].codec).collect();
    assert_eq!(
        codecs,
        ["h264", "h265", "h265"],
        "the last is the copy at the end"
    );
    let changes = rig.events();
    let changes = changes.iter().filter(|e| e.type_() == gst::EventType::Caps);
    // A sink that serves sockets would send a new header to clients in the middle of the stream, and keep
    // a buffer that is flagged as one from them.
    assert_eq!(changes.count(), 1);
    let is_header = |b: &&gst::Buffer| b.flags().contains(gst::BufferFlags::HEADER);
    assert_eq!(rig.seen.iter().filter(is_header).count(), 1);
}

#[test]
fn plain_version_1_is_written_without_extensions() {
    let mut rig = Rig::playing("extensions=false notes=remark");
    let video = rig.input("video_0", VIDEO);
    [0, 40].into_iter().for_each(|ms| video.push(ms));
    video.end();
    let bytes = rig.file().bytes;
    for name in [b"XTIM", b"XIDX", b"XEND"] {
        assert!(!bytes.windows(4).any(|w| w == name));
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plain.h4mk");
    std::fs::write(&path, &bytes).unwrap();
    let file = v1::read(&path, false);
    assert_eq!(v1::blocks(&file, Some(1)).len(), 2);
}

#[test]
fn what_version_1_cannot_hold_is_an_error_that_names_pad_and_limit() {
    let rig = Rig::playing("extensions=false group-duration=0");
    let video = rig.input("video_0", VIDEO);
    video.push(0);
    let far = buffer(300_000_000);
    assert_eq!(video.pad.push(far), Err(gst::FlowError::Error));
    let error = rig.error();
    assert!(
        error.contains("video_0") && error.contains("74.6 h"),
        "{error}"
    );

    let rig = Rig::playing("extensions=false group-duration=0");
    let video = rig.input("video_0", VIDEO);
    video.push(0);
    let late = rig.input("audio_0", AUDIO);
    late.pad.push(buffer(10)).unwrap();
    assert_eq!(video.pad.push(buffer(40)), Err(gst::FlowError::Error));
    let error = rig.error();
    assert!(
        error.contains("audio_0") && error.contains("first TRAK"),
        "{error}"
    );
}

#[test]
fn a_forced_key_unit_closes_the_group_and_is_passed_on() {
    let mut rig = Rig::playing("");
    let video = rig.input("video_0", VIDEO);
    video.push(0);
    assert_eq!(rig.drain(), 1, "the header; the block waits for its group");
    let force = gst::Structure::builder("GstForceKeyUnit").build();
    video.event(gst::event::CustomDownstream::new(force.clone()));
    assert_eq!(rig.drain(), 1);
    let custom = |e: &gst::Event| e.type_() == gst::EventType::CustomDownstream;
    assert!(rig.events().iter().any(custom));

    let came = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let flag = came.clone();
    let probe = gst::PadProbeType::EVENT_UPSTREAM;
    video.pad.add_probe(probe, move |_, _| {
        flag.store(true, std::sync::atomic::Ordering::SeqCst);
        gst::PadProbeReturn::Ok
    });
    let src = rig.mux.static_pad("src").unwrap();
    src.send_event(gst::event::CustomUpstream::new(force));
    assert!(came.load(std::sync::atomic::Ordering::SeqCst));
}

#[test]
fn it_cannot_be_sought_in() {
    let rig = Rig::playing("");
    let src = rig.mux.static_pad("src").unwrap();
    for format in [gst::Format::Bytes, gst::Format::Time] {
        let mut query = gst::query::Seeking::new(format);
        assert!(src.query(&mut query));
        let (seekable, ..) = query.result();
        assert!(!seekable);
    }
    let (flags, start) = (gst::SeekFlags::FLUSH, gst::SeekType::Set);
    let none = gst::ClockTime::NONE;
    let zero = gst::ClockTime::ZERO;
    let seek = gst::event::Seek::new(1.0, flags, start, zero, gst::SeekType::None, none);
    assert!(!src.send_event(seek));
}

#[test]
fn a_slow_sink_does_not_make_upstream_drop_anything() {
    let rig = Rig::playing("");
    let video = rig.input("video_0", VIDEO);
    let probe = gst::PadProbeType::EVENT_UPSTREAM;
    video.pad.add_probe(probe, move |_, info| {
        let event = info.event().unwrap();
        assert_ne!(event.type_(), gst::EventType::Qos);
        gst::PadProbeReturn::Ok
    });
    let src = rig.mux.static_pad("src").unwrap();
    let (late, at) = (1_000_000, gst::ClockTime::ZERO);
    let qos = gst::event::Qos::new(gst::QOSType::Underflow, 2.0, late, Some(at));
    assert!(src.send_event(qos));
}

#[test]
fn a_pad_gets_a_name_of_its_own_whatever_it_is_asked_by() {
    let rig = Rig::new("");
    let template = rig.mux.pad_template("sink_%u").unwrap();
    let request = |name| rig.mux.request_pad(&template, name, None);
    let names: Vec<_> = [None, Some("sink_%u"), Some("sink_7"), None]
        .map(|name| request(name).map(|pad| pad.name().to_string()))
        .into_iter()
        .collect();
    let name = |name: &str| Some(name.to_string());
    assert_eq!(
        names,
        [
            name("sink_0"),
            name("sink_1"),
            name("sink_7"),
            name("sink_2")
        ]
    );
}

#[test]
fn equal_input_makes_equal_files() {
    let write = || {
        let mut rig = Rig::playing("");
        let video = rig.input("video_0", VIDEO);
        (0..50).for_each(|i| video.push(i * 40));
        video.end();
        rig.file().bytes
    };
    assert_eq!(write(), write());
}

#[test]
fn a_hundred_cycles_leave_nothing_behind() {
    let mut rig = Rig::new("");
    let mut sizes = Vec::new();
    for cycle in 0..100 {
        rig.set_state(gst::State::Playing);
        let video = rig.input("video_%u", VIDEO);
        let audio = rig.input("audio_%u", AUDIO);
        (0..cycle % 7).for_each(|i| video.push(i * 40));
        audio.push(0);
        if cycle % 2 == 0 {
            video.end();
            audio.end();
        }
        rig.set_state(gst::State::Null);
        for input in [video, audio] {
            rig.mux.release_request_pad(&input.sink);
        }
        rig.drain();
        let bytes = rig.seen.drain(..).map(|b| b.size()).sum::<usize>();
        sizes.push(bytes);
        assert_eq!(rig.mux.num_sink_pads(), 0);
    }
    assert!(sizes.iter().step_by(2).all(|bytes| *bytes > 0));
}
