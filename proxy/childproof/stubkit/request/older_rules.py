"""`older.yaml`: which parameters of earlier versions a stub takes, read and checked against the document of today."""

import difflib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path as File
from typing import Any

import msgspec

from childproof.documents import Document, parse_yaml, schema_faults
from childproof.errors import Fault, InputError
from childproof.stubkit.document.openapi import OpenApi, Operation
from childproof.stubkit.document.routing import parameters

from .conversion import validator
from .older import Older, OlderOperations, Path, parsed, spelled

NAME = "older.yaml"


class OlderRules(msgspec.Struct, frozen=True):
    """The older parameters of a stub by operation, and the header in which clients say their version ("" for none)."""

    header: str = ""
    operations: Mapping[str, tuple[Older, ...]] = msgspec.field(default_factory=dict)
    moved: OlderOperations | None = None


@cache
def older_schema() -> dict[str, Any]:
    """The JSON Schema of older.yaml, as it ships."""
    schema: dict[str, Any] = msgspec.json.decode(
        files("childproof.stubkit").joinpath("schemas/older.json").read_bytes()
    )
    return schema


def read_older(folder: File, api: OpenApi | None) -> tuple[OlderRules, list[Fault]]:
    """The older.yaml of a stub's folder, if there is one, and everything that is wrong with it."""
    path = folder / NAME
    if not path.is_file():
        return OlderRules(), []
    try:
        document = parse_yaml(path.read_text(encoding="utf-8"), str(path))
    except InputError as error:
        return OlderRules(), list(error.faults)
    except (OSError, UnicodeDecodeError):
        return OlderRules(), [Fault(str(path), 0, 0, "a file that can't be read as UTF-8", f"an {NAME}")]
    return older_rules(document, api)


def older_rules(document: Document, api: OpenApi | None) -> tuple[OlderRules, list[Fault]]:
    """The rules of a parsed older.yaml, and its faults in the file's order."""
    faults = schema_faults(document, older_schema())
    if faults:
        return OlderRules(), faults
    if api is None:
        return OlderRules(), [document.fault((), f"an {NAME} without an OpenAPI document", "`openapi:` in stub.yaml")]
    header: str = document.value.get("header", "")
    found: dict[str, tuple[Older, ...]] = {}
    for place, group in enumerate(document.value.get("parameters", ())):
        faults.extend(_group(document, place, group, api, found))
        if "until" in group and not header:
            faults.append(document.fault(("parameters", place, "until"), "until without a header to read versions from",
                                         "the header in which clients say their version", "header: Api-Version"))  # fmt: skip
    moved: dict[str, tuple[str, str]] = {}
    for name, entry in document.value.get("operations", {}).items():
        options = {"becomes": entry} if isinstance(entry, str) else entry
        moved[name] = options["becomes"], str(options.get("until", ""))
        faults.extend(_moved(document, name, options["becomes"], api))
    rules = OlderRules(header, found, OlderOperations(header, moved) if moved else None)
    return rules, sorted(faults, key=lambda fault: (fault.line, fault.column))


def _moved(document: Document, name: str, today: str, api: OpenApi) -> Iterator[Fault]:
    """What is wrong with an operation that is another one today."""
    (method, _, path), (now, _, target) = name.partition(" "), today.partition(" ")
    here = ("operations", name)
    if api.operation(method, path) is not None:
        yield document.fault(here, f"the document has {name} itself", "an operation that it has no more")
    if api.operation(now, target) is None:
        yield document.fault(here, f"no operation {today} in the OpenAPI document", "an operation of the document")
    if method != now and (method, now) != ("GET", "POST"):
        yield document.fault(here, f"{method} can't become {now}", "the same method, or POST for GET")
    for lost in set(parameters(target)) - set(parameters(path)):
        yield document.fault(here, f"{name} has no {{{lost}}} for {today}", "the same parameters in both paths")


