//! Programs of others' making: those that `tests/tools.sh` fetches, Python, and ffmpeg's decoders.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A program or file of `build/tools`.
pub fn tool(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("build/tools")
        .join(name);
    assert!(
        path.exists(),
        "{} is missing: run pipelines/setup.sh",
        path.display()
    );
    path
}

/// The Python that `tests/tools.sh` makes, with a script of `tests/python`.
pub fn python(script: &str) -> Command {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = root.join(".venv/bin/python");
    assert!(
        python.exists(),
        "{} is missing: run pipelines/setup.sh",
        python.display()
    );
    let mut command = Command::new(python);
    command.arg(root.join("tests/python").join(script));
    command
}

/// What the Shaka packager makes of a file, a file for each of its streams, in `folder`. It must take every stream
/// without a word of complaint.
pub fn package(file: &Path, streams: usize, folder: &Path) -> Vec<PathBuf> {
    let outputs: Vec<PathBuf> = (0..streams)
        .map(|stream| folder.join(format!("packaged-{stream}.mp4")))
        .collect();
    let mut command = Command::new(tool("packager"));
    for (stream, output) in outputs.iter().enumerate() {
        command.arg(format!(
            "in={},stream={stream},output={}",
            file.display(),
            output.display()
        ));
    }
    let run = command
        .arg("--temp_dir")
        .arg(folder)
        .output()
        .expect("the packager starts");
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "packager: {said}");
    // Its log lines begin with the severity.
    let complaints: Vec<&str> = said
        .lines()
        .filter(|line| line.starts_with(['W', 'E', 'F']))
        // It looks for the one description in the movie, which is in each fragment.
        .filter(|line| !line.ends_with("table with grouping type 'roll'."))
        .collect();
    assert!(complaints.is_empty(), "packager: {complaints:#?}");
    outputs
}

/// Has ffmpeg decode every stream of a file. A word of complaint fails the test.
pub fn decode(file: &Path) {
    let run = Command::new("ffmpeg")
        .args(["-v", "warning", "-nostdin", "-i"])
        .arg(file)
        .args(["-map", "0", "-fps_mode", "passthrough", "-f", "null", "-"])
        .output()
        .expect("ffmpeg is installed");
    let said = String::from_utf8_lossy(&run.stderr);
    // It keeps one such table a track, and says so of each further fragment's.
    let known = |line: &&str| line.ends_with("Duplicated SBGP rap  atom");
    let complaints: Vec<&str> = said.lines().filter(|l| !known(l)).collect();
    assert!(
        run.status.success() && complaints.is_empty(),
        "{}: {complaints:?}",
        file.display()
    );
}
