"""Where connections go from the front, and those that are still there or were passed on to mail and raw TCP."""

import asyncio
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from childproof.capture.destination import Destination, Ingress, Judge
from childproof.capture.tcp import reset_transport, wind_up

from .calls import Site
from .gate import Dial
from .shares import Shares

if TYPE_CHECKING:
    from .front import Front

ProtocolFactory = Callable[[Ingress, Destination], asyncio.Protocol]
Take = Callable[[asyncio.Transport, bytes, Site], None]


class Onward(msgspec.Struct, frozen=True):
    """Where connections go from here. Without `smtp`, mail is raw TCP like anything else."""

    judge: Judge
    http: Take
    dial: Dial
    smtp: ProtocolFactory | None = None
    tcp: ProtocolFactory | None = None  # in the place of the relay that judges by itself
    shares: Shares | None = None
    live: set["Front"] = msgspec.field(default_factory=set)
    passed_on: "weakref.WeakSet[asyncio.Transport]" = msgspec.field(
        default_factory=weakref.WeakSet
    )  # to mail and raw TCP

    def wind_up(self) -> None:
        """End the connections on which nothing was said, or no mail is under way."""
        for front in list(self.live):
            front.wind_up()
        for transport in list(self.passed_on):
            wind_up(transport)

    @property
    def open(self) -> int:
        """How many connections are still here, or were passed on to mail and raw TCP."""
        return len(self.live) + sum(not transport.is_closing() for transport in self.passed_on)

    def end(self, ingress: Ingress | None = None) -> None:
        """Reset whatever hasn't become an HTTP connection; of one listener, whatever is still here."""
        for front in list(self.live):
            if ingress is None or front.ingress == ingress:
                front.reset()
        if ingress is not None:
            return
        for transport in list(self.passed_on):
            reset_transport(transport)
