//! A file cut anywhere plays: no block is lost that was whole before the cut.

mod common;

use common::cut::cut_everywhere;

#[test]
fn a_file_with_extensions_cut_at_every_chunk_edge_and_at_random_bytes_loses_no_whole_block() {
    let file = common::data("h4x/two-tracks.h4mk");
    // Pulled, and pushed.
    cut_everywhere(&file, &["", "queue !"]);
}

#[test]
fn a_version_1_file_cut_at_every_chunk_edge_and_at_random_bytes_loses_no_whole_block() {
    cut_everywhere(&common::data("h4mk/gops.h4mk"), &["", "queue !"]);
    cut_everywhere(&common::data("h4mk/multitrack.h4mk"), &["", "queue !"]);
}
