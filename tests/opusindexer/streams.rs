//! What passes, and what the store says of it.

use gst::prelude::*;
use gstharmony::opus::PreSkipSource;

use super::*;

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
fn a_header_behind_packets_begins_a_link() {
    let (_folder, path) = store();
    let header = |bytes: Vec<u8>| {
        let mut buffer = gst::Buffer::from_slice(bytes);
        let made = buffer.get_mut().expect("new");
        made.set_flags(gst::BufferFlags::HEADER);
        buffer
    };
    let mut harness = harness(&path, "");
    harness.set_src_caps(caps(312));
    harness.push(header(head(312))).expect("pushed");
    harness.push(packet(&LONG, Some(0))).expect("pushed");
    // The next link of a chain whose links share their serial number: all is the same.
    harness.push(header(head(312))).expect("pushed");
    harness.push(packet(&SILK, Some(0))).expect("pushed");
    // After a seek, headers come again.
    assert!(harness.push_event(gst::event::FlushStart::new()));
    assert!(harness.push_event(gst::event::FlushStop::new(true)));
    let segment = gst::FormattedSegment::<gst::ClockTime>::new();
    assert!(harness.push_event(gst::event::Segment::new(&segment)));
    harness.push(header(head(312))).expect("pushed");
    harness.push(packet(&SILK, Some(0))).expect("pushed");
    assert!(harness.push_event(gst::event::Eos::new()));
    assert_eq!(OpusStore::open(&path).expect("opens").links(), 2);
    let second = OpusStore::open_link(&path, 1).expect("the second");
    assert_eq!(second.attributes().committed_packets, 2);
}
