//! What all streams of an element share.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;

use super::SyncAligner;
use super::analysis::{Analysis, Id, Known, News};
use super::gate::Gate;
use super::latency::Latency;
use super::messages;
use super::output::Order;
use super::pad::{AudioCorrection, PadState};
use super::reference::Reference;
use super::settings::{Mode, Settings};
use super::stream::{Stream, lock};

/// A clock that runs, and where running time began on it.
pub(super) struct Running {
    pub clock: gst::Clock,
    base: gst::ClockTime,
}

impl Running {
    /// Running time now, in nanoseconds.
    pub fn now(&self) -> i64 {
        let (time, base) = (self.clock.time().nseconds(), self.base.nseconds());
        i64::try_from(i128::from(time) - i128::from(base)).unwrap_or(i64::MAX)
    }

    /// The clock's time at a running time.
    pub fn at(&self, running_ns: i64) -> gst::ClockTime {
        let after = gst::ClockTime::from_nseconds(u64::try_from(running_ns).unwrap_or(0));
        self.base.saturating_add(after)
    }
}

#[derive(Default)]
pub(super) struct Shared {
    element: glib::WeakRef<SyncAligner>,
    settings: Mutex<Settings>,
    pub analysis: Analysis,
    pub gate: Gate,
    streams: Mutex<BTreeMap<Id, Arc<Stream>>>,
    next: AtomicUsize,
    pub reference: Reference,
    pub latency: Latency,
    /// PLAYING: time runs.
    playing: AtomicBool,
    /// Whose properties named a pad that is not there, and which.
    warned: Mutex<BTreeSet<(String, &'static str)>>,
}

impl Shared {
    /// Once, when the element is there.
    pub fn attach(&self, element: &SyncAligner) {
        self.element.set(Some(element));
        let weak = element.downgrade();
        self.analysis.listen(Box::new(move |id, news| {
            if let Some(element) = weak.upgrade() {
                element.imp().shared().changed(id, news);
            }
        }));
    }

    pub fn element(&self) -> Option<SyncAligner> {
        self.element.upgrade()
    }

    pub fn settings(&self) -> MutexGuard<'_, Settings> {
        lock(&self.settings)
    }

    pub fn measures_only(&self) -> bool {
        self.settings().mode == Mode::Measure
    }

    pub fn reserve(&self) -> Id {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    pub fn add(&self, stream: Arc<Stream>) {
        self.analysis.pad_added(stream.id);
        self.gate.add(stream.id);
        lock(&self.streams).insert(stream.id, stream);
    }

    pub fn remove(&self, id: Id) -> Option<Arc<Stream>> {
        let stream = lock(&self.streams).remove(&id);
        self.gate.remove(id);
        self.reference.released(self, id);
        self.analysis.pad_removed(id);
        self.latency.forget(id);
        stream
    }

    pub fn stream(&self, id: Id) -> Option<Arc<Stream>> {
        lock(&self.streams).get(&id).cloned()
    }

    pub fn streams(&self) -> Vec<Arc<Stream>> {
        lock(&self.streams).values().cloned().collect()
    }

    /// The stream of a sink pad.
    pub fn of_pad(&self, pad: &gst::Pad) -> Option<Arc<Stream>> {
        let streams = lock(&self.streams);
        streams
            .values()
            .find(|s| s.sink.upcast_ref::<gst::Pad>() == pad || s.src == *pad)
            .cloned()
    }

    /// The stream whose sink pad has this name.
    pub fn named(&self, name: &str) -> Option<Arc<Stream>> {
        let streams = lock(&self.streams);
        streams.values().find(|s| s.sink.name() == name).cloned()
    }

    /// The first media of a stream have come: warns, once, of pads that are named and not there.
    pub fn check_names(&self, stream: &Stream) {
        let Some(element) = self.element() else {
            return;
        };
        let reference = self.settings().reference_pad.clone();
        let follow = stream.words().follow.clone();
        let named = [
            (element.name().into(), "reference-pad", reference),
            (stream.name(), "follow", follow),
        ];
        for (whose, property, name) in named {
            let missing = name.filter(|name| self.named(name).is_none());
            let Some(name) = missing else { continue };
            if lock(&self.warned).insert((whose.clone(), property)) {
                gst::element_warning!(
                    element,
                    gst::LibraryError::Settings,
                    ["{whose}: {property} is {name}, and there is no pad of that name"]
                );
            }
        }
    }

    /// Whose measurement counts for a stream: its own, or that of the stream that it follows.
    fn source(&self, stream: &Stream) -> Id {
        let follow = stream.words().follow.clone();
        follow
            .and_then(|name| self.named(&name))
            .map_or(stream.id, |followed| followed.id)
    }

    /// What is known of a stream, its map to the common line and with its calibration.
    pub fn known(&self, stream: &Stream) -> Known {
        let source = self.source(stream);
        let mut known = self.analysis.known(source);
        known.map = self.reference.anchor().after(known.map);
        if stream.id != source || known.has_map() {
            known.map.offset += stream.words().calibration_ns as f64 * 1e-9;
        }
        known
    }

    /// What the task of a stream is to do.
    pub fn order(&self, stream: &Stream) -> Order {
        let known = self.known(stream);
        let is_reference = known.state == PadState::Reference;
        let follows = self.source(stream) != stream.id;
        let applies = known.has_map() || is_reference && follows;
        Order {
            target: applies.then_some(known.map),
            is_reference: is_reference && !follows,
            keeps_samples: stream.words().audio_correction == AudioCorrection::Timestamp,
        }
    }

    /// A map, state or figure of a stream has changed.
    fn changed(&self, id: Id, news: News) {
        if let Some(stream) = self.stream(id) {
            stream.wake();
        }
        self.gate.look(self);
        self.latency.adapt(self);
        if let Some(stream) = self.stream(id) {
            messages::measured(self, &stream, news);
        }
    }

    pub fn wake_all(&self) {
        self.streams().iter().for_each(|s| s.wake());
    }

    /// READY to PAUSED.
    pub fn start(&self) {
        let settings = self.settings().clone();
        self.analysis.start(settings.measurement());
        self.reference.reset();
        self.latency.reset();
        lock(&self.warned).clear();
        self.gate.start(&settings);
        self.streams().iter().for_each(|s| s.reset());
    }

    /// PAUSED to READY, before the pads are deactivated: no thread sleeps any more.
    pub fn unblock(&self) {
        self.gate.stop();
        self.streams().iter().for_each(|s| s.close());
    }

    /// PAUSED to READY, after the pads were deactivated.
    pub fn stop(&self) {
        self.analysis.stop();
    }

    /// Time runs, or stands.
    pub fn set_playing(&self, playing: bool) {
        self.playing.store(playing, Ordering::Release);
        self.streams().iter().for_each(|s| s.alarm());
    }

    /// The clock, while it runs.
    pub fn running(&self) -> Option<Running> {
        if !self.playing.load(Ordering::Acquire) {
            return None;
        }
        let element = self.element()?;
        let (clock, base) = (element.clock()?, element.base_time()?);
        Some(Running { clock, base })
    }

    /// True where deadlines are to be waited for, once time runs.
    pub fn has_clock(&self) -> bool {
        self.element().is_some_and(|e| e.clock().is_some())
    }
}
