"""Time that passes because somebody asked for it: a world's clock set, or advanced through all that was put off."""

from collections.abc import Callable

import msgspec

from childproof.errors import AskedError, ChildproofError
from childproof.ledger import timestamp
from childproof.world import MOST, ClockSettings, World

from .callid import identify
from .jobs import Jobs
from .recording import Recording

MOST_ASKED = 2000  # jobs of the time that one call lets pass
LATEST = 253_402_300_799_999  # 9999-12-31T23:59:59.999Z: RFC 3339 has no later time


class Passed(msgspec.Struct, frozen=True):
    """What an advance came to: the world's time now, and how many jobs were done and how many of them failed."""

    now: int
    jobs: int
    failed: int


class Passing:
    """Lets time pass in worlds. Each job, and each change of a clock, is a call of its world with a ledger entry."""

    def __init__(self, recording: Recording, jobs: Jobs, wall: Callable[[], int]) -> None:
        self._recording = recording
        self._jobs = jobs
        self._wall = wall

    def set(self, world: World, settings: ClockSettings, *, offset: int | None = None) -> None:
        """Let time pass otherwise; with `offset`, so many milliseconds from the real time. What is due runs later."""
        with world.transaction() as tx:
            if offset is not None:
                settings = ClockSettings(self._wall() + offset, "real")
            tx.set_clock(settings)
            identify(tx)
            self._recording.passed(tx, "SET", f"clock: {settings.run}", "the clock was set")

    def advance(self, world: World, by: int) -> Passed:
        """Let `by` milliseconds pass: what was scheduled runs at its time, in order, over all services.

        What that schedules in turn does too. Other calls may come in between. Raises ChildproofError where jobs schedule
        jobs for the same moment without end.
        """
        return self._pass(world, None, by)

    def advance_to(self, world: World, target: int) -> Passed:
        """The same, until a time (unix milliseconds): what a stub asked for while it answered a call.

        Raises ChildproofError also after `MOST_ASKED` jobs: all other worlds' calls wait meanwhile.
        """
        return self._pass(world, target, 0, MOST_ASKED)

    def _pass(self, world: World, target: int | None, by: int, most: int | None = None) -> Passed:
        moment = None
        jobs = failed = crowd = 0
        while True:
            with world.transaction() as tx:
                target = tx.now() + by if target is None else target
                if target > LATEST:
                    raise AskedError(
                        f"world {world.name}: no clock goes beyond the year 9999; it stays at {timestamp(tx.now())}"
                    )
                job = tx.earliest(target)
                if job is None:
                    tx.travel(max(tx.now(), target))
                    identify(tx)
                    self._recording.passed(tx, "ADVANCE", f"clock to {timestamp(tx.now())}", "the clock was advanced")
                    return Passed(tx.now(), jobs, failed)
                if jobs == most:
                    raise ChildproofError(
                        f"world {world.name}: more than {most} jobs until {timestamp(target)}; the clock stays at "
                        f"{timestamp(tx.now())}. Advance it less at a time, or by `childproof world clock {world.name} advance`"
                    )
                tx.travel(max(tx.now(), job.at))
                crowd = crowd + 1 if tx.now() == moment else 1
                moment = tx.now()
                if crowd > MOST:
                    raise ChildproofError(
                        f"world {world.name}: more than {MOST} jobs of {timestamp(moment)}, the next one is "
                        f"{job.service} {job.job}; it seems to schedule itself again and again. The clock stays there"
                    )
                worked = self._jobs.perform(tx, job)
                jobs, failed = jobs + 1, failed + (not worked)
