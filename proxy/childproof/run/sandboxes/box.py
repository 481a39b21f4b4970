"""One sandbox as a value: its world, where it listens, how long it lives; and the parts that it is made of."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from childproof.capture.binding import bind
from childproof.capture.destination import Ingress
from childproof.capture.webhooks import Connect
from childproof.control import messages_sandboxes as messages
from childproof.control.problems import Mistake, Problem
from childproof.ledger import timestamp
from childproof.sandbox.envmode import proxy_variables
from childproof.sandbox.trust import trust

if TYPE_CHECKING:
    from childproof.run.doors import Doors

LOOPBACK = "127.0.0.1"
WAITING, SERVING = "waiting", "serving"  # what a sealed one does


@dataclass(slots=True, eq=False)
class Box:
    """One sandbox. `deadline` is of the loop's clock, `position` the ledger's when it was made."""

    id: str
    world: str
    made: bool
    ttl: int
    created: int
    position: int
    deadline: float = 0.0
    expires: int = 0
    ingresses: list[Ingress] = field(default_factory=list)
    ports: list[int] = field(default_factory=list)
    sockets: int = 0  # that it takes of the process's descriptors, its connections not counted
    proxy: str = ""
    http: bool = False
    socks: bool = False
    stubs: dict[str, str] = field(default_factory=dict)
    sealed: str | None = None
    secret: str = field(default="", repr=False)
    doors: "Doors | None" = None
    connect: Connect | None = None
    over: Callable[[], None] | None = None

    def told(self) -> messages.Sandbox:
        """It as the API tells of it."""
        return messages.Sandbox(**self.values())

    def values(self) -> dict[str, Any]:
        """The same, by the message's fields."""
        return {
            "id": self.id, "world": self.world, "made": self.made,
            "http": self.proxy if self.http else None, "socks": self.proxy if self.socks else None,
            "stubs": dict(self.stubs), "sealed": self.sealed,
            "created": timestamp(self.created), "expires": timestamp(self.expires), "ttl": self.ttl,
        }  # fmt: skip


class Bound(contextlib.AbstractContextManager["Bound"]):
    """A port of the loopback, 0 for any, whose sockets are closed where the block raises. Raises Problem where it can't be had."""

    def __init__(self, port: int = 0) -> None:
        try:
            self.sockets = bind(LOOPBACK, port, "tcp")
        except OSError as error:
            if port:
                found, expected = f"port {port}: {error.strerror}", "a free port, or none for any"
                mistakes = [Mistake("/listen/port", found, expected)]
                raise Problem(409, "port", f"{found}; nothing was made", mistakes=mistakes) from None
            raise Problem(429, "too_many", f"no port could be opened: {error.strerror}; nothing was made") from None

    def __exit__(self, *_: object) -> None:
        for sock in self.sockets:
            sock.close()


def environment(box: Box) -> dict[str, str]:
    """Variables for clients, with `{ca}` and `{bundle}` for what only the client knows."""
    trusted = trust.variables("{ca}", "{bundle}")
    if box.http:
        return {**trusted, **proxy_variables(f"http://{box.proxy}")}
    if box.socks:
        url = f"socks5h://{box.proxy}"
        return {**trusted, "ALL_PROXY": url, "all_proxy": url}
    return {}
