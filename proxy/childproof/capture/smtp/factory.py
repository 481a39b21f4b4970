"""One SMTP protocol for one connection, ready for a socket's transport or for a `Bridge`."""

import asyncio
import ssl
from asyncio import sslproto
from collections.abc import Callable

from childproof.capture.destination import Destination, Ingress, Judge
from childproof.model import HostError, normalize_host

from .record import Record
from .server import SmtpServer

IMPLICIT_TLS = 465
SUBMISSION = 587
SMTP_PORTS = frozenset({25, IMPLICIT_TLS, SUBMISSION, 2525})


def smtp_protocol_factory(
    ingress: Ingress,
    destination: Destination,
    judge: Judge,
    tls_context: Callable[[str], ssl.SSLContext],
    *,
    on_close: Callable[[], None] = lambda: None,
) -> asyncio.BaseProtocol:
    """The protocol for one accepted connection; call it within the running loop.

    Port 465 speaks TLS from the first byte, the other ports offer STARTTLS. `tls_context(host)` gives a server context
    with a certificate for `host` that is used for this host only. Logins: 587 offers them behind STARTTLS, as the
    large providers do; 25 and 2525 offer them at once. `on_close` is called once, when the connection is over.
    """
    loop = asyncio.get_running_loop()
    implicit = destination.port == IMPLICIT_TLS
    context = tls_context(destination.host)
    _refuse_other_names(context, destination.host)
    record = Record(ingress, destination, judge, tls=implicit)
    server = SmtpServer(
        record,
        tls_context=None if implicit else context,
        auth_before_tls=destination.port != SUBMISSION,
        on_close=on_close,
        loop=loop,
    )
    if not implicit:
        return server
    shaken: asyncio.Future[None] = loop.create_future()
    wire = sslproto.SSLProtocol(loop, server, context, shaken, server_side=True)

    def check(done: asyncio.Future[None]) -> None:
        error = None if done.cancelled() else done.exception()
        if server.session is None:  # the server was never told of a connection: the handshake failed
            record.handshake_failed(error)
            on_close()

    shaken.add_done_callback(check)
    return wire


def _refuse_other_names(context: ssl.SSLContext, host: str) -> None:
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
