//! Reads files at the same time, as many as there are processors, with one bar for all.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use gstharmony::sync::audio::Onsets;
use gstharmony::sync::sensor::Sensor;
use gstharmony::sync::{Event, Window};

use super::decode::{Taker, decode};
use super::pictures::{Flashes, Shutter};
use super::sensor::{self, Readings};
use super::sound::Sound;
use super::stretch;
use crate::failure::{Failure, Outcome};
use crate::progress::Progress;
use crate::remux::input::{Input, Interrupt};
use crate::remux::track::lock;

/// Sound below this is silence, of full scale: -80 dB.
const SILENT: f32 = 1e-4;

/// Of less sound, in seconds, no two pieces that lie apart can agree.
const SHORTEST: f64 = 6.0;

/// What of a file is compared.
pub struct Material {
    pub path: PathBuf,
    /// Its first stream of sound.
    pub sound: Option<Window>,
    /// It has pictures; their flashes are looked for only where another file has no sound.
    pictures: bool,
    /// Events that it has, kind by kind.
    pub events: Vec<Events>,
    /// Seconds from its beginning to its end, as far as it was read.
    pub end: f64,
}

/// Instants by which a file without comparable sound is compared.
#[derive(Clone, Debug)]
pub struct Events {
    /// What they are, in the plural.
    pub kind: &'static str,
    pub list: Vec<Event>,
}

impl Material {
    /// It has sound, and nothing is to be heard.
    pub fn is_silent(&self) -> bool {
        let quiet = |sound: &Window| sound.samples.iter().all(|sample| sample.abs() < SILENT);
        self.sound.as_ref().is_some_and(quiet)
    }
}

/// Who reads.
pub struct Reader {
    pub interrupt: Interrupt,
    pub shutter: Shutter,
}

impl Reader {
    /// Reads all files: of media their sound. Flashes and claps too where one of a pair with the reference has no sound.
    pub fn read(&self, paths: &[PathBuf], reference: usize) -> Outcome<Vec<Material>> {
        let inputs: Vec<(PathBuf, u64)> = paths
            .iter()
            .map(|path| (path.clone(), length(path)))
            .collect();
        let bar = Bar::new(
            inputs.iter().map(|(_, length)| *length).sum(),
            "reading",
            inputs.len(),
        );
        let mut all = parallel(&inputs, |n, (path, _)| {
            self.first(path, |done| bar.update(n, done))
        })?;
        drop(bar);
        let mute: Vec<bool> = all
            .iter()
            .map(|material| material.sound.is_none())
            .collect();
        let any = mute.contains(&true);
        let by_events = |n: &usize| any && (mute[reference] || mute[*n] || *n == reference);
        let wanted: Vec<usize> = (0..all.len()).filter(by_events).collect();
        let total = wanted
            .iter()
            .filter_map(|n| inputs.get(*n))
            .map(|(_, length)| *length)
            .sum();
        let bar = Bar::new(total, "looking for events", wanted.len());
        let events = parallel(&wanted, |n, at| {
            self.events(&all[*at], |done| bar.update(n, done))
        })?;
        for (at, (events, end)) in wanted.into_iter().zip(events) {
            (all[at].events, all[at].end) = (events, end);
        }
        Ok(all)
    }

    fn first(&self, path: &Path, progress: impl FnMut(u64)) -> Outcome<Material> {
        let mut material = Material {
            path: path.to_owned(),
            sound: None,
            pictures: false,
            events: Vec::new(),
            end: 0.0,
        };
        if sensor::is_sensor(path) {
            let readings = sensor::read(path)?;
            material.end = readings.times.last().copied().unwrap_or(0.0);
            material.events = vec![steps(&readings)];
            return Ok(material);
        }
        let decoded = self.decode(path, Sound::default(), progress)?;
        material.pictures = decoded.pictures;
        if let Some(sound) = decoded.taker {
            material.end = sound.end;
            let window = stretch::join(sound.stretches);
            let window = window.map_err(|failure| failure.of(path))?;
            material.sound = Some(window.unwrap_or_default());
        }
        let length = material.sound.as_ref().map(Window::duration);
        if let Some(length) = length.filter(|length| *length < SHORTEST) {
            let what =
                format!("too short: found {length:.1} s of sound, expected at least {SHORTEST} s");
            return Err(Failure::data(path, what));
        }
        if material.sound.is_none() && !material.pictures {
            return Err(Failure::data(
                path,
                "found neither sound nor pictures, expected one of them",
            ));
        }
        if decoded.count > 1 {
            eprintln!(
                "gst-harmony: {}: the first of {} streams of sound is compared",
                path.display(),
                decoded.count
            );
        }
        Ok(material)
    }

