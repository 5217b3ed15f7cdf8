//! A bounded queue between the adapter and whoever takes its outputs.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What happens to an output when the queue is full.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Overflow {
    /// It waits until there is room.
    #[default]
    Block,
    /// The oldest one in the queue makes room.
    DropOldest,
    /// It is left out itself.
    DropNewest,
}

/// What became of an output.
#[derive(Debug, PartialEq, Eq)]
pub enum Pushed<T> {
    /// It is in the queue.
    Queued,
    /// It is in the queue, and this one made room.
    Replaced(T),
    /// It is not in the queue, which is full.
    Refused(T),
    /// It is not in the queue, which is being flushed.
    Flushing(T),
}

/// What was taken.
#[derive(Debug, PartialEq, Eq)]
pub enum Popped<T> {
    /// The oldest.
    Item(T),
    /// The stream has ended and nothing is left.
    End,
    /// Nothing came in time.
    TimedOut,
    /// There is no stream: the queue is shut.
    Shut,
}

/// A queue of at most `capacity` items.
#[derive(Debug)]
pub struct Queue<T> {
    inner: Mutex<Inner<T>>,
    changed: Condvar,
}

#[derive(Debug)]
struct Inner<T> {
    items: VecDeque<T>,
    capacity: usize,
    overflow: Overflow,
    /// Pushing does not wait.
    flushing: bool,
    ended: bool,
    shut: bool,
    /// Threads wait for room, or for an item, and nobody has woken them since: waking nobody would cost a call of the system.
    pushing: bool,
    popping: bool,
}

impl<T> Inner<T> {
    fn is_half_free(&self) -> bool {
        self.items.len() <= self.capacity / 2
    }
}

impl<T> Queue<T> {
    /// An empty queue, shut.
    #[must_use]
    pub fn new(capacity: usize, overflow: Overflow) -> Self {
        Self {
            inner: Mutex::new(Inner {
                items: VecDeque::new(),
                capacity: capacity.max(1),
                overflow,
                flushing: false,
                ended: false,
                shut: true,
                pushing: false,
                popping: false,
            }),
            changed: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a change.
    fn wait<'a>(&self, inner: MutexGuard<'a, Inner<T>>) -> MutexGuard<'a, Inner<T>> {
        self.changed
            .wait(inner)
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a change, no longer than `timeout`.
    fn wait_for<'a>(
        &self,
        inner: MutexGuard<'a, Inner<T>>,
        timeout: Duration,
    ) -> MutexGuard<'a, Inner<T>> {
        let waited = self.changed.wait_timeout(inner, timeout);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// An item was added. Who is woken while the lock is held would wait for that next.
    fn added(&self, mut inner: MutexGuard<'_, Inner<T>>) {
        if std::mem::take(&mut inner.popping) {
            drop(inner);
            self.changed.notify_all();
        }
    }

    /// An item was taken. Who waits for room is woken when half of the queue is free: woken for each place, two threads of
    /// like speed would do little but wake each other.
    fn taken(&self, mut inner: MutexGuard<'_, Inner<T>>) {
        if inner.is_half_free() && std::mem::take(&mut inner.pushing) {
            drop(inner);
            self.changed.notify_all();
        }
    }

    /// Other limits, from the next push on.
    pub fn limit(&self, capacity: usize, overflow: Overflow) {
        let mut inner = self.lock();
        inner.capacity = capacity.max(1);
        inner.overflow = overflow;
        self.changed.notify_all();
    }

    /// Appends an item.
    pub fn push(&self, item: T) -> Pushed<T> {
        self.push_as(item, None)
    }

    /// Appends an item; when the queue is full the oldest one makes room, whatever [`Overflow`] says.
    pub fn push_over(&self, item: T) -> Pushed<T> {
        self.push_as(item, Some(Overflow::DropOldest))
    }

    fn push_as(&self, item: T, overflow: Option<Overflow>) -> Pushed<T> {
        let mut inner = self.lock();
        let mut has_waited = false;
        loop {
            if inner.flushing || inner.shut {
                return Pushed::Flushing(item);
            }
            let overflow = overflow.unwrap_or(inner.overflow);
            let is_held = has_waited && overflow == Overflow::Block && !inner.is_half_free();
            if inner.items.len() < inner.capacity && !is_held {
                inner.items.push_back(item);
                self.added(inner);
                return Pushed::Queued;
            }
            match overflow {
                Overflow::DropNewest => return Pushed::Refused(item),
                Overflow::DropOldest => {
                    let oldest = inner.items.pop_front();
                    inner.items.push_back(item);
                    self.added(inner);
                    return oldest.map_or(Pushed::Queued, Pushed::Replaced);
                }
                Overflow::Block => {
                    inner.pushing = true;
                    inner = self.wait(inner);
                    has_waited = true;
                }
            }
        }
    }

