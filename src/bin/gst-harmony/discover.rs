//! `gst-harmony discover`: what GStreamer finds in a file or at an address.

use std::path::Path;

use clap::Args as ClapArgs;
use gst::prelude::*;
use gst_pbutils::prelude::*;
use gst_pbutils::{
    Discoverer, DiscovererAudioInfo, DiscovererContainerInfo, DiscovererInfo, DiscovererResult,
    DiscovererStreamInfo, DiscovererVideoInfo,
};
use serde_json::{Map, Value, json};

use crate::failure::{Failure, Outcome};
use crate::output;

/// Show the streams, codecs and tags that GStreamer finds in a file or at an address.
#[derive(ClapArgs)]
pub struct Args {
    /// A file, or an address such as `http://host/file.h4mk`.
    #[arg(value_name = "URI|FILE")]
    target: String,
    /// Give up after this many seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
}

/// Runs the subcommand.
pub fn run(args: &Args, json: bool) -> Outcome {
    crate::run::init()?;
    let uri = uri_of(&args.target)?;
    let discoverer = Discoverer::new(gst::ClockTime::from_seconds(args.timeout))
        .map_err(|error| Failure::Data(format!("cannot make a discoverer: {error}")))?;
    let info = discoverer
        .discover_uri(&uri)
        .map_err(|error| Failure::Data(format!("{}: {error}", args.target)))?;
    if let Some(problem) = problem(&info) {
        return Err(Failure::Data(format!("{}: {problem}", args.target)));
    }
    let value = describe(&info);
    if json {
        output::print_json(&value)
    } else {
        output::print_text(&text(&value))
    }
}

/// An address as it is; a file name as a `file:` address.
fn uri_of(target: &str) -> Outcome<String> {
    let path = Path::new(target);
    if !path.exists() && is_address(target) {
        return Ok(target.to_owned());
    }
    let full = path
        .canonicalize()
        .map_err(|error| Failure::open(path, &error))?;
    gst::glib::filename_to_uri(&full, None)
        .map(String::from)
        .map_err(|error| {
            Failure::Usage(format!(
                "{target}: not a file name that has an address: {error}"
            ))
        })
}

/// Begins with a scheme (RFC 3986, section 3.1).
fn is_address(target: &str) -> bool {
    target.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
    })
}

