//! GStreamer's tags as the items of `udta/meta/ilst`.

use gst::glib;

use crate::isobmff::model::{Cover, Tags};

/// Tags of text and the items that hold them. © is the byte A9.
const TEXTS: [(&str, &[u8; 4]); 23] = [
    ("title", b"\xa9nam"),
    ("artist", b"\xa9ART"),
    ("album", b"\xa9alb"),
    ("album-artist", b"aART"),
    ("composer", b"\xa9wrt"),
    ("genre", b"\xa9gen"),
    ("comment", b"\xa9cmt"),
    ("description", b"desc"),
    ("copyright", b"cprt"),
    ("lyrics", b"\xa9lyr"),
    ("grouping", b"\xa9grp"),
    ("keywords", b"keyw"),
    ("encoder", b"\xa9too"),
    ("encoded-by", b"\xa9enc"),
    ("conductor", b"\xa9con"),
    ("publisher", b"\xa9pub"),
    ("show-name", b"tvsh"),
    ("title-sortname", b"sonm"),
    ("artist-sortname", b"soar"),
    ("album-sortname", b"soal"),
    ("album-artist-sortname", b"soaa"),
    ("composer-sortname", b"soco"),
    ("show-sortname", b"sosn"),
];

/// Tags of which `ilst` has another form than text.
const OTHERS: [&str; 8] = [
    "datetime",
    "date",
    "track-number",
    "track-count",
    "album-disc-number",
    "album-disc-count",
    "beats-per-minute",
    "image",
];

/// The items of these tags, and the names of the tags that have no item. Several values of one are joined with commas.
pub fn items(tags: &gst::TagListRef) -> (Tags, Vec<String>) {
    let mut items = Tags::default();
    for (name, item) in TEXTS {
        let values: Vec<String> = values(tags, name).collect();
        if !values.is_empty() {
            items.texts.push((*item, values.join(", ")));
        }
    }
    items.texts.extend(day(tags).map(|day| (*b"\xa9day", day)));
    items.track = numbers(tags, "track-number", "track-count");
    items.disk = numbers(tags, "album-disc-number", "album-disc-count");
    let tempo = tags.get::<gst::tags::BeatsPerMinute>().map(|t| t.get());
    items.tempo = tempo.map(f64::round).and_then(whole);
    let mut left_out: Vec<String> = (0..tags.n_tags())
        .filter_map(|index| tags.nth_tag_name(index))
        .map(|name| name.to_string())
        .filter(|name| !is_known(name))
        .collect();
    for picture in values::<gst::Sample>(tags, "image") {
        match cover(&picture) {
            Some(cover) => items.covers.push(cover),
            None => left_out.push("image".to_string()),
        }
    }
    (items, left_out)
}

/// True of a tag that has an item.
fn is_known(name: &str) -> bool {
    OTHERS.contains(&name) || TEXTS.iter().any(|(text, _)| *text == name)
}

/// All values of a tag that have this type.
fn values<'a, T>(tags: &'a gst::TagListRef, name: &'a str) -> impl Iterator<Item = T> + 'a
where
    T: for<'v> glib::value::FromValue<'v> + 'a,
{
    (0..tags.size_by_name(name)).filter_map(move |index| {
        let value = tags.index_generic(name, index)?;
        value.get::<T>().ok()
    })
}

/// The first value of a tag of a number, where 16 bits hold it.
fn number(tags: &gst::TagListRef, name: &str) -> Option<u16> {
    values::<u32>(tags, name).find_map(|number| u16::try_from(number).ok())
}

/// A number and the total, 0 where only the other is known.
fn numbers(tags: &gst::TagListRef, number_of: &str, total_of: &str) -> Option<(u16, u16)> {
    match (number(tags, number_of), number(tags, total_of)) {
        (None, None) => None,
        (number, total) => Some((number.unwrap_or(0), total.unwrap_or(0))),
    }
}

/// A whole number of 16 bits.
fn whole(number: f64) -> Option<u16> {
    (1.0..=65535.0).contains(&number).then_some(number as u16)
}

