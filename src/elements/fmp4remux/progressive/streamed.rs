//! Samples that are placed as they come. `moov` follows at the end, or goes where room was left for it.

use super::super::output::pieces;
use super::super::settings::WriteEdtsMode;
use super::super::streams::{FrameLength, Kind};
use super::spool::Spool;
use super::{MoovPlacement, NewTrack, Options, empty_text, fault, header, skip, wanted};
use crate::elements::collector::{Fault, Output};
use crate::isobmff::boxes::{Placement, file_type, mdat_header, moov, progressive_header};
use crate::isobmff::fragment::Input;
use crate::isobmff::model::Movie;
use crate::isobmff::progressive::reserve::{Expected, fill, free_box, rows};
use crate::isobmff::progressive::{MediaBox, MediaStream, PlaceError, StreamOptions};
use crate::isobmff::tables::TrackTables;

/// An `mdat` is complete when it has so many bytes.
const BOX_BYTES: u64 = 4 << 20;
/// Bytes that wait for other tracks, at most.
const HELD_BYTES: u64 = 8 << 20;
/// Bytes of the header of such an `mdat`.
const MDAT_HEADER: u64 = 8;
/// Room of a track for what is known at the end only: edits, sample groups, another description.
const SPARE_BYTES: u64 = 1024;

#[derive(Debug)]
pub(super) struct Streamed {
    stream: MediaStream<gst::Buffer>,
    /// For each track, once its first sample is there, ticks that are decoded and not presented.
    skips: Vec<Option<u32>>,
    edits: WriteEdtsMode,
    target: Target,
}

#[derive(Debug)]
enum Target {
    /// Boxes go out as they are complete. Where and how large the room for `moov` is.
    Direct(Option<(u64, u64)>),
    Spooled(Spool),
}

impl Streamed {
    pub fn start(
        options: Options,
        movie: &Movie,
        tracks: &[NewTrack],
        out: &mut Output,
    ) -> Result<Self, Fault> {
        let chunk_ns = options.interleave_ns.unwrap_or(u64::MAX);
        let mut placing = StreamOptions {
            chunk_bytes: options.interleave_bytes.unwrap_or(u64::MAX),
            chunk_ns,
            held_bytes: HELD_BYTES,
            box_bytes: BOX_BYTES,
            header: MDAT_HEADER,
            position: 0,
        };
        let target = if options.placement == MoovPlacement::FrontSpool {
            placing.header = 0;
            Target::Spooled(Spool::new()?)
        } else {
            let mut begin = file_type(movie).map_err(|e| fault(None, e))?;
            let mut room = None;
            if options.placement == MoovPlacement::FrontReserve {
                if !out.can_seek() {
                    return Err(fault(
                        None,
                        "moov-placement=front-reserve: downstream can't seek in bytes, expected a sink that can; \
                         front-spool and end need none",
                    ));
                }
                let size = reserved(options, movie, tracks)?;
                room = Some((begin.len() as u64, size));
                begin.extend(room_of(size)?);
            }
            placing.position = begin.len() as u64;
            out.push_buffer(header(begin))?;
            Target::Direct(room)
        };
        let mut streamed = Self {
            stream: MediaStream::new(placing),
            skips: Vec::new(),
            edits: options.edits,
            target,
        };
        tracks.iter().for_each(|track| streamed.add(track));
        Ok(streamed)
    }

    pub fn add(&mut self, new: &NewTrack) {
        self.stream.add(new.spec, new.roll_distance, new.sparse);
        self.skips.push(None);
    }

    pub fn push(
        &mut self,
        track: usize,
        input: Input<gst::Buffer>,
        tracks: &[NewTrack],
        out: &mut Output,
    ) -> Result<(), Fault> {
        if let (Some(begin @ None), Some(new)) = (self.skips.get_mut(track), tracks.get(track)) {
            let clipping = crate::meta::clipping(&input.payload, None);
            *begin = Some(clipping.map_or(0, |c| skip(new, c.start)));
        }
        let pushed = self.stream.push(track, input);
        pushed.map_err(|e| refused(tracks, &e))?;
        self.write(tracks, out)
    }

    pub fn end(
        &mut self,
        track: usize,
        tracks: &[NewTrack],
        out: &mut Output,
    ) -> Result<(), Fault> {
        self.stream.end(track).map_err(|e| refused(tracks, &e))?;
        self.write(tracks, out)
    }

