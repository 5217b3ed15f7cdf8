//! The sound of a file, link by link, into one indexer.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use gst::prelude::*;

use super::index::Wishes;
use crate::failure::{Failure, Outcome};
use crate::remux::codecs::{description, make};
use crate::remux::output::{add, join};
use crate::remux::track::{encoder, lock};
use crate::session::{Fault, Session};

/// A stream that is there and is not indexed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Its number among the streams of sound of its link.
    pub stream: usize,
    pub codec: String,
}

/// What is known of the streams so far.
pub struct Links {
    input: PathBuf,
    wishes: Wishes,
    pipeline: gst::glib::WeakRef<gst::Pipeline>,
    /// Pads of a link, until its first packet: all of them are there then.
    waiting: Vec<gst::Pad>,
    /// The indexer's pad, once there is something to index.
    indexer: Option<gst::Pad>,
    /// The link whose packets go to the indexer: the last pad before it.
    current: Option<gst::Pad>,
    /// Nothing follows the links that are known.
    drained: bool,
    pub left_out: Vec<LeftOut>,
    /// Of sound that was encoded: what it was, and its samples a second.
    pub encoded: Option<(String, i32)>,
    fault: Fault,
}

/// What the callbacks share.
pub type SharedLinks = Arc<Mutex<Links>>;

impl Links {
    /// Follows `parser`, the session's `parsebin`.
    pub fn follow(session: &Session, parser: &gst::Element, wishes: Wishes) -> SharedLinks {
        let links = Arc::new(Mutex::new(Self {
            input: session.input.path.clone(),
            wishes,
            pipeline: session.pipeline.downgrade(),
            waiting: Vec::new(),
            indexer: None,
            current: None,
            drained: false,
            left_out: Vec::new(),
            encoded: None,
            fault: session.fault(),
        }));
        // The demuxer's packets are what is indexed: a parser behind it would change what they say of clipping.
        parser.connect("autoplug-continue", false, |values| {
            let caps = values
                .get(2)
                .and_then(|value| value.get::<gst::Caps>().ok());
            Some((!caps.is_some_and(|caps| is_opus(&caps))).to_value())
        });
        let shared = links.clone();
        parser.connect_pad_added(move |_, pad| {
            if pad.direction() == gst::PadDirection::Src {
                added(&shared, pad);
            }
        });
        let shared = links.clone();
        parser.connect("drained", false, move |_| {
            drained(&shared);
            None
        });
        links
    }

    /// Something is indexed.
    pub fn has_begun(&self) -> bool {
        self.indexer.is_some()
    }

    /// The first packet of a link is about to flow: takes one of its streams.
    fn decide(&mut self, shared: &SharedLinks) -> Outcome {
        let waiting = std::mem::take(&mut self.waiting);
        let sound = waiting.into_iter().filter_map(|pad| {
            let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
            let is_sound = caps.structure(0)?.name().starts_with("audio/");
            is_sound.then_some((pad, caps))
        });
        let mut sound: Vec<(usize, gst::Pad, gst::Caps)> = sound
            .enumerate()
            .map(|(n, (pad, caps))| (n, pad, caps))
            .collect();
        // A stream that comes late beside the one that is taken.
        if self.current.is_some() {
            self.leave_out(&sound);
            return Ok(());
        }
        let chosen = self.choose(&sound)?;
        let (_, pad, caps) = sound.remove(chosen);
        self.leave_out(&sound);
        self.take(shared, &pad, &caps)
    }

    fn leave_out(&mut self, sound: &[(usize, gst::Pad, gst::Caps)]) {
        let left = sound.iter().map(|(stream, _, caps)| LeftOut {
            stream: *stream,
            codec: description(caps),
        });
        self.left_out.extend(left);
    }

    /// Place of the stream to take.
    fn choose(&self, sound: &[(usize, gst::Pad, gst::Caps)]) -> Outcome<usize> {
        let found = || {
            let name = |(stream, _, caps): &(usize, gst::Pad, gst::Caps)| {
                let media = caps.structure(0).map_or("", |s| s.name().as_str());
                format!("stream {stream}: {} ({media})", description(caps))
            };
            sound.iter().map(name).collect::<Vec<_>>().join(", ")
        };
        if sound.is_empty() {
            return Err(Failure::Data("found no sound, expected Opus".to_owned()));
        }
        let chosen = match self.wishes.stream {
            Some(stream) if stream < sound.len() => Some(stream),
            Some(stream) => {
                let what = format!(
                    "{}: --stream {stream}: found {}, expected it among them",
                    self.input.display(),
                    found()
                );
                return Err(Failure::Usage(what));
            }
            None => sound.iter().position(|(_, _, caps)| is_opus(caps)),
        };
        match chosen {
            Some(chosen) if is_opus(&sound[chosen].2) || self.wishes.encode.is_some() => Ok(chosen),
            None if self.wishes.encode.is_some() => Ok(0),
            _ => Err(Failure::Data(format!(
                "found {}, expected Opus; --encode encodes it, which is not lossless",
                found()
            ))),
        }
    }

