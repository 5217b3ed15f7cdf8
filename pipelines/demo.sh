#!/usr/bin/env bash
# demo.sh [FILE]: records a media file to H4MK, plays it, seeks in it, lists it, and proves that every packet came
# back. Without FILE it first makes a Matroska file with H.264 (with B-frames) and AAC. Exits 1 at any difference.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
bash "$here/setup.sh"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# This build's plugin, and a registry of our own.
export GST_PLUGIN_PATH=$root/build GST_REGISTRY=$work/registry.bin
tool=$root/build/gst-harmony
recording=$work/recording.h4mk
# GStreamer's Python binding belongs to the system's Python, which another may hide.
python=python3
"$python" -c 'import gi' 2>/dev/null || python=/usr/bin/python3

say() { printf '\n%s\n' "$*"; }
size() { stat -c %s "$1"; }

if [ $# -gt 0 ]; then
  source=$(realpath -- "$1")
  say "1. The source is $1, $(size "$source") bytes."
else
  source=$work/source.mkv
  ffmpeg -hide_banner -v error -nostdin -f lavfi -i testsrc2=size=640x360:rate=30:duration=10 \
    -f lavfi -i sine=frequency=440:sample_rate=48000:duration=10 \
    -c:v libx264 -preset veryfast -bf 3 -g 60 -pix_fmt yuv420p -c:a aac "$source"
  say "1. Made a source: ten seconds of H.264 with up to three B-frames in a row, and AAC, in Matroska; $(size "$source") bytes."
fi
"$tool" discover --json "$source" >"$work/streams.json"
"$python" -c 'import json, sys
for s in json.load(sys.stdin)["streams"]: print("  a stream of", s["kind"] + ":", s["codec"])' <"$work/streams.json"

# One branch for each stream; a muxer's pad that is asked for by no name takes any kind.
branches=$(grep -c '"stream_id"' "$work/streams.json")
pipeline="filesrc name=source ! parsebin name=parse  h4mkmux name=mux ! filesink name=file"
for _ in $(seq "$branches"); do pipeline="$pipeline  parse. ! queue ! mux."; done
echo "$pipeline" >"$work/record.launch"
say "2. Recording it to H4MK:"
echo "  $pipeline"
"$tool" run "$work/record.launch" --set "source.location=$source" --set "file.location=$recording"
echo "  $(size "$recording") bytes written."

say "3. Playing it through decodebin, which finds the demuxer by itself; then seeking:"
"$python" "$here/check.py" seeks "$recording" 50

say "4. What is in it (gst-harmony list):"
"$tool" list "$recording" | sed 's/^/  /'

say "5. Comparing every packet of source and recording: times, durations, key flags, sizes, SHA-256, caps:"
"$python" "$here/check.py" packets "$source" "$recording"

say "6. Verifying the file's checksums, order and index (gst-harmony verify):"
"$tool" verify "$recording" | sed 's/^/  /'

say "All of it came back."
