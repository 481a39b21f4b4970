"""The OpenAPI 3.1 document of the API, made of its operations and their types."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from childproof import __version__

from . import messages
from .operation import Nothing, Operation
from .problems import MEDIA

_TEMPLATE = "#/components/schemas/{name}"
_MORE = {"ClockChange": {"minProperties": 1, "maxProperties": 1}}  # what types can't say
# What any operation may answer besides its own refusals.
_COMMON = {
    400: "the request doesn't fit: its JSON, its parameters",
    401: "the token is missing or wrong",
    403: "a browser, or another name for the loopback",
    405: "another method",
    408: "a body that takes longer than a minute to arrive",
    413: "a body over 16 MiB",
    415: "a body that isn't application/json",
    422: "a field has a value that doesn't fit",
    500: "an error inside childproof",
    503: "the store can't be used now",
}


def document(operations: Sequence[Operation]) -> dict[str, Any]:
    """The document as JSON values."""
    types = [messages.Problem, *_types(operations)]
    schemas, components = msgspec.json.schema_components(types, ref_template=_TEMPLATE)
    for name, more in _MORE.items():
        if name in components:
            components[name] |= more
    shapes = dict(zip(map(id, types), schemas, strict=True))
    paths: dict[str, Any] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, shapes)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "childproof control API",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "version": __version__,
            "description": "Worlds, their record, rules and sandboxes. Refusals are problem details (RFC 9457).",
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "responses": {
                "problem": {
                    "description": "Refused; nothing was changed.",
                    "content": {MEDIA: {"schema": shapes[id(messages.Problem)]}},
                }
            },
        },
    }


def _types(operations: Sequence[Operation]) -> Iterator[Any]:
    seen: set[int] = {id(messages.Problem)}
    for operation in operations:
        for kind in (operation.body, operation.answer):
            if kind is not None and id(kind) not in seen:
                seen.add(id(kind))
                yield kind


def _operation(operation: Operation, shapes: dict[int, Any]) -> dict[str, Any]:
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in re.findall(r"\{(\w+)", operation.path)
    ]
    if operation.query is not Nothing:
        parameters += _query(operation.query)
    parameters += [
        {"name": name, "in": "header", "required": False, "description": about, "schema": {"type": "string"}}
        for name, about in operation.headers.items()
    ]
    answered: dict[str, Any] = {"description": operation.summary}
    if operation.answer is not None:
        answered["content"] = {operation.media: {"schema": shapes[id(operation.answer)]}}
    elif operation.status != 204:
        answered["content"] = {operation.media: {}}
    told: dict[str, Any] = {"operationId": operation.id, "summary": operation.summary}
    if parameters:
        told["parameters"] = parameters
    if operation.body is not None:
        told["requestBody"] = {
            "required": any(field.required for field in msgspec.structs.fields(operation.body)),
            "content": {"application/json": {"schema": shapes[id(operation.body)]}},
        }
    if operation.open:
        told["security"] = []
    refusals = {**_COMMON, **operation.problems}
    told["responses"] = {str(operation.status): answered} | {
        str(status): {
            "description": about,
            "content": {MEDIA: {"schema": shapes[id(messages.Problem)]}},
        }
        for status, about in sorted(refusals.items())
    }
    return told


def _query(kind: Any) -> Iterator[dict[str, Any]]:
    """The parameters of a query's type."""
    schema = msgspec.json.schema(kind)
    if "$ref" in schema:
        schema = schema["$defs"][schema["$ref"].rpartition("/")[2]]
    for name, shape in schema["properties"].items():
        about = {"description": shape["description"]} if "description" in shape else {}
        yield {"name": name, "in": "query", "required": name in schema.get("required", ()), "schema": shape, **about}
