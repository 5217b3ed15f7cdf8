//! In which order the tracks of a file take turns, where no order is given.

use std::collections::VecDeque;

/// A sample that waits for its turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item<T> {
    /// Decoding time, nanoseconds.
    pub time_ns: i64,
    /// Nanoseconds to the next sample.
    pub duration_ns: u64,
    /// Bytes.
    pub size: u32,
    /// Place of its description in the track.
    pub entry: u32,
    /// What was pushed.
    pub payload: T,
}

/// Samples of one track that lie next to each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk<T> {
    /// Number of the track, from 0.
    pub track: usize,
    /// In decoding order, one at least.
    pub samples: Vec<Item<T>>,
}

#[derive(Debug)]
struct Lane<T> {
    items: VecDeque<Item<T>>,
    sparse: bool,
    ended: bool,
}

/// Orders samples by chunks: the track whose first waiting sample is the earliest gives the next one.
#[derive(Debug)]
pub struct Interleaver<T> {
    lanes: Vec<Lane<T>>,
    /// Bytes of a chunk.
    bytes: u64,
    /// Nanoseconds of a chunk.
    time_ns: u64,
    /// Bytes that wait on all tracks, at most.
    most: u64,
    held: u64,
}

impl<T> Interleaver<T> {
    /// Chunks end before they pass `bytes` or `time_ns`. When more than `most` bytes wait, no track is waited for.
    pub fn new(bytes: u64, time_ns: u64, most: u64) -> Self {
        Self {
            lanes: Vec::new(),
            bytes,
            time_ns,
            most,
            held: 0,
        }
    }

    /// A new track; nobody waits for a sparse one. Its number counts from 0.
    pub fn add(&mut self, sparse: bool) -> usize {
        self.lanes.push(Lane {
            items: VecDeque::new(),
            sparse,
            ended: false,
        });
        self.lanes.len() - 1
    }

    /// Takes the next sample of a track, in decoding order.
    pub fn push(&mut self, track: usize, item: Item<T>) {
        if let Some(lane) = self.lanes.get_mut(track) {
            self.held = self.held.saturating_add(u64::from(item.size));
            lane.items.push_back(item);
        }
    }

    /// No more samples of this track come.
    pub fn end(&mut self, track: usize) {
        if let Some(lane) = self.lanes.get_mut(track) {
            lane.ended = true;
        }
    }

    /// Bytes of all samples that wait.
    pub fn held(&self) -> u64 {
        self.held
    }

    /// The next chunk, when it is known which one it is and that it is whole.
    pub fn next_chunk(&mut self) -> Option<Chunk<T>> {
        let heads = self.lanes.iter().enumerate();
        let (_, track) = heads
            .filter_map(|(at, lane)| Some((lane.items.front()?.time_ns, at)))
            .min()?;
        let full = self.held > self.most;
        let waiting = |lane: &Lane<T>| lane.items.is_empty() && !lane.ended && !lane.sparse;
        if !full && self.lanes.iter().any(waiting) {
            return None;
        }
        let lane = self.lanes.get_mut(track)?;
        let (count, whole) = lane.chunk(self.bytes, self.time_ns);
        if !whole && !full {
            return None;
        }
        let samples: Vec<_> = lane.items.drain(..count).collect();
        let bytes: u64 = samples.iter().map(|s| u64::from(s.size)).sum();
        self.held = self.held.saturating_sub(bytes);
        Some(Chunk { track, samples })
    }
}

impl<T> Lane<T> {
    /// How many samples the next chunk has, and whether no other sample can join them.
    fn chunk(&self, most_bytes: u64, most_ns: u64) -> (usize, bool) {
        let (mut bytes, mut duration) = (0_u64, 0_u64);
        let entry = self.items.front().map(|i| i.entry);
        for (at, item) in self.items.iter().enumerate() {
            bytes = bytes.saturating_add(u64::from(item.size));
            duration = duration.saturating_add(item.duration_ns);
            let fits = bytes <= most_bytes && duration <= most_ns && entry == Some(item.entry);
            if at > 0 && !fits {
                return (at, true);
            }
        }
        let whole = self.ended || self.sparse || bytes >= most_bytes || duration >= most_ns;
        (self.items.len(), whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn item(ms: i64, duration_ms: u64, size: u32) -> Item<()> {
        Item {
            time_ns: ms * MS as i64,
            duration_ns: duration_ms * MS,
            size,
            entry: 0,
            payload: (),
        }
    }

    fn fill(
        interleave: &mut Interleaver<()>,
        track: usize,
        from: i64,
        count: i64,
        step: u64,
        size: u32,
    ) {
        for n in 0..count {
            interleave.push(track, item(from + n * step as i64, step, size));
        }
    }

    fn drain(interleave: &mut Interleaver<()>) -> Vec<(usize, usize)> {
        std::iter::from_fn(|| interleave.next_chunk())
            .map(|c| (c.track, c.samples.len()))
            .collect()
    }

    #[test]
    fn tracks_take_turns_by_time() {
        let mut interleave = Interleaver::new(u64::MAX, 500 * MS, u64::MAX);
        let (video, audio) = (interleave.add(false), interleave.add(false));
        fill(&mut interleave, video, 0, 25, 40, 100);
        assert_eq!(drain(&mut interleave), [], "the audio may be earlier");
        fill(&mut interleave, audio, 0, 50, 20, 10);
        assert_eq!(drain(&mut interleave), [(0, 12), (1, 25), (0, 12), (1, 25)]);
        interleave.end(video);
        assert_eq!(drain(&mut interleave), []);
        interleave.end(audio);
        assert_eq!(drain(&mut interleave), [(0, 1)]);
        assert_eq!(interleave.held(), 0);
    }

    #[test]
    fn a_chunk_ends_at_its_bytes_and_where_the_description_changes() {
        let mut interleave = Interleaver::new(250, u64::MAX, u64::MAX);
        let track = interleave.add(false);
        fill(&mut interleave, track, 0, 3, 40, 100);
        interleave.push(track, item(120, 40, 400));
        let mut other = item(160, 40, 10);
        other.entry = 1;
        interleave.push(track, other);
        assert_eq!(drain(&mut interleave), [(0, 2), (0, 1), (0, 1)]);
        interleave.end(track);
        assert_eq!(drain(&mut interleave), [(0, 1)]);
    }

    #[test]
    fn nobody_waits_for_a_sparse_track() {
        let mut interleave = Interleaver::new(u64::MAX, 100 * MS, u64::MAX);
        let (video, text) = (interleave.add(false), interleave.add(true));
        fill(&mut interleave, video, 0, 5, 40, 100);
        interleave.push(text, item(90, 1000, 5));
        assert_eq!(drain(&mut interleave), [(0, 2), (0, 2), (1, 1)]);
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut interleave = Interleaver::new(u64::MAX, 500 * MS, 1000);
        let (video, _silent) = (interleave.add(false), interleave.add(false));
        fill(&mut interleave, video, 0, 10, 40, 100);
        assert_eq!(drain(&mut interleave), []);
        interleave.push(video, item(400, 40, 100));
        assert_eq!(drain(&mut interleave), [(0, 11)]);
        assert_eq!(interleave.held(), 0);
    }
}
