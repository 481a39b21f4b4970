"""A real `childproof serve` per module, in a process of its own: what clients that we did not write talk to."""

from collections.abc import Iterator

import pytest

from childproof.sandbox.support import sealing_refusal
from tests.clients.live import RULES, STUB
from tests.clients.served import Served, serving
from tests.stripe_events import record_conforms


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The proxy with the default rules. In the end, all that Stripe's stub replied and told is held to its document."""
    with serving(tmp_path_factory.mktemp("served")) as running:
        yield running
    if running.db.exists():
        record_conforms(running.db)


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """`childproof serve` with the stub of `live.py`."""
    folder = tmp_path_factory.mktemp("live")
    (folder / "rules.yaml").write_text(RULES)
    with serving(folder, "--rules", "rules.yaml", "--stubs", str(STUB)) as running:
        yield running


@pytest.fixture(scope="session")
def needs_sealing() -> None:
    """Skip, with the reason, where this machine can't seal a process."""
    reason = sealing_refusal()
    if reason:
        pytest.skip(reason)
