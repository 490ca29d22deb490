"""Keeps processes running: each that dies is started again, and none outlives this one.

``freshet up`` and ``freshet demo`` run the learner and the server as children. The death of a child
is reported in one line, with the child's last words, and the child is started again after a delay
that doubles with each death in a row. One that ends with the same words again and again, as with a
wrong password, is tried again all the same, but its error is said once, and when it changes or is
over. A child that has a probe and does not answer it, although its
process lives, is killed and started again likewise. If this process is killed, the children notice
and end.

A child that keeps refusing its configuration ends them all, unless the others can do without it: as
the server can without the learner. It is then started again when its configuration changes. So is a
child with a probe, once it has answered that: what it refuses was edited since.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Self

from converters.errors import FreshetError, StartAgainError
from serve.processes.child import Child, Command, OnLine, Refusable
from serve.processes.liveness import Limits, Pulse
from stream.process_control import Backoff, Death

# The exit status of wrong usage or configuration: trying again rarely helps.
USAGE_STATUS = 2


class ChildFailedError(FreshetError):
    """A child keeps dying; all have been ended."""

    def __init__(self, message: str, exit_status: int) -> None:
        super().__init__(message)
        self.exit_status = exit_status


@dataclass(frozen=True, slots=True)
class Patience:
    """When children that died are started again.

    Attributes:
        first_delay: seconds before the first new start; doubled with each death in a row.
        longest_delay: seconds between starts at most.
        steady: a child that lived this long is healthy: its count of deaths starts again.
        refusals: deaths in a row with exit status 2 after which all are ended.
        deaths: deaths in a row of any kind after which all are ended; None: never.
        grace: seconds that children have to end when they are asked to.
        hung: when a child that does not answer its probe is hung.
        last_chance: seconds that a hung child has to end when it is asked to.
        first_wait: seconds before a child is started again that refused a config the others go
            on without, if that does not change; doubled with each refusal.
        longest_wait: seconds between these starts at most.
    """

    first_delay: float = 0.5
    longest_delay: float = 30.0
    steady: float = 60.0
    refusals: int = 3
    deaths: int | None = None
    grace: float = 30.0
    hung: Limits = field(default_factory=Limits)
    last_chance: float = 2.0
    first_wait: float = 10.0
    longest_wait: float = 300.0


@dataclass
class _Watched:
    """A child with its deaths in a row, and when it is due to start if it does not run.

    ``pulse`` asks the process that runs, and ``doomed`` is when one that hangs is killed.
    ``worked`` says whether any ever answered. ``refusal`` is what it said last of its config, if it
    waits for another, and ``read`` what that was. ``told`` is the death that was reported last, and
    ``same`` says how many like it followed in a row.
    """

    child: Child
    backoff: Backoff
    waits: Backoff
    deaths: int = 0
    refusals: int = 0
    due: float | None = field(default_factory=monotonic)
    pulse: Pulse | None = None
    doomed: float | None = None
    worked: bool = False
    refusal: str = ""
    read: Hashable = None
    told: Death | None = None
    same: int = 0

    def is_due(self) -> bool:
        """Whether it is to be started now."""
        if self.due is None:
            return False
        failing = self.refusal or self.same
        return monotonic() >= self.due or bool(failing and self._config() != self.read)

    def _config(self) -> Hashable:
        config = self.child.command.config
        return None if config is None else config.now()

    def start(self, limits: Limits) -> None:
        """Start a process, and ask it from now on."""
        self.due = None
        config = self._config()
        if config != self.read:  # whoever edited it waits for an answer, in the same words or not
            self.read, self.refusal = config, ""
            self.forget()
        self.child.start()
        if self.child.command.probe is not None:
            self.pulse = Pulse(self.child.command.probe.ask, limits)

    def forget(self) -> None:
        """An error that comes now is another one, even in the same words."""
        self.told, self.same = None, 0
        self.child.forget()

    def rest(self, *, refused: bool = False) -> None:
        """Ask no more: the process has ended, or is to end."""
        if self.pulse is not None:
            self.pulse.stop()
            # One that refuses its config closes connections too, which counts as an answer.
            self.worked |= self.pulse.answered and not refused
        self.pulse = self.doomed = None


class Supervisor:
    """The owner of some children; used by one thread, which calls :meth:`tend` repeatedly.

    Args:
        commands: what to run; ended in this order.
        on_line: called with each line that a child prints on standard error, on the child's thread.
        note: called with each line that the supervisor reports.
        patience: when to start children again.
        lines_shown: whether who reads the notes sees the children's lines too.
        environment: of the children; None for this process's.
    """

    def __init__(
        self,
        commands: Sequence[Command],
        on_line: OnLine,
        note: Callable[[str], None],
        patience: Patience = Patience(),
        *,
        lines_shown: bool = False,
        environment: dict[str, str] | None = None,
    ) -> None:
        delays = patience.first_delay, patience.longest_delay
        waits = patience.first_wait, patience.longest_wait
        self._watched = {
            c.name: _Watched(Child(c, on_line, environment), Backoff(*delays), Backoff(*waits))
            for c in commands
        }
        self._note = note
        self._patience = patience
        self._lines_shown = lines_shown

    @contextmanager
    def running(self) -> Iterator[Self]:
        """End what still runs when the ``with`` ends; at once after Ctrl-C."""
        with ExitStack() as ending:
            ending.callback(self._kill)
            try:
                yield self
            except KeyboardInterrupt:
                self._kill()
                raise
            finally:
                self.stop()

    def tend(self) -> None:
        """Start what is due, report who died, and end who hangs; never waits.

        Raises:
            ChildFailedError: one of them died too often; all have been ended.
        """
        for watched in self._watched.values():
            death = watched.child.death()
            if death is not None:
                self._restart_later(watched, death)
            elif watched.is_due():
                watched.start(self._patience.hung)
            elif watched.same and watched.child.seconds >= self._patience.steady:
                self._recovered(watched)
            elif watched.doomed is not None and monotonic() >= watched.doomed:
                watched.child.kill()
            elif watched.pulse is not None and watched.pulse.hung_for is not None:
                self._end_hung(watched, watched.pulse.hung_for)

    def stop(self, *names: str) -> None:
        """End these children, or all: asked first, killed after the grace period."""
        chosen = [self._watched[name] for name in names or self._watched]
        for watched in chosen:
            watched.due = None
            watched.rest()
            watched.child.ask_to_end()
        deadline = monotonic() + self._patience.grace
        for watched in chosen:
            if watched.child.end_by(deadline):
                self._note(
                    f"The {watched.child.command.name} did not end within "
                    f"{self._patience.grace:.0f} s and was killed. Nothing is lost: it resumes "
                    "from its last checkpoint."
                )

    def output(self, name: str) -> str:
        """What the last process of a child printed on standard output."""
        return self._watched[name].child.output

    def _kill(self) -> None:
        for watched in self._watched.values():
            watched.rest()
            watched.child.end_by(0.0)

    def _end_hung(self, watched: _Watched, seconds: float) -> None:
        """Ask a child to end that probably cannot, and have it killed soon."""
        command = watched.child.command
        assert command.probe is not None
        watched.rest()
        watched.doomed = monotonic() + self._patience.last_chance
        watched.child.ask_to_end()
        self._note(
            f"The {command.name} has not answered at {command.probe.address} for {seconds:.0f} s "
            "although its process runs: it hangs, and is ended."
        )

    def _restart_later(self, watched: _Watched, death: Death) -> None:
        watched.rest(refused=death.status == USAGE_STATUS)
        patience, command = self._patience, watched.child.command
        name = command.name
        if death.seconds >= patience.steady:
            watched.deaths = watched.refusals = 0
            watched.backoff.reset()
            watched.waits.reset()
            watched.refusal = ""
            watched.forget()
        if death.status == StartAgainError.exit_status:
            watched.due = monotonic()
            self._note(f"The {name} is started again at once, as it asks.")
            return
        may_refuse = command.probe is None or watched.worked
        if death.status == USAGE_STATUS and command.config is not None and may_refuse:
            self._wait_for_config(watched, command.config, death.words)
            return
        watched.deaths += 1
        watched.refusals = watched.refusals + 1 if death.status == USAGE_STATUS else 0
        if watched.refusals >= patience.refusals or watched.deaths == patience.deaths:
            self.stop()
            times = "once" if watched.deaths == 1 else f"{watched.deaths} times in a row"
            raise ChildFailedError(
                f"The {name} failed {times}, so everything was stopped. Last it {death}",
                USAGE_STATUS if death.status == USAGE_STATUS else 1,
            )
        delay = watched.backoff.next()
        watched.due = monotonic() + delay
        self._report(watched, death, delay)

    def _report(self, watched: _Watched, death: Death, delay: float) -> None:
        """Say how a child ended, unless that is known by now."""
        name = watched.child.command.name
        if not death.is_like(watched.told):
            watched.told, watched.same = death, 0
            told = f"{death.how}, as it said." if death.own and self._lines_shown else death
            self._note(f"The {name} {told} It is started again in {delay:g} s.")
            return
        watched.same += 1
        if watched.same == 1:
            self._note(
                f"The {name} {death.how}, with the same error. It is tried again, at growing "
                f"intervals up to {self._patience.longest_delay:g} s; you are told when the error "
                "changes, or is over."
            )

    def _recovered(self, watched: _Watched) -> None:
        """A child runs that ended again and again."""
        ends = watched.same + 1
        watched.forget()
        self._note(f"The {watched.child.command.name} runs again; it had ended {ends} times.")

    def _wait_for_config(self, watched: _Watched, config: Refusable, words: str) -> None:
        """Go on without a child that refuses its config; it has said itself what is wrong."""
        watched.due = monotonic() + watched.waits.next()
        config.refused(words)
        if words != watched.refusal:
            watched.refusal, name = words, watched.child.command.name
            self._note(
                f"The {name} refuses its config, as it said, and does not run; everything else "
                "goes on. It is started again when its config changes."
            )
