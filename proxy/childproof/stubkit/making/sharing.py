"""Writing equal sub-schemas once: what `derive.py` uses to keep a surface small and its diffs short."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

type JSON = Any
type Schema = dict[str, JSON]

# The keywords that hold sub-schemas: one (or true or false), a list, or a mapping by property name.
ONE = ("items", "not", "additionalProperties")  # a schema, or for the last one also true or false
MANY = ("anyOf", "oneOf", "allOf")
NAMED = ("properties", "patternProperties")
_WORTH_SHARING = 96  # bytes of a sub-schema below which a reference would save nothing worth the detour


class Shared:
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
        for key in ONE:
            if key in rewritten:
                rewritten[key] = self._refer(rewritten[key])
        for key in MANY:
            if key in rewritten:
                rewritten[key] = [self._refer(part) for part in rewritten[key]]
        for key in NAMED:
            if key in rewritten:
                rewritten[key] = {name: self._refer(part) for name, part in rewritten[key].items()}
        return rewritten

    def components(self) -> dict[str, Schema]:
        """Everything that references of `inside` point to, sorted by name."""
        return dict(sorted(self._written.items()))

    def _refer(self, schema: JSON) -> JSON:
        if not isinstance(schema, Mapping):
            return schema
        text = canonical(schema)
        if not self._worth(schema, text):
            return self.inside(schema)
        name = shared_name(self._names.get(text, "part"), text)
        if name not in self._written:
            self._written[name] = {}  # reserved: a schema can't contain itself but through a reference
            self._written[name] = self.inside(schema)
        return {"$ref": f"#/components/schemas/{name}"}

    def _worth(self, schema: Mapping[str, JSON], text: str) -> bool:
        return self._uses[text] > 1 and len(text) >= _WORTH_SHARING and "x-expansionResources" not in schema

    def _count(self, schema: JSON) -> None:
        for name, part in _children(schema):
            text = canonical(part)
            self._uses[text] += 1
            self._names[text] = min(self._names.get(text, name), name)
            if text not in self._seen:
                self._seen.add(text)
                self._count(part)


def _children(schema: JSON) -> Iterator[tuple[str, Schema]]:
    """The sub-schemas one level down, each with the name under which a reader meets it."""
    if not isinstance(schema, Mapping):
        return
    for key in NAMED:
        yield from schema.get(key, {}).items()
    for key in (*ONE, "schema"):
        part = schema.get(key)
        if isinstance(part, Mapping):
            yield key, dict(part)
    for key in MANY:
        for part in schema.get(key, ()):
            yield key, part


def canonical(value: JSON) -> str:
    """A value as JSON text, the same for equal values."""
    return msgspec.json.encode(value, order="sorted").decode()


def shared_name(hint: str, text: str) -> str:
    """A component's name from the property where it is met and a digest of its content."""
    clean = "".join(letter if letter.isalnum() or letter in "._-" else "_" for letter in hint)
    return f"{clean}.{hashlib.sha256(text.encode()).hexdigest()[:8]}"
