"""What a reply holds: one entity (bare, or under a key), a list of them, or neither."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from childproof.stubkit.document.naming import folded, singular, thing_of
from childproof.stubkit.document.openapi import OpenApi, Operation
from childproof.stubkit.document.shape import properties, types

from .ids import id_field

_BESIDES = frozenset({"links", "meta", "_links", "object", "status", "success", "ok", "request_id"})
_WRAPPERS = frozenset(
    {"data", "result", "item", "response", "payload", "resource", "record", "value", "body", "entity"}
)
_LISTS = frozenset({
    "data", "items", "results", "result", "values", "value", "entries", "records", "list", "elements", "resources", "rows",
    "content", "collection", "objects", "entities", "member", "hits", "docs", "nodes",
})  # fmt: skip
_OUTER = frozenset({"data", "result", "results", "response", "embedded", "payload", "list", "body"})
_ENOUGH = 0.6  # of a view's properties must be the entity's


class Home(NamedTuple):
    """A collection's path, and the parameter that names one of its entities ("" where no path has one)."""

    collection: str
    parameter: str


class Replies:
    """Reads the replies of one document's operations. `home` tells where a path's entities live."""

    def __init__(self, api: OpenApi, home: Callable[[str], Home]) -> None:
        self._api = api
        self._home = home
        self._entities: dict[str, str] = {}

    def entity(self, operation: Operation) -> str:
        """The schema of the single entity that an operation replies, "" for lists and plain objects."""
        found = self._entities.get(operation.name)
        if found is None:
            found = self._entities[operation.name] = self._entity(operation)
        return found

    def wrapped(self, operation: Operation) -> tuple[str, str]:
        """The key around a replied entity and its schema; ("", "") where there is none."""
        node = operation.reply_schema or {}
        home = self._home(operation.path)
        if self._bare(node, operation):
            return "", ""
        known = properties(self._api, node).known
        kept = [key for key in known if key not in _BESIDES]
        names = {folded(thing_of(home.collection)), *_WRAPPERS}
        likely = kept if len(kept) == 1 else [key for key in kept if folded(key) in names]
        for key in likely:
            value = known[key]
            name = self._named(value)
            if name is not None:
                if self.is_entity(name, home):
                    return key, name
            elif "object" in types(self._api, value) and self._identified(value, home, ""):
                return key, self._api.adopt(f"{key} of {operation.name}", value)
        return "", ""

    def request_wrapper(self, operation: Operation, key: str) -> str:
        """The key that wraps a request's fields: the reply's `key`, or the thing's name where the reply is bare; "" for none."""
        known = properties(self._api, operation.request_schema or {}).known
        only = next(iter(known)) if len(known) == 1 else ""
        if not only or "object" not in types(self._api, known[only]):
            return ""
        thing = thing_of(self._home(operation.path).collection)
        named = not key and folded(only) == folded(thing) and only not in self._known(self.entity(operation))
        return only if only == key or named else ""

    def listed(self, operation: Operation) -> tuple[str, str | None]:
        """The schema of a list reply's items and the key they are under (dotted; None: the body is the list)."""
        node = self._api.resolve(operation.reply_schema or {})
        if "array" in types(self._api, node):
            return self._item_schema(node, operation), None
        home = self._home(operation.path)
        bare = self._bare(node, operation)
        for name, value in self._arrays(node, home, bare=bare):
            schema = self._item_schema(self._api.resolve(value), operation)
            if schema:
                return schema, name
        return "", None

    def shows(self, view: str, schema: str) -> bool:
        """Whether one schema shows the entities of another: most of its properties are theirs."""
        mine, theirs = self._known(view), self._known(schema)
        return bool(mine) and sum(name in theirs for name in mine) >= _ENOUGH * len(mine)

    def is_entity(self, name: str, home: Home) -> bool:
        """Whether a component schema is something with an identity, and not what tells of a deletion."""
        schema = self._api.schema(name)
        return schema is not None and self._identified(schema, home, name)

    def _entity(self, operation: Operation) -> str:
        node = operation.reply_schema
        if node is None:
            return ""
        home = self._home(operation.path)
        parts = node.get("allOf") or ()
        for branch in (
            node,
            *(node.get("anyOf") or ()),
            *(node.get("oneOf") or ()),
            *(parts if len(parts) == 1 else ()),
        ):
            name = self._named(branch)
            if name is not None and self.is_entity(name, home):
                return name
        wrapped = self.wrapped(operation)[1]
        if wrapped:
            return wrapped
        if "$ref" not in node and "array" not in types(self._api, node) and self._identified(node, home, ""):
            return self._api.adopt(f"reply of {operation.name}", node)
        return ""

    def _bare(self, node: dict[str, Any], operation: Operation) -> bool:
        home = self._home(operation.path)
        name = self._named(node)
        return self.is_entity(name, home) if name is not None else self._identified(node, home, "")

    def _named(self, node: Mapping[str, Any]) -> str | None:
        """The component that a schema is a reference to, also one that may be null."""
        parts = node.get("allOf")
        if isinstance(parts, list) and len(parts) == 1 and not node.get("properties"):
            return self._api.ref_name(parts[0])
        return self._api.ref_name(dict(node))

    def _identified(self, node: dict[str, Any], home: Home, name: str) -> bool:
        known = properties(self._api, node).known
        field = id_field(known, home.collection, home.parameter, name)
        if not field or (known.get("deleted") or {}).get("enum") == [True]:
            return False
        kinds = types(self._api, known[field])
        return not kinds or bool({"string", "integer", "number"} & set(kinds))

    def _known(self, schema: str) -> Mapping[str, Any]:
        node = self._api.schema(schema)
        return properties(self._api, node).known if node is not None else {}

    def _arrays(self, node: dict[str, Any], home: Home, *, bare: bool) -> Iterator[tuple[str, dict[str, Any]]]:
        """The keys that may hold a list reply's items: the likeliest first. An entity's own lists are none."""
        last = folded(home.collection.rstrip("/").rpartition("/")[2].partition(".")[0])
        likely = _LISTS | {last, folded(singular(last))}
        found = list(properties(self._api, node).known.items())
        arrays = [(name, value) for name, value in found if "array" in types(self._api, value)]
        yield from sorted(
            ((name, value) for name, value in arrays if not bare or folded(name) in likely),
            key=lambda entry: folded(entry[0]) not in likely,
        )
        for name, value in found:
            if folded(name) in _OUTER and "object" in types(self._api, value) and not bare:
                for inner, deeper in properties(self._api, value).known.items():
                    if "array" in types(self._api, deeper):
                        yield f"{name}.{inner}", deeper

    def _item_schema(self, node: dict[str, Any], operation: Operation) -> str:
        items = node.get("items")
        if not isinstance(items, dict):
            return ""
        home = self._home(operation.path)
        for branch in (items, *(items.get("anyOf") or ()), *(items.get("oneOf") or ())):
            name = self._named(branch)
            if name is not None:
                return name if self.is_entity(name, home) else ""
        if not self._identified(items, home, ""):
            return ""
        path = f"{operation.path.rstrip('/')}/{{{home.parameter}}}"
        item = self._api.operation("GET", path) or self._api.operation("GET", f"{path}/") if home.parameter else None
        if (
            item is not None
            and (name := self.entity(item))
            and self._known(name).keys() == properties(self._api, items).known.keys()
        ):
            return name
        return self._api.adopt(f"items of {operation.name}", items)
