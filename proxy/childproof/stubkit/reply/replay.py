"""Idempotency keys: the same key and call get the reply they got before; another call gets the vendor's conflict.

Rows live in the world (service `_idempotency`, one kind per stub), so a fork carries them.
"""

import base64
from hashlib import sha256
from typing import TYPE_CHECKING

from childproof.model import Call, Reply
from childproof.stubkit.declared.settings import Idempotency, fill
from childproof.stubkit.refusal import Refusal
from childproof.world.transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import Mapping

KEYS = "_idempotency"


def key_of(call: Call, settings: Idempotency | None, tenant: str = "") -> str | None:
    """The idempotency key of a call, apart for each tenant; None where it has none or its method takes none."""
    if settings is None or call.method not in settings.methods:
        return None
    key = call.header(settings.header) or None
    return f"{key}@{tenant}" if key is not None and tenant else key


def replay(tx: Transaction, service: str, call: Call, key: str, settings: Idempotency) -> Reply | None:
    """The reply that this key got before, None if it is new. Raises Refusal where it was used for another call."""
    row = tx.get(KEYS, service, key)
    if row is None or (settings.expires and tx.now() >= row.get("at", 0) + settings.expires):
        return None
    if row["fingerprint"] != _fingerprint(call):
        conflict: Mapping[str, int] = {"status": settings.conflict} if settings.conflict else {}
        place, given = f"{call.method} {call.path}", call.header(settings.header)
        if row["place"] != place:
            first = str(row["place"]).partition(" ")[2]
            raise Refusal.of("idempotency_endpoint", key=given, first=first, path=call.path, **conflict)
        raise Refusal.of("idempotency_conflict", key=given, **conflict)
    values = {"original_request_id": row["request_id"], "key": key}
    again = [(name, fill(template, values)) for name, template in settings.replay_headers.items()]
    kept = [(name, value) for name, value in row["headers"]]
    return Reply(row["status"], (*kept, *again), base64.b64decode(row["body"]))


def remember(tx: Transaction, service: str, call: Call, key: str, reply: Reply, *, request_id: str | None) -> None:
    """Keep a reply for the key. Only what an operation answered is kept, not what was refused before it began."""
    row = {
        "fingerprint": _fingerprint(call),
        "place": f"{call.method} {call.path}",
        "at": tx.now(),
        "request_id": request_id or "",
        "status": reply.status,
        "headers": [list(header) for header in reply.headers],
        "body": base64.b64encode(reply.body).decode(),
    }
    tx.put(KEYS, service, key, row)


def _fingerprint(call: Call) -> str:
    return sha256(b"\n".join((call.method.encode(), call.path.encode(), call.query.encode(), call.body))).hexdigest()
