//! Files whose samples are placed as they come, and whose tables are known at the end.

use super::{Chunk, ChunkLimits, Interleaver, Item, ProgressiveError, TablesBuilder, TrackSpan};
use crate::isobmff::fragment::{Input, Payload, Placed, TrackQueue, TrackSpec, Until, boxed};
use crate::isobmff::model::Sample;
use crate::isobmff::tables::TrackTables;
use crate::isobmff::timing::{TimingError, nanoseconds};

/// How samples are placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamOptions {
    /// Bytes of a chunk.
    pub chunk_bytes: u64,
    /// Nanoseconds of a chunk.
    pub chunk_ns: u64,
    /// Bytes that wait for other tracks, at most.
    pub held_bytes: u64,
    /// A box of media is complete when it has so many bytes.
    pub box_bytes: u64,
    /// Bytes before the media of each box.
    pub header: u64,
    /// Where the first box begins.
    pub position: u64,
}

/// Why a sample can't be placed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// Of one track.
    #[error("{error}")]
    Time {
        /// Number of the track, from 0.
        track: usize,
        /// What is wrong.
        error: TimingError,
    },
    /// Of the file.
    #[error(transparent)]
    File(#[from] ProgressiveError),
}

/// What lies in one box, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaBox<T> {
    /// Bytes of all payloads.
    pub bytes: u64,
    /// Each with the number of its track.
    pub payloads: Vec<Payload<T>>,
}

#[derive(Debug)]
struct Lane<T> {
    queue: TrackQueue<T>,
    timescale: u32,
    builder: TablesBuilder,
    span: TrackSpan,
}

/// Gives samples their times and places.
#[derive(Debug)]
pub struct MediaStream<T> {
    options: StreamOptions,
    lanes: Vec<Lane<T>>,
    turns: Interleaver<(Placed<T>, Sample)>,
    open: MediaBox<T>,
    /// Where the open box begins.
    position: u64,
}

impl<T> MediaStream<T> {
    /// No tracks yet.
    pub fn new(options: StreamOptions) -> Self {
        Self {
            options,
            lanes: Vec::new(),
            turns: Interleaver::new(options.chunk_bytes, options.chunk_ns, options.held_bytes),
            open: MediaBox {
                bytes: 0,
                payloads: Vec::new(),
            },
            position: options.position,
        }
    }

    /// Adds a track; decoding of each of its samples has to begin `roll_distance` samples earlier, which is below 0.
    pub fn add(&mut self, spec: TrackSpec, roll_distance: Option<i16>, sparse: bool) {
        let limits = ChunkLimits::new(
            self.options.chunk_bytes,
            self.options.chunk_ns,
            spec.timescale,
        );
        self.turns.add(sparse);
        self.lanes.push(Lane {
            queue: TrackQueue::new(spec),
            timescale: spec.timescale,
            builder: TablesBuilder::new(limits, roll_distance),
            span: TrackSpan::default(),
        });
    }

    /// Takes a track's next sample, in decoding order.
    ///
    /// # Errors
    /// When its time can't be.
    pub fn push(&mut self, track: usize, input: Input<T>) -> Result<(), PlaceError> {
        if let Some(lane) = self.lanes.get_mut(track) {
            lane.queue.push(input).map_err(of(track))?;
        }
        self.take(track, Until::Ready)
    }

    /// A track has no more samples.
    ///
    /// # Errors
    /// As [`MediaStream::push`].
    pub fn end(&mut self, track: usize) -> Result<(), PlaceError> {
        match self.lanes.get_mut(track) {
            Some(lane) if !lane.queue.has_ended() => lane.queue.end().map_err(of(track))?,
            _ => return Ok(()),
        }
        self.take(track, Until::End)?;
        self.turns.end(track);
        Ok(())
    }

    /// Samples whose duration is known wait for their turn.
    fn take(&mut self, track: usize, until: Until) -> Result<(), PlaceError> {
        let Some(lane) = self.lanes.get_mut(track) else {
            return Ok(());
        };
        let timescale = lane.timescale;
        for placed in lane.queue.take(until).map_err(of(track))? {
            let sample = boxed(&placed, timescale).map_err(of(track))?;
            let item = Item {
                time_ns: nanoseconds(placed.dts, timescale),
                duration_ns: u64::try_from(nanoseconds(i64::from(placed.duration), timescale))
                    .unwrap_or(0),
                size: placed.size,
                entry: placed.entry,
                payload: (placed, sample),
            };
            self.turns.push(track, item);
        }
        Ok(())
    }

    /// The next box that is complete; after the end of all tracks, what is left.
    ///
    /// # Errors
    /// When the file gets too large.
    pub fn next_box(&mut self) -> Result<Option<MediaBox<T>>, PlaceError> {
        while let Some(chunk) = self.turns.next_chunk() {
            self.place(chunk)?;
            if self.open.bytes >= self.options.box_bytes {
                return Ok(self.close());
            }
        }
        let ended = self.lanes.iter().all(|lane| lane.queue.has_ended());
        Ok(if ended { self.close() } else { None })
    }

