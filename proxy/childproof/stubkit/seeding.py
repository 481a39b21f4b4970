"""Seeds: what a fresh world holds of a stub, planted on the first call to it."""

from childproof.model import Call, Protocol
from childproof.world.transaction import Transaction

from .auth import TOKENS
from .context import Context
from .service import Service

SEEDED = "_seeded"


def plant(service: Service, tx: Transaction) -> None:
    """Create what seed.yaml lists, if this world hasn't got it yet. Tells no events."""
    seeds = service.seeds
    if not seeds or tx.get(SEEDED, service.name, "done") is not None:
        return
    tx.put(SEEDED, service.name, "done", {"at": tx.now()})
    ctx = Context(service, tx, Call(Protocol.HTTP, service.host, 443, world=tx.world), quiet=True)
    for token in seeds.get("tokens", ()):
        tx.put(TOKENS, service.name, str(token), {"token": token})
    for resource, entities in seeds.items():
        if resource == "tokens":
            continue
        id_field = service.registry.named(resource).id_field
        for entity in entities:
            given = {name: value for name, value in entity.items() if name != id_field}
            ctx.create(resource, str(entity[id_field]) if id_field in entity else None, **given)
