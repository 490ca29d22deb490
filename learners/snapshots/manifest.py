"""The manifest: what a snapshot holds, in the one form whose hash the registry keeps.

Written last into a draft, read first when a snapshot is opened.
"""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any, NamedTuple

from learners.snapshots.disk import FileMark, check_size, read_all
from learners.snapshots.errors import CorruptSnapshotError, SnapshotError

MANIFEST = "manifest.json"
# Raised when the manifest changes its meaning; a snapshot of another format is not opened.
FORMAT = 1
# A manifest holds names, numbers and a handful of rows; more than this is damage.
MAX_BYTES = 64 << 20


class SnapshotRef(NamedTuple):
    """What a registry row keeps of a snapshot: its folder's name and its manifest's sha256."""

    folder: str
    manifest_sha256: str


def canonical(manifest: dict[str, Any], files: dict[str, FileMark]) -> bytes:
    """The bytes of a manifest with its files: sorted keys, numbers finite, UTF-8.

    Raises:
        ValueError: it holds NaN or an infinity, or ``files`` or ``format`` of its own.
    """
    if taken := {"files", "format"} & manifest.keys():
        raise ValueError(f"a manifest's {sorted(taken)} are written by the store")
    marks = {name: mark._asdict() for name, mark in files.items()}
    whole = {**manifest, "files": marks, "format": FORMAT}
    text = json.dumps(whole, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False)
    return f"{text}\n".encode()


def sha256(content: bytes) -> str:
    """The hash by which a manifest is known, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def read(folder: int, expected_sha256: str) -> dict[str, Any]:
    """The manifest in an open folder, once its bytes are those that were written.

    Raises:
        CorruptSnapshotError: they are not.
        SnapshotError: a freshet with another format wrote it.
    """
    content = read_all(folder, MANIFEST, MAX_BYTES)
    if sha256(content) != expected_sha256:
        raise CorruptSnapshotError(f"the file {MANIFEST} is not the one that was written (sha256)")
    manifest = _parsed(content)
    if manifest.get("format") != FORMAT:
        raise SnapshotError(
            f"This snapshot has format {manifest.get('format')}, this Freshet reads {FORMAT}: use "
            "the Freshet that wrote it."
        )
    return manifest


def _parsed(content: bytes) -> dict[str, Any]:
    """The JSON object; its hash may be right although no freshet has written it."""
    try:
        manifest = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise CorruptSnapshotError(f"the file {MANIFEST} is no JSON") from error
    if not isinstance(manifest, dict):
        raise CorruptSnapshotError(f"the file {MANIFEST} holds no JSON object")
    return manifest


def marks(folder: int, manifest: dict[str, Any]) -> dict[str, FileMark]:
    """The files that the manifest names, after a look that these and no others are there."""
    try:
        wanted = {name: FileMark(**mark) for name, mark in manifest["files"].items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise CorruptSnapshotError(f"the file {MANIFEST} does not say what files it has") from error
    found = set(os.listdir(folder)) - {MANIFEST}
    for name in sorted(wanted.keys() - found):  # a name of another folder's file is not found
        raise CorruptSnapshotError(f"the file {name} is missing")
    for name in sorted(found - wanted.keys()):
        raise CorruptSnapshotError(f"the file {name} does not belong there")
    for name, mark in sorted(wanted.items()):
        check_size(folder, name, mark)
    return wanted
