#!/usr/bin/env bash
# Runs benchmarks/bench_*.py one after another: two at once would measure each other.
set -euo pipefail
cd "$(dirname "$0")/.."
shopt -s nullglob
scripts=(benchmarks/bench_*"${1:-}"*.py)
if [ ${#scripts[@]} -eq 0 ]; then
    echo "No benchmark matches benchmarks/bench_*${1:-}*.py" >&2
    exit 1
fi
for script in "${scripts[@]}"; do
    echo "== $script"
    .venv/bin/python "$script"
done
