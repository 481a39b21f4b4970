"""`stripe trigger EVENT` by Stripe's own command line, sealed: the event is in the account's list afterwards.

What came back on the way is checked, too: each reply against its response schema, each event's object against its own.
"""

import pytest

from tests.npm import NoNpm
from tests.stripe_cli import binary, events, trigger
from tests.stripe_events import record_conforms

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
    assert "gap" not in record_conforms(folder / "childproof.db", replies=2 * len(names), events=len(names))
