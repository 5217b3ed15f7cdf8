//! What waits between a sink pad's thread and the task of its source pad.

use std::collections::VecDeque;
use std::time::Instant;

/// However far they are apart, as many buffers are held.
const LEAST_BUFFERS: usize = 2;

/// Media on the stream's own line, in seconds.
#[derive(Debug)]
pub(super) struct Media {
    pub buffer: gst::Buffer,
    /// Where it begins and ends.
    pub from: f64,
    pub to: f64,
    /// What came before does not lead up to it.
    pub jumped: bool,
    /// When it came: running time of the clock, in nanoseconds, where that runs, and the system's own.
    pub came_ns: Option<i64>,
    pub came: Instant,
}

/// What waits.
#[derive(Debug)]
pub(super) enum Entry {
    Media(Media),
    /// Nothing comes between these times on the own line, in seconds.
    Gap {
        from: f64,
        to: f64,
    },
    /// The segment begins; the stream time of running time 0.
    Segment(gst::ClockTime),
    Caps(gst::Event),
    Event(gst::Event),
    Eos(gst::Event),
}

/// How much is held.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Limits {
    /// Seconds of media.
    pub time: f64,
    pub bytes: usize,
}

#[derive(Debug)]
pub(super) struct Queue {
    entries: VecDeque<Entry>,
    media: usize,
    bytes: usize,
    /// End of the newest media, in seconds on the own line.
    newest: f64,
    /// What threads upstream get to hear.
    pub flow: Result<gst::FlowSuccess, gst::FlowError>,
    /// EOS came in.
    pub ended: bool,
    /// Downstream has said something else than OK to the task, which sleeps until a flush or new links.
    pub task_done: bool,
    /// Counts changes of what the clock says: it runs, or stands.
    pub alarms: u64,
    /// The pad is deactivated: the task ends.
    closed: bool,
    /// The task has something in hand.
    busy: bool,
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            entries: VecDeque::new(),
            media: 0,
            bytes: 0,
            newest: f64::NEG_INFINITY,
            flow: Err(gst::FlowError::Flushing),
            ended: false,
            task_done: false,
            alarms: 0,
            closed: true,
            busy: false,
        }
    }
}

impl Queue {
    /// Nothing came yet; media are taken.
    pub fn open(&mut self) {
        *self = Self {
            flow: Ok(gst::FlowSuccess::Ok),
            closed: false,
            alarms: self.alarms,
            busy: self.busy,
            ..Self::default()
        };
    }

    /// A flush is over: what describes the stream, and has not gone out, stays.
    pub fn reopen(&mut self) {
        let describes = |entry: &Entry| match entry {
            Entry::Caps(_) => true,
            Entry::Event(event) => event.is_sticky(),
            _ => false,
        };
        let entries = std::mem::take(&mut self.entries);
        self.open();
        self.entries = entries.into_iter().filter(describes).collect();
    }

    /// Nothing is taken or given any more.
    pub fn close(&mut self) {
        self.flow = Err(gst::FlowError::Flushing);
        self.closed = true;
    }

    pub fn is_closed(&self) -> bool {
        self.closed
    }

    pub fn is_busy(&self) -> bool {
        self.busy
    }

    /// The task has something in hand, or no longer; how it was before.
    pub fn set_busy(&mut self, busy: bool) -> bool {
        std::mem::replace(&mut self.busy, busy)
    }

    pub fn is_flushing(&self) -> bool {
        self.flow == Err(gst::FlowError::Flushing)
    }

    pub fn push(&mut self, entry: Entry) {
        if let Entry::Media(media) = &entry {
            self.media += 1;
            self.bytes += media.buffer.size();
            self.newest = media.to;
        }
        self.entries.push_back(entry);
    }

    pub fn pop(&mut self) -> Option<Entry> {
        let entry = self.entries.pop_front()?;
        self.forget(&entry);
        Some(entry)
    }

    fn forget(&mut self, entry: &Entry) {
        if let Entry::Media(media) = entry {
            self.media -= 1;
            self.bytes -= media.buffer.size();
        }
    }

    /// Takes the oldest media out of the order; events stay.
    pub fn drop_oldest(&mut self) -> Option<Media> {
        let at = self
            .entries
            .iter()
            .position(|e| matches!(e, Entry::Media(_)))?;
        let entry = self.entries.remove(at)?;
        self.forget(&entry);
        let next = self.entries.iter_mut().find_map(|entry| match entry {
            Entry::Media(media) => Some(media),
            _ => None,
        });
        if let Some(next) = next {
            next.jumped = true;
        }
        match entry {
            Entry::Media(media) => Some(media),
            _ => None,
        }
    }

    pub fn oldest(&self) -> Option<&Media> {
        self.entries.iter().find_map(|entry| match entry {
            Entry::Media(media) => Some(media),
            _ => None,
        })
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Seconds of media that are held.
    pub fn span(&self) -> f64 {
        self.oldest()
            .map_or(0.0, |oldest| (self.newest - oldest.from).max(0.0))
    }

    pub fn is_full(&self, limits: Limits) -> bool {
        self.media >= LEAST_BUFFERS && (self.span() >= limits.time || self.bytes >= limits.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn media(from: f64, to: f64, bytes: usize) -> Entry {
        gst::init().unwrap();
        Entry::Media(Media {
            buffer: gst::Buffer::with_size(bytes).unwrap(),
            from,
            to,
            jumped: false,
            came_ns: None,
            came: Instant::now(),
        })
    }

    #[test]
    fn is_full_by_time_or_bytes_but_holds_two() {
        let limits = Limits {
            time: 0.2,
            bytes: 1000,
        };
        let mut queue = Queue::default();
        queue.push(media(0.0, 5.0, 5000));
        assert!(!queue.is_full(limits));
        queue.push(media(5.0, 5.1, 10));
        assert!(queue.is_full(limits));
        queue.pop();
        assert!(!queue.is_full(limits));
        queue.push(media(5.1, 5.19, 10));
        assert!(!queue.is_full(limits));
        queue.push(media(5.19, 5.2, 1000));
        assert!(queue.is_full(limits), "bytes");
        assert_eq!(queue.bytes(), 1020);
    }

    #[test]
    fn what_is_oldest_is_dropped_and_events_stay() {
        let mut queue = Queue::default();
        gst::init().unwrap();
        queue.push(Entry::Gap { from: 0.0, to: 1.0 });
        queue.push(media(1.0, 1.1, 4));
        queue.push(media(1.1, 1.2, 4));
        assert!((queue.span() - 0.2).abs() < 1e-9);
        assert!(queue.drop_oldest().is_some_and(|m| m.from < 1.05));
        assert!(matches!(queue.pop(), Some(Entry::Gap { .. })));
        assert!(matches!(queue.pop(), Some(Entry::Media(m)) if m.jumped));
        assert!(queue.drop_oldest().is_none() && queue.is_empty());
    }
}
