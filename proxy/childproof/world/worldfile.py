"""World files: a world as one YAML file that people review and git holds. Format: `childproof schema world-export`."""

import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from childproof.errors import Fault, InputError

from .exporting import milliseconds

if TYPE_CHECKING:
    from childproof.documents import Document

_HEAD = "# A world of childproof's. `childproof world import FILE` makes it; `childproof schema world-export` is the format."
_MOST = 50_000_000  # values in one file: these are written by programs


def write(values: dict[str, Any]) -> Iterator[str]:
    """The lines of a world's file."""
    from .yamltext import to_yaml  # noqa: PLC0415 (its patterns take 10 ms of each start)

    yield _HEAD
    yield from to_yaml(values)


def read(text: str, file: str) -> dict[str, Any]:
    """The values of a world's file. Raises InputError with every fault: of syntax, version, keys and times."""
    from childproof.documents import read_yaml, schema_faults  # noqa: PLC0415 (30 ms, and few read such files)

    document, faults = read_yaml(text, file, most=_MOST)
    if isinstance(document.value, dict) and document.value.get("version") != 1:
        # Another version may have other keys: blaming those would mislead.
        found = f"version {document.value['version']!r}" if "version" in document.value else "no version"
        if "world" in document.value and not {"version", "state", "changes"} & document.value.keys():
            expected = "a file of `childproof world export`; a world file that was written by hand is for `world seed`"
            raise InputError([document.fault(["version"], found, expected, f"childproof world seed {file}")])
        raise InputError([document.fault(["version"], found, "version: 1; this childproof reads no other")])
    faults += schema_faults(document, _schema())
    if faults:
        raise InputError(faults)
    values: dict[str, Any] = document.value
    faults = list(_beyond_the_schema(document))
    if faults:
        raise InputError(faults)
    return values


def _beyond_the_schema(document: "Document") -> Iterator[Fault]:
    """What a JSON Schema can't say: times that are none, numbers that no world can have."""
    values = document.value
    for path in (("time",), ("clock", "start"), ("clock", "set", "wall")):
        node: Any = values
        for key in path:
            node = node.get(key) if node is not None else None
        try:
            if node is not None:
                milliseconds(node)
        except ValueError:
            yield document.fault(path, f"{node!r}", "a time like 2026-01-05T09:00:00.000Z")
    for key, low, high in (("seed", -(2**63), 2**63), ("calls", 0, 2**40)):
        if not low <= values[key] < high:
            yield document.fault([key], f"{values[key]}", f"a number from {low} to {high - 1}")
    if "parent" in values and values["parent"]["call"] > values["calls"]:
        yield document.fault(["parent", "call"], "more than `calls`", "a call that the world inherited")


@cache
def _schema() -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(
        (files("childproof.world") / "schemas" / "world-export.json").read_text("utf-8")
    )
    return schema
