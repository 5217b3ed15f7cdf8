//! What the muxers share: sink pads with bounded queues, one time order over all of them, live deadlines.
//!
//! An element implements [`Host`], builds its pads with [`sink_pad`] and [`src_pad`] and describes its format
//! in a [`Mux`], which sees one ordered run of calls from one thread at a time and never a lock of ours.
//!
//! Chain functions, not `GstAggregator`: every streaming thread puts what it has into the queue of its pad;
//! the one that finds output ready, and nobody writing, writes it. A thread sleeps only while its own queue is
//! full, and is woken when that has room for a batch. No thread writes for others while its own pad has
//! nothing: it passes the writing on to one that sleeps, else to a thread of the collector's own, which also
//! writes at deadlines. [`queue`] holds the bounds, [`interleave`] the order, [`flow`] the threads, [`worker`]
//! the extra one, [`events`] what comes beside buffers, [`live`] the deadlines.
//!
//! All times are nanoseconds of running time and may be negative.

mod events;
mod flow;
mod host;
mod interleave;
mod live;
mod output;
mod pads;
mod queue;
mod worker;

use std::sync::{Mutex, MutexGuard, PoisonError};

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;

pub use host::{PadNames, change_state, child_by_index, child_by_name, release, request};
use interleave::State;
pub use output::{Fault, Output, buffer_at};
pub use queue::Block;

/// Number of a pad in its collector: never used twice between READY and READY.
pub type Slot = usize;

/// Puts a value at a slot of a muxer's own list by slots.
pub fn put<T>(places: &mut Vec<Option<T>>, slot: Slot, value: T) {
    if places.len() <= slot {
        places.resize_with(slot + 1, || None);
    }
    if let Some(place) = places.get_mut(slot) {
        *place = Some(value);
    }
}

/// Which times blocks have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Timeline {
    /// Running time: when things are to be shown.
    #[default]
    Running,
    /// Stream time: where they are in the media, wherever upstream was sought to.
    Stream,
}

/// A container format. Calls come in file order, from one thread at a time.
pub trait Mux: Send + 'static {
    /// Which times blocks have.
    fn timeline(&self) -> Timeline {
        Timeline::Running
    }

    /// True when blocks of file input may wait until times are sure: for those of sparse streams as long as queues have
    /// room, so that what is written does not hang on which thread was first, and for the correction of a first
    /// segment. False: each is written as soon as it can be, with the running time that it came with.
    fn is_patient(&self) -> bool {
        false
    }

    /// A stream is new (before [`Mux::start`] or, a late pad, after it) or its caps changed. Nobody waits for
    /// a `sparse` one.
    ///
    /// # Errors
    /// When the stream can't be held.
    fn caps(
        &mut self,
        slot: Slot,
        pad: &gst::Pad,
        caps: &gst::Caps,
        sparse: bool,
    ) -> Result<(), Fault>;

    /// Tags of a stream, or of the whole file (global scope). They may come before the stream's caps.
    fn tags(&mut self, slot: Slot, tags: &gst::TagList);

    /// Every stream that had to be waited for is there.
    ///
    /// # Errors
    /// When the file can't be begun.
    fn start(&mut self, out: &mut Output) -> Result<(), Fault>;

    /// The next block in time order.
    ///
    /// # Errors
    /// When it can't be held, or downstream does not take it.
    fn block(&mut self, block: Block, out: &mut Output) -> Result<(), Fault>;

    /// A serialised event in its place between the pad's blocks: TOC and custom events.
    ///
    /// # Errors
    /// When what had to be written before it does not go out.
    fn event(&mut self, slot: Slot, event: gst::Event, out: &mut Output) -> Result<(), Fault>;

    /// Upstream flushed a stream: what it brought and is not written is not wanted.
    fn flushed(&mut self, _slot: Slot) {}

    /// A stream has ended while others go on.
    ///
    /// # Errors
    /// When what that completes can't be written.
    fn ended(&mut self, _slot: Slot, _out: &mut Output) -> Result<(), Fault> {
        Ok(())
    }

    /// Every stream has ended: the tail. EOS follows.
    ///
    /// # Errors
    /// When the file can't be ended.
    fn finish(&mut self, out: &mut Output) -> Result<(), Fault>;
}

/// An element that collects.
pub trait Host: ElementImpl {
    /// Its format.
    type Mux: Mux;

    /// Its collector.
    fn collector(&self) -> &Collector<Self::Mux>;

    /// Where it logs.
    fn category(&self) -> gst::DebugCategory;

    /// Names of its request pads.
    fn pad_names(&self) -> &PadNames;

    /// Its source pad.
    fn src_pad(&self) -> &gst::Pad;
}

struct Writing<M> {
    mux: M,
    out: Output,
}

