"""``freshet demo``: a year of real flights, produced, learned and served while one watches.

It runs the real parts: a supervisor keeps the learner and the server running as processes, a thread
sends the flights as ``freshet produce`` would, and what the screen shows is read from the registry,
where any other process could read it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any

from converters.errors import FreshetError
from converters.files.csv_file import open_csv
from learners.registry import Registry
from serve.demo.flights import FLIGHTS, LANDED, write_flights
from serve.demo.folder import DemoFolder, demo_folder, environment
from serve.demo.screen import Display, Scene, display
from serve.processes.child import freshet
from serve.processes.liveness import Probe
from serve.processes.ports import free_port, free_port_near
from serve.processes.supervisor import ChildFailedError, Patience, Supervisor
from stream.log.topics import create_topics, described
from stream.open_log import opened
from stream.produce.file_records import History, HistoryOptions
from stream.produce.producer import Pace, Produced, Producer

HOST, PORT = "127.0.0.1", 8000
# The year in three minutes.
SPEED = 175_000.0
TICK_SECONDS = 0.25
LEARNER, SERVER = "learner", "server"
# A killed child is started again and the demo continues; one that keeps dying ends it.
PATIENCE = Patience(longest_delay=4.0, deaths=3)


class DemoError(FreshetError):
    """The demo cannot continue."""


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What the user asked for.

    Attributes:
        events: how many flights to play; None for all.
        leave: end when all has been learned, instead of serving on.
        port: where to serve; None for the default, or a free one if that is taken.
        speed: seconds of the stream a second; 0 for as fast as it goes.
    """

    events: int | None = None
    leave: bool = False
    port: int | None = None
    speed: float = SPEED


@dataclass(frozen=True, slots=True)
class Outcome:
    """The learner's report, if it left one, and whether everything was learned."""

    report: dict[str, Any] | None
    complete: bool


def run(
    options: DemoOptions,
    stop: Event,
    say: Callable[[str], None],
    showing: Callable[[], AbstractContextManager[Display]] = display,
) -> Outcome:
    """Play until all is learned or ``stop`` is set; without ``leave``, serve until it is set.

    Args:
        options: what the user asked for.
        stop: set to end cleanly.
        say: called with the address before anything else is done.
        showing: where the demo is shown.

    Raises:
        DemoError: the learner or the server keeps dying.
        FreshetError: another demo runs, the port is taken, or the flights are not installed.
    """
    with demo_folder(Path.cwd()) as folder:
        port = free_port_near(HOST, PORT) if options.port is None else free_port(HOST, options.port)
        address = f"http://{HOST}:{port}"
        say(address)
        with showing() as shown:
            return Demo(folder, address, options, stop, shown).run()


class Player:
    """Sends a folder's flights on its own thread: rows at departure, labels at landing.

    Args:
        folder: where the flights are written, and whose log they are sent to.
        flights: how many at most.
        speed: seconds of the stream a second; 0 for as fast as it goes.
    """

    def __init__(self, folder: DemoFolder, flights: int | None, speed: float) -> None:
        self._folder = folder
        self._flights = flights
        self._pace = Pace(speed=speed or None)
        self._pool = ThreadPoolExecutor(1, "player")
        self._producer: Producer | None = None
        self._stopped = False
        self.produced = Produced()
        self.began: float | None = None
        self._ends = self._pool.submit(self._play)

    def close(self) -> None:
        """Send nothing after the current records, and wait for the thread."""
        self._stopped = True
        if self._producer is not None:
            self._producer.stopping = True
        self._pool.shutdown()

    def ends(self) -> dict[str, int] | None:
        """Where each topic ends once all has been sent, as heartbeats name places; None before.

        Raises:
            FreshetError: what stopped the thread.
        """
        return self._ends.result() if self._ends.done() else None

    def _play(self) -> dict[str, int]:
        folder = self._folder
        write_flights(folder.flights, self._flights)
        with closing(opened(folder.settings)) as log, open_csv(str(folder.flights)) as file:
            history = History(file, folder.schema, HistoryOptions(label_time=LANDED))
            topics = create_topics(log, folder.settings)
            self._producer = producer = Producer(log, topics)
            producer.stopping = self._stopped
            self.began = monotonic()
            producer.send(history.records(), self._pace, self._sent)
            states = described(log, topics.inputs).values()
            return {f"{p.topic}:{p.partition}": at for s in states for p, at in s.ends.items()}

    def _sent(self, produced: Produced) -> None:
        self.produced = replace(produced)


