"""Runs what a document shows, in this process as far as it can be: commands, requests, Python.

A start of a process takes most of a second; a page has dozens of commands.
"""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from starlette.testclient import TestClient

from converters.config import load
from converters.schema import schema
from serve.access.local_admin import ensure
from serve.app import create_app
from tests.support import ROOT
from tests.support.serving.command import freshet
from tests.support.serving.served import LOCAL

ADDRESS = "http://127.0.0.1:8000"


def page(name: str) -> str:
    """A document's text."""
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def blocks(text: str, *kinds: str) -> list[tuple[str, str]]:
    """The blocks of code of these kinds, each with its kind, in order."""
    found = re.findall(r"```(\w+)\n(.*?)```", text, re.DOTALL)
    return [(kind, block) for kind, block in found if kind in kinds]


def lines(block: str) -> list[str]:
    """The commands of a block for a shell, continuation lines joined."""
    joined = block.replace("\\\n", " ").splitlines()
    return [line.strip() for line in joined if line.strip() and not line.startswith("#")]


@contextmanager
def server_of(folder: Path) -> Iterator[TestClient]:
    """A server of the model whose config is in the folder, as commands reach it at port 8000."""
    settings = load.load(folder / "freshet.toml")
    ensure(settings)
    app = create_app(settings, schema.from_settings(settings))
    with TestClient(app, base_url=ADDRESS, client=LOCAL) as client:
        yield client


class Shell:
    """Runs lines of a document in a folder, each of which must succeed.

    Args:
        folder: where they run.
        client: what answers ``curl``; None for whatever listens at its address.
    """

    def __init__(self, folder: Path, client: TestClient | None = None) -> None:
        self.folder = folder
        self.client = client

    def run(self, line: str) -> str:
        """One command; what it printed on standard output, or what was answered."""
        line = re.sub(r"\$\(cat (\S+)\)", lambda found: self._content(found[1]), line)
        command, _, otherwise = line.partition(" || ")
        command, _, target = command.partition(" > ")
        program, *arguments = shlex.split(command)
        if program == "freshet":
            result = freshet(*arguments, cwd=self.folder)
            failed, printed = result.returncode != 0, result.stdout
            assert not failed or otherwise, f"{line}\n{printed}\n{result.stderr}"
        elif program == "curl":
            printed = self._requested(arguments)
        else:
            printed = self._shell(command)
        if target:
            (self.folder / target).write_text(printed, encoding="utf-8")
        return printed

    def python(self, block: str, names: dict[str, Any] | None = None) -> str:
        """A program, by itself or where these names are known; what it printed."""
        printed = io.StringIO()
        with contextlib.chdir(self.folder), contextlib.redirect_stdout(printed):
            exec(compile(block, "a document", "exec"), {} if names is None else names)
        return printed.getvalue()

    def _content(self, path: str) -> str:
        return (self.folder / path).read_text(encoding="utf-8").strip()

    def _requested(self, arguments: list[str]) -> str:
        """What ``curl`` would print, for the options that the documents use."""
        url, headers = "", dict[str, str]()
        body: str | None = None
        rest = iter(arguments)
        for each in rest:
            if each in {"-H", "--header"}:
                name, _, value = next(rest).partition(": ")
                headers[name] = value
            elif each == "--json":
                body, headers["Content-Type"] = next(rest), "application/json"
            elif each == "--data-binary":
                source = next(rest)
                body = self._content(source[1:]) + "\n" if source[:1] == "@" else source
            elif each.startswith("http"):
                url = each
            else:
                assert each == "--silent", each
        method = "GET" if body is None else "POST"
        if self.client is None:
            return _requested_from(
                Request(url, None if body is None else body.encode(), headers, method=method)
            )
        answer = self.client.request(method, url, content=body, headers=headers)
        assert answer.status_code < 400, answer.text
        return answer.text

    def _shell(self, command: str) -> str:
        result = subprocess.run(
            ["sh", "-e", "-c", command],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, f"{command}\n{result.stderr}"
        return result.stdout


def _requested_from(request: Request) -> str:
    with urlopen(request, timeout=30) as answer:
        text: str = answer.read().decode()
        return text


def inline_commands(text: str) -> list[list[str]]:
    """The words of every ``freshet …`` in backquotes and in blocks of a document."""
    inline = re.findall(r"`(freshet [^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    shown = [line for _, block in blocks(text, "sh") for line in lines(block)]
    return [shlex.split(command)[1:] for command in [*inline, *shown] if "freshet " in command[:8]]


def check_options(words: list[str], command: Any) -> None:
    """See that a command of the command line has these sub-commands and options."""
    while getattr(command, "commands", None) and words:
        assert words[0] in command.commands or words[0].startswith("-"), words
        if words[0].startswith("-"):
            break
        command, words = command.commands[words[0]], words[1:]
    known = {option for parameter in command.params for option in parameter.opts}
    given = [word for word in words if word.startswith("--")]
    assert set(given) <= known, (given, known)
