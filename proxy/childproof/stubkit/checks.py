"""stub.yaml against the OpenAPI document: whatever names something that isn't there, or disagrees, is a fault."""

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from childproof.documents import Document
from childproof.errors import Fault

from .arguments import misnamed
from .ids import compile_id
from .infer import Inference, resource_name
from .manifest import Manifest
from .openapi import OpenApi
from .outcome import OutcomeError, compile_outcomes
from .sections import singulars
from .settings import header_template
from .shape import properties

MOST = 1000  # entities of a kind that each fresh world gets, within its first call


def manifest_faults(manifest: Manifest, api: OpenApi | None) -> list[Fault]:
    """Everything that stub.yaml says and the document or stub.yaml itself contradicts, in the file's order."""
    inference = Inference(api) if api is not None else None
    faults = [
        *_templates(manifest, api),
        *(fault for name in manifest.resources for fault in _resource(manifest, name, api, inference)),
        *_shared_paths(manifest),
        *(fault for name in manifest.operations for fault in _operation(manifest, name, api)),
        *_events(manifest, api),
        *_tenants(manifest, api),
    ]
    return sorted(faults, key=lambda fault: (fault.line, fault.column))


def seed_faults(manifest: Manifest, api: OpenApi | None, document: Document) -> list[Fault]:
    """What is wrong with a seed.yaml: resources that don't exist, fields that their schemas don't have."""
    value = document.value
    if value is None:
        return []
    if not isinstance(value, dict):
        return [document.fault((), "a seed.yaml that is no mapping", "resource names, each with a list of objects")]
    faults: list[Fault] = []
    for name, entities in value.items():
        if name in {"tokens", "clients"}:
            faults.extend(_credentials(document, name, entities))
            continue
        resource = next((one for one in (name, *singulars(name)) if _is_resource(manifest, api, one)), None)
        if resource is None:
            faults.append(document.fault((name,), f"unknown resource {name!r}", _one_of(manifest.resources)))
            continue
        known = _fields(manifest, api, resource)
        if not isinstance(entities, list):
            faults.extend(_made_up(document, name, entities, known))
            continue
        for place, entity in enumerate(entities):
            if not isinstance(entity, dict):
                faults.append(document.fault((name, place), "an entity that is no mapping", "fields and values"))
                continue
            faults.extend(
                document.fault((name, place, field), f"unknown field {field!r}", _one_of(known))
                for field in entity
                if known and field not in known
            )
    return faults


_CREDENTIALS = {
    "tokens": ("token", {"scopes", "expires", "secret"}),
    "clients": ("id", {"secret", "scopes", "redirect_uris"}),
}


def _credentials(document: Document, name: str, written: Any) -> Iterator[Fault]:
    """What is wrong with the tokens or clients of a seed.yaml."""
    needed, others = _CREDENTIALS[name]
    if not isinstance(written, list):
        yield document.fault((name,), f"{name}: no list", "a list")
        return
    for place, one in enumerate(written):
        if isinstance(one, dict):
            if needed not in one:
                yield document.fault((name, place), f"no {needed}", f"{needed}, and maybe {', '.join(sorted(others))}")
            for key in one.keys() - others - {needed}:
                yield document.fault((name, place, key), f"unknown key {key!r}", _one_of([needed, *sorted(others)]))
        elif name == "clients" or isinstance(one, list):
            yield document.fault((name, place), f"{one!r}", f"a mapping with {needed}")


def _made_up(document: Document, name: str, written: Any, known: list[str]) -> Iterator[Fault]:
    """What is wrong with a number of entities: `3`, or `{count: 3, with: {field: value}}`."""
    options: dict[str, Any] = written if isinstance(written, dict) else {"count": written}
    for key in options:
        if key not in {"count", "with"}:
            yield document.fault((name, key), f"unknown key {key!r}", "one of count, with")
    count, fields = options.get("count", 1), options.get("with", {})
    if not isinstance(count, int) or isinstance(count, bool) or not 0 <= count <= MOST:
        expected = f"a list, or a number up to {MOST}: more belongs into a world file"
        yield document.fault((name, "count") if written is options else (name,), f"{name}: {count!r}", expected)
    if not isinstance(fields, dict):
        yield document.fault((name, "with"), f"{name}.with: {fields!r}", "fields and values")
        return
    for field in fields:
        if known and field not in known:
            yield document.fault((name, "with", field), f"unknown field {field!r}", _one_of(known))


