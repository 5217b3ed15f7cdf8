//! `opusindexer`: what it writes of what passes, and what it says when it can't.

mod common;

use std::path::Path;

use gst::prelude::*;
use gst_check::Harness;
use gstharmony::opus::{Gap, PreSkipSource};
use gstharmony::opus_store::OpusStore;

/// CELT, 20 ms; CELT, 2.5 ms; SILK, 60 ms.
const LONG: [u8; 4] = [31 << 3, 1, 2, 3];
const SHORT: [u8; 2] = [28 << 3, 1];
const SILK: [u8; 2] = [3 << 3, 9];
const CAPS: &str = "audio/x-opus,rate=48000,channels=1,channel-mapping-family=0";

/// An `OpusHead` of one channel with this pre-skip.
fn head(pre_skip: u16) -> Vec<u8> {
    let mut head = b"OpusHead\x01\x01".to_vec();
    head.extend(pre_skip.to_le_bytes());
    head.extend(48_000u32.to_le_bytes());
    head.extend([0, 0, 0]);
    head
}

/// Caps with headers.
fn caps(pre_skip: u16) -> gst::Caps {
    common::init();
    let buffers =
        [head(pre_skip), b"OpusTags\0\0\0\0\0\0\0\0".to_vec()].map(gst::Buffer::from_slice);
    gst::Caps::builder("audio/x-opus")
        .field("channels", 1i32)
        .field("channel-mapping-family", 0i32)
        .field("streamheader", gst::Array::new(buffers))
        .build()
}

fn packet(bytes: &[u8], pts_ms: Option<u64>) -> gst::Buffer {
    common::init();
    let mut buffer = gst::Buffer::from_slice(bytes.to_vec());
    let made = buffer.get_mut().expect("new");
    made.set_pts(pts_ms.map(gst::ClockTime::from_mseconds));
    buffer
}

fn flagged(bytes: &[u8], pts_ms: u64, flags: gst::BufferFlags) -> gst::Buffer {
    let mut buffer = packet(bytes, Some(pts_ms));
    buffer.get_mut().expect("new").set_flags(flags);
    buffer
}

fn clipped(bytes: &[u8], pts_ms: u64, start: u64, end: u64) -> gst::Buffer {
    let mut buffer = packet(bytes, Some(pts_ms));
    let samples = gst::format::Default::from_u64;
    gst_audio_clipping(buffer.get_mut().expect("new"), samples(start), samples(end));
    buffer
}

fn gst_audio_clipping(
    buffer: &mut gst::BufferRef,
    start: gst::format::Default,
    end: gst::format::Default,
) {
    gstharmony::meta::add_clipping(
        buffer,
        gstharmony::h4mk::Clipping {
            start: *start,
            end: *end,
        },
    );
}

/// An indexer in a harness, its store in `location`.
fn harness(location: &Path, properties: &str) -> Harness {
    common::init();
    let description = format!(
        "opusindexer location={} {properties}",
        common::pipeline::quoted(location)
    );
    Harness::new_parse(&description)
}

/// Pushes all and ends.
fn index(
    location: &Path,
    properties: &str,
    caps: gst::Caps,
    buffers: Vec<gst::Buffer>,
) -> OpusStore {
    let mut harness = harness(location, properties);
    harness.set_src_caps(caps);
    for buffer in buffers {
        harness.push(buffer).expect("it takes the buffer");
    }
    assert!(harness.push_event(gst::event::Eos::new()));
    OpusStore::open(location).expect("the store opens")
}

fn store() -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("store.zarr");
    (folder, path)
}

#[test]
fn buffers_pass_as_they_are() {
    let (_folder, path) = store();
    let mut harness = harness(&path, "");
    harness.set_src_caps(caps(312));
    let given = vec![
        flagged(&head(312), 0, gst::BufferFlags::HEADER),
        clipped(&LONG, 0, 312, 0),
        flagged(
            &SILK,
            14,
            gst::BufferFlags::DISCONT | gst::BufferFlags::MARKER,
        ),
    ];
    for buffer in &given {
        harness.push(buffer.clone()).expect("pushed");
    }
    for buffer in given {
        let passed = harness.pull().expect("passed on");
        assert_eq!(passed.as_ptr(), buffer.as_ptr(), "the very buffer");
    }
}

