"""Processes that are kept running, and never outlive the one that keeps them."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from time import monotonic

import pytest

from converters.errors import FreshetError, StartAgainError
from serve.processes.child import Command
from serve.processes.liveness import Heard, Limits, Probe
from serve.processes.ports import PortError, free_port, free_port_near
from serve.processes.supervisor import ChildFailedError, Patience, Supervisor
from tests.support.serving.processes import alive, until

PATIENCE = Patience(first_delay=0.01, longest_delay=0.04, grace=5.0)
LASTS = "import time; print('here', flush=True); time.sleep(60)"


def python(name: str, code: str) -> Command:
    """A child that runs some Python; isolated, and so started in a moment."""
    return Command(name, (sys.executable, "-I", "-S", "-c", code))


@contextmanager
def supervised(*commands: Command, patience: Patience = PATIENCE) -> Iterator[Watch]:
    """A supervisor of these, with all that it and they say."""
    lines: list[str] = []
    notes: list[str] = []
    supervisor = Supervisor(commands, lambda name, line: lines.append(line), notes.append, patience)
    with supervisor.running():
        yield Watch(supervisor, lines, notes)


class Watch:
    """A supervisor and what was heard of it."""

    def __init__(self, supervisor: Supervisor, lines: list[str], notes: list[str]) -> None:
        self.supervisor = supervisor
        self.lines = lines
        self.notes = notes

    def tend_until(self, condition: Callable[[], object]) -> None:
        """Tend until something is so."""
        until(condition, self.supervisor.tend)

    def pid(self, name: str) -> int:
        """The process of a child once it runs."""
        self.tend_until(lambda: pid_of(self.supervisor, name))
        return pid_of(self.supervisor, name)


def pid_of(supervisor: Supervisor, name: str) -> int:
    """The process of a child; 0 while none runs."""
    process = supervisor._watched[name].child._process
    return 0 if process is None else process.pid


def test_a_killed_child_is_started_again_and_the_others_are_left_alone() -> None:
    """Kill -9 of one child gives a new process of it, with a line that says why."""
    with supervised(python("a", LASTS), python("b", LASTS)) as watch:
        first, other = watch.pid("a"), watch.pid("b")
        os.kill(first, signal.SIGKILL)
        watch.tend_until(lambda: pid_of(watch.supervisor, "a") not in (0, first))
        assert pid_of(watch.supervisor, "b") == other
        assert len(watch.notes) == 1
        assert watch.notes[0].startswith("The a was killed by SIGKILL after ")
        assert watch.notes[0].endswith(" It is started again in 0.01 s.")


def test_the_delay_grows_up_to_its_bound() -> None:
    """A child that keeps dying is started again ever later, but not later than the longest."""
    with supervised(python("a", "raise SystemExit(7)")) as watch:
        watch.tend_until(lambda: len(watch.notes) == 5)
        delays = [note.rsplit(" in ", 1)[1] for note in watch.notes]
        assert delays == ["0.01 s.", "0.02 s.", "0.04 s.", "0.04 s.", "0.04 s."]
        assert "ended with exit status 7" in watch.notes[0]


def test_a_child_that_has_proved_itself_is_started_again_at_once() -> None:
    """Deaths after a steady life do not add up."""
    patience = Patience(first_delay=0.01, steady=0.0, refusals=2, deaths=2)
    with supervised(python("a", "raise SystemExit(2)"), patience=patience) as watch:
        watch.tend_until(lambda: len(watch.notes) == 4)
        assert {note.rsplit(" in ", 1)[1] for note in watch.notes} == {"0.01 s."}


def test_a_child_that_refuses_its_config_again_and_again_ends_all() -> None:
    """Exit status 2 three times in a row: all are stopped, and its own words are the error."""
    words = "noise\\nfreshet: The key is wrong.\\n"
    refuses = f"import sys; sys.stderr.write('{words}'); sys.exit(2)"
    with supervised(python("a", refuses), python("b", LASTS)) as watch:
        other = watch.pid("b")
        with pytest.raises(ChildFailedError) as failed:
            watch.tend_until(lambda: False)
        assert not alive(other)
    assert failed.value.exit_status == 2
    assert str(failed.value).startswith("The a failed 3 times in a row, so everything was stopped.")
    assert str(failed.value).endswith(" s: The key is wrong.")
    assert len(watch.notes) == 2


LIMIT = "freshet: The password of 'ann' is wrong (try 7)."


@pytest.mark.parametrize("shown", [False, True])
def test_an_error_that_stays_is_said_once(shown: bool) -> None:
    """Then that it is the same, but for numbers, and no more; the child's own line is said once."""
    code = (
        f"import os, sys; sys.stderr.write({LIMIT!r}.replace('7', str(os.getpid()))); sys.exit(1)"
    )
    lines, notes = list[str](), list[str]()
    supervisor = Supervisor(
        [python("a", code)],
        lambda _, line: lines.append(line),
        notes.append,
        PATIENCE,
        lines_shown=shown,
    )
    with supervisor.running():
        until(lambda: supervisor._watched["a"].same == 4, supervisor.tend)
    assert len(lines) == 1
    first, second = notes
    assert ("The password of" in first) is not shown
    assert (" s, as it said. It is started again in 0.01 s." in first) is shown
    assert second.startswith("The a ended with exit status 1 after ")
    assert "with the same error. It is tried again, at growing intervals up to 0.04 s" in second


