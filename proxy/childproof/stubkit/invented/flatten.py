"""A schema with everything that holds of one value in one place: references followed, `allOf` merged, a branch chosen.

What two parts say of the same thing is intersected: the larger minimum, the types and choices that both allow. A property
that several parts describe must fit all of them.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any

from childproof.stubkit.document.openapi import OpenApi

Node = dict[str, Any]
TYPES = ("string", "integer", "number", "boolean", "object", "array", "null")
_MAX_DEPTH = 40
_HIGHEST = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties", "minContains")
_LOWEST = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties", "maxContains")
IMPOSSIBLE: Node = {"type": []}


def flat(api: OpenApi, node: Any) -> Node:
    """A node without `$ref` and `allOf`. Its types (null for `nullable` among them) are a list under `type`, if it has any.

    `pattern` and `not` become lists under `patterns` and `nots`. `anyOf` and `oneOf` become `choices`: a list of lists, of
    each of which one branch must hold. A schema that nothing can fit has no types left.
    """
    if node is False:
        return dict(IMPOSSIBLE)
    out: Node = {}
    for part in _parts(api, node, 0):
        _merge(out, part)
    return out


def chosen(api: OpenApi, node: Node, branch: Any, discriminator: Any = None) -> Node:
    """A flat node with one branch of its first choice merged in; the discriminator's property as that branch is named."""
    rest = {key: value for key, value in node.items() if key != "choices"}
    if len(node.get("choices", ())) > 1:
        rest["choices"] = node["choices"][1:]
    _merge(rest, flat(api, branch))
    named = _named(branch, discriminator)
    if named is not None:
        name, value = named
        known = rest.setdefault("properties", {})
        known[name] = {"allOf": [known[name], {"const": value}]} if name in known else {"const": value}
        rest["required"] = sorted({*rest.get("required", ()), name})
    return rest


def possible(node: Node) -> bool:
    """Whether a flat node may have a value, as far as types, choices and bounds tell."""
    if node.get("type") == [] or node.get("enum") == []:
        return False
    for low, high in (("minimum", "maximum"), ("minLength", "maxLength"), ("minItems", "maxItems")):
        if low in node and high in node and node[low] > node[high]:
            return False
    return True


def null_fits(api: OpenApi, node: Node) -> bool:
    """Whether null is among what a flat node allows."""
    if "type" in node and "null" not in node["type"]:
        return False
    if "enum" in node and None not in node["enum"]:
        return False
    if node.get("nots"):
        return False
    choices = node.get("choices", ())
    if not choices:
        return "type" in node or "enum" in node
    return all(any(null_fits(api, flat(api, branch)) for branch in branches) for branches in choices)


def _parts(api: OpenApi, node: Any, depth: int) -> Iterator[Node]:
    """A node's own keywords, then those of what it refers to and of its `allOf`, each as a plain mapping."""
    if not isinstance(node, dict) or depth > _MAX_DEPTH:
        if node is False:
            yield dict(IMPOSSIBLE)
        return
    if isinstance(node.get("$ref"), str):
        yield from _parts(api, api.resolve(node), depth + 1)
        node = {key: value for key, value in node.items() if key != "$ref"}
    yield _own(node)
    for part in node.get("allOf") or ():
        yield from _parts(api, part, depth + 1)


def _own(node: Node) -> Node:
    out = {key: value for key, value in node.items() if key not in _REWRITTEN and value is not None}
    if "const" in node:
        out["enum"] = [node["const"]]
    kind = node.get("type")
    kinds = [one for one in (kind if isinstance(kind, list) else [kind]) if one in TYPES]
    if kinds:
        out["type"] = [*kinds, "null"] if node.get("nullable") is True and "null" not in kinds else kinds
    if node.get("nullable") is True and isinstance(out.get("enum"), list) and None not in out["enum"]:
        out["enum"] = [*out["enum"], None]
    for exclusive, plain in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if out.get(exclusive) is True and plain in out:
            out[exclusive] = out.pop(plain)
        elif isinstance(out.get(exclusive), bool):
            del out[exclusive]
    if isinstance(node.get("pattern"), str):
        out["patterns"] = [node["pattern"]]
    if "not" in node:
        out["nots"] = [node["not"]]
    choices = [node[word] for word in ("anyOf", "oneOf") if isinstance(node.get(word), list) and node[word]]
    if choices:
        # Nullable beside branches: null needs none of them.
        out["choices"] = [[*one, {"type": "null"}] for one in choices] if node.get("nullable") is True else choices
    return out


_REWRITTEN = frozenset({"type", "const", "pattern", "not", "anyOf", "oneOf", "allOf", "nullable", "$ref", "$defs"})


def _merge(into: Node, part: Node) -> None:
    for key, value in part.items():
        if key not in into:
            into[key] = value
        elif key in _TOGETHER:
            into[key] = _TOGETHER[key](into[key], value)


def _all(left: list[Any], right: list[Any]) -> list[Any]:
    return [*left, *(one for one in right if one not in left)]


def _properties(left: Node, right: Node) -> Node:
    known = dict(left)
    for name, schema in right.items():
        known[name] = {"allOf": [known[name], schema]} if name in known else schema
    return known


def _both(left: Any, right: Any) -> Any:
    if left is True or right is True:
        return right if left is True else left
    return {"allOf": [left, right]}


def _common_types(left: list[str], right: list[str]) -> list[str]:
    out = []
    for kind in left:
        if kind in right or (kind == "integer" and "number" in right):
            out.append(kind)
        elif kind == "number" and "integer" in right:
            out.append("integer")
    return out


def _common_multiple(left: float, right: float) -> float:
    if isinstance(left, int) and isinstance(right, int):
        return math.lcm(left, right)
    return max(left, right)


_TOGETHER: dict[str, Callable[[Any, Any], Any]] = {
    "type": _common_types,
    "enum": lambda left, right: [one for one in left if any(one == two and type(one) is type(two) for two in right)],
    "required": lambda left, right: sorted({*left, *right}),
    "uniqueItems": lambda left, right: left or right,
    "multipleOf": _common_multiple,
    **dict.fromkeys(_HIGHEST, max),
    **dict.fromkeys(_LOWEST, min),
    **dict.fromkeys(("patterns", "nots", "choices"), _all),
    **dict.fromkeys(("properties", "patternProperties"), _properties),
    **dict.fromkeys(("items", "additionalProperties", "contains", "propertyNames"), _both),
}


def _named(branch: Any, discriminator: Any) -> tuple[str, str] | None:
    """The property that tells branches apart, and what it is for this one."""
    if not isinstance(discriminator, dict) or not isinstance(branch, dict) or not isinstance(branch.get("$ref"), str):
        return None
    reference = branch["$ref"]
    short = reference.rpartition("/")[2]
    mapping = discriminator.get("mapping") or {}
    value = next((key for key, target in mapping.items() if target in {reference, short}), short)
    name = discriminator.get("propertyName")
    return (name, value) if isinstance(name, str) else None
