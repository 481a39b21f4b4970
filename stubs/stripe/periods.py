"""Billing periods: where they begin and end. Pure arithmetic on unix seconds, in UTC.

Every boundary is counted from the anchor, not from the boundary before: what is anchored to the 31st is due on the 28th
of February and on the 31st of March again (docs.stripe.com/billing/subscriptions/billing-cycle).
"""

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

DAY = 86_400
_FIXED = {"day": DAY, "week": 7 * DAY}
_MONTHS = {"month": 1, "year": 12}


@dataclass(frozen=True, slots=True)
class Interval:
    """How often something is billed: every `count` days, weeks, months or years."""

    unit: str
    count: int = 1

    @classmethod
    def of(cls, price: dict[str, Any]) -> "Interval":
        """That of a recurring price."""
        recurring = price["recurring"]
        return cls(recurring["interval"], recurring["interval_count"])

    def boundary(self, anchor: int, number: int) -> int:
        """The boundary that is `number` intervals after the anchor; before it, where the number is negative."""
        if self.unit in _FIXED:
            return anchor + number * self.count * _FIXED[self.unit]
        return _months_on(anchor, number * self.count * _MONTHS[self.unit])

    def after(self, anchor: int, moment: int) -> int:
        """The first boundary that is later than a moment."""
        number = self._estimate(anchor, moment)
        while self.boundary(anchor, number) > moment:
            number -= 1
        while self.boundary(anchor, number) <= moment:
            number += 1
        return self.boundary(anchor, number)

    def before(self, anchor: int, moment: int) -> int:
        """The last boundary that is not later than a moment."""
        number = self._estimate(anchor, moment)
        while self.boundary(anchor, number) <= moment:
            number += 1
        while self.boundary(anchor, number) > moment:
            number -= 1
        return self.boundary(anchor, number)

    def periods(self, anchor: int, start: int, end: int) -> Fraction:
        """How many periods there are from one time to another, parts of periods included."""
        return self._place(anchor, end) - self._place(anchor, start)

    def longest(self) -> int:
        """No interval of this kind is longer, in seconds."""
        return self.count * {"day": DAY, "week": 7 * DAY, "month": 31 * DAY, "year": 366 * DAY}[self.unit]

    def _place(self, anchor: int, moment: int) -> Fraction:
        number = self._estimate(anchor, moment)
        while self.boundary(anchor, number) <= moment:
            number += 1
        last, following = self.boundary(anchor, number - 1), self.boundary(anchor, number)
        return number - 1 + Fraction(moment - last, following - last)

    def _estimate(self, anchor: int, moment: int) -> int:
        return (moment - anchor) // self.longest()


def anchored(config: dict[str, Any], moment: int) -> int:
    """The first time after a moment that a `billing_cycle_anchor_config` describes; what it leaves out is the moment's."""
    start = datetime.fromtimestamp(moment, UTC)
    hour, minute, second = (
        start.hour if config.get("hour") is None else config["hour"],
        start.minute if config.get("minute") is None else config["minute"],
        start.second if config.get("second") is None else config["second"],
    )
    year, month = start.year, start.month
    while True:
        if config.get("month") in {None, month}:
            day = min(config["day_of_month"], monthrange(year, month)[1])
            found = int(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp())
            if found > moment:
                return found
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)


def _months_on(moment: int, months: int) -> int:
    start = datetime.fromtimestamp(moment, UTC)
    total = start.year * 12 + start.month - 1 + months
    year, month = total // 12, total % 12 + 1
    day = min(start.day, monthrange(year, month)[1])
    moved = start.replace(year=year, month=month, day=1) + timedelta(days=day - 1)
    return int(moved.timestamp())
