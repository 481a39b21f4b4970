"""Names as documents spell them: `droplet_id`, `dropletId` and `DropletID` are one, and a collection's name is a plural."""

import re

from .openapi import OpenApi

_ODD = re.compile(r"[^a-z0-9]+")
_ENDS = {"ies": "y", "sses": "ss", "xes": "x", "ches": "ch", "shes": "sh", "zes": "z", "uses": "us", "oes": "o"}
_SAME = frozenset(
    {"series", "species", "news", "data", "media", "sms", "status", "address", "access", "analysis", "dns", "tls"}
)
_IRREGULAR = {"people": "person", "children": "child", "statuses": "status", "addresses": "address", "indices": "index",
              "movies": "movie", "cookies": "cookie", "caches": "cache", "databases": "database", "releases": "release",
              "purchases": "purchase", "licenses": "license", "houses": "house", "cases": "case", "phases": "phase",
              "responses": "response", "invoices": "invoice", "criteria": "criterion"}  # fmt: skip


def folded(name: str) -> str:
    """A name in lower case without anything but letters and digits: how names are compared."""
    return _ODD.sub("", name.lower())


def words(name: str) -> list[str]:
    """The words of a name: `dropletId`, `droplet_id` and `droplet-id` are two."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return [word for word in re.split(r"[^A-Za-z0-9]+", spaced.lower()) if word]


def singular(word: str) -> str:
    """The singular of a plural path segment, as far as plain English rules go."""
    lowered = word.lower()
    if lowered in _SAME or lowered.endswith(("ss", "us", "is")):
        return word
    if lowered in _IRREGULAR:
        return _IRREGULAR[lowered]
    for end, instead in _ENDS.items():
        if lowered.endswith(end):
            return word[: -len(end)] + instead
    return word[:-1] if lowered.endswith("s") else word


def is_parameter(segment: str) -> bool:
    """Whether a path's segment is a parameter and nothing else but a file's ending (`{sid}.json`)."""
    return re.fullmatch(r"\{[^{}]+\}(\.[a-z]+)?", segment) is not None


def parameter_of(segment: str) -> str:
    """The name in a segment that is a parameter."""
    return segment[1 : segment.index("}")]


def thing_of(collection: str) -> str:
    """What a collection holds, in the singular and in snake case, by its path's last segment that has a name."""
    literal = [part for part in collection.split("/") if part and "{" not in part]
    if not literal:
        return "item"
    last = words(literal[-1].partition(".")[0]) or ["item"]
    return "_".join([*last[:-1], singular(last[-1])])


def resource_name(api: OpenApi, schema: str) -> str:
    """The name of the resource that a schema describes: its `x-resourceId`, else the schema's name in snake case."""
    node = api.schema(schema) or {}
    named = node.get("x-resourceId")
    if isinstance(named, str) and named:
        return named
    if " " in schema and "/" in schema:  # an inline schema: named after the last literal segment of its path
        return thing_of(schema.rpartition(" ")[2])
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9.]+", "_", schema).lower().strip("_.")
    return name if name[:1].isalpha() else f"r_{name}"
