#!/usr/bin/env bash
# The Node SDK that the tests drive unmodified, from the npm registry, hashes checked, into
# build/node-sdk. Without node or the registry the tests that need it are skipped, and named here;
# under CI=true that fails.
set -euo pipefail
cd "$(dirname "$0")/.."

wanted=tests/sdk/node
made=build/node-sdk
cmp -s "$wanted/package-lock.json" "$made/.installed" && exit 0

if command -v node >/dev/null && command -v npm >/dev/null; then
    mkdir -p "$made"
    cp "$wanted/package.json" "$wanted/package-lock.json" "$made"
    if (cd "$made" && npm ci --silent --no-audit --no-fund --ignore-scripts); then
        cp "$wanted/package-lock.json" "$made/.installed"
        exit 0
    fi
fi
echo "Missing: @segment/analytics-node, for the tests that send through the unmodified SDK." >&2
if [ "${CI:-}" = true ]; then
    exit 1
fi
echo "Tests that need it are skipped." >&2
