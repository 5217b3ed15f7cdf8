//! The elements' interface as `gst-inspect-1.0` prints it, kept in `tests/golden/`, so that a change of it shows in
//! review.

mod common;

use std::path::{Path, PathBuf};

use common::PluginFolder;

/// Set in the environment, the files are written anew instead of compared.
const UPDATE: &str = "UPDATE_GOLDEN";

/// Lines that are other on every machine and at every commit.
const VARYING: [&str; 3] = ["Filename", "Version", "Source release date"];

/// What is printed of an element, less what varies.
fn inspect(plugin: &PluginFolder, element: &str) -> String {
    let output = plugin
        .command("gst-inspect-1.0")
        .args(["--no-colors", element])
        .env("LC_ALL", "C")
        .output()
        .expect("gst-inspect-1.0 is installed");
    assert!(output.status.success(), "{element}: {output:?}");
    let text = String::from_utf8(output.stdout).expect("text");
    let mut kept = String::new();
    for line in text.trim_end().lines() {
        let varying = VARYING
            .iter()
            .find(|name| line.trim_start().starts_with(*name));
        match varying {
            Some(name) => kept.push_str(&format!("  {name} …")),
            None => kept.push_str(line.trim_end()),
        }
        kept.push('\n');
    }
    kept
}

fn golden(element: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/{element}.txt"))
}

/// The first line that is not the same in both.
fn first_difference(kept: &str, now: &str) -> String {
    let longest = kept.lines().count().max(now.lines().count());
    let line = |text: &str, at| text.lines().nth(at).unwrap_or("(the end)").to_owned();
    (0..longest)
        .map(|at| (at + 1, line(kept, at), line(now, at)))
        .find(|(_, kept, now)| kept != now)
        .map_or_else(String::new, |(number, kept, now)| {
            format!("line {number}\n  kept: {kept}\n  now:  {now}")
        })
}

fn compare(element: &str) {
    let now = inspect(&PluginFolder::new(), element);
    let path = golden(element);
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&path, &now).expect("the file is written");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == now,
        "the interface of {element} is not that of {}: {}\nWhere the change is meant: \
         {UPDATE}=1 cargo test --test golden, and commit what it writes.",
        path.display(),
        first_difference(&kept, &now)
    );
}

#[test]
fn the_muxers_interface_is_as_kept() {
    compare("h4mkmux");
}

#[test]
fn the_demuxers_interface_is_as_kept() {
    compare("h4mkdemux");
}

#[test]
fn the_mp4_muxers_interface_is_as_kept() {
    compare("fmp4remux");
}

#[test]
fn the_indexers_interface_is_as_kept() {
    compare("opusindexer");
}

#[test]
fn the_opus_sources_interface_is_as_kept() {
    compare("opusindexsrc");
}

#[test]
fn the_aligners_interface_is_as_kept() {
    compare("syncaligner");
}

#[test]
fn the_adapters_interface_is_as_kept() {
    compare("adaptersink");
}

/// An element without a file here has an interface that nobody reviews.
#[test]
fn every_element_of_the_plugin_is_kept() {
    let output = PluginFolder::new()
        .command("gst-inspect-1.0")
        .args(["--no-colors", "harmony"])
        .env("LC_ALL", "C")
        .output()
        .expect("gst-inspect-1.0 is installed");
    let text = String::from_utf8(output.stdout).expect("text");
    let mut elements: Vec<_> = text
        .lines()
        .skip_while(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix("  ")?.split_once(": "))
        .map(|(name, _)| name.trim())
        // The one feature that is no element: the typefinder.
        .filter(|name| *name != "h4mk")
        .collect();
    elements.sort_unstable();
    let all = [
        "adaptersink",
        "fmp4remux",
        "h4mkdemux",
        "h4mkmux",
        "opusindexer",
        "opusindexsrc",
        "syncaligner",
    ];
    assert_eq!(elements, all, "{text}");
    assert!(elements.iter().all(|name| golden(name).is_file()));
}
