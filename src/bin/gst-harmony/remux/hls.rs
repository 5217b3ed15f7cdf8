//! `master.m3u8` over the media playlists that the muxers wrote, and the playlists of subtitles.

use std::collections::BTreeMap;
use std::path::Path;

use gstharmony::isobmff::model::{SampleEntry, VideoEntry};
use gstharmony::isobmff::playlist::{
    self, Kind, Media, Multivariant, Rendition, RenditionKind, Segment, Uri, Variant, VideoRange,
};

use super::track::Track;
use crate::failure::{Failure, Outcome};

/// Name of the multivariant playlist.
pub const MASTER: &str = "master.m3u8";

/// Group of the subtitles.
const SUBTITLES: &str = "subtitles";

/// Fragments of one muxer.
#[derive(Debug, Default, Clone)]
pub struct Segments {
    pub count: u64,
    /// One at least does not begin with a key.
    dependent: bool,
    /// Bytes and nanoseconds of each.
    sizes: Vec<(u64, u64)>,
}

/// One fragment, as a muxer tells of it.
pub struct Written {
    duration_ns: u64,
    size: u64,
    key: bool,
}

impl Segments {
    /// Reads the muxer's message; `None` for another one.
    pub fn of(message: &gst::StructureRef) -> Option<Written> {
        if message.name() != "fragment-written" {
            return None;
        }
        Some(Written {
            duration_ns: message.get::<u64>("duration").ok()?,
            size: message.get::<u64>("size").ok()?,
            key: message.get::<bool>("starts-with-key").ok()?,
        })
    }

    /// Counts a fragment.
    pub fn add(&mut self, written: Written) {
        self.count += 1;
        self.dependent |= !written.key;
        self.sizes.push((written.size, written.duration_ns));
    }

    /// Bits a second of the largest. The rest of a stream does not count where it is shorter than half of the longest
    /// (RFC 8216, section 4.1): a picture alone would ask for a bandwidth that nobody needs.
    fn peak(&self) -> u64 {
        let longest = self.sizes.iter().map(|(_, ns)| *ns).max().unwrap_or(0);
        let counted = self
            .sizes
            .iter()
            .filter(|(_, ns)| *ns >= longest.div_ceil(2));
        let rates = counted.map(|(bytes, ns)| bits_a_second(*bytes, *ns));
        rates.max().unwrap_or(0)
    }

    fn average(&self) -> u64 {
        let sum = |(bytes, ns): (u64, u64), (more, longer): &(u64, u64)| {
            (bytes.saturating_add(*more), ns.saturating_add(*longer))
        };
        let (bytes, ns) = self.sizes.iter().fold((0, 0), sum);
        bits_a_second(bytes, ns)
    }
}

fn bits_a_second(bytes: u64, duration_ns: u64) -> u64 {
    let bits = u128::from(bytes) * 8 * 1_000_000_000;
    u64::try_from(bits.div_ceil(u128::from(duration_ns.max(1)))).unwrap_or(u64::MAX)
}

/// Renditions of sound in one codec: a player that has it can play any of them.
#[derive(Debug, Default)]
struct Group {
    id: String,
    codecs: String,
    peak: u64,
    average: u64,
}

/// Everything that goes into the playlist.
struct Master<'a> {
    tracks: &'a [Track],
    segments: &'a BTreeMap<String, Segments>,
    playlist: Multivariant,
}

/// Writes the playlists that no muxer writes.
pub fn finish(folder: &Path, tracks: &[Track], segments: &BTreeMap<String, Segments>) -> Outcome {
    let mut master = Master {
        tracks,
        segments,
        playlist: Multivariant::default(),
    };
    let write = |name: &str, text: String| {
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(|error| Failure::data(&path, error))
    };
    for track in master
        .tracks
        .iter()
        .filter(|track| track.kind == "subtitle")
    {
        let end = master
            .tracks
            .iter()
            .filter_map(|track| track.end_ns)
            .max()
            .unwrap_or(0);
        let text = subtitles(track, u64::try_from(end).unwrap_or(0)).map_err(said)?;
        write(&format!("{}.m3u8", track.name), text)?;
    }
    master.fill().map_err(said)?;
    write(MASTER, master.playlist.render().map_err(said)?)
}

