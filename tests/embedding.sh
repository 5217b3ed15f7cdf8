#!/usr/bin/env bash
# Records and plays from C, Python and Rust through the public interface, with the plugin in build/ (or in the
# folder given, with the tool) found by GST_PLUGIN_PATH, extracts from a store of Opus in Rust, aligns a sensor in Python,
# and hands blocks and frames to adapters in Rust, C and Python. Ends with "N passed, N failed".
set -euo pipefail
cd "$(dirname "$0")/.."

plugin=${1:-build}
[ -f "$plugin/libgstharmony.so" ] || { echo "embedding: no libgstharmony.so in $plugin: run pipelines/setup.sh" >&2; exit 1; }
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
GST_PLUGIN_PATH=$(realpath "$plugin")
export GST_PLUGIN_PATH GST_REGISTRY=$scratch/registry.bin G_DEBUG=fatal-criticals

# pkg-config prints words.
flags=$(pkg-config --cflags --libs gstreamer-1.0)
passed=0
failed=0
# try NAME COMMAND...
try() {
  local name=$1
  shift
  echo "== $name"
  if "$@"; then passed=$((passed + 1)); else
    echo "== $name: FAILED"
    failed=$((failed + 1))
  fi
}

# compile NAME: tests/c/NAME.c
compile() {
  # shellcheck disable=SC2086
  cc -Wall -Wextra -Wno-unused-parameter -Werror "tests/c/$1.c" -o "$scratch/$1" $flags
}
in_c() { compile embedding && "$scratch/embedding" "$scratch/c.h4mk" && [ -s "$scratch/c.h4mk" ]; }
# The interpreter of the distribution has the bindings, whatever else is on PATH.
in_python() { /usr/bin/python3 tests/python/embedding.py "$scratch/python.h4mk" && [ -s "$scratch/python.h4mk" ]; }
# The plugin comes with the program: the path must not be needed. With the features of the tests, so that nothing is built twice.
in_rust() { env -u GST_PLUGIN_PATH cargo run --quiet --locked --features tools --example record_and_play -- "$scratch/rust.h4mk" && [ -s "$scratch/rust.h4mk" ]; }
# Of four seconds of a tone the first and the last, certified.
from_store() {
  local store=$scratch/tone.zarr
  gst-launch-1.0 -q audiotestsrc num-buffers=200 samplesperbuffer=960 volume=0.5 ! audio/x-raw,rate=48000,channels=2 \
    ! opusenc ! opusindexer location="$store" pcm-hash=true ! fakesink &&
    cargo run --quiet --locked --features tools --example opus_extract -- "$store" 0 3 | tee "$scratch/levels" &&
    grep -q '192000 samples, 2 channels' "$scratch/levels" &&
    [ "$(grep -c '^second [03]: -9\.[01] dB, certified' "$scratch/levels")" -eq 2 ]
}

# A film with flashes, a sensor that felt them and what its device logged, through the example; then against the truth.
from_sensor() {
  local scene=$scratch/scene
  mkdir "$scene" &&
    .venv/bin/python tests/python/sync_scene.py make "$scene" &&
    /usr/bin/python3 examples/align_sensor.py "$scene/scene.mp4" "$scene/scene.csv" "$scene/scene.jsonl" \
      --output "$scene/scene.h4mk" >"$scene/measured.jsonl" &&
    /usr/bin/python3 tests/python/recorded_log.py "$scene/scene.h4mk" >"$scene/aligned.jsonl" &&
    .venv/bin/python tests/python/sync_scene.py check "$scene"
}

# An adapter of the program's own, with the plugin on the path too: the elements have to be those of the program.
own_adapter() {
  gst-inspect-1.0 adaptersink >/dev/null &&
    cargo run --quiet --locked --features tools --example own_adapter | tee "$scratch/groups" &&
    [ "$(grep -c '^group [01] at .* 25 pictures, [1-9]' "$scratch/groups")" -eq 2 ] &&
    grep -q '^group 2 at 0:00:01.666: 10 pictures, [1-9]' "$scratch/groups" &&
    [ "$(wc -l <"$scratch/groups")" -eq 3 ]
}

# Blocks of a model into sound, against numpy: all modes as floats, one with 16 bits, and results of all lengths.
from_blocks() {
  local folder=$scratch/blocks mode window
  mkdir "$folder" &&
    .venv/bin/python tests/python/dsp_reference.py make "$folder" &&
    "$plugin/gst-harmony" build "$folder/blocks.json" -o "$folder/blocks.h4mk" || return 1
  for mode in absolute advance; do
    for window in hann none; do
      sound_of_blocks "$mode" "$window" --float || return 1
    done
  done
  sound_of_blocks advance hann || return 1
  for mode in gop block eos; do
    gst-launch-1.0 -q filesrc location="$folder/blocks.h4mk" ! h4mkdemux expose=blocks \
      ! adaptersink adapter=dsp fft-size=1024 output-mode="$mode" location="$folder/sound.f32" &&
      .venv/bin/python tests/python/dsp_reference.py check "$folder/sound.f32" "$folder/expected-absolute-hann.f32" || return 1
  done
}

# sound_of_blocks MODE WINDOW [--float]
sound_of_blocks() {
  local folder=$scratch/blocks
  /usr/bin/python3 examples/decode_blocks.py "$folder/blocks.h4mk" "$folder/sound.wav" --fft-size 1024 \
    --phase-mode "$1" --window "$2" "${@:3}" &&
    .venv/bin/python tests/python/dsp_reference.py check "$folder/sound.wav" "$folder/expected-$1-$2.f32"
}

adapter_in_c() { compile adapter && "$scratch/adapter"; }
# The functions of both examples against what is known of their input, then the programs as a user runs them.
adapters_in_python() {
  /usr/bin/python3 tests/python/adapters.py "$scratch" &&
    /usr/bin/python3 examples/signals_adapter.py "$scratch/room.h4mk" >"$scratch/room.jsonl" &&
    [ "$(grep -c '"door": "open"' "$scratch/room.jsonl")" -eq 28 ] &&
    [ "$(wc -l <"$scratch/room.jsonl")" -eq 60 ] &&
    /usr/bin/python3 examples/frames_numpy.py "$scratch/colours.mkv" >"$scratch/colours.jsonl" &&
    [ "$(grep -c '"quarters": \[\[2[45]' "$scratch/colours.jsonl")" -eq 25 ]
}

try c in_c
try python in_python
try rust in_rust
try store from_store
try sensor from_sensor
try adapter own_adapter
try blocks from_blocks
try adapter-c adapter_in_c
try adapters-python adapters_in_python

# An independent reader accepts each file.
for file in "$scratch"/*.h4mk; do
  try "$(basename "$file" .h4mk)" python3 tests/python/v1_reader.py --no-hash "$file" >/dev/null
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
