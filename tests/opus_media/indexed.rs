//! Files indexed by the element.

use std::path::PathBuf;

use crate::common::opus::Opus;
use crate::common::pipeline::{Run, launch, quoted, run};

/// A store, in a folder of its own, and how its pipeline ended.
pub struct Indexed {
    pub store: PathBuf,
    pub run: Run,
    /// The store goes with it.
    pub folder: tempfile::TempDir,
}

/// The indexer into a new folder, with these properties: the folder, the store and the element's text.
fn place(properties: &str) -> (tempfile::TempDir, PathBuf, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = folder.path().join("store.zarr");
    let element = format!(
        "opusindexer name=i location={} {properties}",
        quoted(&store)
    );
    (folder, store, element)
}

/// Runs `source`, a launch line that ends in Opus packets, through the indexer, however that ends.
pub fn attempt(source: &str, properties: &str) -> Indexed {
    let (folder, store, element) = place(properties);
    let run = run(&launch(&format!("{source} ! {element} ! fakesink")));
    Indexed { store, run, folder }
}

/// Indexes a file, which must end well.
pub fn index(file: Opus, properties: &str) -> Indexed {
    let mut indexed = attempt(&file.source(), properties);
    indexed.run = indexed.run.good();
    indexed
}
