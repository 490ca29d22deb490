"""``freshet`` for scripts of a shell, without its start: each command is a fork of one process.

A start takes most of a second, and a document has dozens of commands. The child has the arguments,
the folder, the environment and the standard streams of the command, and runs what it would run.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

from tests.faults.zygote import die_with_parent, import_everything, run
from tests.support import ROOT

# What stands in for the command: it starts without any module that is not needed for this.
CLIENT = """\
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({path!r})
    content = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
    socket.send_fds(server, [b"0"], [0, 1, 2])
    server.sendall(content)
    server.shutdown(socket.SHUT_WR)
    sys.exit(int(server.makefile().read()))
"""


@contextlib.contextmanager
def forked_freshet(command: Path) -> Iterator[None]:
    """Have a ``freshet`` in a file, for the ``with`` block; one command runs at a time.

    ``freshet up`` is a process of its own, to which signals can be sent.
    """
    path, client = command.with_suffix(".socket"), command.with_suffix(".py")
    client.write_text(CLIENT.format(path=str(path)), encoding="utf-8")
    python = shlex.quote(sys.executable)
    command.write_text(
        f'#!/bin/sh\nif [ "$1" = up ]; then exec {python} -m serve.cli "$@"; fi\n'
        f'exec {python} -IS {shlex.quote(str(client))} "$@"\n'
    )
    command.chmod(0o755)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    server = [sys.executable, "-m", "tests.faults.forked_commands", str(path)]
    with subprocess.Popen(server, cwd=ROOT, env=environment) as process:
        try:
            while not path.exists():
                assert process.poll() is None
                time.sleep(0.02)
            yield
        finally:
            process.kill()


def serve(path: str) -> None:
    """Fork a child for each command; tell its client how it ended."""
    die_with_parent()
    import_everything()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{path}.new")
        listener.listen()
        Path(f"{path}.new").rename(path)
        while True:
            with listener.accept()[0] as connection:
                _, streams, _, _ = socket.recv_fds(connection, 1, 3)
                arguments, folder, environment = json.loads(connection.makefile().read())
                child = os.fork()
                if not child:
                    listener.close()
                    _become(arguments, folder, environment, streams)
                for each in streams:
                    os.close(each)
                _, status = os.waitpid(child, 0)
                connection.sendall(str(os.waitstatus_to_exitcode(status)).encode())


def _become(
    arguments: list[str], folder: str, environment: dict[str, str], streams: list[int]
) -> None:
    """In the child: run the command line, and never return."""
    status = 70
    try:
        die_with_parent()
        for number, each in enumerate(streams):
            os.dup2(each, number)
            os.close(each)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        status = run(arguments)
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    serve(sys.argv[1])
