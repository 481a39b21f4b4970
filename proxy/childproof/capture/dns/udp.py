"""DNS over UDP on a ready socket: our own reader, since mitmproxy's keeps three tasks alive for every source port.

Not an asyncio transport either: that one closes for good on the first exception that is no OSError, and out of memory
for a moment would be out of names for the rest of the run.
"""

import asyncio
import contextlib
import logging
import socket
from typing import Any

from childproof.capture.admission import Network, admitted
from childproof.capture.destination import Ingress, Judge
from childproof.capture.names import NameTable

from .answer import Answerer

log = logging.getLogger(__name__)
MAX_DELAYED = 1024  # answers held back by `delay` rules at once; beyond it they are sent at once
_LARGEST = 65535  # octets of a datagram
_AT_ONCE = 64  # queries answered before the loop looks at other sockets


class DnsDatagrams:
    """One datagram in, at most one out, until closed (which closes the socket too)."""

    def __init__(self, sock: socket.socket, answerer: Answerer, sources: tuple[Network, ...] = ()) -> None:
        self._sock = sock
        self._answerer = answerer
        self._sources = sources
        self._delayed = 0
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(sock.fileno(), self._read)

    def close(self) -> None:
        """Answer nothing more."""
        if self._sock.fileno() >= 0:
            self._loop.remove_reader(self._sock.fileno())
            self._sock.close()

    def _read(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                data, address = self._sock.recvfrom(_LARGEST)
            except BlockingIOError:
                return
            except OSError as error:
                # A client that is gone already (ICMP port unreachable) is no reason to stop.
                log.debug("DNS answer not delivered: %s", error)
                continue
            self._answer(data, address)

    def _answer(self, data: bytes, address: Any) -> None:
        """Answer one query, after the delay that a rule may ask for."""
        if admitted(self._sources, address[0]):
            response = self._answerer.answer(data)
        else:
            response = self._answerer.refuse(data, f"{address[0]} is not among those that this listener takes")
        if response.data is None:
            return
        if response.delay > 0 and self._delayed < MAX_DELAYED:
            self._delayed += 1
            self._loop.call_later(response.delay, self._late, response.data, address)
        else:
            self._send(response.data, address)

    def _late(self, data: bytes, address: Any) -> None:
        self._delayed -= 1
        self._send(data, address)

    def _send(self, data: bytes, address: Any) -> None:
        with contextlib.suppress(OSError):
            self._sock.sendto(data, address)


async def serve_datagrams(
    sock: socket.socket, ingress: Ingress, names: NameTable, judge: Judge, sources: tuple[Network, ...] = ()
) -> DnsDatagrams:
    """Answer queries on a bound UDP socket until what is returned is closed; refuse those from beyond `sources`."""
    sock.setblocking(False)
    return DnsDatagrams(sock, Answerer(ingress, names, judge), sources)
