"""The Python client: rows as keyword arguments or mappings, answers as typed values.

It needs nothing but the standard library, and takes values of numpy and pandas all the same: NaN,
``NaT`` and ``NA`` are missing, times are sent as ISO 8601. A client is for one thread; its
connection stays open between calls.
"""

from __future__ import annotations

import json
import os
import ssl
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote, urlencode, urlsplit
from uuid import uuid4

from converters.config.shown_url import shown_url
from converters.errors import FreshetError, UsageError
from serve.rows.plain_values import plain_row, plain_rows

Row = Mapping[str, Any]
Answer = dict[str, Any]
TOKEN_VARIABLE = "FRESHET_TOKEN"  # noqa: S105  # the name of a variable
CONFIG = Path("freshet.toml")


class UnreachableError(FreshetError):
    """The server does not answer."""


class ProblemError(FreshetError):
    """The server refused the request, or failed.

    Attributes:
        status: of HTTP.
        problem: the problem document (RFC 9457): ``type``, ``title``, ``detail``, ``request_id``,
            and ``errors`` with ``row``, ``column``, ``reason`` and ``detail``.
    """

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        request = problem.get("request_id", "")
        about = f" (request {request})" if request else ""
        super().__init__(f"{status} {problem.get('title', '')}: {problem.get('detail', '')}{about}")
        self.status = status
        self.problem = dict(problem)


