//! What caps of `audio/x-opus` say of a stream.

use crate::opus::{Head, Mapping};

/// Headers and channels of a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Described {
    /// The stream's header; of the caps' fields where it has none.
    pub head: Head,
    /// The bytes of `OpusHead`, where there are.
    pub head_bytes: Option<Vec<u8>>,
    /// The bytes of `OpusTags`, where there are.
    pub tags: Option<Vec<u8>>,
}

/// Reads caps with or without `streamheader`.
///
/// # Errors
/// Names the field that can't be used.
pub fn described(caps: &gst::CapsRef) -> Result<Described, String> {
    let Some(structure) = caps.structure(0) else {
        return Err("caps: empty".into());
    };
    let mut headers = stream_headers(structure).into_iter();
    match headers.next() {
        Some(head_bytes) => {
            let head =
                Head::parse(&head_bytes).map_err(|error| format!("streamheader: {error}"))?;
            Ok(Described {
                head,
                head_bytes: Some(head_bytes),
                tags: headers.next(),
            })
        }
        None => Ok(Described {
            head: head(structure)?,
            head_bytes: None,
            tags: None,
        }),
    }
}

fn stream_headers(structure: &gst::StructureRef) -> Vec<Vec<u8>> {
    let Ok(array) = structure.get::<gst::Array>("streamheader") else {
        return Vec::new();
    };
    let bytes = |value: &gst::glib::SendValue| {
        let buffer = value.get::<gst::Buffer>().ok()?;
        Some(buffer.map_readable().ok()?.to_vec())
    };
    array.iter().filter_map(bytes).collect()
}

/// The head as the fields of the caps have it: RTP and MP4 bring no other. What to skip at the start is then not known.
///
/// # Errors
/// Names the field that can't be used.
pub fn head(structure: &gst::StructureRef) -> Result<Head, String> {
    let byte = |field: &str| {
        let value = structure.get::<i32>(field).ok();
        value.and_then(|value| u8::try_from(value).ok())
    };
    let family = byte("channel-mapping-family").unwrap_or(0);
    let channels = byte("channels").unwrap_or(2);
    let mapping = match family {
        0 => Mapping::Simple,
        family => {
            let table = structure.get::<gst::Array>("channel-mapping");
            let table = table.map_err(|_| "caps without streamheader and channel-mapping")?;
            let channel = |value: &gst::glib::SendValue| {
                let value = value.get::<i32>().ok();
                value.and_then(|value| u8::try_from(value).ok())
            };
            Mapping::Table {
                family,
                streams: byte("stream-count").unwrap_or(0),
                coupled: byte("coupled-count").unwrap_or(0),
                channels: table.iter().filter_map(channel).collect(),
            }
        }
    };
    let rate = structure.get::<i32>("rate").ok();
    let head = Head {
        channels,
        pre_skip: 0,
        input_rate: rate.and_then(|rate| u32::try_from(rate).ok()).unwrap_or(0),
        gain: 0,
        mapping,
    };
    head.checked().map_err(|error| format!("caps: {error}"))
}
