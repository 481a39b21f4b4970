"""Schemas, parameters and replies of any OpenAPI version, brought to one shape that the rest of the kit reads.

What differs between versions and what documents commonly get wrong is settled here, node by node as they are decoded:
boolean schemas, keywords beside a `$ref`, lists of items, words that are no JSON types. References come out
as `#/components/schemas/NAME`, whatever file or place they point at.
"""

from collections.abc import Callable, Mapping
from typing import Any

type Node = dict[str, Any]
type Refer = Callable[[str], str]
"""A reference as the document has it -> the same as `#/components/schemas/NAME`."""

_ONE = (
    "items", "not", "if", "then", "else", "contains", "propertyNames", "unevaluatedItems", "unevaluatedProperties",
    "contentSchema",
)  # fmt: skip
_MANY = ("allOf", "anyOf", "oneOf", "prefixItems")
_NAMED = ("properties", "patternProperties", "dependentSchemas")
_DROPPED = frozenset({"$schema", "$id", "$anchor", "$comment", "$defs", "definitions", "xml", "externalDocs"})
_PROSE = frozenset({"description", "summary", "title", "example", "examples", "deprecated", "externalDocs", "xml"})
_BESIDE = frozenset({"nullable", "x-nullable", "readOnly", "writeOnly"})  # meant, though 3.0 ignores all beside a $ref
_TYPES = frozenset({"string", "number", "integer", "boolean", "object", "array", "null"})
_MEANT = {  # words of other type systems that documents use
    "int": "integer", "int32": "integer", "int64": "integer", "long": "integer", "float": "number", "double": "number",
    "decimal": "number", "bool": "boolean", "str": "string", "text": "string", "date": "string", "datetime": "string",
    "date-time": "string", "timestamp": "string", "uuid": "string", "uri": "string", "url": "string", "enum": "string",
    "list": "array", "map": "object", "dict": "object", "hash": "object", "json": "object",
}  # fmt: skip
_NUMBERS = ("minimum", "maximum", "multipleOf")
_COUNTS = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")
_BOUNDS = frozenset({*_NUMBERS, *_COUNTS})


def schema(node: Any, refer: Refer, *, modern: bool = False) -> Node:
    """A schema in the common shape. `modern` (3.1 on): everything beside a `$ref` counts, too."""
    if isinstance(node, bool):
        return {} if node else {"not": {}}
    if not isinstance(node, dict):
        return {}
    reference = node.get("$ref")
    if isinstance(reference, str):
        pointed = {"$ref": refer(reference)}
        beside = {key: value for key, value in node.items() if _counts_beside(key, value, modern=modern)}
        if not beside:
            return pointed
        out = schema(beside, refer, modern=modern)
        out["allOf"] = [pointed, *out.get("allOf", ())]
        return out
    out = {}
    for key, value in node.items():
        if key not in _DROPPED:
            _keep(out, key, value, lambda inner: schema(inner, refer, modern=modern))
    _settle(out)
    return out


def media(content: Any, refer: Refer, *, modern: bool = False) -> Node:
    """A `content` mapping: media types with the schemas of their bodies."""
    if not isinstance(content, Mapping):
        return {}
    out: Node = {}
    for name, value in content.items():
        found = value if isinstance(value, dict) else {}
        out[str(name)] = (
            {**found, "schema": schema(found["schema"], refer, modern=modern)} if "schema" in found else found
        )
    return out


def parameter(node: Node, refer: Refer, *, modern: bool = False) -> Node:
    """A parameter; one that is described by `content` has that content's schema."""
    out = dict(node)
    if "schema" in node:
        out["schema"] = schema(node["schema"], refer, modern=modern)
    elif isinstance(node.get("content"), dict):
        described = next(iter(media(node["content"], refer, modern=modern).values()), None)
        out["schema"] = described.get("schema", {}) if described is not None else {}
    return out


def response(node: Node, refer: Refer, *, modern: bool = False) -> Node:
    """A reply: its bodies, and the names of its headers in lower case under `headers`."""
    headers = node.get("headers")
    return {
        "content": media(node.get("content"), refer, modern=modern),
        "headers": [str(name).lower() for name in headers] if isinstance(headers, dict) else [],
    }


def body(node: Node, refer: Refer, *, modern: bool = False) -> Node:
    """A request body."""
    return {"required": node.get("required") is True, "content": media(node.get("content"), refer, modern=modern)}


def _counts_beside(key: str, value: Any, *, modern: bool) -> bool:
    if key == "$ref" or key in _PROSE or key in _DROPPED:
        return False
    return value is True if key in _BESIDE else modern and not key.startswith("x-")


def _keep(out: Node, key: str, value: Any, inner: Callable[[Any], Node]) -> None:
    if key in _ONE:
        if key == "items" and isinstance(value, list):  # a tuple, as drafts before 2020-12 had it
            out["items"] = {"anyOf": [inner(part) for part in value]} if value else {}
        else:
            out[key] = inner(value)
    elif key == "additionalProperties":
        out[key] = value if isinstance(value, bool) else inner(value)
    elif key in _MANY:
        if isinstance(value, list) and value:
            out[key] = [inner(part) for part in value]
    elif key in _NAMED:
        if isinstance(value, dict):
            out[key] = {str(name): inner(part) for name, part in value.items()}
    else:
        out[key] = value


def _settle(out: Node) -> None:
    """Keywords whose values can't be: mended where the meaning is plain, left out otherwise."""
    if "type" in out:
        _set(out, "type", _type(out["type"]))
    elif "items" in out and "properties" not in out:
        out["type"] = "array"  # which is what is meant, though without it anything would do
    if out.get("x-nullable") is True:
        out["nullable"] = True
    if isinstance(out.get("discriminator"), str):
        out["discriminator"] = {"propertyName": out["discriminator"]}
    for key in ("required", "enum"):
        if key in out:
            _set(out, key, out[key] if isinstance(out[key], list) and out[key] else None)
    if "required" in out:
        out["required"] = list(dict.fromkeys(name for name in out["required"] if isinstance(name, str)))
    for key in _BOUNDS & out.keys():
        found = _number(out[key])
        count = int(found) if found is not None and found >= 0 else None
        _set(out, key, count if key in _COUNTS else found)


def _type(kind: Any) -> Any:
    """The JSON type or types that a document means; None where it means none."""
    if isinstance(kind, list):
        return [one for one in kind if isinstance(one, str) and one in _TYPES] or None
    if not isinstance(kind, str) or kind in _TYPES:
        return kind if isinstance(kind, str) else None
    return _MEANT.get(kind.lower()) or (kind.lower() if kind.lower() in _TYPES else None)


def _set(out: Node, key: str, value: Any) -> None:
    if value is None:
        out.pop(key, None)
    else:
        out[key] = value


def _number(value: Any) -> int | float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    try:
        return float(value) if "." in str(value) else int(value)
    except (TypeError, ValueError):
        return None
