"""A file in the format of ``java.util.Properties``, as Kafka's clients read theirs.

It knows what was asked for, takes values for the settings of ``[kafka]``, and says where a wrong
one is. No message holds a value, which may be a secret.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NamedTuple, NoReturn

import javaproperties
from pydantic import TypeAdapter, ValidationError

from converters.config.kafka_settings import KafkaSettings
from converters.errors import UsageError

# What has a config provider look a value up.
PROVIDED = re.compile(r"\$\{[\w.-]+:[^}]*\}")
# What templates of such files have in place of a value.
TEMPLATE = re.compile(r"\{\{.*\}\}|\$\{.*\}|<.*>")


class PropertiesError(UsageError):
    """A properties file cannot be read, or something in it is wrong."""


class Property(NamedTuple):
    """One key of a file, its value, and the line on which it begins."""

    key: str
    value: str
    line: int


class PropertiesFile:
    """A properties file, while it is read for settings.

    Args:
        path: the file.

    Attributes:
        held: its properties, by key.
        values: the settings of ``[kafka]`` that were found in it.

    Raises:
        PropertiesError: the file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.held = _properties(path)
        self.values: dict[str, Any] = {}
        self._asked: set[str] = set()

    def get(self, key: str) -> Property | None:
        """A property that says something."""
        self._asked.add(key)
        found = self.held.get(key)
        if found is None or not found.value:
            return None
        if PROVIDED.search(found.value):
            self.wrong(
                found,
                "it is to be looked up by a config provider, which Freshet does not do; it should "
                "be the value itself. Or remove the key here, and set what [kafka] has in its "
                "place by an environment variable FRESHET_KAFKA__… or as a file",
            )
        return found

    def text(self, key: str) -> str | None:
        """The value of a key; None if it says nothing."""
        found = self.get(key)
        return found.value if found else None

    def ask(self, *keys: str) -> None:
        """Count keys as used whose values do not matter."""
        self._asked.update(keys)

    def place(self, found: Property) -> Path:
        """The path that a property names; a relative one begins at the file's folder."""
        return (self.path.parent / Path(found.value).expanduser()).absolute()

    def setting(self, key: str, name: str, change: Callable[[str], str] = str) -> None:
        """Take a property, if it is there, as a setting."""
        if (found := self.get(key)) is not None:
            self.take(found, name, change(found.value))

    def take(self, found: Property, name: str, value: object) -> None:
        """Take a value for a setting.

        Raises:
            PropertiesError: the setting cannot have this value.
        """
        if isinstance(value, str) and TEMPLATE.fullmatch(value.strip()):
            self.wrong(found, f"a template's place for {name} is in it; put the value there")
        known = KafkaSettings.model_fields[name]
        try:
            TypeAdapter(Annotated[known.annotation, known]).validate_python(value)  # type: ignore[arg-type]
        except ValidationError as error:
            said = error.errors(include_input=False, include_url=False)[0]["msg"]
            self.wrong(found, f"{said[0].lower()}{said[1:]}")
        self.values[name] = value

    def left(self) -> list[Property]:
        """The properties that nothing has asked for."""
        return [each for key, each in self.held.items() if key not in self._asked]

    def wrong(self, found: Property, right: str) -> NoReturn:
        """Raise what is wrong with a property."""
        raise PropertiesError(
            f"In {self.path}, line {found.line}: the key '{found.key}' is wrong: {right}."
        ) from None  # what it comes from may quote the value


def _properties(path: Path) -> dict[str, Property]:
    """A file's properties; of a key that is there twice, the last, as in Java."""
    try:
        content = path.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        raise PropertiesError(f"The properties file {path} cannot be read: {reason}.") from None
    if b"\0" in content:
        raise PropertiesError(
            f"{path} is no properties file, but a binary one, or in UTF-16: save it as "
            "UTF-8. If it is a store of certificates, name it in a properties "
            "file, as ssl.truststore.location or ssl.keystore.location."
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")  # as Java reads every such file
    found, line = {}, 1
    try:
        for element in javaproperties.parse(text):
            if isinstance(element, javaproperties.KeyValue):
                # Kafka's clients strip the values.
                found[element.key] = Property(element.key, element.value.strip(), line)
            line += len(re.findall(r"\r\n|\r|\n", element.source))
    except javaproperties.InvalidUEscapeError:
        raise PropertiesError(
            f"In {path}, in or after line {line}: after \\u there should be four hexadecimal "
            "digits; a backslash itself is written \\\\."
        ) from None
    return found
