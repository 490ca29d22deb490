"""What is wrong with a file, or odd about it, in order of weight.

A *problem* makes the command fail: rows that would be refused, a file that does not fit its config,
a column that makes the numbers lie. A *warning* is for a person to judge, a *note* explains.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from converters.cells.escaping import quoted
from converters.cells.remedies import explained
from converters.cells.spellings import folded
from converters.check.class_balance import Balance
from converters.check.column_counts import FORMER, UNKNOWN
from converters.check.data_report import ColumnReport, Finding
from converters.check.profile import Profile
from converters.check.respelt import Level, Said
from converters.config.toml_text import readable
from converters.files.first_line import UNNAMED
from converters.files.rewriting import other_width, rewriting
from converters.sampling.column_sample import UNIQUE_FROM_ROWS
from converters.sampling.sketches import Estimate, about, estimated
from converters.schema.schema import Schema
from converters.show.tables import counted, listed, percent

MOSTLY_MISSING_SHARE = 0.5
OUTSIDE_SHARE = 0.01
UNSEEN_SHARE = 0.01
DRIFTED = 0.25


AFTER_EVENT = (
    "is always later than the event itself. If it is known only afterwards, give it the role "
    '"leak".'
)


def column_findings(column: ColumnReport, rows: int) -> Iterator[Said]:
    """All of one column.

    Args:
        column: the column.
        rows: how many rows could be split into cells.
    """
    present = rows - column.missing
    if column.alone is not None and column.learned and column.alone.suspicious:
        known = 'If it is known only when the label is, give it the role "leak".'
        level: Level = "problem" if column.alone.is_as_good else "warning"
        yield (level, "leak-suspect", f"{column.alone.described}. {known}")
    elif column.after_event:
        yield ("warning", "leak-suspect", AFTER_EVENT)
    if column.learned and rows >= UNIQUE_FROM_ROWS:
        yield from _values(column, present)
    if column.numbers and column.numbers.out_of_range >= OUTSIDE_SHARE * present:
        share = percent(column.numbers.out_of_range / present)
        cells = f"{counted(column.numbers.out_of_range, 'cell', 'cells')} ({share})"
        rest = f"has {cells} outside min..max; if they are right, widen the range."
        yield ("warning", "out-of-range", rest)
    if present and column.unseen >= UNSEEN_SHARE * present:
        share = percent(column.unseen / present)
        cells = f"{counted(column.unseen, 'cell', 'cells')} ({share})"
        yield ("warning", "unseen-values", f"has {cells} that its lists of values do not name.")
    yield from column.odd.said
    yield from _drifting(column)


def _values(column: ColumnReport, present: int) -> Iterator[Said]:
    if not present:
        yield ("warning", "always-missing", "is always missing.")
    elif column.constant:
        rest = "has one value in all rows that have it; nothing can be learned from that."
        if column.missing:
            rest = "has one value in all rows that have it: only its being missing is informative."
        yield ("note" if column.missing else "warning", "constant", rest)
    elif column.missing_share > MOSTLY_MISSING_SHARE:
        share = percent(column.missing_share)
        yield ("warning", "mostly-missing", f"is missing in {share} of the rows.")
    if column.nearly_unique and column.kind in ("categorical", "boolean"):
        rest = (
            f"hardly has a value twice ({about(column.distinct)} in {present:,} rows); nothing "
            "can be learned from that. Drop it, or give it the role of the id."
        )
        yield ("warning", "nearly-unique", rest)


def _drifting(column: ColumnReport) -> Iterator[Said]:
    drift = column.drift
    if drift is None or drift.psi < DRIFTED or drift.psi <= drift.chance:
        return
    index = f"population stability index {drift.psi:.2f}"
    if drift.ordered:
        rest = f"is what the file is ordered by, so that its halves differ in it ({index})."
        yield ("note", "ordered-by", rest)
    elif column.learned:
        rest = (
            f"differs between the file's halves ({index}; by chance under {drift.chance:.2f}): if "
            "the file is in order of time, what is learned first may not hold later."
        )
        yield ("warning", "drift", rest)


# Classes of which one is rarer than this are called unbalanced.
UNBALANCED_SHARE = 0.15
# Shares of positives differ much by a quarter of the whole, and not by chance (1 in 1,000 files).
LABELS_DRIFTED = 0.25
BEYOND_CHANCE = 3.3
# A gap in time is reported if it takes such a share of the whole time.
LONG_GAP_SHARE = 0.1
FEWEST_TIMES = 100

LEVELS = ("problem", "warning", "note")


def findings(
    profile: Profile, schema: Schema, columns: Sequence[ColumnReport], repeated_ids: Estimate | None
) -> list[Finding]:
    """All of them, problems first."""
    found = [
        *_fitting(profile, schema),
        *_rejected(profile),
        *_classes(profile, schema),
        *_label_spellings(schema),
        *_label_drift(profile),
        *_repeats(profile, repeated_ids),
        *_order(profile),
    ]
    rows = profile.totals[0].rows
    for column in columns:
        name = f"'{quoted(column.name)}'"
        for level, code, message in column_findings(column, rows):
            found.append(Finding(level, code, column.name, f"{name} {message}"))
    found.sort(key=lambda finding: LEVELS.index(finding.level))
    return list(_with_command(found, profile, columns))


def _with_command(
    found: Sequence[Finding], profile: Profile, columns: Sequence[ColumnReport]
) -> Iterator[Finding]:
    """The first column that is to be rewritten brings the command that rewrites all of them."""
    rules = {place: c.odd.rule for place, c in enumerate(columns) if c.odd.rule is not None}
    names = [columns[place].name for place in rules]
    original = profile.original
    then = ""
    if rules and original is not None:
        target, command = quoted(original.corrected), rewriting(original, rules)
        then = f'This command corrects {listed(names)}, into "{target}": {command}'
    for finding in found:
        if finding.code == "other-notation" and finding.column in names and then:
            yield replace(finding, message=f"{finding.message} {then}")
            then = "The command above corrects it too."
        else:
            yield finding


def _fitting(profile: Profile, schema: Schema) -> Iterator[Finding]:
    if profile.renamed:
        pairs = profile.renamed.items()
        said = ", ".join(f"'{quoted(old)}' is '{quoted(now)}' now" for old, now in pairs)
        yield Finding("note", "former-names", "", f"The file has former names of columns: {said}.")
    former = [plan.name for plan in profile.plans if plan.role == FORMER]
    if former:
        said = (
            f"The file has {listed(former)}, former names of columns that it also holds by those "
            "of now, or that are gone; their cells are passed over."
        )
        yield Finding("note", "former-columns", "", said)
    strange = [plan.name for plan in profile.plans if plan.role == UNKNOWN]
    if strange and not schema.ignore_extra:
        said = (
            f"The config does not name {listed(strange)}, so that convert refuses the file, and "
            "so do score and produce unless the model had such a column before. "
            'Add such a column to [columns] (role "drop" if it is not to be '
            'learned from), or set [record] extra = "ignore".'
        )
        yield Finding("problem", "unknown-columns", "", said)
    if profile.absent:
        refusing = [name for name in profile.absent if name in schema.mandatory]
        rest = "every row would be refused" if refusing else "they count as missing in each row"
        said = f"The file lacks {listed(profile.absent)} of the config; {rest}."
        yield Finding("problem" if refusing else "warning", "absent-columns", "", said)
    if said := _other_width(profile):
        yield Finding("problem", "short-header", "", said)
    if not profile.rows:
        yield Finding("problem", "no-rows", "", "The file has a header and no rows.")


def _other_width(profile: Profile) -> str:
    """What helps if each row has one cell more, or less, than the header; mostly empty."""
    key = ("wrong-width", "")
    names, original = [plan.name for plan in profile.plans], profile.original
    examples = [refusal.text for _, refusal in profile.rejects.examples.get(key, ())]
    if profile.rejects.counts[key] != profile.rows or original is None or not examples:
        return ""
    if all(text.startswith(f"{len(names) + 1} cells, ") for text in examples):
        # A long row is shown cut, and its end is not known.
        trailing = all(text.endswith((",", original.csv.delimiter, "…")) for text in examples)
        return other_width(original.name, original.csv, "rows" if trailing else "names")
    shorter = all(text.startswith(f"{len(names) - 1} cells, ") for text in examples)
    if shorter and UNNAMED.fullmatch(names[-1]):
        return other_width(original.name, original.csv, "header")
    return ""


def _rejected(profile: Profile) -> Iterator[Finding]:
    rows = profile.rejects.counts.total()
    if rows:
        share = percent(rows / profile.rows)
        verb = "is" if rows == 1 else "are"
        said = f"{rows:,} of {profile.rows:,} rows ({share}) {verb} refused; see the reasons."
        reasons: Counter[str] = Counter()
        for (reason, _), count in profile.rejects.counts.items():
            reasons[reason] += count
        helps = " ".join(explained(reasons, {}))
        yield Finding("problem", "rejected-rows", "", f"{said} What helps: {helps}")


def _classes(profile: Profile, schema: Schema) -> Iterator[Finding]:
    balance = profile.balance
    if not profile.rows:
        return
    if schema.only("label") is None:
        said = "The config names no label column: labels have to come on the labels topic, by id."
        yield Finding("warning", "no-labels", "", said)
    if balance is None:
        return
    if not balance.known:
        # Labels that are refused are there, and will not come later.
        later = schema.only("id") is not None and not balance.refused
        said = f"No row has a label that the config knows in '{quoted(balance.column)}'"
        said += "; they have to come on the labels topic, by id." if later else "."
        yield Finding("warning" if later else "problem", "no-labels", balance.column, said)
    elif not balance.positive or not balance.negative:
        only = "positive" if balance.positive else "negative"
        labels = "The only label is" if balance.known == 1 else f"All {balance.known:,} labels are"
        said = f"{labels} {only}; a model needs both classes."
        if balance.refused:
            said += (
                f" {counted(balance.refused, 'label is', 'labels are')} refused: name what "
                "they are in [label]."
            )
        yield Finding("problem", "single-class", balance.column, said)
    else:
        yield from _unbalanced(balance)


def _label_spellings(schema: Schema) -> Iterator[Finding]:
    """That a spelling of one class is one of the other's but for blanks or capitals."""
    label, codes = schema.only("label"), schema.label_codes
    positive = {folded(each): each for each, code in codes.items() if code == 1}
    odd = [each for each, code in codes.items() if code == 0 and folded(each) in positive]
    if odd and label is not None:
        said = (
            f"[label] counts {listed(odd, readable)} as negative, and "
            f"{listed([positive[folded(each)] for each in odd], readable)} as positive: they "
            "differ in blanks or capitals only. Move them, if they are one class."
        )
        yield Finding("warning", "label-spellings", label.name, said)


