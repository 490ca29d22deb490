"""Holds the Dockerfile to its promises, since there may be no Docker engine to build it with."""

from __future__ import annotations

import re
import tomllib

from tests.support import ROOT
from tests.support.serving.deployment import Instruction, stages


def words(stage: list[Instruction], word: str) -> list[str]:
    """What follows an instruction's word, each time it is used in a stage."""
    return [instruction.rest for instruction in stage if instruction.word == word]


def copied() -> list[str]:
    """The files and folders that the builder copies out of the repository."""
    found: list[str] = []
    for rest in words(stages()[0], "COPY"):
        *sources, _target = rest.split()
        found += sources
    return found


def test_image_is_built_in_two_stages_from_one_exact_python() -> None:
    """Builder and runtime stand on the same Python, named to the patch version."""
    bases = [words(stage, "FROM")[0].split()[0] for stage in stages()]
    assert len(bases) == 2
    assert bases[0] == bases[1]
    assert re.fullmatch(r"python:3\.1[1-4]\.\d+-slim-[a-z]+", bases[0])


def test_image_runs_as_a_user_without_rights() -> None:
    """The runtime's user is a fixed number that is not root's, made in the image."""
    *_, user = words(stages()[-1], "USER")
    number, group = user.split(":")
    assert int(number) > 0
    assert int(group) > 0
    assert any(f"useradd --uid {number}" in run for run in words(stages()[-1], "RUN"))


def test_image_is_the_freshet_command() -> None:
    """What is given to the image goes to `freshet`, which gets the signals itself."""
    assert words(stages()[-1], "ENTRYPOINT") == ['["freshet"]']
    assert words(stages()[-1], "STOPSIGNAL") == ["SIGTERM"]


def test_image_installs_what_the_locks_say() -> None:
    """Every install in the image names a lock and demands its hashes, or takes no dependencies."""
    installs = [
        command
        for stage in stages()
        for run in words(stage, "RUN")
        for command in run.split("&&")
        if " install " in command and "pip" in command.split()
    ]
    assert len(installs) == 3
    for command in installs:
        locked = "--require-hashes" in command and "--requirement requirements" in command
        assert locked or "--no-deps --no-index" in command


def test_everything_copied_is_there() -> None:
    """What the builder copies exists, and holds every package of the wheel and its metadata."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    needed = {*packages, "pyproject.toml", "LICENSE", project["project"]["readme"]}
    assert needed <= set(copied())
    assert [source for source in copied() if not (ROOT / source).exists()] == []


def test_build_context_is_what_is_copied() -> None:
    """Docker is sent what the Dockerfile copies and nothing else: no state, no secrets."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert {rule[1:] for rule in rules if rule.startswith("!")} == set(copied())
