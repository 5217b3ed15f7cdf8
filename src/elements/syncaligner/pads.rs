//! Pads of the element: templates, requests, and which function is whose; and the action signals, which name pads.

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;

use super::imp::SyncAligner;
use super::shared::Shared;
use super::stream::Stream;
use super::{CAT, SyncAlignerPad};
use crate::sync::output::{MOST_CHANNELS, MOST_RATE};

/// No stream is further off than this, in nanoseconds: 30 years.
const MOST_OFFSET: u64 = 1_000_000_000 * 1_000_000_000;

/// What the pads take.
fn caps() -> gst::Caps {
    // The bounds of the core, which would take other numbers for those.
    let range = |most: usize| gst::IntRange::new(1, i32::try_from(most).unwrap_or(i32::MAX));
    let (rates, channels) = (range(MOST_RATE as usize), range(MOST_CHANNELS));
    gst::Caps::builder_full()
        .structure(
            gst::Structure::builder("audio/x-raw")
                .field("format", gst::List::new(["F32LE", "S16LE"]))
                .field("layout", "interleaved")
                .field("rate", rates)
                .field("channels", channels)
                .build(),
        )
        .structure(gst::Structure::new_empty("video/x-raw"))
        .structure(gst::Structure::new_empty("text/x-raw"))
        .structure(gst::Structure::new_empty("application/x-json"))
        .structure(
            gst::Structure::builder("application/x-sensor")
                .field("format", "F32LE")
                .field("channels", channels)
                .field("rate", rates)
                .build(),
        )
        .build()
}

pub(super) fn templates() -> Vec<gst::PadTemplate> {
    let caps = caps();
    let sink = gst::PadTemplate::with_gtype(
        "sink_%u",
        gst::PadDirection::Sink,
        gst::PadPresence::Request,
        &caps,
        SyncAlignerPad::static_type(),
    );
    let (direction, presence) = (gst::PadDirection::Src, gst::PadPresence::Sometimes);
    let src = gst::PadTemplate::new("src_%u", direction, presence, &caps);
    // The values are constant: what is refused here is refused in every test.
    [sink, src].into_iter().filter_map(Result::ok).collect()
}

/// Calls a function of the stream of a pad, with what all share.
fn with<R>(
    parent: Option<&gst::Object>,
    id: usize,
    fallback: impl Fn() -> R,
    call: impl FnOnce(&std::sync::Arc<Stream>, &Shared) -> R,
) -> R {
    if parent.is_none() {
        // The element is going.
        return fallback();
    }
    SyncAligner::catch_panic_pad_function(parent, &fallback, |imp| {
        match imp.shared().stream(id) {
            Some(stream) => call(&stream, imp.shared()),
            // Released.
            None => fallback(),
        }
    })
}

/// The pad on the other side of the same stream.
fn links(pad: &gst::Pad, parent: Option<&gst::Object>, id: usize) -> gst::Iterator<gst::Pad> {
    let other = with(
        parent,
        id,
        || None,
        |stream, _| {
            Some(match pad.direction() {
                gst::PadDirection::Sink => stream.src.clone(),
                _ => stream.sink.clone().upcast(),
            })
        },
    );
    gst::Iterator::from_vec(other.into_iter().collect())
}

fn sink_pad(template: &gst::PadTemplate, name: &str, id: usize) -> SyncAlignerPad {
    let flushing = || Err(gst::FlowError::Flushing);
    gst::PadBuilder::<SyncAlignerPad>::from_template(template)
        .name(name)
        .chain_function(move |_, parent, buffer| {
            with(parent, id, flushing, |stream, shared| {
                stream.chain(shared, buffer)
            })
        })
        .event_full_function(move |pad, parent, event| {
            with(parent, id, flushing, |stream, shared| {
                stream.sink_event(shared, pad.upcast_ref(), event)
            })
        })
        .query_function(move |pad, parent, query| {
            with(
                parent,
                id,
                || false,
                |stream, shared| stream.sink_query(shared, pad.upcast_ref(), query),
            )
        })
        .iterate_internal_links_function(move |pad, parent| links(pad.upcast_ref(), parent, id))
        .flags(gst::PadFlags::PROXY_CAPS | gst::PadFlags::PROXY_ALLOCATION)
        .build()
}

