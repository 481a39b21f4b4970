"""podman with a storage of its own: it builds the Dockerfile and runs what came of it, without a daemon.

It runs in a mount namespace of its own, without the second hierarchy of cgroups that some machines mount beside the first: crun
takes one or the other. Containers join a network namespace that stays when they go, as those of a pod do.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "childproof-image"
BASE = "localhost/python:3.13-slim-trixie"
# What `docker run` would be told, too (docs/image.md); the limits are those that this machine grants.
HARDENED = ("--read-only", "--read-only-tmpfs=false", "--cap-drop=ALL", "--security-opt=no-new-privileges")
_HERE = ("--cgroups=disabled", "--no-healthcheck", "--ulimit=nofile=4096:4096", "--ulimit=nproc=1024:1024")
_ALONE = "umount /sys/fs/cgroup/unified 2>/dev/null; ip link set lo up; echo ready; exec sleep infinity"


class Refused(Exception):
    """This machine can't do it; the message is the reason."""


@dataclass(frozen=True)
class Engine:
    """podman in the namespaces of `holder`, a process that keeps them."""

    holder: int

    @property
    def network(self) -> str:
        """The pod's network namespace, as `podman run` takes it."""
        return f"--network=ns:/proc/{self.holder}/ns/net"

    def podman(self, *arguments: str, check: bool = True, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        """Run a podman command; its output is in the assertion's message where it fails."""
        storage = ("--root", str(CACHE / "storage"), "--runroot", str(CACHE / "run"), "--log-level=error")
        done = subprocess.run(
            ["nsenter", "--mount", "--target", str(self.holder), "podman", *storage, *arguments],
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert done.returncode == 0 or not check, f"podman {' '.join(arguments)}\n{done.stdout}{done.stderr}"
        return done

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a container in the pod's network, hardened; options first, then image and command."""
        return self.podman("run", *HARDENED, *_HERE, self.network, *arguments, check=check, timeout=60)

    def in_network(self, *command: str) -> None:
        """Run a command of this machine's in the pod's network namespace."""
        subprocess.run(["nsenter", "--net", "--target", str(self.holder), *command], check=True, timeout=20)


@contextlib.contextmanager
def engine() -> Iterator[Engine]:
    """The engine, in whose storage prepare.sh has put the stand-in for the Dockerfile's FROM. Raises Refused."""
    missing = [command for command in ("podman", "crun", "ip", "nsenter") if not shutil.which(command)]
    if missing or os.geteuid() != 0 or not (CACHE / "storage").exists():
        raise Refused("nothing to build on, or not root; as root: bash tests/image/prepare.sh")
    unshared = ["unshare", "--mount", "--net", "--propagation=private", "sh", "-c", _ALONE]
    with subprocess.Popen(unshared, stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout is not None
            if holder.stdout.readline() != "ready\n":
                raise Refused("no mount and network namespaces here")
            made = Engine(holder.pid)
            if made.podman("image", "exists", BASE, check=False).returncode:
                raise Refused(f"no {BASE} to build on; as root: bash tests/image/prepare.sh")
            yield made
        finally:
            holder.kill()


def build(podman: Engine, secrets: Path) -> str:
    """Build the Dockerfile with this machine's way to the package index; the image's name, which is of its sources.

    Whoever comes second waits for the first, and takes what that one has built.
    """
    tag = f"localhost/childproof-test:{_sources()}"
    with (CACHE / "build.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if podman.podman("image", "exists", tag, check=False).returncode:
            older = podman.podman("images", "--quiet", "localhost/childproof-test").stdout.split()
            if older:
                podman.podman("rmi", "--force", *set(older), check=False)
            arguments = ("VERSION=" + _version(), "REVISION=0123abc", "CREATED=2026-01-05T09:00:00Z")
            podman.podman(
                *("build", "--isolation=chroot", "--network=host", "--format=docker", "--layers=false", "--pull=never"),
                *(f"--build-arg={one}" for one in arguments),
                *_secrets(secrets),
                *("--tag", tag, "--file", str(ROOT / "Dockerfile"), str(ROOT)),
            )
    return tag


def _version() -> str:
    text = (ROOT / "proxy" / "childproof" / "__init__.py").read_text(encoding="utf-8")
    return text.split('__version__ = "')[1].split('"')[0]


def _sources() -> str:
    """A digest of what .dockerignore lets through, and of the Dockerfile."""
    digest = hashlib.sha256()
    named = [line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line[:1] == "!"]
    for top in ("Dockerfile", ".dockerignore", *named):
        path = ROOT / top
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in files:
            if file.is_file() and file.suffix != ".pyc":
                digest.update(f"{file.relative_to(ROOT)}\0".encode())
                digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:16]


def _secrets(folder: Path) -> list[str]:
    """The build's secrets: how this machine reaches the package index."""
    lines = ["[global]", "timeout = 180"]
    index = os.environ.get("PIP_INDEX_URL")
    if index:
        lines.append(f"index-url = {index}")
    bundles = [os.environ.get("PIP_CERT"), os.environ.get("SSL_CERT_FILE"), "/etc/ssl/certs/ca-certificates.crt"]
    bundle = next((Path(one) for one in bundles if one and Path(one).is_file()), None)
    options = []
    if bundle is not None:
        lines.append("cert = /run/secrets/ca.pem")
        shutil.copy(bundle, folder / "ca.pem")
        options.append(f"--secret=id=ca.pem,src={folder / 'ca.pem'}")
    (folder / "pip.conf").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return [f"--secret=id=pip.conf,src={folder / 'pip.conf'}", *options]


def config_of(podman: Engine, image: str) -> dict[str, Any]:
    """What the image says of itself: user, entry point, ports, labels, health check."""
    [inspected] = json.loads(podman.podman("image", "inspect", image).stdout)
    return {"Healthcheck": inspected.get("Healthcheck"), **inspected["Config"]}


def main() -> None:
    """Build the image before the tests do, so that their time isn't the build's: python3 -m tests.image.engine."""
    try:
        with engine() as podman, tempfile.TemporaryDirectory() as secrets:
            sys.stdout.write(build(podman, Path(secrets)) + "\n")
    except Refused as reason:
        sys.exit(str(reason))


if __name__ == "__main__":
    main()
