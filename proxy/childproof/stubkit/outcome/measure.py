"""Outcomes of two sides compared: `$20.00 more refunded, 1 fewer decline`, from the same templates as the words."""

import re
from collections.abc import Iterable, Sequence

import msgspec

from childproof.model import Effect

from .money import money
from .values import amounts, number_of, plural

# The first figure of a template: what it counts, and what stands before it says what was done with it.
_FIGURE = re.compile(
    r"(?P<verb>[^{}]*)\{\s*(?:"
    r"sum\(\s*(?P<field>[\w.|]+)\s*\)\s*\|\s*money\(\s*(?P<currency>[\w.|]+)\s*\)"
    r"|(?P<count>count|distinct\([^)]*\))\s*\|\s*plural\(\s*(?P<noun>.*?)\s*\)"
    r")\s*\}"
)


class Measure(msgspec.Struct, frozen=True):
    """What a template counts: an amount of money, or a number of things."""

    verb: str
    field: str = ""
    currency: str = ""
    counted: str = ""
    noun: str = ""

    def difference(self, left: Sequence[Effect], right: Sequence[Effect]) -> str:
        """What the right side has more or less of; "" where it is the same."""
        if self.noun:
            more = number_of(self.counted, right) - number_of(self.counted, left)
            if not more:
                return ""
            noun = plural(abs(more), self.noun).partition(" ")[2]
            return f"{abs(more):,} {'more' if more > 0 else 'fewer'} {noun} {self.verb}".rstrip()
        ours, theirs = amounts(self.field, self.currency, right), amounts(self.field, self.currency, left)
        parts = []
        for unit in dict.fromkeys((*ours, *theirs)):
            more = ours.get(unit, 0) - theirs.get(unit, 0)
            if more:
                parts.append(f"{money(abs(more), unit)} {'more' if more > 0 else 'less'} {self.verb}".rstrip())
        return ", ".join(parts)


def measure(template: str) -> Measure | None:
    """What a template counts; None where it has no figure to compare."""
    found = _FIGURE.match(template)
    if found is None:
        return None
    verb = found["verb"].strip()
    if found["field"]:
        return Measure(verb, found["field"], found["currency"])
    return Measure(verb, counted=found["count"], noun=found["noun"].strip("'\""))


def join_differences(parts: Iterable[str]) -> str:
    """The differences of several outcomes as one text."""
    return ", ".join(part for part in parts if part)
