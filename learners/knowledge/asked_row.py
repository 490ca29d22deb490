"""A row that somebody asks about on the command line: a JSON object, or the first row of a file."""

from __future__ import annotations

from converters.cells.escaping import quoted
from converters.cells.refusal import Refusal
from converters.config.settings import Settings
from converters.convert.records import AT_THE_TOP, RowReader
from converters.convert.whole_file import checked
from converters.errors import UsageError
from converters.files.csv_file import open_csv
from converters.schema.schema import Schema

_JSON = (AT_THE_TOP, ("content-type", b"application/json"))


def line_of(text: str, settings: Settings, schema: Schema) -> str:
    """The row as a line for the learner, unlabelled.

    Args:
        text: a JSON object, or the path of a CSV or Parquet file.
        settings: how CSV is written.
        schema: by which the row is read; columns that it does not have are passed over.

    Raises:
        UsageError: there is no such row, or it is refused; says why.
        CsvFileError: the file cannot be read.
    """
    if text.lstrip().startswith("{"):
        (row,) = RowReader(schema).events(text.strip().encode(), _JSON)
        if isinstance(row, Refusal):
            raise _refused("--row", row)
        return row[2][row[2].index("|") :]
    with open_csv(text, settings.csv) as file:
        for lines, block in checked(file, schema):
            if 0 in block.refused:
                raise _refused(f"{text}, line {lines[0]}", block.refused[0])
            line = block.text.split("\n", 1)[0]
            return line[line.index("|") :]
    raise UsageError(f"{text} has no rows.")


def _refused(where: str, row: Refusal) -> UsageError:
    column = f" in column '{quoted(row.column)}'" if row.column else ""
    return UsageError(f"{where}: the row is refused: {row.reason}{column} ({quoted(row.text)}).")
