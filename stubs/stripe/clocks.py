"""What time it is for a customer: the world's, or that of the test clock which the customer lives by.

A test clock's time is its own: it stands until the clock is advanced, whatever the world's clock does. What is put off for
one of its customers waits in the clock's agenda and is scheduled in the world only while the clock advances, as far away
as the clock's time is. `at` are unix seconds everywhere here.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from childproof.stubkit import Context, Entity, job

CLOCK = "test_helpers.test_clock"
Job = Callable[[Context, dict[str, Any]], None]


def clock_of(ctx: Context, customer: str | None) -> Entity | None:
    """The test clock that a customer lives by, deleted customers included; None for the world's own time."""
    found = ctx.find("customer", customer, deleted=True) if customer else None
    clock = found.get("test_clock") if found is not None else None
    return ctx.find(CLOCK, clock) if clock else None


def lives_by(ctx: Context, clock: str | None) -> dict[str, Any]:
    """What a new customer has of a test clock: its id, and its time as the time of creation."""
    if not clock:
        return {}
    return {"test_clock": clock, "created": ctx.get(CLOCK, clock, param="test_clock")["_now"]}


def now_of(ctx: Context, customer: str | None) -> int:
    """What time it is for a customer."""
    clock = clock_of(ctx, customer)
    now: int = ctx.now() if clock is None else clock["_now"]
    return now


def later(ctx: Context, customer: str | None, at: int, name: str, payload: dict[str, Any]) -> None:
    """Put a `@timed(name)` job off until it is `at` for a customer; the payload is given to it with `at`."""
    clock = clock_of(ctx, customer)
    if clock is None:
        ctx.schedule(max(0, at * 1000 - ctx.now_ms()), name, {**payload, "at": at})
        return
    number = clock["_asked"] + 1
    entry = {**payload, "at": at, "clock": clock.id, "turn": number}
    agenda = [*clock["_agenda"], {"at": at, "turn": number, "job": name, "payload": entry}]
    ctx.update(clock, _agenda=agenda, _asked=number)
    until = clock["_until"]
    if until is not None and at <= until:
        ctx.schedule(max(0, clock["_base"] + at * 1000 - ctx.now_ms()), name, entry)


def timed(name: str) -> Callable[[Job], Job]:
    """A job that is put off with `later`: by the time it runs, it is that time for the customer."""

    def declare(function: Job) -> Job:
        @job(name)
        @wraps(function)
        def run(ctx: Context, payload: dict[str, Any]) -> None:
            if "clock" in payload:
                clock = ctx.find(CLOCK, payload["clock"])
                if clock is None:  # deleted meanwhile, and its customers with it
                    return
                agenda = [entry for entry in clock["_agenda"] if entry["turn"] != payload["turn"]]
                ctx.update(clock, _agenda=agenda, _now=max(clock["_now"], payload["at"]))
            function(ctx, payload)

        return run

    return declare
