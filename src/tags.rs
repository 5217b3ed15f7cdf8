//! Tag lists and tables of contents as text, the form in which files keep them.
//!
//! META holds `{…, "tags": {name: value}, "h4x": {"tags": "taglist…", "toc": {…}}}` beside what the user put there:
//! `tags` is for people and programs that know nothing of GStreamer, `h4x` has everything, to be restored.

use gst::glib::translate::*;
use gst::prelude::*;
use serde_json::{Map, Value, json};

use crate::text;

/// Tables of contents nested deeper than this are cut.
const MOST_DEPTH: usize = 32;

/// Reads a tag list from what [`gst::TagList`]'s `to_string` wrote; `None` where it is none. Tags whose values are
/// of another type than theirs are left out: who reads them takes the type for granted.
pub fn parse(text: &str) -> Option<gst::TagList> {
    if !text::is_parsable(text) {
        return None;
    }
    // SAFETY: the function takes a string that lives through the call and returns a new list or NULL.
    let tags: Option<gst::TagList> = unsafe {
        from_glib_full(gst::ffi::gst_tag_list_new_from_string(
            text.to_glib_none().0,
        ))
    };
    let mut tags = tags?;
    let names = (0..tags.n_tags()).filter_map(|index| tags.nth_tag_name(index));
    let wrong: Vec<_> = names
        .filter(|name| !is_typed(&tags, name))
        .map(|name| name.to_owned())
        .collect();
    for name in wrong {
        let list = tags.make_mut();
        // SAFETY: the list is writable, the string lives through the call.
        unsafe { gst::ffi::gst_tag_list_remove_tag(list.as_mut_ptr(), name.to_glib_none().0) };
    }
    Some(tags)
}

/// Adds tags to those that came before, which they replace.
pub fn replace(tags: &mut Option<gst::TagList>, new: &gst::TagList) {
    *tags = Some(match tags {
        Some(old) => old.merge(new, gst::TagMergeMode::Replace),
        None => new.clone(),
    });
}

/// Tags of the file that an element writes: what the application set on the element itself and what came down the
/// pipeline, merged as the element was told.
pub fn of_file(element: &gst::Element, tags: Option<&gst::TagList>) -> Option<gst::TagList> {
    let setter = element.dynamic_cast_ref::<gst::TagSetter>();
    let own = setter.and_then(|s| s.tag_list());
    match (own, tags) {
        (Some(own), Some(tags)) => {
            let mode = setter.map_or(gst::TagMergeMode::Keep, |s| s.tag_merge_mode());
            Some(own.merge(tags, mode))
        }
        (own, tags) => own.or_else(|| tags.cloned()),
    }
}

/// True when every value of a tag has the tag's type, or nobody knows the tag.
fn is_typed(tags: &gst::TagListRef, name: &gst::glib::GStr) -> bool {
    // SAFETY: the strings live through the calls, and the second comes after the first has found the tag.
    let wanted = unsafe {
        if gst::ffi::gst_tag_exists(name.as_ptr()) == gst::glib::ffi::GFALSE {
            return true;
        }
        gst::glib::Type::from_glib(gst::ffi::gst_tag_get_type(name.as_ptr()))
    };
    let mut values = (0..tags.size_by_name(name)).map(|at| tags.index_generic(name, at));
    values.all(|value| value.is_some_and(|value| value.type_() == wanted))
}

/// Adds tags and a table of contents to the object of a META chunk. A `tags` of the user's stays as it is.
pub fn add_to_meta(
    object: &mut Map<String, Value>,
    tags: Option<&gst::TagList>,
    toc: Option<&gst::Toc>,
) {
    let tags = tags.filter(|t| t.n_tags() > 0);
    let mut extension = Map::new();
    if let Some(tags) = tags {
        object
            .entry("tags")
            .or_insert_with(|| Value::Object(readable(tags)));
        extension.insert("tags".to_string(), json!(tags.to_string()));
    }
    if let Some(toc) = toc {
        extension.insert("toc".to_string(), toc_to_json(toc));
    }
    if !extension.is_empty() {
        object.insert("h4x".to_string(), Value::Object(extension));
    }
}

/// The tags and the table of contents that [`add_to_meta`] put into a META chunk.
pub fn from_meta(meta: &str) -> (Option<gst::TagList>, Option<gst::Toc>) {
    let Ok(meta) = serde_json::from_str::<Value>(meta) else {
        return (None, None);
    };
    let Some(extension) = meta.get("h4x") else {
        return (None, None);
    };
    let tags = extension.get("tags").and_then(Value::as_str);
    (
        tags.and_then(parse),
        extension.get("toc").and_then(toc_from_json),
    )
}

/// Tags by name; several values of one are an array. Pictures and other binary values are left out.
pub fn readable(tags: &gst::TagList) -> Map<String, Value> {
    let mut object = Map::new();
    for index in 0..tags.n_tags() {
        let Some(name) = tags.nth_tag_name(index) else {
            continue;
        };
        let size = tags.size_by_name(name);
        let mut values: Vec<Value> = (0..size)
            .filter_map(|i| value(tags.index_generic(name, i)?))
            .collect();
        match values.len() {
            0 => {}
            1 => {
                object.insert(name.to_string(), values.remove(0));
            }
            _ => {
                object.insert(name.to_string(), Value::Array(values));
            }
        }
    }
    object
}

