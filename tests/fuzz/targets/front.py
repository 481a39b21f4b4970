"""A proxy port's first bytes (`capture/mitm/front.py`): CONNECT, absolute URIs, SOCKS5, and what is spoken inside.

Nothing escapes; a connection is handed on at most once and to a normalised host; nothing is dialled; who is refused
gets one reply of HTTP's or SOCKS' own form; whole and cut, the same bytes end at the same place.

The first byte says how the rest is cut, and whether the destination was known before.
"""

import asyncio
import re
from typing import Any

from childproof.capture.destination import Destination, Ingress
from childproof.capture.dialer import Dialed
from childproof.capture.mitm.calls import Site
from childproof.capture.mitm.front import Front, Stage
from childproof.capture.mitm.onward import Onward
from childproof.model import Forward, normalize_host
from tests.fuzz.fakes import Judge, Transport, pieces

_LOOP = asyncio.new_event_loop()
_HTTP = re.compile(
    rb"HTTP/1\.1 200 Connection established\r\n\r\n"
    rb"|HTTP/1\.1 (?!200)\d{3} [A-Za-z' -]+\r\n(?:[^\x00\r\n:]+: [^\x00\r\n]*\r\n)*connection: close\r\n\r\n[^\x00]*",
    re.DOTALL,
)
_SOCKS = re.compile(rb"\x05\xff|\x05\x00(?:\x05[\x00\x02\x07\x08]\x00\x01\x00{6})?", re.DOTALL)


class _Taken(asyncio.Protocol):
    """Whoever gets a connection that isn't HTTP."""

    def __init__(self, kind: str, destination: Destination, first: bytearray) -> None:
        self.kind, self.destination, self.first = kind, destination, first

    def data_received(self, data: bytes) -> None:
        self.first += data


class Arrival:
    """One connection: where it went, and what it was told."""

    def __init__(self, destination: Destination | None) -> None:
        self.judge = Judge()
        self.transport = Transport()
        self.taken: list[tuple[str, Destination | None, bool]] = []
        self.first = bytearray()
        onward = Onward(self.judge, self._http, self._dial, self._other("smtp"), self._other("tcp"))
        self.onward = onward
        self.front = Front(onward, Ingress("main", "box"), destination)
        self.transport.protocol = self.front
        self.front.connection_made(self.transport)

    def _http(self, transport: asyncio.Transport, data: bytes, site: Site) -> None:
        assert transport is self.transport
        self.taken.append(("http", site.destination, site.tls))
        self.first += data
        transport.set_protocol(_Taken("http", site.destination or Destination("", 0), self.first))

    def _other(self, kind: str) -> Any:
        def take(_ingress: Ingress, destination: Destination) -> asyncio.Protocol:
            self.taken.append((kind, destination, False))
            return _Taken(kind, destination, self.first)

        return take

    async def _dial(self, forward: Forward) -> Dialed:
        raise AssertionError(f"dialled {forward}")

    def feed(self, data: bytes) -> None:
        """Bytes, as long as somebody takes them."""
        if not self.transport.closed:
            self.transport.protocol.data_received(data)

    def end(self) -> None:
        """The client goes."""
        if self.transport.protocol is self.front:
            self.front.connection_lost(None)

    def gist(self) -> tuple[Any, ...]:
        """What must not depend on how the bytes were cut."""
        kinds = [call.violation.kind if call.violation else call.protocol for call in self.judge.calls]
        return self.taken, bytes(self.first), kinds, self.transport.closed


async def _arrive(data: bytes, seed: int, destination: Destination | None) -> Arrival:
    arrival = Arrival(destination)
    for piece in pieces(data, seed):
        arrival.feed(piece)
    arrival.end()
    assert arrival.front._timer is None or arrival.front._timer.cancelled()
    assert not arrival.onward.live
    assert arrival.front._stage is Stage.GONE
    return arrival


def check(data: bytes) -> None:
    """Whole and cut."""
    if not data:
        return
    destination = Destination("api.example", 8443, "198.18.0.1") if data[0] & 1 else None
    whole, cut = (_LOOP.run_until_complete(_arrive(data[1:], seed, destination)) for seed in (0, data[0] >> 1 or 1))
    for arrival in (whole, cut):
        assert len(arrival.taken) <= 1, arrival.taken
        for _, place, _ in arrival.taken:
            if place is not None:
                assert normalize_host(place.host) == place.host
                assert 0 <= place.port <= 65535
        written = bytes(arrival.transport.written)
        if written:
            form = _SOCKS if written[0] == 5 else _HTTP
            assert form.fullmatch(written), written
    assert whole.gist() == cut.gist(), (whole.gist(), cut.gist())
