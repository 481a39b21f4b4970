"""A store with a ledger, and entries to put into it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from childproof.ledger import Entry, Ledger, trace_of
from childproof.model import Change, Effect
from childproof.world import Store

Make = Callable[..., Entry]


def make_entry(world: str, seq: int, **fields: object) -> Entry:
    values: dict[str, object] = {
        "id": f"call_{world}_{seq}",
        "world": world,
        "sandbox": "box",
        "seq": seq,
        "at": 1_767_614_400_000 + seq,
        "world_at": 1000 * seq,
        "protocol": "http",
        "target": f"POST https://api.stripe.com/v1/things/{seq}",
        "host": "api.stripe.com",
        "port": 443,
        "method": "POST",
        "path": f"/v1/things/{seq}",
        "verdict": "stub",
        "rule": "stripe",
        "reason": "the rule stripe matches",
        "stub": "stripe",
        "operation": "POST /v1/things",
        "fidelity": "modelled",
        "status": 200,
        "duration_us": 850,
        "request": None,
        "reply": None,
        "changes": (Change("stripe", "thing", f"th_{seq}", None, {"id": f"th_{seq}", "n": seq}),),
        "effects": (Effect("stripe", "thing.created", f"th_{seq}", {"n": seq}),),
        "trace": trace_of(f"call_{world}_{seq}"),
    }
    return Entry(**{**values, **fields})  # type: ignore[arg-type]


@dataclass
class Book:
    """A store and a ledger that are written together, as the engine does."""

    store: Store
    ledger: Ledger

    def call(self, world: str = "main", **fields: object) -> Entry:
        with self.store.world(world).transaction() as tx:
            entry = make_entry(world, tx.seq, **fields)
            tx.put("stripe", "thing", f"th_{tx.seq}", {"n": tx.seq})
            self.ledger.append(entry)
        return entry


@pytest.fixture
def book() -> Iterator[Book]:
    with Store.open(":memory:", wall=lambda: 0) as store:
        store.create("main")
        yield Book(store, Ledger(store.connection, lock=store.lock))