    /// Links a stream to the indexer, through an encoder where it is not Opus.
    fn take(&mut self, shared: &SharedLinks, pad: &gst::Pad, caps: &gst::Caps) -> Outcome {
        let Some(pipeline) = self.pipeline.upgrade() else {
            return Ok(());
        };
        let indexer = match &self.indexer {
            Some(indexer) => indexer.clone(),
            None => self.indexer(&pipeline)?,
        };
        let last = match (is_opus(caps), self.wishes.encode) {
            (false, Some(bitrate)) => {
                let encoder = encoder(&encoding(bitrate))?;
                add(&pipeline, &encoder)?;
                let missing = || Failure::Data("opusenc: found no pad, expected two".to_owned());
                join(Some(pad), &encoder.static_pad("sink").ok_or_else(missing)?)?;
                let rate = caps.structure(0).and_then(|s| s.get("rate").ok());
                self.encoded = Some((description(caps), rate.unwrap_or(0)));
                encoder.static_pad("src").ok_or_else(missing)?
            }
            _ => pad.clone(),
        };
        let weak = Arc::downgrade(shared);
        last.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |pad, info| {
            let is_end = info
                .event()
                .is_some_and(|e| e.type_() == gst::EventType::Eos);
            match weak.upgrade() {
                Some(links) if is_end => lock(&links).ended(pad),
                _ => gst::PadProbeReturn::Ok,
            }
        });
        join(Some(&last), &indexer)?;
        self.current = Some(last);
        Ok(())
    }

    /// The indexer and its end, which are not there before something is to be written.
    fn indexer(&mut self, pipeline: &gst::Pipeline) -> Outcome<gst::Pad> {
        let indexer = make("opusindexer")?;
        indexer.set_property("location", self.wishes.store.as_path());
        for (name, value) in &self.wishes.properties {
            indexer.set_property_from_str(name, value);
        }
        let sink = make("fakesink")?;
        sink.set_property("async", false);
        sink.set_property("sync", false);
        add(pipeline, &sink)?;
        add(pipeline, &indexer)?;
        indexer
            .link(&sink)
            .map_err(|error| Failure::Data(error.to_string()))?;
        let pad = indexer.static_pad("sink");
        let pad = pad.ok_or_else(|| Failure::Data("opusindexer: found no pad".to_owned()))?;
        self.indexer = Some(pad.clone());
        Ok(pad)
    }

    /// A link has ended: the indexer hears of it only where none follows.
    fn ended(&mut self, pad: &gst::Pad) -> gst::PadProbeReturn {
        if self.drained || self.current.as_ref() != Some(pad) {
            return gst::PadProbeReturn::Ok;
        }
        self.current = None;
        if let Some(indexer) = &self.indexer {
            // Fails only where the pads were taken apart already.
            let _ = pad.unlink(indexer);
        }
        // Not Drop: for that, GStreamer 1.22 unrefs the event that the bindings have unreffed already.
        gst::PadProbeReturn::Handled
    }
}

/// A new pad: held until its first packet, when the other streams of its link are there, too.
fn added(shared: &SharedLinks, pad: &gst::Pad) {
    lock(shared).waiting.push(pad.clone());
    let weak = Arc::downgrade(shared);
    let kinds =
        gst::PadProbeType::BLOCK | gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
    pad.add_probe(kinds, move |pad, _| {
        if let Some(shared) = weak.upgrade() {
            let mut links = lock(&shared);
            if links.waiting.contains(pad) {
                let decided = links.decide(&shared);
                links.fault.check(decided);
            }
        }
        gst::PadProbeReturn::Remove
    });
}

/// No link follows.
fn drained(shared: &SharedLinks) {
    let mut links = lock(shared);
    links.drained = true;
    let nothing = links.indexer.is_none() && !links.fault.is_set();
    if nothing {
        let decided = links.decide(shared);
        links.fault.check(decided);
        return;
    }
    // The last link has ended before the other streams beside it.
    let end = links.indexer.clone().filter(|_| links.current.is_none());
    drop(links);
    if let Some(indexer) = end {
        indexer.send_event(gst::event::Eos::new());
    }
}

fn is_opus(caps: &gst::Caps) -> bool {
    caps.structure(0)
        .is_some_and(|structure| structure.name() == "audio/x-opus")
}

/// Elements that decode sound and encode it.
fn encoding(bitrate: i32) -> String {
    format!(
        "decodebin name=first ! audioconvert ! audioresample quality=10 ! audio/x-raw,rate=48000 ! \
         opusenc name=last bitrate={bitrate}"
    )
}
