//! HLS playlists (RFC 8216, version 7): [`Media`] of one rendition, [`Multivariant`] over several.
//!
//! Both give text; whoever has files writes it. URIs and quoted texts are checked as they come in, so that no name
//! can end a line or a quoted string early.

mod media;
mod multivariant;

use std::fmt::{self, Display};

pub use media::{ByteRange, Kind, Map, Media, Segment};
pub use multivariant::{Multivariant, Rendition, RenditionKind, Variant, VideoRange};

/// EXT-X-VERSION: 7 is what EXT-X-MAP in a playlist of fragmented MP4 and multivariant attributes need.
const VERSION: u32 = 7;

/// What can't be said in a playlist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A URI that is empty, or that a line would take for a tag or a comment.
    #[error("URI: found {found:?}, expected one that is not empty and does not begin with '#'")]
    Uri {
        /// The text.
        found: String,
    },
    /// A text that a quoted string can't hold (RFC 8216, section 4.2).
    #[error("{attribute}: found {found:?}, expected a text without quotes and control characters")]
    Text {
        /// Name of the attribute.
        attribute: &'static str,
        /// The text.
        found: String,
    },
    /// A target duration of zero.
    #[error("target duration: found 0 s, expected 1 s or more")]
    Target,
    /// A segment after the end.
    #[error("segment {uri:?}: found the playlist ended, expected segments before its end only")]
    Ended {
        /// The segment's URI.
        uri: String,
    },
}

/// A URI reference as it stands in a playlist. What can't be in a URI (RFC 3986, section 2) is percent-encoded; `%`
/// is kept, for the text may be encoded already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uri(String);

impl Uri {
    /// From a URI, or a text that is one but for characters that URIs can't hold.
    pub fn new(text: &str) -> Result<Self, Error> {
        if text.is_empty() || text.starts_with('#') {
            return Err(Error::Uri {
                found: text.to_owned(),
            });
        }
        Ok(Self(encoded(text.as_bytes(), |byte| {
            byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte)
        })))
    }

    /// From the name of a file in the playlist's folder, in which every character stands for itself.
    pub fn from_file_name(name: &str) -> Result<Self, Error> {
        Self::new(&encoded(name.as_bytes(), |byte| {
            byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=@".contains(&byte)
        }))
    }
}

impl Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text with all but the bytes that are `kept` percent-encoded (RFC 3986, section 2.1).
pub(crate) fn encoded(text: &[u8], kept: impl Fn(u8) -> bool) -> String {
    let mut uri = String::with_capacity(text.len());
    for &byte in text {
        match kept(byte) {
            true => uri.push(char::from(byte)),
            false => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

/// A text as an attribute's quoted string.
fn quoted(attribute: &'static str, text: &str) -> Result<String, Error> {
    if text.contains(|c: char| c == '"' || c.is_control()) {
        return Err(Error::Text {
            attribute,
            found: text.to_owned(),
        });
    }
    Ok(format!("\"{text}\""))
}
