"""Versions of the packages that decide the bytes of a model; manifests name them."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

# Packages whose version may change what a snapshot means.
RECORDED_PACKAGES = ("freshet", "vowpalwabbit", "river", "numpy")


def packages() -> dict[str, str]:
    """Versions of what decides the bytes of a model."""
    found = {"python": platform.python_version()}
    for name in RECORDED_PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "absent"
    return found
