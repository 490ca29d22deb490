"""What suites share: rows, learners, streams and servers to test with, and where things stand."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
