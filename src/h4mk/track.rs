//! TRAK: the tracks of a file, as JSON (specification sections 1 and 2).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::error::Error;

/// TRAK chunks above this many bytes are refused.
pub const MAX_TRACKS_BYTES: usize = 64 << 20;

/// One track.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Track {
    /// Number that its blocks carry.
    pub track_id: u16,
    /// The user's name for it.
    pub name: String,
    /// `video`, `audio`, `subtitle` or anything else of the user's.
    pub kind: String,
    /// Name of the codec, for example `h264`.
    pub codec: String,
    /// Samples a second, 0 where that has no meaning.
    pub sample_rate: u32,
    /// Channels, 0 where that has no meaning.
    pub channels: u32,
    /// The user's remark.
    pub note: String,
    /// GStreamer caps string, stream headers included (extension).
    pub caps: Option<String>,
    /// Serialised GStreamer tag list of the stream (extension).
    pub tags: Option<String>,
    /// Data comes rarely: nobody may wait for it (extension).
    pub sparse: bool,
}

/// The tracks of one TRAK chunk.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tracks(pub Vec<Track>);

/// The seven keys of version 1: no more, no fewer.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Version1Track {
    track_id: u16,
    name: String,
    kind: String,
    codec: String,
    sample_rate: u32,
    channels: u32,
    note: String,
}

#[derive(Serialize)]
struct Json {
    tracks: Vec<Version1Track>,
    #[serde(skip_serializing_if = "Option::is_none")]
    h4x: Option<Extension>,
}

/// What is read: a version 1 file may have keys of its user's beside `tracks`, `h4x` among them.
#[derive(Deserialize)]
struct AnyJson {
    tracks: Vec<Version1Track>,
    #[serde(default)]
    h4x: serde_json::Value,
}

#[derive(Serialize, Deserialize)]
struct Extension {
    version: u32,
    #[serde(default)]
    tracks: BTreeMap<String, ExtendedTrack>,
}

#[derive(Serialize, Deserialize, Default)]
struct ExtendedTrack {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    caps: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tags: Option<String>,
    #[serde(default)]
    sparse: bool,
}

impl Tracks {
    /// The track with this number.
    pub fn get(&self, track_id: u16) -> Option<&Track> {
        self.0.iter().find(|t| t.track_id == track_id)
    }

    /// Reads the JSON of a TRAK chunk that starts at absolute `offset`.
    ///
    /// # Errors
    /// [`Error::Tracks`]: no JSON, a key missing or too many, a number used twice.
    pub fn parse(json: &[u8], offset: u64) -> Result<Self, Error> {
        let error = |reason: String| Error::Tracks { offset, reason };
        if json.len() > MAX_TRACKS_BYTES {
            return Err(error(format!(
                "found {} bytes, expected at most {MAX_TRACKS_BYTES}",
                json.len()
            )));
        }
        let json: AnyJson = serde_json::from_slice(json).map_err(|e| error(e.to_string()))?;
        let ours = json.h4x.get("version").and_then(serde_json::Value::as_u64) == Some(1);
        let mut extended = if ours {
            let extension: Extension =
                serde_json::from_value(json.h4x).map_err(|e| error(format!("\"h4x\": {e}")))?;
            extension.tracks
        } else {
            BTreeMap::new()
        };
        let mut seen = BTreeSet::new();
        let mut tracks = Vec::with_capacity(json.tracks.len());
        for track in json.tracks {
            if !seen.insert(track.track_id) {
                return Err(error(format!(
                    "track_id {} is used twice, expected once",
                    track.track_id
                )));
            }
            let more = extended
                .remove(&track.track_id.to_string())
                .unwrap_or_default();
            tracks.push(track.with(more));
        }
        Ok(Self(tracks))
    }

