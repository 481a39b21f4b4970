"""YAML that people wrote, as plain JSON values which remember where each of them stands.

Rule files, stubs, seeds and cases are all read here, so that every load error can say `file:line:column`. Only the
JSON subset of YAML 1.2 is understood: no tags, no dates (`2026-01-05` stays text), no `yes` for true, no duplicate keys.
"""

import difflib
import gc
import math
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
_INTEGER = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}
_NUMERIC = frozenset("+-.0123456789")
_MAX_DEPTH = 200
_MAX_DIGITS = 400  # Python refuses to read much longer ones; a float can't hold them either
_MAX_VALUES = 2_000_000  # nobody writes this many by hand
_BY_ALIASES = (
    10_000  # values that a text may have beyond one for each of its characters: aliases can blow a small file up
)
_TOO_MUCH = ("too many or too deeply nested values", "a document of a sane size")


def _loader() -> Any:
    """The parser of libyaml where PyYAML has it, spared the guessing of YAML 1.1 types, which is ours to do."""
    if not hasattr(yaml, "CSafeLoader"):
        return yaml.SafeLoader
    from yaml._yaml import CParser  # noqa: PLC0415 (only there with libyaml)

    class Loader(CParser):
        depth = 0

        def descend_resolver(self, parent: Any, _: Any) -> None:
            """Before each node. Its own recursion is C's, which no limit holds: a hundred thousand `[` would end the process."""
            self.depth += 1
            if self.depth > _MAX_DEPTH:
                raise yaml.composer.ComposerError(None, None, _TOO_MUCH[0], parent.start_mark)

        def ascend_resolver(self) -> None:
            self.depth -= 1

        def resolve(self, *_: Any) -> str:
            return f"{_CORE}str"

    return Loader


_CORE = "tag:yaml.org,2002:"
_Loader: Any = _loader()


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


def read_yaml(text: str, file: str, *, most: int = _MAX_VALUES) -> tuple[Document, list[Fault]]:
    """Like `parse_yaml`, but with duplicate keys and odd tags handed back beside what could be read all the same.

    For callers that report every fault of a file at once. Bad syntax still raises InputError: nothing is known then.
    `most` bounds the number of values, for files that programs write.
    """
    reader = _Reader(file, min(most, len(text) + _BY_ALIASES))
    with collector_paused():
        root = _compose(text, file)
        value = reader.read(root, 0) if root is not None else None
        del root
    return Document(file, value, _Places(text, file)), reader.faults


def located(text: str, file: str) -> Document:
    """Where everything in a text stands, for those who have read its values already, and found no fault."""
    return Document(file, None, _Places(text, file))


