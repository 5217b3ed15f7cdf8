//! Stores of real files, and what pipelines decode of them.

use std::path::PathBuf;

use gst::prelude::*;

use crate::common::opus::Opus;
use crate::common::pipeline::{PATIENCE, launch, quoted, run};

/// The decoder; without phase inversion stereo is not what libopus gives.
pub const DECODER: &str = "opusdec phase-inversion=true";

/// A store on disk.
pub struct Store {
    folder: tempfile::TempDir,
}

impl Store {
    /// The store of a file.
    pub fn of(file: Opus) -> Self {
        Self::with(file, "")
    }

    /// The store of a file, with properties of the indexer.
    pub fn with(file: Opus, properties: &str) -> Self {
        let store = Self::empty();
        let pipeline = launch(&format!(
            "{} ! opusindexer {properties} location={} ! fakesink sync=false async=false",
            file.source(),
            quoted(&store.path())
        ));
        run(&pipeline).good();
        store
    }

    /// A store with a link for each file.
    pub fn chained(files: &[Opus]) -> Self {
        let store = Self::empty();
        let mut indexer = store.indexer("");
        for file in files {
            assert!(indexer.push_event(gst::event::StreamStart::new(file.name)));
            let samples = demuxed(*file);
            indexer.set_src_caps(samples[0].caps_owned().expect("caps"));
            for sample in samples {
                let buffer = sample.buffer_owned().expect("a buffer");
                indexer.push(buffer).expect("the packet is written");
            }
        }
        assert!(indexer.push_event(gst::event::Eos::new()));
        store
    }

    /// `opusindexer` with more properties, which writes to this store.
    pub fn indexer(&self, properties: &str) -> gst_check::Harness {
        crate::common::init();
        let path = quoted(&self.path());
        let line = format!("opusindexer location={path} {properties}");
        gst_check::Harness::new_parse(&line)
    }

    /// A folder where a store can be made.
    pub fn empty() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    pub fn path(&self) -> PathBuf {
        // A space and a sign that URIs escape.
        self.folder.path().join("a store#1.zarr")
    }

    /// `opusindexsrc` with this store and more properties.
    pub fn source(&self, properties: &str) -> String {
        let path = quoted(&self.path());
        format!("opusindexsrc name=source location={path} {properties}")
    }

    /// Packets that are committed.
    pub fn committed(&self) -> u64 {
        let store = gstharmony::opus_store::OpusStore::open(self.path()).expect("a store");
        store.attributes().committed_packets
    }

    /// All that a source with these properties gives.
    pub fn decode(&self, properties: &str) -> Decoded {
        Player::new(&self.source(properties)).decode()
    }
}

/// Decoded samples that follow each other in a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The PCM sample of the stream that the first is, by its stream time.
    pub first: u64,
    /// Running time of the first, in ns.
    pub running: u64,
    /// Interleaved.
    pub samples: Vec<i16>,
}

/// What came out of a decoder, in runs.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Decoded {
    pub channels: usize,
    pub runs: Vec<Run>,
}

impl Decoded {
    /// The only run.
    pub fn run(&self) -> &Run {
        assert_eq!(self.runs.len(), 1, "{:?}", self.places());
        &self.runs[0]
    }

    /// First sample and count of each run.
    pub fn places(&self) -> Vec<(u64, usize)> {
        let place = |run: &Run| (run.first, run.samples.len() / self.channels);
        self.runs.iter().map(place).collect()
    }

    /// Samples of all runs.
    pub fn count(&self) -> usize {
        self.places().iter().map(|(_, count)| count).sum()
    }

    /// PCM samples `[start, stop)`, interleaved, of what was decoded from the start.
    pub fn part(&self, start: u64, stop: u64) -> &[i16] {
        let run = self.run();
        let at = |sample: u64| (sample - run.first) as usize * self.channels;
        &run.samples[at(start)..at(stop)]
    }

    pub fn add(&mut self, sample: &gst::Sample) {
        let caps = sample.caps().expect("caps").structure(0).expect("one");
        self.channels = caps.get::<i32>("channels").expect("channels") as usize;
        assert_eq!(caps.get::<i32>("rate"), Ok(48_000));
        let buffer = sample.buffer().expect("a buffer");
        let segment = sample.segment().expect("a segment");
        let segment = segment.downcast_ref::<gst::ClockTime>().expect("in TIME");
        let place = segment
            .to_stream_time(buffer.pts())
            .expect("in the segment");
        let first = (place.nseconds() * 3 + 31_250) / 62_500;
        let running = segment
            .to_running_time(buffer.pts())
            .expect("in the segment");
        let bytes = buffer.map_readable().expect("readable");
        let (pairs, rest) = bytes.as_chunks::<2>();
        assert!(rest.is_empty());
        let samples = pairs.iter().map(|pair| i16::from_le_bytes(*pair));
        match self.runs.last_mut() {
            Some(run) if run.first + (run.samples.len() / self.channels) as u64 == first => {
                run.samples.extend(samples);
            }
            _ => self.runs.push(Run {
                first,
                running: running.nseconds(),
                samples: samples.collect(),
            }),
        }
    }
}