def _unbalanced(balance: Balance) -> Iterator[Finding]:
    rarer = min(balance.positive, balance.negative)
    share = rarer / balance.known
    if share < UNBALANCED_SHARE:
        which = "positive" if rarer == balance.positive else "negative"
        said = (
            f"{percent(share)} of the labels are {which} ({rarer:,} of {balance.known:,}): "
            "accuracy says little here, look at log loss and AUC; a weight column can make the "
            "rarer class count more."
        )
        yield Finding("warning", "unbalanced-classes", balance.column, said)


def _label_drift(profile: Profile) -> Iterator[Finding]:
    halves = profile.sampled.half_labels()
    if profile.balance is None or halves is None:
        return
    (ones, known), (later_ones, later_known) = halves
    first, second = ones / known, later_ones / later_known
    base = (ones + later_ones) / (known + later_known)
    deviation = math.sqrt(base * (1 - base) * (1 / known + 1 / later_known))
    if abs(first - second) > max(LABELS_DRIFTED * base, BEYOND_CHANCE * deviation):
        said = (
            f"{percent(first)} of the labels are positive in the file's first half, and "
            f"{percent(second)} in the second."
        )
        yield Finding("warning", "label-drift", profile.balance.column, said)


def _repeats(profile: Profile, repeated_ids: Estimate | None) -> Iterator[Finding]:
    ids = next((plan.name for plan in profile.plans if plan.role == "id"), "")
    if repeated_ids is not None and repeated_ids.count:
        said = (
            f"{estimated(repeated_ids, 'row has', 'rows have')} an id in '{quoted(ids)}' that came "
            "before: such a row is dropped as a duplicate if the first came shortly before."
        )
        yield Finding("problem", "repeated-ids", ids, said)
    if profile.repeated.count:
        # Without an id or a time, rows of few values are bound to be alike.
        named = bool(ids) or profile.times is not None
        rows = f"{about(profile.repeated)} of {profile.rows:,} rows"
        verb = "equals" if profile.repeated == Estimate(1) else "equal"
        said = f"{rows} {verb} an earlier one in every cell."
        yield Finding("warning" if named else "note", "repeated-rows", "", said)