/// Pads, their queues, and who writes.
pub struct Collector<M> {
    state: Mutex<State>,
    /// Locked by the thread that set `State::writing`, and at start and stop. Never locked while `state` is.
    writing: Mutex<Option<Writing<M>>>,
    /// Finds the collector of an element and writes what is ready.
    run: fn(&gst::Element),
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic in another thread has become an error message there; the state is plain data.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes what is ready.
fn run<T: Host>(element: &gst::Element)
where
    T::Type: IsA<gst::Element>,
{
    if let Some(object) = element.downcast_ref::<T::Type>() {
        object.imp().collector().write_ready(element);
    }
}

impl<M: Mux> Collector<M> {
    /// A collector with no pads, for an element of type `T`.
    pub fn new<T: Host<Mux = M>>() -> Self
    where
        T::Type: IsA<gst::Element>,
    {
        Self {
            state: Mutex::new(State::default()),
            writing: Mutex::new(None),
            run: run::<T>,
        }
    }

    /// READY to PAUSED: begins a file that goes out on `srcpad`.
    pub fn start(&self, mux: M, srcpad: gst::Pad) {
        let (timeline, patient) = (mux.timeline(), mux.is_patient());
        *lock(&self.writing) = Some(Writing {
            mux,
            out: Output::new(srcpad),
        });
        let mut state = lock(&self.state);
        state.reset(false);
        state.timeline = timeline;
        state.patient = patient;
    }

    /// PAUSED to READY, before the pads are deactivated: wakes every thread and lets none in.
    pub fn unblock(&self) {
        let mut state = lock(&self.state);
        state.stop();
        state.wake_all();
    }

    /// PAUSED to READY, after the pads were deactivated: forgets everything but the pads.
    pub fn stop(&self) {
        let worker = lock(&self.state).worker.take();
        if let Some(worker) = worker {
            worker.join();
        }
        *lock(&self.writing) = None;
        lock(&self.state).reset(true);
    }

    /// A number for a pad that is about to be made.
    pub fn reserve(&self) -> Slot {
        lock(&self.state).reserve()
    }

    /// Adds the pad that was made with a number from [`Collector::reserve`].
    pub fn add(&self, slot: Slot, pad: gst::Pad) {
        lock(&self.state).add(slot, pad);
    }

    /// Takes a pad out. What it holds is still written; nobody waits for it any more.
    pub fn remove(&self, element: &gst::Element, pad: &gst::Pad) {
        let mut state = lock(&self.state);
        state.release(pad);
        self.kick(element, &mut state);
    }
}

/// Nobody waits for a pad that has no peer. (The unlink function comes too early to look again, and under the
/// pad's lock, which the look needs: this is for the signal.)
fn unlinked<T: Host>(pad: &gst::Pad)
where
    T::Type: IsA<gst::Element>,
{
    let parent = pad.parent().and_downcast::<T::Type>();
    if let Some(object) = parent {
        let collector = object.imp().collector();
        let mut state = lock(&collector.state);
        collector.kick(object.upcast_ref(), &mut state);
    }
}

/// Builds a sink pad from a template's builder: the pad that [`Collector::add`] wants with this number.
pub fn sink_pad<T: Host, P: IsA<gst::Pad> + IsA<glib::Object> + glib::object::IsClass>(
    builder: gst::PadBuilder<P>,
    slot: Slot,
) -> gst::Pad
where
    T::Type: IsA<gst::Element>,
{
    let pad: gst::Pad = builder
        .chain_function(move |_, parent, buffer| {
            T::catch_panic_pad_function(
                parent,
                || Err(gst::FlowError::Error),
                |imp| {
                    let element = imp.obj();
                    imp.collector().chain(element.upcast_ref(), slot, buffer)
                },
            )
        })
        .event_full_function(move |pad, parent, event| {
            T::catch_panic_pad_function(
                parent,
                || Err(gst::FlowError::Error),
                |imp| {
                    let element = imp.obj();
                    let collector = imp.collector();
                    collector.sink_event(element.upcast_ref(), pad.upcast_ref(), slot, event)
                },
            )
        })
        .flags(gst::PadFlags::ACCEPT_INTERSECT)
        .build()
        .upcast();
    pad.connect_unlinked(|pad, _| unlinked::<T>(pad));
    pad
}

/// Builds the source pad.
pub fn src_pad<T: Host>(template: &gst::PadTemplate) -> gst::Pad
where
    T::Type: IsA<gst::Element>,
{
    gst::Pad::builder_from_template(template)
        .event_function(|pad, parent, event| {
            T::catch_panic_pad_function(
                parent,
                || false,
                |imp| {
                    imp.collector()
                        .src_event(imp.obj().upcast_ref(), pad, event)
                },
            )
        })
        .query_function(|pad, parent, query| {
            T::catch_panic_pad_function(
                parent,
                || false,
                |imp| {
                    imp.collector()
                        .src_query(imp.obj().upcast_ref(), pad, query)
                },
            )
        })
        .build()
}
