"""Flipped labels are learned, and what they make of the model is not served by itself."""

from __future__ import annotations

from pathlib import Path

from structlog.testing import capture_logs

from learners.registry.row_types import Pointers
from tests.support.serving.project import COLUMNS, Project, flights

LATE, CARRIER = COLUMNS.index("late"), COLUMNS.index("carrier")


def rows(begin: int, end: int, *, flipped: bool = False) -> list[list[str]]:
    """Flights that are late with some carriers, or, flipped, with the others."""
    found = flights(end)[begin:]
    for row in found:
        row[LATE] = str(int((row[CARRIER][0] == "A") != flipped))
    return found


def test_a_model_of_flipped_labels_waits_for_a_person_until_it_is_good_again(
    tmp_path: Path,
) -> None:
    """Held with the reason in registry, ledger and log; published once the window is good."""
    project = Project(tmp_path, more="[gate]\nlabels = 100")

    def learned(*span: int, flipped: bool = False) -> Pointers:
        project.produce(project.write_csv(rows(*span, flipped=flipped)))
        project.learn()
        with project.registry() as registry:
            return registry.serving.pointers()

    good = learned(0, 1000)
    assert good == Pointers(1, 1, pinned=False)
    with capture_logs() as logs:
        assert learned(1000, 1400, flipped=True) == Pointers(2, 1, pinned=False)
    with project.registry() as registry:
        held, entry = registry.versions.find(2), registry.ledger.entries()[-1]
    assert (held.state, entry.action) == ("candidate", "hold")
    assert held.reason == entry.reason
    assert "Over the last 500 labels its log loss is" in held.reason
    (warning,) = [line for line in logs if line["event"] == "versions are held back"]
    (saved,) = [line for line in logs if line["event"] == "checkpoint"]
    assert warning["reason"] == saved["verdict"] == held.reason
    with capture_logs() as logs:
        assert learned(1400, 4400) == Pointers(3, 3, pinned=False)
    (saved,) = [line for line in logs if line["event"] == "checkpoint"]
    assert saved["verdict"] == "loads and reproduces its scores"
