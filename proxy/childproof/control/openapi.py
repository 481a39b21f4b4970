"""The OpenAPI 3.1 document of the API, made of its operations and their types."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from childproof import __version__

from . import messages
from .exclusions import EXCLUSIONS, ONE_OF
from .linking import links, parameters
from .messages_record import EVENT_ID
from .operation import Group, Nothing, Operation
from .problems import MEDIA
from .reading import LONGEST

_TEMPLATE = "#/components/schemas/{name}"
FORMATS = {
    "childproof-place": "a call of a world (its number, its id or the beginning of one), or a time of the world",
    "childproof-clock": "`real`, `frozen` or `step:1s`, each with `@TIME` where it begins at a time; `@TIME` alone is a real clock",
    "childproof-duration": "`30d`, `12h` or `1d12h`: whole numbers of ms, s, m, h, d and w, 100 million days at most",
    "childproof-call": "a call as people write it: `POST https://api.stripe.com/v1/charges`, `DNS example.com`",
    "childproof-rules": "a rule file's YAML (docs/rules.md)",
    "childproof-rules-part": "a rule file's YAML that is sound together with the others",
    "childproof-world": "a world file's YAML (docs/worlds.md)",
    "childproof-export": "the YAML of `childproof world export` or of GET /v1/worlds/{world}/export",
    "childproof-stub": "the name of a stub that the server has",
}
# What path parameters name, and how they are written.
_PARAMETERS = {
    "world": "a world's name, with `:` for `/`: `checkout:try-1`",
    "beginning": "a call's id, or how it begins; `call_` may be left out",
    "call": "a call's number in the world, or its id",
    "address": "a mailbox's address, in any case",
    "message": "a message's id",
    "service": "a stub's name",
    "kind": "a kind of that service's entities",
    "id": "an entity's id",
    "stub": "a stub's name",
    "sandbox": "a sandbox's id",
    "webhook": "a webhook's id",
}
_HEADERS: dict[str, dict[str, Any]] = {"Last-Event-ID": {"pattern": EVENT_ID}}
# What is answered where that isn't JSON: a stream's schema is that of each of its events.
_MEDIA: dict[str, dict[str, Any]] = {
    "application/yaml": {"type": "object"},
    "text/event-stream": {
        "type": "object",
        "required": ["id", "event", "data"],
        "properties": {
            "id": {"type": "string", "pattern": EVENT_ID},
            "event": {"type": "string", "enum": ["entry", "deleted"]},
            "data": {"type": "string", "contentMediaType": "application/json"},
        },
    },
}
# What any operation may answer besides its own refusals.
COMMON = {
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


def document(groups: Sequence[Group]) -> dict[str, Any]:
    """The document as JSON values."""
    operations = [operation for group in groups for operation in group.operations]
    types = [messages.Problem, *_types(operations)]
    schemas, components = msgspec.json.schema_components(types, ref_template=_TEMPLATE)
    for name, forbidden in EXCLUSIONS.items():
        components[name]["not"] = forbidden[0] if len(forbidden) == 1 else {"anyOf": forbidden}
    for name in ONE_OF:
        components[name] |= {"minProperties": 1, "maxProperties": 1}
    shapes = dict(zip(map(id, types), schemas, strict=True))
    paths: dict[str, Any] = {}
    for group in groups:
        for operation in group.operations:
            told = {"tags": [group.name], **_operation(operation, operations, shapes)}
            paths.setdefault(operation.path, {})[operation.method.lower()] = told
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "childproof control API",
            "contact": {"name": "childproof"},
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "version": __version__,
            "description": _about(),
        },
        "servers": [{"url": "/", "description": "the address of `control`"}],
        "tags": [{"name": group.name, "description": group.about} for group in groups],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _about() -> str:
    formats = "\n".join(f"- `{name}`: {about}" for name, about in FORMATS.items())
    return (
        "Worlds, their record, rules and sandboxes. Refusals are problem details (RFC 9457), and have changed nothing. "
        f"Texts in languages of their own have these formats:\n\n{formats}"
    )


def _types(operations: Sequence[Operation]) -> Iterator[Any]:
    seen: set[int] = {id(messages.Problem)}
    for operation in operations:
        for kind in (operation.body, operation.answer):
            if kind is not None and id(kind) not in seen:
                seen.add(id(kind))
                yield kind


def _operation(operation: Operation, operations: Sequence[Operation], shapes: dict[int, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": operation.id,
        "summary": operation.summary,
        "description": operation.about or f"{operation.summary}.",
    }
    if asked := [*_parameters(operation)]:
        told["parameters"] = asked
    if operation.body is not None:
        told["requestBody"] = {
            "required": operation.body.__name__ in ONE_OF
            or any(field.required for field in msgspec.structs.fields(operation.body)),
            "content": {"application/json": {"schema": shapes[id(operation.body)]}},
        }
    if operation.open:
        told["security"] = []
    problem = {MEDIA: {"schema": shapes[id(messages.Problem)]}}
    told["responses"] = {str(operation.status): _answered(operation, operations, shapes)}
    if operation.tagged:
        told["responses"]["304"] = {"description": "what the client has already (`If-None-Match`)"}
    for status, about in sorted({**COMMON, **operation.problems}.items()):
        told["responses"][str(status)] = {"description": about, "content": problem}
    return told


def _parameters(operation: Operation) -> Iterator[dict[str, Any]]:
    for name in parameters(operation):
        schema = {"type": "string", "minLength": 1, "maxLength": LONGEST}
        yield {"name": name, "in": "path", "required": True, "description": _PARAMETERS[name], "schema": schema}
    if operation.query is not Nothing:
        yield from _query(operation.query)
    reads = {**operation.headers, **({"If-None-Match": "the ETag of what the client has"} if operation.tagged else {})}
    for required, headers in ((True, operation.needs), (False, reads)):
        for name, about in headers.items():
            schema = {"type": "string", **_HEADERS.get(name, {})}
            yield {"name": name, "in": "header", "required": required, "description": about, "schema": schema}


def _answered(operation: Operation, operations: Sequence[Operation], shapes: dict[int, Any]) -> dict[str, Any]:
    answered: dict[str, Any] = {"description": operation.summary}
    sent = {**operation.sends, **({"ETag": "what `If-None-Match` takes"} if operation.tagged else {})}
    if sent:
        answered["headers"] = {
            name: {"description": about, "required": True, "schema": {"type": "string"}} for name, about in sent.items()
        }
    if operation.answer is not None:
        answered["content"] = {operation.media: {"schema": shapes[id(operation.answer)]}}
    elif operation.status != 204:
        answered["content"] = {operation.media: {"schema": _MEDIA.get(operation.media, {"type": "string"})}}
    if found := links(operation, operations):
        answered["links"] = found
    return answered


def _query(kind: Any) -> Iterator[dict[str, Any]]:
    """The parameters of a query's type."""
    schema = msgspec.json.schema(kind)
    if "$ref" in schema:
        schema = schema["$defs"][schema["$ref"].rpartition("/")[2]]
    for name, shape in schema["properties"].items():
        about = {"description": shape["description"]} if "description" in shape else {}
        yield {"name": name, "in": "query", "required": name in schema.get("required", ()), "schema": shape, **about}
