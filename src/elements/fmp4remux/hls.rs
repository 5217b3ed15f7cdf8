//! The playlist that is written beside the media: `playlist-location`, `segment-uri`, `media-uri`.

mod pattern;

use std::io;
use std::path::{Path, PathBuf};

use gst::glib;

use crate::isobmff::playlist::{ByteRange, Error, Kind, Map, Media, Segment, Uri};
use pattern::Pattern;

/// How the playlist grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, glib::Enum)]
#[enum_type(name = "GstFmp4RemuxPlaylistType")]
pub enum PlaylistType {
    /// The last segments only, as many as `playlist-length` says.
    #[enum_value(name = "Live: the last segments only", nick = "unspecified")]
    Unspecified,
    /// Written as it goes, all segments.
    #[default]
    #[enum_value(name = "Event: all segments, written as they come", nick = "event")]
    Event,
    /// Written at the end: such a playlist may not change.
    #[enum_value(
        name = "Video on demand: all segments, written at the end",
        nick = "vod"
    )]
    Vod,
}

/// What the element's properties say of the playlist.
#[derive(Debug, Clone)]
pub struct HlsSettings {
    /// `playlist-location`.
    pub location: PathBuf,
    /// `segment-uri`: a file for the init segment and one for each segment, numbered together from 0, as
    /// `multifilesink next-file=buffer` does; `%d` stands for the number.
    pub segment_uri: Option<String>,
    /// `media-uri`: one file.
    pub media_uri: Option<String>,
    /// `playlist-type`.
    pub kind: PlaylistType,
    /// `playlist-length`: segments in a playlist of an unspecified type, 0 for all.
    pub length: u32,
    /// EXT-X-TARGETDURATION in seconds. A playlist that is written at the end has that of its longest segment.
    pub target: u64,
    /// Segments come in several pieces ([`Written::chunk`]), so that one is whole only when the next begins.
    pub chunked: bool,
}

/// A fragment, or a chunk of one, that has been pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Number of the segment.
    pub sequence: u32,
    /// Nanoseconds.
    pub start_ns: u64,
    /// Nanoseconds.
    pub duration_ns: u64,
    /// First byte, in all that was pushed.
    pub offset: u64,
    /// Bytes.
    pub size: u64,
    /// Decoding can begin here.
    pub starts_with_key: bool,
    /// It goes on the segment of the one before it.
    pub chunk: bool,
    /// Times do not go on from the one before it.
    pub discontinuity: bool,
}

