"""`stripe trigger EVENT` by Stripe's own command line, sealed: the event is in the account's list afterwards.

What came back on the way is checked, too: each reply against its response schema, each event's object against its own.
"""

from pathlib import Path

import click.testing
import pytest

from childproof.catalog import load_catalog
from childproof.cli.reading import open_ledger
from childproof.cli.stubs_conform import conform_command
from childproof.ledger import Filter
from tests.npm import NoNpm
from tests.stripe_cli import binary, events, trigger
from tests.stripe_events import event_misfits

PARTS = 6  # of the list, so that it spreads over processors


@pytest.mark.sealed
@pytest.mark.parametrize("part", range(PARTS))
def test_every_event_that_the_command_line_triggers_arrives(
    part: int, tmp_path_factory: pytest.TempPathFactory, needs_sealing: None
) -> None:
    """The command line ends well, an event of the type is there that wasn't before, and all of it is as documented."""
    try:
        stripe = binary()
    except NoNpm as missing:
        pytest.skip(str(missing))
    folder = tmp_path_factory.mktemp("triggers")
    names = events(stripe, folder)[part::PARTS]
    failed = {one.event: one.why for one in trigger(stripe, names, folder) if not one.ok}
    assert len(names) > 10
    assert not failed
    replies_conform(folder / "childproof.db", at_least=2 * len(names))
    events_conform(folder / "childproof.db", at_least=len(names))


def replies_conform(db: Path, *, at_least: int) -> None:
    """Every reply of a stub in the ledger is as the document says; so many could be checked, and none was a gap."""
    result = click.testing.CliRunner().invoke(conform_command, ["--db", str(db)])
    assert result.exit_code == 0, result.output
    assert int(result.output.split(" ", 1)[0].replace(",", "")) >= at_least
    assert "gap" not in result.output


def events_conform(db: Path, *, at_least: int) -> None:
    """The object of every event that the ledger has is of its resource's schema."""
    stub = load_catalog().get("stripe")
    with open_ledger(str(db)) as (_, ledger):
        told = [
            effect for entry in ledger.entries(world=None, only=Filter("stub", "stripe")) for effect in entry.effects
        ]
    assert len(told) >= at_least
    assert event_misfits(stub, told) == []
