"""What is told of stubs, as messages: the command line and the API say the same."""

from collections.abc import Iterator

from childproof.catalog import Catalog
from childproof.catalog.shipped import shipped
from childproof.errors import InputError
from childproof.stubkit.making.coverage import glance, kinds, rows, totals
from childproof.stubkit.stub import Stub

from . import messages_rules as messages


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
        return messages.Stub(name, origin, str(folder), fault=str(error.faults[0]))  # type: ignore[arg-type]  # one of the three
    return messages.Stub(
        name, origin, str(folder), manifest.summary, list(manifest.hosts), seen.operations, seen.modelled  # type: ignore[arg-type]  # likewise
    )  # fmt: skip


def covered(stub: Stub) -> messages.StubCoverage:
    """A stub's operations, by the fidelity of their replies."""
    found = rows(stub)
    return messages.StubCoverage(
        stub.name,
        {fidelity.value: count for fidelity, count in totals(found).items()},
        [messages.OperationRow(row.operation, row.group, row.fidelity.value) for row in found],
        kinds(stub),
    )
