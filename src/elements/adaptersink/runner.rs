//! The thread that decodes: the streaming thread, or one that runs ahead of it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread::JoinHandle;

use super::AdapterSink;
use super::engine::{Engine, Fault, Order};
use super::publish::Publisher;
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
    pub(super) fn peek(&mut self, sink: &AdapterSink) -> Result<(), Fault> {
        match self {
            Self::Here(engine) => engine.publish(false, Some(sink)),
            Self::There(worker) => worker.check(),
        }
    }

    /// Waits until there is room for all that waits.
    pub(super) fn go_on(&mut self, sink: &AdapterSink) -> Result<(), Fault> {
        match self {
            Self::Here(engine) => engine.publish(true, Some(sink)),
            Self::There(worker) => worker.go_on(),
        }
    }

    /// Publishes everything, at the end of a stream.
    ///
    /// # Errors
    /// [`Fault::Flushing`] also where that would have to wait for room and is not to, while the element is paused.
    pub(super) fn finish(&mut self, waits: bool) -> Result<(), Fault> {
        match self {
            Self::Here(engine) => engine.finish(waits),
            Self::There(worker) => worker.finish(waits),
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

/// Where the thread answers.
type Answer = mpsc::Receiver<Result<(), Fault>>;

/// A thread that does orders.
pub(super) struct Worker {
    tasks: Arc<Queue<Task>>,
    /// Those that found no room.
    backlog: VecDeque<Order>,
    has_failed: Arc<AtomicBool>,
    /// Where the thread publishes.
    outputs: Arc<Publisher>,
    /// Says when everything is published, where that was asked before a pause.
    finishing: Option<Answer>,
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
        let outputs = engine.publisher.clone();
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
            outputs,
            finishing: None,
            thread: Some(thread),
        })
    }

    fn submit(&mut self, order: Order) -> Result<(), Fault> {
        self.check()?;
        self.backlog.push_back(order);
        // A block that the element prerolls with is decoded at once. While the element pauses it waits for what follows.
        let _ = self.hand_over();
        Ok(())
    }

    /// Hands over what there is room for.
    fn hand_over(&mut self) -> Result<(), Fault> {
        while !self.backlog.is_empty() && !self.tasks.would_wait() {
            self.push_one()?;
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

    /// Gives the thread a task that it answers.
    fn ask(&self, task: fn(mpsc::Sender<Result<(), Fault>>) -> Task) -> Result<Answer, Fault> {
        let (sender, receiver) = mpsc::channel();
        match self.tasks.push(task(sender)) {
            Pushed::Flushing(_) => Err(Fault::Flushing),
            _ => Ok(receiver),
        }
    }

    /// Waits until everything is published, unless the element is paused meanwhile: its lock is held here.
    fn finish(&mut self, waits: bool) -> Result<(), Fault> {
        let answer = match self.finishing.take() {
            Some(answer) => answer,
            None if waits => {
                self.go_on()?;
                self.ask(Task::Finish)?
            }
            None => {
                self.hand_over()?;
                if self.tasks.would_wait() {
                    return Err(Fault::Flushing);
                }
                self.ask(Task::Finish)?
            }
        };
        loop {
            let stands = || self.tasks.is_flushing() || !waits && self.outputs.would_wait();
            match answer.recv_timeout(LOOK_AGAIN) {
                Ok(done) => return done,
                Err(mpsc::RecvTimeoutError::Timeout) if stands() => {
                    self.finishing = Some(answer);
                    return Err(Fault::Flushing);
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                // The thread is gone only when the element stops.
                Err(mpsc::RecvTimeoutError::Disconnected) => return Err(Fault::Flushing),
            }
        }
    }

    fn reset(&mut self) {
        self.finishing = None;
        self.backlog.clear();
        self.tasks.clear();
        self.tasks.resume();
        if let Ok(answer) = self.ask(Task::Reset) {
            // Forgetting can't fail.
            let _ = answer.recv();
        }
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
                let done = engine.guarded(|engine| {
                    engine.run(order)?;
                    engine.publish(true, None)
                });
                has_failed.store(done == Err(Fault::Failed), Ordering::Release);
            }
            Task::Finish(answer) => {
                let done = match failed {
                    true => Err(Fault::Failed),
                    false => engine.guarded(|engine| engine.finish(true)),
                };
                // Whoever asked may be gone.
                let _ = answer.send(done);
            }
            Task::Reset(answer) => {
                let _ = answer.send(engine.guarded(|engine| engine.run(Order::Reset)));
            }
        }
    }
}
