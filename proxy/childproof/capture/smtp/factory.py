"""One SMTP protocol for one connection, whatever transport it is given."""

import asyncio
import ssl
from collections.abc import Callable

from childproof.capture.destination import UNKNOWN, Destination, Ingress, Judge

from .record import Record
from .tls import ImplicitTls, refuse_other_names, take_any_name

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
) -> asyncio.Protocol:
    """The protocol for one accepted connection; call it within the running loop.

    Port 465 speaks TLS from the first byte, the other ports offer STARTTLS. `tls_context(host)` gives a server context
    with a certificate for `host` that is used for this host only. Logins: 587 offers them behind STARTTLS, as the
    large providers do; 25 and 2525 offer them at once. `on_close` is called once, when the connection is over.
    """
    # aiosmtpd takes some 20 ms to import: on the first mail connection, not in every sandbox's start
    from .server import SmtpServer  # noqa: PLC0415

    loop = asyncio.get_running_loop()
    implicit = destination.port == IMPLICIT_TLS
    context = tls_context(destination.host)
    if destination.host == UNKNOWN:
        take_any_name(context, tls_context)
    else:
        refuse_other_names(context, destination.host)
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

    def shaken(error: BaseException | None) -> None:
        if server.session is None:  # the server was never told of a connection
            record.handshake_failed(error)
            on_close()

    return ImplicitTls(loop, server, context, shaken)
