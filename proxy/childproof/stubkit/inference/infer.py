"""What an OpenAPI document tells by itself: which operations create, retrieve, update, list … which schema.

Everything is found path by path and on demand: a document with 400 paths costs nothing until they are called. The parts:
`infer_replies` (what a reply holds), `infer_ids`, `infer_actions`, `infer_refs`, `infer_lists`, `infer_errors`.
"""

from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal

import msgspec

from childproof.stubkit.document.naming import folded, is_parameter, parameter_of, resource_name, singular
from childproof.stubkit.document.openapi import OpenApi, Operation
from childproof.stubkit.document.routing import parameters
from childproof.stubkit.document.shape import properties
from childproof.stubkit.reply.lists import ListDialect

from .actions import is_verb, state_change
from .errors import error_body
from .ids import id_field, id_template
from .lists import list_dialect_of
from .replies import Home, Replies

__all__ = ["OTHER", "Action", "Inference", "Inferred", "resource_name", "singular"]

Action = Literal["create", "retrieve", "update", "replace", "delete", "list", "search", "act", "none"]
ON_ITEM = frozenset({"retrieve", "update", "replace", "delete", "act"})
"""Actions on one entity, whose id is the last parameter of the path."""
OTHER = "~"
"""The view of a reply that shows nothing of the entity: `{"ok": true}`."""
_SEARCH = frozenset({"search", "query", "find", "lookup", "filter", "autocomplete"})
_ITEM_ACTIONS: Mapping[str, Action] = {
    "GET": "retrieve", "PUT": "replace", "PATCH": "update", "POST": "update", "DELETE": "delete",
}  # fmt: skip


class Inferred(msgspec.Struct, frozen=True):
    """What an operation does to which schema. `schema` is "" where its reply names none.

    `item` is the template of the path at which one such entity lives (its last parameter is the id), `view` the schema
    that the reply shows it by, where that is another one (OTHER where it shows nothing of it), `verb` an action's name.
    """

    action: Action
    schema: str
    collection: str = ""
    item: str = ""
    view: str = ""
    verb: str = ""