/// A tag's value for people.
fn value(value: &gst::glib::SendValue) -> Option<Value> {
    if let Ok(text) = value.get::<String>() {
        return Some(json!(text));
    }
    if let Ok(number) = value.get::<u32>() {
        return Some(json!(number));
    }
    if let Ok(number) = value.get::<i32>() {
        return Some(json!(number));
    }
    if let Ok(number) = value.get::<u64>() {
        return Some(json!(number));
    }
    if let Ok(number) = value.get::<f64>() {
        return Some(json!(number));
    }
    if let Ok(yes) = value.get::<bool>() {
        return Some(json!(yes));
    }
    if let Ok(date) = value.get::<gst::DateTime>() {
        return date.to_iso8601_string().ok().map(|d| json!(d.as_str()));
    }
    if let Ok(date) = value.get::<gst::glib::Date>() {
        let (year, month, day) = (date.year(), date.month(), date.day());
        let month = month.into_glib();
        return Some(json!(format!("{year:04}-{month:02}-{day:02}")));
    }
    None
}

fn toc_to_json(toc: &gst::TocRef) -> Value {
    let mut object = Map::new();
    let global = toc.scope() == gst::TocScope::Global;
    let scope = if global { "global" } else { "current" };
    object.insert("scope".to_string(), json!(scope));
    if let Some(tags) = toc.tags() {
        object.insert("tags".to_string(), json!(tags.to_string()));
    }
    let entries = toc.entries();
    object.insert("entries".to_string(), entries_to_json(&entries, 0));
    Value::Object(object)
}

fn entries_to_json(entries: &[gst::TocEntry], depth: usize) -> Value {
    if depth == MOST_DEPTH {
        return json!([]);
    }
    let entries = entries.iter().map(|entry| {
        let mut object = Map::new();
        let nick = type_nick(entry.entry_type());
        object.insert("type".to_string(), json!(nick));
        object.insert("uid".to_string(), json!(entry.uid()));
        if let Some((start, stop)) = entry.start_stop_times() {
            object.insert("start_ns".to_string(), json!(start));
            object.insert("stop_ns".to_string(), json!(stop));
        }
        if let Some(tags) = entry.tags() {
            object.insert("tags".to_string(), json!(tags.to_string()));
        }
        let below = entry.sub_entries();
        if !below.is_empty() {
            object.insert("entries".to_string(), entries_to_json(&below, depth + 1));
        }
        Value::Object(object)
    });
    Value::Array(entries.collect())
}

/// Name of a kind of entry, as GStreamer has it.
const TYPES: [(gst::TocEntryType, &str); 7] = [
    (gst::TocEntryType::Angle, "angle"),
    (gst::TocEntryType::Version, "version"),
    (gst::TocEntryType::Edition, "edition"),
    (gst::TocEntryType::Title, "title"),
    (gst::TocEntryType::Track, "track"),
    (gst::TocEntryType::Chapter, "chapter"),
    (gst::TocEntryType::Invalid, "invalid"),
];

fn type_nick(kind: gst::TocEntryType) -> &'static str {
    let known = TYPES.into_iter().find(|(k, _)| *k == kind);
    known.map_or("invalid", |(_, nick)| nick)
}

fn text_tags(object: &Value) -> Option<gst::TagList> {
    parse(object.get("tags")?.as_str()?)
}

fn toc_from_json(value: &Value) -> Option<gst::Toc> {
    let scope = match value.get("scope")?.as_str()? {
        "global" => gst::TocScope::Global,
        "current" => gst::TocScope::Current,
        _ => return None,
    };
    let mut toc = gst::Toc::new(scope);
    let writable = toc.get_mut()?;
    if let Some(tags) = text_tags(value) {
        writable.set_tags(tags);
    }
    for entry in value.get("entries")?.as_array()? {
        writable.append_entry(entry_from_json(entry, 0)?);
    }
    Some(toc)
}

fn entry_from_json(value: &Value, depth: usize) -> Option<gst::TocEntry> {
    let nick = value.get("type")?.as_str()?;
    let (kind, _) = TYPES.into_iter().find(|(_, n)| *n == nick)?;
    let uid = value.get("uid")?.as_str()?;
    let mut entry = gst::TocEntry::new(kind, text::before_zero(uid));
    let writable = entry.get_mut()?;
    let time = |name| value.get(name).and_then(Value::as_i64);
    if let (Some(start), Some(stop)) = (time("start_ns"), time("stop_ns")) {
        writable.set_start_stop_times(start, stop);
    }
    if let Some(tags) = text_tags(value) {
        writable.set_tags(tags);
    }
    if depth < MOST_DEPTH {
        let below = value.get("entries").and_then(Value::as_array);
        for entry in below.into_iter().flatten() {
            writable.append_sub_entry(entry_from_json(entry, depth + 1)?);
        }
    }
    Some(entry)
}
