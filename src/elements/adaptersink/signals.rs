//! Signals of `adaptersink`, and the adapter that lives in their handlers.

use std::sync::LazyLock;
use std::time::Duration;

use gst::glib;
use gst::glib::subclass::Signal;
use gst::prelude::*;
use gst::subclass::prelude::*;

use super::AdapterSink;
use super::payload::{self, SamplePayload};
use crate::adapter::{Adapter, AnyAdapter, BMode, Block, Data, Error, Output};

/// All signals of the element.
pub(super) fn all() -> Vec<Signal> {
    let sample = gst::Sample::static_type;
    let state = gst::Object::static_type;
    vec![
        // An output is there, or was written or posted.
        Signal::builder("new-output").build(),
        // A state from a key block. `adapter=signals` needs this one.
        Signal::builder("decode-i")
            .param_types([sample()])
            .return_type::<Option<gst::Object>>()
            .build(),
        // The state after a block that builds on it.
        Signal::builder("apply-p")
            .param_types([state(), sample()])
            .return_type::<Option<gst::Object>>()
            .build(),
        // The state of a block between two others.
        Signal::builder("apply-b")
            .param_types([state(), state(), sample()])
            .return_type::<Option<gst::Object>>()
            .build(),
        // A copy of a state.
        Signal::builder("fork")
            .param_types([state()])
            .return_type::<Option<gst::Object>>()
            .build(),
        // The result of a state.
        Signal::builder("finalize")
            .param_types([state()])
            .return_type::<Option<gst::Sample>>()
            .build(),
        // Takes an output, or waits for one; none at EOS and when the element stops.
        Signal::builder("pull-output")
            .return_type::<Option<gst::Sample>>()
            .action()
            .class_handler(|values| {
                let sink = values.first()?.get::<AdapterSink>().ok()?;
                Some(sink.imp().publisher.pull(None).to_value())
            })
            .build(),
        // The same, waiting no longer than so many nanoseconds.
        Signal::builder("try-pull-output")
            .param_types([u64::static_type()])
            .return_type::<Option<gst::Sample>>()
            .action()
            .class_handler(|values| {
                let sink = values.first()?.get::<AdapterSink>().ok()?;
                let timeout = values.get(1)?.get::<u64>().ok()?;
                let sample = sink
                    .imp()
                    .publisher
                    .pull(Some(Duration::from_nanos(timeout)));
                Some(sample.to_value())
            })
            .build(),
    ]
}

/// The signals' identities, looked up once.
struct Ids {
    new_output: glib::subclass::SignalId,
    decode_i: glib::subclass::SignalId,
    apply_p: glib::subclass::SignalId,
    apply_b: glib::subclass::SignalId,
    fork: glib::subclass::SignalId,
    finalize: glib::subclass::SignalId,
}

static IDS: LazyLock<Option<Ids>> = LazyLock::new(|| {
    let id = |name| glib::subclass::SignalId::lookup(name, AdapterSink::static_type());
    Some(Ids {
        new_output: id("new-output")?,
        decode_i: id("decode-i")?,
        apply_p: id("apply-p")?,
        apply_b: id("apply-b")?,
        fork: id("fork")?,
        finalize: id("finalize")?,
    })
});

/// Somebody listens to `new-output`.
pub(super) fn tells_of_outputs(sink: &AdapterSink) -> bool {
    IDS.as_ref()
        .is_some_and(|ids| listened(sink, ids.new_output))
}

/// The adapter of `adapter=signals`.
///
/// # Errors
/// When nobody listens to the signals that it needs.
pub(super) fn adapter(sink: &AdapterSink) -> Result<Box<dyn AnyAdapter>, Error> {
    let ids = IDS
        .as_ref()
        .ok_or_else(|| Error::Adapter("signals: not registered".to_owned()))?;
    for (name, id) in [("decode-i", ids.decode_i), ("finalize", ids.finalize)] {
        if !listened(sink, id) {
            return Err(Error::Adapter(format!(
                "adapter=signals: found no handler of {name}, expected one before the element starts"
            )));
        }
    }
    let both = listened(sink, ids.apply_b) && listened(sink, ids.fork);
    Ok(Box::new(Handlers {
        sink: sink.downgrade(),
        ids,
        b_mode: match both {
            true => BMode::Bidirectional,
            false => BMode::AsP,
        },
    }))
}

/// A handler is connected.
pub(super) fn listened(sink: &AdapterSink, id: glib::subclass::SignalId) -> bool {
    glib::signal::signal_has_handler_pending(sink, id, None, true)
}

/// An adapter whose methods are handlers of signals.
struct Handlers {
    sink: glib::WeakRef<AdapterSink>,
    ids: &'static Ids,
    b_mode: BMode,
}

impl Handlers {
    /// What the handlers of a signal return.
    fn ask<T>(
        &self,
        name: &str,
        id: glib::subclass::SignalId,
        values: &[&dyn ToValue],
        what: &str,
    ) -> Result<T, Error>
    where
        T: for<'v> glib::value::FromValue<'v>,
        Option<T>: for<'v> glib::value::FromValue<'v>,
    {
        let gone = || Error::Adapter("signals: the element is gone".to_owned());
        let sink = self.sink.upgrade().ok_or_else(gone)?;
        let values: Vec<glib::Value> = values.iter().map(|value| value.to_value()).collect();
        let answer = sink.emit_with_values(id, &values);
        let answer = answer.and_then(|value| value.get::<Option<T>>().ok().flatten());
        answer.ok_or_else(|| {
            Error::Adapter(format!(
                "signals: found nothing that the handler of {name} returned, expected {what}"
            ))
        })
    }
}

const STATE: &str = "a GstObject";

/// The sample of a block.
fn sample(block: &Block) -> Result<gst::Sample, Error> {
    payload::of_buffer(&block.payload)
        .map(payload::BufferPayload::sample)
        .ok_or_else(|| block.error("found no buffer, expected one"))
}

impl Adapter for Handlers {
    type State = gst::Object;

    fn b_mode(&self) -> BMode {
        self.b_mode
    }

    fn decode_i(&mut self, block: &Block) -> Result<gst::Object, Error> {
        self.ask("decode-i", self.ids.decode_i, &[&sample(block)?], STATE)
    }

    fn apply_p(&mut self, state: &mut gst::Object, block: &Block) -> Result<(), Error> {
        *state = self.ask(
            "apply-p",
            self.ids.apply_p,
            &[state, &sample(block)?],
            STATE,
        )?;
        Ok(())
    }

    fn apply_b(
        &mut self,
        previous: &gst::Object,
        next: &gst::Object,
        block: &Block,
    ) -> Result<gst::Object, Error> {
        let values: &[&dyn ToValue] = &[previous, next, &sample(block)?];
        self.ask("apply-b", self.ids.apply_b, values, STATE)
    }

    fn fork(&mut self, state: &gst::Object) -> Result<gst::Object, Error> {
        self.ask("fork", self.ids.fork, &[state], STATE)
    }

    fn finalize(&mut self, state: &mut gst::Object) -> Result<Output, Error> {
        let what = "a GstSample with a buffer";
        let sample: gst::Sample = self.ask("finalize", self.ids.finalize, &[state], what)?;
        let payload = SamplePayload::new(&sample).ok_or_else(|| {
            Error::Adapter(format!(
                "signals: found a sample without a buffer that the handler of finalize returned, expected {what}"
            ))
        })?;
        Ok(Output {
            data: Data::Passed(std::sync::Arc::new(payload)),
            caps: None,
        })
    }
}
