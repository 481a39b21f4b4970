"""OpenAPI schemas made executable: as JSON Schema validators, and as coercers for what forms and queries carry.

A form knows only strings, so `amount=100` becomes the integer 100 where the schema asks for one. What can't be
coerced stays as it came, and the validator then words the complaint.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import jsonschema_rs

from .openapi import OpenApi

Coercer = Callable[[Any], Any]
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?")
_BOOLEANS = {"true": True, "false": False}
_KEPT = frozenset(
    [
        "type",
        "enum",
        "const",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "minLength",
        "maxLength",
        "pattern",
        "minItems",
        "maxItems",
        "uniqueItems",
        "minProperties",
        "maxProperties",
        "required",
    ]
)
_SUB = ("allOf", "anyOf", "oneOf")


@dataclass(frozen=True, slots=True)
class Complaint:
    """One thing wrong with a request: its kind (see `dialect.errors.kinds`), where, and what was found."""

    kind: str
    path: tuple[str | int, ...]
    value: Any = None
    allowed: tuple[Any, ...] = ()
    limit: Any = None


def json_schema(api: OpenApi, schema: dict[str, Any], *, refuse_unknown: bool = False) -> dict[str, Any]:
    """An OpenAPI 3.0 or 3.1 schema for requests as self-contained JSON Schema: `nullable` folded in, refs under `$defs`.

    With `refuse_unknown`, objects that list their properties and say nothing of others refuse others.
    """
    return _Converter(api, refuse_unknown=refuse_unknown).whole(schema)


class _Converter:
    def __init__(self, api: OpenApi, *, refuse_unknown: bool) -> None:
        self._api = api
        self._closed = refuse_unknown
        self._definitions: dict[str, Any] = {}
        self._pending: list[str] = []

    def whole(self, schema: dict[str, Any]) -> dict[str, Any]:
        root: dict[str, Any] = self._convert(schema, closed=self._closed)
        while self._pending:
            name = self._pending.pop()
            self._definitions[name] = self._convert(self._api.schema(name) or {}, closed=self._closed)
        return {**root, "$defs": self._definitions} if self._definitions else root

    def _convert(self, node: Any, *, closed: bool) -> Any:
        if not isinstance(node, dict):
            return node
        name = self._api.ref_name(node)
        if name is not None:
            if name not in self._definitions:
                self._definitions[name] = True
                self._pending.append(name)
            return {"$ref": f"#/$defs/{_escape(name)}"}
        out = {key: value for key, value in node.items() if key in _KEPT}
        _modern_limits(out, node)
        self._properties(out, node, closed=closed)
        if "items" in node:
            out["items"] = self._convert(node["items"], closed=self._closed)
        for word in _SUB:
            if isinstance(node.get(word), list):
                # A part of an allOf doesn't know the other parts' properties, so it can't refuse them.
                out[word] = [self._convert(part, closed=closed and word != "allOf") for part in node[word]]
        return {"anyOf": [out, {"type": "null"}]} if node.get("nullable") is True else out

    def _properties(self, out: dict[str, Any], node: dict[str, Any], *, closed: bool) -> None:
        known = node.get("properties")
        if isinstance(known, dict):
            out["properties"] = {key: self._convert(value, closed=self._closed) for key, value in known.items()}
            readonly = {key for key, value in known.items() if isinstance(value, dict) and value.get("readOnly")}
            if readonly and "required" in out:
                out["required"] = [key for key in out["required"] if key not in readonly]
        others = node.get("additionalProperties")
        if others is not None:
            out["additionalProperties"] = self._convert(others, closed=self._closed)
        elif closed and known and "allOf" not in node:
            out["additionalProperties"] = False


def validator(api: OpenApi, schema: dict[str, Any], *, refuse_unknown: bool) -> jsonschema_rs.Draft202012Validator:
    """A compiled validator of request values. Raises ValueError if the schema itself is broken."""
    return jsonschema_rs.Draft202012Validator(
        json_schema(api, schema, refuse_unknown=refuse_unknown), validate_formats=False
    )


def complaints(check: jsonschema_rs.Draft202012Validator, value: Any) -> list[Complaint]:
    """Everything wrong with `value`, unknown parameters first, then wrong values, then missing ones."""
    found = [complaint for error in check.iter_errors(value) for complaint in _explain(error)]
    order = {"unknown_parameter": 0, "missing": 2}
    return sorted(found, key=lambda complaint: order.get(complaint.kind, 1))


def coercer(api: OpenApi, schema: dict[str, Any]) -> Coercer:
    """A function that turns form values (strings, lists, mappings of them) into the schema's types where they fit."""
    memo: dict[str, Coercer] = {}

    def build(node: dict[str, Any]) -> Coercer:
        name = api.ref_name(node)
        if name is not None:
            if name in memo:
                return memo[name]
            memo[name] = partial(_later, memo, name)  # for a schema that contains itself
            memo[name] = build(api.resolve(node))
            return memo[name]
        branches = node.get("anyOf") or node.get("oneOf")
        if branches:
            return _either([(_types(api, branch), branch.get("enum"), build(branch)) for branch in branches])
        if node.get("allOf"):
            parts = [build(part) for part in node["allOf"]]
            return lambda value: _through(parts, value)
        kind = next(iter(_types(api, node)), "string")
        if kind == "object":
            others = node.get("additionalProperties")
            return _object(
                {key: build(value) for key, value in (node.get("properties") or {}).items()},
                build(others) if isinstance(others, dict) and others else None,
            )
        if kind == "array":
            items = node.get("items")
            return _array(build(items) if isinstance(items, dict) else _same)
        return {"integer": _integer, "number": _number, "boolean": _boolean}.get(kind, _same)

    return build(schema)


