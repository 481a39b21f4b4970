"""An OpenAPI 3 document as an index: paths and schemas stay undecoded bytes until a call needs them.

Only the outermost keys are read when a stub is loaded, so a document of several megabytes is ready in some
milliseconds; each path item and schema is decoded on first use and kept.
"""

import gzip
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from childproof.documents import parse_yaml
from childproof.errors import InputError

from .routing import Router, parameters

METHODS = ("get", "post", "put", "patch", "delete", "head", "options")
_COMPONENT = "#/components/"


class _Index(msgspec.Struct):
    openapi: str | float = ""
    paths: dict[str, msgspec.Raw] = {}
    components: dict[str, msgspec.Raw] = {}
    servers: list[dict[str, Any]] = []
    swagger: str | float = ""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the document, its references to components resolved one level.

    `reply_schema` is the success reply's JSON schema (None where it has no body), `reply_ref` the component's name if
    it is a plain reference. `error_schema` is that of the first error reply.
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


class OpenApi:
    """A loaded document. `file` is its name for messages, `base` the path prefix of its first server ("" if none)."""

    def __init__(self, file: str, raw: bytes) -> None:
        try:
            index = msgspec.json.decode(raw, type=_Index)
            self._schemas_raw = _section(index, "schemas")
        except (msgspec.DecodeError, RecursionError) as error:
            raise InputError.single(file, f"no OpenAPI document: {error}", "an OpenAPI 3 document") from None
        if index.swagger or not str(index.openapi).startswith("3"):
            found = f"Swagger {index.swagger}" if index.swagger else f"openapi: {index.openapi!r}"
            raise InputError.single(file, found, "an OpenAPI 3 document (convert Swagger 2 first)")
        self.file = file
        self.paths: Mapping[str, msgspec.Raw] = index.paths
        self.servers = tuple(str(server.get("url", "")) for server in index.servers)
        self.base = urlsplit(self.servers[0]).path.rstrip("/") if self.servers else ""
        self._components = index.components
        self._sections: dict[str, dict[str, msgspec.Raw]] = {"schemas": self._schemas_raw}
        self._schemas: dict[str, dict[str, Any]] = {}
        self._items: dict[str, dict[str, Any]] = {}
        self._operations: dict[tuple[str, str], Operation | None] = {}
        self.router = Router(index.paths)

    def security_schemes(self) -> list[dict[str, Any]]:
        """The document's security schemes, in its order."""
        raw = self._components.get("securitySchemes")
        if raw is None:
            return []
        found: dict[str, Any] = msgspec.json.decode(raw, type=dict[str, Any])
        return [_mapping(value) for value in found.values()]

    def has_path(self, path: str) -> bool:
        """Whether the document spells exactly this path template."""
        return path in self.paths

    def schema_names(self) -> list[str]:
        """The names of all component schemas."""
        return list(self._schemas_raw)

    def schema(self, name: str) -> dict[str, Any] | None:
        """A component schema by name, decoded on first use; None where there is none."""
        found = self._schemas.get(name)
        if found is None:
            raw = self._schemas_raw.get(name)
            if raw is None:
                return None
            found = self._schemas[name] = _mapping(msgspec.json.decode(raw))
        return found

    def adopt(self, name: str, schema: dict[str, Any]) -> str:
        """Give an inline schema a name, so that it can be asked for like a component. Gives the name back."""
        self._schemas.setdefault(name, schema)
        return name

    def resolve(self, node: dict[str, Any]) -> dict[str, Any]:
        """`node` itself, or what its `$ref` points at (followed to the end). A dangling reference is `{}`."""
        for _ in range(50):
            reference = node.get("$ref")
            if not isinstance(reference, str):
                return node
            node = self._component(reference)
        return {}

    def ref_name(self, node: dict[str, Any]) -> str | None:
        """The schema's name if `node` is a reference to a component schema."""
        reference = node.get("$ref")
        prefix = "#/components/schemas/"
        return reference.removeprefix(prefix) if isinstance(reference, str) and reference.startswith(prefix) else None

    def methods(self, path: str) -> tuple[str, ...]:
        """The methods (upper case) that a path template has."""
        return tuple(method.upper() for method in METHODS if method in self._item(path))

    def operation(self, method: str, path: str) -> Operation | None:
        """The operation at a path template, or None."""
        if method.lower() not in METHODS:
            return None  # and not remembered: callers could invent methods without end
        key = (method, path)
        if key not in self._operations:
            self._operations[key] = self._read(method, path)
        return self._operations[key]

    def operations(self) -> Iterator[Operation]:
        """Every operation of the document; decodes all of it."""
        for path in self.paths:
            for method in self.methods(path):
                found = self.operation(method, path)
                if found is not None:
                    yield found

    def responses(self, operation: Operation) -> dict[str, dict[str, Any]]:
        """What an operation may reply, by status as the document writes it (`200`, `4XX`, `default`), resolved."""
        node = self._item(operation.path).get(operation.method.lower()) or {}
        return {str(status): self.resolve(_mapping(value)) for status, value in (node.get("responses") or {}).items()}

    def _item(self, path: str) -> dict[str, Any]:
        found = self._items.get(path)
        if found is None:
            raw = self.paths.get(path)
            found = self._items[path] = self.resolve(_mapping(msgspec.json.decode(raw))) if raw is not None else {}
        return found

    def _read(self, method: str, path: str) -> Operation | None:
        item = self._item(path)
        node = item.get(method.lower())
        if not isinstance(node, dict):
            return None
        merged: dict[tuple[Any, Any], dict[str, Any]] = {}
        for parameter in [*item.get("parameters", []), *node.get("parameters", [])]:
            resolved = self.resolve(parameter)
            merged[resolved.get("in"), resolved.get("name")] = resolved
        body = self.resolve(node.get("requestBody") or {})
        content_type, schema = _content(body)
        responses = {str(status): self.resolve(value) for status, value in (node.get("responses") or {}).items()}
        status, reply = _success(responses)
        return Operation(
            name=f"{method} {path}",
            method=method,
            path=path,
            path_parameters=parameters(path),
            parameters=tuple(merged.values()),
            request_type=content_type,
            request_schema=schema,
            request_required=bool(body.get("required")),
            status=status,
            reply_schema=_content(reply)[1],
            error_schema=_failure(responses),
            security=node.get("security"),
        )

    def _component(self, reference: str) -> dict[str, Any]:
        if not reference.startswith(_COMPONENT):
            return {}
        section, _, name = reference.removeprefix(_COMPONENT).partition("/")
        name = name.replace("~1", "/").replace("~0", "~")
        if section == "schemas":
            return self.schema(name) or {}
        if section not in self._sections:
            raw = self._components.get(section)
            self._sections[section] = msgspec.json.decode(raw, type=dict[str, msgspec.Raw]) if raw is not None else {}
        raw = self._sections[section].get(name)
        return _mapping(msgspec.json.decode(raw)) if raw is not None else {}


