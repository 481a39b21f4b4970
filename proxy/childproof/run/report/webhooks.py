"""What became of webhooks during a run, from the effects of its entries."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from childproof.model import Effect

PREFIX = "webhook."
_WAITING = "not sent yet"


@dataclass(slots=True)
class WebhookTally:
    """The last that was told of each delivery."""

    _last: dict[tuple[str, str], tuple[str, str, str]] = field(default_factory=dict)

    def add(self, effects: Iterable[Effect]) -> bool:
        """Take an entry's effects; whether one of them is a webhook's."""
        known = False
        for effect in effects:
            if effect.type.startswith(PREFIX):
                known = True
                data = effect.data
                url, reason = str(data.get("url", "")), _reason(effect)
                self._last[effect.service, effect.id] = (effect.type.removeprefix(PREFIX), url, reason)
        return known

    @property
    def delivered(self) -> int:
        """How many have arrived."""
        return sum(state == "delivered" for state, _, _ in self._last.values())

    @property
    def undelivered(self) -> Counter[tuple[str, str]]:
        """The others: how many for each URL and reason."""
        return Counter((url, reason) for state, url, reason in self._last.values() if state != "delivered")


def _reason(effect: Effect) -> str:
    what, data = effect.type.removeprefix(PREFIX), effect.data
    if what == "queued":
        return _WAITING
    reason = str(data.get("reason") or f"answered with {data.get('status')}")
    return f"{reason}; it will be tried again" if data.get("state") == "waiting" else reason