@dataclass(frozen=True, slots=True)
class Prediction:
    """The score of a row.

    Attributes:
        score: the probability of the positive label.
        label: the label at the server's threshold.
        version: of the model that gave the score.
        id: as in the row; None if it has none.
        absent: the columns of features for which the row has no value.
        unseen: the columns with a value that the config does not list, if the client asks.
    """

    score: float
    label: str
    version: int
    id: Any = None
    absent: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row of many that could not be scored: which, in what column, and why."""

    row: int
    column: str
    reason: str
    detail: str


class Appended(list[Answer]):
    """The positions of appended records: topic, partition, offset, rows.

    Attributes:
        warnings: what to know of the rows all the same: code, detail, rows.
    """

    def __init__(self, positions: Iterable[Answer], warnings: Iterable[Answer]) -> None:
        super().__init__(positions)
        self.warnings = list(warnings)


class Client:
    """Calls a Freshet server.

    Args:
        address: of the server, such as ``http://127.0.0.1:8000``.
        token: sent with every call; by default what ``FRESHET_TOKEN`` holds, if it is set.
        config: of the model. Calls of admin routes without a token then use the one that a server
            on this machine keeps in the model's home; it is sent to loopback addresses only.
        timeout: seconds to wait for an answer.
        ca: certificates (PEM) to trust besides those of the system.
        unseen: ask which values of a row to be scored are not among those that the config lists.
        remember: have each row that is scored appended to the events topic, with its score; the
            row needs an id, and the caller the scope ingest too.

    Raises:
        UsageError: the address is not an HTTP one, or the token could not be sent.
    """

    def __init__(
        self,
        address: str = "http://127.0.0.1:8000",
        *,
        token: str | None = None,
        config: Path = CONFIG,
        timeout: float = 30.0,
        ca: Path | None = None,
        unseen: bool = False,
        remember: bool = False,
    ) -> None:
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            shown = shown_url(address)
            raise UsageError(f"{shown!r} is not the address of a server: write http://HOST:PORT.")
        self._root = parts.path.rstrip("/")
        self._host = parts.hostname
        self._token = _checked(os.environ.get(TOKEN_VARIABLE) if token is None else token)
        self._config = config
        asked = {"unseen=true": unseen, "remember=true": remember}
        self._predict = "?".join(["/predict", *filter(None, ["&".join(filter(asked.get, asked))])])
        self._connection: HTTPConnection
        if parts.scheme == "https":
            context = ssl.create_default_context()
            if ca is not None:
                context.load_verify_locations(ca)
            self._connection = HTTPSConnection(
                self._host, parts.port, timeout=timeout, context=context
            )
        else:
            self._connection = HTTPConnection(self._host, parts.port, timeout=timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        self._connection.close()

    def predict(self, row: Row | None = None, /, **columns: object) -> Prediction:
        """Score one row, given as a mapping, as keyword arguments, or both.

        Raises:
            ProblemError: the row is refused, or there is no model yet.
            UsageError: it is no mapping, or has a value that JSON has not.
            UnreachableError: the server does not answer.
        """
        given = {} if row is None else plain_row(row)
        answer = self._object("POST", self._predict, given | plain_row(columns))
        return _prediction(answer, answer["version"])

    def predict_rows(self, rows: Iterable[Row]) -> list[Prediction | RefusedRow]:
        """Score many rows by one version, in order; a bad row has its reason in its place.

        Raises as :meth:`predict`.
        """
        answer = self._object("POST", self._predict, plain_rows(rows))
        version = answer["version"]
        return [_scored(each, each.get("version", version)) for each in answer["predictions"]]

    def explain(self, row: Row, changes: Row | None = None, **asked: object) -> Answer:
        """Why a row has its score, as ``/explain`` answers; raises as :meth:`predict`.

        Args:
            row: to be explained.
            changes: other cells: the answer has both scores and the difference by column.
            asked: ``baseline``, ``reasons`` or ``what_if``, as the route's parameters.
        """
        query = urlencode({n: str(v).lower() if v is True else v for n, v in asked.items()})
        content = {"row": plain_row(row)} | ({"changes": plain_row(changes)} if changes else {})
        return self._object("POST", f"/explain?{query}", content)

    def events(self, rows: Iterable[Row]) -> Appended:
        """Append event rows to the log, all or none, once.

        Returns:
            The positions of their records, which are on disk, with warnings if there are some.

        Raises as :meth:`predict`.
        """
        return self._append("/events", rows)

    def labels(self, rows: Iterable[Row]) -> Appended:
        """Append labels: mappings of ``id``, ``label`` and perhaps ``time``. As :meth:`events`."""
        return self._append("/labels", rows)

    def versions(self) -> list[Answer]:
        """All versions, the newest last."""
        return self._list("/versions")

    def version(self, number: int) -> Answer:
        """One version: manifest, metrics, lineage, largest weights."""
        return self._object("GET", f"/versions/{number}")

    def history(self) -> list[Answer]:
        """The ledger of what was served."""
        return self._list("/history")

    def served_at(self, time: str) -> int | None:
        """The version that was served at a time (ISO 8601)."""
        served: int | None = self._object("GET", f"/history?at={quote(time)}")["version"]
        return served

    def status(self) -> Answer:
        """The state of server, model and learner."""
        return self._object("GET", "/status")

    def promote(
        self,
        version: int,
        reason: str,
        *,
        force: bool = False,
        follow: bool = False,
        leave_waiting: bool = False,
    ) -> Answer:
        """Serve a version and keep serving it; returns once the server does.

        Args:
            version: its number.
            reason: why; kept in the ledger.
            force: promote it even if it is worse than the served version.
            follow: do not pin it: serve the learner's next version when it comes.
            leave_waiting: let the learner drop events that wait under another schema.

        Raises:
            ProblemError: it is worse or cannot be served, or the token is missing or wrong.
            UnreachableError: the server does not answer.
        """
        options = {"force": force, "follow": follow, "leave_waiting": leave_waiting}
        asked = {name: True for name, given in options.items() if given}
        return self._move("/promote", {"version": version, "reason": reason, **asked})

    def rollback(
        self,
        version: int,
        reason: str,
        learner: str = "keep",
        *,
        skip: Sequence[str] = (),
        skip_time: Sequence[Mapping[str, str]] = (),
        instead: bool = False,
        preview: bool = False,
    ) -> Answer:
        """Serve an earlier version again. Errors are those of :meth:`promote`.

        Args:
            version: its number.
            reason: why; kept in the ledger.
            learner: ``keep`` leaves it as it is, ``resume`` and ``replay`` have it go back too.
            skip: what a replay leaves out: each ``TOPIC:PARTITION:FIRST-LAST``.
            skip_time: the same by record time: ``{"of": "events", "from": …, "to": …}`` each, of
                ``events`` or ``labels``, and in ISO 8601.
            instead: end the last replay, and release what it left out.
            preview: only say what a replay would leave out.
        """
        options = {"skip": [*skip], "skip_time": [*skip_time], "instead": instead}
        asked = {name: given for name, given in (*options.items(), ("preview", preview)) if given}
        named = {"version": version, "reason": reason, "learner": learner}
        return self._move("/rollback", named | asked)

    def unpin(self, reason: str) -> Answer:
        """Follow the learner's newest version again. As :meth:`promote`."""
        return self._move("/unpin", {"reason": reason})

    def _append(self, path: str, rows: Iterable[Row]) -> Appended:
        # With a key the server appends once, however often the call is repeated.
        answer = self._object("POST", path, plain_rows(rows), {"Idempotency-Key": uuid4().hex})
        return Appended(answer["positions"], answer.get("warnings", ()))

    def _move(self, path: str, body: Row) -> Answer:
        token = self._token or self._local_admin_token()
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self._object("POST", path, body, headers)

    def _local_admin_token(self) -> str | None:
        """The token of a server on this machine, which only its user can read."""
        if not _is_loopback(self._host):
            return None
        if not self._config.is_file():
            return None
        from converters.config import load
        from serve.access.local_admin import local_admin_token

        return local_admin_token(load.load(self._config))

    def _object(
        self,
        method: str,
        path: str,
        content: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        answer: Answer = json.loads(self._call(method, path, content, headers or {}))
        return answer

    def _list(self, path: str) -> list[Answer]:
        answer: list[Answer] = json.loads(self._call("GET", path, None, {}))
        return answer

    def _call(self, method: str, path: str, content: object, given: Mapping[str, str]) -> bytes:
        headers, body = dict(given), None
        if self._token:
            headers.setdefault("Authorization", f"Bearer {self._token}")
        if content is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(content, allow_nan=False).encode()
        with self._answer(method, self._root + path, body, headers) as response:
            answer = response.read()
        if response.status >= HTTPStatus.BAD_REQUEST:
            raise ProblemError(response.status, _problem(answer) or {"title": response.reason})
        return answer

    def _answer(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> HTTPResponse:
        """The answer; asked for again on a new connection if the server had closed an idle one.

        Every call may be repeated: appends carry a key, and a version that is served already is
        promoted by doing nothing.
        """
        reused = self._connection.sock is not None
        try:
            self._connection.request(method, path, body, dict(headers))
            return self._connection.getresponse()
        except (OSError, HTTPException) as error:
            self._connection.close()
            if reused and not isinstance(error, TimeoutError):
                return self._answer(method, path, body, headers)
            address = f"{self._host}:{self._connection.port}"
            if isinstance(error, ssl.SSLCertVerificationError):
                raise UnreachableError(
                    f"The certificate of the server at {address} is not trusted here "
                    f"({error.verify_message}). Name the certificates to trust with ca=."
                ) from error
            raise UnreachableError(
                f"No answer from the server at {address} ({str(error) or type(error).__name__}). "
                "Start it with 'freshet serve' or 'freshet up', or correct the address."
            ) from error


def _checked(token: str | None) -> str:
    """A token as it is sent; the line end of a file that it was read from is no part of it."""
    plain = (token or "").strip()
    if not (plain.isascii() and plain.isprintable()):
        # Without its text, which is a secret.
        raise UsageError(
            f"The token (token= or {TOKEN_VARIABLE}) holds a line end or another character that no "
            "header can have. Give what 'freshet token add' printed."
        )
    return plain


def _scored(answer: Mapping[str, Any], version: int) -> Prediction | RefusedRow:
    if "error" in answer:
        return RefusedRow(**answer["error"])
    return _prediction(answer, version)


def _prediction(answer: Mapping[str, Any], version: int) -> Prediction:
    odd = (tuple(answer.get(name, ())) for name in ("absent", "unseen"))
    return Prediction(answer["score"], answer["label"], version, answer.get("id"), *odd)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _problem(answer: bytes) -> Answer:
    """The problem document; empty if something else than Freshet has answered."""
    try:
        content = json.loads(answer)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