def load_openapi(path: Path, name: str | None = None) -> OpenApi:
    """Read a document from a `.json`, `.yaml` or `.yml` file, gzipped or not. Raises InputError."""
    file = name or str(path)
    try:
        raw = path.read_bytes()
        if raw.startswith(b"\x1f\x8b"):
            raw = gzip.decompress(raw)
    except (OSError, EOFError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError.single(file, f"can't be read: {reason}", "an OpenAPI 3 document") from None
    if not raw.lstrip().startswith(b"{"):
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            raise InputError.single(file, "bytes that are no UTF-8", "an OpenAPI 3 document") from None
        raw = msgspec.json.encode(parse_yaml(text, file).value)
    return OpenApi(file, raw)


def _section(index: _Index, name: str) -> dict[str, msgspec.Raw]:
    raw = index.components.get(name)
    return msgspec.json.decode(raw, type=dict[str, msgspec.Raw]) if raw is not None else {}


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _content(body: dict[str, Any]) -> tuple[str, dict[str, Any] | None]:
    """The media type that we speak for a body, and its schema: JSON before forms before anything else."""
    content: dict[str, Any] = body.get("content") or {}
    for wanted in ("json", "x-www-form-urlencoded", "form-data", ""):
        for media, value in content.items():
            if wanted in media:
                schema = value.get("schema") if isinstance(value, dict) else None
                return media, schema if isinstance(schema, dict) else None
    return "", None


def _success(responses: dict[str, dict[str, Any]]) -> tuple[int, dict[str, Any]]:
    for status in sorted(responses):
        if status.startswith("2"):
            return int(status) if status.isdigit() else 200, responses[status]
    return 200, responses.get("default", {}) if len(responses) == 1 else {}


def _failure(responses: dict[str, dict[str, Any]]) -> dict[str, Any] | None:
    for status in ("404", "400", "422", "4XX", "4xx", "default", *sorted(responses)):
        if status in responses and not status.startswith(("1", "2", "3")):
            schema = _content(responses[status])[1]
            if schema is not None:
                return schema
    return None
