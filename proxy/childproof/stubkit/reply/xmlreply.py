"""Replies as XML, by the document's schema: `dialect.xml` says what stands around them.

A list's items are elements of the name `item`, within one of the list's own name; without `item` they repeat that name. A
map is a list of `entry` elements, each with a `key` and a `value`.
"""

from collections.abc import Mapping
from typing import Any

from childproof.stubkit.document.openapi import OpenApi, Operation
from childproof.stubkit.document.shape import properties, types
from childproof.stubkit.request.coercion import coercer
from childproof.stubkit.request.plain import plain

from .errors import text
from .markup import escaped, quoted

_BODY = "{body}"
_AROUND: dict[str, Any] = {"{operation}Result": _BODY, "ResponseMetadata": {"RequestId": "{request_id}"}}
# How services of this kind word errors, where a stub says nothing of its own.
ERRORS: Mapping[str, Any] = {
    "format": "xml",
    "root": "ErrorResponse",
    "body": {
        "Error": {"Type": "{type:Sender}", "Code": "{code}", "Message": "{message}"},
        "RequestId": "{request_id}",
    },
}
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'


def queried(api: OpenApi) -> bool:
    """Whether a document's operations are told apart by a field of a form and answered in XML."""
    first = next((path for path in api.paths if "#" in path), "")
    operation = api.operation("POST", first) if first else None
    if operation is None or "xml" not in operation.reply_type:
        return False
    return not operation.request_type or "form" in operation.request_type


class XmlReplies:
    """`dialect.xml`, compiled: `root`, `namespace`, `body` (what is within the root, `{body}` the reply) and `item`.

    What isn't written is as at services whose documents are `queried`.
    """

    def __init__(self, api: OpenApi, written: Mapping[str, Any]) -> None:
        self._api = api
        self._root: str = written.get("root", "{operation}Response")
        self._namespace: str = written.get("namespace", "")
        self._around: Any = written.get("body", _AROUND)
        self._item: str = written.get("item", "member" if "body" not in written else "")

    def applies(self, operation: Operation) -> bool:
        """Whether the document says that an operation replies XML."""
        return "xml" in operation.reply_type

    def render(self, operation: Operation, body: Any, request_id: str | None) -> bytes:
        """A reply's bytes. A body that is None is left out, unless the document describes one that may hold something."""
        if body is None and operation.reply_schema and operation.reply_schema.get("maxProperties") != 0:
            body = {}
        values = {"operation": operation.id or operation.path.rpartition("=")[2], "request_id": request_id or ""}
        inner = self._around_of(self._around, values, operation.reply_schema or {}, body)
        attribute = f" xmlns={quoted(self._namespace)}" if self._namespace else ""
        root = _filled(self._root, values)
        return f"{_HEAD}<{root}{attribute}>{inner}</{root}>".encode()

    def read(self, operation: Operation, value: Any) -> Any:
        """The reply within what `parse_xml` made of a root element, as plain values of the schema's types."""
        values = {"operation": operation.id or operation.path.rpartition("=")[2], "request_id": ""}
        for step in _steps(self._around):
            value = value.get(_filled(step, values)) if isinstance(value, dict) else None
        schema = operation.reply_schema or {}
        return coercer(self._api, schema)(plain(self._api, schema, {} if value is None or value == "" else value))

    def _around_of(self, template: Any, values: Mapping[str, str], schema: Mapping[str, Any], body: Any) -> str:
        if template == _BODY:
            return self._inside(body, schema)
        if isinstance(template, dict):
            return "".join(
                f"<{name}>{self._around_of(inner, values, schema, body)}</{name}>"
                for name, inner in ((_filled(key, values), inner) for key, inner in template.items())
                if inner != _BODY or body is not None
            )
        return escaped(_filled(text(template), values))

    def _inside(self, value: Any, schema: Mapping[str, Any]) -> str:
        """What stands within an element for a value."""
        if isinstance(value, dict):
            known = properties(self._api, dict(schema)).known if schema else {}
            more = self._api.resolve(dict(schema)).get("additionalProperties") if schema else None
            if not known and isinstance(more, dict):
                return "".join(
                    f"<entry><key>{escaped(str(key))}</key><value>{self._inside(inner, more)}</value></entry>"
                    for key, inner in value.items()
                )
            return "".join(self._element(name, inner, known.get(name) or {}) for name, inner in value.items())
        return escaped(text(value))

    def _element(self, name: str, value: Any, schema: Mapping[str, Any]) -> str:
        if value is None:
            return ""
        if not isinstance(value, list):
            return f"<{name}>{self._inside(value, schema)}</{name}>"
        items = (
            (self._api.resolve(dict(schema)).get("items") or {}) if "array" in types(self._api, dict(schema)) else {}
        )
        item = self._item or name
        inner = "".join(f"<{item}>{self._inside(one, items)}</{item}>" for one in value)
        return f"<{name}>{inner}</{name}>" if self._item else inner


def _filled(template: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        template = template.replace("{" + name + "}", value)
    return template


def _steps(template: Any) -> list[str]:
    """The keys that lead to the body."""
    if isinstance(template, dict):
        for key, inner in template.items():
            if inner == _BODY:
                return [key]
            if found := _steps(inner):
                return [key, *found]
    return []
