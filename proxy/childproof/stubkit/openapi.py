"""An OpenAPI or Swagger document as an index: paths and schemas stay undecoded bytes until a call needs them.

Only the outermost keys are read when a stub is loaded, so a document of several megabytes is ready in some
milliseconds; each path item and schema is decoded, brought to one shape (`nodes.py`, `swagger.py`) and kept on first use.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from childproof.errors import Fault, InputError

from . import nodes, swagger
from .faults import ambiguities, document_faults
from .hosts import expanded, hosts
from .routing import Router, parameters, same_paths, shape
from .sources import Source, Sources, entries, place_name, read_source, source, split

METHODS = ("get", "post", "put", "patch", "delete", "head", "options")
_SCHEMAS = "#/components/schemas/"
_MOST_STEPS = 50  # of references that point at references


@dataclass(frozen=True, slots=True)
class Operation:
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


@dataclass(frozen=True, slots=True)
class _Place:
    """Where something stands: the file ("" is the first) and the steps to it; or its bytes, where they are at hand."""

    file: str
    steps: tuple[str, ...] = ()
    raw: msgspec.Raw | None = None


class OpenApi:
    """A loaded document. `file` is its name for messages, `base` the path prefix of its first server ("" if none).

    `version` is as the document says ("3.0.3", "2.0").
    """

    def __init__(self, file: str, raw: bytes | Source, folder: Path | None = None) -> None:
        main = raw if isinstance(raw, Source) else source(file, raw)
        self.file = file
        self.sources = Sources(main, folder)
        top = main.section()
        self.version, self._swagger = _version(main)
        self._modern = not self._swagger and not self.version.startswith("3.0")
        self._head = swagger.head(_decoded(top, "consumes", "produces"))
        self._item_places = self._entries(("paths",))
        self._schema_places = self._entries(("definitions",) if self._swagger else ("components", "schemas"))
        self._names = self._aliases()
        self._taken = set(self._schema_places)
        faults = document_faults(self.sources, self._item_places, self._schema_places, swagger=self._swagger)
        if faults:
            raise InputError(faults)
        self._declared = frozenset(self._schema_places)
        self._name_all()
        self.paths: Mapping[str, Any] = {
            path: place for path, place in self._item_places.items() if path.startswith("/")
        }
        given = swagger.servers(_decoded(top, "host", "basePath", "schemes")) if self._swagger else self._servers(top)
        self._given_servers = given
        self.servers = tuple(url for server in given for url in expanded(server))
        self.base = urlsplit(self.servers[0]).path.rstrip("/") if self.servers else ""
        self._schemas: dict[str, dict[str, Any]] = {}
        self._items: dict[str, dict[str, Any]] = {}
        self._operations: dict[tuple[str, str], Operation | None] = {}
        self._same = same_paths(self.paths)
        self.router = Router(self.paths)

    def security_schemes(self) -> list[dict[str, Any]]:
        """The document's security schemes, in its order."""
        if self._swagger:
            found = _decoded(self.sources.main.section(), "securityDefinitions").get("securityDefinitions")
            return list(swagger.security_schemes(_mapping(found)).values())
        section = self.sources.main.section("components", "securitySchemes")
        return [self._followed(_mapping(msgspec.json.decode(raw)), "")[0] for raw in section.values()]

    def info(self) -> dict[str, str]:
        """The document's title and version."""
        found = _mapping(_decoded(self.sources.main.section(), "info").get("info"))
        return {"title": str(found.get("title", "")), "version": str(found.get("version", ""))}

    @property
    def whole(self) -> bool:
        """Whether this is one file of OpenAPI 3: what can be read without conversion."""
        return not self._swagger and not any(self.sources.names())

    def hosts(self) -> list[str]:
        """The host patterns of the document's servers in its order; [] where none has a name."""
        return hosts(self._given_servers)

    def notes(self) -> list[Fault]:
        """What the document says twice, so that only the first can be served, with its place."""
        return ambiguities(self.sources.main, self._same, self.methods)

    def webhooks(self) -> dict[str, dict[str, Any]]:
        """What the service calls of its own accord (3.1): by name, path items as `methods` reads them."""
        return {name: self._read_item(place) for name, place in self._entries(("webhooks",)).items()}

    def has_path(self, path: str) -> bool:
        """Whether the document spells exactly this path template."""
        return path in self.paths

    def schema_names(self) -> list[str]:
        """The names of all component schemas."""
        return list(self._schema_places)

    def schema(self, name: str) -> dict[str, Any] | None:
        """A component schema by name, decoded on first use; None where there is none."""
        found = self._schemas.get(name)
        if found is None:
            place = self._schema_places.get(name)
            if place is None:
                return None
            found = self._schemas[name] = self._shaped(self._node(place), place.file)
        return found

    def declares(self, name: str) -> bool:
        """Whether the document itself has given a schema this name."""
        return name in self._declared

    def adopt(self, name: str, schema: dict[str, Any]) -> str:
        """Give an inline schema a name, so that it can be asked for like a component. Gives the name back."""
        self._schemas.setdefault(name, schema)
        return name

    def resolve(self, node: dict[str, Any]) -> dict[str, Any]:
        """`node` itself, or the schema that its `$ref` points at (followed to the end); `{}` for a circle."""
        for _ in range(_MOST_STEPS):
            name = self.ref_name(node)
            if name is None:
                return node
            node = self.schema(name) or {}
        return {}

    def ref_name(self, node: dict[str, Any]) -> str | None:
        """The schema's name if `node` is a reference to a component schema."""
        reference = node.get("$ref")
        if not isinstance(reference, str) or not reference.startswith(_SCHEMAS):
            return None
        return reference.removeprefix(_SCHEMAS).replace("~1", "/").replace("~0", "~")

    def methods(self, path: str) -> tuple[str, ...]:
        """The methods (upper case) that a path template has."""
        item = self._item(path)
        return tuple(method.upper() for method in METHODS if isinstance(item.get(method), dict))

    def route(self, method: str, path: str) -> tuple[str, dict[str, str]] | None:
        """The path template that a path fits, and its parameters' values; None for a path that fits none.

        Where a document spells one path twice, with parameters of other names, it is the spelling that has the method.
        """
        found = self.router.match(path)
        if found is None:
            return None
        template, values = found
        others = self._same.get(shape(template), ())
        if len(others) > 1 and self.operation(method, template) is None:
            for other in others:
                if self.operation(method, other) is not None:
                    return other, dict(zip(parameters(other), values.values(), strict=False))
        return found

    def count(self) -> int:
        """How many operations the document has, without decoding them but where a path stands in another file."""
        total = 0
        for path, place in self._item_places.items():
            keys = entries(place.raw) if place.raw is not None else {}
            total += len(self.methods(path)) if "$ref" in keys or place.raw is None else sum(one in keys for one in METHODS)
        return total

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
        found: dict[str, dict[str, Any]] = node.get("responses") or {}
        return found

    # --- path items

    def _item(self, path: str) -> dict[str, Any]:
        found = self._items.get(path)
        if found is None:
            place = self._item_places.get(path)
            found = self._items[path] = self._read_item(place) if place is not None else {}
        return found

    def _read_item(self, place: _Place) -> dict[str, Any]:
        """A path item with all that it refers to besides schemas in it, in OpenAPI 3's shape."""
        node, file = self._followed(_mapping(self._node(place)), place.file)
        if self._swagger:
            node = swagger.item(node, self._head, lambda inner: self._followed(inner, file)[0])
        common = self._parameters(node, file)
        out: dict[str, Any] = {}
        for method in METHODS:
            given = node.get(method)
            if not isinstance(given, dict):
                continue
            # An operation's own parameter replaces the path's of the same place and name.
            mine = {(one["in"], one["name"]): one for one in (*common, *self._parameters(given, file))}
            body, origin = self._followed(_mapping(given.get("requestBody")), file)
            replies = _mapping(given.get("responses"))
            out[method] = {
                **{key: given[key] for key in ("operationId", "tags", "security") if key in given},
                "parameters": tuple(mine.values()),
                "requestBody": nodes.body(body, self._refer(origin), modern=self._modern),
                "responses": {str(status): self._response(_mapping(reply), file) for status, reply in replies.items()},
            }
        return out

    def _parameters(self, node: dict[str, Any], file: str) -> list[dict[str, Any]]:
        given = node.get("parameters")
        out = []
        for one in given if isinstance(given, list) else ():
            found, origin = self._followed(_mapping(one), file)
            if isinstance(found.get("name"), str) and isinstance(found.get("in"), str):
                out.append(nodes.parameter(found, self._refer(origin), modern=self._modern))
        return out

    def _response(self, node: dict[str, Any], file: str) -> dict[str, Any]:
        found, origin = self._followed(node, file)
        return nodes.response(found, self._refer(origin), modern=self._modern)

    def _read(self, method: str, path: str) -> Operation | None:
        node = self._item(path).get(method.lower())
        if not isinstance(node, dict):
            return None
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

    # --- references

    def _entries(self, keys: tuple[str, ...]) -> dict[str, _Place]:
        """The entries of a section, which may itself be a reference to another file's."""
        section = self.sources.main.section(*keys)
        reference = section.get("$ref")
        if keys[0] == "components" and "$ref" in self.sources.main.section("components"):
            return self._elsewhere(self.sources.main.section("components")["$ref"], keys[1:])
        if reference is not None and len(section) == 1:
            return self._elsewhere(reference, ())
        return {name: _Place("", (*keys, name), raw) for name, raw in section.items() if not name.startswith("x-")}

    def _elsewhere(self, reference: msgspec.Raw, below: tuple[str, ...]) -> dict[str, _Place]:
        try:
            file, steps = split(str(msgspec.json.decode(reference)), "")
        except ValueError:
            return {}
        found = self.sources.get(file)
        node = found.at((*steps, *below)) if found is not None else None
        return {
            str(name): _Place(file, (*steps, *below, str(name))) for name in _mapping(node) if not name.startswith("x-")
        }

    def _aliases(self) -> dict[tuple[str, tuple[str, ...]], str]:
        """Names of components that are no more than a reference to a file, by what they point at."""
        found: dict[tuple[str, tuple[str, ...]], str] = {}
        for name, place in list(self._schema_places.items()):
            if place.raw is None:
                found.setdefault((place.file, place.steps), name)
            elif len(bytes(place.raw)) < 300 and b'"$ref"' in bytes(place.raw):
                node = msgspec.json.decode(place.raw)
                reference = node.get("$ref") if isinstance(node, dict) else None
                if isinstance(reference, str) and not reference.startswith("#"):
                    try:
                        target = split(reference, "")
                    except ValueError:
                        continue
                    found.setdefault(target, name)
                    self._schema_places[name] = _Place(*target)
        return found

    def _name_all(self) -> None:
        """Give names to the schemas in odd places, in the order of the document, so that they are the same each time."""
        for file in ("", *self.sources.names()):
            here = self.sources.get(file)
            for reference in here.references() if here is not None else ():
                steps = reference.partition("#")[2].strip("/").split("/")
                if steps[0] != "components" or len(steps) > 3:
                    self._name(reference, file)

    def _refer(self, file: str) -> nodes.Refer:
        return lambda reference: _SCHEMAS + self._name(reference, file).replace("~", "~0").replace("/", "~1")

    def _name(self, reference: str, file: str) -> str:
        """The name of the schema that a reference in a file means; a name is given to one that has none."""
        if file == "" and reference.startswith(_SCHEMAS) and not self._swagger:
            name = reference.removeprefix(_SCHEMAS)
            if name in self._schema_places:
                return name
        try:
            target = split(reference, file)
        except ValueError:
            return reference
        home, steps = target
        if home == "" and len(steps) in {2, 3} and steps[:-1] in {("components", "schemas"), ("definitions",)}:
            return steps[-1]
        if home == "" and not steps and reference in self._schema_places:
            return reference
        known = self._names.get(target)
        if known is None:
            short = place_name(steps) or home.rpartition("/")[2].partition(".")[0] or "document"
            known, count = short, 1
            while known in self._taken:
                count += 1
                known = f"{short}{count}"
            self._names[target] = known
            self._taken.add(known)
            self._schema_places[known] = _Place(*target)
        return known

    def _followed(self, node: dict[str, Any], file: str) -> tuple[dict[str, Any], str]:
        """What a node's `$ref` leads to in the end, and the file that it stands in."""
        for _ in range(_MOST_STEPS):
            reference = node.get("$ref")
            if not isinstance(reference, str):
                return node, file
            try:
                file, steps = split(reference, file)
            except ValueError:
                return {}, file
            node = _mapping(self._node(_Place(file, steps)))
        return {}, file

    def _node(self, place: _Place) -> Any:
        if place.raw is not None:
            return msgspec.json.decode(place.raw)
        found = self.sources.get(place.file)
        return found.at(place.steps) if found is not None else None

    def _shaped(self, node: Any, file: str) -> dict[str, Any]:
        return nodes.schema(node, self._refer(file), modern=self._modern)

    def _servers(self, top: Mapping[str, msgspec.Raw]) -> list[dict[str, Any]]:
        given = _decoded(top, "servers").get("servers")
        return [server for server in given if isinstance(server, dict)] if isinstance(given, list) else []


def load_openapi(path: Path, name: str | None = None) -> OpenApi:
    """Read a document, Swagger 2 or OpenAPI 3, from a `.json`, `.yaml` or `.yml` file, gzipped or not. Raises InputError."""
    file = name or str(path)
    return OpenApi(file, read_source(path, file), path.parent)


def _version(main: Source) -> tuple[str, bool]:
    """The version that a document says, and whether it is Swagger's. Raises InputError for any other."""
    found = _decoded(main.section(), "openapi", "swagger")
    swagger_version, version = str(found.get("swagger", "")), str(found.get("openapi", ""))
    if swagger_version.startswith("2"):
        return swagger_version, True
    if version.startswith("3"):
        return version, False
    said = f"Swagger {swagger_version}" if swagger_version else f"openapi: {version!r}" if version else "no version"
    raise InputError(
        [main.fault("swagger" if swagger_version else "openapi", said, '`openapi: 3.…` or `swagger: "2.0"`', key=True)]
    )


def _decoded(section: Mapping[str, msgspec.Raw], *keys: str) -> dict[str, Any]:
    return {key: msgspec.json.decode(section[key]) for key in keys if key in section}


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


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
