"""Seeds: what a fresh world holds of a stub, planted with the first call to it and counted as there before."""

from typing import Any

from childproof.stubkit.access import oauth
from childproof.stubkit.service import Service
from childproof.world import fresh
from childproof.world.transaction import Transaction

from . import sections
from .playing import SeedContext


def plant(service: Service, tx: Transaction) -> None:
    """Create what seed.yaml lists and what the stub's `@plants` plant, if this world hasn't got it yet. Tells no events, and is no change of the call."""
    seeds, planters = service.seeds, service.behaviours.planters
    if not (seeds or planters) or fresh.planted(tx, service.name):
        return
    ctx = SeedContext(service, tx, _never, {})
    with tx.beforehand() as planted:
        oauth.plant(service.name, seeds, tx)
        named = {key: sections.find(service, key) for key in seeds if key not in {"tokens", "clients"}}
        for key in sections.ordered(service, named):
            resource = named[key]
            assert resource is not None  # else the stub had not been loaded
            sections.plant(service, ctx, resource, seeds[key])
        for name in sorted(planters):
            planters[name](ctx)
    fresh.remember(tx, service.name, planted)


def _never(at: int, step: Any) -> None:
    raise LookupError(f"a seed.yaml has no later (to {at}, {step})")
