//! The thread that measures live streams.

use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use super::super::CAT;
use super::super::stream::lock;
use super::Core;
use super::board::Next;

#[derive(Default)]
pub struct Worker(Mutex<Option<JoinHandle<()>>>);

impl Worker {
    /// Begins, if it does not run.
    pub fn run(&self, core: &Arc<Core>) {
        let mut thread = lock(&self.0);
        if thread.as_ref().is_some_and(|thread| !thread.is_finished()) {
            return;
        }
        let core = core.clone();
        let work = move || {
            while let Next::Step(job) = core.board.next_live() {
                core.perform(&job);
            }
        };
        match thread::Builder::new()
            .name("syncaligner".into())
            .spawn(work)
        {
            Ok(handle) => *thread = Some(handle),
            Err(error) => gst::error!(CAT, "live streams are not measured: no thread: {error}"),
        }
    }

    /// Returns when the thread has ended; measuring was stopped.
    pub fn join(&self) {
        let handle = lock(&self.0).take();
        if let Some(handle) = handle
            && handle.thread().id() != thread::current().id()
        {
            // A panic there was told where it happened.
            let _ = handle.join();
        }
    }
}
