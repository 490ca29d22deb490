"""Each lineage keeps its own config; those of a release that kept none are given theirs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from converters.cells.kind import FIRST_CONVERTER
from learners.registry.row_types import Lineage
from stream.checkpoints.same_model import ChangedModelError
from stream.log import journal
from stream.resolved_config import deciding
from tests.support.serving.command import freshet
from tests.support.serving.project import Project, flights, same
from tests.support.streams.older_converters import forget_config

CHANGED = ("max = 5000", "max = 4000")
CARRIER, HOUR = (f'{name} = {{ kind = "categorical" }}\n' for name in ("carrier", "hour"))
SWAPPED = ((CARRIER, ""), (HOUR, HOUR + CARRIER))
BEFORE_ORIGIN = ("origin = {", 'weather = { kind = "categorical" }\norigin = {')


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A model that has learned."""
    found = Project(tmp_path / "one")
    found.produce(found.write_csv(flights(200)))
    found.learn()
    return found


def live(project: Project) -> Lineage:
    """The live lineage."""
    with project.registry() as registry:
        found = registry.versions.live_lineage()
    assert found is not None
    return found


def adopt_fresh(project: Project) -> dict[str, Any]:
    """Make a model of the log by the project's config, and learn on with it."""
    made = project.backfill(fresh=True)
    with project.registry() as registry:
        registry.serving.pin("promote", made["version"], "other columns", "me")
    return project.learn()


def test_a_lineage_keeps_the_config_and_the_order_of_its_columns(project: Project) -> None:
    """In the registry and back."""
    kept = live(project).config
    assert kept == deciding(project.context)
    assert list(kept["columns"]) == list(project.schema.names)


def test_an_older_releases_lineage_is_given_its_config(project: Project) -> None:
    """By a learner that goes on with it; by none that is refused."""
    forget_config(project)
    changed = project.edited(CHANGED)
    with pytest.raises(ChangedModelError, match="columns, label map or interactions"):
        changed.learn()
    with pytest.raises(ChangedModelError, match="columns, label map or interactions"):
        changed.backfill()
    assert live(project).config is None
    assert same(project.backfill()) == same(project.learn())
    assert live(project).config == deciding(project.context.read_by(FIRST_CONVERTER))
    assert same(changed.backfill()) == same(project.learn())


