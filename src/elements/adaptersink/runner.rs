//! The thread that decodes: the streaming thread, or one that runs ahead of it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread::JoinHandle;

use super::engine::{Engine, Fault, Order};
use crate::adapter::queue::{Popped, Pushed};
use crate::adapter::{Overflow, Queue};

/// How often the end of a stream looks whether the element pauses.
const LOOK_AGAIN: std::time::Duration = std::time::Duration::from_millis(10);

/// Does orders.
pub(super) enum Runner {
    /// At once.
    Here(Box<Engine>),
    /// On a thread of its own.
    There(Worker),
}

impl Runner {
    /// Does an order, or queues it. It never waits for room: what has no room waits for [`Runner::go_on`].
    pub(super) fn submit(&mut self, order: Order) -> Result<(), Fault> {
        match self {
            Self::Here(engine) => engine.run(order),
            Self::There(worker) => worker.submit(order),
        }
    }

    /// Publishes what can be published without waiting.
    pub(super) fn peek(&mut self) -> Result<(), Fault> {
        match self {
            Self::Here(engine) => engine.publish_without_waiting(),
            Self::There(worker) => worker.check(),
        }
    }

    /// Waits until there is room for all that waits.
    pub(super) fn go_on(&mut self) -> Result<(), Fault> {
        match self {
            Self::Here(engine) => engine.publish(),
            Self::There(worker) => worker.go_on(),
        }
    }

    /// Waits until everything is published.
    pub(super) fn finish(&mut self) -> Result<(), Fault> {
        match self {
            Self::Here(engine) => {
                engine.publish()?;
                engine.sync_file()
            }
            Self::There(worker) => {
                worker.go_on()?;
                worker.finish()
            }
        }
    }

    /// Forgets everything that waits. The queue of outputs is flushing.
    pub(super) fn reset(&mut self) {
        match self {
            Self::Here(engine) => {
                // It can't fail.
                let _ = engine.run(Order::Reset);
            }
            Self::There(worker) => worker.reset(),
        }
    }
}

/// What the thread is given.
pub(super) enum Task {
    Order(Order),
    /// Answer when all before this is published.
    Finish(mpsc::Sender<Result<(), Fault>>),
    /// Forget all, and answer.
    Reset(mpsc::Sender<Result<(), Fault>>),
}

/// A thread that does orders.
pub(super) struct Worker {
    tasks: Arc<Queue<Task>>,
    /// Those that found no room.
    backlog: VecDeque<Order>,
    has_failed: Arc<AtomicBool>,
    /// Answers when everything is published.
    finishing: Option<mpsc::Receiver<Result<(), Fault>>>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// `ahead`: how many blocks wait at most. Whoever has `tasks` may flush it, which ends waits for room.
    pub(super) fn new(
        engine: Engine,
        ahead: u32,
        tasks: Arc<Queue<Task>>,
    ) -> std::io::Result<Self> {
        // A block is decoded by one order and published by another.
        tasks.limit(2 * ahead.max(1) as usize, Overflow::Block);
        tasks.open();
        let has_failed = Arc::new(AtomicBool::new(false));
        let thread = std::thread::Builder::new()
            .name("adaptersink".to_owned())
            .spawn({
                let (tasks, has_failed) = (tasks.clone(), has_failed.clone());
                move || work(engine, &tasks, &has_failed)
            })?;
        Ok(Self {
            tasks,
            backlog: VecDeque::new(),
            has_failed,
            finishing: None,
            thread: Some(thread),
        })
    }

    fn submit(&mut self, order: Order) -> Result<(), Fault> {
        self.check()?;
        self.backlog.push_back(order);
        // A block that the element prerolls with is decoded at once.
        while !self.backlog.is_empty() && !self.tasks.would_wait() {
            // While the element pauses it waits for what follows.
            if self.push_one().is_err() {
                break;
            }
        }
        Ok(())
    }

    /// Hands over the first order of the backlog.
    fn push_one(&mut self) -> Result<(), Fault> {
        let Some(order) = self.backlog.pop_front() else {
            return Ok(());
        };
        if let Pushed::Flushing(Task::Order(order)) = self.tasks.push(Task::Order(order)) {
            self.backlog.push_front(order);
            return Err(Fault::Flushing);
        }
        Ok(())
    }

    fn check(&self) -> Result<(), Fault> {
        if self.has_failed.load(Ordering::Acquire) {
            return Err(Fault::Failed);
        }
        Ok(())
    }

    fn go_on(&mut self) -> Result<(), Fault> {
        while !self.backlog.is_empty() {
            self.check()?;
            self.push_one()?;
        }
        self.check()
    }

    fn wait(&self, task: fn(mpsc::Sender<Result<(), Fault>>) -> Task) -> Result<(), Fault> {
        let (sender, receiver) = mpsc::channel();
        if let Pushed::Flushing(_) = self.tasks.push(task(sender)) {
            return Err(Fault::Flushing);
        }
        // The thread is gone only when the element stops.
        receiver.recv().unwrap_or(Err(Fault::Flushing))
    }

    /// Waits until everything is published, unless the element is paused meanwhile: its lock is held here.
    fn finish(&mut self) -> Result<(), Fault> {
        if self.finishing.is_none() {
            let (sender, receiver) = mpsc::channel();
            if let Pushed::Flushing(_) = self.tasks.push(Task::Finish(sender)) {
                return Err(Fault::Flushing);
            }
            self.finishing = Some(receiver);
        }
        loop {
            let Some(answer) = &self.finishing else {
                return Ok(());
            };
            match answer.recv_timeout(LOOK_AGAIN) {
                Err(mpsc::RecvTimeoutError::Timeout) if self.tasks.is_flushing() => {
                    return Err(Fault::Flushing);
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => return Err(Fault::Flushing),
                Ok(done) => {
                    self.finishing = None;
                    return done;
                }
            }
        }
    }

    fn reset(&mut self) {
        self.finishing = None;
        self.backlog.clear();
        self.tasks.clear();
        self.tasks.resume();
        // It answers; nothing can be wrong with that.
        let _ = self.wait(Task::Reset);
        self.has_failed.store(false, Ordering::Release);
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.tasks.shut();
        if let Some(thread) = self.thread.take() {
            // A panic in an adapter of the application ended the thread and was told there.
            let _ = thread.join();
        }
    }
}

/// Does what it is given until the queue is shut.
fn work(mut engine: Engine, tasks: &Queue<Task>, has_failed: &AtomicBool) {
    while let Popped::Item(task) = tasks.pop(None) {
        let failed = has_failed.load(Ordering::Acquire);
        match task {
            Task::Order(_) if failed => {}
            Task::Order(order) => {
                let done = engine.run(order).and_then(|()| engine.publish());
                has_failed.store(done == Err(Fault::Failed), Ordering::Release);
            }
            Task::Finish(answer) => {
                let done = match failed {
                    true => Err(Fault::Failed),
                    false => engine.publish().and_then(|()| engine.sync_file()),
                };
                // Whoever asked may be gone.
                let _ = answer.send(done);
            }
            Task::Reset(answer) => {
                let _ = answer.send(engine.run(Order::Reset));
            }
        }
    }
}
