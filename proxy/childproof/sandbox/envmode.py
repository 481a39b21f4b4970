"""`--mode env`: a command that is *asked* to use childproof, by variables. Not sealed: it may ignore them.

For machines that can't seal. Clients that read no proxy variable, and anything that opens a socket of its own, go
straight to the real network.
"""

import asyncio
import contextlib
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from .init import NOT_EXECUTABLE, NOT_FOUND
from .trust import trust

_LOOPBACK = "localhost,127.0.0.0/8,127.0.0.1,::1"
_FORWARDED = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)


def proxy_environment(env: Mapping[str, str], proxy: str, *, bare: Path, merged: Path) -> dict[str, str]:
    """`env` with proxy and CA variables.

    `proxy` is where our HTTP CONNECT port listens (`host:port`), `bare` a file with our certificate, `merged` one with
    the machine's roots and ours. Loopback is exempt, nothing else.
    """
    return {**env, **trust.variables(str(bare), str(merged)), **proxy_variables(f"http://{proxy}")}


def proxy_variables(url: str) -> dict[str, str]:
    """What tells clients of a proxy, in both cases, since some read the one and some the other."""
    proxies = {"HTTP_PROXY": url, "HTTPS_PROXY": url, "ALL_PROXY": url, "NO_PROXY": _LOOPBACK}
    return {**proxies, **{name.lower(): value for name, value in proxies.items()}, "NODE_USE_ENV_PROXY": "1"}


async def run_with_environment(
    command: Sequence[str], environ: Mapping[str, str], *, proxy: str, ca_cert: Path, cwd: Path
) -> int:
    """Run a command with variables set, NOT sealed; its exit code (128 + n for signal n, 127 not found, 126 no program).

    Signals that this process gets are passed on. Ctrl-C reaches the command by itself, as it shares our process
    group, and this process waits it out.
    """
    with tempfile.TemporaryDirectory(prefix="childproof-") as folder:
        bare, merged = _write_bundles(ca_cert, Path(folder))
        env = proxy_environment(environ, proxy, bare=bare, merged=merged)
        try:
            process = subprocess.Popen(list(command), env=env, cwd=cwd)  # noqa: ASYNC220, S603
        except FileNotFoundError:
            return _refuse(command[0], "command not found", NOT_FOUND)
        except OSError as error:
            return _refuse(command[0], (error.strerror or str(error)).lower(), NOT_EXECUTABLE)
        return await _wait(process)


async def _wait(process: subprocess.Popen[bytes]) -> int:
    def forward(number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, lambda: None)
    for number in _FORWARDED:
        loop.add_signal_handler(number, forward, number)
    try:
        code = await loop.run_in_executor(None, process.wait)
    finally:
        for number in (signal.SIGINT, *_FORWARDED):
            loop.remove_signal_handler(number)
        if process.poll() is None:
            process.kill()
    return code if code >= 0 else 128 - code


def _write_bundles(ca_cert: Path, folder: Path) -> tuple[Path, Path]:
    bundles = trust.Bundles.build(ca_cert.read_bytes(), trust.system_roots())
    bare, merged = folder / "ca.pem", folder / "bundle.pem"
    bare.write_bytes(bundles.bare)
    merged.write_bytes(bundles.merged)
    return bare, merged


def _refuse(name: str, message: str, code: int) -> int:
    sys.stderr.write(f"childproof: {name}: {message}\n")
    return code
