#!/usr/bin/env bash
# What `make run` starts: a workspace of the sample shop, its server, and its customers.
# This is the one place to change it. HEEDFUL_SHOP names another folder for the workspace.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$PWD/.venv/bin
workspace=${HEEDFUL_SHOP:-shop-data}
port=${HEEDFUL_PORT:-8765}

if [ ! -d "$workspace" ]; then
    "$bin/heedful" init "$workspace"
    cp examples/shop/strategy/*.yaml "$workspace/"
fi
key=$(cd "$workspace" && "$bin/heedful" keys create --role source --name shop --json |
    "$bin/python" -c 'import json, sys; print(json.load(sys.stdin)["key"])')

"$bin/heedful" serve "$workspace" --port "$port" &
server=$!
trap 'kill "$server" 2>/dev/null; wait "$server" 2>/dev/null || true' EXIT
trap 'exit 130' INT TERM

# The sender waits for the server by itself; all that it cannot see is that the server ended.
kill -0 "$server"
"$bin/python" examples/shop/send.py --host "http://127.0.0.1:$port" --write-key "$key" \
    --forever "$@"
