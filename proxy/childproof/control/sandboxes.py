"""Sandboxes over the API: make, list, renew, delete. Who opens their listeners is somebody else (`Host`)."""

from typing import Protocol

from . import messages_sandboxes as messages
from .operation import Answer, Asked, Operation
from .problems import not_found

_UNKNOWN = "no such sandbox: deleted, or expired"


class Host(Protocol):
    """Who makes sandboxes. Every refusal is a Problem or another ChildproofError, and nothing has changed then."""

    async def create(self, wanted: messages.NewSandbox) -> messages.MadeSandbox:
        """Make one, all of it or nothing."""
        ...

    def all(self) -> list[messages.Sandbox]:
        """All of them, the oldest first."""
        ...

    def get(self, sandbox: str) -> messages.Sandbox:
        """One of them. Raises LookupError."""
        ...

    def renew(self, sandbox: str, ttl: int | None) -> messages.Sandbox:
        """Let it live on. Raises LookupError."""
        ...

    async def delete(self, sandbox: str, *, keep: bool) -> messages.DeletedSandbox:
        """End it, its connections, and its world where that was made for it. Raises LookupError."""
        ...

    def report(self, sandbox: str, query: messages.ReportQuery) -> messages.SandboxReport:
        """What came of its calls. Raises LookupError."""
        ...


class Sandboxes:
    """The operations, over a host."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def operations(self) -> list[Operation]:
        """Their table."""
        unknown = {404: _UNKNOWN}
        return [
            Operation("GET", "/v1/sandboxes", "listSandboxes", "All sandboxes", self.list, answer=messages.Sandboxes,
                      gives={"sandbox": "$response.body#/sandboxes/0/id"}, about="The oldest first."),
            Operation(
                "POST", "/v1/sandboxes", "createSandbox", "A world and listeners that lead to it, in one step", self.create,
                body=messages.NewSandbox, answer=messages.MadeSandbox, status=201,
                problems={404: "no such world", 409: "the world's name or the port is taken, or no unix socket to hand a sealed one over", 429: "there are too many"},
                gives={"sandbox": "$response.body#/id", "world": "$response.body#/world"}, sends={"Location": "its path in this API"},
                about="`world` alone joins one that is there; with `from` it is a fork, without both an empty one. The world that is "
                "made for it is deleted with it, after `ttl` seconds at the latest.",
            ),
            Operation(
                "GET", "/v1/sandboxes/{sandbox}", "getSandbox", "One sandbox", self.get,
                answer=messages.Sandbox, problems=unknown, gives={"world": "$response.body#/world"},
                about="Its addresses, its world, and when it expires.",
            ),
            Operation(
                "DELETE", "/v1/sandboxes/{sandbox}", "deleteSandbox", "Close it, and delete the world that was made for it",
                self.delete, query=messages.SandboxQuery, answer=messages.DeletedSandbox, problems=unknown,
                about="Listeners and connections are closed at once. `keep=true` leaves the world.",
            ),
            Operation(
                "POST", "/v1/sandboxes/{sandbox}/renew", "renewSandbox", "Let it live for a while from now", self.renew,
                body=messages.Renewal, answer=messages.Sandbox, problems=unknown,
                about="For `ttl` seconds; without it for as long as it was made for.",
            ),
            Operation(
                "GET", "/v1/sandboxes/{sandbox}/report", "reportSandbox", "What came of its calls so far", self.report,
                query=messages.ReportQuery, answer=messages.SandboxReport, problems=unknown,
                about="As JSON, and as the text that `childproof run` ends with.",
            ),
        ]  # fmt: skip

    def list(self, asked: Asked) -> messages.Sandboxes:  # noqa: ARG002 (all operations take it)
        """GET /v1/sandboxes."""
        return messages.Sandboxes(self._host.all())

    async def create(self, asked: Asked) -> Answer:
        """POST /v1/sandboxes."""
        made = await self._host.create(asked.body)
        return Answer(made, headers=(("location", f"/v1/sandboxes/{made.id}"),))

    def get(self, asked: Asked) -> messages.Sandbox:
        """GET /v1/sandboxes/{sandbox}."""
        return self._host.get(self._known(asked))

    async def delete(self, asked: Asked) -> messages.DeletedSandbox:
        """DELETE /v1/sandboxes/{sandbox}."""
        return await self._host.delete(self._known(asked), keep=asked.query.keep)

    def renew(self, asked: Asked) -> messages.Sandbox:
        """POST /v1/sandboxes/{sandbox}/renew."""
        return self._host.renew(self._known(asked), asked.body.ttl)

    def report(self, asked: Asked) -> messages.SandboxReport:
        """GET /v1/sandboxes/{sandbox}/report."""
        return self._host.report(self._known(asked), asked.query)

    def _known(self, asked: Asked) -> str:
        """The sandbox that a path names, for whatever is done at once: nothing else runs in between. Raises Problem."""
        sandbox = asked.path["sandbox"]
        try:
            self._host.get(sandbox)
        except LookupError:
            raise not_found("sandbox", sandbox, "GET /v1/sandboxes lists them") from None
        return sandbox
