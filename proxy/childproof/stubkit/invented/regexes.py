"""Texts that a regular expression matches, drawn with a given generator: short ones, of characters that people type."""

import random
import re
import string
from collections.abc import Callable
from functools import cache, partial
from re import _constants as ops  # type: ignore[attr-defined]  # the parser's own names for what it read
from re import _parser as parser  # type: ignore[attr-defined]  # the only reader of patterns that Python has
from typing import Any

_MORE = 6  # repetitions beyond what a pattern asks for
_TRIES = 40
_PRINTABLE = [ord(letter) for letter in string.ascii_letters + string.digits + "-_. ,:;/+=@!?'\"()[]{}<>#$%&*^|~`\\"]
_PLAIN = [ord(letter) for letter in string.ascii_lowercase + string.digits]
_CATEGORIES = {
    ops.CATEGORY_DIGIT: string.digits,
    ops.CATEGORY_WORD: string.ascii_lowercase + string.digits + "_",
    ops.CATEGORY_SPACE: " ",
}
_NEGATED = {
    ops.CATEGORY_NOT_DIGIT: ops.CATEGORY_DIGIT,
    ops.CATEGORY_NOT_WORD: ops.CATEGORY_WORD,
    ops.CATEGORY_NOT_SPACE: ops.CATEGORY_SPACE,
}
# What JSON Schema's patterns (ECMA 262) may say that Python says otherwise.
_OTHERWISE = ((r"\/", "/"), (r"\p{L}", "A-Za-z"), (r"\p{Lu}", "A-Z"), (r"\p{Ll}", "a-z"), (r"\p{N}", "0-9"))


def matching(pattern: str, rng: random.Random, fits: Callable[[str], bool] = lambda _: True) -> str | None:
    """A text that the pattern is found in and that `fits`; None where none was found or the pattern can't be read."""
    read = _parsed(pattern)
    if read is None:
        return None
    found, tree = read
    for attempt in range(_TRIES):
        made = _Maker(rng, more=_MORE if attempt < _TRIES // 2 else 4 * attempt).text(tree)
        if found(made) and fits(made):
            return made
    return None


def finds(pattern: str, text: str) -> bool:
    """Whether a pattern is found in a text; a pattern that can't be read is in all."""
    read = _parsed(pattern)
    return read is None or read[0](text)


@cache
def _parsed(pattern: str) -> tuple[Callable[[str], bool], Any] | None:
    """How to look for a pattern, and its tree."""
    for text in (pattern, _python(pattern)):
        try:
            compiled = re.compile(text)
            return partial(_found, compiled), parser.parse(text)
        except (re.error, OverflowError, RecursionError):
            continue
    return None


def _found(compiled: re.Pattern[str], text: str) -> bool:
    # Python's $ also stands before a last line feed.
    return not text.endswith("\n") and compiled.search(text) is not None


def _python(pattern: str) -> str:
    pattern = re.sub(r"\(\?<(?![=!])", "(?P<", pattern)
    for theirs, ours in _OTHERWISE:
        pattern = pattern.replace(theirs, ours)
    return re.sub(r"\\u\{([0-9a-fA-F]+)\}", lambda fit: re.escape(chr(int(fit[1], 16))), pattern)


class _Maker:
    def __init__(self, rng: random.Random, *, more: int) -> None:
        self._rng = rng
        self._more = more
        self._groups: dict[int, str] = {}

    def text(self, tree: Any) -> str:
        return "".join(self._one(op, value) for op, value in tree)

    def _one(self, op: Any, value: Any) -> str:  # noqa: C901 - one case for each kind of node
        match op:
            case ops.LITERAL:
                return chr(value)
            case ops.NOT_LITERAL:
                return chr(self._rng.choice([one for one in _PLAIN if one != value]))
            case ops.ANY:
                return chr(self._rng.choice(_PLAIN))
            case ops.IN:
                return chr(self._rng.choice(_allowed(tuple(value))))
            case ops.BRANCH:
                return self.text(self._rng.choice(value[1]))
            case ops.SUBPATTERN:
                made = self.text(value[3])
                if value[0] is not None:
                    self._groups[value[0]] = made
                return made
            case ops.ATOMIC_GROUP:
                return self.text(value)
            case ops.GROUPREF:
                return self._groups.get(value, "")
            case ops.GROUPREF_EXISTS:
                taken = value[1] if value[0] in self._groups else value[2]
                return self.text(taken) if taken else ""
            case ops.MAX_REPEAT | ops.MIN_REPEAT | ops.POSSESSIVE_REPEAT:
                low, high, inner = value
                most = low + self._more if high is ops.MAXREPEAT else min(int(high), low + self._more)
                return "".join(self.text(inner) for _ in range(self._rng.randint(low, most)))
            case _:
                return ""  # where it stands (AT), and what must or mustn't follow: checked afterwards


@cache
def _allowed(items: tuple[Any, ...]) -> list[int]:
    """The characters of a set: those that people type, if it has any of them."""
    negated = bool(items) and items[0][0] is ops.NEGATE
    some: set[int] = set()
    for op, value in items:
        if op is ops.LITERAL:
            some.add(value)
        elif op is ops.RANGE:
            some.update(range(value[0], min(value[1], value[0] + 500) + 1))
        elif op is ops.CATEGORY:
            known = _CATEGORIES.get(value)
            if known is not None:
                some.update(map(ord, known))
            else:
                some.update(set(_PRINTABLE) - set(map(ord, _CATEGORIES.get(_NEGATED.get(value), ""))))
    if negated:
        return [one for one in _PLAIN if one not in some] or [one for one in _PRINTABLE if one not in some] or [0x2603]
    return sorted(some & set(_PLAIN)) or sorted(some & set(_PRINTABLE)) or sorted(some) or [ord("x")]
