#!/usr/bin/env bash
# Fuzzes every reader for some seconds each (`FUZZ_SECONDS`, 60 when not set). Installs what is
# missing: a nightly toolchain, and cargo-fuzz into target/tools.
set -euo pipefail
cd "$(dirname "$0")/.."

export PATH="$PWD/target/tools/bin:$PATH"
rustup toolchain list | grep -q '^nightly' || rustup toolchain install --profile minimal nightly
cargo fuzz --version >/dev/null 2>&1 ||
    cargo +nightly install --quiet --locked --root target/tools cargo-fuzz

for seeds in fuzz/seeds/*; do
    target=$(basename "$seeds")
    mkdir -p "fuzz/corpus/$target"
    echo "fuzz: $target"
    cargo +nightly fuzz run "$target" "fuzz/corpus/$target" "$seeds" -- \
        -max_total_time="${FUZZ_SECONDS:-60}" -max_len=8192 -verbosity=0 -print_final_stats=1
done
