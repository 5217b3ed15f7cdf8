//! From results to whoever takes them: the queue, a file, messages, signals and callbacks.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gst::glib;
use gst::prelude::*;

use super::AdapterSink;
use super::ready::Ready;
use super::settings::Settings;
use super::signals;
use crate::adapter::queue::{Popped, Pushed};
use crate::adapter::{Overflow, Queue};

type NewOutput = Box<dyn FnMut(&AdapterSink) + Send>;

/// What an application is told, in Rust. The functions run on the thread that decodes.
#[derive(Default)]
pub struct Callbacks {
    new_output: Option<NewOutput>,
}

impl Callbacks {
    /// None.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Called after each output, which [`AdapterSink::try_pull_output`] then gives.
    #[must_use]
    pub fn new_output(mut self, function: impl FnMut(&AdapterSink) + Send + 'static) -> Self {
        self.new_output = Some(Box::new(function));
        self
    }
}

impl std::fmt::Debug for Callbacks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Callbacks")
            .field("new_output", &self.new_output.is_some())
            .finish()
    }
}

/// Why publishing has stopped.
#[derive(Debug)]
pub(super) enum Stop {
    /// The queue is being flushed; what is left waits.
    Flushing,
    /// The file can't be written.
    Write(String),
}

/// Results that are made and not out yet. It belongs to the thread that decodes.
#[derive(Default)]
pub(super) struct Outbox {
    waiting: VecDeque<Box<Ready>>,
    /// The first of them is in the file.
    is_written: bool,
}

impl Outbox {
    pub(super) fn add(&mut self, ready: Box<Ready>) {
        self.waiting.push_back(ready);
    }

