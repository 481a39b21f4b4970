"""A world's clock: with real time, frozen, or a step per call. A pure function of its settings, the call and the wall."""

from typing import Any, Literal

import msgspec


class ClockSettings(msgspec.Struct, frozen=True):
    """How time passes in a world. All times are unix milliseconds.

    `start` is the first call's time (None: the wall's time when the world is made). `real` goes on with the wall from
    there, `frozen` stays, `step` adds `step` milliseconds with every call.
    """

    start: int | None = None
    run: Literal["real", "frozen", "step"] = "real"
    step: int = 1000

    def __post_init__(self) -> None:
        if self.run not in ("real", "frozen", "step"):
            raise ValueError(f"a clock runs real, frozen or step, not {self.run!r}")
        if self.step < 0:
            raise ValueError(f"a clock's step can't be negative: {self.step}")


REAL = ClockSettings()


class Clock(msgspec.Struct, frozen=True):
    """Settings tied to the moment they were made: the wall's time, and the number of the last call before them.

    Without a `wall` it stands at its start until the first call, as the clock of a world that was seeded does.
    """

    settings: ClockSettings
    wall: int | None
    seq: int

    def begun(self, wall: int) -> "Clock":
        """The same, running from now on if it stood."""
        return Clock(self.settings, wall, self.seq) if self.wall is None else self

    def now(self, seq: int, wall: int) -> int:
        """The world's time in call `seq`, with the wall showing `wall`."""
        start = self.settings.start
        began = wall if self.wall is None else self.wall
        match self.settings.run:
            case "real":
                return wall if start is None else start + max(0, wall - began)
            case "frozen":
                return began if start is None else start
            case "step":
                first = began if start is None else start
                return first + self.settings.step * max(0, seq - self.seq - 1)

    def to_json(self) -> dict[str, Any]:
        """As stored in the world."""
        settings = self.settings
        return {"start": settings.start, "run": settings.run, "step": settings.step, "wall": self.wall, "seq": self.seq}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Clock":
        """As read back. Raises KeyError or ValueError for what is no clock."""
        return cls(ClockSettings(value["start"], value["run"], value["step"]), value["wall"], value["seq"])