class Demo:
    """One run of the demo; used by one thread."""

    def __init__(
        self, folder: DemoFolder, address: str, options: DemoOptions, stop: Event, shown: Display
    ) -> None:
        self._folder = folder
        self._options = options
        self._stop = stop
        self._shown = shown
        self._beat_at: datetime | None = None
        flights = min(options.events or FLIGHTS, FLIGHTS)
        self._scene = Scene(address, "writing the flights", flights)

    def run(self) -> Outcome:
        """Play to the end; all started processes have ended when this returns."""
        folder, settings = self._folder, self._folder.settings
        config = ("--config", str(folder.config))
        port = self._scene.address.rsplit(":", 1)[1]
        where = ("--host", HOST, "--port", port)
        commands = [
            freshet(LEARNER, "learn", "--json", *config),
            freshet(SERVER, "serve", *where, *config).probed(Probe(HOST, int(port))),
        ]
        says = folder.note, self._shown.say
        with (
            closing(Registry(settings.registry, settings.model)) as registry,
            Supervisor(
                commands, *says, PATIENCE, environment=environment()
            ).running() as supervisor,
            closing(Player(folder, self._options.events, self._options.speed)) as player,
        ):
            try:
                return self._play(registry, supervisor, player)
            except ChildFailedError as error:
                raise DemoError(f"{error} Its log is in {folder.path}.") from None

    def _play(self, registry: Registry, supervisor: Supervisor, player: Player) -> Outcome:
        complete = False
        while not complete and not self._stop.is_set():
            self._tick(registry, supervisor, player)
            complete = self._all_learned(player)
        seconds = monotonic() - (player.began or monotonic())
        if complete and not self._options.leave:
            self._serve_on(registry, supervisor, player)
        player.close()
        supervisor.stop(LEARNER)
        self._look(registry, player, "all learned" if complete else "stopped")
        report = _report(supervisor.output(LEARNER), seconds)
        if complete and report is None:
            raise DemoError(f"The learner left no report; its log is in {self._folder.path}.")
        return Outcome(report, complete)

    def _serve_on(self, registry: Registry, supervisor: Supervisor, player: Player) -> None:
        address, flight = self._scene.address, '{"carrier": "UA", "origin": "EWR", "hour": "18"}'
        self._shown.say(
            f"All {player.produced.rows:,} flights are learned. {address} shows the results, and "
            f"predictions are served until Ctrl-C:\n  curl --json '{flight}' {address}/predict\n"
            f"Every other command works in {self._folder.path}, for example: freshet models"
        )
        while not self._stop.is_set():
            self._tick(registry, supervisor, player)

    def _tick(self, registry: Registry, supervisor: Supervisor, player: Player) -> None:
        supervisor.tend()
        self._look(registry, player, self._doing(player))
        self._stop.wait(TICK_SECONDS)

    def _look(self, registry: Registry, player: Player, doing: str) -> None:
        """Show the state of the registry and the player."""
        beat, pointers = registry.writer.status(), registry.serving.pointers()
        scene = replace(
            self._scene,
            doing=doing,
            sent=player.produced.rows,
            time=player.produced.time,
            status=beat.status if beat is not None else {},
            served=pointers.serving,
            latest=pointers.latest,
        )
        if beat is not None and beat.at != self._beat_at:
            self._beat_at = beat.at
            scene = scene.remembered()
        self._scene = scene
        self._shown.show(scene)

    def _doing(self, player: Player) -> str:
        if player.began is None:
            return "writing the flights"
        if player.ends() is None:
            return "playing the year; Ctrl-C stops"
        if not self._all_learned(player):
            return "all sent, learning the rest"
        return "all learned, serving on until Ctrl-C"

    def _all_learned(self, player: Player) -> bool:
        """Whether everything was sent, and the learner has read it."""
        ends = player.ends()
        taken = self._scene.status.get("positions", {})
        return ends is not None and all(taken.get(place, 0) >= at for place, at in ends.items())


def _report(output: str, seconds: float) -> dict[str, Any] | None:
    """The learner's report, or None; all of its events belong to this run.

    A learner that was restarted on the way reports only its last run.
    """
    try:
        report: dict[str, Any] = json.loads(output)
    except json.JSONDecodeError:
        return None
    rate = round(report["events"] / max(seconds, 1e-9), 1)
    return report | {"events_this_run": report["events"], "events_per_second": rate}


def in_words(report: dict[str, Any]) -> str:
    """The report as one paragraph."""
    if report["auc"] is None:
        return f"{report['events']:,} flights, too few landings to measure anything."
    frozen = report.get("static", {})
    against = f", the model frozen on 1 February {frozen['auc']:.3f}" if frozen else ""
    return (
        f"{report['events']:,} flights at {report['events_per_second']:,.0f}/s: "
        f"{report['learned']:,} learned, {report['waiting']:,} waiting, {report['rejected']:,} "
        f"rejected. AUC of the scores given at departure {report['auc']:.3f} (base rate 0.500"
        f"{against}), log loss {report['log_loss']:.3f} (base rate "
        f"{report['base_rate_log_loss']:.3f}). Version {report['version']}, model_sha256 "
        f"{report['model_sha256']}."
    )
