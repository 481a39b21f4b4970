"""Worlds over the API: list, make, fork, reset, delete."""

from childproof.ledger import timestamp
from childproof.world import Branch

from . import messages
from .desk import Desk
from .operation import Asked, Operation

_UNKNOWN = "no such world"


class Worlds:
    """The operations, over a desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def operations(self) -> list[Operation]:
        """Their table."""
        return [
            Operation("GET", "/v1/worlds", "listWorlds", "All worlds", self.list, answer=messages.Worlds),
            Operation(
                "GET", "/v1/worlds/{world}", "getWorld", "One world's place among the others", self.get,
                answer=messages.World, problems={404: _UNKNOWN},
            ),
            Operation(
                "POST", "/v1/worlds/{world}/fork", "forkWorld", "A new world that goes on where this one is, or was", self.fork,
                body=messages.Fork, answer=messages.World, status=201,
                problems={404: _UNKNOWN, 409: "the name is taken, or the call isn't there"},
            ),
            Operation(
                "POST", "/v1/worlds/{world}/reset", "resetWorld", "Back to where it was forked from, or to its beginning",
                self.reset, answer=messages.Undone, problems={404: _UNKNOWN},
            ),
            Operation(
                "DELETE", "/v1/worlds/{world}", "deleteWorld", "Delete a world, its calls and their record", self.delete,
                query=messages.DeleteQuery, answer=messages.Deleted,
                problems={404: _UNKNOWN, 409: "others need its past; `with_children=true` deletes them, too"},
            ),
        ]  # fmt: skip

    def list(self, asked: Asked) -> messages.Worlds:  # noqa: ARG002 (all operations take it)
        """GET /v1/worlds."""
        return messages.Worlds([self._told(branch) for branch in self._desk.store.branches()])

    def get(self, asked: Asked) -> messages.World:
        """GET /v1/worlds/{world}."""
        return self._of(self._desk.known(asked.path["world"]))

    def fork(self, asked: Asked) -> messages.World:
        """POST /v1/worlds/{world}/fork: the fork is judged by its origin's rules."""
        source, wanted = self._desk.known(asked.path["world"]), asked.body
        self._desk.free(wanted.name)
        at = wanted.at if isinstance(wanted.at, int) else None
        self._desk.store.fork(source, wanted.name, at=at, labels=wanted.metadata)
        self._desk.engine.policies.inherit(wanted.name, source)
        return self._of(wanted.name)

    def reset(self, asked: Asked) -> messages.Undone:
        """POST /v1/worlds/{world}/reset."""
        name = self._desk.known(asked.path["world"])
        return messages.Undone(world=self._of(name), undone=self._desk.store.reset(name, record=self._desk.ledger))

    def delete(self, asked: Asked) -> messages.Deleted:
        """DELETE /v1/worlds/{world}."""
        name = self._desk.known(asked.path["world"])
        gone = self._desk.store.delete(name, with_children=asked.query.with_children, record=self._desk.ledger)
        for one in gone:
            self._desk.engine.policies.take(one)
        return messages.Deleted(gone)

    def _of(self, name: str) -> messages.World:
        return self._told(self._desk.store.branch(name))

    def _told(self, branch: Branch) -> messages.World:
        own = self._desk.engine.policies.own(branch.name) is not None
        return messages.World(
            branch.name, branch.parent, branch.base, branch.calls, branch.seed, timestamp(branch.created),
            dict(branch.labels), "own" if own else "common",
        )  # fmt: skip
