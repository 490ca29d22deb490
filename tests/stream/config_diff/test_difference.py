"""What ``config diff`` compares with, and what it warns of."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from converters.cells.kind import FIRST_CONVERTER
from converters.changes.changes import stored
from converters.config.load import from_values, load
from converters.config.settings import Settings
from converters.schema.schema import from_settings
from learners.registry.row_types import Lineage, Start, utc_now
from learners.registry.serving import Moving
from learners.report.ancestry import TrainedOn
from stream.config_diff.difference import difference
from stream.config_diff.known_model import KnownModel
from stream.resolved_config import fixed, resolve
from tests.stream.config_diff.edited_configs import write
from tests.support import ROOT
from tests.support.serving.command import freshet
from tests.support.serving.project import Project, flights

CONFIG: dict[str, Any] = {
    "model": "loans",
    "columns": {
        "id": {"role": "id"},
        "at": {"role": "time"},
        "late": {"role": "label"},
        "grade": {"kind": "categorical"},
        "amount": {"kind": "numeric", "min": 0},
    },
    "label": {"positive": ["1", "yes"], "negative": ["0"]},
    "learner": {"args": "-b 10"},
    "learn": {"processes": 1},
}


def rows(count: int) -> str:
    """Rows, each tenth without its label."""
    lines = (
        f"r{n},{1_700_000_000 + 60 * n},{'' if n % 10 == 0 else n % 3 // 2},{'AB'[n % 2]},{n}"
        for n in range(count)
    )
    return "\n".join(("id,at,late,grade,amount", *lines)) + "\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model that has learned 45 rows, while 5 wait."""
    folder = tmp_path_factory.mktemp("model")
    write(folder, CONFIG).rename(folder / "freshet.toml")
    (folder / "rows.csv").write_text(rows(50), encoding="utf-8")
    for command in ("produce rows.csv", "learn --until-end --json"):
        done = freshet(*command.split(), cwd=folder)
        assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["waiting"] == 5
    return folder


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    """A copy of that folder, to be changed."""
    return Path(shutil.copytree(made, tmp_path / "copy"))


def edit(folder: Path, **sections: Any) -> None:
    """Other sections in place of the model's own."""
    write(folder, deepcopy(CONFIG) | sections).rename(folder / "freshet.toml")


def columns(**some: Any) -> dict[str, Any]:
    """The columns with some in place of others; without those that are None."""
    found: dict[str, Any] = deepcopy(CONFIG["columns"]) | some
    return {name: column for name, column in found.items() if column is not None}


def diff(folder: Path, *arguments: str) -> dict[str, Any]:
    """The answer of ``config diff``."""
    done = freshet("config", "diff", "--json", *arguments, cwd=folder)
    assert done.stdout, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == int(said["must_act"])
    return said


def cautions(folder: Path, **sections: Any) -> str:
    """What it warns of, besides the events that wait."""
    edit(folder, **sections)
    return "\n".join(each for each in diff(folder)["cautions"] if "wait for their" not in each)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(p): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_for_a_person(home: Path) -> None:
    """A line a change, the whole cost, and what to run, in that order."""
    edit(home, columns=columns(fee={"kind": "numeric"}), serve={"port": 8001})
    done = freshet("config", "diff", cwd=home)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[:4] == [
        "the column 'fee' is added at the end",
        "    a new lineage: the model is rebuilt from the log",
        "serve.port: 8000 -> 8001",
        "    nothing: from the server's next start",
    ]
    assert lines[-3:-1] == [
        "    freshet backfill log --fresh --promote --follow",
        "    freshet learn",
    ]


def test_what_only_needs_a_start(home: Path) -> None:
    """Exit status 0, and who is to be started again."""
    edit(home, serve={"port": 8001, "threshold": 0.3}, checkpoint={"events": 5})
    done = freshet("config", "diff", cwd=home)
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == (
        "Cost: a new evaluation. Start the learner and the server again."
    )


def test_no_model(tmp_path: Path) -> None:
    """Before the first learner: that is said, exit status 0, and nothing is made."""
    write(tmp_path, CONFIG).rename(tmp_path / "freshet.toml")
    before = contents(tmp_path)
    done = freshet("config", "diff", cwd=tmp_path)
    assert done.returncode == 0
    assert "No learner has begun the model 'loans'" in done.stdout
    assert diff(tmp_path)["changes"] == []
    assert contents(tmp_path) == before


