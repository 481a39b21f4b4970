"""What makes a document unusable, all at once and with its place: references that lead nowhere, paths that are none.

A document is looked at as bytes; it is decoded whole only where something seems wrong, to tell a reference from an
example that has one in it.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from childproof.errors import Fault, InputError

from .sources import Source, Sources, is_mapping

_SCHEMA_HOMES = frozenset({"properties", "patternProperties", "definitions", "$defs", "dependentSchemas", "schemas"})
_DATA = frozenset({"example", "examples", "default", "enum", "const", "value"})
_MOST = 200  # faults of a kind; a wrong generator makes one in every operation


def document_faults(
    sources: Sources, items: Mapping[str, Any], schemas: Mapping[str, Any], beside: Collection[str], *, swagger: bool
) -> list[Fault]:
    """Everything that keeps a document from being served, in the order of its files and places.

    `beside`: names of component schemas that are in another document, which this one is added to.
    """
    main = sources.main
    faults = [
        *_sections(main, swagger=swagger),
        *_paths(main, items),
        *_references(sources, beside),
        *_circles(main, schemas, swagger=swagger),
    ]
    return sorted(faults[:_MOST], key=lambda fault: (fault.file != main.file, fault.file, fault.line, fault.column))


def _sections(main: Source, *, swagger: bool) -> Iterator[Fault]:
    top = main.section()
    if "paths" not in top and (swagger or not {"webhooks", "components"} & top.keys()):
        yield main.fault("paths", "no `paths`", "a mapping of paths to operations", "paths: {}")
    for name in ("paths", "components", "definitions", "parameters", "responses", "webhooks", "securityDefinitions"):
        if name in top and not is_mapping(top[name]):
            yield main.fault(name, f"{name} that is no mapping", "a mapping", f"{name}: {{}}", key=True)


def _paths(main: Source, items: Mapping[str, Any]) -> Iterator[Fault]:
    for path, place in items.items():
        found = f"the path {path!r}"
        if not path.startswith("/"):
            yield main.fault(path, found, "one that begins with a slash", f"/{path}:", key=True)
        elif path.count("{") != path.count("}") or "{}" in path:
            yield main.fault(path, found, "parameters in pairs of braces, with names", key=True)
        elif place.raw is not None and not is_mapping(place.raw):
            yield main.fault(path, f"{found}, which is no mapping", "a mapping of methods to operations", key=True)


def ambiguities(
    main: Source, same: Mapping[str, Sequence[str]], methods: Callable[[str], Collection[str]]
) -> list[Fault]:
    """Operations that can never be told from an earlier one, because their paths differ in parameters' names only."""
    out = []
    for first, *others in same.values():
        for other in others:
            for method in methods(other):
                if method in methods(first):
                    found = f"{method} {other}, which can't be told from {method} {first}"
                    out.append(main.fault(other, found, "one operation for a path: only the first is served", key=True))
    return out


def _references(sources: Sources, beside: Collection[str]) -> Iterator[Fault]:
    """References that lead nowhere, from every file that the first one leads to."""
    waiting = [""]
    done: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in done:
            continue
        done.add(name)
        here = sources.get(name)
        if here is None:
            continue
        suspects: dict[str, tuple[str, str]] = {}
        for reference in here.references():
            wrong, target = _wrong(sources, reference, name, beside)
            if wrong:
                suspects[reference] = wrong, target
            elif target not in done:
                waiting.append(target)
        if suspects:
            for reference in dict.fromkeys(_meant(msgspec.json.decode(here.raw))):
                if reference in suspects:
                    found, expected = suspects[reference]
                    yield here.fault(reference, f"$ref: {reference}: {found}", expected)


def _wrong(sources: Sources, reference: str, base: str, beside: Collection[str]) -> tuple[str, str]:
    """What is wrong with a reference and what was expected; or "" and the file that it leads to."""
    try:
        file, steps = sources.split(reference, base)
    except ValueError as error:
        return str(error), "a file beside the document, or a place in it: bring it into the folder first"
    if file not in {base, ""}:
        try:
            sources.load(file)
        except InputError as error:
            if file == reference and "/" not in reference and "." not in reference and _known(sources.main, reference):
                return "", ""  # the bare name of a definition, as early documents have it
            return error.faults[0].found, "a file that is there"
    there = sources.get(file)
    if there is None:
        return "a file that can't be read", "a file that is there"
    if not steps:
        return "", file
    last = there.section(*steps[:-1]) if len(steps) in {2, 3} and steps[0] in {"components", "definitions"} else None
    if (last is not None and steps[-1] in last) or there.at(steps) is not None:
        return "", file
    if not file and steps[:-1] == ("components", "schemas") and steps[-1] in beside:
        return "", file
    return "nothing stands there", "a place that the document has"


def _known(main: Source, name: str) -> bool:
    return name in main.section("definitions") or name in main.section("components", "schemas")


def _meant(node: Any, *, names: bool = False) -> Iterator[str]:
    """The references of a decoded document, without those that are data. `names`: the keys here are names, not words."""
    if isinstance(node, dict):
        reference = node.get("$ref")
        if isinstance(reference, str) and not names:
            yield reference
        for key, value in node.items():
            if names or (key not in _DATA and not key.startswith("x-")):
                yield from _meant(value, names=not names and key in _SCHEMA_HOMES)
    elif isinstance(node, list):
        for value in node:
            yield from _meant(value)


def _circles(main: Source, schemas: Mapping[str, Any], *, swagger: bool) -> Iterator[Fault]:
    """Schemas that are nothing but references to each other, round and round."""
    prefix = "#/definitions/" if swagger else "#/components/schemas/"
    leads: dict[str, str] = {}
    for name, place in schemas.items():
        if place.raw is not None and len(memoryview(place.raw)) < 400 and b'"$ref"' in bytes(place.raw):
            node = msgspec.json.decode(place.raw)
            reference = node.get("$ref") if isinstance(node, dict) else None
            if isinstance(reference, str) and reference.startswith(prefix):
                leads[name] = reference.removeprefix(prefix)
    told: set[str] = set()
    for name in leads:
        way = [name]
        while (following := leads.get(way[-1])) is not None and following not in way:
            way.append(following)
        if following is not None and following == name and name not in told:
            told.update(way)
            shown = " → ".join([*way, name])
            yield main.fault(
                name, f"the schema {name}, which refers to itself: {shown}", "a schema with something in it", key=True
            )
