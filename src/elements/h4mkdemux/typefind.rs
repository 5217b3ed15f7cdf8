//! Tells H4MK files from others.

use gst::glib;

use crate::meta::H4MK_CAPS;

/// Registers the typefinder. The big-endian dialect is found too, so that the demuxer can name it.
pub(super) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    let caps = gst::Caps::new_empty_simple(H4MK_CAPS);
    gst::TypeFind::register(
        Some(plugin),
        "h4mk",
        gst::Rank::PRIMARY,
        Some("h4mk"),
        Some(&caps.clone()),
        move |find| {
            if let Some([b'H', b'4', b'M', b'K', version, _, _, _]) = find.peek(0, 8) {
                let probability = if *version <= 1 {
                    gst::TypeFindProbability::Maximum
                } else {
                    gst::TypeFindProbability::Likely
                };
                find.suggest(probability, &caps);
            }
        },
    )
}
