//! From blocks in file order to results in order of time.

mod group;
mod reorder;
#[cfg(test)]
mod tests;

use self::group::{Group, Made, Span};
use self::reorder::Reorder;
use super::model::AnyState;
use super::timing::Timing;
use super::{AnyAdapter, BMode, Block, Data, Error, Kind, Output, Published, Stats, Stream};

/// When results are made.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum OutputMode {
    /// Of each group: a key block and what builds on it.
    #[default]
    Gop,
    /// Of each block.
    Block,
    /// One of the whole stream, at its end.
    Eos,
}

/// How a chain works.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// When results are made.
    pub mode: OutputMode,
    /// Every block stands alone, as decoded frames do: in mode [`OutputMode::Gop`] its result does not wait for the next.
    pub alone: bool,
    /// Results carry [`Adapter::describe`](super::Adapter::describe).
    pub describe: bool,
}

/// What the end of a stream gives.
#[derive(Debug, Default)]
pub struct Drained {
    /// The last results.
    pub outputs: Vec<Published>,
    /// The first thing that went wrong.
    pub error: Option<Error>,
}

/// Gives an adapter its blocks: a key block makes a state, deltas take it on, a delta without its key block waits for the next.
///
/// Each [`Chain::push`] is followed by [`Chain::settle`], which gives what is to be published. They are apart so that a
/// block can be decoded before its time and judged when that has come.
pub struct Chain {
    adapter: Box<dyn AnyAdapter>,
    options: Options,
    b_mode: BMode,
    group: Option<Group>,
    /// The state before the last anchor, for blocks between the two.
    previous: Option<AnyState>,
    reorder: Reorder,
    /// What the last push made.
    made: Option<Made>,
    /// What is to be published next.
    ready: Vec<Made>,
    /// Results so far in mode [`OutputMode::Eos`].
    whole: Vec<Made>,
    /// The number that follows that of the last block.
    expected: Option<u64>,
    /// Missing blocks since the last result.
    lost: u64,
    /// Where the last wanted block ends.
    end: Option<u64>,
    numbers: Numbers,
    timing: Timing,
    stats: Stats,
}

impl Chain {
    /// A chain that has seen nothing.
    #[must_use]
    pub fn new(adapter: Box<dyn AnyAdapter>, options: Options) -> Self {
        Self {
            b_mode: adapter.b_mode(),
            adapter,
            options,
            group: None,
            previous: None,
            reorder: Reorder::default(),
            made: None,
            ready: Vec::new(),
            whole: Vec::new(),
            expected: None,
            lost: 0,
            end: None,
            numbers: Numbers::default(),
            timing: Timing::default(),
            stats: Stats::default(),
        }
    }

    /// Tells the adapter what stream follows. What is left of the one before comes by [`Chain::drain`], before this.
    ///
    /// # Errors
    /// Those of the adapter.
    pub fn configure(&mut self, stream: &Stream, alone: bool) -> Result<(), Error> {
        self.options.alone = alone;
        self.adapter.configure(stream)?;
        self.b_mode = self.adapter.b_mode();
        Ok(())
    }

    /// Counts since the chain was made.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// Counts a block that the adapter is not to see, since no other needs it: it came too late, or nobody wants it.
    pub fn skip(&mut self, block: &Block, late: bool) {
        self.receive(block);
        self.stats.late += u64::from(late);
        self.stats.dropped += 1;
    }

    /// Counts a block that is too broken for the adapter to see.
    pub fn refuse(&mut self, block: &Block) {
        self.receive(block);
        self.stats.corrupt += 1;
    }

    /// Decodes a block. The result of one that is not `wanted` is not published: others build on it.
    ///
    /// # Errors
    /// Those of the adapter. After one that [is of the block](Error::is_of_block) the chain goes on with the next key block.
    pub fn push(&mut self, block: &Block, wanted: bool) -> Result<(), Error> {
        self.receive(block);
        if wanted {
            self.end = self.end.max(block.end());
        }
        if self.is_block_wise() {
            self.reorder.advance(block, &mut self.ready);
        }
        let running = self.timing.begin();
        let pushed = match block.kind {
            Kind::I => self.key(block, wanted),
            Kind::P => self.delta(block, wanted),
            Kind::B => self.between(block, wanted),
        };
        match pushed {
            Ok(true) => {
                self.stats.decoded += 1;
                if let Some(running) = running {
                    self.timing.end(&running, &mut self.stats);
                }
            }
            Ok(false) => self.stats.dropped += 1,
            Err(_) => self.stats.corrupt += 1,
        }
        pushed.map(|_| ())
    }

