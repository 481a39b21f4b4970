"""Derive a stub's surface from a vendor's OpenAPI document: names and types only.

What is kept are the facts of an interface: paths, operation ids, parameters, schemas with their types, enums, lengths
and formats, and the extensions that say what is a resource and what can be expanded. What is dropped is everything a
person wrote to be read: descriptions, summaries, titles, examples, external documentation.

Equal sub-schemas are written once, as components with a name made of the property and a digest of the content, so
that deriving again from a newer document changes only the lines of what changed. The result is an OpenAPI document
itself, minified, with one line for each path and each component: it decodes lazily, and diffs of it can be reviewed.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping

import msgspec

from childproof.errors import InputError

from .sharing import JSON, MANY, NAMED, ONE, Schema, Shared, canonical, shared_name

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")

# Keywords whose value is copied as it is. Everything that isn't in one of these tables is dropped.
_PLAIN = frozenset({
    "$ref", "type", "format", "enum", "const", "required", "nullable", "default", "pattern", "minLength", "maxLength",
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minItems", "maxItems", "uniqueItems",
    "minProperties", "maxProperties", "readOnly", "writeOnly", "discriminator",
    "x-resourceId", "x-expandableFields", "x-expansionResources",
})  # fmt: skip
_PARAMETER = ("name", "in", "required", "style", "explode", "allowReserved")


class Derived(msgspec.Struct, frozen=True):
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
    `more` are further documents, written by hand: their operations and schemas are added (those that the vendor's document
    leaves out, or has otherwise); a method that is null there is taken away. Their paths may refer to the vendor's schemas.
    Raises InputError when `document` is no OpenAPI document, a prefix in `only` fits no path, or a schema is there twice.
    """
    paths = document.get("paths")
    if not str(document.get("openapi", "")).startswith("3.") or not isinstance(paths, Mapping):
        raise InputError.single(source, "no OpenAPI 3 document", "a JSON object with `openapi: 3.…` and `paths`")
    for prefix in only:
        if not any(path.startswith(prefix) for path in paths):
            raise InputError.single("--only", f"{prefix!r} fits no path", f"the beginning of a path of {source}")
    chosen = {path: item for path, item in paths.items() if _wanted(path, only)}
    known = dict(schemas_of(document))
    for extra in more:
        chosen |= {path: _joined(chosen.get(path, {}), item) for path, item in extra.get("paths", {}).items()}
        added = schemas_of(extra)
        twice = sorted(added.keys() & known.keys())
        if twice:
            raise InputError.single("--with", f"a schema {twice[0]!r}, which {source} has", "a name of its own")
        known |= added
    kept = {path: _path(item) for path, item in sorted(chosen.items())}
    schemas = _reachable({name: _schema(schema) for name, schema in known.items()}, kept)
    parameters = _share_parameters(kept)
    shared = Shared([*_operation_schemas(kept), *parameters.values(), *schemas.values()])
    for operation in _operations(kept):
        _rewrite_operation(operation, shared)
    for parameter in parameters.values():
        if "schema" in parameter:
            parameter["schema"] = shared.inside(parameter["schema"])
    components = {name: shared.inside(schema) for name, schema in schemas.items()}
    components.update(shared.components())
    info = document.get("info", {})
    head: Schema = {
        "openapi": document["openapi"],
        "info": {"title": info.get("title", ""), "version": str(info.get("version", ""))},
        "servers": [{"url": server["url"]} for server in document.get("servers", ())],
    }
    if _scoped(document):
        head["security"] = document["security"]
    return Derived(
        text=_render(head, kept, parameters, components),
        paths=len(kept),
        operations=sum(1 for _ in _operations(kept)),
        schemas=len(schemas),
        shared=len(components) - len(schemas),
    )


def _scoped(given: Mapping[str, JSON]) -> bool:
    """Whether `security` says what a key must be good for, and not only that there must be one."""
    return any(scopes for one in given.get("security") or () for scopes in one.values())


def schemas_of(document: Mapping[str, JSON]) -> Mapping[str, JSON]:
    """A document's component schemas by name."""
    found: Mapping[str, JSON] = document.get("components", {}).get("schemas", {})
    return found


def _joined(vendors: Mapping[str, JSON], own: Mapping[str, JSON]) -> dict[str, JSON]:
    """A path item with the methods that it lacks, or has otherwise; null takes one away."""
    return {key: value for key, value in {**vendors, **own}.items() if value is not None}


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
        servers = [{"url": one["url"]} for one in given.get("servers", item.get("servers", ()))]
        if servers:
            operation["servers"] = servers  # hosts of its own: the rest of the document isn't there
        if given.get("security") == [] or _scoped(given):
            operation["security"] = given["security"]  # open to everybody, or for keys that may do so much
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
    if given.get("x-multi-segment"):  # what some documents have for a path's parameter with slashes in it
        kept["allowReserved"] = True
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
        elif key in ONE:
            kept[key] = _schema(value)
        elif key in MANY:
            kept[key] = [_schema(part) for part in value]
        elif key in NAMED and value:
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


def _rewrite_operation(operation: Schema, shared: Shared) -> None:
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
        counts.update(canonical(parameter) for parameter in operation.get("parameters", ()))
    shared: dict[str, Schema] = {}
    for operation in _operations(paths):
        for at, parameter in enumerate(operation.get("parameters", ())):
            text = canonical(parameter)
            if "name" in parameter and counts[text] > 1:
                name = shared_name(parameter["name"], text)
                shared[name] = parameter
                operation["parameters"][at] = {"$ref": f"#/components/parameters/{name}"}
    return dict(sorted(shared.items()))


def _render(head: Schema, paths: Schema, parameters: Schema, schemas: Schema) -> bytes:
    """Minified JSON with one line for each path, parameter and schema."""
    start = canonical(head)[:-1]
    components = f'"parameters":{_lines(parameters)},\n"schemas":{_lines(schemas)}'
    return f'{start},\n"paths":{_lines(paths)},\n"components":{{{components}}}}}\n'.encode()


def _lines(entries: Schema) -> str:
    if not entries:
        return "{}"
    lines = ",\n".join(f"{canonical(name)}:{canonical(value)}" for name, value in entries.items())
    return f"{{\n{lines}\n}}"