fn said(error: playlist::Error) -> Failure {
    Failure::Data(format!("{MASTER}: {error}"))
}

/// A playlist of one WebVTT file, which lasts as long as the presentation.
fn subtitles(track: &Track, end_ns: u64) -> Result<String, playlist::Error> {
    let mut media = Media::new(Kind::Vod, 1, 0)?;
    media.push(&Segment {
        uri: Uri::from_file_name(&format!("{}.vtt", track.name))?,
        range: None,
        duration_ns: end_ns.max(1),
        independent: true,
        discontinuity: false,
    })?;
    media.end();
    Ok(media.render())
}

impl Master<'_> {
    fn of(&self, track: &Track) -> Segments {
        self.segments.get(&track.name).cloned().unwrap_or_default()
    }

    fn fill(&mut self) -> Result<(), playlist::Error> {
        let videos = self
            .tracks
            .iter()
            .filter(|track| track.kind == "video")
            .count();
        let audios = self
            .tracks
            .iter()
            .filter(|track| track.kind == "audio")
            .count();
        self.playlist.independent = self.segments.values().all(|segments| !segments.dependent);
        // Sound that is the only track, or all there is, is a variant and needs no choice.
        let groups = if videos > 0 || audios > 1 {
            self.groups()?
        } else {
            Vec::new()
        };
        let text = self.renditions("subtitle", |_| SUBTITLES.to_owned())?;
        let subtitles = (!text.is_empty()).then(|| SUBTITLES.to_owned());
        self.playlist.renditions.extend(text);
        let mut variants = Vec::new();
        for track in self.tracks.iter().filter(|track| track.kind == "video") {
            let alone = self.variant(track, None, subtitles.as_ref())?;
            if groups.is_empty() {
                variants.push(alone);
                continue;
            }
            for group in &groups {
                variants.push(self.variant(track, Some(group), subtitles.as_ref())?);
            }
        }
        if videos == 0 {
            for track in self.tracks.iter().filter(|track| track.kind == "audio") {
                let mut variant = self.variant(track, None, subtitles.as_ref())?;
                let codecs = codecs(track);
                let group = groups.iter().find(|group| group.codecs == codecs);
                // One variant for each group: its renditions are chosen among.
                if let Some(group) = group {
                    variant.audio = Some(group.id.clone());
                    if variants
                        .iter()
                        .any(|other: &Variant| other.audio == variant.audio)
                    {
                        continue;
                    }
                    (variant.bandwidth, variant.average_bandwidth) =
                        (group.peak, Some(group.average));
                }
                variants.push(variant);
            }
        }
        self.playlist.variants = variants;
        Ok(())
    }

    /// Audio renditions, and their groups.
    fn groups(&mut self) -> Result<Vec<Group>, playlist::Error> {
        let mut groups: Vec<Group> = Vec::new();
        for track in self.tracks.iter().filter(|track| track.kind == "audio") {
            let (segments, codecs) = (self.of(track), codecs(track));
            let at = groups
                .iter()
                .position(|group| group.codecs == codecs)
                .unwrap_or_else(|| {
                    let number = groups.len() + 1;
                    let id = if number == 1 {
                        "audio".to_owned()
                    } else {
                        format!("audio-{number}")
                    };
                    groups.push(Group {
                        id,
                        codecs,
                        ..Group::default()
                    });
                    number - 1
                });
            if let Some(group) = groups.get_mut(at) {
                group.peak = group.peak.max(segments.peak());
                group.average = group.average.max(segments.average());
            }
        }
        let group = |track: &Track| {
            let codecs = codecs(track);
            let found = groups.iter().find(|group| group.codecs == codecs);
            found.map_or_else(String::new, |group| group.id.clone())
        };
        let renditions = self.renditions("audio", group)?;
        self.playlist.renditions.extend(renditions);
        Ok(groups)
    }

    fn renditions(
        &self,
        kind: &str,
        group: impl Fn(&Track) -> String,
    ) -> Result<Vec<Rendition>, playlist::Error> {
        let mut list: Vec<Rendition> = Vec::new();
        let audio = kind == "audio";
        for track in self.tracks.iter().filter(|track| track.kind == kind) {
            let group = group(track);
            let language = track
                .described
                .as_ref()
                .map(|d| d.language.clone())
                .unwrap_or_default();
            let among = || list.iter().filter(|other| other.group == group);
            let name = name(track, &language);
            let taken = among().any(|other| other.name == name);
            let channels = track
                .described
                .as_ref()
                .and_then(|described| match &described.entry {
                    SampleEntry::Audio(entry) => Some(u32::from(entry.channels)),
                    _ => None,
                });
            let rendition = Rendition {
                kind: if audio {
                    RenditionKind::Audio
                } else {
                    RenditionKind::Subtitles
                },
                // Subtitles are shown when they are asked for.
                default: audio && among().next().is_none(),
                name: if taken {
                    format!("{name} ({})", track.name)
                } else {
                    name
                },
                group,
                language,
                autoselect: true,
                forced: false,
                channels,
                uri: Uri::from_file_name(&format!("{}.m3u8", track.name))?,
            };
            list.push(rendition);
        }
        Ok(list)
    }

    fn variant(
        &self,
        track: &Track,
        group: Option<&Group>,
        subtitles: Option<&String>,
    ) -> Result<Variant, playlist::Error> {
        let segments = self.of(track);
        let (peak, average) = group.map_or((0, 0), |group| (group.peak, group.average));
        let video = track
            .described
            .as_ref()
            .and_then(|described| match &described.entry {
                SampleEntry::Video(entry) => {
                    Some((entry, described.orientation.quarter_turns % 2 == 1))
                }
                _ => None,
            });
        let codecs = [
            codecs(track),
            group.map(|group| group.codecs.clone()).unwrap_or_default(),
        ];
        Ok(Variant {
            uri: Uri::from_file_name(&format!("{}.m3u8", track.name))?,
            bandwidth: segments.peak().saturating_add(peak),
            average_bandwidth: Some(segments.average().saturating_add(average)),
            codecs: codecs
                .into_iter()
                .filter(|codecs| !codecs.is_empty())
                .collect(),
            resolution: video.map(|(entry, turned)| size(entry, turned)),
            frame_rate: track.frame_rate,
            video_range: video.and_then(|(entry, _)| range(entry)),
            audio: group.map(|group| group.id.clone()),
            subtitles: subtitles.cloned(),
        })
    }
}

