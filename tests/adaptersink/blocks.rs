//! Which block builds on which, what is lost, corrupt or forgotten.

use gst::prelude::*;
use gstharmony::adapter::{self, Adapter, Block, Error, Output};

use crate::rig::{BLOCKS, Rig, block, index, pts_ms};

#[test]
fn a_group_comes_out_at_the_next_key_block_and_at_the_end() {
    let mut rig = Rig::new("", BLOCKS);
    rig.push_all(&[block("I", 0), block("P", 1), block("B", 2), block("I", 3)]);
    let outputs = rig.outputs();
    assert_eq!(outputs.len(), 1);
    assert_eq!(crate::rig::text(&outputs[0]), "I0 P1 B2");
    let buffer = outputs[0].buffer().unwrap();
    assert_eq!(buffer.pts(), Some(gst::ClockTime::ZERO));
    assert_eq!(buffer.duration(), Some(gst::ClockTime::from_mseconds(3)));
    assert_eq!(
        outputs[0].caps().unwrap().to_string(),
        BLOCKS.replace(",", ", ")
    );
    assert!(!rig.sink.property::<bool>("eos"));
    rig.push_all(&[block("P", 4)]);
    rig.end();
    assert_eq!(rig.texts(), ["I3 P4"]);
    assert!(rig.sink.property::<bool>("eos"));
    assert!(
        rig.sink.pull_output().is_none(),
        "nothing waits for ever at the end"
    );
}

#[test]
fn each_block_comes_out_in_order_of_pts_with_numbers_of_its_own() {
    let mut rig = Rig::new("output-mode=block", BLOCKS);
    rig.push_all(&[
        block("I", 10),
        block("P", 13),
        block("B", 11),
        block("B", 12),
        block("P", 20),
    ]);
    rig.end();
    let outputs = rig.outputs();
    let told: Vec<_> = outputs
        .iter()
        .map(|o| (index(o), pts_ms(o).unwrap()))
        .collect();
    assert_eq!(told, [(0, 10), (1, 11), (2, 12), (3, 13), (4, 20)]);
}

#[test]
fn one_output_of_the_whole_stream() {
    let mut rig = Rig::new("output-mode=eos", BLOCKS);
    rig.push_all(&[block("I", 0), block("P", 1), block("I", 2)]);
    assert!(rig.texts().is_empty());
    rig.end();
    assert_eq!(rig.texts(), ["I0 P1 I2"]);
}

#[test]
fn packets_of_a_codec_are_told_apart_by_their_flags() {
    let mut rig = Rig::new("", "video/x-vp8");
    let packet = |ms, flags| {
        let mut buffer = gst::Buffer::from_slice(format!("{ms} "));
        let writable = buffer.make_mut();
        writable.set_pts(gst::ClockTime::from_mseconds(ms));
        writable.set_flags(flags);
        buffer
    };
    for (ms, flags) in [
        (0, gst::BufferFlags::empty()),
        (1, gst::BufferFlags::DELTA_UNIT),
        (
            2,
            gst::BufferFlags::DELTA_UNIT | gst::BufferFlags::DROPPABLE,
        ),
        (3, gst::BufferFlags::empty()),
    ] {
        rig.harness.push(packet(ms, flags)).unwrap();
    }
    assert_eq!(rig.texts(), ["0 1 2"]);
    assert_eq!((rig.stat("i"), rig.stat("p"), rig.stat("b")), (2, 2, 0));
}

#[test]
fn blocks_that_are_missing_are_counted_and_told_with_the_output_that_follows() {
    let mut rig = Rig::new("", BLOCKS);
    let numbered = |kind, at: u64| block(kind, at).number(at);
    rig.push_all(&[
        numbered("I", 0),
        numbered("P", 1),
        numbered("P", 4),
        numbered("I", 6),
        block("P", 7),
    ]);
    let lost = |sample: &gst::Sample| sample.info().unwrap().get::<u64>("lost").unwrap();
    let outputs = rig.outputs();
    assert_eq!(outputs.iter().map(lost).collect::<Vec<_>>(), [3]);
    assert_eq!(
        rig.stat("lost"),
        3,
        "a number that is not known tells of no loss"
    );
}

#[test]
fn a_delta_without_its_key_block_waits_for_the_next() {
    let mut rig = Rig::new("", BLOCKS);
    rig.push_all(&[block("P", 0), block("B", 1), block("I", 2), block("I", 3)]);
    assert_eq!(rig.texts(), ["I2"]);
    assert_eq!((rig.stat("dropped"), rig.stat("decoded")), (2, 2));
}

