"""Where a connection comes from and where it wanted to go: known before its first byte is read."""

from typing import Protocol

import msgspec

from childproof.model import Call, Outcome, Reply, Upstream

UNKNOWN = "unknown.invalid"  # the host where nobody knows it: nobody's name, ever (RFC 6761, section 6.4)


class Ingress(msgspec.Struct, frozen=True):
    """The listener's side: which world and which sandbox. Never taken from anything the client says.

    `stub` is the stub whose own address the listener is: whatever comes in there is a call of its service. `names` are those
    that it may be called by besides what no outsider can name, with commas between them; any where it is empty.
    """

    world: str
    sandbox: str = ""
    stub: str = ""
    names: str = ""


class Destination(msgspec.Struct, frozen=True):
    """The far side as the client dialled it: a normalised host, the port, and the address if one was dialled.

    In a sealed sandbox `host` is the name our DNS tied to `address`, or `address` itself where none was.
    """

    host: str
    port: int
    address: str = ""


class Judge(Protocol):
    """What capture needs of the engine; tests put their own in its place."""

    @property
    def max_body(self) -> int:
        """The largest request body in bytes that is judged; anything above is refused."""
        ...

    def handle(self, call: Call) -> Outcome:
        """Judge and answer one call. Never raises."""
        ...

    def settle(self, outcome: Outcome, upstream: Upstream, reply: Reply | None, error: str = "") -> None:
        """Complete the record of a call that was forwarded."""
        ...

    def may_allow(self, world: str, host: str, port: int) -> bool:
        """Whether any rule could let an HTTP call to this host through; False chooses the path without upstream."""
        ...
