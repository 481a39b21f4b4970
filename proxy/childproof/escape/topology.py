"""The topologies: how childproof stands between a client and the sinkhole, and how a client's session is run there.

    python -m childproof.escape.topology NAME USER FOLDER

runs one session in FOLDER, in the namespace that `outside` made; the attempts' answers are the last line of its output.
A topology more is an entry more in TOPOLOGIES: the attempts' endings follow from its manner.
"""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

import childproof

from .attempts.meaning import CANARY, LIMIT, PLACEHOLDER
from .container import ENGINE_DEFAULTS
from .pod import APP, CHILDPROOF, CONFIG, ETC, PUBLISHED, STATE, STORE, Pod
from .sinkhole import CREDENTIAL, HOST
from .table import Manner

VARIABLE = "ESCAPE_CREDENTIAL"  # where the proxy has it from

RULES = f"""
version: 1
include: [default.yaml]
rules:
  - name: limited
    match: {{host: limited.reached.example, path: /public/**}}
    limit: {{calls: {LIMIT}, per: 1h}}
    allow: {{addresses: [{HOST}/32]}}
  - name: echo
    match: {{host: echo.reached.example, path: /public/**}}
    allow:
      addresses: [{HOST}/32]
      secrets: [{{placeholder: {PLACEHOLDER}, header: authorization, plain_http: true, from: {{env: {VARIABLE}}}}}]
  - name: reached
    match: {{host: "*.reached.example", method: [GET, HEAD], path: /public/**}}
    allow: {{addresses: [{HOST}/32]}}
  - name: public
    match: {{host: "*.allowed.example", method: [GET, HEAD], path: /public/**}}
    allow: {{}}
  - name: judged
    match: {{host: x.allowed.example, method: POST, path: /judged/**}}
    when: call.json.amount < 10
    allow: {{}}
"""
# What no call may carry out, whoever it goes to.
SETTINGS = f"canaries: [{{name: escape, value: {CANARY}}}]\n"
DB, RULE_FILE, STATE_FOLDER, SETTINGS_FILE = "box.db", "rules.yaml", "state", "childproof.yaml"
POD_DB = f"volume/{STORE}"


USERS = ("root", "ordinary")


class Topology(msgspec.Struct, frozen=True):
    """One way to stand in between: `run` makes all attempts of a session as a user in a folder, and gives its exit code.

    The session is that user's already, unless it `needs_root` to be set up. `db` is where its ledger is, in the folder.
    """

    name: str
    manner: Manner
    about: str
    run: Callable[[Path, str], int]
    users: tuple[str, ...] = USERS
    needs_root: bool = False
    db: str = DB


def _given(folder: Path, **more: Any) -> dict[str, Any]:
    return {
        "folder": str(folder),
        "db": str(folder / DB),
        "rules": str(folder / RULE_FILE),
        "state": str(folder / STATE_FOLDER / "childproof"),
        "package": str(Path(childproof.__file__).parent),
        "pid_namespace": str(Path("/proc/self/ns/pid").readlink()),
        **more,
    }


def _client(manner: Manner, given: Mapping[str, Any]) -> list[str]:
    return [sys.executable, "-m", "childproof.escape.inside", manner, json.dumps(given)]


def _sealed(folder: Path, user: str) -> int:
    del user
    command = [*CHILDPROOF, "run", "--db", DB, "--rules", RULE_FILE, "--report", "none", "--"]
    with _unix_sockets(str(folder / "agent.sock"), f"\0{folder}"):  # one with a path, one without
        return subprocess.run([*command, *_client(Manner.DIRECT, _given(folder))], cwd=folder, check=False).returncode  # noqa: S603


