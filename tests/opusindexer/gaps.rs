//! What is missing is recorded, where it is missing.

use gstharmony::opus::Gap;
use gstharmony::opus_store::OpusStore;

use super::*;

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
