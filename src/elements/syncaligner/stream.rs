//! A stream: its pair of pads, what waits between them, and who may look at what.
//!
//! `input` belongs to the thread upstream, `output` to the task of the source pad; others look at them only while
//! that thread can't run. `queue` is between the two. None is locked while anything is pushed or measured.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use gst::prelude::*;
use gst::subclass::prelude::*;

use super::SyncAlignerPad;
use super::analysis::Id;
use super::input::Input;
use super::output::Output;
use super::pad::Words;
use super::queue::Queue;
use super::stats::Stats;

pub(super) struct Stream {
    pub id: Id,
    pub sink: SyncAlignerPad,
    pub src: gst::Pad,
    input: Mutex<Input>,
    queue: Mutex<Queue>,
    /// Something about the queue, or what is waited for, has changed.
    news: Condvar,
    output: Mutex<Output>,
    stats: Mutex<Stats>,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic in another thread has become an error message there; the state is plain data.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Stream {
    pub fn new(id: Id, sink: SyncAlignerPad, src: gst::Pad) -> Arc<Self> {
        Arc::new(Self {
            id,
            sink,
            src,
            input: Mutex::default(),
            queue: Mutex::default(),
            news: Condvar::new(),
            output: Mutex::default(),
            stats: Mutex::default(),
        })
    }

    pub fn name(&self) -> String {
        self.sink.name().into()
    }

    pub fn input(&self) -> MutexGuard<'_, Input> {
        lock(&self.input)
    }

    pub fn queue(&self) -> MutexGuard<'_, Queue> {
        lock(&self.queue)
    }

    pub fn output(&self) -> MutexGuard<'_, Output> {
        lock(&self.output)
    }

    pub fn stats(&self) -> MutexGuard<'_, Stats> {
        lock(&self.stats)
    }

    /// Sleeps until [`Stream::wake`], or longer or shorter.
    pub fn sleep<'a>(&self, queue: MutexGuard<'a, Queue>) -> MutexGuard<'a, Queue> {
        self.news
            .wait(queue)
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Has every thread that sleeps on this stream look again.
    pub fn wake(&self) {
        // Whoever looks now sees it, or sleeps and hears this.
        let queue = self.queue();
        self.news.notify_all();
        drop(queue);
    }

    /// Time runs, or stands: whoever waits for it looks again.
    pub fn alarm(&self) {
        self.queue().alarms += 1;
        self.wake();
    }

    /// What the user says of it.
    pub fn words(&self) -> MutexGuard<'_, Words> {
        self.sink.imp().words()
    }

    /// Nothing is taken or given any more.
    pub fn close(&self) {
        self.queue().close();
        self.news.notify_all();
    }

    /// Nothing came yet; media are taken.
    pub fn open(&self) {
        self.queue().open();
        self.news.notify_all();
    }

    /// Everything is as before the first event.
    pub fn reset(&self) {
        *self.input() = Input::default();
        *self.output() = Output::default();
        *self.stats() = Stats::default();
    }
}
