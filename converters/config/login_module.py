"""The login module of Kafka's ``sasl.jaas.config``: a language of its own, that of JAAS.

One entry, such as ``org.apache.kafka.common.security.plain.PlainLoginModule required
username="u" password="p";``, read as Kafka's clients read it, which is with Java's
``StreamTokenizer``: quotes of both kinds with escapes in them, and comments.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_SPACE = r"(?:\s|//[^\n]*|/\*.*?\*/)*"
_NAME = r"[\w.$-]+"
_QUOTED = r'"(?:\\.|[^"\\\n])*"|' + r"'(?:\\.|[^'\\\n])*'"
_MODULE = re.compile(
    rf"{_SPACE}({_NAME}){_SPACE}(required|requisite|sufficient|optional)\b",
    re.DOTALL | re.IGNORECASE,
)
_OPTION = re.compile(rf"{_SPACE}({_NAME}){_SPACE}={_SPACE}({_QUOTED}|[^\s;\"']+)", re.DOTALL)
_END = re.compile(rf"{_SPACE};{_SPACE}", re.DOTALL)
_ESCAPE = re.compile(r"\\([0-3]?[0-7]{1,2}|.)", re.DOTALL)
_CONTROLS = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


@dataclass(frozen=True)
class LoginModule:
    """A login module.

    Attributes:
        name: its class, without the package.
        options: what it is told; may hold secrets.
    """

    name: str
    options: dict[str, str]


def parse(text: str) -> LoginModule:
    """The one login module of an entry.

    Raises:
        ValueError: it is no such entry; the message says what is right, and quotes no option.
    """
    found = _MODULE.match(text)
    if found is None:
        raise ValueError(
            "it should be a login module such as org.apache.kafka.…PlainLoginModule required "
            'username="…" password="…";'
        )
    place, options = found.end(), {}
    while option := _OPTION.match(text, place):
        options[option[1]] = _meant(option[2])
        place = option.end()
    end = _END.match(text, place)
    if end is None:
        after = f"after the option {list(options)[-1]!r}" if options else "after 'required'"
        if not text[place:].strip():
            raise ValueError(
                f"it ends {after} without a semicolon; where it goes on in the next line, this one "
                "should end with a backslash"
            )
        raise ValueError(
            f'{after} there is something that is no option; it should go on with NAME="VALUE", '
            'quotes in a value written as \\", and end with a semicolon'
        )
    if end.end() < len(text):
        raise ValueError("it should hold one login module, and nothing after its semicolon")
    return LoginModule(found[1].rpartition(".")[2], options)


def _meant(written: str) -> str:
    """A value without its quotes and escapes."""
    if written[0] not in "\"'":
        return written
    return _ESCAPE.sub(_character, written[1:-1])


def _character(found: re.Match[str]) -> str:
    escaped = found[1]
    return (
        chr(int(escaped, 8))
        if escaped.isdigit() and escaped < "8"
        else (_CONTROLS.get(escaped, escaped))
    )
