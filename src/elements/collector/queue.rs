//! The bounded queue of a pad.

use std::collections::VecDeque;

use super::Slot;

/// However far they are apart, as many buffers are held.
const LEAST_BUFFERS: usize = 2;

/// How much a queue holds before its thread waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    buffers: usize,
    /// Nanoseconds.
    time: i64,
}

impl Limits {
    /// Input that waits when it is told to.
    pub const FILE: Self = Self {
        buffers: 64,
        time: 1_000_000_000,
    };

    /// Live input, which can't wait: blocks stay for as long as others are late by `latency` nanoseconds.
    pub fn live(latency: i64) -> Self {
        Self {
            buffers: Self::FILE.buffers * 16,
            time: Self::FILE.time.saturating_add(latency),
        }
    }

    /// The same for streams that wait until the times of another are settled. One thread may feed all: what settles
    /// them lies behind what these take.
    pub fn patient(self) -> Self {
        Self {
            buffers: self.buffers * 16,
            time: self.time.saturating_mul(16),
        }
    }

    /// A thread that waits may go on when no more are left than this: threads wake each other once a
    /// batch, not once a buffer.
    fn low(self) -> Self {
        Self {
            buffers: self.buffers / 4 * 3 + 1,
            time: self.time / 4 * 3,
        }
    }
}

/// One buffer with its times in nanoseconds of running time.
#[derive(Debug)]
pub struct Block {
    /// The pad that it came on.
    pub slot: Slot,
    /// The buffer as it came.
    pub buffer: gst::Buffer,
    /// Presentation time.
    pub pts: Option<i64>,
    /// Decoding time.
    pub dts: Option<i64>,
    /// Its place in the order of all blocks: DTS, else PTS, else that of the block before it on its pad.
    pub time: i64,
}

/// What waits on a pad.
#[derive(Debug)]
pub(super) enum Entry {
    Block(Block),
    Caps(gst::Caps),
    Tags(gst::TagList),
    Event(gst::Event),
}

#[derive(Debug, Default)]
pub(super) struct Queue {
    entries: VecDeque<Entry>,
    blocks: usize,
    /// Time of the newest block.
    newest: i64,
}

impl Queue {
    pub fn push_block(&mut self, block: Block) {
        self.newest = block.time;
        self.blocks += 1;
        self.entries.push_back(Entry::Block(block));
    }

    pub fn push_event(&mut self, event: Entry) {
        self.entries.push_back(event);
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub fn has_blocks(&self) -> bool {
        self.blocks > 0
    }

    /// Time of the block at the head, where that is one.
    pub fn head_time(&self) -> Option<i64> {
        match self.entries.front() {
            Some(Entry::Block(block)) => Some(block.time),
            _ => None,
        }
    }

    /// Time of the first block, behind whatever events.
    pub fn first_time(&self) -> Option<i64> {
        self.entries.iter().find_map(|entry| match entry {
            Entry::Block(block) => Some(block.time),
            _ => None,
        })
    }

    /// Nanoseconds from the first block to the last.
    pub fn span(&self) -> u64 {
        let oldest = self.first_time().unwrap_or(self.newest);
        self.newest.abs_diff(oldest)
    }

    /// Every block is later by so many nanoseconds than was thought.
    pub fn shift(&mut self, later: i64) {
        for entry in &mut self.entries {
            if let Entry::Block(block) = entry {
                let shifted = |time: i64| time.saturating_add(later);
                block.pts = block.pts.map(shifted);
                block.dts = block.dts.map(shifted);
                block.time = shifted(block.time);
            }
        }
        self.newest = self.newest.saturating_add(later);
    }

    pub fn pop_block(&mut self) -> Option<Block> {
        match self.entries.pop_front() {
            Some(Entry::Block(block)) => {
                self.blocks -= 1;
                Some(block)
            }
            Some(event) => {
                self.entries.push_front(event);
                None
            }
            None => None,
        }
    }

    /// What is at the head and no block.
    pub fn pop_event(&mut self) -> Option<Entry> {
        match self.entries.front() {
            None | Some(Entry::Block(_)) => None,
            Some(_) => self.entries.pop_front(),
        }
    }

    /// Blocks and events that a flush throws away; what describes the stream stays.
    pub fn flush(&mut self) {
        self.entries
            .retain(|e| matches!(e, Entry::Caps(_) | Entry::Tags(_)));
        self.blocks = 0;
    }

    pub fn is_full(&self, limits: Limits) -> bool {
        self.holds(limits)
    }

    /// True when a thread that found the queue full may go on.
    pub fn has_room(&self, limits: Limits) -> bool {
        !self.holds(limits.low())
    }

    fn holds(&self, limits: Limits) -> bool {
        if self.blocks < LEAST_BUFFERS {
            return false;
        }
        let oldest = self.first_time().unwrap_or(self.newest);
        self.blocks >= limits.buffers || self.newest.saturating_sub(oldest) >= limits.time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(times: impl IntoIterator<Item = i64>) -> Queue {
        gst::init().unwrap();
        let mut queue = Queue::default();
        for time in times {
            queue.push_block(Block {
                slot: 0,
                buffer: gst::Buffer::new(),
                pts: Some(time),
                dts: None,
                time,
            });
        }
        queue
    }

    #[test]
    fn is_full_at_64_buffers_and_has_room_again_at_48() {
        let mut queue = queue(0..63);
        assert!(!queue.is_full(Limits::FILE));
        queue.push_event(Entry::Tags(gst::TagList::new()));
        assert!(!queue.is_full(Limits::FILE), "events do not count");
        queue.push_block(Block {
            slot: 0,
            buffer: gst::Buffer::new(),
            pts: None,
            dts: None,
            time: 63,
        });
        assert!(queue.is_full(Limits::FILE));
        for _ in 0..15 {
            queue.pop_block().unwrap();
            assert!(!queue.has_room(Limits::FILE));
        }
        queue.pop_block().unwrap();
        assert!(queue.has_room(Limits::FILE));
    }

    #[test]
    fn is_full_at_a_second_but_holds_two_buffers() {
        assert!(!queue([0, 999_999_999]).has_room(Limits::FILE));
        assert!(!queue([0, 999_999_999]).is_full(Limits::FILE));
        assert!(queue([0, 1_000_000_000]).is_full(Limits::FILE));
        assert!(!queue([0]).is_full(Limits::FILE));
        assert!(
            !queue([i64::MIN]).is_full(Limits::FILE),
            "no time at all does not overflow"
        );
        assert!(queue([i64::MIN, i64::MAX]).is_full(Limits::FILE));
    }

    #[test]
    fn a_flush_keeps_what_describes_the_stream() {
        let mut queue = queue([1]);
        queue.push_event(Entry::Caps(gst::Caps::new_any()));
        queue.push_event(Entry::Event(gst::event::Eos::new()));
        queue.flush();
        assert!(!queue.has_blocks());
        assert!(matches!(queue.pop_event(), Some(Entry::Caps(_))));
        assert!(queue.is_empty());
    }
}
