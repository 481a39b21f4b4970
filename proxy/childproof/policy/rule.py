"""What a rule is once it is compiled: frozen values, every text in its one canonical spelling."""

import ipaddress
from typing import Literal

import msgspec

from childproof.model import Action, Part, Protocol, Reply

from .allow import NOTHING_SAID, Allow
from .condition import Condition
from .glob import PathGlob
from .limit import Limit

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class RuleFault(msgspec.Struct, frozen=True):
    """What breaks the answer to a share of the calls. `status` is the reply's where the kind is `status`."""

    kind: Literal["reset", "timeout", "status"]
    status: int = 503
    rate: float = 1.0


class Delay(msgspec.Struct, frozen=True):
    """How long to wait before answering, in milliseconds; drawn evenly where the two differ."""

    min_ms: int
    max_ms: int


class Named(msgspec.Struct, frozen=True):
    """A query parameter or a header (lower case) whose value must fit one of the globs."""

    name: str
    globs: tuple[str, ...]


class Match(msgspec.Struct, frozen=True):
    """What a call must be. An empty tuple means that the rule doesn't ask."""

    protocols: tuple[Protocol, ...] = (Protocol.HTTP,)
    hosts: tuple[str, ...] = ()
    networks: tuple[Network, ...] = ()
    ports: tuple[range, ...] = ()
    methods: tuple[str, ...] = ()
    paths: tuple[PathGlob, ...] = ()
    query: tuple[Named, ...] = ()
    headers: tuple[Named, ...] = ()
    senders: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()


class Rule(msgspec.Struct, frozen=True):
    """One compiled rule.

    `networks` are the ranges (CIDR) besides public addresses that an `allow` names, as the dialler takes them. A rule that isn't
    enforced only tells what it would have denied.
    """

    name: str
    action: Action
    match: Match = msgspec.field(default_factory=Match)
    condition: Condition | None = None
    stub: str | None = None
    reply: Reply | None = None
    parts: tuple[Part, ...] = ()  # the reply's body where it comes piece by piece
    reason: str = ""
    networks: tuple[str, ...] = ()
    allow: Allow = NOTHING_SAID
    limits: tuple[Limit, ...] = ()
    fault: RuleFault | None = None
    delay: Delay | None = None
    enforce: bool = True

    @property
    def narrow(self) -> bool:
        """Whether every reading of an ambiguous call must fit (`allow`), rather than any one (all others).

        What an `allow` misses is denied; what a `deny`, `stub` or `reply` misses might meet an `allow` further down.
        """
        return self.action is Action.ALLOW
