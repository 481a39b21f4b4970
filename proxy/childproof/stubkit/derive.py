"""Derive a stub's surface from a vendor's OpenAPI document: names and types only.

What is kept are the facts of an interface: paths, operation ids, parameters, schemas with their types, enums, lengths
and formats, and the extensions that say what is a resource and what can be expanded. What is dropped is everything a
person wrote to be read: descriptions, summaries, titles, examples, external documentation.

Equal sub-schemas are written once, as components with a name made of the property and a digest of the content, so
that deriving again from a newer document changes only the lines of what changed. The result is an OpenAPI document
itself, minified, with one line for each path and each component: it decodes lazily, and diffs of it can be reviewed.
"""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from childproof.errors import InputError

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")

# Keywords whose value is copied as it is. Everything that isn't in one of these tables is dropped.
_PLAIN = frozenset({
    "$ref", "type", "format", "enum", "const", "required", "nullable", "default", "pattern", "minLength", "maxLength",
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minItems", "maxItems", "uniqueItems",
    "minProperties", "maxProperties", "readOnly", "writeOnly", "discriminator",
    "x-resourceId", "x-expandableFields", "x-expansionResources",
})  # fmt: skip
_ONE = ("items", "not", "additionalProperties")  # a schema, or for the last one also true or false
_MANY = ("anyOf", "oneOf", "allOf")
_NAMED = ("properties", "patternProperties")
_PARAMETER = ("name", "in", "required", "style", "explode", "allowReserved")
_WORTH_SHARING = 96  # bytes of a sub-schema below which a reference would save nothing worth the detour

type JSON = Any
type Schema = dict[str, JSON]


@dataclass(frozen=True, slots=True)
class Derived:
    """A surface: the document's text and what it holds."""

    text: bytes
    paths: int
    operations: int
    schemas: int
    shared: int


def derive(
    document: Mapping[str, JSON], *, source: str, only: Collection[str] = (), more: Iterable[Mapping[str, JSON]] = ()
) -> Derived:
    """The surface of an OpenAPI 3.x document. Deterministic: the same document gives the same bytes.

    `only` are prefixes of paths to keep; nothing named keeps all. Schemas that nothing kept refers to are left out.
    `more` are further documents, written by hand: their paths are added (those that the vendor's document leaves out).
    Raises InputError when `document` is no OpenAPI document or a prefix in `only` fits no path.
    """
    paths = document.get("paths")
    if not str(document.get("openapi", "")).startswith("3.") or not isinstance(paths, Mapping):
        raise InputError.single(source, "no OpenAPI 3 document", "a JSON object with `openapi: 3.…` and `paths`")
    for prefix in only:
        if not any(path.startswith(prefix) for path in paths):
            raise InputError.single("--only", f"{prefix!r} fits no path", f"the beginning of a path of {source}")
    chosen = {path: item for path, item in paths.items() if _wanted(path, only)}
    for extra in more:
        chosen |= extra.get("paths", {})
    kept = {path: _path(item) for path, item in sorted(chosen.items())}
    known = document.get("components", {}).get("schemas", {})
    schemas = _reachable({name: _schema(schema) for name, schema in known.items()}, kept)
    parameters = _share_parameters(kept)
    shared = _Shared([*_operation_schemas(kept), *parameters.values(), *schemas.values()])
    for operation in _operations(kept):
        _rewrite_operation(operation, shared)
    for parameter in parameters.values():
        if "schema" in parameter:
            parameter["schema"] = shared.inside(parameter["schema"])
    components = {name: shared.inside(schema) for name, schema in schemas.items()}
    components.update(shared.components())
    info = document.get("info", {})
    head = {
        "openapi": document["openapi"],
        "info": {"title": info.get("title", ""), "version": str(info.get("version", ""))},
        "servers": [{"url": server["url"]} for server in document.get("servers", ())],
    }
    return Derived(
        text=_render(head, kept, parameters, components),
        paths=len(kept),
        operations=sum(1 for _ in _operations(kept)),
        schemas=len(schemas),
        shared=len(components) - len(schemas),
    )


def _wanted(path: str, only: Collection[str]) -> bool:
    return not only or any(path.startswith(prefix) for prefix in only)


