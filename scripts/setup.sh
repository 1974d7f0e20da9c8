#!/usr/bin/env bash
# Makes the virtual environment: the lock with its hashes, then this package, editable, without
# asking an index for anything that the lock does not name.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
venv=${VENV:-.venv}

command -v "$python" >/dev/null || {
    echo "$python is not installed; Heedful needs Python 3.11 or newer." >&2
    echo "Name another one: make setup PYTHON=python3.12" >&2
    exit 1
}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "Heedful needs Python 3.11 or newer; $python is $("$python" -V 2>&1)." >&2
    echo "Name another one: make setup PYTHON=python3.12" >&2
    exit 1
}
if [ ! -x "$venv/bin/python" ] || ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    "$python" -c 'import ensurepip, venv' 2>/dev/null || {
        version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        echo "$python cannot make virtual environments: it lacks venv or ensurepip." >&2
        echo "On Debian and Ubuntu: apt-get install python$version-venv" >&2
        exit 1
    }
    "$python" -m venv --clear "$venv"
fi
export PIP_DISABLE_PIP_VERSION_CHECK=1
"$venv/bin/python" -m pip install --quiet --require-hashes --requirement requirements.lock
"$venv/bin/python" -m pip install --quiet --no-index --no-deps --no-build-isolation --editable .
echo "$venv is ready: $("$venv/bin/python" -V), heedful $("$venv/bin/python" -c 'import heedful; print(heedful.__version__)')"
