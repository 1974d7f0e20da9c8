"""Fork a server whenever a line on standard input asks for one; kill it when the next one does."""

from __future__ import annotations

import gc
import os
import signal
import sys

import heedful.api.server
import heedful.app  # noqa: F401 - imported here so that no child has to
from heedful.cli.app import app


def serve(folder: str) -> None:
    """Become `heedful serve`."""
    app(["serve", folder, "--port", "0"], standalone_mode=False)


def main() -> None:
    child = 0
    gc.freeze()
    for line in sys.stdin:
        what, _, folder = line.strip().partition(" ")
        if what == "serve":
            sys.stdout.flush()
            child = os.fork()
            if child == 0:
                serve(folder)
                os._exit(0)
        else:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            child = 0
            print("killed", flush=True)
    if child:
        os.kill(child, signal.SIGTERM)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
