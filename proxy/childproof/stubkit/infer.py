"""What an OpenAPI document tells by itself: which operations create, retrieve, update, delete and list which schema.

Everything is found path by path and on demand: a document with 400 paths costs nothing until they are called.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from .lists import ListDialect, Style
from .openapi import OpenApi, Operation
from .shape import constant, properties, types

Action = Literal["create", "retrieve", "update", "delete", "list", "none"]

_LIMITS = (
    "limit",
    "per_page",
    "page_size",
    "pageSize",
    "perPage",
    "count",
    "first",
    "maxResults",
    "max_results",
    "take",
    "size",
)
_CURSORS: tuple[tuple[Style, tuple[str, ...]], ...] = (
    ("cursor", ("starting_after", "after", "cursor", "after_id", "start_after", "since_id")),
    ("token", ("page_token", "pageToken", "next_token", "nextToken", "continuation_token", "continuationToken")),
    ("offset", ("offset", "skip", "start", "startAt")),
    ("page", ("page", "page_number", "pageNumber")),
)
_BESIDES = frozenset({"links", "meta", "_links", "object", "status", "success", "ok", "request_id"})
_BEFORE = ("ending_before", "before", "before_id")
_MORE = ("has_more", "hasMore", "more", "has_next", "hasNext")
_NEXT = ("next_cursor", "nextCursor", "next_page_token", "nextPageToken", "next_token", "nextToken", "next")
_TOTAL = ("total", "total_count", "totalCount", "count", "total_results")


@dataclass(frozen=True, slots=True)
class Inferred:
    """What an operation does to which schema. `schema` is "" where its reply names none.

    `item` is the template of the path at which one such entity lives (its last parameter is the id).
    """

    action: Action
    schema: str
    collection: str = ""
    item: str = ""


class Inference:
    """Answers questions about one document; keeps nothing but what it was asked."""

    def __init__(self, api: OpenApi) -> None:
        self._api = api
        self._known: dict[str, Inferred] = {}

    @cached_property
    def _items(self) -> Mapping[str, str]:
        """Collection path -> the path of its items: `/v1/customers` -> `/v1/customers/{customer}`."""
        found: dict[str, str] = {}
        for path in self._api.paths:
            head, _, last = path.rpartition("/")
            if last.startswith("{") and last.endswith("}") and head:
                found.setdefault(head, path)
        return found

    def item_path(self, collection: str) -> str:
        """The template of one item of a collection, "" where the document has none."""
        return self._items.get(collection, "")

    def operation(self, operation: Operation) -> Inferred:
        """What an operation does, as far as its path and its reply's schema tell."""
        found = self._known.get(operation.name)
        if found is None:
            found = self._known[operation.name] = self._infer(operation)
        return found

    def schema_at(self, path: str) -> str:
        """The schema of the entities that live at a path: an item's path or a collection's; "" where unclear."""
        for method, template in (("GET", self._items.get(path, path)), ("POST", path), ("PUT", path), ("PATCH", path)):
            operation = self._api.operation(method, template)
            if operation is not None:
                schema = self.entity_schema(operation)
                if schema:
                    return schema
        listing = self._api.operation("GET", path)
        return self.listed_schema(listing)[0] if listing is not None else ""

    def entity_schema(self, operation: Operation) -> str:
        """The component schema of the single entity that an operation replies, "" for lists and plain objects."""
        node = operation.reply_schema
        if node is None:
            return ""
        for branch in (node, *(node.get("anyOf") or ()), *(node.get("oneOf") or ()), *(node.get("allOf") or ())):
            name = self._api.ref_name(branch)
            if name is not None and self._is_entity(name):
                return name
        if wrapper := self.wrapper(operation):
            name = self._api.ref_name(properties(self._api, node).known[wrapper])
            assert name is not None
            return name
        if "$ref" not in node and "id" in properties(self._api, node).known:
            return self._api.adopt(f"reply of {operation.name}", node)
        return ""

    def wrapper(self, operation: Operation) -> str:
        """The key that wraps a replied entity (`{"contact": {…}}`), "" where the entity is the body."""
        known = properties(self._api, operation.reply_schema or {}).known
        named = {key: self._api.ref_name(value) for key, value in known.items() if key not in _BESIDES}
        if len(named) != 1:
            return ""
        key, name = next(iter(named.items()))
        return key if name is not None and self._is_entity(name) else ""

    def request_wrapper(self, operation: Operation, key: str) -> str:
        """`key` where the request wraps its fields under the same key as the reply, "" where it doesn't."""
        known = properties(self._api, operation.request_schema or {}).known
        return key if list(known) == [key] and "object" in types(self._api, known[key]) else ""

    def listed_schema(self, operation: Operation) -> tuple[str, str | None]:
        """The schema of a list reply's items and the key they are under (None: the body is the list); ("", None)."""
        node = self._api.resolve(operation.reply_schema or {})
        if "array" in types(self._api, node):
            return self._item_schema(node, operation), None
        for name, value in properties(self._api, node).known.items():
            if self._api.resolve(value).get("type") == "array":
                schema = self._item_schema(self._api.resolve(value), operation)
                if schema:
                    return schema, name
        return "", None

    def lists(self, operation: Operation) -> ListDialect:
        """The list dialect of one list operation, from its parameters and its reply's keys."""
        names = {str(p.get("name")): p for p in operation.parameters if p.get("in") == "query"}
        limit = next((name for name in _LIMITS if name in names), "")
        bounds = self._api.resolve(names[limit].get("schema") or {}) if limit else {}
        style, cursor = next(
            ((style, name) for style, known in _CURSORS for name in known if name in names), ("none", "")
        )
        node = self._api.resolve(operation.reply_schema or {})
        _, items = self.listed_schema(operation)
        known = properties(self._api, node).known if items is not None else {}
        maximum = int(bounds.get("maximum", 100 if limit else 1_000_000))
        following = next((name for name in _NEXT if name in known), "")
        if style == "cursor" and cursor == "cursor" and following:
            style = "token"
        return ListDialect(
            style=style,
            limit_name=limit,
            default=min(int(bounds.get("default", 20 if limit else maximum)), maximum),
            maximum=maximum,
            cursor=cursor,
            before=next((name for name in _BEFORE if name in names), "") if style == "cursor" else "",
            items=items,
            more=next((name for name in _MORE if name in known), ""),
            next=following,
            total=next((name for name in _TOTAL if name in known), ""),
            url="url" if "url" in known else "",
            extra={name: only[0] for name, value in known.items() if (only := constant(self._api.resolve(value)))},
        )

    def common_lists(self) -> ListDialect:
        """The list dialect that most of the document's list operations share."""
        found = Counter(
            (lists.style, lists.limit_name, lists.cursor, lists.items, lists.more)
            for operation in self._api.operations()
            if self.operation(operation).action == "list"
            for lists in [self.lists(operation)]
        )
        if not found:
            return ListDialect()
        wanted = found.most_common(1)[0][0]
        for operation in self._api.operations():
            if self.operation(operation).action == "list":
                lists = self.lists(operation)
                if (lists.style, lists.limit_name, lists.cursor, lists.items, lists.more) == wanted:
                    return lists
        return ListDialect()

    def error_body(self) -> Any:
        """An error body template from the first error schema that the document has; None where it has none."""
        for path in self._api.paths:
            for method in self._api.methods(path):
                operation = self._api.operation(method, path)
                if operation is not None and operation.error_schema is not None:
                    template = self._template(operation.error_schema, "", 0)
                    return template if "{message}" in str(template) or "{code}" in str(template) else None
        return None

    def _template(self, node: dict[str, Any], name: str, depth: int) -> Any:
        node = self._api.resolve(node)
        only = constant(node)
        if only is not None:
            return only[0]
        kinds = types(self._api, node)
        known = properties(self._api, node).known
        if known and (depth == 0 or name.lower() in _ERROR_HOMES) and depth < 4:
            inner = {key: self._template(value, key, depth + 1) for key, value in known.items()}
            return {key: value for key, value in inner.items() if value is not None} or None
        if known:
            return None
        if "array" in kinds and isinstance(node.get("items"), dict):
            inner = self._template(node["items"], name, depth + 1)
            return [inner] if inner else None
        return _ERROR_WORDS.get(name.lower())

    def _infer(self, operation: Operation) -> Inferred:
        path, method = operation.path, operation.method
        head, _, last = path.rpartition("/")
        if last.startswith("{") and last.endswith("}"):
            schema = self.schema_at(path)
            actions: dict[str, Action] = {
                "GET": "retrieve",
                "PUT": "update",
                "PATCH": "update",
                "POST": "update",
                "DELETE": "delete",
            }
            action = actions.get(method, "none") if schema else "none"
            return Inferred(action, schema, head, path)
        if method == "GET":
            schema, _ = self.listed_schema(operation)
            if schema:
                return Inferred("list", schema, path, self.item_path(path))
        if method == "POST" and (schema := self.entity_schema(operation)):
            listing = self._api.operation("GET", path)
            listed = self.listed_schema(listing)[0] if listing is not None else ""
            item = self.item_path(path)
            if listed == schema or (item and self.schema_at(path) == schema):
                return Inferred("create", schema, path, item)
        return Inferred("none", self.entity_schema(operation))

    def _item_schema(self, node: dict[str, Any], operation: Operation) -> str:
        items = node.get("items")
        if not isinstance(items, dict):
            return ""
        for branch in (items, *(items.get("anyOf") or ()), *(items.get("oneOf") or ())):
            name = self._api.ref_name(branch)
            if name is not None:
                return name if self._is_entity(name) else ""
        item = self._api.operation("GET", self._items.get(operation.path, ""))
        if item is not None and (name := self.entity_schema(item)):
            return name
        return (
            self._api.adopt(f"items of {operation.name}", items) if "id" in properties(self._api, items).known else ""
        )

    def _is_entity(self, name: str) -> bool:
        schema = self._api.schema(name)
        if schema is None:
            return False
        known = properties(self._api, schema).known
        return "id" in known and (known.get("deleted") or {}).get("enum") != [True]


_ERROR_HOMES = frozenset({"error", "errors", "fault", "problem", "detail", "details"})
_ERROR_WORDS = {
    "message": "{message}", "detail": "{message}", "title": "{message}", "error_description": "{message}",
    "description": "{message}", "error": "{code}", "code": "{code}", "error_code": "{code}", "errorcode": "{code}",
    "type": "{type}", "param": "{param}", "field": "{param}", "parameter": "{param}", "pointer": "{param}",
    "status": "{status}", "status_code": "{status}", "statuscode": "{status}", "request_id": "{request_id}",
}  # fmt: skip


def resource_name(api: OpenApi, schema: str) -> str:
    """The name of the resource that a schema describes: its `x-resourceId`, else the schema's name in snake case."""
    node = api.schema(schema) or {}
    named = node.get("x-resourceId")
    if isinstance(named, str) and named:
        return named
    if " " in schema:  # an inline schema: named after the last literal segment of its path
        literal = [part for part in schema.split("/") if part and "{" not in part and " " not in part]
        return singular(literal[-1]) if literal else "item"
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9.]+", "_", schema).lower().strip("_")


def singular(word: str) -> str:
    """The singular of a plural path segment, as far as plain English rules go."""
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("sses", "xes", "ches", "shes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word
