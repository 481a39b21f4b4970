"""Templates of mail services, in the language that most of them speak: Handlebars, and the part of Mustache within it.

    text = compiled("Dear {{name}}, {{#each items}}{{this.title}} {{/each}}").render({"name": "Jenny", "items": []})

https://handlebarsjs.com/guide/expressions.html and https://mustache.github.io/mustache.5.html. Parsed into a tree and walked:
nothing is compiled to Python and nothing of Python can be reached, values are those of JSON. Bounded in length, depth,
steps and output, since templates come from sandboxes: `TemplateError` where one is broken or asks for too much.
"""

import html
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Literal

import msgspec

from .template_syntax import Block, Call, Literally, Node, Path, Show, TemplateError, parsed

__all__ = ["Template", "TemplateError", "compiled"]

LONGEST = 1_000_000  # characters of a template
LARGEST = 10_000_000  # characters of what it makes
LARGEST_TOGETHER = 64_000_000  # of all that one call has rendered
MOST_STEPS = 100_000
MOST_TOGETHER = 500_000  # of all that one call has rendered: letters to a thousand people
_SHORT = 16_384  # characters of a template that is remembered; a tree takes some hundred times as many bytes
_last: list[tuple[str, "Template"] | None] = [None]
_CHARACTERS = 100  # of a text that a helper looks at, to a step
_ABSENT = object()
Helper = Callable[..., Any]


class Rendering:
    """What one call may still spend on its templates."""

    def __init__(self) -> None:
        self.steps, self.size = MOST_TOGETHER, LARGEST_TOGETHER


class _Frame(msgspec.Struct, frozen=True):
    """One level of what names mean: `this`, the level above, and `@index` and its like."""

    this: Any
    above: "_Frame | None" = None
    data: Mapping[str, Any] | None = None


class Template(msgspec.Struct, frozen=True):
    """A parsed template. `helpers` are functions of its service, called with their arguments' values."""

    nodes: tuple[Node, ...]
    helpers: tuple[tuple[str, Helper], ...] = ()

    def render(
        self,
        data: Any,
        *,
        escape: bool = True,
        missing: Literal["empty", "refuse"] = "empty",
        helpers: Mapping[str, Helper] | None = None,
        within: Rendering | None = None,
    ) -> str:
        """The text for some data. `escape` is for HTML; `missing` says what a name without a value is.

        `within` is the call's own bound (`ctx.rendering`), for calls that may render often.

        Raises TemplateError, whose `name` is the missing name, where there is one.
        """
        run = _Run(escape=escape, refuse=missing == "refuse", helpers={**HELPERS, **(helpers or {})}, root=data)
        bound = within or Rendering()
        run.steps, run.size = steps, size = max(0, MOST_STEPS - bound.steps), max(0, LARGEST - bound.size)
        try:
            return "".join(run.text(self.nodes, _Frame(data)))
        finally:
            bound.steps -= run.steps - steps
            bound.size -= run.size - size

    def names(self) -> dict[str, Any]:
        """What data the template asks for: a value for each name, as an example of its shape."""
        found: dict[str, Any] = {}
        _ask(self.nodes, found)
        return found


def compiled(text: str) -> Template:
    """A template of a text. Raises TemplateError with the line where it is broken."""
    if len(text) > LONGEST:
        raise TemplateError(f"the template has {len(text)} characters, at most {LONGEST} are taken")
    last = _last[0]
    if last is not None and last[0] == text:
        return last[1]
    if len(text) <= _SHORT:
        return _short(text)
    made = Template(parsed(text))
    _last[0] = text, made  # a letter to a thousand people asks for the same one a thousand times
    return made


@lru_cache(maxsize=64)
def _short(text: str) -> Template:
    return Template(parsed(text))


