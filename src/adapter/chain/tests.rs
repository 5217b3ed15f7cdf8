//! What is called for which block, and what comes out when. An adapter that writes down its calls stands for all.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::adapter::{Adapter, Bytes};

const MS: u64 = 1_000_000;

/// Its states are histories: `I0 P1 B2`.
struct Diary {
    b_mode: BMode,
    resets: usize,
}

impl Diary {
    fn boxed(b_mode: BMode) -> Box<dyn AnyAdapter> {
        Box::new(Self { b_mode, resets: 0 })
    }

    fn note(block: &Block) -> Result<String, Error> {
        match block.bytes()? {
            b"bad" => Err(block.error("found bad, expected good")),
            _ => Ok(format!("{}{}", block.kind.as_str(), block.index)),
        }
    }
}

impl Adapter for Diary {
    type State = String;

    fn b_mode(&self) -> BMode {
        self.b_mode
    }

    fn decode_i(&mut self, block: &Block) -> Result<String, Error> {
        Self::note(block)
    }

    fn apply_p(&mut self, state: &mut String, block: &Block) -> Result<(), Error> {
        *state = format!("{state} {}", Self::note(block)?);
        Ok(())
    }

    fn apply_b(
        &mut self,
        previous: &String,
        next: &String,
        block: &Block,
    ) -> Result<String, Error> {
        Ok(format!("({previous}|{next}) {}", Self::note(block)?))
    }

    fn fork(&mut self, state: &String) -> Result<String, Error> {
        Ok(state.clone())
    }

    fn finalize(&mut self, state: &mut String) -> Result<Output, Error> {
        Ok(Output::made(format!("[{state}]").into_bytes(), None))
    }

    fn drain(&mut self) -> Result<Option<Output>, Error> {
        Ok((self.resets == 1).then(|| Output::made(b"rest".to_vec(), None)))
    }

    fn reset(&mut self) {
        self.resets += 1;
    }

    fn describe(&self, state: &String) -> serde_json::Value {
        state.len().into()
    }
}

/// Blocks by kind and PTS in ms: `I0 P3 B1`. A small letter is a bad one, `!` behind it one that is not wanted.
struct Script {
    chain: Chain,
    next: u64,
    dts: bool,
}

impl Script {
    fn new(b_mode: BMode, mode: OutputMode) -> Self {
        let options = Options {
            mode,
            ..Options::default()
        };
        Self {
            chain: Chain::new(Diary::boxed(b_mode), options),
            next: 0,
            dts: false,
        }
    }

    fn block(&mut self, word: &str) -> (Block, bool) {
        let (name, wanted) = match word.strip_suffix('!') {
            Some(name) => (name, false),
            None => (word, true),
        };
        let (kind, time) = name.split_at(1);
        let payload: &[u8] = if kind.to_uppercase() == kind {
            b"good"
        } else {
            b"bad"
        };
        let block = Block {
            kind: match kind.to_uppercase().as_str() {
                "I" => Kind::I,
                "P" => Kind::P,
                _ => Kind::B,
            },
            pts: time.parse::<u64>().ok().map(|time| time * MS),
            dts: self.dts.then_some(self.next * MS),
            duration: Some(MS),
            number: Some(self.next),
            index: self.next,
            droppable: false,
            payload: Arc::new(Bytes(payload.to_vec())),
        };
        self.next += 1;
        (block, wanted)
    }

    /// The results of each block, and what was refused.
    fn play(&mut self, words: &str) -> Vec<String> {
        let mut told = Vec::new();
        for word in words.split_whitespace() {
            let (block, wanted) = self.block(word);
            if let Err(error) = self.chain.push(&block, wanted) {
                told.push(error.to_string());
            }
            told.extend(self.chain.settle(false).map(|made| text(&made)));
        }
        told
    }

    fn end(&mut self) -> Vec<String> {
        let drained = self.chain.drain();
        let mut told: Vec<_> = drained.outputs.iter().map(text).collect();
        told.extend(drained.error.map(|error| error.to_string()));
        told
    }
}

fn text(published: &Published) -> String {
    String::from_utf8_lossy(published.output.bytes().unwrap()).into_owned()
}

#[test]
fn a_group_is_published_at_the_next_key_block_and_at_the_end() {
    let mut script = Script::new(BMode::AsP, OutputMode::Gop);
    assert_eq!(script.play("I0 P1 B2 I3"), ["[I0 P1 B2]"]);
    assert_eq!(script.play("P4"), [""; 0]);
    assert_eq!(script.end(), ["[I3 P4]"]);
}

