"""Worlds: listed, made, forked, compared, deleted; their clocks and their files."""

from collections.abc import Mapping

from childproof.control import messages as told
from childproof.control import messages_record as record
from childproof.control.messages import Json

from .asking import Asking, asked, given, world_path

__tracebackhide__ = True


class Worlds(Asking):
    """The operations on worlds. `NotFoundError` is raised by all that take one which isn't there."""

    def worlds(self) -> list[told.World]:
        """All worlds, in the order of their names."""
        return self._ask("GET", "/v1/worlds", told.Worlds).worlds

    def world(self, name: str) -> told.World:
        """One world's place among the others."""
        return self._ask("GET", world_path(name), told.World)

    def create(
        self,
        name: str,
        *,
        seed: int = 0,
        clock: str = "real",
        from_: str | None = None,
        at: str | int | None = None,
        file: str | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> told.World:
        """Make a world: empty (`seed`, `clock`), a fork of another (`from_`, `at`), or what a world file's text plants (`file`).

        `clock` is `real`, `frozen@TIME` or `step:1s@TIME`. Raises ConflictError where the name is taken, InvalidError with every
        fault of a file.
        """
        body = given(name=name, from_=from_, at=at, seed=seed, clock=clock, file=file, metadata=metadata)
        return self._ask("POST", "/v1/worlds", told.World, body)

    def fork(
        self, world: str, name: str, *, at: str | int | None = None, metadata: Mapping[str, str] | None = None
    ) -> told.World:
        """A new world that goes on where `world` is, or was `at` a call (its number or id) or a time of the world (RFC 3339).

        It has the origin's rules. Raises ConflictError where the name is taken.
        """
        return self._ask("POST", f"{world_path(world)}/fork", told.World, given(name=name, at=at, metadata=metadata))

    def reset(self, world: str, *, at: str | int | None = None) -> told.Undone:
        """Back to where it was forked from, to its beginning, or to a call of its own `at` a number, an id or a time.

        `undone` says how many calls are gone; worlds that were forked from one of them keep their past. Raises ConflictError
        for a call that isn't there, or that the world has inherited.
        """
        return self._ask("POST", f"{world_path(world)}/reset", told.Undone, given(at=at))

    def delete(self, world: str, *, with_children: bool = False) -> list[str]:
        """Delete a world and its record; the names of those that are gone.

        Raises ConflictError where others were forked from it, unless `with_children` takes them along.
        """
        return self._ask("DELETE", asked(world_path(world), with_children=with_children), told.Deleted).deleted

    def diff(self, world: str, *, other: str | None = None, at: str | int | None = None) -> Json:
        """What `world` holds and did otherwise than `other`, or than itself `at` a call; than when it began, without both.

        The keys are those of `childproof world diff --json`.
        """
        return self._json("GET", asked(f"{world_path(world)}/diff", with_=other, at=at))

    def clock(self, world: str) -> record.ClockState:
        """A world's clock, and what waits for its time. `step` is in milliseconds, times are RFC 3339."""
        return self._ask("GET", f"{world_path(world)}/clock", record.ClockState)

    def advance(self, world: str, duration: str) -> record.ClockMoved:
        """Let time pass (`30d`, `1d12h`): what was scheduled until then is done, in order. `jobs` says how much that was."""
        return self._ask("PATCH", f"{world_path(world)}/clock", record.ClockMoved, {"advance": duration})

    def set_clock(self, world: str, run: str) -> record.ClockMoved:
        """Set a clock: `real`, `frozen@TIME`, `step:1s@TIME`."""
        return self._ask("PATCH", f"{world_path(world)}/clock", record.ClockMoved, {"run": run})

    def export(self, world: str) -> str:
        """A world as a YAML file, for `import_`. Takes as long as the world is large."""
        return self._raw(f"{world_path(world)}/export", "application/yaml").decode(errors="replace")

    def import_(self, file: str, *, name: str | None = None) -> told.World:
        """Make the world that an exported file's text holds; under another name, if one is given.

        Raises ConflictError where the name is taken, InvalidError for what is no such file.
        """
        return self._ask("POST", "/v1/worlds/import", told.World, given(file=file, name=name))
