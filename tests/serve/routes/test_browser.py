"""The pages in a real browser: where their token comes from and goes, and what they draw."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect

from docs.make_page_picture import BROWSER, Tab
from learners.registry.row_types import Verdict
from serve.access.tokens import TokenFile
from serve.processes.ports import free_port
from tests.support.serving.processes import until
from tests.support.serving.project import Project
from tests.support.serving.served import a_project, maker_of, replaying
from tests.support.serving.server_process import Server, server_of

pytestmark = pytest.mark.skipif(
    shutil.which(BROWSER) is None and "CI" not in os.environ,
    reason=f"needs {BROWSER} (Debian: apt-get install chromium)",
)
# A learner that has stopped, with what it told at its end.
STOPPED = {
    "alive": False,
    "lag": {"flights.events:0": 7},
    "unseen_trouble": "carrier: 12 unseen values.",
    "expiry_trouble": "3 expired events.",
    "checkpoint_trouble": "no room.",
    "metrics": {
        "count": 500,
        "window": {"count": 400, "log_loss": 0.5},
        "contenders": {"pinned": {"count": 123, "log_loss": 0.6}},
    },
}
SERVED, FORM = "#state-served", "#token-form"
# Reasons are against the early: what lowers the score is bad for them.
EXPLAINED = '[explain]\nbaseline = "typical"\nrows = 20\nadverse = "negative"\n'
LINE = "f1,1357016400,0,AX,JFK,17,740,1357020000"
WHY = "#why-answer"
ASK = "document.querySelector('#why-form').requestSubmit()"
# Of each bar: the kind that its style goes by, and the number beside it.
BARS = (
    "[...document.querySelectorAll('%s .bars .bar i')].map(each => each.className + ' '"
    " + each.closest('tr').lastChild.textContent.replace('\u2212', '-')).join('\\n')"
)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A model with a version."""
    project = a_project(tmp_path_factory.mktemp("browser"), EXPLAINED)
    with maker_of(project) as maker:
        maker.make()
    return project


@pytest.fixture(scope="module")
def server(project: Project) -> Iterator[Server]:
    """A server with its local admin token, whose scope read is closed."""
    with server_of(project) as server:
        TokenFile(project.settings.home / "tokens.json").add("reader", ["read"], None)
        until(lambda: server.ask("/status")[0] == 401)
        yield server


@contextmanager
def opened(address: str, profile: Path) -> Iterator[Tab]:
    """A page in a tab of a new browser."""
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0"]
    browser = subprocess.Popen(
        [BROWSER, *options, f"--user-data-dir={profile}"], stderr=subprocess.PIPE, text=True
    )
    try:
        assert browser.stderr is not None
        found = next(filter(None, (re.search(r"(ws://\S+)", line) for line in browser.stderr)))
        with connect(found[1], max_size=2**25) as connection:
            yield Tab(connection, address)
    finally:
        browser.terminate()
        browser.communicate()


def value(tab: Tab, expression: str) -> Any:
    """What an expression is in the page; None where it fails."""
    answer = tab.send("Runtime.evaluate", expression=expression, returnByValue=True)
    return answer["result"].get("value")


def text(tab: Tab, selector: str) -> str:
    """The text of an element that is shown."""
    found = f"document.querySelector({json.dumps(selector)})"
    return str(value(tab, f"{found}.checkVisibility() ? {found}.innerText : ''"))


def test_the_printed_address_opens_the_page(server: Server, tmp_path: Path) -> None:
    """With its token, which leaves the address bar and is kept for the tab alone."""
    with opened(f"{server.address}/#token={server.admin_token}", tmp_path) as tab:
        until(lambda: text(tab, SERVED) == "serving version 1")
        assert value(tab, "location.href") == f"{server.address}/"
        assert value(tab, "sessionStorage['freshet.token']") == server.admin_token
        assert value(tab, "localStorage.length + document.cookie.length") == 0
        tab.send("Page.navigate", url=f"{server.address}/docs")
        until(lambda: "Append labels" in text(tab, "#content"))
        assert text(tab, FORM) == ""


