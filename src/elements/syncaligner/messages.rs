//! Element messages: `syncaligner-locked`, `-updated`, `-ambiguous`, `-lost`, `-recovered`, `-step`, `-overflow`.

use gst::prelude::*;

use super::shared::Shared;

/// Begins a message about a stream: the name of its sink pad is in `pad`.
pub(super) fn about(name: &str, pad: &str) -> gst::structure::Builder {
    gst::Structure::builder(format!("syncaligner-{name}")).field("pad", pad)
}

/// Posts it. No lock may be held: whoever sees it first may call back.
pub(super) fn post(shared: &Shared, message: gst::structure::Builder) {
    if let Some(element) = shared.element() {
        let message = gst::message::Element::builder(message.build()).src(&element);
        // Nobody listens when the element has no bus.
        let _ = element.post_message(message.build());
    }
}
