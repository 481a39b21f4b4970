"""Whether what Stripe's stub did is as Stripe's document says: its replies, and an event's object by the schema of its resource."""

from collections.abc import Iterable
from pathlib import Path

import click.testing

from childproof.cli.reading import open_ledger
from childproof.cli.stubs_conform import conform_command
from childproof.ledger import Filter
from childproof.model import Effect
from childproof.stubkit.stub import Stub
from tests.stubs.inprocess import shipped_catalog

# Effects that aren't events of the document's: what was sent, what failed, and the events of version 2 of the API.
_OTHERS = ("webhook.", "mail.", "job.", "v1.", "v2.")


def event_misfits(stub: Stub, effects: Iterable[Effect]) -> list[str]:
    """Each place where the object of an event isn't as documented. Which schema it has says its field `object`."""
    conformance = stub.service.conformance
    assert conformance is not None
    found = []
    for effect in effects:
        if effect.type.startswith(_OTHERS):
            continue
        try:
            misfits = conformance.object_misfits(str(effect.data.get("object")), effect.data)
        except LookupError as error:
            found.append(f"{effect.type}: {error.args[0]}")
            continue
        found.extend(f"{effect.type}: {misfit}" for misfit in misfits)
    return found


def record_conforms(db: Path, *, replies: int = 0, events: int = 0) -> str:
    """Fail with what of a ledger isn't as documented, or where less could be checked than is said here.

    Gives what `childproof stubs conform` says: how many replies were checked, and how many couldn't be, and why.
    """
    result = click.testing.CliRunner().invoke(conform_command, ["--db", str(db), "--service", "stripe"])
    assert result.exit_code == 0, result.output
    assert int(result.output.split(" ", 1)[0].replace(",", "")) >= replies, result.output
    with open_ledger(str(db)) as (_, ledger):
        told = [
            effect for entry in ledger.entries(world=None, only=Filter("stub", "stripe")) for effect in entry.effects
        ]
    assert len(told) >= events
    assert event_misfits(shipped_catalog().get("stripe"), told) == []
    return result.output
