"""Every case of every shipped stub, and of the stub that the tests use, through the runner that users have."""

from pathlib import Path

import pytest

from childproof.catalog import load_catalog
from childproof.catalog.shipped import shipped
from childproof.stubkit.cases.cases import Case, load_cases, run_case
from tests.stripe_events import event_misfits

DATA = Path(__file__).parents[1] / "data" / "stubs"
CATALOG = load_catalog([DATA])
CASES = [(name, case) for name in CATALOG.names() for case in load_cases(CATALOG.folder(name))]


@pytest.mark.parametrize(("name", "case"), CASES, ids=[f"{name}: {case.name}" for name, case in CASES])
def test_case(name: str, case: Case) -> None:
    """It passes; where the stub is Stripe's, every object that it told of is of its resource's schema, too."""
    result = run_case(CATALOG.get(name), case)
    assert result.failures == [], "\n".join(map(str, result.failures))
    if name == "stripe":
        assert not event_misfits(CATALOG.get(name), result.effects)


def test_every_shipped_stub_loads_and_has_cases() -> None:
    CATALOG.check()
    for folder in shipped("stubs").glob("*/stub.yaml"):
        assert any(name == folder.parent.name for name, _ in CASES), f"{folder.parent.name} has no cases"