    /// Writes the boxes that are complete.
    fn write(&mut self, tracks: &[NewTrack], out: &mut Output) -> Result<(), Fault> {
        while let Some(media) = self.stream.next_box().map_err(|e| refused(tracks, &e))? {
            match &mut self.target {
                Target::Direct(_) => out.push(list(media))?,
                Target::Spooled(spool) => {
                    for (_, payload) in media.payloads {
                        spool.write(&payload.unwrap_or_else(empty_text))?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Writes `moov`.
    pub fn finish(self, mut movie: Movie, out: &mut Output) -> Result<(), Fault> {
        let end = self.stream.position();
        let mut tables = Vec::with_capacity(movie.tracks.len());
        let skips = self.skips.iter().map(|skip| skip.unwrap_or(0));
        let told = self.stream.finish().into_iter().zip(skips);
        for (((rows, span), skip), track) in told.zip(&mut movie.tracks) {
            let edits = span.edits(skip, track.timescale, movie.timescale);
            track.edits = wanted(self.edits, edits);
            tables.push(rows);
        }
        match self.target {
            Target::Spooled(spool) => {
                let front = progressive_header(&movie, &tables, spool.len());
                out.push_buffer(header(front.map_err(|e| fault(None, e))?))?;
                spool.push(out)
            }
            Target::Direct(room) => {
                let moov = absolute(&movie, &tables)?;
                let Some((position, size)) = room else {
                    return out.push_buffer(header(moov));
                };
                match fill(moov, size) {
                    Ok(filled) => {
                        out.seek(position);
                        out.push_buffer(header(filled))
                    }
                    Err(error) => {
                        let at_end = absolute(&movie, &tables)?;
                        out.push_buffer(header(at_end))?;
                        Err(fault(
                            None,
                            format!(
                                "reserved-max-duration: {error}; moov lies at the end, from byte {end} on, and the \
                                 file plays"
                            ),
                        ))
                    }
                }
            }
        }
    }
}

/// `moov` for chunks whose offsets count from the start of the file.
fn absolute(movie: &Movie, tables: &[TrackTables]) -> Result<Vec<u8>, Fault> {
    let last = tables.iter().flat_map(|t| &t.chunk_offsets).max();
    let placement = Placement {
        payload: 0,
        wide: last.is_some_and(|last| u32::try_from(*last).is_err()),
    };
    moov(movie, tables, placement).map_err(|e| fault(None, e))
}

/// Bytes of the room for `moov`.
fn reserved(options: Options, movie: &Movie, tracks: &[NewTrack]) -> Result<u64, Fault> {
    let duration_ns = options.reserved_ns.ok_or_else(|| {
        fault(
            None,
            "reserved-max-duration: found none, expected how long the file gets at most, for moov-placement=front-reserve",
        )
    })?;
    let expected: Vec<_> = tracks
        .iter()
        .map(|new| Expected {
            rate: rate(new.kind),
            video: matches!(new.kind, Kind::Video { .. }),
        })
        .collect();
    let empty = vec![TrackTables::default(); tracks.len()];
    let bare = absolute(movie, &empty)?.len() as u64;
    let spare = SPARE_BYTES.saturating_mul(1 + tracks.len() as u64);
    let chunk_ns = options.interleave_ns.unwrap_or(duration_ns);
    let rows = rows(&expected, duration_ns, chunk_ns);
    Ok(bare.saturating_add(spare).saturating_add(rows))
}

fn room_of(size: u64) -> Result<Vec<u8>, Fault> {
    free_box(size).map_err(|_| {
        fault(
            None,
            format!("reserved-max-duration: found {size} bytes of room for so long, expected less than 4 GiB"),
        )
    })
}

/// Samples in a second, at most as far as files are usual.
fn rate(kind: Kind) -> u32 {
    const TEXTS: u32 = 10;
    /// Of a video whose rate is not known.
    const PICTURES: u32 = 60;
    match kind {
        Kind::Video {
            frame_duration_ns, ..
        } => frame_duration_ns.map_or(PICTURES, |ns| {
            let rate = gst::ClockTime::SECOND.nseconds().div_ceil(ns.max(1));
            u32::try_from(rate).unwrap_or(u32::MAX)
        }),
        Kind::Audio { frame, rate, .. } => match frame {
            FrameLength::Constant(samples) => rate.div_ceil(samples.max(1)),
            // 10 ms, shorter than usual.
            FrameLength::Opus => 100,
            // As FLAC's fast levels; E-AC-3 in half frames is longer still.
            FrameLength::Flac | FrameLength::Eac3 => rate.div_ceil(768),
        },
        Kind::Text { .. } => TEXTS,
    }
}

/// An `mdat`.
fn list(media: MediaBox<gst::Buffer>) -> gst::BufferList {
    let mut list = gst::BufferList::new_sized(media.payloads.len() + 1);
    if let Some(list) = list.get_mut() {
        list.add(gst::Buffer::from_slice(mdat_header(media.bytes)));
        for (_, payload) in media.payloads {
            pieces(payload.unwrap_or_else(empty_text)).for_each(|piece| list.add(piece));
        }
    }
    list
}

fn refused(tracks: &[NewTrack], error: &PlaceError) -> Fault {
    let track = match error {
        PlaceError::Time { track, .. } => tracks.get(*track),
        PlaceError::File(_) => None,
    };
    fault(track, error)
}
