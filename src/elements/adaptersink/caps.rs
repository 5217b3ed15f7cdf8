//! Caps that the sink takes.

use super::input::{PICTURES, SOUND};

/// What the sink takes of `filter`: raw pictures and sound in the formats that adapters see, and whatever is not raw.
pub(super) fn offered(filter: Option<&gst::Caps>) -> gst::Caps {
    let Some(filter) = filter else {
        // Nobody can list all codecs.
        return gst::Caps::new_any();
    };
    if filter.is_any() {
        return filter.clone();
    }
    let mut offered = gst::Caps::new_empty();
    {
        let offered = offered.make_mut();
        for (structure, features) in filter.iter_with_features() {
            let formats = match structure.name().as_str() {
                "video/x-raw" if is_in_memory(features) => PICTURES,
                "audio/x-raw" => SOUND,
                _ => {
                    offered.append_structure_full(structure.to_owned(), Some(features.to_owned()));
                    continue;
                }
            };
            let ours = gst::Structure::builder(structure.name().as_str())
                .field("format", gst::List::new(formats))
                .build();
            let mut ours = gst::Caps::builder_full_with_any_features()
                .structure(ours)
                .build();
            let mut one = gst::Caps::new_empty();
            one.make_mut()
                .append_structure_full(structure.to_owned(), Some(features.to_owned()));
            ours = one.intersect_with_mode(&ours, gst::CapsIntersectMode::First);
            offered.append(ours);
        }
    }
    offered
}

/// The processor reads it.
fn is_in_memory(features: &gst::CapsFeaturesRef) -> bool {
    !features.contains("memory:GLMemory") && !features.contains("memory:DMABuf")
}
