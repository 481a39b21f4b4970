"""A world for one test, and the ways into it: variables for clients of this process, and commands that run sealed."""

import contextlib
import itertools
import os
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

import msgspec

from childproof.client import ControlError
from childproof.client.sealed import run_sealed
from childproof.errors import SandboxError

from .calls import Call, chosen
from .hiding import raised_on_purpose
from .link import UnfitError
from .options import Options
from .sealing import why_unsealed
from .server import Server, shared
from .world import World

if TYPE_CHECKING:
    from childproof.control.messages_sandboxes import MadeSandbox

__tracebackhide__ = raised_on_purpose
_numbers = itertools.count(1)
_lock = threading.Lock()
_TTL = 86_400  # seconds; it is gone with the server long before


class Ran(msgspec.Struct, frozen=True):
    """A command that has run sealed. `code` is its exit code, or 128 and the signal's number; `calls` are those it made."""

    code: int
    stdout: str
    stderr: str
    calls: list[Call]


class Box:
    """A fresh world. `env` leads clients into it, `run` runs a command that has no other way out. Use `with`."""

    def __init__(self, wanted: Options, name: str = "sandbox") -> None:
        self.server: Server = shared(wanted.stubs)
        client = self.server.client
        base = _base(self.server, wanted)
        made = client.fork(
            base, f"{re.sub(r'[^A-Za-z0-9_.-]+', '-', name).strip('-.')[:80] or 'test'}-{next(_numbers)}"
        )
        self.world = World(client, made.name, made.base)
        self._sandbox: MadeSandbox | None = None
        self._env: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"<sandbox of {self.world!r}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def env(self) -> dict[str, str]:
        """Variables that lead clients of this machine into the world: its proxy, and certificates to trust."""
        if self._sandbox is None:
            self._open()
        return dict(self._env)

    def _open(self, port: int | None = None) -> None:
        listen = {"http": True} if port is None else {"http": True, "port": port}
        self._sandbox = made = self.server.client.create_sandbox(world=self.world.name, ttl=_TTL, listen=listen)
        self._env = self.server.environment(made)

    @property
    def proxy(self) -> str:
        """The URL of its HTTP proxy, for clients that read no variable."""
        return self.env["HTTPS_PROXY"]

    @property
    def ca(self) -> Path:
        """A file with the machine's certificate authorities and ours, for such clients."""
        return Path(self.env["SSL_CERT_FILE"])

    @contextlib.contextmanager
    def intercepting(self) -> Iterator[World]:
        """While it lasts, this process's clients are led into the world; then all is as it was.

        That concerns the whole process: what other threads do meanwhile is led there too. One world after the other is at
        the same port, so that a client that outlives a test is led on into the next one's.
        """
        if self._sandbox is None:
            self._open_where_others_were()
        from .leading import Way, led  # noqa: PLC0415 (ssl and smtplib, for those who intercept)

        given = self.env
        with led(Way(given, given["NODE_EXTRA_CA_CERTS"], given["HTTPS_PROXY"])):
            yield self.world

    def _open_where_others_were(self) -> None:
        try:
            self._open(self.server.port)
        except ControlError as error:
            if error.kind != "port":
                raise
            self._open()  # another thread's clients are there now
        assert self._sandbox is not None
        if self.server.port is None:
            self.server.port = int((self._sandbox.http or "").rpartition(":")[2])

    def run(
        self,
        command: Sequence[str | os.PathLike[str]],
        *,
        input: str | None = None,  # noqa: A002 (as subprocess has it)
        cwd: str | os.PathLike[str] | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Ran:
        """Run a command sealed in this world. `env` is added to this process's environment.

        Raises subprocess.TimeoutExpired, SandboxError where the machine can't seal.
        """
        before = len(self.world.all_calls())
        ours = self._env.items()
        environ = {name: value for name, value in os.environ.items() if (name, value) not in ours}
        done = run_sealed(
            self.server.client, command, world=self.world.name, input=input, cwd=cwd, env={**environ, **(env or {})}, timeout=timeout,
        )  # fmt: skip
        if done.returncode == SandboxError.exit_code and (reason := why_unsealed()):
            raise SandboxError(reason)
        calls = chosen(self.world.all_calls()[before:])
        return Ran(done.returncode, done.stdout, done.stderr, calls)

    def close(self) -> None:
        """Close its listener and throw its world away."""
        if not self.server.alive:
            return
        with contextlib.suppress(ControlError):  # the test may have deleted it
            if self._sandbox is not None:
                self.server.client.delete_sandbox(self._sandbox.id)
            self.world.delete()
        self.server.client.closed.add(self.world.name)


def _base(server: Server, wanted: Options) -> str:
    """The world that those of this kind are forked from, made by the first who asks."""
    with _lock:
        if wanted not in server.bases:
            client, name = server.client, wanted.name
            try:
                if wanted.from_ is not None:
                    client.import_(wanted.from_, name=name)
                else:
                    client.create(name, seed=wanted.seed, clock=wanted.clock, file=wanted.file)
                rules = server.own_rules if wanted.rules is None else wanted.rules
                if rules is not None:
                    client.put_rules(rules, etag="*", world=name)
            except ControlError as error:
                with contextlib.suppress(ControlError):
                    client.delete(name)
                raise UnfitError(wanted.worded(error)) from None
            server.bases[wanted] = name
        return server.bases[wanted]
