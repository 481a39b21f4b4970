"""What aiosmtpd asks in the course of a session: greetings, a login mechanism, and the message itself."""

import asyncio
import base64
import binascii
import contextlib
import re
from typing import TYPE_CHECKING, Any

from aiosmtpd.smtp import MISSING, AuthResult, Envelope, Session

from childproof.model import NO_UPSTREAM

from .record import Record
from .replies import clean, render

if TYPE_CHECKING:
    from .server import SmtpServer

_XOAUTH2 = re.compile(rb"user=([^\x01]*)\x01")


class Hooks:
    """What aiosmtpd asks in the course of a session."""

    def __init__(self, record: Record) -> None:
        self._record = record

    async def handle_HELO(self, server: "SmtpServer", session: Session, envelope: Envelope, hostname: str) -> str:  # noqa: N802
        """The plain greeting (RFC 5321, section 4.1.1.1)."""
        del envelope
        session.host_name = self._record.helo = clean(hostname)
        return f"250 {server.hostname}"

    async def handle_EHLO(  # noqa: N802
        self, server: "SmtpServer", session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        """The extensions, in the shape that providers have them."""
        del envelope
        session.host_name = self._record.helo = clean(hostname)
        offered = [line[4:] for line in responses[1:]]
        offered = [line for line in offered if line != "HELP"] + ["ENHANCEDSTATUSCODES", "PIPELINING"]
        lines = [f"{server.hostname} at your service", *offered]
        return [f"250-{line}" for line in lines[:-1]] + [f"250 {lines[-1]}"]

    async def auth_XOAUTH2(self, server: "SmtpServer", args: list[str]) -> AuthResult:  # noqa: N802
        """Google's and Microsoft's mechanism: `user=…^Aauth=Bearer …^A^A`. Only the name is read."""
        blob: Any = MISSING
        if len(args) > 1:
            with contextlib.suppress(binascii.Error, ValueError):
                blob = base64.b64decode(args[1], validate=True)
            if blob is MISSING:
                await server.push("501 5.5.2 Can't decode base64")
        else:
            blob = await server.challenge_auth("")
        if blob is MISSING:
            return AuthResult(success=False)
        found = _XOAUTH2.match(blob)
        return server.accept_login(found[1] if found else b"")

    async def handle_DATA(self, server: "SmtpServer", session: Session, envelope: Envelope) -> str:  # noqa: N802
        """The whole message is here: one call."""
        del session
        content = envelope.original_content or b""
        sender = "" if envelope.mail_from == "<>" else envelope.mail_from or ""
        outcome = self._record.message(sender, tuple(envelope.rcpt_tos), content)
        if outcome.delay > 0:
            await asyncio.sleep(outcome.delay)
        if outcome.fault == "reset":
            server.cut()
        if outcome.fault:
            await asyncio.get_running_loop().create_future()  # no answer: until the client or the timeout ends it
        if outcome.forward is not None:
            # Policy refuses `allow` for SMTP at load: passing a message on would need the password that is never kept.
            reason = "mail is never passed on"
            self._record.judge.settle(outcome, NO_UPSTREAM, None, reason)
            return f"550 5.7.1 childproof: {reason}"
        return render(outcome)
