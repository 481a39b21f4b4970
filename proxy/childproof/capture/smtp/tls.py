"""TLS around a whole connection (port 465), as a plain asyncio protocol that any transport can be given."""

import asyncio
import ssl
from asyncio import sslproto
from collections.abc import Callable

from childproof.model import HostError, normalize_host


class ImplicitTls(asyncio.Protocol):
    """Feeds what it is given to asyncio's TLS layer, which feeds `inner` once the handshake is done.

    asyncio's own layer takes bytes through a buffer, which only asyncio's own transports offer it; whoever hands a
    connection over with bytes already read has `data_received` alone.
    `done` is called when the handshake is over, with what broke it (None: nothing, or the client went away).
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        inner: asyncio.Protocol,
        context: ssl.SSLContext,
        done: Callable[[BaseException | None], None],
    ) -> None:
        self._shaken: asyncio.Future[None] = loop.create_future()
        self._layer = sslproto.SSLProtocol(loop, inner, context, self._shaken, server_side=True)
        self._done = done

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the handshake."""
        self._shaken.add_done_callback(self._check)
        self._layer.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Bytes for the TLS layer, through its buffer."""
        rest = memoryview(data)
        while rest:
            buffer = memoryview(self._layer.get_buffer(len(rest)))
            count = min(len(buffer), len(rest))
            buffer[:count] = rest[:count]
            self._layer.buffer_updated(count)
            rest = rest[count:]

    def eof_received(self) -> None:
        """The client sends nothing more."""
        self._layer.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone; so is the handshake, if it was still under way."""
        self._layer.connection_lost(exc)

    def pause_writing(self) -> None:
        """Backpressure from the transport."""
        self._layer.pause_writing()

    def resume_writing(self) -> None:
        """And its end."""
        self._layer.resume_writing()

    def _check(self, shaken: "asyncio.Future[None]") -> None:
        self._done(None if shaken.cancelled() else shaken.exception())


def refuse_other_names(context: ssl.SSLContext, host: str) -> None:
    """A client that dials one host and names another (SNI) gets `unrecognized_name`, as with HTTPS."""

    def check(connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> int | None:
        del connection, context
        try:
            if name is None or normalize_host(name) == host:
                return None
        except HostError:
            pass
        return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME

    context.sni_callback = check  # type: ignore[assignment,unused-ignore]  # typeshed names SSLSocket alone


def take_any_name(context: ssl.SSLContext, context_for: Callable[[str], ssl.SSLContext]) -> None:
    """Where nobody knows what a client dialled: a certificate for the host that it names (SNI)."""

    def check(connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> int | None:
        del context
        if name is None:
            return None
        try:
            connection.context = context_for(normalize_host(name))
        except HostError:
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        return None

    context.sni_callback = check  # type: ignore[assignment,unused-ignore]  # typeshed names SSLSocket alone
