#!/usr/bin/env bash
# What `make run` starts. This is the one place to change it.
set -euo pipefail
cd "$(dirname "$0")/.."
exec .venv/bin/python -m examples.shop "$@"
