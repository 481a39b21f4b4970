"""A rule file's text, cut before each of its rules, so that rules can be read some at a time, or be known already.

Only what is plain to see is cut: a block list of rules below a line `rules:`. YAML is read from left to right, and only
anchors lead from one place to another; so where each piece turns out to be one item of a list, they mean by themselves what they
mean in their file.
"""

import re

import msgspec

_RULES = re.compile(r"^rules:[ \t]*(?:#[^\n]*)?\n", re.MULTILINE)
_FIRST = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\n)*( *)-[ \t\n]")
_ANCHOR = re.compile(r"&(?<![^\s,:?\[{-]&)[0-9A-Za-z_-]")
_BREAKS = "\r\x85\u2028\u2029"  # that end a line in YAML, and not here


class Pieces(msgspec.Struct, frozen=True):
    """`head`, the text of each rule or include, and `tail` are the whole text, one after the other."""

    head: str
    items: list[str]
    tail: str


def cut(text: str) -> Pieces | None:
    """The pieces, None where they aren't plain to see. Whether they are what they seem shows when they are read."""
    heads = list(_RULES.finditer(text))
    # The last line without its end: a text that ends there is another one where something follows.
    if len(heads) != 1 or not text.endswith("\n") or any(sign in text for sign in _BREAKS):
        return None
    if _ANCHOR.search(text) is not None:
        return None
    first = _FIRST.match(text, heads[0].end())
    if first is None:
        return None
    start, indent = first.start(1), first[1]
    end = _end(text, start, indent)
    begun = re.compile(rf"^{indent}-(?=[ \t\n])", re.MULTILINE).finditer(text, start, end)
    places = [match.start() for match in begun]
    items = [text[one:other] for one, other in zip(places, [*places[1:], end], strict=True)]
    return Pieces(text[:start], items, text[end:])


def _end(text: str, start: int, indent: str) -> int:
    """Where the list of rules is over: at a line that begins no item, and is neither deeper nor empty."""
    over = re.compile(rf"^(?!{indent}(?:-[ \t\n]|[ \t])|[ \t]*(?:#|$))", re.MULTILINE).search(text, start)
    return len(text) if over is None else over.start()