def test_columns_that_no_release_kept_are_asked_for(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rows without names cannot be read by the schema before, and it says what helps."""
    project.append(b"x,1357016400,1,AX,JFK,3,100,")
    project.learn()
    forget_config(project)
    wider = project.edited(BEFORE_ORIGIN)
    assert wider.backfill(fresh=True)["rejected"] == 1
    assert "start 'freshet learn' once" in capsys.readouterr().err
    project.learn()
    assert wider.backfill(fresh=True)["rejected"] == 0


def test_the_learners_settings_are_kept_without_secrets(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of its last start that was not refused."""
    monkeypatch.setenv("FRESHET_SERVE__ADMIN_TOKEN", "sesame")
    project.edited(("window = 500", "window = 700")).learn()
    with pytest.raises(ChangedModelError):
        project.edited(CHANGED, ("window = 700", "window = 900")).learn()
    with project.registry() as registry:
        kept = registry.writer.last_settings()[project.model]
    assert kept is not None
    assert kept["evaluation"]["window"] == 700
    assert "sesame" not in json.dumps(kept)


def test_a_schema_change_stands_in_the_journal_at_its_place(project: Project) -> None:
    """The first line of its lineage: from which offsets, and which schema."""
    wider = project.edited(BEFORE_ORIGIN)
    adopt_fresh(wider)
    with project.open_log() as log:
        lines = [line for line in journal.lines(log, project.topics().journal) if not line.batch]
    (opening,) = lines
    assert opening.schemas is not None
    assert [each["schema"]["names"] for each in opening.schemas] == [
        list(project.schema.names),
        list(wider.schema.names),
    ]
    (before,) = live(wider).writers or []
    assert before["until"] == json.loads(json.dumps(journal.to_positions(opening.cut)))
    assert before["schema"]["names"] == list(project.schema.names)


def test_names_are_read_by_what_they_meant_in_their_time(project: Project, tmp_path: Path) -> None:
    """A column is renamed twice, and its first name then given to another; with names or without.

    The model is that of the same rows under the names of now.
    """
    crossed = ('interactions = "pairs"', "interactions = []")
    old, hour = 'origin = { kind = "categorical"', 'hour = { kind = "categorical"'
    rows = [[f"n{at}", *row[1:]] for at, row in enumerate(flights(90, seed=8))]
    (tmp_path / "one").rename(tmp_path / "unused")
    now = Project(tmp_path / "two").edited(crossed)
    renames = (
        [(old, old.replace("origin", "place", 1) + ', was = "origin"')],
        [
            (
                'place = { kind = "categorical", was = "origin"',
                'spot = { kind = "categorical", was = "place"',
            ),
            (hour, hour.replace("hour", "origin", 1) + ', was = "hour"'),
        ],
    )
    for at in range(3):
        part = rows[30 * at : 30 * at + 30]
        now.append(*(",".join(row).encode() for row in part[:15]))
        now.produce(now.write_csv(part[15:], now.schema.names))
        now.learn() if not at else adopt_fresh(now)
        if at < 2:
            now = now.edited(*renames[at])
    clean = Project(tmp_path / "three")
    clean.config_file.write_text(now.config_file.read_text())
    clean = clean.edited()
    clean.produce(clean.write_csv(rows, clean.schema.names))
    report, expected = now.backfill(fresh=True), clean.learn()
    assert report["rejected"] == 0
    assert (report["model_sha256"], report["learned"]) == (expected["model_sha256"], 90)


def test_schemas_are_known_from_the_journal_when_the_registry_is_lost(project: Project) -> None:
    """Rows without names of every time are read as before, not by the columns of today."""
    rows = [[f"n{at}", *row[1:]] for at, row in enumerate(flights(80, seed=8))]
    project.append(*(",".join(row).encode() for row in rows[:40]))
    project.learn()
    names = list(project.schema.names)
    swapped = project.edited(*SWAPPED)
    at = [names.index(name) for name in swapped.schema.names]
    assert at != sorted(at)
    adopt_fresh(swapped)
    swapped.append(*(",".join(row[n] for n in at).encode() for row in rows[40:]))
    swapped.learn()
    sha = swapped.backfill(fresh=True)["model_sha256"]
    for file in swapped.settings.databases[1].parent.glob("registry.db*"):
        file.unlink()
    report = swapped.backfill(fresh=True)
    assert (report["model_sha256"], report["rejected"]) == (sha, 0)


def test_refused_rows_are_listed_by_the_columns_of_their_time(project: Project) -> None:
    """Without names, as they were sent; corrected, they are learned under the columns of now."""
    project.append(b"late,1357016400,1,AX,JFK,3,far,", b"torn,1357016400,1,AX,JFK,3")
    project.learn()
    wider = project.edited(BEFORE_ORIGIN)
    assert adopt_fresh(wider)["rejected"] == 2
    listed = freshet("dead-letters", "--rows", "events", cwd=project.folder).stdout
    assert "not-a-number,distance,late,1357016400,1,AX,,JFK,3,far,," in listed
    assert "wrong-width" in listed
    row = next(line for line in listed.splitlines() if "far" in line).replace("far", "700")
    (project.folder / "corrected.csv").write_text("\n".join([listed.splitlines()[0], row]))
    sent = freshet("replay-dead-letters", "corrected.csv", "--json", cwd=project.folder)
    assert json.loads(sent.stdout)["sent"] == 1, sent.stderr
    report = wider.learn()
    assert (report["learned"], report["rejected"]) == (201, 2)
    assert same(wider.backfill()) == same(report)
