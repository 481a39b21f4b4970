"""From a path to the OpenAPI path template that it fits: a trie over segments, literal segments before parameters."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from functools import cache
from urllib.parse import unquote

_PARAMETER = re.compile(r"\{([^{}]+)\}")


def parameters(template: str) -> tuple[str, ...]:
    """The names in the braces of a path template, in order."""
    return tuple(_PARAMETER.findall(template))


def shape(template: str) -> str:
    """A path template without the names of its parameters."""
    return _PARAMETER.sub("{}", template)


def same_paths(templates: Iterable[str]) -> dict[str, list[str]]:
    """Templates by their shape: those that differ in nothing but names fit the same paths."""
    found: dict[str, list[str]] = {}
    for template in templates:
        found.setdefault(shape(template), []).append(template)
    return found


_MOST_SEGMENTS = 60  # of a value with slashes before something else in a path


@dataclass(slots=True)
class _Node:
    literal: dict[str, "_Node"] = field(default_factory=dict)
    # (pattern of the segment, whether it may be several, what follows); a bare {name} comes after {name}.json and the like
    variable: list[tuple[re.Pattern[str], bool, "_Node"]] = field(default_factory=list)
    template: str | None = None
    names: tuple[str, ...] = ()


class Router:
    """All path templates of a document. Immutable once made; a lookup costs one step a segment.

    `spanning` are parameters whose values may have slashes in them: they take as few segments as fit.
    """

    def __init__(self, templates: Iterable[str], spanning: Collection[str] = ()) -> None:
        self._root = _Node()
        self._spanning = spanning
        for template in templates:
            self._add(template)

    def match(self, path: str) -> tuple[str, dict[str, str]] | None:
        """The template that `path` fits with its decoded parameters, or None. A literal segment wins over `{…}`."""
        segments = path.strip("/").split("/")
        values: list[str] = []
        node = _walk(self._root, segments, 0, values)
        if node is None or node.template is None:
            return None
        return node.template, dict(zip(node.names, values, strict=True))

    def _add(self, template: str) -> None:
        node = self._root
        for segment in template.strip("/").split("/"):
            if "{" not in segment:
                node = node.literal.setdefault(segment, _Node())
                continue
            pattern, spans = _pattern(segment), segment[1:-1] in self._spanning
            for known, spanned, following in node.variable:
                if (known.pattern, spanned) == (pattern.pattern, spans):
                    node = following
                    break
            else:
                following = _Node()
                node.variable.append((pattern, spans, following))
                node.variable.sort(key=lambda entry: -len(entry[0].pattern))
                node = following
        if node.template is None:
            node.template = template
            node.names = parameters(template)


@cache
def _pattern(segment: str) -> re.Pattern[str]:
    parts = _PARAMETER.split(segment)  # text, name, text, name, …, text
    return re.compile("".join(re.escape(part) if place % 2 == 0 else "(.+)" for place, part in enumerate(parts)))


def _walk(node: _Node, segments: list[str], place: int, values: list[str]) -> _Node | None:
    if place == len(segments):
        return node if node.template is not None else None
    segment = segments[place]
    literal = node.literal.get(segment)
    if literal is not None:
        found = _walk(literal, segments, place + 1, values)
        if found is not None:
            return found
    for pattern, spans, following in node.variable:
        for end in _ends(following, place, len(segments)) if spans else (place + 1,):
            fit = pattern.fullmatch("/".join(segments[place:end]))
            if fit is None:
                continue
            before = len(values)
            values.extend(unquote(value) for value in fit.groups())
            found = _walk(following, segments, end, values)
            if found is not None:
                return found
            del values[before:]
    return None


def _ends(following: _Node, place: int, count: int) -> Iterable[int]:
    """Where a value with slashes may end: with the path, where nothing follows it; else within so many segments."""
    if not following.literal and not following.variable:
        return (count,)
    return (
        *range(place + 1, min(count, place + _MOST_SEGMENTS)),
        *((count,) if following.template is not None else ()),
    )
