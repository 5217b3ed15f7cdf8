#!/usr/bin/env bash
# Fuzzes the cores: run.sh [--smoke] [TARGET] [-- LIBFUZZER_ARGUMENT...]
#   --smoke  a short, repeatable run of each target on a corpus of the vectors alone
#   TARGET   one of fuzz_targets/ (default: each in turn, a minute each)
# Needs no more than stable cargo and a C++ compiler: libFuzzer's runtime comes with libfuzzer-sys, and the
# coverage pass is in every rustc. The layout is cargo-fuzz's, so `cargo +nightly fuzz run TARGET` (with
# AddressSanitizer) works as well. Inputs found stay in corpus/TARGET, failures in artifacts/TARGET.
set -euo pipefail
cd "$(dirname "$0")"

smoke=
targets=()
while [ $# -gt 0 ]; do
  case $1 in
    --smoke) smoke=1 ;;
    --) shift; break ;;
    -*) echo "run.sh: unknown option $1; see its first lines" >&2; exit 2 ;;
    *) targets+=("$1") ;;
  esac
  shift
done
if [ ${#targets[@]} -eq 0 ]; then
  for file in fuzz_targets/*.rs; do targets+=("$(basename "$file" .rs)"); done
fi
for target in "${targets[@]}"; do
  [ -f "fuzz_targets/$target.rs" ] || { echo "run.sh: no such target: $target" >&2; exit 2; }
done

host=$(rustc -vV | sed -n 's/^host: //p')
export CARGO_TARGET_DIR=$PWD/target
export RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Ccodegen-units=1 \
  -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
  -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares"
# --target keeps these flags away from build scripts and macros.
cargo build --quiet --locked --release --target "$host"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
passed=0
failed=0
for target in "${targets[@]}"; do
  corpus=corpus/$target
  limits=(-max_total_time=60)
  if [ -n "$smoke" ]; then
    corpus=$scratch/$target
    limits=(-seed=1 -runs=20000 -verbosity=0)
  fi
  bash seeds.sh "$target" "$corpus"
  mkdir -p "artifacts/$target"
  echo "== $target"
  if "target/$host/release/$target" "$corpus" -artifact_prefix="artifacts/$target/" \
    -max_len=32768 -timeout=10 -rss_limit_mb=1024 "${limits[@]}" "$@" 2>&1 |
    grep -v -e '# Uses:' -e 'ecommended dictionary'; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
  fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
