"""Stubs over the API: which there are, and how much of its service each models."""

from collections.abc import Iterator
from dataclasses import dataclass

from childproof.catalog import Catalog
from childproof.catalog.shipped import shipped
from childproof.errors import InputError
from childproof.stubkit.making.coverage import glance, kinds, rows, totals

from . import messages_rules as messages
from .desk import Desk
from .operation import Asked, Operation
from .problems import Mistake, Problem, not_found, of_input

_UNKNOWN = {404: "no such stub"}


@dataclass(frozen=True, slots=True)
class Stubs:
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
                found, kept = await self.desk.aside(lambda: (rows(stub := catalog.get(name)), kinds(stub)))
        except InputError as error:
            raise _in_files(error) from None
        return messages.StubCoverage(
            name,
            {fidelity.value: count for fidelity, count in totals(found).items()},
            [messages.OperationRow(row.operation, row.group, row.fidelity.value) for row in found],
            kept,
        )

    def _known(self, asked: Asked) -> str:
        name = asked.path["stub"]
        if name not in self.desk.engine.catalog:
            raise not_found(f"the stub {name[:100]!r}", "GET /v1/stubs lists them")
        return name


def _in_files(error: InputError) -> Problem:
    """Faults in a stub's own files, which are several: each says which."""
    problem = of_input(error)
    mistakes = [
        Mistake(
            "", f"{fault.file}:{one.found}" if fault.line else f"{fault.file}: {one.found}", one.expected, one.write
        )
        for fault, one in zip(error.faults, problem.mistakes, strict=True)
    ]
    return Problem(problem.status, problem.kind, problem.detail, mistakes=mistakes)


def listed(catalog: Catalog) -> Iterator[messages.Stub]:
    """All stubs of a catalog, without loading one."""
    for name in catalog.names():
        yield told(catalog, name)


def told(catalog: Catalog, name: str) -> messages.Stub:
    """A stub by what shows of it without loading it; one that can't be read by what is wrong with it."""
    folder = catalog.folder(name)
    shipping = folder.is_relative_to(shipped("stubs"))
    origin = "folder" if name in catalog.given else "shipped" if shipping else "installed"
    try:
        manifest = catalog.manifest(name)
        seen = glance(folder, manifest)
    except InputError as error:
        return messages.Stub(name, origin, fault=str(error.faults[0]))  # type: ignore[arg-type]  # one of the three
    return messages.Stub(
        name, origin, manifest.summary, list(manifest.hosts), seen.operations, seen.modelled  # type: ignore[arg-type]  # likewise
    )  # fmt: skip
