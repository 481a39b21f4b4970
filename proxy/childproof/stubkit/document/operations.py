"""One operation of a document: what a call needs to know of it, of all that the document says."""

from typing import Any

import msgspec

from .routing import parameters


class Operation(msgspec.Struct, frozen=True):
    """One operation of the document, its references to components resolved one level.

    `reply_schema` is the success reply's JSON schema (None where it has no body), `reply_type` its media type and
    `reply_headers` the names of its headers in lower case. `error_schema` is that of the first error reply. `id` and `tags`
    are the document's own names for it.
    """

    name: str
    method: str
    path: str
    path_parameters: tuple[str, ...]
    parameters: tuple[dict[str, Any], ...]
    request_type: str
    request_schema: dict[str, Any] | None
    request_required: bool
    status: int
    reply_schema: dict[str, Any] | None
    error_schema: dict[str, Any] | None
    security: list[Any] | None
    reply_type: str = ""
    reply_headers: tuple[str, ...] = ()
    id: str = ""
    tags: tuple[str, ...] = ()


def operation_of(method: str, path: str, node: dict[str, Any]) -> Operation:
    """The operation of a path item's node that was brought to one shape."""
    body: dict[str, Any] = node["requestBody"]
    content_type, schema = _content(body)
    responses: dict[str, dict[str, Any]] = node["responses"]
    status, reply = _success(responses)
    reply_type, reply_schema = _content(reply)
    tags = node.get("tags")
    return Operation(
        name=f"{method} {path}",
        method=method,
        path=path,
        path_parameters=parameters(path),
        parameters=node["parameters"],
        request_type=content_type,
        request_schema=schema,
        request_required=body["required"],
        status=status,
        reply_schema=reply_schema,
        error_schema=_failure(responses),
        security=node["security"] if isinstance(node.get("security"), list) else None,
        reply_type=reply_type,
        reply_headers=tuple(reply.get("headers", ())),
        id=str(node.get("operationId", "")),
        tags=tuple(str(tag) for tag in tags) if isinstance(tags, list) else (),
    )


def _content(body: dict[str, Any]) -> tuple[str, dict[str, Any] | None]:
    """The media type that we speak for a body, and its schema: JSON before forms before anything else."""
    content: dict[str, Any] = body.get("content") or {}
    for wanted in ("json", "x-www-form-urlencoded", "form-data", ""):
        for media, value in content.items():
            if wanted in media:
                schema = value.get("schema")
                return media, schema if isinstance(schema, dict) else None
    return "", None


def _success(responses: dict[str, dict[str, Any]]) -> tuple[int, dict[str, Any]]:
    """The status of success and its reply: the first 2xx; `default` where there is none; else the first redirection."""
    for status in sorted(responses):
        if status.startswith("2"):
            return int(status) if status.isdigit() else 200, responses[status]
    if "default" in responses:
        return 200, responses["default"] if len(responses) == 1 else {}
    for status in sorted(responses):
        if status.startswith("3") and status.isdigit():
            return int(status), responses[status]
    return 200, {}


def _failure(responses: dict[str, dict[str, Any]]) -> dict[str, Any] | None:
    for status in ("404", "400", "422", "4XX", "4xx", "default", *sorted(responses)):
        if status in responses and not status.startswith(("1", "2", "3")):
            schema = _content(responses[status])[1]
            if schema is not None:
                return schema
    return None