fn codecs(track: &Track) -> String {
    track
        .described
        .as_ref()
        .map(|described| described.codecs.clone())
        .unwrap_or_default()
}

/// What a player offers: the stream's title, its language, or its number.
fn name(track: &Track, language: &str) -> String {
    let clean: String = track
        .title
        .iter()
        .flat_map(|title| title.chars())
        .filter(|c| *c != '"' && !c.is_control())
        .collect();
    match (clean.trim(), language) {
        ("", "") => track.name.clone(),
        ("", language) => language.to_owned(),
        (title, _) => title.to_owned(),
    }
}

/// Size at which the picture is shown, in square pixels.
fn size(entry: &VideoEntry, turned: bool) -> (u32, u32) {
    let (width, height) = (u32::from(entry.width), u32::from(entry.height));
    let (wide, high) = entry.pixel_aspect.unwrap_or((1, 1));
    let shown = u64::from(width) * u64::from(wide) / u64::from(high.max(1));
    let width = u32::try_from(shown).unwrap_or(u32::MAX);
    if turned {
        (height, width)
    } else {
        (width, height)
    }
}

/// By the transfer characteristics; none where they are not known.
fn range(entry: &VideoEntry) -> Option<VideoRange> {
    Some(match entry.colour?.transfer {
        16 => VideoRange::Pq,
        18 => VideoRange::Hlg,
        _ => VideoRange::Sdr,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_rest_sets_no_bandwidth() {
        let second = 1_000_000_000;
        let mut segments = Segments::default();
        for (size, duration_ns) in [(1000, 2 * second), (1500, 2 * second), (500, second / 100)] {
            segments.add(Written {
                duration_ns,
                size,
                key: true,
            });
        }
        assert_eq!(segments.peak(), 6000);
        assert_eq!(segments.average(), 5986);
        assert_eq!(
            (Segments::default().peak(), Segments::default().average()),
            (0, 0)
        );
    }
}
