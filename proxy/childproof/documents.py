"""YAML that people wrote, as plain JSON values which remember where each of them stands.

Rule files, stubs, seeds and cases are all read here, so that every load error can say `file:line:column`. Only the
JSON subset of YAML 1.2 is understood: no tags, no dates (`2026-01-05` stays text), no `yes` for true, no duplicate keys.
"""

import difflib
import gc
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import jsonschema_rs
import yaml

from childproof.errors import Fault, InputError

Path = tuple[str | int, ...]
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTEGER = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}
_NUMERIC = frozenset("+-.0123456789")
_MAX_DEPTH = 200
_MAX_VALUES = 2_000_000  # aliases can blow a small file up; nobody writes this many by hand


@dataclass(frozen=True, slots=True)
class Document:
    """One parsed file: its value, and the place (line and column, from 1) of every key and list item."""

    file: str
    value: Any
    places: Mapping[Path, tuple[int, int]] = field(repr=False, compare=False)

    def place(self, path: Sequence[str | int] = ()) -> tuple[int, int]:
        """Where `path` stands; for a path that isn't there, its nearest parent."""
        here = tuple(path)
        while here and here not in self.places:
            here = here[:-1]
        return self.places.get(here, (1, 1))

    def fault(self, path: Sequence[str | int], found: str, expected: str, write: str = "") -> Fault:
        """A fault at `path`."""
        line, column = self.place(path)
        return Fault(self.file, line, column, found, expected, write)


def parse_yaml(text: str, file: str) -> Document:
    """Read one YAML (or JSON) document. Raises InputError for bad syntax, duplicate keys and odd tags."""
    document, faults = read_yaml(text, file)
    if faults:
        raise InputError(faults)
    return document


def read_yaml(text: str, file: str) -> tuple[Document, list[Fault]]:
    """Like `parse_yaml`, but with duplicate keys and odd tags handed back beside what could be read all the same.

    For callers that report every fault of a file at once. Bad syntax still raises InputError: nothing is known then.
    """
    reader = _Reader(file)
    with _collector_paused():
        root = _compose(text, file)
        value = reader.read(root, 0) if root is not None else None
        del root
    return Document(file, value, _Places(text, file)), reader.faults


def _compose(text: str, file: str) -> Any:
    try:
        return yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
        raise InputError([Fault(file, line, column, f"bad YAML: {error.problem}", "a YAML document")]) from None
    except (yaml.YAMLError, RecursionError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError([Fault(file, 1, 1, f"bad YAML: {first}", "a YAML document")]) from None


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Half the time to read a large file went into cyclic garbage collection of nodes that are in no cycle."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


class _Places(Mapping[Path, tuple[int, int]]):
    """Places of a text's values, found by reading it again when the first is asked for: only a fault asks."""

    def __init__(self, text: str, file: str) -> None:
        self._text = text
        self._file = file

    @cached_property
    def _known(schema: Any, path: Sequence[str | int]) -> list[str]:
    """The keys that the schema at `path` (which ends in the refusing keyword) does allow."""
    return sorted(_node(schema, path).get("properties", {}))


def _node(schema: Any, path: Sequence[str | int]) -> dict[str, Any]:
    """The part of the schema that holds the refusing keyword, with which `path` ends.

    It may say in words what belongs there: `x-expected`, and `x-write` for the text to write.
    """
    node = schema
    for step in path[:-1]:
        if step == "$ref":
            node = _resolve(schema, node["$ref"])
        else:
            node = node[int(step)] if isinstance(node, list) else node.get(str(step), {})
    return node if isinstance(node, dict) else {}


def _resolve(schema: Any, reference: str) -> Any:
    node = schema
    for step in reference.removeprefix("#/").split("/"):
        node = node[step]
    return node


def _expected(error: Any) -> str:
    value = getattr(error.kind, "value", None)
    return f"{error.kind.name} {value}" if isinstance(value, int | float | str) else "what the format's schema allows"


def _name(path: list[str | int]) -> str:
    return ".".join(map(str, path))


def _show(value: Any) -> str:
    text = repr(value) if not isinstance(value, dict | list) else ("a mapping" if isinstance(value, dict) else "a list")
    return text if len(text) <= 60 else text[:57] + "..."


def _article(kind: str) -> str:
    return {
        "object": "a mapping",
        "array": "a list",
        "string": "text",
        "null": "nothing",
        "boolean": "true or false",
        "integer": "a whole number",
        "number": "a number",
    }.get(kind, kind)
