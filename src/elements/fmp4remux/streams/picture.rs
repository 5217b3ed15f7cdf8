//! What caps and tags say of a picture: shape of its pixels, colour, HDR, and how it is turned.

use gst_video::{VideoColorRange, VideoColorimetry};

use super::Source;
use crate::isobmff::model::{
    Colour, ContentLight, MasteringDisplay, Orientation, VideoCodec, VideoEntry,
};

/// What the codec's own headers say, for where the caps are silent.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Coded {
    pub(super) size: Option<(u32, u32)>,
    pub(super) pixel_aspect: Option<(u32, u32)>,
    pub(super) colour: Option<Colour>,
}

/// The sample entry of a video codec. The caps have the last word.
pub(super) fn entry(
    source: &Source<'_>,
    codec: VideoCodec,
    coded: Coded,
) -> Result<VideoEntry, String> {
    let (width, height) = coded.size.unzip();
    let side = |field: &str, coded: Option<u32>| {
        let found = source.number(field).or(coded);
        let found = found.ok_or_else(|| format!("caps without {field}: expected pixels"))?;
        u16::try_from(found).map_err(|_| format!("{field}: found {found}, expected 65535 at most"))
    };
    Ok(VideoEntry {
        codec,
        width: side("width", width)?,
        height: side("height", height)?,
        pixel_aspect: pixel_aspect(source).or(coded.pixel_aspect),
        colour: colour(source.caps).or(coded.colour),
        mastering: mastering(source.caps),
        light: light(source.caps),
        bitrate: source.bitrate(),
    })
}

fn pixel_aspect(source: &Source<'_>) -> Option<(u32, u32)> {
    let aspect = source
        .caps
        .get::<gst::Fraction>("pixel-aspect-ratio")
        .ok()?;
    let width = u32::try_from(aspect.numer()).ok()?;
    let height = u32::try_from(aspect.denom()).ok()?;
    (width > 0 && height > 0).then_some((width, height))
}

/// The code points of the caps' colorimetry; `None` where it is missing, or says nothing.
pub(super) fn colour(caps: &gst::StructureRef) -> Option<Colour> {
    let colorimetry = caps.get::<&str>("colorimetry").ok()?;
    let colorimetry: VideoColorimetry = colorimetry.parse().ok()?;
    let iso = |code: u32| u16::try_from(code).ok();
    let colour = Colour {
        primaries: iso(colorimetry.primaries().to_iso())?,
        transfer: iso(colorimetry.transfer().to_iso())?,
        matrix: iso(colorimetry.matrix().to_iso())?,
        full_range: colorimetry.range() == VideoColorRange::Range0_255,
    };
    told(colour)
}

/// A colour, where it says anything: 2 is "unspecified", and limited the usual range.
pub(super) fn told(colour: Colour) -> Option<Colour> {
    let unspecified = (colour.primaries, colour.transfer, colour.matrix) == (2, 2, 2);
    (!unspecified || colour.full_range).then_some(colour)
}

/// `mastering-display-info`: x and y of red, green, blue and white, then most and least luminance, in the units of the
/// box; the box has green first.
fn mastering(caps: &gst::StructureRef) -> Option<MasteringDisplay> {
    let [rx, ry, gx, gy, bx, by, wx, wy, max, min] = numbers(caps, "mastering-display-info")?;
    let point = |x, y| Some((u16::try_from(x).ok()?, u16::try_from(y).ok()?));
    Some(MasteringDisplay {
        primaries_gbr: [point(gx, gy)?, point(bx, by)?, point(rx, ry)?],
        white_point: point(wx, wy)?,
        max_luminance: max,
        min_luminance: min,
    })
}

/// `content-light-level`: most of a pixel, then most average of a frame.
fn light(caps: &gst::StructureRef) -> Option<ContentLight> {
    let [content, average] = numbers(caps, "content-light-level")?;
    Some(ContentLight {
        max_content: u16::try_from(content).ok()?,
        max_average: u16::try_from(average).ok()?,
    })
}

/// The numbers of a field, which have colons between them.
fn numbers<const N: usize>(caps: &gst::StructureRef, field: &str) -> Option<[u32; N]> {
    let text = caps.get::<&str>(field).ok()?;
    let numbers: Option<Vec<u32>> = text.split(':').map(|n| n.parse().ok()).collect();
    numbers?.try_into().ok()
}

/// What the tag `image-orientation` says; upright where it is missing or unknown.
pub fn orientation(tags: &gst::TagListRef) -> Orientation {
    let Some(tag) = tags.get::<gst::tags::ImageOrientation>() else {
        return Orientation::default();
    };
    let text = tag.get();
    let (mirrored, turn) = match text.strip_prefix("flip-") {
        Some(turn) => (true, turn),
        None => (false, text),
    };
    let quarter_turns = match turn {
        "rotate-0" => 0,
        "rotate-90" => 1,
        "rotate-180" => 2,
        "rotate-270" => 3,
        _ => return Orientation::default(),
    };
    Orientation {
        quarter_turns,
        mirrored,
    }
}
