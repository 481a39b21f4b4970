"""One `childproof serve` per test process, a child of it, which everything goes to over its control socket.

A process of its own, since proxy, TLS and stubs would share the interpreter's lock, event loop and trust with what is tested,
and their imports would cost every test run a second. It has a folder of its own: nothing of the machine's state is touched.
"""

import atexit
import contextlib
import os
import secrets
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from childproof.client import ControlError
from childproof.errors import ChildproofError

from .link import Link, ServerFailedError, UnfitError, ended, last

if TYPE_CHECKING:
    from childproof.control.messages_sandboxes import MadeSandbox

    from .options import Options

START = 60.0  # seconds, on a machine that does much else
_END = 5.0
_LONGEST = 70  # characters of a folder, below which ours, the socket and what stands beside it have room
_CONFIG = """\
stop: {grace: 0s}
"""


class Server:
    """A running server. `client` asks it; `stubs` are folders besides the shipped stubs. `close` ends it."""

    def __init__(self, stubs: Sequence[Path] = ()) -> None:
        self.folder = _short_folder()
        self.address = f"unix:{self.folder / 'control.sock'}"
        self.token = secrets.token_urlsafe(32)
        self._errors = self.folder / "stderr"
        self._pid = os.getpid()
        config = self.folder / "childproof.yaml"
        config.write_text(_CONFIG)
        command = [
            sys.executable,
            "-m",
            "childproof.testing.child",
            str(self.folder),
            "serve",
            "--config",
            str(config),
            "--control",
            self.address,
            "--db",
            str(self.folder / "worlds.db"),
        ]
        command += ["--http", "127.0.0.1:0", "--report", "none"]
        command += [word for folder in stubs for word in ("--stubs", str(folder))]
        with self._errors.open("wb") as errors:
            self.process = subprocess.Popen(  # noqa: S603 (our own program)
                command, stdin=subprocess.PIPE, stdout=errors, stderr=errors, cwd=self.folder, env=self._environment()
            )  # fmt: skip
        self.client = Link(self.address, token=self.token, process=self.process, said=self.said)
        self.own_rules: str | None = None  # those of worlds that have none: the given stubs, then as without them
        self.bases: dict[Options, str] = {}  # what worlds are forked from, by their kind
        self.port: int | None = None  # where this process's own clients are led, test after test
        self._bundles: tuple[str, str] | None = None
        try:
            self._await_ready()
            if stubs:
                self._check_stubs()
        except BaseException:
            self.close()
            raise

    @property
    def alive(self) -> bool:
        """Whether it is there and this process's: a fork of the process that started it has none."""
        return self._pid == os.getpid() and self.process.poll() is None

    def said(self) -> str:
        """What it wrote to its output and standard error."""
        try:
            return self._errors.read_text(errors="replace").strip()
        except OSError:
            return ""

    def environment(self, sandbox: "MadeSandbox") -> dict[str, str]:
        """The variables of a sandbox that was made, with the certificates in files of this server's folder."""
        if self._bundles is None:
            from childproof.sandbox.trust.trust import Bundles, system_roots  # noqa: PLC0415 (where somebody needs them)

            bundles = Bundles.build(sandbox.ca.encode(), system_roots())
            bare, merged = self.folder / "ca.pem", self.folder / "bundle.pem"
            bare.write_bytes(bundles.bare)
            merged.write_bytes(bundles.merged)
            self._bundles = str(bare), str(merged)
        return sandbox.variables(*self._bundles)

    def close(self) -> None:
        """End it, and wait until it is gone. Its folder goes with it."""
        if self._pid != os.getpid():
            return
        self.client.close()
        with contextlib.suppress(OSError):
            if self.process.stdin is not None:
                self.process.stdin.close()
        self.process.terminate()
        try:
            self.process.wait(_END)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _environment(self) -> dict[str, str]:
        """Ours, without what configures childproof, or leads its own connections through a proxy."""
        environ = {name: value for name, value in os.environ.items() if not name.startswith("CHILDPROOF_")}
        return {**environ, "CHILDPROOF_CONTROL_TOKEN": self.token, "CHILDPROOF_STATE": str(self.folder)}

    def _check_stubs(self) -> None:
        """Load the stubs that were given: their author wants to hear of it now, not as a denial of the first call."""
        wrong, rules = [], []
        for stub in self.client.stubs():
            if stub.origin == "folder":
                rules.append({"name": f"own-{stub.name}", "match": {"host": stub.hosts}, "stub": stub.name})
                try:
                    self.client.coverage(stub.name)
                except ControlError as error:
                    wrong.append(f"the stub {stub.name} can't be used: {error}")
        if wrong:
            raise UnfitError("\n".join(wrong))
        rules.append({"include": "default.yaml"})
        self.own_rules = msgspec.json.encode(
            {"version": 1, "default": "deny", "rules": rules}
        ).decode()  # which is YAML

    def _await_ready(self) -> None:
        end = time.monotonic() + START
        while True:
            if self.process.poll() is not None:
                how = ended(self.process.returncode)
                raise ServerFailedError(f"childproof's server ended at its start, {how}:\n{last(self.said())}")
            try:
                self.client.ready()
            except ServerFailedError:
                continue
            except ControlError as error:
                if error.status not in (0, 503) or time.monotonic() > end:
                    raise ServerFailedError(f"childproof's server isn't ready: {error}\n{last(self.said())}") from None
                time.sleep(0.01)
            else:
                return


def _short_folder() -> Path:
    """A folder of our own (0700): the temporary one, or /tmp where a socket's path (108 bytes) would be too long there."""
    folder = tempfile.gettempdir()
    return Path(tempfile.mkdtemp(prefix="childproof-", dir=folder if len(folder) <= _LONGEST else "/tmp"))  # noqa: S108 (mkdtemp's)


_Key = tuple[tuple[Path, ...], tuple[int, int]]
_servers: dict[_Key, Server] = {}
_failed: dict[_Key, ChildproofError] = {}  # what didn't start for one test doesn't for the next
_lock = threading.Lock()


def shared(stubs: Sequence[str | Path] = ()) -> Server:
    """This process's server with these stubs as they are now, started by the first who asks.

    Raises ServerFailedError, UnfitError for a stub with faults.
    """
    folders = tuple(Path(folder).absolute() for folder in stubs)
    key = folders, _stamp(folders)
    with _lock:
        server = _servers.get(key)
        if server is None or not server.alive:
            if not _servers:
                atexit.register(close_all)
            if key in _failed:
                raise type(_failed[key])(str(_failed[key]))
            if server is not None:
                server.close()
            try:
                server = _servers[key] = Server(folders)
            except ChildproofError as error:
                _failed[key] = error
                raise
        return server


def _stamp(folders: Sequence[Path]) -> tuple[int, int]:
    """How many files there are, and when the last was written: in a notebook, stubs are edited between two worlds."""
    files = [path.stat() for folder in folders for path in folder.rglob("*") if path.suffix != ".pyc"]
    return len(files), max((one.st_mtime_ns for one in files if not stat.S_ISDIR(one.st_mode)), default=0)


def close_all() -> None:
    """End this process's servers."""
    with _lock:
        servers = list(_servers.values())
        _servers.clear()
    for server in servers:
        server.close()