    /// What is to be published after the last block. If that was late, its own result is left out.
    pub fn settle(&mut self, late: bool) -> impl Iterator<Item = Published> {
        if late {
            self.stats.late += 1;
        }
        if let Some(made) = self.made.take().filter(|_| !late) {
            if self.is_block_wise() {
                self.reorder.add(made, &mut self.ready);
            } else {
                self.ready.push(made);
            }
        }
        self.publish()
    }

    /// The end of the stream, or of a part of it with other caps. The next block has to be a key block.
    pub fn drain(&mut self) -> Drained {
        let mut error = None;
        self.ready.extend(self.made.take());
        self.reorder.all(&mut self.ready);
        if !self.is_block_wise() {
            let last = self.finish().unwrap_or_else(|e| {
                error = Some(e);
                None
            });
            self.ready.extend(last);
        }
        self.group = None;
        self.previous = None;
        self.reorder.clear();
        match self.adapter.drain() {
            Ok(Some(output)) => {
                let span = Span {
                    pts: self.end,
                    ..Span::default()
                };
                let made = self.made_of(output, span, None);
                self.ready.push(made);
            }
            Ok(None) => {}
            Err(e) => error = error.or(Some(e)),
        }
        let mut outputs: Vec<_> = self.publish().collect();
        match join(std::mem::take(&mut self.whole)) {
            Ok(Some(made)) => outputs.push(self.numbers.number(made)),
            Ok(None) => {}
            Err(e) => error = error.or(Some(e)),
        }
        self.adapter.reset();
        self.expected = None;
        Drained { outputs, error }
    }

    /// Forgets the place in the stream: another follows.
    pub fn reset(&mut self) {
        self.group = None;
        self.previous = None;
        self.reorder.clear();
        self.made = None;
        self.ready.clear();
        self.whole.clear();
        self.expected = None;
        self.lost = 0;
        self.end = None;
        self.adapter.reset();
    }

    /// Every block has a result of its own.
    fn is_block_wise(&self) -> bool {
        self.options.mode == OutputMode::Block
    }

    fn receive(&mut self, block: &Block) {
        self.stats.receive(block.kind);
        if let (Some(number), Some(expected)) = (block.number, self.expected) {
            let missing = number.saturating_sub(expected);
            self.stats.lost += missing;
            self.lost += missing;
        }
        self.expected = block.number.and_then(|number| number.checked_add(1));
    }

    /// A key block: the group before it is complete. True when the adapter took it.
    fn key(&mut self, block: &Block, wanted: bool) -> Result<bool, Error> {
        let finished = match self.is_block_wise() {
            true => Ok(None),
            false => self.finish(),
        };
        let old = self.group.take();
        self.previous = old
            .filter(|old| self.b_mode == BMode::Bidirectional && !old.broken)
            .map(|old| old.state);
        // The group before is whole, whatever becomes of this block.
        let decoded = self.adapter.decode_i(block);
        self.made = finished?;
        self.group = Some(Group::new(decoded?, block, wanted));
        let alone = self.options.alone && self.options.mode != OutputMode::Eos;
        if self.is_block_wise() || alone {
            self.made = self.finish()?;
        }
        Ok(true)
    }

    fn delta(&mut self, block: &Block, wanted: bool) -> Result<bool, Error> {
        if !self.has_state() {
            return Ok(false);
        }
        self.discard_stale(wanted)?;
        let Some(group) = &mut self.group else {
            return Ok(false);
        };
        if self.b_mode == BMode::Bidirectional {
            self.previous = Some(self.adapter.fork(&group.state)?);
        }
        if let Err(error) = self.adapter.apply_p(&mut group.state, block) {
            group.broken = true;
            return Err(error);
        }
        group.note(block, wanted);
        if self.is_block_wise() {
            self.made = self.finish()?;
        }
        Ok(true)
    }