def _compose(text: str, file: str) -> Any:
    try:
        return yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
        if error.problem == _TOO_MUCH[0]:
            raise InputError([Fault(file, line, column, *_TOO_MUCH)]) from None
        raise InputError([Fault(file, line, column, f"bad YAML: {error.problem}", "a YAML document")]) from None
    except (yaml.YAMLError, RecursionError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError([Fault(file, 1, 1, f"bad YAML: {first}", "a YAML document")]) from None


@contextmanager
def collector_paused() -> Iterator[None]:
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
    def _found(self) -> dict[Path, tuple[int, int]]:
        known: dict[Path, tuple[int, int]] = {}
        with collector_paused():
            root = _compose(self._text, self._file)
            if root is not None:
                _locate(root, (), known)
        return known

    def __getitem__(self, path: Path) -> tuple[int, int]:
        return self._found[path]

    def __iter__(self) -> Iterator[Path]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


def _locate(node: Any, path: Path, known: dict[Path, tuple[int, int]]) -> None:
    mark = node.start_mark
    known.setdefault(path, (mark.line + 1, mark.column + 1))
    if isinstance(node, yaml.SequenceNode):
        for place, item in enumerate(node.value):
            _locate(item, (*path, place), known)
    elif isinstance(node, yaml.MappingNode):
        for key_node, value_node in node.value:
            below = (*path, key_node.value)
            if isinstance(key_node, yaml.ScalarNode) and below not in known:
                mark = key_node.start_mark
                known[below] = (mark.line + 1, mark.column + 1)
                _locate(value_node, below, known)


class _Reader:
    def __init__(self, file: str, most: int) -> None:
        self.file = file
        self.most = most
        self.faults: list[Fault] = []
        self.count = 0

    def read(self, node: Any, depth: int) -> Any:
        self.count += 1
        if self.count > self.most or depth > _MAX_DEPTH:
            raise InputError([self.fault(node, *_TOO_MUCH)])
        kind = type(node)
        if kind is yaml.ScalarNode:
            return self.scalar(node)
        if kind is yaml.SequenceNode:
            return [self.read(item, depth + 1) for item in node.value]
        return self.mapping(node, depth)

    def mapping(self, node: Any, depth: int) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if type(key_node) is not yaml.ScalarNode:
                self.faults.append(self.fault(key_node, "a key that is no text", "a plain key"))
                continue
            key = key_node.value
            if key in out:
                self.faults.append(self.fault(key_node, f"{key!r} a second time", "each key once"))
                continue
            out[key] = self.read(value_node, depth + 1)
        return out

    def scalar(self, node: Any) -> Any:
        tag: str = node.tag
        if tag == f"{_CORE}binary" or not tag.startswith(_CORE):
            self.faults.append(self.fault(node, f"the tag {tag}", "a plain value without a tag"))
        # Quoted and block text has a style; plain is "" from libyaml, None from the Python parser.
        return node.value if node.style else self.plain(node.value)

    def plain(self, text: str) -> Any:
        if text in _WORDS:
            return _WORDS[text]
        if text[0] not in _NUMERIC:
            return text
        if _INTEGER.fullmatch(text) and len(text) < _MAX_DIGITS:
            return int(text)
        if not _FLOAT.fullmatch(text):
            return text
        number = float(text)
        return number if math.isfinite(number) else text  # JSON has no infinity

    def fault(self, node: Any, found: str, expected: str) -> Fault:
        mark = node.start_mark
        return Fault(self.file, mark.line + 1, mark.column + 1, found, expected)


def schema_faults(document: Document, schema: dict[str, Any]) -> list[Fault]:
    """Everything in `document` that a JSON Schema (draft 2020-12) refuses, as faults in the order of the file."""
    faults: list[Fault] = []
    for error in jsonschema_rs.Draft202012Validator(schema).iter_errors(document.value):
        faults.extend(_explain(document, schema, error))
    return sorted(set(faults), key=lambda fault: (fault.line, fault.column, fault.found))


def _explain(document: Document, schema: dict[str, Any], error: Any) -> Iterator[Fault]:
    path = list(error.instance_path)
    where = f"{_name(path)}: " if path else ""
    match error.kind.name:
        case "additionalProperties" | "unevaluatedProperties":
            known = _known(schema, error.schema_path)
            for key in error.kind.value:
                close = difflib.get_close_matches(key, known, 1)
                expected = f"one of {', '.join(known)}" if known else "no such key"
                yield document.fault(
                    [*path, key], f"{where}unknown key {key!r}", expected, f"{close[0]}:" if close else ""
                )
        case "required":
            yield document.fault(path, f"{where}no {error.kind.value!r}", f"the key {error.kind.value!r}")
        case "enum":
            wanted = ", ".join(str(value) for value in error.kind.value)
            close = difflib.get_close_matches(str(error.instance), [str(value) for value in error.kind.value], 1)
            write = f"{path[-1]}: {close[0]}" if close and path and isinstance(path[-1], str) else ""
            yield document.fault(path, f"{where}{_show(error.instance)}", f"one of {wanted}", write)
        case _ if "x-expected" in (node := _node(schema, error.schema_path)):
            yield document.fault(path, f"{where}{_show(error.instance)}", node["x-expected"], node.get("x-write", ""))
        case "anyOf" | "oneOf" if (branch := _likely(error)) is not None:
            for inner in branch:
                yield from _explain(document, schema, inner)
        case "anyOf" | "oneOf":
            found, expected = f"{where}{_show(error.instance)}", _either(schema, error)
            yield document.fault(path, found, expected)
        case "type":
            yield document.fault(path, f"{where}{_show(error.instance)}", " or ".join(map(_article, error.kind.value)))
        case _:
            yield document.fault(path, f"{where}{error.message}", _expected(error))


def _likely(error: Any) -> list[Any] | None:
    """The branch of an anyOf that the author meant: the one whose complaints lie deepest, if one accepts the type."""
    depth = len(error.instance_path)
    fitting = []
    for branch in error.kind.context:
        rooted = [
            inner
            for inner in branch
            if len(inner.instance_path) == depth and inner.kind.name in {"type", "enum", "const"}
        ]
        if not rooted:
            fitting.append(branch)
    return fitting[0] if len(fitting) == 1 else None


def _either(schema: Any, error: Any) -> str:
    """What the branches of an anyOf take, in words."""
    words: dict[str, None] = {}
    for branch in _node(schema, error.schema_path).get(error.kind.name, ()):
        node = _resolve(schema, branch["$ref"]) if "$ref" in branch else branch
        kind = node.get("type")
        if "const" in node or "enum" in node:
            words.update((str(value), None) for value in node.get("enum", [node.get("const")]))
        elif "x-expected" in node:
            words[node["x-expected"]] = None
        else:
            words.update((_article(one), None) for one in ([kind] if isinstance(kind, str) else kind or ()))
    words.pop("nothing", None)
    return " or ".join(words) or "what the format's schema allows"


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
    if not isinstance(value, int | float | str):
        return "what the format's schema allows"
    # The message has the limit already; these say it the other way round.
    bound = {"minimum": "or more", "maximum": "or less"}.get(error.kind.name)
    return f"{value} {bound}" if bound else f"{error.kind.name} {value}"


def _name(path: list[str | int]) -> str:
    return ".".join(map(str, path))


_SPELT = {"None": "nothing", "True": "true", "False": "false"}  # as YAML has them, not Python


def _show(value: Any) -> str:
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    text = repr(value)
    text = _SPELT.get(text, text)
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
