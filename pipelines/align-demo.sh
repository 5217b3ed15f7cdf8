#!/usr/bin/env bash
# align-demo.sh: makes two recordings of one scene, the second of which begins 137 ms later and has a clock that runs
# 200 ppm fast; measures how they lie to each other (gst-harmony align), puts them onto one line
# (align-microphones.launch), and measures again. Exits 1 unless they are then together within 1 ms from start to end.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
bash "$here/setup.sh"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export GST_REGISTRY=$work/registry.bin
tool=$root/build/gst-harmony
cd "$work"

say() { printf '\n%s\n' "$*"; }
make() { ffmpeg -hide_banner -v error -nostdin "$@"; }

cat >scene.txt <<'TEXT'
Two microphones hear one room, and each of them counts time by a clock of its own. One clock is a little fast. After a
minute nobody would notice, after an hour the echo is plain. The captain measured the harbour at dawn, and the baker
counted seven yellow boxes behind the station. A young doctor repaired the broken clock, while her brother followed the
map across the old bridge. Nobody saw who painted the wooden ladder, or why the violinist returned nineteen postcards
before the night nurse came home. Rain fell on the kitchen window, the kettle sang, and every passenger looked for an
umbrella.
TEXT
flite -voice slt -f scene.txt -o speech.wav
make -i speech.wav -af aresample=48000 scene.wav
# hear NAME SEED FILTERS: what a microphone records of the scene, with pink noise of its own.
hear() {
  make -i scene.wav -f lavfi -i "anoisesrc=color=pink:amplitude=0.02:sample_rate=48000:seed=$2" \
    -filter_complex "[0]$3[heard];[heard][1]amix=inputs=2:duration=first:normalize=0" "$1"
}
hear first.wav 1 anull
# 240048 samples that say they are 240000: what lasted a second lasts 200 µs longer. The ratio is exact.
hear second.wav 2 'atrim=start=0.137,asetpts=PTS-STARTPTS,volume=0.7,aresample=240048,asetrate=240000,aresample=48000'
say "1. Made two recordings of one scene, $(ffprobe -v error -show_entries format=duration -of csv=p=0 first.wav) s long."

say "2. How they lie to each other (gst-harmony align):"
"$tool" align first.wav second.wav | sed 's/^/  /'
"$tool" align --json first.wav second.wav >before.json

say "3. Putting them onto one line (align-microphones.launch) ..."
began=$(date +%s%N)
"$tool" run "$here/align-microphones.launch" --set first.location=first.wav --set second.location=second.wav \
  --set file.location=aligned.h4mk
say "   took $((($(date +%s%N) - began) / 1000000)) ms."
# Each track as it is, at its times, in a file of its own.
for track in 0 1; do
  echo "filesrc location=aligned.h4mk ! h4mkdemux name=d d.audio_$track ! queue ! h4mkmux ! filesink location=track-$track.h4mk" \
    >track.launch
  "$tool" run track.launch
done

say "4. How the two tracks lie to each other:"
"$tool" align track-0.h4mk track-1.h4mk | sed 's/^/  /'
"$tool" align --json track-0.h4mk track-1.h4mk >after.json

say "5. In short: the second against the first,"
python3 - before.json after.json "$(ffprobe -v error -show_entries format=duration -of csv=p=0 second.wav)" <<'PYTHON'
import json
import sys

seconds = float(sys.argv[3])
worst = 0.0
print(f"  {'':8}{'at the start':>16}{'at the end':>16}{'drift':>16}")
for name, path in ("before", sys.argv[1]), ("after", sys.argv[2]):
    with open(path) as file:
        (stream,) = json.load(file)["streams"]
    begin = stream["offset_s"]
    end = begin + seconds * stream["drift_ppm"] * 1e-6
    worst = max(abs(begin), abs(end))
    print(f"  {name:8}{begin * 1e3:+13.4f} ms{end * 1e3:+13.4f} ms{stream['drift_ppm']:+12.3f} ppm")
if worst > 1e-3:
    sys.exit(f"after: found {worst * 1e3:.3f} ms, expected at most 1 ms")
PYTHON
