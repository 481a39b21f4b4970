"""DNS over UDP on a ready socket: our own protocol, since mitmproxy's keeps three tasks alive for every source port."""

import asyncio
import logging
import socket
from typing import Any

from childproof.capture.destination import Ingress, Judge
from childproof.capture.names import NameTable

from .answer import Answerer

log = logging.getLogger(__name__)
MAX_DELAYED = 1024  # answers held back by `delay` rules at once; beyond it they are sent at once


class DnsDatagrams(asyncio.DatagramProtocol):
    """One datagram in, at most one out."""

    def __init__(self, answerer: Answerer) -> None:
        self._answerer = answerer
        self._transport: asyncio.DatagramTransport | None = None
        self._delayed = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.DatagramTransport)
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        """Answer one query, after the delay that a rule may ask for."""
        response = self._answerer.answer(data)
        if response.data is None:
            return
        if response.delay > 0 and self._delayed < MAX_DELAYED:
            self._delayed += 1
            asyncio.get_running_loop().call_later(response.delay, self._late, response.data, addr)
        else:
            self._send(response.data, addr)

    def error_received(self, exc: Exception) -> None:
        """A client that is gone already (ICMP port unreachable) is no reason to stop."""
        log.debug("DNS answer not delivered: %s", exc)

    def _late(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        self._delayed -= 1
        self._send(data, addr)

    def _send(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(data, addr)


async def serve_datagrams(
    sock: socket.socket, ingress: Ingress, names: NameTable, judge: Judge
) -> asyncio.DatagramTransport:
    """Answer queries on a bound UDP socket until the returned transport is closed (which closes the socket too)."""
    sock.setblocking(False)
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: DnsDatagrams(Answerer(ingress, names, judge)), sock=sock
    )
    return transport
