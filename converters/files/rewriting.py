"""Commands that rewrite a file as it can be read, as messages propose them, for any shell."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import PurePath

from converters.config.settings import CsvSettings

_UNPACKED = {".gz": "gzip -dc", ".zst": "zstd -dc"}


@dataclass(frozen=True)
class Original:
    """A file as it is.

    Attributes:
        name: its path, or how messages call it.
        csv: its delimiter and encoding.
    """

    name: str
    csv: CsvSettings

    @classmethod
    def of(cls, name: str, csv: CsvSettings) -> Original | None:
        """A file that a command can read; None for a stream and for Parquet."""
        readable = PurePath(name).suffix and not name.endswith((".parquet", ".pq"))
        return cls(name, csv) if readable else None

    @property
    def corrected(self) -> str:
        """The path of the file that a command writes."""
        path = PurePath(self.name)
        if path.suffix in _UNPACKED:
            path = path.with_suffix("")
        return str(path.with_name(f"{path.stem}.corrected.csv"))

    def through(self, program: str) -> str:
        """The command that sends the file through a program, into the corrected one."""
        name, target = shlex.quote(self.name), shlex.quote(self.corrected)
        unpack = _UNPACKED.get(PurePath(self.name).suffix)
        if unpack:
            return f"{unpack} {name} | {program} > {target}"
        return f"{program} < {name} > {target}"


def short_header(name: str, csv: CsvSettings, *, trailing: bool) -> str:
    """What helps when each row has one cell more than the header.

    Args:
        name: how messages call the file.
        csv: its delimiter and encoding.
        trailing: whether the last cell of each row is empty, rather than the first one a name.
    """
    original = Original.of(name, csv)
    mark = re.sub(r"([\\/&.*^$\[\]])", r"\\\1", csv.delimiter).replace("\t", "\\t")
    if trailing:
        said = "Each row ends with a delimiter that the header lacks."
        then, program = "This command takes it away", f"s/{mark}\\r*$//"
    else:
        said = (
            "Each row has one cell more than the header, as where R's write.table leaves the row "
            "names without a name."
        )
        then, program = "This command names them row", f"1s/^/row{mark}/"
    if original is None:
        return said
    return f"{said} {then}: {original.through(f'sed {shlex.quote(program)}')}"


def rewriting(original: Original, definition: str, place: int) -> str:
    """The command that applies a Python function ``f`` to the cells of one column."""
    csv = original.csv
    mark = '"\\t"' if csv.delimiter == "\t" else f'"{csv.delimiter}"'.replace("\\", "\\\\")
    said = "" if csv.delimiter == "," else f",delimiter={mark}"
    reading = "utf-8-sig" if csv.encoding.lower() in ("utf-8", "utf8") else csv.encoding
    code = (
        "import csv,re,sys,unicodedata as u;"
        f'sys.stdin.reconfigure(encoding="{reading}",newline="");'
        f'sys.stdout.reconfigure(encoding="{csv.encoding}",newline="");'
        "csv.field_size_limit(2**31-1);"
        f"{definition};"
        f'csv.writer(sys.stdout,lineterminator="\\n"{said}).writerows('
        f"[f(c) if i=={place} else c for i,c in enumerate(r)] for r in csv.reader(sys.stdin{said}))"
    )
    return original.through(f"python3 -c {shlex.quote(code)}")
