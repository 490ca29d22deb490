"""``freshet compare --scores FILE``: a file of scores by id against the learner's, on the log."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from converters.errors import UsageError
from learners.registry.serving import Moving
from stream.commands.compare import compare
from stream.own_scores.labelled_events import ReplacedError
from tests.support.learning.measured_models import MeasuredModel, run
from tests.support.serving.project import Project, flights

ROWS = flights(600)
TRUTH = {row[0]: int(row[2]) for row in ROWS}
VALUE = '[value]\ntrue_positive = 5\nfalse_positive = -1\nscale = "distance"'


@pytest.fixture(scope="module", params=["late", "immediate"])
def learned(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A model of six hundred flights whose labels came at landing, or with their events."""
    project = Project(tmp_path_factory.mktemp(request.param) / "p", more=VALUE)
    options = {"label_time": "landed"} if request.param == "late" else {}
    project.produce(project.write_csv(ROWS), **options)
    project.learn()
    return project


@pytest.fixture(scope="module")
def late(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The same with late labels only."""
    project = Project(tmp_path_factory.mktemp("late") / "p")
    project.produce(project.write_csv(ROWS), label_time="landed")
    project.learn()
    return project


def drawn(seed: int = 1) -> dict[str, float]:
    """Scores that know something, for each flight."""
    draw = random.Random(seed)
    return {i: min(1.0, max(0.0, draw.gauss(0.3 + 0.2 * y, 0.2))) for i, y in TRUTH.items()}


def written(project: Project, lines: Sequence[object], header: str = "id,score") -> str:
    """A file of scores."""
    path = project.folder / "own.csv"
    path.write_text("\n".join([header, *map(str, lines)]) + "\n", encoding="utf-8")
    return str(path)


def of(scores: Mapping[str, float]) -> list[str]:
    """Its lines."""
    return [f"{i},{score!r}" for i, score in scores.items()]


def told(project: Project, path: str) -> dict[str, Any]:
    """What the command prints as JSON."""
    found: dict[str, Any] = json.loads(text(project, "--scores", path, "--json"))
    return found


def text(project: Project, *arguments: str) -> str:
    """What the command prints."""
    model = MeasuredModel(project, evaluator=None)  # type: ignore[arg-type]
    return run(model, *arguments, command=compare).stdout


def test_figures_of_a_file_are_those_of_scikit_learn(learned: Project) -> None:
    """Log loss, Brier and AUC of both scores over all labelled events, whatever the order."""
    own = drawn()
    lines = of(own)
    random.Random(2).shuffle(lines)
    found = told(learned, written(learned, lines))
    (one,) = found["comparisons"]
    served = {score.id: score.score for score in learned.scores()}
    assert (found["window"], one["count"], found["scores_file"]["labelled"]) == (600, 600, 600)
    assert found["scores_file"]["left_out"] == {}
    truth = [TRUTH[i] for i in TRUTH]
    for side, scores in (("a", own), ("b", served)):
        given = np.clip([scores[i] for i in TRUTH], 1e-7, 1 - 1e-7)
        exact = [scores[i] for i in TRUTH]
        for name, expected in (
            ("log_loss", log_loss(truth, given)),
            ("brier", brier_score_loss(truth, exact)),
            ("auc", roc_auc_score(truth, exact)),
        ):
            assert one["differences"][name][side] == pytest.approx(expected, abs=1e-12)


def test_value_is_by_the_amount_of_each_event(learned: Project) -> None:
    """The file's decisions are worth what acting on its scores would have brought."""
    own = drawn()
    (one,) = told(learned, written(learned, of(own)))["comparisons"]
    least = learned.settings.threshold
    worth = [
        (5 if TRUTH[row[0]] else -1) * float(row[6]) if own[row[0]] >= least else 0.0
        for row in ROWS
    ]
    assert one["differences"]["value"]["a"] == pytest.approx(np.mean(worth))


def test_the_learners_own_scores_are_no_different(late: Project) -> None:
    """What the scores topic says, as a file: every difference is zero, over every event."""
    lines = [f"{score.id},{score.score!r}" for score in late.scores()]
    (one,) = told(late, written(late, lines))["comparisons"]
    assert all(d["difference"] == 0 for d in one["differences"].values())
    assert one["since"] == "2013-01-01T05:01:00Z"
    shown = " ".join(text(late, "--scores", written(late, lines)).split())
    assert "Between 'own.csv' and the served score no difference can be told" in shown
    assert "(600 labels of events since 2013-01-01T05:01:00Z, 95 % intervals)" in shown
    assert "own.csv: 600 rows, 600 of them of events with a label." in shown


def test_rows_of_no_use_are_counted_with_their_lines(late: Project) -> None:
    """Unknown ids, repeats, contradictions, and cells that cannot be read: the rest is compared."""
    own = drawn()
    some = {i: own[i] for i in list(own)[:100]}
    first, second = list(some)[:2]
    extra = [
        "nobody,0.5",
        f"{first},{some[first]!r}",
        f"{second},{1 - some[second]!r}",
        "f300,",
        "f301,high",
        ",0.5",
        "f302,0.5,more",
    ]
    found = told(late, written(late, [*of(some), *extra]))["scores_file"]
    assert found["left_out"] == {
        "unknown": 1,
        "repeated": 1,
        "conflicting": 2,
        "without_score": 4,
    }
    assert found["labelled"] == 99
    assert found["rows"] == 107
    assert found["examples"]["without_score"] == ["line 105", "line 106", "line 107"]
    shown = " ".join(text(late, "--scores", written(late, [*of(some), *extra])).split())
    assert "4 without a score or an id that can be read (line 105, line 106, line 107)" in shown


@pytest.mark.parametrize("score", ["1.5", "-0.1", "-3.2", "50"])
def test_a_score_that_is_no_probability_refuses_the_file(late: Project, score: str) -> None:
    """To leave such rows out would compare what happens to lie between 0 and 1."""
    path = written(late, ["f1,0.5", f"f2,{score}"])
    with pytest.raises(UsageError, match=r"line 3: the score .* is no probability"):
        text(late, "--scores", path)


def test_a_file_without_its_columns_is_told_which(late: Project) -> None:
    """Both names are said, and those that the file has."""
    path = written(late, ["f1,0.5"], header="key,p")
    with pytest.raises(UsageError, match=r"columns id and score are needed.*'key', 'p'"):
        text(late, "--scores", path)


def test_it_goes_with_no_version_and_no_other_contender(late: Project) -> None:
    """The log's scores are of many versions."""
    for option in (("--version", "1"), ("--against", "static")):
        with pytest.raises(UsageError, match="--scores compares a file with"):
            text(late, "--scores", written(late, []), *option)


def test_what_score_writes_will_do(late: Project) -> None:
    """Its other columns are passed over, and a row that it refused has no score."""
    header = "line,id,score,label,reason,column"
    lines = ["2,f1,0.25,0,,", "3,f2,0.5,1,,", "4,,,,bad-time,at"]
    found = told(late, written(late, lines, header))["scores_file"]
    assert (found["labelled"], found["left_out"]) == (2, {"without_score": 1})


def test_a_parquet_file_will_do(late: Project) -> None:
    """Read as the CSV that it would be."""
    pytest.importorskip("pyarrow")
    import pyarrow as pa
    import pyarrow.parquet as pq

    own = drawn()
    path = late.folder / "own.parquet"
    pq.write_table(pa.table({"score": list(own.values()), "id": list(own)}), path)
    assert told(late, str(path))["scores_file"]["labelled"] == 600


def test_scores_of_a_model_that_was_replaced_are_not_compared(tmp_path: Path) -> None:
    """They are not what the learner's measures are of; a fresh backfill wrote its own nowhere."""
    project = Project(tmp_path / "p")
    project.produce(project.write_csv(ROWS[:100]))
    project.learn()
    path = written(project, of(drawn()))
    assert told(project, path)["scores_file"]["labelled"] == 100
    made = project.backfill(fresh=True)
    with project.registry() as registry:
        registry.serving.pin("promote", made["version"], "test", "me", Moving(follow=True))
    project.learn()
    with pytest.raises(ReplacedError, match="scores of lineage 1, and the learner has replaced"):
        text(project, "--scores", path)
    project.produce(project.write_csv(ROWS[100:150]))
    project.learn()
    found = told(project, path)
    assert found["scores_file"]["left_out"] == {"replaced": 100, "unknown": 450}
    (one,) = found["comparisons"]
    served = {s.id: s.score for s in project.scores() if s.lineage > 1}
    expected = log_loss([TRUTH[i] for i in served], list(served.values()))
    assert one["differences"]["log_loss"]["b"] == pytest.approx(expected, abs=1e-12)
    shown = " ".join(text(project, "--scores", path).split())
    assert "100 of an event that another model scored, which the learner's has replaced" in shown


@pytest.mark.parametrize("expired", ["drop", "negative"])
def test_labels_count_by_the_learners_rules(tmp_path: Path, expired: str) -> None:
    """One that comes after the wait does not; its event is negative where the config says so."""
    more = f'[late_labels]\nwait = 3600\nexpired = "{expired}"'
    project = Project(tmp_path / "p", more=more)
    at = 1_357_016_400_000
    rows = [f"e{n},{(at + n) / 1000},,AX,JFK,1,100,".encode() for n in range(40)]
    for number, row in enumerate(rows):
        project.append(row, time=at + number)
    for number in range(10):
        project.append(f"e{number},1".encode(), labels=True, time=at + 60_000)
    project.append(b"e11,1", labels=True, time=at + 2 * 3_600_000)
    project.append(f"f,{at / 1000 + 90_000},,AX,JFK,1,100,".encode(), time=at + 90_000_000)
    report = project.learn()
    path = written(project, [f"e{n},0.5" for n in range(40)])
    found = told(project, path)["scores_file"]
    assert found["labelled"] == report["learned"] == (10 if expired == "drop" else 40)
    assert found["left_out"] == ({"waiting": 30} if expired == "drop" else {})


def test_scores_of_a_log_without_labels_are_nothing_to_compare(tmp_path: Path) -> None:
    """Said in a line, with what became of the file."""
    project = Project(tmp_path / "p")
    project.append(b"e1,2013-01-01,,AX,JFK,1,100,")
    project.learn()
    shown = " ".join(text(project, "--scores", written(project, ["e1,0.5"])).split())
    assert "1 of an event whose label has not come in time" in shown
    assert "Nothing to compare yet" in shown