#[test]
fn each_block_has_a_result_in_order_of_pts() {
    let mut script = Script::new(BMode::AsP, OutputMode::Block);
    assert_eq!(
        script.play("I0 P3 B1 B2"),
        ["[I0]"],
        "what is between may follow the P"
    );
    let between = ["[I0 P1 B2]", "[I0 P1 B2 B3]", "[I0 P1]"];
    assert_eq!(script.play("P6"), between);
    assert_eq!(script.play("I7"), ["[I0 P1 B2 B3 P4]"]);
    assert_eq!(script.end(), ["[I5]"]);
}

#[test]
fn with_dts_nothing_waits_longer_than_it_must() {
    let mut script = Script::new(BMode::AsP, OutputMode::Block);
    script.dts = true;
    assert_eq!(script.play("I0 P1 P2"), ["[I0]", "[I0 P1]", "[I0 P1 P2]"]);
    let mut script = Script::new(BMode::AsP, OutputMode::Block);
    script.dts = true;
    assert_eq!(
        script.play("I1 P4 B2 B3"),
        ["[I0]", "[I0 P1 B2]", "[I0 P1 B2 B3]"]
    );
    assert_eq!(script.play("P5"), ["[I0 P1]"]);
}

#[test]
fn what_is_shown_before_its_key_block_comes_after_the_group_before() {
    let mut script = Script::new(BMode::AsP, OutputMode::Block);
    script.play("I0 P3");
    assert_eq!(script.play("I6 B4 B5"), ["[I0 P1]"]);
    let rest = script.end();
    assert_eq!(rest, ["[I2 B3]", "[I2 B3 B4]", "[I2]"]);
}

#[test]
fn a_block_between_two_sees_both_and_serves_itself_alone() {
    let mut script = Script::new(BMode::Bidirectional, OutputMode::Block);
    script.play("I0 P3 B1 B2");
    let results = script.play("P6");
    assert_eq!(results, ["[(I0|I0 P1) B2]", "[(I0|I0 P1) B3]", "[I0 P1]"]);
    let results = script.play("B4 I9 B7");
    assert_eq!(results, ["[(I0 P1|I0 P1 P4) B5]", "[I0 P1 P4]"]);
    assert_eq!(script.end(), ["[(I0 P1 P4|I6) B7]", "[I6]"]);
}

#[test]
fn a_block_between_needs_one_before() {
    let mut script = Script::new(BMode::Bidirectional, OutputMode::Block);
    assert_eq!(script.play("I6 B4 P9"), ["[I0]"]);
    assert_eq!(script.chain.stats().dropped, 1);
    assert_eq!(script.chain.stats().corrupt, 0);
}

#[test]
fn an_adapter_may_refuse_blocks_between() {
    let mut script = Script::new(BMode::Unsupported, OutputMode::Gop);
    let refused = script.play("I0 P3 B1");
    assert_eq!(refused, [Error::UnsupportedB { index: 2 }.to_string()]);
    assert_eq!(script.end(), ["[I0 P1]"]);
}

#[test]
fn one_result_of_the_whole_stream() {
    let mut script = Script::new(BMode::AsP, OutputMode::Eos);
    assert_eq!(script.play("I0 P1 I2 P3"), [""; 0]);
    let drained = script.chain.drain();
    let [whole] = drained.outputs.as_slice() else {
        panic!("{drained:?}");
    };
    assert_eq!(text(whole), "[I0 P1][I2 P3]");
    assert_eq!(
        (whole.pts, whole.duration, whole.blocks),
        (Some(0), Some(4 * MS), 4)
    );
}

#[test]
fn a_delta_without_its_key_block_waits_for_the_next() {
    let mut script = Script::new(BMode::AsP, OutputMode::Gop);
    assert_eq!(script.play("P0 B1 I2 P3 I4"), ["[I2 P3]"]);
    let stats = script.chain.stats();
    assert_eq!((stats.received, stats.decoded, stats.dropped), (5, 3, 2));
}

#[test]
fn after_a_bad_block_the_chain_goes_on_with_the_next_key_block() {
    let mut script = Script::new(BMode::AsP, OutputMode::Gop);
    let told = script.play("I0 P1 p2 P3 I4 i5 P6 I7");
    let bad = |index| format!("block {index}: found bad, expected good");
    assert_eq!(
        told,
        [bad(2), "[I0 P1]".to_owned(), bad(5), "[I4]".to_owned()]
    );
    let stats = script.chain.stats();
    assert_eq!((stats.corrupt, stats.dropped, stats.decoded), (2, 2, 4));
}

