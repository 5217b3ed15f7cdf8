//! An adapter that keeps what it gets.

use std::sync::Arc;

use super::{Adapter, Block, Data, Error, Output, Payload};

/// Joins blocks as they are, and counts them.
#[derive(Debug, Default)]
pub struct Null;

/// Blocks since the last result, and all since the key block.
#[derive(Debug, Default)]
pub struct Joined {
    pending: Vec<Arc<dyn Payload>>,
    blocks: u64,
    bytes: u64,
}

impl Joined {
    fn add(&mut self, block: &Block) {
        self.blocks += 1;
        self.bytes += block.payload.size() as u64;
        self.pending.push(block.payload.clone());
    }
}

impl Adapter for Null {
    type State = Joined;

    fn decode_i(&mut self, block: &Block) -> Result<Joined, Error> {
        let mut state = Joined::default();
        state.add(block);
        Ok(state)
    }

    fn apply_p(&mut self, state: &mut Joined, block: &Block) -> Result<(), Error> {
        state.add(block);
        Ok(())
    }

    /// A single block is passed on untouched.
    fn finalize(&mut self, state: &mut Joined) -> Result<Output, Error> {
        let single = match state.pending.len() {
            1 => state.pending.pop(),
            _ => None,
        };
        let data = match single {
            Some(single) => Data::Passed(single),
            None => {
                let mut bytes = Vec::with_capacity(state.pending.iter().map(|p| p.size()).sum());
                for payload in state.pending.drain(..) {
                    bytes.extend_from_slice(payload.bytes()?);
                }
                Data::Made(bytes)
            }
        };
        Ok(Output { data, caps: None })
    }

    fn describe(&self, state: &Joined) -> serde_json::Value {
        serde_json::json!({ "blocks": state.blocks, "bytes": state.bytes })
    }
}
