"""Commands that rewrite a file as it can be read, as messages propose them, for any shell."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal, NamedTuple

from converters.config.settings import CsvSettings
from converters.files.first_line import UNNAMED

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


Fault = Literal["names", "rows", "header"]


def width_fault(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Fault | None:
    """Why each of these rows has one cell more, or less, than the header, if that is known."""
    more = {len(cells) - len(header) for cells in rows}
    if more == {1}:
        return "names" if any(cells[-1] for cells in rows) else "rows"
    return "header" if more == {-1} and UNNAMED.fullmatch(header[-1]) else None


def other_width(name: str, csv: CsvSettings, fault: Fault) -> str:
    """What helps when each row has one cell more, or less, than the header.

    Args:
        name: how messages call the file.
        csv: its delimiter and encoding.
        fault: whether a name lacks above the first cell of each row, or the rows end with a
            delimiter, or the header does.
    """
    said, then, writing = _WIDTHS[fault]
    original = Original.of(name, csv)
    if original is None:
        return said
    command = _python(original, f"{_HEADER}{writing}")
    return f'{said} {then}, into "{original.corrected}": {command}'


# The header is behind Excel's line, which stays.
_HEADER = 'h=next(rows);s=h[0][:4].lower()=="sep=";s and out.writerow(h);h=next(rows) if s else h;'
_WIDTHS = {
    "names": (
        "Each row has one cell more than the header, as R's write.table does not name row names.",
        "This command names them row",
        'out.writerow(["row",*h]);out.writerows(rows)',
    ),
    "rows": (
        "Each row ends with a delimiter that the header lacks.",
        "This command takes it away",
        "out.writerow(h);out.writerows(r[:-1] for r in rows)",
    ),
    "header": (
        "The header ends with a delimiter that each row lacks.",
        "This command takes it away",
        "out.writerow(h[:-1]);out.writerows(rows)",
    ),
}


class Rule(NamedTuple):
    """What a command does to the cells of a column, in Python without a single quote: for a shell.

    Attributes:
        definitions: what comes first; alike in rules of one kind, and then written once.
        function: of a cell, in terms of these.
    """

    definitions: str
    function: str


def rewriting(original: Original, rules: Mapping[int, Rule]) -> str:
    """The one command that corrects all columns that need it.

    Each would read the original: of several commands, the last one would undo the others.

    Args:
        original: the file.
        rules: what to do to the column at each place.
    """
    definitions = "".join(dict.fromkeys(rule.definitions for rule in rules.values()))
    each = ",".join(f"{place}:{rule.function}" for place, rule in sorted(rules.items()))
    cells = "[F[i](c) if i in F else c for i,c in enumerate(r)]"
    code = (
        f"{_HEADER}out.writerow(h);{definitions}F={{{each}}};out.writerows({cells} for r in rows)"
    )
    return _python(original, code, "re,unicodedata as u")


def from_blanks(original: Original, encoding: str) -> str:
    """The command for cells that blanks separate."""
    code = 'rows=csv.reader(sys.stdin,delimiter=" ",skipinitialspace=True);out.writerows(rows)'
    return _python(original, code, encoding=encoding)


def from_returns(original: Original, encoding: str) -> str:
    """The command for lines that end in carriage returns only."""
    code = "sys.stdin.reconfigure(newline=None);sys.stdout.writelines(sys.stdin)"
    return _python(original, code, encoding=encoding)


def from_json(original: Original, encoding: str) -> str:
    """The command for JSON: objects, a line each, in a list, or one of them.

    An object around a list of objects gives these.
    """
    code = (
        's=sys.stdin.read().strip("\\ufeff \\r\\n");l=[x for x in s.split("\\n") if x.strip()];'
        "w=lambda v:v if isinstance(v,list) else next((x for x in v.values() if isinstance(x,list) "
        "and x and isinstance(x[0],dict)),[v]);"
        'm=len(l)>1 and l[0][:1]=="{" and l[0].strip()[-1:]=="}";'
        "o=[json.loads(x) for x in l] if m else w(json.loads(s));"
        "names=list(dict.fromkeys(k for x in o for k in x));out.writerow(names);"
        'c=lambda v:v if isinstance(v,str) else "" if v is None else json.dumps(v);'
        "out.writerows([c(x.get(n)) for n in names] for x in o)"
    )
    return _python(original, code, "json", encoding)


def _python(original: Original, code: str, modules: str = "", encoding: str = "") -> str:
    """The command that sends the ``rows`` of a file to ``out`` as some code of Python does.

    Args:
        original: the file.
        code: that.
        modules: what else it imports.
        encoding: of the file, if it is not what its settings say.
    """
    csv = original.csv
    mark = '"\\t"' if csv.delimiter == "\t" else f'"{csv.delimiter}"'.replace("\\", "\\\\")
    said = "" if csv.delimiter == "," else f",delimiter={mark}"
    reading = encoding or csv.encoding
    reading = "utf-8-sig" if reading.lower() in ("utf-8", "utf8") else reading
    around = (
        f"import csv,sys{',' if modules else ''}{modules};"
        f'sys.stdin.reconfigure(encoding="{reading}",newline="");'
        f'sys.stdout.reconfigure(encoding="{csv.encoding}",newline="");'
        "csv.field_size_limit(2**31-1);"
        f"rows=csv.reader(sys.stdin{said});"
        f'out=csv.writer(sys.stdout,lineterminator="\\n"{said});'
    )
    return original.through(f"python3 -c {shlex.quote(around + code)}")