def test_an_error_that_changes_is_said(tmp_path: Path) -> None:
    """Each time that it is another; and that it is over, once the child has run for a while."""
    errors = [LIMIT, LIMIT, "freshet: There is no topic.", "freshet: There is no topic."]
    for number, error in enumerate(errors):
        (tmp_path / str(number)).write_text(error)
    code = (
        f"import pathlib, sys, time; found = sorted(pathlib.Path({str(tmp_path)!r}).iterdir())\n"
        "if not found: time.sleep(60)\n"
        "sys.stderr.write(found[0].read_text()); found[0].unlink(); sys.exit(1)"
    )
    patience = Patience(first_delay=0.01, longest_delay=0.04, steady=1.0)
    with supervised(python("a", code), patience=patience) as watch:
        watch.tend_until(lambda: len(watch.notes) == 5)
    assert watch.lines == errors[::2]
    assert "password" in watch.notes[0]
    assert "There is no topic." in watch.notes[2]
    assert all("with the same error" in watch.notes[at] for at in (1, 3))
    assert watch.notes[4] == "The a runs again; it had ended 2 times."


class Config:
    """A config that is refused, and what is noted of that."""

    def __init__(self) -> None:
        self.content = 1
        self.words: list[str] = []

    def now(self) -> int:
        """What it is."""
        return self.content

    def refused(self, words: str) -> None:
        """Keep it."""
        self.words.append(words)


REFUSES = "import sys; sys.stderr.write('freshet: The key is wrong.\\n'); sys.exit(2)"


def test_the_others_go_on_without_a_child_that_may_refuse_its_config() -> None:
    """However often it does; its words are told once, and it is tried at growing intervals."""
    config, patience = Config(), Patience(first_wait=0.01, longest_wait=0.04)
    command = python("a", REFUSES).reading(config)
    with supervised(command, python("b", LASTS), patience=patience) as watch:
        other = watch.pid("b")
        watch.tend_until(lambda: len(config.words) == 5)
        assert pid_of(watch.supervisor, "b") == other
        (note,) = watch.notes
        assert "freshet: The key is wrong." in watch.lines
        assert note.startswith("The a refuses its config, as it said, and does not run; ")
    assert set(config.words) == {"The key is wrong."}


class Answers(Probe):
    """A probe that is answered by any process."""

    def ask(self, timeout: float) -> Heard:
        """At once."""
        del timeout
        return Heard.ANSWER


@pytest.mark.parametrize("answers", [False, True])
def test_a_child_with_a_probe_may_refuse_its_config_once_it_has_answered(
    tmp_path: Path, answers: bool
) -> None:
    """What it refuses was edited since it died; of one that never worked all are ended.

    Whether one that refuses answers says nothing: it closes its connections, which is an answer.
    """
    config, limits = Config(), Limits(every=0.01)
    patience = Patience(first_delay=0.01, first_wait=0.01, hung=limits)
    lived = tmp_path / "lived"
    code = (
        "import os, sys, time; time.sleep(0.3)\n"
        f"if not os.path.exists({str(lived)!r}): open({str(lived)!r}, 'x'); sys.exit(1)\n{REFUSES}"
    )
    if not answers:
        lived.touch()
    command = python("a", code).reading(config)
    with supervised(command.probed(Answers("", 1)), patience=patience) as watch:
        if answers:
            watch.tend_until(lambda: len(config.words) > patience.refusals)
        else:
            with pytest.raises(ChildFailedError, match="3 times in a row"):
                watch.tend_until(lambda: False)
            assert not config.words


def test_it_is_started_again_at_once_when_its_config_changes() -> None:
    """However long it is until the next try; and other words are told."""
    config = Config()
    patience = Patience(first_wait=1000.0)
    with supervised(python("a", REFUSES).reading(config), patience=patience) as watch:
        watch.tend_until(lambda: config.words)
        watch.supervisor._watched["a"].refusal = "Another key was wrong."
        config.content = 2
        watch.tend_until(lambda: len(config.words) == 2)
        assert len(watch.notes) == 2


