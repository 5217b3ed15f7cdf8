//! What the pages and the element documentation say is run as it stands: launch lines and commands by the shell,
//! examples in Python and C by the interpreter and the compiler.
//!
//! A page's lines run in their order in one folder, which has the built tool and plugin in `build/`, the project's
//! `pipelines/`, and the media that the page names and does not make. A line that ends in a comment `# needs …`
//! can't run unattended; it says why, and these are few.

mod common;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use common::corpus;
use common::ffprobe::probe;
use common::pipeline::quoted;
use common::{FileServer, PluginFolder, Recipe, media};
use tempfile::TempDir;

/// No line takes this long on any machine, in seconds; one that does hangs and is killed soon after.
const PATIENCE: [&str; 3] = ["-k", "5", "120"];

/// What a line that is run begins with, behind settings of the environment.
const PROGRAMS: [&str; 4] = [
    "gst-launch-1.0 ",
    "gst-discoverer-1.0 ",
    "gst-inspect-1.0 ",
    "build/gst-harmony ",
];

/// The address at which pages look for a file on a server.
const SERVER: &str = "http://localhost:8000/";

/// How many lines of a page may say what they need instead of being run.
const MOST_LEFT_OUT: usize = 2;

/// Media that a page may name, and how it is made.
const MEDIA: [(&str, Recipe); 3] = [
    ("film.mkv", media::H264_AAC),
    ("song.flac", media::FLAC),
    ("song.opus", media::OPUS),
];

/// One thing to run.
#[derive(Debug)]
enum Step {
    Line(String),
    Python(String),
    C(String),
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(page: &str) -> String {
    fs::read_to_string(root().join(page)).unwrap_or_else(|e| panic!("{page}: {e}"))
}

/// True for a command line that is run.
fn is_command(line: &str) -> bool {
    let words = line.split(' ');
    let program = words.skip_while(|word| word.starts_with("GST_") && word.contains('='));
    let line = program.collect::<Vec<_>>().join(" ");
    PROGRAMS.iter().any(|program| line.starts_with(program))
}

/// What a page has to run, in its order, and the lines that can't be.
fn steps(page: &str) -> (Vec<Step>, Vec<String>) {
    let (mut steps, mut left_out) = (Vec::new(), Vec::new());
    let (text, mut block) = (text(page), None::<(&str, String)>);
    for line in text.lines() {
        if let Some((language, code)) = &mut block {
            if line != "```" {
                code.push_str(line);
                code.push('\n');
                continue;
            }
            match *language {
                "python" => steps.push(Step::Python(std::mem::take(code))),
                "c" => steps.push(Step::C(std::mem::take(code))),
                _ => {}
            }
            block = None;
        } else if let Some(language) = line.strip_prefix("```") {
            block = Some((language, String::new()));
        } else {
            // In the sources the lines are part of a comment.
            let line = line.trim_start_matches([' ', '*']);
            match is_command(line) {
                true if line.contains(" # needs ") => left_out.push(line.to_owned()),
                true => steps.push(Step::Line(line.to_owned())),
                false => {}
            }
        }
    }
    (steps, left_out)
}

/// The folder in which a page is run.
struct Place {
    folder: TempDir,
    plugin: PluginFolder,
}

impl Place {
    fn new(page: &str) -> Self {
        let (folder, plugin) = (TempDir::new().expect("a folder"), PluginFolder::new());
        let place = Self { folder, plugin };
        fs::create_dir(place.file("build")).expect("a folder");
        let tool = Path::new(env!("CARGO_BIN_EXE_gst-harmony"));
        let links = [
            (tool.to_owned(), "build/gst-harmony"),
            (
                place.plugin.file("libgstharmony.so"),
                "build/libgstharmony.so",
            ),
            (root().join("pipelines"), "pipelines"),
        ];
        for (from, to) in links {
            symlink(from, place.file(to)).expect("a link");
        }
        let text = text(page);
        for (name, recipe) in MEDIA.iter().filter(|(name, _)| text.contains(name)) {
            fs::copy(recipe.path(), place.file(name)).expect("the media is copied");
        }
        if text.contains("recorder.wav") {
            let pair = corpus::pair("drift-speech-+200-clean", 16);
            for (from, name) in [
                (pair.reference, "recorder.wav"),
                (pair.stream, "camera.wav"),
            ] {
                fs::copy(from, place.file(name)).expect("the recording is copied");
            }
        }
        if text.contains("=in.h4mk") || text.contains(" in.h4mk") {
            place.record("in.h4mk");
        }
        place
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A file with one track.
    fn record(&self, name: &str) {
        let sink = quoted(&self.file(name));
        common::run(&common::launch(&format!(
            "{} ! h4mkmux ! filesink location={sink}",
            media::H264_ONE_KEY.source() + " ! matroskademux ! h264parse"
        )))
        .good();
    }

    /// Text of the page with no screen, speakers or terminal in its way.
    fn unattended(&self, text: &str) -> String {
        let folder = self.folder.path().display().to_string();
        text.replace("file:///tmp/", &format!("file://{folder}/"))
            .replace("autovideosink", "fakesink")
            .replace("autoaudiosink", "fakesink")
            .replace("fdsink fd=2", "fdsink fd=1")
            .replace(
                "playbin ",
                "playbin video-sink=fakesink audio-sink=fakesink ",
            )
    }

    /// Runs a program in the folder, to its end and without complaints.
    fn run(&self, what: &str, program: &[&str]) {
        let output = self
            .plugin
            .command("timeout")
            .args(PATIENCE)
            .args(program)
            .current_dir(self.folder.path())
            .output()
            .expect("timeout is there");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && !errors.contains("WARNING") && !errors.contains("CRITICAL"),
            "{what}\n{}\n{errors}",
            output.status
        );
    }

