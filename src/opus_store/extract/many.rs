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

#[cfg(test)]
mod tests {
    use super::super::Certainty;
    use super::*;

    const RANGES: [Range<u64>; 12] = [const { 0..1 }; 12];

    fn pcm(number: usize) -> Pcm<i16> {
        Pcm {
            samples: vec![number as i16],
            channels: 1,
            certainty: Certainty::Certified { preroll_samples: 0 },
        }
    }

    #[test]
    fn no_more_is_given_out_than_may_wait() {
        let (give, work) = channel();
        let (done, results) = channel();
        // The threads are as quick as they can be, and late with each third.
        for number in [1, 2, 0, 4, 5, 3, 7, 8, 6, 10, 11, 9] {
            done.send((number, Ok(Ok(pcm(number))))).unwrap();
        }
        let (mut given, mut handed) = (0, Vec::new());
        in_order(&RANGES, 4, &give, &results, |number, pcm| {
            given += work.try_iter().count();
            assert_eq!(given, (number + 4).min(RANGES.len()));
            handed.extend(pcm?.samples);
            Ok::<_, StoreError>(())
        })
        .unwrap();
        assert_eq!(handed, (0..12).collect::<Vec<i16>>());
    }

    #[test]
    #[should_panic(expected = "the thread's own")]
    fn a_panic_of_a_thread_is_passed_on() {
        let (give, _work) = channel();
        let (done, results) = channel::<Done<i16>>();
        done.send((1, Ok(Ok(pcm(1))))).unwrap();
        done.send((0, Err(Box::new("the thread's own")))).unwrap();
        let _ = in_order(&RANGES, 4, &give, &results, |_, pcm| pcm.map(drop));
    }
}