#[test]
fn packets_of_a_list_are_indexed_in_their_order() {
    let (_folder, path) = store();
    let mut harness = harness(&path, "");
    harness.set_src_caps(caps(0));
    let mut list = gst::BufferList::new();
    let made = list.get_mut().expect("new");
    made.add(packet(&LONG, Some(0)));
    made.add(packet(&SHORT, Some(20)));
    let pad = harness
        .element()
        .expect("the element")
        .static_pad("sink")
        .expect("its pad");
    pad.chain_list(list).expect("it takes the list");
    assert!(harness.push_event(gst::event::Eos::new()));
    let store = OpusStore::open(&path).expect("opens");
    let rows = store.rows(0..2).expect("two rows");
    assert_eq!(
        rows.iter().map(|r| r.sample_count).collect::<Vec<_>>(),
        [960, 120]
    );
}

#[test]
fn headers_in_the_stream_are_no_packets() {
    let (_folder, path) = store();
    let header = |bytes: Vec<u8>| {
        let mut buffer = gst::Buffer::from_slice(bytes);
        buffer
            .get_mut()
            .expect("new")
            .set_flags(gst::BufferFlags::HEADER);
        buffer
    };
    let tags = b"OpusTags\x02\0\0\0me\0\0\0\0".to_vec();
    let buffers = vec![
        header(head(312)),
        header(tags.clone()),
        packet(&LONG, Some(0)),
    ];
    let store = index(&path, "", CAPS.parse().expect("caps"), buffers);
    let attributes = store.attributes();
    assert_eq!(attributes.committed_packets, 1);
    assert_eq!(attributes.opus_head, head(312));
    assert_eq!(attributes.opus_tags, tags);
    assert_eq!(
        (attributes.pre_skip, attributes.pre_skip_source),
        (312, PreSkipSource::StreamHeader)
    );
}

#[test]
fn clipping_is_pre_skip_and_end_trim() {
    let (_folder, path) = store();
    let buffers = vec![
        clipped(&SHORT, 0, 120, 0),
        clipped(&LONG, 0, 192, 0),
        packet(&SILK, Some(16)),
        clipped(&LONG, 76, 0, 500),
    ];
    let store = index(&path, "", caps(99), buffers);
    let attributes = store.attributes();
    assert!(attributes.complete);
    assert_eq!(
        (attributes.pre_skip, attributes.pre_skip_source),
        (312, PreSkipSource::ClippingMeta)
    );
    assert_eq!(
        (attributes.end_trim, attributes.total_samples),
        (500, 120 + 960 + 2880 + 960)
    );
    assert_eq!(attributes.pcm_samples(), 4920 - 812);
    assert_eq!(attributes.modes_seen, ["SILK", "CELT"]);
    assert!(store.gaps().expect("gaps").is_empty());
}

#[test]
fn pre_skip_of_the_property_comes_first() {
    let (_folder, path) = store();
    let store = index(
        &path,
        "pre-skip=7",
        caps(99),
        vec![clipped(&LONG, 0, 312, 0)],
    );
    let attributes = store.attributes();
    assert_eq!(
        (attributes.pre_skip, attributes.pre_skip_source),
        (7, PreSkipSource::Property)
    );
}

#[test]
fn gaps_are_recorded_and_take_no_samples() {
    let (_folder, path) = store();
    let buffers = vec![
        packet(&LONG, Some(0)),
        packet(&LONG, Some(520)),
        packet(&[], Some(540)),
        packet(&LONG, Some(560)),
    ];
    let store = index(&path, "", caps(0), buffers);
    assert_eq!(store.attributes().total_samples, 3 * 960);
    let gaps = store.gaps().expect("gaps");
    assert_eq!(
        gaps,
        [
            Gap {
                packet: 1,
                samples: 24_000
            },
            Gap {
                packet: 2,
                samples: 960
            }
        ],
        "half a second that is missing, then a packet without bytes"
    );
}

#[test]
fn a_lost_page_is_found_where_it_was_and_measured_later() {
    let (_folder, path) = store();
    let buffers = vec![
        packet(&LONG, Some(0)),
        flagged(&LONG, 20, gst::BufferFlags::DISCONT),
        packet(&LONG, Some(40)),
        packet(&LONG, Some(1060)),
    ];
    let store = index(&path, "", caps(0), buffers);
    assert_eq!(
        store.gaps().expect("gaps"),
        [Gap {
            packet: 1,
            samples: 48_000
        }]
    );
}

#[test]
fn gap_events_are_gaps() {
    let (_folder, path) = store();
    let mut harness = harness(&path, "");
    harness.set_src_caps(caps(0));
    harness.push(packet(&LONG, Some(0))).expect("pushed");
    let event = gst::event::Gap::builder(gst::ClockTime::from_mseconds(20))
        .duration(gst::ClockTime::from_mseconds(100))
        .build();
    assert!(harness.push_event(event));
    harness.push(packet(&LONG, Some(120))).expect("pushed");
    assert!(harness.push_event(gst::event::Eos::new()));
    let store = OpusStore::open(&path).expect("opens");
    assert_eq!(
        store.gaps().expect("gaps"),
        [Gap {
            packet: 1,
            samples: 4800
        }]
    );
}

