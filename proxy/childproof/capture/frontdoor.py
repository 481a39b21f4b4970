"""The accept loop of a sandbox whose connections are redirected here: where a connection wanted to go, what it speaks, and who takes it over.

The kernel redirects every TCP connection of a sealed sandbox or a pod here; SO_ORIGINAL_DST has the address it dialled, and our DNS
the name tied to it. Ports whose protocol lets the server speak first are decided by number, before anything waits for
a client's first byte that will never come. The rest is decided by that byte, looked at without taking it.
"""

import asyncio
import contextlib
import errno
import logging
import socket
import ssl
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from typing import Protocol as Interface

import msgspec

from childproof.model import Call, Outcome, Protocol, Violation

from . import dns, peek
from .admission import Network, admitted
from .destination import Destination, Ingress, Judge
from .dialer import dial
from .names import NameTable
from .original import DestinationUnknown, original_destination
from .smtp import SMTP_PORTS, smtp_protocol_factory
from .tcp import Dial, reset, tcp_protocol_factory, wind_up

log = logging.getLogger(__name__)
DNS_PORT = 53
GRACE = 0.5  # seconds for connections to end by themselves when their sandbox has
# Never HTTP: the server speaks first (FTP, SSH, Telnet, POP, NNTP, IMAP, MySQL, VNC), or TLS carries something else
# (DNS over TLS, FTPS, IMAPS, POPS, NNTPS, LDAPS). Judged as raw TCP without waiting for a byte.
NOT_HTTP = frozenset({21, 22, 23, 110, 119, 143, 563, 636, 853, 990, 993, 995, 3306, 5900, 5901})
HTTP_PORTS = frozenset({80, 443})  # clients open connections there ahead of need, and errors are HTTP's own


class Adopter(Interface):
    """The HTTP side: takes over a socket whose destination is known and whose first bytes are still unread."""

    def adopt(self, sock: socket.socket, destination: Destination, ingress: Ingress) -> None:
        """Own `sock` from now on, for as long as it lives. Must not raise once it has taken it."""
        ...


class Limits(msgspec.Struct, frozen=True):
    """Bounds for one sandbox. Seconds for the times."""

    connections: int = 2000
    first_byte: float = 2.0  # a client that stays silent longer waits for the server: not HTTP
    http_first_byte: float = 60.0  # the same on HTTP_PORTS


_LIMITS = Limits()