def _path(item: Mapping[str, JSON]) -> Schema:
    """A path item. Its common parameters move into the operations, so that each operation reads alone."""
    common = item.get("parameters", ())
    found: Schema = {}
    for method in METHODS:
        if method not in item:
            continue
        given = item[method]
        operation: Schema = {}
        if "operationId" in given:
            operation["operationId"] = given["operationId"]
        parameters = [_parameter(parameter) for parameter in (*common, *given.get("parameters", ()))]
        if parameters:
            operation["parameters"] = parameters
        if given.get("security") == []:
            operation["security"] = []  # open to everybody, whatever the rest of the document asks for
        body = _body(given.get("requestBody"))
        if body:
            operation["requestBody"] = body
        responses = {status: _response(given["responses"][status]) for status in _successes(given)}
        operation["responses"] = responses
        found[method] = operation
    return found


def _successes(operation: Mapping[str, JSON]) -> list[str]:
    """Errors are worded by the stub's dialect: only the statuses of success have a shape that is needed."""
    return [str(status) for status in operation.get("responses", {}) if str(status).startswith("2")]


def _parameter(given: Mapping[str, JSON]) -> Schema:
    if "$ref" in given:
        return {"$ref": given["$ref"]}
    kept = {key: given[key] for key in _PARAMETER if key in given and given[key] is not False}
    if "schema" in given:
        kept["schema"] = _schema(given["schema"])
    return kept


def _body(given: Mapping[str, JSON] | None) -> Schema | None:
    """A request body; None where it could only be empty. How a form nests is the dialect's, so `encoding` is dropped."""
    if not given:
        return None
    content = {
        kind: {"schema": _schema(media.get("schema", {}))}
        for kind, media in given.get("content", {}).items()
        if media.get("schema", {}).get("properties") or set(media.get("schema", {})) - {"properties", "type"} - _CLOSED
    }
    return ({"required": True} if given.get("required") else {}) | {"content": content} if content else None


_CLOSED = frozenset({"additionalProperties", "title", "description"})


def _response(given: Mapping[str, JSON]) -> Schema:
    content = {
        kind: {"schema": _schema(media["schema"])}
        for kind, media in given.get("content", {}).items()
        if "schema" in media
    }
    return {"content": content} if content else {}


def _schema(given: JSON) -> JSON:
    """A schema without its prose. Property names are data, so a property called `description` stays."""
    if not isinstance(given, Mapping):
        return given
    kept: Schema = {}
    for key in sorted(given):
        value = given[key]
        if key in _PLAIN:
            kept[key] = value
        elif key in _ONE:
            kept[key] = _schema(value)
        elif key in _MANY:
            kept[key] = [_schema(part) for part in value]
        elif key in _NAMED and value:
            kept[key] = {name: _schema(part) for name, part in value.items()}
    return kept


def _operations(paths: Mapping[str, Schema]) -> Iterator[Schema]:
    for item in paths.values():
        yield from item.values()


def _media(operation: Schema) -> Iterator[Schema]:
    holders = [operation.get("requestBody", {}), *operation["responses"].values()]
    for holder in holders:
        yield from holder.get("content", {}).values()


def _operation_schemas(paths: Mapping[str, Schema]) -> Iterator[Schema]:
    for operation in _operations(paths):
        for media in _media(operation):
            yield media["schema"]
        yield from operation.get("parameters", ())


def _rewrite_operation(operation: Schema, shared: "_Shared") -> None:
    for media in _media(operation):
        media["schema"] = shared.inside(media["schema"])
    for parameter in operation.get("parameters", ()):
        if "schema" in parameter:
            parameter["schema"] = shared.inside(parameter["schema"])


def _reachable(schemas: Mapping[str, Schema], paths: Mapping[str, Schema]) -> dict[str, Schema]:
    """The component schemas that the kept paths need, directly or through another schema, sorted by name."""
    prefix = "#/components/schemas/"
    wanted: set[str] = set()
    waiting: list[JSON] = [paths]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Mapping):
            reference = node.get("$ref")
            if (
                isinstance(reference, str)
                and (name := reference.removeprefix(prefix)) not in wanted
                and name in schemas
            ):
                wanted.add(name)
                waiting.append(schemas[name])
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)
    return {name: schemas[name] for name in sorted(wanted)}


