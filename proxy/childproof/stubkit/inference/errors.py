"""How a service words its errors, as far as its document tells: the shape of its error replies with the kit's words in it."""

from collections.abc import Iterator, Mapping
from typing import Any

from childproof.stubkit.document.naming import folded
from childproof.stubkit.document.openapi import OpenApi
from childproof.stubkit.document.shape import constant, properties, types

_HOMES = frozenset(
    {
        "error",
        "errors",
        "fault",
        "faults",
        "problem",
        "problems",
        "detail",
        "details",
        "meta",
        "status",
        "source",
        "data",
        "response",
    }
)
_WORDS = {
    "message": "{message}", "detail": "{message}", "title": "{message}", "errordescription": "{message}",
    "description": "{message}", "errormessage": "{message}", "msg": "{message}", "reason": "{message}",
    "messages": "{message}", "errormessages": "{message}", "developermessage": "{message}", "usermessage": "{message}",
    "friendlymessage": "{message}", "errordetail": "{message}", "text": "{message}", "details": "{message}",
    "error": "{code}", "code": "{code}", "errorcode": "{code}", "errorname": "{code}", "id": "{code}", "key": "{code}",
    "type": "{type}", "errortype": "{type}", "param": "{param}", "field": "{param}", "parameter": "{param}",
    "pointer": "{param}", "property": "{param}", "path": "{param}", "status": "{status}", "statuscode": "{status}",
    "httpstatus": "{status}", "httpcode": "{status}", "requestid": "{request_id}", "traceid": "{request_id}",
    "correlationid": "{request_id}",
}  # fmt: skip
_MOST = 40  # operations asked; documents have one error shape, or none
_MAX_DEPTH = 4


def error_body(api: OpenApi) -> Any:
    """An error body template from the document's first error reply that has a message or a code; None where none has."""
    for schema in _error_schemas(api):
        template = _template(api, schema, "", 0)
        if "{message}" in str(template):
            return template
        if "{code}" in str(template):
            return _spoken(template)
    return None


def _spoken(template: Any) -> Any:
    """Where `error` is the only word that a service has, it is the sentence that people read."""
    if isinstance(template, dict):
        return {
            key: "{message}" if folded(key) == "error" and value == "{code}" else _spoken(value)
            for key, value in template.items()
        }
    return [_spoken(value) for value in template] if isinstance(template, list) else template


def _error_schemas(api: OpenApi) -> Iterator[dict[str, Any]]:
    asked = 0
    for path in api.paths:
        for method in api.methods(path):
            operation = api.operation(method, path)
            if operation is not None and operation.error_schema is not None:
                yield operation.error_schema
                asked += 1
                if asked == _MOST:
                    return


def _template(api: OpenApi, node: Mapping[str, Any], name: str, depth: int) -> Any:
    node = api.resolve(dict(node))
    only = constant(node)
    if only is not None:
        return only[0]
    kinds = types(api, node)
    known = properties(api, node)
    word = folded(name)
    if known.known:
        if (depth and word not in _HOMES) or depth >= _MAX_DEPTH:
            return None
        inner = {key: _template(api, value, key, depth + 1) for key, value in known.known.items()}
        return {key: value for key, value in inner.items() if value is not None} or None
    if "array" in kinds:
        items = node.get("items")
        found = _template(api, items, name, depth + 1) if isinstance(items, dict) and depth < _MAX_DEPTH else None
        return [found] if found else None
    if "object" in kinds and "string" not in kinds:
        return None
    if kinds and not {"string", "integer", "number"} & set(kinds):
        return False if kinds == ("boolean",) and word in {"success", "ok"} else None
    found = _WORDS.get(word)
    if found == "{code}" and "string" not in kinds and kinds:
        return "{status}"  # a code that is a number
    return found
