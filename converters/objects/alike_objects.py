"""JSON objects that are written alike, cut into cells without making an object of any.

Programs write objects one like another: the same keys in the same order, the same blanks. Between
two values of such objects there is always the same text, so the quotes say where the values are:
:func:`cut` looks at all quotes at once, and at what is between values, which has to be the same in
each object. It gives nothing where one of them differs, and for an escape, a nested value, a key
twice, or what is no JSON; then :mod:`converters.objects.json_columns` decides.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from converters.files.cut_lines import Content, CutLines, Places

# An object of more members is no row of a schema that anybody has, and is looked at one by one.
MOST_MEMBERS = 4_096
_QUOTE, _BACKSLASH, _FIRST_PRINTED = 34, 92, 32
_BLANKS = rb"[ \t\r\n]*+"
# A member up to its value, which is a text without escapes, or a number, or a word.
_MEMBER = re.compile(
    rb'%b"([^"\\\x00-\x1f]*+)"%b:%b(?:(")([^"\\\x00-\x1f]*+)"|[-+.0-9A-Za-z]++)'
    % (_BLANKS, _BLANKS, _BLANKS)
)
_NEXT = re.compile(rb"%b,|(%b\})" % (_BLANKS, _BLANKS))
# What is between two objects of a list.
_BETWEEN = re.compile(rb"%b,%b\{" % (_BLANKS, _BLANKS))


@dataclass(frozen=True, slots=True)
class Cut:
    """The values of objects that are written alike.

    Attributes:
        keys: of each object.
        quoted: for each key whether its values are texts; others are numbers or words.
        values: by object and key, as they are written: texts without their quotes.
    """

    keys: tuple[str, ...]
    quoted: tuple[bool, ...]
    values: CutLines


@dataclass(frozen=True)
class Template:
    """How objects are written.

    Attributes:
        keys, quoted: as in :class:`Cut`.
        leads: for each key what precedes its value, from the end of the value before.
        tail: what follows the last value.
        between: what is between two objects.
    """

    keys: tuple[str, ...]
    quoted: tuple[bool, ...]
    leads: tuple[bytes, ...]
    tail: bytes
    between: bytes

    @classmethod
    def of(cls, content: bytes) -> Template | None:
        """That of the first object; None if it cannot be cut, or there is no second one."""
        if content[:1] != b"{":
            return None
        at, lead = 1, b"{"
        keys: list[bytes] = []
        quoted: list[bool] = []
        leads: list[bytes] = []
        while len(keys) < MOST_MEMBERS and (member := _MEMBER.match(content, at)):
            is_text = member[2] is not None
            begin, end = member.span(3) if is_text else (0, member.end())
            if not is_text:
                begin = end - len(member[0].rpartition(b":")[2].lstrip(b" \t\r\n"))
            leads.append(lead + content[at:begin])
            quoted.append(is_text)
            keys.append(member[1])
            follows = _NEXT.match(content, member.end())
            if follows is None:
                return None
            at, lead = follows.end(), content[end : follows.end()]
            if follows[1] is not None:
                break
        else:
            return None
        between = _BETWEEN.match(content, at)
        if between is None or len(set(keys)) < len(keys):
            return None
        try:
            names = tuple(map(bytes.decode, keys))
        except UnicodeDecodeError:
            return None
        return cls(names, tuple(quoted), tuple(leads), lead, between[0][:-1])

    @cached_property
    def _gaps(self) -> tuple[bytes, ...]:
        """The same text before each value, as it is between two objects."""
        return (self.tail + self.between + self.leads[0], *self.leads[1:])

    @cached_property
    def _quotes(self) -> tuple[int, list[int], NDArray[np.intp], NDArray[np.intp]]:
        """How many quotes an object has, and which are those before its keys.

        And how much of each gap is before that quote, and from it on.
        """
        firsts, count = [], 0
        befores: list[int] = []
        for gap, before in zip(self.leads, (False, *self.quoted[:-1]), strict=True):
            firsts.append(count + before)
            befores.append(gap.index(b'"', int(before)))
            count += gap.count(b'"')
        count += self.tail.count(b'"')
        befores[0] += len(self.tail) + len(self.between)
        lengths = np.array([len(gap) for gap in self._gaps], np.intp)
        return count, firsts, np.array(befores, np.intp), lengths - befores

    @cached_property
    def _before_texts(self) -> tuple[bytes, ...]:
        """What is before the quote of each text, from its key on."""
        each = zip(self.leads, self.quoted, (False, *self.quoted), strict=False)
        return tuple(lead[lead.index(b'"', before) : -1] for lead, text, before in each if text)

    def _without_nulls(self, content: bytes) -> bytes:
        """The same objects, with an empty text for null where others have a text.

        In front of what is replaced is a quoted key, hence it is in no text itself.
        """
        if b"null" not in content:
            return content
        *parts, last = content.split(b"null")
        befores = self._before_texts
        return b"".join([*(p + (b'""' if p.endswith(befores) else b"null") for p in parts), last])

    def cut(self, content: bytes) -> Cut | None:
        """Objects that are written so, from the first bracket to the last; None if one is not."""
        found = self._cut(content)
        if found is None and b"null" in content:
            return self._cut(self._without_nulls(content))
        return found

    def _cut(self, content: bytes) -> Cut | None:
        if not (content.startswith(self.leads[0]) and content.endswith(self.tail)):
            return None
        # As if an object had been before the first one.
        content = self.tail + self.between + content
        characters = np.frombuffer(content, np.uint8)
        if (characters == _BACKSLASH).any():
            return None
        found = self._places(characters)
        if found is None or not _is_text(content, characters, *found):
            return None
        starts, ends = found
        ends -= starts
        return Cut(self.keys, self.quoted, CutLines(Content(content), starts, ends))

    def _places(self, content: NDArray[np.uint8]) -> tuple[Places, Places] | None:
        """Where the values begin and end, by object and key; None if something is not alike."""
        each, firsts, befores, behinds = self._quotes
        extra = self.tail.count(b'"')
        quotes = np.flatnonzero(content == _QUOTE)[extra:]
        rows, rest = divmod(len(quotes), each)
        if rest or not rows:
            return None
        keys = quotes.reshape(rows, each)[:, firsts]
        starts, gaps = keys + behinds, keys - befores
        ends = np.empty_like(starts)
        ends[:, :-1] = gaps[:, 1:]
        ends[:-1, -1] = gaps[1:, 0]
        ends[-1, -1] = len(content) - len(self.tail)
        if gaps[0, 0] != 0 or (ends < starts).any():
            return None
        return (starts, ends) if self._are_alike(content, gaps) else None

    def _are_alike(self, content: NDArray[np.uint8], begins: Places) -> bool:
        """Whether at each of these places, by object and key, there is the gap of that key."""
        for at, gap in enumerate(self._gaps):
            length = len(gap)
            # Elements of that length at each byte; taken as void they are copied as they are.
            there = np.ndarray((len(content) - length + 1,), f"V{length}", content, 0, (1,))
            if there[begins[:, at]].tobytes() != gap * len(begins):
                return False
        return True


def _is_text(content: bytes, characters: NDArray[np.uint8], starts: Places, ends: Places) -> bool:
    """Whether these bytes are UTF-8, and none between these places is one that no text has.

    Between the objects there may be line feeds.
    """
    if not content.isascii():
        try:
            content.decode()
        except UnicodeDecodeError:
            return False
    controls = np.flatnonzero(characters < _FIRST_PRINTED)
    if not len(controls):
        return True
    begun, ended = (np.searchsorted(of.reshape(-1), controls, "right") for of in (starts, ends))
    return bool((begun == ended).all())


class AlikeObjects:
    """Cuts objects, most of which are written as those before them."""

    def __init__(self) -> None:
        self._template: Template | None = None

    def cut(self, content: bytes) -> Cut | None:
        """The values of the objects of a list, given without its brackets; None if not alike."""
        content = content.strip(b" \t\r\n")
        if self._template is not None and (cut := self._template.cut(content)) is not None:
            return cut
        template = Template.of(content)
        cut = None if template is None else template.cut(content)
        if cut is None and template is not None and b"null" in content:
            # Null says nothing of what others have there; the next object may say it.
            second = content.find(template.between + b"{") + len(template.between)
            template = Template.of(content[second:])
            cut = None if template is None else template.cut(content)
        if cut is not None:
            self._template = template
        return cut
