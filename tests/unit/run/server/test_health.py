"""Probes: alive as long as the process works, ready only while calls are judged, answered and recorded."""

import json
from typing import Any

from childproof.errors import StoreError
from childproof.run.server.health import FRESH, Health


def asked(health: Health) -> tuple[int, dict[str, Any]]:
    page = health.readyz()
    return page.status, json.loads(page.text)


def test_ready_is_only_the_phase_between_start_and_stop() -> None:
    health = Health()
    assert asked(health) == (503, {"status": "starting", "reasons": ["childproof is starting"]})
    health.phase = "ready"
    assert asked(health) == (200, {"status": "ready", "reasons": []})
    health.phase = "stopping"
    assert asked(health) == (503, {"status": "stopping", "reasons": ["childproof is stopping"]})
    assert health.healthz().status == 200


def test_each_thing_that_is_wrong_is_a_reason() -> None:
    """A check that fails is one too."""

    def broken() -> str | None:
        raise RuntimeError

    health = Health()
    health.phase = "ready"
    health.checks |= {"one": lambda: "the disk is full", "two": lambda: None, "three": broken}
    status, told = asked(health)
    assert (status, told["status"]) == (503, "unready")
    assert told["reasons"] == ["the disk is full", "three can't be looked at: RuntimeError"]


def test_an_engine_that_does_not_answer_is_not_alive() -> None:
    def broken() -> object:
        raise RuntimeError

    health = Health()
    health.alive = broken
    assert health.healthz().status == 500


class Parts:
    """A store that can be written or not, and an engine that counts what it could not record."""

    def __init__(self) -> None:
        self.store = self.engine = self
        self.broken, self.path = "", "/var/lib/box.db"
        self.calls = self.asked = 0

    def prove_writable(self) -> None:
        self.asked += 1
        if self.broken:
            raise StoreError(self.broken)

    def failed(self) -> int:
        return self.calls


def test_a_store_that_can_not_be_written_is_not_ready_until_it_can() -> None:
    """However often anybody asks, it is looked at once in a while."""
    now = 0.0
    health = Health(lambda: now)
    parts = Parts()
    health.watch(parts)  # type: ignore[arg-type]  # what is asked of it is there
    health.phase = "ready"
    assert [asked(health)[0] for _ in range(50)] == [200] * 50
    assert parts.asked == 1
    parts.broken = "/var/lib/box.db can't grow: the disk is full"
    now += FRESH
    status, told = asked(health)
    reason = "calls are denied, since they can't be recorded: the store can't grow: the disk is full"
    assert (status, told["reasons"]) == (503, [reason])
    parts.broken, parts.calls = "", 3
    now += FRESH
    assert asked(health)[1]["reasons"] == ["3 calls were denied, since they could not be recorded"]
    now += FRESH
    assert asked(health)[0] == 200
