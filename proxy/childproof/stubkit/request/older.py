"""What clients of earlier versions of an API still send, put into the words of today's document before it is checked.

A parameter that was renamed becomes the new one, one that has no heir is taken by a schema of its own, and one that
means nothing any more is dropped. Whoever says in a header that they speak a version from which on the parameter is
gone gets the refusal of any unknown parameter. Pure: plain values in, plain values out.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from childproof.model import Call, replace
from childproof.stubkit.document.openapi import OpenApi
from childproof.stubkit.document.routing import Router
from childproof.stubkit.refusal import Refusal

from .coercion import Coercer, coercer
from .complaint import Complaint, complaints
from .conversion import validator

Path = tuple[str | int | None, ...]  # None stands for every place of a list
Place = tuple[str | int, ...]
_PART = re.compile(r"\[([^\[\]]*)\]")


class Older(msgspec.Struct, frozen=True):
    """One parameter of earlier versions: what it becomes, or by which schema it is taken as it is."""

    source: Path
    until: str = ""  # the version that first refuses it; "" for none
    becomes: Path | None = None
    values: Mapping[str, Any] = msgspec.field(default_factory=dict)  # None: dropped
    besides: tuple[tuple[Place, Any], ...] = ()  # what is set besides, where the request leaves it open
    schema: Mapping[str, Any] | None = None

    def speaks(self, version: str | None) -> bool:
        """Whether a client of that version may send it; versions are compared as text, as dates can be."""
        return not self.until or not version or version < self.until


class Translated(msgspec.Struct, frozen=True):
    """What a request became: the parameters that were renamed, and those that are held back from the document's check."""

    renamed: tuple[tuple[Place, Place], ...] = ()  # (today's place, the place that the client wrote)
    kept: tuple[tuple[Place, Any], ...] = ()

    def named(self, place: Place) -> Place:
        """A place as the client wrote it."""
        for now, then in self.renamed:
            if place[: len(now)] == now:
                return then + place[len(now) :]
        return place


_NOTHING = Translated()


class OlderReader:
    """The older parameters of one operation, compiled."""

    def __init__(self, api: OpenApi, header: str, rules: Sequence[Older], *, empty_unsets: bool) -> None:
        self._header = header
        self._rules = rules
        self._empty_unsets = empty_unsets
        self._first = frozenset(rule.source[0] for rule in rules)
        self._kept: dict[Path, tuple[Coercer, Any]] = {}
        for rule in rules:
            if rule.schema is not None:
                schema = dict(rule.schema)
                self._kept[rule.source] = (coercer(api, schema), validator(api, schema, refuse_unknown=True))

    def translate(self, call: Call, values: dict[str, Any]) -> Translated:
        """Change `values`, as they came, into what they are today. Raises Refusal where old and new are both given."""
        if self._first.isdisjoint(values):
            return _NOTHING
        version = call.header(self._header) if self._header else None
        renamed: list[tuple[Place, Place]] = []
        kept: list[tuple[Place, Any]] = []
        for rule in self._rules:
            if not rule.speaks(version):
                continue
            found = list(_found(values, rule.source))
            if not found:
                continue
            for place, _ in reversed(found):
                _remove(values, place)
            for place, value in found:
                if rule.schema is not None:
                    kept.append((place, self._kept[rule.source][0](value)))
                elif rule.becomes is not None:
                    today = rule.values.get(_shown(value), value) if isinstance(value, str | int) else value
                    if today is not None:
                        renamed.append((self._become(values, rule, rule.becomes, place, today), place))
        return Translated(tuple(renamed), tuple(kept))

    def complaint(self, translated: Translated) -> Complaint | None:
        """What is wrong with the values that were held back; None if nothing is."""
        for place, value in translated.kept:
            if value == "" and self._empty_unsets:
                continue
            for rule in self._rules:
                if rule.schema is not None and _fits(rule.source, place):
                    wrong = complaints(self._kept[rule.source][1], value)
                    if wrong:
                        first = wrong[0]
                        return Complaint(first.kind, place + first.path, first.value, first.allowed, first.limit)
        return None

    def _become(self, values: dict[str, Any], rule: Older, target: Path, place: Place, value: Any) -> Place:
        numbers = iter([part for part, known in zip(place, rule.source, strict=True) if known is None])
        now = tuple(next(numbers, 0) if part is None else part for part in target)
        if value == "" and self._empty_unsets and now != place:
            now = now[:1]  # an empty text unsets all of what the parameter became
        if _has(values, now):
            raise Refusal.of("exclusive", param=spelled(place), other=spelled(now), value=None)
        _put(values, now, value)
        if value != "":
            for besides, fixed in rule.besides:
                if not _has(values, besides):
                    _put(values, besides, fixed)
        return now


