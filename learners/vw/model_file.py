"""Reads a Vowpal Wabbit model file: what it was made with, and its weights.

Used by :mod:`learners.vw.learner` when it opens a file, since VW itself loads most damaged files,
and
files of other arguments, without complaint. A file is a header, a state of fixed length (counters
and sums), and then for every weight that is not zero its index and its floats.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from vowpalwabbit.pyvw import Workspace

from learners.learner import LearnerSpec, WrongLearnerError
from learners.vw.arguments import COIN, OPTIONS

# The last two doubles of the state: what --l1 and --l2 have yet to take from every weight.
_PENDING = struct.Struct("<dd")
# All pairs of 52 namespaces take 25 KiB; the weights behind may take gigabytes.
_LONGEST_HEADER = 1 << 20


class Header(NamedTuple):
    """The part of a model file that depends on its arguments alone.

    Attributes:
        version: of the VW that wrote it.
        bits: its ``--bit_precision``.
        options: the other arguments that VW keeps in the file.
        length: bytes of this part.
    """

    version: str
    bits: int
    options: str
    length: int


def read_header(path: Path) -> Header:
    """The header of the model file at ``path``.

    Raises:
        WrongLearnerError: this is no VW model file.
    """
    content = _beginning(path, _LONGEST_HEADER)
    try:
        version, at = _string(content, 0)
        _identity, at = _string(content, at)
        marker, _least, _most, bits, _lda, _ngrams, _skips = struct.unpack_from(
            "<cffIIII", content, at
        )
        options, at = _string(content, at + struct.calcsize("<cffIIII"))
        (checksum,) = struct.unpack_from("<I", content, at)
    except (struct.error, UnicodeDecodeError) as error:
        raise _not_whole(path, "its header cannot be read") from error
    if marker != b"m" or not version[:1].isdigit():
        raise _not_whole(path, "it does not begin as one")
    return Header(version, bits, options.strip(), at + 4 + checksum)


def read_weights(
    path: Path, header_bytes: int, floats: int, bits: int, *, mapped: bool = False
) -> NDArray[np.void]:
    """The weights of the model file at ``path``.

    Args:
        path: the file.
        header_bytes: where they begin: the size of the file of a workspace that knows nothing.
        floats: floats kept for each weight, the weight itself first.
        bits: its ``--bit_precision``, which bounds the indices.
        mapped: whether to read only what is looked at, and to trust the order of the rest.

    Returns:
        One record for each weight: ``index``, and ``values`` of shape (floats,).

    Raises:
        WrongLearnerError: the file is cut short, or holds something else.
    """
    record = np.dtype([("index", "<u4"), ("values", "<f4", (floats,))])
    size = path.stat().st_size - header_bytes
    if size < 0 or size % record.itemsize:
        raise _not_whole(path, "it is cut short")
    if mapped and size:
        return np.memmap(path, record, mode="r", offset=header_bytes)
    weights: NDArray[np.void] = np.fromfile(path, record, offset=header_bytes)
    index = weights["index"]
    if len(index) and (index[-1] >= 1 << bits or not (index[:-1] < index[1:]).all()):
        raise _not_whole(path, "its weights are not in order")
    return weights


def pending_regularization(path: Path, header_bytes: int) -> tuple[float, float]:
    """(gravity, contraction): a weight w counts as sign(w) * max(|w| - gravity, 0) * contraction.

    VW applies ``--l1`` and ``--l2`` this way lazily, to all weights at once.
    """
    beginning = _beginning(path, header_bytes)
    gravity, contraction = _PENDING.unpack_from(beginning, header_bytes - _PENDING.size)
    return gravity, contraction


def _beginning(path: Path, length: int) -> bytes:
    with path.open("rb") as file:
        return file.read(length)


def _string(content: bytes, at: int) -> tuple[str, int]:
    """A string of the header, which ends in a zero byte, and where it ends."""
    (length,) = struct.unpack_from("<I", content, at)
    (raw,) = struct.unpack_from(f"<{length}s", content, at + 4)
    return raw.rstrip(b"\0").decode("utf-8"), at + 4 + length


def _not_whole(path: Path, why: str) -> WrongLearnerError:
    return WrongLearnerError(
        f"{path.name} is not a whole Vowpal Wabbit model file: {why}. Load another version, or "
        "make the model again with `freshet backfill`."
    )


# Floats that VW keeps for each weight: of --coin, and of adaptive, normalized gradient descent.
_FLOATS_COIN, _FLOATS_GRADIENT = 6, 3


def saved_weights(spec: LearnerSpec, path: Path, *, mapped: bool = False) -> NDArray[np.void]:
    """The weights in a model file, as :func:`learners.vw.model_file.read_weights` gives them."""
    _header, length = untrained(spec.args)
    floats = _FLOATS_COIN if COIN in spec.args else _FLOATS_GRADIENT
    return read_weights(path, length, floats, bits(spec), mapped=mapped)


@lru_cache(maxsize=8)
def untrained(args: tuple[str, ...]) -> tuple[Header, int]:
    """The header and the length of the file of a workspace that knows nothing.

    Its table is the smallest and empty: neither ``--bit_precision`` nor ``--initial_t``, which
    fills it, changes the length of what stands before the weights.
    """
    kept = [
        word
        for before, word in zip(("", *args), args, strict=False)
        if "--bit_precision" not in (before, word) and "--initial_t" not in (before, word)
    ]
    smallest = str(int(OPTIONS["--bit_precision"].least))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        workspace = Workspace(arg_list=[*kept, "--bit_precision", smallest])
        try:
            workspace.save(str(path))
        finally:
            workspace.finish()
        return read_header(path), path.stat().st_size


def check_made_with(spec: LearnerSpec, path: Path) -> None:
    """Compare the arguments that a model file holds with the spec's."""
    with path.open("rb") as file:
        if file.read(1) == b"{":
            raise WrongLearnerError(
                f"{path.name} is a model of river, and the learner is Vowpal Wabbit. Set "
                '`learner.kind = "river"`, or make a new model with `freshet backfill` and '
                "promote it."
            )
    header, (expected, _length) = read_header(path), untrained(spec.args)
    if (header.bits, header.options) != (bits(spec), expected.options):
        raise WrongLearnerError(
            f"{path.name} was made with `-b {header.bits} {header.options}`, and the config means "
            f"`-b {bits(spec)} {expected.options}`. Undo the change of `learner.args` or "
            "`learner.interactions`, or make a new model with `freshet backfill` and promote it."
        )


def bits(spec: LearnerSpec) -> int:
    """The ``--bit_precision`` of a spec, which is silent about VW's default."""
    name = "--bit_precision"
    if name in spec.args:
        return int(spec.args[spec.args.index(name) + 1])
    return int(OPTIONS[name].default)
