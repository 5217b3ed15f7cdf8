//! Many ranges on several threads.

use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::super::{OpusStore, StoreError};
use super::worker::Worker;
use super::{Extraction, Pcm, Sample};

/// Ranges for each thread that are handed out and not yet handed back: some take much longer than others.
const AHEAD: usize = 4;

/// What a thread makes of a range: its number, and the samples, an error, or what it panicked with.
type Done<T> = (usize, thread::Result<Result<Pcm<T>, StoreError>>);

pub(super) fn extract<T: Sample, E: From<StoreError>>(
    store: &OpusStore,
    ranges: &[Range<u64>],
    how: &Extraction,
    jobs: usize,
    mut each: impl FnMut(usize, Pcm<T>) -> Result<(), E>,
) -> Result<(), E> {
    let jobs = jobs.clamp(1, ranges.len().max(1));
    let mut workers = (0..jobs)
        .map(|_| Worker::new(store, how))
        .collect::<Result<Vec<_>, _>>()?;
    if let [worker] = workers.as_mut_slice() {
        for (number, range) in ranges.iter().enumerate() {
            each(number, worker.extract(range)?)?;
        }
        return Ok(());
    }
    let (give, work) = channel();
    let work = Mutex::new(work);
    thread::scope(|scope| {
        let (done, results) = channel();
        for worker in workers {
            let (work, done) = (&work, done.clone());
            scope.spawn(move || serve(worker, work, &done));
        }
        drop(done);
        // Moved in, so that the threads end when this ends, however it does.
        let give = give;
        in_order(ranges, jobs * AHEAD, &give, &results, |number, pcm| {
            each(number, pcm?)
        })
    })
}

/// A thread: takes ranges until there are no more, or nobody wants the samples.
fn serve<T: Sample>(
    mut worker: Worker<'_, T>,
    work: &Mutex<Receiver<(usize, &Range<u64>)>>,
    done: &Sender<Done<T>>,
) {
    loop {
        let next = work.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((number, range)) = next else { return };
        let made = catch_unwind(AssertUnwindSafe(|| worker.extract(range)));
        if done.send((number, made)).is_err() {
            return;
        }
    }
}

/// Gives ranges out, never more than `ahead` before what comes back in order, and hands on what comes back.
fn in_order<'r, T, E>(
    ranges: &'r [Range<u64>],
    ahead: usize,
    give: &Sender<(usize, &'r Range<u64>)>,
    results: &Receiver<Done<T>>,
    mut each: impl FnMut(usize, Result<Pcm<T>, StoreError>) -> Result<(), E>,
) -> Result<(), E> {
    let mut waiting = ranges.iter().enumerate();
    // The threads take ranges until they are told to end, which is later.
    let mut give_next = || waiting.next().map(|next| give.send(next));
    for _ in 0..ahead {
        give_next();
    }
    let mut early = BTreeMap::new();
    for number in 0..ranges.len() {
        let made = loop {
            if let Some(made) = early.remove(&number) {
                break made;
            }
            let result = results.recv();
            let (number, made) = result.expect("the threads live until they are told to end");
            early.insert(number, made);
        };
        each(number, made.unwrap_or_else(|panic| resume_unwind(panic)))?;
        give_next();
    }
    Ok(())
}
