"""``learner.args`` becomes complete arguments in one canonical form, or is refused by name."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from converters.errors import UsageError
from learners.learner import LearnerSpec
from learners.vw.arguments import COIN, OPTIONS, vw_spec
from learners.vw.model_file import saved_weights
from tests.support.learning.learner_contract import (
    Promise,
    score_is_from_before_the_lesson,
    scores_are_probabilities,
)
from tests.support.learning.learner_samples import PAIRS, labelled_lines, learning
from tests.support.learning.vw_plain import file_after, plain


def test_the_complete_arguments() -> None:
    """The spec holds everything that plain VW needs, in a fixed order."""
    assert vw_spec("--coin -b 22", [("b", "a"), ("a", "c")]) == LearnerSpec(
        "vw",
        (
            *("--loss_function", "logistic", "--link", "logistic", "--coin"),
            *("--bit_precision", "22", "--interactions", "ab", "--interactions", "ac"),
            *("--save_resume", "--preserve_performance_counters", "--quiet"),
        ),
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("-b22", "--bit_precision=22"),
        ("-b 22", "--bit_precision 22"),
        ("-b=22", "-b 22 -b 22"),
        ("--l2 1e-6", "--l2=0.000001"),
        ("-l 1 --l1 1e-7", "--l1 0.0000001 --learning_rate 1.0"),
        ("", "-b 18 -l 0.5 --power_t .5 --initial_t 0 --l1 0 --l2 0e3"),
        ("--coin", "--ftrl_beta 1.0 --ftrl_alpha 4 --coin"),
        ("'-b' \"20\"", "-b 20"),
    ],
)
def test_the_same_meaning_gives_the_same_arguments(one: str, other: str) -> None:
    """Spelling, order and stated defaults leave no trace."""
    assert vw_spec(one, PAIRS) == vw_spec(other, PAIRS)


def test_interactions_have_no_order() -> None:
    """Pairs turned around, repeated or in another order are the same interactions."""
    assert vw_spec("", [("b", "a"), ("c", "b"), ("a", "b")]) == vw_spec("", PAIRS)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ("--nn 5", "`--nn` cannot resume bit-identically"),
        ("--bootstrap=3", "`--bootstrap` cannot resume bit-identically"),
        ("--pistol", "`--pistol` does not give the score from before"),
        ("--freegrad", "`--freegrad` does not give the score from before"),
        ("--sgd", "`--sgd` saturates"),
        ("--ftrl", "`--ftrl` saturates"),
        ("-q ab", "`-q` is not set here: name the pairs of columns in `learner.interactions`"),
        ("-qab", "`-q` is not set here"),
        ("--interactions ab", "in `learner.interactions`"),
        ("--passes 3", "`--passes` is about files and passes"),
        ("-i model", "`-i` is about files"),
        ("-t", "`-t` would learn nothing"),
        ("--loss_function hinge", "`--loss_function` is set by Freshet"),
        ("--link identity", "`--link` is set by Freshet"),
        ("-b", "`--bit_precision` needs a number"),
        ("-b twenty", "`--bit_precision` needs a number, not `twenty`"),
        ("-b 18.5", "must be a whole number from 10 to 28, not 18.5"),
        ("-b 40", "must be a whole number from 10 to 28, not 40"),
        ("-l 0", "must be a number from 1e-06 to 10, not 0"),
        ("-l nan", "`--learning_rate` needs a number, not `nan`"),
        ("--l1 -1", "`--l1` must be a number from 0 to 0.01, not -1"),
        ("--l2 1 --l2 0", "must be a number from 0 to 0.1"),
        ("-b 18 -b 19", "`--bit_precision` is given twice with different values"),
        ("--coin --l2 1e-6", "`--l2` does nothing together with `--coin`"),
        ("--coin -l 1", "`--learning_rate` does nothing together with `--coin`"),
        ("--ftrl_alpha 1", "`--ftrl_alpha` does nothing without `--coin`"),
        ("--coin=1", "`--coin` takes no value"),
        ("--coin 1", "`1` is no option"),
        ("hello", "`hello` is no option"),
        ("--'", "cannot be split into arguments"),
    ],
)
def test_what_is_refused_and_how(args: str, said: str) -> None:
    """The error names the key, the option, the reason, and what is allowed."""
    with pytest.raises(UsageError, match=r"^learner\.args: ") as raised:
        vw_spec(args, PAIRS)
    assert said in str(raised.value)
    assert "Allowed are -b, -l, --power_t" in str(raised.value)


def test_every_other_option_of_vw_is_refused() -> None:
    """VW has hundreds of options; only those on the list pass."""
    # In a process of its own: VW prints its help past Python.
    program = "import vowpalwabbit; vowpalwabbit.Workspace('--help')"
    text = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    names = {n for n in re.findall(r"^ +(?:-\w, )?(--\w+)", text, re.MULTILINE) if n != COIN}
    assert len(names) > 200
    assert names > set(OPTIONS)
    for name in names - set(OPTIONS):
        with pytest.raises(UsageError, match=f"`{name}`"):
            vw_spec(f"{name} 1", [])


@pytest.mark.parametrize(
    ("option", "promise"),
    [
        ("--sgd", scores_are_probabilities),
        ("--ftrl", scores_are_probabilities),
        ("--pistol", score_is_from_before_the_lesson),
        ("--freegrad", score_is_from_before_the_lesson),
    ],
)
def test_the_contract_catches_what_is_refused(
    option: str, promise: Promise, tmp_path: Path
) -> None:
    """The promise that an option is refused for is one that it breaks."""
    with pytest.raises(AssertionError):
        promise(LearnerSpec("vw", (option, *vw_spec("", PAIRS).args)), tmp_path)


@pytest.mark.parametrize(
    ("option", "resumes"), [("--nn 5", False), ("--bootstrap 3", False), ("", True)]
)
def test_what_does_not_go_on_byte_for_byte(option: str, resumes: bool, tmp_path: Path) -> None:
    """Plain VW, saved and opened again with all arguments: why --nn and --bootstrap are refused."""
    args, lines = (*vw_spec("", PAIRS).args, option), labelled_lines(200)
    with plain(args) as workspace:
        for line in lines[:100]:
            workspace.learn(line)
        workspace.save(str(tmp_path / "half"))
    continued = (*args, "-i", str(tmp_path / "half"))
    resumed = file_after(continued, lines[100:], tmp_path)
    assert (resumed == file_after(args, lines, tmp_path)) is resumes


def test_an_ignored_option_is_the_same_as_none() -> None:
    """--coin is refused with --l2 because VW takes the two together and heeds one."""
    coin, lines = vw_spec("--coin", PAIRS), labelled_lines()
    with learning(coin) as one, learning(LearnerSpec("vw", ("--l2", "0.1", *coin.args))) as other:
        assert one.step(lines) == other.step(lines)


@pytest.mark.parametrize("name", OPTIONS)
def test_defaults_are_vws_own(name: str) -> None:
    """A default left out computes what the default stated would."""
    option, lines = OPTIONS[name], labelled_lines(100)
    spec = vw_spec("--coin" if option.applies == "coin" else "", PAIRS)
    stated = LearnerSpec("vw", (name, f"{option.default:g}", *spec.args))
    with learning(spec) as one, learning(stated) as other:
        assert one.step(lines) == other.step(lines)


@pytest.mark.parametrize(
    "args", ["-b 12 --power_t 0.75 -l 10", "-b 12 --l1 0.01 --l2 0.1", "--coin"]
)
def test_magnitudes_at_the_limits_leave_weights_finite(args: str, tmp_path: Path) -> None:
    """Numbers from the smallest to the largest that pass, crossed too, spoil no weight."""
    spec = vw_spec(args, [("a", "b"), ("b", "b")])
    least = "1e-15" if "--coin" in args else "1e-37"
    corners = [
        f"{label} | x:{x} k={number} |a u:{u} |b v:{v}"
        for number, label in enumerate(("1", "-1") * 100)
        for x in (least, "-1e15", "1e15", "0.5", f"-{least}")
        for u, v in (("3e7", "-3e7"), ("4e-8", "4e-8"), ("1", "1"))
    ]
    with learning(spec, corners) as learner:
        learner.save(tmp_path / "saved")
        assert np.isfinite(saved_weights(spec, tmp_path / "saved")["values"]).all()
        assert learner.predict(["| k=0"]) != [0.5]
