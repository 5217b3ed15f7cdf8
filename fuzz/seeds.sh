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
  opus_packet | opus_head | opus_lookup)
    python3 - "$folder" "$target" <<'PY'
import pathlib, struct, sys
folder, target = pathlib.Path(sys.argv[1]), sys.argv[2]
vectors = pathlib.Path("../tests/data/config")
celt = 31 << 3
packets = [
    b"\x01" + (vectors / "opus.packet").read_bytes(),
    bytes([1, celt]) + bytes(40),
    bytes([1, celt | 1]) + bytes(40),
    bytes([1, celt | 2, 252, 1]) + bytes(300),
    bytes([1, celt | 3, 6]) + bytes(60),
    bytes([1, celt | 3, 0x41, 255, 1]) + bytes(260),
    bytes([1, celt | 3, 0xC3, 2, 1, 2]) + bytes(9),
    bytes([3, celt, 1, 0, celt | 4, 2, 0, 0, celt]),
    bytes([2, celt | 3, 0xC2, 1, 0, 2, 9, 9, 0, celt | 1, 1, 1]),
]
fixed = struct.pack("<BHIh", 2, 312, 48000, -256)
heads = [
    (vectors / "opus.head").read_bytes(),
    b"OpusHead\x01" + fixed + b"\0",
    b"OpusHead\x01" + struct.pack("<BHIh", 6, 312, 48000, 0) + bytes([1, 4, 2, 0, 4, 1, 2, 3, 5]),
    b"OpusHead\x01" + fixed + bytes([255, 2, 0, 1, 255]),
]
rows = lambda *pieces: b"".join(struct.pack("<HBB", *row) * count for count, row in pieces)
indices = [
    struct.pack("<Q", 500000) + rows((1200, (959, 0, 0))),
    struct.pack("<Q", 3000000) + rows((1000, (119, 0, 0)), (3000, (5759, 0, 0))),
    struct.pack("<Q", 700000) + rows((700, (959, 0, 0)), (1, (959, 255, 3)), (400, (2879, 0, 0))),
]
for name, seed in enumerate({"opus_packet": packets, "opus_head": heads, "opus_lookup": indices}[target]):
    (folder / str(name)).write_bytes(seed)
PY
    ;;
  *)
    echo "seeds.sh: no such target: $target" >&2
    exit 2
    ;;
esac
