#!/usr/bin/env bash
# Programs that the tests need and that are no Python packages: installed when root on Debian,
# named in words otherwise. Under CI=true a missing part fails, so that no test is skipped unseen.
set -euo pipefail

# command | Debian package | what needs it
parts=(
    "strace|strace|the test that the disk is synced before an acknowledgement"
    "node|nodejs|the tests that send through the unmodified Node SDK"
    "npm|npm|fetching that SDK"
)

missing=()
for part in "${parts[@]}"; do
    command -v "${part%%|*}" >/dev/null || missing+=("$part")
done
[ ${#missing[@]} -eq 0 ] && exit 0

packages=()
for part in "${missing[@]}"; do
    IFS='|' read -r command package why <<<"$part"
    packages+=("$package")
    echo "Missing: $command, for $why." >&2
done
if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    if apt-get update -qq && apt-get install -y -qq --no-install-recommends "${packages[@]}"; then
        exit 0
    fi
fi >/dev/null
echo "Install with: apt-get install ${packages[*]}" >&2
if [ "${CI:-}" = true ]; then
    exit 1
fi
echo "Tests that need it are skipped." >&2
