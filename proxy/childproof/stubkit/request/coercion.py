"""What forms and queries carry, as the schema's types: a form knows only strings, so `amount=100` becomes 100.

What can't be coerced stays as it came, and the validator then words the complaint.
"""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from childproof.stubkit.document.openapi import OpenApi

Coercer = Callable[[Any], Any]
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?")
_BOOLEANS = {"true": True, "false": False, "True": True, "False": False}  # as many clients in Python write them


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