class Inference:
    """Answers questions about one document; keeps nothing but what it was asked."""

    def __init__(self, api: OpenApi) -> None:
        self._api = api
        self._known: dict[str, Inferred] = {}
        self._schemas: dict[str, str] = {}
        self.replies = Replies(api, self.home)

    @cached_property
    def _items(self) -> Mapping[str, str]:
        """Collection path -> the path of its items: `/v1/customers` -> `/v1/customers/{customer}`."""
        found: dict[str, str] = {}
        for path in self._api.paths:
            head, last = self._split(path)
            if is_parameter(last) and head:
                found.setdefault(self._above(path), path)
        return found

    @cached_property
    def collections(self) -> Mapping[str, str]:
        """The collections that have items, by the folded singular of their last segment; the shortest path of each."""
        found: dict[str, str] = {}
        for path in sorted(self._items, key=len, reverse=True):
            last = self._split(path)[1]
            if "{" not in last:
                found[folded(singular(last.partition(".")[0]))] = path
        return found

    def _split(self, path: str) -> tuple[str, str]:
        """What is above a path, spelled as the document does, and its last segment: `/books/{id}/` is one of `/books/`."""
        head, _, last = path.rstrip("/").rpartition("/")
        return self._spelled(head), last

    def _spelled(self, path: str) -> str:
        """A path with a slash at its end where only that one is in the document."""
        slashed = f"{path}/"
        return slashed if path and self._api.has_path(slashed) and not self._api.has_path(path) else path

    def _above(self, path: str) -> str:
        """The collection of an item's path; it ends as the item does (`/calls.json`) where the document has it so."""
        head, last = self._split(path)
        ending = last.partition("}")[2]
        return f"{head}{ending}" if ending and self._api.has_path(f"{head}{ending}") else head

    def item_path(self, collection: str) -> str:
        """The template of one item of a collection, "" where the document has none."""
        return self._items.get(collection, "")

    def home(self, path: str) -> Home:
        """The collection that a path belongs to, and the parameter that names one of its entities."""
        head, last = self._split(path)
        if is_parameter(last):
            return Home(self._above(path), parameter_of(last))
        if path in self._items:
            return Home(path, parameters(self._items[path])[-1])
        above, before = self._split(head)
        if is_parameter(before) and is_verb(last):
            return Home(above, parameter_of(before))
        return Home(path, "")

    def operation(self, operation: Operation) -> Inferred:
        """What an operation does, as far as its path and its reply's schema tell."""
        found = self._known.get(operation.name)
        if found is None:
            found = self._known[operation.name] = self._infer(operation)
        return found

    def schema_at(self, path: str) -> str:
        """The schema of the entities that live at a path: an item's path or a collection's; "" where unclear."""
        found = self._schemas.get(path)
        if found is None:
            found = self._schemas[path] = self._schema_at(path)
        return found

    def id_field(self, schema: str, path: str = "") -> str:
        """The property that identifies the entities of a schema, "id" where none can be told.

        `path` is a collection's, whose items' parameter is taken into account.
        """
        node = self._api.schema(schema)
        home = self.home(path) if path else Home("", "")
        known = properties(self._api, node).known if node is not None else {}
        return id_field(known, home.collection, home.parameter, "" if " " in schema else schema) or "id"

    def id_template(self, schema: str, field: str, path: str = "") -> tuple[str, str]:
        """A template for the ids of a schema, and what it was inferred from; ("", "") where nothing tells."""
        node = self._api.schema(schema)
        known = properties(self._api, node).known if node is not None else {}
        if field not in known:
            return "", ""
        item = self._api.operation("GET", self._items.get(path, ""))
        wanted = item.path_parameters[-1] if item is not None and item.path_parameters else ""
        others = tuple(one for one in item.parameters if one.get("name") == wanted) if item is not None else ()
        return id_template(self._api, known[field], others)

    def entity_schema(self, operation: Operation) -> str:
        """The schema of the single entity that an operation replies, "" for lists and plain objects."""
        return self.replies.entity(operation)

    def wrapper(self, operation: Operation) -> str:
        """The key that wraps a replied entity (`{"contact": {…}}`), "" where the entity is the body."""
        return self.replies.wrapped(operation)[0]

    def request_wrapper(self, operation: Operation, key: str) -> str:
        """The key that wraps a request's fields: the reply's `key`, or the thing's name where the reply is bare; "" for none."""
        return self.replies.request_wrapper(operation, key)

    def listed_schema(self, operation: Operation) -> tuple[str, str | None]:
        """The schema of a list reply's items and the key they are under (None: the body is the list); ("", None)."""
        return self.replies.listed(operation)

    def lists(self, operation: Operation) -> ListDialect:
        """The list dialect of one list operation, from its parameters and its reply's keys."""
        return list_dialect_of(self._api, operation, self.listed_schema(operation)[1])

    def common_lists(self) -> ListDialect:
        """The list dialect that most of the document's list operations share."""
        every = [
            self.lists(operation) for operation in self._api.operations() if self.operation(operation).action == "list"
        ]
        counts = Counter((one.style, one.limit_name, one.cursor, one.items, one.more) for one in every)
        if not counts:
            return ListDialect()
        wanted = counts.most_common(1)[0][0]
        return next(one for one in every if (one.style, one.limit_name, one.cursor, one.items, one.more) == wanted)

    def error_body(self) -> Any:
        """An error body template from the first error schema that the document has; None where it has none."""
        return error_body(self._api)

    def change(self, operation: Operation) -> dict[str, Any]:
        """The fields that an action sets by itself (`now` for a time), {} for what is no action or where nothing tells."""
        inferred = self.operation(operation)
        node = self._api.schema(inferred.schema) if inferred.action == "act" else None
        return state_change(self._api, properties(self._api, node).known, inferred.verb) if node is not None else {}

    # --- one operation

    def _infer(self, operation: Operation) -> Inferred:
        path, method = operation.path, operation.method
        last = self._split(path)[1]
        if is_parameter(last):
            return self._on_item(operation, self._above(path))
        if method in {"GET", "POST"}:
            listed, _ = self.listed_schema(operation)
            if listed and (folded(last) in _SEARCH or (method == "GET" and last)):
                return self._listing(operation, listed)
        if method == "POST" and (made := self._creation(operation)) is not None:
            return made
        if method in {"POST", "PUT", "PATCH"} and (acted := self._action(operation)) is not None:
            return acted
        return Inferred("none", self.entity_schema(operation))

    def _on_item(self, operation: Operation, collection: str) -> Inferred:
        schema = self.schema_at(operation.path) or self.schema_at(collection)
        action = _ITEM_ACTIONS.get(operation.method, "none") if schema else "none"
        if action == "replace" and not self.replaces(operation):
            action = "update"
        view = self._view(operation, schema)
        if action == "retrieve" and view == OTHER:
            return Inferred("none", self.entity_schema(operation))
        return Inferred(action, schema, collection, operation.path, view)

    def replaces(self, operation: Operation) -> bool:
        """Whether a PUT replaces the whole: there is a PATCH for less than that, or its body has required fields."""
        if self._api.operation("PATCH", operation.path) is not None:
            return True
        body = operation.request_schema
        return body is not None and bool(properties(self._api, body).required)

    def _listing(self, operation: Operation, listed: str) -> Inferred:
        head, last = self._split(operation.path)
        searching = folded(last) in _SEARCH
        collection = head if searching and (head in self._items or self._api.has_path(head)) else operation.path
        if searching and is_parameter(self._split(head)[1]):
            collection = operation.path
        schema = self.schema_at(collection) if collection in self._items or searching else listed
        if schema != listed and collection not in self._items and not self.replies.shows(listed, schema):
            schema = listed
        view = listed if listed != schema else ""
        return Inferred("search" if searching else "list", schema, collection, self.item_path(collection), view)

    def _creation(self, operation: Operation) -> Inferred | None:
        path = operation.path
        own = self.entity_schema(operation)
        listing = self._api.operation("GET", path)
        listed = self.listed_schema(listing)[0] if listing is not None else ""
        item = self.item_path(path)
        schema = self.schema_at(path) if item or listed else ""
        if not schema:
            return None
        if own in {schema, listed} and own:
            return Inferred("create", schema, path, item, "" if own == schema else own)
        if own and (item or self.replies.shows(own, schema)):
            return Inferred("create", schema, path, item, own)
        if not own and operation.reply_schema is None and operation.request_schema is not None and item:
            return Inferred("create", schema, path, item)
        return None

    def _action(self, operation: Operation) -> Inferred | None:
        head, verb = self._split(operation.path)
        if ":" in verb:  # /things/{thing}:archive
            name, _, verb = verb.rpartition(":")
            head = self._spelled(f"{head.rstrip('/')}/{name}")
        if not is_parameter(self._split(head)[1]) or not is_verb(verb):
            return None
        if (above := self._split(head)[0]).endswith("/actions"):
            head = above.removesuffix("/actions")
        schema = self.schema_at(head) if self._api.has_path(head) else ""
        if not schema:
            return None
        view = self._view(operation, schema)
        if view == OTHER:
            node = self._api.schema(schema) or {}
            if not state_change(self._api, properties(self._api, node).known, verb):
                return None
        return Inferred("act", schema, self._split(head)[0], head, view, verb)

    def _view(self, operation: Operation, schema: str) -> str:
        """How a reply shows an entity: "" as it is (or not at all), another schema that is a view of it, or OTHER."""
        if operation.reply_schema is None or not schema:
            return ""
        own = self.entity_schema(operation)
        if own == schema:
            return ""
        return own if own and self.replies.shows(own, schema) else OTHER

    def _schema_at(self, path: str) -> str:
        item = self._api.operation("GET", self._items.get(path, path))
        if item is not None and (schema := self.entity_schema(item)):
            return schema
        listing = self._api.operation("GET", path)
        listed = self.listed_schema(listing)[0] if listing is not None else ""
        for method in ("POST", "PUT", "PATCH"):
            operation = self._api.operation(method, path)
            schema = self.entity_schema(operation) if operation is not None else ""
            # What is listed is what there is, unless a list shows less of it.
            if schema and (not listed or self.replies.shows(listed, schema)):
                return schema
        return listed
