"""Outcome words: from the effects of a run to `would have charged $420.00 to 1 customer · 1 decline`.

A template holds expressions in braces: `{sum(amount) | money(currency)}`, `{distinct(customer) | plural('customer')}`,
`{count | plural('decline')}`, `{first(subject)}`, `{list(to)}`. They read the data of all effects of one type; with
`where` only of those with the values given. `distinct(customer|payment_method)` takes the first that isn't null.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from childproof.model import Effect

from .measure import Measure, join_differences, measure
from .money import money
from .values import amounts, plural, values
from .values import field as field_of

_PLACE = re.compile(r"\{([^{}]*)\}")
_EXPRESSION = re.compile(r"\s*(count|(?:sum|distinct|first|list)\(\s*([A-Za-z0-9_.|]+)\s*\))\s*(?:\|\s*(.+?)\s*)?")
_FILTER = re.compile(r"(money|plural|quote)\(?\s*(.*?)\s*\)?")
Words = Callable[[Sequence[Effect]], str]
_MOST = 3  # a list names so many, then counts
_LONGEST = 40  # what is quoted is cut there: a subject line names a message, it isn't the message


class Outcome(msgspec.Struct, frozen=True):
    """The words for one type of effect. A note follows after the phrases, behind a dot.

    With `by`, effects are told of apart by that field's values: the first few of them each, the others together.
    """

    type: str
    words: Words
    note: bool
    where: Mapping[str, Any] = msgspec.field(default_factory=dict)
    measure: Measure | None = None
    by: str = ""


def compile_outcomes(templates: Mapping[str, Any]) -> tuple[Outcome, ...]:
    """The `outcomes:` of a stub.yaml. Raises OutcomeError naming the type whose template is broken."""
    out = []
    for kind, value in templates.items():
        written = value if isinstance(value, dict) else {"words": value}
        note = "note" in written
        try:
            template = written["note" if note else "words"]
            out.append(
                Outcome(
                    kind, _template(template), note, written.get("where", {}), measure(template), written.get("by", "")
                )
            )
        except ValueError as error:
            raise OutcomeError(kind, str(error)) from None
    return tuple(out)


class OutcomeError(ValueError):
    """An outcome template is broken; `type` is its key."""

    def __init__(self, type: str, message: str) -> None:  # noqa: A002 - the key's name
        super().__init__(message)
        self.type = type


def compare_outcomes(outcomes: Iterable[Outcome], left: Iterable[Effect], right: Iterable[Effect]) -> str:
    """`$20.00 more refunded, 1 fewer decline`: the right side against the left, for outcomes that both have."""
    sides = [list(left), list(right)]
    parts = []
    for outcome in outcomes:
        ours = [[e for e in side if e.type == outcome.type and _fits(e, outcome.where)] for side in sides]
        if outcome.measure is not None and all(ours):
            parts.append(outcome.measure.difference(*ours))
    return join_differences(parts)


def render_outcomes(outcomes: Iterable[Outcome], effects: Iterable[Effect]) -> str:
    """`would have …, … · note`; "" where no effect has words."""
    by_type: dict[str, list[Effect]] = {}
    for effect in effects:
        by_type.setdefault(effect.type, []).append(effect)
    phrases: list[str] = []
    notes: list[str] = []
    for outcome in outcomes:
        found = [effect for effect in by_type.get(outcome.type, ()) if _fits(effect, outcome.where)]
        if found:
            (notes if outcome.note else phrases).extend(map(outcome.words, _apart(outcome, found)))
    text = f"would have {', '.join(phrases)}" if phrases else ""
    return " · ".join(part for part in (text, *notes) if part)


def _apart(outcome: Outcome, effects: list[Effect]) -> list[list[Effect]]:
    """The effects that are told of in one phrase each."""
    if not outcome.by:
        return [effects]
    groups: dict[str, list[Effect]] = {}
    for effect in effects:
        groups.setdefault(str(field_of(effect.data, outcome.by)), []).append(effect)
    found = list(groups.values())
    rest = [effect for group in found[_MOST:] for effect in group]
    return [*found[:_MOST], rest] if rest else found


def _template(template: str) -> Words:
    parts: list[str | Words] = []
    end = 0
    for place in _PLACE.finditer(template):
        parts.extend((template[end : place.start()], _expression(place[1])))
        end = place.end()
    parts.append(template[end:])
    return lambda effects: "".join(part if isinstance(part, str) else part(effects) for part in parts)


def _expression(text: str) -> Words:
    fit = _EXPRESSION.fullmatch(text)
    if fit is None:
        raise ValueError(
            f"{{{text}}} is no outcome expression (count, sum(x), distinct(x), first(x), list(x), with | a filter)"
        )
    word, name, pipe = fit[1].partition("(")[0], fit[2] or "", fit[3]
    if pipe is None:
        return lambda effects: _show(_value(word, name, effects))
    filtered = _FILTER.fullmatch(pipe)
    if filtered is None:
        raise ValueError(f"| {pipe} is no filter (money(currency), plural('customer'), quote)")
    kind, argument = filtered[1], filtered[2].strip("'\"")
    if kind == "money":
        if word != "sum":
            raise ValueError("money(…) follows sum(…)")
        return lambda effects: _money(name, argument, effects)
    if kind == "quote":
        if word == "list":
            return lambda effects: _listed(name, effects, _quoted)
        return lambda effects: _quoted(_show(_value(word, name, effects)))
    if word not in {"count", "distinct"}:
        raise ValueError("plural(…) follows count or distinct(…)")
    return lambda effects: plural(int(_value(word, name, effects)), argument)


def _value(word: str, name: str, effects: Sequence[Effect]) -> Any:
    if word == "count":
        return len(effects)
    found = values(name, effects)
    if word == "sum":
        return sum(value for value in found if isinstance(value, int | float) and not isinstance(value, bool))
    if word == "distinct":
        return len(set(map(str, found)))
    if word == "first":
        return found[0] if found else ""
    return _listed(name, effects, str)


def _listed(name: str, effects: Sequence[Effect], show: Callable[[str], str]) -> str:
    """The different values, the first few by name: `a, b, c and 2 more`."""
    unique = list(dict.fromkeys(map(str, values(name, effects))))
    shown = [show(value) for value in unique[:_MOST]]
    return _joined([*shown, f"{len(unique) - _MOST:,} more"] if len(unique) > _MOST else shown)


def _joined(parts: Sequence[str]) -> str:
    return " and ".join(part for part in (", ".join(parts[:-1]), *parts[-1:]) if part)


def _quoted(text: str) -> str:
    return f'"{text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"}"'


def _money(name: str, currency: str, effects: Sequence[Effect]) -> str:
    """Sums per currency, in the order in which they came: `$420.00 and ¥500`."""
    return _joined([money(amount, unit) for unit, amount in amounts(name, currency, effects).items()]) or "nothing"


def _fits(effect: Effect, where: Mapping[str, Any]) -> bool:
    return all(field_of(effect.data, name) == wanted for name, wanted in where.items())


def _show(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)