class _Run:
    def __init__(self, *, escape: bool, refuse: bool, helpers: Mapping[str, Helper], root: Any) -> None:
        self.escape, self.refuse, self.helpers, self.root = escape, refuse, helpers, root
        self.steps = 0
        self.size = 0

    def text(self, nodes: tuple[Node, ...], frame: _Frame) -> Iterator[str]:
        for node in nodes:
            self._step()
            if isinstance(node, str):
                yield self._counted(node)
            elif isinstance(node, Show):
                value = self.value(node.what, frame)
                self._step(_weight(value))
                shown = written(value)
                yield self._counted(
                    html.escape(shown).replace("&#x27;", "&#39;") if self.escape and node.escape else shown
                )
            else:
                yield from self._block(node, frame)

    def value(self, what: Path | Call | Literally, frame: _Frame) -> Any:
        self._step()
        if isinstance(what, Literally):
            return what.value
        if isinstance(what, Path):
            found = self._found(what, frame)
            if found is _ABSENT:
                helper = self.helpers.get(what.source)
                if helper is not None:
                    return helper()
                if self.refuse:
                    raise TemplateError(f"{what.source} is missing", name=what.source)
                return None
            return found
        helper = self.helpers.get(what.name)
        if helper is None:
            raise TemplateError(f'Missing helper: "{what.name}"', name=what.name)
        values = [self.value(one, frame) for one in what.arguments]
        self._step(sum(len(value) for value in values if isinstance(value, str)) // _CHARACTERS)
        try:
            return helper(*values)
        except TypeError:
            raise TemplateError(f"{what.name} is given other arguments than it takes", name=what.name) from None

    def _block(self, node: Block, frame: _Frame) -> Iterator[str]:
        value = self._asked(node, frame)
        match node.kind:
            case "if":
                yield from self.text(node.body if truthy(value) else node.other, frame)
            case "unless":
                yield from self.text(node.other if truthy(value) else node.body, frame)
            case "with":
                if truthy(value):
                    yield from self.text(node.body, _Frame(value, frame, frame.data))
                else:
                    yield from self.text(node.other, frame)
            case "each":
                yield from self._each(node, value, frame)
            case _:  # Mustache's sections, and helpers in the place of a condition
                if isinstance(value, list) and value:
                    yield from self._each(node, value, frame)
                elif not truthy(value):
                    yield from self.text(node.other, frame)
                elif value is True or isinstance(node.what, Call):
                    yield from self.text(node.body, frame)
                else:
                    yield from self.text(node.body, _Frame(value, frame, frame.data))

    def _asked(self, node: Block, frame: _Frame) -> Any:
        """What a block is about: something missing is nothing, not a fault."""
        if isinstance(node.what, Path):
            found = self._found(node.what, frame)
            return None if found is _ABSENT else found
        return self.value(node.what, frame)

    def _each(self, node: Block, value: Any, frame: _Frame) -> Iterator[str]:
        items: Iterable[tuple[Any, Any]] = (
            value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        )
        if not (isinstance(value, dict | list) and value):
            yield from self.text(node.other, frame)
        for place, (key, item) in enumerate(items):
            self._step()
            data = {"index": place, "key": key, "first": place == 0, "last": place == len(value) - 1}
            yield from self.text(node.body, _Frame(item, frame, data))

    def _found(self, path: Path, frame: _Frame) -> Any:
        at: _Frame | None = frame
        for _ in range(path.up):
            at = at.above if at is not None else None
        if at is None:
            return _ABSENT
        if path.data == "root":
            value = self.root
        elif path.data:
            return (at.data or {}).get(path.data, _ABSENT)
        else:
            value = at.this
        self._step(len(path.names) + path.up)
        for name in path.names:
            if isinstance(value, dict) and name in value:
                value = value[name]
            elif isinstance(value, list) and name.isdecimal() and int(name) < len(value):
                value = value[int(name)]
            elif isinstance(value, list) and name == "length":
                value = len(value)
            else:
                return _ABSENT
        return value

    def _step(self, steps: int = 1) -> None:
        self.steps += steps
        if self.steps > MOST_STEPS:
            raise TemplateError(f"the template takes more than {MOST_STEPS} steps")

    def _counted(self, text: str) -> str:
        self.size += len(text)
        if self.size > LARGEST:
            raise TemplateError(f"the template makes more than {LARGEST} characters")
        return text


def _weight(value: Any) -> int:
    """How many values a list has in it, at any depth."""
    return len(value) + sum(map(_weight, value)) if isinstance(value, list) else 0


def truthy(value: Any) -> bool:
    """As Handlebars' `if` sees it: an empty object is something."""
    return isinstance(value, dict) or bool(value)


def written(value: Any) -> str:
    """A value as JavaScript writes it."""
    if value is None or value is _ABSENT:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    if isinstance(value, list):
        return ",".join(map(written, value))
    return "[object Object]" if isinstance(value, dict) else str(value)


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan


def _same(left: Any, right: Any) -> bool:
    """As JavaScript's `==`: lists and objects are the same where they are one, others where they are written alike."""
    if isinstance(left, list | dict) or isinstance(right, list | dict):
        return left is right
    return left == right or written(left) == written(right)


def _insert(value: Any = None, otherwise: Any = "") -> Any:
    return value if truthy(value) else re.sub(r"^default=", "", written(otherwise))


# Beside what every Handlebars has, the helpers that mail services add: comparisons as functions and as block conditions.
HELPERS: Mapping[str, Helper] = {
    "lookup": lambda of=None, key=None: of.get(written(key)) if isinstance(of, dict) and not isinstance(key, list)
    else of[int(key)] if isinstance(of, list) and isinstance(key, int) and 0 <= key < len(of) else None,
    "insert": _insert,
    "equals": lambda left=None, right=None: _same(left, right),
    "notEquals": lambda left=None, right=None: not _same(left, right),
    "greaterThan": lambda left=None, right=None: _number(left) > _number(right),
    "lessThan": lambda left=None, right=None: _number(left) < _number(right),
    "and": lambda *values: all(map(truthy, values)),
    "or": lambda *values: any(map(truthy, values)),
    "not": lambda value=None: not truthy(value),
    "length": lambda value=None, _expected=None: len(value) if isinstance(value, (str, list, dict)) else 0,
}  # fmt: skip


def _ask(nodes: tuple[Node, ...], into: dict[str, Any]) -> None:
    for node in nodes:
        if isinstance(node, Show):
            for path in _paths(node.what):
                _put(path, into, f"{path.names[-1]}_Value" if path.names else "")
        elif isinstance(node, Block):
            inner: dict[str, Any] = {}
            _ask(node.body, inner if node.kind in {"each", "with", ""} else into)
            _ask(node.other, into)
            for path in _paths(node.what):
                shape: Any = [inner or "value"] if node.kind == "each" else inner or True
                _put(path, into, shape)


def _paths(what: Path | Call | Literally) -> Iterator[Path]:
    if isinstance(what, Path):
        yield what
    elif isinstance(what, Call):
        for one in what.arguments:
            yield from _paths(one)


def _put(path: Path, into: dict[str, Any], value: Any) -> None:
    if path.up or path.data or not path.names:
        return
    for name in path.names[:-1]:
        below = into.setdefault(name, {})
        if not isinstance(below, dict):
            return
        into = below
    into.setdefault(path.names[-1], value)
