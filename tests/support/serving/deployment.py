"""Reads ``docker-compose.yml`` and ``Dockerfile`` for the tests that hold them to what is tried.

There may be no Docker engine where the tests run, so the process tests take the containers'
commands from here and run them as they stand.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import yaml

from tests.support import ROOT

COMPOSE = ROOT / "docker-compose.yml"


class Instruction(NamedTuple):
    """One instruction of the Dockerfile, its continuation lines joined."""

    word: str
    rest: str


def compose() -> dict[str, Any]:
    """The compose file, its anchors resolved."""
    loaded: dict[str, Any] = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))
    return loaded


def service(name: str) -> dict[str, Any]:
    """One service of the compose file."""
    found: dict[str, Any] = compose()["services"][name]
    return found


def container_command(name: str) -> list[str]:
    """What the container of a Freshet service runs: the image's entry point, then its command."""
    (entrypoint,) = [i.rest for i in stages()[-1] if i.word == "ENTRYPOINT"]
    return [*json.loads(entrypoint), *(str(word) for word in service(name)["command"])]


def health_command(name: str) -> list[str]:
    """What a service's health check runs inside its container."""
    kind, *command = service(name)["healthcheck"]["test"]
    if kind != "CMD":
        raise ValueError(f"the health check of {name} goes through a shell")
    return [str(word) for word in command]


def stages() -> list[list[Instruction]]:
    """The Dockerfile's stages, each beginning with its FROM."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    found: list[list[Instruction]] = []
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        word, _, rest = line.strip().partition(" ")
        if word == "FROM":
            found.append([])
        if word:
            found[-1].append(Instruction(word, " ".join(rest.split())))
    return found
