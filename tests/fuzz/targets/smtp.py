"""An SMTP session (`capture/smtp`): any bytes in any pieces.

Nothing escapes; every reply is lines of SMTP's form; a message that was accepted is a call and each call a message's
or the session's; and the same bytes whole and cut are the same calls.

The first byte says how the rest is cut.
"""

import asyncio
import logging
import re
from typing import Any

from childproof.capture.destination import Destination, Ingress
from childproof.capture.smtp.record import Record
from childproof.capture.smtp.server import SmtpServer
from childproof.model import Call
from tests.fuzz.fakes import MAX_BODY, Judge, Transport, pieces

_LOOP = asyncio.new_event_loop()
_LINES = re.compile(rb"(?:\d{3}[ -][^\x00\r\n]{0,512}\r\n)*")
_TURNS = 200  # of the loop: more than any input has commands waiting

for _name in ("childproof.capture.smtp.record", "mail.log", "asyncio"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)


class _Session:
    def __init__(self) -> None:
        self.judge = Judge()
        self.transport = Transport()
        self.record = Record(Ingress("main", "box"), Destination("smtp.example", 25, "198.18.0.1"), self.judge)
        self.ended = 0


async def _session(data: bytes, seed: int) -> _Session:
    session = _Session()
    loop = asyncio.get_running_loop()
    escaped: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _loop, context: escaped.append(context))

    def over() -> None:
        session.ended += 1

    server = SmtpServer(session.record, tls_context=None, auth_before_tls=True, on_close=over, loop=loop)
    server.connection_made(session.transport)
    task = server._handler_coroutine
    for piece in pieces(data, seed):
        if session.transport.closed:
            break
        server.data_received(piece)
        await asyncio.sleep(0)
    if not session.transport.closed:
        server.eof_received()
    for _ in range(_TURNS):
        if task is None or task.done():
            break
        await asyncio.sleep(0)
    else:
        # whoever waits for a line that never comes: the end of the stream must have ended it
        assert session.transport.closed, "the session goes on after its end"
    server.connection_lost(None)
    if task is not None and not task.done():
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert not escaped, escaped
    assert session.ended == 1
    return session


def _gist(call: Call) -> tuple[Any, ...]:
    envelope = call.envelope
    assert envelope is not None
    kind = call.violation.kind if call.violation else ""
    return kind, call.method, envelope.sender, envelope.recipients, envelope.helo, envelope.user, call.body


def check(data: bytes) -> None:
    """Whole and cut."""
    if not data:
        return
    whole, cut = (_LOOP.run_until_complete(_session(data[1:], seed)) for seed in (0, data[0] or 1))
    for session in (whole, cut):
        written = bytes(session.transport.written)
        assert _LINES.fullmatch(written), written
        accepted = len(re.findall(rb"^250 2\.0\.0 OK call_", written, re.MULTILINE))
        messages = [call for call in session.judge.calls if call.method == "MESSAGE" and call.violation is None]
        assert accepted == len(messages), (accepted, messages)
        assert session.judge.calls
        for call in session.judge.calls:
            assert len(call.body) <= MAX_BODY
            assert call.violation is None or call.violation.kind != "internal", call.violation
    assert list(map(_gist, whole.judge.calls)) == list(map(_gist, cut.judge.calls))