#[test]
fn each_stream_is_a_link_of_its_own() {
    let (_folder, path) = store();
    let mut harness = harness(&path, "");
    harness.set_src_caps(caps(100));
    harness.push(packet(&LONG, Some(0))).expect("pushed");
    assert!(harness.push_event(gst::event::StreamStart::new("another")));
    harness.set_src_caps(caps(200));
    for ms in [0, 60] {
        harness.push(packet(&SILK, Some(ms))).expect("pushed");
    }
    assert!(harness.push_event(gst::event::Eos::new()));
    let links = OpusStore::open(&path).expect("opens").links();
    assert_eq!(links, 2);
    let first = OpusStore::open_link(&path, 0).expect("the first");
    let second = OpusStore::open_link(&path, 1).expect("the second");
    let said = |store: &OpusStore| {
        let a = store.attributes();
        (a.committed_packets, a.pre_skip, a.total_samples, a.complete)
    };
    assert_eq!(said(&first), (1, 100, 960, true));
    assert_eq!(said(&second), (2, 200, 5760, true));
    assert_eq!(
        second.row(0).expect("a row").cum_start,
        0,
        "each link counts for itself"
    );
}

#[test]
fn what_is_committed_is_read_while_it_is_written() {
    let (_folder, path) = store();
    let mut harness = harness(&path, "commit-interval=0");
    harness.set_src_caps(caps(0));
    for n in 1..=3u64 {
        harness
            .push(packet(&LONG, Some(20 * (n - 1))))
            .expect("pushed");
        let store = OpusStore::open(&path).expect("opens");
        let attributes = store.attributes();
        assert_eq!(
            (attributes.committed_packets, attributes.complete),
            (n, false)
        );
        assert_eq!(
            store.packets(0..n).expect("packets").bytes,
            LONG.repeat(n as usize)
        );
    }
    drop(harness);
    let store = OpusStore::open(&path).expect("opens");
    assert!(!store.attributes().complete, "no EOS came");
}

#[test]
fn packets_without_eos_stay_readable() {
    let (_folder, path) = store();
    let mut harness = harness(&path, "");
    harness.set_src_caps(caps(0));
    harness.push(packet(&LONG, Some(0))).expect("pushed");
    harness
        .element()
        .expect("the element")
        .set_state(gst::State::Null)
        .expect("it stops");
    let attributes = OpusStore::open(&path).expect("opens").attributes().clone();
    assert_eq!(
        (attributes.committed_packets, attributes.complete),
        (1, false)
    );
}

#[test]
fn the_end_is_told_on_the_bus() {
    let (_folder, path) = store();
    let mut harness = harness(&path, "");
    let bus = gst::Bus::new();
    let element = harness.find_element("opusindexer").expect("the element");
    element.set_bus(Some(&bus));
    harness.set_src_caps(caps(0));
    harness.push(packet(&LONG, Some(0))).expect("pushed");
    let stats = element.property::<gst::Structure>("stats");
    assert_eq!(stats.get::<u64>("packets"), Ok(1));
    let eos = gst::event::Eos::new();
    let seqnum = eos.seqnum();
    assert!(harness.push_event(eos));
    let message = bus
        .pop_filtered(&[gst::MessageType::Element])
        .expect("a message");
    assert_eq!(message.seqnum(), seqnum);
    let told = message.structure().expect("a structure");
    assert_eq!(told.name(), "opusindexer");
    assert_eq!(told.get::<u64>("packets"), Ok(1));
    assert_eq!(told.get::<u64>("samples"), Ok(960));
    assert_eq!(told.get::<u64>("links"), Ok(1));
    element.set_bus(None);
}

