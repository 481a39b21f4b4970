"""`--mode env`: a command that is *asked* to use childproof, by variables. Not sealed: it may ignore them.

For machines that can't seal. Clients that read no proxy variable, and anything that opens a socket of its own, go
straight to the real network.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from . import trust
from .init import NOT_EXECUTABLE, NOT_FOUND

NOT_SEALED = "not sealed: only clients that honour proxy variables come through childproof"

_LOOPBACK = "localhost,127.0.0.0/8,127.0.0.1,::1"
_FORWARDED = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)


@dataclass(frozen=True, slots=True)
class ProxyAddresses:
    """Where our explicit ports listen: `http` is an HTTP CONNECT proxy's URL, `socks` a SOCKS5 proxy's, if there is one."""

    http: str
    socks: str = ""


def environment(env: Mapping[str, str], proxy: ProxyAddresses, *, bare: Path, merged: Path) -> dict[str, str]:
    """`env` with proxy and CA variables. `bare` holds our certificate, `merged` the machine's roots and ours."""
    everything = proxy.socks or proxy.http
    proxies = {"HTTP_PROXY": proxy.http, "HTTPS_PROXY": proxy.http, "ALL_PROXY": everything, "NO_PROXY": _LOOPBACK}
    both = {**proxies, **{name.lower(): value for name, value in proxies.items()}}
    return {**env, **trust.variables(str(bare), str(merged)), **both, "NODE_USE_ENV_PROXY": "1"}


def write_bundles(ca_cert: Path, folder: Path) -> tuple[Path, Path]:
    """Write the bare certificate and the merged bundle into `folder`; their paths."""
    bundles = trust.Bundles.build(ca_cert.read_bytes(), trust.system_roots())
    bare, merged = folder / "ca.pem", folder / "bundle.pem"
    bare.write_bytes(bundles.bare)
    merged.write_bytes(bundles.merged)
    return bare, merged


class EnvCommand:
    """A command with variables set, watched like a sealed one: signals pass through, the exit code is its own."""

    def __init__(self, command: tuple[str, ...], env: Mapping[str, str], cwd: str) -> None:
        self._command = command
        self._env = dict(env)
        self._cwd = cwd
        self._process: subprocess.Popen[bytes] | None = None

    async def finished(self) -> int:
        """Start the command and wait for its end; its exit code (128 + n for signal n, 127 not found, 126 not executable).

        Ctrl-C reaches the command by itself, as it shares our process group; this process waits it out.
        """
        loop = asyncio.get_running_loop()
        try:
            self._process = subprocess.Popen(self._command, env=self._env, cwd=self._cwd)  # noqa: ASYNC220, S603
        except FileNotFoundError:
            print(f"childproof: {self._command[0]}: command not found", file=sys.stderr)  # noqa: T201
            return NOT_FOUND
        except OSError as error:
            print(f"childproof: {self._command[0]}: {(error.strerror or '').lower()}", file=sys.stderr)  # noqa: T201
            return NOT_EXECUTABLE
        loop.add_signal_handler(signal.SIGINT, lambda: None)
        for number in _FORWARDED:
            loop.add_signal_handler(number, self.signal, number)
        try:
            code = await loop.run_in_executor(None, self._process.wait)
        finally:
            for number in (signal.SIGINT, *_FORWARDED):
                loop.remove_signal_handler(number)
        return code if code >= 0 else 128 - code

    def signal(self, number: int) -> None:
        """Send the command a signal."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    def kill(self) -> None:
        """End the command at once."""
        if self._process is not None and self._process.poll() is None:
            os.kill(self._process.pid, signal.SIGKILL)
            self._process.wait()