def _explicit(folder: Path, user: str) -> int:
    del user
    command = [*CHILDPROOF, "serve", "--db", DB, "--rules", RULE_FILE, "--report", "none"]
    command += ["--http", "127.0.0.1:0", "--socks", "127.0.0.1:0"]
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True) as proxy:  # noqa: S603
        ports: dict[str, tuple[str, int]] = {}
        assert proxy.stderr is not None
        for line in proxy.stderr:
            if found := re.search(r"(http|socks)5? +(127\.0\.0\.1):(\d+)", line):
                ports[found[1]] = (found[2], int(found[3]))
            if "ready" in line:
                break
        # What it says from here on must go somewhere, or it would stop at a full pipe.
        threading.Thread(target=lambda: sys.stderr.write(proxy.stderr.read() if proxy.stderr else "")).start()
        try:
            client = _client(Manner.PROXIED, _given(folder, **ports))
            environ = {name: value for name, value in os.environ.items() if name != VARIABLE}
            return subprocess.run(client, cwd=folder, env=environ, check=False).returncode  # noqa: S603
        finally:
            proxy.send_signal(signal.SIGTERM)


def _pod(folder: Path, user: str) -> int:
    return _in_a_pod(folder, Manner.SHARED, **({} if user == "root" else {"uid": 1000, "gid": 1000}))


def _capable(folder: Path, user: str) -> int:
    del user
    return _in_a_pod(folder, Manner.CAPABLE, capabilities=ENGINE_DEFAULTS, no_new_privileges=False)


def _in_a_pod(folder: Path, manner: Manner, **manifest: Any) -> int:
    """The order of a manifest: init step, sidecar, app."""
    pod = Pod.prepare(folder, rules=RULES, config=CONFIG + SETTINGS, environ={VARIABLE: CREDENTIAL})
    pod.settings()
    done = pod.init()
    sys.stderr.write(done.stderr)
    if done.returncode:
        return done.returncode
    given = {
        "folder": APP,
        "db": f"{STATE}/{STORE}",
        "rules": f"{ETC}/rules.yaml",
        "state": f"{STATE}/state",
        "published": PUBLISHED,
    }
    with pod.serving(), _unix_sockets(str(folder / "agent.sock")):
        code = (
            pod.app(**manifest).run(_client(manner, {**_given(folder), **given}), stdout=None, stderr=None).returncode
        )
    sys.stderr.write(pod.said())
    return code


TOPOLOGIES = {
    topology.name: topology
    for topology in (
        Topology("sealed", Manner.DIRECT, "`childproof run`: the client in a network of its own", _sealed),
        Topology("explicit", Manner.PROXIED, "`childproof serve`: the client asks a proxy port", _explicit),
        Topology(
            "pod",
            Manner.SHARED,
            "`childproof init`, then `childproof serve` as a sidecar: the client is another container of the pod, without capabilities",
            _pod,
            needs_root=True,
            db=POD_DB,
        ),
        Topology(
            "pod-defaults",
            Manner.CAPABLE,
            "the same, the client's container with the capabilities that engines give where a manifest takes none",
            _capable,
            users=("root",),
            needs_root=True,
            db=POD_DB,
        ),
    )
}


@contextlib.contextmanager
def _unix_sockets(*names: str) -> Iterator[None]:
    """Servers outside that tell everybody who gets to them."""
    servers = []
    for name in names:
        server = socket.socket(socket.AF_UNIX)
        server.bind(name)
        server.listen()
        servers.append(server)
        threading.Thread(target=_tell, args=(server,), daemon=True).start()
    try:
        yield
    finally:
        for server in servers:
            server.close()


def _tell(server: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            client, _ = server.accept()
            with client:
                client.sendall(b"the way out")


def main(name: str, user: str, folder: Path) -> int:
    """Run a session; its exit code."""
    os.environ["XDG_STATE_HOME"] = str(folder / STATE_FOLDER)
    os.environ[VARIABLE] = CREDENTIAL
    (folder / SETTINGS_FILE).write_text(SETTINGS, encoding="utf-8")
    (folder / "place").mkdir(exist_ok=True)
    (folder / RULE_FILE).write_text(RULES, encoding="utf-8")
    return TOPOLOGIES[name].run(folder, user)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
