//! Progressive output: all samples in one `moov`, before the media or behind them.
//!
//! The muxer describes its tracks, hands samples over in the order in which they come, and is told nothing of where
//! `moov` goes: [`known`] writes it first because upstream has told all samples, [`streamed`] places samples as they
//! come, in boxes of bounded size that go out at once or, in one box, in a temporary file ([`spool`]).

mod known;
mod spool;
mod streamed;
mod table;
#[cfg(test)]
mod tests;

use gst::glib;

use super::settings::WriteEdtsMode;
use super::streams::Kind;
use crate::elements::collector::{Fault, Output, Slot};
use crate::isobmff::fragment::{EMPTY_SIZE, Input, TrackSpec};
use crate::isobmff::model::{Edit, Movie, SampleEntry, Track};
use crate::isobmff::progressive::is_plain;
use crate::isobmff::timing::rescaled;

/// The property `moov-placement`.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstFmp4RemuxMoovPlacement")]
pub enum MoovPlacement {
    /// From the samples that upstream tells.
    #[enum_value(
        name = "First, from the sample tables that upstream tells; one pass",
        nick = "front-exact"
    )]
    FrontExact,
    /// In room of a fixed size.
    #[enum_value(
        name = "First, in room for reserved-max-duration; downstream must seek",
        nick = "front-reserve"
    )]
    FrontReserve,
    /// Behind a temporary file.
    #[enum_value(
        name = "First; the media wait in a temporary file",
        nick = "front-spool"
    )]
    #[default]
    FrontSpool,
    /// At the end.
    #[enum_value(name = "Last; nothing waits and nobody seeks", nick = "end")]
    End,
}

/// What the properties say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Where `moov` goes.
    pub placement: MoovPlacement,
    /// For how many nanoseconds room is reserved.
    pub reserved_ns: Option<u64>,
    /// Bytes of a track that lie in a row.
    pub interleave_bytes: Option<u64>,
    /// Nanoseconds of a track that lie in a row.
    pub interleave_ns: Option<u64>,
    /// Which tracks get edits.
    pub edits: WriteEdtsMode,
}

/// A track before its first sample.
#[derive(Debug, Clone)]
pub struct NewTrack {
    /// The collector's number of its pad.
    pub slot: Slot,
    /// Its pad.
    pub pad: gst::Pad,
    /// What the boxes say; its edits are filled in here.
    pub track: Track,
    /// What decides its times.
    pub spec: TrackSpec,
    /// What it holds.
    pub kind: Kind,
    /// For the group `roll`.
    pub roll_distance: Option<i16>,
    /// Bytes at the start of every buffer that are no part of its sample (AV1: a temporal delimiter).
    pub prefix: u32,
    /// Nobody waits for it.
    pub sparse: bool,
}

/// Describes the samples of a track by caps that come later, or says why that can't be.
pub type Describe<'a> = dyn FnMut(usize, &gst::Caps) -> Result<SampleEntry, String> + 'a;

/// The same for one track.
type DescribeCaps<'a> = dyn FnMut(&gst::Caps) -> Result<SampleEntry, String> + 'a;

/// A progressive file that is being written.
#[derive(Debug)]
pub struct Progressive {
    movie: Movie,
    tracks: Vec<NewTrack>,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Known(known::Known),
    Streamed(Box<streamed::Streamed>),
}

impl Progressive {
    /// Begins a file: `movie` has everything but its tracks.
    ///
    /// # Errors
    /// When upstream tells no sample table that is asked for, or it can't be; when a box can't hold what it has to.
    pub fn start(
        options: Options,
        mut movie: Movie,
        mut tracks: Vec<NewTrack>,
        describe: &mut Describe<'_>,
        out: &mut Output,
    ) -> Result<Self, Fault> {
        let body = if options.placement == MoovPlacement::FrontExact {
            let known = known::Known::start(options, &mut movie, &mut tracks, describe, out)?;
            Body::Known(known)
        } else {
            movie.tracks = tracks.iter().map(|t| t.track.clone()).collect();
            let streamed = streamed::Streamed::start(options, &movie, &tracks, out)?;
            Body::Streamed(Box::new(streamed))
        };
        Ok(Self {
            movie,
            tracks,
            body,
        })
    }

