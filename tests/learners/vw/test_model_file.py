"""A VW model file is opened only if it is whole, finite, and made with the same arguments."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from converters.config.learning_settings import RiverSettings
from learners import choose
from learners.learner import LearnerSpec, ModelNotSavedError, NonFiniteError, WrongLearnerError
from learners.river.arguments import river_spec
from learners.vw.arguments import vw_spec
from learners.vw.model_file import read_header, read_weights, saved_weights, untrained
from tests.support.learning.learner_samples import PAIRS, labelled_lines, learning
from tests.support.learning.vw_plain import plain

SPEC = vw_spec("-b 14", PAIRS)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model file of some lessons."""
    path = tmp_path / "model.vw"
    with learning(SPEC, labelled_lines(200)) as learner:
        learner.save(path)
    return path


@pytest.mark.parametrize("args", ["-b 14", "-b 14 --coin", "-b 10 --initial_t 9", "--power_t 0"])
def test_weights_are_those_vw_holds(args: str, tmp_path: Path) -> None:
    """Each record of the file is the index and value of a weight of the workspace."""
    spec, path = vw_spec(args, PAIRS), tmp_path / "model"
    with learning(spec, labelled_lines(200)) as learner:
        learner.save(path)
    weights = saved_weights(spec, path)
    assert len(weights) == (1024 if "--initial_t" in args else len(set(weights["index"]))) > 100
    with plain([*spec.args, "-i", str(path)]) as workspace:
        for record in weights[::7]:
            assert workspace.get_weight(int(record["index"]), 0) == record["values"][0]


def test_a_model_that_knows_nothing_has_no_weights(tmp_path: Path) -> None:
    """An untrained learner's file is its header."""
    with learning(SPEC) as learner:
        learner.save(tmp_path / "model")
    assert len(saved_weights(SPEC, tmp_path / "model")) == 0


def test_header_names_what_the_file_was_made_with(model: Path) -> None:
    """Version, bits and the arguments that VW keeps."""
    header = read_header(model)
    assert header.version.startswith("9.")
    assert header.bits == 14
    assert header.options == "--interactions ab --interactions bc --link logistic"


@pytest.mark.parametrize(
    ("args", "pairs"),
    [
        ("-b 15", PAIRS),
        ("-b 14 -l 0.1", PAIRS),
        ("-b 14 --power_t 0", PAIRS),
        ("-b 14 --coin", PAIRS),
        ("-b 14", PAIRS[:1]),
        ("-b 14", []),
        ("-b 14", [*PAIRS, ("a", "c")]),
    ],
)
def test_other_arguments_are_refused(args: str, pairs: list[tuple[str, str]], model: Path) -> None:
    """VW would take over most of what the file names; the error says both and what to do."""
    with pytest.raises(WrongLearnerError, match=r"-b 14 .*freshet backfill") as raised:
        choose.load(vw_spec(args, pairs), model)
    assert "`learner.args`" in str(raised.value)


def test_a_file_cut_short_is_refused(model: Path) -> None:
    """Wherever a file ends too early inside a record or the header, it is not loaded."""
    whole = model.read_bytes()
    for length in (0, 1, 10, 40, 120, 200, len(whole) - 1, len(whole) - 9):
        model.write_bytes(whole[:length])
        with pytest.raises(WrongLearnerError, match="is not a whole Vowpal Wabbit model file"):
            choose.load(SPEC, model)


def test_weights_out_of_order_are_refused(model: Path) -> None:
    """Indices that do not rise, or lie outside the table, are no weights."""
    whole = bytearray(model.read_bytes())
    _header, begin = untrained(SPEC.args)
    for damage in (b"\xff\xff\x00\x00", b"\x00\x00\x00\x00"):
        model.write_bytes(whole[:-16] + damage + whole[-12:])
        with pytest.raises(WrongLearnerError, match="its weights are not in order"):
            read_weights(model, begin, 3, 14)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [-4, -8, -12])
def test_weights_that_are_not_finite_are_refused(value: float, place: int, model: Path) -> None:
    """A spoiled weight, or sum beside it, is found before anything is scored with it."""
    content = bytearray(model.read_bytes())
    content[place : place + 4 or None] = np.float32(value).tobytes()
    model.write_bytes(content)
    with pytest.raises(NonFiniteError, match=r"model\.vw holds weights that are not finite"):
        choose.load(SPEC, model)


@pytest.mark.parametrize("content", [b"", b"hello, this is no model at all", b"PK\x03\x04" * 99])
def test_what_is_no_model_is_refused(content: bytes, tmp_path: Path) -> None:
    """A file of another kind altogether is named as such."""
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(WrongLearnerError, match="other is not a whole Vowpal Wabbit model file"):
        choose.load(SPEC, path)


def test_a_kind_refuses_the_others_model(model: Path, tmp_path: Path) -> None:
    """VW does not open river's file, nor river VW's; both say what to set."""
    river = river_spec(RiverSettings(), PAIRS)
    with learning(river, labelled_lines(20)) as learner:
        learner.save(tmp_path / "model.json")
    with pytest.raises(WrongLearnerError, match=r'Set `learner\.kind = "river"`'):
        choose.load(SPEC, tmp_path / "model.json")
    with pytest.raises(WrongLearnerError, match=r'set `learner\.kind = "vw"`'):
        choose.load(river, model)


def test_a_model_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """What stands in the way is named, and nothing is left behind."""
    (tmp_path / "folder" / "inner").mkdir(parents=True)
    (tmp_path / "file").touch()
    with learning(SPEC) as learner:
        for path in (tmp_path / "folder", tmp_path / "file" / "model"):
            with pytest.raises(ModelNotSavedError, match=f"could not write {path}: .*disk"):
                learner.save(path)
    assert {entry.name for entry in tmp_path.iterdir()} == {"folder", "file"}


def test_saving_replaces_what_was_there(model: Path) -> None:
    """A save over an older file leaves the newer one."""
    before = model.read_bytes()
    learner = choose.load(SPEC, model)
    learner.step(labelled_lines(10))
    learner.save(model)
    learner.close()
    assert model.read_bytes() != before


def test_loading_the_spec_it_was_made_with_needs_no_file_after(model: Path) -> None:
    """A loaded learner lives on when its file is gone."""
    learner = choose.load(SPEC, model)
    model.unlink()
    assert 0 < learner.predict(["| |a city=Bonn"])[0] < 1
    learner.close()


def test_specs_are_plain_data() -> None:
    """A spec made from its own JSON is the same spec."""
    content = SPEC.to_json()
    assert LearnerSpec(content["kind"], tuple(content["args"])) == SPEC
