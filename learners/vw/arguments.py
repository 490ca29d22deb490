"""From ``learner.args`` to the complete, canonical arguments of a Vowpal Wabbit workspace.

Gives a :class:`~learners.learner.LearnerSpec`. Only options for which the contract suite has shown
that the learner keeps its promises are allowed, within the ranges in which it does; the same
meaning gives the same arguments, so that a config may be rewritten without making a new lineage.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from converters.errors import UsageError
from learners.learner import LearnerSpec

_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


class Option(NamedTuple):
    """An option that takes a number.

    Attributes:
        default: what VW takes when the option is absent; stating it changes nothing.
        least: smallest value allowed.
        most: largest value allowed.
        applies: ``any``, or the one algorithm that heeds it: ``coin``, or ``gradient``.
        whole: only whole numbers are allowed.
    """

    default: float
    least: float
    most: float
    applies: Literal["any", "coin", "gradient"]
    whole: bool = False


# In canonical order. The ranges are those in which the flights and numbers of any size left the
# scores unsaturated and the weights finite; tests/learners/vw/test_arguments.py tries their ends.
OPTIONS = {
    "--bit_precision": Option(18, 10, 28, "any", whole=True),
    "--learning_rate": Option(0.5, 1e-6, 10, "gradient"),
    "--power_t": Option(0.5, 0, 0.75, "gradient"),
    "--initial_t": Option(0, 0, 1e6, "gradient"),
    "--l1": Option(0, 0, 0.01, "gradient"),
    "--l2": Option(0, 0, 0.1, "gradient"),
    "--ftrl_alpha": Option(4, 0.01, 20, "coin"),
    "--ftrl_beta": Option(1, 0.1, 100, "coin"),
}
COIN = "--coin"
_SHORT = {"-b": "--bit_precision", "-l": "--learning_rate"}

_IN_CONFIG = "is not set here: name the pairs of columns in `learner.interactions`"
_BY_FRESHET = "is set by Freshet"
_NOT_HERE = "is about files and passes, which the stream takes the place of"
_PROTOCOL = "changes what is read or printed, not what is learned"
_SATURATES = "saturates: on columns that are not scaled its scores become exactly 0 or 1"
_NOT_BEFORE = "does not give the score from before the update"
_NOT_RESUMED = "cannot resume bit-identically after a restart"
REFUSED = {
    "--sgd": _SATURATES,
    "--ftrl": f"{_SATURATES}; --coin is the scale-free variant",
    "--pistol": _NOT_BEFORE,
    "--freegrad": _NOT_BEFORE,
    "--bootstrap": _NOT_RESUMED,
    "--nn": _NOT_RESUMED,
    **dict.fromkeys(("--interactions", "-q", "--quadratic", "--cubic"), _IN_CONFIG),
    **dict.fromkeys(
        (
            "--loss_function",
            "--link",
            "--save_resume",
            "--preserve_performance_counters",
            "--quiet",
        ),
        _BY_FRESHET,
    ),
    **dict.fromkeys(
        (
            *("-d", "--data", "-i", "--initial_regressor", "-f", "--final_regressor", "--passes"),
            *("-c", "--cache", "--cache_file", "-k", "--kill_cache", "--holdout_off", "--daemon"),
            *("--readable_model", "--invert_hash", "--save_per_pass", "--decay_learning_rate"),
        ),
        _NOT_HERE,
    ),
    **dict.fromkeys(("-t", "--testonly"), "would learn nothing"),
    **dict.fromkeys(
        ("-p", "--predictions", "-r", "--raw_predictions", "-a", "--audit", "-P", "--progress"),
        _PROTOCOL,
    ),
}
_FIRST = ("--loss_function", "logistic", "--link", "logistic")
_LAST = ("--save_resume", "--preserve_performance_counters", "--quiet")


def vw_spec(args: str, interactions: Sequence[tuple[str, str]]) -> LearnerSpec:
    """The spec of a VW learner.

    Args:
        args: the user's ``learner.args``.
        interactions: pairs of namespace letters.

    Raises:
        UsageError: an option is not on the list, or its value is out of range.
    """
    given = _parse(args)
    coin = COIN in given
    for name in given:
        _check_applies(name, coin=coin)
    options = [
        part
        for name, option in OPTIONS.items()
        if (value := given.get(name, option.default)) != option.default
        for part in (name, _text(value))
    ]
    pairs = sorted({"".join(sorted(pair)) for pair in interactions})
    crossed = [part for pair in pairs for part in ("--interactions", pair)]
    algorithm = (COIN,) if coin else ()
    return LearnerSpec("vw", (*_FIRST, *algorithm, *options, *crossed, *_LAST))


def _parse(args: str) -> dict[str, float]:
    """The options given, by long name, checked one by one."""
    given: dict[str, float] = {}
    for name, text in _options(args):
        value = _value(name, text)
        if given.setdefault(name, value) != value:
            raise _wrong(f"`{name}` is given twice with different values")
    return given


def _options(args: str) -> Iterator[tuple[str, str | None]]:
    """(long name, text of the value); the value is None for a flag or where it is missing."""
    try:
        words = iter(shlex.split(args))
    except ValueError as error:
        raise _wrong(f"the string cannot be split into arguments ({error})") from None
    for word in words:
        name, attached = _split(word)
        if name == COIN:
            yield name, attached
        elif name in OPTIONS:
            yield name, next(words, None) if attached is None else attached
        else:
            raise _wrong(_refusal(name))


def _split(word: str) -> tuple[str, str | None]:
    """An argument's long name and the value attached to it, if any (``-b22``, ``--l2=1e-6``)."""
    if word.startswith("--"):
        name, equals, value = word.partition("=")
        return name, value if equals else None
    name, value = word[:2], word[2:].removeprefix("=")
    return _SHORT.get(name, name if name in REFUSED else word), value or None


def _refusal(name: str) -> str:
    if not name.startswith("-"):
        return f"`{name}` is no option"
    return f"`{name}` {REFUSED.get(name, 'is not supported (not on the tested list)')}"


def _value(name: str, text: str | None) -> float:
    if name == COIN:
        if text is not None:
            raise _wrong(f"`{COIN}` takes no value")
        return 1.0
    option = OPTIONS[name]
    if text is None or not _DECIMAL.fullmatch(text):
        raise _wrong(f"`{name}` needs a number" + ("" if text is None else f", not `{text}`"))
    value = float(text)
    if not option.least <= value <= option.most or (option.whole and value % 1):
        kind = "a whole number" if option.whole else "a number"
        raise _wrong(
            f"`{name}` must be {kind} from {_text(option.least)} to {_text(option.most)}, "
            f"not {text}"
        )
    return value


def _check_applies(name: str, *, coin: bool) -> None:
    applies = OPTIONS[name].applies if name in OPTIONS else "any"
    if coin and applies == "gradient":
        raise _wrong(f"`{name}` does nothing together with `{COIN}`: leave one of them out")
    if not coin and applies == "coin":
        raise _wrong(f"`{name}` does nothing without `{COIN}`")


def _text(value: float) -> str:
    return repr(value).removesuffix(".0")


def _wrong(what: str) -> UsageError:
    allowed = ", ".join(["-b", "-l", *list(OPTIONS)[2:], COIN])
    return UsageError(f"learner.args: {what}. Allowed are {allowed}.")
