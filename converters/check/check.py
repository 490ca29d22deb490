"""A CSV file and a schema -> a :class:`~converters.check.data_report.Report`.

The whole way: :mod:`.profile`, :mod:`.columns`, :mod:`.findings`. Called by
:mod:`converters.commands.check`.
"""

from __future__ import annotations

from collections.abc import Iterator

from converters.check.columns import column_reports
from converters.check.data_report import Example, RejectGroup, Report, SampleSize
from converters.check.findings import findings
from converters.check.profile import Profile, Shown, read_profile
from converters.files.csv_file import CsvFile, other_delimiter
from converters.schema.schema import Schema

NOT_SHOWN = "not shown: has protected cells"


def report(file: CsvFile, schema: Schema, shown: Shown) -> Report:
    """Read a file to its end and say what is in it.

    Args:
        file: the rows.
        schema: what they mean.
        shown: called with the rows read so far.

    Raises:
        CsvFileError: the file cannot be framed, or not with the config's delimiter.
    """
    if other_delimiter(file.header):
        # Of one column that is the whole row nothing worth reading could be said.
        file.require_known(schema.names)
    profile = read_profile(file, schema, shown)
    columns = list(column_reports(profile))
    by_role = zip(profile.plans, profile.totals, strict=True)
    repeated_ids = next((t.repeats for plan, t in by_role if plan.role == "id"), None)
    sampled, label = profile.sampled, schema.only("label")
    return Report(
        source=profile.source,
        rows=profile.rows,
        rejected=profile.rejects.counts.total(),
        rejects=list(_rejects(profile, schema)),
        label="" if label is None else label.name,
        findings=findings(profile, schema, columns, repeated_ids),
        balance=profile.balance,
        half_rates=_half_rates(profile),
        weights=profile.weights,
        times=profile.times,
        repeated_rows=profile.repeated,
        repeated_ids=repeated_ids,
        sample=SampleSize(sampled.rows, sampled.whole, sampled.rank_margin),
        columns=columns,
    )


def _rejects(profile: Profile, schema: Schema) -> Iterator[RejectGroup]:
    """The reasons, the most frequent first."""
    protected = any(column.settings.role == "protected" for column in schema.columns)
    counts = profile.rejects.counts
    for reason, column in sorted(counts, key=lambda key: (-counts[key], key)):
        rows = counts[reason, column]
        examples = [
            # A whole row may hold what must not be shown.
            Example(line, NOT_SHOWN if protected and not column and refusal.text else refusal.text)
            for line, refusal in profile.rejects.examples[reason, column]
        ]
        yield RejectGroup(reason, column, rows, rows / profile.rows, examples)


def _half_rates(profile: Profile) -> tuple[float, float] | None:
    halves = profile.sampled.half_labels()
    if halves is None:
        return None
    (first, of_first), (second, of_second) = halves
    return first / of_first, second / of_second