def _share_parameters(paths: Mapping[str, Schema]) -> dict[str, Schema]:
    """Move parameters that several operations have in common to components, as OpenAPI itself provides for."""
    counts: Counter[str] = Counter()
    for operation in _operations(paths):
        counts.update(_canonical(parameter) for parameter in operation.get("parameters", ()))
    shared: dict[str, Schema] = {}
    for operation in _operations(paths):
        for at, parameter in enumerate(operation.get("parameters", ())):
            text = _canonical(parameter)
            if "name" in parameter and counts[text] > 1:
                name = _name(parameter["name"], text)
                shared[name] = parameter
                operation["parameters"][at] = {"$ref": f"#/components/parameters/{name}"}
    return dict(sorted(shared.items()))


class _Shared:
    """Equal sub-schemas, each to be written once.

    Counted is how often a sub-schema is written in *different* places: one that only occurs within a shared parent is
    written once anyway. The top of a body, reply or component is never moved, nor is a reference that can be expanded:
    there readers look for properties and for the kind of thing they have at hand.
    """

    def __init__(self, roots: list[Schema]) -> None:
        self._uses: Counter[str] = Counter()
        self._names: dict[str, str] = {}
        self._schemas: dict[str, Schema] = {}
        self._seen: set[str] = set()
        for root in roots:
            self._count(root)
        self._written: dict[str, Schema] = {}

    def inside(self, schema: JSON) -> JSON:
        """The schema with what is shared in it replaced by references."""
        if not isinstance(schema, Mapping):
            return schema
        rewritten = dict(schema)
        for key in _ONE:
            if key in rewritten:
                rewritten[key] = self._refer(rewritten[key])
        for key in _MANY:
            if key in rewritten:
                rewritten[key] = [self._refer(part) for part in rewritten[key]]
        for key in _NAMED:
            if key in rewritten:
                rewritten[key] = {name: self._refer(part) for name, part in rewritten[key].items()}
        return rewritten

    def components(self) -> dict[str, Schema]:
        """Everything that references of `inside` point to, sorted by name."""
        return dict(sorted(self._written.items()))

    def _refer(self, schema: JSON) -> JSON:
        if not isinstance(schema, Mapping):
            return schema
        text = _canonical(schema)
        if not self._worth(schema, text):
            return self.inside(schema)
        name = _name(self._names.get(text, "part"), text)
        if name not in self._written:
            self._written[name] = {}  # reserved: a schema can't contain itself but through a reference
            self._written[name] = self.inside(schema)
        return {"$ref": f"#/components/schemas/{name}"}

    def _worth(self, schema: Mapping[str, JSON], text: str) -> bool:
        return self._uses[text] > 1 and len(text) >= _WORTH_SHARING and "x-expansionResources" not in schema

    def _count(self, schema: JSON) -> None:
        for name, part in _children(schema):
            text = _canonical(part)
            self._uses[text] += 1
            self._names[text] = min(self._names.get(text, name), name)
            if text not in self._seen:
                self._seen.add(text)
                self._count(part)


def _children(schema: JSON) -> Iterator[tuple[str, Schema]]:
    """The sub-schemas one level down, each with the name under which a reader meets it."""
    if not isinstance(schema, Mapping):
        return
    for key in _NAMED:
        yield from schema.get(key, {}).items()
    for key in (*_ONE, "schema"):
        part = schema.get(key)
        if isinstance(part, Mapping):
            yield key, dict(part)
    for key in _MANY:
        for part in schema.get(key, ()):
            yield key, part


def _canonical(value: JSON) -> str:
    return msgspec.json.encode(value, order="sorted").decode()


def _name(hint: str, text: str) -> str:
    clean = "".join(letter if letter.isalnum() or letter in "._-" else "_" for letter in hint)
    return f"{clean}.{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def _render(head: Schema, paths: Schema, parameters: Schema, schemas: Schema) -> bytes:
    """Minified JSON with one line for each path, parameter and schema."""
    start = _canonical(head)[:-1]
    components = f'"parameters":{_lines(parameters)},\n"schemas":{_lines(schemas)}'
    return f'{start},\n"paths":{_lines(paths)},\n"components":{{{components}}}}}\n'.encode()


def _lines(entries: Schema) -> str:
    if not entries:
        return "{}"
    lines = ",\n".join(f"{_canonical(name)}:{_canonical(value)}" for name, value in entries.items())
    return f"{{\n{lines}\n}}"
