//! Where the bytes come from: pulled from upstream in windows, or pushed by it.

use gst::prelude::*;

/// Bytes pulled at a time where blocks are small.
const WINDOW: u32 = 512 << 10;
/// Blocks above this size are pulled exactly, so that nothing is read twice.
const LARGE: usize = 64 << 10;
/// Bytes pulled beyond a large block: the head of the one after it.
const NEXT_HEAD: usize = 20;

/// What a source can give.
pub(super) enum Window<'a> {
    /// Bytes at the position; `true`: nothing follows them.
    Bytes(&'a [u8], bool),
    /// Push mode: more has to arrive first.
    Wait,
}

/// Random access, through `pull_range`.
pub(super) struct PullSource {
    pad: gst::Pad,
    at: u64,
    window: Option<gst::MappedBuffer<gst::buffer::Readable>>,
    at_end: bool,
    /// Smaller windows for walks that look at chunk heads only.
    pub heads_only: bool,
}

impl PullSource {
    pub fn new(pad: &gst::Pad) -> Self {
        Self {
            pad: pad.clone(),
            at: 0,
            window: None,
            at_end: false,
            heads_only: false,
        }
    }

    /// The length of the file now.
    pub fn length(&self) -> Option<u64> {
        self.pad
            .peer_query_duration::<gst::format::Bytes>()
            .map(|b| *b)
    }

    /// What is at hand from `offset` on.
    fn at_hand(&self, offset: u64) -> &[u8] {
        let window = self.window.as_ref().map_or(&[][..], |w| w.as_slice());
        offset
            .checked_sub(self.at)
            .and_then(|skip| window.get(usize::try_from(skip).ok()?..))
            .unwrap_or_default()
    }

    /// Makes `need` bytes from `offset` on be at hand, or as many as the file has.
    fn ensure(&mut self, offset: u64, need: usize) -> Result<(), gst::FlowError> {
        if self.at_hand(offset).len() >= need || self.is_end_at(offset) {
            return Ok(());
        }
        let least = u32::try_from(need).map_err(|_| gst::FlowError::Error)?;
        let size = match need {
            _ if self.heads_only => least.max(4096),
            0..LARGE => WINDOW,
            _ => least.saturating_add(NEXT_HEAD as u32),
        };
        // Nor is this the end any more: after a read that a seek interrupted, nothing is known of the place.
        self.forget();
        self.at = offset;
        match self.pad.pull_range(offset, size) {
            Ok(buffer) => {
                self.at_end = buffer.size() < size as usize;
                let mapped = buffer.into_mapped_buffer_readable();
                self.window = Some(mapped.map_err(|_| gst::FlowError::Error)?);
            }
            Err(gst::FlowError::Eos) => self.at_end = true,
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// True when the window reaches the end of the file and covers `offset`.
    fn is_end_at(&self, offset: u64) -> bool {
        let length = self.window.as_ref().map_or(0, |w| w.len()) as u64;
        self.at_end && (self.at..=self.at + length).contains(&offset)
    }

    pub fn window(&mut self, offset: u64, need: usize) -> Result<Window<'_>, gst::FlowError> {
        self.ensure(offset, need)?;
        Ok(Window::Bytes(self.at_hand(offset), self.is_end_at(offset)))
    }

    /// The window's bytes from `offset` on, when there are `length` of them.
    pub fn bytes(&mut self, offset: u64, length: usize) -> Result<Option<&[u8]>, gst::FlowError> {
        self.ensure(offset, length)?;
        Ok(self.at_hand(offset).get(..length))
    }

    /// A part of the window that [`PullSource::bytes`] has shown, as a buffer that shares its memory.
    pub fn take(&self, offset: u64, length: usize) -> Result<gst::Buffer, gst::FlowError> {
        let window = self.window.as_ref().ok_or(gst::FlowError::Error)?;
        let start = usize::try_from(offset - self.at).map_err(|_| gst::FlowError::Error)?;
        share(window.buffer(), start, length)
    }

    /// Forgets what is at hand: the file may have changed.
    pub fn forget(&mut self) {
        self.window = None;
        self.at_end = false;
    }

    /// Reads exactly what an opener or a search asks for; fewer bytes at the end of the file.
    pub fn read(&mut self, offset: u64, length: usize) -> Result<&[u8], gst::FlowError> {
        self.ensure(offset, length)?;
        let bytes = self.at_hand(offset);
        Ok(bytes.get(..length).unwrap_or(bytes))
    }
}

/// `length` bytes of a buffer, its memory shared.
fn share(
    buffer: &gst::BufferRef,
    start: usize,
    length: usize,
) -> Result<gst::Buffer, gst::FlowError> {
    if length == 0 {
        return Ok(gst::Buffer::new());
    }
    buffer
        .copy_region(gst::BufferCopyFlags::MEMORY, start..start + length)
        .map_err(|_| gst::FlowError::Error)
}

/// What upstream pushed, from an absolute position on.
#[derive(Default)]
pub(super) struct PushSource {
    adapter: gst_base::UniqueAdapter,
    /// Absolute position of the adapter's first byte.
    at: u64,
    /// Bytes still to be dropped as they arrive.
    skip: u64,
    pub eos: bool,
    /// The window that was asked for last.
    held: Vec<u8>,
}

impl PushSource {
    /// Starts over at an absolute position.
    pub fn restart(&mut self, at: u64) {
        self.adapter.clear();
        self.at = at;
        self.skip = 0;
        self.eos = false;
    }