#[test]
fn blocks_before_a_target_are_decoded_and_not_published() {
    for mode in [OutputMode::Gop, OutputMode::Block] {
        let mut script = Script::new(BMode::AsP, mode);
        assert_eq!(script.play("I0! P1! P2!"), [""; 0]);
        script.play("P3 P4");
        let drained = script.chain.drain();
        let last = drained.outputs.last().unwrap();
        assert_eq!(text(last), "[I0 P1 P2 P3 P4]");
        let first = drained.outputs.first().unwrap();
        assert_eq!(first.index + drained.outputs.len() as u64, last.index + 1);
        let from = if mode == OutputMode::Gop {
            3
        } else {
            last.pts.unwrap() / MS
        };
        assert_eq!(last.pts, Some(from * MS));
    }
}

#[test]
fn lateness_leaves_out_a_blocks_own_result_only() {
    let mut script = Script::new(BMode::AsP, OutputMode::Block);
    script.dts = true;
    let mut results = Vec::new();
    for (word, late) in [("I0", false), ("P1", true), ("P2", false)] {
        let (block, wanted) = script.block(word);
        script.chain.push(&block, wanted).unwrap();
        results.extend(script.chain.settle(late));
    }
    let told: Vec<_> = results.iter().map(text).collect();
    assert_eq!(told, ["[I0]", "[I0 P1 P2]"]);
    let stats = script.chain.stats();
    assert_eq!((stats.late, stats.decoded), (1, 3));
}

#[test]
fn missing_numbers_are_losses() {
    let mut script = Script::new(BMode::AsP, OutputMode::Gop);
    script.play("I0 P1");
    script.next += 3;
    script.play("P5");
    script.next += 1;
    let results = {
        let (block, wanted) = script.block("I7");
        script.chain.push(&block, wanted).unwrap();
        script.chain.settle(false).collect::<Vec<_>>()
    };
    assert_eq!(script.chain.stats().lost, 4);
    assert_eq!(
        results.first().unwrap().lost,
        4,
        "told with the result that follows"
    );
    script.chain.reset();
    script.next = 100;
    script.play("I0");
    assert_eq!(script.chain.stats().lost, 4, "another place is no loss");
}

#[test]
fn a_reset_forgets_the_group_and_what_waits() {
    let mut script = Script::new(BMode::AsP, OutputMode::Block);
    script.play("I0 P5");
    script.chain.reset();
    assert_eq!(script.play("P6 I7"), [""; 0]);
    assert_eq!(script.end(), ["[I3]", "rest"]);
}

#[test]
fn frames_do_not_wait_for_the_next() {
    let mut script = Script::new(BMode::AsP, OutputMode::Gop);
    script.chain.configure(&Stream::default(), true).unwrap();
    assert_eq!(script.play("I0 I1"), ["[I0]", "[I1]"]);
}

proptest! {
    /// Whatever comes in whatever order, each wanted and good block is published once, and numbers have no gaps.
    #[test]
    fn nothing_is_lost_or_doubled(
        kinds in prop::collection::vec((0_usize..6, 0_u64..40, any::<bool>()), 0..60),
        dts: bool,
        mode in 0_usize..2,
        both: bool,
    ) {
        let b_mode = if both { BMode::Bidirectional } else { BMode::AsP };
        let mode = if mode == 0 { OutputMode::Gop } else { OutputMode::Block };
        let mut script = Script::new(b_mode, mode);
        script.dts = dts;
        let mut results = Vec::new();
        for (kind, pts, wanted) in kinds {
            let kind = ["I", "P", "B", "i", "p", "b"][kind];
            let (block, wanted) = script.block(&format!("{kind}{pts}{}", if wanted { "" } else { "!" }));
            let before = script.chain.stats();
            let pushed = script.chain.push(&block, wanted);
            let after = script.chain.stats();
            prop_assert_eq!(after.corrupt - before.corrupt, u64::from(pushed.is_err()));
            prop_assert_eq!(
                after.received,
                after.decoded + after.dropped + after.corrupt
            );
            results.extend(script.chain.settle(false));
        }
        let drained = script.chain.drain();
        prop_assert_eq!(drained.error, None);
        results.extend(drained.outputs);
        for (index, result) in results.iter().enumerate() {
            prop_assert_eq!(result.index, index as u64);
        }
        let published: u64 = results.iter().map(|result| result.blocks).sum();
        prop_assert!(published <= script.chain.stats().decoded);
    }
}
