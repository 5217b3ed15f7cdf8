//! What is refused, and why.

use gst::prelude::*;
use gstharmony::opus::Gap;

use super::*;

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
    let buffer = flagged(&wrong, 0, gst::BufferFlags::HEADER);
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
fn what_ended_with_an_error_is_never_complete() {
    let (_folder, path) = store();
    let mut harness = harness(&path, "");
    harness.set_src_caps(caps(0));
    harness.push(packet(&LONG, Some(0))).expect("pushed");
    assert!(harness.push(packet(&[31 << 3 | 3, 0], Some(20))).is_err());
    // What a source or a demuxer does then.
    harness.push_event(gst::event::Eos::new());
    drop(harness);
    let store = OpusStore::open(&path).expect("what came before is readable");
    let attributes = store.attributes();
    assert_eq!(
        (attributes.committed_packets, attributes.complete),
        (1, false)
    );
}

#[test]
fn clips_in_the_midst_are_told() {
    let (_folder, path) = store();
    let mut harness = harness(&path, "");
    let bus = gst::Bus::new();
    let element = harness.find_element("opusindexer").expect("the element");
    element.set_bus(Some(&bus));
    harness.set_src_caps(caps(0));
    for buffer in [
        packet(&LONG, Some(0)),
        clipped(&LONG, 20, 100, 0),
        packet(&LONG, Some(38)),
    ] {
        harness.push(buffer).expect("pushed");
    }
    assert!(harness.push_event(gst::event::Eos::new()));
    let message = bus.pop_filtered(&[gst::MessageType::Warning]);
    element.set_bus(None);
    let text = format!("{:?}", message.expect("a warning"));
    assert!(text.contains("1 packets in the midst"), "{text}");
}