/// Why there is no playlist. Messages name the property.
#[derive(Debug, thiserror::Error)]
pub enum HlsError {
    /// A property says what can't be.
    #[error("property {property}: {what}")]
    Property {
        /// Its name.
        property: &'static str,
        /// What was found and what was expected.
        what: String,
    },
    /// The playlist can't be written.
    #[error("property playlist-location: {}: {error}", path.display())]
    Write {
        /// The playlist.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A segment can't be listed.
    #[error("property playlist-location: {0}")]
    Playlist(#[from] Error),
}

/// Names of the files that the playlist lists.
#[derive(Debug)]
enum Names {
    /// A file for each, and the number of the next.
    Pattern(Pattern, u64),
    One(Uri),
}

/// The playlist of one output.
#[derive(Debug)]
pub struct Hls {
    settings: HlsSettings,
    names: Names,
    /// Made at the first segment, whose number it begins with.
    media: Option<Media>,
    map: Option<Map>,
    /// A segment that may grow: what is written of it, and its URI.
    open: Option<(Written, Uri)>,
}

impl Hls {
    /// Checks the settings; nothing is written yet.
    pub fn new(settings: HlsSettings) -> Result<Self, HlsError> {
        let wrong = |property, what| HlsError::Property { property, what };
        let names = match (&settings.segment_uri, &settings.media_uri) {
            (Some(text), None) => {
                let pattern = Pattern::new(text).map_err(|what| wrong("segment-uri", what))?;
                // A name that can't be is told before anything is written.
                pattern
                    .uri(0)
                    .map_err(|error| wrong("segment-uri", error.to_string()))?;
                Names::Pattern(pattern, 0)
            }
            (None, Some(text)) => {
                Names::One(Uri::new(text).map_err(|error| wrong("media-uri", error.to_string()))?)
            }
            (segment, _) => {
                let found = match segment {
                    Some(_) => "both segment-uri and media-uri",
                    None => "neither segment-uri nor media-uri",
                };
                let what = format!("found {found}, expected one of them");
                return Err(wrong("playlist-location", what));
            }
        };
        if settings.location.file_name().is_none() {
            let what = format!("found {:?}, expected the name of a file", settings.location);
            return Err(wrong("playlist-location", what));
        }
        Ok(Self {
            settings,
            names,
            media: None,
            map: None,
            open: None,
        })
    }

    /// An init segment has been pushed: `size` bytes from `offset` on.
    pub fn init(&mut self, offset: u64, size: u64) -> Result<Option<u64>, HlsError> {
        let raised = self.close()?;
        let uri = self.next_uri()?;
        let range = self.range(offset, size);
        let map = Map { uri, range };
        if let Some(media) = &mut self.media {
            media.map(&map);
        }
        self.map = Some(map);
        Ok(raised)
    }

    /// A fragment or chunk has been pushed. Gives the target duration where a segment had to raise it, which players
    /// of a growing playlist do not expect.
    pub fn fragment(&mut self, written: &Written) -> Result<Option<u64>, HlsError> {
        match &mut self.open {
            Some((open, _)) if written.chunk => {
                open.duration_ns = open.duration_ns.saturating_add(written.duration_ns);
                open.size = written
                    .offset
                    .saturating_add(written.size)
                    .saturating_sub(open.offset);
                Ok(None)
            }
            _ => {
                let raised = self.close()?;
                self.open = Some((*written, self.next_uri()?));
                let closed = if self.settings.chunked {
                    None
                } else {
                    self.close()?
                };
                Ok(closed.or(raised))
            }
        }
    }

    /// Nothing follows: the last playlist is written.
    pub fn end(&mut self) -> Result<Option<u64>, HlsError> {
        let raised = self.close()?;
        if let Some(media) = &mut self.media {
            media.end();
            replace(&self.settings.location, &media.render())?;
        }
        Ok(raised)
    }

    fn next_uri(&mut self) -> Result<Uri, HlsError> {
        match &mut self.names {
            Names::One(uri) => Ok(uri.clone()),
            Names::Pattern(pattern, next) => {
                let uri = pattern.uri(*next)?;
                *next = next.saturating_add(1);
                Ok(uri)
            }
        }
    }

    fn range(&self, offset: u64, length: u64) -> Option<ByteRange> {
        matches!(self.names, Names::One(_)).then_some(ByteRange { offset, length })
    }

    /// Lists the segment that is whole now.
    fn close(&mut self) -> Result<Option<u64>, HlsError> {
        let Some((written, uri)) = self.open.take() else {
            return Ok(None);
        };
        let segment = Segment {
            uri,
            range: self.range(written.offset, written.size),
            duration_ns: written.duration_ns,
            independent: written.starts_with_key,
            discontinuity: written.discontinuity,
        };
        let vod = self.settings.kind == PlaylistType::Vod;
        if self.media.is_none() {
            self.media = Some(self.begin(written.sequence)?);
        }
        let Some(media) = &mut self.media else {
            return Ok(None);
        };
        let raised = media.push(&segment)?;
        if vod {
            return Ok(None);
        }
        replace(&self.settings.location, &media.render())?;
        Ok(raised)
    }

    fn begin(&self, first: u32) -> Result<Media, HlsError> {
        let (kind, target) = match self.settings.kind {
            PlaylistType::Unspecified => {
                let window = usize::try_from(self.settings.length).unwrap_or(usize::MAX);
                (Kind::Live { window }, self.settings.target)
            }
            PlaylistType::Event => (Kind::Event, self.settings.target),
            // Its segments raise it, and nobody sees it before its end.
            PlaylistType::Vod => (Kind::Vod, 1),
        };
        let mut media = Media::new(kind, target.max(1), u64::from(first))?;
        if let Some(map) = &self.map {
            media.map(map);
        }
        Ok(media)
    }
}

/// Replaces a file's text in one step: a reader sees the old text or the new one.
fn replace(path: &Path, text: &str) -> Result<(), HlsError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    let partial = PathBuf::from(name);
    let written = std::fs::write(&partial, text).and_then(|()| std::fs::rename(&partial, path));
    written.map_err(|error| {
        // What failed is told; a partial file that can't be removed is no news then.
        let _ = std::fs::remove_file(&partial);
        HlsError::Write {
            path: path.to_owned(),
            error,
        }
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn settings(folder: &Path, kind: PlaylistType) -> HlsSettings {
        HlsSettings {
            location: folder.join("a.m3u8"),
            segment_uri: Some("part-%03d.m4s".into()),
            media_uri: None,
            kind,
            length: 3,
            target: 2,
            chunked: false,
        }
    }

    fn written(sequence: u32, offset: u64) -> Written {
        Written {
            sequence,
            start_ns: u64::from(sequence) * 2 * SECOND,
            duration_ns: 2 * SECOND,
            offset,
            size: 1000,
            starts_with_key: true,
            chunk: false,
            discontinuity: false,
        }
    }

    /// The playlist's lines that are no tags, and what is in the folder beside it.
    fn listed(folder: &Path) -> (Vec<String>, usize) {
        let text = fs::read_to_string(folder.join("a.m3u8")).unwrap();
        let names = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(str::to_owned)
            .collect();
        (names, fs::read_dir(folder).unwrap().count() - 1)
    }

    #[test]
    fn an_event_is_listed_as_it_goes_and_leaves_no_other_file() {
        let folder = tempfile::tempdir().unwrap();
        let mut hls = Hls::new(settings(folder.path(), PlaylistType::Event)).unwrap();
        hls.init(0, 800).unwrap();
        assert!(!folder.path().join("a.m3u8").exists());
        hls.fragment(&written(0, 800)).unwrap();
        assert_eq!(listed(folder.path()), (vec!["part-001.m4s".to_owned()], 0));
        hls.init(1800, 800).unwrap();
        hls.fragment(&written(1, 2600)).unwrap();
        hls.end().unwrap();
        let text = fs::read_to_string(folder.path().join("a.m3u8")).unwrap();
        let end = "part-001.m4s\n#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"part-002.m4s\"\n\
                   #EXTINF:2.000,\npart-003.m4s\n#EXT-X-ENDLIST\n";
        assert!(text.ends_with(end), "{text}");
        assert!(text.contains("#EXT-X-MAP:URI=\"part-000.m4s\"\n"), "{text}");
    }

    #[test]
    fn a_finished_playlist_appears_at_the_end_with_its_own_target() {
        let folder = tempfile::tempdir().unwrap();
        let mut hls = Hls::new(settings(folder.path(), PlaylistType::Vod)).unwrap();
        hls.init(0, 800).unwrap();
        let long = Written {
            duration_ns: 7 * SECOND,
            ..written(40, 800)
        };
        assert_eq!(hls.fragment(&long).unwrap(), None);
        assert!(!folder.path().join("a.m3u8").exists());
        hls.end().unwrap();
        let text = fs::read_to_string(folder.path().join("a.m3u8")).unwrap();
        assert!(
            text.contains("#EXT-X-TARGETDURATION:7\n#EXT-X-MEDIA-SEQUENCE:40\n"),
            "{text}"
        );
    }

    #[test]
    fn a_live_playlist_slides_and_tells_of_segments_that_are_too_long() {
        let folder = tempfile::tempdir().unwrap();
        let mut hls = Hls::new(settings(folder.path(), PlaylistType::Unspecified)).unwrap();
        hls.init(0, 800).unwrap();
        for sequence in 0..9 {
            assert_eq!(hls.fragment(&written(sequence, 0)).unwrap(), None);
        }
        let (names, _) = listed(folder.path());
        assert_eq!(names, ["part-007.m4s", "part-008.m4s", "part-009.m4s"]);
        let long = Written {
            duration_ns: 5 * SECOND,
            ..written(9, 0)
        };
        assert_eq!(hls.fragment(&long).unwrap(), Some(5));
    }

    #[test]
    fn chunks_of_one_file_make_one_byte_range() {
        let folder = tempfile::tempdir().unwrap();
        let settings = HlsSettings {
            segment_uri: None,
            media_uri: Some("film.mp4".into()),
            chunked: true,
            ..settings(folder.path(), PlaylistType::Event)
        };
        let mut hls = Hls::new(settings).unwrap();
        hls.init(0, 800).unwrap();
        let half = |offset, chunk| Written {
            duration_ns: SECOND,
            chunk,
            ..written(0, offset)
        };
        hls.fragment(&half(800, false)).unwrap();
        hls.fragment(&half(1800, true)).unwrap();
        assert!(
            !folder.path().join("a.m3u8").exists(),
            "more chunks may follow"
        );
        hls.fragment(&Written {
            sequence: 1,
            ..half(2800, false)
        })
        .unwrap();
        let text = fs::read_to_string(folder.path().join("a.m3u8")).unwrap();
        assert!(
            text.contains("#EXT-X-MAP:URI=\"film.mp4\",BYTERANGE=\"800@0\"\n"),
            "{text}"
        );
        assert!(
            text.ends_with("#EXTINF:2.000,\n#EXT-X-BYTERANGE:2000@800\nfilm.mp4\n"),
            "{text}"
        );
        hls.end().unwrap();
        let text = fs::read_to_string(folder.path().join("a.m3u8")).unwrap();
        assert!(
            text.ends_with(
                "#EXTINF:1.000,\n#EXT-X-BYTERANGE:1000@2800\nfilm.mp4\n#EXT-X-ENDLIST\n"
            ),
            "{text}"
        );
    }

    #[test]
    fn settings_that_cannot_be_name_their_property() {
        let folder = tempfile::tempdir().unwrap();
        let settings = settings(folder.path(), PlaylistType::Event);
        let refused =
            |settings: HlsSettings| Hls::new(settings).map(|_| ()).unwrap_err().to_string();
        let named = |name: &str| HlsSettings {
            segment_uri: Some(name.into()),
            ..settings.clone()
        };
        for name in [
            "a", "", "a%", "a%s", "a%d%d", "a%1000d", "a%5", "#%d", "a%-5d",
        ] {
            let told = refused(named(name));
            assert!(told.starts_with("property segment-uri: "), "{told}");
        }
        let both = HlsSettings {
            media_uri: Some("a".into()),
            ..settings.clone()
        };
        assert!(refused(both).contains("found both"));
        let neither = HlsSettings {
            segment_uri: None,
            ..settings.clone()
        };
        assert!(refused(neither).contains("found neither"));
        let one = HlsSettings {
            segment_uri: None,
            media_uri: Some(String::new()),
            ..settings.clone()
        };
        assert!(refused(one).starts_with("property media-uri: "));
        let nowhere = HlsSettings {
            location: PathBuf::new(),
            ..settings
        };
        assert!(refused(nowhere).starts_with("property playlist-location: found \"\""));
    }

    #[test]
    fn a_playlist_that_cannot_be_written_names_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let location = folder.path().join("gone").join("a.m3u8");
        let mut hls = Hls::new(HlsSettings {
            location,
            ..settings(folder.path(), PlaylistType::Event)
        })
        .unwrap();
        hls.init(0, 800).unwrap();
        let told = hls.fragment(&written(0, 800)).unwrap_err().to_string();
        assert!(
            told.starts_with("property playlist-location: ") && told.contains("gone/a.m3u8: "),
            "{told}"
        );
    }
}
