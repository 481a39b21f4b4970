"""A pod without Kubernetes: containers that share this network namespace, in the order that a manifest gives them.

First the init step, `childproof init` with NET_ADMIN, which ends; then the sidecar, `childproof serve` as a user of its own
without any capability; then the app. Each has its own mounts, processes, IPC and host name. Folders stand for volumes:

| folder | in the sidecar | in the app |
|---|---|---|
| `config` | /etc/childproof, read-only | not there |
| `volume` | /var/lib/childproof | not there |
| `ca` | /run/childproof/ca | the same, read-only |
| `app` | not there | /app |
"""

import contextlib
import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from childproof.errors import ChildproofError
from childproof.sandbox.fence.redirection import DNS_PORT, PROXY_UID, TCP_PORT

from .container import NET_ADMIN, Container, Mount

CHILDPROOF = (sys.executable, "-c", "from childproof.cli.entry import main; main()")
ETC, STATE, PUBLISHED, APP = "/etc/childproof", "/var/lib/childproof", "/run/childproof/ca", "/app"
STORE = "box.db"
HEALTH, METRICS = 15021, 15090
_SETTINGS = {
    "ipv4/ping_group_range": "0 2147483647",
    "ipv4/ip_unprivileged_port_start": "0",
    "ipv4/ip_forward": "1",
    "ipv6/conf/all/forwarding": "1",
}
_PATIENCE = 40  # seconds that the slowest machine may take until the proxy is ready

CONFIG = f"""
rules: [rules.yaml]
state: {STATE}/state
store: {STATE}/{STORE}
listen:
  - {{world: main, transparent: "localhost:{TCP_PORT}", dns: "localhost:{DNS_PORT}"}}
health: "0.0.0.0:{HEALTH}"
metrics: "0.0.0.0:{METRICS}"
ca: {{publish: {PUBLISHED}}}
"""


@dataclass
class Pod:
    """The volumes of a pod below `folder`, and its containers. `environ` is the sidecar's."""

    folder: Path
    environ: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def prepare(
        cls, folder: Path, *, rules: str, config: str = CONFIG, environ: Mapping[str, str] | None = None
    ) -> "Pod":
        """Make the volumes, with these two files as the ConfigMap has them."""
        for name, owner in (("config", 0), ("volume", PROXY_UID), ("ca", PROXY_UID), ("app", 0)):
            (folder / name).mkdir()
            os.chown(folder / name, owner, owner)
        (folder / "app").chmod(0o777)
        (folder / "config" / "childproof.yaml").write_text(config, encoding="utf-8")
        (folder / "config" / "rules.yaml").write_text(rules, encoding="utf-8")
        return cls(folder, environ or {})

    @staticmethod
    def settings() -> None:
        """The network namespace's settings as nodes and container runtimes have them: more open than a fresh one's."""
        for name, value in _SETTINGS.items():
            with contextlib.suppress(OSError):
                Path("/proc/sys/net", name).write_text(value)

    @property
    def store(self) -> Path:
        """The ledger's file."""
        return self.folder / "volume" / STORE

    def init(
        self, *options: str, capabilities: frozenset[int] = frozenset({NET_ADMIN})
    ) -> subprocess.CompletedProcess[str]:
        """The init step; the app must not start where its exit code isn't 0."""
        step = Container("init", capabilities=capabilities)
        return step.run([*CHILDPROOF, "init", *options])

    def sidecar(self) -> Container:
        """The proxy's container, as the shipped manifest has it."""
        return Container(
            "childproof",
            uid=PROXY_UID,
            gid=PROXY_UID,
            mounts=(
                Mount(self.folder / "config", ETC),
                Mount(self.folder / "volume", STATE, read_only=False),
                Mount(self.folder / "ca", PUBLISHED, read_only=False),
            ),
            environ=self.environ,
            directory=STATE,
        )

    def app(self, **manifest: Any) -> Container:
        """The workload's container: root without a capability, where `manifest` (fields of Container) says nothing."""
        mounts = (Mount(self.folder / "ca", PUBLISHED), Mount(self.folder / "app", APP, read_only=False))
        return Container(**{"name": "app", "mounts": mounts, "directory": APP, **manifest})

    def start(self, *options: str, said: Path | None = None) -> subprocess.Popen[str]:
        """Start the proxy, and wait for nothing; what it says goes to a file."""
        with (said or self.folder / "said.txt").open("a") as out:
            command = [*CHILDPROOF, "serve", "--config", f"{ETC}/childproof.yaml", *options]
            return self.sidecar().start(command, stdout=out, stderr=out)

    @contextlib.contextmanager
    def serving(self) -> Iterator[subprocess.Popen[str]]:
        """The proxy while it is ready; ended as a kubelet ends it. Raises ChildproofError where it doesn't get ready."""
        with self.start() as proxy:
            try:
                wait_until_ready(proxy, self.folder / "said.txt")
                yield proxy
            finally:
                proxy.send_signal(signal.SIGTERM)

    def said(self) -> str:
        """What the proxy printed."""
        return (self.folder / "said.txt").read_text(encoding="utf-8")


def ready() -> bool:
    """Ask the readiness probe."""
    connection = http.client.HTTPConnection("127.0.0.1", HEALTH, timeout=1)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def wait_until_ready(proxy: subprocess.Popen[str], said: Path) -> None:
    """As a startup probe does. Raises ChildproofError, with what the proxy said, where it ended or takes too long."""
    give_up = time.monotonic() + _PATIENCE
    while not ready():
        if proxy.poll() is not None or time.monotonic() > give_up:
            raise ChildproofError(f"the proxy is not ready: {said.read_text(encoding='utf-8').strip()[-1000:]}")
        time.sleep(0.01)