    fn between(&mut self, block: &Block, wanted: bool) -> Result<bool, Error> {
        match self.b_mode {
            BMode::AsP => return self.delta(block, wanted),
            BMode::Unsupported => return Err(Error::UnsupportedB { index: block.index }),
            BMode::Bidirectional => {}
        }
        if !self.has_state() {
            return Ok(false);
        }
        let (Some(previous), Some(group)) = (&self.previous, &mut self.group) else {
            return Ok(false);
        };
        let mut state = self.adapter.apply_b(previous, &group.state, block)?;
        if wanted && self.options.mode == OutputMode::Block {
            let output = self.adapter.finalize(&mut state)?;
            self.made = Some(self.made_of(output, Span::of(block), Some(&state)));
        } else if wanted {
            group.note(block, wanted);
        }
        Ok(true)
    }

    /// There is a state to build on.
    fn has_state(&self) -> bool {
        self.group.as_ref().is_some_and(|group| !group.broken)
    }

    /// Throws away the results of blocks that nobody wants, before the first that is wanted.
    fn discard_stale(&mut self, wanted: bool) -> Result<(), Error> {
        if let Some(group) = &mut self.group
            && wanted
            && std::mem::take(&mut group.stale)
        {
            self.adapter.finalize(&mut group.state)?;
        }
        Ok(())
    }

    /// The result of the group so far; nothing where no wanted block is in it.
    fn finish(&mut self) -> Result<Option<Made>, Error> {
        let Some(group) = &mut self.group else {
            return Ok(None);
        };
        if group.span.blocks == 0 {
            return Ok(None);
        }
        let output = self.adapter.finalize(&mut group.state)?;
        let span = std::mem::take(&mut group.span);
        let description = self
            .options
            .describe
            .then(|| Box::new(self.adapter.describe(&group.state)));
        Ok(Some(Made {
            output,
            span,
            lost: std::mem::take(&mut self.lost),
            description,
        }))
    }

    fn made_of(&mut self, output: Output, span: Span, state: Option<&AnyState>) -> Made {
        let described = state.filter(|_| self.options.describe);
        Made {
            output,
            span,
            lost: std::mem::take(&mut self.lost),
            description: described.map(|state| Box::new(self.adapter.describe(state))),
        }
    }

    /// Numbers what is ready, or keeps it for the end.
    fn publish(&mut self) -> impl Iterator<Item = Published> {
        if self.options.mode == OutputMode::Eos {
            self.whole.append(&mut self.ready);
        }
        let numbers = &mut self.numbers;
        self.ready.drain(..).map(|made| numbers.number(made))
    }
}

/// The number of the next result.
#[derive(Debug, Default)]
struct Numbers(u64);

impl Numbers {
    fn number(&mut self, made: Made) -> Published {
        let index = self.0;
        // A stream of 2^64 results has no end.
        self.0 = self.0.wrapping_add(1);
        Published {
            duration: made.span.duration(),
            index,
            pts: made.span.pts,
            blocks: made.span.blocks,
            lost: made.lost,
            description: made.description.map(|boxed| *boxed),
            output: made.output,
        }
    }
}

/// One result of several: their bytes, one after the other. What it is the first says.
fn join(mut parts: Vec<Made>) -> Result<Option<Made>, Error> {
    if parts.len() < 2 {
        return Ok(parts.pop());
    }
    let mut bytes = Vec::with_capacity(parts.iter().map(|part| part.output.size()).sum());
    let mut span = Span::default();
    let mut lost = 0;
    for part in &parts {
        bytes.extend_from_slice(part.output.bytes()?);
        span.add(part.span);
        lost += part.lost;
    }
    let caps = parts.first().and_then(|part| part.output.caps.clone());
    let description = parts.pop().and_then(|part| part.description);
    Ok(Some(Made {
        output: Output {
            data: Data::Made(bytes),
            caps,
        },
        span,
        lost,
        description,
    }))
}
