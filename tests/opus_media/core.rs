//! Packets and decoder of the core against the independent walk and decoders.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use gstharmony::opus::{Head, Packet};
use gstharmony::opus_store::decoder::Decoder;
use serde_json::{Value, json};

use crate::common::opus::{self, Opus};
use crate::decoders;

/// A number of a walk.
fn number(value: &Value, key: &str) -> usize {
    value[key].as_u64().expect("a number") as usize
}

/// The header of a file of one link.
fn head(link: &Value) -> Head {
    let text = link["head"]["base64"].as_str().expect("text");
    let bytes = BASE64_STANDARD.decode(text).expect("base64");
    Head::parse(&bytes).expect("a header")
}

#[test]
fn every_packet_is_read_as_the_walk_reads_it() {
    for file in opus::OGG {
        let link = file.link();
        let streams = head(&link).streams();
        for (at, packet) in file.packets().iter().enumerate() {
            let read = if streams == 1 {
                Packet::parse(packet)
            } else {
                Packet::parse_streams(packet, streams)
            };
            let read = read.unwrap_or_else(|e| panic!("{} {at}: {e}", file.name));
            let walked = &link["packets"][at];
            let found = json!([
                read.samples,
                read.toc.config,
                read.toc.code,
                read.toc.stereo
            ]);
            let expected = ["samples", "config", "code", "stereo"].map(|key| walked[key].clone());
            assert_eq!(found, json!(expected), "{} {at}", file.name);
        }
    }
}

#[test]
fn the_decoder_gives_the_samples_of_a_sequential_decode() {
    for file in opus::OGG {
        let link = file.link();
        let head = head(&link);
        let mut decoder = Decoder::new(&head).expect("a decoder");
        let mut samples = Vec::new();
        for packet in file.packets() {
            decoder.decode_i16(&packet, &mut samples).expect("sound");
        }
        let channels = usize::from(head.channels);
        let first = usize::from(head.pre_skip) * channels;
        let end = samples.len() - number(&link, "end_trim") * channels;
        decoders::same(&samples[first..end], &sequential(*file), file.name);
    }
}

/// The samples of a file of one link by a decoder that others wrote.
fn sequential(file: Opus) -> Vec<i16> {
    if file.name == opus::DISCRETE.name {
        return decoders::gstreamer(&file.source());
    }
    decoders::opusfile(&file.path())
}
