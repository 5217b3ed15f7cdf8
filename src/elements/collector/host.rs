//! What every element that collects does alike: request pads, state changes, children.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;

use super::{Host, sink_pad};

/// By template, the next number of a pad that is requested without a name.
#[derive(Debug, Default)]
pub struct PadNames(Mutex<HashMap<String, u32>>);

impl PadNames {
    /// A name that no pad has: the wanted one, else the next of its template.
    fn pick(
        &self,
        element: &gst::Element,
        template: &gst::PadTemplate,
        wanted: Option<&str>,
    ) -> String {
        // Some callers hand the template's own name over.
        if let Some(name) = wanted.filter(|name| !name.contains('%')) {
            return name.to_string();
        }
        let mut next = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let template = template.name_template();
        let next = next.entry(template.to_string()).or_default();
        loop {
            let name = template.replace("%u", &next.to_string());
            *next += 1;
            if element.static_pad(&name).is_none() {
                return name;
            }
        }
    }
}

/// A request pad of type `P`; `None` where the name is taken. `prepare` adds to its builder.
pub fn request<T: Host, P: IsA<gst::Pad> + IsA<glib::Object> + glib::object::IsClass>(
    imp: &T,
    (template, name): (&gst::PadTemplate, Option<&str>),
    prepare: impl FnOnce(gst::PadBuilder<P>) -> gst::PadBuilder<P>,
) -> Option<gst::Pad>
where
    T::Type: IsA<gst::Element> + IsA<gst::ChildProxy>,
{
    let object = imp.obj();
    let element: &gst::Element = object.upcast_ref();
    let collector = imp.collector();
    let name = imp.pad_names().pick(element, template, name);
    let slot = collector.reserve();
    let builder = prepare(gst::PadBuilder::<P>::from_template(template).name(&name));
    let pad = sink_pad::<T, _>(builder, slot);
    collector.add(slot, pad.clone());
    if element.add_pad(&pad).is_err() {
        gst::warning!(
            imp.category(),
            obj = element,
            "there is a pad {name} already"
        );
        collector.remove(element, &pad);
        return None;
    }
    object.child_added(&pad, &name);
    Some(pad)
}

/// Lets a request pad go.
pub fn release<T: Host>(imp: &T, pad: &gst::Pad)
where
    T::Type: IsA<gst::Element> + IsA<gst::ChildProxy>,
{
    let object = imp.obj();
    let element: &gst::Element = object.upcast_ref();
    imp.collector().remove(element, pad);
    // It is ours, and a pad that is gone already is what was wanted.
    let _ = pad.set_active(false);
    let _ = element.remove_pad(pad);
    object.child_removed(pad, &pad.name());
}

/// A state change: begins and ends the file around the base class's own part.
///
/// # Errors
/// The base class's.
pub fn change_state<T: Host>(
    imp: &T,
    transition: gst::StateChange,
    begin: impl FnOnce() -> T::Mux,
) -> Result<gst::StateChangeSuccess, gst::StateChangeError>
where
    T::Type: IsA<gst::Element>,
{
    let object = imp.obj();
    let element: &gst::Element = object.upcast_ref();
    let collector = imp.collector();
    match transition {
        gst::StateChange::ReadyToPaused => collector.start(begin(), imp.src_pad().clone()),
        gst::StateChange::PlayingToPaused => collector.pause(),
        gst::StateChange::PausedToReady => collector.unblock(),
        _ => {}
    }
    let result = imp.parent_change_state(transition);
    match transition {
        gst::StateChange::PausedToPlaying => collector.play(element),
        gst::StateChange::PausedToReady => collector.stop(),
        gst::StateChange::ReadyToPaused if result.is_err() => collector.stop(),
        _ => {}
    }
    result
}

/// The sink pad of this number: a child of the element.
pub fn child_by_index(element: &impl IsA<gst::Element>, index: u32) -> Option<glib::Object> {
    let pads = element.sink_pads();
    pads.into_iter().nth(index as usize).map(Cast::upcast)
}

/// The sink pad of this name: a child of the element.
pub fn child_by_name(element: &impl IsA<gst::Element>, name: &str) -> Option<glib::Object> {
    let mut pads = element.sink_pads().into_iter();
    pads.find(|pad| pad.name() == name).map(Cast::upcast)
}
