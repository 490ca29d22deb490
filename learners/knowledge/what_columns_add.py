"""The report's part on why: how much columns matter, and why some kept rows have their scores.

Cells are not kept, only what the learner was given of them, so values are told by that:
``grade=C``, ``amount=8000..15000``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from converters.config.settings import Settings
from converters.errors import FreshetError
from converters.schema.schema import Schema
from converters.show.charts import BarChart, SignedBars
from converters.show.tables import Table, counted, cut
from learners.explain.answers import Row, Wanted, Why
from learners.explain.baseline import Baseline, baseline_of
from learners.explain.explainer import finished
from learners.explain.kept_rows import KEPT_ROWS, kept_lines
from learners.explain.on_a_page import against, bar
from learners.explain.row_pieces import RowPieces
from learners.knowledge.importances import MOST_SCORES, importances
from learners.knowledge.version_weights import importances_json
from learners.learner import Learner
from learners.registry import Registry
from learners.registry.row_types import Checkpoint
from learners.report.figures import Section
from learners.snapshots.store import SnapshotStore
from learners.versions.own_schema import KnownSchemas
from learners.versions.served_learner import served_learner

NO_ROWS = (
    "The snapshot keeps no rows (explain.kept_rows is 0, or an older release made it), so what "
    "columns add is not known. 'freshet explain FILE' says it of rows of a file."
)
# The columns that a table and a picture show, at most.
MOST_COLUMNS = 20
Document = dict[str, Any]


def what_columns_add(settings: Settings, schema: Schema, point: Checkpoint) -> Document:
    """What the kept rows of a checkpoint say of its model, ready for JSON.

    Args:
        settings: of the config.
        schema: of the same config.
        point: the checkpoint.

    Returns:
        ``{"remark", "importances", "baseline", "rows"}``: of ``rows`` each is an answer of
        ``/explain`` with ``which`` of the kept rows it is. ``remark`` says why there is nothing.
    """
    nothing: Document = {"remark": NO_ROWS, "importances": None, "baseline": None, "rows": []}
    snapshots = SnapshotStore(Path(settings.snapshots))
    try:
        with snapshots.open(point.snapshot, only=(), if_there={KEPT_ROWS}) as snapshot:
            kept = kept_lines(snapshot.path)
        if not kept:
            return nothing
        with closing(Registry(settings.registry, settings.model, create=False)) as registry:
            own = KnownSchemas(registry, schema).of(point)
        with closing(served_learner(snapshots, point)) as learner:
            return {"remark": None, **_told(settings, own, learner, kept)}
    except FreshetError as error:
        # The measures are there all the same.
        return nothing | {"remark": f"What columns add is not known: {error}"}


def _told(settings: Settings, schema: Schema, learner: Learner, kept: Sequence[str]) -> Document:
    cuts = RowPieces(schema)
    found = importances(learner, cuts, kept, paired=False)
    baseline = baseline_of(None, settings, schema, cuts, kept)
    baseline = _few(baseline, len(cuts.columns), MOST_SCORES[learner.spec.kind])
    why = Why(settings, schema, learner, kept, baseline)
    return {
        "importances": importances_json(found),
        "baseline": why.baseline,
        "rows": [
            {"which": which} | finished(why.row(Row(_values(cuts, line), line), Wanted()))
            for which, line in _chosen(learner, kept).items()
        ],
    }


def _few(baseline: Baseline, columns: int, scores: int) -> Baseline:
    """So many of the baseline's rows that three others are explained by so many scores."""
    most = max(1, scores // (3 * (2 * columns + 2)))
    step = -(-len(baseline.rows) // most)
    return baseline._replace(rows=baseline.rows[::step])


def _chosen(learner: Learner, kept: Sequence[str]) -> dict[str, str]:
    """The kept rows of the highest, the median and the lowest score; each row once."""
    scores = learner.predict(list(kept))
    order = sorted(range(len(kept)), key=lambda at: (-scores[at], at))
    places = {"highest": 0, "median": len(order) // 2, "lowest": len(order) - 1}
    at = {place: which for which, place in reversed(places.items())}
    return {at[place]: kept[order[place]] for place in sorted(at)}


def _values(cuts: RowPieces, line: str) -> dict[str, str]:
    """What the learner was given of each column's cell; empty where it was missing."""
    found: dict[str, list[str]] = {name: [] for name in cuts.columns}
    for owner, piece in zip(cuts.owners, cuts.cut(line), strict=True):
        if owner < len(cuts.columns):
            found[cuts.columns[owner]] += [
                token for token in piece.split(" ") if token and not token.startswith("|")
            ]
    return {name: _value(name, tokens) for name, tokens in found.items()}


def _value(column: str, tokens: Sequence[str]) -> str:
    """A bin rather than a scaled number, and without the column's name."""
    named = [token for token in tokens if ":" not in token] or tokens
    return " ".join(re.sub(f"^{re.escape(column)}[=.]", "", token) for token in named)


def why_sections(told: Mapping[str, Any]) -> Iterator[Section]:
    """The importances, and each of the rows.

    Args:
        told: as :func:`what_columns_add` gives it.
    """
    if told["remark"]:
        yield Section("Why: what columns add", [told["remark"]])
        return
    found = told["importances"]
    words = (
        f"Mean magnitude of what each column adds to the log-odds, over "
        f"{counted(found['rows'], 'kept row', 'kept rows')}, each held against {found['others']:,} "
        "others. It says what the model uses, not what causes anything."
    )
    columns = [(each["column"], each["importance"]) for each in found["columns"]]
    yield Section(
        "Why: what columns add",
        [words],
        [_table("Columns", "column", columns, ".4f")],
        [BarChart("mean |contribution|", ["log-odds"], _bars(columns), horizontal=True)],
        folded=True,
    )
    for row in told["rows"]:
        yield _row(row, told["baseline"])


def _bars(each: Sequence[tuple[str, float]]) -> list[tuple[str, list[float]]]:
    return [(name, [value]) for name, value in each[:MOST_COLUMNS]]


def _row(row: Mapping[str, Any], baseline: Mapping[str, Any]) -> Section:
    columns = [
        (_named(each["column"], each["value"]), each["contribution"])
        for each in row["contributions"]
    ]
    rest = [("not of a column", row.get("other", 0.0)), ("calibration", row["adjustment"])]
    columns += [each for each in rest if each[1]]
    total = row["log_odds"] + row["adjustment"]
    score = (
        f"Score {row['score']:.4f}, so the label is '{row['label']}'. In log-odds: "
        f"{against(baseline)} {baseline['log_odds']:+.4f}, with what each column adds "
        f"{total:+.4f}. Values are as the learner was given them."
    )
    words = [score]
    if row.get("reasons"):
        words.append("Reasons:")
        words += [f"{at}. {each['reason']}" for at, each in enumerate(row["reasons"], 1)]
    elif "reasons" in row:
        words.append("No column worked against this row.")
    return Section(
        f"Why: the kept row of the {row['which']} score",
        words,
        [_table("What each column adds", "value", columns, "+.4f")],
        [SignedBars("what each column adds, in log-odds", columns[:MOST_COLUMNS])],
        folded=True,
    )


def _named(column: str, value: str) -> str:
    """A value with its column, as the learner was given it; of parts, each has a name."""
    if not value:
        return f"{column} missing"
    return f"{column}.{value}" if "=" in value else f"{column}={value}"


def _table(title: str, first: str, each: Sequence[tuple[str, float]], form: str) -> Table:
    """Names and numbers, with bars for a terminal."""
    most = max((abs(value) for _, value in each), default=0.0) or 1.0
    shown = each[:MOST_COLUMNS]
    rows = [[cut(name), format(value, form), bar(value, most)] for name, value in shown]
    more = len(each) - len(shown)
    said = f"{title} (the first {MOST_COLUMNS}; {more:,} more with --json)" if more else title
    return Table(said, (first, "log-odds", ""), (False, True, False), rows)
