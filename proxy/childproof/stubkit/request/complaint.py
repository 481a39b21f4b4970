"""What is wrong with a value, in terms of kinds that services have words for."""

from collections.abc import Iterator
from typing import Any, Protocol

import msgspec

from .conversion import DECIMAL


class Complaint(msgspec.Struct, frozen=True):
    """One thing wrong with a request: its kind (see `dialect.errors.kinds`), where, and what was found."""

    kind: str
    path: tuple[str | int, ...]
    value: Any = None
    allowed: tuple[Any, ...] = ()
    limit: Any = None


class Explaining(Protocol):
    """What knows the errors of a value, as a validator does."""

    def iter_errors(self, value: Any, /) -> Iterator[Any]:
        """What is wrong with a value."""
        ...


def complaints(check: Explaining, value: Any) -> list[Complaint]:
    """Everything wrong with `value`, unknown parameters first, then wrong values, then missing ones."""
    found = [complaint for error in check.iter_errors(value) for complaint in _explain(error)]
    order = {"unknown_parameter": 0, "missing": 2}
    return sorted(found, key=lambda complaint: order.get(complaint.kind, 1))


# JSON Schema keyword -> kind of complaint; those with a limit in the schema name it.
_LIMITS = {
    "maxLength": "too_long", "maxItems": "too_long", "maxProperties": "too_long",
    "minLength": "too_short", "minItems": "too_short", "minProperties": "too_short",
    "maximum": "too_large", "exclusiveMaximum": "too_large", "minimum": "too_small", "exclusiveMinimum": "too_small",
}  # fmt: skip


def _explain(error: Any) -> Iterator[Complaint]:
    path = tuple(error.instance_path)
    value, kind = error.instance, error.kind
    if kind.name in _LIMITS:
        yield Complaint(_LIMITS[kind.name], path, value, limit=kind.value)
        return
    match kind.name:
        case "additionalProperties" | "unevaluatedProperties":
            for key in kind.value:
                yield Complaint("unknown_parameter", (*path, key), _inside(value, key))
        case "required":
            yield Complaint("missing", (*path, kind.value))
        case "type":
            yield Complaint(f"invalid_{_plain(kind.value)}", path, value)
        case "enum" | "const":
            allowed = kind.value if kind.name == "enum" else (kind.expected_value,)
            yield Complaint("invalid_enum", path, value, allowed=tuple(allowed))
        case "pattern" | "format":
            number = getattr(kind, "pattern", None) == DECIMAL
            yield Complaint("invalid_number" if number else "invalid_format", path, value)
        case "anyOf" | "oneOf" if branch := _meant(kind, len(path)):
            for inner in branch:
                yield from _explain(inner)
        case _:
            yield Complaint("invalid", path, value)


def _meant(kind: Any, depth: int) -> list[Any] | None:
    """The branch that the caller most likely meant: one that takes the value's type, else one with a plain type.

    Of several, the one whose telling properties fit (`object: card`) and that has the least to complain of.
    """
    branches: list[list[Any]] = [list(branch) for branch in getattr(kind, "context", [])]
    fitting = [branch for branch in branches if branch and not any(_here(e, depth, {"type", "const"}) for e in branch)]
    if fitting:
        return min(
            fitting, key=lambda branch: (sum(_here(e, depth + 1, {"enum", "const"}) for e in branch), len(branch))
        )
    for branch in branches:
        types = [e for e in branch if _here(e, depth, {"type"})]
        if types and "null" not in types[0].kind.value:
            return types
    return None


def _here(error: Any, depth: int, kinds: set[str]) -> bool:
    return len(error.instance_path) == depth and error.kind.name in kinds


def _plain(types: list[str]) -> str:
    for kind in types:
        if kind != "null":
            return kind
    return "string"


def _inside(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None
