"""The syntax of Handlebars templates: a text as a tree of nodes."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

DEEPEST = 50  # blocks within blocks, calls within calls
MOST = 100_000  # characters of all tags together, each counted with eight more; texts between them may be longer
_OPENED = re.compile(r"\{\{(?:(?P<raw>\{)|~?(?P<long>!--))?")
_END, _RAW_END, _LONG_END = re.compile(r"\}\}"), re.compile(r"\}\}\}"), re.compile(r"--~?\}\}")
_WORD = re.compile(r"""\s*(?:(?P<text>"[^"]*"|'[^']*')|(?P<open>\()|(?P<close>\))|(?P<word>[^\s()"']+))""")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_CONSTANTS = {"true": True, "false": False, "null": None, "undefined": None}
_HELPERS = frozenset({"if", "unless", "each", "with"})


class TemplateError(ValueError):
    """A template that is broken, or asks for what can't be. `line` counts from 1 (0: unknown); `name` is what it lacks."""

    def __init__(self, message: str, *, line: int = 0, name: str = "") -> None:
        super().__init__(message)
        self.line = line
        self.name = name


class Path(msgspec.Struct, frozen=True):
    """`../person.name`: how many levels up, then names. `data` is the word behind `@`."""

    source: str
    names: tuple[str, ...]
    up: int = 0
    data: str = ""


class Literally(msgspec.Struct, frozen=True):
    """A text, number or constant of the template."""

    value: Any


class Call(msgspec.Struct, frozen=True):
    """A helper with its arguments."""

    name: str
    arguments: tuple["Path | Call | Literally", ...]


class Show(msgspec.Struct, frozen=True):
    """A value put into the text."""

    what: Path | Call | Literally
    escape: bool


class Block(msgspec.Struct, frozen=True):
    """`kind` is `if`, `unless`, `each`, `with`, or "" for a section and a helper's own block."""

    kind: str
    what: Path | Call | Literally
    body: tuple["Node", ...]
    other: tuple["Node", ...] = ()


Node = str | Show | Block


@dataclass(slots=True)
class _Open:
    name: str
    kind: str
    what: Path | Call | Literally
    line: int
    inverted: bool = False
    chained: bool = False  # `{{else if}}`: closed with the block around it
    body: list[Node] = field(default_factory=list)
    other: list[Node] | None = None

    def into(self) -> list[Node]:
        return self.body if self.other is None else self.other

    def closed(self) -> Block:
        body, other = tuple(self.body), tuple(self.other or ())
        return Block(self.kind, self.what, other, body) if self.inverted else Block(self.kind, self.what, body, other)


class _Tag(msgspec.Struct, frozen=True):
    text: str
    line: int
    raw: bool = False


def parsed(text: str) -> tuple[Node, ...]:
    """The nodes of a template. Raises TemplateError."""
    root: list[Node] = []
    stack: list[_Open] = []
    for token in _tokens(text):
        into = stack[-1].into() if stack else root
        if isinstance(token, str):
            into.append(token)
        else:
            _take(token, stack, into, root)
    if stack:
        raise TemplateError(f"{stack[-1].name} is opened and never closed", line=stack[-1].line)
    return tuple(root)


def _take(  # noqa: C901 - one branch for each kind of tag
    tag: _Tag, stack: list[_Open], into: list[Node], root: list[Node]
) -> None:
    text, line = tag.text, tag.line
    if tag.raw:
        into.append(Show(expression(text, line), escape=False))
    elif not text:
        raise TemplateError("an expression without anything in it", line=line)
    elif text[0] in "#^" and len(text) > 1:
        if len(stack) >= DEEPEST:
            raise TemplateError(f"blocks nested deeper than {DEEPEST} levels", line=line)
        stack.append(_opened(text[1:].strip(), line, inverted=text[0] == "^"))
    elif text in {"else", "^"} or text.startswith("else "):
        if not stack or stack[-1].other is not None:
            raise TemplateError("an else that belongs to no block", line=line)
        stack[-1].other = []
        if text.startswith("else "):
            if len(stack) >= DEEPEST:
                raise TemplateError(f"blocks nested deeper than {DEEPEST} levels", line=line)
            stack.append(_opened(text[5:].strip(), line, chained=True))
    elif text[0] == "/":
        _close(text[1:].strip(), line, stack, root)
    elif text[0] == ">":
        raise TemplateError(f"The partial {text[1:].strip()} could not be found", line=line, name=text[1:].strip())
    else:
        into.append(Show(expression(text.removeprefix("&").strip(), line), escape=text[0] != "&"))


def _opened(text: str, line: int, *, inverted: bool = False, chained: bool = False) -> _Open:
    what = expression(text, line)
    name = text.partition(" ")[0]
    if isinstance(what, Call) and what.name in _HELPERS:
        if len(what.arguments) != 1:
            raise TemplateError(f"#{what.name} requires exactly one argument", line=line)
        return _Open(what.name, what.name, what.arguments[0], line, inverted, chained)
    if name in _HELPERS:
        raise TemplateError(f"#{name} requires exactly one argument", line=line)
    return _Open(name, "", what, line, inverted, chained)


def _close(name: str, line: int, stack: list[_Open], root: list[Node]) -> None:
    while stack:
        done = stack.pop()
        if not done.chained and done.name != name:
            raise TemplateError(f"{done.name} doesn't match {name}", line=line)
        (stack[-1].into() if stack else root).append(done.closed())
        if not done.chained:
            return
    raise TemplateError(f"{name} is closed and was never opened", line=line)


class _Found(msgspec.Struct, frozen=True):
    """A tag where it stands: `{{{raw}}}`, `{{!-- long --}}`, `{{tag}}`; `left` and `right` take white space away."""

    start: int
    end: int
    tag: str
    raw: bool = False
    long: bool = False
    left: bool = False
    right: bool = False


def _found(text: str) -> Iterator[_Found]:
    """All tags. An end that isn't there is looked for once, however many tags have none."""
    at, missing = 0, set[re.Pattern[str]]()

    def closed(end: re.Pattern[str], after: int) -> re.Match[str] | None:
        found = end.search(text, after) if end not in missing else None
        if found is None:
            missing.add(end)
        return found

    while (opened := _OPENED.search(text, at)) is not None:
        start = opened.start()
        if opened["raw"] and (end := closed(_RAW_END, opened.end())) is not None:
            at = end.end()
            yield _Found(start, at, text[opened.end() : end.start()], raw=True)
        elif opened["long"] and (end := closed(_LONG_END, opened.end())) is not None:
            at = end.end()
            yield _Found(start, at, "", long=True)
        elif (end := closed(_END, start + 2)) is not None:
            at, tag = end.end(), text[start + 2 : end.start()]
            left = tag.startswith("~")
            right = tag.endswith("~") and len(tag) > left
            yield _Found(start, at, tag[left : len(tag) - right], left=left, right=right)
        else:
            return


def _tokens(text: str) -> Iterator[str | _Tag]:
    """Texts and tags. Lines that hold nothing but a block's tag or a comment leave nothing behind, as in Handlebars."""
    at, line = 0, 1
    strip = False
    size = 0
    for found in _found(text):
        size += len(found.tag) + 8
        if size > MOST:
            raise TemplateError(f"the template's tags have more than {MOST} characters", line=line)
        before = text[at : found.start]
        comment = found.long or found.tag.startswith("!")
        tag = found.tag.strip()
        silent = comment or (not found.raw and (tag[:1] in {"#", "/", "^"} or tag == "else" or tag[:5] == "else "))
        end = found.end
        if strip:
            before = before.lstrip()
        line += text.count("\n", at, found.start)
        if found.left:
            before = before.rstrip()
        elif silent and (alone := _alone(text, found.start, end)) is not None:
            start, end = alone
            before = before[: len(before) - (found.start - start)]
        if before:
            yield before
        strip = found.right
        if not comment:
            yield _Tag(tag, line, found.raw)
        line += text.count("\n", found.start, end)
        at = end
    rest = text[at:].lstrip() if strip else text[at:]
    if "{{" in rest:
        raise TemplateError("an expression that is never closed", line=line + rest[: rest.index("{{")].count("\n"))
    if rest:
        yield rest


def _alone(text: str, start: int, end: int) -> tuple[int, int] | None:
    """The whole line of a tag that has it to itself."""
    first = start
    while first > 0 and text[first - 1] in " \t":
        first -= 1
    if first > 0 and text[first - 1] != "\n":
        return None
    while end < len(text) and text[end] in " \t\r":
        end += 1
    if end < len(text) and text[end] != "\n":
        return None
    return first, min(end + 1, len(text))


def expression(text: str, line: int) -> Path | Call | Literally:
    """A path, a literal, or a helper with its arguments."""
    words = [*_words(text, line)][::-1]
    found = _sequence(words, line, 0)
    if words:
        raise TemplateError(f"Parse error in {{{{{text}}}}}", line=line)
    return found


def _sequence(words: list[str], line: int, depth: int) -> Path | Call | Literally:
    """A call up to the end or its closing bracket; a single word is itself. `words` are taken off, the last one first."""
    if depth > DEEPEST:
        raise TemplateError("calls nested too deeply", line=line)
    found: list[Path | Call | Literally] = []
    head = words[-1] if words else ""
    while words and words[-1] != ")":
        word = words.pop()
        if word == "(":
            found.append(_sequence(words, line, depth + 1))
            if not words:
                raise TemplateError("a bracket that is never closed", line=line)
            words.pop()
        else:
            found.append(_word(word, line))
    if not found:
        raise TemplateError("an expression without anything in it", line=line)
    if len(found) == 1 and not (depth and isinstance(found[0], Path)):
        return found[0]
    if not isinstance(found[0], Path):
        raise TemplateError(f"{head} is no helper", line=line)
    return Call(found[0].source, tuple(found[1:]))


def _words(text: str, line: int) -> Iterator[str]:
    at = 0
    text = text.strip()
    while at < len(text):
        found = _WORD.match(text, at)
        if found is None or found.end() == at:
            raise TemplateError(f"Parse error in {{{{{text}}}}}", line=line)
        at = found.end()
        yield next(value for value in found.groups() if value is not None)


def _word(word: str, line: int) -> Path | Literally:
    if word[0] in "\"'":
        return Literally(word[1:-1])
    if _NUMBER.fullmatch(word):
        return Literally(float(word) if "." in word else int(word))
    if word in _CONSTANTS:
        return Literally(_CONSTANTS[word])
    up, rest = 0, word
    while rest.startswith("../"):
        up, rest = up + 1, rest[3:]
    if rest == "..":
        up, rest = up + 1, ""
    if rest.startswith("@"):
        data, _, rest = rest[1:].replace("/", ".").partition(".")
        return Path(word, _names(rest), up, data)
    if any(char in word for char in "{}#^&|%~`;"):
        raise TemplateError(f"Parse error at {word}", line=line)
    return Path(word, _names(rest), up)


def _names(text: str) -> tuple[str, ...]:
    names = [name.strip("[]") for name in re.split(r"[./]", text) if name]
    return tuple(names[1:] if names[:1] == ["this"] else names)
