//! What is no stream of packets is refused with its reason, and leaves nothing behind that looks whole.

use gstharmony::opus_store::OpusStore;

use crate::common::opus;
use crate::common::pipeline::quoted;
use crate::indexed::attempt;

#[test]
fn raw_packets_without_their_lengths_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let raw = folder.path().join("raw.opus");
    let bytes = opus::ODD_TOOLS.packets().concat();
    std::fs::write(&raw, bytes).expect("the file is written");
    let source = format!(
        "filesrc location={} ! audio/x-opus,rate=48000,channels=2,channel-mapping-family=0",
        quoted(&raw)
    );
    let indexed = attempt(&source, "");
    let said = indexed.run.failure();
    for words in ["raw concatenated Opus", "RFC 6716"] {
        assert!(said.contains(words), "{said}");
    }
    let store = OpusStore::open(&indexed.store);
    assert!(store.map_or(true, |store| !store.info().attributes.complete));
}
