#!/usr/bin/env bash
# Makes the project ready to use: looks for what it needs, installs only what is missing (Debian and its
# descendants), builds the plugin and the tool into build/, and fetches the tools of the tests. Run it as often as
# you like: when nothing is missing and nothing changed it says nothing and needs neither root nor the network.
set -euo pipefail
cd "$(dirname "$0")/.."

# Headers to build against, the elements that the pipelines use, encoders and tools for demo and tests.
packages=(
  gcc g++ libc6-dev meson ninja-build pkg-config
  libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev libopus-dev
  gstreamer1.0-tools gstreamer1.0-plugins-base-apps
  gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly
  gstreamer1.0-libav
  gstreamer1.0-gl libegl1 libegl-mesa0 libgl1-mesa-dri libgles2
  ffmpeg mkvtoolnix opus-tools flite libopusfile-dev
  python3 python3-gi python3-gst-1.0 python3-numpy gir1.2-gstreamer-1.0 gir1.2-gst-plugins-base-1.0
  chromium python3-pip python3-venv
)
# Where there is no dpkg: what of the above can be asked for by name.
commands=(cc meson ninja pkg-config gst-launch-1.0 gst-inspect-1.0 ffmpeg mkvmerge opusenc flite python3 chromium)
modules=(gstreamer{,-base,-audio,-gl,-pbutils,-check}-1.0\>=1.22 'opus>=1.3' opusfile)

fail() {
  printf 'setup: %s\n' "$@" >&2
  exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

# root COMMAND...: as root, by sudo where we are not root.
root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

apt_install() {
  has apt-get || fail "missing: $*" "there is no apt-get here; install them by your system's own means"
  if [ "$(id -u)" -ne 0 ] && ! has sudo; then
    fail "missing: $*" "run this as root, or: apt-get install $*"
  fi
  echo "setup: installing $*"
  root apt-get update -q
  root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@"
}

need_packages() {
  local missing=() p
  for p in "${packages[@]}"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null || true)" = installed ] || missing+=("$p")
  done
  if [ ${#missing[@]} -gt 0 ]; then apt_install "${missing[@]}"; fi
}

need_commands() {
  local missing=() c m
  for c in "${commands[@]}"; do has "$c" || missing+=("$c"); done
  for m in "${modules[@]}"; do
    pkg-config --exists "${m/>=/ >= }" 2>/dev/null || missing+=("$m")
  done
  if [ ${#missing[@]} -gt 0 ]; then
    fail "missing: ${missing[*]}" "on Debian 12 these packages bring them: ${packages[*]}"
  fi
}

# rust_is_new_enough WANTED: a cargo of at least that version answers.
rust_is_new_enough() {
  local have
  have=$(cargo --version 2>/dev/null | awk '{print $2}') || return 1
  [ -n "$have" ] && [ "$(printf '%s\n%s\n' "$1" "$have" | sort -V | head -n 1)" = "$1" ]
}

need_rust() {
  local wanted candidate
  wanted=$(sed -n 's/^rust-version *= *"\(.*\)"/\1/p' Cargo.toml)
  rust_is_new_enough "$wanted" && return
  if ! has rustup && has apt-cache; then
    candidate=$(apt-cache policy rustup | awk '/Candidate:/ {print $2}')
    if [ -n "$candidate" ] && [ "$candidate" != "(none)" ]; then apt_install rustup; fi
  fi
  if has rustup; then
    echo "setup: fetching the stable Rust toolchain for this directory"
    rustup toolchain install stable --profile minimal --component rustfmt --component clippy
    rustup override set stable
  fi
  rust_is_new_enough "$wanted" || fail \
    "Rust $wanted or later is needed; found: $(cargo --version 2>/dev/null || echo none)" \
    "get it from https://rustup.rs:  curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh" \
    "then run this again"
}

# A first build shows cargo's progress; later ones speak only when something goes wrong.
build() {
  local log
  if [ ! -f build/build.ninja ]; then
    log=$(mktemp)
    meson setup build >"$log" 2>&1 || { cat "$log" >&2; rm -f "$log"; fail "meson setup build failed"; }
    rm -f "$log"
  fi
  if [ -f build/libgstharmony.so ] && [ -x build/gst-harmony ]; then export CARGO_TERM_QUIET=true; fi
  ninja --quiet -C build
}

# rustup puts cargo here, and a non-login shell may not know.
export PATH="$PATH:${CARGO_HOME:-$HOME/.cargo}/bin"
if has dpkg-query; then need_packages; else need_commands; fi
need_rust
build
bash tests/tools.sh
