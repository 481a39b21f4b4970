"""Worlds over the API: list, make, fork, reset, delete."""

from pathlib import Path

from childproof.errors import AskedError, InputError
from childproof.ledger import timestamp
from childproof.seeds import WITHOUT, plant, read_world_file
from childproof.world import Branch
from childproof.world.staging import Stage

from . import messages
from .desk import Desk
from .finding import call_number, clock_settings
from .operation import Answer, Asked, Operation
from .problems import Mistake, Problem, ended, of_input

_UNKNOWN = "no such world"
_NAMED = {"world": "$response.body#/name"}
_LOCATION = {"Location": "its path in this API"}


class Worlds:
    """The operations, over a desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def operations(self) -> list[Operation]:
        """Their table."""
        return [
            Operation("GET", "/v1/worlds", "listWorlds", "All worlds", self.list, answer=messages.Worlds,
                      gives={"world": "$response.body#/worlds/0/name"}, about="By name, each with its place among the others."),
            Operation(
                "POST", "/v1/worlds", "createWorld", "An empty world, a fork, or what a world file plants", self.create,
                body=messages.NewWorld, answer=messages.World, status=201, gives=_NAMED, sends=_LOCATION,
                problems={404: "no such world to fork", 409: "the name is taken, or the call isn't there"},
                about="`from` and `at` fork another world, `file` plants what a world file says; without them it is empty, with "
                "`seed` and `clock`. All of it or nothing.",
            ),
            Operation(
                "GET", "/v1/worlds/{world}", "getWorld", "One world's place among the others", self.get,
                answer=messages.World, problems={404: _UNKNOWN}, about="Its parent, its calls, its metadata, and whose rules judge it.",
            ),
            Operation(
                "POST", "/v1/worlds/{world}/fork", "forkWorld", "A new world that goes on where this one is, or was", self.fork,
                body=messages.Fork, answer=messages.World, status=201, gives=_NAMED, sends=_LOCATION,
                problems={404: _UNKNOWN, 409: "the name is taken, or the call isn't there"},
                about="With everything in it: entities, mail, clock, ids, limits, what is scheduled, and rules of its own.",
            ),
            Operation(
                "POST", "/v1/worlds/{world}/reset", "resetWorld",
                "Back to where it was forked from, or to its beginning; or to a call of its own", self.reset,
                body=messages.Reset, answer=messages.Undone,
                problems={404: _UNKNOWN, 409: "the call isn't there, or is from before it was forked"},
                about="Calls after that, and their record, are gone. Worlds that were forked later keep what they inherited.",
            ),
            Operation(
                "DELETE", "/v1/worlds/{world}", "deleteWorld", "Delete a world, its calls and their record", self.delete,
                query=messages.DeleteQuery, answer=messages.Deleted,
                problems={404: _UNKNOWN, 409: "others need its past; `with_children=true` deletes them, too"},
                about="Calls of it that are under way are denied.",
            ),
        ]  # fmt: skip

    def list(self, asked: Asked) -> messages.Worlds:  # noqa: ARG002 (all operations take it)
        """GET /v1/worlds."""
        return messages.Worlds([told(self._desk, branch) for branch in self._desk.store.branches()])

    def get(self, asked: Asked) -> messages.World:
        """GET /v1/worlds/{world}."""
        return self._of(self._desk.known(asked.path["world"]))

    async def create(self, asked: Asked) -> Answer:
        """POST /v1/worlds."""
        wanted: messages.NewWorld = asked.body
        _check(wanted)
        self._desk.free(wanted.name)
        if wanted.from_ is not None:
            self._fork(self._desk.known(wanted.from_, "/from"), wanted.name, wanted.at, wanted.metadata)
        elif wanted.file is not None:
            await self._plant(wanted, wanted.file)
        else:
            clock = clock_settings(wanted.clock, "/clock")
            self._desk.store.create(wanted.name, seed=wanted.seed, clock=clock, labels=wanted.metadata)
            self._desk.engine.policies.take(wanted.name)
        return made(self._of(wanted.name))

    def fork(self, asked: Asked) -> Answer:
        """POST /v1/worlds/{world}/fork: the fork is judged by its origin's rules."""
        source, wanted = self._desk.known(asked.path["world"]), asked.body
        self._desk.free(wanted.name)
        self._fork(source, wanted.name, wanted.at, wanted.metadata)
        return made(self._of(wanted.name))

    def reset(self, asked: Asked) -> messages.Undone:
        """POST /v1/worlds/{world}/reset."""
        name = self._desk.known(asked.path["world"])
        at = None if asked.body.at is None else call_number(self._desk, name, asked.body.at, "/at")
        try:
            undone = self._desk.store.reset(name, at=at, record=self._desk.ledger)
        except AskedError as error:
            mistake = Mistake("/at", repr(asked.body.at), "a call that the world has made itself")
            raise Problem(409, "refused", str(error), mistakes=[mistake]) from None
        return messages.Undone(world=self._of(name), undone=undone)

    def delete(self, asked: Asked) -> messages.Deleted:
        """DELETE /v1/worlds/{world}."""
        name = self._desk.known(asked.path["world"])
        gone = self._desk.store.delete(name, with_children=asked.query.with_children, record=self._desk.ledger)
        for one in gone:
            self._desk.engine.forget(one)
        return messages.Deleted(gone)

    def _fork(self, source: str, name: str, at: str | int | None, labels: dict[str, str]) -> None:
        base = None if at is None else call_number(self._desk, source, at, "/at")
        self._desk.store.fork(source, name, at=base, labels=labels)
        self._desk.engine.policies.inherit(name, source)

    async def _plant(self, wanted: messages.NewWorld, text: str) -> None:
        """Made aside, in a thread, and kept when it is whole."""
        catalog = self._desk.engine.catalog

        def grown() -> None:
            file = read_world_file(Path("file"), catalog, self._desk.wall, text=text)
            with Stage(file.seed, file.start, without=WITHOUT) as stage:
                plant(file, stage, catalog)
                if self._desk.closing.is_set():
                    raise ended()
                self._desk.store.plant(stage, wanted.name, seed=file.seed, clock=file.clock, labels=wanted.metadata)

        try:
            async with self._desk.room(1):
                await self._desk.aside(grown)
        except InputError as error:
            raise of_input(error, "/file") from None
        self._desk.engine.policies.take(wanted.name)

    def _of(self, name: str) -> messages.World:
        return told(self._desk, self._desk.store.branch(name))


