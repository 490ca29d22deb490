"""Where a command's result goes: standard output, or a file that appears whole or not at all."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from converters.compressed import packing
from converters.errors import FreshetError

STANDARD_OUTPUT = "-"


class OutputError(FreshetError):
    """A result cannot be written."""


@contextmanager
def writing(output: str) -> Iterator[BinaryIO]:
    """Open a result for writing; ``-`` is standard output.

    A file is written beside its place and put there when all is written; if the block is left by
    an error, whatever was there before is still there. What is not a regular file, such as
    ``/dev/stderr`` or a named pipe, is written to directly. A name that ends in ``.gz`` or ``.zst``
    says how the file is packed.

    Raises:
        OutputError: the file cannot be written.
    """
    if output == STANDARD_OUTPUT:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(output).resolve()
    whole = path.is_file() or not path.exists()
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial") if whole else path
    try:
        with partial.open("wb") as file, packing(file, path.name) as packed:
            yield packed
        if whole:
            partial.replace(path)
    except BrokenPipeError:  # of standard output, when both are written
        raise
    except OSError as error:
        raise OutputError(f"{output} cannot be written: {error.strerror or error}.") from None
    finally:
        if whole:
            partial.unlink(missing_ok=True)
