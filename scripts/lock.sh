#!/usr/bin/env bash
# Resolves requirements.lock for every platform and Python that we support, with hashes and
# without an index address: where packages come from is the business of the machine's pip.
set -euo pipefail
cd "$(dirname "$0")/.."
tool=build/lock
if [ "$("$tool/bin/uv" --version 2>/dev/null | cut -d' ' -f2)" != "$UV_VERSION" ]; then
    "${PYTHON:-python3}" -m venv --clear "$tool"
    "$tool/bin/python" -m pip install --quiet "uv==$UV_VERSION"
fi
"$tool/bin/uv" pip compile pyproject.toml --group dev --universal --python-version 3.11 \
    --generate-hashes --no-header --no-emit-index-url --no-emit-find-links \
    --quiet --output-file requirements.lock "$@"
if grep -nE '^--|https?://' requirements.lock; then
    echo "requirements.lock names an address; it must not." >&2
    exit 1
fi
