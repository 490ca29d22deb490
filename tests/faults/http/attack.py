"""One case against a server while a probe asks: what came back, and what another caller saw."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from tests.faults.http.case import ATTACKED, CSV, JSON, TOKEN, Case
from tests.faults.http.exchange import Answer, exchange
from tests.faults.http.probe import LONGEST_GAP, Probe, Seen, probing
from tests.support.serving.project import Project
from tests.support.serving.served import a_project, maker_of
from tests.support.serving.server_process import Server, server_of

# A gap that other work on the machine makes is not there each time; one that the server makes is.
ROUNDS = 6
MEBIBYTE = 2**20


@dataclass(frozen=True)
class Outcome:
    """What a case did.

    Attributes:
        case: which.
        seen: by the probe, in each round.
        peak: most memory that the server had, in MiB.
        seconds: until the slowest answer.
        wrong: what is not as the case declares; empty if nothing.
    """

    case: Case
    seen: Sequence[Seen]
    peak: float
    seconds: float
    wrong: str

    @property
    def gap(self) -> float:
        """The longest gap of the best round."""
        return min(seen.gap for seen in self.seen)

    @property
    def trouble(self) -> str:
        """What breaks a promise; empty if nothing does."""
        if self.wrong:
            return self.wrong
        if self.gap > LONGEST_GAP:
            return f"another caller waited {1000 * self.gap:.0f} ms"
        return ""


class Attacked:
    """A server under attack, and its probe."""

    def __init__(self, server: Server, probe: Probe) -> None:
        self.server = server
        self.probe = probe
        self._proc = Path(f"/proc/{server.process.pid}")

    def try_case(self, case: Case, size: int, *, clients: int = 1, rounds: int = 0) -> Outcome:
        """Send a case so often; without ``rounds``, again only while the gap is too long."""
        seen: list[Seen] = []
        seconds, wrong = 0.0, ""
        self._forget_peak()
        for _ in range(rounds or ROUNDS):
            self.probe.begin()
            began = monotonic()
            answers = self._send(case, size, clients)
            seconds = max(seconds, monotonic() - began)
            seen.append(self.probe.end())
            wrong = wrong or next(filter(None, (wrong_with(case, each) for each in answers)), "")
            wrong = wrong or "; ".join(sorted(set(seen[-1].failed)))
            if wrong or (not rounds and seen[-1].gap <= LONGEST_GAP):
                break
        return Outcome(case, seen, self.peak(), seconds, wrong)

    def memory(self) -> float:
        """Memory that the server has now, in MiB."""
        return self._status("VmRSS")

    def peak(self) -> float:
        """The most that it had since the peak was forgotten."""
        return self._status("VmHWM")

    def _send(self, case: Case, size: int, clients: int) -> list[Answer]:
        port, parts = self.server.port, list(case.parts(size))
        if clients == 1:
            return [exchange(port, parts)]
        with ThreadPoolExecutor(clients) as pool:
            return list(pool.map(lambda _: exchange(port, parts), range(clients)))

    def _forget_peak(self) -> None:
        (self._proc / "clear_refs").write_text("5", "ascii")

    def _status(self, name: str) -> float:
        text = (self._proc / "status").read_text("utf-8")
        found = re.search(rf"^{name}:\s*(\d+) kB", text, re.MULTILINE)
        assert found is not None
        return int(found[1]) / 1024


def wrong_with(case: Case, answer: Answer) -> str:
    """What an answer has that the case does not allow; empty if nothing."""
    if answer.status not in case.status:
        allowed = " or ".join(map(str, case.status))
        return f"{answer.status} instead of {allowed}: {answer.body[:200]!r}"
    return answer.trouble


def by_group(cases: Sequence[Case]) -> dict[str, list[Case]]:
    """Cases by route and media type."""
    found: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        found[group_of(case)].append(case)
    return found


def group_of(case: Case) -> str:
    """Route and media type of a case; all routes without a body are one group."""
    kind = case.kind if case.kind in (JSON, CSV, "") else "of other types"
    return f"{case.path.partition('?')[0]} {kind}" if kind else "GET"


def label_of(case: Case) -> str:
    """A case's group and name."""
    return f"{group_of(case)}: {case.name}"


@contextmanager
def attacked(folder: Path, more: str = "") -> Iterator[Attacked]:
    """A server of one version with a probe, warm.

    Args:
        folder: of its project.
        more: of its section ``[serve]``.
    """
    project = a_project(folder, f'[serve]\nadmin_token = "{TOKEN}"\n{more}', **ATTACKED)
    with maker_of(project) as maker:
        maker.make()
    with server_and_probe(project) as found:
        yield found


@contextmanager
def server_and_probe(project: Project) -> Iterator[Attacked]:
    """A server of a project, and a probe of it."""
    with server_of(project) as server, probing(server.port, server.process.pid) as probe:
        yield Attacked(server, probe)
