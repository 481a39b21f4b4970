"""OpenAPI's schemas as self-contained JSON Schema (2020-12), for requests and for replies.

What OpenAPI 3.0 says in its own way becomes JSON Schema's: `nullable`, `exclusiveMinimum: true`, properties that only
replies or only requests have. Keywords with impossible values (real documents have them) are left out: they say nothing.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

import jsonschema_rs

from childproof.stubkit.document.openapi import OpenApi

Side = Literal["request", "reply"]
Validator = jsonschema_rs.Draft202012Validator
_KINDS = frozenset({"object", "array", "string", "number", "integer", "boolean", "null"})
_LISTS = ("allOf", "anyOf", "oneOf")
_SINGLE = ("not", "if", "then", "else", "contains", "propertyNames", "items", "unevaluatedItems")
_DEFS = "#/$defs/"
_ANY = "*\0"  # no property's name
_MAX_DEPTH = 12  # of parts within parts, when asking what an object lists


@cache
def compiles(pattern: str) -> bool:
    """Whether a pattern is one that the validator can read."""
    try:
        Validator({"pattern": pattern})
    except ValueError:
        return False
    return True


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _types(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value) and all(one in _KINDS for one in value) and len(set(value)) == len(value)
    return isinstance(value, str) and value in _KINDS


# Keyword -> whether its value is one that JSON Schema takes.
_KEPT: dict[str, Callable[[Any], bool]] = {
    "type": _types,
    "enum": lambda value: isinstance(value, list) and bool(value),
    "const": lambda _: True,
    "format": lambda value: isinstance(value, str),
    "multipleOf": lambda value: _number(value) and value > 0,
    "pattern": lambda value: isinstance(value, str) and compiles(value),
    "uniqueItems": lambda value: isinstance(value, bool),
    "required": lambda value: isinstance(value, list) and all(isinstance(name, str) for name in value),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), _number),
    **dict.fromkeys(
        (
            "minLength",
            "maxLength",
            "minItems",
            "maxItems",
            "minProperties",
            "maxProperties",
            "minContains",
            "maxContains",
        ),
        _count,
    ),
}


# `format: decimal` of the OpenAPI registry: a number as text. It isn't one of JSON Schema's, but what is none is no amount.
DECIMAL = r"^[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)$"


@dataclass(slots=True)
class Converter:
    """Converts schemas of one document. What was converted is kept, so that many operations share it.

    `closed`: objects that list their properties and say nothing of others refuse others. `formats`: keep `format`.
    """

    api: OpenApi
    side: Side
    closed: bool
    formats: bool = False
    _made: dict[str, Any] = field(default_factory=dict)  # by name under $defs
    _uses: dict[str, set[str]] = field(default_factory=dict)
    _names: dict[tuple[str, bool], str] = field(default_factory=dict)
    _pending: dict[str, tuple[str, bool]] = field(default_factory=dict)

    def whole(self, schema: Any) -> Any:
        """A schema with everything that it refers to under `$defs`."""
        uses: set[str] = set()
        root = self._convert(schema, self.closed, uses)
        while self._pending:
            self._make(next(reversed(self._pending)))
        needed: set[str] = set()
        waiting = list(uses)
        while waiting:
            name = waiting.pop()
            if name not in needed:
                needed.add(name)
                waiting.extend(self._uses[name])
        if not needed or not isinstance(root, dict):
            return root
        return {**root, "$defs": {name: self._made[name] for name in sorted(needed)}}

    def part(self, schema: Any) -> Any:
        """A schema without what it refers to: `component` has that, by reference."""
        return self._convert(schema, self.closed, set())

    def component(self, reference: str) -> Any:
        """What a reference in a converted schema (`#/$defs/…`) refers to, without what that refers to in turn."""
        name = reference.removeprefix(_DEFS)
        if name in self._pending:
            self._make(name)
        return self._made[name]

    def _make(self, name: str) -> None:
        reference, closed = self._pending.pop(name)
        self._made[name] = self._convert(self.api.resolve({"$ref": reference}), closed, self._uses[name])

    def _reference(self, reference: str, closed: bool, uses: set[str]) -> str:  # noqa: FBT001 - internal
        """The name under `$defs` of what a reference means, to be converted before the whole is done."""
        name = self._names.get((reference, closed))
        if name is None:
            name = self._names[reference, closed] = f"s{len(self._names)}"
            self._uses[name] = set()
            self._pending[name] = (reference, closed)
        uses.add(name)
        return name

    def _convert(self, node: Any, closed: bool, uses: set[str]) -> Any:  # noqa: FBT001 - internal
        if not isinstance(node, dict):
            return node if isinstance(node, bool) else True
        out = {key: node[key] for key, fits in _KEPT.items() if key in node and fits(node[key])}
        if not self.formats and out.pop("format", None) == "decimal":
            out.setdefault("pattern", DECIMAL)
        _limits(out, node)
        self._properties(out, node, uses)
        self._parts(out, node, closed, uses)
        if self.side == "reply" and "oneOf" in out and "anyOf" not in out:
            # Branches overlap in many documents (one that lists nothing takes all): what fits several is no fault of a reply.
            out["anyOf"] = out.pop("oneOf")
        for word in _SINGLE:
            if isinstance(node.get(word), dict | bool):
                out[word] = self._convert(node[word], self.closed and word == "items", uses)
        if isinstance(node.get("prefixItems"), list) and node["prefixItems"]:
            out["prefixItems"] = [self._convert(part, self.closed, uses) for part in node["prefixItems"]]
        return {"anyOf": [out, {"type": "null"}]} if node.get("nullable") is True else out

    def _parts(self, out: dict[str, Any], node: dict[str, Any], closed: bool, uses: set[str]) -> None:  # noqa: FBT001
        """What else the value must be, and whether there may be properties that nothing lists."""
        reference = node.get("$ref")
        words = [word for word in _LISTS if isinstance(node.get(word), list) and node[word]]
        own = isinstance(node.get("properties"), dict) and bool(node["properties"])
        # A part of an object doesn't know what the other parts list, so it can't refuse that.
        together = "allOf" in words or (own and bool(words or reference))
        said = next((word for word in ("additionalProperties", "unevaluatedProperties") if word in node), None)
        inner = closed and not together and said is None
        if isinstance(reference, str):
            out["$ref"] = f"{_DEFS}{self._reference(reference, inner, uses)}"
        for word in words:
            out[word] = [self._convert(part, inner, uses) for part in node[word]]
        if said is not None:
            out[said] = self._convert(node[said], self.closed, uses)
        elif closed and together:
            names = set(_listed(self.api, node, 0))
            # Not `unevaluatedProperties`: where a part has a fault, all that it lists would be unknown, too.
            if names and _ANY not in names:
                only = {"properties": dict.fromkeys(sorted(names), True), "additionalProperties": False}
                out["allOf"] = [*out.get("allOf", ()), only]
        elif closed and own and not together:
            out["additionalProperties"] = False

    def _properties(self, out: dict[str, Any], node: dict[str, Any], uses: set[str]) -> None:
        for word in ("properties", "patternProperties", "dependentSchemas"):
            known = node.get(word)
            if isinstance(known, dict):
                out[word] = {
                    key: self._convert(value, self.closed and word != "dependentSchemas", uses)
                    for key, value in known.items()
                    if word != "patternProperties" or compiles(key)
                }
        unsent = "readOnly" if self.side == "request" else "writeOnly"
        known = node.get("properties")
        if "required" in out and isinstance(known, dict):
            absent = {key for key, value in known.items() if isinstance(value, dict) and value.get(unsent) is True}
            out["required"] = [key for key in out["required"] if key not in absent]


def json_schema(api: OpenApi, schema: dict[str, Any], *, refuse_unknown: bool = False) -> Any:
    """A schema for requests as self-contained JSON Schema. Formats are left out: what vendors refuse is in patterns."""
    return Converter(api, "request", refuse_unknown).whole(schema)


def validator(api: OpenApi, schema: dict[str, Any], *, refuse_unknown: bool) -> Validator:
    """A compiled validator of request values. Raises ValueError if the schema itself is broken."""
    return Validator(json_schema(api, schema, refuse_unknown=refuse_unknown), validate_formats=False)


def _limits(out: dict[str, Any], node: dict[str, Any]) -> None:
    """OpenAPI 3.0 has `exclusiveMinimum: true` beside `minimum`; JSON Schema has the number itself."""
    for exclusive, plain in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if node.get(exclusive) is True and plain in out:
            out[exclusive] = out.pop(plain)


def _listed(api: OpenApi, node: Any, depth: int) -> Iterator[str]:
    """The properties that an object and its parts list; `_ANY` among them where one says that there may be others."""
    if not isinstance(node, dict) or depth > _MAX_DEPTH:
        return
    node = {**api.resolve(node), **{key: value for key, value in node.items() if key != "$ref"}}
    yield from node.get("properties") or ()
    if node.get("patternProperties") or node.get("additionalProperties", False) is not False:
        yield _ANY
    for word in _LISTS:
        for part in node.get(word) or ():
            yield from _listed(api, part, depth + 1)
