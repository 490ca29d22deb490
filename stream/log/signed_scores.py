"""The scores that callers of a server were given, in a header of the record that holds their rows.

Anybody may write to a topic of events. So a header counts only with a signature (HMAC-SHA256) by
the key in the model's home, over the scores and all else of the record but its time: none can be
made up, altered, or moved to other rows.
"""

from __future__ import annotations

import hmac
import os
import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from tempfile import mkstemp
from typing import NamedTuple

import orjson

from converters.errors import FreshetError
from converters.files.private import make_folder
from converters.logger import log
from stream.log.contract import Outgoing, Record

SCORES, SIGNATURE = "freshet-served", "freshet-served-signature"
OURS = frozenset({SCORES, SIGNATURE})
KEY_FILE, KEY_BYTES = "served.key", 32
# Why what a record says is ignored: its signature is none of this home's key, there is no key, or
# the record has not as many rows as scores; :mod:`learners.evaluation.served_lag` has the words.
FORGED, NO_KEY, OTHER_ROWS = "forged", "no-key", "other-rows"
SEE = "'What callers were given' in docs/evaluation.md"

Headers = tuple[tuple[str, bytes], ...]


class KeyFileError(FreshetError):
    """The key cannot be read or made."""


class Served(NamedTuple):
    """The score that a caller was given for a row.

    Attributes:
        score: as it was answered.
        version: that gave it.
        learned: examples that the version had learned from.
        age_ms: how old the version was then.
    """

    score: float
    version: int
    learned: int
    age_ms: int


class Answer(NamedTuple):
    """What all rows of a record have in common that were scored at once.

    Attributes:
        version: that scored them.
        learned: examples that it had learned from.
        made: when it was made, ms since 1970.
        time: when it was asked, ms since 1970.
        claim: tells the record from others.
    """

    version: int
    learned: int
    made: int
    time: int
    claim: str = ""


def key_of(home: Path) -> bytes | None:
    """The key in a home; None if there is none yet.

    Raises:
        KeyFileError: there is one that cannot be read.
    """
    path = home / KEY_FILE
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise KeyFileError(
            f"The key that signs served scores, {path}, cannot be read: {error}. Let this user "
            "read it, or restore it from a copy. If you remove it, a new one is made, and scores "
            "that were signed with the old one and not yet learned are ignored."
        ) from None
    if len(key) < KEY_BYTES:
        raise KeyFileError(f"The key {path} is too short: restore it from a copy, or remove it.")
    return key


def make_key(home: Path) -> bytes:
    """The key in a home, which is made if there is none; of several processes one makes it.

    Raises:
        KeyFileError: it cannot be read or made.
    """
    known = key_of(home)
    if known is not None:
        return known
    try:
        make_folder(home)
        number, name = mkstemp(prefix=f".{KEY_FILE}.", dir=home)
        try:
            with os.fdopen(number, "w", encoding="ascii") as file:
                file.write(secrets.token_hex(KEY_BYTES))
                file.flush()
                os.fsync(file.fileno())
            if os.geteuid() == 0:  # whoever owns the home reads it
                os.chown(name, home.stat().st_uid, home.stat().st_gid)
            with suppress(FileExistsError):
                os.link(name, home / KEY_FILE)
        finally:
            Path(name).unlink()
    except OSError as error:
        raise KeyFileError(
            f"The key that signs served scores cannot be made in {home}: {error}. Let this user "
            "write there."
        ) from None
    made = key_of(home)
    assert made is not None
    return made


def signed(
    record: Outgoing, topic: str, answer: Answer, scores: Sequence[float], key: bytes
) -> Outgoing:
    """A record of events with the scores of its rows, as it goes to a topic."""
    said = orjson.dumps({**answer._asdict(), "scores": scores})
    signature = _signature(key, topic, said, record.headers, record.value)
    ours = ((SCORES, said), (SIGNATURE, signature))
    return record._replace(headers=(*record.headers, *ours))


def _signature(key: bytes, topic: str, said: bytes, headers: Headers, value: bytes) -> bytes:
    """In hexadecimal digits; each part is preceded by its length, to run into no other."""
    whole = hmac.new(key, digestmod=sha256)
    named = [part for name, held in headers for part in (name.encode(), held)]
    for part in (topic.encode(), said, *named, value):
        whole.update(len(part).to_bytes(8, "big"))
        whole.update(part)
    return whole.hexdigest().encode()


@dataclass(frozen=True, slots=True)
class Parted:
    """Records without these headers, and what they said.

    Attributes:
        records: all of them, in their order.
        scores: of the rows of some of them, by the record's number.
        ignored: how many headers were ignored, by why.
    """

    records: Sequence[Record]
    scores: Mapping[int, Sequence[Served]] = field(default_factory=dict)
    ignored: Counter[str] = field(default_factory=Counter)


class SignedScores:
    """Reads the scores from records of events.

    Args:
        home: has the key, perhaps later.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._key: bytes | None = None
        self._said: set[str] = set()

    def parted(self, records: Sequence[Record]) -> Parted:
        """Take the headers off the records that have them: others are converted alike."""
        headers = [record.headers for record in records]
        # They have few sets of headers as long as nothing is remembered: 50 ns a record.
        if OURS.isdisjoint(name for of in set(headers) for name, _ in of):
            return Parted(records)
        plain, scores, ignored = list(records), dict[int, Sequence[Served]](), Counter[str]()
        for at, of in enumerate(headers):
            if OURS.isdisjoint(name for name, _ in of):
                continue
            found = self._read(records[at])
            plain[at] = records[at]._replace(headers=without(of))
            if isinstance(found, str):
                ignored[found] += 1
            else:
                scores[at] = found
        self.tell(ignored)
        return Parted(plain, scores, ignored)

    def tell(self, ignored: Counter[str]) -> None:
        """Log that headers are ignored, once for each reason."""
        for why in ignored.keys() - self._said:
            self._said.add(why)
            log.warning("served scores in headers of events are ignored", reason=why, see=SEE)

    def _read(self, record: Record) -> list[Served] | str:
        """The scores of a record's rows, or why its header is ignored."""
        self._key = self._key or key_of(self._home)
        if self._key is None:
            return NO_KEY
        found = _read(record, self._key)
        if found is None:
            return FORGED
        scores, answer = found
        age = answer.time - answer.made
        return [Served(score, answer.version, answer.learned, age) for score in scores]


def claim_of(record: Record, key: bytes) -> str:
    """The claim of a record that the key signed; of others nothing."""
    found = None if OURS.isdisjoint(name for name, _ in record.headers) else _read(record, key)
    return "" if found is None else found[1].claim


def _read(record: Record, key: bytes) -> tuple[list[float], Answer] | None:
    """What the headers of a record say, if the key signed it."""
    said = [held for name, held in record.headers if name == SCORES]
    signature = [held for name, held in record.headers if name == SIGNATURE]
    if len(said) != 1 or len(signature) != 1:
        return None
    parts = record.place.topic, said[0], without(record.headers), record.value
    if not hmac.compare_digest(_signature(key, *parts), signature[0]):
        return None
    content = orjson.loads(said[0])
    # A server of a newer release may say more.
    answer = Answer(**{name: content[name] for name in Answer._fields})
    return content["scores"], answer


def without(headers: Headers) -> Headers:
    """The other headers."""
    return tuple(each for each in headers if each[0] not in OURS)
