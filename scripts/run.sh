#!/usr/bin/env bash
# What `make run` starts: the sample shop's workspace, its server, its customers, its service desk,
# and a screen. HEEDFUL_SHOP names another folder for the workspace, HEEDFUL_PORT another port.
set -euo pipefail
cd "$(dirname "$0")/.."
exec "${VENV:-.venv}/bin/heedful" demo "$@"
