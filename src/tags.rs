//! Tag lists as text, the form in which files keep them.

use gst::glib::translate::*;

/// Reads a tag list from what [`gst::TagList`]'s `to_string` wrote; `None` where it is none.
pub fn parse(text: &str) -> Option<gst::TagList> {
    // SAFETY: the function takes a string that lives through the call and returns a new list or NULL.
    unsafe {
        from_glib_full(gst::ffi::gst_tag_list_new_from_string(
            text.to_glib_none().0,
        ))
    }
}
