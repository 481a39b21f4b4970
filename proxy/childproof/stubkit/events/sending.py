"""What a stub would send to listeners by now: for cases, which have nobody to listen."""

from typing import Any

import msgspec

from childproof.stubkit.stub import Stub
from childproof.world import deliveries
from childproof.world.world import World

from .posting import JSON


def sent(stub: Stub, world: World) -> list[dict[str, Any]]:
    """Every webhook that is queued, in order: its type, URL, headers (signed for the world's time) and body."""
    found: list[dict[str, Any]] = []
    with world.view() as view:
        for delivery in deliveries.listed(view):
            posting = stub.posting(delivery, view, view.now())
            if isinstance(posting, str):
                found.append({"type": delivery.type, "url": delivery.url, "canceled": posting})
                continue
            body = msgspec.json.decode(posting.body) if delivery.media == JSON else posting.body.decode()
            found.append({"type": delivery.type, "url": posting.url, "headers": dict(posting.headers), "body": body})
    return found
