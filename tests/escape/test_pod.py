"""The pod that attempts are made in: what its containers have, and what becomes possible with more."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from childproof.escape.container import CHOWN, ENGINE_DEFAULTS, NET_BIND_SERVICE, Container, Mount
from tests.escape.beside import beside_the_sinkhole

pytestmark = [
    pytest.mark.sealed,
    pytest.mark.skipif(os.getuid() != 0, reason="only root can make the users and containers of a pod"),
]
LOOK = """
import json, os, sys
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
def can(act):
    try:
        act()
        return True
    except OSError:
        return False
print(json.dumps({
    "ids": [os.getuid(), os.getgid(), os.getgroups()],
    "sets": {name: int(status[f"Cap{name}"], 16) for name in ("Inh", "Prm", "Eff", "Bnd", "Amb")},
    "no_new_privileges": status["NoNewPrivs"],
    "processes": [name for name in os.listdir("/proc") if name.isdigit()],
    "host": os.uname().nodename,
    "here": os.listdir("."),
    "seen": [path for path in sys.argv[1:] if os.path.exists(path)],
    "can": {
        "change what it is given": can(lambda: open("given/file", "a")),
        "write to its root": can(lambda: open("/file", "w")),
        "write to /tmp": can(lambda: open("/tmp/file", "w")),
        "change the kernel's settings": can(lambda: open("/proc/sys/net/ipv4/ip_forward", "r+")),
        "reach the machine's virtual sockets": can(lambda: __import__("socket").socket(40, 1)),
    },
}))
"""
BECOME = """
import os, socket, sys
os.setuid(15001)
for place in sys.argv[1:]:
    with socket.socket() as sock:
        sock.settimeout(0.3)
        print(sock.connect_ex((place, 90)))
"""
# The redirection without a proxy behind it, and a container of each kind that wants to be the proxy's user.
WITH_MORE = f"""
import sys
from pathlib import Path
from childproof.escape.container import ENGINE_DEFAULTS
from childproof.escape.pod import Pod
pod = Pod.prepare(Path.cwd(), rules="version: 1")
assert pod.init().returncode == 0
for place, manifest in (
    ("203.0.113.91", {{}}),
    ("203.0.113.92", {{"uid": 1000, "gid": 1000}}),
    ("203.0.113.93", {{"capabilities": ENGINE_DEFAULTS, "no_new_privileges": False}}),
):
    done = pod.app(**manifest).run([sys.executable, "-c", {BECOME!r}, place])
    print(place, done.stdout.strip() or done.stderr.strip().splitlines()[-1])
"""


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("given")
    (folder / "file").write_text("given")
    return folder


def look(container: Container, *paths: str) -> dict:
    done = container.run([sys.executable, "-c", LOOK, *paths])
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_container_has_what_its_manifest_says_and_nothing_of_the_machine(given: Path) -> None:
    """Root without a capability sees its own processes, its own mounts, and no file of the machine's but programs."""
    app = Container("app", groups=(7,), mounts=(Mount(given, "/app/given"),), directory="/app")
    seen = look(app, str(given), "/var", "/root/.ssh", "/etc/shadow", "/etc/passwd")
    assert seen["ids"] == [0, 0, [7]]
    assert set(seen["sets"].values()) == {0}
    assert seen["no_new_privileges"] == "1"
    assert seen["processes"] == ["1"]
    assert (seen["host"], seen["here"], seen["seen"]) == ("app", ["given"], ["/etc/passwd"])
    assert [what for what, could in seen["can"].items() if could] == ["write to /tmp"]


def test_a_containers_users_have_the_capabilities_that_it_gives_them() -> None:
    """Root has all that bound it, another user those that are ambient."""
    root = look(Container("app", capabilities=ENGINE_DEFAULTS, no_new_privileges=False))
    every = sum(1 << number for number in ENGINE_DEFAULTS)
    assert root["sets"] == {"Inh": 0, "Prm": every, "Eff": every, "Bnd": every, "Amb": 0}
    assert root["no_new_privileges"] == "0"
    bound = frozenset({CHOWN, NET_BIND_SERVICE})
    user = look(Container("app", uid=1000, gid=1000, capabilities=bound, ambient=frozenset({NET_BIND_SERVICE})))
    one, both = 1 << NET_BIND_SERVICE, 1 << NET_BIND_SERVICE | 1 << CHOWN
    assert user["ids"] == [1000, 1000, []]
    assert user["sets"] == {"Inh": one, "Prm": one, "Eff": one, "Bnd": both, "Amb": one}


def test_a_container_that_can_not_be_made_is_an_error_and_leaves_nothing(given: Path) -> None:
    """The kernel's reason is on standard error; what runs next is in the caller's own process namespace."""
    missing = Container("app", mounts=(Mount(given / "nothing", "/app/given"),))
    with pytest.raises(OSError, match="the container app can't be made"):
        missing.run(["true"])
    pid = subprocess.run(["sh", "-c", "echo $$"], capture_output=True, text=True, check=True).stdout
    assert int(pid) > 1


def test_who_may_become_the_proxys_user_leaves(tmp_path: Path) -> None:
    """What CAP_SETUID opens, and why manifests drop it: without it nobody becomes that user, whatever user it is."""
    tmp_path.chmod(0o755)
    seen = beside_the_sinkhole(tmp_path, "privileged", sys.executable, "-c", WITH_MORE)
    assert seen.frames == ["TCP 203.0.113.93:90"], seen.err
    assert "203.0.113.91 PermissionError" in seen.out
    assert "203.0.113.92 PermissionError" in seen.out
