"""Kills of learner, server and command at random moments of a rollback of the learner.

``python -m tests.replay.kills --kind replay --kills 200 --seed 1`` asks for one rollback after
another, by the command or over HTTP, and kills one of the three with SIGKILL while it is asked for,
claimed, replaying or done. What was killed is started or asked again. Each rollback has to be done
once, and each lineage has to be, byte for byte, the plain fold of its batches.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import HTTPError

from converters.config import load
from converters.files.csv_file import open_csv
from converters.schema import schema
from learners.registry import Registry
from learners.registry.row_types import Rollback
from stream.log.topics import create_topics
from stream.open_log import opened
from stream.produce.file_records import History, HistoryOptions
from stream.produce.producer import Pace, Producer
from tests.replay.lineage_checks import check_end, check_rolled_back
from tests.replay.night import AHEAD, Night, ended, free_port, killed, poisoned
from tests.replay.proof import answers

REASON = "a shifted column"
LEARNER, SERVER, COMMAND = VICTIMS = ("learner", "server", "command")
NONE_YET = "none yet"
STATES = {
    "resume": (NONE_YET, "asked", "claimed", "done"),
    "replay": (NONE_YET, "asked", "claimed", "replaying", "done"),
}
# Of what is killed: how long after the rollback is in some state, or was begun to be asked for.
SPREAD = {LEARNER: 0.2, SERVER: 0.3, COMMAND: 1.5}
# How many of the kills of learner and server come as soon as the state is seen: what one store has
# and the other lacks shows for milliseconds.
AT_ONCE = 0.4
LOOK_SECONDS = 0.001
SECONDS = 120.0
# What is learned at first: of a replay so much that it reads for a second or so.
FIRST = {"resume": 8_000, "replay": 24_000}
# How much of that is bad, and how many flights come before each rollback.
BAD, EACH = 600, 30
# How many of the kills of the learner come as soon as it is done: the journal has to have by then
# what the version has.
JUST_DONE = 0.3
# How many of the others of learner and server wait for a replay to be under way: with those of the
# command, which is gone by then, about half of all.
UNDER_WAY = 0.9
# Of the others up to so many versions are waited for that it makes on the way: seconds say nothing
# of how far it is where others use the machine too.
ON_THE_WAY = 4
# How many of those that undo one go back to where the learner was, which leaves nothing to read.
TO_TIP = 0.2
# A small model, so that a start takes about a second; one server process.
SMALLER = (("-b 22", "-b 16"), ("workers = 2", "workers = 1"))
# After so many a new model is begun.
KILLS_OF_ONE = 25


@dataclass(frozen=True)
class Ask:
    """A rollback that is asked for; ``span`` is the time of what a replay leaves out."""

    version: int
    learner: str
    span: tuple[str, str] | None = None
    instead: bool = False

    def words(self) -> list[str]:
        """The command."""
        said = ["rollback", str(self.version), "--learner", self.learner, "--reason", REASON]
        if self.span is not None:
            span = "..".join(self.span)
            said += ["--skip-time", "events", span, "--skip-time", "labels", span]
        return [*said, *["--instead"] * self.instead]

    def body(self) -> bytes:
        """The body of ``POST /rollback``."""
        said: dict[str, Any] = {"version": self.version, "learner": self.learner, "reason": REASON}
        if self.span is not None:
            since, until = self.span
            said["skip_time"] = [
                {"of": of, "from": since, "to": until} for of in ("events", "labels")
            ]
        return json.dumps(said | ({"instead": True} if self.instead else {})).encode()


@dataclass
class Killing:
    """A model that is rolled back again and again, somebody being killed each time.

    Attributes:
        places: of each kill: who was killed, and in which state the rollback was then.
    """

    made: Night
    registry: Registry
    draw: random.Random
    places: Counter[tuple[str, str]]
    port: int = field(default_factory=free_port)
    learner: subprocess.Popen[bytes] = field(init=False)
    server: subprocess.Popen[bytes] = field(init=False)
    pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1))

    def __post_init__(self) -> None:
        """Start both."""
        self.learner = self.made.start("learn")
        self.server = self._serve()

    def close(self) -> None:
        """End both cleanly."""
        self.pool.shutdown()
        ended(self.learner)
        ended(self.server)

    def roll_back(self, ask: Ask, victim: str) -> Rollback:
        """Ask for one, kill somebody meanwhile, ask again if need be; the rollback, once done.

        Raises:
            AssertionError: it was not done, or not once.
        """
        before = len(self._every())
        by_command = victim == COMMAND or (victim == LEARNER and self.draw.random() < 0.7)
        asking = self.pool.submit(self._command if by_command else self._post, ask)
        self._kill(victim, ask.learner, before, asking)
        error = asking.exception()
        if error is not None:
            assert victim != LEARNER, error
            (self._command if by_command else self._post)(ask)
        self.made.wait(lambda: self._state(before) == "done")
        (found,) = self._every()[before:]
        assert (found.version, found.learner, found.reason) == (ask.version, ask.learner, REASON)
        return found

    def _kill(self, victim: str, learner: str, before: int, asking: Future[None]) -> None:
        """At a random moment after the rollback has come to a random state."""
        states = STATES[learner]
        wanted, later = self._moment(victim, states)
        end = time.monotonic() + SECONDS
        while states.index(self._state(before)) < states.index(wanted):
            failed = asking.done() and asking.exception()
            assert not failed, failed
            assert time.monotonic() < end, (wanted, self._state(before))
            time.sleep(LOOK_SECONDS)
        time.sleep(later)
        self._wait_on_the_way(wanted, before)
        if victim == LEARNER:
            killed(self.learner)
        elif victim == SERVER:
            killed(self.server)
        else:
            killed(self.command)
        self.places[victim, self._state(before)] += 1
        if victim == LEARNER:
            self.learner = self.made.start("learn")
        elif victim == SERVER:
            self.server = self._serve()

    def _moment(self, victim: str, states: tuple[str, ...]) -> tuple[str, float]:
        """In which state the kill is to fall, and how many seconds after the state is seen."""
        if victim == COMMAND:  # which first has to be a process
            return NONE_YET, self.draw.uniform(0.2, SPREAD[victim])
        if victim == LEARNER and self.draw.random() < JUST_DONE:
            return "done", 0.0
        reads = "replaying" in states and self.draw.random() < UNDER_WAY
        wanted = "replaying" if reads else self.draw.choice(states)
        if self.draw.random() < AT_ONCE:
            return wanted, 0.0
        return wanted, self.draw.uniform(0, SPREAD[victim])

    def _wait_on_the_way(self, wanted: str, before: int) -> None:
        """Of a replay: until it has made some versions, from which a start goes on, or ends."""
        made = len(self.registry.versions.all()) + self.draw.randint(0, ON_THE_WAY)
        while wanted == "replaying" and self._state(before) == wanted:
            if len(self.registry.versions.all()) >= made:
                break
            time.sleep(LOOK_SECONDS)

    def _serve(self) -> subprocess.Popen[bytes]:
        found = self.made.start("serve", "--port", str(self.port))
        self.made.wait(lambda: answers(self.port))
        return found

    def _command(self, ask: Ask) -> None:
        self.command = self.made.start(*ask.words())
        said = self.made.folder / "rollback.log"
        assert self.command.wait(SECONDS) == 0, said.read_text(encoding="utf-8")[-2000:]

    def _post(self, ask: Ask) -> None:
        token = (self.made.folder / ".freshet" / "admin.token").read_text(encoding="utf-8").strip()
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        url = f"http://127.0.0.1:{self.port}/rollback"
        request = urllib.request.Request(url, ask.body(), headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                assert answer.status == 200
        except HTTPError as error:
            raise AssertionError(error.read().decode()) from error

    def _state(self, before: int) -> str:
        found = self._every()[before:]
        return found[0].state if found else NONE_YET

    def _every(self) -> list[Rollback]:
        return self.registry.rollbacks.all()


class Bad(NamedTuple):
    """The time of the bad stretch, and the newest version that has read nothing of it."""

    span: tuple[str, str]
    clean: int


def begun(folder: Path, kind: str, rounds: int) -> tuple[Night, Bad]:
    """A model that has learned, a stretch of it bad."""
    first = FIRST[kind]
    made = Night(folder, flights=first + EACH * rounds)
    config = folder / "freshet.toml"
    text = config.read_text(encoding="utf-8")
    for large, small in SMALLER:
        text = text.replace(large, small)
    config.write_text(text, encoding="utf-8")
    rows = made.rows()[:first]
    at = first * 6 // 10
    learner = made.start("learn")
    for part in (rows[:at], [*poisoned(rows[at : at + BAD]), *rows[at + BAD :]]):
        made.produce(part)
        made.wait(made.has_learned_all)
    ended(learner)
    since, until = (
        datetime.fromisoformat(rows[at]["scheduled"]).astimezone(UTC) - timedelta(seconds=AHEAD)
        for at in (at, at + BAD)
    )
    span = (f"{since:%Y-%m-%dT%H:%MZ}", f"{until:%Y-%m-%dT%H:%MZ}")
    words = Ask(1, "replay", span).words()
    said = json.loads(made.run(*words, "--preview", "--json"))
    return made, Bad(span, said["newest_clean"])


def send(made: Night, rows: list[dict[str, str]]) -> None:
    """What ``freshet produce`` does, without a process."""
    settings = load.load(made.folder / "freshet.toml")
    path = made.write(rows)
    options = HistoryOptions(label_time="landed", score_ahead=AHEAD)
    with closing(opened(settings)) as log, open_csv(str(path)) as file:
        history = History(file, schema.from_settings(settings), options)
        producer = Producer(log, create_topics(log, settings), settings.topics.partitions)
        producer.send(history.records(), Pace(), lambda _: None)


def next_ask(made: Night, kind: str, bad: Bad, draw: random.Random) -> Ask:
    """Another version to go back to; of replays, each second undoes the one before it."""
    with made.registry() as registry:
        every, versions = registry.rollbacks.all(), registry.versions.all()
        served = [v.version for v in versions if v.served]
        if kind == "resume":
            last = every[-1].version if every else None
            return Ask(draw.choice([number for number in served if number != last]), kind)
    clean = draw.choice([number for number in served if number <= bad.clean])
    if every and every[-1].undoes is None:
        tip = every[-1].tip
        assert tip is not None
        return Ask(tip if draw.random() < TO_TIP else clean, kind, instead=True)
    return Ask(clean, kind, bad.span)


def killed_again_and_again(
    folder: Path, kind: str, kills: int, seed: int, places: Counter[tuple[str, str]]
) -> None:
    """Roll one model back so many times, each time killing somebody.

    Raises:
        AssertionError: something was not done, done twice, or is not as without the kills.
    """
    draw = random.Random(seed)
    made, bad = begun(folder, kind, kills)
    rows = made.rows()[FIRST[kind] :]
    with made.registry() as registry, closing(Killing(made, registry, draw, places)) as killing:
        for at in range(kills):
            ask = next_ask(made, kind, bad, draw)
            send(made, rows[at * EACH :][:EACH])
            found = killing.roll_back(ask, VICTIMS[(seed + at) % len(VICTIMS)])
            check_rolled_back(made, found)
        time.sleep(1)
        made.wait(made.has_learned_all)
    check_end(made)


def main() -> int:
    """Kill so many times, and print who was killed when."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", choices=list(STATES), nargs="*", default=list(STATES))
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    for kind in asked.kind:
        places: Counter[tuple[str, str]] = Counter()
        for at in range(0, asked.kills, KILLS_OF_ONE):
            count = min(KILLS_OF_ONE, asked.kills - at)
            with tempfile.TemporaryDirectory() as folder:
                killed_again_and_again(Path(folder), kind, count, asked.seed + at, places)
            said = {f"{who}, {state}": n for (who, state), n in sorted(places.items())}
            by_state = Counter[str]()
            for (_, state), n in places.items():
                by_state[state] += n
            counts = {"kills": sum(places.values()), "by state": by_state} | said
            print(kind, json.dumps(counts), flush=True)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
