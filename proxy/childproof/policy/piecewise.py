"""Reading a rule file by its pieces: as much memory as some of its rules take, and nothing again that is known already.

What is wrong in a file is told by reading it as a whole, in `load`: here, whatever isn't well ends the reading.
"""

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from itertools import batched
from typing import Any, override

import jsonschema_rs
import msgspec

from childproof.documents import located, read_yaml
from childproof.errors import InputError

from .pieces import Pieces, cut
from .read_rule import read_rule
from .reader import Part, Report
from .rule import Rule
from .schema import RULES_KEY, loading_schema
from .source import Source

_SOME = (
    200  # rules: C code that parses or checks that many is done in some milliseconds, and calls don't wait for longer
)


class Text(msgspec.Struct, frozen=True):
    """What rules were read from, for who reads them again: a file's text, what it says of `enforce`, and its rules.

    Where an item of the list includes a file, the file's name is among `items`.
    """

    text: str
    enforce: bool
    items: Sequence[Rule | str]


Known = Mapping[tuple[bool, str], Rule | str]  # by `enforce` and the text of an item


class Read(msgspec.Struct, frozen=True):
    """A file without faults: its values besides rules, and those."""

    frame: dict[str, Any]
    text: Text


def known(texts: Sequence[Text]) -> Known:
    """The rules of texts by what they were read from, but those that know where they stand."""
    found: dict[tuple[bool, str], Rule | str] = {}
    for text in texts:
        pieces = cut(text.text)
        assert pieces is not None
        for piece, item in zip(pieces.items, text.items, strict=True):
            if isinstance(item, str) or not item.allow.secrets:
                found[text.enforce, piece] = item
    return found


def read_pieces(source: Source, stubs: Collection[str] | None, already: Known) -> Read | None:
    """Read a file's rules without its includes. None where it has to be read as a whole: for its shape, or a fault."""
    pieces = cut(source.text)
    if pieces is None:
        return None
    try:
        frame = _frame(pieces, source.name)
        enforce = frame.get("enforce") is not False
        items = _items(pieces.items, source, stubs, already, enforce=enforce)
    except (InputError, _NotWellError):
        return None
    return Read(frame, Text(source.text, enforce, items))


class _NotWellError(Exception):
    pass


class _Strict(Report):
    """A report that ends the reading with the first fault."""

    @override
    def add(self, path: Sequence[str | int], found: str, expected: str, write: str = "") -> None:
        raise _NotWellError


def _frame(pieces: Pieces, file: str) -> dict[str, Any]:
    """What stands around the rules, by itself: only then does the list of rules begin where it seems to."""
    above = _values(pieces.head, file)
    frame = _values(pieces.head + pieces.tail, file) if pieces.tail else above
    for values in (above, frame):
        if not isinstance(values, dict) or values.get(RULES_KEY, ()) is not None:
            raise _NotWellError
    whole = {**frame, RULES_KEY: []}
    if ("include" in frame) != ("include" in above) or not _fits(whole):
        raise _NotWellError
    return whole


def _items(
    texts: Sequence[str], source: Source, stubs: Collection[str] | None, already: Known, *, enforce: bool
) -> list[Rule | str]:
    items = [already.get((enforce, text)) for text in texts]
    unknown = [number for number, item in enumerate(items) if item is None or not _has_stub(item, stubs)]
    report = _Strict(located(source.text, source.name))
    for some in batched(unknown, _SOME):
        values = _values("".join(texts[number] for number in some), source.name)
        # Each text has one dash where an item begins: as many items as texts, and each begins and ends with its text.
        if not isinstance(values, list) or len(values) != len(some) or not _fits({"version": 1, RULES_KEY: values}):
            raise _NotWellError
        for number, value in zip(some, values, strict=True):
            items[number] = _item(Part(report, (RULES_KEY, number), value), stubs, enforce=enforce)
    return [item for item in items if item is not None]


def _item(part: Part, stubs: Collection[str] | None, *, enforce: bool) -> Rule | str:
    if "include" in part.value:
        return str(part.value["include"])
    rule = read_rule(part, stubs, enforce=enforce)
    if rule is None:
        raise _NotWellError
    return rule


def _has_stub(item: Rule | str, stubs: Collection[str] | None) -> bool:
    return isinstance(item, str) or item.stub is None or stubs is None or item.stub in stubs


def _values(text: str, file: str) -> Any:
    document, faults = read_yaml(text, file)
    if faults:
        raise _NotWellError
    return document.value


def _fits(value: Any) -> bool:
    return bool(_validator().is_valid(value))


@cache
def _validator() -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(loading_schema())
