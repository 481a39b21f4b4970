"""Objects as complete as their schema asks: what a client's typed model may rely on is there, even if it is null.

An object's template is worked out once per schema and kept as JSON bytes; making an object decodes a fresh copy.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from .openapi import OpenApi

_MAX_DEPTH = 6
CREATED = frozenset({"created", "created_at", "createdat", "creation_time", "date_created", "created_on", "createdon"})
_PLAINEST = {  # of the formats that no empty text has
    "date-time": "1970-01-01T00:00:00Z", "date": "1970-01-01", "time": "00:00:00Z", "email": "nobody@example.com",
    "uri": "https://example.com/", "url": "https://example.com/", "uuid": "00000000-0000-0000-0000-000000000000",
    "hostname": "example.com", "ipv4": "192.0.2.1", "ipv6": "2001:db8::1",
}  # fmt: skip
UPDATED = frozenset({"updated", "updated_at", "updatedat", "modified", "modified_at", "last_modified", "date_updated"})


class Properties(msgspec.Struct, frozen=True):
    """The properties of an object schema, `allOf` merged, and which of them are required."""

    known: dict[str, dict[str, Any]]
    required: frozenset[str]


def properties(api: OpenApi, schema: dict[str, Any]) -> Properties:
    """The properties of an object schema, through references and `allOf`, of the first object of an `anyOf`."""
    known: dict[str, dict[str, Any]] = {}
    required: set[str] = set()
    for node in _parts(api, schema, 0):
        for name, value in (node.get("properties") or {}).items():
            known[name] = value if isinstance(value, dict) else {}
        required.update(node.get("required") or ())
    return Properties(known, frozenset(required))


def underlined(api: OpenApi, schema: dict[str, Any], depth: int = 3) -> set[str]:
    """The properties that begin with `_`, of a schema, of all its branches and of the items of a list."""
    node = api.resolve(schema)
    found = {name for name in node.get("properties") or {} if name.startswith("_")}
    inner = [branch for key in ("allOf", "anyOf", "oneOf") for branch in node.get(key) or ()]
    if isinstance(node.get("items"), dict):
        inner.append(node["items"])
    return found.union(*(underlined(api, one, depth - 1) for one in inner)) if depth else found


def types(api: OpenApi, node: dict[str, Any]) -> tuple[str, ...]:
    """The JSON types that a schema allows, `null` for nullable ones included; () if it says nothing."""
    node = api.resolve(node)
    kind = node.get("type")
    found = [str(one) for one in kind] if isinstance(kind, list) else [kind] if isinstance(kind, str) else []
    if not found:
        for branch in [*(node.get("anyOf") or ()), *(node.get("oneOf") or ()), *(node.get("allOf") or ())[:1]]:
            found.extend(types(api, branch))
        if not found and "properties" in node:
            found = ["object"]
    if node.get("nullable") is True:
        found.append("null")
    return tuple(dict.fromkeys(found))


def constant(node: dict[str, Any]) -> tuple[Any] | None:
    """The only value that a schema allows, in a tuple; None if there are more."""
    if "const" in node:
        return (node["const"],)
    choices = node.get("enum")
    return (choices[0],) if isinstance(choices, list) and len(choices) == 1 else None


def is_list_object(api: OpenApi, node: dict[str, Any]) -> str | None:
    """The items key of an object that wraps a list (`{object: list, data: […]}`), None for any other schema."""
    node = api.resolve(node)
    known = node.get("properties") or {}
    if (known.get("object") or {}).get("enum") == ["list"] or "has_more" in known:
        for name, value in known.items():
            if api.resolve(value).get("type") == "array":
                return str(name)
    return None


def empty_value(api: OpenApi, node: dict[str, Any], depth: int = 0) -> Any:
    """The plainest value that a schema allows: null, its constant or default, 0, "", [], or a complete object."""
    node = api.resolve(node)
    kinds = types(api, node)
    if "null" in kinds:
        return None
    only = constant(node)
    if only is not None:
        return only[0]
    if "default" in node:
        return node["default"]
    if node.get("enum"):
        return node["enum"][0]
    kind = kinds[0] if kinds else "string"
    if kind == "object":
        return complete(api, node, depth + 1)
    if kind == "string" and node.get("format") in _PLAINEST:
        return _PLAINEST[node["format"]]
    return {"array": [], "integer": node.get("minimum", 0), "number": node.get("minimum", 0), "boolean": False}.get(
        kind, ""
    )


def complete(api: OpenApi, schema: dict[str, Any], depth: int = 0) -> dict[str, Any]:
    """An object with every required and nullable property of the schema. Nested lists are empty list objects."""
    if depth > _MAX_DEPTH:
        return {}
    out: dict[str, Any] = {}
    shape = properties(api, schema)
    listed = is_list_object(api, schema)
    for name, value in shape.known.items():
        if name in shape.required or "null" in types(api, value) or (depth == 0 and constant(api.resolve(value))):
            out[name] = empty_value(api, value, depth)
            if listed and name == "url" and out[name] == "":
                out[name] = str(value.get("pattern", "")).lstrip("^")
    return out


def fits(api: OpenApi, node: dict[str, Any], value: Any) -> bool:
    """Whether a value has a type that the schema allows, and its items have; a schema that names none allows all."""
    allowed = types(api, node)
    if allowed and not _TYPES[type(value)] & set(allowed):
        return False
    items = api.resolve(node).get("items") if isinstance(value, list) and value else None
    return not isinstance(items, dict) or all(fits(api, items, item) for item in value)


def filled(api: OpenApi, node: dict[str, Any], value: Any) -> Any:
    """A given value as a reply shows it: objects in it completed with what their schema requires or makes null."""
    node = api.resolve(node)
    if isinstance(value, list) and isinstance(node.get("items"), dict):
        return [filled(api, node["items"], item) for item in value]
    if not isinstance(value, dict):
        return value
    known = properties(api, node).known
    if not known:
        return value
    given = {
        name: filled(api, known[name], inner) if name in known else inner
        for name, inner in value.items()
        if name not in known or _listed(api, known[name], inner)
    }
    return {**complete(api, node, 1), **given}


def _listed(api: OpenApi, node: dict[str, Any], value: Any) -> bool:
    """Whether a plain value is one of those that its schema lists, if it lists any; null where that may be."""
    if value is None:
        return "null" in (types(api, node) or ("null",))
    node = api.resolve(node)
    choices = node.get("enum") or constant(node)
    return not choices or isinstance(value, dict | list) or value in choices


_TYPES: dict[type, set[str]] = {
    dict: {"object"}, list: {"array"}, str: {"string"}, bool: {"boolean"}, int: {"integer", "number"},
    float: {"number"}, type(None): {"null"},
}  # fmt: skip


class Shapes:
    """Templates of resources' objects, made on first use."""

    def __init__(self, api: OpenApi | None, metadata: str = "") -> None:
        self._api = api
        self._metadata = metadata
        self._templates: dict[str, bytes] = {}
        self._properties: dict[str, Properties] = {}
        self._times: dict[str, tuple[str, ...]] = {}

    def properties(self, schema: str) -> Properties:
        """The properties of a component schema; none without a document."""
        found = self._properties.get(schema)
        if found is None:
            node = self._api.schema(schema) if self._api is not None and schema else None
            found = Properties({}, frozenset()) if node is None or self._api is None else properties(self._api, node)
            self._properties[schema] = found
        return found

    def fresh(self, schema: str) -> dict[str, Any]:
        """A new, complete object of a component schema; {} without one."""
        template = self._templates.get(schema)
        if template is None:
            node = self._api.schema(schema) if self._api is not None and schema else None
            value = complete(self._api, node) if node is not None and self._api is not None else {}
            if self._metadata and self._metadata in self.properties(schema).known:
                value[self._metadata] = {}
            template = self._templates[schema] = msgspec.json.encode(value)
        out: dict[str, Any] = msgspec.json.decode(template)
        return out

    def times(self, schema: str) -> tuple[str, ...]:
        """The properties of a schema that hold its creation and change times."""
        found = self._times.get(schema)
        if found is None:
            known = self.properties(schema).known
            found = self._times[schema] = tuple(name for name in known if name.lower() in CREATED | UPDATED)
        return found

    def tombstone(self, schema: dict[str, Any] | None, entity: Mapping[str, Any], id_field: str) -> dict[str, Any]:
        """What tells that an entity is gone: the delete reply's object with the entity's values in it."""
        fallback = {id_field: entity.get(id_field), "deleted": True}
        if self._api is None or schema is None:
            return fallback
        known = properties(self._api, schema).known
        if id_field not in known:
            return {**complete(self._api, schema), "deleted": True} if "deleted" in known else fallback
        out = complete(self._api, schema)
        out[id_field] = entity.get(id_field)
        if "deleted" in known:
            out["deleted"] = True
        for name in known:
            if name not in out and name in entity:
                out[name] = entity[name]
        return out


def _parts(api: OpenApi, schema: dict[str, Any], depth: int) -> Iterator[dict[str, Any]]:
    node = api.resolve(schema)
    if depth > _MAX_DEPTH:
        return
    for part in node.get("allOf") or ():
        yield from _parts(api, part, depth + 1)
    for part in [*(node.get("anyOf") or ()), *(node.get("oneOf") or ())]:
        if "object" in types(api, part):
            yield from _parts(api, part, depth + 1)
            break
    yield node