    fn close(&mut self) -> Option<MediaBox<T>> {
        if self.open.payloads.is_empty() {
            return None;
        }
        let empty = MediaBox {
            bytes: 0,
            payloads: Vec::new(),
        };
        let closed = std::mem::replace(&mut self.open, empty);
        self.position = self.end_of(closed.bytes);
        Some(closed)
    }

    fn end_of(&self, bytes: u64) -> u64 {
        let media = self.position.saturating_add(self.options.header);
        media.saturating_add(bytes)
    }

    fn place(&mut self, chunk: Chunk<(Placed<T>, Sample)>) -> Result<(), PlaceError> {
        for item in chunk.samples {
            let (placed, sample) = item.payload;
            let offset = self.end_of(self.open.bytes);
            if let Some(lane) = self.lanes.get_mut(chunk.track) {
                lane.builder.push(&sample, offset)?;
                lane.span.push(placed.pts, placed.dts, placed.duration);
            }
            self.open.bytes = self.open.bytes.saturating_add(u64::from(sample.size));
            self.open.payloads.push((chunk.track, placed.payload));
        }
        Ok(())
    }

    /// Where the next box begins.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The tables of all tracks, and what they show.
    pub fn finish(self) -> Vec<(TrackTables, TrackSpan)> {
        let lanes = self.lanes.into_iter();
        lanes
            .map(|lane| (lane.builder.finish(), lane.span))
            .collect()
    }
}

fn of(track: usize) -> impl Fn(TimingError) -> PlaceError {
    move |error| PlaceError::Time { track, error }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isobmff::fragment::Media;

    const MS: i64 = 1_000_000;

    fn input(pts_ms: i64, size: u32, sync: bool) -> Input<u32> {
        Input {
            pts_ns: pts_ms * MS,
            duration_ns: None,
            frame: 960,
            even: true,
            trim: 0,
            sync,
            size,
            entry: 0,
            payload: size,
        }
    }

    fn video() -> TrackSpec {
        TrackSpec {
            timescale: 1000,
            media: Media::Video {
                depth: 1,
                delay: 40,
                frame: Some(40),
            },
            first: None,
        }
    }

    fn audio() -> TrackSpec {
        TrackSpec {
            timescale: 48_000,
            media: Media::Audio { unit: None },
            first: None,
        }
    }

    fn options() -> StreamOptions {
        StreamOptions {
            chunk_bytes: u64::MAX,
            chunk_ns: 100 * MS as u64,
            held_bytes: 1 << 20,
            box_bytes: 1000,
            header: 8,
            position: 24,
        }
    }

    /// I B P of 40 ms each, and audio beside them.
    fn filled() -> (MediaStream<u32>, Vec<MediaBox<u32>>) {
        let mut stream = MediaStream::new(options());
        stream.add(video(), None, false);
        stream.add(audio(), None, false);
        let mut boxes = Vec::new();
        for (n, pts) in [0, 80, 40, 120, 200, 160].into_iter().enumerate() {
            stream
                .push(0, input(pts, 400 + n as u32, n % 3 == 0))
                .unwrap();
            for half in 0..2 {
                let at = n as i64 * 40 + half * 20;
                stream.push(1, input(at, 100, true)).unwrap();
            }
            boxes.extend(std::iter::from_fn(|| stream.next_box().unwrap()));
        }
        stream.end(0).unwrap();
        stream.end(1).unwrap();
        boxes.extend(std::iter::from_fn(|| stream.next_box().unwrap()));
        (stream, boxes)
    }

    #[test]
    fn every_sample_lies_where_its_table_says() {
        let (stream, boxes) = filled();
        let mut at = 24;
        let mut places = [Vec::new(), Vec::new()];
        for media in &boxes {
            at += 8;
            for (track, payload) in &media.payloads {
                let size = u64::from(payload.unwrap());
                places[*track].push((at, size));
                at += size;
            }
        }
        assert!(boxes.len() > 1, "boxes are bounded");
        assert_eq!(stream.position(), at);
        for ((tables, _), places) in stream.finish().into_iter().zip(places) {
            let total: u32 = tables.durations.iter().map(|r| r.count).sum();
            assert_eq!(total as usize, places.len());
            for offset in &tables.chunk_offsets {
                assert!(places.iter().any(|(at, _)| at == offset), "{offset}");
            }
        }
    }

    #[test]
    fn the_edit_takes_the_decoder_s_delay_back() {
        let (stream, _) = filled();
        let tracks = stream.finish();
        let edits = tracks[0].1.edits(0, 1000, 1000);
        assert_eq!((edits[0].media_time, edits[0].duration), (Some(40), 240));
        assert!(super::super::is_plain(&tracks[1].1.edits(0, 48_000, 1000)));
        assert_eq!(tracks[0].0.sync, Some(vec![1, 4]));
    }

    #[test]
    fn a_time_that_can_not_be_names_its_track() {
        let mut stream = MediaStream::new(options());
        stream.add(audio(), None, false);
        stream.push(0, input(40, 1, true)).unwrap();
        let error = stream.push(0, input(20, 1, true)).unwrap_err();
        assert!(matches!(error, PlaceError::Time { track: 0, .. }));
        assert!(error.to_string().contains("backward"), "{error}");
    }
}
