"""The SMTP server of one connection: aiosmtpd, in the destination's voice, with the judge behind it.

What aiosmtpd does by itself and this file relies on: STARTTLS resets the session and throws away whatever the client
had pipelined behind it (RFC 3207, section 4.2: the injection bug). What it does differently from a real provider, or
badly for us, is corrected here: a client that half-closes loses nothing it had sent, messages are read as wholes (see
`data`), mechanisms are found whatever their case, a handshake that breaks ends the session, and no class-wide state is
shared between connections.
"""

import asyncio
import logging
import re
import ssl
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session, TLSSetupException

from childproof.capture.tcp import reset_transport
from childproof.model import is_address

from .data import read_message
from .hooks import Hooks
from .record import MAX_USER, Record
from .replies import clean

MAX_COMMAND = 12_288  # octets: the longest initial response (RFC 4954, section 4)
READ_AHEAD = 64 * 1024  # octets that the reader may hold before it makes the client wait; at most twice that
TIMEOUT = 300.0  # seconds between two commands (RFC 5321, section 4.5.3.2.7)
_MALFORMED = ("500", "501", "553", "555")
_UNCLEAN = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")


class SmtpServer(SMTP):
    """One connection. `tls_context` is None where TLS is around it already (port 465)."""

    line_length_limit = READ_AHEAD
    AuthLoginUsernameChallenge = "Username:"
    AuthLoginPasswordChallenge = "Password:"

    def __init__(
        self,
        record: Record,
        *,
        tls_context: ssl.SSLContext | None,
        auth_before_tls: bool,
        on_close: Callable[[], None],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        # aiosmtpd's own logger sees whole messages and, in odd spellings, credentials: it stays silent
        logging.getLogger("mail.log").disabled = True
        self.command_size_limits = defaultdict(lambda: MAX_COMMAND)  # a class attribute there, shared by everybody
        self._record = record
        self._on_close = on_close
        self._over = False
        host = record.destination.host
        super().__init__(
            Hooks(record),
            data_size_limit=record.judge.max_body,
            enable_SMTPUTF8=True,
            hostname=f"[{host}]" if is_address(host) else host,
            ident="ESMTP",
            tls_context=tls_context,
            timeout=TIMEOUT,
            auth_require_tls=not auth_before_tls,
            authenticator=self._authenticated,
            loop=loop,
        )
        self._smtp_methods = {name: self._clean_only(method) for name, method in self._smtp_methods.items()}

    def connection_lost(self, error: Exception | None) -> None:
        """The end, whoever caused it."""
        if self._over:
            return
        self._over = True
        super().connection_lost(error)
        try:
            self._record.ended()
        finally:
            self._on_close()

    def eof_received(self) -> bool | None:
        """The client sends nothing more, but what it sent is still to be served: aiosmtpd would drop it."""
        self._reader.feed_eof()
        return self.session is not None and self.session.ssl is None and not self._record.tls

    async def push(self, status: Any) -> None:
        """Send a reply; take note of those that tell of broken input."""
        if self._handler_coroutine is not None and self._handler_coroutine.cancelling():
            await asyncio.sleep(0)  # it ends here: nothing is said or recorded of what came behind a goodbye
        text = status.decode("utf-8", "replace") if isinstance(status, bytes) else str(status)
        text = "\r\n".join(map(clean, text.split("\r\n")))
        text = f"{text} " if len(text) == 3 else text  # an empty challenge: some clients want the space
        if text.startswith(_MALFORMED):
            self._record.malformed(f"no valid SMTP, answered with: {text}", int(text[:3]))
        elif text.startswith("552 Error"):
            envelope = self.envelope
            sender, recipients = (envelope.mail_from or "", tuple(envelope.rcpt_tos)) if envelope else ("", ())
            self._record.too_large(
                sender, recipients, f"the message is larger than the {self.data_size_limit} bytes that are judged"
            )
        await super().push(text)
        if text.startswith(("421", "502 5.5.1 Too many")):
            self._hang_up()  # aiosmtpd would go on with what the client had pipelined behind it

    async def handle_exception(self, error: Exception) -> str:
        """The reply to an exception while serving a command; the connection ends with it."""
        if isinstance(error, asyncio.IncompleteReadError):
            self._hang_up()  # the client half-closed, and all that it had sent is served
        elif isinstance(error, TLSSetupException):
            self._record.handshake_failed(error.__cause__)
        elif isinstance(error, OSError):
            self._hang_up()
        else:
            self._record.failed(error)
        return "421 4.3.0 local error, closing the connection"

    async def smtp_AUTH(self, arg: str) -> None:  # noqa: N802 (aiosmtpd finds commands by name)
        """AUTH, with the mechanism in any case."""
        mechanism, space, rest = (arg or "").partition(" ")
        await super().smtp_AUTH(mechanism.upper() + space + rest)

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        """DATA, from its 354 to the judge's answer."""
        if await self.check_helo_needed():
            return
        assert self.envelope is not None
        if not self.envelope.rcpt_tos:
            await self.push("503 5.5.1 RCPT first")
            return
        if arg:
            await self.push("501 5.5.4 Syntax: DATA")
            return
        await self.push("354 Go ahead")
        content = await read_message(self._reader, self._record.judge.max_body)
        if content is None:
            await self.push("552 Error: the message is too large")
        else:
            self.envelope.content = self.envelope.original_content = content
            await self.push(await self._call_handler_hook("DATA"))
        self.envelope = self._create_envelope()

    async def smtp_STARTTLS(self, arg: str) -> None:  # noqa: N802
        """STARTTLS, once. A client that vanishes in the handshake ends the session; aiosmtpd would take it for success."""
        if self._record.tls:
            await self.push("503 5.5.1 TLS is active already")
            return
        await super().smtp_STARTTLS(arg)
        if self._tls_protocol is None:
            return  # refused for its syntax
        if self.session is None or self.session.ssl is None:
            raise TLSSetupException
        self._record.tls = True
        self._record.helo = ""

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        try:
            return super()._getaddr(arg)
        except (IndexError, ValueError, AttributeError):  # the standard library's parser, at odd ends of its input
            return None, None

    def cut(self) -> None:
        """Break the connection with a reset, as a fault asks for."""
        if self.transport is None:
            return
        assert isinstance(self.transport, asyncio.WriteTransport)
        reset_transport(self.transport)

    def wind_up(self) -> None:
        """The process stops: say so (RFC 5321, section 3.8), unless a mail is under way."""
        under_way = self.envelope is not None and self.envelope.mail_from is not None
        if not under_way and isinstance(self.transport, asyncio.Transport):
            self.transport.write(b"421 4.3.2 Service shutting down\r\n")
            self._hang_up()

    def accept_login(self, login: bytes) -> AuthResult:
        """Anybody may in: the name is kept for the ledger, a password goes nowhere."""
        self._record.user = clean(login.decode("utf-8", "replace"))[:MAX_USER]
        return AuthResult(success=True)

    def _hang_up(self) -> None:
        if self.transport is not None:
            self.transport.close()
        if self._handler_coroutine is not None:
            self._handler_coroutine.cancel()

    def _authenticated(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, auth_data: Any
    ) -> AuthResult:
        del server, session, envelope, mechanism
        return self.accept_login(auth_data.login if isinstance(auth_data, LoginPassword) else b"")

    def _clean_only(self, method: Callable[[Any], Awaitable[None]]) -> Callable[[Any], Awaitable[None]]:
        async def guarded(arg: Any) -> None:
            if arg is not None and _UNCLEAN.search(arg):
                await self.push("501 5.5.2 Control or invalid bytes in a command")
            else:
                await method(arg)

        # HELP reads these off the methods
        guarded.__dict__.update(getattr(method, "__dict__", {}))
        return guarded
