"""Service models as OpenAPI: the `service-2.json` that some SDKs are made of (`metadata`, `operations`, `shapes`).

Such a model says more than its vendor's OpenAPI documents, and is newer: names, types and where each member stands. What
a path can't tell apart is told by a field of the request: `/#Action=SendEmail` is the call of `/` whose form has that
`Action`, `/#X-Amz-Target=…` the one with that header (see `selecting`). Protocols: `query`, `json`, `rest-json`, `rest-xml`.
Where a service answers, a model doesn't say.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from childproof.errors import InputError

from .places import SCHEMAS

type Node = dict[str, Any]

_KEYS = frozenset({"metadata", "operations", "shapes"})
_FORM = "application/x-www-form-urlencoded"
_TARGET = "X-Amz-Target"  # the format's own word, as `Action` is
_GREEDY = re.compile(r"\{([^{}+]+)\+\}")
_SIMPLE: Mapping[str, Node] = {
    "boolean": {"type": "boolean"},
    "integer": {"type": "integer", "format": "int32"},
    "long": {"type": "integer", "format": "int64"},
    "float": {"type": "number"},
    "double": {"type": "number"},
    "string": {"type": "string"},
    "character": {"type": "string"},
    "blob": {"type": "string", "format": "byte"},
}
_LIMITS = {"string": ("minLength", "maxLength"), "integer": ("minimum", "maximum"), "long": ("minimum", "maximum"),
           "list": ("minItems", "maxItems")}  # fmt: skip
_DEEPEST = 12  # lists of lists of maps …; structures are references


def is_service_model(keys: Mapping[str, Any]) -> bool:
    """Whether a document with these keys is a service model."""
    return keys.keys() >= _KEYS and "openapi" not in keys and "swagger" not in keys


def openapi_of(model: Mapping[str, Any], file: str) -> Node:
    """A service model as an OpenAPI 3 document: names and types only. Raises InputError for a protocol of another kind."""
    metadata = model["metadata"]
    known: list[str] = [metadata.get("protocol", ""), *metadata.get("protocols", ())]
    protocol = next((one for one in known if one in {"query", "json", "rest-json", "rest-xml"}), None)
    if protocol is None:
        found = f"a service model of the protocol {known[0]!r}"
        raise InputError.single(file, found, "one of query, json, rest-json and rest-xml")
    made = _Converter(model["shapes"], protocol)
    paths: dict[str, Node] = {}
    for name, operation in model["operations"].items():
        path, method = _place(operation, protocol, name, metadata)
        paths.setdefault(path, {}).setdefault(method, made.operation(operation))
    return {
        "openapi": "3.0.3",
        "info": {"title": metadata.get("serviceFullName", ""), "version": metadata.get("apiVersion", "")},
        "paths": paths,
        "components": {"schemas": made.schemas()},
    }


def _place(operation: Mapping[str, Any], protocol: str, name: str, metadata: Mapping[str, Any]) -> tuple[str, str]:
    """The path template and method of an operation."""
    http = operation.get("http") or {}
    method = str(http.get("method", "POST")).lower()
    uri = _GREEDY.sub(r"{\1}", str(http.get("requestUri", "/")))
    path, _, fixed = uri.partition("?")
    if protocol == "query":
        return f"{path.rstrip('/')}/#Action={name}", "post"
    if protocol == "json":
        return f"{path.rstrip('/')}/#{_TARGET}={metadata.get('targetPrefix', '')}.{name}", "post"
    return (f"{path}#{fixed}" if fixed else path), method


class _Converter:
    """Turns shapes into schemas. `protocol` decides how times and requests are written."""

    def __init__(self, shapes: Mapping[str, Node], protocol: str) -> None:
        self._shapes = shapes
        self._protocol = protocol
        self._media = {
            "query": "text/xml",
            "rest-xml": "application/xml",
            "json": "application/json",
            "rest-json": "application/json",
        }[protocol]

    def schemas(self) -> dict[str, Node]:
        """The structures that are no exceptions, by name."""
        return {
            name: self._structure(shape)
            for name, shape in self._shapes.items()
            if shape["type"] == "structure" and not shape.get("exception")
        }

    def operation(self, operation: Mapping[str, Any]) -> Node:
        """One operation as OpenAPI has it."""
        made: Node = {"operationId": operation["name"], "responses": dict(self._replies(operation))}
        given = operation.get("input")
        if given is None:
            return made
        shape = self._shapes[given["shape"]]
        parameters = [*self._parameters(shape)]
        if parameters:
            made["parameters"] = parameters
        body = self._body(given["shape"], shape)
        if body is not None:
            media = _FORM if self._protocol == "query" else self._media
            made["requestBody"] = {"content": {media: {"schema": body}}}
        return made

    def _parameters(self, shape: Node) -> Iterator[Node]:
        required = shape.get("required", ())
        for name, member in shape.get("members", {}).items():
            where = {"uri": "path", "querystring": "query", "header": "header"}.get(member.get("location", ""))
            if where is not None:
                yield {
                    "name": member.get("locationName", name),
                    "in": where,
                    "required": where == "path" or name in required,
                    "schema": self._node(member, {}),
                }

    def _body(self, name: str, shape: Node) -> Node | None:
        if "payload" in shape:
            return self._node(shape["members"][shape["payload"]], {})
        members = shape.get("members", {})
        if not any("location" in member for member in members.values()):
            return {"$ref": SCHEMAS + name} if members else None
        inside = {name for name, member in members.items() if "location" not in member}
        return self._structure(shape, inside) if inside else None

    def _replies(self, operation: Mapping[str, Any]) -> Iterator[tuple[str, Node]]:
        status = str((operation.get("http") or {}).get("responseCode", 200))
        output = operation.get("output")
        content: Node
        if output is not None:
            shape = self._shapes[output["shape"]]
            located = any("location" in member for member in shape.get("members", {}).values())
            if "payload" in shape:
                schema = self._node(shape["members"][shape["payload"]], {})
            elif located:
                inside = {name for name, member in shape["members"].items() if "location" not in member}
                schema = self._structure(shape, inside)
            else:
                schema = {"$ref": SCHEMAS + output["shape"]}
            content = {self._media: {"schema": schema}}
        else:  # nothing within whatever stands around a reply
            content = {self._media: {"schema": {"type": "object", "maxProperties": 0}}}
        yield status, {"description": "", "content": content}
        if "json" in self._protocol:
            error = {"type": "object", "properties": {"message": {"type": "string"}, "__type": {"type": "string"}}}
            statuses = {
                str(self._shapes[one["shape"]].get("error", {}).get("httpStatusCode", 400))
                for one in operation.get("errors", ())
            }
            for code in sorted(statuses - {status}):
                yield code, {"description": "", "content": {self._media: {"schema": error}}}

    def _structure(self, shape: Node, only: set[str] | None = None) -> Node:
        members = {name: one for name, one in shape.get("members", {}).items() if only is None or name in only}
        named = {name: str(one.get("locationName", name)) for name, one in members.items()}
        made: Node = {
            "type": "object",
            "properties": {named[name]: self._node(one, {}) for name, one in members.items()},
        }
        required = [named[name] for name in shape.get("required", ()) if name in members]
        return {**made, "required": required} if required else made

    def _node(self, member: Node, above: Mapping[str, int]) -> Node:
        """A member's schema: structures by reference, everything else where it stands."""
        name = member["shape"]
        shape = self._shapes[name]
        kind = shape["type"]
        if kind == "structure":
            return {"$ref": SCHEMAS + name}
        if len(above) > _DEEPEST or name in above:
            return {}
        inner = {**above, name: 1}
        if kind == "list":
            return {"type": "array", "items": self._node(shape["member"], inner), **_limits(shape, kind)}
        if kind == "map":
            return {"type": "object", "additionalProperties": self._node(shape["value"], inner)}
        if kind == "timestamp":
            return self._time(shape, member)
        return {
            **_SIMPLE.get(kind, {}),
            **({"enum": shape["enum"]} if "enum" in shape else {}),
            **_limits(shape, kind),
        }

    def _time(self, shape: Node, member: Node) -> Node:
        """How a time is written: seconds in JSON, text anywhere else, where nothing else is said."""
        usual = "unixTimestamp" if "json" in self._protocol and "location" not in member else "iso8601"
        format_ = member.get("timestampFormat", shape.get("timestampFormat", usual))
        return {"type": "number"} if format_ == "unixTimestamp" else {"type": "string"} | (
            {"format": "date-time"} if format_ == "iso8601" else {}
        )  # fmt: skip


def _limits(shape: Node, kind: str) -> Node:
    names = _LIMITS.get(kind, ())
    return {name: shape[key] for name, key in zip(names, ("min", "max"), strict=False) if key in shape}
