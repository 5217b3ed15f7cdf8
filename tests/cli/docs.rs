//! The tool's page in `docs/`: its commands run in their order.

use std::fs;
use std::path::Path;

use crate::common::corpus;
use crate::tool::{Ran, command};

#[test]
fn the_commands_of_the_page_run() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/gst-harmony.md")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    // The page's example of a description, and the pipelines where the page has them.
    let json = page
        .split("```json\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    fs::write(folder.path().join("description.json"), json).unwrap();
    fs::create_dir(folder.path().join("pipelines")).unwrap();
    fs::write(folder.path().join("list.csv"), "0,480\n480,4800,b\n").unwrap();
    let launch = "pipelines/record-test.launch";
    fs::copy(root.join(launch), folder.path().join(launch)).unwrap();

    let scene = corpus::pair("accuracy-mix-0-room", 16);
    fs::copy(&scene.reference, folder.path().join("camera.wav")).unwrap();
    fs::copy(&scene.stream, folder.path().join("recorder.wav")).unwrap();

    let mut seen = std::collections::BTreeSet::new();
    for line in page
        .lines()
        .filter_map(|line| line.strip_prefix("    gst-harmony "))
    {
        let args: Vec<&str> = line.split_whitespace().collect();
        let ran = Ran::from(command(&args).current_dir(&folder).output().unwrap());
        let stdout = ran.good();
        assert_eq!(stdout.is_empty(), args[0] == "run", "{line}: {stdout}");
        if args.contains(&"--json") {
            serde_json::from_str::<serde_json::Value>(&stdout).unwrap();
        }
        seen.insert(args[0].to_owned());
    }
    assert_eq!(
        Vec::from_iter(seen),
        [
            "align", "build", "chain", "discover", "extract", "index", "info", "list", "remux",
            "run", "tokens", "verify"
        ]
    );
    let built = Ran::from(
        command(["verify", "built.h4mk"])
            .current_dir(&folder)
            .output()
            .unwrap(),
    );
    built.good();
}
