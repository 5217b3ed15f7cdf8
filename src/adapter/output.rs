//! What comes out.

use std::sync::Arc;

use super::{Bytes, Error, Payload};

/// Bytes of an output.
#[derive(Debug, Clone)]
pub enum Data {
    /// Made by the adapter.
    Made(Vec<u8>),
    /// Passed on untouched.
    Passed(Arc<dyn Payload>),
}

/// What an adapter makes of its state.
#[derive(Debug, Clone)]
pub struct Output {
    /// The result.
    pub data: Data,
    /// What it is, as GStreamer writes caps. `None`: what came in.
    pub caps: Option<String>,
}

impl Output {
    /// Bytes of the kind that `caps` describe.
    #[must_use]
    pub fn made(data: Vec<u8>, caps: impl Into<Option<String>>) -> Self {
        Self {
            data: Data::Made(data),
            caps: caps.into(),
        }
    }

    /// Its bytes.
    ///
    /// # Errors
    /// [`Error::Memory`] where the processor can't read them.
    pub fn bytes(&self) -> Result<&[u8], Error> {
        match &self.data {
            Data::Made(bytes) => Ok(bytes),
            Data::Passed(payload) => payload.bytes(),
        }
    }

    /// How many bytes it has.
    #[must_use]
    pub fn size(&self) -> usize {
        match &self.data {
            Data::Made(bytes) => bytes.len(),
            Data::Passed(payload) => payload.size(),
        }
    }

    /// Its bytes as something to share.
    #[must_use]
    pub fn into_payload(self) -> Arc<dyn Payload> {
        match self.data {
            Data::Made(bytes) => Arc::new(Bytes(bytes)),
            Data::Passed(payload) => payload,
        }
    }
}

/// An output with its place in the stream.
#[derive(Debug, Clone)]
pub struct Published {
    /// The result.
    pub output: Output,
    /// Its number among the results of the stream, from 0 and without a gap where none was left out. It is independent of times.
    pub index: u64,
    /// When the first of what is in it is shown.
    pub pts: Option<u64>,
    /// From there to the end of the last of what is in it.
    pub duration: Option<u64>,
    /// How many blocks are in it.
    pub blocks: u64,
    /// How many blocks were missing in the stream before it, since the output before.
    pub lost: u64,
    /// What the adapter says of the state that it was made from.
    pub description: Option<serde_json::Value>,
}