def _templates(manifest: Manifest, api: OpenApi | None) -> Iterator[Fault]:
    fault = manifest.document.fault
    dialect = manifest.dialect
    if "ids" in dialect:
        yield from _template(manifest, ("dialect", "ids"), dialect["ids"])
    for name, text in dialect.get("headers", {}).items():
        try:
            header_template(name, text)
        except ValueError as error:
            yield fault(("dialect", "headers", name), str(error), "a header value")
    pattern = manifest.auth.get("pattern") if isinstance(manifest.auth, Mapping) else None
    if pattern is not None:
        try:
            re.compile(pattern)
        except re.error as error:
            yield fault(("auth", "pattern"), f"the pattern {pattern!r}: {error}", "a regular expression")
    rates = dialect.get("rate_limit", [])
    for place, rate in enumerate(rates if isinstance(rates, list) else [rates]):
        at: tuple[str | int, ...] = ("dialect", "rate_limit", *([place] if isinstance(rates, list) else []), "only")
        for number, name in enumerate(rate.get("only", ())):
            method, _, path = name.partition(" ")
            if api is None or api.operation(method, path) is None:
                yield fault(
                    (*at, number), f"no operation {name} in the OpenAPI document", "an operation of the document"
                )
    try:
        compile_outcomes(manifest.outcomes)
    except OutcomeError as error:
        yield fault(("outcomes", error.type), str(error), "a template of outcome words")


def _template(manifest: Manifest, path: tuple[str, ...], template: str) -> Iterator[Fault]:
    try:
        compile_id(template)
    except ValueError as error:
        yield manifest.document.fault(path, str(error), "an id template")


def _resource(manifest: Manifest, name: str, api: OpenApi | None, inference: Inference | None) -> Iterator[Fault]:
    entry = manifest.resources[name]
    here = ("resources", name)
    fault = manifest.document.fault
    if "id" in entry and "{" in entry["id"]:
        yield from _template(manifest, (*here, "id"), entry["id"])
    for field, written in entry.get("refs", {}).items():
        target = written if isinstance(written, str) else written["to"]
        if not _is_resource(manifest, api, target):
            yield fault((*here, "refs", field), f"unknown resource {target!r}", _one_of(manifest.resources))
    yield from _lifecycle(manifest, name)
    if api is None or inference is None:
        for key in ("schema", "path"):
            if key in entry:
                yield fault(
                    (*here, key), f"{key} without an OpenAPI document", "`openapi:` at the top", "openapi: openapi.json"
                )
        return
    yield from _surface(manifest, name, api, inference)
    known = _fields(manifest, api, name)
    if known:
        for key, field in _fields_named(entry):
            if field not in known:
                yield fault((*here, key), f"{key} names {field!r}, which {name}'s schema doesn't have", _one_of(known))