/// Why the discoverer gave no usable answer.
fn problem(info: &DiscovererInfo) -> Option<String> {
    let missing = info.missing_elements_installer_details();
    match info.result() {
        DiscovererResult::Ok => None,
        // Streams that no decoder takes are still described (a sensor track, say).
        DiscovererResult::MissingPlugins if info.stream_info().is_some() => None,
        DiscovererResult::MissingPlugins => Some(format!(
            "no element for it: {}",
            missing
                .iter()
                .map(|d| d.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        )),
        DiscovererResult::Timeout => Some("no answer within the time limit (--timeout)".to_owned()),
        DiscovererResult::UriInvalid => Some("not a valid address".to_owned()),
        other => Some(format!("{other:?}")),
    }
}

fn describe(info: &DiscovererInfo) -> Value {
    let container = container(info).and_then(|container| container.caps());
    let container = container.map(|caps| description(&caps));
    let streams: Vec<Value> = info
        .stream_list()
        .iter()
        .filter(|stream| stream.stream_type_nick() != "container")
        .map(stream)
        .collect();
    json!({
        "uri": info.uri().as_str(),
        "duration_ns": info.duration().map(|d| d.nseconds()),
        "seekable": info.is_seekable(),
        "live": info.is_live(),
        "container": container,
        "tags": tags(global_tags(info)),
        "streams": streams,
        "missing": info.missing_elements_installer_details().iter().map(|d| d.as_str()).collect::<Vec<_>>(),
    })
}

/// The container that holds the streams, if they are in one.
fn container(info: &DiscovererInfo) -> Option<DiscovererContainerInfo> {
    info.stream_info()?.downcast().ok()
}

/// The codec's or container's name; its caps where GStreamer knows no name for them.
fn description(caps: &gst::Caps) -> String {
    if caps.is_fixed() {
        gst_pbutils::functions::pb_utils_get_codec_description(caps).into()
    } else {
        caps.to_string()
    }
}

/// The container's tags where there is one, else those of the stream.
fn global_tags(info: &DiscovererInfo) -> Option<gst::TagList> {
    match container(info) {
        Some(container) => container.tags(),
        None => info.stream_info().and_then(|stream| stream.tags()),
    }
}

fn stream(info: &DiscovererStreamInfo) -> Value {
    let caps = info.caps();
    let mut value = json!({
        "stream_id": info.stream_id().map(|id| id.to_string()),
        "number": info.stream_number(),
        "kind": info.stream_type_nick().as_str(),
        "codec": caps.as_ref().map(description),
        "caps": caps.as_ref().map(|caps| caps.to_string()),
    });
    if let Some(fields) = value.as_object_mut() {
        if let Some(audio) = info.downcast_ref::<DiscovererAudioInfo>() {
            fields.insert("sample_rate".into(), audio.sample_rate().into());
            fields.insert("channels".into(), audio.channels().into());
            fields.insert("bitrate".into(), audio.bitrate().into());
            fields.insert("language".into(), audio.language().map(String::from).into());
        } else if let Some(video) = info.downcast_ref::<DiscovererVideoInfo>() {
            let rate = video.framerate();
            fields.insert("width".into(), video.width().into());
            fields.insert("height".into(), video.height().into());
            fields.insert(
                "framerate".into(),
                format!("{}/{}", rate.numer(), rate.denom()).into(),
            );
            fields.insert("interlaced".into(), video.is_interlaced().into());
            fields.insert("bitrate".into(), video.bitrate().into());
        }
        fields.insert("tags".into(), tags(info.tags()));
    }
    value
}

/// Tag name to text; several values of one tag become a list.
fn tags(list: Option<gst::TagList>) -> Value {
    let mut map = Map::new();
    for (name, values) in list.iter().flat_map(|list| list.iter_generic()) {
        let mut texts: Vec<Value> = values.map(|value| tag_text(value).into()).collect();
        let value = if texts.len() == 1 {
            texts.remove(0)
        } else {
            Value::Array(texts)
        };
        map.insert(name.to_string(), value);
    }
    Value::Object(map)
}

fn tag_text(value: &gst::glib::SendValue) -> String {
    if let Ok(text) = value.get::<String>() {
        return text;
    }
    // A sample (a cover picture) would print as pages of hex.
    if let Ok(sample) = value.get::<gst::Sample>() {
        let bytes = sample.buffer().map_or(0, |buffer| buffer.size());
        return format!(
            "{bytes} bytes of {}",
            sample
                .caps()
                .map(|caps| caps.to_string())
                .unwrap_or_default()
        );
    }
    value
        .serialize()
        .map(String::from)
        .unwrap_or_else(|_| value.type_().name().to_owned())
}

fn text(value: &Value) -> String {
    let word = |key: &str| {
        value
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or("none")
            .to_owned()
    };
    let yes = |key: &str| {
        if value.get(key) == Some(&Value::Bool(true)) {
            "yes"
        } else {
            "no"
        }
    };
    let duration = value
        .get("duration_ns")
        .and_then(Value::as_i64)
        .map_or_else(|| "unknown".to_owned(), output::time);
    let mut text = format!(
        "{}\n  container  {}\n  duration   {duration}\n  seekable   {}\n  live       {}\n",
        word("uri"),
        word("container"),
        yes("seekable"),
        yes("live")
    );
    push_tags(&mut text, value.get("tags"), "  ");
    for stream in value
        .get("streams")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        push_stream(&mut text, stream);
    }
    text
}

fn push_stream(text: &mut String, stream: &Value) {
    let word = |key: &str| stream.get(key).and_then(Value::as_str).unwrap_or("unknown");
    let number = stream.get("number").and_then(Value::as_i64).unwrap_or(0);
    text.push_str(&format!(
        "\n  {number}  {}: {}\n",
        word("kind"),
        word("codec")
    ));
    for (key, value) in stream.as_object().into_iter().flatten() {
        match (key.as_str(), value) {
            ("kind" | "codec" | "number" | "tags", _) | (_, Value::Null) => {}
            (_, Value::String(value)) => text.push_str(&format!("    {key:<12} {value}\n")),
            (_, value) => text.push_str(&format!("    {key:<12} {value}\n")),
        }
    }
    push_tags(text, stream.get("tags"), "    ");
}

fn push_tags(text: &mut String, tags: Option<&Value>, indent: &str) {
    for (name, value) in tags.and_then(Value::as_object).into_iter().flatten() {
        match value {
            Value::String(value) => text.push_str(&format!("{indent}tag {name}: {value}\n")),
            value => text.push_str(&format!("{indent}tag {name}: {value}\n")),
        }
    }
}
