"""A world's clock over the API: seen, set, advanced. What was put off runs as time passes, as if a call had come."""

from typing import Any

import msgspec
from msgspec import UNSET

from childproof.engine.passing import Passed
from childproof.ledger import timestamp
from childproof.world import World
from childproof.world.written import DURATIONS, read_duration

from . import messages_record as messages
from .desk import Desk
from .finding import clock_settings, invalid
from .operation import Asked, Operation
from .problems import Mistake, Problem

_UNKNOWN = "no such world"


class Clocks(msgspec.Struct, frozen=True):
    """The operations, over a desk."""

    desk: Desk

    def operations(self) -> list[Operation]:
        """Their table."""
        return [
            Operation(
                "GET", "/v1/worlds/{world}/clock", "getClock", "How time passes in a world", self.get,
                answer=messages.ClockState, problems={404: _UNKNOWN},
                about="`now` is the world's time; `scheduled` and `webhooks` say what waits for time to pass.",
            ),
            Operation(
                "PATCH", "/v1/worlds/{world}/clock", "changeClock",
                "Let time pass at once, and do what was scheduled until then; or set the clock", self.change,
                body=messages.ClockChange, answer=messages.ClockMoved,
                problems={404: _UNKNOWN, 409: "jobs that schedule jobs without end; the clock stays where it came to"},
                about="`advance` does what was scheduled until then, in order and over all services; `run` sets the clock and does "
                "nothing. Webhooks that become due are sent by whoever serves the world.",
            ),
        ]  # fmt: skip

    def get(self, asked: Asked) -> messages.ClockState:
        """GET /v1/worlds/{world}/clock."""
        return messages.ClockState(**_state(self._world(asked)))

    async def change(self, asked: Asked) -> messages.ClockMoved:
        """PATCH /v1/worlds/{world}/clock. Webhooks that are due then are sent by whoever serves the world."""
        world, wanted = self._world(asked), asked.body
        if (wanted.advance is UNSET) == (wanted.run is UNSET):
            found = "both `advance` and `run`" if wanted.run is not UNSET else "neither `advance` nor `run`"
            mistake = Mistake("", found, "one of them", '{"advance": "30d"}')
            raise Problem(422, "invalid", f"{found}; nothing was done", mistakes=[mistake])
        passing = self.desk.engine.passing()
        if wanted.run is not UNSET:
            passing.set(world, clock_settings(wanted.run, "/run"))
            passed = None
        else:
            try:
                by = read_duration(wanted.advance)
            except ValueError as error:
                invalid("/advance", str(error), DURATIONS, "30d")
            # Each job is a transaction of its own, so that calls of other worlds come in between.
            passed = await self.desk.aside(lambda: passing.advance(world, by))
            self.desk.stirred(world.name)
        return _moved(world, passed)

    def _world(self, asked: Asked) -> World:
        return self.desk.store.known(self.desk.known(asked.path["world"]))


def _moved(world: World, passed: Passed | None) -> messages.ClockMoved:
    state = _state(world)
    if passed is None:
        return messages.ClockMoved(**state)
    return messages.ClockMoved(**state | {"now": timestamp(passed.now)}, jobs=passed.jobs, failed=passed.failed)


def _state(world: World) -> dict[str, Any]:
    settings = world.clock
    with world.view() as view:
        now = view.now()
    scheduled, webhooks = world.waiting()
    start = None if settings.start is None else timestamp(settings.start)
    return {
        "run": settings.run, "start": start, "step": settings.step, "now": timestamp(now), "scheduled": scheduled,
        "webhooks": webhooks,
    }  # fmt: skip