@pytest.mark.parametrize("page", ["/", "/docs"])
def test_without_a_token_the_page_asks_for_one(
    server: Server, project: Project, tmp_path: Path, page: str
) -> None:
    """And says why; a wrong one is asked for again, a right one shows the page."""
    file = TokenFile(project.settings.home / "tokens.json")
    name = f"of{len(file.read().tokens)}"
    _, wrong = file.add(f"{name}-score", ["score"], None)
    _, right = file.add(name, ["read"], None)
    until(lambda: server.ask("/status", token=right)[0] == 200)
    with opened(f"{server.address}{page}", tmp_path) as tab:
        until(lambda: "freshet token add NAME --scope read" in text(tab, FORM))
        assert "No token was sent" in text(tab, FORM)
        assert "Paste a token" in text(tab, FORM)
        assert "Bearer" not in text(tab, FORM)
        for token, words in (("nonsense", "sent is unknown"), (wrong, "needs read")):
            assert value(tab, _typed(token)) is None
            until(lambda words=words: words in text(tab, FORM))  # type: ignore[misc]
        value(tab, _typed(right))
        shown = (SERVED, "serving version 1") if page == "/" else ("#content", "Append labels")
        until(lambda: shown[1] in text(tab, shown[0]))
        assert text(tab, FORM) == ""
        assert value(tab, "location.href") == f"{server.address}{page}"


def test_examples_of_admin_routes_go_to_their_own_address(tmp_path: Path) -> None:
    """By the name that the browser calls the machine; those of other routes go to the page's."""
    port = free_port("127.0.0.1", 0)
    project = a_project(tmp_path / "p", more=f'[serve]\nadmin = "0.0.0.0:{port}"\n')
    with maker_of(project) as maker:
        maker.make()
    page = "document.querySelector('#content').textContent"
    with server_of(project) as server, opened(f"{server.address}/docs", tmp_path / "b") as tab:
        until(lambda: "Append labels" in text(tab, "#content"))
        shown = str(value(tab, page))
    assert f"curl -X POST http://127.0.0.1:{port}/promote " in shown
    assert f"curl -X POST {server.address}/labels " in shown


def test_what_is_held_back_has_a_red_badge_and_what_is_not_measured_its_reason(
    tmp_path: Path,
) -> None:
    """Beside the version that is served; the learner's own figures are not called served."""
    project = a_project(tmp_path / "p")
    reason = "Over the last 1,000 labels its log loss is 0.9."
    with maker_of(project) as maker:
        maker.make()
        maker.make(verdict=Verdict(good=True, reason=reason, held=True))
        maker.registry.rollbacks.ask(1, "resume", "poison", "ann")
        maker.registry.serving.unpin("follow", "ann")
        maker.registry.writer.heartbeat(maker.epoch, STOPPED)
        move = maker.registry.ledger.last_move()
    assert move is not None
    with (
        server_of(project) as server,
        opened(f"{server.address}/#token={server.admin_token}", tmp_path / "b") as tab,
    ):
        until(lambda: text(tab, "#state-held") == "version 2 held back")
        assert value(tab, "document.querySelector('#state-held').className") == "state bad"
        assert text(tab, SERVED) == "serving version 1"
        assert reason in text(tab, "#trouble")
        assert text(tab, "#rollback") == (
            "The learner goes back to version 1 (rollback 1, asked). It waits for the learner's "
            "next start."
        )
        assert "not measured: The learner's newest, version 2, is held back." in text(
            tab, "#served-more"
        )
        assert "held back: " in text(tab, "#versions")
        at = json.dumps(move.at.isoformat())
        time = value(tab, f"new Date({at}).toLocaleTimeString([], {{hourCycle: 'h23'}})")
        assert f"since {time}" in text(tab, "#served-more")
        assert text(tab, "#lag") == "unknown"
        for words in ("12 unseen", "3 expired", "The last checkpoint failed: no room"):
            assert words in text(tab, "#trouble")
        rows = text(tab, "#measured")
        assert re.search(r"pinned[^\n]*\t123\t", rows), rows
        until(lambda: "learner" in text(tab, "#measured"))
        assert "served score" not in text(tab, "#measured")


def test_the_page_says_how_far_a_replay_is(tmp_path: Path) -> None:
    """In words and as a bar, with what is in quarantine; that is no trouble."""
    project = a_project(tmp_path / "p")
    with maker_of(project) as maker:
        maker.make()
        replaying(maker, lag={})
    with server_of(project) as server, opened(f"{server.address}/", tmp_path / "b") as tab:
        until(lambda: "1,200 of 5,000" in text(tab, "#rollback"))
        assert text(tab, "#rollback-words") == (
            "The learner goes back to version 1 (rollback 1, replaying). It has read 1,200 of "
            "5,000 rows again; 91 s left."
        )
        assert text(tab, "#quarantines") == "In quarantine: 1 (5 offsets: poison)."
        assert value(tab, "document.querySelector('#rollback-share').value") == 0.24
        assert text(tab, "#trouble") == ""