def _fields_named(entry: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The keys of a resource that name fields of its schema, each with a field."""
    yield from ((key, field) for key in ("unique", "readonly") for field in entry.get(key, ()))
    yield from (("defaults", field) for field in entry.get("defaults", {}))
    yield from (("refs", field.partition(".")[0]) for field in entry.get("refs", {}))
    filters = entry.get("filters", ())
    if isinstance(filters, Mapping):
        yield from (("filters", text.partition(" ")[0].partition(".")[0]) for text in filters.values())
    state = entry.get("lifecycle", {}).get("field", "")
    if state and not state.startswith("_"):  # a leading underscore is nobody's but the stub's
        yield "lifecycle", state


def _surface(manifest: Manifest, name: str, api: OpenApi, inference: Inference) -> Iterator[Fault]:
    """Whether a resource's path and schema exist and belong together."""
    entry = manifest.resources[name]
    here = ("resources", name)
    fault = manifest.document.fault
    schema, path = entry.get("schema"), entry.get("path")
    if path is not None and not api.has_path(path):
        close = difflib.get_close_matches(path, list(api.paths), 1)
        yield fault(
            (*here, "path"),
            f"no path {path} in {api.file}",
            "a path of the document",
            f"path: {close[0]}" if close else "",
        )
        path = None
    if schema is not None and api.schema(schema) is None:
        close = difflib.get_close_matches(schema, api.schema_names(), 1)
        yield fault(
            (*here, "schema"),
            f"no schema {schema!r} in {api.file}",
            "a schema of the document",
            f"schema: {close[0]}" if close else "",
        )
        schema = None
    if schema is not None and path is not None:
        inferred = inference.schema_at(path)
        if inferred and inferred != schema and " " not in inferred:
            yield fault(
                (*here, "schema"),
                f"schema {schema}, but {path} replies {inferred}",
                "the schema that the path replies",
                f"schema: {inferred}",
            )


def _lifecycle(manifest: Manifest, name: str) -> Iterator[Fault]:
    table = manifest.resources[name].get("lifecycle")
    if table is None:
        return
    states = [state for state in table if state != "field"]
    for state in states:
        for to in table[state]:
            if to not in states:
                path = ("resources", name, "lifecycle", state)
                yield manifest.document.fault(
                    path, f"a move to {to!r}, which is no state", _one_of(states), f"{to}: []"
                )


def _shared_paths(manifest: Manifest) -> Iterator[Fault]:
    seen: dict[str, str] = {}
    for name, entry in manifest.resources.items():
        path = entry.get("path")
        if path is None:
            continue
        if path in seen:
            where = ("resources", name, "path")
            yield manifest.document.fault(
                where, f"{path} is the path of {seen[path]} already", "one resource for a path"
            )
        seen.setdefault(path, name)


def _operation(manifest: Manifest, name: str, api: OpenApi | None) -> Iterator[Fault]:
    entry = manifest.operations[name]
    fault = manifest.document.fault
    written = next(
        (key for key in manifest.document.value["operations"] if key.split() == name.split() or key == name), name
    )
    here = ("operations", written)
    method, _, path = name.partition(" ")
    if api is None or api.operation(method, path) is None:
        known = [] if api is None else [f"{found} {one}" for one in api.paths for found in api.methods(one)]
        close = difflib.get_close_matches(name, known, 1)
        yield fault(
            here,
            f"no operation {name} in the OpenAPI document",
            "an operation of the document",
            f"{close[0]}:" if close else "",
        )
        return
    resource = entry.get("resource")
    if resource is not None and not _is_resource(manifest, api, resource):
        yield fault((*here, "resource"), f"unknown resource {resource!r}", _one_of(manifest.resources))
    wanted = entry.get("download")
    if wanted is not None and not _is_resource(manifest, api, wanted):
        yield fault((*here, "download"), f"unknown resource {wanted!r}", _one_of(manifest.resources))
    if wanted is not None and "{" not in path:
        yield fault(here, f"a download at {path}", "a path with the entity's id in it")
    yield from _set(manifest, here, entry, path, api)
    yield from _arguments(manifest, here, entry, name, api)
    if "move" in entry:
        yield from _move(manifest, here, entry, path)
    polled = entry.get("async", {}).get("resource")
    if polled is not None:
        if not _is_resource(manifest, api, polled):
            yield fault((*here, "async", "resource"), f"unknown resource {polled!r}", _one_of(manifest.resources))
        known = _fields(manifest, api, polled)
        for key in ("field", "result", "error"):
            if key in entry["async"] and known and entry["async"][key] not in known:
                named = entry["async"][key]
                yield fault(
                    (*here, "async", key),
                    f"{key} names {named!r}, which {polled}'s schema doesn't have",
                    _one_of(known),
                )


def _arguments(
    manifest: Manifest, here: tuple[str, ...], entry: Mapping[str, Any], name: str, api: OpenApi
) -> Iterator[Fault]:
    """What `by` and `where` name that isn't there."""
    fields = _fields(manifest, api, entry["resource"]) if "resource" in entry else []
    for place, found, expected in misnamed(entry, api, api.operation(*name.split(" ", 1)), fields):
        yield manifest.document.fault(
            (*here, *place), found, expected if isinstance(expected, str) else _one_of(expected)
        )


def _set(
    manifest: Manifest, here: tuple[str, ...], entry: Mapping[str, Any], path: str, api: OpenApi | None
) -> Iterator[Fault]:
    """Fields that an operation sets and its resource doesn't have; a leading underscore is nobody's but the stub's."""
    homes = {value["path"]: name for name, value in manifest.resources.items() if "path" in value}
    above = max((home for home in homes if path.startswith(f"{home.rstrip('/')}/")), key=len, default="")
    moved = [name for name, states in _lifecycles(manifest, entry).items() if entry.get("move") in states]
    resource = entry.get("resource") or homes.get(above) or (moved[0] if len(moved) == 1 else "")
    known = _fields(manifest, api, resource) if resource else []
    for field in entry.get("set", {}):
        if known and not field.startswith("_") and field.partition(".")[0] not in known:
            close = difflib.get_close_matches(field, known, 1)
            found = f"set names {field!r}, which {resource}'s schema doesn't have"
            yield manifest.document.fault((*here, "set", field), found, _one_of(known), f"{close[0]}:" if close else "")


def _lifecycles(manifest: Manifest, entry: Mapping[str, Any]) -> dict[str, list[str]]:
    """The states of the resources that an operation may be about."""
    named = entry.get("resource")
    return {
        name: [state for state in table if state != "field"]
        for name, value in manifest.resources.items()
        if (table := value.get("lifecycle")) is not None and name in {named, None if named else name}
    }


def _move(manifest: Manifest, here: tuple[str, ...], entry: Mapping[str, Any], path: str) -> Iterator[Fault]:
    tables = _lifecycles(manifest, entry)
    fitting = [name for name, states in tables.items() if entry["move"] in states]
    if not fitting:
        states = sorted({state for found in tables.values() for state in found})
        yield manifest.document.fault((*here, "move"), f"no lifecycle has the state {entry['move']!r}", _one_of(states))
    if "{" not in path and "by" not in entry:
        yield manifest.document.fault(here, f"a move at {path}", "a path with the entity's id in it, or `by`")


def _events(manifest: Manifest, api: OpenApi | None) -> Iterator[Fault]:
    events = manifest.events
    fault = manifest.document.fault
    for name in events.get("emit", {}):
        if not _is_resource(manifest, api, name):
            yield fault(("events", "emit", name), f"unknown resource {name!r}", _one_of(manifest.resources))
    if "resource" in events and not _is_resource(manifest, api, events["resource"]):
        yield fault(("events", "resource"), f"unknown resource {events['resource']!r}", _one_of(manifest.resources))
    subscribe = events.get("subscribe")
    if subscribe is not None and not _is_resource(manifest, api, subscribe["resource"]):
        yield fault(
            ("events", "subscribe", "resource"),
            f"unknown resource {subscribe['resource']!r}",
            _one_of(manifest.resources),
        )
    owner = events.get("sign", {}).get("of")
    if owner is not None and not _is_resource(manifest, api, owner):
        yield fault(("events", "sign", "of"), f"unknown resource {owner!r}", _one_of(manifest.resources))


def _tenants(manifest: Manifest, api: OpenApi | None) -> Iterator[Fault]:
    tenants = manifest.dialect.get("tenants")
    if tenants is None:
        return
    places: list[tuple[str, tuple[str | int, ...]]] = []
    if "resource" in tenants:
        places.append((tenants["resource"], ("dialect", "tenants", "resource")))
    places += [(name, ("dialect", "tenants", "shared", at)) for at, name in enumerate(tenants.get("shared", ()))]
    for name, where in places:
        if not _is_resource(manifest, api, name):
            yield manifest.document.fault(where, f"unknown resource {name!r}", _one_of(manifest.resources))


def _is_resource(manifest: Manifest, api: OpenApi | None, name: str) -> bool:
    if name in manifest.resources:
        return True
    if api is None:
        return False
    return api.schema(name) is not None or any(resource_name(api, schema) == name for schema in api.schema_names())


def _fields(manifest: Manifest, api: OpenApi | None, name: str) -> list[str]:
    if api is None:
        return []
    entry = manifest.resources.get(name, {})
    schema = entry.get("schema") or (Inference(api).schema_at(entry["path"]) if "path" in entry else "") or name
    node = api.schema(schema)
    return sorted(properties(api, node).known) if node is not None else []


def _one_of(names: Any) -> str:
    known = list(names)
    return f"one of {', '.join(known[:12])}{', …' if len(known) > 12 else ''}" if known else "one that exists"