def made(world: messages.World) -> Answer:
    """The answer to whoever made it."""
    return Answer(world, headers=(("location", f"/v1/worlds/{world.name.replace('/', ':')}"),))


def told(desk: Desk, branch: Branch) -> messages.World:
    """A world's place."""
    own = desk.engine.policies.own(branch.name) is not None
    return messages.World(
        branch.name, branch.parent, branch.base, branch.calls, branch.seed, timestamp(branch.created),
        dict(branch.labels), "own" if own else "common",
    )  # fmt: skip


def _check(wanted: messages.NewWorld) -> None:
    """What doesn't go together. Raises Problem."""
    mistakes = []
    if wanted.from_ is not None and wanted.file is not None:
        mistakes.append(Mistake("/file", "a file beside `from`", "one of them"))
    if wanted.at is not None and wanted.from_ is None:
        mistakes.append(Mistake("/at", "a call without a world", "`from`, the world that it is a call of"))
    if wanted.from_ is not None or wanted.file is not None:
        whose = "its origin's" if wanted.from_ is not None else "those of the file"
        if wanted.seed:
            mistakes.append(Mistake("/seed", "a seed for a world that has one", f"no seed: it has {whose}"))
        if wanted.clock != "real":
            mistakes.append(Mistake("/clock", "a clock for a world that has one", "PATCH /v1/worlds/{world}/clock"))
    if mistakes:
        raise Problem(422, "invalid", f"{mistakes[0].found}; nothing was made", mistakes=mistakes)
