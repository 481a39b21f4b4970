"""How many connections each listener's sandbox may have at once: one sandbox's flood must not keep another one out."""

import asyncio
import weakref

from childproof.capture.destination import Ingress


class Shares:
    """The open connections of each ingress, whatever became of them: still read, handed to HTTP, to mail or to TCP."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._open: dict[Ingress, weakref.WeakSet[asyncio.BaseTransport]] = {}

    def take(self, ingress: Ingress, transport: asyncio.BaseTransport) -> bool:
        """Count one more; False where the share is used up."""
        own = self._open.get(ingress)
        if own is None:
            own = self._open[ingress] = weakref.WeakSet()
        if len(own) >= self.limit:
            for other in [other for other in own if other.is_closing()]:  # over, but not yet collected
                own.discard(other)
            if len(own) >= self.limit:
                return False
        own.add(transport)
        return True

    def open(self) -> dict[Ingress, int]:
        """How many connections each has, without those that are over but not yet collected."""
        return {ingress: sum(not transport.is_closing() for transport in own) for ingress, own in self._open.items()}

    def forget(self, ingress: Ingress) -> list[asyncio.BaseTransport]:
        """The listener is gone; its connections that aren't."""
        own = self._open.pop(ingress, ())
        return [transport for transport in own if not transport.is_closing()]