    /// The JSON of a TRAK chunk, with the extension or as plain version 1.
    pub fn to_json(&self, extensions: bool) -> String {
        let json = Json {
            tracks: self.0.iter().map(Version1Track::from).collect(),
            h4x: extensions.then(|| Extension {
                version: 1,
                tracks: self
                    .0
                    .iter()
                    .map(|t| (t.track_id.to_string(), ExtendedTrack::from(t)))
                    .collect(),
            }),
        };
        // Strings and numbers only: there is nothing in it that JSON can't hold.
        serde_json::to_string(&json).unwrap_or_default()
    }
}

impl Version1Track {
    fn with(self, more: ExtendedTrack) -> Track {
        Track {
            track_id: self.track_id,
            name: self.name,
            kind: self.kind,
            codec: self.codec,
            sample_rate: self.sample_rate,
            channels: self.channels,
            note: self.note,
            caps: more.caps,
            tags: more.tags,
            sparse: more.sparse,
        }
    }
}

impl From<&Track> for Version1Track {
    fn from(track: &Track) -> Self {
        Self {
            track_id: track.track_id,
            name: track.name.clone(),
            kind: track.kind.clone(),
            codec: track.codec.clone(),
            sample_rate: track.sample_rate,
            channels: track.channels,
            note: track.note.clone(),
        }
    }
}

impl From<&Track> for ExtendedTrack {
    fn from(track: &Track) -> Self {
        Self {
            caps: track.caps.clone(),
            tags: track.tags.clone(),
            sparse: track.sparse,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PLAIN: &str = r#"{"tracks":[{"track_id":1,"name":"a","kind":"audio","codec":"opus","sample_rate":48000,"channels":2,"note":""}],"more":[1]}"#;

    #[test]
    fn keys_beside_tracks_are_allowed_and_keys_in_a_track_are_not() {
        assert_eq!(Tracks::parse(PLAIN.as_bytes(), 0).unwrap().0.len(), 1);
        let extra = PLAIN.replace("\"note\":\"\"", "\"note\":\"\",\"x\":1");
        let missing = PLAIN.replace(",\"note\":\"\"", "");
        for bad in [extra, missing] {
            assert!(matches!(
                Tracks::parse(bad.as_bytes(), 16),
                Err(Error::Tracks { offset: 16, .. })
            ));
        }
    }

    #[test]
    fn a_key_of_the_users_that_has_our_name_is_no_error_and_a_broken_one_of_ours_is() {
        let with = |h4x: &str| PLAIN.replace("\"more\":[1]", &format!("\"h4x\":{h4x}"));
        for theirs in ["[1,2]", "\"mine\"", "{\"version\":7,\"tracks\":3}", "null"] {
            let tracks = Tracks::parse(with(theirs).as_bytes(), 0).unwrap();
            assert_eq!(tracks.0[0].caps, None, "{theirs}");
        }
        let broken = with("{\"version\":1,\"tracks\":3}");
        let error = Tracks::parse(broken.as_bytes(), 16).unwrap_err();
        assert!(error.to_string().contains("h4x"), "{error}");
    }

    #[test]
    fn deep_json_is_an_error_and_not_a_crash() {
        let deep = format!(r#"{{"tracks":[],"x":{}"#, "[".repeat(1 << 20));
        assert!(Tracks::parse(deep.as_bytes(), 0).is_err());
    }

    proptest! {
        #[test]
        fn tracks_come_back(name: String, codec: String, caps: Option<String>, tags: Option<String>, ids in proptest::collection::btree_set(any::<u16>(), 0..5), rate: u32, sparse: bool) {
            let tracks = Tracks(ids.into_iter().map(|track_id| Track {
                track_id, name: name.clone(), kind: "video".into(), codec: codec.clone(), sample_rate: rate,
                channels: 2, note: "n".into(), caps: caps.clone(), tags: tags.clone(), sparse,
            }).collect());
            prop_assert_eq!(&Tracks::parse(tracks.to_json(true).as_bytes(), 0).unwrap(), &tracks);
            let plain = Tracks::parse(tracks.to_json(false).as_bytes(), 0).unwrap();
            prop_assert!(plain.0.iter().all(|t| t.caps.is_none()));
        }
    }
}
