"""The store: a call's transaction, reading, forking and listing in a world of 100,000 entities, redaction."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.row import Row, median_us
from childproof.ledger import Entry, Ledger, record, redact
from childproof.world import Store, World

ENTITIES = 100_000
BATCH = 10_000
CUSTOMER: dict[str, Any] = {
    "object": "customer",
    "address": None,
    "balance": 0,
    "created": 1680893993,
    "email": "jenny@example.com",
    "invoice_settings": {"custom_fields": None, "default_payment_method": None, "footer": None},
    "metadata": {"order_id": "6735"},
    "name": "Jenny Rosen",
    "preferred_locales": [],
    "shipping": None,
    "text": "x" * 600,
}
FORM = b"email=jenny%40example.com&name=Jenny+Rosen&description=hello&metadata[order_id]=6735"


def rows() -> Iterator[Row]:
    """On a file, as `childproof run` has it."""
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "b.db", wall=lambda: 0) as store:
        world = store.create("main")
        ledger = Ledger(store.connection, lock=store.lock)
        yield Row("a call: 5 puts of 1 kB and a ledger entry", f"{median_us(_calls(world, ledger)):.0f} µs", "< 300 µs")
        fill(world)
        # A transaction remembers what it has read, so that each get is for another entity.
        fresh = (f"cus_{number}" for number in range(ENTITIES))
        with world.transaction() as tx:
            yield Row("get, of 100,000", f"{median_us(lambda: tx.get('s', 'customer', next(fresh))):.1f} µs")
            page = median_us(lambda: tx.list("s", "customer", limit=10, after="cus_50000"))
            yield Row("a page of 10 in the midst of 100,000", f"{page:.0f} µs")
            tx.list("s", "customer", where={"email": "nobody@example.com"})
        with world.transaction() as tx:
            found = median_us(lambda: tx.list("s", "customer", where={"email": "jenny50000@example.com"}))
            yield Row("a filtered list in 100,000, from the second time on", f"{found:.0f} µs")
        names = (f"f{number}" for number in range(10_000))
        yield Row(
            "fork, of 100,000", f"{median_us(lambda: store.fork('main', next(names)), number=50):.0f} µs", "< 1 ms"
        )
    text = FORM.decode() * 10
    yield Row("redact 850 bytes", f"{median_us(lambda: redact(text)):.0f} µs", "< 100 µs")


def _calls(world: World, ledger: Ledger) -> Any:
    request = record((("Content-Type", "application/x-www-form-urlencoded"),), FORM)

    def call() -> None:
        with world.transaction() as tx:
            for kind in ("customer", "intent", "charge", "event", "key"):
                tx.put("s", kind, tx.token(kind, 14), CUSTOMER)
            ledger.append(_entry(tx.seq, tx.changes, request))

    return call


def _entry(seq: int, changes: Any, request: Any) -> Entry:
    return Entry(
        id=f"call_{seq}",
        world="main",
        sandbox="",
        seq=seq,
        at=0,
        world_at=0,
        protocol="http",
        target="POST https://api.stripe.com/v1/customers",
        host="api.stripe.com",
        port=443,
        method="POST",
        path="/v1/customers",
        verdict="stub",
        rule="stripe",
        reason="the rule stripe matches",
        stub="stripe",
        operation="POST /v1/customers",
        fidelity="modelled",
        status=200,
        duration_us=0,
        request=request,
        reply=request,
        changes=changes,
        effects=(),
    )


def fill(world: World) -> None:
    """100,000 customers."""
    for start in range(0, ENTITIES, BATCH):
        with world.transaction() as tx:
            for number in range(start, start + BATCH):
                tx.put("s", "customer", f"cus_{number}", {**CUSTOMER, "email": f"jenny{number}@example.com"})