class FrontDoor:
    """Takes the connections of one sandbox. `serve` runs until cancelled; `close` ends what is still open."""

    def __init__(
        self,
        ingress: Ingress,
        *,
        names: NameTable,
        judge: Judge,
        http: Adopter,
        tls_context: Callable[[str], ssl.SSLContext],
        dial: Dial = dial,
        destination_of: Callable[[socket.socket], tuple[str, int]] = original_destination,
        limits: Limits = _LIMITS,
        sources: tuple[Network, ...] = (),
    ) -> None:
        self._ingress = ingress
        self._names = names
        self._judge = judge
        self._http = http
        self._tls_context = tls_context
        self._dial = dial
        self._destination_of = destination_of
        self._limits = limits
        self._sources = sources
        self._dns = dns.Answerer(ingress, names, judge)
        self._tasks: set[asyncio.Task[None]] = set()
        self._passed_on: set[asyncio.BaseTransport] = set()  # to mail and raw TCP
        # On these nobody has said anything, or asks for names now and then.
        self._silent: set[asyncio.Task[Any]] = set()

    async def serve(self, listener: socket.socket) -> None:
        """Accept until cancelled or the listener is closed. No connection's failure ends the loop.

        When cancelled, what had connected already is still taken in, so that a command's last attempt has its entry.
        """
        listener.setblocking(False)
        try:
            await self._accept_forever(listener)
        except asyncio.CancelledError:
            with contextlib.suppress(OSError):
                while True:
                    self._take(listener.accept()[0])
            raise

    async def _accept_forever(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                sock, _ = await loop.sock_accept(listener)
                self._take(sock)
            except Exception as error:  # noqa: BLE001 (whatever it is, the next connection is another one)
                if listener.fileno() < 0 or (isinstance(error, OSError) and error.errno == errno.EBADF):
                    return
                # out of descriptors or memory, or a connection that is gone already: the listener is still good
                log.warning("accept failed: %s", str(error) or type(error).__name__)
                await asyncio.sleep(0.05)

    def _take(self, sock: socket.socket) -> None:
        if self._sources and not admitted(self._sources, peer := _peer(sock)):
            self._refuse(sock, f"{peer} is not among those that this listener takes")
            return
        if len(self._tasks) >= self._limits.connections:
            self._refuse(sock, f"more than {self._limits.connections} open connections")
            return
        task = asyncio.get_running_loop().create_task(self._guarded(sock))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @property
    def open(self) -> int:
        """How many connections are ours, or were handed to mail and raw TCP."""
        return len(self._tasks)

    def wind_up(self) -> None:
        """End the connections on which nothing is under way; `serve` is over."""
        for task in self._silent:
            task.cancel()
        for transport in list(self._passed_on):
            wind_up(transport)

    async def close(self) -> None:
        """End every connection that is still ours, after a moment for those that are about to end by themselves."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=GRACE)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def record_denied_udp(self, address: str, port: int) -> Outcome:
        """Record a datagram that the sandbox's kernel refused: it never got anywhere, this is its entry."""
        host = self._names.name_for(address) or address
        call = Call(Protocol.UDP, host, port, self._ingress.world, self._ingress.sandbox, address=address)
        return self._judge.handle(call)

    async def _guarded(self, sock: socket.socket) -> None:
        try:
            await self._dispatch(sock)
        except Exception as error:
            log.exception("a connection failed")
            self._refuse(sock, f"{type(error).__name__} while taking a connection: {error}", "internal")

    async def _dispatch(self, sock: socket.socket) -> None:
        try:
            destination = self._destination(sock)
        except DestinationUnknown as error:
            self._refuse(sock, str(error))
            return
        if destination.port in SMTP_PORTS:
            await self._smtp(sock, destination)
        elif destination.port == DNS_PORT:
            reader, writer = await asyncio.open_connection(sock=sock)
            with self._silence():
                await dns.serve_stream(reader, writer, self._dns)
        elif destination.port in NOT_HTTP:
            await self._tcp(sock, destination)
        elif await self._speaks_http(sock, destination.port):
            self._http.adopt(sock, destination, self._ingress)
        else:
            await self._tcp(sock, destination)

    def _destination(self, sock: socket.socket) -> Destination:
        address, port = self._destination_of(sock)
        return Destination(self._names.name_for(address) or address, port, address)

    async def _speaks_http(self, sock: socket.socket, port: int) -> bool:
        usual = port in HTTP_PORTS
        try:
            with self._silence():
                first = await peek.first_bytes(sock, self._limits.http_first_byte if usual else self._limits.first_byte)
        except asyncio.CancelledError:
            self._refuse(sock, "the sandbox ended before anything was sent")
            raise
        # on HTTP's own ports the HTTP side answers nonsense too, in HTTP's words
        return first is peek.First.HTTP or (usual and first is peek.First.OTHER)

    @contextlib.contextmanager
    def _silence(self) -> Iterator[None]:
        """Meanwhile nothing is lost if the connection ends."""
        task = asyncio.current_task()
        assert task is not None
        self._silent.add(task)
        try:
            yield
        finally:
            self._silent.discard(task)

    async def _smtp(self, sock: socket.socket, destination: Destination) -> None:
        over = asyncio.Event()
        make = partial(
            smtp_protocol_factory, self._ingress, destination, self._judge, self._tls_context, on_close=over.set
        )
        await self._until_over(sock, make, over)

    async def _tcp(self, sock: socket.socket, destination: Destination) -> None:
        over = asyncio.Event()
        make = partial(
            tcp_protocol_factory, self._ingress, destination, self._judge, dial=self._dial, on_close=over.set
        )
        await self._until_over(sock, make, over)

    async def _until_over(self, sock: socket.socket, make: Callable[[], asyncio.Protocol], over: asyncio.Event) -> None:
        transport, _ = await asyncio.get_running_loop().connect_accepted_socket(make, sock)
        self._passed_on.add(transport)
        try:
            await over.wait()
        finally:
            self._passed_on.discard(transport)
            transport.abort()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GRACE):
                    await over.wait()  # its entry is written on the way out

    def _refuse(self, sock: socket.socket, reason: str, kind: str = "unsupported") -> None:
        """Reset a connection that can't be judged, with an entry; wherever it wanted to go, as far as we know."""
        address, port = "", 0
        with contextlib.suppress(OSError):
            address, port = sock.getsockname()[:2]  # where nothing was redirected, it wanted to come here
        with contextlib.suppress(OSError, DestinationUnknown):
            address, port = self._destination_of(sock)
        reset(sock)
        call = Call(
            Protocol.TCP, self._names.name_for(address) or address, port, self._ingress.world, self._ingress.sandbox,
            address=address, violation=Violation(kind, reason),
        )  # fmt: skip
        try:
            self._judge.handle(call)
        except Exception:
            log.exception("a refused connection could not be recorded")


def _peer(sock: socket.socket) -> str:
    try:
        return str(sock.getpeername()[0])
    except OSError:
        return "a connection that is gone already"