    /// Takes the oldest item, or waits for one: no longer than `timeout`, for ever without one.
    pub fn pop(&self, timeout: Option<Duration>) -> Popped<T> {
        // A time too far to tell is for ever.
        let until = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut inner = self.lock();
        loop {
            if let Some(item) = inner.items.pop_front() {
                self.taken(inner);
                return Popped::Item(item);
            }
            if inner.shut {
                return Popped::Shut;
            }
            if inner.ended {
                return Popped::End;
            }
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Popped::TimedOut;
            }
            inner.popping = true;
            inner = match left {
                Some(left) => self.wait_for(inner, left),
                None => self.wait(inner),
            };
        }
    }

    /// How many items it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().items.len()
    }

    /// True when it holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lock().items.is_empty()
    }

    /// True when pushing would wait for room.
    #[must_use]
    pub fn would_wait(&self) -> bool {
        let inner = self.lock();
        inner.overflow == Overflow::Block && inner.items.len() >= inner.capacity
    }

    /// True when the stream has ended and nothing is left.
    #[must_use]
    pub fn is_at_end(&self) -> bool {
        let inner = self.lock();
        inner.shut || inner.ended && inner.items.is_empty()
    }

    /// Whoever pushes waits no longer. What is in it stays.
    pub fn flush(&self) {
        self.lock().flushing = true;
        self.changed.notify_all();
    }

    /// Pushing does not wait now.
    #[must_use]
    pub fn is_flushing(&self) -> bool {
        let inner = self.lock();
        inner.flushing || inner.shut
    }

    /// Waits until [`Queue::resume`] has been called after a [`Queue::flush`]. False: the queue is shut.
    pub fn wait_resumed(&self) -> bool {
        let mut inner = self.lock();
        while inner.flushing && !inner.shut {
            inner = self.wait(inner);
        }
        !inner.shut
    }

    /// Takes items again after [`Queue::flush`].
    pub fn resume(&self) {
        self.lock().flushing = false;
        self.changed.notify_all();
    }

    /// Forgets all items, and that the stream has ended.
    pub fn clear(&self) {
        let items = {
            let mut inner = self.lock();
            inner.ended = false;
            std::mem::take(&mut inner.items)
        };
        self.changed.notify_all();
        // What an item does when it goes may ask for the queue.
        drop(items);
    }

    /// No item follows.
    pub fn end(&self) {
        self.lock().ended = true;
        self.changed.notify_all();
    }

    /// A stream begins.
    pub fn open(&self) {
        {
            let mut inner = self.lock();
            inner.shut = false;
            inner.flushing = false;
        }
        self.clear();
    }

    /// The stream is gone, and what is in the queue with it.
    pub fn shut(&self) {
        self.lock().shut = true;
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;

    use super::*;

    fn open(capacity: usize, overflow: Overflow) -> Arc<Queue<u32>> {
        let queue = Queue::new(capacity, overflow);
        queue.open();
        Arc::new(queue)
    }

    #[test]
    fn a_full_queue_does_as_it_is_told() {
        let queue = open(2, Overflow::DropOldest);
        assert_eq!(queue.push(1), Pushed::Queued);
        assert_eq!(queue.push(2), Pushed::Queued);
        assert_eq!(queue.push(3), Pushed::Replaced(1));
        queue.limit(2, Overflow::DropNewest);
        assert_eq!(queue.push(4), Pushed::Refused(4));
        assert_eq!(queue.pop(None), Popped::Item(2));
        assert_eq!(queue.push(5), Pushed::Queued);
        assert_eq!(queue.pop(None), Popped::Item(3));
        assert_eq!(queue.pop(None), Popped::Item(5));
    }

    #[test]
    fn who_pushes_into_a_full_queue_waits_for_room() {
        let queue = open(1, Overflow::Block);
        assert_eq!(queue.push(1), Pushed::Queued);
        let pusher = thread::spawn({
            let queue = queue.clone();
            move || queue.push(2)
        });
        assert_eq!(queue.pop(None), Popped::Item(1));
        assert_eq!(queue.pop(None), Popped::Item(2));
        assert_eq!(pusher.join().unwrap(), Pushed::Queued);
    }

    #[test]
    fn who_waits_for_room_goes_on_when_half_of_the_queue_is_free() {
        let queue = open(4, Overflow::Block);
        for item in 0..4 {
            assert_eq!(queue.push(item), Pushed::Queued);
        }
        let pusher = thread::spawn({
            let queue = queue.clone();
            move || queue.push(4)
        });
        while !queue.lock().pushing {
            thread::yield_now();
        }
        assert_eq!(queue.pop(None), Popped::Item(0));
        assert_eq!(queue.len(), 3);
        assert!(queue.lock().pushing);
        assert_eq!(queue.pop(None), Popped::Item(1));
        assert_eq!(pusher.join().unwrap(), Pushed::Queued);
        assert_eq!(queue.len(), 3);
    }

    #[test]
    fn flushing_and_shutting_end_all_waits() {
        let queue = open(1, Overflow::Block);
        assert_eq!(queue.push(1), Pushed::Queued);
        let pusher = thread::spawn({
            let queue = queue.clone();
            move || queue.push(2)
        });
        queue.flush();
        assert_eq!(pusher.join().unwrap(), Pushed::Flushing(2));
        queue.clear();
        queue.resume();
        let popper = thread::spawn({
            let queue = queue.clone();
            move || queue.pop(None)
        });
        queue.shut();
        assert_eq!(popper.join().unwrap(), Popped::Shut);
        assert_eq!(queue.push(3), Pushed::Flushing(3));
    }

    #[test]
    fn the_end_comes_after_what_is_left() {
        let queue = open(4, Overflow::Block);
        assert_eq!(queue.pop(Some(Duration::ZERO)), Popped::TimedOut);
        queue.push(1);
        queue.end();
        assert!(!queue.is_at_end());
        assert_eq!(queue.pop(None), Popped::Item(1));
        assert_eq!(queue.pop(None), Popped::End);
        assert!(queue.is_at_end());
        queue.open();
        assert_eq!(queue.pop(Some(Duration::ZERO)), Popped::TimedOut);
    }
}
