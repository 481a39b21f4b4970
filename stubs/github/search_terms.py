"""What a search asks for: words, "phrases" and qualifiers (https://docs.github.com/search-github)."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from childproof.stubkit import Refusal

from .wording import fault, validation_failed

LONGEST = 256  # characters, without qualifiers
_PART = re.compile(r'(-?)(?:([A-Za-z-]+):)?("(?:[^"\\]|\\.)*"|[^\s"]+)')
_RANGE = re.compile(r"(>=|<=|>|<)?(.+?)(?:\.\.(.+))?")


@dataclass(frozen=True, slots=True)
class Term:
    """One qualifier, or a word where it has no name. `wanted` is false for what must not be."""

    name: str
    value: str
    wanted: bool = True


@dataclass(frozen=True, slots=True)
class Terms:
    """A query taken apart."""

    words: tuple[Term, ...]
    qualifiers: tuple[Term, ...]

    def values(self, name: str) -> list[str]:
        """What a qualifier asks for, each time it is there, in lower case."""
        return [term.value.lower() for term in self.qualifiers if term.name == name and term.wanted]

    def fits(self, tests: Mapping[str, Callable[[str], bool]], *, any_of: Collection[str] = ()) -> bool:
        """Whether all qualifiers say yes; those in `any_of` are met where one of several is."""
        for name in any_of:
            given = self.values(name)
            if given and not any(tests[name](value) for value in given):
                return False
        rest = (term for term in self.qualifiers if term.name in tests and not (term.name in any_of and term.wanted))
        return all(tests[term.name](term.value.lower()) is term.wanted for term in rest)

    def said_in(self, *texts: str | None) -> bool:
        """Whether every word is in one of the texts, and none that must not be."""
        known = [text.lower() for text in texts if text]
        return all(any(term.value.lower() in text for text in known) is term.wanted for term in self.words)


def terms(query: str, known: Collection[str]) -> Terms:
    """A query's words and qualifiers. Raises 422 for an empty one, and one that is too long."""
    if not query.strip():
        raise validation_failed(fault("Search", "q", "missing"))
    words: list[Term] = []
    qualifiers: list[Term] = []
    negated = False
    for minus, name, raw in _PART.findall(query):
        value = re.sub(r"\\(.)", r"\1", raw[1:-1]) if raw.startswith('"') else raw
        if not name and raw in {"AND", "OR", "NOT"}:
            negated = raw == "NOT"
            continue
        wanted = not minus and not negated
        negated = False
        if name.lower() in known:
            qualifiers.append(Term(name.lower(), value, wanted))
        else:
            words.append(Term("", f"{name}:{value}" if name else value, wanted))
    if sum(len(word.value) + 1 for word in words) > LONGEST:
        raise validation_failed(
            {**fault("Search", "q", "invalid"), "message": f"The search is longer than {LONGEST} characters."}
        )
    return Terms(tuple(words), tuple(qualifiers))


def within(asked: str, found: int | str | None) -> bool:
    """Whether a number or a day is what a range asks for: `>=10`, `10..20`, `2026-01-01..*`, `<2026-02-01`."""
    fit = _RANGE.fullmatch(asked)
    if fit is None or found is None:
        return False
    sign, first, last = fit.groups()
    have, low = _comparable(found, first)
    if last is not None:
        return (first == "*" or have >= low) and (last == "*" or _comparable(found, last)[0] <= _end(last, found))
    match sign:
        case ">":
            return bool(have > low)
        case ">=":
            return bool(have >= low)
        case "<":
            return bool(have < low)
        case "<=":
            return bool(have <= _end(first, found))
        case _:
            return str(have).startswith(str(low)) if isinstance(found, str) else bool(have == low)


def ordered(found: list[Any], by: str | None, order: str | None, keys: Mapping[str, Callable[[Any], Any]]) -> list[Any]:
    """What was found, sorted as the query asks, the highest first; the newest first where it asks for nothing."""
    if by is None or by not in keys:
        return found
    return sorted(found, key=keys[by], reverse=(order or "desc") == "desc")


def no_such(resource: str) -> Refusal:
    """422 for a search in what isn't there, or what the caller may not see."""
    text = f"The listed {resource} cannot be searched either because the {resource} do not exist or you do not have permission to view them."
    return validation_failed({"message": text, "resource": "Search", "field": "q", "code": "invalid"})


def _comparable(found: int | str, asked: str) -> tuple[Any, Any]:
    if isinstance(found, str):
        return found[: max(len(asked), 10)] if asked != "*" else found, asked
    return found, int(asked) if asked.isdigit() else 0


def _end(asked: str, found: int | str) -> Any:
    """The last moment that a bound includes: all of a day."""
    return asked + "\uffff" if isinstance(found, str) else int(asked) if asked.isdigit() else 0
