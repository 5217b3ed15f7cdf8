//! The launch lines of the README and the elements' pages run as they stand.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

/// No line takes this long on any machine, in seconds; one that does hangs and, as the tool takes the first
/// signal for a wish to end the stream, is killed soon after.
const PATIENCE: [&str; 3] = ["-k", "5", "120"];

/// What stands in `page` of launch lines, in their order, without the command.
fn lines(page: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
    let text = std::fs::read_to_string(path).expect("the page can be read");
    let lines = text.lines().map(str::trim);
    lines
        .filter_map(|line| line.strip_prefix("gst-launch-1.0 "))
        .map(str::to_owned)
        .collect()
}

/// Runs a line in `folder`, with no screen, speakers or terminal in its way.
fn run(line: &str, folder: &Path) {
    let text = line
        .replace("$PWD", &folder.display().to_string())
        .replace("autovideosink", "fakesink")
        .replace("autoaudiosink", "fakesink")
        .replace("fdsink fd=2", "fdsink fd=1")
        .replace(
            "playbin ",
            "playbin video-sink=fakesink audio-sink=fakesink ",
        );
    let file = folder.join("line.launch");
    std::fs::write(&file, text).expect("the line is written");
    let output = Command::new("timeout")
        .args(PATIENCE)
        .args([env!("CARGO_BIN_EXE_gst-harmony"), "run"])
        .arg(&file)
        .current_dir(folder)
        .output()
        .expect("the tool starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{line}\n{errors}");
    assert!(
        !errors.to_lowercase().contains("warning"),
        "{line}\n{errors}"
    );
}

/// Runs the lines of a page in a folder of their own, and gives the folder.
fn run_page(page: &str, least: usize) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    let lines = lines(page);
    assert!(lines.len() >= least, "{page} has {} lines", lines.len());
    for line in lines {
        run(&line, folder.path());
    }
    folder
}

/// The sizes of the files named, none of which may be empty.
fn written(folder: &TempDir, files: &[&str]) {
    for file in files {
        let size = std::fs::metadata(folder.path().join(file)).map(|m| m.len());
        assert!(size.is_ok_and(|size| size > 100), "{file} was recorded");
    }
}

#[test]
fn the_launch_lines_of_the_readme_run() {
    written(&run_page("README.md", 2), &["a.h4mk"]);
}

#[test]
fn the_launch_lines_of_the_muxers_page_run() {
    let files = ["picture", "film", "raw", "copy", "front", "plain"].map(|f| format!("{f}.h4mk"));
    let folder = run_page("docs/h4mkmux.md", 7);
    written(&folder, &files.each_ref().map(String::as_str));
}

#[test]
fn the_launch_lines_of_the_demuxers_page_run() {
    let folder = run_page("docs/h4mkdemux.md", 5);
    written(&folder, &["film.h4mk", "block-00000.bin"]);
    let blocks = (0..90).map(|i| folder.path().join(format!("block-{i:05}.bin")));
    assert!(blocks.into_iter().all(|block| block.is_file()));
}
