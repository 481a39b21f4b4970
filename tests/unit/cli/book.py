"""A database with a few calls of every kind, for the tests of the commands that read it."""

from pathlib import Path

from childproof.ledger import Entry, Ledger
from childproof.world import Store


class Book:
    """A database that a run has left behind."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.store = Store.open(path, wall=lambda: 1_767_614_400_000)
        self.store.create("main")
        self.ledger = Ledger(self.store.connection)

    def call(self, world: str = "main", **fields: object) -> Entry:
        with self.store.world(world).transaction() as tx:
            values: dict[str, object] = {
                "id": f"call_{world}{tx.seq:04d}",
                "world": world,
                "sandbox": "box",
                "seq": tx.seq,
                "at": 1_767_614_400_000 + tx.seq,
                "world_at": 1_767_614_400_000,
                "protocol": "http",
                "target": f"POST https://api.stripe.com/v1/things/{tx.seq}",
                "host": "api.stripe.com",
                "port": 443,
                "method": "POST",
                "path": f"/v1/things/{tx.seq}",
                "verdict": "stub",
                "rule": "stripe",
                "reason": "the rule stripe matches",
                "stub": "stripe",
                "operation": "POST /v1/things",
                "fidelity": "modelled",
                "status": 200,
                "duration_us": 1850,
                "request": None,
                "reply": None,
                "changes": (),
                "effects": (),
            }
            entry = Entry(**{**values, **fields})  # type: ignore[arg-type]
            self.ledger.append(entry)
        return entry

    def look_up(self) -> Entry:
        """A name look-up, answered as every one is."""
        return self.call(
            target="DNS A api.stripe.com",
            protocol="dns",
            verdict="reply",
            rule=None,
            stub=None,
            operation=None,
            fidelity=None,
            status=0,
            reason="every name is answered with an address of our own",
            method="A",
            path="",
        )

    def deny(self) -> Entry:
        return self.call(
            target="TCP 203.0.113.7:4444",
            protocol="tcp",
            verdict="deny",
            rule=None,
            stub=None,
            operation=None,
            fidelity=None,
            status=None,
            reason="no rule matches (default: deny)",
            host="203.0.113.7",
        )
