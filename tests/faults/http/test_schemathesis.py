"""Schemathesis: requests drawn from the OpenAPI document, and the answers held to it.

All of its checks are on, over all phases; none is left out and no answer is excused.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.http.case import TOKEN
from tests.support.serving.served import a_project, maker_of
from tests.support.serving.server_process import server_of

# Columns of every kind and policy, in place of the usual ones.
MODELS: dict[str, dict[str, str]] = {
    "lenient": {
        "origin": 'kind = "text"',
        "hour": 'kind = "numeric", missing = "reject"',
        "landed": 'kind = "time", zone = "Europe/Berlin"',
    },
    "strict": {
        "carrier": 'kind = "categorical", values = ["AX", "AY", "AZ", "7"], rare_values = ["BX"], '
        'rare = "reject", unseen = "reject", missing_values = ["NA"]',
        "origin": 'kind = "text", missing = "reject", missing_values = ["-"]',
        "hour": 'kind = "boolean", true_values = ["1", "yes", "true"], false_values = ["0"], '
        'missing = "reject"',
        "distance": 'kind = "numeric", min = 0, max = 5000, out_of_range = "reject"',
        "landed": 'role = "weight", max = 10, missing = "reject"',
    },
}
# What the log holds, and what a replay alone may say, no document tells: these may be refused. Nor
# that a row needs an id if it is to be remembered; tests/remembered has such requests.
OF_THE_LOG = """
[checks]
enabled = true

[[operations]]
include-name = "POST /predict"
parameters = { "query.remember" = "false" }

[[operations]]
include-name = "POST /quarantines"
checks.positive_data_acceptance.enabled = false

[[operations]]
include-name = "POST /rollback"
checks.positive_data_acceptance.enabled = false
"""
SEED = 13
PHASES = "examples,coverage,fuzzing,stateful"


def check(folder: Path, model: str, cases: int, seed: int, phases: str = PHASES) -> int:
    """Try so many cases for each operation; how many there were over all."""
    project = a_project(folder, f'[serve]\nadmin_token = "{TOKEN}"\n', **MODELS[model])
    with maker_of(project) as maker:
        for _ in range(3):
            maker.make()
    (folder / "schemathesis.toml").write_text(OF_THE_LOG, encoding="utf-8")
    with server_of(project) as server:
        run = subprocess.run(
            [
                *(str(Path(sys.executable).with_name("schemathesis")), "--no-color", "run"),
                *(f"{server.address}/openapi.json", "--mode", "all"),
                *("--header", f"Authorization: Bearer {TOKEN}", "--continue-on-failure"),
                *("--phases", phases, "--seed", str(seed), "--max-examples", str(cases)),
                *("--generation-database", "none"),
            ],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
    assert not run.returncode, run.stdout[-20_000:] + run.stderr[-2_000:]
    found = re.search(r"(\d+) generated", run.stdout)
    assert found is not None, run.stdout[-2_000:]
    return int(found[1])


@pytest.mark.parametrize("model", ["lenient"])
def test_answers_are_those_of_the_document(tmp_path: Path, model: str) -> None:
    """Some hundred requests drawn from the OpenAPI document have the answers that it declares."""
    assert check(tmp_path, model, 3, SEED, "examples,coverage") >= 500


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("model", MODELS)
def test_5000_answers_are_those_of_the_document(tmp_path: Path, model: str) -> None:
    """5,000 requests drawn from the OpenAPI document have the answers that it declares."""
    assert check(tmp_path, model, 400, SEED + 1) >= 5_000