def _types(api: OpenApi, node: dict[str, Any]) -> tuple[str, ...]:
    node = api.resolve(node)
    kind = node.get("type")
    if isinstance(kind, list):
        return tuple(str(one) for one in kind if one != "null")
    if isinstance(kind, str):
        return (kind,)
    if "properties" in node or "additionalProperties" in node:
        return ("object",)
    return ("array",) if "items" in node else ()


def _later(memo: dict[str, Coercer], name: str, value: Any) -> Any:
    return memo[name](value)


def _same(value: Any) -> Any:
    return value


def _integer(value: Any) -> Any:
    return int(value) if isinstance(value, str) and _INTEGER.fullmatch(value) else value


def _number(value: Any) -> Any:
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return int(value) if _INTEGER.fullmatch(value) else float(value)
    return value


def _boolean(value: Any) -> Any:
    return _BOOLEANS.get(value, value) if isinstance(value, str) else value


def _object(properties: dict[str, Coercer], others: Coercer | None) -> Coercer:
    def coerce(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        out = {}
        for key, inner in value.items():
            known = properties.get(key, others)
            out[key] = known(inner) if known is not None else inner
        return out

    return coerce


def _array(item: Coercer) -> Coercer:
    def coerce(value: Any) -> Any:
        if isinstance(value, dict) and value and all(key.isdigit() for key in value):
            value = [value[key] for key in sorted(value, key=int)]
        return [item(inner) for inner in value] if isinstance(value, list) else value

    return coerce


def _either(branches: list[tuple[tuple[str, ...], Any, Coercer]]) -> Coercer:
    def coerce(value: Any) -> Any:
        if isinstance(value, str):
            if any(enum and value in enum for _, enum, _ in branches):
                return value
            for types, _, build in branches:
                if types and types[0] in {"integer", "number", "boolean"}:
                    changed = build(value)
                    if not isinstance(changed, str):
                        return changed
            return value
        wanted = "object" if isinstance(value, dict) else "array"
        fitting = [build for types, _, build in branches if wanted in types]
        if not fitting and wanted == "object":
            fitting = [build for types, _, build in branches if "array" in types]
        return fitting[0](value) if fitting else value

    return coerce


def _through(parts: list[Coercer], value: Any) -> Any:
    for part in parts:
        value = part(value)
    return value


def _escape(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _modern_limits(out: dict[str, Any], node: dict[str, Any]) -> None:
    """OpenAPI 3.0 has `exclusiveMinimum: true` beside `minimum`; JSON Schema has the number itself."""
    for exclusive, plain in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        flag = node.get(exclusive)
        if flag is True and plain in out:
            out[exclusive] = out.pop(plain)
        elif isinstance(flag, bool):
            out.pop(exclusive, None)


# JSON Schema keyword -> kind of complaint; those with a limit in the schema name it.
_LIMITS = {
    "maxLength": "too_long", "maxItems": "too_long", "maxProperties": "too_long",
    "minLength": "too_short", "minItems": "too_short", "minProperties": "too_short",
    "maximum": "too_large", "exclusiveMaximum": "too_large", "minimum": "too_small", "exclusiveMinimum": "too_small",
}  # fmt: skip


def _explain(error: Any) -> Iterator[Complaint]:
    path = tuple(error.instance_path)
    value, kind = error.instance, error.kind
    if kind.name in _LIMITS:
        yield Complaint(_LIMITS[kind.name], path, value, limit=kind.value)
        return
    match kind.name:
        case "additionalProperties" | "unevaluatedProperties":
            for key in kind.value:
                yield Complaint("unknown_parameter", (*path, key), _inside(value, key))
        case "required":
            yield Complaint("missing", (*path, kind.value))
        case "type":
            yield Complaint(f"invalid_{_plain(kind.value)}", path, value)
        case "enum" | "const":
            allowed = kind.value if kind.name == "enum" else (kind.expected_value,)
            yield Complaint("invalid_enum", path, value, allowed=tuple(allowed))
        case "pattern" | "format":
            yield Complaint("invalid_format", path, value)
        case "anyOf" | "oneOf" if branch := _meant(kind, len(path)):
            for inner in branch:
                yield from _explain(inner)
        case _:
            yield Complaint("invalid", path, value)


def _meant(kind: Any, depth: int) -> list[Any] | None:
    """The branch that the caller most likely meant: one that accepts the value's type, else one with a plain type."""
    branches: list[list[Any]] = [list(branch) for branch in getattr(kind, "context", [])]
    for branch in branches:
        if branch and not any(len(e.instance_path) == depth and e.kind.name in {"type", "const"} for e in branch):
            return branch
    for branch in branches:
        types = [e for e in branch if len(e.instance_path) == depth and e.kind.name == "type"]
        if types and "null" not in types[0].kind.value:
            return types
    return None


def _plain(types: list[str]) -> str:
    for kind in types:
        if kind != "null":
            return kind
    return "string"


def _inside(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None
