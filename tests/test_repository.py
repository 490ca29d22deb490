"""Holds what is in the repository to the house's habits: nothing large, local, stale or long."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("converters", "learners", "stream", "serve")
LOCKS = ("requirements.txt", "requirements-dev.txt", "requirements-build.txt")

LARGEST_FILE = 2**20

# Hosts of package indexes and folders of somebody's machine, put together so as not to be found
# in this very file. A folder counts where a path begins.
INDEXES = ("pypi" + ".org", "python" + "hosted.", "registry." + "npmjs", "maven" + ".org")
MIRRORS = ("repo." + "maven", "proxy." + "golang", "static." + "crates", "deb." + "debian")
FOLDERS = ("work", "root", "home", "Users")
PLACES = re.compile(
    "|".join(map(re.escape, INDEXES + MIRRORS)) + rf"|(?<![\w.*$}}-])/(?:{'|'.join(FOLDERS)})/"
)


def project() -> dict[str, Any]:
    """The whole of pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@cache
def tracked() -> list[Path]:
    """The files that git tracks and that are there."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout, so nothing tells the project's files from others")
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    paths = (ROOT / name for name in listing.stdout.decode().split("\0") if name)
    return [path for path in paths if path.is_file()]


# One that no longer has wheels for some of them may be older there.
PLATFORMS = [(s, m) for s in ("linux", "darwin") for m in ("x86_64", "aarch64", "arm64")]


def pins(lock: str, system: str = "linux", machine: str = "x86_64") -> dict[str, str]:
    """The version that a lock gives each package on a platform."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    where = {"sys_platform": system, "platform_machine": machine}
    found = [
        (name, version)
        for name, version, marker in re.findall(
            r"^([\w.-]+)==(\S+)(?: ; (.*))? \\$", text, re.MULTILINE
        )
        if not marker or Marker(marker).evaluate(where)
    ]
    assert len(found) == len(dict(found)), f"{lock} gives a package two versions"
    return dict(found)


def test_no_large_file_is_tracked() -> None:
    """No tracked file is over 1 MiB: data comes from packages, not from the repository."""
    large = [str(path) for path in tracked() if path.stat().st_size > LARGEST_FILE]
    assert large == []


def test_no_file_names_an_index_or_a_machine() -> None:
    """No tracked file holds the address of a package index or a path of somebody's machine."""
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in tracked()
        for match in PLACES.finditer(path.read_text(encoding="utf-8", errors="ignore"))
    ]
    assert found == []


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_pins_every_package_with_hashes(lock: str) -> None:
    """Each package has one exact version on a platform and at least one hash, and no address."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    entries = re.findall(r"^[^\s#].*\n(?: {4}.*\n)*", text, re.MULTILINE)
    assert all(pins(lock, *platform) for platform in PLATFORMS)
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []
    assert "://" not in text
    assert not re.search(r"^--", text, re.MULTILINE)


def test_locks_agree_with_each_other() -> None:
    """The smaller locks are parts of the whole one, at the same versions."""
    assert pins("requirements.txt").items() <= pins("requirements-dev.txt").items()
    assert pins("requirements-build.txt").items() <= pins("requirements-dev.txt").items()


def test_locks_were_made_from_the_project() -> None:
    """Every requirement of pyproject.toml is in the lock, at a version that it allows."""
    declared = project()
    groups = [*declared["dependency-groups"].values()]
    extras = [*declared["project"]["optional-dependencies"].values()]
    pinned = pins("requirements-dev.txt")
    for text in [declared["project"]["dependencies"], *groups, *extras]:
        for requirement in map(Requirement, text):
            if requirement.marker and not requirement.marker.evaluate({"sys_platform": "linux"}):
                continue
            version = pinned.get(canonicalize_name(requirement.name))
            assert version, f"{requirement} is not locked"
            assert version in requirement.specifier, f"{requirement} is locked at {version}"


def test_project_cannot_be_uploaded_by_accident() -> None:
    """The classifier is there at which package indexes refuse an upload."""
    assert "Private :: Do Not Upload" in project()["project"]["classifiers"]


def test_changelog_tells_of_the_version() -> None:
    """The changelog has a heading for the version that pyproject.toml gives."""
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"\n## [{project()['project']['version']}]" in changelog


def test_licence_is_the_one_declared() -> None:
    """LICENSE holds the whole of the Apache License 2.0."""
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert project()["project"]["license"] == "Apache-2.0"
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text


def test_wheel_holds_the_four_packages_and_nothing_else(tmp_path: Path) -> None:
    """The wheel has every tracked file of the four packages, typed, and the command `freshet`."""
    source = tmp_path / "source"
    for path in tracked():
        target = source / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    subprocess.run(build, cwd=source, check=True, capture_output=True)
    (wheel,) = (source / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        (entry_points,) = [n for n in archive.namelist() if n.endswith("entry_points.txt")]
        assert "freshet = serve.cli:main" in archive.read(entry_points).decode()
    files = [path.relative_to(ROOT) for path in tracked()]
    assert names == {file.as_posix() for file in files if file.parts[0] in PACKAGES}
    assert {f"{package}/py.typed" for package in PACKAGES} <= names


def test_no_pattern_has_a_possessive_group() -> None:
    """Python before 3.11.5 forgets where it was when one fails midway; atomic groups hold."""
    found = [
        path.name
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if re.search(r"\)[?*+]\+", path.read_text(encoding="utf-8"))
    ]
    assert found == []
