#!/usr/bin/env bash
# Builds the example and runs it, without a file with a test picture: run.sh [FILE]. It needs no display, and no device: Mesa draws on the processor then.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
# The plugin comes with the program.
exec env -u GST_PLUGIN_PATH cargo run --quiet --locked --manifest-path "$here/Cargo.toml" -- "$@"