    /// Flashes of its pictures and claps of its sound, or what is known already, and where they end.
    fn events(
        &self,
        material: &Material,
        progress: impl FnMut(u64),
    ) -> Outcome<(Vec<Events>, f64)> {
        let (mut events, mut end) = (material.events.clone(), material.end);
        if material.pictures {
            if !material.path.is_file() {
                let what =
                    "found a pipe, expected a file: its pictures are read when its sound is known";
                return Err(Failure::Usage(format!(
                    "{}: {what}",
                    material.path.display()
                )));
            }
            let decoded = self.decode(&material.path, Flashes::new(self.shutter), progress)?;
            let flashes = decoded.taker.unwrap_or_default();
            end = end.max(flashes.end);
            events.push(Events {
                kind: "flashes",
                list: flashes.finish(),
            });
        }
        if let Some(sound) = &material.sound {
            let mut onsets = Onsets::new();
            let mut list = onsets.push(sound.start, &sound.samples);
            list.extend(onsets.finish());
            events.push(Events {
                kind: "claps",
                list,
            });
        }
        Ok((events, end))
    }

    fn decode<T: Taker>(
        &self,
        path: &Path,
        taker: T,
        progress: impl FnMut(u64),
    ) -> Outcome<super::decode::Decoded<T>> {
        decode(Input::open(path)?, self.interrupt.clone(), taker, progress)
    }
}

fn steps(readings: &Readings) -> Events {
    let mut sensor = Sensor::new(readings.rate(), readings.channels);
    let rows = readings.values.chunks_exact(readings.channels.max(1));
    let found = readings
        .times
        .iter()
        .zip(rows)
        .flat_map(|(time, row)| sensor.push(*time, row));
    Events {
        kind: "steps",
        list: found.collect(),
    }
}

/// Bytes of a file; an error is told when it is opened.
fn length(path: &Path) -> u64 {
    path.metadata().map_or(0, |metadata| metadata.len())
}

/// A bar that several threads move.
struct Bar(Mutex<(Progress, Vec<u64>)>);

impl Bar {
    fn new(total: u64, verb: &'static str, parts: usize) -> Self {
        Self(Mutex::new((Progress::new(total, verb), vec![0; parts])))
    }

    /// So much is done of one part.
    fn update(&self, part: usize, done: u64) {
        let mut bar = lock(&self.0);
        let (progress, parts) = &mut *bar;
        if let Some(part) = parts.get_mut(part) {
            *part = done;
        }
        progress.update(parts.iter().sum());
    }
}

/// Does a job for each item, as many at once as there are processors. Results in the order of the items; the first failure
/// in that order, after which no further item is begun.
pub fn parallel<T: Sync, R: Send>(
    items: &[T],
    job: impl Fn(usize, &T) -> Outcome<R> + Sync,
) -> Outcome<Vec<R>> {
    let next = AtomicUsize::new(0);
    let results: Vec<Mutex<Option<Outcome<R>>>> = items.iter().map(|_| Mutex::new(None)).collect();
    let work = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let (Some(item), Some(result)) = (items.get(at), results.get(at)) else {
                return;
            };
            let done = job(at, item);
            if done.is_err() {
                next.store(items.len(), Ordering::Relaxed);
            }
            *lock(result) = Some(done);
        }
    };
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 1..processors.min(items.len()) {
            scope.spawn(work);
        }
        work();
    });
    let done = results.into_iter().filter_map(|result| {
        result
            .into_inner()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    });
    done.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_keep_their_order_and_the_first_failure_is_told() {
        let items: Vec<usize> = (0..50).collect();
        let squares = parallel(&items, |at, item| Ok(at * item)).unwrap();
        assert_eq!(squares[7], 49);
        let failed = parallel(&items, |_, item| match item {
            3 => Err(Failure::Data("three".to_owned())),
            _ => Ok(()),
        });
        assert!(matches!(failed, Err(Failure::Data(what)) if what == "three"));
        assert!(parallel(&[(); 0], |_, ()| Ok(())).unwrap().is_empty());
    }
}
