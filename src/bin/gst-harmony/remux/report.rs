//! What was written, for people and for programs.

use std::path::Path;

use serde_json::{Value, json};

use super::output::{Form, Target};
use super::session::Done;
use crate::failure::{Failure, Outcome};
use crate::output::{self, Table};

/// Prints it.
pub fn print(input: &Path, done: &Done, json: bool) -> Outcome {
    let written = done
        .targets
        .iter()
        .map(|target| describe(target, done))
        .collect::<Outcome<Vec<_>>>()?;
    let tracks: Vec<Value> = done.tracks.iter().map(|track| {
        let described = track.described.as_ref();
        json!({
            "name": track.name,
            "kind": track.kind,
            "codec": track.codec,
            "codecs": described.map(|d| d.codecs.as_str()),
            "language": described.map(|d| d.language.as_str()).filter(|language| !language.is_empty()),
            "transcoded": track.transcoded,
            "packets": track.packets,
            "bytes": track.bytes,
            "duration_ns": track.duration_ns(),
        })
    }).collect();
    let left_out: Vec<Value> = done
        .left_out
        .iter()
        .map(|left| json!({"stream": left.stream, "codec": left.codec, "why": left.why}))
        .collect();
    if !json {
        for left in &done.left_out {
            eprintln!(
                "gst-harmony: stream {} is left out: {}: {}",
                left.stream, left.codec, left.why
            );
        }
        return output::print_text(&text(&written, done));
    }
    output::print_json(&json!({
        "input": input, "written": written, "tracks": tracks, "left_out": left_out,
        "duration_ns": duration_ns(done),
    }))
}

fn duration_ns(done: &Done) -> i64 {
    let tracks = done
        .tracks
        .iter()
        .map(|track| (track.begin_ns, track.end_ns));
    let (begins, ends): (Vec<_>, Vec<_>) = tracks.unzip();
    let begin = begins.into_iter().flatten().min().unwrap_or(0);
    ends.into_iter()
        .flatten()
        .max()
        .map_or(0, |end| end.saturating_sub(begin))
}

/// What one target became.
fn describe(target: &Target, done: &Done) -> Outcome<Value> {
    let failed = |error| Failure::open(&target.path, &error);
    let count = |name: &str| done.segments.get(name).map_or(0, |segments| segments.count);
    Ok(match target.form {
        Form::File(mode) => {
            let bytes = target.path.metadata().map_err(failed)?.len();
            json!({"file": target.path, "form": mode.name(), "bytes": bytes, "fragments": count("mux")})
        }
        Form::Folder => {
            let mut bytes = 0;
            let mut files = 0;
            for entry in std::fs::read_dir(&target.path).map_err(failed)? {
                bytes += entry
                    .and_then(|entry| entry.metadata())
                    .map_err(failed)?
                    .len();
                files += 1;
            }
            let names = done.tracks.iter().map(|track| track.name.clone());
            let segments: serde_json::Map<String, Value> = names
                .map(|name| (name.clone(), count(&name).into()))
                .collect();
            json!({"file": target.path.join(super::hls::MASTER), "form": "hls", "bytes": bytes, "files": files,
                   "segments": segments})
        }
    })
}

fn text(written: &[Value], done: &Done) -> String {
    let time = output::time(duration_ns(done));
    let mut text = String::new();
    for value in written {
        let word = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
        let number = |key: &str| value.get(key).and_then(Value::as_u64).unwrap_or(0);
        let parts = match word("form") {
            "hls" => format!("{} files", number("files")),
            "progressive" => "moov first".to_owned(),
            _ => format!("{} fragments", number("fragments")),
        };
        let size = output::size(number("bytes"));
        text.push_str(&format!(
            "{}: {}, {time}, {size}, {parts}\n",
            word("file"),
            word("form")
        ));
    }
    let mut table = Table::new(&[
        "track",
        "codec",
        "language",
        ">packets",
        ">duration",
        ">size",
    ]);
    for track in &done.tracks {
        let language = track
            .described
            .as_ref()
            .map_or("", |described| described.language.as_str());
        let codec = if track.transcoded {
            format!("{}, encoded anew", track.codec)
        } else {
            track.codec.clone()
        };
        table.row(vec![
            track.name.clone(),
            codec,
            language.to_owned(),
            track.packets.to_string(),
            output::time(track.duration_ns()),
            output::size(track.bytes),
        ]);
    }
    text + &table.render()
}
