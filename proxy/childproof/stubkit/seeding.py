"""Seeds: what a fresh world holds of a stub, planted with the first call to it and counted as there before."""

from childproof.model import Call, Protocol
from childproof.world import fresh
from childproof.world.transaction import Transaction

from .auth import TOKENS
from .context import Context
from .service import Service


def plant(service: Service, tx: Transaction) -> None:
    """Create what seed.yaml lists, if this world hasn't got it yet. Tells no events, and is no change of the call."""
    seeds = service.seeds
    if not seeds or fresh.planted(tx, service.name):
        return
    ctx = Context(service, tx, Call(Protocol.HTTP, service.host, 443, world=tx.world), quiet=True)
    with tx.beforehand() as planted:
        for token in seeds.get("tokens", ()):
            tx.put(TOKENS, service.name, str(token), {"token": token})
        for resource, entities in seeds.items():
            if resource == "tokens":
                continue
            id_field = service.registry.named(resource).id_field
            for entity in entities:
                given = {name: value for name, value in entity.items() if name != id_field}
                ctx.create(resource, str(entity[id_field]) if id_field in entity else None, **given)
    fresh.remember(tx, service.name, planted)