    /// A track that comes late.
    ///
    /// # Errors
    /// Where `moov` is written.
    pub fn add(&mut self, new: NewTrack) -> Result<(), Fault> {
        match &mut self.body {
            Body::Known(_) => Err(Fault::Mux {
                slot: Some(new.slot),
                reason: "found a late stream, expected all streams before the first buffer, as front-exact \
                         writes moov then"
                    .to_string(),
            }),
            Body::Streamed(streamed) => {
                streamed.add(&new);
                self.movie.tracks.push(new.track.clone());
                self.tracks.push(new);
                Ok(())
            }
        }
    }

    /// The samples of a track are described by this from here on; the number for their [`Input::entry`].
    ///
    /// # Errors
    /// Where `moov` is written and has another description.
    pub fn describe(&mut self, track: usize, entry: &SampleEntry) -> Result<u32, Fault> {
        let Some(described) = self.movie.tracks.get_mut(track) else {
            return Ok(0);
        };
        let before = described.entries.len();
        let place = entry_place(described, entry);
        if matches!(self.body, Body::Known(_)) && described.entries.len() > before {
            let reason = "found caps that its sample table does not tell, and moov is written, expected those told";
            return Err(fault(self.tracks.get(track), reason));
        }
        Ok(place)
    }

    /// Takes a track's next sample, in decoding order.
    ///
    /// # Errors
    /// When its times can't be, it is not the sample that was told, or it does not go out.
    pub fn push(
        &mut self,
        track: usize,
        input: Input<gst::Buffer>,
        out: &mut Output,
    ) -> Result<(), Fault> {
        match &mut self.body {
            Body::Known(known) => known.push(track, input, &self.tracks, out),
            Body::Streamed(streamed) => streamed.push(track, input, &self.tracks, out),
        }
    }

    /// A track has no more samples.
    ///
    /// # Errors
    /// As [`Progressive::push`].
    pub fn end(&mut self, track: usize, out: &mut Output) -> Result<(), Fault> {
        match &mut self.body {
            Body::Known(known) => known.end(track, &self.tracks, out),
            Body::Streamed(streamed) => streamed.end(track, &self.tracks, out),
        }
    }

    /// Ends the file: what came is playable from here on, after an error too.
    ///
    /// # Errors
    /// As [`Progressive::push`]; when the room for `moov` is too small, which then lies at the end.
    pub fn finish(mut self, out: &mut Output) -> Result<(), Fault> {
        for track in 0..self.tracks.len() {
            self.end(track, out)?;
        }
        match self.body {
            Body::Known(_) => Ok(()),
            Body::Streamed(streamed) => streamed.finish(self.movie, out),
        }
    }
}

/// The place of a description among the track's, where it is added unless it is there.
fn entry_place(track: &mut Track, entry: &SampleEntry) -> u32 {
    let known = track.entries.iter().position(|e| e == entry);
    let place = known.unwrap_or_else(|| {
        track.entries.push(entry.clone());
        track.entries.len() - 1
    });
    u32::try_from(place).unwrap_or(u32::MAX)
}

/// An error of one track, or of the whole file.
fn fault(track: Option<&NewTrack>, reason: impl ToString) -> Fault {
    Fault::Mux {
        slot: track.map(|t| t.slot),
        reason: reason.to_string(),
    }
}

/// A sample that shows no text.
fn empty_text() -> gst::Buffer {
    gst::Buffer::from_slice([0; EMPTY_SIZE as usize])
}

/// The edits of a track, as far as they are wanted.
fn wanted(mode: WriteEdtsMode, edits: Vec<Edit>) -> Vec<Edit> {
    match mode {
        WriteEdtsMode::Never => Vec::new(),
        WriteEdtsMode::Auto if is_plain(&edits) => Vec::new(),
        WriteEdtsMode::Auto | WriteEdtsMode::Always => edits,
    }
}

/// Ticks of a track's first sample that are decoded and not heard, of the samples that are clipped from its start.
fn skip(new: &NewTrack, clipped: u64) -> u32 {
    let Kind::Audio { rate, .. } = new.kind else {
        return 0;
    };
    let ticks = rescaled(signed(clipped), new.spec.timescale, rate);
    u32::try_from(ticks).unwrap_or(u32::MAX)
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Bytes of boxes.
fn header(bytes: Vec<u8>) -> gst::Buffer {
    let mut buffer = gst::Buffer::from_slice(bytes);
    buffer.make_mut().set_flags(gst::BufferFlags::HEADER);
    buffer
}
