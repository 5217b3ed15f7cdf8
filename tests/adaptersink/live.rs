//! With a clock: what is late, and what upstream is told of it.

use gst::prelude::*;

use crate::rig::{BLOCKS, Rig, Sketch, block, pts_ms, sink};

/// Playing by a clock of the test's.
struct Live {
    rig: Rig,
    clock: gst_check::TestClock,
}

impl Live {
    fn new(properties: &str) -> Self {
        let sink = sink(&format!("output-mode=block {properties}"));
        let clock = gst_check::TestClock::new();
        clock.set_time(gst::ClockTime::ZERO);
        sink.set_base_time(gst::ClockTime::ZERO);
        sink.set_clock(Some(&clock))
            .expect("a sink takes any clock");
        let rig = Rig::of(sink, BLOCKS);
        // The harness has set it to false.
        rig.sink.set_property("sync", true);
        Self { rig, clock }
    }

    fn set_time(&self, ms: u64) {
        self.clock.set_time(gst::ClockTime::from_mseconds(ms));
    }

    /// Pushes blocks whose times have come: each asks the clock once.
    fn push_all(&mut self, blocks: &[Sketch]) {
        for block in blocks {
            self.answered(|harness| {
                assert_eq!(harness.push(block.buffer()), Ok(gst::FlowSuccess::Ok))
            });
        }
    }

    fn end(&mut self) {
        self.answered(|harness| assert!(harness.push_event(gst::event::Eos::new())));
    }

    /// A clock of tests answers only when it is told to.
    fn answered(&mut self, work: impl FnOnce(&mut gst_check::Harness) + Send) {
        let harness = &mut self.rig.harness;
        std::thread::scope(|scope| {
            scope.spawn(|| work(harness));
            self.clock.wait_for_next_pending_id();
            assert!(
                self.clock.process_next_clock_id().is_some(),
                "its time has come"
            );
        });
    }
}

#[test]
fn late_blocks_are_decoded_and_not_published_and_late_droppable_ones_not_decoded() {
    let mut live = Live::new("");
    live.push_all(&[block("I", 0)]);
    live.set_time(100);
    // 99, 98 and 5 ms behind.
    let droppable = block("B", 2).flags(gst::BufferFlags::DROPPABLE);
    live.push_all(&[block("P", 1), droppable, block("P", 95)]);
    live.end();
    let rig = &live.rig;
    let shown: Vec<_> = rig.outputs().iter().filter_map(pts_ms).collect();
    assert_eq!(shown, [0, 95]);
    assert_eq!(
        (rig.stat("late"), rig.stat("decoded"), rig.stat("dropped")),
        (2, 3, 1)
    );
}

#[test]
fn nothing_is_late_where_that_is_not_wanted() {
    let mut live = Live::new(&format!("late-threshold={}", u64::MAX));
    live.push_all(&[block("I", 0)]);
    live.set_time(100);
    live.push_all(&[block("P", 1)]);
    live.end();
    assert_eq!(live.rig.outputs().len(), 2);
}

/// The clock stands at the P when the B comes, 40 ms behind by its own PTS.
#[test]
fn what_is_shown_before_blocks_that_came_earlier_is_not_late() {
    let mut live = Live::new("");
    live.set_time(50);
    live.push_all(&[block("I", 40), block("P", 50), block("B", 10)]);
    live.set_time(51);
    live.end();
    assert_eq!(live.rig.stat("late"), 0);
    assert_eq!(live.rig.outputs().len(), 3);
}

#[test]
fn upstream_is_told_by_qos_events_how_late_blocks_are() {
    let mut live = Live::new("");
    live.push_all(&[block("I", 0)]);
    live.set_time(100);
    live.push_all(&[block("P", 1), block("P", 2)]);
    let harness = &mut live.rig.harness;
    let events: Vec<_> = std::iter::from_fn(|| harness.try_pull_upstream_event()).collect();
    let behind = events.iter().filter_map(|event| match event.view() {
        gst::EventView::Qos(qos) => Some(qos.get().2),
        _ => None,
    });
    assert!(behind.max() > Some(90_000_000), "{events:?}");
}

#[test]
fn latency_is_answered() {
    let live = Live::new("");
    let mut query = gst::query::Latency::new();
    assert!(live.rig.sink.query(&mut query));
}