    pub fn push(&mut self, buffer: gst::Buffer) {
        self.adapter.push(buffer);
        self.drop_skipped();
    }

    pub fn available(&self) -> usize {
        self.adapter.available()
    }

    fn drop_skipped(&mut self) {
        let now = usize::try_from(self.skip)
            .unwrap_or(usize::MAX)
            .min(self.adapter.available());
        if now > 0 {
            self.adapter.flush(now);
            self.skip -= now as u64;
            self.at += now as u64;
        }
    }

    /// Drops everything before `offset`.
    fn advance(&mut self, offset: u64) {
        self.skip = offset.saturating_sub(self.at);
        self.drop_skipped();
    }

    /// Everything from `offset` on that is there, when it is at least `need` bytes or all there will be.
    pub fn window(&mut self, offset: u64, need: usize) -> Result<Window<'_>, gst::FlowError> {
        self.advance(offset);
        let available = if self.skip > 0 { 0 } else { self.available() };
        if available < need && !self.eos {
            return Ok(Window::Wait);
        }
        let wanted = available.min(need.max(64));
        self.held.clear();
        if wanted > 0 {
            self.held.resize(wanted, 0);
            self.adapter
                .copy(0, &mut self.held)
                .map_err(|_| gst::FlowError::Error)?;
        }
        // Where fewer bytes than are there are handed out, more follow.
        Ok(Window::Bytes(&self.held, self.eos && wanted == available))
    }

    /// True when `length` bytes from `offset` on are there.
    pub fn has(&mut self, offset: u64, length: usize) -> bool {
        self.advance(offset);
        self.skip == 0 && self.available() >= length
    }

    /// Takes bytes out without copying them where one buffer holds them.
    pub fn take(&mut self, offset: u64, length: usize) -> Option<gst::Buffer> {
        if !self.has(offset, length) {
            return None;
        }
        if length == 0 {
            return Some(gst::Buffer::new());
        }
        let buffer = self.adapter.take_buffer_fast(length).ok()?;
        self.at += length as u64;
        Some(buffer)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    const LENGTH: u64 = 1000;

    /// Pads of a file of [`LENGTH`] bytes, whose reads fail as during a flush while the switch is on.
    fn file() -> (gst::Pad, gst::Pad, Arc<AtomicBool>) {
        gst::init().expect("GStreamer starts");
        let flushing = Arc::new(AtomicBool::new(false));
        let switch = flushing.clone();
        let upstream = gst::Pad::builder(gst::PadDirection::Src)
            .getrange_function(move |_, _, offset, _, size| {
                if switch.load(Ordering::SeqCst) {
                    return Err(gst::FlowError::Flushing);
                }
                let left = LENGTH.saturating_sub(offset).min(u64::from(size)) as usize;
                let buffer = gst::Buffer::with_size(left).map_err(|_| gst::FlowError::Error)?;
                Ok(gst::PadGetRangeSuccess::NewBuffer(buffer))
            })
            .build();
        let pad = gst::Pad::new(gst::PadDirection::Sink);
        upstream.link(&pad).expect("the pads link");
        upstream
            .activate_mode(gst::PadMode::Pull, true)
            .expect("the upstream pad is pulled from");
        pad.activate_mode(gst::PadMode::Pull, true)
            .expect("the pad pulls");
        (upstream, pad, flushing)
    }

    #[test]
    fn an_interrupted_read_after_the_end_is_not_taken_for_the_end() {
        let (_upstream, pad, flushing) = file();
        let mut source = PullSource::new(&pad);
        assert!(matches!(source.window(900, 1), Ok(Window::Bytes(b, true)) if b.len() == 100));
        flushing.store(true, Ordering::SeqCst);
        assert!(source.window(200, 1).is_err());
        flushing.store(false, Ordering::SeqCst);
        assert!(matches!(source.window(200, 1), Ok(Window::Bytes(b, true)) if b.len() == 800));
    }
}
