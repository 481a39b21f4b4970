"""`limit` of a rule: one, or a list of them."""

from collections.abc import Iterator

from childproof.model import Protocol

from .condition import ConditionError, Expression, compile_expression
from .limit import Counted, Limit
from .reader import Part
from .rule import Match
from .units import milliseconds, size

_KINDS = tuple(kind.value for kind in Counted)


def read_limits(part: Part, match: Match) -> tuple[Limit, ...]:
    """The limits of a rule. Those that make no sense are left out; their faults stand in the report."""
    limits: dict[str, Limit] = {}
    for one in _parts(part):
        limit = _limit(one, match)
        if limit is None:
            continue
        if limit.key in limits:
            first = next(iter(one.value))
            one.fault(first, f"a second limit of {limit.key}", "each kind of limit once for the same period")
        limits[limit.key] = limit
    return tuple(limits.values())


def _parts(part: Part) -> Iterator[Part]:
    for path, value in part.items("limit"):
        if isinstance(value, dict):
            yield Part(part.report, path, value)


def _limit(part: Part, match: Match) -> Limit | None:
    given = [kind for kind in _KINDS if kind in part.value]
    if len(given) != 1:
        found = f"{' and '.join(map(repr, given))} in one limit" if given else "a limit that counts nothing"
        place = part if given else Part(part.report, part.path[:-1], {})
        place.fault(
            given[1] if given else str(part.path[-1]),
            found,
            f"exactly one of {', '.join(_KINDS)}; several limits are a list",
            "" if given else "limit: {calls: 50, per: 1h}",
        )
        return None
    counted = Counted(given[0])
    value, per = part.get(counted), part.get("per")
    if value is None or ("per" in part.value and per is None):
        return None
    per_ms = None if per is None else milliseconds(per)
    if counted in (Counted.CALLS, Counted.BYTES):
        if "max" in part.value:
            part.fault("max", f"'max' beside {counted.value!r}", f"the number at {counted.value} itself")
        if counted is Counted.CALLS:
            return Limit(value, per_ms)
        if not {Protocol.HTTP, Protocol.SMTP}.issuperset(match.protocols):
            part.fault("bytes", "'bytes' in a rule that is not for http or smtp", "it only there: others aren't read")
        return Limit(size(value), per_ms, counted)
    most = part.get("max")
    expression = _expression(part, counted, match)
    if "max" not in part.value:
        part.fault(counted, f"{counted.value!r} without 'max'", "how much of it may be", "max: 100")
    return Limit(most, per_ms, counted, expression) if most is not None and expression is not None else None


def _expression(part: Part, counted: Counted, match: Match) -> Expression | None:
    try:
        return compile_expression(part.get(counted), match.protocols, counted)
    except ConditionError as error:
        part.fault(counted, str(error), error.expected, error.write)
        return None
