#!/usr/bin/env bash
# Every check of the project, in one command. Sets up what is missing, runs all of it even after a failure,
# names what failed, and ends with one line: "N passed, N failed". A step without a count of its own (formatting,
# lints, a build) counts as one check.
set -euo pipefail
cd "$(dirname "$0")/.."

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# A registry of our own: neither the user's nor stale plugins take part. Criticals end a test.
export GST_REGISTRY=$scratch/registry.bin
export G_DEBUG=fatal-criticals
# Property tests take the same cases in each run; plain cargo test, or another number, takes others.
export PROPTEST_RNG_SEED=${PROPTEST_RNG_SEED:-1}
export PATH="$PATH:${CARGO_HOME:-$HOME/.cargo}/bin"

passed=0
failed=0
broken=()

# count LOG STATUS: adds what a step ran. cargo prints a "test result:" line for each test binary, our own
# scripts end with "N passed, N failed"; a step that fails without a failed test counts as one.
count() {
  local good bad
  read -r good bad < <(awk '
    /^test result: / { good += $4; bad += $6; next }
    /^[0-9]+ passed, [0-9]+ failed$/ { good += $1; bad += $3 }
    END { print good + 0, bad + 0 }' "$1")
  if [ "$2" -ne 0 ] && [ "$bad" -eq 0 ]; then bad=1; fi
  if [ "$2" -eq 0 ] && [ $((good + bad)) -eq 0 ]; then good=1; fi
  passed=$((passed + good))
  failed=$((failed + bad))
  [ "$2" -eq 0 ] && [ "$bad" -eq 0 ]
}

# step NAME COMMAND...
step() {
  local name=$1 status=0 began=$SECONDS
  shift
  echo "== $name"
  "$@" 2>&1 | tee "$scratch/log" || status=1
  if count "$scratch/log" "$status"; then
    echo "== $name: good ($((SECONDS - began)) s)"
  else
    broken+=("$name")
    echo "== $name: FAILED ($((SECONDS - began)) s)"
  fi
}

step "set-up and release build" bash pipelines/setup.sh
step "formatting" cargo fmt --check
step "lints" cargo clippy --quiet --locked --features tools --all-targets -- -D warnings
step "lints of the cores without GStreamer" cargo clippy --quiet --locked --lib --no-default-features -- -D warnings
step "check of the cores without GStreamer" cargo check --quiet --locked --lib --no-default-features
step "check of the plugin without OpenGL" cargo check --quiet --locked --lib --no-default-features --features plugin
step "tests of the cores without GStreamer" cargo test --quiet --locked --lib --no-default-features
step "tests" cargo test --locked --features tools --no-fail-fast
step "demo" bash pipelines/demo.sh
step "demo of alignment" bash pipelines/align-demo.sh
step "installed plugin" meson test -C build --no-rebuild --print-errorlogs
if [ -f tests/embedding.sh ]; then step "embedding in Python and C" bash tests/embedding.sh; fi
if [ -f fuzz/run.sh ]; then step "fuzzing, a short run of each target" bash fuzz/run.sh --smoke; fi
if cargo deny --version >/dev/null 2>&1; then
  step "licences, bans and sources of dependencies" cargo deny --locked check licenses bans sources
fi

for name in "${broken[@]}"; do echo "failed: $name"; done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
