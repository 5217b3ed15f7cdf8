#!/usr/bin/env bash
# Puts the vectors into a corpus folder as seeds: seeds.sh TARGET FOLDER
set -euo pipefail
cd "$(dirname "$0")"

target=$1
folder=$2
mkdir -p "$folder"
case $target in
  codec_config)
    cp ../tests/data/config/* "$folder/"
    ;;
  h4mk_reader)
    cp ../tests/data/h4mk/*.h4mk "$folder/"
    # Small seeds are quicker: the first groups, and the end, of the file with extensions.
    head -c 4000 ../tests/data/h4x/two-tracks.h4mk >"$folder/two-tracks-head"
    head -c 30000 ../tests/data/h4x/two-tracks.h4mk >"$folder/two-tracks-cut"
    cp ../tests/data/h4x/two-tracks.h4mk "$folder/"
    ;;
  h4mk_tracks)
    python3 - "$folder" ../tests/data/h4mk/*.json -- ../tests/data/h4x/*.h4mk <<'PY'
import pathlib, struct, sys
folder, rest = pathlib.Path(sys.argv[1]), sys.argv[2:]
jsons = rest[:rest.index("--")]
for name in [n.replace(".json", ".h4mk") for n in jsons] + rest[rest.index("--") + 1:]:
    data = pathlib.Path(name).read_bytes()
    (folder / pathlib.Path(name).stem).write_bytes(data[28:28 + struct.unpack_from("<I", data, 24)[0]])
PY
    ;;
  *)
    echo "seeds.sh: no such target: $target" >&2
    exit 2
    ;;
esac
