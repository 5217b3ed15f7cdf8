//! What arrives: a block of a track, or a decoded frame.

use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;

use super::{Error, Kind};

/// The bytes of a block, wherever they lie. Whoever knows the concrete type gets at it through [`Any`].
pub trait Payload: Any + Debug + Send + Sync {
    /// All bytes in one piece.
    ///
    /// # Errors
    /// [`Error::Memory`] where the processor can't read them, as in a texture.
    fn bytes(&self) -> Result<&[u8], Error>;

    /// Appends all bytes. For who reads them once this may take less than [`Payload::bytes`], which makes them stay readable.
    ///
    /// # Errors
    /// Those of [`Payload::bytes`].
    fn append_to(&self, bytes: &mut Vec<u8>) -> Result<(), Error> {
        bytes.extend_from_slice(self.bytes()?);
        Ok(())
    }

    /// How many there are, also where they can't be read.
    fn size(&self) -> usize;
}

/// Bytes on the heap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

impl Payload for Bytes {
    fn bytes(&self) -> Result<&[u8], Error> {
        Ok(&self.0)
    }

    fn size(&self) -> usize {
        self.0.len()
    }
}

/// A block of a track, or a frame.
#[derive(Debug, Clone)]
pub struct Block {
    /// How it depends on others. A frame that is decoded already is an I.
    pub kind: Kind,
    /// When it is shown.
    pub pts: Option<u64>,
    /// When it is decoded.
    pub dts: Option<u64>,
    /// How long it is shown.
    pub duration: Option<u64>,
    /// Its number within its track, where that is known: a step of more than one is a loss.
    pub number: Option<u64>,
    /// Its number among those that arrived, from 0; errors name it.
    pub index: u64,
    /// No other block needs it.
    pub droppable: bool,
    /// Its bytes.
    pub payload: Arc<dyn Payload>,
}

impl Block {
    /// Its bytes.
    ///
    /// # Errors
    /// [`Error::Memory`] where the processor can't read them.
    pub fn bytes(&self) -> Result<&[u8], Error> {
        self.payload.bytes()
    }

    /// An error that names this block.
    pub fn error(&self, reason: impl Into<String>) -> Error {
        Error::Block {
            index: self.index,
            reason: reason.into(),
        }
    }

    /// Where it ends.
    #[must_use]
    pub fn end(&self) -> Option<u64> {
        self.pts
            .map(|pts| pts.saturating_add(self.duration.unwrap_or(0)))
    }
}
