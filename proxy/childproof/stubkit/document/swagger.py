"""Swagger 2 as OpenAPI 3: path items, parameters and replies converted one at a time, when they are first used.

Schemas need no conversion of their own (`nodes.py` settles `x-nullable` and the discriminator), only what is
around them: bodies and form fields are parameters in Swagger 2, media types stand apart from the bodies, and the host
is written in three pieces.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from .nodes import Node

METHODS = ("get", "put", "post", "delete", "options", "head", "patch")
_SCHEMA = (
    "type", "format", "items", "default", "enum", "pattern", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
    "minLength", "maxLength", "minItems", "maxItems", "uniqueItems", "multipleOf", "x-nullable",
)  # fmt: skip
_FORM = "application/x-www-form-urlencoded"
_UPLOAD = "multipart/form-data"
_STYLES: Mapping[str, tuple[str, bool]] = {  # collectionFormat -> style and explode
    "csv": ("form", False), "ssv": ("spaceDelimited", False), "tsv": ("spaceDelimited", False),
    "pipes": ("pipeDelimited", False), "multi": ("form", True),
}  # fmt: skip
_FLOWS = {"accessCode": "authorizationCode", "application": "clientCredentials"}


class Head(msgspec.Struct, frozen=True):
    """What a document says once for all of its operations."""

    consumes: tuple[str, ...]
    produces: tuple[str, ...]


def head(document: Mapping[str, Any]) -> Head:
    """The media types that hold where an operation names none."""
    return Head(_texts(document.get("consumes")), _texts(document.get("produces")))


def servers(document: Mapping[str, Any]) -> list[Node]:
    """`schemes`, `host` and `basePath` as the servers that they mean."""
    host, base = document.get("host"), document.get("basePath")
    path = base.rstrip("/") if isinstance(base, str) else ""
    path = path if path.startswith("/") or not path else f"/{path}"
    if not isinstance(host, str) or not host:
        return [{"url": path}] if path else []
    schemes = [one for one in _texts(document.get("schemes")) if one in {"https", "http"}] or ["https"]
    schemes.sort(reverse=True)  # https before http
    return [{"url": f"{scheme}://{host}{path}"} for scheme in schemes]


def security_schemes(definitions: Mapping[str, Any]) -> Node:
    """`securityDefinitions` as `components.securitySchemes`."""
    out: Node = {}
    for name, given in definitions.items():
        if not isinstance(given, dict):
            continue
        kind = given.get("type")
        if kind == "basic":
            out[name] = {"type": "http", "scheme": "basic"}
        elif kind == "oauth2":
            flow = str(given.get("flow", ""))
            kept = {key: given[key] for key in ("authorizationUrl", "tokenUrl", "scopes") if key in given}
            out[name] = {"type": "oauth2", "flows": {_FLOWS.get(flow, flow): {"scopes": {}, **kept}}}
        else:
            out[name] = {key: given[key] for key in ("type", "name", "in") if key in given}
    return out


def item(given: Node, head: Head, resolve: Callable[[Node], Node]) -> Node:
    """A path item as OpenAPI 3 has it. `resolve` follows references to shared parameters and replies."""
    common = _parameters(given, resolve)
    out: Node = {}
    for method in METHODS:
        operation = given.get(method)
        if not isinstance(operation, dict):
            continue
        # An operation's own parameter replaces the common one of the same place and name.
        mine = {(one.get("in"), one.get("name")): one for one in (*common, *_parameters(operation, resolve))}
        out[method] = _operation(operation, list(mine.values()), head, resolve)
    return out


def parameter(given: Node) -> Node:
    """A parameter that is neither a body nor a form field."""
    out: Node = {
        key: given[key] for key in ("name", "in", "required", "description", "allowEmptyValue") if key in given
    }
    out["schema"] = _field(given)
    if given.get("type") == "array":
        style, explode = _STYLES.get(str(given.get("collectionFormat", "csv")), _STYLES["csv"])
        out |= {"style": "simple" if given.get("in") in {"path", "header"} else style, "explode": explode}
    return out


def response(given: Node, produces: Iterable[str]) -> Node:
    """A reply: its schema under each media type that the operation produces."""
    out: Node = {"headers": given.get("headers") or {}}
    if isinstance(given.get("schema"), dict):
        out["content"] = {
            kind: {"schema": _bytes(given["schema"])} for kind in tuple(produces) or ("application/json",)
        }
    return out


def _operation(given: Node, parameters: list[Node], head: Head, resolve: Callable[[Node], Node]) -> Node:
    consumes = _texts(given.get("consumes")) if "consumes" in given else head.consumes
    produces = _texts(given.get("produces")) if "produces" in given else head.produces
    out: Node = {key: given[key] for key in ("operationId", "tags", "security") if key in given}
    out["parameters"] = [parameter(one) for one in parameters if one.get("in") not in {"body", "formData"}]
    body = next((one for one in parameters if one.get("in") == "body"), None)
    fields = [one for one in parameters if one.get("in") == "formData"]
    if body is not None:
        kinds = consumes or ("application/json",)
        out["requestBody"] = {
            "required": body.get("required") is True,
            "content": {kind: {"schema": body.get("schema", {})} for kind in kinds},
        }
    elif fields:
        out["requestBody"] = _form(fields, consumes)
    replies = given.get("responses")
    out["responses"] = {
        str(status): response(resolve(reply), produces)
        for status, reply in (replies.items() if isinstance(replies, dict) else ())
        if isinstance(reply, dict)
    }
    return out


def _form(fields: list[Node], consumes: tuple[str, ...]) -> Node:
    """The fields of a form as one body. Files can only be uploaded as multipart, whatever the document says."""
    files = any(one.get("type") == "file" for one in fields)
    kinds = [kind for kind in consumes if kind in {_FORM, _UPLOAD}] or [_UPLOAD if files else _FORM]
    if files:
        kinds = [_UPLOAD]
    required = [str(one.get("name")) for one in fields if one.get("required") is True]
    schema: Node = {"type": "object", "properties": {str(one.get("name")): _field(one) for one in fields}}
    if required:
        schema["required"] = required
    return {"required": bool(required), "content": {kind: {"schema": schema} for kind in kinds}}


def _field(given: Node) -> Node:
    kept = _bytes({key: given[key] for key in _SCHEMA if key in given})
    return {**given["schema"], **kept} if isinstance(given.get("schema"), dict) else kept


def _bytes(schema: Node) -> Node:
    """`type: file` as OpenAPI 3 has it."""
    return {**schema, "type": "string", "format": "binary"} if schema.get("type") == "file" else schema


def _parameters(node: Node, resolve: Callable[[Node], Node]) -> list[Node]:
    given = node.get("parameters")
    return [resolve(one) for one in given if isinstance(one, dict)] if isinstance(given, list) else []


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(str(one) for one in value) if isinstance(value, list) else ()
