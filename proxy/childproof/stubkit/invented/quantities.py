"""Numbers within a schema's bounds, of a size that the property's name suggests."""

import math
import random
import re
from decimal import Decimal
from typing import Any

from childproof.stubkit.document.shape import CREATED, UPDATED

from .persona import PLACES, Persona
from .words import later

_COUNTS = re.compile(r"^(times|num|total)_|_?count$|^attempts|version$|retries")  # what a new thing has none of yet
_TIMES = re.compile(
    r"(^|_)(created|updated|modified|deleted|started|ended|expires|timestamp|time)$|_(at|time|date|timestamp)$"
)
# Name -> least and most of what it usually is.
_SIZES = (
    (re.compile(r"exp(iry|iration)?_?year"), (2027, 2031)),
    (re.compile(r"year"), (2015, 2025)),
    (re.compile(r"month"), (1, 12)),
    (re.compile(r"(^|_)day(_of_month)?$"), (1, 28)),
    (re.compile(r"hour"), (0, 23)),
    (re.compile(r"minute|second"), (0, 59)),
    (re.compile(r"(^|_)age$"), (18, 80)),
    (re.compile(r"quantity|(^|_)qty|seats|guests"), (1, 5)),
    (re.compile(r"percent|ratio|progress|share|probability|confidence"), (1, 100)),
    (re.compile(r"rating|stars|priority|level"), (1, 5)),
    (re.compile(r"(^|_)port$"), (1024, 65535)),
    (re.compile(r"width|height|_px$"), (64, 1920)),
    (re.compile(r"size|bytes|length"), (1024, 5_000_000)),
    (re.compile(r"duration|timeout|interval|_ms$"), (1, 3600)),
    (re.compile(r"amount|price|total|cost|fee|balance|subtotal|_cents$"), (500, 20_000)),
)
_WIDE = 9999
_INT32 = 2**31 - 1


def number(node: dict[str, Any], name: str, who: Persona, now: int, *, whole: bool) -> int | float:
    """A number that a schema allows. `whole` asks for an integer; times are seconds, or milliseconds where the name says so."""
    low, high = _bounds(node, whole=whole)
    step = node.get("multipleOf")
    plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    wanted = _time(node, plain, name, now) if whole else _place(plain, who)
    if wanted is not None and low <= wanted <= high and (not step or _divides(wanted, step)):
        return wanted
    if _COUNTS.search(plain) and low <= 0 <= high:
        return 0
    least: float
    most: float
    least, most = next((size for pattern, size in _SIZES if pattern.search(plain)), (1, _WIDE))
    # What the schema allows comes first; what the name suggests, as far as it fits into that.
    if not whole and least >= 500:
        least, most = least / 100, most / 100  # money with its minor units behind the point
    if low <= most and least <= high:
        least, most = max(least, low), min(most, high)
    else:
        least, most = (low, min(high, low + _WIDE)) if low > -math.inf else (high - _WIDE, high)
    if step:
        return _multiple(who.rng, step, low, high, (least, most), whole=whole)
    if whole:
        return who.rng.randint(math.ceil(least), max(math.ceil(least), math.floor(most)))
    made = round(who.rng.uniform(least, most), 2)
    return made if low <= made <= high else (least + most) / 2


def _bounds(node: dict[str, Any], *, whole: bool) -> tuple[float, float]:
    """The least and the most that is allowed, exclusive ones taken in."""
    low, high = node.get("minimum", -math.inf), node.get("maximum", math.inf)
    above, below = node.get("exclusiveMinimum"), node.get("exclusiveMaximum")
    if above is not None:
        low = max(low, math.floor(above) + 1 if whole else _beside(above, 1, high, below))
    if below is not None:
        high = min(high, math.ceil(below) - 1 if whole else _beside(below, -1, low, above))
    if whole and low > -math.inf:
        low = math.ceil(low)
    if whole and high < math.inf:
        high = math.floor(high)
    if whole and node.get("format") == "int32":
        low, high = max(low, -_INT32 - 1), min(high, _INT32)
    return low, high


def _beside(bound: float, way: int, other: float, exclusive: float | None) -> float:
    """A number right within an exclusive bound: a hundredth away, or nearer where the other bound is."""
    room = min(abs(end - bound) for end in (other, exclusive if exclusive is not None else math.inf))
    return bound + way * min(0.01, room / 4 if room < math.inf else 0.01)


def _multiple(
    rng: random.Random, step: float, low: float, high: float, wanted: tuple[float, float], *, whole: bool
) -> int | float:
    exact = Decimal(str(step))
    if whole and exact != exact.to_integral_value():
        exact = Decimal(str(step)) * 10 ** max(0, -int(Decimal(str(step)).as_tuple().exponent))  # a whole multiple
    first, last = (_steps(end, exact, up=place == 0) for place, end in enumerate((low, high)))
    least, most = (_steps(end, exact, up=place == 0) for place, end in enumerate(wanted))
    if first is not None:
        least = max(least or 0, first)
    if last is not None:
        most = min(most or 0, last)
    if least is None or most is None or least > most:
        least = most = first if first is not None else last if last is not None else 0
    made = exact * rng.randint(least, most)
    return int(made) if whole or made == made.to_integral_value() else float(made)


def _steps(end: float, step: Decimal, *, up: bool) -> int | None:
    if math.isinf(end):
        return None
    steps = Decimal(str(end)) / step
    return math.ceil(steps) if up else math.floor(steps)


def _divides(value: float, step: float) -> bool:
    return Decimal(str(value)) % Decimal(str(step)) == 0


def _time(node: dict[str, Any], plain: str, name: str, now: int) -> int | None:
    if node.get("format") not in {"unix-time", "unix", "timestamp"} and not (
        name.lower() in CREATED | UPDATED or _TIMES.search(plain)
    ):
        return None
    at = now + later(name)
    return at if plain.endswith(("_ms", "_millis", "_milliseconds")) else at // 1000


def _place(plain: str, who: Persona) -> float | None:
    if re.search(r"(^|_)lat(itude)?$", plain):
        return PLACES.get(who.person.address.city, (0.0, 0.0, ""))[0]
    if re.search(r"(^|_)(lng|lon|long|longitude)$", plain):
        return PLACES.get(who.person.address.city, (0.0, 0.0, ""))[1]
    return None