def test_the_environment(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable is part of the edited config."""
    monkeypatch.setenv("FRESHET_LATE_LABELS__WAIT", "60")
    [change] = diff(home)["changes"]
    assert (change["key"], change["new"]) == ("late_labels.wait", 60.0)


def test_what_means_the_same(home: Path) -> None:
    """Arguments that are written otherwise cost nothing."""
    edit(home, learner={"args": "-b 10 -l 0.5"})
    [change] = diff(home)["changes"]
    assert (change["key"], change["cost"]) == ("learner.args", "nothing")
    assert freshet("learn", "--until-end", cwd=home).returncode == 0


def test_prices_of_the_same_threshold(home: Path) -> None:
    """Prices that decide as before have no count of decisions begin anew."""
    value = {"true_positive": 1.0, "false_positive": -1.0}
    edit(home, value=value)
    [change] = diff(home)["changes"]
    assert (change["key"], change["cost"]) == ("value", "nothing")
    edit(home, value=value | {"true_positive": 2.0})
    assert diff(home)["cost"] == "a new evaluation"


def test_it_writes_nothing(home: Path) -> None:
    """No file is changed or made, not even the modes of a home that is open to others."""
    edit(home, columns=columns(fee={"kind": "numeric"}))
    (home / ".freshet").chmod(0o755)
    before = contents(home)
    diff(home)
    assert contents(home) == before
    assert (home / ".freshet").stat().st_mode & 0o777 == 0o755


def test_while_a_learner_runs(home: Path) -> None:
    """A learner that holds lock, log and registry is neither waited for nor disturbed."""
    code = "import sys; sys.argv = ['freshet', 'learn']; from serve.cli import main; main()"
    learner = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=home,
        env={"PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert learner.stderr is not None
    with learner, learner.stderr as said:
        assert any("resuming" in line for line in said)
        edit(home, columns=columns(fee={"kind": "numeric"}))
        assert diff(home)["cost"] == "a new lineage"
        assert learner.poll() is None
        learner.terminate()
    assert learner.returncode == 0


def test_without_kafka(home: Path) -> None:
    """The log is not asked, so one that does not answer does not matter."""
    edit(home, log="kafka://127.0.0.1:1")
    [change] = diff(home)["changes"]
    assert (change["key"], change["new"]) == ("log", "kafka://127.0.0.1:1")


def test_another_address_of_the_same_brokers() -> None:
    """One more broker is the same Kafka; none in common may be another, which is not asked."""
    folder = Path("/nowhere/freshet.toml")
    one, more, other = (
        from_values(CONFIG | {"log": f"kafka://{brokers}"}, folder)
        for brokers in ("a:9092", "b:9092,a:9092", "c:9092")
    )
    context = resolve(one, from_settings(one))
    begun = fixed(context)
    lineage = Lineage(1, None, "learn", begun.learner, begun.schema_hash, Start({}, {}, 0), 1,
                      utc_now(), begun.config)  # fmt: skip
    known = KnownModel(
        "loans", one.registry, lineage, None, stored(one), None, 0, TrainedOn(0), (), frozenset()
    )

    def cost(settings: Settings) -> str:
        return difference(resolve(settings, from_settings(settings)), known).cost

    assert (cost(one), cost(more), cost(other)) == ("nothing", "nothing", "another model")


def test_a_version(home: Path) -> None:
    """With ``--version``: against what made that version, whatever the learner goes by."""
    edit(home, learner={"args": "-b 11"})
    done = freshet("backfill", "log", "--fresh", "--json", cwd=home)
    version = json.loads(done.stdout)["version"]
    assert diff(home, "--version", str(version))["changes"] == []
    assert diff(home, "--version", "1")["cost"] == "a new lineage"
    missing = freshet("config", "diff", "--version", "9", cwd=home)
    assert missing.returncode == 1
    assert "has no version 9" in missing.stderr


def test_a_candidate_that_is_ready(home: Path) -> None:
    """A candidate of the log under this config only needs to be promoted; then nothing differs."""
    edit(home, learner={"args": "-b 11"})
    made = json.loads(freshet("backfill", "log", "--fresh", "--json", cwd=home).stdout)
    said = diff(home)
    assert said["commands"][0].startswith(f"freshet promote {made['version']} ")
    promoted = freshet("promote", str(made["version"]), "--reason", "new", cwd=home)
    assert promoted.returncode == 0, promoted.stderr
    assert diff(home)["changes"] == []


def test_a_lineage_of_an_older_release(home: Path) -> None:
    """Of hashes and arguments alone: what differs, as far as it can be told, and what cannot."""
    settings = load(home / "freshet.toml")
    with closing(sqlite3.connect(settings.registry.removeprefix("sqlite:///"))) as registry:
        older = from_settings(settings, FIRST_CONVERTER).hash
        kept_nothing = "UPDATE lineages SET config = NULL, writers = NULL, schema_hash = ?"
        registry.execute(kept_nothing, (older,))
        registry.execute("UPDATE models SET settings = NULL")
        registry.commit()
    same = diff(home)
    assert same["changes"] == []
    assert "begun by an older release" in same["unknown"][0]
    edit(
        home,
        columns=columns(fee={"kind": "numeric"}),
        learner={"args": "-b 11"},
        late_labels={"wait": 60},
        evaluation={"window": 500},
        serve={"port": 1},
    )
    said = diff(home)
    assert [change["key"] for change in said["changes"]] == [
        "late_labels.wait",
        "evaluation.window",
        "columns",
        "learner.args",
    ]
    assert said["cost"] == "a new lineage"


def test_a_column_that_looks_renamed(home: Path) -> None:
    """Removed and added alike: ``was`` is suggested, and with it there is no more to warn of."""
    salary = {"kind": "numeric", "min": 0}
    said = cautions(home, columns=columns(amount=None, fee={"kind": "text"}, salary=salary))
    assert 'set columns.salary.was = "amount"' in said
    assert cautions(home, columns=columns(amount=None, salary={**salary, "was": "amount"})) == ""


def test_ids_that_become_integers(home: Path) -> None:
    """Ids that are no whole numbers would be refused."""
    said = cautions(home, columns=columns(id={"role": "id", "kind": "integer"}))
    assert "whose id is not a whole number are refused" in said


def test_a_new_column_that_must_be_there(home: Path) -> None:
    """Rows from before it would all be refused."""
    fee = {"kind": "numeric", "missing": "reject"}
    assert "all of them are refused" in cautions(home, columns=columns(fee=fee))


def test_a_spelling_that_is_gone(home: Path) -> None:
    """Old rows with it would be refused; one that means the other class is told too."""
    said = cautions(home, label={"positive": ["1"], "negative": ["0"]})
    assert 'Labels spelled "yes" are no longer known' in said
    said = cautions(home, label={"positive": ["1"], "negative": ["0", "yes"]})
    assert said == 'The label "yes" was positive and is negative now.'


def test_another_kind(home: Path) -> None:
    """Old cells may not fit a stricter kind."""
    said = cautions(home, columns=columns(grade={"kind": "numeric"}))
    assert "rows whose cell of grade is not a number are refused" in said
    assert cautions(home, columns=columns(amount={"kind": "text"})) == ""


def test_another_role(home: Path) -> None:
    """What joins events and labels, or orders them, is another column."""
    other = columns(at={"role": "drop"}, grade={"role": "time"})
    assert 'columns.at.role: "time" -> "drop"' in cautions(home, columns=other)


def test_a_stricter_column(home: Path) -> None:
    """Rows that were learned may be refused."""
    strict = {"kind": "numeric", "min": 0, "out_of_range": "reject"}
    said = cautions(home, columns=columns(amount=strict))
    assert "columns.amount.out_of_range" in said
    assert "may be refused now" in said


def test_events_that_wait(home: Path) -> None:
    """They are counted; fewer of them live to see their label if the wait is shorter."""
    edit(home, late_labels={"wait": 60})
    first, second = diff(home)["cautions"]
    assert first.startswith("5 events wait for their labels")
    assert second == "late_labels.wait: 604800 -> 60: events that wait for longer than that expire."
    edit(home, checkpoint={"events": 5})
    assert diff(home)["cautions"] == []


def test_what_was_learned_from_a_file_is_not_lost_silently(tmp_path: Path) -> None:
    """A backfill of the log makes a model without it: that is said, and the file's is offered."""
    project = Project(tmp_path / "p")
    project.produce(project.write_csv(flights(5)))
    project.learn()
    made = project.backfill(project.write_csv(flights(200)))
    with project.registry() as registry:
        registry.serving.pin("promote", made["version"], "history", "me", Moving(follow=True))
    edited = project.edited(("max = 5000", "max = 4000"))
    said = " ".join(freshet("config", "diff", cwd=edited.folder).stdout.split())
    assert "Caution: The model goes on from version 2, which has learned 200 examples from a" in (
        said
    )
    assert "until these have been run: freshet backfill FILE --promote --follow" in said
    project.learn()  # with the old config: it takes the weights
    found = diff(edited.folder)
    assert "200 examples from a file that the log does not hold" in found["cautions"][0]
    assert found["commands"][0] == "freshet backfill FILE --promote --follow"
    assert "from the log (0 examples) is then not in it" in found["cautions"][0]


def test_a_secret(home: Path) -> None:
    """That one is set now can be told, and nothing of it."""
    edit(home, serve={"admin_token": "hunter2"}, registry="postgresql://me:hunter2@127.0.0.1:1/db")
    done = freshet("config", "diff", cwd=home)
    assert "hunter2" not in done.stdout + done.stderr