fn src_pad(
    template: &gst::PadTemplate,
    name: &str,
    id: usize,
    element: glib::WeakRef<super::SyncAligner>,
) -> gst::Pad {
    gst::Pad::builder_from_template(template)
        .name(name)
        .event_function(move |pad, parent, event| {
            with(
                parent,
                id,
                || false,
                |stream, shared| stream.src_event(shared, pad, event),
            )
        })
        .query_function(move |pad, parent, query| {
            with(
                parent,
                id,
                || false,
                |stream, shared| stream.src_query(shared, pad, query),
            )
        })
        // A new pad is activated before it has a parent.
        .activatemode_function(move |_, _, _, active| {
            let element = element.upgrade();
            with(
                element.as_ref().map(Cast::upcast_ref),
                id,
                || Ok(()),
                |stream, shared| stream.activate(shared, active),
            )
        })
        .iterate_internal_links_function(move |pad, parent| links(pad, parent, id))
        .flags(gst::PadFlags::PROXY_CAPS)
        .build()
}

/// The number that a new pair of pads gets: the wanted one, else the next.
fn number(element: &super::SyncAligner, wanted: Option<&str>) -> Option<u32> {
    // Some callers hand the template's own name over.
    match wanted.filter(|name| !name.contains('%')) {
        Some(name) => name.strip_prefix("sink_")?.parse().ok(),
        None => {
            let is_free = |n: &u32| element.static_pad(&format!("sink_{n}")).is_none();
            (0..).find(is_free)
        }
    }
}

/// A new pair of pads; the sink pad is returned.
pub(super) fn request(
    imp: &SyncAligner,
    template: &gst::PadTemplate,
    wanted: Option<&str>,
) -> Option<gst::Pad> {
    let element = imp.obj();
    let src_template = element.pad_template("src_%u")?;
    let shared = imp.shared();
    let number = number(&element, wanted)?;
    let (sink_name, src_name) = (format!("sink_{number}"), format!("src_{number}"));
    let is_there = |name: &String| element.static_pad(name).is_some();
    if [&sink_name, &src_name].into_iter().any(is_there) {
        gst::warning!(CAT, imp = imp, "there is a pad {sink_name} already");
        return None;
    }
    let id = shared.reserve();
    let sink = sink_pad(template, &sink_name, id);
    let src = src_pad(&src_template, &src_name, id, element.downgrade());
    let stream = Stream::new(id, sink.clone(), src.clone());
    shared.add(stream.clone());
    let active =
        element.current_state() > gst::State::Ready || element.pending_state() > gst::State::Ready;
    if active {
        // A pad that can't be activated refuses what comes.
        let _ = src.set_active(true);
        let _ = sink.set_active(true);
    }
    let has_src = element.add_pad(&src).is_ok();
    if !has_src || element.add_pad(&sink).is_err() {
        // Somebody was faster. The task of an active pad would stay for ever.
        stream.close();
        let _ = sink.set_active(false);
        let _ = src.set_active(false);
        if has_src {
            let _ = element.remove_pad(&src);
        }
        shared.remove(id);
        return None;
    }
    element.child_added(&sink, &sink_name);
    Some(sink.upcast())
}

/// Lets a pair of pads go.
pub(super) fn release(imp: &SyncAligner, pad: &gst::Pad) {
    let element = imp.obj();
    let Some(stream) = imp.shared().of_pad(pad) else {
        return;
    };
    stream.close();
    imp.shared().gate.remove(stream.id);
    for pad in [stream.sink.upcast_ref(), &stream.src] {
        // They are ours, and a pad that is gone already is what was wanted.
        let _ = pad.set_active(false);
        let _ = element.remove_pad(pad);
    }
    imp.shared().remove(stream.id);
    element.child_removed(&stream.sink, &stream.name());
}

pub(super) fn signals() -> Vec<glib::subclass::Signal> {
    let relock = glib::subclass::Signal::builder("relock")
        .action()
        .class_handler(|arguments| {
            let element = arguments.first()?.get::<super::SyncAligner>().ok()?;
            element.imp().shared().analysis.relock();
            None
        });
    let set_offset = glib::subclass::Signal::builder("set-offset")
        .action()
        .param_types([String::static_type(), i64::static_type()])
        .return_type::<bool>()
        .class_handler(|arguments| {
            let [element, pad, offset] = arguments else {
                return Some(false.to_value());
            };
            let element = element.get::<super::SyncAligner>().ok()?;
            let shared = element.imp().shared();
            let stream = shared.named(pad.get().unwrap_or_default());
            let offset: i64 = offset.get().unwrap_or_default();
            let sane = offset.unsigned_abs() <= MOST_OFFSET;
            let done = sane && stream.is_some_and(|s| shared.analysis.set_offset(s.id, offset));
            Some(done.to_value())
        });
    vec![relock.build(), set_offset.build()]
}
