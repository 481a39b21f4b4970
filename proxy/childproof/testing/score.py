"""What was expected of a world, weighed instead of raised: a number and its reasons, for harnesses."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from .hiding import raised_on_purpose

if TYPE_CHECKING:
    from .mail import Mail
    from .world import World

__tracebackhide__ = raised_on_purpose
Kind = Literal["milestone", "minefield", "collateral"]
_KINDS: dict[str, Kind] = {
    "must_have": "milestone",
    "must_not": "minefield",
    "must_not_have": "minefield",
    "must_only_change": "collateral",
    "must_not_change": "collateral",
}


class Check(msgspec.Struct, frozen=True):
    """One expectation. `reason` is the first line of why it doesn't hold, `text` all of it; both empty where it holds."""

    kind: Kind
    what: str
    held: bool
    weight: float
    text: str = ""

    @property
    def reason(self) -> str:
        """In a line."""
        return self.text.partition("\n")[0]

    def __bool__(self) -> bool:
        return self.held


class Score:
    """Expectations that don't raise: `must_have`, `must_not`, `must_only_change`, `must_not_change` and `mail` as World has them.

    Each returns its Check; a milestone takes a `weight`. `value` is the share of the milestones that were met, by weight; 0 as
    soon as a minefield or collateral change was. What is looked at is the world as it is at each call.
    """

    def __init__(self, world: "World") -> None:
        self._world = world
        self.checks: list[Check] = []

    def must_have(self, *args: Any, weight: float = 1, **named: Any) -> Check:
        """A milestone."""
        return self._add("must_have", self._world.must_have, args, named, weight)

    def must_not(self, *args: Any, **named: Any) -> Check:
        """A minefield."""
        return self._add("must_not", self._world.must_not, args, named)

    def must_only_change(self, *args: Any, **named: Any) -> Check:
        """No collateral change."""
        return self._add("must_only_change", self._world.must_only_change, args, named)

    def must_not_change(self) -> Check:
        """No change at all."""
        return self._add("must_not_change", self._world.must_not_change, (), {})

    @property
    def mail(self) -> "MailScore":
        """`must_have` and `must_not_have`, of mails."""
        return MailScore(self, self._world.mail)

    @property
    def value(self) -> float:
        """From 0 to 1. 1 where no milestone was asked for and nothing was wrong."""
        if any(not check.held for check in self.checks if check.kind != "milestone"):
            return 0.0
        milestones = [check for check in self.checks if check.kind == "milestone"]
        whole = sum(check.weight for check in milestones)
        return sum(check.weight for check in milestones if check.held) / whole if whole else 1.0

    @property
    def passed(self) -> bool:
        """Whether all of it holds."""
        return all(check.held for check in self.checks)

    @property
    def reasons(self) -> list[str]:
        """Why not, a line each."""
        return [f"{check.kind}: {check.reason}" for check in self.checks if not check.held]

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it: `value`, `passed`, `checks` with `kind`, `what`, `held`, `weight`, `reason`, `text`."""
        checks = [
            {
                "kind": one.kind,
                "what": one.what,
                "held": one.held,
                "weight": one.weight,
                "reason": one.reason,
                "text": one.text,
            }
            for one in self.checks
        ]
        return {"value": self.value, "passed": self.passed, "checks": checks}

    def __repr__(self) -> str:
        held = sum(check.held for check in self.checks)
        return f"<score {self.value:.2f}: {held} of {len(self.checks)} hold>"

    def _add(
        self, name: str, ask: Callable[..., object], args: tuple[Any, ...], named: dict[str, Any], weight: float = 1
    ) -> Check:
        if weight < 0:
            raise ValueError(f"weight={weight}; expected 0 or more")
        words = [*map(_shown, args), *(f"{key}={_shown(value)}" for key, value in named.items())]
        text = ""
        try:
            ask(*args, **named)
        except AssertionError as error:
            text = str(error)
        check = Check(_KINDS[name.rpartition(".")[2]], f"{name}({', '.join(words)})", not text, weight, text)
        self.checks.append(check)
        return check


class MailScore:
    """Expectations of mails, for a Score."""

    def __init__(self, score: Score, mail: "Mail") -> None:
        self._score = score
        self._mail = mail

    def must_have(self, *, weight: float = 1, **named: Any) -> Check:
        """A milestone."""
        return self._score._add("mail.must_have", self._mail.must_have, (), named, weight)  # noqa: SLF001 (its other half)

    def must_not_have(self, **named: Any) -> Check:
        """A minefield."""
        return self._score._add("mail.must_not_have", self._mail.must_not_have, (), named)  # noqa: SLF001 (likewise)


def _shown(value: object) -> str:
    return "..." if value is ... else repr(value)
