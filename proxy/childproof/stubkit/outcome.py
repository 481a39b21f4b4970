"""Outcome words: from the effects of a run to `would have charged $420.00 to 1 customer · 1 decline`.

A template holds expressions in braces: `{sum(amount) | money(currency)}`, `{distinct(customer) | plural('customer')}`,
`{count | plural('decline')}`, `{first(subject)}`, `{list(to)}`. They read the data of all effects of one type; with
`where` only of those with the values given. `distinct(customer|payment_method)` takes the first that isn't null.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from childproof.model import Effect

from .money import money

_PLACE = re.compile(r"\{([^{}]*)\}")
_EXPRESSION = re.compile(r"\s*(count|(?:sum|distinct|first|list)\(\s*([A-Za-z0-9_.|]+)\s*\))\s*(?:\|\s*(.+?)\s*)?")
_FILTER = re.compile(r"(money|plural|quote)\(?\s*(.*?)\s*\)?")
Words = Callable[[Sequence[Effect]], str]
_MOST = 3  # a list names so many, then counts


@dataclass(frozen=True, slots=True)
class Outcome:
    """The words for one type of effect. A note follows after the phrases, behind a dot."""

    type: str
    words: Words
    note: bool
    where: Mapping[str, Any] = field(default_factory=dict)


def compile_outcomes(templates: Mapping[str, Any]) -> tuple[Outcome, ...]:
    """The `outcomes:` of a stub.yaml. Raises OutcomeError naming the type whose template is broken."""
    out = []
    for kind, value in templates.items():
        written = value if isinstance(value, dict) else {"words": value}
        note = "note" in written
        try:
            out.append(Outcome(kind, _template(written["note" if note else "words"]), note, written.get("where", {})))
        except ValueError as error:
            raise OutcomeError(kind, str(error)) from None
    return tuple(out)


class OutcomeError(ValueError):
    """An outcome template is broken; `type` is its key."""

    def __init__(self, type: str, message: str) -> None:  # noqa: A002 - the key's name
        super().__init__(message)
        self.type = type


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
            (notes if outcome.note else phrases).append(outcome.words(found))
    text = f"would have {', '.join(phrases)}" if phrases else ""
    return " · ".join(part for part in (text, *notes) if part)


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
        return lambda effects: f'"{_show(_value(word, name, effects))}"'
    if word not in {"count", "distinct"}:
        raise ValueError("plural(…) follows count or distinct(…)")
    return lambda effects: _plural(int(_value(word, name, effects)), argument)


def _value(word: str, name: str, effects: Sequence[Effect]) -> Any:
    if word == "count":
        return len(effects)
    found = [value for effect in effects for value in _flat(_field(effect.data, name))]
    if word == "sum":
        return sum(value for value in found if isinstance(value, int | float) and not isinstance(value, bool))
    if word == "distinct":
        return len(set(map(str, found)))
    if word == "first":
        return found[0] if found else ""
    unique = list(dict.fromkeys(map(str, found)))
    shown = ", ".join(unique[:_MOST])
    return f"{shown} and {len(unique) - _MOST} more" if len(unique) > _MOST else shown


def _money(name: str, currency: str, effects: Sequence[Effect]) -> str:
    """Sums per currency, in the order in which they came: `$420.00 and ¥500`."""
    sums: dict[str, int] = {}
    for effect in effects:
        amount = _field(effect.data, name)
        if isinstance(amount, int):
            unit = str(_field(effect.data, currency) or currency)
            sums[unit.upper()] = sums.get(unit.upper(), 0) + amount
    return " and ".join(money(amount, unit) for unit, amount in sums.items()) or "nothing"


def _fits(effect: Effect, where: Mapping[str, Any]) -> bool:
    return all(_field(effect.data, name) == wanted for name, wanted in where.items())


def _field(data: Mapping[str, Any], name: str) -> Any:
    node: Any = None
    for choice in name.split("|"):
        node = data
        for step in choice.split("."):
            node = node.get(step) if isinstance(node, Mapping) else None
        if node is not None:
            break
    return node


def _flat(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def _plural(count: int, noun: str) -> str:
    if count == 1:
        return f"1 {noun}"
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return f"{count} {noun[:-1]}ies"
    return f"{count} {noun}{'es' if noun.endswith(('s', 'x', 'ch', 'sh')) else 's'}"


def _show(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)
