"""Sandboxes: a world and the listeners that lead to it, for as long as somebody wants them."""

from collections.abc import Mapping
from typing import Any

from childproof.control import messages_sandboxes as messages

from .asking import Asking, asked, below, given

__tracebackhide__ = True
_ALL = "/v1/sandboxes"


class Sandboxes(Asking):
    """The operations on sandboxes. `NotFoundError` is raised for one that was deleted, or whose time was over."""

    def sandboxes(self) -> list[messages.Sandbox]:
        """Those that there are, the oldest first."""
        return self._ask("GET", _ALL, messages.Sandboxes).sandboxes

    def create_sandbox(
        self,
        *,
        world: str | None = None,
        from_: str | None = None,
        at: str | int | None = None,
        seed: int | None = None,
        clock: str | None = None,
        rules: str | None = None,
        ttl: int | None = None,
        listen: Mapping[str, Any] | None = None,
        sealed: bool = False,
    ) -> messages.MadeSandbox:
        """A sandbox in a world of its own, or in `world`, if that is there: its listeners, certificates and variables.

        `rules` is a rule file's text, `ttl` seconds until it is deleted, if nobody renews it (3600); `listen` says which
        listeners: `http`, `socks`, `port`, `stubs` (docs/many.md). All of it is made, or nothing. Raises NotFoundError for a
        world that isn't there, ConflictError for a name or port that is taken, InvalidError for faults, TooManyError.
        """
        wanted = given(world=world, from_=from_, at=at, seed=seed, clock=clock, rules=rules, ttl=ttl, listen=listen)
        return self._ask("POST", _ALL, messages.MadeSandbox, {**wanted, "sealed": sealed})

    def sandbox(self, id: str) -> messages.Sandbox:  # noqa: A002 (what it is)
        """One sandbox."""
        return self._ask("GET", below(_ALL, id), messages.Sandbox)

    def renew(self, id: str, *, ttl: int | None = None) -> messages.Sandbox:  # noqa: A002 (what it is)
        """Let a sandbox live for so many seconds from now, by default for its time to live again."""
        return self._ask("POST", f"{below(_ALL, id)}/renew", messages.Sandbox, given(ttl=ttl))

    def delete_sandbox(self, id: str, *, keep: bool = False) -> messages.DeletedSandbox:  # noqa: A002 (what it is)
        """Close a sandbox's listeners and connections; its world goes with it, if it made it, but for `keep`."""
        return self._ask("DELETE", asked(below(_ALL, id), keep=keep), messages.DeletedSandbox)

    def report_sandbox(
        self,
        id: str,  # noqa: A002 (what it is)
        *,
        width: int | None = None,
        colours: bool = False,
        server: str | None = None,
    ) -> messages.SandboxReport:
        """What a sandbox's calls came to: `report` as `--report json` has it, the same as `text`, and what is `incomplete`.

        The text has lines of `width` columns, and names the API as `server` where it says what to type next.
        """
        path = f"{below(_ALL, id)}/report"
        return self._ask("GET", asked(path, width=width, colours=colours, server=server), messages.SandboxReport)
