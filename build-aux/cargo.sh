#!/usr/bin/env bash
# cargo.sh SOURCE_ROOT TARGET_DIR PROFILE FEATURES OUTPUT...
# What meson calls: builds with cargo, with FEATURES and no others, and puts each OUTPUT (a path whose file name is cargo's artifact) in place.
# An artifact is replaced only when it differs, and by renaming, so that a running program keeps the file it
# has mapped and GStreamer's registry does not scan again for nothing.
set -euo pipefail
source_root=$1 target_dir=$2 profile=$3 features=$4
shift 4

# rustup puts cargo here, and a non-login shell may not know.
export PATH="$PATH:${CARGO_HOME:-$HOME/.cargo}/bin"

arguments=(build --locked --manifest-path "$source_root/Cargo.toml" --target-dir "$target_dir" --profile "$profile"
  --no-default-features --features "$features")
wanted=(--lib)
for output in "$@"; do
  case ${output##*/} in *.so) ;; *) wanted+=(--bin "${output##*/}") ;; esac
done
cargo "${arguments[@]}" "${wanted[@]}"

# cargo names the directory of its `dev` profile `debug`.
directory=$target_dir/${profile/#dev/debug}
for output in "$@"; do
  built=$directory/${output##*/}
  if ! cmp -s "$built" "$output"; then
    cp "$built" "$output.new"
    mv -f "$output.new" "$output"
  fi
done
