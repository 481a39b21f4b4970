"""An OpenAPI or Swagger document as an index: paths and schemas stay undecoded bytes until a call needs them.

Only the outermost keys are read when a stub is loaded, so a document of several megabytes is ready in some
milliseconds; each path item and schema is decoded, brought to one shape (`nodes.py`, `swagger.py`) and kept on first use.
"""

from collections.abc import Collection, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from childproof.errors import Fault, InputError

from . import nodes, swagger
from .faults import ambiguities, document_faults
from .hosted import Hosted, servers
from .hosts import expanded, hosts
from .operations import Operation, operation_of
from .places import SCHEMAS, Place, Places
from .routing import Router, parameters, same_paths, shape
from .servicemodel import is_service_model, openapi_of
from .sources import Source, Sources, entries, is_mapping, read_source, source

__all__ = ["METHODS", "OpenApi", "Operation", "load_openapi"]

METHODS = ("get", "post", "put", "patch", "delete", "head", "options")
_SERVERS = b'"servers"'
_RESERVED = b'"allowReserved"'
_MOST_STEPS = 50  # of references that point at references


class OpenApi:
    """A loaded document. `file` is its name for messages, `base` the path prefix of its first server ("" if none).

    `version` is as the document says ("3.0.3", "2.0"). `beside`: schemas of another document that this one is added to,
    which it may refer to by name.
    """

    def __init__(
        self, file: str, raw: bytes | Source, folder: Path | None = None, *, beside: Collection[str] = ()
    ) -> None:
        main = raw if isinstance(raw, Source) else source(file, raw)
        self.file = file
        self.sources = Sources(main, folder)
        top = main.section()
        self.version, self._swagger = _version(main)
        self._modern = not self._swagger and not self.version.startswith("3.0")
        self._head = swagger.head(_decoded(top, "consumes", "produces"))
        self._places = Places(self.sources, swagger=self._swagger)
        faults = document_faults(self.sources, self._places.items, self._places.schemas, beside, swagger=self._swagger)
        if faults:
            raise InputError(faults)
        self._places.name_all()
        self.paths: Mapping[str, Any] = {
            path: place for path, place in self._places.items.items() if path.startswith("/")
        }
        given = swagger.servers(_decoded(top, "host", "basePath", "schemes")) if self._swagger else self._servers(top)
        self._given_servers = given
        self.servers = tuple(url for server in given for url in expanded(server))
        self.base = urlsplit(self.servers[0]).path.rstrip("/") if self.servers else ""
        self._schemas: dict[str, dict[str, Any]] = {}
        self._items: dict[str, dict[str, Any]] = {}
        self._operations: dict[tuple[str, str], Operation | None] = {}
        self._same = same_paths(self.paths)
        self.router = Router(self.paths, self.spanning)

    def security_schemes(self) -> list[dict[str, Any]]:
        """The document's security schemes, in its order."""
        if self._swagger:
            found = _decoded(self.sources.main.section(), "securityDefinitions").get("securityDefinitions")
            return list(swagger.security_schemes(_mapping(found)).values())
        section = self.sources.main.section("components", "securitySchemes")
        return [self._places.followed(_mapping(msgspec.json.decode(raw)), "")[0] for raw in section.values()]

    def info(self) -> dict[str, str]:
        """The document's title and version."""
        found = _mapping(_decoded(self.sources.main.section(), "info").get("info"))
        return {"title": str(found.get("title", "")), "version": str(found.get("version", ""))}

    @property
    def whole(self) -> bool:
        """Whether this is one file of OpenAPI 3 in which only schemas are shared, so that each operation reads alone."""
        shared = {"parameters", "requestBodies", "responses", "pathItems"}
        components = self.sources.main.section("components").keys()
        named = len(self._places.schemas) > len(
            self._places.declared
        )  # schemas in odd places, referred to from elsewhere
        return not (self._swagger or named or shared & components or any(self.sources.names()))

    @property
    def security(self) -> list[Any]:
        """What operations need that don't say so themselves."""
        found = _decoded(self.sources.main.section(), "security").get("security")
        return found if isinstance(found, list) else []

    def hosts(self) -> list[str]:
        """The host patterns of the document's servers in its order; [] where none has a name."""
        return hosts(self._given_servers)

    def notes(self) -> list[Fault]:
        """What the document says twice, so that only the first can be served, with its place."""
        return ambiguities(self.sources.main, self._same, self.methods)

    def webhooks(self) -> dict[str, dict[str, Any]]:
        """What the service calls of its own accord (3.1): by name, path items as `methods` reads them."""
        return {name: self._read_item(place) for name, place in self._places.entries(("webhooks",)).items()}

    def has_path(self, path: str) -> bool:
        """Whether the document spells exactly this path template."""
        return path in self.paths

    def has_operation(self, method: str, path: str) -> bool:
        """Whether the document has an operation, told without decoding it where its path item stands here."""
        place = self._places.items.get(path)
        if place is None or method.lower() not in METHODS:
            return False
        keys = entries(place.raw)
        if not keys or "$ref" in keys:
            return method in self.methods(path)
        raw = keys.get(method.lower())
        return raw is not None and is_mapping(raw)

    def schema_names(self) -> list[str]:
        """The names of all component schemas."""
        return list(self._places.schemas)

    def schema(self, name: str) -> dict[str, Any] | None:
        """A component schema by name, decoded on first use; None where there is none."""
        found = self._schemas.get(name)
        if found is None:
            place = self._places.schemas.get(name)
            if place is None:
                return None
            found = self._schemas[name] = self._shaped(self._places.node(place), place.file)
        return found

    def declares(self, name: str) -> bool:
        """Whether the document itself has given a schema this name."""
        return name in self._places.declared

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
        if not isinstance(reference, str) or not reference.startswith(SCHEMAS):
            return None
        return reference.removeprefix(SCHEMAS).replace("~1", "/").replace("~0", "~")

    def methods(self, path: str) -> tuple[str, ...]:
        """The methods (upper case) that a path template has."""
        item = self._item(path)
        return tuple(method.upper() for method in METHODS if isinstance(item.get(method), dict))

    @cached_property
    def spanning(self) -> frozenset[str]:
        """The parameters of paths whose values may have slashes in them: `allowReserved`, as OpenAPI 3.2 has it."""
        shared = self.sources.main.section("components", "parameters").values()
        given = [_mapping(msgspec.json.decode(raw)) for raw in shared if _RESERVED in bytes(raw)]
        for place in self.paths.values():
            if place.raw is not None and _RESERVED in bytes(place.raw):
                item = _mapping(self._places.node(place))
                nodes_ = (item, *(_mapping(item[method]) for method in METHODS if method in item))
                given += [_mapping(one) for node in nodes_ for one in node.get("parameters", ())]
        return frozenset(str(one.get("name")) for one in given if one.get("in") == "path" and one.get("allowReserved"))

    @cached_property
    def hosted(self) -> Hosted | None:
        """The paths and operations that have `servers` of their own; None where nothing has."""
        own = []
        for path, place in self._places.items.items():
            if place.raw is None or _SERVERS in bytes(place.raw):
                node, _ = self._places.followed(_mapping(self._places.node(place)), place.file)
                own += servers(node, path, METHODS)
        elsewhere = {server.template for server in own}
        # Decoded is only what has servers of its own; of any other path one operation stands for all.
        known = [(method, path) for path in elsewhere for method in self.methods(path)]
        rest = [("", path) for path in self.paths if path not in elsewhere]
        return Hosted(own, (*known, *rest), self.hosts(), self.spanning) if own else None

    def route(self, method: str, path: str, host: str = "", base: str = "") -> tuple[str, dict[str, str]] | None:
        """The path template that a path fits, and its parameters' values; None for a path that fits none.

        Where a document spells one path twice, with parameters of other names, it is the spelling that has the method.
        With a `host`, only what is answered there. `base` is what stands before the document's general paths.
        """
        hosted = self.hosted if host else None
        found, general = hosted.match(host, path) if hosted is not None else (None, True)
        if general and (not base or path == base or path.startswith(f"{base}/")):
            router = hosted.general if hosted is not None else self.router
            found = self._matched(router, method, path[len(base) :])
        if found is None or hosted is None or hosted.serves(host, method, found[0]):
            return found
        return None

    def _matched(self, router: Router, method: str, path: str) -> tuple[str, dict[str, str]] | None:
        found = router.match(path)
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
        for path, place in self._places.items.items():
            keys = entries(place.raw) if place.raw is not None else {}
            total += (
                len(self.methods(path)) if "$ref" in keys or place.raw is None else sum(one in keys for one in METHODS)
            )
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
            place = self._places.items.get(path)
            found = self._items[path] = self._read_item(place) if place is not None else {}
        return found

    def _read_item(self, place: Place) -> dict[str, Any]:
        """A path item with all that it refers to besides schemas in it, in OpenAPI 3's shape."""
        node, file = self._places.followed(_mapping(self._places.node(place)), place.file)
        if self._swagger:
            node = swagger.item(node, self._head, lambda inner: self._places.followed(inner, file)[0])
        common = self._parameters(node, file)
        out: dict[str, Any] = {}
        for method in METHODS:
            given = node.get(method)
            if not isinstance(given, dict):
                continue
            # An operation's own parameter replaces the path's of the same place and name.
            mine = {(one["in"], one["name"]): one for one in (*common, *self._parameters(given, file))}
            body, origin = self._places.followed(_mapping(given.get("requestBody")), file)
            replies = _mapping(given.get("responses"))
            out[method] = {
                **{key: given[key] for key in ("operationId", "tags", "security") if key in given},
                "parameters": tuple(mine.values()),
                "requestBody": nodes.body(body, self._places.refer(origin), modern=self._modern),
                "responses": {str(status): self._response(_mapping(reply), file) for status, reply in replies.items()},
            }
        return out

    def _parameters(self, node: dict[str, Any], file: str) -> list[dict[str, Any]]:
        given = node.get("parameters")
        out = []
        for one in given if isinstance(given, list) else ():
            found, origin = self._places.followed(_mapping(one), file)
            if isinstance(found.get("name"), str) and isinstance(found.get("in"), str):
                out.append(nodes.parameter(found, self._places.refer(origin), modern=self._modern))
        return out

    def _response(self, node: dict[str, Any], file: str) -> dict[str, Any]:
        found, origin = self._places.followed(node, file)
        return nodes.response(found, self._places.refer(origin), modern=self._modern)

    def _read(self, method: str, path: str) -> Operation | None:
        node = self._item(path).get(method.lower())
        if not isinstance(node, dict):
            return None
        return operation_of(method, path, node)

    def _shaped(self, node: Any, file: str) -> dict[str, Any]:
        return nodes.schema(node, self._places.refer(file), modern=self._modern)

    def _servers(self, top: Mapping[str, msgspec.Raw]) -> list[dict[str, Any]]:
        given = _decoded(top, "servers").get("servers")
        return [server for server in given if isinstance(server, dict)] if isinstance(given, list) else []


def load_openapi(path: Path, name: str | None = None, *, beside: Collection[str] = ()) -> OpenApi:
    """Read a document, Swagger 2 or OpenAPI 3, from a `.json`, `.yaml` or `.yml` file, gzipped or not. Raises InputError.

    A service model (`service-2.json`) is read as the OpenAPI 3 document that it amounts to.
    `beside`: names of another document's schemas that this one may refer to as if they were its own.
    """
    file = name or str(path)
    read = read_source(path, file)
    if is_service_model(read.section()):
        read = source(file, msgspec.json.encode(openapi_of(msgspec.json.decode(read.raw), file)))
    return OpenApi(file, read, path.parent, beside=beside)


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
