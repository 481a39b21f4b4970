"""Stubs over the API: which there are, and how much of its service each models."""

import msgspec

from childproof.errors import InputError
from childproof.model import replace

from . import messages_rules as messages
from .desk import Desk
from .operation import Asked, Operation
from .problems import Problem, not_found, of_input
from .stubtold import covered, listed, told

_UNKNOWN = {404: "no such stub"}


class Stubs(msgspec.Struct, frozen=True):
    """The operations, over a desk."""

    desk: Desk

    def operations(self) -> list[Operation]:
        """Their table."""
        return [
            Operation("GET", "/v1/stubs", "listStubs", "All stubs", self.list, answer=messages.Stubs,
                      gives={"stub": "$response.body#/stubs/0/name"}, about="Those of folders, of installed packages, and those that ship."),
            Operation("GET", "/v1/stubs/{stub}", "getStub", "One stub", self.get, answer=messages.Stub, problems=_UNKNOWN,
                      about="One that can't be read has its `fault`, and neither hosts nor operations."),
            Operation(
                "GET", "/v1/stubs/{stub}/coverage", "getCoverage", "A stub's operations, by the fidelity of their replies",
                self.coverage, answer=messages.StubCoverage, problems=_UNKNOWN, tagged=True,
                about="Which operations are modelled, and what stands behind the replies of the others.",
            ),
        ]  # fmt: skip

    async def list(self, asked: Asked) -> messages.Stubs:  # noqa: ARG002 (all operations take it)
        """GET /v1/stubs."""
        catalog = self.desk.engine.catalog
        async with self.desk.room(1):
            return messages.Stubs(await self.desk.aside(lambda: [*listed(catalog)]))

    async def get(self, asked: Asked) -> messages.Stub:
        """GET /v1/stubs/{stub}."""
        catalog, name = self.desk.engine.catalog, self._known(asked)
        return await self.desk.aside(lambda: told(catalog, name))

    async def coverage(self, asked: Asked) -> messages.StubCoverage:
        """GET /v1/stubs/{stub}/coverage. It loads the stub, if no call has yet."""
        catalog, name = self.desk.engine.catalog, self._known(asked)
        try:
            async with self.desk.room(1):
                return await self.desk.aside(lambda: covered(catalog.get(name)))
        except InputError as error:
            raise _in_files(error) from None

    def _known(self, asked: Asked) -> str:
        name = asked.path["stub"]
        if name not in self.desk.engine.catalog:
            raise not_found("stub", name, "GET /v1/stubs lists them")
        return name


def _in_files(error: InputError) -> Problem:
    """Faults in a stub's own files, which are several: each says which."""
    problem = of_input(error)
    mistakes = [
        replace(one, found=f"{fault.file}:{one.found}" if fault.line else f"{fault.file}: {one.found}")
        for fault, one in zip(error.faults, problem.mistakes, strict=True)
    ]
    return Problem(problem.status, problem.kind, problem.detail, mistakes=mistakes)
