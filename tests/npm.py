"""Packages from npm, for the clients and documents that only npm has: installed once into a cache, without their scripts."""

import fcntl
import os
import shutil
import subprocess
from pathlib import Path


class NoNpm(Exception):
    """A package can't be had here; the message is the reason, for a skip."""


def package(name: str, version: str) -> Path:
    """The folder of an installed package of exactly this version; its dependencies lie beside it. Raises NoNpm.

    The cache is `$XDG_CACHE_HOME/childproof-npm`. Several processes may ask at once: one installs, the others wait.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise NoNpm("npm is not installed")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "childproof-npm"
    folder = cache / f"{name.replace('/', '-').lstrip('@')}-{version}"
    folder.mkdir(parents=True, exist_ok=True)
    done = folder / ".done"
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            options = ("--no-audit", "--no-fund", "--ignore-scripts", "--no-save", "--loglevel=error")
            command = [npm, "install", "--prefix", str(folder), *options, f"{name}@{version}"]
            try:
                made = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
            except subprocess.TimeoutExpired:
                raise NoNpm(f"npm took more than five minutes for {name}@{version}") from None
            if made.returncode:
                last = (made.stderr.strip() or made.stdout.strip()).splitlines()[-1:]
                raise NoNpm(f"npm can't install {name}@{version}: {' '.join(last)}")
            done.touch()
    return folder / "node_modules" / name
