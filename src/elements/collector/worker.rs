//! The collector's own thread, which writes when no streaming thread can.

use std::sync::mpsc::{Sender, channel};
use std::thread::{Builder, JoinHandle};

use gst::prelude::*;

use super::interleave::State;
use super::{Collector, Mux};

/// A thread that writes what is ready each time it is told to.
#[derive(Debug)]
pub(super) struct Worker {
    orders: Sender<()>,
    thread: JoinHandle<()>,
}

impl Worker {
    /// `None` when the system gives no thread.
    fn new(element: &gst::Element, run: fn(&gst::Element)) -> Option<Self> {
        let (orders, receiver) = channel();
        let name = format!("{}:write", element.name());
        let element = element.downgrade();
        let thread = Builder::new().name(name).spawn(move || {
            while receiver.recv().is_ok() {
                // One look is enough for all orders so far.
                while receiver.try_recv().is_ok() {}
                match element.upgrade() {
                    Some(element) => run(&element),
                    None => break,
                }
            }
        });
        let thread = thread.ok()?;
        Some(Self { orders, thread })
    }

    /// Somebody who may give orders from anywhere, without waiting.
    pub fn orders(&self) -> Sender<()> {
        self.orders.clone()
    }

    /// Ends the thread when it has done what it does.
    pub fn join(self) {
        drop(self.orders);
        if self.thread.thread().id() != std::thread::current().id() {
            // A panic in there has become an error message.
            let _ = self.thread.join();
        }
    }
}

impl<M: Mux> Collector<M> {
    /// Has what is ready written by another thread.
    pub(super) fn kick(&self, element: &gst::Element, state: &mut State) {
        if let Some(orders) = self.orders(element, state) {
            // Fails only when the thread ends, and so does the file.
            let _ = orders.send(());
        }
    }

    /// Where to order a write; `None` while there is no file.
    pub(super) fn orders(&self, element: &gst::Element, state: &mut State) -> Option<Sender<()>> {
        if !state.is_running() {
            return None;
        }
        if state.worker.is_none() {
            state.worker = Worker::new(element, self.run);
        }
        state.worker.as_ref().map(Worker::orders)
    }
}