/// The date as ISO 8601 has it, with the time where that is known.
fn day(tags: &gst::TagListRef) -> Option<String> {
    let with_time = tags.get::<gst::tags::DateTime>();
    if let Some(date) = with_time.and_then(|t| t.get().to_iso8601_string().ok()) {
        return Some(date.to_string());
    }
    let date = tags.get::<gst::tags::Date>()?.get();
    let month = glib::translate::IntoGlib::into_glib(date.month());
    Some(format!("{:04}-{month:02}-{:02}", date.year(), date.day()))
}

/// A picture, where it is of a kind that `covr` holds.
fn cover(picture: &gst::Sample) -> Option<Cover> {
    let caps = picture.caps()?;
    let bytes = picture.buffer()?.map_readable().ok()?.to_vec();
    match caps.structure(0)?.name().as_str() {
        "image/jpeg" => Some(Cover::Jpeg(bytes)),
        "image/png" => Some(Cover::Png(bytes)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(fill: impl FnOnce(&mut gst::TagListRef)) -> gst::TagList {
        gst::init().unwrap();
        let mut tags = gst::TagList::new();
        fill(tags.get_mut().unwrap());
        tags
    }

    #[test]
    fn texts_and_numbers_get_their_items() {
        let tags = list(|tags| {
            let mode = gst::TagMergeMode::Append;
            tags.add::<gst::tags::Title>(&"Harmony", mode);
            tags.add::<gst::tags::Artist>(&"One", mode);
            tags.add::<gst::tags::Artist>(&"Two", mode);
            tags.add::<gst::tags::TrackNumber>(&3, mode);
            tags.add::<gst::tags::TrackCount>(&12, mode);
            tags.add::<gst::tags::AlbumVolumeCount>(&2, mode);
            tags.add::<gst::tags::BeatsPerMinute>(&119.6, mode);
            let date = gst::DateTime::from_iso8601_string("2024-02-29T12:30:00Z").unwrap();
            tags.add::<gst::tags::DateTime>(&date, mode);
        });
        let (items, left_out) = items(&tags);
        let text = |item: &[u8; 4]| {
            let mut found = items.texts.iter().filter(|(name, _)| name == item);
            found.next().map(|(_, text)| text.as_str())
        };
        assert_eq!(text(b"\xa9nam"), Some("Harmony"));
        assert_eq!(text(b"\xa9ART"), Some("One, Two"));
        assert_eq!(text(b"\xa9day"), Some("2024-02-29T12:30:00Z"));
        assert_eq!(items.texts.len(), 3);
        assert_eq!(items.track, Some((3, 12)));
        assert_eq!(items.disk, Some((0, 2)));
        assert_eq!(items.tempo, Some(120));
        assert!(left_out.is_empty(), "{left_out:?}");
    }

    #[test]
    fn covers_are_kept_and_what_has_no_item_is_named() {
        let picture = |kind: &str, bytes: &'static [u8]| {
            let caps = gst::Caps::new_empty_simple(kind);
            let buffer = gst::Buffer::from_slice(bytes);
            gst::Sample::builder().buffer(&buffer).caps(&caps).build()
        };
        let tags = list(|tags| {
            let mode = gst::TagMergeMode::Append;
            tags.add::<gst::tags::Image>(&picture("image/jpeg", b"\xff\xd8"), mode);
            tags.add::<gst::tags::Image>(&picture("image/gif", b"GIF"), mode);
            tags.add::<gst::tags::Image>(&picture("image/png", b"\x89PNG"), mode);
            tags.add::<gst::tags::ISRC>(&"XX", mode);
        });
        let (items, left_out) = items(&tags);
        let covers = [
            Cover::Jpeg(b"\xff\xd8".to_vec()),
            Cover::Png(b"\x89PNG".to_vec()),
        ];
        assert_eq!(items.covers, covers);
        assert_eq!(left_out, ["isrc", "image"]);
    }

    #[test]
    fn no_tags_give_no_items() {
        let (items, left_out) = items(&list(|_| {}));
        assert_eq!(items, Tags::default());
        assert!(left_out.is_empty());
    }
}
