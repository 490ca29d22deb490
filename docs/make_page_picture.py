"""Draw docs/page.png, the live page at the end of the demo's year.

python -m docs.make_page_picture

Plays the whole year, which takes three minutes, with the page open in a headless Chromium
(Debian: apt-get install chromium).
"""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import IO, Any

from websockets.sync.client import ClientConnection, connect

PICTURE = Path(__file__).with_name("page.png")
BROWSER = "chromium"
WIDTH, HEIGHT = 1200, 760
LONGEST_SECONDS = 600


def main() -> None:
    """Play, look, and write what is seen once all flights are sent."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        command = [sys.executable, "-m", "serve.cli", "demo", "--port", "0"]
        environment = {"PYTHONPATH": str(PICTURE.parent.parent), "PATH": "/usr/bin:/bin"}
        demo = subprocess.Popen(  # noqa: S603
            command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True,
        )  # fmt: skip
        try:
            address = _printed(demo.stdout, r"(http://\S+)")
            picture = _seen(address, Path(folder) / "browser", demo.stdout)
        finally:
            demo.terminate()
            demo.communicate()
    PICTURE.write_bytes(picture)


def _seen(address: str, profile: Path, progress: IO[str] | None) -> bytes:
    """The page as a PNG at the end of the year, watched from the beginning."""
    options = ["--headless=new", "--no-sandbox", "--hide-scrollbars", "--remote-debugging-port=0"]
    browser = subprocess.Popen(  # noqa: S603
        [BROWSER, *options, f"--user-data-dir={profile}", f"--window-size={WIDTH},{HEIGHT}"],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        tools = _printed(browser.stderr, r"(ws://\S+)")
        with connect(tools, max_size=2**25) as tab:
            send = Tab(tab, address).send
            _printed(progress, r"(327,346 of 327,346 flights sent, 3\d\d,\d\d\d learned)")
            sleep(3)  # the page looks each second
            return base64.b64decode(send("Page.captureScreenshot", format="png")["data"])
    finally:
        browser.terminate()
        browser.communicate()


def _printed(lines: IO[str] | None, pattern: str) -> str:
    """What matches first in the lines that a process prints."""
    until = monotonic() + LONGEST_SECONDS
    for line in lines or ():
        found = re.search(pattern, line)
        if found:
            return found[1]
        if monotonic() > until:
            break
    sys.exit(f"A process ended or took too long without printing {pattern}.")


class Tab:
    """A tab that shows an address, by the browser's debugging protocol."""

    def __init__(self, connection: ClientConnection, address: str) -> None:
        self._connection = connection
        self._numbers = count(1)
        self._session: str | None = None
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        attached = self.send("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        size = {"width": WIDTH, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": False}
        self.send("Emulation.setDeviceMetricsOverride", **size)
        self.send("Page.navigate", url=address)

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:  # noqa: ANN401
        """Ask the browser for something, and wait for its answer."""
        number = next(self._numbers)
        asked = {"id": number, "method": method, "params": parameters}
        if self._session is not None:
            asked["sessionId"] = self._session
        self._connection.send(json.dumps(asked))
        while (answer := json.loads(self._connection.recv())).get("id") != number:
            pass
        result: dict[str, Any] = answer["result"]
        return result


if __name__ == "__main__":
    main()
