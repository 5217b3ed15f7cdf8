//! The adapter: what a model, a codec or an application implements.

use std::any::Any;

use super::{Block, Error, Output};

/// What the adapter does with blocks of kind B.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum BMode {
    /// They change the state as a P does.
    #[default]
    AsP,
    /// [`Adapter::apply_b`] makes a state of its own from the states before and after.
    Bidirectional,
    /// They are an error.
    Unsupported,
}

/// What is known of a stream before its first block.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stream {
    /// Its caps as GStreamer writes them, with fields of lists where frames were converted already.
    pub caps: String,
    /// Samples or frames a second, where the caps say so: numerator and denominator.
    pub rate: Option<(u32, u32)>,
}

/// Turns blocks into results. It runs on one thread at a time, not always on the same one.
///
/// A method that fails leaves the state as it was before it.
pub trait Adapter: Send + 'static {
    /// What is known after a block.
    type State: Send + 'static;

    /// Looks at the stream whose blocks follow. Called again when the stream changes.
    ///
    /// # Errors
    /// When it can do nothing with such a stream.
    fn configure(&mut self, _stream: &Stream) -> Result<(), Error> {
        Ok(())
    }

    /// What it does with blocks of kind B; asked after each [`Adapter::configure`].
    fn b_mode(&self) -> BMode {
        BMode::AsP
    }

    /// A state from a block that needs no other.
    ///
    /// # Errors
    /// When the block is not what it should be.
    fn decode_i(&mut self, block: &Block) -> Result<Self::State, Error>;

    /// Takes the state on by one block.
    ///
    /// # Errors
    /// When the block is not what it should be.
    fn apply_p(&mut self, state: &mut Self::State, block: &Block) -> Result<(), Error>;

    /// The state of a block between two others; it serves this block only. With [`BMode::Bidirectional`].
    ///
    /// # Errors
    /// When the block is not what it should be.
    fn apply_b(
        &mut self,
        _previous: &Self::State,
        _next: &Self::State,
        block: &Block,
    ) -> Result<Self::State, Error> {
        Err(Error::UnsupportedB { index: block.index })
    }

    /// A copy of a state, taken before each P with [`BMode::Bidirectional`].
    ///
    /// # Errors
    /// When there can be none.
    fn fork(&mut self, _state: &Self::State) -> Result<Self::State, Error> {
        Err(Error::Adapter(
            "fork: found no way to copy a state, expected one for blocks from both directions"
                .to_owned(),
        ))
    }

    /// The result of all blocks since the last result of this state, which may go on to further blocks.
    ///
    /// # Errors
    /// When there is none.
    fn finalize(&mut self, state: &mut Self::State) -> Result<Output, Error>;

    /// What is left when the stream ends, after the last [`Adapter::finalize`].
    ///
    /// # Errors
    /// When it can't be made.
    fn drain(&mut self) -> Result<Option<Output>, Error> {
        Ok(None)
    }

    /// Forgets what it kept beside its states: what follows is another place of the stream.
    fn reset(&mut self) {}

    /// What there is to say of a state, for logs and messages.
    fn describe(&self, _state: &Self::State) -> serde_json::Value {
        serde_json::Value::Null
    }
}

/// A state whose type only its adapter knows.
pub type AnyState = Box<dyn Any + Send>;

/// An [`Adapter`] whatever its state is.
pub trait AnyAdapter: Send {
    /// See [`Adapter::configure`].
    ///
    /// # Errors
    /// Those of the adapter.
    fn configure(&mut self, stream: &Stream) -> Result<(), Error>;
    /// See [`Adapter::b_mode`].
    fn b_mode(&self) -> BMode;
    /// See [`Adapter::decode_i`].
    ///
    /// # Errors
    /// Those of the adapter.
    fn decode_i(&mut self, block: &Block) -> Result<AnyState, Error>;
    /// See [`Adapter::apply_p`].
    ///
    /// # Errors
    /// Those of the adapter.
    fn apply_p(&mut self, state: &mut AnyState, block: &Block) -> Result<(), Error>;
    /// See [`Adapter::apply_b`].
    ///
    /// # Errors
    /// Those of the adapter.
    fn apply_b(
        &mut self,
        previous: &AnyState,
        next: &AnyState,
        block: &Block,
    ) -> Result<AnyState, Error>;
    /// See [`Adapter::fork`].
    ///
    /// # Errors
    /// Those of the adapter.
    fn fork(&mut self, state: &AnyState) -> Result<AnyState, Error>;
    /// See [`Adapter::finalize`].
    ///
    /// # Errors
    /// Those of the adapter.
    fn finalize(&mut self, state: &mut AnyState) -> Result<Output, Error>;
    /// See [`Adapter::drain`].
    ///
    /// # Errors
    /// Those of the adapter.
    fn drain(&mut self) -> Result<Option<Output>, Error>;
    /// See [`Adapter::reset`].
    fn reset(&mut self);
    /// See [`Adapter::describe`].
    fn describe(&self, state: &AnyState) -> serde_json::Value;
}

/// The state as the adapter knows it.
fn known<S: 'static>(state: &AnyState) -> Result<&S, Error> {
    state.downcast_ref().ok_or_else(foreign)
}

fn known_mut<S: 'static>(state: &mut AnyState) -> Result<&mut S, Error> {
    state.downcast_mut().ok_or_else(foreign)
}

fn foreign() -> Error {
    Error::Adapter("found a state of another adapter, expected one of its own".to_owned())
}

impl<A: Adapter> AnyAdapter for A {
    fn configure(&mut self, stream: &Stream) -> Result<(), Error> {
        Adapter::configure(self, stream)
    }

    fn b_mode(&self) -> BMode {
        Adapter::b_mode(self)
    }

    fn decode_i(&mut self, block: &Block) -> Result<AnyState, Error> {
        Ok(Box::new(Adapter::decode_i(self, block)?))
    }

    fn apply_p(&mut self, state: &mut AnyState, block: &Block) -> Result<(), Error> {
        Adapter::apply_p(self, known_mut(state)?, block)
    }

    fn apply_b(
        &mut self,
        previous: &AnyState,
        next: &AnyState,
        block: &Block,
    ) -> Result<AnyState, Error> {
        let state = Adapter::apply_b(self, known(previous)?, known(next)?, block)?;
        Ok(Box::new(state))
    }

    fn fork(&mut self, state: &AnyState) -> Result<AnyState, Error> {
        Ok(Box::new(Adapter::fork(self, known(state)?)?))
    }

    fn finalize(&mut self, state: &mut AnyState) -> Result<Output, Error> {
        Adapter::finalize(self, known_mut(state)?)
    }

    fn drain(&mut self) -> Result<Option<Output>, Error> {
        Adapter::drain(self)
    }

    fn reset(&mut self) {
        Adapter::reset(self);
    }

    fn describe(&self, state: &AnyState) -> serde_json::Value {
        known(state).map_or(serde_json::Value::Null, |state| {
            Adapter::describe(self, state)
        })
    }
}
