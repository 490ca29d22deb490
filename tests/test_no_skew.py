"""No train/serve skew: however a row is scored, it gets the same score, to the last bit.

Through the stream, over HTTP as JSON and as CSV, offline from a file, and by a backfill of the file
and of the log, for every argument that a learner may have.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from learners.vw.arguments import COIN, OPTIONS
from tests.support.streams.scored_ways import (
    CROSSES,
    Answer,
    backfilled,
    file_of,
    of_a_file,
    over_http,
    project_of,
    rows,
    streamed,
)

# Larger tables of weights are scored no differently, and take gigabytes.
MOST_BITS = 22


def ends(name: str) -> list[str]:
    """An option at the ends of its range, in arguments that heed it."""
    option = OPTIONS[name]
    most = MOST_BITS if name == "--bit_precision" else option.most
    coin = f"{COIN} " if option.applies == "coin" else ""
    return [f"{coin}{name} {value:.10g}" for value in (option.least, most)]


EVERY_ARGUMENT = [
    *("", COIN, "-l 0.1 --power_t 0 --l2 1e-6 --l1 1e-7", f"{COIN} --ftrl_alpha 1 --ftrl_beta 10"),
    *(args for name in OPTIONS for args in ends(name)),
]
RIVER = [
    f'[learner.river]\noptimizer = "{name}"\nl2 = {l2}'
    for name, l2 in (("sgd", 0.0), ("sgd", 1e-3), ("adagrad", 0.0), ("adam", 0.0))
]
SETS = [
    ("vw", "-l 0.3 --l2 1e-5 --l1 1e-6", ""),
    ("vw", f"-b 20 {COIN}", ""),
    *(pytest.param("vw", args, "", marks=pytest.mark.long) for args in EVERY_ARGUMENT),
    *(pytest.param("river", "", more, marks=pytest.mark.long) for more in RIVER),
]


def assert_no_skew(
    project_args: tuple[str, str, str],
    folder: Path,
    learned: int,
    asked: int,
    crosses: str = CROSSES,
) -> None:
    """Learn some rows, then score others in every way."""
    kind, args, more = project_args
    project = project_of(folder, kind, args, crosses, more)
    lessons, questions = rows(learned, 1, known=True), rows(asked, 2, known=False)
    path = file_of(folder, "all.csv", [*lessons, *questions])
    live = streamed(project, path)
    expected = live[learned:]
    scores = [answer for answer in live if isinstance(answer, float)]
    assert len(live) == learned + asked
    assert len(set(scores)) > 50  # the model has learned something, if little
    assert any(isinstance(answer, str) for answer in expected)
    assert over_http(project, questions) == (expected, expected)
    assert of_a_file(project, file_of(folder, "questions.csv", questions)) == expected
    assert backfilled(project, str(path)) == scores
    assert backfilled(project, "log") == scores


@pytest.mark.parametrize(("kind", "args", "more"), SETS)
def test_every_way_gives_the_same_scores(kind: str, args: str, more: str, tmp_path: Path) -> None:
    """300 rows that the model has learned nothing of, and those from before their lessons."""
    crosses = '"pairs"' if COIN in args else CROSSES
    assert_no_skew((kind, args, more), tmp_path, 150, 300, crosses)


@pytest.mark.long
@pytest.mark.parametrize("args", ["--l2 1e-6", COIN])
def test_thousands_of_rows(args: str, tmp_path: Path) -> None:
    """The same for more rows than a checkpoint, a block, a record or a request holds."""
    assert_no_skew(("vw", args, ""), tmp_path, learned=3_000, asked=2_500)


def test_rows_that_the_learner_cannot_take(tmp_path: Path) -> None:
    """A number that the schema lets pass and the learner does not is refused in every way alike."""
    project = project_of(tmp_path, "vw", "")
    lessons, questions = rows(20, 1, known=True), rows(9, 2, known=False)
    questions[4][9] = "1e30"
    live: list[Answer] = streamed(project, file_of(tmp_path, "all.csv", [*lessons, *questions]))[
        20:
    ]
    assert live[4] == "unlearnable"
    assert over_http(project, questions) == (live, live)
    assert of_a_file(project, file_of(tmp_path, "questions.csv", questions)) == live
