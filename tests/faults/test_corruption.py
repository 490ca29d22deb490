"""Whatever is damaged on disk is seen, told, and passed over; the result is the very same.

The short form takes a sample of what the long one (``-m long``) takes whole: every cut of every
file of a checkpoint, 10,000 flipped bits, and hundreds of learners started over damaged ones.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest

from learners.snapshots.errors import CorruptSnapshotError
from learners.snapshots.manifest import MANIFEST
from learners.snapshots.store import SnapshotStore
from serve.live.version_loader import BadSnapshotError, Loader
from serve.rows.readers import Readers
from tests.faults.corruption import (
    Damage,
    Made,
    command,
    contents,
    copied,
    cuts,
    flips,
    learned_the_same,
    ledger,
    log_file,
    make,
    project_in,
    registry_file,
    snapshot_folder,
)
from tests.support.serving.project import Project, answers, same

FILES = {"joins.npz", "kept-rows.zst", MANIFEST, "metrics.npz", "model", "static-model"}
# The ids resolved last: how many files they take depends on the clock. Nothing waits any more.
SEGMENT = re.compile(r"resolved-\d{8}")
CUTS, FLIPS, LONG_FLIPS = 60, 300, 10_000
STARTS, LONG_STARTS = 20, 200


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """One model for all tests, which damage copies of it."""
    return make(tmp_path_factory.mktemp("made") / "model")


def let_through(made: Made, folder: Path, damages: Sequence[Damage]) -> list[Damage]:
    """The damages that the store does not see, one after the other in a copy."""
    project = copied(made, folder)
    store, point = project.snapshots(), made.points[-1]
    place = snapshot_folder(project, point)
    whole = contents(place)
    missed = []
    for damage in damages:
        damage.do(place)
        if not is_refused(store, made, damage.name):
            missed.append(damage)
        (place / damage.name).write_bytes(whole[damage.name])
    with store.open(point.snapshot) as snapshot:
        assert contents(snapshot.path) == {n: c for n, c in whole.items() if n != MANIFEST}
    return missed


def is_refused(store: SnapshotStore, made: Made, name: str) -> bool:
    """Whether the newest checkpoint is not opened, and the message names the file."""
    try:
        with store.open(made.points[-1].snapshot):
            return False
    except CorruptSnapshotError as error:
        return name in str(error)


def test_a_real_checkpoint_has_every_kind_of_file(made: Made) -> None:
    """A real checkpoint holds every file that these tests damage: model, joins, measures, copy."""
    names = {path.name for path in made.newest.iterdir()}
    segments = {name for name in names if SEGMENT.fullmatch(name)}
    assert names - segments == FILES
    assert segments
    assert len({point.serial for point in made.points}) == 3


def test_a_checkpoint_cut_anywhere_is_never_opened(made: Made, tmp_path: Path) -> None:
    """Each file of a checkpoint, cut at 60 places and before its last byte: never opened."""
    assert not let_through(made, tmp_path / "p", list(cuts(made.newest, CUTS)))


def test_a_flipped_bit_of_a_checkpoint_is_never_missed(made: Made, tmp_path: Path) -> None:
    """300 flipped bits, over all files of a checkpoint: each is noticed."""
    assert not let_through(made, tmp_path / "p", flips(made.newest, FLIPS, seed=1))


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_checkpoint_cut_at_any_byte_is_never_opened(made: Made, tmp_path: Path) -> None:
    """Each file of a checkpoint, cut at every byte: never opened."""
    assert not let_through(made, tmp_path / "p", list(cuts(made.newest)))


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_no_bit_of_ten_thousand_is_missed(made: Made, tmp_path: Path) -> None:
    """10,000 flipped bits, over all files of a checkpoint: each is noticed."""
    assert not let_through(made, tmp_path / "p", flips(made.newest, LONG_FLIPS, seed=2))


def some_damages(made: Made, count: int, seed: int) -> list[Damage]:
    """Cuts and flips in turn, over all files."""
    draw = Random(seed)
    cut = draw.sample(list(cuts(made.newest)), count // 2)
    return [*flips(made.newest, count - len(cut), seed), *cut]


def goes_on_from_the_one_before(made: Made, project: Project, damage: Damage) -> None:
    """Start the learner in this process over a damaged checkpoint."""
    damage.do(snapshot_folder(project, made.points[-1]))
    assert same(project.learn()) == same(made.report), damage
    assert answers(project.scores()) == made.answers, damage
    with project.registry() as registry:
        told = [entry for entry in registry.ledger.entries() if entry.action == "refuse"]
        states = [v.state for v in registry.versions.all() if v.serial in serials(made)]
    assert [entry.detail["checkpoint"] for entry in told] == serials(made)[-1:], damage
    assert damage.name in told[0].reason
    assert states == ["verified", "verified", "refused"]


def serials(made: Made) -> list[int]:
    """The checkpoints' numbers."""
    return [point.serial for point in made.points]


def test_a_learner_takes_the_checkpoint_before_a_damaged_one(made: Made, tmp_path: Path) -> None:
    """20 damaged checkpoints: the learner replays the rest, ends the same; the ledger has it."""
    for number, damage in enumerate(some_damages(made, STARTS, seed=3)):
        goes_on_from_the_one_before(made, copied(made, tmp_path / str(number)), damage)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_200_learners_take_the_checkpoint_before(made: Made, tmp_path: Path) -> None:
    """200 damaged checkpoints, each met by a ``freshet learn``: the one before it is used."""
    for number, damage in enumerate(some_damages(made, LONG_STARTS, seed=4)):
        project = copied(made, tmp_path / str(number))
        damage.do(snapshot_folder(project, made.points[-1]))
        assert "checkpoint is damaged" in learned_the_same(made, project), damage