    fn step(&self, step: &Step) {
        match step {
            Step::Line(line) => self.line(line),
            Step::Python(code) => {
                // The interpreter of the distribution has the bindings, whatever else is on PATH; that of the tests
                // has the readers of stores.
                let readers = root().join(".venv/bin/python").display().to_string();
                let python = match code.contains("gi.repository") {
                    true => "/usr/bin/python3",
                    false => &readers,
                };
                self.run(code, &[python, "-c", &self.unattended(code)]);
            }
            Step::C(code) => {
                fs::write(self.file("page.c"), self.unattended(code)).expect("the code is written");
                let compile =
                    "cc -Wall page.c -o page $(pkg-config --cflags --libs gstreamer-1.0) && ./page";
                self.run(code, &["sh", "-c", compile]);
            }
        }
    }

    fn line(&self, line: &str) {
        let mut text = self.unattended(line);
        let served = text.split_once(SERVER).map(|(_, rest)| {
            let name = rest.split(' ').next().unwrap_or_default().to_owned();
            (FileServer::new(&self.file(&name), true), name)
        });
        if let Some((server, name)) = &served {
            text = text.replace(&format!("{SERVER}{name}"), &server.url());
        }
        self.run(line, &["sh", "-c", &text]);
    }

    /// Each of the files was recorded and is sound.
    fn recorded(&self, names: &[&str]) {
        for name in names {
            let name = format!("{name}.h4mk");
            self.run(&name, &["build/gst-harmony", "verify", &name]);
        }
    }
}

/// Runs a page.
fn run_page(page: &str, least: usize) -> Place {
    let (steps, left_out) = steps(page);
    assert!(steps.len() >= least, "{page} has {} steps", steps.len());
    assert!(left_out.len() <= MOST_LEFT_OUT, "{page}: {left_out:?}");
    let place = Place::new(page);
    for step in &steps {
        place.step(step);
    }
    place
}

#[test]
fn the_readme_runs() {
    run_page("README.md", 9).recorded(&["a", "film"]);
}

#[test]
fn the_muxers_page_runs() {
    let files = [
        "picture", "film", "raw", "copy", "front", "noted", "live", "safe", "plain",
    ];
    run_page("docs/h4mkmux.md", 11).recorded(&files);
}

#[test]
fn the_demuxers_page_runs() {
    let place = run_page("docs/h4mkdemux.md", 9);
    place.recorded(&["film"]);
    let blocks = (0..90).map(|i| place.file(&format!("block-{i:05}.bin")));
    assert!(blocks.into_iter().all(|block| block.is_file()));
}

#[test]
fn the_remuxers_page_runs() {
    let place = run_page("docs/fmp4remux.md", 13);
    for (name, streams) in [
        ("film.mp4", 2),
        ("picture.mp4", 1),
        ("german.mp4", 2),
        ("picture-cmaf.mp4", 1),
        ("chunks.mp4", 1),
        ("front.mp4", 2),
        ("spooled.mp4", 2),
        ("film.m3u8", 2),
        ("one.m3u8", 2),
        ("live.m3u8", 1),
    ] {
        let probes = probe(&place.file(name));
        assert_eq!(probes.len(), streams, "{name}");
        assert!(probes.iter().all(|p| !p.packets.is_empty()), "{name}");
    }
}

#[test]
fn the_opus_sources_page_runs() {
    let place = run_page("docs/opusindexsrc.md", 8);
    // One channel of 16 bits.
    for (name, samples) in [("second.wav", 48_000u32), ("parts.wav", 14_400)] {
        let wave = fs::read(place.file(name)).expect("the file");
        let head = [&b"data"[..], &(samples * 2).to_le_bytes()].concat();
        assert!(wave.windows(8).any(|bytes| bytes == head), "{name}");
    }
}

#[test]
fn the_page_of_the_indexer_runs() {
    let place = run_page("docs/opusindexer.md", 17);
    for (name, samples) in [
        ("second.wav", 48_000),
        ("same.wav", 48_000),
        ("two.wav", 72_000),
    ] {
        let probes = probe(&place.file(name));
        assert_eq!((probes.len(), probes[0].codec.as_str()), (1, "pcm_s16le"));
        let bytes: usize = probes[0].packets.iter().map(|p| p.size).sum();
        assert_eq!(bytes, samples * 2, "{name}: mono");
    }
    let bytes = |name: &str| fs::read(place.file(name)).expect("the file is there");
    assert_eq!(bytes("second.wav"), bytes("segments/second-1.wav"));
    assert_eq!(bytes("certified.raw").len(), 200);
    for name in [
        "song.zarr",
        "plain.zarr",
        "tone.zarr",
        "encoded.zarr",
        "live.zarr",
    ] {
        place.run(name, &["build/gst-harmony", "verify", name]);
    }
}

#[test]
fn the_page_of_the_format_runs() {
    run_page("docs/format.md", 1);
}

#[cfg(feature = "gl")]
#[test]
fn the_page_of_textures_runs() {
    run_page("docs/textures.md", 1);
}

#[test]
fn the_page_of_the_pipelines_runs() {
    run_page("pipelines/README.md", 2).recorded(&["record-test"]);
}

#[test]
fn the_muxers_documentation_runs() {
    run_page("src/elements/h4mkmux/mod.rs", 2).recorded(&["out"]);
}

#[test]
fn the_demuxers_documentation_runs() {
    let place = run_page("src/elements/h4mkdemux/mod.rs", 3);
    assert!(place.file("block-00089.bin").is_file());
}

#[test]
fn the_remuxers_documentation_runs() {
    let place = run_page("src/elements/fmp4remux/mod.rs", 2);
    assert_eq!(probe(&place.file("out.mp4")).len(), 2);
}

#[test]
fn the_indexers_documentation_runs() {
    run_page("src/elements/opusindexer/mod.rs", 1);
}

#[test]
fn the_opus_sources_documentation_runs() {
    let place = run_page("src/elements/opusindexsrc/mod.rs", 3);
    assert!(place.file("second.wav").is_file());
}

#[test]
fn the_aligners_page_runs() {
    run_page("docs/syncaligner.md", 3).recorded(&["together"]);
}

#[test]
fn the_adapters_page_runs() {
    let place = run_page("docs/adaptersink.md", 6);
    // 120 frames of 320x180.
    let frames = std::fs::metadata(place.file("frames.rgb")).expect("the frames");
    assert_eq!(frames.len() % (320 * 180 * 3), 0);
    assert!(frames.len() > 100 * 320 * 180 * 3);
    let sound = &probe(&place.file("tone.wav"))[0];
    assert_eq!(sound.codec, "pcm_f32le");
    let bytes: usize = sound.packets.iter().map(|p| p.size).sum();
    assert_eq!(bytes, 41 * 1024 * 4);
}

#[test]
fn the_adapters_documentation_runs() {
    run_page("src/elements/adaptersink/mod.rs", 2);
}

#[test]
fn the_aligners_documentation_runs() {
    run_page("src/elements/syncaligner/mod.rs", 1);
}

/// A page or element that no test above names would not be run.
#[test]
fn every_page_and_element_is_run() {
    let source = include_str!("docs.rs");
    let names = |folder: &str| {
        let entries = fs::read_dir(root().join(folder)).expect("the folder");
        let names = entries.map(|e| e.expect("an entry").file_name());
        Vec::from_iter(names.map(|name| format!("{folder}/{}", name.to_string_lossy())))
    };
    let pages = names("docs").into_iter().filter(|p| p.ends_with(".md"));
    let elements = names("src/elements").into_iter();
    let elements = elements.map(|folder| format!("{folder}/mod.rs"));
    let elements = elements.filter(|page| root().join(page).is_file());
    for page in pages.chain(elements) {
        let (steps, left_out) = steps(&page);
        let run = source.contains(&format!("run_page(\"{page}\""));
        assert!(
            run || steps.is_empty() && left_out.is_empty(),
            "{page}: {steps:?}"
        );
    }
}
