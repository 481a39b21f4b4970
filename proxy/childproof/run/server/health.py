"""Whether a server is alive, and whether calls may be sent to it: /healthz and /readyz, for probes.

Alive is who answers at all: the loop turns, and the rules can be asked. Ready takes more, and says what is missing.
Whoever reaches the port may read that, a workload beside us too: so paths, and what rules say, are for the log alone.
"""

import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from childproof.errors import StoreError

from .pages import Page

if TYPE_CHECKING:
    from childproof.run.compose import Parts

MEDIA = "application/json"
FRESH = 1.0  # seconds for which what a look at the store came to is taken as it was: anybody may ask at any rate


class Health:
    """What is known of a server. `phase` goes from `starting` over `ready` to `stopping`.

    `checks` are asked for each answer: a sentence each about what is wrong, None where nothing is. `told` is said besides.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.phase: Literal["starting", "ready", "stopping"] = "starting"
        self.checks: dict[str, Callable[[], str | None]] = {}
        self.told: dict[str, Callable[[], dict[str, Any]]] = {}
        self.alive: Callable[[], object] = lambda: None
        self._clock = clock

    def pages(self) -> dict[str, Callable[[], Page]]:
        """The paths and what answers them."""
        return {"/healthz": self.healthz, "/readyz": self.readyz}

    def healthz(self) -> Page:
        """200 as long as this process can do its work at all."""
        try:
            self.alive()
        except Exception as error:  # noqa: BLE001 (whatever it is, this process can't judge)
            return _page(500, {"status": "broken", "reasons": [f"the engine doesn't answer: {type(error).__name__}"]})
        return _page(200, {"status": "alive"})

    def readyz(self) -> Page:
        """200 where calls are judged, answered and recorded; else 503 with the reasons."""
        reasons = [f"childproof is {self.phase}"] if self.phase != "ready" else []
        if self.phase != "starting":
            for name, check in self.checks.items():
                try:
                    wrong = check()
                except Exception as error:  # noqa: BLE001 (not known to be well is not well)
                    wrong = f"{name} can't be looked at: {type(error).__name__}"
                if wrong is not None:
                    reasons.append(wrong)
        status = "ready" if not reasons else self.phase if self.phase != "ready" else "unready"
        told: dict[str, Any] = {"status": status, "reasons": reasons}
        for name, tell in self.told.items():
            told[name] = tell()
        return _page(503 if reasons else 200, told)

    def remembered(self, check: Callable[[], str | None]) -> Callable[[], str | None]:
        """A check that costs something: what it came to counts for `FRESH` seconds."""
        at, found = float("-inf"), None

        def again() -> str | None:
            nonlocal at, found
            if self._clock() - at >= FRESH:
                found = check()
                at = self._clock()
            return found

        return again

    def watch(self, parts: "Parts") -> None:
        """Ask these parts from now on: the rules whether they answer, the store whether it can be written."""
        self.alive = lambda: parts.engine.may_allow("main", "health.invalid", 443)
        self.checks["the store"] = self.remembered(_Recording(parts))


class _Recording:
    """Whether calls can be recorded: the store is written, and no call was denied for it since the last look."""

    def __init__(self, parts: "Parts") -> None:
        self._parts = parts
        self._missing = 0

    def __call__(self) -> str | None:
        before, self._missing = self._missing, self._parts.engine.failed()
        try:
            self._parts.store.prove_writable()
        except StoreError as error:
            why = str(error).replace(self._parts.store.path, "the store")
            return f"calls are denied, since they can't be recorded: {why}"
        more = self._missing - before
        return f"{more} calls were denied, since they could not be recorded" if more else None


def _page(status: int, told: dict[str, Any]) -> Page:
    return Page(json.dumps(told) + "\n", MEDIA, status)