@pytest.mark.parametrize("name", sorted(FILES))
def test_the_command_says_that_a_checkpoint_is_damaged(
    made: Made, tmp_path: Path, name: str
) -> None:
    """Each file of a checkpoint damaged: ``freshet learn`` logs it, and ends the same."""
    project = copied(made, tmp_path / "p")
    Damage(name, "flip", 99).do(snapshot_folder(project, made.points[-1]))
    said = learned_the_same(made, project)
    assert "checkpoint is damaged; using the one before it" in said
    assert name in said
    with project.registry() as registry:
        (entry,) = (entry for entry in registry.ledger.entries() if entry.action == "refuse")
    assert entry.version == made.points[-1].version
    assert name in entry.reason


def test_with_all_checkpoints_damaged_it_starts_from_the_begin(made: Made, tmp_path: Path) -> None:
    """All checkpoints damaged: rebuilt from log and journal; ``freshet history`` names them."""
    project = copied(made, tmp_path / "p")
    for point, name in zip(made.points, ("model", "joins.npz", MANIFEST), strict=True):
        Damage(name, "cut", 7).do(snapshot_folder(project, point))
    assert learned_the_same(made, project).count("checkpoint is damaged") == 3
    told = ledger(project, "refuse")
    assert [entry["version"] for entry in told] == [p.version for p in reversed(made.points)]


@pytest.mark.parametrize("name", ["model", MANIFEST])
def test_a_server_never_serves_a_damaged_version(made: Made, tmp_path: Path, name: str) -> None:
    """A damaged version is marked unusable for all servers; the version before it is served."""
    project = copied(made, tmp_path / "p")
    place, draw = snapshot_folder(project, made.points[-1]), Random(5)
    Damage(name, "flip", draw.randrange(8 * (place / name).stat().st_size)).do(place)
    with project.registry() as registry:
        readers = Readers(registry, project.settings.serve, project.schema)
        loader = Loader(registry, project.snapshots(), readers)
        newest, before = made.points[-1].version, made.points[-2].version
        assert newest is not None
        assert loader.pointers().serving == newest
        with pytest.raises(BadSnapshotError, match=name):
            loader.load(newest)
        assert loader.pointers().serving == before
        assert before is not None
        served = loader.load(before)
        served.learner.close()
        assert served.model_sha256 == made.points[-2].model_sha256


@pytest.mark.parametrize("which", ["registry", "log"])
@pytest.mark.parametrize("at", [0, 5_000])
def test_a_damaged_database_stops_every_command(
    made: Made, tmp_path: Path, which: str, at: int
) -> None:
    """Registry or log file damaged: each command names the file, and overwrites nothing on disk."""
    project = copied(made, tmp_path / "p")
    path = registry_file(project) if which == "registry" else log_file(project)
    content = bytearray(path.read_bytes())
    content[at : at + 60_000] = Random(6).randbytes(len(content[at : at + 60_000]))
    path.write_bytes(content)
    passing = ("learner.lock", f"{path.name}-wal", f"{path.name}-shm", "registry.db")
    before = contents(project.folder, passing)
    run = command(project, "learn", "--until-end")
    assert run.returncode == 1, run.stderr
    assert path.name in run.stderr
    assert "Traceback" not in run.stderr
    assert path.read_bytes()[:60_000] == bytes(content[:60_000])
    kept = contents(project.folder, passing)
    assert {name: kept[name] for name in before} == before


def test_a_registry_of_another_model_stops_the_learner(made: Made, tmp_path: Path) -> None:
    """A registry swapped for that of the same model elsewhere does not know this log."""
    project, other = copied(made, tmp_path / "p"), make(tmp_path / "other")
    registry_file(project).write_bytes(registry_file(project_in(other.folder)).read_bytes())
    before = contents(project.folder, ("learner.lock", "registry.db"))
    run = command(project, "learn", "--until-end")
    assert run.returncode == 1, run.stderr
    assert "Traceback" not in run.stderr
    after = contents(project.folder, ("learner.lock", "registry.db"))
    assert {name: after[name] for name in before if "log.db" not in name} == {
        name: content for name, content in before.items() if "log.db" not in name
    }
    assert answers(project.scores()) == made.answers


@pytest.mark.parametrize("swap", ["another", "none"])
def test_a_registry_that_knows_nothing_of_the_journal_stops_the_learner(
    made: Made, tmp_path: Path, swap: str
) -> None:
    """Registry lost, or swapped for another model's: nothing scored twice; the error says why."""
    project = copied(made, tmp_path / "p")
    registry_file(project).unlink()
    if swap == "another":
        other = Project(tmp_path / "other", model="other")
        other.append(b"x,1357016400,1,AX,JFK,3,100,", time=1_357_016_400_000)
        other.learn()
        registry_file(project).write_bytes(registry_file(other).read_bytes())
    run = command(project, "learn", "--until-end")
    assert answers(project.scores()) == made.answers
    assert run.returncode == 1
    assert "journal" in run.stderr