def _group(
    document: Document, place: int, group: Mapping[str, Any], api: OpenApi, found: dict[str, tuple[Older, ...]]
) -> Iterator[Fault]:
    """The rules of one group, put beside those found before; and what is wrong with them."""
    here = ("parameters", place)
    rules: dict[str, Older] = {}
    for written, entry in group["take"].items():
        rule = _rule(written, entry, str(group.get("until", "")))
        if rule is None:
            expected = "names and brackets, as in items[][plan]"
            yield document.fault(
                (*here, "take", written), f"{written!r} or what it becomes is no parameter's path", expected
            )
        else:
            rules[written] = rule
    for at, name in enumerate(group["operations"]):
        method, _, path = name.partition(" ")
        operation = api.operation(method, path)
        if operation is None:
            known = [f"{one} {there}" for there in api.paths for one in api.methods(there)]
            close = difflib.get_close_matches(name, known, 1)
            yield document.fault((*here, "operations", at), f"no operation {name} in the OpenAPI document",
                                 "an operation of the document", close[0] if close else "")  # fmt: skip
            continue
        before = {rule.source for rule in found.get(name, ())}
        for written, rule in rules.items():
            spot = (*here, "take", written)
            if rule.source in before:
                yield document.fault(spot, f"{written} of {name} is said before", "one entry for each")
            yield from _disagreements(document, spot, api, operation, rule)
        found[name] = (*found.get(name, ()), *rules.values())


def _rule(written: str, entry: Any, until: str) -> Older | None:
    source = parsed(written)
    options: Mapping[str, Any] = {"becomes": entry} if isinstance(entry, str) else entry or {}
    target = parsed(options["becomes"]) if "becomes" in options else source if "values" in options else None
    besides = [(parsed(name), value) for name, value in options.get("with", {}).items()]
    wrong = source is None or ("becomes" in options and target is None) or any(one is None for one, _ in besides)
    if wrong or source is None:
        return None
    return Older(
        source,
        until,
        target,
        options.get("values", {}),
        tuple((tuple(part for part in one or () if part is not None), value) for one, value in besides),
        options.get("schema"),
    )


def _disagreements(
    document: Document, spot: tuple[str | int, ...], api: OpenApi, operation: Operation, rule: Older
) -> Iterator[Fault]:
    """Where a rule contradicts the document: what it has itself needs no rule, what it hasn't is nothing to become."""
    surface = _surface(operation)
    has = _knows(api, surface, rule.source)
    itself = rule.becomes == rule.source
    if itself and not has:
        yield document.fault(spot, f"{operation.name} has no {spelled(rule.source)}", "a parameter of the document")
    if has and not itself:
        yield document.fault(
            spot,
            f"the document has {spelled(rule.source)} of {operation.name} itself",
            "a parameter that it has no more",
        )
    for target in (rule.becomes, *(place for place, _ in rule.besides)):
        if target is not None and not itself and not _knows(api, surface, target):
            yield document.fault(
                spot, f"{operation.name} has no {spelled(target)}", "a parameter of the document, as in items[][price]"
            )
    if rule.becomes is not None and rule.becomes.count(None) > rule.source.count(None):
        found = f"{spelled(rule.becomes)} has more [] than {spelled(rule.source)}"
        yield document.fault(spot, found, "as many, or an index like [0]")
    if rule.schema is not None:
        try:
            validator(api, dict(rule.schema), refuse_unknown=True)
        except ValueError as error:
            yield document.fault(
                (*spot, "schema"), f"no schema: {str(error)[:200]}", "a JSON Schema, as `type: string`"
            )


def _surface(operation: Operation) -> dict[str, Any]:
    """All parameters of an operation as one object: those of its query, and its body's."""
    query = {str(one["name"]): one.get("schema") or {} for one in operation.parameters if one.get("in") == "query"}
    return {"anyOf": [{"type": "object", "properties": query}, operation.request_schema or {}]}


def _knows(api: OpenApi, schema: dict[str, Any], path: Path) -> bool:
    """Whether a schema has a place for what a path names."""
    if not path:
        return True
    node = api.resolve(schema)
    branches = [*(node.get("anyOf") or ()), *(node.get("oneOf") or ()), *(node.get("allOf") or ())]
    if any(_knows(api, branch, path) for branch in branches):
        return True
    part, rest = path[0], path[1:]
    if not isinstance(part, str):
        return isinstance(node.get("items"), dict) and _knows(api, node["items"], rest)
    known = (node.get("properties") or {}).get(part)
    if known is not None:
        return _knows(api, known, rest)
    others = node.get("additionalProperties")
    return others is True or (isinstance(others, dict) and bool(others) and _knows(api, others, rest))
