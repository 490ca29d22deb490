"""Holds ``make setup`` to what it promises on machines unlike this one.

The real installs are done by every ``make test``; here a stand-in for uv notes what it was asked
to install, so that nothing is fetched and each case takes a fraction of a second.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import ROOT

TOOLS = ("sh", "make", "cat", "cksum", "dirname", "echo", "fold", "head", "rm", "tail", "tr")
FILES = ("Makefile", "pyproject.toml", "requirements-dev.txt", "requirements-build.txt")

FAKE_UV = f"""#!/bin/sh
echo "$*" >>"$UV_NOTES"
if [ "$1" = venv ]; then mkdir -p .venv/bin && ln -s "{sys.executable}" .venv/bin/python; fi
"""


class Machine:
    """A machine with a checkout, and a PATH that holds only what the test puts on it."""

    def __init__(self, folder: Path) -> None:
        self.checkout = folder / "a check out"
        self.path = folder / "bin"
        self.notes = folder / "uv-notes"
        self.path.mkdir(parents=True)
        for tool in (*TOOLS, "mkdir", "ln"):
            (self.path / tool).symlink_to(shutil.which(tool) or tool)
        (self.checkout / ".ci").mkdir(parents=True)
        for name in (*FILES, ".ci/set-up"):
            shutil.copyfile(ROOT / name, self.checkout / name)

    def program(self, name: str, text: str) -> None:
        """Put a program on the PATH."""
        (self.path / name).write_text(text, encoding="utf-8")
        (self.path / name).chmod(0o755)

    def python(self, name: str, version: str) -> None:
        """Put on the PATH what says it is a Python of that version, and has no modules."""
        self.program(
            name, f'#!/bin/sh\ncase "$*" in *version*) echo {version};; *) exit 1;; esac\n'
        )

    def setup(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `make setup` with an empty home folder and nothing else in the environment."""
        environment = {"PATH": str(self.path), "HOME": str(self.path), "UV_NOTES": str(self.notes)}
        command = ["make", "setup", *arguments]
        return subprocess.run(
            command, cwd=self.checkout, env=environment, capture_output=True, text=True, check=False
        )

    def asked_of_uv(self) -> list[str]:
        """What uv has been asked since the last look."""
        asked = self.notes.read_text(encoding="utf-8").splitlines() if self.notes.exists() else []
        self.notes.unlink(missing_ok=True)
        return asked


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine without Python."""
    return Machine(tmp_path)


@pytest.fixture
def ready(machine: Machine) -> Machine:
    """A machine with Python and uv, on which `make setup` has succeeded."""
    (machine.path / "python3").symlink_to(sys.executable)
    machine.program("uv", FAKE_UV)
    result = machine.setup()
    assert result.returncode == 0, result.stderr
    return machine


def test_too_old_python_is_explained(machine: Machine) -> None:
    """With only an old Python, one paragraph says what is needed, what was found and what to do."""
    machine.python("python3", "3.9")
    result = machine.setup()
    said = " ".join(result.stderr.split())
    assert result.returncode != 0
    assert "needs Python 3.11, 3.12, 3.13 or 3.14" in said
    assert f"found {machine.path}/python3 (3.9)" in said
    assert "make setup PYTHON=" in said
    assert not (machine.checkout / ".venv").exists()


def test_missing_python_is_explained(machine: Machine) -> None:
    """With no Python at all, the same paragraph says that none was found."""
    result = machine.setup()
    assert result.returncode != 0
    assert "found none." in " ".join(result.stderr.split())


def test_a_python_without_venv_is_explained(machine: Machine) -> None:
    """Where Python came without venv, which Debian splits off, and without uv, help is named."""
    machine.python("python3", "3.12")
    result = machine.setup()
    assert result.returncode != 0
    assert "apt-get install python3-venv" in " ".join(result.stderr.split())


def test_a_suitable_python_is_found_behind_an_old_one(machine: Machine) -> None:
    """When python3 is too old, a newer one of another name is taken."""
    machine.python("python3", "3.9")
    machine.python("python3.12", "3.12")
    assert f"Making .venv with {machine.path}/python3.12 (3.12)." in machine.setup().stderr


def test_setup_installs_from_the_locks_with_hashes(ready: Machine) -> None:
    """A set-up makes the environment, installs the locks with hashes, then the project alone."""
    venv, *installs = ready.asked_of_uv()
    assert venv.startswith("venv ")
    assert [" --require-hashes " in install for install in installs] == [True, True, False]
    assert installs[0].endswith("-r requirements-build.txt")
    assert installs[1].endswith("--no-build-isolation -r requirements-dev.txt")
    assert installs[2].endswith("--no-deps --no-build-isolation --editable .")


def test_setup_says_nothing_on_standard_output(machine: Machine) -> None:
    """Standard output is left to the command that the target runs, be it one JSON document."""
    (machine.path / "python3").symlink_to(sys.executable)
    machine.program("uv", FAKE_UV)
    result = machine.setup()
    assert "Ready" in result.stderr
    assert result.stdout == ""


def test_second_setup_does_nothing(ready: Machine) -> None:
    """What is set up is left alone."""
    ready.asked_of_uv()
    assert ready.setup().returncode == 0
    assert ready.asked_of_uv() == []


@pytest.mark.parametrize("name", ["requirements-dev.txt", "pyproject.toml"])
def test_changed_lock_is_installed_into_the_same_environment(ready: Machine, name: str) -> None:
    """A change of the lock or of pyproject.toml is installed, without a new environment."""
    ready.asked_of_uv()
    with (ready.checkout / name).open("a", encoding="utf-8") as file:
        file.write("# changed\n")
    assert ready.setup().returncode == 0
    assert [asked.split()[0] for asked in ready.asked_of_uv()] == ["pip", "pip", "pip"]


def test_moved_checkout_gets_a_new_environment(ready: Machine) -> None:
    """An environment whose folder was moved, so that its scripts are broken, is made anew."""
    ready.asked_of_uv()
    ready.checkout = ready.checkout.rename(ready.checkout.with_name("elsewhere"))
    assert ready.setup().returncode == 0
    assert ready.asked_of_uv()[0].startswith("venv ")


def test_environment_of_another_python_is_replaced(ready: Machine) -> None:
    """An environment that another Python made is replaced when PYTHON asks for this one."""
    ready.asked_of_uv()
    ready.python("other", "3.14" if sys.version_info < (3, 14) else "3.13")
    ready.setup("PYTHON=other")
    assert ready.asked_of_uv()[0].startswith("venv ")


def test_failed_install_is_not_taken_for_done(ready: Machine) -> None:
    """After an install that failed half-way, also the lock of before is installed again."""
    lock = ready.checkout / "requirements-dev.txt"
    before = lock.read_bytes()
    lock.write_bytes(before + b"# changed\n")
    ready.program("uv", "#!/bin/sh\nexit 1\n")
    assert ready.setup().returncode != 0
    lock.write_bytes(before)
    ready.program("uv", FAKE_UV)
    ready.asked_of_uv()
    assert ready.setup().returncode == 0
    assert ready.asked_of_uv() != []


def test_ci_script_can_be_run() -> None:
    """What CI calls is executable and is a program that bash can read."""
    script = ROOT / ".ci/run"
    assert os.access(script, os.X_OK)
    assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0