@pytest.mark.parametrize(
    ("status", "told"), [(1, "with the same error"), (2, "refuses its config")]
)
def test_an_edited_config_is_answered_in_the_same_words_too(status: int, told: str) -> None:
    """It is tried at once, and what it says then is said again."""
    config, patience = Config(), Patience(first_delay=0.01, longest_delay=1000.0, first_wait=1000.0)
    code = REFUSES.replace("sys.exit(2)", f"sys.exit({status})")
    with supervised(python("a", code).reading(config), patience=patience) as watch:
        watch.tend_until(lambda: any(told in note for note in watch.notes))
        assert watch.lines == ["freshet: The key is wrong."]
        watch.supervisor._watched["a"].due = monotonic() + 1000.0
        config.content = 2
        watch.tend_until(lambda: sum(told in note for note in watch.notes) == 2)
    assert watch.lines == ["freshet: The key is wrong."] * 2


def test_a_child_that_asks_to_be_started_again_has_not_failed() -> None:
    """It is started at once, however often, and none of that counts as a death."""
    code = f"import sys; print('here', flush=True); sys.exit({StartAgainError.exit_status})"
    patience = Patience(first_delay=30.0, deaths=2)
    with supervised(python("a", code), patience=patience) as watch:
        watch.tend_until(lambda: len(watch.notes) > 4)
    assert set(watch.notes) == {"The a is started again at once, as it asks."}


def test_patience_with_any_deaths_may_be_bounded() -> None:
    """With a bound on deaths, a child that is always killed ends all, with exit status 1."""
    patience = Patience(first_delay=0.01, deaths=2)
    suicide = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    with supervised(python("a", suicide), patience=patience) as watch:
        with pytest.raises(ChildFailedError, match=r"failed 2 times in a row.*SIGKILL") as failed:
            watch.tend_until(lambda: False)
        assert failed.value.exit_status == 1


def test_children_are_asked_to_end_and_their_result_is_kept() -> None:
    """Stopping sends SIGTERM, waits, and keeps what the child printed on its way out."""
    finishes = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('the result'), sys.exit(0)))\n"
        "print('ready', file=sys.stderr, flush=True); time.sleep(60)"
    )
    with supervised(python("a", finishes)) as watch:
        watch.tend_until(lambda: watch.lines)
        pid = watch.pid("a")
        watch.supervisor.stop("a")
        assert not alive(pid)
        assert watch.supervisor.output("a") == "the result\n"
        watch.supervisor.tend()
        assert pid_of(watch.supervisor, "a") == 0
    assert watch.notes == []


STUBBORN = (
    "import signal, sys, time\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "print('ready', file=sys.stderr, flush=True); time.sleep(60)"
)


def test_nobody_waits_for_children_after_a_second_interrupt() -> None:
    """Ctrl-C out of the waiting kills what is left at once."""
    pid = 0
    with (
        suppress(KeyboardInterrupt),
        supervised(python("a", STUBBORN), patience=Patience(grace=1000.0)) as watch,
    ):
        watch.tend_until(lambda: watch.lines)
        pid = watch.pid("a")
        raise KeyboardInterrupt
    assert not alive(pid)


def test_a_child_that_does_not_end_is_killed() -> None:
    """One that ignores SIGTERM is killed once the grace is over, and that is said."""
    with supervised(python("a", STUBBORN), patience=Patience(grace=0.1)) as watch:
        watch.tend_until(lambda: watch.lines)
        pid = watch.pid("a")
    assert not alive(pid)
    assert "did not end within 0 s and was killed" in watch.notes[0]


def test_the_terminals_signals_do_not_reach_the_children() -> None:
    """Ctrl-C goes to the foreground's processes; a child is in a session of its own."""
    with supervised(python("a", LASTS)) as watch:
        assert os.getsid(watch.pid("a")) not in (os.getsid(0), 0)


def test_a_taken_port_is_refused_or_evaded() -> None:
    """A port that another program has is an error that names it, or gives way to a free one."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        taken = server.getsockname()[1]
        with pytest.raises(PortError, match=f"port {taken}: another program listens there"):
            free_port("127.0.0.1", taken)
        assert free_port_near("127.0.0.1", taken) not in (taken, 0)
    assert free_port("127.0.0.1", taken) == taken
    with pytest.raises(FreshetError, match=r"Cannot listen on 192\.0\.2\.1"):
        free_port("192.0.2.1", 0)