/// A source into a decoder into an `appsink`.
pub struct Player {
    pub pipeline: gst::Pipeline,
    sink: gst_app::AppSink,
}

impl Player {
    pub fn new(source: &str) -> Self {
        Self::through(source, DECODER)
    }

    pub fn through(source: &str, decoder: &str) -> Self {
        let pipeline = launch(&format!(
            "{source} ! {decoder} ! appsink name=sink sync=false max-buffers=8 wait-on-eos=false"
        ));
        let sink = pipeline.by_name("sink").expect("the sink");
        Self {
            pipeline,
            sink: sink.downcast().expect("an appsink"),
        }
    }

    /// A source that is made already.
    pub fn of(source: gst::Element) -> Self {
        let player = Self::new("identity name=identity");
        let identity = player.pipeline.by_name("identity").expect("it is there");
        player.pipeline.add(&source).expect("the source is added");
        source.link(&identity).expect("the source is linked");
        player
    }

    /// A URI in `playbin`.
    pub fn playbin(uri: &str) -> Self {
        let pipeline = launch("playbin name=playbin");
        let caps = "audio/x-raw,format=S16LE"
            .parse::<gst::Caps>()
            .expect("caps");
        let sink = gst_app::AppSink::builder()
            .caps(&caps)
            .sync(false)
            .max_buffers(8)
            .wait_on_eos(false)
            .build();
        pipeline.set_property("uri", uri);
        pipeline.set_property("audio-sink", &sink);
        Self { pipeline, sink }
    }

    /// The source element.
    pub fn source(&self) -> gst::Element {
        self.pipeline.by_name("source").expect("the source")
    }

    pub fn state(&self, state: gst::State) {
        self.pipeline.set_state(state).expect("the state changes");
        let (result, ..) = self.pipeline.state(PATIENCE);
        result.unwrap_or_else(|_| panic!("no {state:?}: {:?}", self.messages()));
    }

    pub fn messages(&self) -> Vec<gst::Message> {
        self.pipeline.bus().expect("a bus").iter().collect()
    }

    /// The next message of a kind; fails the test on an error.
    pub fn wait(&self, kind: gst::MessageType) -> gst::Message {
        let bus = self.pipeline.bus().expect("a bus");
        let message = bus
            .timed_pop_filtered(PATIENCE, &[kind, gst::MessageType::Error])
            .expect("the message comes");
        assert_eq!(message.type_(), kind, "{message:?}");
        message
    }

    /// The next sample; none at the end.
    pub fn pull(&self) -> Option<gst::Sample> {
        let sample = self.sink.try_pull_sample(PATIENCE);
        assert!(
            sample.is_some() || self.sink.is_eos(),
            "{:?}",
            self.messages()
        );
        sample
    }

    /// Adds samples to what was decoded until there are so many.
    pub fn pull_to(&self, decoded: &mut Decoded, count: usize) {
        while decoded.runs.is_empty() || decoded.count() < count {
            decoded.add(&self.pull().expect("more samples"));
        }
    }

    /// All that comes to the end.
    pub fn rest(&self) -> Decoded {
        let mut decoded = Decoded::default();
        while let Some(sample) = self.pull() {
            decoded.add(&sample);
        }
        decoded
    }

    /// Plays to the end.
    pub fn decode(&self) -> Decoded {
        self.pipeline
            .set_state(gst::State::Playing)
            .expect("it plays");
        self.rest()
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        // A test that fails has said so.
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

/// The packets of a file.
pub fn demuxed(file: Opus) -> Vec<gst::Sample> {
    let demuxed = Player::through(&file.source(), "identity");
    demuxed
        .pipeline
        .set_state(gst::State::Playing)
        .expect("it plays");
    std::iter::from_fn(|| demuxed.pull()).collect()
}

/// The whole file, from its start.
pub fn sequential(file: Opus) -> Decoded {
    let decoded = Player::new(&file.source()).decode();
    assert_eq!(decoded.run().first, 0);
    decoded
}
