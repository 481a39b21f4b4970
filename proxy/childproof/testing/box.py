"""A world for one test, and the ways into it: variables for clients of this process, and commands that run sealed."""

import contextlib
import itertools
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from childproof.client import ControlError
from childproof.errors import ChildproofError

from .calls import Call, chosen
from .options import Options
from .server import Server, shared
from .world import World

_numbers = itertools.count(1)
_lock = threading.Lock()
_TTL = 86_400  # seconds; it is gone with the server long before


@dataclass(frozen=True, slots=True)
class Ran:
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
        self._sandbox: dict[str, Any] | None = None
        self._env: dict[str, str] = {}

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
        """While it lasts, this process's environment leads its clients into the world; then it is as it was.

        The environment is the whole process's: what other threads do meanwhile is led there too. One world after the other
        is at the same port, so that a client that outlives a test is led on into the next one's.
        """
        if self._sandbox is None:
            self._open_where_others_were()
        given = self.env
        before = {name: os.environ.get(name) for name in given}
        os.environ.update(given)
        try:
            with _opener_forgotten():
                yield self.world
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value

    def _open_where_others_were(self) -> None:
        try:
            self._open(self.server.port)
        except ControlError as error:
            if error.kind != "port":
                raise
            self._open()  # another thread's clients are there now
        assert self._sandbox is not None
        if self.server.port is None:
            self.server.port = int(self._sandbox["http"].rpartition(":")[2])

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
        started = [
            sys.executable,
            "-m",
            "childproof",
            "run",
            "--server",
            self.server.address,
            "--world",
            self.world.name,
        ]
        started += [
            "--token-file",
            str(self.server.token_file),
            "--report",
            "none",
            "--",
            *(os.fspath(word) for word in command),
        ]
        done = subprocess.run(  # noqa: S603 (running a command is what it is for)
            started, input=input, stdin=subprocess.DEVNULL if input is None else None, cwd=cwd,
            env={**environ, **(env or {})}, capture_output=True, text=True, timeout=timeout, check=False,
        )  # fmt: skip
        calls = chosen(self.world.all_calls()[before:])
        return Ran(done.returncode, done.stdout, done.stderr, calls)

    def close(self) -> None:
        """Close its listener and throw its world away."""
        if not self.server.alive:
            return
        with contextlib.suppress(ControlError):  # the test may have deleted it
            if self._sandbox is not None:
                self.server.client.delete_sandbox(self._sandbox["id"])
            self.world.delete()


@contextlib.contextmanager
def _opener_forgotten() -> Iterator[None]:
    """Have urllib read the environment again: its `urlopen` keeps the proxies of its first call, or that there are none."""
    import urllib.request  # noqa: PLC0415 (imported by most who get here)

    before = getattr(urllib.request, "_opener", None)
    urllib.request.install_opener(None)
    try:
        yield
    finally:
        urllib.request.install_opener(before)


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
                if wanted.rules is not None:
                    client.put_rules(wanted.rules, etag="*", world=name)
            except ControlError as error:
                with contextlib.suppress(ControlError):
                    client.delete(name)
                raise UnfitError(f"no such world can be made: {error}") from None
            server.bases[wanted] = name
        return server.bases[wanted]


class UnfitError(ChildproofError):
    """What was asked of a world doesn't fit: its rules, its file, its clock."""
