"""The front door for other network namespaces, whose redirections lead here and lose the address that was dialled.

So where a connection wanted to go is what the client names, and nothing else: the SNI of its ClientHello, or the Host of
its first request. Both are looked at without being taken, bounded in size and time, and read strictly; the HTTP side reads
them again, and denies what doesn't agree. The port is what this namespace's own redirection says, else the listener's own
where that is a service's, else HTTP's.
"""

import asyncio
import socket
from collections.abc import Callable
from functools import partial
from typing import Any

import h11

from childproof.model import Call, HostError, Protocol, Violation, is_address, normalize_host

from . import dns, peek
from .destination import UNKNOWN, Destination, Ingress
from .frontdoor import DNS_PORT, HTTP_PORTS, NOT_HTTP, FrontDoor
from .original import DestinationUnknown, original_destination
from .smtp import SMTP_PORTS
from .smtp.factory import IMPLICIT_TLS
from .tcp import reset

LARGEST = 32 * 1024  # bytes of a ClientHello or of a request's head that are looked at
WHOLE = 10.0  # seconds for them to be whole once they have begun
_TLS = 0x16
_OTHERS = SMTP_PORTS | NOT_HTTP | {DNS_PORT}

# The SNI of a ClientHello: "" where it has none, None where more is to come. Raises ValueError for what is no ClientHello.
NameOf = Callable[[bytes], str | None]


class Unnamed(Exception):
    """The client doesn't say where it wants to go. The message fits into a denial."""


class ServiceDoor(FrontDoor):
    """A front door that goes by names. `name_of` reads a ClientHello; the rest is as for any front door."""

    def __init__(self, ingress: Ingress, *, name_of: NameOf, **others: Any) -> None:
        super().__init__(ingress, **others)
        self._name_of = name_of

    async def _dispatch(self, sock: socket.socket) -> None:
        port = _port(sock)
        if port == DNS_PORT:
            reader, writer = await asyncio.open_connection(sock=sock)
            with self._silence():
                await dns.serve_stream(reader, writer, self._dns)
        elif port == IMPLICIT_TLS:
            await self._named(sock, port)
        elif port in SMTP_PORTS:
            await self._smtp(sock, Destination(UNKNOWN, port))
        elif port in NOT_HTTP:
            self._deny(sock, port, f"TCP to port {port}: this listener is not told where it was to go")
        else:
            await self._named(sock, port)

    async def _named(self, sock: socket.socket, port: int) -> None:
        """TLS or HTTP, by the name in it."""
        usual = port in HTTP_PORTS or not port
        with self._silence():
            first = await peek.first_bytes(sock, self._limits.http_first_byte if usual else self._limits.first_byte)
            if first is peek.First.HTTP:
                try:
                    destination = await peek.looked_at(sock, partial(self._destination_in, port=port), LARGEST, WHOLE)
                except Unnamed as error:
                    self._deny(sock, port, str(error))
                    return
                except TimeoutError:
                    self._deny(sock, port, "the client did not say whole where it wants to go")
                    return
        if first is not peek.First.HTTP:
            self._deny(sock, port, "neither TLS nor HTTP: this listener is not told where it was to go")
        elif port == IMPLICIT_TLS:
            await self._smtp(sock, destination)
        else:
            self._http.adopt(sock, destination, self._ingress)

    def _destination_in(self, data: bytes, *, port: int) -> Destination | None:
        """Where these first bytes want to go, None where more is to come. Raises Unnamed."""
        if data[0] == _TLS:
            return tls_destination(data, port, self._name_of)
        if port == IMPLICIT_TLS:
            raise Unnamed("no TLS on a port that begins with it")
        return http_destination(data, port)

    def _deny(self, sock: socket.socket, port: int, reason: str) -> None:
        reset(sock)
        violation = Violation("unsupported", reason)
        call = Call(Protocol.TCP, UNKNOWN, port, self._ingress.world, self._ingress.sandbox, violation=violation)
        self._judge.handle(call)


def tls_destination(data: bytes, port: int, name_of: NameOf) -> Destination | None:
    """The host that a ClientHello names, None where it isn't whole. Raises Unnamed."""
    try:
        name = name_of(data)
    except ValueError as error:
        raise Unnamed(f"no valid ClientHello: {error}"[:300]) from None
    if name is None:
        return None
    if not name:
        raise Unnamed("TLS without a name (SNI): this listener is not told where it was to go")
    try:
        host = normalize_host(name)
    except HostError as error:
        raise Unnamed(f"the name in the ClientHello: {error}"[:300]) from None
    if is_address(host):
        raise Unnamed("an address in the place of a name (RFC 6066, section 3)")
    return Destination(host, port or 443)


def http_destination(data: bytes, port: int) -> Destination | None:
    """The host of a request's head, None where it isn't whole. Raises Unnamed."""
    if data.startswith(b"PRI "):
        raise Unnamed("HTTP/2 without TLS names its host where this listener doesn't look")
    parser = h11.Connection(h11.SERVER, max_incomplete_event_size=LARGEST)
    try:
        parser.receive_data(data)
        event = parser.next_event()
    except h11.RemoteProtocolError as error:
        raise Unnamed(f"malformed HTTP: {error}"[:300]) from None
    if event is h11.NEED_DATA:
        return None
    if not isinstance(event, h11.Request):
        raise Unnamed("no HTTP request")
    hosts = [value.decode("latin-1") for name, value in event.headers if name == b"host"]
    if len(hosts) != 1:
        raise Unnamed(f"{len(hosts)} Host headers: this listener is not told where it was to go")
    try:
        host, wanted = _host_and_port(hosts[0])
    except HostError as error:
        raise Unnamed(f"the Host header: {error}"[:300]) from None
    if not port and wanted in _OTHERS:
        raise Unnamed(f"HTTP to port {wanted}, which is not HTTP's")
    return Destination(host, port or wanted or 80, host if is_address(host) else "")


def _host_and_port(text: str) -> tuple[str, int]:
    """A Host header's host and port, 0 where it has none. Raises HostError."""
    host, colon, digits = text.rpartition(":")
    if not colon or text.endswith("]"):
        return normalize_host(text), 0
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 5 and 0 < int(digits) <= 65535):
        raise HostError(f"{text!r} has no valid port")
    return normalize_host(host), int(digits)


def _port(sock: socket.socket) -> int:
    """The port that was dialled, as far as this namespace knows; 0 where it doesn't."""
    try:
        return original_destination(sock)[1]
    except DestinationUnknown:
        own = int(sock.getsockname()[1])
        return own if own in _OTHERS | HTTP_PORTS else 0
