"""``make faults``: all fault tests and thousands of kills, with one closing table.

``python -m tests.faults`` runs everything, ``python -m tests.faults tests`` and
``python -m tests.faults kills [--only PART]`` or ``http [--only PART]`` a part. Interrupted, the
kills resume where they were.
"""

from __future__ import annotations

import argparse
import shlex
import sys

from rich.console import Console

from tests.faults import table
from tests.faults.fault_tests import fault_tests, http_tests
from tests.faults.http import campaign
from tests.faults.kills import Outcome, forget_failed, run_all, run_one
from tests.faults.scenarios import scenarios
from tests.support import ROOT

KILLS, EVENTS = 2_040, 1_020_000
DOCUMENT = ROOT / "docs" / "reliability-kills.md"
ATTACKS = ROOT / "docs" / "reliability-http.md"
PROMISES = ROOT / "docs" / "reliability.md"
FAULTS_BEGIN = "<!-- written by python -m tests.faults tests -->"
FAULTS_END = "<!-- end of what is written -->"
WIDTH = 160

ABOUT = """\
# Kills

Written by `{command}`. Learners in real processes, ended by SIGKILL: half of them as they pass a
named point of the commit protocol (or up to 6 ms later, inside the system call that follows), half
at any moment. Killed as often as the table says, the learner then reads its log to the end. Each
row is scored, refused or dropped as a repeat once, as the input's ledger says; the model's bytes,
log loss, AUC, counts and every score are those of a run without kills (where the topics were full
before the start) and of the journal's replay from nothing; every snapshot that the registry names
is whole.

"""

ABOUT_ATTACKS = """\
# Attacks on the HTTP server

Written by `{command}`. A real server takes the worst requests for every route, media type and
limit, the largest that it allows (8 MiB), from one client again and again and from eight at once.
Meanwhile another process asks `/health/live` and a single-row `/predict` without a pause. A gap is
how long one of these waited for its answer, less the time in which the server or that process was
ready to run and the machine was busy with others. A case counts with the best of its rounds, since
a gap that the server makes is there each time; the longest of all rounds stands beside it. No gap
may exceed 100 ms, each answer has the status that its case declares and is a problem document if it
is a failure, and after all of them at once the server's memory no longer grows.

"""


def main() -> int:
    """Run what was asked for; 0 if nothing failed."""
    options = _options()
    if options.one:
        [scenario] = [s for s in scenarios(options.kills, options.events) if s.name == options.one]
        return int(bool(run_one(scenario).problems))
    console, fine = Console(width=WIDTH), True
    tables: list[table.Table] = []
    if options.part in ("all", "tests"):
        faults, fine = fault_tests()
        tables.append(faults)
        if fine:
            _write_down(faults)
    if options.part in ("all", "kills"):
        outcomes = _kills(options)
        fine = fine and not any(outcome.problems for outcome in outcomes)
        tables += [table.of_scenarios(outcomes), table.of_regions(outcomes)]
        for outcome in outcomes:
            for problem in outcome.problems:
                console.print(f"{outcome.name}: {problem}", style="red", markup=False)
    if options.part in ("all", "http"):
        attacks, repelled = _attacks(console, options.only, options.rounds)
        fine = fine and repelled
        tables += attacks
    for each in tables:
        each.show(console)
    return int(not fine)


def _kills(options: argparse.Namespace) -> list[Outcome]:
    """The kills; a run of all scenarios is written down."""
    wanted = scenarios(options.kills, options.events, options.only)
    forget_failed(wanted)
    outcomes = run_all(wanted, options.kills, options.events)
    if not options.only:
        sizes = [f"--kills={options.kills}", f"--events={options.events}"]
        command = shlex.join(["python", "-m", "tests.faults", "kills", *sizes])
        made = (table.of_scenarios, table.of_regions, table.of_points)
        sections = [make(outcomes).markdown() for make in made]
        DOCUMENT.write_text(ABOUT.format(command=command) + "\n".join(sections), encoding="utf-8")
    return outcomes


def _attacks(console: Console, only: str, rounds: int) -> tuple[list[table.Table], bool]:
    """The attacks on the HTTP server; a run of all of them is written down."""
    bodies = campaign.run(console, only, rounds)
    for problem in bodies.problems:
        console.print(problem, style="red", markup=False)
    if only:
        return [bodies.table()], not bodies.problems
    others, fine = http_tests()
    tables = [bodies.table(), others]
    text = "\n".join(each.markdown() for each in tables)
    about = ABOUT_ATTACKS.format(command=f"python -m tests.faults http --rounds={rounds}")
    ATTACKS.write_text(about + text, encoding="utf-8")
    return tables, fine and not bodies.problems


def _write_down(faults: table.Table) -> None:
    """Put the table of faults into the documentation, in place of the one before."""
    text = PROMISES.read_text(encoding="utf-8")
    before, _, rest = text.partition(FAULTS_BEGIN)
    _, _, after = rest.partition(FAULTS_END)
    PROMISES.write_text(
        f"{before}{FAULTS_BEGIN}\n{faults.markdown()}{FAULTS_END}{after}", encoding="utf-8"
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("part", nargs="?", choices=("all", "tests", "kills", "http"), default="all")
    parser.add_argument("--kills", type=int, default=KILLS, help="kills over all scenarios")
    parser.add_argument("--events", type=int, default=EVENTS, help="events over all scenarios")
    parser.add_argument("--only", default="", help="scenarios or attacks whose name holds this")
    parser.add_argument("--rounds", type=int, default=3, help="how often each attack is tried")
    parser.add_argument("--one", default="", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