class OlderOperations:
    """Operations that today have another method or path: `GET /invoices/upcoming`, now `POST /invoices/preview`."""

    def __init__(self, header: str, moved: Mapping[str, tuple[str, str]]) -> None:
        self._header = header
        self._moved = moved  # by name: today's name, and the version that first refuses the older one
        self._router = Router([name.partition(" ")[2] for name in moved])

    def today(self, call: Call, base: str) -> Call:
        """The call as it would be made today; itself where it is no older one. `base` is the prefix of all paths."""
        found = self._router.match(call.path.removeprefix(base))
        moved = self._moved.get(f"{call.method} {found[0]}") if found is not None else None
        if found is None or moved is None:
            return call
        name, until = moved
        version = call.header(self._header) if self._header else None
        if until and version and version >= until:
            return call
        method, _, path = name.partition(" ")
        for parameter, value in found[1].items():
            path = path.replace("{" + parameter + "}", quote(value, safe=""))
        if method == call.method:
            return replace(call, path=base + path)
        # A query becomes the body: these are the only two methods that older.yaml may lead to one another.
        headers = (*call.headers, ("Content-Type", "application/x-www-form-urlencoded"))
        return replace(call, method=method, path=base + path, query="", body=call.query.encode(), headers=headers)


def restore(values: Any, translated: Translated) -> None:
    """Put back what was held back from the check, where the client had written it."""
    for place, value in translated.kept:
        _put(values, place, value)


def parsed(text: str) -> Path | None:
    """`items[][plan]` as a path; None for what is none."""
    name, bracket, rest = text.partition("[")
    if not name or "]" in name or _PART.sub("", bracket + rest):
        return None
    parts = _PART.findall(bracket + rest)
    return (name, *(None if not part else int(part) if part.isdigit() else part for part in parts))


def spelled(place: Path) -> str:
    """A path as it is written: `items[0][plan]`, `items[][plan]`."""
    return str(place[0]) + "".join(f"[{'' if part is None else part}]" for part in place[1:])


def _found(node: Any, path: Path, before: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Every place of a value that a path fits, with what stands there."""
    if not path:
        yield before, node
        return
    part = path[0]
    if part is None:
        for number, inner in enumerate(node if isinstance(node, list) else ()):
            yield from _found(inner, path[1:], (*before, number))
    elif part in node if isinstance(node, dict) else isinstance(node, list) and part in range(len(node)):
        yield from _found(node[part], path[1:], (*before, part))


def _has(node: Any, place: Place) -> bool:
    return next(_found(node, place), None) is not None


def _remove(node: Any, place: Place) -> None:
    """Take a place away, and what is empty without it. List items go from the last on, so that places stay true."""
    if len(place) > 1:
        _remove(node[place[0]], place[1:])
        if node[place[0]] in ({}, []) and not (isinstance(node, list) and place[0] != len(node) - 1):
            del node[place[0]]
    else:
        del node[place[0]]


def _put(node: Any, place: Place, value: Any) -> None:
    for part, following in zip(place, (*place[1:], None), strict=True):
        fresh: Any = value if following is None else [] if isinstance(following, int) else {}
        if isinstance(node, list) and isinstance(part, int):
            if part >= len(node):
                node.append(fresh)
                part = len(node) - 1  # noqa: PLW2901 - where it came to stand
            elif following is None:
                node[part] = value
        elif isinstance(node, dict):
            if following is None:
                node[part] = value
            else:
                node.setdefault(part, fresh)
        else:
            return  # a text where a mapping belongs: the document's check has words for that
        node = node[part]


def _fits(path: Path, place: Place) -> bool:
    return len(path) == len(place) and all(
        known is None or known == part for known, part in zip(path, place, strict=True)
    )


def _shown(value: str | int) -> str:
    text = str(value)
    return text.lower() if text in {"True", "False"} else text  # a boolean of JSON, or as clients in Python write it