#[test]
fn a_flush_in_the_middle_of_a_group_forgets_it_and_what_waits() {
    for prefetch in ["", "prefetch=2"] {
        let mut rig = Rig::new(prefetch, BLOCKS);
        rig.push_all(&[block("I", 0), block("P", 1), block("I", 2), block("P", 3)]);
        assert!(rig.harness.push_event(gst::event::FlushStart::new()));
        assert!(rig.harness.push_event(gst::event::FlushStop::new(true)));
        let segment = gst::FormattedSegment::<gst::ClockTime>::new();
        assert!(rig.harness.push_event(gst::event::Segment::new(&segment)));
        rig.push_all(&[block("P", 4), block("I", 5), block("P", 6)]);
        rig.end();
        assert_eq!(rig.texts(), ["I5 P6"], "{prefetch}");
        assert_eq!(rig.stat("dropped"), 1);
    }
}

#[test]
fn other_caps_end_a_group() {
    let mut rig = Rig::new("", BLOCKS);
    rig.push_all(&[block("I", 0), block("P", 1)]);
    rig.harness
        .set_src_caps_str(&BLOCKS.replace("test", "other"));
    let outputs = rig.outputs();
    assert_eq!(outputs.len(), 1);
    let caps = outputs[0].caps().unwrap().structure(0).unwrap();
    assert_eq!(caps.get::<&str>("codec"), Ok("test"));
    rig.push_all(&[block("P", 2), block("I", 3)]);
    rig.end();
    assert_eq!(rig.texts(), ["I3"]);
}

/// A block of `adapter=dsp` without bins.
const SILENT: &[u8] = b"DSP0\0\0\0\0";

#[test]
fn a_corrupt_block_is_skipped_with_a_warning_that_names_it() {
    let mut rig = Rig::new("adapter=dsp fft-size=8", BLOCKS);
    let dsp = |kind, at| block(kind, at).payload(SILENT);
    let bad = |kind, at| block(kind, at).payload("DSP1\0\0\0\0");
    rig.push_all(&[
        dsp("I", 0),
        dsp("P", 1),
        bad("P", 2),
        dsp("P", 3),
        dsp("I", 4),
    ]);
    let outputs = rig.outputs();
    assert_eq!(outputs.len(), 1, "what came before is not lost");
    assert_eq!(outputs[0].buffer().unwrap().size(), 2 * 4 * 4);
    assert_eq!((rig.stat("corrupt"), rig.stat("dropped")), (1, 1));
    let warnings = rig.messages(gst::MessageType::Warning);
    let [warning] = warnings.as_slice() else {
        panic!("{warnings:?}");
    };
    let gst::MessageView::Warning(warning) = warning.view() else {
        unreachable!()
    };
    let debug = warning.debug().unwrap();
    assert!(
        debug.contains("block 2: ") && debug.contains("DSP1"),
        "{debug}"
    );
}

#[test]
fn a_corrupt_block_ends_the_stream_where_that_is_wanted() {
    for prefetch in ["", " prefetch=2"] {
        let mut rig = Rig::new(&format!("adapter=dsp on-error=fail{prefetch}"), BLOCKS);
        rig.push_all(&[block("I", 0).payload(SILENT)]);
        // Decoding ahead tells with a later block.
        let mut flow = rig.push(&block("P", 1).payload("DSP"));
        rig.end();
        for at in 2..4 {
            flow = flow.and_then(|_| rig.push(&block("P", at).payload(SILENT)));
        }
        assert!(flow.is_err(), "{flow:?}");
        let errors = rig.messages(gst::MessageType::Error);
        assert_eq!(errors.len(), 1, "{prefetch}");
        let gst::MessageView::Error(error) = errors[0].view() else {
            unreachable!()
        };
        assert!(error.debug().unwrap().contains("block 1: "), "{error:?}");
    }
}

/// An adapter with a fault of its own.
struct Panics;

impl Adapter for Panics {
    type State = ();

    fn decode_i(&mut self, block: &Block) -> Result<(), Error> {
        assert_ne!(block.index, 1, "it can't count further");
        Ok(())
    }

    fn apply_p(&mut self, (): &mut (), _block: &Block) -> Result<(), Error> {
        Ok(())
    }

    fn finalize(&mut self, (): &mut ()) -> Result<Output, Error> {
        Ok(Output::made(b"made".to_vec(), None))
    }
}

#[test]
fn an_adapter_that_panics_is_an_error_and_no_hang() {
    crate::common::init();
    adapter::register("panics", || Panics).unwrap();
    for prefetch in ["", "prefetch=1"] {
        let mut rig = Rig::new(&format!("adapter=panics {prefetch}"), BLOCKS);
        let mut flows = (0..9).map(|at| rig.push(&block("I", at)));
        assert!(
            flows.any(|flow| flow == Err(gst::FlowError::Error)),
            "{prefetch}"
        );
        let errors = rig.messages(gst::MessageType::Error);
        let Some(gst::MessageView::Error(error)) = errors.first().map(|m| m.view()) else {
            panic!("{errors:?}");
        };
        let told = format!("{} {:?}", error.error(), error.debug());
        assert!(told.contains("it can't count further"), "{told}");
    }
}
