//! One step: what two streams left behind is compared, and what changed is told.

use std::time::Instant;

use super::super::pad::PadState;
use super::super::stream::lock;
use super::board::Next;
use super::entry::{Entry, Job};
use super::{Core, Id, Known, News};
use crate::sync::clock::pair::Change;
use crate::sync::{Measure, State};

/// What a step found.
struct Found {
    measure: Measure,
    residuals: Option<[f64; 3]>,
    changes: Vec<Change>,
}

/// Compares, with no lock held but that of the pair, which nobody else wants.
fn look(job: &Job) -> Option<Found> {
    let mut pair = lock(&job.pair);
    if job.stale {
        pair.stale();
    }
    let due = pair.due(job.at, job.at);
    let there = job.reference.lock().stamps.clone();
    let told = job.stream.lock().stamps.told(&there, job.at);
    if let Some(told) = told {
        pair.assume(told.map);
    } else if !due {
        return None;
    }
    let wanted = pair.wanted(job.at, job.at).filter(|_| due);
    let span = wanted.map(|wanted| wanted.reference);
    let reference = job.reference.lock().snapshot(span, job.at);
    let span = wanted.map(|wanted| wanted.stream);
    let stream = job.stream.lock().snapshot(span, job.at);
    let changes = pair.update(&reference, &stream);
    let residuals = pair.residuals().map(|r| [r.p50, r.p95, r.p99]);
    let mut measure = pair.measure();
    if let Some(told) = told.filter(|_| measure.uncertainty.is_infinite()) {
        // Nothing is seen or heard that would verify it.
        measure.uncertainty = told.uncertainty;
    }
    Some(Found {
        measure,
        residuals,
        changes,
    })
}

impl Entry {
    /// Takes over what a step found at a time of the stream; what the application is told of it.
    fn note(&mut self, found: &Found, at: f64) -> Vec<News> {
        let Measure {
            state,
            map,
            uncertainty,
            factors,
        } = found.measure;
        let told_ambiguous = found.changes.contains(&Change::Ambiguous);
        self.ambiguous = state == State::Unlocked && (self.ambiguous || told_ambiguous);
        if state == State::Locked {
            self.prove(at);
        }
        let before = self.known.state;
        self.known = Known {
            state: match state {
                State::Locked if self.is_stale() => PadState::Provisional,
                State::Locked => PadState::Locked,
                State::Provisional => PadState::Provisional,
                State::Unlocked if self.ambiguous => PadState::Ambiguous,
                State::Unlocked => PadState::Unlocked,
            },
            map,
            uncertainty,
            at,
            factors,
            residuals: found.residuals,
            ..self.known
        };
        if state == State::Unlocked {
            self.stand();
        }
        let mut news: Vec<News> = found.changes.iter().filter_map(News::of).collect();
        if news.is_empty() && self.known.state != before {
            news.push(News::Changed);
        }
        news
    }
}

impl News {
    fn of(change: &Change) -> Option<Self> {
        Some(match *change {
            Change::Provisional | Change::Unlocked => Self::Changed,
            Change::Locked => Self::Locked,
            Change::Updated => Self::Updated,
            Change::Ambiguous => Self::Ambiguous,
            Change::Step { from, to } => Self::Step { from, to },
        })
    }
}

impl Core {
    /// Does a step.
    pub fn perform(&self, job: &Job) {
        let began = Instant::now();
        let found = look(job);
        let spent = began.elapsed().as_secs_f64();
        let news = self.board.note(job, |entry| {
            entry.known.spent += spent;
            found.map(|found| entry.note(&found, job.at))
        });
        for news in news.flatten().unwrap_or_default() {
            self.tell(job.id, news);
        }
        self.board.done(job);
    }

    /// Does the steps that a stream made due, in its upstream thread.
    pub fn keep_up(&self, id: Id) {
        while let Next::Step(job) = self.board.next_of(id) {
            self.perform(&job);
        }
    }

    /// Does all steps that are due.
    pub fn settle(&self) {
        while let Next::Step(job) = self.board.next_of_all() {
            self.perform(&job);
        }
    }
}
