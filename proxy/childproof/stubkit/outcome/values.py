"""What outcome templates read from effects: fields, amounts by currency, numbers of things, nouns in the plural."""

from collections.abc import Mapping, Sequence
from typing import Any

from childproof.model import Effect


def field(data: Mapping[str, Any], name: str) -> Any:
    """The value at a dotted path; of several paths (`a|b`) the first that isn't null."""
    node: Any = None
    for choice in name.split("|"):
        node = data
        for step in choice.split("."):
            node = node.get(step) if isinstance(node, Mapping) else None
        if node is not None:
            break
    return node


def values(name: str, effects: Sequence[Effect]) -> list[Any]:
    """The values of a field over all effects, lists flattened, nulls left out."""
    return [value for effect in effects for value in _flat(field(effect.data, name))]


def amounts(name: str, currency: str, effects: Sequence[Effect]) -> dict[str, int]:
    """Sums per currency (upper case), in the order in which they came. `currency` is a field's name, or a currency."""
    sums: dict[str, int] = {}
    for effect in effects:
        amount = field(effect.data, name)
        if isinstance(amount, int):
            unit = str(field(effect.data, currency) or currency).upper()
            sums[unit] = sums.get(unit, 0) + amount
    return sums


def number_of(counted: str, effects: Sequence[Effect]) -> int:
    """`count`, or `distinct(field)`."""
    word, _, name = counted.partition("(")
    return len(effects) if word == "count" else len(set(map(str, values(name.rstrip(")").strip(), effects))))


def plural(count: int, noun: str) -> str:
    """`1 decline`, `2 declines`, `3 entries`."""
    if count == 1:
        return f"1 {noun}"
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return f"{count} {noun[:-1]}ies"
    return f"{count} {noun}{'es' if noun.endswith(('s', 'x', 'ch', 'sh')) else 's'}"


def _flat(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]