    pub(super) fn clear(&mut self) {
        self.waiting.clear();
        self.is_written = false;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

/// Where results go; shared by the threads that decode and those that pull.
pub(super) struct Publisher {
    element: glib::WeakRef<AdapterSink>,
    pub(super) queue: Queue<Box<Ready>>,
    file: Mutex<Option<BufWriter<File>>>,
    callbacks: Mutex<Callbacks>,
    /// Somebody has pulled, or is told of outputs: the queue is not for nobody.
    is_pulled: AtomicBool,
    has_file: AtomicBool,
    has_callbacks: AtomicBool,
    /// Outputs go elsewhere too.
    goes_elsewhere: AtomicBool,
    posts: AtomicBool,
    has_told: AtomicBool,
    /// What is published waits for room where there is none.
    may_wait: AtomicBool,
    pub(super) rendered: AtomicU64,
    pub(super) dropped: AtomicU64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Publisher {
    pub(super) fn new() -> Self {
        let settings = Settings::default();
        Self {
            element: glib::WeakRef::new(),
            queue: Queue::new(settings.max_outputs as usize, settings.overflow()),
            file: Mutex::new(None),
            callbacks: Mutex::default(),
            is_pulled: AtomicBool::new(false),
            has_file: AtomicBool::new(false),
            has_callbacks: AtomicBool::new(false),
            goes_elsewhere: AtomicBool::new(false),
            posts: AtomicBool::new(false),
            has_told: AtomicBool::new(false),
            may_wait: AtomicBool::new(settings.overflow() == Overflow::Block),
            rendered: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
        }
    }

    pub(super) fn of(&self, element: &AdapterSink) {
        self.element.set(Some(element));
    }

    pub(super) fn set_callbacks(&self, callbacks: Callbacks) {
        let is_any = callbacks.new_output.is_some();
        *lock(&self.callbacks) = callbacks;
        self.has_callbacks.store(is_any, Ordering::Release);
    }

    /// A stream begins.
    pub(super) fn open(&self, settings: &Settings) -> Result<(), gst::ErrorMessage> {
        let create = |path: &Path| {
            File::create(path).map(BufWriter::new).map_err(|error| {
                gst::error_msg!(
                    gst::ResourceError::OpenWrite,
                    ["location: {}: {error}", path.display()]
                )
            })
        };
        *lock(&self.file) = settings.location.as_deref().map(create).transpose()?;
        self.has_file
            .store(settings.location.is_some(), Ordering::Release);
        self.posts.store(settings.post_messages, Ordering::Relaxed);
        let elsewhere = settings.post_messages || settings.location.is_some();
        self.goes_elsewhere.store(elsewhere, Ordering::Relaxed);
        self.is_pulled.store(false, Ordering::Relaxed);
        self.has_told.store(false, Ordering::Relaxed);
        self.rendered.store(0, Ordering::Relaxed);
        self.dropped.store(0, Ordering::Relaxed);
        self.limit(settings);
        self.queue.open();
        Ok(())
    }

    /// The queue as the settings want it.
    pub(super) fn limit(&self, settings: &Settings) {
        let overflow = settings.overflow();
        self.may_wait
            .store(overflow == Overflow::Block, Ordering::Relaxed);
        self.queue.limit(settings.max_outputs as usize, overflow);
    }

    /// The stream is over.
    pub(super) fn close(&self) -> Result<(), String> {
        self.queue.shut();
        let file = lock(&self.file).take();
        file.map_or(Ok(()), |mut file| {
            file.flush().map_err(|error| error.to_string())
        })
    }

    /// What was written reaches the file.
    pub(super) fn sync_file(&self) -> Result<(), Stop> {
        let mut file = lock(&self.file);
        file.as_mut().map_or(Ok(()), |file| {
            file.flush().map_err(|e| Stop::Write(e.to_string()))
        })
    }

    /// Takes an output out of the queue.
    pub(super) fn pull(&self, timeout: Option<Duration>) -> Option<gst::Sample> {
        self.is_pulled.store(true, Ordering::Relaxed);
        match self.queue.pop(timeout) {
            Popped::Item(ready) => Some(ready.into_sample()),
            Popped::End | Popped::TimedOut | Popped::Shut => None,
        }
    }

    /// Publishes what is in the outbox: all of it where it `waits` for room, else what there is room for.
    ///
    /// # Errors
    /// [`Stop::Flushing`]: what is left is in the outbox still.
    pub(super) fn publish(
        &self,
        outbox: &mut Outbox,
        waits: bool,
        sink: Option<&AdapterSink>,
    ) -> Result<(), Stop> {
        while !outbox.is_empty() && (waits || !self.would_wait()) {
            let Some(ready) = outbox.waiting.pop_front() else {
                break;
            };
            if !outbox.is_written && self.has_file.load(Ordering::Acquire) {
                self.write(&ready)?;
            }
            let posts = self.posts.load(Ordering::Relaxed);
            let message = posts.then(|| ready.message());
            outbox.is_written = false;
            match self.offer(ready) {
                Pushed::Queued => {}
                Pushed::Replaced(_) | Pushed::Refused(_) if self.is_for_nobody() => {}
                Pushed::Replaced(_) => {
                    self.dropped.fetch_add(1, Ordering::Relaxed);
                }
                Pushed::Refused(_) => {
                    self.dropped.fetch_add(1, Ordering::Relaxed);
                    continue;
                }
                Pushed::Flushing(ready) => {
                    outbox.waiting.push_front(ready);
                    outbox.is_written = true;
                    return Err(Stop::Flushing);
                }
            }
            self.rendered.fetch_add(1, Ordering::Relaxed);
            self.tell(message, sink);
        }
        Ok(())
    }

    /// Outputs are written or posted, and nobody pulls: the queue must not hold up the stream.
    fn is_for_nobody(&self) -> bool {
        self.goes_elsewhere.load(Ordering::Relaxed) && !self.is_pulled.load(Ordering::Relaxed)
    }

    /// Publishing now would have to wait for room.
    pub(super) fn would_wait(&self) -> bool {
        !self.is_for_nobody() && self.queue.would_wait()
    }

    /// Where the queue is full, tells once that the stream waits for somebody who has not come yet.
    fn tell_of_waiting(&self) {
        let is_known = self.is_pulled.load(Ordering::Relaxed)
            || self.has_told.load(Ordering::Relaxed)
            || !self.may_wait.load(Ordering::Relaxed);
        if is_known || !self.queue.would_wait() {
            return;
        }
        self.has_told.store(true, Ordering::Relaxed);
        if let Some(element) = self.element.upgrade() {
            gst::element_info!(
                element,
                gst::CoreError::Pad,
                [
                    "{} outputs wait and none was pulled yet: the stream waits. Pull them, set location or post-messages, \
                     or another overflow",
                    self.queue.len()
                ]
            );
        }
    }

    fn offer(&self, ready: Box<Ready>) -> Pushed<Box<Ready>> {
        if self.is_for_nobody() {
            self.queue.push_over(ready)
        } else {
            self.tell_of_waiting();
            self.queue.push(ready)
        }
    }

    fn write(&self, ready: &Ready) -> Result<(), Stop> {
        let mut file = lock(&self.file);
        let Some(file) = file.as_mut() else {
            return Ok(());
        };
        let bytes = ready
            .bytes()
            .map_err(|error| Stop::Write(error.to_string()))?;
        file.write_all(bytes)
            .map_err(|e| Stop::Write(e.to_string()))
    }

    /// Tells the application.
    fn tell(&self, message: Option<gst::Structure>, sink: Option<&AdapterSink>) {
        // A thread that decodes ahead must not keep the element for as long as it waits for room.
        let upgraded = match sink {
            Some(_) => None,
            None => self.element.upgrade(),
        };
        let Some(element) = sink.or(upgraded.as_ref()) else {
            return;
        };
        if let Some(structure) = message {
            let message = gst::message::Element::builder(structure)
                .src(element)
                .build();
            // Nobody listens when the element has no bus.
            let _ = element.post_message(message);
        }
        if self.has_callbacks.load(Ordering::Acquire) {
            self.call(element);
        }
        if signals::tells_of_outputs(element) {
            self.is_pulled.store(true, Ordering::Relaxed);
            element.emit_by_name::<()>("new-output", &[]);
        }
    }

    fn call(&self, element: &AdapterSink) {
        let mut callbacks = std::mem::take(&mut *lock(&self.callbacks));
        if let Some(new_output) = &mut callbacks.new_output {
            self.is_pulled.store(true, Ordering::Relaxed);
            new_output(element);
            let mut slot = lock(&self.callbacks);
            // Unless it has set others.
            if slot.new_output.is_none() {
                *slot = callbacks;
            }
        }
    }
}
