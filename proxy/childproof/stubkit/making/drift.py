"""What a newer document of a service has that an older one hasn't, operation by operation, and the other way round.

Schemas are compared by what they hold, not by their components' names, so that a derived surface can be compared with
the vendor's own document. Below a field that holds another entity nothing is compared: that entity has its own operations.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec

from childproof.stubkit.document.openapi import OpenApi, Operation
from childproof.stubkit.document.routing import shape
from childproof.stubkit.document.shape import properties, types

Change = Literal["added", "removed", "changed"]
_MAX_DEPTH = 3


class Difference(msgspec.Struct, frozen=True):
    """One thing that is otherwise: `what` (`parameter limit`, `request amount`, `reply status`) and how.

    `breaks`: a client or a stub written for the older document may fail with it.
    """

    what: str
    how: str
    breaks: bool


class Drifted(msgspec.Struct, frozen=True):
    """An operation that was added, removed or changed. `touches` names what of a stub deals with it."""

    operation: str
    change: Change
    differences: tuple[Difference, ...] = ()
    touches: tuple[str, ...] = msgspec.field(default=())


class _Field(msgspec.Struct, frozen=True):
    kinds: frozenset[str]
    required: bool
    choices: tuple[Any, ...] | None


def drift(older: OpenApi, newer: OpenApi) -> Iterator[Drifted]:
    """All operations that differ, in the older document's order, then those that are new."""
    before, after = _Fields(older), _Fields(newer)
    new = {_key(operation): operation for operation in newer.operations()}
    seen = set()
    for operation in older.operations():
        key = _key(operation)
        seen.add(key)
        if key not in new:
            yield Drifted(operation.name, "removed")
            continue
        found = tuple(_compare(before, operation, after, new[key]))
        if found:
            yield Drifted(operation.name, "changed", found)
    yield from (Drifted(operation.name, "added") for key, operation in new.items() if key not in seen)


def _key(operation: Operation) -> str:
    return f"{operation.method} {shape(operation.path)}"


def _compare(before: "_Fields", old: Operation, after: "_Fields", new: Operation) -> Iterator[Difference]:
    if old.path != new.path:
        yield Difference("path", f"spelled {new.path}", breaks=True)
    if old.status != new.status:
        yield Difference("status", f"{old.status} → {new.status}", breaks=True)
    yield from _fields("parameter", before.parameters(old), after.parameters(new), sent=True)
    yield from _fields("request", before.of(old.request_schema), after.of(new.request_schema), sent=True)
    yield from _fields("reply", before.of(old.reply_schema), after.of(new.reply_schema), sent=False)


def _fields(kind: str, old: Mapping[str, _Field], new: Mapping[str, _Field], *, sent: bool) -> Iterator[Difference]:
    """What differs between fields that a client sends, or gets."""
    for name, was in old.items():
        now = new.get(name)
        if now is None:
            if (above := _above(name)) in new or not above:
                yield Difference(f"{kind} {name}", "removed", breaks=True)
            continue
        yield from (Difference(f"{kind} {name}", how, breaks) for how, breaks in _how(was, now, sent=sent))
    for name, now in new.items():
        if name not in old and ((above := _above(name)) in old or not above):
            must = sent and now.required
            yield Difference(f"{kind} {name}", "added, required" if must else "added", breaks=must)


def _above(name: str) -> str:
    """What a field is in: `items[].name` in `items[]`, that in `items`; "" for the body itself."""
    return name.removesuffix("[]") if name.endswith("[]") else name.rpartition(".")[0]


def _how(was: _Field, now: _Field, *, sent: bool) -> Iterator[tuple[str, bool]]:
    if was.kinds != now.kinds and was.kinds and now.kinds:
        narrower = now.kinds < was.kinds if sent else was.kinds < now.kinds
        wider = now.kinds > was.kinds if sent else was.kinds > now.kinds
        yield f"{_shown(was.kinds)} → {_shown(now.kinds)}", narrower or not wider
    if was.required != now.required:
        yield ("now required" if now.required else "no longer required"), now.required == sent
    if was.choices != now.choices:
        gone = [one for one in was.choices or () if now.choices is not None and one not in now.choices]
        come = [one for one in now.choices or () if was.choices is not None and one not in was.choices]
        if was.choices is None:
            yield "now one of a list", sent
        elif now.choices is None:
            yield "any value, no longer one of a list", not sent
        else:
            for values, sign, breaks in ((gone, "without", True), (come, "with", not sent)):
                if values:
                    yield f"{sign} {', '.join(map(str, values[:5]))}{', …' if len(values) > 5 else ''}", breaks


def _shown(kinds: frozenset[str]) -> str:
    return " or ".join(sorted(kinds))


class _Fields:
    """The fields of one document's schemas, dotted, through references."""

    def __init__(self, api: OpenApi) -> None:
        self._api = api
        self._known: dict[tuple[str, int], dict[str, _Field]] = {}

    def parameters(self, operation: Operation) -> dict[str, _Field]:
        """The query and header parameters of an operation."""
        return {
            str(one["name"]): self._field(one.get("schema") or {}, required=one.get("required") is True)
            for one in operation.parameters
            if one["in"] in {"query", "header"}
        }

    def of(self, schema: dict[str, Any] | None) -> dict[str, _Field]:
        """All fields of a body."""
        return {} if schema is None else self._below(schema, 0, ())

    def _below(self, schema: dict[str, Any], depth: int, above: tuple[str, ...]) -> dict[str, _Field]:
        name = self._api.ref_name(schema)
        if name is not None:
            if name in above:
                return {}
            known = self._known.get((name, depth))
            if known is None:
                known = self._read(self._api.resolve(schema), depth, (*above, name))
                self._known[name, depth] = known
            return known
        return self._read(schema, depth, above)

    def _read(self, schema: dict[str, Any], depth: int, above: tuple[str, ...]) -> dict[str, _Field]:
        out: dict[str, _Field] = {}
        node = self._api.resolve(schema)
        if "array" in types(self._api, node) and isinstance(node.get("items"), dict):
            inner = self._below(node["items"], depth + 1, above)
            every = {name if name.startswith("[]") else f".{name}": found for name, found in inner.items()}
            return {
                "[]": self._field(node["items"], required=False),
                **{f"[]{name}": found for name, found in every.items()},
            }
        shape_of = properties(self._api, schema)
        for name, value in shape_of.known.items():
            out[name] = self._field(value, required=name in shape_of.required)
            if depth < _MAX_DEPTH and not self._entity(value):
                inner = self._below(value, depth + 1, above)
                out.update({f"{name}.{key}".replace(".[]", "[]"): found for key, found in inner.items()})
        return out

    def _field(self, schema: dict[str, Any], *, required: bool) -> _Field:
        node = self._api.resolve(schema)
        choices = node.get("enum")
        kinds = frozenset(types(self._api, node))
        return _Field(
            kinds, required, tuple(one for one in choices if one is not None) if isinstance(choices, list) else None
        )

    def _entity(self, schema: dict[str, Any]) -> bool:
        """Whether a field holds another entity, or a list of them."""
        node = self._api.resolve(schema)
        inner = node.get("items") if "array" in types(self._api, node) else node
        branches = (inner, *(inner.get("anyOf") or ()), *(inner.get("oneOf") or ())) if isinstance(inner, dict) else ()
        return any("id" in properties(self._api, branch).known for branch in branches if isinstance(branch, dict))