def _order(profile: Profile) -> Iterator[Finding]:
    times = profile.times
    if times is None:
        return
    name = quoted(times.column)
    if times.future_line is not None:
        said = (
            f"{counted(times.future, 'row has a time', 'rows have times')} over an hour ahead of "
            f"the clock in '{name}', the first in line {times.future_line:,}: no log takes such a "
            "time, and produce and backfill stop there. Correct it; a date that stands for none, "
            "such as 9999-12-31, has to be an empty cell."
        )
        yield Finding("problem", "future-time", times.column, said)
    if (clocks := times.clocks) is not None:
        said = (
            f"{counted(clocks.rows, 'row is', 'rows are')} earlier in '{name}' than the row "
            f"before, the first in line {clocks.line:,}, where clocks were changed. {clocks.said}"
        )
        yield Finding("warning", "changed-clocks", times.column, said)
    elif (skipped := times.skipped) is not None:
        said = (
            f"{counted(skipped.rows, 'row has', 'rows have')} a time in '{name}' that does not "
            f"exist, the first in line {skipped.line:,}. {skipped.said}"
        )
        yield Finding("warning", "skipped-time", times.column, said)
    if times.unsorted_line is not None:
        said = (
            f"{counted(times.unsorted, 'row is', 'rows are')} earlier in '{name}' than the row "
            f"before, the first in line {times.unsorted_line:,}: produce and backfill with late "
            "labels need a file sorted by time."
        )
        yield Finding("warning", "unsorted-time", times.column, said)
    if not times.in_order:
        return
    gap, span = times.gap, times.last - times.first
    if gap and times.rows >= FEWEST_TIMES and gap.milliseconds >= LONG_GAP_SHARE * span:
        share = percent(gap.milliseconds / span)
        said = f"Nothing happens in '{name}' for {share} of its time, before line {gap.line:,}."
        yield Finding("note", "time-gap", times.column, said)
