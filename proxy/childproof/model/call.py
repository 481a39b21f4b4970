"""A call: one outbound attempt, whatever the protocol."""

from dataclasses import dataclass, field
from enum import StrEnum

import msgspec


class Protocol(StrEnum):
    """What a call speaks, as far as rules can tell."""

    HTTP = "http"
    SMTP = "smtp"
    DNS = "dns"
    TCP = "tcp"
    UDP = "udp"
    WEBSOCKET = "websocket"  # one message of a conversation whose upgrade was judged as HTTP: recorded, never judged
    IP = "ip"  # ICMP, SCTP and the rest, by name in `method`: refused by the kernel, so never judged, only recorded


class Violation(msgspec.Struct, frozen=True):
    """Why a call can't be judged by rules at all; the engine denies it without asking them.

    `kind` is a short name for machines: `host_mismatch`, `bad_host`, `malformed`, `body_too_large`, `unsupported`.
    `status` is the protocol's own code for the refusal (0: the usual one for denials).
    """

    kind: str
    reason: str
    status: int = 0


class Envelope(msgspec.Struct, frozen=True):
    """What an SMTP client said around a message (RFC 5321). The message itself is the call's `body`."""

    sender: str
    recipients: tuple[str, ...]
    helo: str = ""
    user: str = ""  # the name given to AUTH; the password is never kept
    tls: bool = False
    service: str = ""  # the stub that sent it; "" for what a sandbox sent by itself


@dataclass(frozen=True, slots=True)
class Call:
    """One outbound attempt as the capture layer saw it.

    `host` is normalised and is the one the bytes would reach; `address` is the address that the client dialled, where
    one is known. For HTTP, `path` is the raw path without the query, `query` the raw query without `?`, and `headers`
    keep their order and spelling. For DNS, `host` is the name asked for and `method` the record type (`A`, `TXT`).
    `world` and `sandbox` come from the listener, never from the client, and so does `stub`: the stub at whose own address
    the call came in, which answers it whatever the Host header says.
    """

    protocol: Protocol
    host: str
    port: int
    world: str = "main"
    sandbox: str = ""
    method: str = ""
    scheme: str = ""
    path: str = ""
    query: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    address: str = ""
    tls: bool = False
    http_version: str = ""
    envelope: Envelope | None = None
    violation: Violation | None = None
    upgrade: str = ""  # `websocket` where the request asks, in good form, to become one
    stub: str = ""
    _first: dict[str, str] | None = field(default=None, init=False, repr=False, compare=False)  # see `header`

    def header(self, name: str) -> str | None:
        """The first value of a header, whatever its case; None where it is missing."""
        first = self._first
        if first is None:  # every call is asked several times: folded once
            first = {key.lower(): value for key, value in reversed(self.headers)}
            object.__setattr__(self, "_first", first)
        return first.get(name.lower())

    @property
    def target(self) -> str:
        """The call in one line, as people write it: `POST https://api.stripe.com/v1/charges`, `TCP 203.0.113.7:4444`."""
        place = f"[{self.host}]" if ":" in self.host else self.host
        match self.protocol:
            case Protocol.HTTP | Protocol.WEBSOCKET:
                default = 443 if self.scheme in ("https", "wss") else 80
                port = "" if self.port == default else f":{self.port}"
                # A target that is no path (`OPTIONS *`, a nested CONNECT) must not read as a part of the host.
                path = self.path if self.path.startswith("/") or not self.path else f" {self.path}"
                return f"{self.method} {self.scheme}://{place}{port}{path}"
            case Protocol.DNS:
                return f"DNS {self.method} {self.host}"
            case Protocol.IP:
                return f"{self.method.upper()} {place}"
            case _:
                return f"{self.protocol.upper()} {place}:{self.port}"