/// The error of an indexer that gets this.
fn failure(
    location: &Path,
    properties: &str,
    caps: gst::Caps,
    buffers: Vec<gst::Buffer>,
) -> String {
    let mut harness = harness(location, properties);
    let bus = gst::Bus::new();
    let element = harness.find_element("opusindexer").expect("the element");
    element.set_bus(Some(&bus));
    harness.set_src_caps(caps);
    let failed = buffers
        .into_iter()
        .any(|buffer| harness.push(buffer).is_err());
    assert!(failed, "nothing is refused");
    let message = bus
        .pop_filtered(&[gst::MessageType::Error])
        .expect("an error");
    element.set_bus(None);
    match message.view() {
        gst::MessageView::Error(error) => error.debug().unwrap_or_default().to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn raw_concatenated_opus_is_refused_with_the_reason() {
    let (_folder, path) = store();
    let raw = [LONG.as_slice(), &[31 << 3 | 3, 0], &LONG].concat();
    let buffers = vec![
        packet(&LONG, Some(0)),
        packet(&[31 << 3 | 3, 0, 9], None),
        packet(&raw, None),
    ];
    let error = failure(&path, "", caps(0), buffers);
    assert!(
        error.contains("packet 1") && error.contains("R5"),
        "{error}"
    );
    assert!(error.contains("no packet lengths"), "{error}");
    let store = OpusStore::open(&path).expect("what came before is readable");
    assert_eq!(store.attributes().committed_packets, 1);
}

#[test]
fn bad_packets_can_be_skipped() {
    let (_folder, path) = store();
    let buffers = vec![
        packet(&LONG, Some(0)),
        packet(&[31 << 3 | 3, 0], Some(20)),
        packet(&LONG, Some(40)),
    ];
    let store = index(&path, "on-error=skip", caps(0), buffers);
    assert_eq!(store.attributes().committed_packets, 2);
    assert_eq!(
        store.gaps().expect("gaps"),
        [Gap {
            packet: 1,
            samples: 960
        }]
    );
}

#[test]
fn bad_headers_are_named() {
    let (_folder, path) = store();
    let mut wrong = head(0);
    wrong[9] = 0;
    let mut buffer = gst::Buffer::from_slice(wrong);
    buffer
        .get_mut()
        .expect("new")
        .set_flags(gst::BufferFlags::HEADER);
    let error = failure(&path, "", CAPS.parse().expect("caps"), vec![buffer]);
    assert!(
        error.contains("OpusHead") && error.contains("channel count"),
        "{error}"
    );
}

/// The error that a start with these properties ends with.
fn refused(properties: &str) -> String {
    let pipeline = common::launch(&format!(
        "audiotestsrc num-buffers=3 ! opusenc ! opusindexer {properties} ! fakesink"
    ));
    common::run(&pipeline).failure()
}

#[test]
fn nothing_is_overwritten_unless_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("store.zarr");
    let location = format!("location={}", common::pipeline::quoted(&path));
    index(&path, "", caps(0), vec![packet(&LONG, Some(0))]);
    let error = refused(&location);
    assert!(error.contains("exists"), "{error}");
    index(
        &path,
        "overwrite=true",
        caps(0),
        vec![packet(&SILK, Some(0)), packet(&SILK, Some(60))],
    );
    let store = OpusStore::open(&path).expect("opens");
    assert_eq!(store.attributes().total_samples, 5760);
    std::fs::remove_dir_all(&path).expect("removed");
    std::fs::create_dir(&path).expect("a folder");
    std::fs::write(path.join("thesis.txt"), "mine").expect("written");
    let error = refused(&format!("{location} overwrite=true"));
    assert!(error.contains("exists"), "{error}");
    assert_eq!(
        std::fs::read(path.join("thesis.txt")).expect("still there"),
        b"mine"
    );
}

#[test]
fn a_start_without_location_says_so() {
    let error = refused("");
    assert!(error.contains("location"), "{error}");
}

#[test]
fn caps_that_change_nothing_continue_the_link() {
    let (_folder, path) = store();
    let mut harness = harness(&path, "");
    harness.set_src_caps(caps(312));
    harness.push(packet(&LONG, Some(0))).expect("pushed");
    harness.set_src_caps(CAPS.parse().expect("caps"));
    harness.push(packet(&LONG, Some(20))).expect("pushed");
    assert!(harness.push_event(gst::event::Eos::new()));
    let store = OpusStore::open(&path).expect("opens");
    assert_eq!(
        (store.links(), store.attributes().committed_packets),
        (1, 2)
    );
}

#[test]
fn after_a_flush_the_link_goes_on() {
    let (_folder, path) = store();
    let mut harness = harness(&path, "");
    harness.set_src_caps(caps(0));
    harness.push(packet(&LONG, Some(0))).expect("pushed");
    assert!(harness.push_event(gst::event::FlushStart::new()));
    assert!(harness.push_event(gst::event::FlushStop::new(true)));
    let segment = gst::FormattedSegment::<gst::ClockTime>::new();
    assert!(harness.push_event(gst::event::Segment::new(&segment)));
    harness
        .push(flagged(&LONG, 5000, gst::BufferFlags::DISCONT))
        .expect("pushed");
    assert!(harness.push_event(gst::event::Eos::new()));
    let store = OpusStore::open(&path).expect("opens");
    assert_eq!(store.attributes().committed_packets, 2);
    assert_eq!(
        store.gaps().expect("gaps"),
        [Gap {
            packet: 1,
            samples: 0
        }],
        "nobody knows how much"
    );
}
