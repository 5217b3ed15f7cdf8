//! The picture that `--plot` draws.

use std::process::Command;

use super::{align, scene};

/// What an XML parser of others' making finds: the root, the words of all texts, and how many groups of each class.
const PARSE: &str = "
import collections, json, sys, xml.etree.ElementTree as tree
root = tree.parse(sys.argv[1]).getroot()
svg = '{http://www.w3.org/2000/svg}'
groups = collections.Counter(group.get('class') for group in root.iter(svg + 'g'))
texts = [text.text for text in root.iter(svg + 'text')]
paths = sum(1 for _ in root.iter(svg + 'path'))
print(json.dumps({'root': root.tag, 'groups': groups, 'texts': texts, 'paths': paths}))
";

fn parsed(path: &std::path::Path) -> serde_json::Value {
    let python = Command::new("python3")
        .args(["-c", PARSE])
        .arg(path)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&python.stderr);
    assert!(python.status.success(), "{errors}");
    serde_json::from_slice(&python.stdout).unwrap()
}

#[test]
fn every_stream_has_its_diagrams() {
    let pair = scene();
    let folder = tempfile::tempdir().unwrap();
    // A name that is not XML.
    let odd = folder.path().join("a<b>&\"c\".wav");
    std::fs::copy(&pair.stream, &odd).unwrap();
    let plot = folder.path().join("out.svg");
    let files = [&pair.reference, &pair.stream, &odd];
    let text = align(
        files
            .map(|file| file.as_os_str())
            .into_iter()
            .chain(["--plot".as_ref(), plot.as_os_str()]),
    )
    .good();
    assert!(!text.contains("warping"), "{text}");
    let picture = parsed(&plot);
    assert_eq!(picture["root"], "{http://www.w3.org/2000/svg}svg");
    assert_eq!(
        picture["groups"],
        serde_json::json!({"stream": 2, "diagram": 8})
    );
    let texts = picture["texts"].to_string();
    for word in [
        "correlation",
        "offset over time",
        "residuals",
        "quality",
        "peak/RMS",
        "time of the stream (s)",
        "a<b>&",
    ] {
        assert!(texts.contains(word), "no {word} in {texts}");
    }
    let bytes = std::fs::read_to_string(&plot).unwrap();
    assert!(bytes.contains("prefers-color-scheme: dark") && bytes.len() < 200_000);
    assert!(!bytes.contains("http://www.w3.org/1999/xlink") && !bytes.contains("url("));
}

#[test]
fn a_warping_path_is_a_diagnostic() {
    let pair = scene();
    let folder = tempfile::tempdir().unwrap();
    let plot = folder.path().join("out.svg");
    let args = [
        pair.reference.as_os_str(),
        pair.stream.as_os_str(),
        "--dtw".as_ref(),
        "--plot".as_ref(),
        plot.as_os_str(),
    ];
    let text = align(args).good();
    assert!(text.contains("is a diagnostic"), "{text}");
    let picture = parsed(&plot);
    assert_eq!(picture["groups"]["diagram"], 5);
    assert!(picture["texts"].to_string().contains("warping path"));
    align([
        pair.reference.as_os_str(),
        pair.stream.as_os_str(),
        "--dtw".as_ref(),
    ])
    .fails(2, &["--plot"]);
}
