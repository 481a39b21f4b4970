"""Packages from npm, for the clients and documents that only npm has: installed once into a cache, without their scripts."""

import fcntl
import os
import shutil
import subprocess
import time
from pathlib import Path

_NOT_AGAIN = 600  # seconds


class NoNpm(Exception):
    """A package can't be had here; the message is the reason, for a skip."""


def package(name: str, version: str) -> Path:
    """The folder of an installed package of exactly this version; its dependencies lie beside it. Raises NoNpm.

    The cache is `$XDG_CACHE_HOME/childproof-npm`. Several processes may ask at once: one installs, the others wait. What
    couldn't be installed is not tried again for some minutes: npm takes more than one to find that there is no network.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise NoNpm("npm is not installed")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "childproof-npm"
    folder = cache / f"{name.replace('/', '-').lstrip('@')}-{version}"
    folder.mkdir(parents=True, exist_ok=True)
    done, refused = folder / ".done", folder / ".refused"
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists() and refused.exists() and time.time() - refused.stat().st_mtime < _NOT_AGAIN:
            raise NoNpm(refused.read_text())
        if not done.exists():
            options = (
                "--no-audit",
                "--no-fund",
                "--ignore-scripts",
                "--no-save",
                "--loglevel=error",
                "--fetch-retries=1",
            )
            command = [npm, "install", "--prefix", str(folder), *options, f"{name}@{version}"]
            try:
                made = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
            except subprocess.TimeoutExpired:
                raise NoNpm(f"npm took more than five minutes for {name}@{version}") from None
            if made.returncode:
                said = (made.stderr.strip() or made.stdout.strip()).splitlines()
                refused.write_text(f"npm can't install {name}@{version}: {_reason(said)}")
                raise NoNpm(refused.read_text())
            done.touch()
    return folder / "node_modules" / name


def _reason(said: list[str]) -> str:
    """Of what npm says the first line that isn't a code; the last is only where its own log lies."""
    lines = [line.removeprefix("npm error ").removeprefix("npm ERR! ") for line in said]
    telling = [line for line in lines if line.strip() and not line.startswith(("code ", "errno ", "syscall "))]
    return (telling or lines or ["without a word"])[0]
