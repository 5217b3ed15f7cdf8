//! Decode chains: which blocks show a track at a time (specification section 4).

use super::block::{Block, Kind};

/// What a chain needs to know of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainBlock {
    /// Absolute position of the CORE's payload, by which version 1 names blocks.
    pub payload_offset: u64,
    /// Its kind.
    pub kind: Kind,
    /// PTS in nanoseconds.
    pub pts_ns: i64,
    /// No other block needs it.
    pub droppable: bool,
}

impl From<&Block> for ChainBlock {
    fn from(block: &Block) -> Self {
        Self {
            payload_offset: block.payload_offset(),
            kind: block.meta.kind,
            pts_ns: block.time().unwrap_or(i64::from(block.pts_ms) * 1_000_000),
            droppable: block.meta.droppable,
        }
    }
}

/// The blocks to decode, in file order, and the key block they begin with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// The key block.
    pub key: ChainBlock,
    /// The key block and what follows it up to the block wanted.
    pub blocks: Vec<ChainBlock>,
}

/// The last nanosecond of a millisecond: a time in ms is compared with the floor of a PTS.
pub fn time_from_ms(ms: i64) -> i64 {
    ms.saturating_mul(1_000_000).saturating_add(999_999)
}

/// Finds the chain of one track at one time, from its blocks in file order.
///
/// Start feeding at or before the last key block whose PTS is not above the time (an index entry says where);
/// what came before it is forgotten, so that memory holds one group.
#[derive(Debug, Clone)]
pub struct ChainFinder {
    time_ns: i64,
    /// From the key block on.
    group: Vec<ChainBlock>,
    /// Place in `group` of the key block after it.
    next_key: Option<usize>,
    done: bool,
}

impl ChainFinder {
    /// A finder for `time_ns`.
    pub fn new(time_ns: i64) -> Self {
        Self {
            time_ns,
            group: Vec::new(),
            next_key: None,
            done: false,
        }
    }

    /// Takes the track's next block; true when no further one can change the chain, as far as key blocks are
    /// in order of PTS.
    pub fn push(&mut self, block: ChainBlock) -> bool {
        if block.kind.is_key() {
            self.key(block);
        } else if !self.done && !self.group.is_empty() {
            let leading = self
                .next_key
                .and_then(|at| self.group.get(at))
                .is_none_or(|next| block.pts_ns < next.pts_ns);
            if leading {
                self.group.push(block);
            } else {
                self.done = true;
            }
        }
        self.done
    }

    fn key(&mut self, block: ChainBlock) {
        let best = self.group.first().map(|k| k.pts_ns);
        if block.pts_ns <= self.time_ns {
            if best.is_none_or(|best| best <= block.pts_ns) {
                self.group.clear();
                self.group.push(block);
                self.next_key = None;
                self.done = false;
            } else {
                self.done = true;
            }
        } else if best.is_some() && self.next_key.is_none() && !self.done {
            self.next_key = Some(self.group.len());
            self.group.push(block);
        } else {
            self.done = true;
        }
    }

    /// The chain; `None` when the track has no key block at or before the time.
    pub fn finish(self) -> Option<Chain> {
        let key = *self.group.first()?;
        let next = self.next_key.unwrap_or(self.group.len());
        let wanted = |at: usize, b: &ChainBlock| b.pts_ns >= key.pts_ns && at != next;
        let last = self
            .group
            .iter()
            .enumerate()
            .filter(|(at, b)| wanted(*at, b) && b.pts_ns <= self.time_ns)
            .map(|(at, _)| at)
            .next_back()?;
        let blocks = self
            .group
            .iter()
            .enumerate()
            .take(last + 1)
            .filter(|(at, b)| *at == next || wanted(*at, b))
            .filter(|(_, b)| !(b.droppable && b.pts_ns > self.time_ns))
            .map(|(_, b)| *b)
            .collect();
        Some(Chain { key, blocks })
    }
}

/// The chain of a track at `time_ns`, from all its blocks in file order.
pub fn chain(blocks: impl IntoIterator<Item = ChainBlock>, time_ns: i64) -> Option<Chain> {
    let mut finder = ChainFinder::new(time_ns);
    for block in blocks {
        finder.push(block);
    }
    finder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Blocks from `I100 B60 p220`: a small letter is droppable, the offset is the place in the list.
    fn blocks(text: &str) -> Vec<ChainBlock> {
        text.split_whitespace()
            .enumerate()
            .map(|(at, word)| ChainBlock {
                payload_offset: at as u64,
                kind: match word.as_bytes()[0].to_ascii_uppercase() {
                    b'I' => Kind::I,
                    b'P' => Kind::P,
                    _ => Kind::B,
                },
                pts_ns: word[1..].parse().unwrap(),
                droppable: word.as_bytes()[0].is_ascii_lowercase(),
            })
            .collect()
    }

    fn offsets(text: &str, time: i64) -> Vec<u64> {
        chain(blocks(text), time).map_or(Vec::new(), |c| {
            c.blocks.iter().map(|b| b.payload_offset).collect()
        })
    }

    const OPEN: &str = "I0 P120 B40 b80 I240 B160 b200 P360 B280";

    #[test]
    fn references_after_the_time_stay_and_droppable_blocks_go() {
        assert_eq!(offsets(OPEN, 0), [0]);
        assert_eq!(offsets(OPEN, 40), [0, 1, 2]);
        assert_eq!(offsets(OPEN, 80), [0, 1, 2, 3]);
        assert_eq!(offsets("I0 P120 b40 B80", 80), [0, 1, 2, 3]);
        assert_eq!(offsets("I0 P120 b100 B80", 80), [0, 1, 3]);
    }

    #[test]
    fn leading_blocks_need_the_group_before_and_the_key_they_follow() {
        assert_eq!(offsets(OPEN, 160), [0, 1, 2, 3, 4, 5]);
        assert_eq!(offsets(OPEN, 239), [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(offsets(OPEN, 240), [4]);
        assert_eq!(offsets(OPEN, 280), [4, 7, 8]);
    }

    #[test]
    fn no_key_at_or_before_the_time_is_no_chain() {
        assert_eq!(chain(blocks("P0 I100 P140"), 50), None);
        assert_eq!(offsets("P0 I100 P140", 150), [1, 2]);
    }

    #[test]
    fn the_finder_stops_once_the_chain_is_settled() {
        let mut finder = ChainFinder::new(150);
        let needed = blocks(OPEN).into_iter().take_while(|b| !finder.push(*b));
        assert_eq!(needed.count(), 7);
    }
}
