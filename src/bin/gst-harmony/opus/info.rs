//! `gst-harmony info`: what a store holds.

use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;
use gstharmony::opus::RATE;
use gstharmony::opus_store::{Compression, Info, OpusStore, ZarrFormat};
use serde_json::{Value, json};

use super::session::Done;
use crate::failure::Outcome;
use crate::output::{self, Table};

/// Show what a store of Opus packets holds: samples, packets, gaps, pre-skip, pre-roll, and how far it can be read.
#[derive(ClapArgs)]
pub struct Args {
    /// The store.
    #[arg(value_name = "STORE")]
    store: PathBuf,
    /// The link of a chained stream, counted from 0; by default all.
    #[arg(long, value_name = "N")]
    link: Option<u64>,
}

/// Runs the subcommand.
pub fn run(args: &Args, json: bool) -> Outcome {
    let links = read(&args.store, args.link)?;
    if json {
        return output::print_json(&describe(&args.store, &links));
    }
    output::print_text(&text(&args.store, &links))
}

/// One link of a store, or all.
fn read(store: &Path, link: Option<u64>) -> Outcome<Vec<Info>> {
    let open = |link| {
        let opened = OpusStore::open_link(store, link);
        opened.map_err(|error| super::failure(store, &error))
    };
    let first = open(link.unwrap_or(0))?;
    let mut links = vec![first.info()];
    if link.is_none() {
        for link in 1..first.links() {
            links.push(open(link)?.info());
        }
    }
    Ok(links)
}

fn describe(store: &Path, links: &[Info]) -> Value {
    let (format, compression) = form(links);
    json!({
        "store": store,
        "zarr_format": format,
        "index_compression": compression,
        "complete": links.iter().all(|info| info.attributes.complete),
        "links": links.iter().map(link).collect::<Vec<_>>(),
    })
}

fn form(links: &[Info]) -> (u8, &'static str) {
    let format = match links.first().map(|info| info.format) {
        Some(ZarrFormat::V2) => 2,
        _ => 3,
    };
    let compression = match links.first().map(|info| info.index_compression) {
        Some(Compression::Zstd) => "zstd",
        _ => "none",
    };
    (format, compression)
}

fn link(info: &Info) -> Value {
    json!({
        "link": info.link,
        "packets": info.packets,
        "bytes": info.bytes,
        "samples": info.pcm_samples,
        "duration_ns": nanoseconds(info.pcm_samples),
        "gaps": info.gaps,
        "sample_index": info.sample_index,
        "certified": info.certified,
        "attributes": *info.attributes,
    })
}

/// The time of samples.
fn nanoseconds(samples: u64) -> i64 {
    let ns = u128::from(samples) * 1_000_000_000 / u128::from(RATE);
    i64::try_from(ns).unwrap_or(i64::MAX)
}

fn text(store: &Path, links: &[Info]) -> String {
    let (format, compression) = form(links);
    let mut text = format!(
        "{}: Opus packets in Zarr v{format}, index compression {compression}\n",
        store.display()
    );
    for info in links {
        let of = if info.links > 1 {
            format!("link {} of {}: ", info.link, info.links)
        } else {
            String::new()
        };
        text.push_str(&format!("{of}{}\n{}", summary(info), details(info)));
    }
    text
}

/// Samples, time, packets.
fn summary(info: &Info) -> String {
    let state = if info.attributes.complete {
        ""
    } else {
        ", not complete (it is being written, or its writer was stopped)"
    };
    let gaps = match info.gaps {
        0 => String::new(),
        1 => ", 1 gap".to_owned(),
        gaps => format!(", {gaps} gaps"),
    };
    format!(
        "{} samples ({}), {} packets, {}{gaps}{state}",
        info.pcm_samples,
        output::time(nanoseconds(info.pcm_samples)),
        info.packets,
        output::size(info.bytes),
    )
}

fn details(info: &Info) -> String {
    let attributes = &info.attributes;
    let mut table = Table::new(&["what", "value"]);
    let mut row = |what: &str, value: String| table.row(vec![what.to_owned(), value]);
    row(
        "channels",
        format!(
            "{}, mapping family {}",
            attributes.channels, attributes.mapping_family
        ),
    );
    let source = serde_json::to_value(attributes.pre_skip_source).unwrap_or_default();
    row(
        "pre-skip",
        format!(
            "{} samples, from {}",
            attributes.pre_skip,
            source.as_str().unwrap_or_default()
        ),
    );
    row("end trim", format!("{} samples", attributes.end_trim));
    row("modes", attributes.modes_seen.join(", "));
    row(
        "pre-roll",
        format!("{} ms are recommended", attributes.recommended_preroll_ms),
    );
    let gain = f64::from(attributes.output_gain_q8) / 256.0;
    row("output gain", format!("{gain} dB"));
    let rate = match attributes.input_sample_rate {
        0 => "unknown".to_owned(),
        rate => format!("{rate} Hz"),
    };
    row("encoded from", rate);
    let index = if info.sample_index {
        "with samples"
    } else {
        "without samples: readers count them (index --rebuild writes it anew)"
    };
    row("index", index.to_owned());
    let hashes = if info.certified {
        "one a packet"
    } else {
        "none"
    };
    row("hashes", hashes.to_owned());
    row("decoder", attributes.libopus_version.clone());
    table.render()
}

/// What `index` has written.
pub fn print_written(input: &Path, store: &Path, done: &Done, json: bool) -> Outcome {
    let links = read(store, None)?;
    if json {
        let left_out = done.left_out.iter();
        let left_out = left_out.map(|left| json!({"stream": left.stream, "codec": left.codec}));
        let encoded = done.encoded.as_ref();
        let encoded = encoded.map(|(codec, rate)| json!({"codec": codec, "rate": rate}));
        let mut value = describe(store, &links);
        if let Some(value) = value.as_object_mut() {
            value.insert("input".to_owned(), json!(input));
            value.insert("encoded".to_owned(), json!(encoded));
            value.insert("left_out".to_owned(), left_out.collect());
        }
        return output::print_json(&value);
    }
    for left in &done.left_out {
        eprintln!(
            "gst-harmony: stream {} of sound is left out: {} (--stream takes another)",
            left.stream, left.codec
        );
    }
    if let Some((codec, rate)) = &done.encoded
        && u32::try_from(*rate).is_ok_and(|rate| rate > RATE)
    {
        eprintln!(
            "gst-harmony: {codec} of {rate} Hz was resampled to {RATE} Hz: what lies above 20 kHz is lost"
        );
    }
    let mut text = String::new();
    for info in &links {
        let name = match info.link {
            0 => store.to_owned(),
            link => store.join(gstharmony::opus::layout::link_group(link)),
        };
        text.push_str(&format!("{}: {}\n", name.display(), summary(info)));
    }
    output::print_text(&text)
}
