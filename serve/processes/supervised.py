"""One command that ends when its supervisor does, the other end of the supervisor's pipe.

Run as ``python -m serve.processes.supervised COMMAND …``. The supervisor holds the other end of
this
process's standard input and never writes to it, so that end of file means that the supervisor is
gone, however it went, kill -9 included; no signal and no system call of one platform tells as much.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from importlib import import_module
from time import sleep

# The command line stands above this floor: it is named here, and imported where this process is
# nothing else any more.
ENTRY = "serve.cli"

# How long a command may take to finish cleanly once nobody watches over it.
GRACE_SECONDS = 15.0


def main() -> None:
    """Become the command."""
    threading.Thread(target=_end_with_supervisor, name="supervisor's end", daemon=True).start()
    import_module(ENTRY).main()


def _end_with_supervisor() -> None:
    """Ask for a clean end when standard input ends, then insist."""
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    sleep(GRACE_SECONDS)
    sys.stderr.write("freshet: The supervisor is gone, and this did not end in time.\n")
    os._exit(1)


if __name__ == "__main__":
    main()
