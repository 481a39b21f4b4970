"""What goes back to the sandbox, and what the capture layer is told to do."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from .secret import Injection
from .stream import Stream, Talk
from .verdict import Verdict


class Reply(msgspec.Struct, frozen=True):
    """An answer in the call's own protocol.

    HTTP: `status`, `headers`, `body`. SMTP: `status` is the reply code and `body` its text. DNS: `status` is the
    response code (RFC 1035; 0 with our own address, 3 NXDOMAIN). TCP and UDP have no answer but the refusal.

    `stream` is what comes after the head where the reply goes on (`body` is empty then, until it is told what was sent).
    `size` is the length of the whole where `body` is only the beginning of it that was kept for the record.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    stream: Stream | Talk[Any] | None = None
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Forward:
    """Permission to dial upstream for one call: this host, this port, and of its addresses only those allowed.

    `networks` are ranges (CIDR) that the rule names, besides what is globally reachable. `refused` are ranges that
    rules above it deny: not to be dialled whatever the host's name resolves to. `secrets` are put into the request as
    it leaves. `reply` (bytes) and `within` (seconds) bound the reply; None where nothing does. `screen` says of a message
    of an allowed WebSocket why it must not leave, "" where it may.
    """

    host: str
    port: int
    networks: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    secrets: tuple[Injection, ...] = field(default=(), compare=False, repr=False)
    reply: int | None = field(default=None, compare=False)
    within: float | None = field(default=None, compare=False)
    screen: Callable[[bytes], str] | None = field(default=None, compare=False, repr=False)


class Outcome(msgspec.Struct, frozen=True):
    """What `Engine.handle` decided.

    `reply` is None when the call is to be forwarded (`forward` is set then, and only then) or when `fault` breaks the
    connection instead of answering. `delay` is in seconds, to be waited before anything is sent.
    """

    call_id: str
    verdict: Verdict
    reply: Reply | None = None
    forward: Forward | None = None
    delay: float = 0.0
    fault: Literal["", "reset", "timeout"] = ""


def header(headers: tuple[tuple[str, str], ...], name: str) -> str | None:
    """The first value of a header, whatever its case; None where it is missing."""
    wanted = name.lower()
    return next((value for key, value in headers if key.lower() == wanted), None)
