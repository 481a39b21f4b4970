"""Lists and maps as forms and XML write them, brought to plain values by the schema.

`Tags.member.1=a`, `Tag.1=a` and `<Tags><member>a</member></Tags>` are all the list of `a`; `Attributes.entry.1.key=k` with its
`value` is a map. Where no schema says that something is a list or a map, it stays as it came.
"""

from collections.abc import Mapping
from typing import Any

from childproof.model import BodyError
from childproof.stubkit.document.openapi import OpenApi
from childproof.stubkit.document.shape import properties, types

_PAIRS = (("key", "value"), ("Key", "Value"), ("Name", "Value"), ("name", "value"))
_DEEPEST = 50


def nested(form: Mapping[str, Any]) -> dict[str, Any]:
    """A form's fields with the dots in their names as levels. Raises BodyError where one is a value and a mapping."""
    out: dict[str, Any] = {}
    for name, value in form.items():
        *above, last = name.split(".") if "." in name.strip(".") else [name]
        if len(above) > _DEEPEST:
            raise BodyError(f"invalid form: {name[:80]!r} has more than {_DEEPEST} levels")
        node: Any = out
        for step in above:
            node = node.setdefault(step, {})
            if not isinstance(node, dict):
                raise BodyError(f"invalid form: {name[:80]!r} is both a value and a mapping")
        if isinstance(node.get(last), dict) and not isinstance(value, dict):
            raise BodyError(f"invalid form: {name[:80]!r} is both a value and a mapping")
        node[last] = value
    return out


def plain(api: OpenApi, schema: Mapping[str, Any], value: Any, depth: int = 0) -> Any:
    """A value with its lists and maps as the schema means them; an empty text where it has one is an empty one."""
    if depth > _DEEPEST or value is None:
        return value
    kinds = types(api, dict(schema))
    if "array" in kinds and not isinstance(value, bool):
        items = api.resolve(dict(schema)).get("items") or {}
        return [plain(api, items, item, depth + 1) for item in _listed(api, items, value)]
    if "object" not in kinds:
        return value
    if value == "":
        return {}
    if not isinstance(value, dict):
        return value if not isinstance(value, list) else _map(api, schema, value, depth)
    known = properties(api, dict(schema)).known
    if known:
        return {
            name: plain(api, known[name], inner, depth + 1) if name in known else inner for name, inner in value.items()
        }
    return _map(api, schema, value, depth)


def _listed(api: OpenApi, items: Mapping[str, Any], value: Any) -> list[Any]:
    """The items of a list, however it is wrapped."""
    if value == "":
        return []
    if isinstance(value, dict) and len(value) == 1:
        ((key, inner),) = value.items()
        if not key.isdigit() and key not in properties(api, dict(items)).known:
            value = inner
    if isinstance(value, dict) and value and all(key.isdigit() for key in value):
        return [value[key] for key in sorted(value, key=int)]
    return value if isinstance(value, list) else [value]


def _map(api: OpenApi, schema: Mapping[str, Any], value: Any, depth: int) -> Any:
    """A map that may come as entries of a key and a value."""
    inner = api.resolve(dict(schema)).get("additionalProperties")
    if not isinstance(inner, dict):
        return value
    entries = value
    if isinstance(value, dict) and value.keys() == {"entry"}:
        entries = value["entry"]
    if isinstance(entries, dict) and entries and all(key.isdigit() for key in entries):
        entries = [entries[key] for key in sorted(entries, key=int)]
    if isinstance(entries, dict) and entries is not value:
        entries = [entries]
    if not isinstance(entries, list):
        return {key: plain(api, inner, one, depth + 1) for key, one in value.items()}
    made = {}
    for entry in entries:
        pair = next((pair for pair in _PAIRS if isinstance(entry, dict) and pair[0] in entry), None)
        if pair is None:
            return value
        made[str(entry[pair[0]])] = plain(api, inner, entry.get(pair[1], ""), depth + 1)
    return made
