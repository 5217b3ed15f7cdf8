//! An adapter that keeps what it gets.

use std::sync::Arc;

use super::{Adapter, Block, Data, Error, Output, Payload};

/// Joins blocks as they are, and counts them.
#[derive(Debug, Default)]
pub struct Null;

/// Blocks since the last result.
#[derive(Debug, Default)]
enum Pending {
    #[default]
    None,
    Single(Arc<dyn Payload>),
    /// Their bytes. They are copied at once: who holds many blocks makes memory for others slow to get.
    Joined(Vec<u8>),
}

/// Blocks since the last result, and all since the key block.
#[derive(Debug, Default)]
pub struct Joined {
    pending: Pending,
    blocks: u64,
    bytes: u64,
}

impl Joined {
    fn add(&mut self, block: &Block) -> Result<(), Error> {
        match &mut self.pending {
            Pending::None => self.pending = Pending::Single(block.payload.clone()),
            Pending::Single(first) => {
                let mut bytes = Vec::with_capacity(first.size() + block.payload.size());
                first.append_to(&mut bytes)?;
                block.payload.append_to(&mut bytes)?;
                self.pending = Pending::Joined(bytes);
            }
            Pending::Joined(bytes) => block.payload.append_to(bytes)?,
        }
        self.blocks += 1;
        self.bytes += block.payload.size() as u64;
        Ok(())
    }
}

impl Adapter for Null {
    type State = Joined;

    fn decode_i(&mut self, block: &Block) -> Result<Joined, Error> {
        let mut state = Joined::default();
        state.add(block)?;
        Ok(state)
    }

    fn apply_p(&mut self, state: &mut Joined, block: &Block) -> Result<(), Error> {
        state.add(block)
    }

    /// A single block is passed on untouched.
    fn finalize(&mut self, state: &mut Joined) -> Result<Output, Error> {
        let data = match std::mem::take(&mut state.pending) {
            Pending::None => Data::Made(Vec::new()),
            Pending::Single(single) => Data::Passed(single),
            Pending::Joined(bytes) => Data::Made(bytes),
        };
        Ok(Output { data, caps: None })
    }

    fn describe(&self, state: &Joined) -> serde_json::Value {
        serde_json::json!({ "blocks": state.blocks, "bytes": state.bytes })
    }
}