def test_curves_break_where_nothing_was_measured(server: Server, tmp_path: Path) -> None:
    """Values are joined over a few samples without labels; a longer stretch has no line."""
    drawn = (
        "import('/dashboard/chart.js').then(({ path, known }) => ["
        "path([0, 5000, 9000, 40000, 41000, 90000], [1, null, 2, 3, 4, 5], (t) => t, (v) => v),"
        "path([0, 1000], [null, undefined], (t) => t, (v) => v), known([1, null, null], 1)])"
    )
    with opened(f"{server.address}/", tmp_path) as tab:
        until(lambda: value(tab, "document.readyState") == "complete")
        told = tab.send("Runtime.evaluate", expression=drawn, awaitPromise=True, returnByValue=True)
    joined = "M0.0 1.0h0L9000.0 2.0M40000.0 3.0h0L41000.0 4.0M90000.0 5.0h0"
    assert told["result"]["value"] == [joined, "", 1]


def test_the_page_says_why_a_row_has_its_score_and_what_a_change_does(
    server: Server, tmp_path: Path
) -> None:
    """A pasted line as bars with numbers and as sentences; what is wrong stands at its field."""
    with opened(f"{server.address}/#token={server.admin_token}", tmp_path) as tab:
        until(lambda: value(tab, "!document.querySelector('#why-ask').disabled"))
        value(tab, _entered("#why-paste", LINE))
        assert value(tab, f"document.querySelector({_field('hour')}).value") == "17"
        value(tab, ASK)
        until(lambda: "Score" in text(tab, WHY))
        shown = text(tab, WHY)
        assert re.search(r"baseline 20 typical rows.*\nsum score 0\.\d{4}", shown, re.DOTALL), shown
        drawn = [each.split() for each in str(value(tab, BARS % WHY)).splitlines()]
        assert {kind for kind, _ in drawn} == {"adverse", "favourable"}
        assert all((kind == "adverse") == (float(number) < 0) for kind, number in drawn), drawn
        assert re.search(r"Reasons\n+\w+ is ", shown), shown
        assert re.search(r"What would have changed it\n(.|\n)*not what would happen", shown), shown

        value(tab, _entered(_field("distance"), "52k") + ASK)
        until(lambda: "not a number" in text(tab, "#why-fields"))
        assert value(tab, f"document.activeElement.matches({_field('distance')})")
        value(tab, _entered(_field("distance"), "2000"))
        assert text(tab, "#why-ask") == "What does the change do?"
        value(tab, ASK)
        until(lambda: "becomes" in text(tab, WHY))
        assert "distance 740 → 2000" in text(tab, WHY)
        assert "not a number" not in text(tab, "#why-fields")

        for pasted, words in (("f1,2", "8 columns: id, at,"), ('{"at": 1, "x": 2}', "column: x.")):
            value(tab, _entered("#why-paste", pasted))
            assert words in text(tab, "#why-paste-trouble")


def test_examples_of_scores_are_tried_and_drawn_where_they_stand(
    server: Server, tmp_path: Path
) -> None:
    """Below each example of the two routes, and of no other."""
    tried = "[...document.querySelectorAll('.tried')].map(each => each.innerText)"
    with opened(f"{server.address}/docs#token={server.admin_token}", tmp_path) as tab:
        until(lambda: "Append labels" in text(tab, "#content"))
        value(tab, "document.querySelectorAll('details').forEach(each => each.open = true)")
        value(tab, "document.querySelectorAll('.inside button').forEach(each => each.click())")
        until(lambda: all(value(tab, tried)))
        answers = value(tab, tried)
        assert len(answers) == 9  # row, list, instances and CSV, and changes to be explained
        changed = [each for each in answers if "becomes" in each]
        assert len(changed) == 1
        assert all(each in changed or "baseline 20 typical rows" in each for each in answers)


def _field(name: str) -> str:
    """The selector of a column's field, as text of a script."""
    labels = "[...document.querySelectorAll('#why-fields label')]"
    label = f"{labels}.find(e => e.innerText == '{name}')"
    return f"'#' + {label}.htmlFor"


def _entered(selector: str, cell: str) -> str:
    """What a person does who types something."""
    found = selector if selector.startswith("'") else json.dumps(selector)
    return (
        f"(() => {{ const it = document.querySelector({found}); it.value = {json.dumps(cell)};"
        "it.dispatchEvent(new Event('input')); })();"
    )


def _typed(token: str) -> str:
    return (
        f"document.querySelector('#token').value = {json.dumps(token)};"
        "document.querySelector('#token-form').requestSubmit()"
    )
