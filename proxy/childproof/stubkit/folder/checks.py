"""stub.yaml against the OpenAPI document: whatever names something that isn't there, or disagrees, is a fault."""

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from childproof.errors import Fault
from childproof.stubkit.declared.known import fields, is_resource, one_of
from childproof.stubkit.declared.manifest import Manifest
from childproof.stubkit.declared.settings import header_template
from childproof.stubkit.document.openapi import OpenApi
from childproof.stubkit.ids import compile_id
from childproof.stubkit.inference.infer import Inference
from childproof.stubkit.outcome.outcome import OutcomeError, compile_outcomes

from .checks_operations import operation_faults


def manifest_faults(manifest: Manifest, api: OpenApi | None) -> list[Fault]:
    """Everything that stub.yaml says and the document or stub.yaml itself contradicts, in the file's order."""
    inference = Inference(api) if api is not None else None
    faults = [
        *_templates(manifest, api),
        *(fault for name in manifest.resources for fault in _resource(manifest, name, api, inference)),
        *_shared_paths(manifest),
        *(fault for name in manifest.operations for fault in operation_faults(manifest, name, api)),
        *_events(manifest, api),
        *_tenants(manifest, api),
    ]
    return sorted(faults, key=lambda fault: (fault.line, fault.column))


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
        if not is_resource(manifest, api, target):
            yield fault((*here, "refs", field), f"unknown resource {target!r}", one_of(manifest.resources))
    yield from _lifecycle(manifest, name)
    if api is None or inference is None:
        for key in ("schema", "path"):
            if key in entry:
                yield fault(
                    (*here, key), f"{key} without an OpenAPI document", "`openapi:` at the top", "openapi: openapi.json"
                )
        return
    yield from _surface(manifest, name, api, inference)
    known = fields(manifest, api, name)
    if known:
        for key, field in _fields_named(entry):
            if field not in known:
                yield fault((*here, key), f"{key} names {field!r}, which {name}'s schema doesn't have", one_of(known))


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
                yield manifest.document.fault(path, f"a move to {to!r}, which is no state", one_of(states), f"{to}: []")


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


def _events(manifest: Manifest, api: OpenApi | None) -> Iterator[Fault]:
    events = manifest.events
    fault = manifest.document.fault
    for name in events.get("emit", {}):
        if not is_resource(manifest, api, name):
            yield fault(("events", "emit", name), f"unknown resource {name!r}", one_of(manifest.resources))
    if "resource" in events and not is_resource(manifest, api, events["resource"]):
        yield fault(("events", "resource"), f"unknown resource {events['resource']!r}", one_of(manifest.resources))
    subscribe = events.get("subscribe")
    if subscribe is not None and not is_resource(manifest, api, subscribe["resource"]):
        yield fault(
            ("events", "subscribe", "resource"),
            f"unknown resource {subscribe['resource']!r}",
            one_of(manifest.resources),
        )
    owner = events.get("sign", {}).get("of")
    if owner is not None and not is_resource(manifest, api, owner):
        yield fault(("events", "sign", "of"), f"unknown resource {owner!r}", one_of(manifest.resources))


def _tenants(manifest: Manifest, api: OpenApi | None) -> Iterator[Fault]:
    tenants = manifest.dialect.get("tenants")
    if tenants is None:
        return
    places: list[tuple[str, tuple[str | int, ...]]] = []
    if "resource" in tenants:
        places.append((tenants["resource"], ("dialect", "tenants", "resource")))
    places += [(name, ("dialect", "tenants", "shared", at)) for at, name in enumerate(tenants.get("shared", ()))]
    for name, where in places:
        if not is_resource(manifest, api, name):
            yield manifest.document.fault(where, f"unknown resource {name!r}", one_of(manifest.resources))
