"""The gate: no upstream connection without a permission, which only the judge's `allow` for one call gives.

One gate per client connection. It also keeps the books: every byte on an upstream connection is attributed to
exactly one call, the one that settles next, so that the figures of all calls add up to what left the machine.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from mitmproxy import http
from mitmproxy.connection import Server

from childproof.capture.destination import Judge
from childproof.capture.dialer import Dialed
from childproof.model import Forward, Outcome, Reply, Upstream

Dial = Callable[[Forward], Awaitable[Dialed]]
_KEY = "childproof"


@dataclass(slots=True, eq=False)
class Permission:
    """One allowed call. `used` once it has acquired a connection: a permission is good for one."""

    outcome: Outcome
    forward: Forward
    server: Server | None = None
    used: bool = False
    settled: bool = False
    secrets: list[str] = field(default_factory=list, repr=False)  # the values that its reply is searched for


@dataclass(slots=True)
class _Meter:
    forward: Forward
    permission: Permission
    spent: Upstream = field(default_factory=Upstream)


class Gate:
    """Permissions and upstream figures of one client connection."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._open: list[Permission] = []
        self._meters: dict[Server, _Meter] = {}

    def grant(self, flow: http.HTTPFlow, outcome: Outcome) -> Permission:
        """Let this flow's call through, as its outcome says."""
        assert outcome.forward is not None
        permission = Permission(outcome, outcome.forward)
        flow.metadata[_KEY] = permission
        self._open.append(permission)
        return permission

    def permission(self, flow: http.HTTPFlow) -> Permission | None:
        """The flow's permission, if it has one that belongs to this connection."""
        found = flow.metadata.get(_KEY)
        return found if isinstance(found, Permission) and found.outcome.forward is found.forward else None

    def revoke(self, flow: http.HTTPFlow) -> None:
        """Take the flow's permission back. What was already dialled is up to the caller."""
        flow.metadata.pop(_KEY, None)

    def take(self, flow: http.HTTPFlow) -> Permission | None:
        """The permission to acquire a connection for this flow now, once, to exactly the host and port judged."""
        permission = self.permission(flow)
        if permission is None or permission.used or permission.settled or permission not in self._open:
            return None
        if (flow.request.host, flow.request.port) != (permission.forward.host, permission.forward.port):
            return None
        permission.used = True
        return permission

    def bind(self, server: Server, permission: Permission) -> None:
        """This new upstream connection is opened under that permission."""
        self._meters[server] = _Meter(permission.forward, permission)

    def forward_of(self, server: Server) -> Forward | None:
        """Where this upstream connection may be dialled; None is a refusal."""
        meter = self._meters.get(server)
        return meter.forward if meter is not None else None

    def add(self, server: Server, upstream: Upstream) -> None:
        """Account for something that happened on an upstream connection."""
        meter = self._meters.get(server)
        if meter is not None:
            meter.spent = Upstream(
                meter.spent.dns + upstream.dns,
                meter.spent.connections + upstream.connections,
                meter.spent.bytes_out + upstream.bytes_out,
                meter.spent.bytes_in + upstream.bytes_in,
            )

    def settle(self, permission: Permission, reply: Reply | None, error: str = "") -> None:
        """Complete the call's record, once, with everything spent on its connection since the last settlement."""
        if permission.settled:
            return
        permission.settled = True
        self._open = [other for other in self._open if other is not permission]
        spent = Upstream()
        for server, meter in self._meters.items():
            if server is permission.server or meter.permission is permission:
                spent = Upstream(
                    spent.dns + meter.spent.dns,
                    spent.connections + meter.spent.connections,
                    spent.bytes_out + meter.spent.bytes_out,
                    spent.bytes_in + meter.spent.bytes_in,
                )
                meter.spent = Upstream()
        self._judge.settle(permission.outcome, spent, reply, error)

    def close(self) -> None:
        """The client's connection is over: whatever was still open is settled as broken off."""
        for permission in list(self._open):
            self.settle(permission, None, "the connection ended before the reply was complete")
