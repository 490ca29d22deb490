"""Every key of the config, as the table of costs names them."""

from __future__ import annotations

from collections.abc import Iterator

from converters.config.column_settings import Section, section_in
from converters.config.settings import Settings


def keys_of(section: type[Section], before: str = "") -> Iterator[str]:
    """The keys of a section and of those within it: ``late_labels.wait``, ``columns.min``."""
    for name, field in section.model_fields.items():
        inner = section_in(field.annotation)
        if inner is None:
            yield before + name
        else:
            yield from keys_of(inner, f"{before}{name}.")


KEYS = tuple(keys_of(Settings))
